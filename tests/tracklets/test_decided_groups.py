"""Groups around decisions are those of average linkage carried out step by step."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.tracklets.grouping import decided, group_decided
from passerby.tracklets.grouping.links import in_first_order


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def step_by_step(features: np.ndarray, sigma: float, together: np.ndarray, apart: np.ndarray) -> set[frozenset[int]]:
    """Join the two nearest groups, on average, as long as they are near enough and nobody in them is barred."""
    rows = features.astype(np.float64)
    distances = 1 - rows @ rows.T / np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(rows, axis=1))
    known = {
        label: [int(each) for each in np.flatnonzero(together == label)] for label in set(together.tolist()) - {-1}
    }
    groups = [*known.values(), *([int(each)] for each in np.flatnonzero(together == -1))]
    while True:
        best = (np.inf, -1, -1)
        for one, other in combinations(range(len(groups)), 2):
            block = np.ix_(groups[one], groups[other])
            if not apart[block].any():
                best = min(best, (float(distances[block].mean()), one, other))
        if best[0] > sigma:
            return {frozenset(group) for group in groups}
        groups[best[1]] += groups.pop(best[2])


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


def world(count: int, seed: int, known: float, barred: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    people = generator.standard_normal((max(1, count // 3), 6))
    features = unit(people[generator.integers(len(people), size=count)] + 0.6 * generator.standard_normal((count, 6)))
    together = np.where(generator.random(count) < known, generator.integers(3, size=count), -1)
    apart = np.triu(generator.random((count, count)) < barred, 1)
    return features, together, apart | apart.T


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(1, 30),
    seed=st.integers(0, 10_000),
    sigma=st.floats(0.01, 1.2),
    known=st.sampled_from([0.0, 0.3, 1.0]),
    barred=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_groups_are_those_of_a_step_by_step_average_linkage(
    count: int, seed: int, sigma: float, known: float, barred: float
) -> None:
    features, together, apart = world(count, seed, known, barred)
    labels = group_decided(features, sigma, together=together, apart=lambda members: apart[np.ix_(members, members)])
    assert as_sets(labels) == step_by_step(features, sigma, together, apart)
    assert labels.tolist() == in_first_order(labels).tolist()


def test_the_order_of_tracklets_does_not_matter() -> None:
    features, together, apart = world(60, 4, 0.2, 0.05)
    order = np.random.default_rng(0).permutation(60)
    one = group_decided(features, 0.4, together=together, apart=lambda members: apart[np.ix_(members, members)])
    shuffled = apart[np.ix_(order, order)]
    other = group_decided(
        features[order], 0.4, together=together[order], apart=lambda members: shuffled[np.ix_(members, members)]
    )
    assert as_sets(one) == {frozenset(order[list(group)].tolist()) for group in as_sets(other)}


def test_people_known_to_be_one_stay_one_where_a_component_is_too_large_to_look_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decided, "LARGEST_DENSE", 10)
    features, together, apart = world(60, 4, 0.7, 0.0)
    labels = group_decided(features, 1.0, together=together, apart=lambda members: apart[np.ix_(members, members)])
    for label in (0, 1, 2):
        assert len(set(labels[together == label].tolist())) == 1
