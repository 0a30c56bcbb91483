"""What every model that embeds can do, whatever computes it: images and sentences in, features out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from passerby.data.arguments import check_whole_number
from passerby.data.split import Split
from passerby.inference.computing import Computing
from passerby.inference.image_input import Channels, ImageInput
from passerby.models.zoo.card import ModelCard

if TYPE_CHECKING:
    from torch import Tensor

    from passerby.inference.camera_embedding import TrainedCameras

BATCH = 64
"""Images embedded at once where nobody says."""


class OpenedSplit(Protocol):
    """The images of a split that can be read, ready to be embedded."""

    split: Split
    """Those images."""

    def features(
        self, batch_size: int, *, rows: range | None = None, cameras: "TrainedCameras | None" = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Rows, int64 [B], and their features, float32 [B, D], batch by batch.

        Args:
            batch_size: images computed at once.
            rows: which; by default all.
            cameras: how the cameras of the split are numbered in the model; None: the mean of its cameras.

        Raises:
            DataError: an image cannot be read.
            CheckpointError: the feature of an image is not finite, or has no length; the image is named.
        """
        ...


class Embedder(ABC):
    """A model with its transform, as `passerby.load` returns it.

    Attributes:
        description: what the file of weights declares about itself.
        file: the file of weights; None for a model that is in memory only.
        computing: in which runtime and precision, and the proof that this changes nothing.
    """

    description: dict[str, Any]
    file: Path | None
    computing: Computing

    def in_bfloat16(self) -> "Embedder | None":
        """The same model computing in bfloat16 where it is now; None where that is another way to open it."""
        return None

    @property
    @abstractmethod
    def card(self) -> ModelCard:
        """What the model takes and gives, and what its licence says."""

    @property
    @abstractmethod
    def embed_dim(self) -> int:
        """Length of a feature."""

    @property
    def feature_dim(self) -> int:
        """Length of a feature: `embed_dim` by its other name."""
        return self.embed_dim

    @abstractmethod
    def embed(
        self,
        images: "ImageInput | Iterable[ImageInput] | Tensor",
        *,
        cameras: Sequence[int | None] | None = None,
        batch_size: int = BATCH,
        channels: Channels = "rgb",
    ) -> NDArray[np.float32]:
        """Features of images.

        Args:
            images: files, PIL images or uint8 RGB arrays [H, W, 3], which are resized and normalised as the model
                needs; one of them alone. For a model in torch also a float tensor [N, 3, H, W], taken as already
                preprocessed.
            cameras: for a model with camera embedding, the row of it that belongs to each image's camera, numbered as
                in training; -1 or None where unknown. Other models ignore it.
            batch_size: images computed at once.
            channels: the order of the colours of arrays; `"bgr"` for those that OpenCV reads. In the wrong order
                features are worse, and nothing tells.

        Returns:
            float32 [N, D], L2-normalised.

        Raises:
            DataError: a file that cannot be decoded, arrays and tensors of another shape or type, or with NaN, anything
                that is no image, cameras that the model does not have, or a batch size that is no number from 1.
            CheckpointError: the feature of an image is not finite, or has no length.
        """

    @abstractmethod
    def embed_text(self, texts: str | Sequence[str]) -> NDArray[np.float32]:
        """Features of sentences about people, to compare with those of images; `tiny-clip` and its like can do this.

        Args:
            texts: sentences; one of them alone gives one row. Words that the model never read are named in a warning.

        Returns:
            float32 [N, D], L2-normalised: the inner product with an image's feature is their similarity.

        Raises:
            CheckpointError: the model has no text tower whose features can be compared with its images'.
            DataError: something is no text, empty, or longer than the tower reads.
        """

    @abstractmethod
    def open_split(self, split: Split, *, skip_unreadable: bool = False, show_progress: bool = True) -> OpenedSplit:
        """Make the images of a split ready to be embedded.

        Args:
            split: the images.
            skip_unreadable: leave out images that cannot be decoded, and say how many, instead of stopping.
            show_progress: report on stderr what is done.

        Raises:
            DataError: none of the images can be read.
        """

    @abstractmethod
    def fingerprint(self) -> bytes:
        """Tells weights and transform from others, whatever computes: models with the same one give the same features,
        up to the rounding of `computing`."""


def check_batch_size(batch_size: int) -> None:
    """Raise a DataError for what is no whole number from 1."""
    check_whole_number("batch_size", batch_size, at_least=1)
