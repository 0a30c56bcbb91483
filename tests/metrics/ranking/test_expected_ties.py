"""Expected metrics under ties, against the mean over all orders of the images that are equally far."""

from itertools import combinations, groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.metrics import rank, rank_distances, ranking_intervals
from tests.metrics.ranking import oracle as slow

MAX_RANK = 6
TIED = st.integers(0, 3).map(float)


def orders(line, hits):
    """Yield the hits down the list for every order of equally far images; only where hits stand matters."""
    listed = sorted(zip(line, hits, strict=True))
    choices = []
    for _, group in groupby(listed, key=lambda entry: entry[0]):
        members = [hit for _, hit in group]
        choices.append(
            [
                [place in chosen for place in range(len(members))]
                for chosen in combinations(range(len(members)), sum(members))
            ]
        )
    for parts in product(*choices):
        yield [hit for part in parts for hit in part]


def mean_over_orders(line, hits, ap):
    """Average precision, inverse negative penalty and CMC, each the mean over all orders."""
    found = []
    for listed in orders(line, hits):
        ranks = [place + 1 for place, hit in enumerate(listed) if hit]
        precision = slow.step(listed) if ap == "step" else slow.oxford(listed)
        found.append([float(precision), len(ranks) / ranks[-1], *(ranks[0] <= k for k in range(1, MAX_RANK + 1))])
    return np.mean(found, axis=0)


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(st.lists(TIED, min_size=9, max_size=9), min_size=1, max_size=3),
    identities=st.lists(st.integers(-1, 1), min_size=9, max_size=9).filter(lambda each: 0 in each),
    ap=st.sampled_from(["step", "trapezoid"]),
)
def test_every_metric_is_the_mean_over_all_orders(lines, identities, ap):
    distances, gid = np.array(lines), np.array(identities)
    result = rank_distances(distances, np.zeros(len(lines), int), gid, max_rank=MAX_RANK, ap=ap, ties="expected")
    kept = gid != -1
    expected = np.array([mean_over_orders(line[kept], (gid == 0)[kept], ap) for line in distances])
    np.testing.assert_allclose(result.average_precision, expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(result.inverse_negative_penalty, expected[:, 1], rtol=1e-12)
    np.testing.assert_allclose(result.cmc, expected[:, 2:].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(result.hits_at(3), expected[:, 4], atol=1e-12)
    assert result.mAP == pytest.approx(expected[:, 0].mean())
    negatives = [set(line[gid == 1]) for line in distances]
    assert result.tied.tolist() == [
        bool(set(line[gid == 0]) & far) for line, far in zip(distances, negatives, strict=True)
    ]


def test_it_does_not_depend_on_the_order_of_the_gallery():
    generator = np.random.default_rng(0)
    gid = generator.integers(0, 40, 600)
    results = []
    for _ in range(3):
        order = generator.permutation(600)
        results.append(rank(np.ones((30, 4)), np.ones((600, 4)), np.arange(30), gid[order], ties="expected"))
    assert results[0].tied_queries == 30
    for result in results[1:]:
        assert (result.mAP, result.mINP) == (results[0].mAP, results[0].mINP)
        np.testing.assert_array_equal(result.cmc, results[0].cmc)
    share = np.bincount(gid)[:30] / 600
    assert results[0].rank1 == pytest.approx(share.mean())


def test_features_and_their_distances_agree_and_without_ties_nothing_changes():
    generator = np.random.default_rng(1)
    query, gallery = (np.float32(generator.integers(-1, 2, (n, 3)) + 0.5) for n in (20, 80))
    labels = [generator.integers(0, 6, n) for n in (20, 80, 20, 80)]
    distances = ((query[:, None] - gallery) ** 2).sum(axis=2)
    found, given = (
        rank(query, gallery, *labels, metric="euclidean", ties="expected"),
        rank_distances(distances, *labels, ties="expected"),
    )
    np.testing.assert_array_equal(found.average_precision, given.average_precision)
    np.testing.assert_array_equal(found.cmc, given.cmc)
    distinct = generator.permutation(1600).reshape(20, 80).astype(float)
    plain, expected = (rank_distances(distinct, *labels, ties=ties) for ties in ("gallery", "expected"))
    assert plain.tied_queries == 0
    np.testing.assert_array_equal(plain.average_precision, expected.average_precision)
    np.testing.assert_allclose(plain.cmc, expected.cmc, rtol=1e-12)


def test_intervals_are_of_the_expected_rates():
    generator = np.random.default_rng(2)
    distances, gid = generator.integers(0, 4, (24, 60)).astype(float), np.arange(60) % 12
    result = rank_distances(distances, np.arange(24) % 12, gid, ties="expected")
    intervals = ranking_intervals(result, np.arange(24) % 12, repeats=50)
    assert intervals["rank1"].value == pytest.approx(result.rank1)
    assert intervals["mAP"].value == pytest.approx(result.mAP)
