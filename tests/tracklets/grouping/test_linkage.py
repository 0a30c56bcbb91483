import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import DataError
from passerby.report.denoising.page import cut_components
from passerby.tracklets.correlation import denoise
from passerby.tracklets.grouping import linkage
from passerby.tracklets.grouping.components import guarded_components, split
from passerby.tracklets.grouping.linkage import partition
from passerby.tracklets.grouping.links import band_links, closure, in_first_order, join, minimum_forest
from passerby.tracklets.grouping.overlap import Spans, conflicts, overlapping
from passerby.tracklets.levels.single_video import merge
from passerby.tracklets.options import DenoisingOptions
from tests.tracklets import naive
from tests.tracklets.grouping.test_links import centroids


def chain(count, step=0.3):
    """Points on a circle, each near only to the ones beside it."""
    angles = step * np.arange(count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def linked(rows, sigma=0.18):
    return join(list(band_links(rows, sigma, len(rows))))


def spans_of(intervals, video=None):
    first, last = np.array(intervals).T
    count = len(intervals)
    return Spans(np.arange(count), np.zeros(count, int) if video is None else np.array(video), first, last)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 12), st.integers(0, 4)), max_size=14))
def test_overlaps_against_all_pairs(rows):
    part, video, first, length = np.array(rows, np.int64).reshape(-1, 4).T
    spans = Spans(part, video, first, first + length)
    expected = set()
    for i in range(part.size):
        for j in range(part.size):
            meet = video[i] == video[j] and spans.first[j] <= spans.last[i] and spans.first[i] <= spans.last[j]
            if part[i] < part[j] and meet:
                expected.add((int(part[i]), int(part[j])))
    group = np.array([0, 0, 1, 1, 2, 2])
    assert overlapping(spans, group).tolist() == sorted({int(group[a]) for a, b in expected if group[a] == group[b]})
    parts = np.arange(6)
    order = np.argsort(part, kind="stable")
    found = conflicts(Spans(*(column[order] for column in spans)), parts)
    assert set(zip(*(side.tolist() for side in found), strict=True)) == expected


def constrained_closure(rows, sigma, apart):
    """Kruskal with a list of sets."""
    pairs = sorted(
        (naive.centroid_distance(rows[i], rows[j]), i, j) for i in range(len(rows)) for j in range(i + 1, len(rows))
    )
    sets = [{i} for i in range(len(rows))]
    for distance, i, j in pairs:
        one, other = (next(group for group in sets if end in group) for end in (i, j))
        if distance <= sigma and one is not other and not any({a, b} <= one | other for a, b in apart):
            sets.remove(other)
            one |= other
    label = {member: min(group) for group in sets for member in group}
    names = {}
    return [names.setdefault(label[i], len(names)) for i in range(len(rows))]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    intervals=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), min_size=14, max_size=14),
    name=st.sampled_from(["closure", "average", "mutual"]),
)
def test_nobody_is_in_one_video_twice_at_once(seed, intervals, name):
    rows = centroids(seed, 14, groups=3, noise=0.4)
    spans = spans_of([(first, first + length) for first, length in intervals])
    options = DenoisingOptions(linkage=name, sigma_discrimination=0.3, exclusive=True)
    labels = partition(linked(rows, 0.3), rows, spans, options)
    apart = [
        (i, j)
        for i in range(14)
        for j in range(i + 1, 14)
        if spans.first[j] <= spans.last[i] and spans.first[i] <= spans.last[j]
    ]
    assert not any(labels[i] == labels[j] for i, j in apart)
    if name == "closure":
        assert labels.tolist() == constrained_closure(rows, 0.3, apart)
    free = partition(linked(rows, 0.3), rows, None, options)
    assert all(free[i] == free[j] for i in range(14) for j in range(14) if labels[i] == labels[j]) or name == "average"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), search=st.sampled_from(["range", "neighbours"]), half_width=st.integers(1, 3))
