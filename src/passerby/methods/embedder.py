"""A trained model together with the transform it was trained with: images in, features out."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from passerby.data.pixels import read_image
from passerby.data.transforms import TestTransform
from passerby.errors import CheckpointError, DataError
from passerby.methods import METHODS
from passerby.methods.devices import choose_device
from passerby.methods.method import Method, find_method
from passerby.methods.run_directory import RunDirectory
from passerby.models.checkpoint import read_description, read_tensors

Picture = str | Path | Image.Image | NDArray[np.uint8]
"""A file, a PIL image, or a uint8 RGB array [H, W, 3]."""

_BATCH = 64


class Embedder:
    """Turns images into retrieval features.

    Args:
        model: has `embed(images [B, 3, H, W], camera_slots) -> [B, D]`.
        transform: from an image to the model's input.
        description: what the file of weights says about itself.
        device: where to compute.
    """

    def __init__(
        self, model: nn.Module, transform: TestTransform, description: Mapping[str, Any], device: torch.device
    ) -> None:
        self.model = model.to(device).eval()
        self.transform = transform
        self.description = dict(description)
        self.device = device

    @property
    def dimension(self) -> int:
        """Length of a feature."""
        return int(self.model.embedding_width)  # type: ignore[arg-type]

    def embed(
        self,
        images: Picture | Sequence[Picture] | Tensor,
        *,
        cameras: Sequence[int] | None = None,
        batch_size: int = _BATCH,
    ) -> NDArray[np.float32]:
        """Features of images.

        Args:
            images: files, PIL images or uint8 RGB arrays [H, W, 3], which are resized and normalised as the model
                needs; one of them alone; or a float tensor [N, 3, H, W], taken as already preprocessed.
            cameras: the camera of each image, numbered as in training, for a model with camera embedding; -1 or None
                where unknown.
            batch_size: images computed at once.

        Returns:
            float32 [N, D], L2-normalised.

        Raises:
            DataError: a file that cannot be decoded, or arrays and tensors of another shape or type.
        """
        if isinstance(images, Tensor):
            batches: Iterator[Tensor] = iter(_checked(images, self.transform.size).split(batch_size))
            count = len(images)
        else:
            pictures = _listed(images)
            batches, count = self._prepared(pictures, batch_size), len(pictures)
        if cameras is not None and len(cameras) != count:
            raise DataError(f"{count} images, but {len(cameras)} cameras: give one for each")
        slots = None if cameras is None else np.asarray(cameras, dtype=np.int64)
        features, first = [np.empty((0, self.dimension), np.float32)], 0
        for batch in batches:
            part = None if slots is None else slots[first : first + len(batch)]
            features.append(self.embed_batch(batch, part))
            first += len(batch)
        return np.concatenate(features)

    @torch.inference_mode()
    def embed_batch(self, images: Tensor, cameras: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Features float32 [B, D] of one preprocessed batch, float [B, 3, H, W], and its cameras, int64 [B]."""
        slots = None if cameras is None else torch.from_numpy(cameras).to(self.device)
        features: Tensor = self.model.embed(images.to(self.device, torch.float32), slots)  # type: ignore[operator]
        found: NDArray[np.float32] = features.float().cpu().numpy()
        return found

    def camera_slots(self, data_name: str, camera_names: Sequence[str]) -> NDArray[np.int64] | None:
        """The trained camera of each camera of a data set, -1 where it was not trained on; int64 [K].

        None where the model has no camera embedding. Cameras of other data sets are never taken for trained ones,
        even if they are called the same.
        """
        if not self.description.get("camera_slots"):
            return None
        trained = self.description.get("cameras", []) if data_name in self.description.get("trained_on", []) else []
        numbers = {name: number for number, name in enumerate(trained)}
        return np.array([numbers.get(name, -1) for name in camera_names], dtype=np.int64)

    def _prepared(self, pictures: Sequence[Picture], batch_size: int) -> Iterator[Tensor]:
        for first in range(0, len(pictures), batch_size):
            yield torch.stack([self.transform(_opened(picture)) for picture in pictures[first : first + batch_size]])


def load(
    source: str | Path,
    *,
    device: str | torch.device | None = None,
    allow_torchscript: bool = False,
    camera_coefficient: float | None = None,
) -> Embedder:
    """A model ready to embed.

    Args:
        source: a run's folder, a `model.safetensors`, or an official checkpoint of a method we know.
        device: `cpu`, `cuda`, …; by default a GPU where there is one.
        allow_torchscript: see `passerby.models.checkpoint.read_tensors`.
        camera_coefficient: weight of the camera embedding, for official checkpoints, which do not tell it.

    Raises:
        CheckpointError: no such file, an unfinished run, or tensors that no method recognises.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        path = _model_of_run(path)
    description = read_description(path)
    tensors = read_tensors(path, allow_torchscript=allow_torchscript)
    if description is None:
        description = _recognise(path, tensors)
        if camera_coefficient is not None:
            description["camera_coefficient"] = camera_coefficient
    method = find_method(description.get("method"))
    transform = TestTransform(**{key: _tuple(value) for key, value in description["transform"].items()})
    model = method.restore(description, tensors, str(path))
    return Embedder(model, transform, description, choose_device(device))


def _model_of_run(folder: Path) -> Path:
    run = RunDirectory(folder)
    if run.model_file.is_file():
        return run.model_file
    if run.recipe_file.is_file():
        raise CheckpointError(f"{folder}: the run is not finished: continue it with `passerby train --resume {folder}`")
    raise CheckpointError(f"{folder}: holds no model.safetensors: give a run's folder or a file of weights")


def _recognise(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    for module in METHODS.values():
        method: Method = import_module(module).METHOD
        description = method.recognise(tensors)
        if description is not None:
            return description
    raise CheckpointError(
        f"{path}: no method recognises these tensors (the first is {next(iter(tensors))!r}): "
        "give a run of passerby or an official CLIP-ReID checkpoint"
    )


def _opened(picture: Picture) -> Image.Image | NDArray[np.uint8]:
    return read_image(Path(picture)) if isinstance(picture, str | Path) else picture


def _listed(images: Picture | Sequence[Picture]) -> list[Picture]:
    if isinstance(images, str | Path | Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        return [images] if images.ndim == 3 else list(images)
    return list(images)


def _checked(images: Tensor, size: tuple[int, int]) -> Tensor:
    if not images.is_floating_point() or images.ndim != 4 or images.shape[1] != 3:
        raise DataError(
            f"a tensor of images must be float [N, 3, H, W], already normalised, not {images.dtype} "
            f"{list(images.shape)}: pass uint8 images as arrays [H, W, 3]"
        )
    if tuple(images.shape[2:]) != tuple(size):
        raise DataError(f"the model was trained on {size[0]}×{size[1]} images, not {images.shape[2]}×{images.shape[3]}")
    return images


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
