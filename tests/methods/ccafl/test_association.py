"""Association, held against the algorithm as it is told in words, and what a person decided about links."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.methods.ccafl.association import nearest_pairs as ccafl_nearest_pairs
from passerby.methods.ccafl.association.associate import Association, associate
from passerby.methods.ccafl.association.statistics import association_statistics

Pairs = list[tuple[int, int]]


def distances_of(features: NDArray[Any], cameras: NDArray[Any]) -> NDArray[np.float32]:
    """Squared distances between directions, as they are measured camera pair by camera pair: floats are alike."""
    vectors = features.astype(np.float32)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.full((len(vectors), len(vectors)), np.inf, dtype=np.float32)
    for one, other in combinations(np.unique(cameras), 2):
        rows, others = np.flatnonzero(cameras == one), np.flatnonzero(cameras == other)
        block = np.maximum(2 - 2 * (vectors[rows] @ vectors[others].T), 0)
        found[np.ix_(rows, others)] = block
        found[np.ix_(others, rows)] = block.T
    return found


def naive(features: NDArray[Any], cameras: NDArray[Any], rate: float, guard: bool, must: Pairs, cannot: Pairs) -> Pairs:
    """One pair after the other; components are looked for anew each time."""
    distances, count = distances_of(features, cameras), len(cameras)
    decided = {tuple(sorted(pair)) for pair in [*must, *cannot]}
    pairs = [
        pair for pair in combinations(range(count), 2) if cameras[pair[0]] != cameras[pair[1]] and pair not in decided
    ]
    pairs.sort(key=lambda pair: (distances[pair], *pair))
    links: Pairs = [tuple(sorted(pair)) for pair in must]  # type: ignore[misc]
    for i, j in pairs[: int(np.floor(rate * count))]:
        taken = any(
            (i in link and cameras[sum(link) - i] == cameras[j]) or (j in link and cameras[sum(link) - j] == cameras[i])
            for link in links
        )
        if taken:
            continue
        before, after = naive_labels(links, count), naive_labels([*links, (i, j)], count)
        parted = any(after[a] == after[b] != -1 for a, b in cannot)
        groups = [{k for k in range(count) if k == end or before[k] == before[end] != -1} for end in (i, j)]
        seen_by = [{cameras[k] for k in group} for group in groups]
        if not parted and not (guard and groups[0] != groups[1] and seen_by[0] & seen_by[1]):
            links.append((i, j))
    return links


def naive_labels(links: Pairs, count: int) -> NDArray[np.int64]:
    """Flood every component from its first member."""
    labels, found = np.full(count, -1), 0
    for start in range(count):
        if labels[start] >= 0:
            continue
        reached = {start}
        while grown := {end for link in links if reached & set(link) for end in link} - reached:
            reached |= grown
        if len(reached) > 1:
            labels[list(reached)] = found
            found += 1
    return labels


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """A few classes, directions of a coarse grid among them so that distances tie, and decisions that agree."""
    count = draw(st.integers(2, 14))
    cameras = np.array(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    coarse = draw(st.booleans())
    features = generator.integers(1, 4, (count, 3)) if coarse else generator.normal(size=(count, 3))
    pairs = [(a, b) for a, b in combinations(range(count), 2) if cameras[a] != cameras[b]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    cut = draw(st.integers(0, len(chosen)))
    labels = naive_labels(chosen[:cut], count)
    cannot = [(a, b) for a, b in chosen[cut:] if not labels[a] == labels[b] != -1]
    rate = draw(st.sampled_from([0.0, 0.3, 1.0, 1.7, 100.0]))
    guard = draw(st.booleans())
    return {"features": features, "cameras": cameras, "rate": rate, "guard": guard, "must": chosen[:cut],
            "cannot": cannot}  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(problems())
def test_links_are_those_of_the_algorithm_in_words(problem: dict[str, Any]) -> None:
    found = associate(
        problem["features"],
        problem["cameras"],
        problem["rate"],
        one_class_per_camera=problem["guard"],
        must_link=problem["must"],
        cannot_link=problem["cannot"],
    )
    expected = naive(**problem)
    assert [tuple(link) for link in found.links.tolist()] == expected
    assert found.labels.tolist() == naive_labels(expected, len(problem["cameras"])).tolist()
    assert found.decided.sum() == len(problem["must"])
    check_invariants(found, problem)


def check_invariants(found: Association, problem: dict[str, Any]) -> None:
    """At most one link of a class to each camera; no two in one cluster who cannot be linked."""
    cameras, free = problem["cameras"], found.links[~found.decided]
    ends = np.concatenate([free, free[:, ::-1]])
    towards = list(zip(ends[:, 0].tolist(), cameras[ends[:, 1]].tolist(), strict=True))
    assert len(set(towards)) == len(towards)
    assert all(not found.labels[a] == found.labels[b] != -1 for a, b in problem["cannot"])
    if problem["guard"] and not problem["must"]:
        assert found.clusters_with_duplicate_cameras == 0
    distances = distances_of(problem["features"], cameras)
    for (i, j), margin in zip(found.links.tolist(), found.margins.tolist(), strict=True):
        others = [k for k in range(len(cameras)) if (cameras[k] == cameras[j]) and k != j]
        rivals = [distances[i, k] for k in others]
        rivals += [distances[j, k] for k in range(len(cameras)) if cameras[k] == cameras[i] and k != i]
        assert margin == pytest.approx(min([4.0, *rivals]) - distances[i, j], abs=1e-5)


def test_many_classes_give_what_a_full_sort_gives() -> None:
    """Enough pairs that only the shortest of each pair of cameras are kept on the way."""
    generator = np.random.default_rng(3)
    cameras = generator.integers(0, 5, 160)
    features = generator.normal(size=(160, 8)) + 3 * generator.normal(size=(40, 8))[generator.integers(0, 40, 160)]
    for rate in (0.5, 1.7):
        found = associate(features, cameras, rate)
        assert [tuple(link) for link in found.links.tolist()] == naive(features, cameras, rate, False, [], [])
    pairs = ccafl_nearest_pairs.nearest_pairs(np.eye(4, dtype=np.float32), np.arange(4), 3, np.array([[1, 0], [2, 3]]))
    assert pairs.pairs.tolist() == [[0, 2], [0, 3], [1, 2]], "equally far: in the order of their numbers"


def test_edges() -> None:
    features, cameras = np.eye(4), np.array([0, 0, 1, 1])
    assert associate(features, np.zeros(4, int), 3).unassociated == 4, "one camera"
    assert len(associate(features, cameras, 0.24).links) == 0
    assert len(associate(features, cameras, 0.25).links) == 1, "floor(0.25 * 4) pairs are gone through"
    assert len(associate(features, cameras, 1e308).links) == 2, "a rate without bounds goes through all pairs"
    assert associate(features, cameras, 0, must_link=[[3, 0]]).labels.tolist() == [0, -1, -1, 0]
    assert associate(np.empty((0, 3)), np.empty(0, int), 1).clusters == 0
    assert (
        associate(1e-3 * features + 5, cameras, 9).links.tolist()
        == associate(7 * features + 35000, cameras, 9).links.tolist()
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**30), st.sampled_from(["nearest", "mutual", "average"]))
def test_known_people_stay_apart_as_all_pairs_of_them_would(seed: int, linkage: Any) -> None:
    generator = np.random.default_rng(seed)
    cameras = np.repeat(np.arange(4), 3)
    features = generator.normal(size=(12, 2))
    persons = np.full(12, -1)
    persons[[0, 3, 6, 9]] = [5, 2, 7, 0]  # one in each camera, so that all pairs can be named
    pairs = list(combinations([0, 3, 6, 9], 2))
    found = associate(features, cameras, 2.0, linkage=linkage, persons=persons)
    expected = associate(features, cameras, 2.0, linkage=linkage, cannot_link=pairs)
    assert found.links.tolist() == expected.links.tolist()
    linked = [found.labels[each] for each in (0, 3, 6, 9) if found.labels[each] >= 0]
    assert len(set(linked)) == len(linked)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": [[1, 0], [np.nan, 1], [1, 1]]}, "of 1 of 3 classes, the first of them class 1, are not finite"),
        ({"features": [[1, 0], [0, 0], [1, 1]]}, "class 1, are not finite or zero"),
        ({"features": [1.0, 2.0, 3.0]}, r"features must be \[N, D\]"),
        ({"cameras": [0, 1]}, r"cameras whole numbers \[N\]"),
        ({"cameras": [0.0, 1.0, 2.0]}, "whole numbers"),
        ({"rate": -1}, "rate -1"),
        ({"rate": float("nan")}, "rate nan"),
        ({"must_link": [[0, 3]]}, "classes from 0 to 2"),
        ({"cameras": [0, 0, 1], "cannot_link": [[0, 1]]}, "classes 0 and 1 are of one camera"),
        (
            {"must_link": [[0, 1], [1, 2]], "cannot_link": [[0, 2]]},
            "classes 0 and 2 cannot be linked, but 0 and 1, 1 and 2 must be",
        ),
    ],
)
def test_what_cannot_be_associated_is_refused(changed: dict[str, Any], message: str) -> None:
    problem: dict[str, Any] = {"features": [[1, 0], [0, 1], [1, 1]], "cameras": [0, 1, 2], "rate": 1.0}
    with pytest.raises(EvaluationError, match=message):
        associate(**{**problem, **changed})


def linked(links: Pairs, cameras: list[int]) -> Association:
    """An association that was decided link by link."""
    return associate(np.eye(len(cameras)) + 0.1, cameras, 0, must_link=links)


def test_statistics_count_pairs_and_links() -> None:
    found = linked([(0, 2), (1, 3), (3, 4)], [0, 0, 1, 1, 2, 0])
    plain = association_statistics(found)
    assert (plain.classes, plain.links, plain.decided_links) == (6, 3, 3)
    assert (plain.clusters, plain.unassociated, plain.duplicate_camera_clusters) == (2, 1, 0)
    assert (plain.cluster_size, plain.largest_cluster, plain.pair_precision) == (2.5, 3, None)
    judged = association_statistics(found, np.array([7, 8, 7, 8, 9, 9]))
    # Clusters {0, 2}, {1, 3, 4}: four pairs, of which 0-2 and 1-3 are right; true pairs besides: 4-5.
    assert (judged.pair_precision, judged.pair_recall) == (2 / 4, 2 / 3)
    assert (judged.link_precision, judged.link_recall) == (2 / 3, 2 / 3)
    partly = association_statistics(found, np.array([7, -1, 7, 8, 9, 9]))
    assert (partly.pair_precision, partly.pair_recall, partly.link_precision) == (1 / 2, 1 / 2, 1 / 2)
    nobody = association_statistics(found, np.full(6, -1))
    assert nobody.pair_precision is None
    assert association_statistics(linked([], [0, 1]), np.array([1, 2])).pair_precision is None
    assert "precision 50.0 % recall 66.7 %" in judged.describe()
    with pytest.raises(EvaluationError, match="2 true identities, but 6 classes"):
        association_statistics(found, np.array([1, 2]))


def test_a_camera_twice_in_a_cluster_is_counted() -> None:
    found = linked([(0, 1), (1, 2), (2, 3)], [0, 1, 2, 0])
    assert found.clusters_with_duplicate_cameras == 1
    assert "1 with a camera twice" in association_statistics(found).describe()
