"""A pixel source of occluded images, and the donors that occlude people by people."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from passerby.data.cache.pixel_cache import Pixels
from passerby.data.loading.pixel_sources import PixelSource
from passerby.data.occlusion.occlude import Condition, Fill, Occluded, Occlusion, donor_choice, image_seed, occlude
from passerby.data.pixels.decoding import Interpolation, Size, read_image, resize_image
from passerby.data.split import JUNK, Split
from passerby.errors import DataError


def read_mask(file: Path, size: Size) -> NDArray[np.uint8]:
    """A mask at a size, uint8 [H, W].

    Raises:
        DataError: it cannot be read.
    """
    return np.asarray(read_image(file).convert("L").resize((size[1], size[0]), Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class Donors:
    """People who may be pasted over others.

    Attributes:
        split: their images, such as a benchmark's training images; never identities that are searched for.
        masks: a folder with a mask for every image, of the image's name with the suffix .png: grey, how much of a pixel
            shows the person. None: whole strips are pasted.
    """

    split: Split
    masks: Path | None = None

    def images(
        self, row: int, size: Size, interpolation: Interpolation
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """The donor of a row and its mask, at a size: uint8 [H, W, 3], and uint8 [H, W] or None.

        Raises:
            DataError: the image or its mask cannot be read.
        """
        picture = resize_image(read_image(self.split.path(row)), size, interpolation)
        file = self.mask_file(row)
        return picture, None if file is None else read_mask(file, size)

    def mask_file(self, row: int) -> Path | None:
        """The file of a row's mask; None where there are no masks."""
        return None if self.masks is None else (self.masks / str(self.split.paths[row])).with_suffix(".png")


@dataclass(frozen=True)
class OcclusionRun:
    """One corruption of a whole split.

    Attributes:
        data: name of the data set, which keys the seeds.
        condition, fill: see `passerby.data.occlusion.occlude`.
        run: number of the repetition; other runs, other places and other donors.
    """

    data: str
    condition: Condition
    run: int = 0
    fill: Fill = "grey"

    def occlusion(self, file: str, level: float) -> Occlusion:
        """The occlusion of an image, named by its path in the split, at a level."""
        return Occlusion(self.condition, level, image_seed(self.data, file, self.condition, self.run), self.fill)


def choose_donors(split: Split, donors: Donors, run: OcclusionRun, excluded: frozenset[str]) -> NDArray[np.int64]:
    """The row of the donor of each image of a split, int64 [N]: never of the image's own person.

    Args:
        split: the images to occlude.
        donors: to choose from.
        run: keys the choice.
        excluded: names of identities that must not be pasted, such as those in the gallery.

    Raises:
        DataError: no donor is left for an image.
    """
    names = np.array([*donors.split.identity_names, ""], dtype=object)[donors.split.identities]
    usable = np.flatnonzero((donors.split.identities != JUNK) & ~np.isin(names, list(excluded)))
    chosen = np.empty(len(split), dtype=np.int64)
    own_names = np.array([*split.identity_names, ""], dtype=object)[split.identities]
    for row, file in enumerate(split.paths.to_pylist()):
        others = usable if own_names[row] not in names[usable] else usable[names[usable] != own_names[row]]
        if not len(others):
            raise DataError(f"{run.data}: nobody can stand before {file}: the training images show no other people")
        seed = image_seed(run.data, file, run.condition, run.run)
        chosen[row] = others[donor_choice(seed, len(others))]
    return chosen


class OccludedSource:
    """The images of a source, occluded at one level after they have been resized.

    Args:
        source: of the whole images.
        split: the same rows.
        run: how they are occluded.
        level: how much of each.
        donors: for the condition `people`, with the row of each image's donor.
    """

    def __init__(
        self,
        source: PixelSource,
        split: Split,
        run: OcclusionRun,
        level: float,
        donors: tuple[Donors, NDArray[np.int64]] | None = None,
    ) -> None:
        self._source, self._split, self._run, self._level, self._donors = source, split, run, level, donors
        self.covered = np.zeros(len(split))
        """The share of each image that is occluded, float64 [N]; 0 until the image has been asked for."""

    def __len__(self) -> int:
        return len(self._source)

    def gather(
        self, rows: NDArray[np.int64], size: Size, interpolation: Interpolation, *, native: bool = False
    ) -> Pixels:
        """The occluded images of these rows at `size`; `native` makes no difference."""
        del native
        images = self._source.gather(rows, size, interpolation).on().numpy().transpose(0, 2, 3, 1)
        occluded = np.empty_like(images)
        for place, row in enumerate(rows.tolist()):
            result = self._occlude(images[place], row, size, interpolation)
            occluded[place], self.covered[row] = result.image, result.covered
        tensor = torch.from_numpy(np.ascontiguousarray(occluded.transpose(0, 3, 1, 2)))
        return Pixels(((torch.arange(len(rows)), tensor),), size, interpolation)

    def _occlude(self, image: NDArray[np.uint8], row: int, size: Size, interpolation: Interpolation) -> Occluded:
        occlusion = self._run.occlusion(str(self._split.paths[row]), self._level)
        if self._donors is None or not self._level:
            return occlude(image, occlusion, image)
        donors, chosen = self._donors
        return occlude(image, occlusion, *donors.images(int(chosen[row]), size, interpolation))
