"""From noisy tracklets of many videos to identities, from features alone (CION, arXiv 2409.18569).

`denoise` works on arrays, `denoise_table` on files of any size; `calibrate` and `calibrate_table` propose thresholds
that fit the features; `score` and `score_table` compare with true identities.
"""

from passerby.tracklets.correlation import OUTCOMES, Correlation, denoise
from passerby.tracklets.noise import Noise, measure_noise
from passerby.tracklets.options import CalibrationOptions, DenoisingOptions
from passerby.tracklets.pipeline import DenoisedTable, denoise_table
from passerby.tracklets.quality import DenoisingQuality, score, score_table, true_identities
from passerby.tracklets.statistics import LevelStatistics
from passerby.tracklets.tables import open_tracklets, write_tracklets
from passerby.tracklets.thresholds import Calibration, calibrate, calibrate_table

__all__ = [
    "OUTCOMES",
    "Calibration",
    "CalibrationOptions",
    "Correlation",
    "DenoisedTable",
    "DenoisingOptions",
    "DenoisingQuality",
    "LevelStatistics",
    "Noise",
    "calibrate",
    "calibrate_table",
    "denoise",
    "denoise_table",
    "measure_noise",
    "open_tracklets",
    "score",
    "score_table",
    "true_identities",
    "write_tracklets",
]
