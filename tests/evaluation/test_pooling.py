"""Tracklets and multi-query instead of single images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from passerby.data.split import Benchmark, Split
from passerby.errors import DataError
from passerby.evaluation.pooling import as_pooling, check_multi_query, chosen_pooling, pool_queries, pool_tracklets


def split(identities: list[int], cameras: list[int] | None, tracks: list[int] | None) -> Split:
    columns = [None if column is None else np.array(column, dtype=np.int64) for column in (identities, cameras, tracks)]
    assert columns[0] is not None
    paths = pa.array([f"{row}.jpg" for row in range(len(identities))])
    return Split(Path(), paths, columns[0], ("ann", "bob"), columns[1], ("door", "hall"), columns[2])


def test_a_tracklet_is_its_first_image_and_the_mean_of_all() -> None:
    images = split([0, 1, 0, 0], [0, 1, 0, 1], [7, 3, 7, 9])
    features = np.eye(4, dtype=np.float32)
    pooled, found = pool_tracklets(images, features, "mean")
    assert pooled.paths.to_pylist() == ["1.jpg", "0.jpg", "3.jpg"]
    assert pooled.identities.tolist() == [1, 0, 0]
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found, [[0, 1, 0, 0], [half, 0, half, 0], [0, 0, 0, 1]], atol=1e-6)
    assert pool_tracklets(images, features, "none") == (images, features)


def test_queries_of_a_person_and_camera_become_one() -> None:
    pooled, found = pool_queries(split([0, 0, 0, 1], [0, 1, 0, 0], None), np.eye(4, dtype=np.float32))
    rows = {(int(i), int(c)) for i, c in zip(pooled.identities, pooled.cameras, strict=True)}
    assert rows == {(0, 0), (0, 1), (1, 0)}
    assert len(found) == 3


def test_tracklets_are_pooled_where_the_benchmark_says_so() -> None:
    with_tracks = split([0, 1], [0, 1], [0, 1])
    benchmark = Benchmark("people", None, with_tracks, with_tracks)
    assert chosen_pooling(benchmark, None) == "none"
    assert chosen_pooling(replace(benchmark, tracklets=True), None) == "mean"
    assert chosen_pooling(replace(benchmark, tracklets=True), "none") == "none"
    assert chosen_pooling(benchmark, "attention") == "attention"
    assert as_pooling(None) is None


def test_what_the_data_lacks_is_said() -> None:
    blind = split([0, 1], None, None)
    benchmark = Benchmark("people", None, blind, blind, same_camera_rule=False)
    with pytest.raises(DataError, match="people: its query images belong to no tracklets"):
        chosen_pooling(benchmark, "max")
    with pytest.raises(DataError, match=r"people: multi-query joins .* cameras are unknown"):
        check_multi_query(benchmark)
    with pytest.raises(DataError, match="pooling 'median' is not known"):
        as_pooling("median")
