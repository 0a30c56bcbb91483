"""VOLO for re-identification: any image size."""

from collections.abc import Mapping
from typing import Any

import timm
from torch import Tensor, nn

from passerby.models.backbones.backbone import Backbone
from passerby.models.backbones.position_embeddings import interpolate_positions

PATCH = 16
"""Pixels on the side of a patch that has a position of its own: 8×8, pooled 2×2."""

NETWORKS: Mapping[str, str] = {"volo_d1": "volo_d1_224", "volo_d2": "volo_d2_224", "volo_d3": "volo_d3_224"}
"""Our name → timm's."""

_POSITIONS_BEFORE = 2
"""The stage before which positions are added: outlookers and the pooling come first."""


class VoloBackbone(Backbone):
    """VOLO's class token after the last layer norm.

    timm's network takes its native size only; this one interpolates positions for others, as published for CION.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W], sides multiples of 16 → float32 [B, feature_dim]."""
        network: Any = self.network
        tokens = network.patch_embed(images).permute(0, 2, 3, 1)
        for number, stage in enumerate(network.network):
            if number == _POSITIONS_BEFORE:
                rows, columns = tokens.shape[1:3]
                tokens = network.pos_drop(tokens + interpolate_positions(network.pos_embed, (rows, columns)))
            tokens = stage(tokens)
        features: Tensor = network.norm(network.forward_cls(tokens.flatten(1, 2)))[:, 0]
        return features.float()


def build_volo(name: str, image_size: tuple[int, int], **options: Any) -> nn.Module:
    """timm's VOLO without classifiers, native to images of this size."""
    network: nn.Module = timm.create_model(
        NETWORKS[name], num_classes=0, img_size=image_size, use_aux_head=False, **options
    )
    return network
