"""The page on denoised tracklets, and the figure on thresholds."""

from passerby.report.denoising.charts import FIGURE_SUFFIXES, calibration_figure
from passerby.report.denoising.page import chaining_warning, cut_components, write_denoising_page

__all__ = ["FIGURE_SUFFIXES", "calibration_figure", "chaining_warning", "cut_components", "write_denoising_page"]
