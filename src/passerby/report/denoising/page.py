"""The page that shows what denoising did to a table of tracklets."""

from pathlib import Path

import numpy as np
from markupsafe import Markup

from passerby.atomic_files import write_text_atomically
from passerby.data.formats.table_file import read_table
from passerby.report.denoising.charts import size_chart
from passerby.report.denoising.samples import dropped_strips, identity_strips, moved_strips
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri, thumbnail
from passerby.tracklets.correlation import KEPT, OUTCOMES, Correlation
from passerby.tracklets.grouping.components import component_sizes
from passerby.tracklets.grouping.linkage import LARGEST_DENSE
from passerby.tracklets.pipeline import DenoisedTable
from passerby.tracklets.quality import DenoisingQuality
from passerby.tracklets.statistics import LevelStatistics


def cut_components(correlation: Correlation) -> str | None:
    """One line where components were cut that were too large to be looked into; else None."""
    if not correlation.cut:
        return None
    what = "component was" if correlation.cut == 1 else "components were"
    return (
        f"{correlation.cut:,} {what} cut to parts of {LARGEST_DENSE:,} tracklets before average linkage or overlaps in "
        "time were looked at: links chain, lower sigma_discrimination."
    )


def chaining_warning(correlation: Correlation) -> str | None:
    """One line where one identity has more than half of the tracklets, however few they are; else None."""
    tracklets = correlation.levels[0].identities
    if correlation.most_joined < 2 or 2 * correlation.most_joined <= tracklets:
        return None
    return (
        f"one identity holds {correlation.most_joined:,} of {tracklets:,} tracklets, so links probably chain at "
        f"sigma_discrimination {correlation.options.sigma_discrimination:g}: `passerby denoise calibrate` proposes a "
        "--sigma-consistency and a --sigma-discrimination that fit these features"
    )


def write_denoising_page(
    page: Path, denoised: DenoisedTable, quality: DenoisingQuality | None, *, title: str = "Identity correlation"
) -> Path:
    """Write the page, one file that needs no network and no script; pictures that cannot be read are named instead."""
    table, correlation = denoised.source, denoised.correlation
    sections = [
        ("identities", "Identities", "From those that join most tracklets to those that join two.",
         identity_strips(table, correlation)),
        ("dropped", "Dropped", "Left: the sample. Right: others of its tracklet.", dropped_strips(table, correlation)),
        ("moved", "Re-allocated", "Left: the sample. Right: the tracklet it was moved to.",
         moved_strips(table, correlation)),
    ]  # fmt: skip
    names = read_table(table.file)["path"]
    rows = sorted({row for *_, strips in sections for strip in strips for row in strip.rows})
    paths = {row: names[row].as_py() for row in rows}
    pictures = {row: _picture(table.file.parent / path) for row, path in paths.items()}
    identity_sizes = component_sizes(correlation.identities)
    html = rendered(
        "denoising.html.jinja",
        title=title,
        warning=chaining_warning(correlation),
        headlines=_headlines(correlation),
        levels=[_level_row(level) for level in correlation.levels],
        outcomes=_outcomes(correlation),
        quality=quality,
        component_chart=Markup(
            size_chart(*correlation.components, "Components by tracklets", "tracklets (after level 2) in a component")
        ),
        identity_chart=Markup(size_chart(*identity_sizes, "Identities by images", "images of an identity")),
        facts=_facts(correlation),
        bound=correlation.options.component_bound(
            correlation.levels[-1].identities if 3 not in correlation.options.levels else _joined(correlation)
        ),
        sections=[
            {"key": key, "heading": heading, "note": note, "strips": strips} for key, heading, note, strips in sections
        ],
        pictures=pictures,
        paths=paths,
    )
    write_text_atomically(page, html)
    return page


def _picture(file: Path) -> str | None:
    small = thumbnail(file)
    return None if small is None else data_uri(small)


def _joined(correlation: Correlation) -> int:
    return int((correlation.components.members * correlation.components.groups).sum())


def _headlines(correlation: Correlation) -> list[tuple[str, str, str]]:
    """Name, value and meaning of the headlines."""
    first, last = correlation.levels[0], correlation.levels[-1]
    return [
        ("images kept", f"{last.images:,}", f"of {first.images:,} ({100 * last.images / first.images:.1f} %)"),
        ("identities", f"{last.identities:,}", f"from {first.identities:,} tracklets"),
        ("images each", f"{last.images / max(1, last.identities):.1f}", "on average"),
        ("largest component", f"{correlation.components.largest:,}", "tracklets that links hold together"),
        ("links", f"{correlation.links:,}", "pairs of tracklets near enough at level 3"),
    ]


def _level_row(level: LevelStatistics) -> dict[str, str]:
    noise = level.noise
    return {
        "name": level.name,
        "images": f"{level.images:,}",
        "identities": f"{level.identities:,}",
        "largest": f"{level.largest:,}",
        "noise": "–" if noise is None else f"{noise.total:.3f}",
        "consistency": "–" if noise is None else f"{noise.consistency:.3f}",
        "discrimination": "–" if noise is None else f"{noise.discrimination:.3f}",
    }


def _outcomes(correlation: Correlation) -> list[tuple[str, str, str]]:
    counts = np.bincount(correlation.outcomes, minlength=len(OUTCOMES))
    total = correlation.outcomes.size
    return [
        (name, f"{count:,}", f"{100 * count / total:.1f} %")
        for number, (name, count) in enumerate(zip(OUTCOMES, counts.tolist(), strict=True))
        if count or number == KEPT
    ]


def _facts(correlation: Correlation) -> list[str]:
    """What was asked for, one short sentence each."""
    options = correlation.options
    linkage = {
        "closure": "Links are closed: components are identities (the paper's way).",
        "mutual": f"Links count if each end is among the other's {options.neighbours} nearest.",
        "average": "Components are parted by average linkage.",
    }[options.linkage]
    order = (
        f"Level 3 compares each tracklet with the {options.half_width:,} after it."
        if options.search == "range"
        else f"Level 3 compares each tracklet with its {options.neighbours} nearest, wherever they are."
    )
    noise = correlation.levels[0].noise
    compared = "" if noise is None else (
        "Noise is measured over all pairs." if noise.half_width is None
        else f"Noise is measured over pairs within {noise.half_width:,} of each other."
    )  # fmt: skip
    facts = [
        f"sigma_consistency {options.sigma_consistency:g}, sigma_discrimination {options.sigma_discrimination:g}.",
        "" if options.sigma_reallocation is None else f"Level 2 re-allocates below {options.sigma_reallocation:g}.",
        "The mean of all features was subtracted first." if options.center else "",
        order,
        linkage,
        "Tracklets of one video that overlap in time are kept apart." if options.exclusive else "",
        compared,
        cut_components(correlation) or "",
    ]
    return [fact for fact in facts if fact]
