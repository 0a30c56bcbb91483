"""Models in torch, together with the transform they were trained with."""

import copy
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.data.augmentation.transforms import TestTransform
from passerby.data.loading.loaders import EvalLoader, open_source
from passerby.data.split import Split
from passerby.distributed.devices import choose_device
from passerby.errors import CheckpointError, DataError
from passerby.inference.camera_embedding import TrainedCameras
from passerby.inference.computing import BATCH_ON_CPU, Computing
from passerby.inference.embedder import BATCH, Embedder, check_batch_size
from passerby.inference.image_input import Channels, ImageInput, list_images, name_images, open_image
from passerby.inference.own_network import IMAGENET_MEAN, IMAGENET_STD, OwnNetwork
from passerby.inference.tensor_input import check_images
from passerby.inference.text_embedding import embed_texts
from passerby.inference.torch_card import card_of_network
from passerby.methods import find_method
from passerby.methods.method import EmbeddingModel, Method, no_attention
from passerby.models.backbones import Backbone
from passerby.models.feature_check import check_features
from passerby.models.weights_digest import add_weights
from passerby.models.zoo.card import ModelCard
from passerby.models.zoo.files import is_bare_backbone

if TYPE_CHECKING:
    from passerby.models.inspection.attention_maps import AttentionMaps


class TorchEmbedder(Embedder):
    """A network in torch that turns images into retrieval features.

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
        self.computing = Computing("torch", "fp32")

    @classmethod
    def of(
        cls,
        network: nn.Module,
        *,
        size: tuple[int, int] = (256, 128),
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
        device: str | torch.device | None = None,
    ) -> "TorchEmbedder":
        """An embedder of a network of one's own, which is left in evaluation mode.

        Args:
            network: has a method `embed(images)`, or returns features when it is called: float [B, D] for normalised
                images [B, 3, H, W]. Features are scaled to length 1.
            size: height and width that it sees.
            mean: of its normalisation, per channel (RGB), on the scale 0..1; by default ImageNet's.
            std: likewise.
            device: `cpu`, `cuda`, …; by default a GPU where there is one.

        Raises:
            CheckpointError: it does not give one feature per image.
            RecipeError: size, mean or std are not such numbers.
        """
        chosen, transform = choose_device(device), TestTransform(size, mean, std)
        return cls(OwnNetwork(network.to(chosen), size), transform, {}, chosen)

    def __repr__(self) -> str:
        network = self.model.network if isinstance(self.model, OwnNetwork) else self.model
        kind = self.description.get("method") or self.description.get("architecture") or type(network).__name__
        height, width = self.transform.size
        precision = "" if self.computing.precision == "fp32" else f" in {self.computing.precision}"
        parts = [str(kind), f"{height}×{width} → {self.embed_dim} dimensions", f"on {self.device}{precision}"]
        if self.file is not None:
            parts.append(f"from {self.file}")
        if trained := [str(each["name"]) for each in self.description.get("trained_on") or ()]:
            parts.append(f"trained on {', '.join(trained)}")
        return f"Embedder({', '.join(parts)})"

    @property
    def embed_dim(self) -> int:
        """Length of a feature."""
        return cast(EmbeddingModel, self.model).embed_dim

    @cached_property
    def card(self) -> ModelCard:
        """What the model takes and gives, and what its licence says."""
        return card_of_network(self.model, self.transform, self.description, self.file)

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
        batch_size: int = BATCH,
        channels: Channels = "rgb",
    ) -> NDArray[np.float32]:
        """Features of images, float32 [N, D], L2-normalised; see `Embedder.embed`."""
        check_batch_size(batch_size)
        if isinstance(images, Tensor):
            if channels != "rgb":
                raise DataError("channels is about arrays of pixels: a tensor is taken as already preprocessed")
            batches: Iterator[Tensor] = iter(check_images(images, self.transform.size).split(batch_size))
            names = [f"image {row + 1}" for row in range(len(images))]
        else:
            listed = list_images(images, channels)
            batches, names = self._prepared(listed, batch_size), name_images(listed)
        ids = None if cameras is None else self._camera_ids(cameras, len(names))
        features, first = [np.empty((0, self.embed_dim), np.float32)], 0
        for batch in batches if names else ():
            some = slice(first, first + len(batch))
            features.append(self.embed_batch(batch, None if ids is None else ids[some], names[some]))
            first += len(batch)
        return np.concatenate(features)

    def embed_batch(
        self, images: Tensor, cameras: NDArray[np.int64] | None = None, names: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Features of one preprocessed batch; a CPU computes 16 of its images at a time.

        Args:
            images: float [B, 3, H, W].
            cameras: rows of the camera embedding, int64 [B], -1 where unknown; None for all.
            names: of the images, for messages.

        Returns:
            float32 [B, D].

        Raises:
            CheckpointError: a feature is not finite, or has no length.
        """
        at_once = BATCH_ON_CPU if self.device.type == "cpu" else max(len(images), 1)
        ids = None if cameras is None else torch.from_numpy(cameras)
        parts = [
            self._embed_some(images[first : first + at_once], None if ids is None else ids[first : first + at_once])
            for first in range(0, max(len(images), 1), at_once)
        ]
        features = torch.cat(parts)
        check_features(features, names)
        found: NDArray[np.float32] = features.cpu().numpy()
        return found

    @torch.inference_mode()
    def _embed_some(self, images: Tensor, camera_ids: Tensor | None) -> Tensor:
        ids = None if camera_ids is None else camera_ids.to(self.device)
        in_half = self.computing.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=in_half):
            return cast(EmbeddingModel, self.model).embed(images.to(self.device, torch.float32), ids).float()

    def in_bfloat16(self) -> "TorchEmbedder":
        """The same network, computing in bfloat16 what torch holds to be safe in it (autocast)."""
        for part in self.model.modules():
            if isinstance(part, Backbone):
                part.embeds_in_float32 = False  # so that autocast reaches it; without, it stays as exact as it was
        other = copy.copy(self)
        other.computing = Computing("torch", "bf16")
        return other

    def embed_text(self, texts: str | Sequence[str]) -> NDArray[np.float32]:
        """Features of sentences about people, float32 [N, D], L2-normalised; see `Embedder.embed_text`."""
        return embed_texts(self.model, self.description, texts, self.device)

    def open_split(self, split: Split, *, skip_unreadable: bool = False, show_progress: bool = True) -> "TensorSplit":
        """The images of a split that can be read; see `Embedder.open_split`."""
        return TensorSplit(self, split, skip_unreadable=skip_unreadable, show_progress=show_progress)

    def fingerprint(self) -> bytes:
        """Tells weights and transform from others."""
        digest = hashlib.blake2b(digest_size=16)
        add_weights(digest, self.model.state_dict().items())
        digest.update(repr(self.transform).encode())
        return digest.digest()

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
        if not isinstance(cameras, Iterable):
            raise DataError(f"cameras must be {count} whole numbers, one for each image, not {cameras!r}")
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


