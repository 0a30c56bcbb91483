"""Folders with a sub-folder per identity, or per camera and in it per identity, with or without train/query/gallery.

A folder must have one of these layouts and nothing else: a misspelt `galery` would otherwise become a person.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from passerby.data.camera_labels import camera_local
from passerby.data.image_files import examples
from passerby.data.split import PARTS, Benchmark, Split, split_from_names
from passerby.errors import DataError

_NO_IDENTITIES = frozenset(
    {
        *PARTS,
        *("training", "queries", "probe", "probes", "galleries"),
        *("test", "testing", "val", "valid", "validation"),
        *("images", "bounding_box_train", "bounding_box_test"),
    }
)
"""Folder names, in lower case, that are more likely a part of a data set than a person's name."""

_EXPECTED = "expected is a folder per identity, or train, query and gallery with a folder per identity in each"


def benchmark_of_identity_folders(name: str, folder: Path, paths: Sequence[str]) -> Benchmark:
    """The images `folder/<identity>/*`, or `folder/{train,query,gallery}/<identity>/*`; cameras are unknown.

    With one folder more everywhere, `<camera>/<identity>` in place of `<identity>`, cameras are known, and training
    identities hold inside their camera only; those of query and gallery hold everywhere.

    Args:
        name: what the data is called.
        folder: what the paths are relative to.
        paths: all images below the folder, at least one, none of them in the folder itself.

    Raises:
        DataError: sub-folders that are part of neither layout, or images that lie too high or too deep for it.
    """
    _check_parts(folder, sorted({path.partition("/")[0] for path in paths}))
    parted = paths[0].partition("/")[0] in PARTS
    with_cameras = {path.count("/") for path in paths} == {3 if parted else 2}
    if with_cameras:
        _check_no_parts_inside(folder, paths)
    else:
        _check_depth(folder, paths, 2 if parted else 1)
    if not parted:
        return Benchmark(name, _training_half(folder, paths, with_cameras), None, None, same_camera_rule=with_cameras)
    of_part = {part: [path for path in paths if path.startswith(f"{part}/")] for part in PARTS}
    tested = [*of_part["query"], *of_part["gallery"]]
    test = _labelled(folder, tested, with_cameras) if tested else None

    def half(part: str) -> Split | None:
        if test is None or not of_part[part]:
            return None
        return test.take(np.array(pc.starts_with(test.paths, f"{part}/"), dtype=np.bool_))

    train = _training_half(folder, of_part["train"], with_cameras) if of_part["train"] else None
    return Benchmark(name, train, half("query"), half("gallery"), same_camera_rule=with_cameras)


def _labelled(folder: Path, paths: Sequence[str], with_cameras: bool) -> Split:
    cameras = [path.split("/")[-3] for path in paths] if with_cameras else None
    return split_from_names(folder, paths, [path.split("/")[-2] for path in paths], cameras)


def _training_half(folder: Path, paths: Sequence[str], with_cameras: bool) -> Split:
    train = _labelled(folder, paths, with_cameras)
    return camera_local(train).without_truth() if with_cameras else train


def _check_parts(folder: Path, names: Sequence[str]) -> None:
    """Check that all folders with images are parts, or that none has the name of one."""
    parts = [name for name in names if name in PARTS]
    others = [name for name in names if name not in PARTS]
    if parts and others:
        near = get_close_matches(others[0].lower(), [part for part in PARTS if part not in parts], n=1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise DataError(
            f"{folder} is parted into {', '.join(parts)} but also holds {examples(others)}{meant}; {_EXPECTED}"
        )
    odd = [name for name in others if name.lower() in _NO_IDENTITIES]
    if odd:
        case = " (in lower case)" if any(name.lower() in PARTS for name in odd) else ""
        raise DataError(f"{folder} holds {examples(odd)}, hardly the name of an identity; {_EXPECTED}{case}")


def _check_no_parts_inside(folder: Path, paths: Sequence[str]) -> None:
    """Check that no identity of a camera has the name of a part of a data set."""
    odd = sorted({path.split("/")[-2] for path in paths if path.split("/")[-2].lower() in _NO_IDENTITIES})
    if odd:
        raise DataError(
            f"{folder} holds folders with {examples(odd)} in them, hardly the name of an identity of a camera; name "
            "the folder just above"
        )


def _check_depth(folder: Path, paths: Sequence[str], folders: int) -> None:
    """Check that every image lies in so many folders."""
    loose = [path for path in paths if path.count("/") < folders]
    if loose:
        raise DataError(f"{folder} holds images outside of any identity's folder: {examples(loose)}; {_EXPECTED}")
    deep = [path for path in paths if path.count("/") > folders]
    if deep:
        raise DataError(
            f"{folder} holds images inside folders inside what would be an identity's: {examples(deep)}; "
            "name the folder just above the identities, move the images up, or list them in a table, "
            "which can tell identity and camera apart"
        )
