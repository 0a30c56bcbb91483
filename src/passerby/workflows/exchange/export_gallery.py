"""Write a gallery into a table and a folder of pictures: what `passerby gallery export` does."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from passerby.atomic_files import write_atomically
from passerby.errors import DataError, GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.identities.people import Identity
from passerby.gallery.records import Feature, ModelKey, Tracklet
from passerby.output_paths import check_output_file, expanded
from passerby.workflows.exchange.columns import schema

_AT_ONCE = 500
_MARK = ".passerby-export"


@dataclass(frozen=True)
class Exported:
    """A gallery that was exported.

    Attributes:
        table: its file.
        pictures: the folder of pictures, beside the table.
        tracklets, crops: how many of each.
    """

    table: Path
    pictures: Path
    tracklets: int
    crops: int


def export_gallery(gallery: str | Path, out: str | Path, *, model: str | None = None, reason: str = "") -> Exported:
    """Write all tracklets of a gallery, with identities, features and pictures, into a table and a folder.

    The gallery remembers the table, and names it when somebody in it is erased; it removes neither table nor pictures.

    Args:
        gallery: its folder, or the address of a server.
        out: the table, `.parquet`; pictures go into a folder beside it, `NAME-pictures`.
        model: name of the one whose features are written; by default the only one.
        reason: why, for the gallery's log.

    Raises:
        DataError: the table cannot be written there, or the folder of pictures holds something else.
        GalleryError: there is no gallery, no such model, or several and none is named.
    """
    table = expanded(out)
    check_output_file(table, (".parquet",))
    folder = table.with_name(f"{table.stem}-pictures")
    _check_room(folder)
    with open_gallery(gallery) as opened:
        key = _model(opened.models(), model)
        numbers = opened.numbers()
        with opened.handing_out({table: numbers}, action="export", reason=reason, removable=False):
            _make_room(folder)
            crops = 0
            with write_atomically(table) as temporary, pq.ParquetWriter(temporary, schema(key)) as writer:
                for rows in _rows(opened, numbers, key, folder):
                    crops += sum(row["path"] is not None for row in rows)
                    writer.write_table(pa.Table.from_pylist(rows, schema(key)))
    return Exported(table, folder, len(numbers), crops)


def _model(known: Sequence[ModelKey], name: str | None) -> ModelKey | None:
    chosen = [each for each in known if name is None or each.name == name]
    if name is not None and not chosen:
        raise GalleryError(f"the gallery has no features of {name}, but of {', '.join(each.name for each in known)}")
    if len(chosen) > 1:
        raise GalleryError(f"the gallery has features of {', '.join(each.name for each in known)}: say which `model`")
    return chosen[0] if chosen else None


def _check_room(folder: Path) -> None:
    if folder.exists() and not (folder / _MARK).is_file():
        raise DataError(f"{folder}: holds something else than pictures of an export: name another table")


def _make_room(folder: Path) -> None:
    """An empty folder for pictures; those of an earlier export, who may be erased since, go."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _rows(
    gallery: Gallery, numbers: Sequence[int], model: ModelKey | None, folder: Path
) -> Iterator[list[dict[str, Any]]]:
    people = {each.number: each for each in gallery.identities()}
    for first in range(0, len(numbers), _AT_ONCE):
        some = numbers[first : first + _AT_ONCE]
        features = {} if model is None else gallery.features(some, model)
        rows = []
        for tracklet in gallery.get(some):
            row = _row(tracklet, people, features)
            paths = _write_pictures(gallery, tracklet.number, folder)
            rows += [{**row, "frame": frame, "path": path} for frame, path in paths.items()]
            if not paths:
                rows.append({**row, "frame": None, "path": None})
        yield rows


def _write_pictures(gallery: Gallery, number: int, folder: Path) -> dict[int, str]:
    """Paths by frame, relative to the table."""
    paths = {}
    for crop in gallery.crops(number):
        file = folder / f"{number:06d}-{crop.frame}.jpg"
        file.write_bytes(crop.jpeg)
        paths[crop.frame] = f"{folder.name}/{file.name}"
    return paths


def _row(tracklet: Tracklet, people: Mapping[int, Identity], features: Mapping[int, Feature]) -> dict[str, Any]:
    person = None if tracklet.identity is None else people.get(tracklet.identity)
    feature = features.get(tracklet.number)
    row: dict[str, Any] = {
        "track": tracklet.key,
        "identity": None if person is None else str(person.number),
        "name": None if person is None else person.name,
        "notes": None if person is None else person.notes,
        "confirmed": None if person is None else person.confirmed,
    }
    plain = ("camera", "video", "begins", "ends", "taken_from", "taken_to", "frames", "height", "visible", "caption")
    row.update({name: getattr(tracklet, name) for name in plain})
    if feature is not None:
        row["embedding"] = feature.vector
        row["halves"] = None if feature.halves is None else feature.halves.ravel()
    return row