def test_inside_of_a_video_the_range_of_level_3_does_not_matter(seed, search, half_width):
    generator = np.random.default_rng(seed)
    rows = centroids(seed, 10, groups=2, noise=0.4)
    first = generator.integers(0, 30, 10)
    frames = np.stack([first, first + 3], axis=1)
    order = np.lexsort((np.arange(10), first))
    apart = [(i, j) for i in range(10) for j in range(i + 1, 10) if first[order[j]] - first[order[i]] <= 3]
    found = denoise(
        np.repeat(rows, 2, axis=0),
        np.repeat(np.arange(10), 2),
        np.zeros(20, int),
        frames=frames.ravel(),
        levels=(1, 2),
        exclusive=True,
        sigma_discrimination=0.3,
        half_width=half_width,
        search=search,
        measure_noise=False,
    )
    assert found.tracklets[::2][order].tolist() == constrained_closure(rows[order], 0.3, apart)


def test_average_linkage_keeps_two_of_a_large_group_apart():
    angle = np.repeat([0.0, 0.6], 800)
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    labels = linkage._average(rows, (np.array([0]), np.array([800])), 1.9)
    assert labels[0] != labels[800]
    assert len(set(labels.tolist())) == 2


def test_overlaps_are_found_in_frames_of_nanoseconds():
    videos = 20_000
    start = np.random.default_rng(0).integers(0, 86_400 * 10**9, videos)
    first = np.stack([start, start + 10], axis=1).ravel()
    spans = Spans(np.arange(2 * videos), np.repeat(np.arange(videos), 2), first, first + 1000)
    assert overlapping(spans, np.repeat(np.arange(videos), 2)).size == videos


def test_closure_chains_and_average_does_not():
    rows = chain(12)
    links = linked(rows)
    assert closure(links, 12).tolist() == [0] * 12
    labels = partition(links, rows, None, DenoisingOptions(linkage="average"))
    assert len(set(labels.tolist())) > 2
    for label in set(labels.tolist()):
        inside = rows[labels == label].astype(float)
        assert (1 - inside @ inside.T).mean() <= 0.18


def test_average_linkage_against_merging_by_hand():
    generator = np.random.default_rng(1)
    rows = naive.unit(np.eye(5)[0] * 2 + generator.standard_normal((9, 5))).astype(np.float32)
    distances = np.array([[naive.centroid_distance(a, b) for b in rows] for a in rows])
    groups = [[i] for i in range(9)]
    while len(groups) > 1:
        best = min(
            (distances[np.ix_(a, b)].mean(), i, j) for i, a in enumerate(groups) for j, b in enumerate(groups) if i < j
        )
        if best[0] > 0.25:
            break
        groups[best[1]] += groups.pop(best[2])
    labels = linkage._average(rows, None, 0.25)
    assert {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())} == {
        frozenset(group) for group in groups
    }
    assert 1 < len(groups) < 9


def test_a_component_beyond_the_bound_is_refused_split_or_kept():
    rows = chain(30)
    links = linked(rows)
    with pytest.raises(DataError, match=r"would join 30 of 30 tracklets to one identity, more than 8"):
        guarded_components(links, 30, DenoisingOptions(max_component=8))
    groups, sizes = guarded_components(links, 30, DenoisingOptions(max_component=8, oversize="split"))
    assert np.bincount(groups).max() <= 8
    assert sizes.largest == 30
    assert len(set(guarded_components(links, 30, DenoisingOptions(max_component=8, oversize="keep"))[0].tolist())) == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), limit=st.integers(2, 12))
