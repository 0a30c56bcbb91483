"""Which links of an association a person should look at, and crops of the two classes of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.camera_labels import camera_labels
from passerby.data.split import Split
from passerby.methods.ccafl.association.files import KeptAssociation
from passerby.report.html.thumbnail import data_uri, thumbnail

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ShownClass:
    """One end of a link: camera, local identity, and rows of the split to show of it."""

    camera: str
    local_identity: str
    rows: tuple[int, ...]
    images: int


@dataclass(frozen=True)
class ShownLink:
    """A link to look at.

    Attributes:
        number: of the two classes, the same wherever the link is shown.
        distance, margin: see `Association`.
        decided: whether a person said so before.
        ends: the two classes.
    """

    number: str
    distance: float
    margin: float
    decided: bool
    ends: tuple[ShownClass, ShownClass]


@dataclass(frozen=True)
class LinkSection:
    """Links that have something in common: a key, words, and the links in the order to look at them."""

    key: str
    heading: str
    note: str
    links: list[ShownLink]


def link_sections(kept: KeptAssociation, split: Split, *, links: int, crops: int) -> list[LinkSection]:
    """The links of an association from the most doubtful, from the longest, and of clusters that cannot be one person.

    Args:
        kept: of a run.
        split: the training images of the run, labelled inside their camera.
        links: at most so many in a section.
        crops: at most so many of each class.
    """
    found = kept.association
    rows_of = _rows_by_class(split)
    free = np.flatnonzero(~found.decided)
    doubtful = free[np.argsort(found.margins[free], kind="stable")]
    longest = free[np.argsort(-found.distances[free], kind="stable")]
    twice = doubtful[np.isin(found.labels[found.links[doubtful, 0]], _clusters_with_a_camera_twice(kept))]
    listed = (
        ("doubtful", "Most doubtful", "Another class is nearly as near, or nearer: the two may be linked wrongly.",
         doubtful),
        ("twice", "A camera twice", "Their cluster holds two people of one camera, so one of its links is wrong.",
         twice),
        ("longest", "Longest", "The two look least alike of all that were linked.", longest),
        ("decided", "Decided", "A person said so before, and the run obeyed.", np.flatnonzero(found.decided)),
    )  # fmt: skip
    return [
        LinkSection(key, heading, note, [_shown(kept, row, rows_of, crops) for row in rows[:links].tolist()])
        for key, heading, note, rows in listed
    ]


def pictures_of(sections: Sequence[LinkSection], split: Split) -> dict[int, str | None]:
    """A small picture as a `data:` address of every row that is shown; None where the file cannot be read."""
    rows = sorted({row for section in sections for link in section.links for end in link.ends for row in end.rows})
    return {row: _picture(split.path(row)) for row in rows}


def _picture(file: Path) -> str | None:
    small = thumbnail(file)
    return None if small is None else data_uri(small)


def _clusters_with_a_camera_twice(kept: KeptAssociation) -> Integers:
    labels, cameras = kept.association.labels, kept.association.cameras
    pairs, counts = np.unique(np.stack([labels, cameras])[:, labels >= 0], axis=1, return_counts=True)
    return np.unique(pairs[0][counts > 1])


def _rows_by_class(split: Split) -> dict[tuple[str, str], Integers]:
    """The rows of each class, by camera and local identity."""
    labels = camera_labels(split)
    order = np.argsort(labels.accumulated, kind="stable")
    borders = np.cumsum(np.bincount(labels.accumulated, minlength=labels.classes))[:-1]
    names = [labels.camera_names[camera] for camera in labels.class_cameras]
    return dict(zip(zip(names, labels.class_local, strict=True), np.split(order, borders), strict=True))


def _shown(kept: KeptAssociation, row: int, rows_of: dict[tuple[str, str], Integers], crops: int) -> ShownLink:
    found = kept.association
    first, second = (int(number) for number in found.links[row])
    ends = [_class(kept.cameras[number], kept.local_identities[number], rows_of, crops) for number in (first, second)]
    return ShownLink(
        number=f"{first}-{second}",
        distance=float(found.distances[row]),
        margin=float(found.margins[row]),
        decided=bool(found.decided[row]),
        ends=(ends[0], ends[1]),
    )


def _class(camera: str, local: str, rows_of: dict[tuple[str, str], Integers], crops: int) -> ShownClass:
    """A class with some of its images, evenly spread; none if the data no longer has it."""
    rows = rows_of.get((camera, local), np.empty(0, np.int64))
    places = np.unique(np.linspace(0, len(rows) - 1, min(crops, len(rows))).astype(np.int64))
    return ShownClass(camera, local, tuple(rows[places].tolist()), len(rows))
