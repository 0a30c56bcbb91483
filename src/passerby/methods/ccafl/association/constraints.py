"""Constraints on links that a person gave: pairs of camera identities that are the same person, and pairs that are not.

A CSV table with the columns `decision` (`must-link` or `cannot-link`), `camera_a`, `local_identity_a`, `camera_b` and
`local_identity_b`; the page of `passerby associations` writes one, and so can any spreadsheet.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.camera_labels import CameraLabels
from passerby.data.image_files import examples
from passerby.errors import DataError
from passerby.methods.ccafl.association.files import FOLDER
from passerby.methods.ccafl.association.linker import contradiction

Integers = NDArray[np.int64]

MUST, CANNOT = "must-link", "cannot-link"
COLUMNS = ("decision", "camera_a", "local_identity_a", "camera_b", "local_identity_b")


@dataclass(frozen=True)
class Constraints:
    """Pairs of camera identities, by number.

    Attributes:
        must_link: int64 [M, 2], pairs that are the same person; the smaller number first.
        cannot_link: int64 [K, 2], pairs that are not.
    """

    must_link: Integers
    cannot_link: Integers


def no_constraints() -> Constraints:
    """No pairs."""
    return Constraints(np.empty((0, 2), np.int64), np.empty((0, 2), np.int64))


def read_constraints(file: Path, labels: CameraLabels) -> Constraints:
    """A table of constraints on the camera identities of a training split.

    Raises:
        DataError: the table cannot be read or lacks a column, or a row names an unknown constraint, camera or person,
            two people of one camera, or repeats or contradicts others; the message names the rows, counted from 1
            below the names of the columns.
    """
    table = _read(file)
    classes = {
        (labels.camera_names[int(camera)], name): number
        for number, (camera, name) in enumerate(zip(labels.class_cameras, labels.class_local, strict=True))
    }
    rows = list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))
    pairs: list[tuple[int, int]] = []
    seen: dict[tuple[int, int], int] = {}
    for number, (decision, camera_a, local_a, camera_b, local_b) in enumerate(rows, start=1):
        where = f"{file}, row {number}"
        if decision not in (MUST, CANNOT):
            raise DataError(f"{where}: decision {decision!r} is unknown: write {MUST} or {CANNOT}")
        ends = [_class(classes, labels, end, where) for end in ((camera_a, local_a), (camera_b, local_b))]
        if camera_a == camera_b:
            raise DataError(f"{where}: both people are of camera {camera_a}, whose own labels tell them apart already")
        pair = min(ends), max(ends)
        if pair in seen:
            again = "repeats" if rows[seen[pair] - 1][0] == decision else "contradicts"
            raise DataError(f"{where}: {again} row {seen[pair]} about the same two people: drop one")
        seen[pair] = number
        pairs.append(pair)
    is_must = np.array([row[0] == MUST for row in rows], dtype=np.bool_)
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    _check_consistent(file, found, is_must)
    return Constraints(found[is_must], found[~is_must])


def constraints_of_run(run: Path | None, file: Path | None, labels: CameraLabels, *, keep: bool) -> Constraints:
    """The constraints of a run: the file as it was when the run began, whatever is written into it since.

    Args:
        run: its folder, where a copy of the file is kept; None without a run.
        file: as the recipe names it; None for no constraints.
        labels: of the training images.
        keep: make the copy where there is none, as one of several processes should.

    Raises:
        DataError: as `read_constraints`.
    """
    if file is None:
        return no_constraints()
    copy = _copy_in(run) if run is not None else None
    source = copy if copy is not None and copy.is_file() else file.expanduser()
    constraints = read_constraints(source, labels)
    if keep and copy is not None and source != copy:
        with write_atomically(copy) as temporary:
            shutil.copyfile(source, temporary)
    return constraints


def kept_rows(run: Path) -> list[tuple[str, ...]]:
    """The rows of a run's constraints, in the order of `COLUMNS`; none where it has none.

    Raises:
        DataError: the run's copy of them cannot be read.
    """
    copy = _copy_in(run)
    return list(zip(*_read(copy).to_pydict().values(), strict=True)) if copy.is_file() else []


def _copy_in(run: Path) -> Path:
    return run / FOLDER / "constraints.csv"


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


def _check_consistent(file: Path, pairs: Integers, is_must: NDArray[np.bool_]) -> None:
    found = contradiction(pairs[is_must], pairs[~is_must])
    if found is None:
        return
    pair, chain = found
    cannot = int(np.flatnonzero(~is_must)[pair]) + 1
    must = ", ".join(str(row + 1) for row in np.flatnonzero(is_must)[chain].tolist())
    rows = "row" if len(chain) == 1 else "rows"
    raise DataError(
        f"{file}, row {cannot}: says {CANNOT} of two people whom {rows} {must} make one ({MUST}): drop one of them"
    )
