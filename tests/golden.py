"""The deterministic numbers that golden values are computed from: a hash of (name, index), the same in any language.

The values in the tests were obtained from other people's code fed with these numbers, never from ours.
"""

import math
import zlib

import numpy as np
from numpy.typing import NDArray


def golden_values(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Uniform values of mean 0 and variance 1, float32 `shape`: entry n (C order) hashes n and crc32 of `name`."""
    modulus = np.uint64(0xFFFFFFFF)

    def multiplied(values: NDArray[np.uint64], factor: int) -> NDArray[np.uint64]:
        return (values * np.uint64(factor)) & modulus  # both factors are below 2**32: no overflow in 64 bits

    index = np.arange(math.prod(shape), dtype=np.uint64) & modulus
    hashed = (multiplied(index, 2654435761) + np.uint64(zlib.crc32(name.encode()))) & modulus
    hashed ^= hashed >> np.uint64(16)
    hashed = multiplied(hashed, 2246822519)
    hashed ^= hashed >> np.uint64(13)
    hashed = multiplied(hashed, 3266489917)
    hashed ^= hashed >> np.uint64(16)
    uniform = hashed.astype(np.float64) / 2.0**32
    return ((uniform - 0.5) * 2.0 * math.sqrt(3.0)).astype(np.float32).reshape(shape)


def golden_parameter(key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """What a float tensor of a state dict is filled with, by its official `key`.

    Running variances and one-dimensional weights lie around 1, everything else around 0, as in a trained network.
    """
    values = golden_values(key, shape)
    around_one = key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1)
    if around_one:
        return (1.0 + 0.1 * values.astype(np.float64)).astype(np.float32)
    return (0.02 * values.astype(np.float64)).astype(np.float32)
