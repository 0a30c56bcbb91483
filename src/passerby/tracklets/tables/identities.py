"""The table of identities that denoising writes: the input's columns, and what became of each image."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from passerby.atomic_files import write_atomically
from passerby.data.formats.table import required_text
from passerby.data.formats.table_file import read_table, with_pictures
from passerby.tracklets.correlation import OUTCOMES, Correlation
from passerby.tracklets.tables.paths import relocated
from passerby.tracklets.tables.table import TrackletTable

_BATCH_ROWS = 65536
_TEXT_BYTES = 256 << 20

ADDED = ("identity", "new_track", "outcome", "deviation", "other_distance", "moved_to", "identity_distance")
"""The columns that the output has beside the input's."""


def write_identities(table: TrackletTable, correlation: Correlation, out: Path, relative_to: Path) -> None:
    """Write the output, batch by batch, whole or not at all; its paths are relative to a folder."""
    moved_to = _moved_to_names(table, correlation)
    begin = 0
    with write_atomically(out) as temporary, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for batch in _batches(table.file):
            rows = slice(begin, begin + batch.num_rows)
            columns = {
                name: _relocated(column, table.file.parent, relative_to) if name == "path" else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
                if name not in (*ADDED, "embedding")
            }
            written = pa.table({**columns, **_added(correlation, moved_to, rows)})
            writer = writer or stack.enter_context(pq.ParquetWriter(temporary, written.schema))
            writer.write_table(written)
            begin += batch.num_rows
        assert writer is not None, "tables without rows are refused when they are opened"


def _added(correlation: Correlation, moved_to: pa.Array, rows: slice) -> dict[str, Any]:
    labels = correlation.identities[rows]
    names = np.array(OUTCOMES, dtype=object)
    distances = correlation.identity_distances
    empty = np.full(labels.size, np.nan, np.float32)
    return {
        "identity": pa.array(labels).cast(pa.string()),
        "new_track": pa.array(correlation.tracklets[rows]),
        "outcome": pa.array(names[correlation.outcomes[rows]], pa.string()),
        "deviation": pa.array(correlation.deviations[rows]),
        "other_distance": pa.array(correlation.other_distances[rows]),
        "moved_to": moved_to.slice(rows.start, labels.size),
        "identity_distance": pa.array(empty if distances is None else distances[rows]),
    }


def _moved_to_names(table: TrackletTable, correlation: Correlation) -> pa.Array:
    """The name of the track that each sample was moved to; null for samples not moved."""
    tracks = required_text(read_table(table.file), "track", table.file)
    return tracks.take(pa.array(correlation.moved_to, mask=correlation.moved_to < 0)).combine_chunks()


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    if file.suffix.lower() == ".csv":
        named = ("path", "identity", "local_identity", "true_identity", "camera", "video", "track", "split", "caption")
        options = pa.csv.ConvertOptions(column_types=dict.fromkeys(named, pa.string()))
        yield from pa.csv.read_csv(file, convert_options=options).to_batches(_BATCH_ROWS)
        return
    schema = pq.read_schema(file)
    columns = [name for name in schema.names if name != "embedding"]
    texts = [name for name in columns if pa.types.is_string(schema.field(name).type)]
    with pq.ParquetFile(file, read_dictionary=texts) as opened:
        for batch in opened.iter_batches(_BATCH_ROWS, columns=columns):
            yield from _written_out(with_pictures(batch), texts)


def _written_out(batch: pa.RecordBatch, texts: list[str]) -> Iterator[pa.RecordBatch]:
    """Parts of a batch with their texts written out for every row, in bounded memory.

    A file of megabytes can hold gigabytes of text, the same for many rows.
    """
    values = [batch[name].dictionary for name in texts if len(batch[name].dictionary)]
    longest = sum(pc.max(pc.binary_length(each)).as_py() or 0 for each in values)
    rows = max(1, _TEXT_BYTES // max(1, longest))
    for begin in range(0, batch.num_rows, rows):
        part = batch.slice(begin, rows)
        columns = {name: part[name].dictionary_decode() if name in texts else part[name] for name in part.schema.names}
        yield pa.RecordBatch.from_pydict(columns)


def _relocated(paths: pa.Array, old: Path, new: Path) -> pa.Array:
    """Paths relative to one folder, as they are relative to another; as they stand where it is the same."""
    if old.resolve() == new.resolve():
        return paths
    return pa.array(relocated(paths.to_pylist(), old, new), pa.string())
