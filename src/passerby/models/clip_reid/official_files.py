"""Recognise published CLIP-ReID checkpoints: the network is read off the shapes of their tensors."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from passerby.errors import CheckpointError
from passerby.models.clip.towers import ClipShape, patch_grid

_VISION_TRANSFORMERS = {
    (768, 12, 32): "ViT-B-32-quickgelu",
    (768, 12, 16): "ViT-B-16-quickgelu",
    (1024, 24, 14): "ViT-L-14-quickgelu",
}
"""(width, blocks, patch) → architecture."""

_RESIDUAL_NETWORKS = {(64, 6): "RN50-quickgelu", (64, 23): "RN101-quickgelu"}
"""(width, blocks in the third group) → architecture."""

_IMAGE_SIZES = ((256, 128), (384, 128), (256, 256), (224, 224), (384, 384))
"""Sizes that person and vehicle models are trained at, the commonest first; the file tells only the grid."""

_HALF, _IMAGENET_MEAN, _IMAGENET_STD = (0.5, 0.5, 0.5), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def is_clip_reid(tensors: Mapping[str, Tensor]) -> bool:
    """Whether tensors carry the names of CLIP-ReID's or its baseline's network."""
    return "image_encoder.conv1.weight" in tensors and "bottleneck_proj.weight" in tensors


def recognise_clip_reid(tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """The description of an official CLIP-ReID or baseline checkpoint; None if the tensors are not such a file's.

    Stride, grid, the numbers of camera ids and of training identities (None without classifiers) are read from
    the tensors. The weight of the camera embedding is not in
    the file: 1.0, as in the published command, is assumed.

    Raises:
        CheckpointError: a CLIP-ReID file whose image tower is of no known architecture or grid.
    """
    if not is_clip_reid(tensors):
        return None
    residual = "image_encoder.attnpool.positional_embedding" in tensors
    shape = _residual_shape(tensors) if residual else transformer_shape(tensors)
    mean, std = (_IMAGENET_MEAN, _IMAGENET_STD) if residual else (_HALF, _HALF)
    return {
        "method": "clip-reid",
        "shape": asdict(shape),
        "camera_count": len(tensors["cv_embed"]) if "cv_embed" in tensors else 0,
        "camera_coefficient": 1.0,
        "identities": len(tensors["classifier.weight"]) if "classifier.weight" in tensors else None,
        "transform": {"size": shape.image_size, "mean": mean, "std": std, "interpolation": "bilinear"},
    }


def transformer_shape(tensors: Mapping[str, Tensor]) -> ClipShape:
    """The shape of CLIP's vision transformer whose tensors stand under `image_encoder.`.

    Raises:
        CheckpointError: no known architecture, or a number of patches that fits no usual image size.
    """
    width, _, patch, _ = tensors["image_encoder.conv1.weight"].shape
    blocks = _count(tensors, "image_encoder.transformer.resblocks.")
    if (width, blocks, patch) not in _VISION_TRANSFORMERS:
        known = ", ".join(_VISION_TRANSFORMERS.values())
        raise CheckpointError(f"vision transformer of width {width}, {blocks} blocks, patch {patch}: known are {known}")
    count = len(tensors["image_encoder.positional_embedding"]) - 1
    # Without overlap first: 128 tokens are 256×128 at stride 16 and nothing else, 210 are 256×128 at stride 12.
    for size in _IMAGE_SIZES:
        for stride in range(patch, 0, -1):
            rows, columns = patch_grid(size, patch, stride)
            if rows * columns == count:
                return ClipShape(_VISION_TRANSFORMERS[width, blocks, patch], size, stride)
    raise CheckpointError(f"image_encoder.positional_embedding: {count} patches fit no image size of {_IMAGE_SIZES}")


def _residual_shape(tensors: Mapping[str, Tensor]) -> ClipShape:
    width = tensors["image_encoder.layer1.0.conv1.weight"].shape[0]
    blocks = _count(tensors, "image_encoder.layer3.")
    if (width, blocks) not in _RESIDUAL_NETWORKS:
        known = ", ".join(_RESIDUAL_NETWORKS.values())
        raise CheckpointError(f"residual network of width {width}, {blocks} blocks in layer3: known are {known}")
    count = len(tensors["image_encoder.attnpool.positional_embedding"]) - 1
    for size in _IMAGE_SIZES:
        if size[0] // 16 * (size[1] // 16) == count:
            return ClipShape(_RESIDUAL_NETWORKS[width, blocks], size)
    raise CheckpointError(f"image_encoder.attnpool.positional_embedding: {count} places fit no size of {_IMAGE_SIZES}")


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered modules stand under a prefix."""
    return len({name.removeprefix(prefix).split(".")[0] for name in tensors if name.startswith(prefix)})
