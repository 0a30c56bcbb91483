"""The recipe by which a model learns from a gallery: of which method, and with which changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from passerby.errors import RecipeError
from passerby.models.backbones.registry import CLIP_PREFIX, family_of
from passerby.models.bundled import NAMES
from passerby.workflows.adapting.starts import Kind, Start

Way = Literal["identities", "cluster-contrast", "cion", "ccafl"]
"""What is learned from: the gallery's identities, by a classifier or by self-distillation, clusters of pictures that
are found anew before every epoch, or identities inside each camera."""

_METHODS: Mapping[Way, Mapping[Kind, str]] = {
    "identities": {"towers": "clip-reid", "clip-reid": "clip-reid", "backbone": "finetune"},
    "cluster-contrast": {"towers": "cluster-contrast", "backbone": "cluster-contrast"},
    "cion": {"towers": "cion", "backbone": "cion"},
    "ccafl": {"towers": "ccafl", "ccafl": "ccafl"},
}

_LARGE = {"clip-reid": "clip-reid-vit", "ccafl": "ccafl-rn50-custom"}
_SMALL = {"clip-reid": "clip-reid-vit-tiny"}
"""Recipes whose names are not the method's, with -tiny for small networks."""

_SMALL_HEIGHT = 128
"""Pixels of images up to which a network is taken for one that two CPU cores train."""

_SCHEDULES: Mapping[str, Mapping[str, object]] = {
    "clip-reid": {"stage1.epochs": 5, "stage2.epochs": 6, "stage2.warmup_epochs": 1},
    "finetune": {"training.epochs": 8, "training.warmup_epochs": 1},
    "cluster-contrast": {
        "clustering.k1": 12, "clustering.k2": 3, "clustering.eps": 0.45,
        "training.epochs": 2, "training.iterations": 60, "training.milestones": [], "training.lr": 1e-4,
        "training.neck_from_data": True,
    },
    "cion": {
        "training.lr": 1e-3, "training.epochs": 5, "training.frozen_epochs": 5, "training.warmup_epochs": 1,
        "training.changes": [2, 3, 4],
    },
    "ccafl": {
        "stage1.epochs": 5, "stages2and3.epochs": 6, "stages2and3.intra_epochs": 2, "stages2and3.iterations": 60,
        "stages2and3.warmup_epochs": 1, "inter.text_from": 3, "ical.first_epoch": 4, "ical.end_epoch": 6,
    },
}  # fmt: skip
"""Shorter than the recipes of small networks: the model knows people already, and is to learn what is new."""

_SIZES = {"clip-reid": "stage2", "finetune": "training", "ccafl": "stages2and3"}
"""Method → the section whose batches take `identities_per_batch`."""

_IDENTITIES, _CION_BATCH = 16, 24
"""People in a batch, and images in one of CION, whose curriculum needs a multiple of 24."""


@dataclass(frozen=True)
class LearningPlan:
    """How a model learns.

    Attributes:
        recipe: name of the recipe.
        method: of the recipe.
        changes: to it, values by key.
    """

    recipe: str
    method: str
    changes: dict[str, object] = field(default_factory=dict)


def learning_plan(way: Way, start: Start, *, people: int, seed: int) -> LearningPlan:
    """The recipe for a start.

    Args:
        way: what is learned from.
        start: the model to begin with.
        people: how many, or how many camera identities, are learned from.
        seed: of everything random.

    Raises:
        RecipeError: this way cannot begin with this model.
    """
    method = _METHODS[way].get(start.kind)
    if method is None:
        able = [name for name, kinds in _METHODS.items() if start.kind in kinds]
        raise RecipeError(
            f"method={way}: cannot begin with {start.name}, which is {_shown(start.kind)}: choose "
            f"{' or '.join(able)}, or begin with another model by --init"
        )
    small = start.size[0] <= _SMALL_HEIGHT
    recipe = _SMALL.get(method, f"{method}-tiny") if small else _LARGE.get(method, method)
    transform = start.description["transform"]
    pixels = "views" if method == "cion" else "augmentation"
    changes: dict[str, object] = {
        "seed": seed,
        f"{pixels}.mean": list(transform["mean"]),
        f"{pixels}.std": list(transform["std"]),
        "model.image_size": list(start.size),
        **_weights(start, method),
        **(_SCHEDULES[method] if small else {}),
    }
    if method in _SIZES and people < _IDENTITIES:
        changes[f"{_SIZES[method]}.identities_per_batch"] = people
    if method == "cion" and 2 * people < _CION_BATCH:  # too few for the curriculum: pairs of images throughout
        changes |= {"training.batch_size": 2 * people, "training.images_per_identity": [2], "training.changes": []}
    elif method == "cion" and small:
        changes["training.batch_size"] = _CION_BATCH
    if method == "cion" and str(changes["model.backbone"]).startswith(CLIP_PREFIX):
        changes["views.local"] = 0  # CLIP's tower takes images of one size
    elif method == "cion" and small:
        changes["views.local_size"] = [side // 2 for side in start.size]
    return LearningPlan(recipe, method, changes)


def _weights(start: Start, method: str) -> dict[str, object]:
    """The network, and where its weights come from."""
    place = start.name if start.name in NAMES else str(start.file)
    if start.kind == "backbone":
        architecture = start.description["architecture"]
        network: dict[str, object] = {"model.backbone": architecture, "init": place}
        if method == "cluster-contrast":
            pooled = start.description.get("generalised_mean", family_of(architecture) in ("resnet", "resnet_ibn"))
            network["model.pooling"] = "gem" if pooled else "native"
        return network
    shape: Mapping[str, Any] = start.description["shape"]
    if start.kind == "towers" and method in ("cion", "cluster-contrast"):
        tower: dict[str, object] = {"model.backbone": f"{CLIP_PREFIX}{shape['architecture']}", "init": place}
        return {**tower, **({"model.pooling": "native"} if method == "cluster-contrast" else {})}
    network = {"model.architecture": shape["architecture"], "model.stride": shape.get("stride")}
    if start.kind == "towers":
        return {**network, "model.weights": place}
    return {**network, "model.weights": "random", "init": place}


def _shown(kind: Kind) -> str:
    return {
        "towers": "a CLIP of two towers",
        "clip-reid": "a network of CLIP-ReID",
        "ccafl": "a network of CCAFL",
        "backbone": "a backbone",
    }[kind]
