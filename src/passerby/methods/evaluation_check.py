"""Whether the result of a training can be evaluated, found out before days are spent on it."""

from collections.abc import Sequence

from passerby.data.split import Benchmark, Split
from passerby.errors import DataError
from passerby.methods.evaluation import check_comparable

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


def _check_files(name: str, part: str, split: Split, skip_unreadable: bool) -> None:
    missing = [row for row in range(len(split)) if not split.path(row).is_file()]
    if not missing or (skip_unreadable and len(missing) < len(split)):
        return
    shown = ", ".join(str(split.path(row)) for row in missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
    raise DataError(
        f"{name}: {len(missing):,} of {len(split):,} {part} images are missing ({shown}), so the result could not be "
        "evaluated: restore them, or leave them out with --skip-unreadable"
    )
