"""Domain anchors: a few anchors made from the image itself, so that its conditions have something to attach to.

Three generators, of which a network has at most one. All take the same inputs and return [B, M, D]; tensors carry the
names of SAGA's published code (`domain_anchor.*`).
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from passerby.models.saga.anchor_attention import AnchorAttention

DomainKind = Literal["image", "camera", "clip", "none"]


class DomainInputs(NamedTuple):
    """What domain anchors may be made from.

    Attributes:
        patch_mean: average of the raw patch tokens, [B, D].
        projected: the image's feature in the joint space, [B, E].
        text_anchors: [K, D].
        cameras: int64 [B], -1 where unknown; None: unknown for all.
    """

    patch_mean: Tensor
    projected: Tensor
    text_anchors: Tensor
    cameras: Tensor | None = None


class ImageDomainAnchors(nn.Module):
    """M anchors from the mean of the raw patches, by a small network."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.anchor_gen = _generator(width, width, count)

    def forward(self, inputs: DomainInputs) -> Tensor:
        """[B, M, D]."""
        return _reshape(self.anchor_gen(inputs.patch_mean), inputs.patch_mean)


class CameraDomainAnchors(nn.Module):
    """M anchors from the mean of the raw patches and a vector of the camera; unknown cameras take the mean vector."""

    def __init__(self, count: int, width: int, cameras: int) -> None:
        super().__init__()
        self.cam_embed = nn.Embedding(cameras, width)
        nn.init.normal_(self.cam_embed.weight, std=0.02)
        self.anchor_gen = _generator(2 * width, width, count)

    def forward(self, inputs: DomainInputs) -> Tensor:
        """[B, M, D]."""
        table = self.cam_embed.weight
        vectors = table.mean(0).expand(inputs.patch_mean.shape[0], -1)
        if inputs.cameras is not None:
            known = (inputs.cameras >= 0)[:, None]
            vectors = torch.where(known, table[inputs.cameras.clamp(min=0)], vectors)
        return _reshape(self.anchor_gen(torch.cat([inputs.patch_mean, vectors], 1)), inputs.patch_mean)


class ClipDomainAnchors(nn.Module):
    """M queries, shifted by the image's projected feature, that read from the text anchors.

    The values are the text anchors as they are; only the keys are normalised.
    """

    def __init__(self, count: int, width: int, joint_dim: int, heads: int) -> None:
        super().__init__()
        self.clip_proj = nn.Linear(joint_dim, width, bias=False)
        self.queries = nn.Parameter(torch.empty(count, width).normal_(std=0.02))
        self.norm_q, self.norm_kv, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = AnchorAttention(width, heads)

    def forward(self, inputs: DomainInputs) -> Tensor:
        """[B, M, D]."""
        queries = self.queries + self.clip_proj(inputs.projected)[:, None]
        anchors = inputs.text_anchors.expand(queries.shape[0], -1, -1)
        read = self.attn(self.norm_q(queries), self.norm_kv(anchors), anchors).output
        anchors_of_image: Tensor = self.norm_out(queries + read)
        return anchors_of_image


def domain_anchors(
    kind: DomainKind, count: int, *, width: int, joint_dim: int, heads: int, cameras: int
) -> nn.Module | None:
    """The generator of a kind; None for `none` or a count of 0."""
    if kind == "none" or not count:
        return None
    if kind == "camera":
        return CameraDomainAnchors(count, width, cameras)
    if kind == "clip":
        return ClipDomainAnchors(count, width, joint_dim, heads)
    return ImageDomainAnchors(count, width)


def _generator(inputs: int, width: int, count: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, count * width))


def _reshape(flat: Tensor, like: Tensor) -> Tensor:
    return flat.reshape(flat.shape[0], -1, like.shape[1])
