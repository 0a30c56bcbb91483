import numpy as np
import pytest

from tests.golden import golden_parameter, golden_values


def test_generator_gives_the_published_numbers() -> None:
    published = [1.121604, -0.075301, 1.303425, -0.102428, -1.159165, -1.625429, 0.055276, 0.728123]
    assert golden_values("image", (8,)).dtype == np.float32
    np.testing.assert_allclose(golden_values("image", (8,)), published, atol=5e-7)


def test_generator_fills_in_c_order_and_differs_by_name() -> None:
    np.testing.assert_array_equal(golden_values("image", (2, 4)).ravel(), golden_values("image", (8,)))
    assert not np.array_equal(golden_values("image", (8,)), golden_values("images", (8,)))


def test_generator_agrees_with_plain_integer_arithmetic() -> None:
    import zlib

    def one(name: str, n: int) -> float:
        h = (n * 2654435761 + zlib.crc32(name.encode())) % 2**32
        h ^= h >> 16
        h = h * 2246822519 % 2**32
        h ^= h >> 13
        h = h * 3266489917 % 2**32
        h ^= h >> 16
        return (h / 2**32 - 0.5) * 2 * 3**0.5

    expected = np.array([one("any other name", n) for n in range(5000)], dtype=np.float32)
    np.testing.assert_array_equal(golden_values("any other name", (5000,)), expected)


@pytest.mark.parametrize(
    ("key", "shape", "centre", "spread"),
    [
        ("bn.running_var", (4,), 1.0, 0.1),
        ("bn.weight", (4,), 1.0, 0.1),
        ("bn.running_mean", (4,), 0.0, 0.02),
        ("linear.weight", (2, 2), 0.0, 0.02),
        ("linear.bias", (4,), 0.0, 0.02),
    ],
)
def test_parameters_are_filled_by_kind(key: str, shape: tuple[int, ...], centre: float, spread: float) -> None:
    expected = centre + spread * golden_values(key, shape).astype(np.float64)
    np.testing.assert_allclose(golden_parameter(key, shape), expected, rtol=1e-6)
