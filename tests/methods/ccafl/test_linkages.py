"""Mutual neighbours and average linkage of camera identities, held against their definitions and a drawn truth."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.methods.ccafl.association.associate import associate
from passerby.methods.ccafl.association.linkages import (
    average_pairs,
    centred_by_camera,
    mutual_pairs,
    stranger_distance,
)
from passerby.methods.ccafl.association.nearest_pairs import nearest_pairs
from passerby.methods.ccafl.association.statistics import association_statistics

NONE = np.empty((0, 2), np.int64)


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    count, seed = draw(st.integers(2, 14)), draw(st.integers(0, 10**6))
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 3)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, generator.integers(0, draw(st.integers(2, 4)), count)


def squared(features: NDArray[Any]) -> NDArray[np.float64]:
    return ((features[:, None].astype(np.float64) - features[None]) ** 2).sum(2)


@settings(deadline=None)
@given(problems(), st.floats(0, 4))
def test_mutual_pairs_are_each_others_nearest_of_that_camera(problem: tuple[Any, Any], largest: float) -> None:
    features, cameras = problem
    distances = squared(features)
    expected = set()
    for one, other in combinations(range(len(cameras)), 2):
        if cameras[one] == cameras[other] or distances[one, other] > largest:
            continue
        ends = ((one, other), (other, one))
        if all(distances[a, b] <= distances[a, cameras == cameras[b]].min() + 1e-12 for a, b in ends):
            expected.add((one, other))
    found = mutual_pairs(nearest_pairs(features, cameras, 0, NONE), largest)
    assert {tuple(pair) for pair in found.tolist()} == expected
    assert np.all(np.diff([distances[one, other] for one, other in found.tolist()]) >= -1e-6)


def naive_groups(features: NDArray[Any], cameras: NDArray[Any], largest: float) -> list[list[int]]:
    """Merge the two groups of least mean distance, never two that have seen one camera."""
    distances, groups = squared(features), [[number] for number in range(len(cameras))]
    while True:
        allowed = [
            (float(distances[np.ix_(one, other)].mean()), one, other)
            for one, other in combinations(groups, 2)
            if not set(cameras[one]) & set(cameras[other])
        ]
        if not allowed or min(allowed)[0] > largest:
            return sorted(sorted(group) for group in groups)
        _, one, other = min(allowed)
        groups = [group for group in groups if group not in (one, other)] + [one + other]


@settings(deadline=None)
@given(problems(), st.floats(0.01, 3.9))
def test_average_pairs_are_those_of_merging_group_by_group(problem: tuple[Any, Any], largest: float) -> None:
    features, cameras = problem
    found = average_pairs(nearest_pairs(features, cameras, 0, NONE), largest)
    expected = {pair for group in naive_groups(features, cameras, largest) for pair in combinations(group, 2)}
    assert {tuple(pair) for pair in found.tolist()} == expected


def test_strangers_are_the_second_nearest_of_a_camera() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    cameras = np.arange(40) % 4
    distances = squared(features)
    seconds = [
        np.sort(distances[one, cameras == camera])[1]
        for one in range(40)
        for camera in range(4)
        if camera != cameras[one]
    ]
    found = nearest_pairs(features, cameras, 0, NONE)
    assert stranger_distance(found, 0.1) == pytest.approx(np.quantile(seconds, 0.1), abs=1e-5)
    alone = nearest_pairs(features[:2], np.array([0, 1]), 0, NONE)
    assert stranger_distance(alone, 0.1) == 0.0


def drawn(people: int, cameras: int, noise: float, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Features, cameras and people; each person is seen by most cameras, and each camera shifts what it sees."""
    generator = np.random.default_rng(seed)
    faces, shifts = generator.normal(size=(people, 32)), 0.8 * generator.normal(size=(cameras, 32))
    seen = [(who, where) for who in range(people) for where in range(cameras) if generator.random() < 0.6]
    who, where = (np.array(column) for column in zip(*seen, strict=True))
    return faces[who] + shifts[where] + noise * generator.normal(size=(len(who), 32)), where, who


@pytest.mark.parametrize("linkage", ["mutual", "average"])
def test_calibrated_links_are_more_often_right_than_the_published_ones(linkage: Any) -> None:
    features, cameras, people = drawn(80, 6, noise=0.7)
    published = association_statistics(associate(features, cameras, 1.5), people)
    found = associate(features, cameras, 0.0, linkage=linkage, one_class_per_camera=True)
    calibrated = association_statistics(found, people)
    assert published.pair_precision is not None
    assert calibrated.pair_precision is not None
    assert calibrated.pair_precision > published.pair_precision + 0.1
    assert (calibrated.pair_recall or 0) > (published.pair_recall or 0) - 0.1


@pytest.mark.parametrize("linkage", ["mutual", "average"])
def test_decisions_of_a_person_go_before_any_linkage(linkage: Any) -> None:
    features, cameras, _ = drawn(20, 4, noise=0.5)
    plain = associate(features, cameras, 0.0, linkage=linkage)
    parted = plain.links[0]
    apart = next(
        (a, b) for a in range(40) for b in range(40) if cameras[a] < cameras[b] and [a, b] not in plain.links.tolist()
    )
    decided = associate(features, cameras, 0.0, linkage=linkage, must_link=[apart], cannot_link=[parted])
    assert decided.labels[apart[0]] == decided.labels[apart[1]] >= 0
    assert decided.labels[parted[0]] != decided.labels[parted[1]] or decided.labels[parted[0]] < 0
    assert decided.decided.tolist() == [True, *[False] * (len(decided.links) - 1)]


def test_average_linkage_never_sees_a_camera_twice() -> None:
    features, cameras, _ = drawn(60, 5, noise=2.0)
    found = associate(features, cameras, 0.0, linkage="average", stranger_share=0.5)
    assert found.clusters > 5
    assert found.clusters_with_duplicate_cameras == 0


def test_a_share_beyond_all_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"stranger_share 1.5: must be a share, from 0 to 1"):
        associate(np.eye(3), np.arange(3), 0.0, linkage="mutual", stranger_share=1.5)


def test_what_a_camera_does_to_all_it_sees_is_taken_away() -> None:
    generator = np.random.default_rng(3)
    faces, cameras = generator.normal(size=(30, 8)), np.arange(30) % 3
    directions = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    found = centred_by_camera(faces.astype(np.float32), cameras)
    means = np.stack([directions[cameras == camera].mean(0) for camera in range(3)])
    np.testing.assert_allclose(found, directions - means[cameras], atol=1e-5)


def test_what_would_have_no_direction_left_keeps_its_own() -> None:
    alone = centred_by_camera(np.eye(3, dtype=np.float32), np.array([0, 1, 1]))
    np.testing.assert_allclose(alone, [[1, 0, 0], [0, 0.5, -0.5], [0, -0.5, 0.5]])
    twins = np.array([[0, 2, 0], [0, 2, 0], [0, 0, 0]], np.float32)
    np.testing.assert_array_equal(centred_by_camera(twins, np.array([0, 0, 0]))[2], 0)
    np.testing.assert_array_equal(centred_by_camera(twins[:2], np.array([0, 0])), twins[:2])


def test_centred_features_link_more_people_that_cameras_shift() -> None:
    features, cameras, people = drawn(80, 6, noise=1.0)
    found = [
        association_statistics(associate(given, cameras, 0.0, linkage="mutual", one_class_per_camera=True), people)
        for given in (features, centred_by_camera(features.astype(np.float32), cameras))
    ]
    assert (found[1].pair_recall or 0) > (found[0].pair_recall or 0) + 0.1
