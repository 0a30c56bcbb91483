"""Whether a run that goes on, or is evaluated, meets the data that it began with."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.split import PARTS, Benchmark
from passerby.errors import DataError, RecipeError
from passerby.runs.data_record import describe_data, describe_difference, is_record, refuse_changed_data
from passerby.runs.file_record import LEFT_OUT, Comparison, measure_files, read_file_record, refuse_changed_files
from passerby.runs.run_directory import RunDirectory
from passerby.progress import say


def check_same_sets(run: RunDirectory, sets: Sequence[Benchmark], *, skip_unreadable: bool = False) -> Comparison:
    """Refuse to go on with other data sets than a run began with, or with changed images.

    Args:
        run: that goes on.
        sets: as they are now.
        skip_unreadable: do not mind images that have become unreadable.

    Raises:
        DataError: names the data set and what differs.
        RecipeError: what the run remembers of its data is missing or damaged.
    """
    before = stored_data(run)
    now = measure_files(sets)
    if not run.files_file.exists():
        refuse_changed_data(before["sets"], describe_data(sets), run.folder)
        say(f"{run.folder}: began before runs remembered all files: of each part, 64 sizes are compared", show=True)
        return Comparison(False, now)
    refuse_changed_data(before["sets"], describe_data(sets), run.folder, "labels")
    files = read_file_record(run.files_file)
    files.pop(LEFT_OUT, None)
    if {name: len(column) for name, column in files.items()} != {name: len(column) for name, column in now.items()}:
        raise RecipeError(f"{run.files_file}: does not belong to {run.data_file}: start a new run with --out")
    return refuse_changed_files(files, now, sets, run.files_file, skip_unreadable=skip_unreadable)


def rows_left_out(run: RunDirectory) -> NDArray[np.int64] | None:
    """Rows that a run does not train on, as `OpenedData` has them; None where the run does not remember.

    Raises:
        RecipeError: the file that tells is damaged.
    """
    return read_file_record(run.files_file).get(LEFT_OUT) if run.files_file.exists() else None


def check_same_images(run: RunDirectory, trained_on: Mapping[str, Any], *, skip_unreadable: bool) -> None:
    """Refuse to go on training with other readable images than a run began with.

    Turning `data.skip_unreadable` on may leave some out, though nobody whom the network tells apart.

    Args:
        run: that goes on.
        trained_on: as `describe_split` gives it.
        skip_unreadable: as the recipe says now.

    Raises:
        DataError: says what differs.
        RecipeError: what the run remembers of its data is missing or damaged.
    """
    before = stored_data(run)["trained_on"]
    difference = describe_difference(before, trained_on, "labels" if run.files_file.exists() else "fingerprint")
    if not difference:
        return
    if run.stored_recipe().get("data", {}).get("skip_unreadable", False) == skip_unreadable:
        raise DataError(
            f"the images that can be read are not those that the run in {run.folder} began with ({difference}): "
            "restore the images, or start a new run with --out"
        )
    if any(before[name] != trained_on[name] for name in ("identities", "cameras")):
        raise DataError(
            f"data.skip_unreadable={str(skip_unreadable).lower()} changes what the network in {run.folder} was built "
            f"for ({difference}): restore the images, or start a new run with --out"
        )


def say_if_other_data(run: RunDirectory, sets: Sequence[Benchmark]) -> None:
    """Tell, in one line each, of data sets that are called as the run's own and are not the same."""
    try:
        own = {each["name"]: each for each in stored_data(run)["sets"]}
    except RecipeError:  # an evaluation, unlike a training, needs no more than its own data
        say(f"{run.data_file}: is missing or damaged, so nobody can tell whether this is the run's data", show=True)
        return
    for now in describe_data(sets):
        before = own.get(now["name"], {})
        for part in PARTS if before else ():
            difference = describe_difference(before.get(part), now.get(part))
            if difference:
                say(
                    f"{now['name']}: this is not the data of the run in {run.folder}: in its {part} part, {difference}",
                    show=True,
                )
                break


def stored_data(run: RunDirectory) -> dict[str, Any]:
    """What a run remembers of its data: `sets`, and what is `trained_on`.

    Raises:
        RecipeError: it is missing or damaged.
    """
    try:
        before: Any = json.loads(run.data_file.read_text("utf-8"))
    except (OSError, ValueError):
        before = None
    if not is_record(before):
        raise RecipeError(
            f"{run.data_file}: is missing or damaged, so nobody can tell whether the data is the same: "
            "start a new run with --out"
        )
    return {"sets": before["sets"], "trained_on": before["trained_on"]}
