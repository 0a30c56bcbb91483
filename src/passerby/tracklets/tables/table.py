"""Tables of tracklets: `path, video, track, frame` and an embedding, in the table or in a file beside it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.data.formats.schema import TABLE_SUFFIXES
from passerby.data.formats.table import optional_integers, required_text, unique_paths
from passerby.data.formats.table_file import read_table
from passerby.errors import DataError
from passerby.output_paths import check_not_input, check_output_file
from passerby.tracklets.distance import Integers


@dataclass(frozen=True)
class TrackletTable:
    """N samples as a table names them.

    Attributes:
        file: the table.
        features: where the embeddings are: the table itself, another table, or an array (`.npy`).
        videos: int64 [N], videos numbered in the order in which they first occur.
        tracklets: int64 [N], likewise by name, so equal names in two videos have one number.
        frames: int64 [N], or None where the table has none.
        count: N.
    """

    file: Path
    features: Path
    videos: Integers
    tracklets: Integers
    frames: Integers | None
    count: int


def open_tracklets(file: Path, features: Path | None = None) -> TrackletTable:
    """Read which video, tracklet and frame each row is from.

    Args:
        file: CSV or Parquet with the columns `path`, `video` and `track`; `frame` says the order inside of a tracklet.
        features: a table with `path` and `embedding` (as `passerby embed` writes it), or an array `.npy` of shape
            [N, D] in the order of the table; None for an `embedding` column in the table itself.

    Raises:
        DataError: a file or column is missing, a value is blank, or an image is named twice.
    """
    if file.suffix.lower() not in TABLE_SUFFIXES or not file.is_file():
        raise DataError(f"{file} is not a table on disk: name a CSV or Parquet file with columns path, video and track")
    table = read_table(file)
    for name in ("video", "track"):
        if name not in table.column_names:
            raise DataError(
                f"table {file} has no column {name!r}: denoising needs to know every image's video and track"
            )
    if not table.num_rows:
        raise DataError(f"table {file} has no rows")
    unique_paths(table, file)  # or the output could not be trained on
    beside = file if features is None else features
    if not beside.is_file():
        raise DataError(f"features {beside} are not on disk: make them with `passerby embed`")
    if beside == file and (file.suffix.lower() == ".csv" or "embedding" not in pq.read_schema(file).names):
        raise DataError(
            f"table {file} has no column 'embedding': make one with `passerby embed`, name it by --features"
        )
    return TrackletTable(
        file=file,
        features=beside,
        videos=_numbered(required_text(table, "video", file)),
        tracklets=_numbered(required_text(table, "track", file)),
        frames=optional_integers(table, "frame", file),
        count=table.num_rows,
    )


def _numbered(column: pa.ChunkedArray) -> Integers:
    """Numbers in the order in which values first occur, int64 [N]."""
    encoded = pa.chunked_array(column).combine_chunks().dictionary_encode()
    return np.array(encoded.indices, dtype=np.int64)


def check_output(out: Path, *inputs: Path) -> None:
    """Refuse to write over an input, or a file that cannot be written or whose name does not say Parquet.

    Raises:
        DataError: `out` is such a file.
    """
    if out.suffix.lower() == ".csv":
        raise DataError(f"{out} would be Parquet with the name of a CSV table: name it {out.with_suffix('.parquet')}")
    check_output_file(out, (".parquet", ".pq"))
    check_not_input(out, inputs)
