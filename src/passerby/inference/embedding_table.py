"""Features of many images as a Parquet table, written in parts so that an interruption loses little."""

import hashlib
import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.atomic_files import sweep_temporaries, write_atomically, write_text_atomically
from passerby.data.cache.naming import file_stats
from passerby.data.split import Split
from passerby.errors import DataError
from passerby.inference.embedder import Embedder
from passerby.inference.unreadable_images import explaining_unreadable
from passerby.json_text import json_text
from passerby.output_lock import alone_at
from passerby.progress import Progress, log_line

EMBEDDING_SUFFIXES = (".parquet",)
"""What the table can be called."""

_ROWS_PER_PART = 2048
_METADATA_KEY = "passerby"


@dataclass(frozen=True)
class WrittenTable:
    """What was written: rows, and images that could not be read and were left out."""

    rows: int
    skipped: int


def embed_to_table(
    model: Embedder, split: Split, out: Path, *, batch_size: int = 64, skip_unreadable: bool = False
) -> WrittenTable:
    """Write `path` (relative to the table where possible) and `embedding` of every image to `out`, a Parquet file.

    Labels that the images have (`identity`, `camera`) become columns too; what computed the features stands under
    `passerby` in the table's metadata, as JSON. Finished parts lie in a folder beside `out`
    until the table is complete; the same call continues from them, unless model, images or labels have changed.

    Raises:
        DataError: an image cannot be read and `skip_unreadable` is off, or another process writes `out`; what was
            computed stays for the next call.
        CheckpointError: the feature of an image is not finite, or has no length.
    """
    opened = model.open_split(split, skip_unreadable=skip_unreadable)
    readable = opened.split
    columns = _columns(readable, out.parent)
    schema = _table(columns, range(0), np.empty((0, model.embed_dim), np.float32)).schema
    schema = schema.with_metadata({_METADATA_KEY: json_text({"computing": model.computing.record()}, indent=None)})
    parts = out.with_name(f".{out.name}.parts")
    files: list[Path] = []
    with ExitStack() as stack:
        stack.enter_context(alone_at(out))
        _claim(parts, _fingerprint(model, readable))
        stack.enter_context(explaining_unreadable(split))
        progress = stack.enter_context(Progress("embedding", len(readable)))
        for first in range(0, len(readable), _ROWS_PER_PART):
            rows = range(first, min(first + _ROWS_PER_PART, len(readable)))
            files.append(parts / f"{len(files):06d}.parquet")
            if _is_whole(files[-1], len(rows), schema):
                progress.skip(len(rows))
                continue
            features = np.empty((len(rows), model.embed_dim), np.float32)
            for places, found in opened.features(batch_size, rows=rows):
                features[places - first] = found
                progress.advance(len(places))
            with write_atomically(files[-1]) as temporary:
                pq.write_table(_table(columns, rows, features), temporary, write_page_checksum=True)
        _join(files, out, schema, len(readable))
        shutil.rmtree(parts)
    return WrittenTable(len(readable), len(split) - len(readable))


def _columns(split: Split, folder: Path) -> dict[str, pa.Array]:
    """The columns of the table besides the embedding."""
    resolved, base = split.root.resolve(), folder.resolve()
    relative = resolved.relative_to(base) if resolved.is_relative_to(base) else resolved
    columns = {"path": pa.array([(relative / path).as_posix() for path in split.paths.to_pylist()], pa.string())}
    if split.identity_names:
        names = np.array([*split.identity_names, "-1"], dtype=object)
        columns["identity"] = pa.array(names[split.identities], pa.string())
    if split.cameras is not None:
        columns["camera"] = pa.array(np.array(split.camera_names, dtype=object)[split.cameras], pa.string())
    return columns


def _table(
    columns: dict[str, pa.Array], rows: range, features: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> pa.Table:
    part = {name: column.slice(rows.start, len(rows)) for name, column in columns.items()}
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel(), pa.float32()), features.shape[1])
    return pa.table({**part, "embedding": embedding})


def _fingerprint(model: Embedder, split: Split) -> str:
    """Tells whether parts found on disk belong to the same model, images (by size and time of change) and labels."""
    digest = hashlib.blake2b(model.fingerprint(), digest_size=16)
    digest.update(str(model.computing).encode())
    for path in split.paths.to_pylist():
        digest.update(f"{split.root}/{path}\n".encode())
    for stats in file_stats(split):
        digest.update(stats.tobytes())
    digest.update(repr((split.identity_names, split.camera_names)).encode())
    for labels in (split.identities, split.cameras):
        digest.update(b"none" if labels is None else labels.tobytes())
    return digest.hexdigest()


def _claim(parts: Path, fingerprint: str) -> None:
    """Keep parts of the same work, and remove those of another."""
    mark = parts / "source.json"
    try:
        if mark.is_file() and json.loads(mark.read_text("utf-8"))["fingerprint"] == fingerprint:
            sweep_temporaries(parts, alone=True)
            return
    except (ValueError, KeyError, TypeError, RecursionError):  # ValueError: not JSON, or not UTF-8
        log_line(f"{mark} is damaged, so what an interrupted call left there is computed again", show=True)
    _remove(parts)
    parts.mkdir(parents=True)
    write_text_atomically(mark, json.dumps({"fingerprint": fingerprint}))


def _remove(place: Path) -> None:
    """Remove a file, a link or a folder, where there is one."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _is_whole(file: Path, rows: int, schema: pa.Schema) -> bool:
    """Whether a part is there as it was written; one that is damaged is removed, and that is said."""
    if not file.exists():
        return False
    try:
        if file.is_file() and _read_part(file, schema).num_rows == rows:
            return True
    except (OSError, ValueError, pa.ArrowException):  # its pages carry checksums
        pass
    log_line(f"{file} is damaged and is computed again", show=True)
    _remove(file)
    return False


def _read_part(file: Path, schema: pa.Schema) -> pa.Table:
    return pq.ParquetFile(file, page_checksum_verification=True).read().cast(schema)


def _join(files: list[Path], out: Path, schema: pa.Schema, rows: int) -> None:
    """Write all parts as one table, whose rows are counted before it takes its name."""
    with write_atomically(out) as temporary:
        with pq.ParquetWriter(temporary, schema) as writer:
            for file in files:
                writer.write_table(_read_part(file, schema))
        if pq.read_metadata(temporary).num_rows != rows:
            raise DataError(f"{out}: its parts do not hold {rows:,} rows, another process changed them: try again")
