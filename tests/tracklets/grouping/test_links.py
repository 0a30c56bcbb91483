import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.tracklets.grouping import linkage, links
from passerby.tracklets.grouping.components import component_sizes
from passerby.tracklets.grouping.linkage import mutual_links, nearest_links
from passerby.tracklets.grouping.links import band_links, closure, join, minimum_forest
from passerby.tracklets.grouping.nearest import neighbour_links
from passerby.tracklets.levels import cross_video
from passerby.tracklets.options import DenoisingOptions
from tests.tracklets import naive
from tests.tracklets.problems import same_partition


def centroids(seed, count, width=6, groups=8, noise=0.3):
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((groups, width))
    rows = centres[generator.integers(0, groups, count)] + noise * generator.standard_normal((count, width))
    if count > 4:
        rows[count // 2] = rows[1]  # a copy: a link of length 0
    return naive.unit(rows).astype(np.float32)


def all_pairs(rows, sigma, half_width):
    return {
        (i, j)
        for i in range(len(rows))
        for j in range(i + 1, min(len(rows), i + half_width + 1))
        if naive.centroid_distance(rows[i], rows[j]) <= sigma
    }


def pairs(found):
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 60),
    half_width=st.integers(1, 70),
    sigma=st.sampled_from([0.0601, 0.1801, 0.9]),
    tile=st.sampled_from([(1, 1), (3, 5), (256, 8192)]),
)
def test_finds_the_pairs_in_range(seed, count, half_width, sigma, tile):
    rows = centroids(seed, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links, "_TILE_ROWS", tile[0])
        patch.setattr(links, "_TILE_COLUMNS", tile[1])
        found = join(list(band_links(rows, sigma, half_width)))
    assert pairs(found) == all_pairs(rows, sigma, half_width)
    assert len(pairs(found)) == found.first.size
    expected = [naive.centroid_distance(rows[i], rows[j]) for i, j in zip(found.first, found.second, strict=True)]
    assert found.distance == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), half_width=st.integers(1, 50), sigma=st.sampled_from([0.1, 0.2, 0.4]))
def test_reversing_the_order_leaves_the_partition(seed, half_width, sigma):
    rows = centroids(seed, 40)
    forward = closure(join(list(band_links(rows, sigma, half_width))), 40)
    backward = closure(join(list(band_links(rows[::-1].copy(), sigma, half_width))), 40)
    assert same_partition(forward, backward[::-1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), sigma=st.sampled_from([0.1, 0.2, 0.4]))
def test_with_the_whole_in_range_order_means_nothing(seed, sigma):
    rows = centroids(seed, 40)
    order = np.random.default_rng(seed).permutation(40)
    whole = closure(join(list(band_links(rows, sigma, 40))), 40)
    assert same_partition(whole[order], closure(join(list(band_links(rows[order], sigma, 39))), 40))
    expected = naive.components(sorted(all_pairs(rows, sigma, 40)), 40)
    assert whole.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(["closure", "mutual"]), block=st.sampled_from([1, 7, 64]))
def test_blocks_do_not_change_the_result(seed, name, block):
    rows = centroids(seed, 50)
    options = DenoisingOptions(half_width=12, linkage=name, neighbours=2, sigma_discrimination=0.3)

    def linked(size, pending):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cross_video, "BLOCK_ROWS", size)
            patch.setattr(linkage, "_PENDING", pending)
            patch.setattr(links, "_TILE_ROWS", 4)
            count = cross_video.block_count(50)
            parts = [cross_video.block_links(rows, number, options) for number in range(count)]
        return linkage.reduced(join([part.links for part in parts]), options), sum(part.total for part in parts)

    (whole, all_found), (blocks, found) = linked(64, 10**6), linked(block, 3)
    assert found == all_found
    assert sorted(zip(*blocks, strict=True)) == sorted(zip(*whole, strict=True))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), sigma=st.sampled_from([0.05, 0.1, 0.2, 0.3]))
def test_the_forest_joins_what_all_links_join_at_every_threshold(seed, sigma):
    found = join(list(band_links(centroids(seed, 40), 0.4, 40)))
    forest = minimum_forest(found)
    groups = closure(found, 40)
    assert forest.first.size == 40 - len(set(groups.tolist()))
    below = [kept.take(np.flatnonzero(kept.distance <= sigma)) for kept in (found, forest)]
    assert closure(below[0], 40).tolist() == closure(below[1], 40).tolist()


def test_mutual_links_against_sorting_every_row():
    rows = centroids(4, 60, noise=0.5)
    found = join(list(band_links(rows, 0.9, 60)))
    table = {}
    for i, j, d in zip(*(column.tolist() for column in found), strict=True):
        table.setdefault(i, []).append((d, j))
        table.setdefault(j, []).append((d, i))
    near = {i: {j for _, j in sorted(others)[:3]} for i, others in table.items()}
    expected = {(i, j) for i in near for j in near[i] if i < j and i in near[j]}
    assert pairs(mutual_links(found, 3)) == expected
    either = {(min(i, j), max(i, j)) for i in near for j in near[i]}
    assert pairs(nearest_links(found, 3)) == either


def test_neighbours_without_an_order():
    pytest.importorskip("faiss", reason="passerby[faiss] is not installed")
    rows = centroids(2, 80, noise=0.4)
    exact = np.array([[naive.centroid_distance(a, b) for b in rows] for a in rows])
    np.fill_diagonal(exact, np.inf)
    near = np.argsort(exact, axis=1)[:, :5]
    expected = {(min(i, j), max(i, j)) for i in range(80) for j in near[i].tolist() if exact[i, j] <= 0.15}
    found = neighbour_links(rows, 0.15, 5)
    difference = pairs(found) ^ expected  # the copy makes one tie, of which either may come first
    assert len(difference) <= 2
    everything = neighbour_links(rows, 0.15, 79)
    assert pairs(everything) == all_pairs(rows, 0.15, 80)


def test_sizes():
    sizes = component_sizes(np.array([0, 0, 1, 2, 2, 3, -1]))
    assert sizes.members.tolist() == [1, 2]
    assert sizes.groups.tolist() == [2, 2]
    assert sizes.largest == 2
