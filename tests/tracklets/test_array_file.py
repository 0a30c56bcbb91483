import numpy as np
import pytest

from passerby.errors import DataError
from passerby.tracklets.array_file import open_array, write_array, write_header, write_rows


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "<i8"])
@pytest.mark.parametrize("shape", [(100, 7), (100,), (100, 2, 3), (1, 5)])
def test_rows_are_those_of_the_array(tmp_path, dtype, shape):
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    read = open_array(tmp_path / "a.npy")
    assert (len(read), read.shape, read.dtype) == (len(array), array.shape, array.dtype)
    generator = np.random.default_rng(1)
    for places in (
        slice(None),
        slice(3, 9),
        slice(9, 3),
        slice(90, 1000),
        np.arange(0),
        generator.integers(0, len(array), 300),
        np.sort(generator.permutation(len(array))[:50]),
        np.zeros(4, np.int64),
    ):
        np.testing.assert_array_equal(read[places], array[places])


def test_written_in_parts_it_is_what_numpy_writes(tmp_path):
    array = np.arange(40, dtype=np.float32).reshape(8, 5)
    write_array(tmp_path / "a.npy", array.shape, array.dtype, [array[:3], array[3:3], array[3:]])
    np.save(tmp_path / "b.npy", array)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize("count", [0, 1, 50])
def test_rows_written_out_of_order_stand_at_their_places(tmp_path, count):
    array = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
    order = np.random.default_rng(1).permutation(50)
    with (tmp_path / "a.npy").open("wb") as opened:
        write_header(opened, array.shape, np.float32)
        start = opened.tell()
        opened.truncate(start + array.nbytes)
        write_rows(opened, start, order[:count], array[order[:count]])
        write_rows(opened, start, order[count:], array[order[count:]])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)


def test_a_file_cut_short_after_it_was_opened_is_an_error(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1000, 8)))
    read = open_array(tmp_path / "a.npy")
    with (tmp_path / "a.npy").open("rb+") as opened:
        opened.truncate(5000)
    assert read[slice(0, 10)].all()
    for places in (slice(0, 1000), np.array([999]), np.array([5, 3, 999])):
        with pytest.raises(DataError, match=r"a\.npy was cut short while it was read"):
            read[places]
