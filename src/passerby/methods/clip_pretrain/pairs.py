"""Batches of drawn images and captions: made by worker processes while the network learns, never stored.

An epoch is a city: a synthetic world of its own, from a seed keyed by the recipe's and the epoch. Pairs are drawn in
blocks; a block is shown in several passes, each time mixed, augmented and described anew, and then forgotten. So any
step can be repeated or reached again by drawing its block alone, whatever the number of workers.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from passerby.data.augmentation.transforms import TrainTransform
from passerby.methods.stage import keyed_seed
from passerby.models.clip.vocabulary import tokenise
from passerby.synth.output.pair_drawing import Drawers, Drawn
from passerby.synth.output.pairs import Pairs
from passerby.synth.randomness import keyed_generator

_BLOCK = 2
"""Batches in a block."""

_CHUNK = 32
"""Pairs that a worker draws at once."""

_BLOCKS_AHEAD = 2


class PairBatch(NamedTuple):
    """Images and their captions.

    Attributes:
        images: float32 [B, 3, H, W], normalised.
        tokens: CLIP's token numbers, int64 [B, 77].
        labels: int64 [B], the same for the same caption, on every process.
    """

    images: Tensor
    tokens: Tensor
    labels: Tensor


@dataclass(frozen=True)
class PairPlan:
    """What an epoch draws.

    Attributes:
        seed: of the recipe.
        epoch: 0-based.
        per_epoch: pairs of each process, a multiple of the batch.
        batch_size: pairs in a step.
        passes: how often each is shown.
        size: height and width of the images.
        places: see `Pairs`.
        crowd: see `Pairs`.
        least_visible: see `Pairs`.
        process: which of the processes this is.
        processes: how many train together.
    """

    seed: int
    epoch: int
    per_epoch: int
    batch_size: int
    passes: int
    size: tuple[int, int]
    places: int
    crowd: float
    least_visible: float
    process: int = 0
    processes: int = 1

    @property
    def steps(self) -> int:
        """Batches of the epoch."""
        return self.per_epoch // self.batch_size * self.passes

    @property
    def pairs(self) -> Pairs:
        """The epoch's city."""
        seed = keyed_seed(self.seed, "city", self.epoch)
        return Pairs(seed, self.size, self.places, self.crowd, self.least_visible)

    def blocks(self) -> list[range]:
        """Indices of the pairs of each block, of this process."""
        first = self.process * self.per_epoch
        size = _BLOCK * self.batch_size
        end = first + self.per_epoch
        return [range(start, min(start + size, end)) for start in range(first, end, size)]


class PairBatches:
    """The batches of one epoch on one process.

    Args:
        plan: what to draw.
        transform: what happens to the images.
        drawers: who draws.
    """

    def __init__(self, plan: PairPlan, transform: TrainTransform, drawers: Drawers) -> None:
        self._plan, self._transform, self._drawers = plan, transform, drawers
        self._first = 0

    def __len__(self) -> int:
        return self._plan.steps

    def skip_to(self, step: int) -> None:
        """Begin with this step."""
        self._first = step

    def __iter__(self) -> Iterator[PairBatch]:
        plan, step = self._plan, 0
        waiting: deque[tuple[int, list[Future[Drawn]]]] = deque()
        for block in plan.blocks():
            steps = len(block) // plan.batch_size * plan.passes
            if step + steps > self._first:
                waiting.append((step, self._ask(block)))
            step += steps
            if len(waiting) > _BLOCKS_AHEAD:
                yield from self._shown(waiting)
        while waiting:
            yield from self._shown(waiting)

    def _ask(self, block: range) -> "list[Future[Drawn]]":
        plan = self._plan
        chunks = [block[start : start + _CHUNK] for start in range(0, len(block), _CHUNK)]
        return [self._drawers.submit(plan.pairs, chunk, plan.passes) for chunk in chunks]

    def _shown(self, waiting: "deque[tuple[int, list[Future[Drawn]]]]") -> Iterator[PairBatch]:
        """The batches of the block that was asked for first."""
        plan = self._plan
        first, futures = waiting.popleft()
        drawn = [future.result() for future in futures]
        images = torch.from_numpy(np.concatenate([each.images for each in drawn])).permute(0, 3, 1, 2)
        captions = [caption for each in drawn for caption in each.captions]
        for number in range(plan.passes):
            order = keyed_generator(plan.seed, "order", plan.epoch, plan.process, first, number).permutation(
                len(captions)
            )
            for start in range(0, len(order), plan.batch_size):
                step = first + (number * len(order) + start) // plan.batch_size
                if step >= self._first:
                    rows = order[start : start + plan.batch_size]
                    yield self._batch(step, images[rows], [captions[row][number] for row in rows])

    def _batch(self, step: int, images: Tensor, captions: list[str]) -> PairBatch:
        plan = self._plan
        positions = (step * plan.processes + plan.process) * plan.batch_size + np.arange(len(captions))
        augmented = self._transform.augment(
            images.contiguous(), seed=plan.seed, epoch=plan.epoch, positions=positions.astype(np.int64)
        )
        labels = torch.tensor([keyed_seed(caption) for caption in captions])
        return PairBatch(augmented, tokenise(captions), labels)
