"""Networks of timm as they are."""

import inspect
from typing import Any

import timm
import torch
from torch import nn

from passerby.errors import RecipeError


def build_timm(name: str, image_size: tuple[int, int], options: dict[str, Any]) -> tuple[nn.Module, int]:
    """A network of timm without classifier, and the length of its features.

    Raises:
        RecipeError: its features are no vectors, or it cannot take images of this size.
    """
    with torch.device("meta"):  # shapes only: costs no memory, and shows what the network is made of
        plain = timm.create_model(name, num_classes=0)
        sized = _size_options(plain, image_size) | options
        try:
            pooled = timm.create_model(name, num_classes=0, **sized).eval()(torch.zeros(1, 3, *image_size))
        except TypeError:  # an option that it does not know
            raise
        except Exception as error:  # every network has its own way to refuse a size
            reason = str(error).split("\n")[0][:120]
            raise RecipeError(
                f"backbone {name}: cannot take images of {image_size[0]}×{image_size[1]} ({reason}); take another size"
            ) from error
    if not isinstance(pooled, torch.Tensor) or pooled.ndim != 2:
        raise RecipeError(f"backbone {name}: gives no single feature for each image; take another")
    network: nn.Module = timm.create_model(name, num_classes=0, **sized)
    return network, pooled.shape[1]


def _size_options(network: nn.Module, image_size: tuple[int, int]) -> dict[str, Any]:
    """What a network must be told so that it is made for images of this size and takes others."""
    known = inspect.signature(type(network)).parameters
    wanted: dict[str, Any] = {"img_size": image_size, "dynamic_img_size": True}
    return {option: value for option, value in wanted.items() if option in known}
