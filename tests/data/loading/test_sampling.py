from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.data.loading.sampling import continued_class_batches, identity_balanced_batches, shuffled_batches
from passerby.errors import DataError


def identities_with(counts: list[int], seed: int = 0) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    return np.random.default_rng(seed).permutation(labels)


cases = st.tuples(
    st.lists(st.integers(1, 13), min_size=4, max_size=25),  # images of each identity
    st.integers(1, 4),  # P
    st.integers(1, 5),  # K
    st.integers(1, 3),  # processes
    st.integers(0, 2**40),
    st.integers(0, 200),
)


@settings(max_examples=200, deadline=None)
@given(cases)
def test_guarantees_of_identity_balanced_batches(case):
    counts, per_batch, size, processes, seed, epoch = case
    picked = per_batch * processes
    identities = identities_with(counts)
    arguments = {
        "identities_per_batch": per_batch,
        "images_per_identity": size,
        "seed": seed,
        "epoch": epoch,
        "processes": processes,
    }
    if len(counts) < picked:
        with pytest.raises(DataError, match=rf"at most {len(counts) // processes}"):
            identity_balanced_batches(identities, **arguments)
        return
    ranks = [identity_balanced_batches(identities, rank=rank, **arguments) for rank in range(processes)]

    # All ranks make the same number of full steps.
    assert len({len(batches) for batches in ranks}) == 1
    assert all(batches.dtype == np.int64 and batches.shape[1] == per_batch * size for batches in ranks)
    steps = np.stack(ranks, axis=1).reshape(-1, picked, size)
    owners = identities[steps]
    # A group is one identity; identities differ within a global step.
    assert (owners == owners[:, :, :1]).all()
    assert all(len(set(step)) == picked for step in owners[:, :, 0].tolist())
    # No image is used twice, except by identities that have too few; those occur once.
    uses = Counter(steps.ravel().tolist())
    groups = Counter(owners[:, :, 0].ravel().tolist())
    for identity, count in enumerate(counts):
        assert groups[identity] <= max(count // size, 1)
        if count >= size:
            assert all(uses[row] <= 1 for row in np.flatnonzero(identities == identity))
    # It stopped because too few identities had a group left, not earlier.
    left = [identity for identity, count in enumerate(counts) if groups[identity] < max(count // size, 1)]
    assert len(left) < picked


def test_order_is_a_function_of_seed_and_epoch():
    identities = identities_with([8] * 20)

    def batches(**changes):
        return identity_balanced_batches(
            identities, **{"identities_per_batch": 4, "images_per_identity": 4, "seed": 7, "epoch": 3} | changes
        )

    np.testing.assert_array_equal(batches(), batches())
    assert (batches() != batches(epoch=4)).any()
    assert (batches() != batches(seed=8)).any()


def test_processes_share_the_groups_of_one_large_batch():
    identities = identities_with([9] * 16)
    whole = identity_balanced_batches(identities, identities_per_batch=6, images_per_identity=2, seed=1, epoch=0)
    parts = [
        identity_balanced_batches(
            identities, identities_per_batch=2, images_per_identity=2, seed=1, epoch=0, rank=rank, processes=3
        )
        for rank in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_identities_are_picked_uniformly_whatever_they_have_left():
    identities = identities_with([4] * 9 + [40])  # the tenth has ten groups, the others one
    firsts = Counter()
    for epoch in range(2000):
        batches = identity_balanced_batches(
            identities, identities_per_batch=2, images_per_identity=4, seed=0, epoch=epoch
        )
        firsts.update(set(identities[batches[0]].tolist()))
    expected = 2000 * 2 / 10
    assert all(abs(firsts[identity] - expected) < 5 * (expected * 0.8) ** 0.5 for identity in range(10))


def test_too_few_images_are_drawn_with_replacement():
    identities = identities_with([2] * 8)
    repeated = 0
    for epoch in range(50):
        batches = identity_balanced_batches(
            identities, identities_per_batch=8, images_per_identity=4, seed=0, epoch=epoch
        )
        assert batches.shape == (1, 32)
        repeated += sum(len(set(group.tolist())) == 1 for group in batches.reshape(-1, 4))
    assert abs(repeated - 400 / 8) < 5 * (400 / 8 * 7 / 8) ** 0.5  # two images, four draws: all equal in 1 of 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identities_per_batch": 0}, "at least 1"),
        ({"images_per_identity": 0}, "at least 1"),
        ({"rank": 2, "processes": 2}, "rank 2"),
        ({"seed": -1}, "negative"),
        ({"identities_per_batch": 5}, "4 identities are too few for batches of 5: set identities_per_batch to at most"),
        ({"identities_per_batch": 3, "processes": 2}, "each of 2 processes: .* at most 2 or use fewer processes"),
    ],
)
def test_refusals_name_the_remedy(changes, message):
    arguments = {"identities_per_batch": 2, "images_per_identity": 2, "seed": 0, "epoch": 0} | changes
    with pytest.raises(DataError, match=message):
        identity_balanced_batches(identities_with([4] * 4), **arguments)


def test_junk_is_refused():
    with pytest.raises(DataError, match="junk"):
        identity_balanced_batches(
            np.array([-1, 0, 0, 1, 1]), identities_per_batch=2, images_per_identity=2, seed=0, epoch=0
        )


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 80), st.integers(1, 9), st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_guarantees_of_shuffled_batches(count, size, processes, drop_last, epoch):
    arguments = {"seed": 5, "epoch": epoch, "processes": processes, "drop_last": drop_last}
    if drop_last and count < size * processes:
        with pytest.raises(DataError, match="smaller batch_size"):
            shuffled_batches(count, size, **arguments)
        return
    ranks = [shuffled_batches(count, size, rank=rank, **arguments) for rank in range(processes)]
    assert len({len(batches) for batches in ranks}) == 1
    uses = Counter(np.concatenate([np.concatenate(batches) for batches in ranks]).tolist())
    assert all(1 <= len(batch) <= size for batches in ranks for batch in batches)
    assert all(len(batch) == size for batches in ranks for batch in batches[:-1])
    if drop_last:
        assert set(uses.values()) == {1}
        assert len(uses) == count // (size * processes) * size * processes
    else:
        assert set(uses) == set(range(count))
        remainder = count % (size * processes)
        repeats = processes - remainder if 0 < remainder < processes else 0
        assert sum(uses.values()) == count + repeats


def test_shuffled_order_is_uniform_and_keyed():
    firsts = Counter(int(shuffled_batches(5, 2, seed=3, epoch=epoch)[0][0]) for epoch in range(2000))
    assert all(abs(firsts[row] - 400) < 5 * 18 for row in range(5))
    again = [shuffled_batches(50, 7, seed=3, epoch=1) for _ in range(2)]
    for first, second in zip(*again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_no_images_cannot_be_shuffled():
    with pytest.raises(DataError, match="0 images"):
        shuffled_batches(0, 4, seed=0, epoch=0)


class_cases = st.tuples(
    st.lists(st.integers(1, 9), min_size=1, max_size=25),  # images of each class
    st.integers(1, 4),  # P
    st.integers(1, 5),  # K
    st.integers(1, 3),  # processes
    st.integers(0, 2**40),
)


@settings(max_examples=100, deadline=None)
@given(class_cases)
def test_guarantees_of_continued_class_batches(case):
    counts, per_batch, size, processes, seed = case
    classes = identities_with(counts)
    arguments = {
        "classes_per_batch": per_batch, "images_per_class": size, "seed": seed, "processes": processes,
    }  # fmt: skip
    steps = -(-len(counts) // (per_batch * processes))
    ranks = [continued_class_batches(classes, first=0, count=2 * steps, rank=r, **arguments) for r in range(processes)]
    for one_pass in range(2):
        seen = []
        for step in range(one_pass * steps, (one_pass + 1) * steps):
            assert len({len(batches[step]) for batches in ranks}) == 1, "all processes bring equally many"
            rows = np.concatenate([batches[step] for batches in ranks]).reshape(-1, size)
            assert (classes[rows] == classes[rows][:, :1]).all()
            assert len(ranks[0][step]) <= per_batch * size
            seen += classes[rows][:, 0].tolist()
            for group in rows:
                enough = counts[classes[group[0]]] >= size
                assert len(set(group.tolist())) == size if enough else max(Counter(group.tolist()).values()) <= size
        assert set(seen) == set(range(len(counts))), "a pass has every class"
        assert len(seen) - len(counts) < processes, "and only what is needed to share them repeats"


@pytest.mark.parametrize(("people", "sizes"), [(10, [8, 8]), (4, [8]), (3, [6])])
def test_continued_batches_are_whole_where_only_those_are_wanted(people, sizes):
    classes = identities_with([4] * people)
    found = continued_class_batches(
        classes, classes_per_batch=4, images_per_class=2, first=0, count=40, seed=3, whole_only=True
    )
    assert [len(batch) for batch in found] == (sizes * 40)[:40]
    for first in range(0, 40, len(sizes)):
        met = classes[np.concatenate(found[first : first + len(sizes)])[::2]]
        assert len(set(met.tolist())) == len(met), "nobody comes twice in a pass"
    assert set(classes[np.concatenate(found)].tolist()) == set(range(people)), "everybody comes some time"


def test_continued_batches_go_on_wherever_an_epoch_ended():
    classes = identities_with([4] * 10)
    arguments = {"classes_per_batch": 4, "images_per_class": 2, "seed": 3}
    whole = continued_class_batches(classes, first=0, count=12, **arguments)
    assert [len(batch) for batch in whole[:6]] == [8, 8, 4, 8, 8, 4]
    parts = [continued_class_batches(classes, first=first, count=5, **arguments) for first in (0, 5)]
    assert [batch.tolist() for batch in whole[:10]] == [batch.tolist() for part in parts for batch in part]
    assert whole[0].tolist() != whole[3].tolist()
    other = continued_class_batches(classes, first=0, count=1, classes_per_batch=4, images_per_class=2, seed=4)
    assert whole[0].tolist() != other[0].tolist()
