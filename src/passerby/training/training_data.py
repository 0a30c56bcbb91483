"""The data of a recipe, opened for training."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from passerby.config import Recipe
from passerby.data.checks.shared_files import check_no_shared_files
from passerby.data.loading.loaders import PerImageSource, PixelSource, open_readable
from passerby.data.split import Benchmark, Split
from passerby.distributed.roles import is_main_process, is_one_of_many
from passerby.errors import DataError, RecipeError
from passerby.evaluation.preflight import check_evaluable
from passerby.inference.camera_embedding import describe_training_sets
from passerby.methods.method import Method, TrainingData
from passerby.output_paths import default_cache_folder
from passerby.runs.recipe_data import open_sets
from passerby.training.training_labels import label_training_images, log_camera_labels


@dataclass(frozen=True)
class OpenedData:
    """The data sets that a recipe names, and its training images.

    Attributes:
        benchmarks: the data sets.
        sets: what the model remembers of each data set; see `describe_training_sets`.
        trained_on: the training images that can be read, validation set aside; they carry the label of every camera.
        training: the images to train on; only cameras that took one of them have a label.
        validation: query and gallery set aside from the training identities, if the recipe asks for them.
        left_out: rows of the training images, validation set aside, that cannot be read or that the run has not trained
            on before; int64 [n].
    """

    benchmarks: list[Benchmark]
    sets: list[dict[str, Any]]
    trained_on: Split
    training: TrainingData
    validation: tuple[Split, Split] | None
    left_out: NDArray[np.int64]

    @property
    def evaluated(self) -> list[Benchmark]:
        """The data sets to evaluate on; the validation split is one of them."""
        return [*self.benchmarks, *([Benchmark("validation", None, *self.validation)] if self.validation else [])]


def open_training_data(
    recipe: Recipe,
    method: Method[Any, Any],
    *,
    decode: bool = True,
    retry_unreadable: bool = False,
    left_out: NDArray[np.int64] | None = None,
) -> OpenedData:
    """Read the lists, cut off a validation split, and open (or build) the cache of decoded images.

    Args:
        recipe: its data section, seed and transforms count.
        method: of the recipe.
        decode: False to leave pixels alone: images are decoded when they are asked for.
        retry_unreadable: see `PixelCache.open`; not for runs that go on, whose images must stay the same, unless
            `left_out` says which. Processes that torchrun started never do: one might open the cache before and another
            after images are added.
        left_out: of a run that goes on: it trains on no more images than before, whatever can be read by now.

    Raises:
        DataError: a set has no training images, its query and gallery cannot be evaluated, or what `open_sets` and
            the cache raise.
        RecipeError: the method cannot learn from these images as the recipe says; found before any is decoded.
    """
    if method.draws_images:
        return _no_data(recipe, method)
    section = recipe.data
    sets = open_sets(section)
    splits = [each.training_split() for each in sets]
    check_no_shared_files(splits, [each.name for each in sets])
    check_evaluable(sets, skip_unreadable=section.skip_unreadable)
    train, validation = label_training_images(recipe, method, sets)
    log_camera_labels(train)
    if left_out is None:  # a resumed run passed when it began; files that it has copied since may be gone
        _check_learnable(recipe, method, train, validation)
    rows, split, data = _open_pixels(recipe, method, train, decode, retry_unreadable, left_out)
    missing = np.setdiff1d(np.arange(len(train)), rows)
    return OpenedData(sets, describe_training_sets(sets, split), split, data, validation, missing)


def _open_pixels(
    recipe: Recipe,
    method: Method[Any, Any],
    train: Split,
    decode: bool,
    retry_unreadable: bool,
    left_out: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64], Split, TrainingData]:
    """The rows that are trained on, int64 [n], their split with all cameras, and their data with occurring cameras."""
    section = recipe.data
    train_transform, test_transform = method.transforms(recipe)
    opened = partial(
        open_readable,
        train,
        cache=section.cache if decode else "none",
        folder=Path(section.cache_folder).expanduser() if section.cache_folder else default_cache_folder(),
        skip_unreadable=section.skip_unreadable and decode,
        retry_unreadable=(retry_unreadable or left_out is not None) and not is_one_of_many(),
        show_progress=is_main_process(),
    )
    rows, training = opened(train_transform, left_out=left_out)
    split = train if len(rows) == len(train) else train.take(rows).relabelled()

    def open_plain() -> PixelSource:
        again, source = opened(test_transform, left_out=np.setdiff1d(np.arange(len(train)), rows))
        if len(again) < len(rows):  # what a stage computes from them belongs to the rows of the split
            raise DataError(
                f"{len(rows):,} images could be read when training began, {len(again):,} of them can now: restore them"
            )
        return source

    own = split.with_occurring_cameras()
    if method.label_scope == "global":  # others only compare their associations with it
        own = own.without_truth()
    data = TrainingData(own, training, open_plain, train_transform, test_transform)
    return rows, split, data


def _check_learnable(
    recipe: Recipe, method: Method[Any, Any], train: Split, validation: tuple[Split, Split] | None
) -> None:
    try:
        method.check(recipe, train.without_truth())
    except RecipeError as error:
        if validation is None:
            raise
        held_out = validation[1].identity_count
        raise RecipeError(f"{error} (data.validation.identities sets {held_out:,} aside)") from None


def _no_data(recipe: Recipe, method: Method[Any, Any]) -> OpenedData:
    """Empty data, for a method that draws its own images."""
    nothing = Split(Path(), pa.array([], pa.string()), np.empty(0, np.int64), ())
    train_transform, test_transform = method.transforms(recipe)
    source = PerImageSource(nothing)
    data = TrainingData(nothing, source, lambda: source, train_transform, test_transform)
    return OpenedData([], [], nothing, data, None, np.empty(0, np.int64))
