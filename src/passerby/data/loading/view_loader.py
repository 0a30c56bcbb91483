"""Loader of batches with several views of every image, for self-distillation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from passerby.data.augmentation.views import Views, ViewsTransform
from passerby.data.cache.pixel_cache import Pixels
from passerby.data.loading.device_transfer import Prepared, transfer
from passerby.data.loading.pixel_sources import PixelSource
from passerby.data.loading.sampling import Rows
from passerby.data.pixels.decoding import Size
from passerby.errors import DataError


class ViewBatch(NamedTuple):
    """Views of some rows of a split.

    Attributes:
        views: one tensor for each view, float32 [B, 3, H, W].
        indices: rows of the split, int64 [B].
        images_per_identity: N; each N consecutive rows show one identity.
    """

    views: tuple[Tensor, ...]
    indices: Tensor
    images_per_identity: int


class ViewLoader:
    """The batches of one epoch on one process.

    A sample's views depend on (seed, epoch, position) and its size alone; its position in the epoch is
    `(step * processes + rank) * B + place in the batch`. So neither a restart in mid-epoch nor the kind of device
    changes a pixel.

    Args:
        source: pixels.
        transform: makes the views.
        rows: of each batch, int64 [steps, B], of this process.
        images_per_identity: N; each N consecutive rows show one identity.
        size: to which images are resized in advance where the source holds them so.
        seed: of the run.
        epoch: its number.
        rank: this process.
        processes: number of processes that train together.
        prefetch: batches made ahead in a background thread; 0 makes each when it is asked for.
        device: where views are normalised; elsewhere than on the CPU they travel as uint8.
    """

    def __init__(
        self,
        source: PixelSource,
        transform: ViewsTransform,
        rows: Rows,
        size: Size,
        *,
        images_per_identity: int,
        seed: int,
        epoch: int,
        rank: int = 0,
        processes: int = 1,
        prefetch: int = 2,
        device: torch.device | str = "cpu",
    ) -> None:
        self._source, self._transform, self._rows, self._size = source, transform, rows, size
        self._seed, self._epoch, self._rank, self._processes = seed, epoch, rank, processes
        self._images_per_identity = images_per_identity
        self._prefetch, self._device = prefetch, torch.device(device)
        self._first = 0

    def __len__(self) -> int:
        """Steps of the whole epoch, skipped ones included."""
        return len(self._rows)

    def skip_to(self, step: int) -> None:
        """Begin the next iteration, and only that, with this step.

        Raises:
            DataError: the epoch has fewer steps.
        """
        if not 0 <= step <= len(self):
            raise DataError(f"cannot skip to step {step}: epoch {self._epoch} has {len(self)} steps")
        self._first = step

    def __iter__(self) -> Iterator[ViewBatch]:
        # A generator: an iterator that is made but never asked, as Lightning does to try a loader, uses up no skip.
        first, self._first = self._first, 0
        prepared = (self._prepare(step) for step in range(first, len(self)))
        yield from transfer(prepared, self._prefetch, self._device)

    def _prepare(self, step: int) -> Prepared[Views, ViewBatch]:
        rows = self._rows[step]
        pixels = self._source.gather(rows, self._size, "bicubic", native=True)
        begin = (step * self._processes + self._rank) * len(rows)
        positions = np.arange(begin, begin + len(rows), dtype=np.int64)
        keys = {"seed": self._seed, "epoch": self._epoch}
        parameters = self._transform.sample(_sizes(pixels, len(rows)), positions=positions, **keys)

        def finish(views: Views) -> ViewBatch:
            images = self._transform.normalise(views, self._device)
            return ViewBatch(images, torch.from_numpy(rows).to(self._device), self._images_per_identity)

        return Prepared(self._transform.apply(pixels, parameters), finish)


def _sizes(pixels: Pixels, count: int) -> Rows:
    """Heights and widths of the images of a batch, int64 [B, 2]."""
    sizes = np.empty((count, 2), dtype=np.int64)
    for places, images in pixels.groups:
        sizes[places.numpy()] = images.shape[2:]
    return sizes
