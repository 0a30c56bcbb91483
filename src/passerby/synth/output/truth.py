"""Ground truth of every image, as rows of a table."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from passerby.synth.people.wardrobe import ATTRIBUTES, Wears, matters
from passerby.synth.places.crops import Box, Crop
from passerby.synth.words.captions import PHRASINGS, describe
from passerby.synth.words.sight import seen_attributes

Row = dict[str, Any]
"""Values by column name."""

_NUMBERS = {
    "frame": pa.int64(),
    **dict.fromkeys(("x", "y", "width", "height", "visible", "heading"), pa.float32()),
    **dict.fromkeys(("captions", "seen"), pa.list_(pa.string())),
}


def picture_row(drawn: Crop, box: Box, wears: Wears | None, generator: np.random.Generator) -> Row:
    """The row of a crop.

    Columns: the box; `visible`, the share of the person that is seen; `heading`, in degrees, 0 towards the camera,
    90 to the right of the picture; every attribute of the person, empty where there is none; `seen`, the names of the
    attributes that this picture shows; `captions`, in several phrasings, of which `caption` is one. Without a person
    all but the box is empty.
    """
    row: Row = {**box._asdict(), "visible": drawn.visible, "heading": None, "caption": None, "captions": None}
    if wears is None:
        return {**row, "seen": None, **dict.fromkeys(ATTRIBUTES)}
    seen = seen_attributes(wears, drawn.shown, drawn.turn)
    captions = [describe(seen, generator, phrasing=phrasing) for phrasing in range(PHRASINGS)]
    row |= {"heading": float(np.degrees(drawn.turn)) % 360, "seen": list(seen), "captions": captions}
    row["caption"] = captions[int(generator.integers(PHRASINGS))]
    return row | {name: wears[name] if matters(wears, name) else None for name in ATTRIBUTES}


def as_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as a table; all have the columns of the first, text unless known to be numbers."""
    rows = list(rows)
    columns = {name: pa.array([row[name] for row in rows], _NUMBERS.get(name, pa.string())) for name in rows[0]}
    return pa.table(columns)
