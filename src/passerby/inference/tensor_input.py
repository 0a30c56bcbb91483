"""Images that are tensors already."""

import torch
from torch import Tensor

from passerby.errors import DataError


def check_images(images: Tensor, size: tuple[int, int]) -> Tensor:
    """A tensor of preprocessed images as it is.

    Raises:
        DataError: not float [N, 3, H, W] of this size, or with values that are not finite.
    """
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
