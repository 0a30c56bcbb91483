"""A backbone whose features are compared with centroids of clusters: generalised mean, neck, length 1."""

from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional as F

from passerby.models.backbones.backbone import Backbone
from passerby.models.layers import GeneralisedMean, bn_neck

NEW = ("pooling.", "bottleneck.")
"""Tensors that a pre-trained backbone does not bring along."""


class ClusterReid(nn.Module):
    """What Cluster-Contrast trains and embeds with.

    Args:
        backbone: images → features.
        generalised_mean: pool the last map by a generalised mean (residual networks), not as the backbone does.

    Source: Dai et al., Cluster Contrast for Unsupervised Person Re-Identification, ACCV 2022.
    """

    def __init__(self, backbone: Backbone, *, generalised_mean: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = GeneralisedMean() if generalised_mean else None
        self.bottleneck = bn_neck(backbone.feature_dim)

    @property
    def embed_dim(self) -> int:
        """Length of the retrieval feature."""
        return self.backbone.feature_dim

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] → features behind the neck, L2-normalised, float32 [B, D]."""
        return self.after_bnneck(self.pooled(images))

    def pooled(self, images: Tensor) -> Tensor:
        """Features [B, D] of images before the neck."""
        if self.pooling is None:
            return cast(Tensor, self.backbone(images))
        maps: Tensor = cast(Any, self.backbone.network).forward_features(images)
        return cast(Tensor, self.pooling(maps.float().flatten(2).transpose(1, 2)))

    def after_bnneck(self, pooled: Tensor) -> Tensor:
        """The retrieval feature, float32 [B, D] of length 1, from what is pooled, [B, D]."""
        return F.normalize(self.bottleneck(pooled).float())

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The same; camera ids are ignored."""
        return cast(Tensor, self(images))
