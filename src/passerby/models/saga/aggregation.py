"""Patches in, one feature out: the way through anchors, attention and pooling, and everything seen on it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from passerby.models.saga.anchor_attention import Attended
from passerby.models.saga.anchor_pooling import pool, pooling_weights, seen_weights
from passerby.models.saga.domain_anchors import DomainInputs


class PathState(NamedTuple):
    """One layer of tokens on its way.

    Attributes:
        tokens: refined patches, [B, N, D].
        attention: of patches to anchors, averaged over heads, [B, N, A]: shared anchors first, then the image's own.
        weights: of patches in the feature, [B, N], summing to 1.
        visible: how likely each patch is not hidden, [B, N]; None without a visibility head.
    """

    tokens: Tensor
    attention: Tensor
    weights: Tensor
    visible: Tensor | None = None


class Aggregated(NamedTuple):
    """The refined feature [B, D] before the neck, the shared anchors [K, D], and the paths it is the sum of."""

    refined: Tensor
    text_anchors: Tensor
    paths: tuple[PathState, ...]


def aggregate(
    patches: Tensor,
    text_anchors: Tensor,
    domain_anchor: nn.Module | None,
    refinements: Sequence[nn.Module],
    projected: Tensor,
    cameras: Tensor | None = None,
    visibility: nn.Module | None = None,
) -> Aggregated:
    """Refine patch tokens by anchors and pool them.

    Args:
        patches: raw tokens of one or two layers, one after the other, [B, L·N, D].
        text_anchors: [K, D].
        domain_anchor: makes [B, M, D] more anchors from the image; None for none. It sees the deepest layer.
        refinements: one for each layer. With two, the first layer asks the first half of the shared anchors, the second
            the other half and the image's own.
        projected: [B, E]; cameras: int64 [B] or None; for the domain anchors.
        visibility: tells from the deepest layer which patches are hidden; None: all count.
    """
    layers = patches.chunk(len(refinements), 1)
    anchors = text_anchors.expand(patches.shape[0], -1, -1)
    shares = (
        [anchors] if len(layers) == 1 else [anchors[:, : anchors.shape[1] // 2], anchors[:, anchors.shape[1] // 2 :]]
    )
    if domain_anchor is not None:
        inputs = DomainInputs(layers[-1].mean(1), projected, text_anchors, cameras)
        shares[-1] = torch.cat([shares[-1], domain_anchor(inputs)], 1)
    visible = None if visibility is None else torch.sigmoid(visibility(layers[-1]))
    paths = []
    for tokens, share, refinement in zip(layers, shares, refinements, strict=True):
        attended: Attended = refinement(tokens, share)
        weights = pooling_weights(attended.weights)
        weights = weights if visible is None else seen_weights(weights, visible)
        paths.append(PathState(attended.output, attended.weights, weights, visible))
    features = [pool(path.tokens, path.weights) for path in paths]
    return Aggregated(torch.stack(features).sum(0), text_anchors, tuple(paths))