def test_splitting_cuts_the_longest_links_first(seed, limit):
    rows = centroids(seed, 30, groups=2, noise=0.5)
    forest = minimum_forest(linked(rows, 0.5))
    groups = closure(forest, 30)
    found = split(forest, groups, np.bincount(groups) > limit, limit)

    def cut(members):
        """Top down: take away the longest link until parts are small enough."""
        if len(members) <= limit:
            return [members]
        inside = [
            (d, i, j) for i, j, d in zip(*(c.tolist() for c in forest), strict=True) if i in members and j in members
        ]
        inside.remove(max(inside))
        labels = naive.components([(i, j) for _, i, j in inside], 30)
        parts = [{m for m in members if labels[m] == label} for label in {labels[m] for m in members}]
        # links above this one were taken away before, in other parts
        return [piece for part in parts for piece in cut(part)]

    expected = [frozenset(p) for g in range(groups.max() + 1) for p in cut(set(np.flatnonzero(groups == g).tolist()))]
    assert {frozenset(np.flatnonzero(found == label).tolist()) for label in range(found.max() + 1)} == set(expected)


def test_large_components_are_split_before_distances_are_formed(monkeypatch):
    monkeypatch.setattr(linkage, "LARGEST_DENSE", 5)
    rows = chain(20, 0.3 + 0.001 * np.arange(20))  # no two links are equally long
    links = linked(rows)
    labels = partition(links, rows, None, DenoisingOptions(linkage="average"))
    parts = split(minimum_forest(links), closure(links, 20), np.array([True]), 5)
    expected = np.zeros(20, int)
    for part in range(parts.max() + 1):
        members = np.flatnonzero(parts == part)
        inside = linkage._average(rows[members], None, 0.18) if members.size > 2 else np.zeros(members.size, int)
        expected[members] = 20 * part + inside
    assert in_first_order(expected).tolist() == labels.tolist()
    monkeypatch.undo()
    assert partition(links, rows, None, DenoisingOptions(linkage="average")).tolist() != labels.tolist()


@pytest.mark.parametrize("name", ["closure", "mutual"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_links_of_a_video_are_reduced_as_they_come(monkeypatch, name, exclusive):
    rows = centroids(5, 700, groups=30, noise=0.3)
    first = np.random.default_rng(5).integers(0, 3000, 700)
    spans = spans_of(np.stack([first, first + 4], axis=1)) if exclusive else None
    options = DenoisingOptions(linkage=name, neighbours=3, sigma_discrimination=0.2)
    expected = partition(linked(rows, 0.2), rows, spans, options)
    monkeypatch.setattr(linkage, "_PENDING", 50)
    most = []
    reduce = linkage.reduced
    monkeypatch.setattr(
        linkage, "reduced", lambda links, chosen: (most.append(links.first.size), reduce(links, chosen))[1]
    )
    found = merge(rows.astype(float), np.ones(700, int), spans, options)
    assert found.tolist() == expected.tolist()
    assert len(most) > 2
    assert max(most) < linked(rows, 0.2).first.size


def test_components_that_are_cut_whatever_was_asked_for_are_counted(monkeypatch):
    alike, tracklets = np.ones((12, 3), np.float32), np.arange(12)
    videos = np.array([0, 0, *range(1, 11)])
    choices = {"frames": np.zeros(12, int), "oversize": "keep", "measure_noise": False}
    assert denoise(alike, tracklets, videos, exclusive=True, **choices).cut == 0
    monkeypatch.setattr(linkage, "LARGEST_DENSE", 5)
    assert denoise(alike, tracklets, videos, **choices).cut == 0
    found = denoise(alike, tracklets, videos, exclusive=True, **choices)
    assert found.cut == 1
    assert "1 component was cut to parts of" in cut_components(found)
    assert denoise(alike, tracklets, videos, linkage="average", **choices).cut == 1


def test_constraints_reach_both_levels():
    alike = np.ones((6, 3), np.float32)
    tracklets, frames = [0, 0, 1, 1, 0, 0], [0, 1, 1, 2, 0, 1]
    videos = [0, 0, 0, 0, 1, 1]
    free = denoise(alike, tracklets, videos, frames=frames)
    assert set(free.identities.tolist()) == {0}
    apart = denoise(alike, tracklets, videos, frames=frames, exclusive=True)
    assert apart.identities[0] != apart.identities[2]
    assert len(set(apart.identities.tolist())) == 2
