"""Write the table and the crops: what `passerby denoise read mot` does."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.atomic_files import sweep_temporaries, write_atomically, write_text_atomically
from passerby.errors import DataError
from passerby.json_text import json_text
from passerby.output_lock import alone_at
from passerby.printable import printable
from passerby.progress import Progress, log_line
from passerby.tracklets.tables.table import check_output
from passerby.video.reading.frame_folder import read_sequence
from passerby.workflows.mot_tracklets.boxes import TrackedBoxes, read_tracked_boxes
from passerby.workflows.mot_tracklets.crops import crop_files, cut_crops
from passerby.workflows.mot_tracklets.sequences import MotSequence, find_sequences
from passerby.workflows.tracking.sources import file_stamp

_RECORD = "crops.json"


def read_mot_tracklets(
    source: Path, out: Path, *, tracks: Path | None = None, gap: int = 100, every: int = 1, show: bool = False
) -> int:
    """Write the table of tracklets of MOTChallenge's sequences, and a crop of each box beside it.

    Crops lie in `NAME-crops/` beside `NAME.parquet`. An interrupted call goes on where it was; crops of another call
    are replaced.

    Args:
        source, tracks: see `passerby.workflows.mot_tracklets.sequences.find_sequences`.
        out: the Parquet file.
        gap, every: see `passerby.workflows.mot_tracklets.boxes.read_tracked_boxes`.
        show: whether progress is shown.

    Returns:
        How many rows it has.

    Raises:
        DataError: something is missing, damaged or not as it should be, or no box lies in a picture.
        EvaluationError: a number is twice in a frame, or a truth has unknown classes.
    """
    if not source.is_dir():
        raise DataError(f"{printable(str(source))} is no folder: name the folder of a sequence, or of several")
    sequences = find_sequences(source, tracks)
    check_output(out, *(file for each in sequences for file in each.files))
    boxes = [read_tracked_boxes(each, gap=gap, every=every) for each in sequences]
    crops = out.with_name(f"{out.stem}-crops")
    with alone_at(out):
        _claim(crops, _request(sequences, gap, every))
        total = sum(map(len, boxes))
        with Progress("cutting", total, unit="crops", quiet=not show) as progress:
            parts = [
                _part(each, found, crops / each.name, out.parent, progress)
                for each, found in zip(sequences, boxes, strict=True)
            ]
        table = _without_empty_columns(pa.concat_tables(parts))
        if not table.num_rows:
            raise DataError(f"{printable(str(source))} has no box that lies in a picture")
        with write_atomically(out) as temporary:
            pq.write_table(table, temporary)
    if table.num_rows < total:
        log_line(
            f"{total - table.num_rows:,} boxes have no crop: they lie outside their frame, or it is missing or damaged",
            show=show,
        )
    return int(table.num_rows)


def _request(sequences: Sequence[MotSequence], gap: int, every: int) -> dict[str, Any]:
    """What crops follow from."""
    places = [path for each in sequences for path in (_pictures(each.frames), *each.files)]
    stamps = {str(path.resolve()): file_stamp(path) for path in places}
    return {"every": every, "gap": gap, "sources": stamps}


def _pictures(frames: Path) -> Path:
    """A video, or the very folder of the pictures, beside which crops may lie."""
    return read_sequence(frames).folder if frames.is_dir() else frames


def _claim(crops: Path, request: dict[str, Any]) -> None:
    """Make the folder of crops, without crops of another request.

    Raises:
        DataError: it holds something else.
    """
    record, text = crops / _RECORD, json_text(request) + "\n"
    if crops.is_dir() and any(crops.iterdir()) and not record.is_file():
        raise DataError(f"{printable(str(crops))} holds something else: name another file by --out")
    if record.is_file() and record.read_text("utf-8") != text:
        for place in crops.iterdir():
            if place.is_dir():
                shutil.rmtree(place)
        record.unlink()
    crops.mkdir(exist_ok=True)
    sweep_temporaries(crops, alone=True)
    write_text_atomically(record, text)


def _part(sequence: MotSequence, boxes: TrackedBoxes, crops: Path, beside: Path, progress: Progress) -> pa.Table:
    """The rows of one sequence, after its crops are written."""
    crops.mkdir(exist_ok=True)
    files = crop_files(crops, boxes)
    cut_crops(sequence.frames, boxes, files, progress)
    shown = np.array([file.is_file() for file in files], np.bool_)
    size = boxes.boxes[:, 2:] - boxes.boxes[:, :2]
    columns = {
        "path": pa.array([file.relative_to(beside).as_posix() for file in files], pa.string()),
        "camera": pa.repeat(pa.scalar(sequence.name), len(boxes)),
        "video": pa.repeat(pa.scalar(sequence.name), len(boxes)),
        "track": pa.array(boxes.tracks, pa.string()),
        "frame": pa.array(boxes.frames, pa.int64()),
        "x": pa.array(boxes.boxes[:, 0], pa.float32()),
        "y": pa.array(boxes.boxes[:, 1], pa.float32()),
        "width": pa.array(size[:, 0], pa.float32()),
        "height": pa.array(size[:, 1], pa.float32()),
        "score": _numbers(boxes.scores, len(boxes)),
        "visible": _numbers(boxes.visible, len(boxes)),
        "true_identity": _people(boxes, sequence),
    }
    return pa.table(columns).filter(pa.array(shown))


def _numbers(values: np.ndarray[Any, np.dtype[np.float64]] | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.float32()) if values is None else pa.array(values, pa.float32())


def _people(boxes: TrackedBoxes, sequence: MotSequence) -> pa.Array:
    """Labels that are valid in all sequences."""
    if boxes.people is None:
        return pa.nulls(len(boxes), pa.string())
    before = "" if sequence.shared else f"{sequence.name}-"
    return pa.array([f"{before}{each}" if each >= 0 else "-1" for each in boxes.people.tolist()], pa.string())


def _without_empty_columns(table: pa.Table) -> pa.Table:
    """The table without columns of which nothing is known; who has no truth is nobody known, where others have one."""
    empty = [name for name in table.column_names if table.num_rows and table[name].null_count == table.num_rows]
    table = table.drop_columns(empty)
    if "true_identity" not in table.column_names:
        return table
    place = table.column_names.index("true_identity")
    return table.set_column(place, "true_identity", table["true_identity"].fill_null("-1"))
