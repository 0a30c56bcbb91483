"""The labels of training images: identities that hold in all cameras, or camera-local ones."""

from collections.abc import Sequence
from typing import Any

from passerby.config import Recipe
from passerby.data.benchmarks import BENCHMARKS
from passerby.data.benchmarks.public_benchmark import class_mismatch
from passerby.data.camera_labels import (
    camera_label_remarks,
    camera_labels,
    camera_local,
    describe_classes,
    join_camera_local,
)
from passerby.data.concatenation import concatenate
from passerby.data.split import Benchmark, LabelScope, Split
from passerby.data.validation import validation_split
from passerby.distributed.roles import is_main_process
from passerby.errors import DataError, RecipeError
from passerby.methods.method import Method
from passerby.progress import log_line


def label_training_images(
    recipe: Recipe, method: Method[Any, Any], sets: Sequence[Benchmark]
) -> tuple[Split, tuple[Split, Split] | None]:
    """The training images of all data sets, labelled as the method learns, without those set aside for validation.

    Returns:
        The images, and query and gallery of the identities set aside; None if none are.

    Raises:
        DataError: a set has no training images or cameras; or, made camera-local, another number of classes than is
            published.
        RecipeError: the method cannot learn from these labels, or people cannot be set aside, for nobody knows who
            they are in other cameras.
    """
    splits = [each.training_split() for each in sets]
    scope = _label_scope(recipe, method)
    local = [each.name for each, split in zip(sets, splits, strict=True) if split.scope == "camera"]
    if scope == "global" and local:
        raise RecipeError(
            f"data.labels: the labels of {local[0]} hold inside each camera only, and {recipe.method} learns from "
            "labels that hold in all: train ccafl, or say data.labels=camera to take who was seen by two for two people"
        )
    if local:
        if recipe.data.validation.identities:
            raise RecipeError(
                f"data.validation.identities: the labels of {local[0]} hold inside each camera only, so nobody can be "
                "set aside to be found in another: leave it out, and name linked query and gallery images instead"
            )
        train, validation = join_camera_local(splits).relabelled(), None
    else:
        if scope == "camera" and recipe.data.check_counts:
            _check_classes(sets)
        train, validation = _set_aside(recipe, concatenate(splits).relabelled())
        train = camera_local(train) if scope == "camera" else train
    return train, validation


def _label_scope(recipe: Recipe, method: Method[Any, Any]) -> LabelScope:
    wanted = recipe.data.labels
    if wanted == "global" and method.label_scope == "camera":
        raise RecipeError(
            f"data.labels=global: {recipe.method} learns from labels that hold inside each camera, and makes them from "
            "others: leave data.labels out"
        )
    return method.label_scope if wanted == "auto" else wanted


def _set_aside(recipe: Recipe, train: Split) -> tuple[Split, tuple[Split, Split] | None]:
    """The training images, and query and gallery of the identities that the recipe sets aside."""
    count = recipe.data.validation.identities
    if not count:
        return train, None
    train, query, gallery = validation_split(train, identities=count, seed=recipe.seed)
    return train, (query, gallery)


def _check_classes(sets: Sequence[Benchmark]) -> None:
    """Refuse a public data set that, made camera-local, has other classes than everybody finds."""
    for each in sets:
        published = BENCHMARKS[each.name].counts if each.name in BENCHMARKS else None
        mismatch = class_mismatch(each.training_split(), published)
        if mismatch:
            raise DataError(
                f"{each.name}, made camera-local, has {mismatch}: this is not the published training half; take it as "
                "it is with data.check_counts=false"
            )


def log_camera_labels(train: Split) -> None:
    """Log how many camera identities camera-local labels give, and what may hamper learning from them."""
    if train.scope == "global":
        return
    local = train.with_occurring_cameras()
    labels = camera_labels(local)
    log_line(f"camera-local labels: {describe_classes(labels.counts)}", show=is_main_process())
    for remark in camera_label_remarks(labels, local):
        log_line(remark, show=is_main_process())
