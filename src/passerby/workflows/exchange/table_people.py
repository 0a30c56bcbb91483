"""Tracklets of a table of people, ready for a gallery."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError
from passerby.gallery.records import Crop, Feature, ModelKey, NewTracklet
from passerby.inference.embedder import Embedder
from passerby.workflows.exchange.table_rows import PeopleTable
from passerby.workflows.indexing.tracked_people import tracklet_feature

_MARK = 12
_CAMERA = "unknown"
_QUALITY = 95
_LENGTH_TOLERANCE = 9e-4


@dataclass(frozen=True)
class TablePerson:
    """A tracklet of a table.

    Attributes:
        new: the tracklet.
        label: whose it is by the column `identity`; None where that is not said.
        name, notes, confirmed: of the identity.
        rows: how many of the table it is.
    """

    new: NewTracklet
    label: str | None
    name: str | None
    notes: str | None
    confirmed: bool
    rows: int


def people_of(
    table: PeopleTable, key: ModelKey, embedder: Embedder | None, *, exported: bool, batch_size: int, at_once: int
) -> Iterator[list[TablePerson]]:
    """Tracklets of a table, some at a time.

    Args:
        table: read.
        key: of the model whose features they get.
        embedder: computes the features; None where the table has them.
        exported: whether the table was exported from a gallery: tracklets keep their keys then.
        batch_size: pictures embedded at once.
        at_once: tracklets in one list.

    Raises:
        DataError: a picture cannot be read, or rows of one tracklet contradict each other.
    """
    groups = list(table.groups())
    for first in range(0, len(groups), at_once):
        some = [_Reading(table, rows, exported) for rows in groups[first : first + at_once]]
        yield _with_features(some, key, embedder, batch_size)


class _Reading:
    """The rows of one tracklet."""

    def __init__(self, table: PeopleTable, rows: Sequence[int], exported: bool) -> None:
        self.table, self.exported = table, exported
        content = table.rows.take(list(rows)).to_pylist()
        order = sorted(range(len(rows)), key=lambda place: _order(content[place], place))
        self.rows = [rows[place] for place in order]
        self.content: list[dict[str, Any]] = [content[place] for place in order]
        self.pictures = {
            place: _read_picture(table.file.parent / row["path"])
            for place, row in enumerate(self.content)
            if row.get("path")
        }

    def one(self, name: str) -> Any:
        """What all rows say in a column, None where none says anything."""
        said = {row[name] for row in self.content if row.get(name) is not None}
        if len(said) > 1:
            raise DataError(f"{self.table.at(self.rows[0])}: rows of one track differ in `{name}`: see its rows")
        return next(iter(said), None)

    def numbers(self, name: str) -> list[float]:
        """A column's numbers, where there are any."""
        return [float(row[name]) for row in self.content if row.get(name) is not None]

    def feature(self) -> Feature | None:
        """By the table's own features; None where it has none."""
        if self.table.embeddings is None:
            return None
        vectors = self.table.embeddings[self.rows]
        vectors = vectors[np.isfinite(vectors[:, 0])]
        if not len(vectors):
            return None
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        if not self.exported:
            return tracklet_feature(units)
        whole = vectors[0] if abs(np.linalg.norm(vectors[0]) - 1) < _LENGTH_TOLERANCE else units[0]
        return Feature(whole, self._halves())

    def _halves(self) -> NDArray[np.float32] | None:
        halves = None if self.table.halves is None else self.table.halves[self.rows[0]]
        return None if halves is None or not np.isfinite(halves[0]) else halves.reshape(2, -1)

    def tracklet(self, features: Mapping[ModelKey, Feature]) -> NewTracklet:
        """The tracklet."""
        mark = self._mark()
        camera, video, track = self.one("camera") or _CAMERA, self.one("video"), self.one("track")
        named = track if track and track.strip() else self.content[0].get("path") or f"row {self.rows[0] + 1}"
        key = named if self.exported else f"{named}@{mark}"
        heights = self.numbers("height") or [height for _, height in self.pictures.values()] or [1.0]
        return NewTracklet(
            key=key,
            camera=camera,
            # Without a video nobody was seen at once: each tracklet is of one of its own.
            video=video if video and (self.exported or track) else key,
            **_times(self),
            frames=int(self.numbers("frames")[0]) if self.numbers("frames") else len(self.rows),
            height=float(np.median(heights)),
            visible=float(np.median(self.numbers("visible") or [1.0])),
            caption=self.one("caption"),
            crops=[Crop(self._frame(place), jpeg) for place, (jpeg, _) in self.pictures.items()],
            features=features,
        )

    def _frame(self, place: int) -> int:
        frame = self.content[place].get("frame")
        return place if frame is None else int(frame)

    def _mark(self) -> str:
        """Tells the tracklet from others of its name, by its first picture or feature."""
        first: bytes = next((jpeg for jpeg, _ in self.pictures.values()), b"")
        if not first and self.table.embeddings is not None:
            first = self.table.embeddings[self.rows[0]].tobytes()
        return hashlib.sha256(first).hexdigest()[:_MARK]


