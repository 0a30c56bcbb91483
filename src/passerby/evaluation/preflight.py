"""Whether the result of a training can be evaluated, found out before days are spent on it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from passerby.data.pixels.reading import check_readable, find_unreadable
from passerby.data.split import Benchmark, Split
from passerby.errors import DataError
from passerby.evaluation.evaluate import check_comparable

_NAMED = 3


def check_evaluable(sets: Sequence[Benchmark], *, skip_unreadable: bool = False) -> None:
    """Look at lists and for files, not at pixels; sets with neither query nor gallery are only trained on.

    Args:
        sets: of the recipe.
        skip_unreadable: whether evaluation will leave out images that cannot be read, missing ones among them.

    Raises:
        DataError: a set has one half only, or files are missing.
        EvaluationError: no query has a match in the gallery.
    """
    for each in sets:
        if each.query is None and each.gallery is None:
            continue
        query, gallery = each.query_and_gallery()
        check_comparable(each)
        for part, split in (("query", query), ("gallery", gallery)):
            _check_files(each.name, part, split, skip_unreadable)


def check_decodable(sets: Sequence[Benchmark], *, skip_unreadable: bool = False) -> None:
    """Decode every query and gallery image once: seconds, beside the hours after which evaluation would fail.

    Args:
        sets: to evaluate on; those with neither query nor gallery are passed over.
        skip_unreadable: whether evaluation will leave out images that cannot be read.

    Raises:
        DataError: images cannot be read; all of them are counted.
        EvaluationError: no query has a match in the gallery among the images that are left.
    """
    for each in sets:
        if each.query is None and each.gallery is None:
            continue
        left: list[Split] = []
        for part, split in zip(("query", "gallery"), each.query_and_gallery(), strict=True):
            found = find_unreadable(split, f"checking {part} images of {each.name}", show=True)
            if found and (not skip_unreadable or len(found) == len(split)):
                _refuse_undecodable(each.name, part, list(found.values()), len(split))
            left.append(split.take(np.array([row for row in range(len(split)) if row not in found], dtype=np.int64)))
        check_comparable(replace(each, query=left[0], gallery=left[1]))


def _refuse_undecodable(name: str, part: str, complaints: list[str], count: int) -> None:
    try:
        check_readable(complaints, count)
    except DataError as error:
        raise DataError(f"{name}, {part}: {error}") from None


def _check_files(name: str, part: str, split: Split, skip_unreadable: bool) -> None:
    missing = [row for row in range(len(split)) if not split.path(row).is_file()]
    if not missing or (skip_unreadable and len(missing) < len(split)):
        return
    shown = ", ".join(str(split.path(row)) for row in missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
    raise DataError(
        f"{name}: {len(missing):,} of {len(split):,} {part} images are missing ({shown}), so the result could not be "
        "evaluated: restore them, or leave them out with --skip-unreadable"
    )
