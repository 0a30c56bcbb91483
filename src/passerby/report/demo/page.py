"""The page that `passerby demo` ends with: everything it made, in order, with a sentence about each.

Pictures are inside the page; the video lies beside it.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from passerby.atomic_files import write_text_atomically
from passerby.data.split import Benchmark
from passerby.evaluation.analysis import Analysis
from passerby.evaluation.evaluate import Evaluation
from passerby.evaluation.occlusion_summary import ReportedOcclusion
from passerby.metrics import RankingResult
from passerby.report.demo.film import Film
from passerby.report.demo.training_curves import training_curves
from passerby.report.html.cards import INTERVAL_NOTE, Cell, ChartCard, TableCard, charts, headlines, series_legend
from passerby.report.html.charts import Line, curve_chart
from passerby.report.html.drawing import percents
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri
from passerby.report.occlusion.samples import OccludedPicture
from passerby.report.ranking.page import ShownQueries, rank_list_sections, score_name, shown_pictures
from passerby.report.ranking.rank_list import RankedSplits
from passerby.synth.output.contact_sheet import contact_sheet

FEATURE = "class token + projected"
"""The feature that `embed` gives for the demo's model, and that the page tells of."""

_PEOPLE, _PER_SECTION = 8, 5
_ORDER = ("median", "best", "worst", "random")
"""What to expect comes first."""

_MEANING = {"rectangle": "a grey rectangle", "people": "a strip of somebody else"}


@dataclass(frozen=True)
class Shown:
    """What the page tells of.

    Attributes:
        seed: of world and training.
        world: arguments that drew the images.
        benchmark: the images.
        run: the run's folder.
        film: the video with boxes, beside the page.
        evaluation, analysis: of the trained model.
        details: name of the evaluation's own page, beside this one.
        start: the metrics of the weights that training began with.
        occlusion: how the trained model does with occluded queries.
        occluded: pictures of some of these.
    """

    seed: int
    world: Mapping[str, int]
    benchmark: Benchmark
    run: Path
    film: Film
    evaluation: Evaluation
    analysis: Analysis
    details: str
    start: RankingResult
    occlusion: ReportedOcclusion
    occluded: Sequence[Sequence[OccludedPicture]]


def write_demo_page(page: Path, shown: Shown) -> Path:
    """Write the page and return its path."""
    found = shown.evaluation
    sections = rank_list_sections(RankedSplits.of(found), ShownQueries(per_section=_PER_SECTION))
    sections.sort(key=lambda section: _ORDER.index(section.key))
    html = rendered(
        "demo.html.jinja",
        title="passerby, from nothing to a search",
        shown=shown,
        counts=_counts(shown),
        sheet=_sheet(shown),
        film=shown.film,
        poster=data_uri(shown.film.stills[0]),
        stills=[data_uri(still) for still in shown.film.stills],
        training=training_curves(shown.run),
        headlines=headlines(found.result, shown.analysis),
        interval_note=INTERVAL_NOTE,
        charts=charts(found.result, shown.analysis)[:3],
        progress=_progress(shown.start, found.result),
        occluded=[[(_caption(each), data_uri(each.picture)) for each in pictures] for pictures in shown.occluded],
        occlusion=[_occlusion_card(shown.occlusion, figure) for figure in ("mAP", "rank1")],
        visible=_visible_table(shown.occlusion),
        sections=sections,
        pictures=shown_pictures(sections),
        score_name=score_name(found.result),
        run=shlex.quote(str(shown.run)),
        data=shlex.quote(str(found.query.root)),
    )
    write_text_atomically(page, html)
    return page


def _counts(shown: Shown) -> dict[str, int]:
    """How many people and images the two halves have."""
    train, (query, gallery) = shown.benchmark.train, shown.benchmark.query_and_gallery()
    return {
        "trained people": 0 if train is None else len(np.unique(train.identities)),
        "trained images": 0 if train is None else len(train),
        "people": len(np.unique(query.identities)),
        "queries": len(query),
        "gallery": len(gallery),
    }


def _sheet(shown: Shown) -> str:
    drawn = contact_sheet(
        seed=shown.seed,
        people=_PEOPLE,
        cameras=shown.world["cameras"],
        images_per_camera=shown.world["images_per_camera"],
    )
    return data_uri(Image.fromarray(drawn))


def _progress(start: RankingResult, trained: RankingResult) -> TableCard:
    rows = [
        [Cell(name), *(Cell(f"{figure.value} %") for figure in headlines(result, None))]
        for name, result in (("before: tiny-clip as it comes", start), ("after training", trained))
    ]
    return TableCard(
        "What training added",
        ["", *(figure.name for figure in headlines(trained, None))],
        rows,
        "tiny-clip has learned what people wear from other drawn people and sentences about them, and knows much of "
        "this already; so little training adds little.",
    )


def _caption(shown: OccludedPicture) -> str:
    return "whole" if shown.condition is None else f"{100 * shown.level:.0f} %"


def _occlusion_card(occlusion: ReportedOcclusion, figure: str) -> ChartCard:
    """mAP or rank-1 over the occluded share, a curve for each condition."""
    mine = [each for each in occlusion.metrics if each.feature == FEATURE]
    conditions = list(dict.fromkeys(each.condition for each in mine if each.condition != "clean"))
    lines = []
    for condition in conditions:
        points = sorted(
            (each.level, getattr(each, figure).mean) for each in mine if each.condition in ("clean", condition)
        )
        levels, values = (np.array(column) for column in zip(*points, strict=True))
        lines.append(Line(_MEANING.get(condition, condition), levels, values))
    name = {"mAP": "mAP", "rank1": "rank-1"}[figure]
    marks = sorted({each.level for each in mine})
    drawn = curve_chart(
        f"{name} by the share of the query that is occluded",
        "share of the query that is occluded",
        lines,
        [(level, f"{100 * level:.0f} %") for level in marks],
        percents(),
    )
    return ChartCard(f"{name}, the more is occluded", Markup(drawn), series_legend([line.name for line in lines]))


def _visible_table(occlusion: ReportedOcclusion) -> TableCard:
    """Clean queries by how much of their person the world's own furniture and people leave to be seen."""
    rows = [
        [Cell(f"{100 * each.low:.0f} to {100 * each.high:.0f} %"), Cell(f"{each.queries:,}"), _percent(each.mAP)]
        for each in occlusion.by_visibility
        if each.feature == FEATURE
    ]
    return TableCard(
        "What the world itself occludes",
        ["of the person, seen", "queries", "mAP"],
        rows,
        "Queries as they were drawn: others, furniture and the edge of the picture hide people as well, and the world "
        "knows to the pixel how much.",
    )


def _percent(share: float) -> Cell:
    return Cell(f"{100 * share:.1f} %")
