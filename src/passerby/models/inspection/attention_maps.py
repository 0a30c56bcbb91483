"""Where a network looks: weights of patches, as maps over the image."""

from dataclasses import dataclass
from typing import Any

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.models.clip.pair import ClipPair
from passerby.models.clip.towers import architecture_configuration, patch_grid, patch_stride
from passerby.models.clip_reid.network import ClipReid
from passerby.models.saga.network import Saga

CLASS_ATTENTION = "class attention"
TOKEN_WEIGHTS = "token weights"


@dataclass(frozen=True)
class PatchGeometry:
    """Where patches lie in an image of `size`: `grid` rows and columns of squares of `side`, `stride` pixels apart."""

    size: tuple[int, int]
    grid: tuple[int, int]
    side: int
    stride: int

    def over_pixels(self, values: Tensor) -> Tensor:
        """Values of patches [h, w] as values of pixels [H, W]: the mean of the patches that cover each; else 0."""
        weight = torch.ones(1, 1, self.side, self.side)
        total = F.conv_transpose2d(values[None, None].float(), weight, stride=self.stride)[0, 0]
        count = F.conv_transpose2d(torch.ones(1, 1, *self.grid), weight, stride=self.stride)[0, 0]
        pixels = torch.zeros(self.size)
        height, width = min(total.shape[0], self.size[0]), min(total.shape[1], self.size[1])
        mean = torch.where(count > 0, total / count.clamp(min=1), 0.0)
        pixels[:height, :width] = mean[:height, :width]
        return pixels

    def share_inside(self, region: Tensor) -> Tensor:
        """The share of each patch, [h, w], that lies in a region, bool [H, W]."""
        pooled = F.avg_pool2d(region[None, None].float(), self.side, self.stride)[0, 0]
        return pooled[: self.grid[0], : self.grid[1]]


@dataclass(frozen=True)
class AttentionMaps:
    """What was seen in one image.

    Attributes:
        geometry: of the patches.
        maps: by name, float32 [h, w] each, summing to 1: `token weights` and the strongest anchors of SAGA, strongest
            first (`anchor K`, with the share of all attention that it drew), and the class token's attention in the
            last block (for a residual network, that of its attention pooling).
    """

    geometry: PatchGeometry
    maps: dict[str, Tensor]


@torch.no_grad()
def clip_attention_maps(model: ClipReid | ClipPair, images: Tensor) -> list[AttentionMaps]:
    """The class token's attention in each of the normalised images [B, 3, H, W].

    Args:
        model: in inference mode.
        images: on the network's device.
    """
    geometry, tower = _geometry(model), model.visual if isinstance(model, ClipPair) else model.image_encoder
    attention = _captured_class_attention(model, tower, images)
    return [AttentionMaps(geometry, {CLASS_ATTENTION: each.reshape(geometry.grid)}) for each in attention]


@torch.no_grad()
def saga_attention_maps(model: Saga, images: Tensor, *, anchors: int = 3) -> list[AttentionMaps]:
    """Weights of tokens, the strongest anchors and the class token's attention in each image of [B, 3, H, W].

    Args:
        model: in inference mode.
        images: normalised, on the network's device.
        anchors: how many anchors to show, of those that drew most attention.
    """
    geometry, attention = _geometry(model), _captured_class_attention(model, model.backbone, images)
    tokens = model.tokens(images)
    found = model.aggregate(tokens.patches, tokens.projected)
    weights = torch.stack([path.weights for path in found.paths]).mean(0).cpu()
    to_anchors = torch.cat([path.attention for path in found.paths], 2).cpu()  # [B, N, all anchors]
    shared = to_anchors.shape[2] - _own_anchors(model)
    results = []
    for number in range(len(images)):
        maps = {TOKEN_WEIGHTS: weights[number].reshape(geometry.grid)}
        mass = to_anchors[number].sum(0)
        for anchor in mass.argsort(descending=True)[:anchors].tolist():
            name = f"anchor {anchor + 1}" if anchor < shared else f"image anchor {anchor - shared + 1}"
            drawn = to_anchors[number, :, anchor]
            share = f"{100 * float(mass[anchor] / mass.sum()):.0f} %"
            maps[f"{name}, {share}"] = (drawn / drawn.sum()).reshape(geometry.grid)
        maps[CLASS_ATTENTION] = attention[number].reshape(geometry.grid)
        results.append(AttentionMaps(geometry, maps))
    return results


def _own_anchors(model: Saga) -> int:
    return 0 if model.domain_anchor is None else model.shape.anchors.domain_count


def _geometry(model: Saga | ClipReid | ClipPair) -> PatchGeometry:
    shape = model.shape.clip if isinstance(model, Saga) else model.shape
    stride = patch_stride(shape)
    if stride is None:  # a residual network: features of 16 pixels each
        return PatchGeometry(shape.image_size, (shape.image_size[0] // 16, shape.image_size[1] // 16), 16, 16)
    side: int = architecture_configuration(shape.architecture)["vision_cfg"]["patch_size"]
    return PatchGeometry(shape.image_size, patch_grid(shape.image_size, side, stride), side, stride)


def _captured_class_attention(
    model: Saga | ClipReid | ClipPair, tower: VisionTransformer | ModifiedResNet, images: Tensor
) -> Tensor:
    """Attention of the class token to patches in the last layer, [B, N], mean over heads, summing to 1."""
    captured: list[Tensor] = []

    def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        captured.append(inputs[0])

    def after(_: nn.Module, __: Any, output: Tensor) -> None:
        captured.append(output)

    if isinstance(tower, ModifiedResNet):
        hook = tower.layer4.register_forward_hook(after)
    else:
        hook = tower.transformer.resblocks[-1].register_forward_pre_hook(before)
    try:
        model.embed(images)
    finally:
        hook.remove()
    seen = captured[0]  # the images as they are; a mirrored view may follow
    residual = isinstance(tower, ModifiedResNet)
    attention = _of_pool(tower.attnpool, seen) if residual else _of_block(tower.transformer.resblocks[-1], seen)
    patches = attention[:, 1:]
    return (patches / patches.sum(1, keepdim=True)).cpu()


def _of_block(block: Any, stream: Tensor) -> Tensor:
    """Attention of token 0 to all tokens in a block of CLIP's vision transformer; stream [B, 1+N, D] → [B, 1+N]."""
    normalised, attention = block.ln_1(stream), block.attn
    weight, bias = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    query = F.linear(normalised[:, :1], weight[0], bias[0])
    return _mean_attention(query, F.linear(normalised, weight[1], bias[1]), attention.num_heads)


def _of_pool(pool: Any, features: Tensor) -> Tensor:
    """Attention of the mean token in CLIP's attention pooling; features [B, C, H, W] → [B, 1+N]."""
    tokens = features.flatten(2).transpose(1, 2)
    tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1) + pool.positional_embedding
    return _mean_attention(pool.q_proj(tokens[:, :1]), pool.k_proj(tokens), pool.num_heads)


def _mean_attention(query: Tensor, key: Tensor, heads: int) -> Tensor:
    query, key = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query, key))
    return torch.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5, -1)[:, :, 0].mean(1)
