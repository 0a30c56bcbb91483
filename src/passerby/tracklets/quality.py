"""How good the identities are that denoising found, where the true ones are known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from passerby.data.formats.table_file import read_table
from passerby.errors import DataError
from passerby.metrics import CorrelationResult, ExclusionQuality, correlation_quality, exclusion_quality
from passerby.tracklets.arrangement import arrange
from passerby.tracklets.correlation import DROPPED_1, REALLOCATED
from passerby.tracklets.pipeline import DenoisedTable
from passerby.tracklets.tables.table import TrackletTable

Labels = NDArray[np.int64]

NOBODY = frozenset({"-1", "", "nan"})
"""Values of `identity` of images that were dropped, and of `true_identity` of those that show nobody known."""


@dataclass(frozen=True)
class DenoisingQuality:
    """Denoised tracklets against the column `true_identity`.

    Attributes:
        tracklets: those of the input, each taken for an identity.
        identities: as found.
        samples: levels 1 and 2, sample by sample.
    """

    tracklets: CorrelationResult
    identities: CorrelationResult
    samples: ExclusionQuality


def score(denoised: DenoisedTable) -> DenoisingQuality | None:
    """Compare with the column `true_identity` of the input; None if there is none."""
    truth = true_identities(denoised.source.file)
    if truth is None:
        return None
    table, correlation = denoised.source, denoised.correlation
    tracklets = _input_tracklets(table)
    outcomes = correlation.outcomes
    return DenoisingQuality(
        tracklets=correlation_quality(tracklets, truth, table.videos),
        identities=correlation_quality(correlation.identities, truth, table.videos),
        samples=exclusion_quality(
            tracklets,
            correlation.tracklets,
            truth,
            excluded=(outcomes == REALLOCATED) | ~np.isnan(correlation.other_distances) | (outcomes == DROPPED_1),
            reallocated=outcomes == REALLOCATED,
        ),
    )


def score_table(file: str | Path) -> CorrelationResult:
    """The columns `identity` and `true_identity` of a table that `passerby denoise` wrote, compared.

    Raises:
        DataError: the table cannot be read, or lacks one of them.
    """
    file = Path(file)
    if not file.is_file():
        raise DataError(f"{file} is not a table on disk: name one that `passerby denoise` wrote")
    table = read_table(file)
    truth = true_identities(file)
    if truth is None or "identity" not in table.column_names:
        raise DataError(f"table {file} must be Parquet with the columns 'identity' and 'true_identity'")
    videos = _numbered(table["video"], file) if "video" in table.column_names else None
    return correlation_quality(_numbered(table["identity"], file), truth, videos)


def true_identities(file: Path) -> Labels | None:
    """The column `true_identity` as numbers, -1 for nobody known; None if the table has none."""
    if file.suffix.lower() == ".csv":
        return None
    table = read_table(file, besides=["true_identity"])
    return _numbered(table["true_identity"], file) if "true_identity" in table.column_names else None


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
