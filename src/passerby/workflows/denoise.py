"""What `passerby denoise` and `passerby denoise calibrate` do: work, compare with the truth, show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.config import read_settings
from passerby.errors import DataError
from passerby.output_lock import alone_at
from passerby.output_paths import check_output_file, expanded
from passerby.report.denoising import (
    FIGURE_SUFFIXES,
    calibration_figure,
    chaining_warning,
    cut_components,
    write_denoising_page,
)
from passerby.tracklets import (
    Calibration,
    CalibrationOptions,
    DenoisedTable,
    DenoisingOptions,
    DenoisingQuality,
    calibrate_table,
    denoise_table,
    score,
    write_tracklets,
)
from passerby.tracklets.engines import Engine


@dataclass(frozen=True)
class ReportedDenoising:
    """A table of identities, and how good they are.

    Attributes:
        denoised: the table written, and what became of each row.
        quality: against the column `true_identity`, if the input has it.
        page: shows it, if one was asked for.
    """

    denoised: DenoisedTable
    quality: DenoisingQuality | None
    page: Path | None

    @property
    def warning(self) -> str | None:
        """One line where links probably chain; else None."""
        return chaining_warning(self.denoised.correlation)

    @property
    def cut(self) -> str | None:
        """One line where components were too large for average linkage and were cut; else None."""
        return cut_components(self.denoised.correlation)

    def summary(self) -> dict[str, Any]:
        """Counts, places and qualities, for JSON."""
        correlation = self.denoised.correlation
        return {
            "out": self.denoised.out,
            "page": self.page,
            "levels": [
                {**level.__dict__, "noise": None if level.noise is None else level.noise.total}
                for level in correlation.levels
            ],
            "links": correlation.links,
            "components": dict(zip(*(column.tolist() for column in correlation.components), strict=True)),
            "cut": correlation.cut,
            "warning": self.warning,
            "quality": None if self.quality is None else self.quality.identities.to_dict(),
        }


def denoising_options(settings: Sequence[str], **given: Any) -> DenoisingOptions:
    """Options from fields and from settings of the form `key=value`, which count more.

    Raises:
        RecipeError: a key is unknown, or a value is out of range.
    """
    return read_settings(DenoisingOptions, settings, **given)


def calibration_options(settings: Sequence[str], **given: Any) -> CalibrationOptions:
    """Options from fields and from settings, as `denoising_options`."""
    return read_settings(CalibrationOptions, settings, **given)


def denoise(
    table: str | Path,
    out: str | Path = "identities.parquet",
    *,
    features: str | Path | None = None,
    options: DenoisingOptions | None = None,
    engine: Engine = "local",
    report: bool = True,
    show: bool = False,
) -> ReportedDenoising:
    """Denoise a table of tracklets, compare with the truth where it is known, and write a page beside the output.

    For features in memory, see `passerby.tracklets.denoise`.

    Examples:
        >>> done = passerby.denoise("tracklets.parquet", "identities.parquet", features="features.parquet")
        >>> done.denoised.correlation.levels[-1].identities, done.warning

    Args:
        table: as of `passerby.tracklets.denoise_table`.
        out: as of `passerby.tracklets.denoise_table`.
        features: as of `passerby.tracklets.denoise_table`.
        options: as of `passerby.tracklets.denoise_table`.
        engine: as of `passerby.tracklets.denoise_table`.
        show: as of `passerby.tracklets.denoise_table`.
        report: whether to write the page, `OUT-report.html`.

    Raises:
        DataError: as of `denoise_table`, or the page cannot be written.
    """
    table, out, features = expanded(table), expanded(out), None if features is None else expanded(features)
    page = out.with_name(f"{out.stem}-report.html") if report else None
    if page is not None:
        check_output_file(page, (".html",))
    denoised = denoise_table(table, out, features=features, options=options, engine=engine, show=show)
    quality = score(denoised)
    if page is not None:
        with alone_at(page):
            write_denoising_page(page, denoised, quality, title=out.stem)
    return ReportedDenoising(denoised, quality, page)


def calibrate_and_draw(
    table: Path, *, features: Path | None = None, options: CalibrationOptions | None = None, figure: Path | None = None
) -> Calibration:
    """Propose thresholds for a table of tracklets, and draw the evidence.

    Args:
        table, features, options: as of `passerby.tracklets.calibrate_table`.
        figure: a file to draw the evidence into (.png, .pdf, .svg); None for no figure.

    Raises:
        DataError: as of `calibrate_table`, or the figure cannot be written.
    """
    if figure is not None:
        check_output_file(figure, FIGURE_SUFFIXES)
    calibration = calibrate_table(table, features=features, options=options or CalibrationOptions())
    if figure is not None:
        figure.parent.mkdir(parents=True, exist_ok=True)
        calibration_figure(calibration).savefig(figure, dpi=110)
    return calibration


def read_tracklets(
    kind: str,
    source: Path,
    out: Path,
    *,
    gap: int = 100,
    tracks: Path | None = None,
    every: int = 1,
    show: bool = False,
) -> int:
    """Write the table of tracklets of a data set that is laid out its own way; returns the number of its rows.

    Args:
        kind: `mot`, or what `passerby.tracklets.write_tracklets` knows.
        source: the folder or file of the data set.
        out: the Parquet file to write.
        gap: frames without a person that end a tracklet, where the data set does not name tracklets.
        tracks, every: of `mot` alone: tracks to read, and every how many-th frame.
        show: whether progress is shown.

    Raises:
        DataError: the source is not as it should be, or an option does not fit its kind.
    """
    if kind == "mot":
        from passerby.workflows.mot_tracklets.read import read_mot_tracklets

        return read_mot_tracklets(source, out, tracks=tracks, gap=gap, every=every, show=show)
    if tracks is not None or every != 1:
        raise DataError(f"--tracks and --every are for mot: leave them out for {kind}")
    return write_tracklets(kind, source, out, gap=gap)
