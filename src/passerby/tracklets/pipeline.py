"""From a table of tracklets to a table of identities, in files: memory stays bounded, and a kill loses one piece."""

from dataclasses import dataclass
from pathlib import Path

from passerby.errors import DataError
from passerby.tracklets.arrangement import arrange
from passerby.tracklets.correlation import Correlation, correlate
from passerby.tracklets.engines.in_files import Engine, FileWork
from passerby.tracklets.engines.steps import first_inputs
from passerby.tracklets.engines.work_folder import work_folder
from passerby.tracklets.file_stamps import check_unchanged, stamps
from passerby.tracklets.options import DenoisingOptions
from passerby.tracklets.tables.features import read_features
from passerby.tracklets.tables.identities import write_identities
from passerby.tracklets.tables.table import TrackletTable, check_output, open_tracklets


@dataclass(frozen=True)
class DenoisedTable:
    """A table of identities, and what it was made from.

    Attributes:
        out: the table written.
        source: the table read.
        correlation: what became of each of its rows.
    """

    out: Path
    source: TrackletTable
    correlation: Correlation


def denoise_table(
    file: str | Path,
    out: str | Path,
    *,
    features: str | Path | None = None,
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
        engine: what does the work: `local`, or `ray` for all machines that see the folder of `out`.
        show: whether to show progress.

    Raises:
        DataError: the table or its features are not as they should be or change meanwhile, a feature is zero, NaN or
            infinite, tracklets chain, the output is one of them, or another process is writing it.
    """
    options = options or DenoisingOptions()
    file, out, features = Path(file), Path(out), None if features is None else Path(features)
    given = [file] if features is None else [file, features]
    check_output(out, *given)
    before = stamps(given)
    table = open_tracklets(file, features)
    if options.exclusive and table.frames is None:
        raise DataError(f"table {file} has no column 'frame': without it nothing overlaps in time: leave out exclusive")
    with work_folder(out, before, options) as folder:
        rows = read_features(table, folder / "features.npy")
        arrangement = arrange(table.videos, table.tracklets, table.frames)
        work = FileWork(folder, first_inputs(rows, arrangement, options), options, engine=engine, show=show)
        unpacked = stamps([rows.file])
        correlation = correlate(work)
        check_unchanged(before + unpacked, [*given, rows.file])
        write_identities(table, correlation, folder / "table.parquet", out.parent)
        check_unchanged(before, given)
        (folder / "table.parquet").replace(out)
    return DenoisedTable(out, table, correlation)
