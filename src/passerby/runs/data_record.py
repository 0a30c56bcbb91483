"""What a run remembers of its data, so that it is resumed on the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from passerby.data.fingerprint import fingerprint
from passerby.data.split import PARTS, Benchmark, Split
from passerby.errors import DataError

Mark = Literal["fingerprint", "labels"]
_COUNTS = ("images", "identities", "cameras")


def describe_data(sets: Sequence[Benchmark]) -> list[dict[str, Any]]:
    """Each data set's name and, for each of its parts, counts and fingerprint, as JSON."""
    return [
        {"name": each.name, **{part: describe_split(getattr(each, part)) for part in PARTS if getattr(each, part)}}
        for each in sets
    ]


def describe_split(split: Split) -> dict[str, Any]:
    """Counts, fingerprint, and a fingerprint of labels and names alone; where images lie does not enter."""
    return {
        "images": len(split),
        "identities": split.identity_count,
        "cameras": split.camera_count,
        "fingerprint": fingerprint(split),
        "labels": fingerprint(split, sizes=False),
    }


def is_record(content: object) -> bool:
    """Whether this is what a run remembers of its data, with nothing missing that comparing it would need."""
    match content:
        case {"sets": [*sets], "trained_on": trained_on}:
            return _describes_split(trained_on) and all(map(_describes_set, sets))
    return False


def _describes_set(content: object) -> bool:
    match content:
        case {"name": str(), **rest}:
            return all(_describes_split(rest[part]) for part in PARTS if part in rest)
    return False


def _describes_split(content: object) -> bool:
    match content:
        case {"images": int(), "identities": int(), "cameras": int(), "fingerprint": str()}:
            return True
    return False


def refuse_changed_data(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], folder: Path, mark: Mark = "fingerprint"
) -> None:
    """Refuse to go on with other data than a run began with.

    Args:
        before, now: as `describe_data` gives it.
        folder: of the run.
        mark: see `describe_difference`.

    Raises:
        DataError: names the data set and what differs.
    """
    if len(before) != len(now):
        raise DataError(f"data.name: {len(now)} data sets, but the run in {folder} began with {len(before)}")
    for old, new in zip(before, now, strict=True):
        for part in PARTS:
            difference = describe_difference(old.get(part), new.get(part), mark)
            if difference:
                raise DataError(
                    f"{new['name']}: its {part} part is not what the run in {folder} began with ({difference}): "
                    "restore the data, or start a new run with --out"
                )


def describe_difference(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, mark: Mark = "fingerprint"
) -> str | None:
    """What differs between two descriptions of a split, in words; None if they are the same images and labels.

    Args:
        old, new: as `describe_split` gives it; None where there is no such split.
        mark: what tells two of the same counts apart: `labels` where files are compared besides, else `fingerprint`.
            Runs that began before there were `labels` are compared by fingerprint.
    """
    if old is None and new is None:
        return None
    if old is None or new is None:
        return "it was not there" if old is None else "it is not there any more"
    counts = [f"{old[name]:,} {name} then, {new[name]:,} now" for name in _COUNTS if old[name] != new[name]]
    mark = mark if mark in old and mark in new else "fingerprint"
    if not counts and old[mark] == new[mark]:
        return None
    return ", ".join(counts) or "as many images, but other files or labels"
