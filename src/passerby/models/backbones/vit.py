"""Vision transformers for re-identification: ICS stem, part tokens, and any image size.

ReIDZoo's and TransReID-SSL's vision transformers cut patches after three convolutions with instance and batch
normalisation (IBN-based convolution stem, ICS). PASS adds three part tokens. Names of tensors are the official ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from passerby.models.backbones.position_embeddings import Grid, interpolate_positions
from passerby.models.backbones.resnet import InstanceBatchNorm

PATCH = 16
_STEM_WIDTH = 64
_STEM_STRIDE = 2
_DEVIATION = 0.02


@dataclass(frozen=True)
class VitShape:
    """What distinguishes the vision transformers here.

    Attributes:
        width: length of a token.
        heads: attention heads.
        depth: blocks.
        stem: patches are cut after the ICS stem, not from pixels.
        parts: part tokens beside the class token.
    """

    width: int
    heads: int
    depth: int = 12
    stem: bool = True
    parts: int = 0

    @property
    def feature_dim(self) -> int:
        """The class token, and with part tokens their mean as well."""
        return self.width * (2 if self.parts else 1)


SHAPES: Mapping[str, VitShape] = {
    "vit_tiny": VitShape(192, 3),
    "vit_small": VitShape(384, 6),
    "vit_base": VitShape(768, 12),
    "vit_small_plain": VitShape(384, 6, stem=False),
    "vit_small_parts": VitShape(384, 6, parts=3),
    "vit_base_parts": VitShape(768, 12, parts=3),
    "vit_nano": VitShape(32, 2, depth=2),
}
"""ReIDZoo's three, which TransReID-SSL's with ICS equal; TransReID-SSL's without it; PASS's two; one for tests."""


class PatchEmbedding(nn.Module):
    """Patches of 16×16 pixels as tokens, with or without the ICS stem: [B, 3, H, W] → [B, rows, columns, D]."""

    def __init__(self, width: int, *, stem: bool) -> None:
        super().__init__()
        if not stem:
            self.proj = nn.Conv2d(3, width, PATCH, stride=PATCH)
            return
        self.conv = nn.Sequential(
            nn.Conv2d(3, _STEM_WIDTH, 7, stride=_STEM_STRIDE, padding=3, bias=False),
            InstanceBatchNorm(_STEM_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_STEM_WIDTH, _STEM_WIDTH, 3, padding=1, bias=False),
            InstanceBatchNorm(_STEM_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_STEM_WIDTH, _STEM_WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(_STEM_WIDTH),
            nn.ReLU(inplace=True),
        )
        self.proj = nn.Conv2d(_STEM_WIDTH, width, PATCH // _STEM_STRIDE, stride=PATCH // _STEM_STRIDE)

    def forward(self, images: Tensor) -> Tensor:
        """Images to tokens."""
        maps = self.conv(images) if hasattr(self, "conv") else images
        tokens: Tensor = self.proj(maps)
        return tokens.permute(0, 2, 3, 1)


class VisionTransformer(nn.Module):
    """A vision transformer whose feature is its class token after the last layer norm.

    Args:
        shape: widths and depths.
        grid: rows and columns of patches of the native image size.
        drop_path_rate: share of residual branches left out in the last block; it grows linearly from the first.
        always_interpolate: resample position embeddings at the native size too, as ReIDZoo's code for fine-tuning does
            by mistake (about 9 % of a random embedding change).
    """

    def __init__(
        self, shape: VitShape, grid: Grid, *, drop_path_rate: float = 0.0, always_interpolate: bool = False
    ) -> None:
        super().__init__()
        self.shape, self.grid, self.always_interpolate = shape, grid, always_interpolate
        normalisation: Any = partial(nn.LayerNorm, eps=1e-6)
        self.patch_embed = PatchEmbedding(shape.width, stem=shape.stem)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self._add_positions(grid[0] * grid[1])
        self.blocks = nn.ModuleList(
            Block(
                shape.width,
                shape.heads,
                qkv_bias=True,
                norm_layer=normalisation,
                drop_path=drop_path_rate * number / max(shape.depth - 1, 1),
            )
            for number in range(shape.depth)
        )
        self.norm = normalisation(shape.width)
        self.apply(_initialise)
        for parameter in self.parameters(recurse=False):
            nn.init.trunc_normal_(parameter, std=_DEVIATION)

    def _add_positions(self, patches: int) -> None:
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + patches, self.shape.width))

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W], sides multiples of 16 → [B, D]."""
        tokens = self.placed_tokens(self.patch_embed(images))
        for block in self.blocks:
            tokens = block(tokens)
        return self.read(self.norm(tokens))

    def placed_tokens(self, patches: Tensor) -> Tensor:
        """Tokens of patches [B, rows, columns, D] → all tokens with their positions, [B, 1 + rows · columns, D]."""
        tokens = torch.cat([self.cls_token.expand(patches.shape[0], -1, -1), patches.flatten(1, 2)], 1)
        positions = self.patch_positions(self.pos_embed[:, 1:], patches)
        return tokens + torch.cat([self.pos_embed[:, :1], positions], 1)

    def patch_positions(self, native: Tensor, patches: Tensor) -> Tensor:
        """Positions [1, N, D] of the native grid → [1, rows · columns, D] of these patches."""
        placed = native.unflatten(1, self.grid)
        rows, columns = patches.shape[1:3]
        return interpolate_positions(placed, (rows, columns), always=self.always_interpolate).flatten(1, 2)

    def read(self, tokens: Tensor) -> Tensor:
        """All tokens [B, T, D] after the last block → the feature [B, D]."""
        return tokens[:, 0]


