"""From a table of tracklets to a table of identities, in files: memory stays bounded, and a kill loses one piece."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from passerby.atomic_files import sweep_temporaries, write_atomically, write_text_atomically
from passerby.data.formats.table import read_table, required_text
from passerby.errors import DataError
from passerby.tracklets.arrangement import arrange
from passerby.tracklets.correlation import OUTCOMES, Correlation, arrays_of, correlate
from passerby.tracklets.distance import Integers
from passerby.tracklets.engines.in_files import Engine, FileWork
from passerby.tracklets.options import DenoisingOptions
from passerby.tracklets.tables.relative_paths import relocated
from passerby.tracklets.tables.table import TrackletTable, check_output, open_tracklets, read_features

_FORMAT = 2
"""Counted up when results of an older version could not be continued from."""

_ONLY_ACROSS_VIDEOS = frozenset({"half_width", "search", "max_component", "oversize", "min_images", "levels"})
"""Options that do not change what levels 1 and 2 do."""

_BATCH_ROWS = 65536

ADDED = ("identity", "new_track", "outcome", "deviation", "other_distance", "moved_to", "identity_distance")
"""The columns that the output has beside the input's."""


@dataclass(frozen=True)
class DenoisedTable:
    """What was done.

    Attributes:
        out: the table written.
        source: the table read.
        correlation: what became of each of its rows.
    """

    out: Path
    source: TrackletTable
    correlation: Correlation


def denoise_table(
    file: Path,
    out: Path,
    *,
    features: Path | None = None,
    options: DenoisingOptions | None = None,
    engine: Engine = "local",
    show: bool = False,
) -> DenoisedTable:
    """Write the rows of a table of tracklets with their identities; the same call continues after an interruption.

    The output has the columns of the input but `embedding` (`path` is relative to the output), and: `identity` (`-1`
    where dropped), `new_track` (tracklet after level 2, -1 where dropped), `outcome` (one of `OUTCOMES`), `deviation`,
    `other_distance`, `moved_to` (name of the track of the same video that a sample was moved to) and
    `identity_distance`, as `Correlation` describes them.

    Args:
        file: as of `open_tracklets`.
        out: the Parquet file to write. Work in progress lies in a hidden folder beside it.
        features: as of `open_tracklets`.
        options: None for the paper's.
        engine: who does the work: `local`, or `ray` for all machines that see the folder of `out`.
        show: whether to show progress.

    Raises:
        DataError: the table or its features are not as they should be, tracklets chain, the output is one of them, or
            another process is writing it.
    """
    options = options or DenoisingOptions()
    check_output(out, file, *([] if features is None else [features]))
    table = open_tracklets(file, features)
    if options.exclusive and table.frames is None:
        raise DataError(f"table {file} has no column 'frame': whether tracklets overlap in time cannot be told")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.with_name(f".{out.name}.work")
    lock = FileLock(out.with_name(f".{out.name}.lock"), timeout=0)
    try:
        with lock:
            _claim(folder, table, options)
            array = read_features(table, folder / "features.npy")
            arrangement = arrange(table.videos, table.tracklets, table.frames)
            work = FileWork(folder, arrays_of(array, arrangement, options), options, engine=engine, show=show)
            correlation = correlate(work)
            whole = _write(table, correlation, folder / "table.parquet", out.parent)
            whole.replace(out)
            shutil.rmtree(folder)
            with suppress(PermissionError):  # where open files cannot be removed, this one stays
                Path(lock.lock_file).unlink()  # while it is held: afterwards it may be another's
    except Timeout as error:
        raise DataError(f"another process is writing {out}: wait for it, or name another file") from error
    return DenoisedTable(out, table, correlation)


def _claim(folder: Path, table: TrackletTable, options: DenoisingOptions) -> None:
    """Keep what is of the same input and options, throw away the rest, and note whose the folder is from now on."""
    files = [
        (str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in (table.file, table.features)
    ]
    chosen = asdict(options)
    within = {name: value for name, value in chosen.items() if name not in _ONLY_ACROSS_VIDEOS}
    within["levels"] = sorted(set(options.levels) - {3})
    mine = {"input": _digest([_FORMAT, files]), "within videos": _digest(within), "all": _digest(chosen)}
    mark = folder / "source.json"
    old = json.loads(mark.read_text("utf-8")) if mark.is_file() else {}
    same = [key for key in mine if old.get(key) == mine[key]]
    kept = {"features.npy"} if "input" in same else set()
    if {"input", "within videos"} <= set(same):
        kept |= {"levels-1-2"}
    if len(same) < len(mine):
        folder.mkdir(parents=True, exist_ok=True)
        mark.unlink(missing_ok=True)  # until the rest is gone, nothing here is anybody's
        for entry in folder.iterdir():
            if entry.name not in kept:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    sweep_temporaries(folder, alone=True)
    write_text_atomically(mark, json.dumps(mine))


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def _write(table: TrackletTable, found: Correlation, out: Path, relative_to: Path) -> Path:
    """The output, batch by batch, whole or not at all; its paths are relative to a folder. Returns `out`."""
    moved_to = _moved_to_names(table, found)
    begin = 0
    with write_atomically(out) as temporary, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for batch in _batches(table.file):
            rows = slice(begin, begin + batch.num_rows)
            columns = {
                name: _moved(column, table.file.parent, relative_to) if name == "path" else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
                if name not in (*ADDED, "embedding")
            }
            written = pa.table({**columns, **_added(found, moved_to, rows)})
            writer = writer or stack.enter_context(pq.ParquetWriter(temporary, written.schema))
            writer.write_table(written)
            begin += batch.num_rows
        assert writer is not None, "tables without rows are refused when they are opened"
    return out


def _added(found: Correlation, moved_to: pa.Array, rows: slice) -> dict[str, Any]:
    labels = found.identities[rows]
    names = np.array(OUTCOMES, dtype=object)
    distances = found.identity_distances
    empty = np.full(labels.size, np.nan, np.float32)
    return {
        "identity": pa.array(labels).cast(pa.string()),
        "new_track": pa.array(found.tracklets[rows]),
        "outcome": pa.array(names[found.outcomes[rows]], pa.string()),
        "deviation": pa.array(found.deviations[rows]),
        "other_distance": pa.array(found.other_distances[rows]),
        "moved_to": moved_to.slice(rows.start, labels.size),
        "identity_distance": pa.array(empty if distances is None else distances[rows]),
    }


def _moved_to_names(table: TrackletTable, found: Correlation) -> pa.Array:
    """The name of the track that each sample was moved to; null for samples not moved."""
    tracks = required_text(read_table(table.file), "track", table.file)
    moved = found.moved_to >= 0
    rows: Integers = found.moved_to
    return tracks.take(pa.array(rows, mask=~moved)).combine_chunks()


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    if file.suffix.lower() == ".csv":
        texts = ("path", "identity", "local_identity", "true_identity", "camera", "video", "track", "split", "caption")
        options = pa.csv.ConvertOptions(column_types=dict.fromkeys(texts, pa.string()))
        yield from pa.csv.read_csv(file, convert_options=options).to_batches(_BATCH_ROWS)
        return
    opened = pq.ParquetFile(file)
    columns = [name for name in opened.schema_arrow.names if name != "embedding"]
    yield from opened.iter_batches(_BATCH_ROWS, columns=columns)


def _moved(paths: pa.Array, old: Path, new: Path) -> pa.Array:
    """Paths relative to one folder, as they are relative to another; as they stand where it is the same."""
    if old.resolve() == new.resolve():
        return paths
    return pa.array(relocated(paths.to_pylist(), old, new), pa.string())
