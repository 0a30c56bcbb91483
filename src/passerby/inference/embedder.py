"""A trained model together with the transform it was trained with: images in, features out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.data.augmentation.transforms import TestTransform
from passerby.distributed.devices import choose_device
from passerby.errors import DataError
from passerby.inference.image_input import ImageInput, check_images, list_images, name_images, open_image
from passerby.inference.own_network import IMAGENET_MEAN, IMAGENET_STD, OwnNetwork
from passerby.inference.text_embedding import embed_texts
from passerby.methods import find_method
from passerby.methods.method import EmbeddingModel, Method, no_attention
from passerby.models.feature_check import check_features
from passerby.models.zoo.files import is_bare_backbone

if TYPE_CHECKING:
    from passerby.models.inspection.attention_maps import AttentionMaps

_BATCH = 64


class Embedder:
    """Turns images into retrieval features.

    Args:
        model: a module that is an `EmbeddingModel`.
        transform: from an image to the model's input.
        description: what the file of weights declares about itself.
        device: where to compute.
        file: the file of weights; None for a model that is in memory only.
    """

    def __init__(
        self,
        model: nn.Module,
        transform: TestTransform,
        description: Mapping[str, Any],
        device: torch.device,
        file: Path | None = None,
    ) -> None:
        self.model = model.to(device).eval()
        self.transform = transform
        self.description = dict(description)
        self.device = device
        self.file = file

    @classmethod
    def of(
        cls,
        network: nn.Module,
        *,
        size: tuple[int, int] = (256, 128),
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        device: str | torch.device | None = None,
    ) -> "Embedder":
        """An embedder of a network of one's own, which is left in evaluation mode.

        Args:
            network: has a method `embed(images)`, or returns features when it is called: float [B, D] for normalised
                images [B, 3, H, W]. Features are scaled to length 1.
            size: height and width that it sees.
            mean, std: of its normalisation, per channel (RGB), on the scale 0..1; by default ImageNet's.
            device: `cpu`, `cuda`, …; by default a GPU where there is one.

        Raises:
            CheckpointError: it does not give one feature per image.
        """
        chosen = choose_device(device)
        return cls(OwnNetwork(network.to(chosen), size), TestTransform(size, mean, std), {}, chosen)

    def __repr__(self) -> str:
        network = self.model.network if isinstance(self.model, OwnNetwork) else self.model
        kind = self.description.get("method") or self.description.get("architecture") or type(network).__name__
        height, width = self.transform.size
        parts = [str(kind), f"{height}×{width} → {self.embed_dim} dimensions", f"on {self.device}"]
        if self.file is not None:
            parts.append(f"from {self.file}")
        if trained := [str(each["name"]) for each in self.description.get("trained_on") or ()]:
            parts.append(f"trained on {', '.join(trained)}")
        return f"Embedder({', '.join(parts)})"

    @property
    def embed_dim(self) -> int:
        """Length of a feature."""
        return cast(EmbeddingModel, self.model).embed_dim

    @property
    def method(self) -> Method[Any, Any] | None:
        """The method that trained the model; None for a backbone of others, and where nothing is declared."""
        name = self.description.get("method")
        return None if name is None or is_bare_backbone(self.description) else find_method(name)

    def embed(
        self,
        images: ImageInput | Iterable[ImageInput] | Tensor,
        *,
        cameras: Sequence[int | None] | None = None,
        batch_size: int = _BATCH,
    ) -> NDArray[np.float32]:
        """Features of images.

        Args:
            images: files, PIL images or uint8 RGB arrays [H, W, 3], which are resized and normalised as the model
                needs; one of them alone; or a float tensor [N, 3, H, W], taken as already preprocessed.
            cameras: for a model with camera embedding, the row of it that belongs to each image's camera, numbered as
                in training; -1 or None where unknown. Other models ignore it.
            batch_size: images computed at once.

        Returns:
            float32 [N, D], L2-normalised.

        Raises:
            DataError: a file that cannot be decoded, arrays and tensors of another shape or type, or with NaN, anything
                that is no image, cameras that the model does not have, or a batch size that is no number from 1.
            CheckpointError: the feature of an image is not finite, or has no length.
        """
        check_batch_size(batch_size)
        if isinstance(images, Tensor):
            batches: Iterator[Tensor] = iter(check_images(images, self.transform.size).split(batch_size))
            names = [f"image {row + 1}" for row in range(len(images))]
        else:
            listed = list_images(images)
            batches, names = self._prepared(listed, batch_size), name_images(listed)
        ids = None if cameras is None else self._camera_ids(cameras, len(names))
        features, first = [np.empty((0, self.embed_dim), np.float32)], 0
        for batch in batches if names else ():
            some = slice(first, first + len(batch))
            features.append(self.embed_batch(batch, None if ids is None else ids[some], names[some]))
            first += len(batch)
        return np.concatenate(features)

    @torch.inference_mode()
    def embed_batch(
        self, images: Tensor, cameras: NDArray[np.int64] | None = None, names: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Features of one preprocessed batch.

        Args:
            images: float [B, 3, H, W].
            cameras: rows of the camera embedding, int64 [B], -1 where unknown; None for all.
            names: of the images, for messages.

        Returns:
            float32 [B, D].

        Raises:
            CheckpointError: a feature is not finite, or has no length.
        """
        camera_ids = None if cameras is None else torch.from_numpy(cameras).to(self.device)
        features = cast(EmbeddingModel, self.model).embed(images.to(self.device, torch.float32), camera_ids).float()
        check_features(features, names)
        found: NDArray[np.float32] = features.cpu().numpy()
        return found

    def embed_text(self, texts: str | Sequence[str]) -> NDArray[np.float32]:
        """Features of sentences about people, to compare with those of images; `tiny-clip` and its like can do this.

        Args:
            texts: sentences; one of them alone gives one row. Words that the model never read are named in a warning.

        Returns:
            float32 [N, D], L2-normalised: the inner product with an image's feature is their similarity.

        Raises:
            CheckpointError: the model has no text tower whose features can be compared with its images'.
            DataError: something is no text, empty, or longer than 77 tokens.
        """
        return embed_texts(self.model, self.description, texts, self.device)

    def feature_variants(self, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
        """Every feature that one forward pass gives, by name, each float32 [B, D] of length 1.

        Args:
            images: normalised, [B, 3, H, W], on the model's device.
            camera_ids: int64 [B] or None; see `embed`.
        """
        if self.method is None:
            return {"embedding": cast(EmbeddingModel, self.model).embed(images, camera_ids)}
        variants = self.method.feature_variants(self.model, images, camera_ids)
        return {name: F.normalize(feature.float()) for name, feature in variants.items()}

    def attention_maps(self, images: Tensor, *, anchors: int = 3) -> "list[AttentionMaps]":
        """Maps of where the model looks, for each of the normalised images [B, 3, H, W].

        Args:
            images: on the model's device.
            anchors: how many anchors to show, for models that have any.

        Raises:
            CheckpointError: the model has no attention.
        """
        if self.method is None:
            raise no_attention(self.model)
        return self.method.attention_maps(self.model, images, anchors=anchors)

    def _camera_ids(self, cameras: Sequence[int | None], count: int) -> NDArray[np.int64]:
        ids = np.asarray([-1 if camera is None else camera for camera in cameras])
        if ids.shape != (count,) or not (np.issubdtype(ids.dtype, np.integer) or not count):
            raise DataError(
                f"cameras must be {count} whole numbers, one for each image, not {ids.dtype} {list(ids.shape)}"
            )
        known = int(self.description.get("camera_count", 0))
        outside = ids[(ids < -1) | (ids >= known)] if known else ids[:0]
        if outside.size:
            raise DataError(
                f"camera {outside[0]} is not among the {known} that the model was trained with: number them from 0 to "
                f"{known - 1} as in training, or give -1 where unknown"
            )
        return ids.astype(np.int64)

    def _prepared(self, images: Sequence[ImageInput], batch_size: int) -> Iterator[Tensor]:
        for first in range(0, len(images), batch_size):
            yield torch.stack([self.transform(open_image(image)) for image in images[first : first + batch_size]])


def check_batch_size(batch_size: int) -> None:
    """Raise a DataError for what is no whole number from 1."""
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise DataError(f"batch_size must be a whole number, at least 1, not {batch_size!r}")
