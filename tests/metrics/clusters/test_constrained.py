"""Clusters under constraints: those hold always, and without them, or where none is broken, it is DBSCAN."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from passerby.errors import EvaluationError
from passerby.metrics import constrained_dbscan, dbscan

NOBODY: dict[str, Any] = {"apart": np.empty((0, 2), np.int64), "known": np.zeros(0, np.bool_)}


def distances_of(points: Any) -> sparse.csr_array:
    whole = np.linalg.norm(points[:, None] - points[None], axis=2)
    rows, columns = np.nonzero(whole < 0.7)
    return sparse.csr_array((whole[rows, columns], (rows, columns)), shape=whole.shape)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """Points near some centres, and groups of them of which some are to stay apart."""
    count, centres = draw(st.integers(1, 40)), draw(st.integers(1, 6))
    generator = np.random.default_rng(draw(st.integers(0, 2**30)))
    points = generator.normal(0, 0.05, (count, 2)) + generator.uniform(0, 1, (centres, 2))[np.arange(count) % centres]
    groups = draw(st.integers(0, min(8, count)))
    together = np.full(count, -1)
    order = generator.permutation(count)
    together[order[:groups]] = np.arange(groups)
    more = order[groups : groups + draw(st.integers(0, 12))]
    together[more] = generator.integers(0, groups, more.size) if groups else -1
    pairs = list(combinations(range(groups), 2))
    apart = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6)) if pairs else []
    return {
        "distances": distances_of(points),
        "eps": draw(st.floats(0.02, 0.6)),
        "min_samples": draw(st.integers(1, 6)),
        "together": together,
        "apart": np.array(apart, np.int64).reshape(-1, 2),
        "known": np.array([draw(st.booleans()) for _ in range(groups)], np.bool_),
    }


@settings(max_examples=300, deadline=None)
@given(problems())
def test_constraints_hold_whatever_the_distances(problem: dict[str, Any]) -> None:
    labels, together, known = constrained_dbscan(**problem), problem["together"], problem["known"]
    of_group = [np.unique(labels[together == group]) for group in range(known.size)]
    assert all(found.size == 1 for found in of_group)
    assert all(of_group[group][0] >= 0 for group in range(known.size) if (together == group).sum() > 1), (
        "who was put together is an outlier"
    )
    pairs = [*problem["apart"].tolist(), *combinations(np.flatnonzero(known).tolist(), 2)]
    assert all(of_group[one][0] != of_group[other][0] or of_group[one][0] < 0 for one, other in pairs)
    assert np.unique(labels[labels >= 0]).tolist() == list(range(labels.max() + 1))
    plain = dbscan(problem["distances"], problem["eps"], min_samples=problem["min_samples"])
    assert not (labels[(plain >= 0) & (together < 0)] < 0).any(), "somebody free fell out of all clusters"


@settings(max_examples=150, deadline=None)
@given(problems())
def test_where_no_constraint_is_broken_it_is_dbscan(problem: dict[str, Any]) -> None:
    plain = dbscan(problem["distances"], problem["eps"], min_samples=problem["min_samples"])
    free = {**problem, "together": np.full(plain.size, -1), **NOBODY}
    np.testing.assert_array_equal(constrained_dbscan(**free), plain)
    # Groups of those that are in one cluster anyway, which are apart where these are.
    found, together = np.unique(plain[plain >= 0], return_inverse=True)
    obeyed = np.full(plain.size, -1)
    obeyed[plain >= 0] = together
    known = np.ones(found.size, np.bool_)
    np.testing.assert_array_equal(constrained_dbscan(**{**free, "together": obeyed, "known": known}), plain)


def test_a_chain_between_two_people_is_cut_where_it_is_longest() -> None:
    points = np.stack([np.array([0, 0.1, 0.2, 0.35, 0.45, 0.55]), np.zeros(6)], axis=1)
    both: dict[str, Any] = {"distances": distances_of(points), "eps": 0.2, "min_samples": 2}
    assert dbscan(**both).tolist() == [0] * 6
    together = np.array([0, -1, -1, -1, -1, 1])
    for constraint in ({**NOBODY, "apart": np.array([[0, 1]]), "known": np.zeros(2, np.bool_)},
                       {**NOBODY, "known": np.ones(2, np.bool_)}):  # fmt: skip
        assert constrained_dbscan(**both, together=together, **constraint).tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"together": np.array([0, 1])}, "each of 3 rows must have a group of 0 to 0, or -1"),
        ({"together": np.array([0, 1, -1])}, "each of 3 rows must have a group of 0 to 0, or -1"),
        ({"apart": np.array([[0, 0]])}, "pairs that stay apart must be of two groups of 0 to 0"),
        ({"eps": 0.0}, "eps must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], message: str) -> None:
    problem = {
        "distances": distances_of(np.zeros((3, 2))),
        "eps": 0.2,
        "together": np.array([0, 0, -1]),
        **NOBODY,
        "known": np.zeros(1, np.bool_),
    }
    with pytest.raises(EvaluationError, match=message):
        constrained_dbscan(**{**problem, **changed})
