"""Tables that tests write, and what is read from them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from passerby.data.split import JUNK, Split

IMAGES = ["a.jpg", "b.jpg", "inside/c.png", "d.jpg"]


def write_csv(folder: Path, text: str) -> Path:
    file = folder / "people.csv"
    file.write_text(text, encoding="utf-8")
    return file


def write_parquet(folder: Path, **columns: Any) -> Path:
    file = folder / "people.parquet"
    pq.write_table(pa.table(columns), file)
    return file


def identities(split: Split | None) -> list[str]:
    assert split is not None
    return [split.identity_names[label] if label != JUNK else "-1" for label in split.identities]


def cameras(split: Split | None) -> list[str]:
    assert split is not None
    assert split.cameras is not None
    return [split.camera_names[label] for label in split.cameras]