class PartVisionTransformer(VisionTransformer):
    """PASS: a class token and three part tokens, each with a position of its own.

    The feature is the class token followed by the mean of the part tokens, [B, 2 D], as PASS fine-tunes by default.
    """

    def _add_positions(self, patches: int) -> None:
        width = self.shape.width
        self.part_token1, self.part_token2, self.part_token3 = (
            nn.Parameter(torch.zeros(1, 1, width)) for _ in range(self.shape.parts)
        )
        self.cls_pos, self.part1_pos, self.part2_pos, self.part3_pos = (
            nn.Parameter(torch.zeros(1, 1, width)) for _ in range(1 + self.shape.parts)
        )
        self.pos_embed = nn.Parameter(torch.zeros(1, patches, width))

    def placed_tokens(self, patches: Tensor) -> Tensor:
        """Tokens of patches [B, rows, columns, D] → all tokens with their positions, [B, 4 + rows · columns, D]."""
        extra = torch.cat([self.cls_token, self.part_token1, self.part_token2, self.part_token3], 1)
        places = torch.cat([self.cls_pos, self.part1_pos, self.part2_pos, self.part3_pos], 1)
        placed = patches.flatten(1, 2) + self.patch_positions(self.pos_embed, patches)
        return torch.cat([(extra + places).expand(patches.shape[0], -1, -1), placed], 1)

    def read(self, tokens: Tensor) -> Tensor:
        """All tokens [B, T, D] after the last block → [B, 2 D]."""
        return torch.cat([tokens[:, 0], tokens[:, 1 : 1 + self.shape.parts].mean(1)], 1)


def build_vit(name: str, image_size: tuple[int, int], **options: Any) -> VisionTransformer:
    """A vision transformer of `SHAPES` for images of this size; options are those of `VisionTransformer`."""
    shape = SHAPES[name]
    kind = PartVisionTransformer if shape.parts else VisionTransformer
    return kind(shape, (image_size[0] // PATCH, image_size[1] // PATCH), **options)


def _initialise(part: nn.Module) -> None:
    if isinstance(part, nn.Linear):
        nn.init.trunc_normal_(part.weight, std=_DEVIATION)
        if part.bias is not None:
            nn.init.zeros_(part.bias)
