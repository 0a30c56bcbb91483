import numpy as np
import pytest

from passerby.metrics.distances.distance import Distances
from passerby.metrics.distances.exact_block import exact_block


def drawn(kind):
    generator = np.random.default_rng(0)
    query, gallery = (generator.standard_normal((n, 48)) for n in (30, 400))
    if kind == "grid":
        query, gallery = (generator.integers(-2, 3, (n, 4)) + 0.5 for n in (30, 400))
    elif kind == "near":
        query, gallery = query + 100, gallery + 100
    elif kind == "outliers":
        query[3], gallery[5] = query[3] * 1e6, gallery[5] * 1e6
    elif kind == "constant":
        query, gallery = np.ones((30, 3)), np.ones((1500, 3))
    gallery[100:200], query[:9] = gallery[:100], gallery[:9]
    return query.astype(np.float32), gallery.astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["normal", "grid", "near", "outliers", "constant"])
def test_every_distance_is_that_of_the_pair_alone_bit_for_bit(kind, metric):
    query, gallery = drawn(kind)
    distances = Distances(query, gallery, metric)
    rows, columns = np.arange(3, 30), np.arange(len(gallery))[::-1]
    found = exact_block(distances, distances.double_queries(rows), distances.double_candidates(columns))
    expected = np.stack([distances.exact(int(row), columns) for row in rows])
    np.testing.assert_array_equal(found, expected)


def test_few_pairs_are_summed_one_by_one(monkeypatch):
    generator = np.random.default_rng(1)
    query, gallery = (np.float32(generator.standard_normal((n, 512))) for n in (40, 1000))
    distances = Distances(query, gallery, "cosine")
    counted = []
    exact = distances.exact
    monkeypatch.setattr(distances, "exact", lambda row, rows: counted.append(rows.size) or exact(row, rows))
    exact_block(distances, distances.double_queries(np.arange(40)), distances.double_candidates(np.arange(1000)))
    assert sum(counted) < 20


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["normal", "grid", "near", "outliers", "constant"])
def test_so_is_that_of_every_pair_in_a_list(kind, metric):
    query, gallery = drawn(kind)
    distances = Distances(query, gallery, metric)
    rows, columns = np.repeat(np.arange(30), 200), np.random.default_rng(2).integers(0, len(gallery), 6000)
    expected = np.empty((30, len(gallery)), dtype=np.float32)
    for row in range(30):
        expected[row] = distances.exact(row, np.arange(len(gallery)))
    for order in (np.arange(6000), np.random.default_rng(3).permutation(6000)):
        found = distances.pairs(rows[order], columns[order])
        np.testing.assert_array_equal(found, expected[rows, columns][order])
        assert not np.signbit(found).any()


def test_few_pairs_in_a_list_are_summed_one_by_one(monkeypatch):
    generator = np.random.default_rng(1)
    query, gallery = (np.float32(generator.standard_normal((n, 512))) for n in (40, 1000))
    distances = Distances(query, gallery, "cosine")
    counted = []
    subtracted = distances._subtracted
    monkeypatch.setattr(distances, "_subtracted", lambda rows, others: counted.append(1) or subtracted(rows, others))
    distances.pairs(np.repeat(np.arange(40), 1000), np.tile(np.arange(1000), 40))
    assert len(counted) < 20
