"""MSMT17 (Wei et al., CVPR 2018), V1 and V2: the same images and lists, faces blurred and folders renamed in V2.

    MSMT17_V1/                         MSMT17_V2/
        train/  0000/0000_000_01_0303morning_0015_0.jpg     mask_train_v2/
        test/                                               mask_test_v2/
        list_train.txt, list_val.txt, list_query.txt, list_gallery.txt

A line of a list is a path inside the folder and an identity number. Training is list_train and list_val together. The
camera is the third field of the file name. Numbers begin at 0 in both halves for different people, so identities are
named `train/0000` and `test/0000` here.
"""

from collections.abc import Mapping
from pathlib import Path

from passerby.data.benchmarks.public_benchmark import (
    Counts,
    Images,
    Parts,
    PublicBenchmark,
    PublishedCounts,
    check_present,
    numbered,
    read_lines,
)
from passerby.errors import DataError

_VERSIONS = (("train", "test"), ("mask_train_v2", "mask_test_v2"))
_LISTS = {part: (f"list_{part}.txt",) for part in ("train", "val", "query", "gallery")}


def _read(folder: Path, paths: Mapping[str, str]) -> Parts:
    train, test = _folders_of_one_version(folder)
    return Parts(
        _read_lists(folder, train, "train", [paths["train"], paths["val"]]),
        _read_lists(folder, test, "test", [paths["query"]]),
        _read_lists(folder, test, "test", [paths["gallery"]]),
    )


def _folders_of_one_version(folder: Path) -> tuple[str, str]:
    """Where the images of both halves lie; a DataError if the halves are of different versions."""
    for train, test in _VERSIONS:
        if (folder / train).is_dir() and (folder / test).is_dir():
            return train, test
    present = [name for pair in _VERSIONS for name in pair if (folder / name).is_dir()]
    raise DataError(
        f"msmt17: {folder} holds {' and '.join(present)}, which are of different versions, whose images differ: give "
        "both halves of V1 (train, test) or of V2 (mask_train_v2, mask_test_v2)"
    )


def _read_lists(folder: Path, part: str, half: str, lists: list[str]) -> Images:
    """The images that the lists name, in the order of their paths."""
    rows = []
    for name in lists:
        for number, line in enumerate(read_lines(folder / name), start=1):
            if line.strip():
                rows.append(_parse(line, part, half, f"{folder / name} line {number}"))
    if not rows:
        raise DataError(f"{folder / lists[0]} names no images; unpack the whole archive")
    rows.sort()
    paths, identities, cameras = (list(column) for column in zip(*rows, strict=True))
    check_present("msmt17", folder, paths)
    return Images(paths, identities, cameras)


def _parse(line: str, part: str, half: str, where: str) -> tuple[str, str, str]:
    """Path, identity and camera of one line of a list."""
    path, _, identity = line.strip().rpartition(" ")
    fields = path.rpartition("/")[2].split("_")
    if len(fields) < 4 or not all(number.isdecimal() and len(number) < 10 for number in (identity, fields[2])):
        raise DataError(
            f"{where}: {line.strip()!r} is not a path and an identity "
            "like '0000/0000_000_01_0303morning_0015_0.jpg 0'; use the official list"
        )
    return f"{part}/{path.strip()}", f"{half}/{int(identity):04d}", f"{int(fields[2]):02d}"


MSMT17 = PublicBenchmark(
    name="msmt17",
    title="MSMT17",
    folders=("MSMT17_V1", "MSMT17_V2", "MSMT17", "MSMT17-V1", "MSMT17-V2"),
    contents={
        **_LISTS,
        "training images": tuple(train for train, _ in _VERSIONS),
        "test images": tuple(test for _, test in _VERSIONS),
    },
    read=_read,
    cameras=numbered(15, digits=2),
    camera_network="msmt17",
    counts=PublishedCounts(
        Counts(32621, 1041, 15), Counts(11659, 3060, 15), Counts(82161, 3060, 15), camera_classes=4821
    ),
    obtain="the authors' page (Peking University, MSMT17), after a signed release agreement",
    terms="research only, no redistribution, signed agreement",
)
