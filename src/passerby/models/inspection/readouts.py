"""Every feature that one forward pass of a network gives, to compare ways of reading the same tokens."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.models.clip_reid.network import ClipReid
from passerby.models.saga.network import Saga, fuse
from passerby.models.saga.poolings import PoolingBranch

REFERENCE = "class token"
"""The readout that others are compared with."""

_NAMES = {"gem": "GeM", "query": "single query", "free": "free anchors (control)"}


def readouts(model: nn.Module, images: Tensor, camera_ids: Tensor | None = None) -> dict[str, Tensor]:
    """Features of normalised images [B, 3, H, W] by the name of the readout, each float32 [B, D] of length 1.

    Of SAGA: the class token of the last block, its projection, both joined as in CLIP-ReID, the mean of the raw patch
    tokens, the poolings trained beside the anchors, the feature refined by anchors, and the fused embedding. Of
    CLIP-ReID: the same but for the patches. Of other networks: the embedding.
    """
    if isinstance(model, Saga):
        found = _of_saga(model, images, camera_ids)
    elif isinstance(model, ClipReid):
        features = model.features(images, camera_ids)
        joint = torch.cat([features.final, features.projected], 1)
        found = {REFERENCE: features.final, "projected": features.projected, "class token + projected": joint}
    else:
        found = {"embedding": model.embed(images, camera_ids)}  # type: ignore[operator]
    return {name: F.normalize(feature.float()) for name, feature in found.items()}


def _of_saga(model: Saga, images: Tensor, camera_ids: Tensor | None) -> dict[str, Tensor]:
    tokens = model.tokens(images)
    refined = model.aggregate(tokens.patches, tokens.projected, camera_ids).refined
    found = {
        REFERENCE: tokens.final,
        "projected": tokens.projected,
        "class token + projected": torch.cat([tokens.final, tokens.projected], 1),
        "patch mean": tokens.patches.mean(1),
    }
    for kind, branch in model.poolings.items():
        found[_NAMES[kind]] = cast(PoolingBranch, branch)(tokens.patches, tokens.projected)
    found[f"{model.shape.anchors.kind} anchors"] = refined
    found["fused"] = fuse((refined, tokens.final, tokens.projected), model.shape.embedding.weights)
    return found
