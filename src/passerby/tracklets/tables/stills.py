"""Videos and tracklets out of the file names of still-image benchmarks.

| data set | name | video | tracklet |
|---|---|---|---|
| Market-1501 | `0002_c1s1_000451_03.jpg` | camera and sequence, `c1s1` | the same person, gaps below `gap` frames |
| MSMT17 | `0000_000_01_0303morning_0015_0.jpg` | camera and time, `01_0303morning` | likewise |
| MARS | `0001C1T0001F001.jpg` | camera, `C1` | as the names say |

Identities become the column `true_identity`. Junk and distractors (`-1`, `0000`; of MARS `00-1`, `0000`) are nobody
known, `-1`; in Market-1501 each such image is a tracklet of its own. Frames of MARS begin anew with each tracklet, so
they give an order and no time: its table has no column `frame`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from passerby.data.image_files import examples, image_files
from passerby.errors import DataError
from passerby.tracklets.tables.paths import relocated

_MARKET = re.compile(r"(?P<person>-?\d+)_c(?P<camera>\d+)s(?P<sequence>\d+)_(?P<frame>\d+)_(?P<detection>\d+)")
_MSMT = re.compile(r"(?P<person>\d+)_\d+_(?P<camera>\d+)_(?P<sequence>[0-9a-zA-Z]+)_(?P<frame>\d+)_(?P<detection>\d+)")
_MARS = re.compile(r"(?P<person>\d{4}|00-1)C(?P<camera>\d)T(?P<track>\d{4})F(?P<frame>\d{3})")
_MARKET_PARTS = ("bounding_box_train", "bounding_box_test", "query")
_NOBODY = "-1"


class _Still(NamedTuple):
    """One image, in the order in which tracklets are cut."""

    video: str
    person: str
    frame: int
    detection: int
    path: str
    camera: str


def read_market1501(folder: Path, relative_to: Path, gap: int) -> Iterator[pa.Table]:
    """All images of training, gallery and query, or of a folder without these; `gt_bbox` shows others' crops again."""
    stills = []
    for path, match in _matches(folder, _MARKET, "0002_c1s1_000451_03.jpg", _MARKET_PARTS):
        person = _NOBODY if int(match["person"]) < 1 else match["person"]
        video = f"c{match['camera']}s{match['sequence']}"
        stills.append(_Still(video, person, int(match["frame"]), int(match["detection"]), path, match["camera"]))
    yield _cut(stills, folder, relative_to, gap)


def read_msmt17(folder: Path, relative_to: Path, gap: int) -> Iterator[pa.Table]:
    """All images of `train` and `test` (or their masked versions); people of the two halves are different ones."""
    stills = []
    for path, match in _matches(folder, _MSMT, "0000_000_01_0303morning_0015_0.jpg"):
        half = path.partition("/")[0].replace("mask_", "").replace("_v2", "")
        person = f"{half}-{match['person']}" if "/" in path else match["person"]
        video = f"{match['camera']}_{match['sequence']}"
        stills.append(_Still(video, person, int(match["frame"]), int(match["detection"]), path, match["camera"]))
    yield _cut(stills, folder, relative_to, gap)


def read_mars(folder: Path, relative_to: Path) -> Iterator[pa.Table]:
    """All images of `bbox_train` and `bbox_test`."""
    stills = []
    for path, match in _matches(folder, _MARS, "0001C1T0001F001.jpg"):
        half = path.partition("/")[0] if "/" in path else ""
        video, track = f"{half}C{match['camera']}", int(match["track"])
        stills.append(_Still(video, match["person"], track, int(match["frame"]), path, match["camera"]))
    stills.sort()
    yield pa.table(
        {
            "path": relocated((still.path for still in stills), folder, relative_to),
            "video": [still.video for still in stills],
            "camera": [still.camera for still in stills],
            "track": [f"{still.person}T{still.frame:04d}" for still in stills],
            "true_identity": [_NOBODY if still.person in ("00-1", "0000") else still.person for still in stills],
        }
    )


def _matches(
    folder: Path, pattern: re.Pattern[str], example: str, parts: tuple[str, ...] = ()
) -> Iterator[tuple[str, re.Match[str]]]:
    """Every image below the folder, or below those of `parts` that it has, with what its name says.

    Raises:
        DataError: there are none, or a name says nothing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: name the one that holds the images")
    present = [part for part in parts if (folder / part).is_dir()]
    names = [f"{part}/{name}" for part in present for name in image_files(folder / part, recursive=True)]
    names = names if present else image_files(folder, recursive=True)
    found = [(name, pattern.match(name.rpartition("/")[2])) for name in names]
    strange = [name for name, match in found if match is None]
    if strange or not names:
        what = f"{len(strange):,} images not named like {example}: {examples(strange)}" if strange else "no images"
        raise DataError(f"{folder} holds {what}")
    for name, match in found:
        assert match is not None
        yield name, match


def _cut(stills: list[_Still], folder: Path, relative_to: Path, gap: int) -> pa.Table:
    """Tracklets of one person in one video, cut where frames are farther apart than `gap`."""
    stills.sort()
    tracks: list[str] = []
    number = 0
    before: _Still | None = None
    for still in stills:
        if before is None or (before.video, before.person) != (still.video, still.person):
            number = 0
        elif still.person == _NOBODY or still.frame - before.frame > gap:
            number += 1
        tracks.append(f"{still.person}_{number}")
        before = still
    return pa.table(
        {
            "path": relocated((still.path for still in stills), folder, relative_to),
            "video": [still.video for still in stills],
            "camera": [still.camera for still in stills],
            "track": tracks,
            "frame": pa.array([still.frame for still in stills], pa.int64()),
            "true_identity": [still.person for still in stills],
        }
    )
