"""CLIP's towers, on open_clip, at any image size and stride.

The towers are open_clip's own modules, so their tensors carry the names that official files use. What person
re-identification needs on top are plain functions: towers of another size and stride (`build_clip`), and the features
of several blocks from one pass (`vision_tokens`, `residual_maps`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import open_clip
import torch
from open_clip.modified_resnet import AttentionPool2d, ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.errors import RecipeError
from passerby.models.checkpoint import load_strictly

SMALL_ARCHITECTURES: dict[str, dict[str, Any]] = {
    "vit-tiny": {
        "embed_dim": 128,
        "vision_cfg": {"layers": 4, "width": 128, "head_width": 32, "patch_size": 8, "image_size": 128},
        "text_cfg": {"width": 128, "heads": 4, "layers": 2},
        "quick_gelu": True,
    },
    "vit-tiny-6": {
        "embed_dim": 128,
        "vision_cfg": {"layers": 6, "width": 128, "head_width": 32, "patch_size": 8, "image_size": 128},
        "text_cfg": {"width": 128, "heads": 4, "layers": 2},
        "quick_gelu": True,
    },
    "resnet-tiny": {
        "embed_dim": 128,
        "vision_cfg": {"layers": [1, 1, 1, 1], "width": 16, "patch_size": None, "image_size": 128},
        "text_cfg": {"width": 128, "heads": 4, "layers": 2},
        "quick_gelu": True,
    },
    "vit-nano": {
        "embed_dim": 16,
        "vision_cfg": {"layers": 2, "width": 32, "head_width": 8, "patch_size": 8, "image_size": 32},
        "text_cfg": {"width": 16, "heads": 2, "layers": 1},
        "quick_gelu": True,
    },
    "resnet-nano": {
        "embed_dim": 16,
        "vision_cfg": {"layers": [1, 1, 1, 1], "width": 4, "head_width": 16, "patch_size": None, "image_size": 32},
        "text_cfg": {"width": 16, "heads": 2, "layers": 1},
        "quick_gelu": True,
    },
}
"""Towers of our own, trained from random weights: `*-tiny` for work on two cores, `*-nano` for tests."""


@dataclass(frozen=True)
class ClipShape:
    """Everything needed to build CLIP's towers for images of one size.

    Attributes:
        architecture: an open_clip model name (`ViT-B-16`, `RN50`, …) or one of `SMALL_ARCHITECTURES`.
        image_size: height and width in pixels.
        stride: distance between patches in pixels; below the patch size they overlap. None: the patch size. Residual
            networks ignore it.
        quick_gelu: whether the towers use x · sigmoid(1.702 x), as OpenAI's weights need; None: what the
            architecture's configuration says.
    """

    architecture: str
    image_size: tuple[int, int] = (256, 128)
    stride: int | None = None
    quick_gelu: bool | None = None


class VisionTokens(NamedTuple):
    """Tokens of a vision transformer, class token first; N patches in row-major order.

    Attributes:
        blocks: the raw residual stream after each block asked for, [B, 1+N, D], without a layer norm.
        final: after the last block and the final layer norm, [B, 1+N, D].
        projected: `final` in the joint image-text space, [B, 1+N, E].
    """

    blocks: tuple[Tensor, ...]
    final: Tensor
    projected: Tensor


class ResidualMaps(NamedTuple):
    """Features of CLIP's residual network.

    Attributes:
        third: output of the third group of blocks, [B, C/2, H, W].
        fourth: output of the fourth, [B, C, H, W]; as large as `third`, because its stride is 1.
        projected: the image's feature in the joint space, [B, E], by attention pooling.
    """

    third: Tensor
    fourth: Tensor
    projected: Tensor


def architecture_configuration(name: str) -> dict[str, Any]:
    """The open_clip configuration of an architecture, ours or open_clip's.

    Raises:
        RecipeError: nobody knows the name, or it is not a plain CLIP model with open_clip's own towers.
    """
    if name in SMALL_ARCHITECTURES:
        return SMALL_ARCHITECTURES[name]
    configuration = open_clip.get_model_config(name)
    if configuration is None:
        known = ", ".join([*SMALL_ARCHITECTURES, "ViT-B-16", "RN50"])
        raise RecipeError(f"model.architecture: unknown name {name!r}; use {known}, or another CLIP model of open_clip")
    vision, text = configuration.get("vision_cfg", {}), configuration.get("text_cfg", {})
    if "timm_model_name" in vision or "hf_model_name" in text or configuration.get("custom_text"):
        raise RecipeError(f"model.architecture: {name!r} is not a plain CLIP model: choose a ViT-* or RN* architecture")
    plain: dict[str, Any] = configuration
    return plain


def uses_quick_gelu(shape: ClipShape) -> bool:
    """Whether towers of this shape use QuickGELU: as the shape says, else as the architecture is configured."""
    configured = architecture_configuration(shape.architecture).get("quick_gelu", False)
    return bool(configured if shape.quick_gelu is None else shape.quick_gelu)


def is_residual(architecture: str) -> bool:
    """Whether an architecture's image tower is CLIP's residual network instead of a vision transformer."""
    return isinstance(architecture_configuration(architecture)["vision_cfg"]["layers"], list | tuple)


def patch_stride(shape: ClipShape) -> int | None:
    """Distance between patches in pixels; None for residual networks, which have none."""
    if is_residual(shape.architecture):
        return None
    patch: int = architecture_configuration(shape.architecture)["vision_cfg"]["patch_size"]
    return shape.stride or patch


def build_clip(shape: ClipShape, state: Mapping[str, Tensor] | None = None) -> open_clip.CLIP:
    """Both towers of CLIP, fitted to images of `shape.image_size`.

    Args:
        shape: what to build.
        state: tensors of a whole CLIP model under open_clip's names, at its native (square) size, whose position
            embedding is resized, or at `shape` already. None: random weights.

    Raises:
        RecipeError: unknown architecture, or a stride or image size that leaves no grid.
        CheckpointError: the tensors are not those of the architecture.
    """
    configuration = architecture_configuration(shape.architecture)
    model = open_clip.CLIP(
        embed_dim=configuration["embed_dim"],
        vision_cfg=configuration["vision_cfg"],
        text_cfg=configuration["text_cfg"],
        quick_gelu=uses_quick_gelu(shape),
    )
    fitted = state is not None and _fits(shape, state, model.state_dict())
    if fitted:
        fit_image_tower(model.visual, shape.image_size, shape.stride)
    if state is not None:
        load_strictly(model, state, source=f"weights for {shape.architecture}")
    if not fitted:
        fit_image_tower(model.visual, shape.image_size, shape.stride, fresh=state is None)
    return model


def _fits(shape: ClipShape, state: Mapping[str, Tensor], native: Mapping[str, Tensor]) -> bool:
    """Whether the patches of these weights are those of images of `shape`, and not of the native size."""
    name, stride = "visual.positional_embedding", patch_stride(shape)
    if name not in state or name not in native or stride is None or state[name].shape == native[name].shape:
        return False
    patch: int = architecture_configuration(shape.architecture)["vision_cfg"]["patch_size"]
    rows, columns = patch_grid(shape.image_size, patch, stride)
    if len(state[name]) != 1 + rows * columns:
        raise RecipeError(
            f"model.image_size, model.stride: {shape.image_size[0]}×{shape.image_size[1]} images have {rows * columns} "
            f"patches, the weights {len(state[name]) - 1}: set them as the weights were trained"
        )
    return True


def fit_image_tower(
    tower: nn.Module, image_size: tuple[int, int], stride: int | None = None, *, fresh: bool = False
) -> None:
    """Change an image tower, in place, to another image size and stride; residual networks get a last stride of 1.

    With `fresh`, the position embedding is drawn anew at the new size instead of being interpolated.
    """
    if isinstance(tower, VisionTransformer):
        holder: nn.Module = tower
        grid = _set_stride(tower, image_size, stride)
        native = tower.grid_size
        tower.image_size, tower.grid_size = image_size, grid
    elif isinstance(tower, ModifiedResNet):
        holder, grid = tower.attnpool, (image_size[0] // 16, image_size[1] // 16)
        side = round((len(tower.attnpool.positional_embedding) - 1) ** 0.5)
        native = (side, side)
        _unstride_last_group(tower)
    else:
        raise RecipeError(f"model.architecture: an image tower of type {type(tower).__name__} is not supported")
    if min(grid) < 1:
        raise RecipeError(f"model.image_size: {image_size[0]}×{image_size[1]} is too small for a patch: use 256×128")
    embedding: Any = holder.positional_embedding
    if fresh:
        resized = torch.randn(1 + grid[0] * grid[1], embedding.shape[1]) * embedding.shape[1] ** -0.5
    else:
        resized = resize_position_embedding(embedding.detach(), native, grid)
    holder.positional_embedding = nn.Parameter(resized)


def patch_grid(image_size: tuple[int, int], patch: int, stride: int) -> tuple[int, int]:
    """Rows and columns of patches in an image: floor((side - patch) / stride) + 1 along each side."""
    return (image_size[0] - patch) // stride + 1, (image_size[1] - patch) // stride + 1


def resize_position_embedding(embedding: Tensor, grid: tuple[int, int], new_grid: tuple[int, int]) -> Tensor:
    """Position embedding [1 + h·w, D] of `grid` → [1 + H·W, D] of `new_grid`.

    The class token's row is kept; the others are interpolated bilinearly (align_corners=False, no antialiasing).
    Source: CLIP-ReID's published code, in our words.
    """
    if grid == new_grid:
        return embedding.clone()
    width = embedding.shape[1]
    image = embedding[1:].reshape(1, *grid, width).permute(0, 3, 1, 2)
    resized = F.interpolate(image, size=new_grid, mode="bilinear", align_corners=False)
    return torch.cat([embedding[:1], resized.permute(0, 2, 3, 1).reshape(-1, width)])


def vision_tokens(
    tower: VisionTransformer, images: Tensor, *, blocks: Sequence[int] = (), class_offset: Tensor | None = None
) -> VisionTokens:
    """Run a vision transformer once and keep the tokens of the blocks asked for.

    Args:
        tower: open_clip's vision transformer, fitted to the images' size.
        images: float [B, 3, H, W], normalised.
        blocks: 1-based numbers of the blocks whose output is wanted.
        class_offset: [B, D] or [D], added to the class token before the position embedding (camera embedding).
    """
    patches = tower.conv1(images).flatten(2).transpose(1, 2)
    token = tower.class_embedding.to(patches.dtype).expand(images.shape[0], 1, -1)
    if class_offset is not None:
        token = token + class_offset.to(patches.dtype).reshape(-1, 1, token.shape[-1])
    stream = tower.ln_pre(torch.cat([token, patches], 1) + tower.positional_embedding.to(patches.dtype))
    kept: dict[int, Tensor] = {}
    for number, block in enumerate(tower.transformer.resblocks, start=1):
        stream = block(stream)
        if number in blocks:
            kept[number] = stream
    final = tower.ln_post(stream)
    return VisionTokens(tuple(kept[number] for number in blocks), final, final @ tower.proj)


def residual_maps(tower: ModifiedResNet, images: Tensor) -> ResidualMaps:
    """Run CLIP's residual network on images, float [B, 3, H, W], normalised."""
    third = tower.layer3(tower.layer2(tower.layer1(tower.stem(images))))
    fourth = tower.layer4(third)
    return ResidualMaps(third, fourth, _attention_pool(tower.attnpool, fourth))