class TensorSplit:
    """The images of a split that can be read, as batches of tensors for a network.

    Args:
        embedder: the network.
        split: the images.
        skip_unreadable, show_progress: see `Embedder.open_split`.
    """

    def __init__(
        self, embedder: TorchEmbedder, split: Split, *, skip_unreadable: bool = False, show_progress: bool = True
    ) -> None:
        self._embedder = embedder
        self.split, self._source = open_source(
            split, embedder.transform, skip_unreadable=skip_unreadable, show_progress=show_progress
        )

    def features(
        self, batch_size: int, *, rows: range | None = None, cameras: TrainedCameras | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Rows and their features, batch by batch; see `OpenedSplit.features`."""
        model = self._embedder
        loader = EvalLoader(self.split, self._source, model.transform, batch_size, rows=rows, device=model.device)
        for batch in loader:
            places = batch.indices.cpu().numpy()
            names = [str(self.split.path(row)) for row in places.tolist()]
            ids = None if cameras is None else cameras.of(batch.cameras.cpu().numpy())
            yield places, model.embed_batch(batch.images, ids, names)


def in_torch(embedder: Embedder, purpose: str) -> TorchEmbedder:
    """The embedder, if its network can be looked into.

    Args:
        embedder: any.
        purpose: what for, for the message.

    Raises:
        CheckpointError: it is a model file of which nothing but inputs and outputs can be seen.
    """
    if not isinstance(embedder, TorchEmbedder):
        raise CheckpointError(
            f"{embedder.file}: {purpose} looks inside the network, and a model file shows what goes in and comes out "
            "alone: give a run's folder or a file of weights"
        )
    return embedder
