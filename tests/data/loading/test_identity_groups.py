"""Groups of images of one identity, held against counts and a plain reading of how CION draws them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.data.loading.identity_groups import Remainder, identity_groups
from passerby.errors import DataError
from tests.data.loading.test_sampling import identities_with

cases = st.tuples(
    st.lists(st.integers(1, 17), min_size=6, max_size=25),  # images of each identity
    st.integers(2, 5),  # N
    st.integers(1, 3),  # groups in a batch
    st.integers(1, 2),  # processes
    st.sampled_from(["official", "fill", "drop"]),
    st.integers(0, 2**40),
)


def groups_of(count: int, n: int, remainder: Remainder) -> int:
    if count < n:
        return 1
    return {"official": (count + count % n) // n, "fill": -(-count // n), "drop": count // n}[remainder]


@settings(max_examples=150, deadline=None)
@given(cases)
def test_guarantees(case: tuple[list[int], int, int, int, Remainder, int]) -> None:
    counts, n, groups, processes, remainder, seed = case
    identities = identities_with(counts)
    ranks = [
        identity_groups(
            identities,
            images_per_identity=n,
            batch_size=groups * n,
            seed=seed,
            epoch=3,
            remainder=remainder,
            rank=rank,
            processes=processes,
        )
        for rank in range(processes)
    ]
    steps = np.stack(ranks, 1).reshape(-1, groups * processes, n)
    owners = identities[steps]
    assert (owners == owners[:, :, :1]).all()  # a single identity in every group
    assert all(len(set(step)) == groups * processes for step in owners[:, :, 0].tolist())
    emitted = Counter(owners[:, :, 0].ravel().tolist())
    left = 0
    uses = Counter(steps.ravel().tolist())
    for identity, count in enumerate(counts):
        expected = groups_of(count, n, remainder)
        assert emitted[identity] <= expected
        left += emitted[identity] < expected
        if count >= n:  # repeated once at most, whatever process has it
            assert all(uses[row] <= 2 - (remainder == "drop") for row in np.flatnonzero(identities == identity))
    assert left < groups * processes  # the epoch ends where too few identities are left, not earlier


def test_every_image_is_used_where_the_remainder_is_filled_up() -> None:
    identities = np.repeat(np.arange(4), 10)
    arguments = {"images_per_identity": 4, "batch_size": 16, "seed": 1, "epoch": 0}
    assert len(np.unique(identity_groups(identities, remainder="fill", **arguments))) == 40  # type: ignore[arg-type]
    assert identity_groups(identities, remainder="fill", **arguments).shape == (3, 16)  # type: ignore[arg-type]
    assert identity_groups(identities, **arguments).shape == (3, 16)  # type: ignore[arg-type]  # (10 + 2) // 4
    assert identity_groups(identities, remainder="drop", **arguments).shape == (2, 16)  # type: ignore[arg-type]


def test_alone_every_image_comes_once_whoever_is_on_it() -> None:
    identities = identities_with([50, 1, 1])
    arguments = {"images_per_identity": 1, "batch_size": 5, "seed": 3, "epoch": 2, "processes": 2}
    batches = [identity_groups(identities, rank=rank, **arguments) for rank in range(2)]
    assert [each.shape for each in batches] == [(5, 5), (5, 5)]
    assert len(set(np.concatenate(batches).reshape(-1).tolist())) == 50
    with pytest.raises(DataError, match="do not fill one batch"):
        identity_groups(identities[:4], images_per_identity=1, batch_size=5, seed=3, epoch=2)


def test_order_is_a_function_of_seed_and_epoch() -> None:
    identities = identities_with([9] * 12)

    def batches(seed: int = 5, epoch: int = 0) -> np.ndarray:
        return identity_groups(identities, images_per_identity=4, batch_size=16, seed=seed, epoch=epoch)

    np.testing.assert_array_equal(batches(), batches())
    assert (batches() != batches(epoch=1)).any()
    assert (batches() != batches(seed=6)).any()


def test_too_few_identities_are_refused() -> None:
    with pytest.raises(DataError, match="at most 3"):
        identity_groups(identities_with([4] * 3), images_per_identity=2, batch_size=8, seed=0, epoch=0)
