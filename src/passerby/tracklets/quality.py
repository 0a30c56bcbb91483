"""How good the identities are that denoising found, where the true ones are known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from passerby.data.formats.table import read_table
from passerby.errors import DataError
from passerby.metrics import CorrelationResult, ExclusionQuality, correlation_quality, exclusion_quality
from passerby.tracklets.arrangement import arrange
from passerby.tracklets.correlation import REALLOCATED
from passerby.tracklets.pipeline import DenoisedTable
from passerby.tracklets.tables.table import TrackletTable

Labels = NDArray[np.int64]


NOBODY = frozenset({"-1", "", "nan"})
"""Values of `identity` of images that were dropped, and of `true_identity` of those that show nobody known."""


@dataclass(frozen=True)
class Judgement:
    """Denoised tracklets against the truth, where the table tells it.

    Attributes:
        given: the tracklets of the input, taken for identities.
        found: the identities.
        samples: levels 1 and 2, sample by sample.
    """

    given: CorrelationResult
    found: CorrelationResult
    samples: ExclusionQuality


def judge(done: DenoisedTable) -> Judgement | None:
    """Compare with the column `true_identity` of the input; None if there is none."""
    truth = true_identities(done.source.file)
    if truth is None:
        return None
    table, found = done.source, done.correlation
    raw = _input_tracklets(table)
    return Judgement(
        given=correlation_quality(raw, truth, table.videos),
        found=correlation_quality(found.identities, truth, table.videos),
        samples=exclusion_quality(
            raw,
            found.tracklets,
            truth,
            excluded=(found.outcomes == REALLOCATED) | ~np.isnan(found.other_distances) | (found.outcomes == 2),
            reallocated=found.outcomes == REALLOCATED,
        ),
    )


def score_table(file: Path) -> CorrelationResult:
    """The columns `identity` and `true_identity` of a table that `passerby denoise` wrote, compared.

    Raises:
        DataError: the table cannot be read, or lacks one of them.
    """
    table = read_table(file)
    truth = true_identities(file)
    if truth is None or "identity" not in table.column_names:
        raise DataError(f"table {file} must be Parquet with the columns 'identity' and 'true_identity'")
    videos = _numbered(table["video"], file) if "video" in table.column_names else None
    return correlation_quality(_numbered(table["identity"], file), truth, videos)


def true_identities(file: Path) -> Labels | None:
    """The column `true_identity` as numbers, -1 for nobody known; None if the table has none."""
    if file.suffix.lower() == ".csv" or "true_identity" not in pq.read_schema(file).names:
        return None
    return _numbered(pq.read_table(file, columns=["true_identity"])["true_identity"], file)


def _numbered(column: pa.ChunkedArray, file: Path) -> Labels:
    """Names or numbers as numbers, int64 [N]; -1 for `NOBODY` and where there is nothing."""
    try:
        names = pc.fill_null(pc.cast(column, "string"), "-1")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"table {file} must name identities by text or numbers, not by {column.type}") from error
    encoded = names.combine_chunks().dictionary_encode()
    numbers = np.array(encoded.indices, dtype=np.int64)
    nobody = [number for number, name in enumerate(encoded.dictionary.to_pylist()) if name in NOBODY]
    numbers[np.isin(numbers, nobody)] = -1
    return numbers


def _input_tracklets(table: TrackletTable) -> Labels:
    """A number for every tracklet of the input, over all videos, in canonical order."""
    arrangement = arrange(table.videos, table.tracklets, table.frames)
    labels = np.empty(table.count, np.int64)
    labels[arrangement.order] = np.repeat(np.arange(arrangement.tracklets.size - 1), np.diff(arrangement.tracklets))
    return labels
