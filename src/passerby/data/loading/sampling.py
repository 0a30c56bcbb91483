"""Samplers: the rows of each batch of an epoch, as pure functions of (seed, epoch).

Every process computes the whole epoch and takes its own part, so that processes agree without communicating. In all of
them `rank`, `0 .. processes - 1`, is this process, and `processes` is how many train together; `seed` and the epoch are
the only source of randomness.
"""

import numpy as np

from passerby.data.split import JUNK, IntegerColumn
from passerby.errors import DataError

Rows = IntegerColumn
"""Row numbers or labels, int64 of any shape."""

_BALANCED, _SHUFFLED, _CLASSES = 0, 1, 2  # keep the orders of the samplers unrelated for equal seeds


def identity_balanced_batches(
    identities: Rows,
    *,
    identities_per_batch: int,
    images_per_identity: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    processes: int = 1,
) -> Rows:
    """Batches of P identities × K images, as CLIP-ReID samples them (Stage 2, `clipreid/datasets/sampler.py`).

    The images of an identity are shuffled and cut into groups of K, the remainder is dropped; an identity with fewer
    than K images gives one group of K draws with replacement. Then, step by step, different identities are picked
    uniformly among those that have groups left, and give one group each, until too few identities remain.

    P × K is what one process sees in one step. Across processes a step picks P × `processes` different identities and
    deals them out in order: every group goes to at most one process, all processes make the same number of steps, and
    no identity occurs in two processes within a step (so triplets mined across processes stay balanced as well).

    Args:
        identities: labels, int64 [N], without junk.
        identities_per_batch: P, per process.
        images_per_identity: K.
        seed: see the top of this file.
        epoch: counts from 0.
        rank: which of the processes this is, from 0.
        processes: how many there are.

    Returns:
        Rows, int64 [steps, P × K]; the K images of a group stand next to each other.

    Raises:
        DataError: junk among the labels, or fewer than P × `processes` identities.
    """
    _check_processes(rank, processes)
    _check_batch(identities, identities_per_batch, images_per_identity)
    picked_per_step = identities_per_batch * processes
    generator = _generator(seed, epoch, _BALANCED)
    groups, groups_of_identity = _groups(identities, images_per_identity, generator)
    if len(groups_of_identity) < picked_per_step:
        across = f" on each of {processes} processes" if processes > 1 else ""
        raise DataError(
            f"{len(groups_of_identity)} identities are too few for batches of {identities_per_batch}{across}: "
            f"set identities_per_batch to at most {len(groups_of_identity) // processes}"
            + (" or use fewer processes" if processes > 1 else "")
        )
    dealt = _deal(groups_of_identity, picked_per_step, generator)
    own = dealt[:, rank * identities_per_batch : (rank + 1) * identities_per_batch]
    return groups[own].reshape(len(own), identities_per_batch * images_per_identity)


def shuffled_batches(
    count: int,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    rank: int = 0,
    processes: int = 1,
    drop_last: bool = False,
) -> list[Rows]:
    """All `count` rows in random order, cut into batches; each row goes to exactly one process.

    A step takes `batch_size` × `processes` rows of the order. With `drop_last` an incomplete last step is left out.
    Otherwise its rows are spread as evenly as possible, so the last batch may be shorter and differ in length by one
    between processes; should there be fewer rows than processes, those left with nothing repeat a row from the start
    of the order, since all processes must make the same number of steps.

    Returns:
        Row numbers of this process, one int64 [B] per step.

    Raises:
        DataError: no rows, or not one complete step with `drop_last`.
    """
    _check_processes(rank, processes)
    if batch_size < 1:
        raise DataError(f"batch_size must be at least 1, not {batch_size}")
    order = _generator(seed, epoch, _SHUFFLED).permutation(count).astype(np.int64)
    taken_per_step = batch_size * processes
    steps, remainder = divmod(count, taken_per_step)
    if count < 1 or (drop_last and steps == 0):
        across = f" × {processes} processes" if processes > 1 else ""
        raise DataError(f"{count} images do not fill one batch of {batch_size}{across}: set a smaller batch_size")
    complete = order[: steps * taken_per_step].reshape(steps, processes, batch_size)
    batches = list(complete[:, rank])
    if remainder and not drop_last:
        last = np.concatenate([order[-remainder:], order[: max(processes - remainder, 0)]])
        # With one row and several processes even the start of the order is too short: repeat it.
        last = np.resize(last, max(len(last), processes))
        batches.append(np.array_split(last, processes)[rank])
    return batches


