"""Sampler of batches of groups of images of one identity, for identity-guided self-distillation (CION)."""

from typing import Literal

import numpy as np

from passerby.data.loading.sampling import Rows, identity_balanced_batches, shuffled_batches

Remainder = Literal["official", "fill", "drop"]
"""Treatment of the n mod N images that fill no group; see `identity_groups`."""


def identity_groups(
    identities: Rows,
    *,
    images_per_identity: int,
    batch_size: int,
    seed: int,
    epoch: int,
    remainder: Remainder = "official",
    rank: int = 0,
    processes: int = 1,
) -> Rows:
    """Batches of groups of N consecutive images of one identity, as CION samples them.

    An identity of n < N images gives one group, drawn with replacement. Of larger ones the images are shuffled and cut
    into groups; before that, `official` repeats n mod N of them, chosen at random, as the published code does, and
    `fill` repeats as many as complete the last group. What still fills no group is left out. So an identity has
    (n + n mod N) // N groups, or ⌈n / N⌉, or with `drop` n // N, and a group may hold an image twice.

    Groups are dealt as `identity_balanced_batches` deals them: a step takes groups of different identities, those of
    all processes together, until too few identities have one left; what these still have is left out of the epoch.

    For N = 1 identities are ignored: every image is a group, and only those that fill no step are left out.

    Args:
        identities: labels, int64 [M], without junk.
        images_per_identity: N, which divides the batch.
        batch_size: images per step and process.
        remainder: see above.
        seed: key of all drawing, as in `passerby.data.loading.sampling`.
        epoch: counts from 0.
        rank: which of the processes this is, from 0.
        processes: how many there are.

    Returns:
        Rows, int64 [steps, batch_size].

    Raises:
        DataError: junk among the labels, or fewer identities (for N = 1, images) than a step needs.
    """
    n = images_per_identity
    shared = {"seed": seed, "epoch": epoch, "rank": rank, "processes": processes}
    if n == 1:
        return np.stack(shuffled_batches(identities.size, batch_size, drop_last=True, **shared))
    rows = np.arange(identities.size) if remainder == "drop" else _topped_up(identities, n, seed, epoch, remainder)
    batches = identity_balanced_batches(
        identities[rows], identities_per_batch=batch_size // n, images_per_identity=n, **shared
    )
    return rows[batches]


def _topped_up(identities: Rows, n: int, seed: int, epoch: int, remainder: Remainder) -> Rows:
    """All rows, followed by those that are repeated; no row is repeated twice."""
    _, labels, counts = np.unique(identities, return_inverse=True, return_counts=True)
    left = counts % n
    wanted = np.where(counts < n, 0, left if remainder == "official" else -counts % n)
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, _TOP_UP])))
    order = np.lexsort((generator.random(identities.size), labels))  # by identity, shuffled within
    starts = np.cumsum(counts) - counts
    place = np.arange(identities.size) - starts[labels[order]]
    return np.concatenate([np.arange(identities.size), order[place < wanted[labels[order]]]])


_TOP_UP = 101  # unrelated to the streams of `sampling` for equal seeds
