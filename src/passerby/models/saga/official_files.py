"""SAGA's published checkpoint format: recognised by its tensors, read strictly, and written.

A stage-3 file holds the backbone twice and the text tower twice, under two names each, and modules that the published
code builds and never calls. A file of stages 1 and 2 is the subtree `clipreid_model.` of it, without that prefix.
What the tensors do not tell is taken from the published configurations: block 9 (blocks 6 and 9 for two paths), eight
heads, 256×128 images, mean and deviation of 0.5.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from passerby.errors import CheckpointError
from passerby.models.clip_reid.official_files import transformer_shape
from passerby.models.saga.anchors import TextAnchors
from passerby.models.saga.network import Saga
from passerby.models.saga.shape import AnchorShape, SagaShape

_WRAPPER = "clipreid_model."

UNUSED = (
    "visual_prompt",
    "classifier_proj.",
    "bottleneck_proj.",
    "image_fusion_net.",
    "prompt_learner.ctx_modality",
    "prompt_learner.ctx_platform",
    "prompt_learner.visual_enhanced_net.",
    "cv_embed",
    "text_proj.",
)
"""Tensors that nothing reads when the published code embeds: modules that are built and never called, the second neck
and classifier, which have no loss, and the camera embedding, which it leaves out whenever it evaluates."""

NOT_EMBEDDED_BY_STAGE_2 = (
    "visual_prompt",
    "classifier.",
    "classifier_proj.",
    "image_fusion_net.",
    "prompt_learner.",
    "text_encoder.",
    "cv_embed",
)
"""Tensors of a file of stages 1 and 2 that nothing reads when it embeds."""

_TWO_PATHS = (6, 9)
_HALF = (0.5, 0.5, 0.5)


def recognise_saga(tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """The description of an official SAGA file of stage 3, or of stages 1 and 2; None for anything else.

    Raises:
        CheckpointError: a SAGA file whose image tower is of no known architecture or grid.
    """
    stage3 = "backbone.conv1.weight" in tensors and any(name.startswith(_WRAPPER) for name in tensors)
    stage2 = "image_encoder.conv1.weight" in tensors and "prompt_learner.ctx_generic" in tensors
    if not (stage3 or stage2):
        return None
    tower = "backbone." if stage3 else "image_encoder."
    clip = transformer_shape(
        {f"image_encoder.{name.removeprefix(tower)}": tensors[name] for name in tensors if name.startswith(tower)}
    )
    shape = SagaShape(clip, _anchor_shape(tensors) if stage3 else AnchorShape())
    camera = tensors.get("domain_anchor.cam_embed.weight")
    return {
        "method": "saga",
        "official": "stage 3" if stage3 else "stage 2",
        "network": shape.description(),
        "camera_count": 0 if camera is None else len(camera),
        "transform": {"size": clip.image_size, "mean": _HALF, "std": _HALF, "interpolation": "bilinear"},
    }


def from_official(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The tensors of an official file under our names, each once, without those in `UNUSED`.

    Raises:
        CheckpointError: two tensors that are one in the published code differ.
    """
    found: dict[str, Tensor] = {}
    origins: dict[str, str] = {}
    for name, tensor in tensors.items():
        ours = _our_name(name)
        if ours.startswith(UNUSED):
            continue
        if ours in found and not torch.equal(found[ours], tensor):
            raise CheckpointError(f"{source}: {origins[ours]} and {name} should be the same tensor, but differ")
        found[ours], origins[ours] = tensor, name
    return found


def to_official(model: Saga) -> dict[str, Tensor]:
    """The tensors of a network under the published names, those with two names twice.

    What the published code never reads is left out; it loads such files, because it loads without being strict.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        for theirs in _their_names(name, free=not isinstance(model.text_anchor, TextAnchors)):
            found[theirs] = tensor.detach().cpu().contiguous().clone()
    return found


def _our_name(name: str) -> str:
    name = name.removeprefix(_WRAPPER)
    if name.startswith("image_encoder."):
        return "backbone." + name.removeprefix("image_encoder.")
    return name.removeprefix("text_anchor.") if name.startswith("text_anchor.text_encoder.") else name


def _their_names(name: str, *, free: bool) -> list[str]:
    if name.startswith("backbone."):
        return [name, f"{_WRAPPER}image_encoder.{name.removeprefix('backbone.')}"]
    if name.startswith("text_encoder."):
        return [_WRAPPER + name] if free else [_WRAPPER + name, f"text_anchor.{name}"]
    if name.startswith(("prompt_learner.", "classifier.", "bottleneck.")):
        return [_WRAPPER + name]
    return [] if name.startswith("poolings.") else [name]


def _anchor_shape(tensors: Mapping[str, Tensor]) -> AnchorShape:
    free = "text_anchor.anchors" in tensors
    paths = 2 if "refine.1.layers.0.norm_q.weight" in tensors else 1
    prefix = "refine.0.layers." if paths == 2 else "refine.layers."
    layers = {name.removeprefix(prefix).split(".")[0] for name in tensors if name.startswith(prefix)}
    common: dict[str, Any] = {
        "kind": "free" if free else "text",
        "count": len(tensors["text_anchor.anchors" if free else "text_anchor.ctx_main"]),
        "phrase_slots": 12 if free else tensors["text_anchor.ctx_parts"].shape[1],
        "token_layers": _TWO_PATHS if paths == 2 else AnchorShape().token_layers,
        "layers": len(layers),
    }
    if "domain_anchor.queries" in tensors:
        return AnchorShape(**common, domain="clip", domain_count=len(tensors["domain_anchor.queries"]))
    if "domain_anchor.anchor_gen.2.bias" not in tensors:
        return AnchorShape(**common, domain="none", domain_count=0)
    width = tensors["domain_anchor.anchor_gen.0.bias"].shape[0]
    kind: Any = "camera" if "domain_anchor.cam_embed.weight" in tensors else "image"
    return AnchorShape(**common, domain=kind, domain_count=len(tensors["domain_anchor.anchor_gen.2.bias"]) // width)
