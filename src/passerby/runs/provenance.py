"""The data that a run began with: what it was, and whether it is the same now."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.atomic_files import write_text_atomically
from passerby.data.fingerprint import fingerprint
from passerby.data.split import PARTS, Benchmark, Split
from passerby.errors import DataError, RecipeError
from passerby.progress import log_line
from passerby.runs.file_stamps import FileStamps, check_same_files, measure_files, read_stamps, write_stamps
from passerby.runs.run_directory import RunDirectory

_COUNTS = ("images", "identities", "cameras")
_LEFT_OUT = "left_out"
"""Key of the rows that are not trained on, int64 [n], beside the stamps."""

Description = Mapping[str, Any]
"""Of a split: counts, a fingerprint of paths, labels and 64 sizes, and one of paths and labels alone."""


class Provenance:
    """The record of a run's data: `data.json` (counts, fingerprints) and `data-files.npz` (size and time of each file).

    Where images lie does not enter: data that has moved is the same.

    Args:
        run: whose folder holds the two files.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.data_file = run.folder / "data.json"
        self.files_file = run.folder / "data-files.npz"
        self._stamps: FileStamps | None = None

    def left_out(self) -> NDArray[np.int64] | None:
        """Training rows that the run leaves out, int64 [n]; None where there is no record of files.

        Raises:
            RecipeError: the record is damaged.
        """
        return read_stamps(self.files_file).get(_LEFT_OUT) if self.files_file.exists() else None

    def compare(self, sets: Sequence[Benchmark], *, skip_unreadable: bool = False) -> bool:
        """Compare lists and files of the data sets with those that the run began with; for one process.

        Where `data-files.npz` was deleted, the sizes of 64 files of each part are compared.

        Returns:
            Whether a data set is a copy, of which no pixel has been read yet.

        Raises:
            DataError: names the data set, or the images, and what differs.
            RecipeError: the record is missing or damaged.
        """
        before = self._read()["sets"]
        if len(before) != len(sets):
            folder = self.run.folder
            raise DataError(f"data.name: {len(sets)} data sets, but the run in {folder} began with {len(before)}")
        for old, now in zip(before, describe_data(sets), strict=True):
            for part, difference in _differing_parts(old, now, self._mark()):
                raise DataError(
                    f"{now['name']}: its {part} part is not what the run in {self.run.folder} began with "
                    f"({difference}): restore the data, or start a new run with --out"
                )
        if not self.files_file.exists():
            log_line(f"{self.files_file}: is missing: of each part, 64 sizes are compared", show=True)
            return False
        stored, measured = read_stamps(self.files_file), measure_files(sets)
        stored.pop(_LEFT_OUT, None)
        if {name: len(column) for name, column in stored.items()} != {name: len(measured[name]) for name in measured}:
            raise RecipeError(f"{self.files_file}: does not belong to {self.data_file}: start a new run with --out")
        found = check_same_files(stored, measured, sets, self.files_file, skip_unreadable=skip_unreadable)
        self._stamps = found.stamps
        return found.unread

    def compare_training_images(self, trained_on: Split, *, skip_unreadable: bool) -> None:
        """Compare the images to train on with those that the run began with; for every process.

        Turning `data.skip_unreadable` on may leave images out, but no whole identity and no camera: the network has
        parameters for them.

        Raises:
            DataError: says what differs.
            RecipeError: the record is missing or damaged.
        """
        before, now = self._read()["trained_on"], describe_split(trained_on)
        difference = _difference(before, now, self._mark())
        if not difference:
            return
        if self.run.stored_recipe().get("data", {}).get("skip_unreadable", False) == skip_unreadable:
            raise DataError(
                f"the images that can be read are not those that the run in {self.run.folder} began with "
                f"({difference}): restore the images, or start a new run with --out"
            )
        if any(before[name] != now[name] for name in ("identities", "cameras")):
            raise DataError(
                f"data.skip_unreadable={str(skip_unreadable).lower()} changes what the network in {self.run.folder} "
                f"was built for ({difference}): restore the images, or start a new run with --out"
            )

    def update(
        self, sets: Sequence[Benchmark], trained_on: Split | None = None, left_out: NDArray[np.int64] | None = None
    ) -> None:
        """Record the data as it is now.

        Args:
            sets: the data sets; compared before, if the run goes on.
            trained_on: the images to train on; None leaves the record of them as it is.
            left_out: training rows that are left out, int64 [n]; None likewise.
        """
        stamps = measure_files(sets) if self._stamps is None else self._stamps
        left_out = self.left_out() if left_out is None else left_out
        training = self._read()["trained_on"] if trained_on is None else describe_split(trained_on)
        write_stamps(self.files_file, stamps if left_out is None else {**stamps, _LEFT_OUT: left_out})
        record = {"sets": describe_data(sets), "trained_on": training}
        write_text_atomically(self.data_file, json.dumps(record, indent=2) + "\n")

    def log_differences(self, sets: Sequence[Benchmark]) -> None:
        """Print a line for each data set that has the name of one of the run's own and differs from it."""
        try:
            own = {each["name"]: each for each in self._read()["sets"]}
        except RecipeError:  # an evaluation, unlike a training, needs no more than its own data
            log_line(
                f"{self.data_file}: is missing or damaged, so nobody can tell whether this is the run's data", show=True
            )
            return
        for now in describe_data(sets):
            for part, difference in _differing_parts(own.get(now["name"], now), now, "fingerprint"):
                run = f"the run in {self.run.folder}"
                log_line(f"{now['name']}: this is not the data of {run}: in its {part} part, {difference}", show=True)
                break

    def _mark(self) -> str:
        """The fingerprint to compare: sizes are left to the stamps where there are any."""
        return "labels" if self.files_file.exists() else "fingerprint"

    def _read(self) -> dict[str, Any]:
        try:
            record: Any = json.loads(self.data_file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            record = None
        if not _is_record(record):
            raise RecipeError(
                f"{self.data_file}: is missing or damaged, so nobody can tell whether the data is the same: "
                "start a new run with --out"
            )
        return {"sets": record["sets"], "trained_on": record["trained_on"]}


def describe_data(sets: Sequence[Benchmark]) -> list[dict[str, Any]]:
    """Each data set's name and the description of each of its parts, as JSON."""
    return [
        {"name": each.name, **{part: describe_split(getattr(each, part)) for part in PARTS if getattr(each, part)}}
        for each in sets
    ]


def describe_split(split: Split) -> Description:
    """Counts, fingerprint, and a fingerprint of labels and names alone; where images lie does not enter."""
    return {
        "images": len(split),
        "identities": split.identity_count,
        "cameras": split.camera_count,
        "fingerprint": fingerprint(split),
        "labels": fingerprint(split, sizes=False),
    }


def _differing_parts(old: Mapping[str, Any], new: Mapping[str, Any], mark: str) -> list[tuple[str, str]]:
    """Each part of a data set that differs, and how."""
    found = ((part, _difference(old.get(part), new.get(part), mark)) for part in PARTS)
    return [(part, difference) for part, difference in found if difference]


def _difference(old: Description | None, new: Description | None, mark: str) -> str | None:
    """What differs between two descriptions, in words; None if they are of the same images and labels."""
    if old is None or new is None:
        return None if old is new else "it was not there" if old is None else "it is not there any more"
    counts = [f"{old[name]:,} {name} then, {new[name]:,} now" for name in _COUNTS if old[name] != new[name]]
    if not counts and old[mark] == new[mark]:
        return None
    return ", ".join(counts) or "as many images, but other files or labels"


def _is_record(content: object) -> bool:
    match content:
        case {"sets": [*sets], "trained_on": trained_on}:
            return _is_description(trained_on) and all(map(_is_set, sets))
    return False


def _is_set(content: object) -> bool:
    match content:
        case {"name": str(), **rest}:
            return all(_is_description(rest[part]) for part in PARTS if part in rest)
    return False


def _is_description(content: object) -> bool:
    match content:
        case {"images": int(), "identities": int(), "cameras": int(), "fingerprint": str(), "labels": str()}:
            return True
    return False
