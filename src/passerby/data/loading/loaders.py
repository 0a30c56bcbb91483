"""Loaders of batches of tensors: augmented in the order of a sampler for training, plain and in order otherwise.

No worker processes: with a cache a batch is a copy and a little arithmetic, which one background thread does while the
network works; without one, threads decode. Lightning takes these loaders as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from passerby.data.arguments import check_whole_number
from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.cache.pixel_cache import Pixels
from passerby.data.loading.device_transfer import Prepared, transfer
from passerby.data.loading.pixel_sources import PerImageSource, PixelSource, open_readable, open_source
from passerby.data.loading.sampling import Rows
from passerby.data.split import Split
from passerby.errors import DataError

__all__ = [
    "Batch",
    "EvalLoader",
    "PerImageSource",
    "PixelSource",
    "Sampler",
    "TrainLoader",
    "open_readable",
    "open_source",
]

Sampler = Callable[[int], Rows | Sequence[Rows]]
"""From the number of an epoch to the rows of its batches: int64 [steps, B], or one array for each step."""


class Batch(NamedTuple):
    """Some rows of a split.

    Attributes:
        images: float32 [B, 3, H, W].
        identities: int64 [B].
        cameras: int64 [B], -1 where cameras are unknown.
        indices: int64 [B], rows of the split.
    """

    images: Tensor
    identities: Tensor
    cameras: Tensor
    indices: Tensor


class TrainLoader:
    """Augmented batches, one epoch after another.

    A sample's augmentation depends on (seed, epoch, position) alone; its position in the epoch is
    `(step * processes + rank) * B + place in the batch`, B being the length of the epoch's longest batch. So neither
    the number of threads, nor the kind of source, nor a restart in mid-epoch changes a pixel.

    Args:
        split: labels of the rows; all of them readable (see `open_source`).
        source: pixels of the same rows.
        transform: what is done to them.
        sampler: rows of each batch of an epoch, of this process.
        seed: of the run.
        rank: this process.
        processes: number of processes that train together.
        prefetch: batches made ahead in a background thread; 0 makes each when it is asked for.
        device: where images are resized, augmented and delivered; elsewhere than on the CPU they travel as uint8.

    Attributes:
        epoch: number of the epoch that the next iteration gives; see `set_epoch`.
        start_step: step that the next iteration begins with; see `skip_to`.
    """

    def __init__(
        self,
        split: Split,
        source: PixelSource,
        transform: TrainTransform,
        sampler: Sampler,
        *,
        seed: int,
        rank: int = 0,
        processes: int = 1,
        prefetch: int = 2,
        device: torch.device | str = "cpu",
    ) -> None:
        _check_lengths(split, source)
        self._split, self._source, self._transform, self._sample = split, source, transform, sampler
        self._seed, self._rank, self._processes = seed, rank, processes
        self._prefetch, self._device = prefetch, torch.device(device)
        self._drawn: tuple[int, Rows | Sequence[Rows]] | None = None
        self.epoch = 0
        self.start_step = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the following iterations."""
        self.epoch = epoch

    def skip_to(self, step: int) -> None:
        """Begin the next iteration, and only that, with this step; the batches stay those of the whole epoch.

        Raises:
            DataError: the epoch has fewer steps.
        """
        if not 0 <= step <= len(self):
            raise DataError(f"cannot skip to step {step}: epoch {self.epoch} has {len(self)} steps")
        self.start_step = step

    def __len__(self) -> int:
        """Steps of the whole epoch, skipped ones included."""
        return len(self._rows_of_steps())

    def __iter__(self) -> Iterator[Batch]:
        # A generator: an iterator that is made but never asked, as Lightning does to try a loader, uses up no skip.
        steps, epoch, first = self._rows_of_steps(), self.epoch, self.start_step
        self.start_step = 0
        length = max(map(len, steps), default=0)

        def prepare(step: int) -> _Prepared:
            begin = (step * self._processes + self._rank) * length
            rows = np.asarray(steps[step], dtype=np.int64)
            pixels = self._source.gather(rows, self._transform.size, self._transform.interpolation)
            positions = np.arange(begin, begin + len(rows), dtype=np.int64)
            parameters = self._transform.sample(seed=self._seed, epoch=epoch, positions=positions)
            return _Prepared(rows, pixels, lambda images: self._transform.apply(images, parameters))

        yield from _batches(self._split, range(first, len(steps)), prepare, self._prefetch, self._device)

    def _rows_of_steps(self) -> Rows | Sequence[Rows]:
        if self._drawn is None or self._drawn[0] != self.epoch:
            self._drawn = self.epoch, self._sample(self.epoch)
        return self._drawn[1]


class EvalLoader:
    """Batches in order, without augmentation.

    Args:
        split: labels of the rows.
        source: pixels of the same rows.
        transform: what is done to them.
        batch_size: images in a batch; the last may have fewer.
        rows: which rows, in which order (int64 [n] or a range); all by default. To go on after an interruption, name
            those that are missing.
        prefetch: batches made ahead in a background thread; 0 makes each when it is asked for.
        device: where images are resized, normalised and delivered; elsewhere than on the CPU they travel as uint8.
    """

    def __init__(
        self,
        split: Split,
        source: PixelSource,
        transform: TestTransform,
        batch_size: int,
        *,
        rows: Rows | range | None = None,
        prefetch: int = 2,
        device: torch.device | str = "cpu",
    ) -> None:
        _check_lengths(split, source)
        check_whole_number("batch_size", batch_size, at_least=1)
        self._split, self._source, self._transform, self._batch_size = split, source, transform, batch_size
        self._rows = np.asarray(range(len(split)) if rows is None else rows, dtype=np.int64)
        self._prefetch, self._device = prefetch, torch.device(device)

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self._rows) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        def prepare(step: int) -> _Prepared:
            rows = self._rows[step * self._batch_size : (step + 1) * self._batch_size]
            pixels = self._source.gather(rows, self._transform.size, self._transform.interpolation)
            return _Prepared(rows, pixels, self._transform.normalise)

        return _batches(self._split, range(len(self)), prepare, self._prefetch, self._device)


def _batches(
    split: Split, steps: range, prepare: Callable[[int], "_Prepared"], prefetch: int, device: torch.device
) -> Iterator[Batch]:
    def finish(prepared: _Prepared) -> Callable[[Pixels], Batch]:
        rows = prepared.rows

        def finished(pixels: Pixels) -> Batch:
            cameras = np.full(len(rows), -1, dtype=np.int64) if split.cameras is None else split.cameras[rows]
            labels = (torch.from_numpy(column).to(device) for column in (split.identities[rows], cameras, rows))
            return Batch(prepared.finish(pixels.on(device)), *labels)

        return finished

    made = (prepare(step) for step in steps)
    return transfer((Prepared(each.pixels, finish(each)) for each in made), prefetch, device)


class _Prepared(NamedTuple):
    """A batch as far as it is made on the CPU, and how uint8 images on the device become what the network sees."""

    rows: Rows
    pixels: Pixels
    finish: Callable[[Tensor], Tensor]


def _check_lengths(split: Split, source: PixelSource) -> None:
    if len(split) != len(source):
        raise DataError(
            f"{len(split)} labels, but {len(source)} images: use the split and the source that open_source returned"
        )
