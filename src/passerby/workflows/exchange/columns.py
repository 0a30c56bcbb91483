"""The columns of a table that holds a gallery, beside those of every table of people."""

import json

import pyarrow as pa

from passerby.gallery.records import ModelKey

_MARK = b"passerby gallery"
_MOMENT = pa.timestamp("us", tz="UTC")


def schema(model: ModelKey | None) -> pa.Schema:
    """Of an export: one row for each picture, or one for a tracklet without any.

    Args:
        model: whose features it holds; None for none.
    """
    texts = ("path", "identity", "camera", "video", "track")
    fields = [pa.field(name, pa.string()) for name in texts]
    fields += [pa.field("frame", pa.int64()), pa.field("begins", pa.float64()), pa.field("ends", pa.float64())]
    fields += [pa.field("taken_from", _MOMENT), pa.field("taken_to", _MOMENT), pa.field("frames", pa.int64())]
    fields += [pa.field("height", pa.float64()), pa.field("visible", pa.float64())]
    fields += [pa.field(name, pa.string()) for name in ("caption", "name", "notes")]
    fields.append(pa.field("confirmed", pa.bool_()))
    if model is not None:
        fields.append(pa.field("embedding", pa.list_(pa.float32(), model.dim)))
        fields.append(pa.field("halves", pa.list_(pa.float32(), 2 * model.dim)))
    said = json.dumps(None if model is None else model._asdict())
    return pa.schema(fields, metadata={_MARK: said.encode()})


def is_export(kept: pa.Schema) -> bool:
    """Whether a table was exported from a gallery: its tracks are the gallery's own keys then."""
    return _MARK in (kept.metadata or {})


def model_of(kept: pa.Schema) -> ModelKey | None:
    """Whose features an exported table holds; None where nobody said, or there are none."""
    said = json.loads((kept.metadata or {}).get(_MARK, b"null"))
    return None if said is None else ModelKey(str(said["fingerprint"]), str(said["name"]), int(said["dim"]))
