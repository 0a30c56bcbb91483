"""Poolings of the same patch tokens that anchors are compared with.

Each learns beside the anchors, on the same batches of the same frozen tokens, with a neck and a classifier of its own;
nothing is shared, so none changes another.
"""

import torch
from torch import Tensor, nn

from passerby.errors import RecipeError
from passerby.models.layers import GeneralisedMean, bn_neck, identity_classifier
from passerby.models.saga.aggregation import aggregate
from passerby.models.saga.anchor_attention import AnchorAttention, Refinement
from passerby.models.saga.anchors import FreeAnchors
from passerby.models.saga.domain_anchors import DomainKind, domain_anchors
from passerby.models.saga.shape import AnchorShape, PoolingKind


class MeanPooling(GeneralisedMean):
    """`GeneralisedMean` with the signature of the other poolings."""

    def forward(self, patches: Tensor, projected: Tensor | None = None) -> Tensor:
        """[B, N, D] → [B, D]."""
        del projected
        return super().forward(patches)


class QueryPooling(nn.Module):
    """One learnable query that attends to all patches."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.empty(1, 1, width).normal_(std=0.02))
        self.norm = nn.LayerNorm(width)
        self.attn = AnchorAttention(width, heads)

    def forward(self, patches: Tensor, projected: Tensor) -> Tensor:
        """[B, N, D] → [B, D]."""
        del projected
        normalised = self.norm(patches)
        output: Tensor = self.attn(self.query.expand(patches.shape[0], -1, -1), normalised, normalised).output
        return output[:, 0]


class FreeAnchorPooling(nn.Module):
    """SAGA's aggregation with free anchors: the same anchors but for the text, the same refinement."""

    def __init__(self, shape: AnchorShape, width: int) -> None:
        super().__init__()
        self.free = FreeAnchors(shape.count, width)
        domain: DomainKind = "image" if shape.domain != "none" else "none"
        self.domain = domain_anchors(
            domain, shape.domain_count, width=width, joint_dim=width, heads=shape.heads, cameras=0
        )
        self.refine = Refinement(shape.layers, width, shape.heads, dropout=shape.dropout)

    def forward(self, patches: Tensor, projected: Tensor) -> Tensor:
        """[B, N, D] → [B, D]."""
        return aggregate(patches, self.free(), self.domain, [self.refine], projected).refined


class PoolingBranch(nn.Module):
    """A pooling [B, N, D] → [B, D] with a neck and a classifier of its own.

    Args:
        pooling: called with patches [B, N, D] and projected features [B, E].
        width: D.
        classes: number of training identities; None for embedding only.
    """

    def __init__(self, pooling: nn.Module, width: int, classes: int | None) -> None:
        super().__init__()
        self.pooling = pooling
        if classes is not None:
            self.bn = bn_neck(width)
            self.classifier = identity_classifier(width, classes)

    def forward(self, patches: Tensor, projected: Tensor) -> Tensor:
        """The feature [B, D] before the neck."""
        feature: Tensor = self.pooling(patches, projected)
        return feature

    def logits(self, feature: Tensor) -> Tensor:
        """Identity logits [B, C]."""
        logits: Tensor = self.classifier(self.bn(feature))
        return logits


def build_branch(kind: PoolingKind, shape: AnchorShape, width: int, classes: int | None) -> PoolingBranch:
    """Build a pooling branch by name.

    Raises:
        RecipeError: two token layers, which only the anchors can join.
    """
    if len(shape.token_layers) > 1:
        raise RecipeError(
            "stage3.poolings: poolings beside the anchors need one token layer: set anchors.token_layers to one block"
        )
    if kind == "gem":
        return PoolingBranch(MeanPooling(), width, classes)
    if kind == "query":
        return PoolingBranch(QueryPooling(width, shape.heads), width, classes)
    return PoolingBranch(FreeAnchorPooling(shape, width), width, classes)
