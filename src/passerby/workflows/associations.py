"""The page on which a person looks at the links that CCAFL made, and confirms or rejects them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from passerby.atomic_files import write_text_atomically
from passerby.config import Recipe
from passerby.data.constraints import COLUMNS, kept_rows
from passerby.data.split import Split
from passerby.methods import find_method
from passerby.methods.ccafl.association.files import (
    KeptAssociation,
    association_epochs,
    kept_constraints,
    read_association,
)
from passerby.methods.ccafl.association.statistics import AssociationStatistics
from passerby.output_paths import check_output_file
from passerby.progress import log_line
from passerby.report.association.links import link_sections, pictures_of
from passerby.report.html.cards import ChartCard, series_legend
from passerby.report.html.charts import Line, curve_chart
from passerby.report.html.template import rendered
from passerby.runs.recipe_data import open_sets
from passerby.runs.request import stored_recipe
from passerby.runs.run_directory import RunDirectory
from passerby.training.training_labels import label_training_images


@dataclass(frozen=True)
class AssociationRequest:
    """What `passerby associations` was asked for; the fields are its options.

    Attributes:
        run: a run's folder.
        out: the page; by default in the run's `report/`.
        epoch: whose association, from 1; by default the last.
        links: at most so many in each section.
        crops: at most so many images of each class.
    """

    run: Path
    out: Path | None = None
    epoch: int | None = None
    links: int = 40
    crops: int = 4


@dataclass(frozen=True)
class AssociationPage:
    """The page, and what it shows."""

    page: Path
    epoch: int
    statistics: AssociationStatistics


def write_association_page(request: AssociationRequest) -> AssociationPage:
    """Write the page: one file that needs no network; its script only collects decisions and offers them as a file.

    Raises:
        CheckpointError: the run keeps no associations, or not that one.
        PasserbyError: the folder holds no run, or its data cannot be found.
    """
    page = request.out or request.run / "report" / "associations.html"
    check_output_file(page, (".html",))
    recipe = stored_recipe(RunDirectory(request.run))
    kept = read_association(request.run, request.epoch)
    split = _training_images(recipe)
    sections = link_sections(kept, split, links=request.links, crops=request.crops)
    epochs = association_epochs(request.run)
    html = rendered(
        "association.html.jinja",
        title="Who was linked across cameras",
        by=f"{request.run.name}, links of epoch {kept.epoch} of {max(epochs)}",
        headlines=_headlines(kept),
        charts=_charts(epochs),
        sections=sections,
        pictures=pictures_of(sections, split),
        paths=split.paths,
        columns=list(COLUMNS),
        earlier=[list(row) for row in kept_rows(kept_constraints(request.run))],
    )
    write_text_atomically(page, html)
    return AssociationPage(page, kept.epoch, kept.statistics)


def write_page_after_training(folder: Path) -> None:
    """Write the page of a run that has just been trained, and log where it is."""
    page = write_association_page(AssociationRequest(folder)).page
    log_line(f"Whom the run linked across cameras, to confirm or reject: {page}", show=True)


def _training_images(recipe: Recipe) -> Split:
    """What a run of a recipe was trained on, labelled inside cameras."""
    return label_training_images(recipe, find_method(recipe.method), open_sets(recipe.data))[0]


def _headlines(kept: KeptAssociation) -> list[tuple[str, str, str]]:
    """Name, value and meaning of the headlines."""
    found = kept.statistics
    decided = f", {found.decided_links:,} of them decided" if found.decided_links else ""
    headlines = [
        ("links", f"{found.links:,}", f"pairs of people of two cameras{decided}"),
        ("clusters", f"{found.clusters:,}", f"of {found.cluster_size:.1f} on average, {found.largest_cluster} at most"),
        ("single", f"{found.unassociated:,}", f"of {found.classes:,}: linked to nobody"),
        ("a camera twice", f"{found.duplicate_camera_clusters:,}", "clusters with two people of one camera"),
    ]
    for name, value, meaning in (
        ("precision", found.pair_precision, "pairs in one cluster that are one person"),
        ("recall", found.pair_recall, "pairs of one person that are in one cluster"),
    ):
        if value is not None:
            headlines.append((name, f"{100 * value:.1f} %", meaning))
    return headlines


def _charts(epochs: Mapping[int, AssociationStatistics]) -> list[ChartCard]:
    """How many were linked and how rightly, epoch by epoch."""
    numbers = np.array(sorted(epochs), dtype=np.float64)
    counted = {
        "links": [each.links for each in epochs.values()],
        "clusters": [each.clusters for each in epochs.values()],
        "single": [each.unassociated for each in epochs.values()],
        "a camera twice": [each.duplicate_camera_clusters for each in epochs.values()],
    }
    top = max(1, *(max(values) for values in counted.values()))
    marks = [(0.0, "0"), (top / 2, f"{top / 2:,.0f}"), (float(top), f"{top:,}")]
    curves = {name: np.array(row, float) for name, row in counted.items()}
    cards = [_chart("Links and clusters", numbers, curves, marks)]
    judged = {
        name: np.array([np.nan if value is None else value for value in values], float)
        for name, values in (
            ("precision", [each.pair_precision for each in epochs.values()]),
            ("recall", [each.pair_recall for each in epochs.values()]),
            ("precision of links", [each.link_precision for each in epochs.values()]),
        )
        if any(value is not None for value in values)
    }
    if judged:
        shares = [(share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)]
        cards.append(_chart("How right they are", numbers, judged, shares))
    return cards


def _chart(
    heading: str, epochs: np.ndarray, values: Mapping[str, np.ndarray], marks: list[tuple[float, str]]
) -> ChartCard:
    """Curves over epochs; an epoch without a value is left out of its curve."""
    lines = [Line(name, epochs[~np.isnan(row)], row[~np.isnan(row)]) for name, row in values.items()]
    first, last = int(epochs.min()), max(int(epochs.max()), int(epochs.min()) + 1)
    ticks = [(float(epoch), str(epoch)) for epoch in sorted({first, (first + last) // 2, last})]
    drawn = curve_chart(f"{heading} over epochs", "epoch", lines, ticks, marks)
    return ChartCard(heading, Markup(drawn), series_legend(list(values)))
