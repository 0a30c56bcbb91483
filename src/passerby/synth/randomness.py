"""Keyed random numbers, so that any part of the world can be made alone and in any order."""

from zlib import crc32

import numpy as np


def keyed_generator(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """A random generator for one thing in the world, independent of all others.

    Args:
        seed: of the world.
        name: what the numbers are for.
        numbers: which of them, not negative.
    """
    return np.random.default_rng([seed, crc32(name.encode()), *numbers])