def continued_class_batches(
    classes: Rows,
    *,
    classes_per_batch: int,
    images_per_class: int,
    first: int,
    count: int,
    seed: int,
    rank: int = 0,
    processes: int = 1,
    whole_only: bool = False,
) -> list[Rows]:
    """Batches of P classes × K images out of an endless sequence, in every pass of which each class comes once.

    A pass takes all classes in a random order, P × `processes` in a step, and of each K images: without replacement if
    it has as many, else out of its images repeated until there are K or more. The last step of a pass has fewer
    classes; where they cannot be shared equally among processes, classes from the pass's beginning fill it up. The next
    pass follows at once, so that an epoch may end anywhere.

    Args:
        classes: labels, int64 [N].
        classes_per_batch: P, per process.
        images_per_class: K.
        first: number of the first batch wanted, from the beginning of the sequence.
        count: how many.
        seed: see the top of this file; what is an epoch elsewhere is a pass here.
        rank: which of the processes this is, from 0.
        processes: how many there are.
        whole_only: leave out the last step of a pass if it has fewer classes than others; these wait for the next pass.

    Returns:
        Rows of this process, int64 [p × K] for each batch; the K images of a class stand next to each other.

    Source: the sampler of CCAFL's published code.
    """
    _check_processes(rank, processes)
    labels, of_class, counts = np.unique(classes, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(of_class, kind="stable"), np.cumsum(counts)[:-1])
    taken = classes_per_batch * processes
    steps = max(1, len(labels) // taken) if whole_only else -(-len(labels) // taken)
    batches: list[Rows] = []
    for number in range(first // steps, (first + count - 1) // steps + 1):
        generator = _generator(seed, number, _CLASSES)
        order = generator.permutation(len(labels))
        filled = np.resize(order, -(-len(labels) // processes) * processes)
        chosen = {each: _choose(members[each], images_per_class, generator) for each in order.tolist()}
        for step in range(max(first - number * steps, 0), min(first + count - number * steps, steps)):
            own = np.array_split(filled[step * taken : (step + 1) * taken], processes)[rank]
            batches.append(np.concatenate([chosen[each] for each in own.tolist()]))
    return batches


def _choose(members: Rows, count: int, generator: np.random.Generator) -> Rows:
    """Choose `count` of the rows at random: each at most once if there are enough, else out of repeated rows."""
    pile = members if len(members) >= count else np.tile(members, count)
    return generator.permutation(pile)[:count].astype(np.int64)


def _groups(identities: Rows, size: int, generator: np.random.Generator) -> tuple[Rows, Rows]:
    """Groups of `size` rows of one identity each [G, size], ordered by identity, and how many each identity has [C]."""
    _, labels, counts = np.unique(identities, return_inverse=True, return_counts=True)
    order = np.lexsort((generator.random(identities.size), labels))  # by identity, shuffled within
    starts = np.cumsum(counts) - counts
    groups_of_identity = np.maximum(counts // size, 1)
    owners = np.repeat(np.arange(len(counts)), groups_of_identity)
    number = np.arange(len(owners)) - np.repeat(np.cumsum(groups_of_identity) - groups_of_identity, groups_of_identity)
    within = number[:, None] * size + np.arange(size)
    short = counts[owners] < size
    draws = generator.random((int(short.sum()), size))
    within[short] = (draws * counts[owners[short], None]).astype(np.int64)
    return order[starts[owners, None] + within], groups_of_identity.astype(np.int64)


def _deal(groups_of_identity: Rows, picked_per_step: int, generator: np.random.Generator) -> Rows:
    """Group numbers [steps, picked_per_step]; within a step all groups belong to different identities.

    A plain loop over Python lists: each step depends on the one before, and a pick costs under a microsecond.
    """
    remaining = groups_of_identity.tolist()
    following = (np.cumsum(groups_of_identity) - groups_of_identity).tolist()
    available = list(range(len(remaining)))
    steps: list[list[int]] = []
    while len(available) >= picked_per_step:
        size = len(available)
        for place, uniform in enumerate(generator.random(picked_per_step).tolist()):  # a partial Fisher-Yates shuffle
            other = place + int(uniform * (size - place))
            available[place], available[other] = available[other], available[place]
        picked = available[:picked_per_step]
        steps.append([following[identity] for identity in picked])
        for place in range(picked_per_step - 1, -1, -1):
            identity = picked[place]
            following[identity] += 1
            remaining[identity] -= 1
            if not remaining[identity]:
                available[place] = available[-1]
                available.pop()
    return np.array(steps, dtype=np.int64).reshape(len(steps), picked_per_step)


def _generator(seed: int, epoch: int, sampler: int) -> np.random.Generator:
    if seed < 0 or epoch < 0:
        raise DataError(f"seed and epoch must not be negative, but are {seed} and {epoch}")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, sampler])))


def _check_batch(identities: Rows, identities_per_batch: int, images_per_identity: int) -> None:
    if identities_per_batch < 1 or images_per_identity < 1:
        raise DataError(
            "identities_per_batch and images_per_identity must be at least 1, "
            f"not {identities_per_batch} and {images_per_identity}"
        )
    if (identities == JUNK).any():
        raise DataError("junk images cannot be trained on: drop them with Split.relabelled()")


def _check_processes(rank: int, processes: int) -> None:
    if not 0 <= rank < processes:
        raise DataError(f"rank {rank} does not exist among {processes} processes")
