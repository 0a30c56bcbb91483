"""A trained model together with the transform it was trained with: images in, features out."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.data.augmentation.transforms import TestTransform
from passerby.data.pixels.decoding import read_image
from passerby.distributed.devices import choose_device
from passerby.errors import CheckpointError, DataError
from passerby.inference.camera_embedding import stated_training_set
from passerby.inference.own_network import IMAGENET_MEAN, IMAGENET_STD, OwnNetwork
from passerby.inference.text_embedding import embed_texts
from passerby.methods import METHODS, find_method
from passerby.methods.method import EmbeddingModel, Method, no_attention
from passerby.models.bundled import resolve_path
from passerby.models.checkpoint import read_description, read_tensors
from passerby.models.zoo.files import describe_bare_backbone, is_bare_backbone, recognise_backbone, restore_backbone
from passerby.runs.needed_plugins import recall_needed_plugins
from passerby.runs.run_directory import RunDirectory

if TYPE_CHECKING:
    from passerby.models.inspection.attention_maps import AttentionMaps

Picture = str | Path | Image.Image | NDArray[np.uint8]
"""A file, a PIL image, or a uint8 RGB array [H, W, 3]."""

_BATCH = 64


class Embedder:
    """Turns images into retrieval features.

    Args:
        model: a module that is an `EmbeddingModel`.
        transform: from an image to the model's input.
        description: what the file of weights says about itself.
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
        """The method that trained the model; None for a backbone of others, and where nothing says."""
        name = self.description.get("method")
        return None if name is None or is_bare_backbone(self.description) else find_method(name)

    def embed(
        self,
        images: Picture | Iterable[Picture] | Tensor,
        *,
        cameras: Sequence[int | None] | None = None,
        batch_size: int = _BATCH,
    ) -> NDArray[np.float32]:
        """Features of images.

        Args:
            images: files, PIL images or uint8 RGB arrays [H, W, 3], which are resized and normalised as the model
                needs; one of them alone; or a float tensor [N, 3, H, W], taken as already preprocessed.
            cameras: for a model with camera embedding, the row of it that belongs to each image's camera, numbered as
                in training; -1 or None where unknown. Other models make nothing of it.
            batch_size: images computed at once.

        Returns:
            float32 [N, D], L2-normalised.

        Raises:
            DataError: a file that cannot be decoded, arrays and tensors of another shape or type, or with NaN, anything
                that is no image, cameras that the model does not have, or a batch size that is no number from 1.
        """
        check_batch_size(batch_size)
        if isinstance(images, Tensor):
            batches: Iterator[Tensor] = iter(_checked(images, self.transform.size).split(batch_size))
            count = len(images)
        else:
            pictures = _listed(images)
            batches, count = self._prepared(pictures, batch_size), len(pictures)
        slots = None if cameras is None else self._slots(cameras, count)
        features, first = [np.empty((0, self.embed_dim), np.float32)], 0
        for batch in batches if count else ():
            part = None if slots is None else slots[first : first + len(batch)]
            features.append(self.embed_batch(batch, part))
            first += len(batch)
        return np.concatenate(features)

    @torch.inference_mode()
    def embed_batch(self, images: Tensor, cameras: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Features float32 [B, D] of one preprocessed batch, float [B, 3, H, W], and its cameras, int64 [B]."""
        slots = None if cameras is None else torch.from_numpy(cameras).to(self.device)
        features = cast(EmbeddingModel, self.model).embed(images.to(self.device, torch.float32), slots)
        found: NDArray[np.float32] = features.float().cpu().numpy()
        return found

    def embed_text(self, texts: str | Sequence[str]) -> NDArray[np.float32]:
        """Features of sentences about people, to compare with those of images; `tiny-clip` and its like can do this.

        Args:
            texts: sentences; one of them alone gives one row. Words that the model never read are named in a warning.

        Returns:
            float32 [N, D], L2-normalised: the inner product with an image's feature says how well they fit.

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

    def _slots(self, cameras: Sequence[int | None], count: int) -> NDArray[np.int64]:
        slots = np.asarray([-1 if camera is None else camera for camera in cameras])
        if slots.shape != (count,) or not (np.issubdtype(slots.dtype, np.integer) or not count):
            raise DataError(
                f"cameras must be {count} whole numbers, one for each image, not {slots.dtype} {list(slots.shape)}"
            )
        known = int(self.description.get("camera_count", 0))
        outside = slots[(slots < -1) | (slots >= known)] if known else slots[:0]
        if outside.size:
            raise DataError(
                f"camera {outside[0]} is not among the {known} that the model was trained with: number them from 0 to "
                f"{known - 1} as in training, or give -1 where unknown"
            )
        return slots.astype(np.int64)

    def _prepared(self, pictures: Sequence[Picture], batch_size: int) -> Iterator[Tensor]:
        for first in range(0, len(pictures), batch_size):
            yield torch.stack([self.transform(_opened(picture)) for picture in pictures[first : first + batch_size]])


def load(
    source: str | Path,
    *,
    device: str | torch.device | None = None,
    allow_torchscript: bool = False,
    trained_on: str | None = None,
    camera_coefficient: float | None = None,
    network: str | None = None,
) -> Embedder:
    """A model ready to embed.

    Args:
        source: `tiny-clip`, which comes with passerby, a run's folder, a `model.safetensors`, or an official checkpoint
            of a method or a published backbone that we know.
        device: `cpu`, `cuda`, …; by default a GPU where there is one.
        allow_torchscript: see `passerby.models.checkpoint.read_tensors`.
        trained_on: for an official checkpoint with camera embedding, the data set it was trained on: a benchmark's
            name, or a table or folder. On that data, and on sets filmed by the same cameras, images then take the
            embedding of their own camera instead of the mean.
        camera_coefficient: likewise, the weight of the camera embedding, which such files do not tell; 1 by default.
        network: of a file with several networks the one that embeds, such as `teacher` or `student` of a run of `cion`;
            by default as its recipe says.

    Raises:
        CheckpointError: no such file, an unfinished run, tensors that no method recognises, or something said of a file
            that it says itself or has no use for.
    """
    if not isinstance(source, str | os.PathLike):
        raise CheckpointError(f"a model is named by a run's folder or a file of weights, not by {_kind(source)}")
    path = resolve_path(source)
    if path.is_dir():
        path = _model_of_run(path)
    description = read_description(path)
    tensors = read_tensors(path, allow_torchscript=allow_torchscript)
    if description is None:
        description = _recognise(path, tensors)
        description.update(_said_of_cameras(path, description, trained_on, camera_coefficient))
    elif trained_on is not None or camera_coefficient is not None:
        raise CheckpointError(
            f"{path}: says itself what it was trained on and how: leave out trained_on and camera_coefficient"
        )
    if "method" not in description and "stage" in description:
        raise CheckpointError(
            f"{path}: holds what training keeps of stage {description['stage']}, which does not say how to embed: "
            f"give the run's folder {path.parent.parent}"
        )
    if network is not None:
        description["network"] = _chosen_network(path, description, network)
    restore = restore_backbone if is_bare_backbone(description) else find_method(description.get("method")).restore
    transform = TestTransform(**{key: _tuple(value) for key, value in description["transform"].items()})
    model = restore(description, tensors, str(path))
    return Embedder(model, transform, description, choose_device(device), path)


def check_batch_size(batch_size: int) -> None:
    """Refuse what is no whole number from 1, with a DataError."""
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise DataError(f"batch_size must be a whole number, at least 1, not {batch_size!r}")


def _model_of_run(folder: Path) -> Path:
    run = RunDirectory(folder)
    recall_needed_plugins(folder)
    if run.model_file.is_file():
        return run.model_file
    if run.recipe_file.is_file():
        raise CheckpointError(f"{folder}: the run is not finished: continue it with `passerby train --resume {folder}`")
    raise CheckpointError(f"{folder}: holds no model.safetensors: give a run's folder or a file of weights")


def _said_of_cameras(
    path: Path, description: Mapping[str, Any], trained_on: str | None, coefficient: float | None
) -> dict[str, Any]:
    """What the user says of a foreign file's camera embedding, as the keys of our own descriptions."""
    if trained_on is None and coefficient is None:
        return {}
    if not description["camera_count"]:
        raise CheckpointError(f"{path}: has no camera embedding: leave out trained_on and camera_coefficient")
    said: dict[str, Any] = {} if coefficient is None else {"camera_coefficient": coefficient}
    if trained_on is not None:
        said["trained_on"] = [stated_training_set(trained_on, description["camera_count"], str(path))]
    return said


def _chosen_network(path: Path, description: Mapping[str, Any], network: str) -> str:
    known = () if is_bare_backbone(description) else find_method(description.get("method")).networks
    if not known:
        raise CheckpointError(f"{path}: holds one network: leave out network")
    if network not in known:
        raise CheckpointError(f"{path}: has no network {network!r}: choose {' or '.join(known)}")
    return network


def _recognise(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    for name in METHODS:
        description = find_method(name).recognise(tensors)
        if description is not None:
            return description
    backbone = recognise_backbone(tensors, str(path))
    if backbone is not None:
        return describe_bare_backbone(backbone)
    raise CheckpointError(
        f"{path}: no method recognises these tensors (the first is {next(iter(tensors))!r}): "
        "give a run of passerby, an official CLIP-ReID checkpoint, or a file of `passerby zoo convert`"
    )


def _opened(picture: Picture) -> Image.Image | NDArray[np.uint8]:
    if isinstance(picture, str | Path):
        if Path(picture).is_dir():
            raise DataError(f"{picture} is a folder: name its images one by one, or use `passerby embed`")
        return read_image(Path(picture))
    if isinstance(picture, Image.Image | np.ndarray):
        size = picture.size if isinstance(picture, Image.Image) else picture.shape[1::-1]
        if 0 in size:
            raise DataError(f"an image of {' × '.join(str(side) for side in size)} pixels cannot be embedded")
        return picture
    raise DataError(f"an image must be a file, a PIL image or a uint8 array [height, width, 3], not {_kind(picture)}")


def _listed(images: Picture | Iterable[Picture]) -> list[Picture]:
    if isinstance(images, str | Path | Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        if images.ndim not in (3, 4) and images.dtype.kind in "biuf":
            raise DataError(
                f"an array of images must be uint8 RGB [H, W, 3] or [N, H, W, 3], not {images.dtype} {images.shape}"
            )
        return [images] if images.ndim == 3 else list(images)
    if not isinstance(images, Iterable):
        raise DataError(f"images must be an image, a sequence of images or a tensor, not {_kind(images)}")
    return list(images)


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _checked(images: Tensor, size: tuple[int, int]) -> Tensor:
    if not images.is_floating_point() or images.ndim != 4 or images.shape[1] != 3:
        raise DataError(
            f"a tensor of images must be float [N, 3, H, W], already normalised, not {images.dtype} "
            f"{list(images.shape)}: pass uint8 images as arrays [H, W, 3]"
        )
    if tuple(images.shape[2:]) != tuple(size):
        raise DataError(f"the model was trained on {size[0]}×{size[1]} images, not {images.shape[2]}×{images.shape[3]}")
    if not bool(torch.isfinite(images).all()):
        raise DataError("a tensor of images holds NaN or infinite values: see how it was made")
    return images


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
