"""Sources of pixels for loaders: a cache of decoded images, or the image files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from passerby.data.augmentation.transforms import TestTransform, TrainTransform
from passerby.data.cache.pixel_cache import PixelCache, Pixels
from passerby.data.pixels.decoding import Interpolation, Size, read_image, resize_image
from passerby.data.pixels.reading import check_readable, find_unreadable, log_left_out, thread_count
from passerby.data.split import JUNK, Split
from passerby.errors import DataError
from passerby.output_paths import default_cache_folder

CacheChoice = Literal["target", "native", "none"]


class PixelSource(Protocol):
    """A source of the pixels of rows, which `Pixels.on` resizes and puts on a device."""

    def __len__(self) -> int: ...

    def gather(
        self, rows: NDArray[np.int64], size: Size, interpolation: Interpolation, *, native: bool = False
    ) -> Pixels:
        """The images of these rows, int64 [B]; `native`: not resized in advance, unless that is how they are held."""
        ...


class PerImageSource:
    """Source that reads every image from its file and resizes it with Pillow each time it is asked for.

    Gives exactly the pixels of a cache at target size.

    Args:
        split: whose rows are read.
        threads: how many images are decoded at once; by default as many as there are processors.
    """

    def __init__(self, split: Split, threads: int | None = None) -> None:
        self._split = split
        self._threads = threads or thread_count()

    def __len__(self) -> int:
        return len(self._split)

    def gather(
        self, rows: NDArray[np.int64], size: Size, interpolation: Interpolation, *, native: bool = False
    ) -> Pixels:
        """The images of these rows, at `size` or their own.

        Raises:
            DataError: some cannot be read; names the files.
        """
        images: list[NDArray[np.uint8]] = [np.empty((0, 0, 3), np.uint8)] * len(rows)

        def read(place: int) -> str | None:
            try:
                image = read_image(self._split.path(int(rows[place])))
            except DataError as error:
                return str(error)
            images[place] = np.asarray(image) if native else resize_image(image, size, interpolation)
            return None

        if self._threads == 1:
            complaints = [read(place) for place in range(len(rows))]
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                complaints = list(pool.map(read, range(len(rows))))
        check_readable([each for each in complaints if each is not None], len(self), all_read=False)
        return Pixels(_by_size(images), size, interpolation)


def _by_size(images: list[NDArray[np.uint8]]) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Places int64 [n] and images uint8 [n, 3, h, w] of each size that occurs among images [h, w, 3]."""
    places: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(images):
        places.setdefault(image.shape, []).append(place)
    return tuple(
        (torch.tensor(each), torch.from_numpy(_planes([images[place] for place in each]))) for each in places.values()
    )


def _planes(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Images uint8 [h, w, 3] of one size as [n, 3, h, w], contiguous; OpenCV separates colours faster than NumPy."""
    planes = np.empty((len(images), 3, *images[0].shape[:2]), np.uint8)
    for image, target in zip(images, planes, strict=True):
        cv2.split(image, list(target))
    return planes


def open_source(
    split: Split,
    transform: TrainTransform | TestTransform,
    *,
    cache: CacheChoice = "none",
    folder: Path | None = None,
    skip_unreadable: bool = False,
    relabel: bool | None = None,
    show_progress: bool = True,
) -> tuple[Split, PixelCache | PerImageSource]:
    """Open a source of the pixels of a split, and reduce the split to the rows that can be read.

    Args:
        split: images and labels.
        transform: whose size and interpolation are wanted.
        cache: "target" holds images as the transform wants them (exact; fastest on a CPU), "native" at their own size
            (smaller for small images, serves every transform; meant for GPUs), "none" reads files again and again.
        folder: where caches are kept, by default `default_cache_folder()`.
        skip_unreadable: leave out images that cannot be read, and say how many. Without a cache that takes one pass
            over all files; otherwise unreadable ones are reported when they are met.
        relabel: renumber identities `0..C-1` if rows were left out, as training needs; by default for a
            `TrainTransform` only, since query and gallery share their labels.
        show_progress: report on stderr what is done.

    Returns:
        The split without unreadable rows, and a source whose rows are those of that split.

    Raises:
        DataError: images cannot be read (all of them are counted, the first few named).
        DeviceError: no room for the cache.
    """
    opened, readable = _open(split, transform, cache, folder, skip_unreadable, False, show_progress)
    if not readable.all():
        relabel = isinstance(transform, TrainTransform) if relabel is None else relabel
        rows = np.flatnonzero(readable & (split.identities != JUNK) if relabel else readable)
        split = split.take(rows).relabelled() if relabel else split.take(rows)
        opened = None if opened is None else opened.take(rows)
    return split, PerImageSource(split) if opened is None else opened


def open_readable(
    split: Split,
    transform: TrainTransform | TestTransform,
    *,
    cache: CacheChoice = "none",
    folder: Path | None = None,
    skip_unreadable: bool = False,
    retry_unreadable: bool = False,
    left_out: NDArray[np.int64] | None = None,
    show_progress: bool = True,
) -> tuple[NDArray[np.int64], PixelCache | PerImageSource]:
    """The rows of a split that can be read, int64 [n], and a source of their pixels.

    Args:
        split, transform, cache, folder, skip_unreadable, show_progress: as `open_source`.
        retry_unreadable: see `PixelCache.open`; without a cache images are always tried.
        left_out: rows to leave out besides, int64 [m]; those that the split does not have are passed over.

    Raises:
        DataError, DeviceError: as `open_source`.
    """
    opened, readable = _open(split, transform, cache, folder, skip_unreadable, retry_unreadable, show_progress)
    rows = np.flatnonzero(readable)
    if left_out is not None:
        rows = np.setdiff1d(rows, left_out, assume_unique=True)
    if opened is not None:
        return rows, opened if len(rows) == len(split) else opened.take(rows)
    return rows, PerImageSource(split if len(rows) == len(split) else split.take(rows))


def _open(
    split: Split,
    transform: TrainTransform | TestTransform,
    cache: CacheChoice,
    folder: Path | None,
    skip_unreadable: bool,
    retry_unreadable: bool,
    show_progress: bool,
) -> tuple[PixelCache | None, NDArray[np.bool_]]:
    """The cache, if there is to be one, and which images can be read, bool [N]."""
    if cache != "none":
        opened = PixelCache.open(
            split,
            transform.size if cache == "target" else None,
            transform.interpolation,
            folder or default_cache_folder(),
            skip_unreadable=skip_unreadable,
            retry_unreadable=retry_unreadable,
            show_progress=show_progress,
        )
        return opened, opened.readable
    if skip_unreadable:
        return None, _readable(split, show_progress=show_progress)
    return None, np.ones(len(split), dtype=np.bool_)


def _readable(split: Split, *, show_progress: bool) -> NDArray[np.bool_]:
    """Whether each image can be decoded, bool [N], from decoding them all; reports how many cannot."""
    complaints = find_unreadable(split, "checking images", show=show_progress)
    if len(complaints) == len(split):
        check_readable(list(complaints.values()), len(split))
    log_left_out(list(complaints.values()), len(split), show=show_progress)
    readable = np.ones(len(split), dtype=np.bool_)
    readable[list(complaints)] = False
    return readable
