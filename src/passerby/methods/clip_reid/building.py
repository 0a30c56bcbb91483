"""CLIP-ReID's network with its first weights: from the recipe, from `init`, and from CLIP."""

from dataclasses import replace
from typing import Any

from passerby.data.split import Split
from passerby.errors import RecipeError
from passerby.methods.clip_reid.recipe import ModelSection
from passerby.methods.method import InitialWeights
from passerby.methods.networks.clip_towers import agreed_quick_gelu, described_shape
from passerby.models.clip.pretrained import ClipWeights, clip_weights
from passerby.models.clip.towers import ClipShape, is_residual, patch_stride, uses_quick_gelu
from passerby.models.clip_reid.network import CAMERA_EMBEDDING, ClipReid, ClipReidSizes
from passerby.models.clip_reid.official_files import is_clip_reid

_QUICK_GELU_SUFFIX = "-quickgelu"


def check_camera_embedding(section: ModelSection, train: Split) -> None:
    """Refuse a camera embedding that the data or the image tower cannot have.

    Raises:
        RecipeError: no cameras, or a residual network.
    """
    if not section.camera_embedding:
        return
    if train.cameras is None or not train.camera_names:
        raise RecipeError("model.camera_embedding=true, but the training images have no cameras: set it to false")
    if is_residual(section.architecture):
        raise RecipeError(
            f"model.camera_embedding=true: a residual network ({section.architecture}) has no class token to add "
            "it to: set it to false, or use a vision transformer"
        )


def build(section: ModelSection, classes: int, cameras: int, init: InitialWeights | None = None) -> ClipReid:
    """The network with CLIP's weights as the recipe says, and fresh heads.

    With `init`, whose tensors the caller loads afterwards, CLIP's weights are fetched only for what `init` lacks.

    Raises:
        RecipeError: the recipe contradicts what `init` or CLIP's weights say of themselves, or it must say whether
            they were trained with QuickGELU, because they do not.
        CheckpointError: CLIP's weights cannot be had.
    """
    declared = []
    if init is not None:
        _check_contradictions(section, init)
        declared.append((init.source, _declared_quick_gelu(init)))
    weights = ClipWeights(None)
    if init is None or not _brings_every_tower(init, section):
        weights = clip_weights(section.weights, section.architecture, allow_torchscript=section.allow_torchscript)
        if weights.tensors is not None:
            declared.append((f"model.weights={section.weights}", weights.quick_gelu))
    shape = replace(_shape(section), quick_gelu=agreed_quick_gelu(section.architecture, section.quick_gelu, declared))
    sizes = ClipReidSizes(classes, cameras if section.camera_embedding else 0, section.prompts)
    return ClipReid(shape, sizes, camera_coefficient=section.camera_coefficient, clip_tensors=weights.tensors)


def _shape(section: ModelSection) -> ClipShape:
    return ClipShape(section.architecture, section.image_size, section.stride, section.quick_gelu)


def _brings_every_tower(init: InitialWeights, section: ModelSection) -> bool:
    """Whether nothing of CLIP's weights would be left once `init` is loaded; the text tower is what may be lacking."""
    lacking = [prefix for prefix in ("text_encoder.", "prompt_learner.token_") if not _holds(init, prefix)]
    return not (section.prompts and lacking)


def _holds(init: InitialWeights, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in init.tensors)


def _declared_quick_gelu(init: InitialWeights) -> bool | None:
    """Whether `init` was trained with QuickGELU; None where it does not say."""
    if init.description is not None and "shape" in init.description:
        return uses_quick_gelu(described_shape(init.description))
    # CLIP-ReID's own code knows no other activation; files of a finished stage declare no shape.
    return True if init.description is None and is_clip_reid(init.tensors) else None


def _check_contradictions(section: ModelSection, init: InitialWeights) -> None:
    """Compare with what `init` says of itself; of other files the tensors' shapes tell, when they are loaded."""
    if _holds(init, CAMERA_EMBEDDING) and not section.camera_embedding:
        raise RecipeError(f"{init.source} was trained with a camera embedding: set model.camera_embedding=true")
    description = init.description
    if description is None or "shape" not in description:
        return
    declared, wanted = described_shape(description), _shape(section)
    theirs, ours = (shape.architecture.removesuffix(_QUICK_GELU_SUFFIX) for shape in (declared, wanted))
    pairs: list[tuple[str, Any, Any]] = [
        ("architecture", theirs, ours),
        ("image_size", list(declared.image_size), list(wanted.image_size)),
    ]
    if theirs == ours:
        pairs.append(("stride", patch_stride(declared), patch_stride(wanted)))
    if _holds(init, CAMERA_EMBEDDING):
        pairs.append(("camera_coefficient", description["camera_coefficient"], section.camera_coefficient))
    for key, before, now in pairs:
        if before != now:
            raise RecipeError(f"{init.source} has model.{key}={before}, the recipe {now}: set model.{key}={before}")
