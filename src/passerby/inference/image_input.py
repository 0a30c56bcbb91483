"""Images as users hand them in: files, PIL images, arrays or tensors."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError

ImageInput = str | Path | Image.Image | NDArray[np.uint8]
"""A file, a PIL image, or a uint8 array [H, W, 3], RGB unless `Channels` says otherwise."""

Channels = Literal["rgb", "bgr"]
"""The order of an array's colours: rgb, or bgr as OpenCV reads them. Files and PIL images know theirs."""


def open_image(image: ImageInput) -> Image.Image | NDArray[np.uint8]:
    """The pixels of one input.

    Raises:
        DataError: a folder, a file that cannot be decoded, an image without pixels, or something else.
    """
    if isinstance(image, str | Path):
        if Path(image).is_dir():
            raise DataError(f"{image} is a folder: name its images one by one, or use `passerby embed`")
        return read_image(Path(image))
    if isinstance(image, Image.Image | np.ndarray):
        size = image.size if isinstance(image, Image.Image) else image.shape[1::-1]
        if 0 in size:
            raise DataError(f"an image of {' × '.join(str(side) for side in size)} pixels cannot be embedded")
        return image
    raise DataError(f"an image must be a file, a PIL image or a uint8 array [height, width, 3], not {type_name(image)}")


def list_images(images: ImageInput | Iterable[ImageInput], channels: Channels = "rgb") -> list[ImageInput]:
    """Images one by one, of one or of several; arrays in RGB.

    Raises:
        DataError: an array of another shape, something that cannot be gone through, or another order of channels.
    """
    if channels not in ("rgb", "bgr"):
        raise DataError(f"channels: must be 'rgb' or 'bgr', not {channels!r}")
    listed = _listed(images)
    return [_in_rgb(each) for each in listed] if channels == "bgr" else listed


def _in_rgb(image: ImageInput) -> ImageInput:
    """An array of BGR with its colours in the other order; what is no such array is judged where it is opened."""
    if isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3:
        return np.ascontiguousarray(image[:, :, ::-1])
    return image


def _listed(images: ImageInput | Iterable[ImageInput]) -> list[ImageInput]:
    if isinstance(images, str | Path | Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        if images.ndim not in (3, 4) and images.dtype.kind in "biuf":
            raise DataError(
                f"an array of images must be uint8 RGB [H, W, 3] or [N, H, W, 3], not {images.dtype} {images.shape}"
            )
        return [images] if images.ndim == 3 else list(images)
    if not isinstance(images, Iterable):
        raise DataError(f"images must be an image, a sequence of images or a tensor, not {type_name(images)}")
    return list(images)


def name_images(images: Sequence[ImageInput]) -> list[str]:
    """What to call each image in a message: its file, or its number, counted from 1."""
    return [str(image) if isinstance(image, str | Path) else f"image {row + 1}" for row, image in enumerate(images)]


def type_name(value: object) -> str:
    """What a value is, for messages."""
    return "None" if value is None else type(value).__name__
