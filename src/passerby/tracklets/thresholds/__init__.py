"""Thresholds that fit the features at hand, proposed from the tracklets themselves."""

from passerby.tracklets.thresholds.calibrated_table import calibrate_table
from passerby.tracklets.thresholds.calibration import FALSE_LINKS, Calibration, calibrate

__all__ = ["FALSE_LINKS", "Calibration", "calibrate", "calibrate_table"]
