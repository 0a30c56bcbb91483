"""Multiple granularity network: a whole-body branch, and two that also see halves and thirds."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from passerby.models.backbones.backbone import Backbone
from passerby.models.layers import CosineClassifier, GeneralisedMean, bn_neck

STRIPES = (1, 2, 3)
"""Horizontal parts of the branches; with more than one a branch also sees the whole."""

FEATURES = sum(1 if stripes == 1 else 1 + stripes for stripes in STRIPES)

CLASS_SIZED = ("classifiers.",)
"""Tensors whose size is the number of training identities."""

TRAINING_ONLY = ("classifiers.",)
"""Tensors that embedding does not need."""

NEW = ("heads.",)
"""Besides those, what a pre-trained backbone does not bring along."""


class MgnFeatures(NamedTuple):
    """An image batch as MGN sees it; every feature is float32 [B, width].

    Attributes:
        wholes: of the three branches.
        parts: of the halves, and of the thirds, from the top down.
    """

    wholes: list[Tensor]
    parts: list[list[Tensor]]

    def in_order(self) -> list[Tensor]:
        """The wholes, then halves and thirds: the order of heads, classifiers and of the retrieval feature."""
        return [*self.wholes, *(part for parts in self.parts for part in parts)]


class Head(nn.Module):
    """From a map [B, D, h, w] to a feature [B, width]: generalised mean, linear, batch norm with a bias of 0."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.pooling = GeneralisedMean()
        self.reduction = nn.Linear(channels, width, bias=False)
        self.neck = bn_neck(width)
        nn.init.kaiming_normal_(self.reduction.weight, mode="fan_out")

    def forward(self, maps: Tensor) -> Tensor:
        """The feature, float32."""
        pooled = self.pooling(maps.float().flatten(2).transpose(1, 2))
        return cast(Tensor, self.neck(self.reduction(pooled)).float())


class Mgn(nn.Module):
    """MGN on a residual network.

    Args:
        backbone: a residual network with last stride 1, whose weights all branches begin with.
        classes: number of training identities; None for embedding only.
        width: of each of the eight features.

    Source: Wang et al., Learning Discriminative Features with Multiple Granularities, ACM MM 2018, in FastReID's form.
    """

    def __init__(self, backbone: Backbone, classes: int | None, *, width: int = 256) -> None:
        super().__init__()
        network = cast(Any, backbone.network)
        self.name, self.image_size, self.width = backbone.name, backbone.image_size, width
        stem = (network.conv1, network.bn1, network.act1, network.maxpool)
        self.trunk = nn.Sequential(*stem, network.layer1, network.layer2, network.layer3[0])
        branch = nn.Sequential(*network.layer3[1:], *network.layer4)
        self.branches = nn.ModuleList(copy.deepcopy(branch) for _ in STRIPES)
        channels = backbone.feature_dim
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in STRIPES)
        self.heads = nn.ModuleList(Head(channels, width) for _ in range(FEATURES))
        if classes is not None:
            self.classifiers = nn.ModuleList(CosineClassifier(width, classes) for _ in range(FEATURES))

    @property
    def embed_dim(self) -> int:
        """Length of the retrieval feature, 2048 as published."""
        return FEATURES * self.width

    def features(self, images: Tensor) -> MgnFeatures:
        """Normalised images [B, 3, H, W] → the eight features behind their necks."""
        shared = self.trunk(images)
        maps = [norm(branch(shared)) for branch, norm in zip(self.branches, self.norms, strict=True)]
        heads = iter(self.heads)
        wholes = [next(heads)(each) for each in maps]
        parts = [
            [next(heads)(stripe) for stripe in each.chunk(stripes, dim=2)]
            for each, stripes in zip(maps, STRIPES, strict=True)
            if stripes > 1
        ]
        return MgnFeatures(wholes, parts)

    def cosines(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Cosines [B, C] of each of the eight features with the directions of the classes."""
        return [classifier(normalize(feature)) for classifier, feature in zip(self.classifiers, features, strict=True)]

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """All eight features in a row, L2-normalised, float32 [B, 2048]; camera ids are ignored."""
        return normalize(torch.cat(self.features(images).in_order(), 1))