def _with_features(
    some: list[_Reading], key: ModelKey, embedder: Embedder | None, batch_size: int
) -> list[TablePerson]:
    features = [each.feature() for each in some] if embedder is None else _computed(some, embedder, batch_size)
    return [
        TablePerson(
            each.tracklet({} if feature is None else {key: feature}),
            each.one("identity") if each.one("identity") not in {"", "-1", "0"} else None,
            each.one("name"),
            each.one("notes"),
            each.one("confirmed") is not False,
            len(each.rows),
        )
        for each, feature in zip(some, features, strict=True)
    ]


def _computed(some: list[_Reading], embedder: Embedder, batch_size: int) -> list[Feature | None]:
    pictures = [_opened(jpeg) for each in some for jpeg, _ in each.pictures.values()]
    if not pictures:
        return [None] * len(some)
    embedded = embedder.embed(pictures, batch_size=batch_size)
    parts = np.split(embedded, np.cumsum([len(each.pictures) for each in some])[:-1])
    return [tracklet_feature(part) if len(part) else None for part in parts]


def _opened(jpeg: bytes) -> Image.Image:
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return picture.convert("RGB")


def _read_picture(file: Path) -> tuple[bytes, int]:
    """A JPEG file's content as it is, another format's as JPEG; and the picture's height."""
    picture = read_image(file)
    content = file.read_bytes()
    with Image.open(io.BytesIO(content)) as opened:
        as_it_is = opened.format == "JPEG" and opened.mode == "RGB" and opened.size == picture.size
    if as_it_is:
        return content, picture.height
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=_QUALITY)
    return stream.getvalue(), picture.height


def _order(row: Mapping[str, Any], place: int) -> tuple[float, float, int]:
    time = row.get("time")
    seconds = time.timestamp() if isinstance(time, datetime) else float(time or 0)
    return seconds, float(row.get("frame") or 0), place


def _times(reading: _Reading) -> dict[str, Any]:
    """Begin and end, by the columns of an export or by `time`: moments with time zone, or seconds."""
    begins, ends = reading.numbers("begins"), reading.numbers("ends")
    times = [row["time"] for row in reading.content if row.get("time") is not None]
    moments = [each for each in times if isinstance(each, datetime)]
    if any(each.tzinfo is None for each in moments):
        raise DataError(f"{reading.table.at(reading.rows[0])}: its time has no time zone: store times in UTC")
    seconds = [each.timestamp() if isinstance(each, datetime) else float(each) for each in times] or [0.0]
    return {
        "begins": min(begins) if begins else min(seconds),
        "ends": max(ends) if ends else max(seconds),
        "taken_from": reading.one("taken_from") or min(moments, default=None),
        "taken_to": reading.one("taken_to") or max(moments, default=None),
    }
