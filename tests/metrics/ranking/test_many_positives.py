"""Ranking where queries have many positives: the same ranks as a stable sort of exact distances, in every way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from passerby.errors import EvaluationError
from passerby.metrics.distances.distance import Distances
from passerby.metrics.ranking import feature_ranking, screened_counts, window_counts
from passerby.metrics.ranking.feature_ranking import rank
from tests.metrics.ranking import oracle as slow
from tests.metrics.ranking.test_feature_ranking import assert_same, problems

COLUMNS = ("average_precision", "inverse_negative_penalty", "first_match", "match_ranks", "tied", "valid")


@settings(max_examples=150, deadline=None)
@given(
    problem=problems(),
    metric=st.sampled_from(["cosine", "euclidean"]),
    query_block=st.integers(1, 6),
    gallery_block=st.integers(1, 16),
    many=st.booleans(),
    crowded=st.booleans(),
    bins=st.sampled_from([1, 3, 50]),
)
def test_every_way_agrees_with_the_obvious_way_in_every_small_case(
    problem, metric, query_block, gallery_block, many, crowded, bins
):
    expected = slow.oracle(*problem, metric=metric)
    if all(first is None for first in expected.first_match):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_ranking, "_MANY_POSITIVES", 0 if many else 10**9)
        patch.setattr(feature_ranking, "_CROWDED", -1 if crowded else 2)
        patch.setattr(window_counts, "_FEW_VALUES", 1)
        patch.setattr(window_counts, "_BINS", (bins, bins))
        patch.setattr(screened_counts, "_MANY_CONTESTED", 2)
        patch.setattr(screened_counts, "_WAITING", 5)
        result = rank(*problem, metric=metric, query_block=query_block, gallery_block=gallery_block)
    assert_same(result, expected)


def drawn(positives, *, copies, cameras, shift=0.0):
    """A gallery of people with about so many images each, some of them copies, and junk."""
    generator = np.random.default_rng(positives)
    people = max(2, 1200 // positives)
    centres = generator.standard_normal((people, 32))
    labels = [generator.integers(0, people, 25), generator.integers(-1, people, 1200)]
    query, gallery = (centres[each] + 3 * generator.standard_normal((each.size, 32)) + shift for each in labels)
    if copies:
        gallery[600:] = gallery[generator.integers(0, 40, 600)]
        query[:5] = gallery[:5]
    views = [generator.integers(0, 3, each.size) for each in labels] if cameras else [None, None]
    return np.float32(query), np.float32(gallery), *labels, *views


def obvious_ranks(problem, metric):
    """The ranks of each query's positives, and whether a negative is as far as one, from sorted exact distances."""
    query, gallery, qid, gid, qcam, gcam = problem
    distances = Distances(query, gallery, metric)
    ranks, tied = [], []
    for row in range(len(query)):
        line = distances.exact(row, np.arange(len(gallery)))
        kept = gid != -1
        if qcam is not None:
            kept &= (gid != qid[row]) | (gcam != qcam[row])
        order = np.flatnonzero(kept)[np.argsort(line[kept], kind="stable")]
        hits = gid[order] == qid[row]
        ranks.append(np.flatnonzero(hits) + 1)
        tied.append(bool(np.isin(line[order][hits], line[order][~hits]).any()))
    return np.concatenate(ranks), tied


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("cameras", [True, False])
@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("positives", [8, 90, 600])
def test_ranks_are_those_of_a_stable_sort(positives, copies, cameras, metric):
    problem = drawn(positives, copies=copies, cameras=cameras)
    ranks, tied = obvious_ranks(problem, metric)
    for blocks in ({}, {"query_block": 7, "gallery_block": 100}, {"gallery_block": 1199}):
        result = rank(*problem, metric=metric, **blocks)
        np.testing.assert_array_equal(result.match_ranks, ranks)
        assert result.tied.tolist() == tied
        assert result.tied_queries == sum(tied) == result.to_dict()["tied_queries"]
    assert any(tied) or not copies


@pytest.mark.parametrize("positives", [8, 300])
@pytest.mark.parametrize("shift", [0.0, 50.0])
def test_threads_and_ways_never_change_the_result(positives, shift, monkeypatch):
    problem = drawn(positives, copies=True, cameras=True, shift=shift)
    reference = rank(*problem)
    for threads in (1, 2):
        for many in (0, 10**9):
            monkeypatch.setattr(feature_ranking, "_MANY_POSITIVES", many)
            monkeypatch.setattr(feature_ranking, "_CROWDED", threads - 1.5)  # in double precision, then in single
            with threadpool_limits(threads):
                result = rank(*problem)
            for name in COLUMNS:
                np.testing.assert_array_equal(getattr(result, name), getattr(reference, name), err_msg=name)


def test_constant_features_with_many_positives_are_ranked_in_gallery_order():
    identities = np.tile(np.arange(5), 400)
    result = rank(np.ones((2, 8)), np.ones((2000, 8)), np.array([0, 3]), identities)
    np.testing.assert_array_equal(
        result.match_ranks, np.concatenate([np.arange(0, 2000, 5) + 1 + each for each in (0, 3)])
    )
    assert result.tied.all()


def test_an_unknown_order_of_ties_is_refused():
    with pytest.raises(EvaluationError, match="ties 'random' is not known"):
        rank(np.eye(2), np.eye(2), [0, 1], [0, 1], ties="random")
