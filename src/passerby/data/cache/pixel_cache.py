"""Cache of decoded images: uint8 pixels in a file that processes share.

Decoding and resizing are the most of what loading costs on a CPU; with the pixels at hand a batch is a copy. A cache
holds either the size that the network sees (resized by Pillow, hence exactly the pixels of a per-image loader), or
the native size of each image (smaller for small images, resized on the way to the network, best done on a GPU).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.cache.building import Builder
from passerby.data.cache.files import DONE, read_json, read_stored, translate_damage
from passerby.data.cache.naming import CacheKind
from passerby.data.pixels.decoding import Interpolation, Size
from passerby.data.pixels.reading import check_readable, log_left_out
from passerby.data.pixels.resizing import resize
from passerby.data.split import Split
from passerby.errors import DataError


@dataclass(frozen=True)
class Pixels:
    """The images of one batch on the CPU, grouped by native size.

    Attributes:
        groups: places in the batch (int64 [n]) and images (uint8 [n, 3, h, w], on the CPU) of each native size.
        size: what they are to be resized to.
        interpolation: how.
    """

    groups: tuple[tuple[Tensor, Tensor], ...]
    size: Size
    interpolation: Interpolation

    def on(self, device: torch.device | str = "cpu") -> Tensor:
        """The batch on a device, resized there; uint8 [B, 3, H, W]."""
        moved = [images.to(device, non_blocking=True) for _, images in self.groups]
        resized = [resize(images, self.size, self.interpolation) for images in moved]
        if len(resized) == 1:
            return resized[0]
        places = torch.cat([place for place, _ in self.groups]).to(device)
        batch = torch.cat(resized)
        return torch.empty_like(batch).index_copy_(0, places, batch)

    def pinned(self) -> "Pixels":
        """The same in page-locked memory, from which copies to a GPU need not be waited for."""
        return Pixels(
            tuple((place, images.pin_memory()) for place, images in self.groups), self.size, self.interpolation
        )


class PixelCache:
    """The decoded images of a split, by row; made by `PixelCache.open`, shared through the page cache.

    Attributes:
        location: the cache's folder.
        size: height and width of all images, or None where each has its native size.
        interpolation: how images were resized, or None where each has its native size.
        readable: bool [N], False for images that could not be decoded; asking for one of them is an error.
    """

    def __init__(self, location: Path, rows: NDArray[np.int64] | None = None) -> None:
        manifest = read_json(location / "manifest.json")
        self.location = location
        with translate_damage(location):
            self.size: Size | None = tuple(manifest["size"]) if manifest["size"] else None
            self.interpolation: Interpolation | None = manifest["interpolation"]
        records, status, self._pixels = read_stored(location)
        readable = status == DONE
        self._rows = np.arange(len(records)) if rows is None else rows
        self._chosen = rows
        self._offsets, self._heights, self._widths = (records[name] for name in ("offset", "height", "width"))
        self.readable: NDArray[np.bool_] = readable[self._rows]

    @classmethod
    def open(
        cls,
        split: Split,
        size: Size | None,
        interpolation: Interpolation,
        folder: Path,
        *,
        skip_unreadable: bool = False,
        retry_unreadable: bool = False,
        show_progress: bool = True,
    ) -> "PixelCache":
        """Open the cache of a split, which is built first where there is none yet.

        Several processes may open the same cache at once: one builds, the others wait. A build that was interrupted
        at any moment is resumed, and one that met unreadable images keeps all others. A cache belongs to the split's
        root, paths, file sizes and modification times, to `size` and `interpolation`, and to the versions of its
        format and (if images were resized) of Pillow; when files change, only they are decoded again. A cache that is
        damaged is built again.

        Args:
            split: whose rows are cached, in its order.
            size: height and width to store, or None for the native size of each image.
            interpolation: how to resize; of no meaning at native size.
            folder: where caches are kept, see `default_cache_folder`.
            skip_unreadable: leave out images that cannot be read, and say how many, instead of raising an error.
            retry_unreadable: try once more to read images that a complete cache lacks, although their files have not
                changed, as after a failing network; those that can be read are added. Not for processes that must
                all see the same images.
            show_progress: report on stderr what is built and how long it will take.

        Raises:
            DataError: images are missing or corrupt; the others are decoded first, so that nothing is done twice.
            DeviceError: the disk lacks room.
        """
        kind = CacheKind(size, interpolation) if size is not None else CacheKind(None, None)
        location = Builder(split, kind, folder, skip_unreadable, show_progress).build(retry=retry_unreadable)
        complaints = read_json(location / "unreadable.json")
        if not skip_unreadable:
            check_readable(complaints, len(split))
        log_left_out(complaints, len(split), show=show_progress)
        return cls(location)

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return PixelCache, (self.location, self._chosen)  # a spawned process opens the file itself

    def take(self, rows: NDArray[np.int64]) -> "PixelCache":
        """The same cache seen through these rows only: row i of the result is row `rows[i]` of this one."""
        return PixelCache(self.location, self._rows[rows])

    def images(
        self,
        rows: NDArray[np.int64],
        size: Size | None = None,
        interpolation: Interpolation | None = None,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """The images of these rows, on a device, uint8 [B, 3, H, W].

        Args:
            rows: int64 [B], in any order.
            size: height and width; by default the size that is stored.
            interpolation: how images are resized; by default as those stored were.
            device: where native images are resized.

        Raises:
            DataError: another size or interpolation is stored, none is given at native size, an image was unreadable,
                or the file of the cache has been cut off.
        """
        size = size or self.size
        interpolation = interpolation or self.interpolation
        if size is None or interpolation is None:
            raise DataError(f"{self.location} holds images at their native sizes: say which size and interpolation")
        return self.gather(rows, size, interpolation).on(device)

    def gather(
        self, rows: NDArray[np.int64], size: Size, interpolation: Interpolation, *, native: bool = False
    ) -> Pixels:
        """The half of `images` that reads the file; the other half is `Pixels.on`.

        Images come as they are held, so `native` makes no difference.
        """
        del native
        if self.size is not None and (self.size, self.interpolation) != (tuple(size), interpolation):
            raise DataError(
                f"{self.location} holds {self.interpolation} images of {self.size}, not {interpolation} {tuple(size)}: "
                "open a cache for this transform, or one at native size"
            )
        rows = np.asarray(rows, dtype=np.int64)
        if not self.readable[rows].all():
            unreadable = rows[~self.readable[rows]]
            raise DataError(f"the images of rows {unreadable[:5].tolist()} could not be read: drop them from the split")
        stored = self._rows[rows]
        if self.size is not None:
            images = self._read(stored, *self.size)
            return Pixels(((torch.arange(len(rows)), torch.from_numpy(images)),), size, interpolation)
        shapes = np.stack([self._heights[stored], self._widths[stored]], axis=1)
        kinds, group_of_row = np.unique(shapes, axis=0, return_inverse=True)
        groups = []
        for group, (height, width) in enumerate(kinds.tolist()):
            places = np.flatnonzero(group_of_row == group)
            images = self._read(stored[places], height, width)
            groups.append((torch.from_numpy(places), torch.from_numpy(images)))
        return Pixels(tuple(groups), size, interpolation)

    def _read(self, stored: NDArray[np.int64], height: int, width: int) -> NDArray[np.uint8]:
        """Images of one size by their rows in the cache, uint8 [n, 3, H, W]."""
        images = np.empty((len(stored), 3, height, width), np.uint8)
        with translate_damage(self.location):
            for offset, image in zip(self._offsets[stored].tolist(), images, strict=True):
                self._pixels.read_into(offset, image)
        return images
