"""Batches of images that something hides in part, and which of their pixels it hides."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.occlusion.occlude import Fill, Occluded, Occlusion, occlude
from passerby.data.occlusion.source import Donors, read_mask
from passerby.methods.method import TrainingData
from passerby.methods.saga.recipe import VisibilitySection
from passerby.methods.stage import keyed_seed

_FILLS: tuple[Fill, ...] = ("grey", "noise", "mean")
_LARGEST_SEED = 2**31


class HiddenBatch(NamedTuple):
    """Images of which something hides a part.

    Attributes:
        images: normalised, float32 [B, 3, H, W].
        visible: 1 where a pixel is the image's own, 0 where it is hidden, float32 [B, H, W].
    """

    images: Tensor
    visible: Tensor


class HiddenBatches:
    """Images of a batch hidden by rectangles, rows, cells, or by people of the same batch, who are other people.

    Args:
        data: the training images.
        rows: of each batch, int64 [steps, P · K], K images of a person beside each other.
        section: how much of how many images is hidden, and by what.
        key: keys everything random of an epoch; with it and the step, no state is needed to go on.
        device: of the batches.
    """

    def __init__(
        self,
        data: TrainingData,
        rows: NDArray[np.int64],
        section: VisibilitySection,
        *,
        key: tuple[int | str, ...],
        device: torch.device,
    ) -> None:
        self._data, self._rows, self._section, self._key, self._device = data, rows, section, key, device
        self._donors = Donors(data.split, section.masks)
        self._first = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[HiddenBatch]:
        for step in range(self._first, len(self._rows)):
            yield self._batch(step)

    def skip_to(self, step: int) -> None:
        """Begin with this step."""
        self._first = step

    def _batch(self, step: int) -> HiddenBatch:
        generator = np.random.default_rng(keyed_seed(*self._key, step))
        rows, transform = self._rows[step], self._data.test_transform
        pixels = self._data.plain.gather(rows, transform.size, transform.interpolation).on(torch.device("cpu"))
        images = [image.permute(1, 2, 0).numpy() for image in pixels]
        # K images of a person stand together, so a shift by K to B - K leads to another person.
        size = self._section.images_per_identity
        shift = int(generator.integers(size, len(rows) - size + 1))
        hidden = [
            self._hide(image, images[(place + shift) % len(rows)], int(rows[(place + shift) % len(rows)]), generator)
            for place, image in enumerate(images)
        ]
        stacked = torch.from_numpy(np.stack([each.image.transpose(2, 0, 1) for each in hidden]))
        visible = torch.from_numpy(np.stack([~each.mask for each in hidden])).float()
        return HiddenBatch(transform.normalise(stacked.to(self._device)), visible.to(self._device))

    def _hide(
        self, image: NDArray[np.uint8], other: NDArray[np.uint8], other_row: int, generator: np.random.Generator
    ) -> Occluded:
        """One image, mirrored half of the time, with something before it most of the time."""
        image = image[:, ::-1] if generator.random() < 0.5 else image
        whole, level = generator.random() < self._section.whole, generator.uniform(0, self._section.largest)
        condition = self._section.hidden_by[int(generator.integers(len(self._section.hidden_by)))]
        fill, seed = _FILLS[int(generator.integers(len(_FILLS)))], int(generator.integers(_LARGEST_SEED))
        occlusion = Occlusion(condition, 0.0 if whole else float(level), seed, fill)
        file = self._donors.mask_file(other_row) if condition == "people" else None
        mask = None if file is None else read_mask(file, (image.shape[0], image.shape[1]))
        return occlude(image, occlusion, other, mask)


def hidden_example(labels: Tensor, size: tuple[int, int]) -> HiddenBatch:
    """Noise of which nothing is hidden, as many images as labels."""
    images = torch.randn(len(labels), 3, *size, device=labels.device)
    return HiddenBatch(images, torch.ones(len(labels), *size, device=labels.device))
