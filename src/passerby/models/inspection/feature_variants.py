"""Every feature that one forward pass of a network gives, to compare ways to make a feature of the same tokens."""

import torch
from torch import Tensor

from passerby.models.clip_reid.network import ClipReid
from passerby.models.inspection.reference import REFERENCE
from passerby.models.saga.network import Saga, fuse

_NAMES = {"gem": "GeM", "query": "single query", "free": "free anchors (control)"}


def clip_reid_variants(model: ClipReid, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
    """The class token of the last block, its projection, and both joined, [B, D] each, of images [B, 3, H, W]."""
    features = model.features(images, camera_ids)
    joint = torch.cat([features.final, features.projected], 1)
    return {REFERENCE: features.final, "projected": features.projected, "class token + projected": joint}


def saga_variants(model: Saga, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
    """What CLIP-ReID gives, the mean of the raw patch tokens, the poolings trained beside the anchors, the feature
    refined by anchors, and the fused embedding, [B, D] each, of images [B, 3, H, W].
    """
    tokens = model.tokens(images)
    refined = model.aggregate(tokens.patches, tokens.projected, camera_ids).refined
    variants = {
        REFERENCE: tokens.final,
        "projected": tokens.projected,
        "class token + projected": torch.cat([tokens.final, tokens.projected], 1),
        "patch mean": tokens.patches.mean(1),
    }
    for kind, branch in model.poolings.items():
        variants[_NAMES[kind]] = branch(tokens.patches, tokens.projected)
    variants[f"{model.shape.anchors.kind} anchors"] = refined
    variants["fused"] = fuse((refined, tokens.final, tokens.projected), model.shape.embedding.weights)
    return variants
