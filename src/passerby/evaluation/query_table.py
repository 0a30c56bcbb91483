"""How every query did, as a table: for spreadsheets, and to compare runs."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.split import Split
from passerby.errors import EvaluationError
from passerby.metrics import RankingResult
from passerby.printable import guarded_cell

EXPORT_SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True, eq=False)
class QueryTable:
    """Columns of length Q, as `write_query_table` writes them.

    Attributes:
        paths: of the query images, inside their data set.
        identities, cameras: original names; cameras are empty where unknown.
        average_precision, inverse_negative_penalty: float64, NaN where the query has no match.
        rank1: float64, 1 where the nearest image is a match, else 0, or the chance of it under ties; NaN likewise.
        first_match: int64, 0 where it has none.
        match_ranks: ascending ranks of the matches of each.
    """

    paths: list[str]
    identities: list[str]
    cameras: list[str]
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    rank1: NDArray[np.float64]
    first_match: NDArray[np.int64]
    match_ranks: list[NDArray[np.int64]]


def write_query_table(file: Path, query: Split, result: RankingResult) -> None:
    """Write a row per query: path, identity, camera, its metrics and the ranks of its matches.

    Args:
        file: `.parquet`, or `.csv`, where the ranks are a JSON list such as `[1, 4]`, and text that a spreadsheet
            would take for a formula begins with an apostrophe. How many matches there are, and the ranks of the first
            and the last, are columns of numbers in both.
        query: the Q queries that were ranked.
        result: of the ranking.

    Raises:
        EvaluationError: another suffix.
    """
    if file.suffix.lower() not in EXPORT_SUFFIXES:
        raise EvaluationError(f"{file}: a table of queries is {' or '.join(EXPORT_SUFFIXES)}: choose one of these")
    ends = np.concatenate([[0], np.cumsum(result.match_counts)])
    names = np.array([*query.identity_names, ""], dtype=object)
    cameras: list[str] = [""] * len(query)
    if query.cameras is not None:
        cameras = [query.camera_names[camera] for camera in query.cameras]
    ranks = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(result.match_ranks, pa.int64()))
    if file.suffix.lower() == ".csv":
        ranks = pa.array([json.dumps(each) for each in ranks.to_pylist()], pa.string())
    table = pa.table(
        {
            "path": pa.array(query.paths.to_pylist(), pa.string()),
            "identity": pa.array(names[query.identities], pa.string()),
            "camera": pa.array(cameras, pa.string()),
            "average_precision": pa.array(result.average_precision, from_pandas=True),
            "inverse_negative_penalty": pa.array(result.inverse_negative_penalty, from_pandas=True),
            "rank1": pa.array(result.hits_at(1), from_pandas=True),
            "matches": pa.array(result.match_counts),
            "first_match": pa.array(result.first_match),
            "last_match": pa.array(_last_ranks(result), pa.int64()),
            "match_ranks": ranks,
        }
    )
    if file.suffix.lower() == ".csv":
        for number, name in enumerate(("path", "identity", "camera")):
            cells = pa.array([guarded_cell(text) for text in table[name].to_pylist()], pa.string())
            table = table.set_column(number, name, cells)
    with write_atomically(file) as temporary:
        if file.suffix.lower() == ".csv":
            pa.csv.write_csv(table, temporary)
        else:
            pa.parquet.write_table(table, temporary)


def _last_ranks(result: RankingResult) -> NDArray[np.int64]:
    """The rank of the last match of each query, int64 [Q]; 0 where it has none."""
    ends = np.cumsum(result.match_counts)
    found = np.zeros(len(ends), dtype=np.int64)
    some = np.asarray(result.match_counts) > 0
    found[some] = np.asarray(result.match_ranks)[ends[some] - 1]
    return found


def read_query_table(file: Path) -> QueryTable:
    """Read a `.parquet` that `write_query_table` wrote.

    Raises:
        EvaluationError: the file is missing, damaged, or another table.
    """
    try:
        table = pa.parquet.read_table(file)
        return QueryTable(
            paths=table["path"].to_pylist(),
            identities=table["identity"].to_pylist(),
            cameras=table["camera"].to_pylist(),
            average_precision=_floats(table["average_precision"]),
            inverse_negative_penalty=_floats(table["inverse_negative_penalty"]),
            rank1=_floats(table["rank1"]),
            first_match=np.array(table["first_match"], dtype=np.int64),
            match_ranks=[np.array(ranks, dtype=np.int64) for ranks in table["match_ranks"].to_pylist()],
        )
    except (OSError, KeyError, pa.ArrowException) as error:
        raise EvaluationError(f"{file}: no table of queries can be read there: run `passerby eval` again") from error


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column of numbers, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in column.to_pylist()], dtype=np.float64)
