"""Calibration from files."""

import tempfile
from pathlib import Path
from typing import Any

from passerby.atomic_files import naming
from passerby.config import check_settings
from passerby.tracklets.arrangement import arrange
from passerby.tracklets.file_stamps import check_unchanged, stamps
from passerby.tracklets.options import CalibrationOptions
from passerby.tracklets.tables.features import read_some_features
from passerby.tracklets.tables.table import open_tracklets
from passerby.tracklets.thresholds.calibration import Calibration, calibrate_sample, draw


def calibrate_table(
    file: str | Path, *, features: str | Path | None = None, options: CalibrationOptions | None = None, **choices: Any
) -> Calibration:
    """Propose thresholds for a table of tracklets; arguments as of `open_tracklets` and `calibrate`.

    Of embeddings in a table, those that are looked at are unpacked to a file without a name in the system's folder for
    temporary files, which vanishes with the process. It has room for all, which takes no space on file systems that
    leave holes.

    Raises:
        DataError: the table or its features are not as they should be, change meanwhile, or are too few.
        RecipeError: an option is unknown or out of range.
    """
    options = options or check_settings(CalibrationOptions, choices)
    file, features = Path(file), None if features is None else Path(features)
    given = [file] if features is None else [file, features]
    before = stamps(given)
    table = open_tracklets(file, features)
    sample = draw(arrange(table.videos, table.tracklets, table.frames), timed=table.frames is not None)
    with naming(Path(tempfile.gettempdir())), tempfile.TemporaryFile(buffering=0) as unpacked:
        calibration = calibrate_sample(read_some_features(table, unpacked, sample.rows), sample, options)
    check_unchanged(before, given)
    return calibration
