"""Whether a query and a gallery can be ranked, found out before any image is read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from passerby.data.split import Benchmark, Split
from passerby.errors import EvaluationError
from passerby.evaluation.evaluate import check_comparable


def split(identities: list[int], cameras: list[int]) -> Split:
    paths = pa.array([f"{number}.jpg" for number in range(len(identities))])
    names = ("ann", "ben", "cid", "dee")
    return Split(Path("/data"), paths, np.array(identities), names, np.array(cameras), ("door", "hall"))


def test_people_of_one_camera_alone_get_the_remedy_for_that() -> None:
    benchmark = Benchmark("mine", None, split([0, 1], [1, 1]), split([0, 1, 2], [1, 1, 1]))
    with pytest.raises(EvaluationError, match=r"in their own: the data has 1 camera; .* leave out the cameras"):
        check_comparable(benchmark)


def test_other_people_get_the_remedy_for_that() -> None:
    benchmark = Benchmark("mine", None, split([0, 1], [0, 1]), split([2, 3], [1, 0]))
    with pytest.raises(EvaluationError, match="check the identities of the two"):
        check_comparable(benchmark)
