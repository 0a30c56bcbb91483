"""Calibration from files."""

import tempfile
from pathlib import Path

from passerby.tracklets.arrangement import arrange
from passerby.tracklets.options import Linkage
from passerby.tracklets.tables.table import open_tracklets, read_features
from passerby.tracklets.thresholds.calibration import Calibration, calibrate, draw


def calibrate_table(
    file: Path,
    *,
    features: Path | None = None,
    half_width: int = 1000,
    linkage: Linkage = "closure",
    false_links: float | None = None,
    center: bool = False,
) -> Calibration:
    """Propose thresholds for a table of tracklets; arguments as of `open_tracklets` and `calibrate`.

    Of embeddings in a table, those that are looked at are unpacked to the system's folder for temporary files. The file
    there has room for all, which takes no space on file systems that leave holes.

    Raises:
        DataError: the table or its features are not as they should be, or are too few.
    """
    table = open_tracklets(file, features)
    with tempfile.TemporaryDirectory(prefix="passerby-") as folder:
        sample = draw(arrange(table.videos, table.tracklets, table.frames), timed=table.frames is not None)
        array = read_features(table, Path(folder) / "features.npy", sample.rows)
        return calibrate(
            array,
            table.tracklets,
            table.videos,
            frames=table.frames,
            half_width=half_width,
            linkage=linkage,
            false_links=false_links,
            center=center,
        )
