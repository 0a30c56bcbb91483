"""Patch tokens of augmented views, computed once by a frozen image tower and kept on disk.

A folder of blocks, each a NumPy file of float16 tokens [images, views, tokens, width] and one of projected features
[images, views, joint width]. Blocks are memory-mapped, so that a batch reads what it needs and memory holds what the
system can spare; they appear whole or not at all, so that an interrupted extraction goes on where it was.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from passerby.atomic_files import write_atomically
from passerby.data.augmentation.batch import AugmentationParameters
from passerby.data.cache.pixel_cache import Pixels
from passerby.data.fingerprint import fingerprint
from passerby.data.loading.prefetching import Prefetcher
from passerby.errors import DeviceError
from passerby.methods.method import TrainingData
from passerby.models.feature_check import check_features
from passerby.models.weights_digest import add_weights
from passerby.progress import Progress, log_line

_BLOCK_BYTES = 256 * 2**20
_MOST_BLOCKS = 256
EXTRACTION_BATCH = 64
"""Images whose tokens are computed at once."""


class ImageTokens(NamedTuple):
    """What a frozen tower makes of a batch: patch tokens [B, T, D] and projected features [B, E]."""

    patches: Tensor
    projected: Tensor


TokenFunction = Callable[[Tensor], ImageTokens]
"""From normalised images [B, 3, H, W] to their tokens."""


@dataclass(frozen=True)
class TokenShape:
    """Sizes of a cache.

    Attributes:
        images: N; views: V of each.
        tokens: T of each view; width: D of a token; joint_dim: E of a projected feature.
    """

    images: int
    views: int
    tokens: int
    width: int
    joint_dim: int

    @property
    def bytes_per_image(self) -> int:
        """What the views of one image take, in bytes."""
        return 2 * self.views * (self.tokens * self.width + self.joint_dim)

    @property
    def block(self) -> int:
        """Images in a block: as many as a block's bytes hold, more if there would be too many blocks to keep open."""
        return max(1, _BLOCK_BYTES // self.bytes_per_image, -(-self.images // _MOST_BLOCKS))

    @property
    def blocks(self) -> list[range]:
        """Rows of each block."""
        return [range(first, min(first + self.block, self.images)) for first in range(0, self.images, self.block)]

    def describe(self) -> str:
        """The size in words."""
        total = self.images * self.bytes_per_image
        size = f"{total / 1e9:.1f} GB" if total > 1e8 else f"{total / 1e6:.1f} MB"
        return f"{self.images:,} images × {self.views} views × {self.tokens} tokens of {self.width}, float16: {size}"


class TokenCache:
    """Tokens of all training images, by row and view.

    Args:
        folder: of the blocks.
        shape: their sizes.
    """

    def __init__(self, folder: Path, shape: TokenShape) -> None:
        self.folder, self.shape = folder, shape
        self._open: dict[int, tuple[NDArray[np.float16], NDArray[np.float16]]] = {}

    def missing(self) -> list[int]:
        """Numbers of the blocks that have not been written yet; damaged ones are removed, and that is said."""
        return [number for number in range(len(self.shape.blocks)) if not self._is_whole(number)]

    def check_room(self, *, show: bool) -> None:
        """Say how large the cache will be, and refuse a disk without room for what is missing.

        Raises:
            DeviceError: not enough room.
        """
        missing = self.missing()
        if not missing:
            return
        log_line(f"token cache in {self.folder}: {self.shape.describe()}", show=show)
        needed = sum(len(self.shape.blocks[number]) for number in missing) * self.shape.bytes_per_image
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise DeviceError(
                f"{self.folder}: the token cache needs {needed / 1e9:.1f} GB more, the disk has {free / 1e9:.1f} GB: "
                "set tokens.folder to a larger disk, fewer tokens.views, or tokens.cache=none"
            )

    def extract(
        self,
        function: TokenFunction,
        data: TrainingData,
        blocks: list[int],
        *,
        seed: int,
        device: torch.device,
        quiet: bool,
    ) -> None:
        """Compute and write some blocks.

        A view's augmentation depends on (seed, view, row) alone.

        Args:
            function: without gradient.
            data: what to compute from.
            blocks: their numbers.
            seed: of the augmentation.
            device: where images are augmented, and where `function` wants them.
            quiet: show no progress.
        """
        count = sum(len(self.shape.blocks[number]) for number in blocks) * self.shape.views
        with Progress("tokens", count, unit="views", quiet=quiet) as progress:
            for number in blocks:
                self._write(number, function, _Views(data, seed, device), progress)

    def gather(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> ImageTokens:
        """Tokens of some rows, each in one of its views (both int64 [B]); float16 on the CPU."""
        shape = self.shape
        patches = np.empty((len(rows), shape.tokens, shape.width), np.float16)
        projected = np.empty((len(rows), shape.joint_dim), np.float16)
        for place, (row, view) in enumerate(zip(rows.tolist(), views.tolist(), strict=True)):
            number, inside = divmod(row, shape.block)
            if number not in self._open:
                tokens, features = (np.load(file, mmap_mode="r") for file in self._files(number))
                self._open[number] = tokens, features
            tokens, features = self._open[number]
            patches[place], projected[place] = tokens[inside, view], features[inside, view]
        return ImageTokens(torch.from_numpy(patches), torch.from_numpy(projected))

    def remove(self) -> None:
        """Delete the cache."""
        self._open.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, number: int, function: TokenFunction, views: "_Views", progress: Progress) -> None:
        rows, shape = self.shape.blocks[number], self.shape
        patches = np.empty((len(rows), shape.views, shape.tokens, shape.width), np.float16)
        projected = np.empty((len(rows), shape.views, shape.joint_dim), np.float16)
        for view in range(shape.views):
            for places, pixels, parameters in Prefetcher(views.batches(view, rows), 2):
                tokens = function(views.data.train_transform.apply(pixels.on(views.device), parameters))
                names = [str(views.data.split.path(row)) for row in places.tolist()]
                check_features(tokens.patches.half(), names)
                check_features(tokens.projected.half(), names)
                inside = places - rows.start
                patches[inside, view] = tokens.patches.half().cpu().numpy()
                projected[inside, view] = tokens.projected.half().cpu().numpy()
                progress.advance(len(places))
        tokens_file, features_file = self._files(number)
        for file, values in ((features_file, projected), (tokens_file, patches)):  # tokens last: they mark the block
            with write_atomically(file) as temporary, temporary.open("wb") as stream:
                np.save(stream, values)

    def _is_whole(self, number: int) -> bool:
        files, shape = self._files(number), self.shape
        if not files[0].exists():
            return False
        block = len(shape.blocks[number]), shape.views
        try:
            shapes = [np.load(file, mmap_mode="r").shape for file in files]
        except (OSError, ValueError, EOFError):
            shapes = []
        if shapes == [(*block, shape.tokens, shape.width), (*block, shape.joint_dim)]:
            return True
        log_line(f"{files[0]} is damaged and its tokens are computed again", show=True)
        files[0].unlink(missing_ok=True)
        return False

    def _files(self, number: int) -> tuple[Path, Path]:
        return self.folder / f"{number:05d}-tokens.npy", self.folder / f"{number:05d}-projected.npy"


def cache_name(tower: nn.Module, data: TrainingData, *, layers: tuple[int, ...], views: int, seed: int) -> str:
    """Names the tokens of these images by this tower, 32 hexadecimal digits: other weights, other name."""
    digest = hashlib.blake2b(digest_size=16)
    add_weights(digest, tower.state_dict().items())
    digest.update(repr((data.train_transform, layers, views, seed, fingerprint(data.split))).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Views:
    """Augmented images, on a device."""

    data: TrainingData
    seed: int
    device: torch.device

    def batches(self, view: int, rows: range) -> Iterator[tuple[NDArray[np.int64], Pixels, AugmentationParameters]]:
        """Rows, pixels and what is drawn for them, in batches."""
        transform = self.data.train_transform
        for first in range(rows.start, rows.stop, EXTRACTION_BATCH):
            places = np.arange(first, min(first + EXTRACTION_BATCH, rows.stop), dtype=np.int64)
            pixels = self.data.training.gather(places, transform.size, transform.interpolation)
            yield places, pixels, transform.sample(seed=self.seed, epoch=view, positions=places)
