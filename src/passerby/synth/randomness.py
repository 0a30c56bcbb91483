"""Random numbers keyed by what they are for, so that any part of the world can be made alone, in any order."""

from zlib import crc32

import numpy as np


def keyed_generator(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A generator of its own for one thing in the world, whatever was drawn before it.

    Args:
        seed: of the world.
        name: what the numbers are for.
        numbers: which of them, not negative.
    """
    return np.random.default_rng([seed, crc32(name.encode()), *numbers])
