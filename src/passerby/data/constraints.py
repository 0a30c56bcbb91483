"""Constraints that a person gave: pairs of camera identities that are one person, pairs that are not, known people.

A CSV table with the columns `decision` (`must-link`, `cannot-link` or `person`), `camera_a`, `local_identity_a`,
`camera_b` and `local_identity_b`; the page of `passerby associations` writes one, and so can any spreadsheet. A row of
`person` says who the first is, by any name in `local_identity_b`: those of one name are one person, those of two names
are two, so that a thousand known people are a thousand rows and not all their pairs.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.camera_labels import CameraLabels
from passerby.data.contradiction import chain, contradiction, joined
from passerby.data.image_files import examples
from passerby.errors import DataError

Integers = NDArray[np.int64]

MUST, CANNOT, PERSON = "must-link", "cannot-link", "person"
COLUMNS = ("decision", "camera_a", "local_identity_a", "camera_b", "local_identity_b")


@dataclass(frozen=True)
class Constraints:
    """What is known of N camera identities, by number.

    Attributes:
        must_link: int64 [M, 2], pairs that are the same person, also those of one known person; the smaller number
            first.
        cannot_link: int64 [K, 2], pairs that are not.
        persons: int64 [N], which known person each is, -1 where nobody said: different ones are never the same.
    """

    must_link: Integers
    cannot_link: Integers
    persons: Integers


def no_constraints(count: int) -> Constraints:
    """Nothing is known of so many camera identities."""
    return Constraints(np.empty((0, 2), np.int64), np.empty((0, 2), np.int64), np.full(count, -1, np.int64))


def read_constraints(file: Path, labels: CameraLabels, *, within_cameras: bool = False) -> Constraints:
    """A table of constraints on the camera identities of a training split.

    Args:
        file: the table.
        labels: of the training images.
        within_cameras: whether camera identities of one camera may be the same person.

    Raises:
        DataError: the table cannot be read or lacks a column, or a row names an unknown constraint, camera or person,
            two people of one camera where these are known to be two, or repeats or contradicts others; the message
            names the rows, counted from 1 below the names of the columns.
    """
    pairs, people = _said(file, labels, within_cameras=within_cameras)
    is_must = np.array([must for _, must in pairs.values()], dtype=np.bool_)
    numbers = np.array([number for number, _ in pairs.values()], np.int64)
    found = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    persons, same, same_rows = _known_people(file, people, labels, within_cameras=within_cameras)
    must, cannot = np.concatenate([found[is_must], same]), found[~is_must]
    must_rows, cannot_rows = [*numbers[is_must].tolist(), *same_rows], numbers[~is_must].tolist()
    _check_consistent(file, must, cannot, must_rows, cannot_rows)
    _check_people(file, must, must_rows, persons, people)
    return Constraints(must, cannot, persons)


def _said(
    file: Path, labels: CameraLabels, *, within_cameras: bool
) -> tuple[dict[tuple[int, int], tuple[int, bool]], dict[int, tuple[str, int]]]:
    """Row and whether it must be linked, by pair; name and row by camera identity of a known person."""
    table = _read(file)
    classes = {
        (labels.camera_names[int(camera)], name): number
        for number, (camera, name) in enumerate(zip(labels.class_cameras, labels.class_local, strict=True))
    }
    rows = list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))
    pairs: dict[tuple[int, int], tuple[int, bool]] = {}
    people: dict[int, tuple[str, int]] = {}
    for number, (decision, camera_a, local_a, camera_b, local_b) in enumerate(rows, start=1):
        where = f"{file}, row {number}"
        if decision not in (MUST, CANNOT, PERSON):
            raise DataError(f"{where}: decision {decision!r} is unknown: write {MUST}, {CANNOT} or {PERSON}")
        if decision == PERSON:
            if not local_b:
                raise DataError(f"{where}: says {PERSON} without a name: write one into local_identity_b")
            one = _class(classes, labels, (camera_a, local_a), where)
            if one in people:
                raise DataError(f"{where}: row {people[one][1]} has said already who that is: drop one")
            people[one] = local_b, number
            continue
        ends = [_class(classes, labels, end, where) for end in ((camera_a, local_a), (camera_b, local_b))]
        if camera_a == camera_b and not within_cameras:
            raise DataError(f"{where}: both people are of camera {camera_a}, whose own labels tell them apart already")
        pair = min(ends), max(ends)
        if pair[0] == pair[1]:
            raise DataError(f"{where}: names the same camera identity twice")
        if pair in pairs:
            again = "repeats" if pairs[pair][1] == (decision == MUST) else "contradicts"
            raise DataError(f"{where}: {again} row {pairs[pair][0]} about the same two people: drop one")
        pairs[pair] = number, decision == MUST
    return pairs, people


def constraints_of_run(
    copy: Path | None, file: Path | None, labels: CameraLabels, *, keep: bool, within_cameras: bool = False
) -> Constraints:
    """The constraints of a run: the file as it was when the run began, whatever is written into it since.

    Args:
        copy: where the run keeps a copy of the file; None without a run.
        file: as the recipe names it; None for no constraints.
        labels: of the training images.
        keep: make the copy where there is none, as one of several processes should.
        within_cameras: as of `read_constraints`.

    Raises:
        DataError: as `read_constraints`.
    """
    if file is None:
        return no_constraints(labels.classes)
    source = copy if copy is not None and copy.is_file() else file.expanduser()
    constraints = read_constraints(source, labels, within_cameras=within_cameras)
    if keep and copy is not None and source != copy:
        with write_atomically(copy) as temporary:
            shutil.copyfile(source, temporary)
    return constraints


def kept_rows(copy: Path) -> list[tuple[str, ...]]:
    """The rows of the constraints that a run keeps, in the order of `COLUMNS`; none where it has none.

    Raises:
        DataError: the run's copy of them cannot be read.
    """
    return list(zip(*_read(copy).to_pydict().values(), strict=True)) if copy.is_file() else []


def _read(file: Path) -> pa.Table:
    """The five columns as text without blanks around it."""
    try:
        options = pa.csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
        table = pa.csv.read_csv(file, convert_options=options)
        found = table.column_names
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = str(error).splitlines()[0] if number is None else os.strerror(number)
        raise DataError(f"constraints {file} cannot be read: {reason}") from error
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise DataError(
            f"constraints {file} lack the column {missing[0]!r} (they have {examples(found, 8)}): "
            f"a row is {','.join(COLUMNS)}"
        )
    twice = [name for name in COLUMNS if found.count(name) > 1]
    if twice:
        raise DataError(f"constraints {file} have the column {twice[0]!r} more than once: keep one")
    return pa.table({name: pc.utf8_trim_whitespace(table[name]) for name in COLUMNS})


def _class(classes: dict[tuple[str, str], int], labels: CameraLabels, end: tuple[str, str], where: str) -> int:
    found = classes.get(end)
    if found is not None:
        return found
    camera, local = end
    if camera not in labels.camera_names:
        raise DataError(f"{where}: there is no camera {camera!r} (known: {examples(labels.camera_names, 8)})")
    raise DataError(f"{where}: camera {camera} has no local identity {local!r} among the training images")


def _known_people(
    file: Path, people: dict[int, tuple[str, int]], labels: CameraLabels, *, within_cameras: bool
) -> tuple[Integers, Integers, list[int]]:
    """Persons of all camera identities, pairs that make those of one person one, and the row of each pair's second.

    Args:
        file: the table.
        people: name and row by camera identity.
        labels: of the training images.
        within_cameras: as of `read_constraints`.
    """
    persons = np.full(labels.classes, -1, np.int64)
    members: dict[str, list[int]] = {}
    for one, (name, _) in sorted(people.items()):
        members.setdefault(name, []).append(one)
    same, rows = [], []
    for person, (name, found) in enumerate(members.items()):
        persons[found] = person
        for one, other in pairwise(found):
            if labels.class_cameras[one] == labels.class_cameras[other] and not within_cameras:
                raise DataError(
                    f"{file}, row {people[other][1]}: {name} is row {people[one][1]}'s already, and both people are of "
                    f"camera {labels.camera_names[labels.class_cameras[one]]}, whose own labels tell them apart"
                )
            same.append((one, other))
            rows.append(people[other][1])
    return persons, np.array(same, np.int64).reshape(-1, 2), rows


def _check_consistent(
    file: Path, must: Integers, cannot: Integers, must_rows: Sequence[int], cannot_rows: Sequence[int]
) -> None:
    found = contradiction(must, cannot)
    if found is None:
        return
    pair, links = found
    raise DataError(
        f"{file}, row {cannot_rows[pair]}: says {CANNOT} of two people whom {_rows(links, must_rows)} make one: "
        "drop one of them"
    )


def _check_people(
    file: Path, must: Integers, must_rows: Sequence[int], persons: Integers, people: dict[int, tuple[str, int]]
) -> None:
    groups, first = joined(must, persons.size), dict[int, int]()
    for one in sorted(people):
        other = first.setdefault(int(groups[one]), one)
        if persons[one] != persons[other]:
            raise DataError(
                f"{file}, row {people[one][1]}: says {people[one][0]} of somebody whom "
                f"{_rows(chain(must, other, one), must_rows)} make one with {people[other][0]}: drop one of them"
            )


def _rows(links: Sequence[int], rows: Sequence[int]) -> str:
    named = ", ".join(str(rows[link]) for link in links)
    return f"{'row' if len(links) == 1 else 'rows'} {named}"
