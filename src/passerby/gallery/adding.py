"""Put tracklets into a gallery: all of those handed over, or none."""

import math
from collections.abc import Iterable, Sequence

from passerby.errors import GalleryError
from passerby.gallery.database import Database, Row, Transaction
from passerby.gallery.erased_keys import is_erased
from passerby.gallery.nearest.server_graph import insert_into_graph, read_graph
from passerby.gallery.records import Added, Crop, Feature, ModelKey, NewTracklet, Tracklet
from passerby.gallery.times import microseconds, moment, now
from passerby.gallery.vectors import check_feature, to_bytes

_TRACKLET = "INSERT INTO tracklets (key, camera, video, begins, ends, taken_from, taken_to, frames, height, visible,"
_TRACKLET += " caption, added) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"

COLUMNS = (
    "id, key, camera, video, begins, ends, taken_from, taken_to, frames, height, visible, caption, identity, added"
)
"""Of a tracklet, in the order in which `tracklet_of` takes them."""


def add(database: Database, tracklets: Iterable[NewTracklet]) -> Added:
    """Store tracklets with their crops and features; when this returns, they are on disk.

    A tracklet whose key the gallery has is not stored again, but features of models that it lacks are. One that was
    erased stays away.

    Raises:
        GalleryError: a tracklet cannot be stored as it is; nothing of any of them is stored then.
    """
    checked = [_checked(each) for each in tracklets]
    with database.writing() as transaction:
        models = {key: _model(transaction, key) for key in {key for each in checked for key in each.features}}
        known = {model: read_graph(database, transaction, model) for model in models.values()}
        graphs = {model: graph for model, graph in known.items() if graph is not None}
        for camera in sorted({each.camera for each in checked}):
            transaction.run("INSERT INTO cameras (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (camera,))
        added, erased, moment_added = 0, 0, now()
        for each in checked:
            if is_erased(transaction, each.key):
                erased += 1
                continue
            rows = transaction.rows("SELECT id FROM tracklets WHERE key = ?", (each.key,))
            if rows:
                number = _whole(rows[0])
            else:
                number = _whole(transaction.rows(_TRACKLET, (*_columns(each), moment_added))[0])
                added += 1
                _add_crops(transaction, number, each.crops)
            features = [(models[key], feature) for key, feature in each.features.items()]
            _add_features(transaction, number, features)
            for graph, feature in [(graphs[model], feature) for model, feature in features if model in graphs]:
                insert_into_graph(transaction, graph, [(number, feature.vector)])
    return Added(added, len(checked) - added - erased, erased)


def tracklet_of(row: Row) -> Tracklet:
    """The tracklet of a row of `COLUMNS`."""
    number, key, camera, video, begins, ends, taken_from, taken_to, frames, height, visible, caption, identity, at = row
    return Tracklet(
        number=number,
        key=key,
        camera=camera,
        video=video,
        begins=begins,
        ends=ends,
        taken_from=None if taken_from is None else moment(taken_from),
        taken_to=None if taken_to is None else moment(taken_to),
        frames=frames,
        height=height,
        visible=visible,
        caption=caption,
        identity=identity,
        added=moment(at),
    )


def _columns(each: NewTracklet) -> tuple[str | int | float | None, ...]:
    taken = [None if when is None else microseconds(when) for when in (each.taken_from, each.taken_to)]
    numbers = (each.frames, float(each.height), float(each.visible))
    return (each.key, each.camera, each.video, float(each.begins), float(each.ends), *taken, *numbers, each.caption)


def _checked(each: NewTracklet) -> NewTracklet:
    named = f"tracklet {each.key}"
    for name in ("key", "camera", "video"):
        if not getattr(each, name) or "\0" in getattr(each, name):
            raise GalleryError(f"{named}: its {name} is empty or holds a zero character: give it a name")
    if "\0" in (each.caption or ""):
        raise GalleryError(f"{named}: its caption holds a zero character: leave it out")
    if not (math.isfinite(each.begins) and math.isfinite(each.ends) and each.begins <= each.ends):
        raise GalleryError(f"{named}: begins at {each.begins} and ends at {each.ends} seconds: see its times")
    if (each.taken_from is None) != (each.taken_to is None):
        raise GalleryError(f"{named}: has only one of taken_from and taken_to: give both or neither")
    if each.taken_from is not None and each.taken_to is not None and each.taken_from > each.taken_to:
        raise GalleryError(f"{named}: was taken from {each.taken_from} to {each.taken_to}: see its times")
    if each.frames < 1 or not (math.isfinite(each.height) and each.height > 0 and 0 <= each.visible <= 1):
        raise GalleryError(
            f"{named}: needs at least one frame, a height above 0 and a visible share from 0 to 1, not {each.frames}, "
            f"{each.height} and {each.visible}"
        )
    if len({crop.frame for crop in each.crops}) < len(each.crops):
        raise GalleryError(f"{named}: has two crops of one frame: leave one out")
    for model, feature in each.features.items():
        check_feature(feature, model, each.key)
    return each


def _model(transaction: Transaction, key: ModelKey) -> int:
    found = transaction.rows("SELECT id, dim FROM models WHERE fingerprint = ?", (key.fingerprint,))
    if not found:
        statement = "INSERT INTO models (fingerprint, name, dim) VALUES (?, ?, ?) RETURNING id"
        return _whole(transaction.rows(statement, (key.fingerprint, key.name, key.dim))[0])
    if found[0][1] != key.dim:
        raise GalleryError(
            f"{key.name}: the gallery has features of this model with {found[0][1]} dimensions, not {key.dim}"
        )
    return _whole(found[0])


def _add_crops(transaction: Transaction, tracklet: int, crops: Sequence[Crop]) -> None:
    statement = "INSERT INTO crops (tracklet, frame, jpeg) VALUES (?, ?, ?)"
    transaction.run_many(statement, [(tracklet, crop.frame, crop.jpeg) for crop in crops])


def _add_features(transaction: Transaction, tracklet: int, features: Sequence[tuple[int, Feature]]) -> None:
    statement = "INSERT INTO features (tracklet, model, vector, halves) VALUES (?, ?, ?, ?)"
    statement += " ON CONFLICT (model, tracklet) DO NOTHING"
    rows = [
        (tracklet, model, to_bytes(each.vector), None if each.halves is None else to_bytes(each.halves))
        for model, each in features
    ]
    transaction.run_many(statement, rows)


def _whole(row: Row) -> int:
    number: int = row[0]
    return number