def _attention_pool(pool: AttentionPool2d, features: Tensor) -> Tensor:
    """CLIP's attention pooling: the mean of all places asks each of them; [B, C, H, W] → [B, E]."""
    tokens = features.flatten(2).transpose(1, 2)
    tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1) + pool.positional_embedding.to(tokens.dtype)
    heads = (pool.num_heads, tokens.shape[-1] // pool.num_heads)
    query, key, value = (
        projection(asked).unflatten(-1, heads).transpose(1, 2)
        for projection, asked in ((pool.q_proj, tokens[:, :1]), (pool.k_proj, tokens), (pool.v_proj, tokens))
    )
    attended = F.scaled_dot_product_attention(query, key, value)
    pooled: Tensor = pool.c_proj(attended.transpose(1, 2).flatten(1))
    return pooled


def _set_stride(tower: VisionTransformer, image_size: tuple[int, int], stride: int | None) -> tuple[int, int]:
    patch = tower.patch_size[0]
    stride = stride or patch
    if not 1 <= stride <= patch:
        raise RecipeError(f"model.stride: {stride} does not lie between 1 and the patch size {patch}")
    tower.conv1.stride = (stride, stride)
    return patch_grid(image_size, patch, stride)


def _unstride_last_group(tower: ModifiedResNet) -> None:
    """CLIP's residual blocks stride by average pooling: taking the pools away leaves the weights as they are."""
    first = tower.layer4[0]
    first.avgpool, first.stride = nn.Identity(), 1
    first.downsample[0] = nn.Identity()


def image_dims(tower: Any) -> tuple[int, int]:
    """Dimensions of an image tower's final feature and of the joint space; ViT-B/16: (768, 512), RN50: (2048, 1024)."""
    if isinstance(tower, ModifiedResNet):
        return tower.attnpool.c_proj.in_features, tower.attnpool.c_proj.out_features
    return tower.proj.shape[0], tower.proj.shape[1]
