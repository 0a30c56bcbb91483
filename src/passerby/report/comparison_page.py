"""The page that shows several runs side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from passerby.atomic_files import write_text_atomically
from passerby.evaluation.comparison import ComparedRun
from passerby.metrics import PairedComparison
from passerby.report.html.cards import (
    INTERVAL_NOTE,
    Cell,
    ChartCard,
    TableCard,
    camera_card,
    interval_text,
    roc_card,
    scores_card,
    series_legend,
)
from passerby.report.html.charts import Line, cmc_chart, precision_recall_chart
from passerby.report.html.template import rendered

_COLUMNS = (("mAP", "mAP"), ("rank1", "rank-1"), ("rank5", "rank-5"), ("rank10", "rank-10"), ("mINP", "mINP"))
_QUERIES = 12
"""Queries shown that became better, and as many that became worse."""


def write_comparison_page(page: Path, data: str, runs: Sequence[ComparedRun]) -> None:
    """Write the page: metrics with intervals, tests against the first run, curves, cameras, queries that changed most.

    Args:
        page: the HTML file to write.
        data: the data set's name.
        runs: two or more on the same queries.
    """
    tables = [_metrics(runs)]
    if runs[1].against_first:
        tables.append(_tests(runs))
    for run in runs[1:]:
        tables += _changes(runs[0], run)
    html = rendered(
        "comparison.html.jinja",
        title=f"{data}: {' · '.join(run.name for run in runs)}",
        by="Runs side by side on the same queries and gallery.",
        tables=tables,
        charts=_charts(runs),
    )
    write_text_atomically(page, html)


def _metrics(runs: Sequence[ComparedRun]) -> TableCard:
    rows = [
        [
            Cell(run.name),
            *(
                Cell(_rate(run, key), interval_text(run.analysis.intervals.get(key)))
                for key, _ in _COLUMNS
                if key in runs[0].metrics
            ),
        ]
        for run in runs
    ]
    columns = ["run", *(name for key, name in _COLUMNS if key in runs[0].metrics)]
    return TableCard("Metrics", columns, rows, INTERVAL_NOTE)


def _rate(run: ComparedRun, key: str) -> str:
    """In percent; over seeds, with the deviation."""
    return f"{run.over_seeds[key].percent()} %" if key in run.over_seeds else f"{100 * run.metrics[key]:.1f} %"


def _tests(runs: Sequence[ComparedRun]) -> TableCard:
    names = dict(_COLUMNS)
    rows = [
        [Cell(run.name), *(_tested(found) for found in run.against_first.values())]
        for run in runs[1:]
    ]  # fmt: skip
    note = (
        "Points in percent, with the 95 % interval and the p-value of a two-sided randomisation test; people are drawn "
        "and exchanged with all their queries. They tell apart these trained models on such queries; they say nothing "
        "about another training seed."
    )
    if any(disagrees(found) for run in runs[1:] for found in run.against_first.values()):
        note += f" {DISAGREEMENT}"
    columns = ["run", *(f"Δ {names[figure]}" for figure in runs[1].against_first)]
    return TableCard(f"Difference from {runs[0].name}", columns, rows, note)


def _tested(found: PairedComparison) -> Cell:
    """A difference, its interval and its p-value; coloured where the interval leaves out zero."""
    difference = found.difference
    css = "better" if difference.low > 0 else "worse" if difference.high < 0 else ""
    return Cell(f"{100 * difference.value:+.1f}", ", ".join(certainty(found)), css)


DISAGREEMENT = (
    "Where the interval leaves out 0 and p is above 0.05, or the other way round, the two disagree: the interval draws "
    "people anew, the test exchanges the runs, and with few people or a few who decide everything these differ. Take "
    "such a difference for undecided."
)


def disagrees(found: PairedComparison) -> bool:
    """Whether interval and test say different things at 5 %."""
    without_zero = found.difference.low > 0 or found.difference.high < 0
    return without_zero != (found.p_value < 0.05)


def certainty(found: PairedComparison) -> tuple[str, str]:
    """The interval of a difference in percent, and its p-value."""
    low, high = found.difference.low, found.difference.high
    p_value = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.3f}"
    return f"{100 * low:+.1f} … {100 * high:+.1f}", p_value


def _charts(runs: Sequence[ComparedRun]) -> list[ChartCard]:
    names = [run.name for run in runs]
    legend = series_legend(names)
    curves = [(run.name, np.array(run.metrics["cmc"])) for run in runs]
    precision = [
        Line(run.name, np.linspace(0, 1, len(run.analysis.precision)), np.array(run.analysis.precision)) for run in runs
    ]
    found = [
        ChartCard(
            "CMC: a match among the first k", Markup(cmc_chart(curves[0][1], *curves[1:], name=names[0])), legend
        ),
        ChartCard("Precision and recall", Markup(precision_recall_chart(precision)), legend),
    ]
    with_roc = [(run.name, run.analysis) for run in runs if run.analysis.roc is not None]
    if with_roc:
        found.append(roc_card(with_roc))
        found += [scores_card(analysis, f"Scores of pairs: {name}") for name, analysis in with_roc]
    for run in runs:
        if run.analysis.cameras is not None:
            found.append(camera_card(run.analysis.cameras, f"Rank-1 from camera to camera: {run.name}"))
    return found


def _changes(first: ComparedRun, run: ComparedRun) -> list[TableCard]:
    """The queries whose average precision rose most, and those where it fell most; none where nothing did."""
    change = run.queries.average_precision - first.queries.average_precision
    order = np.argsort(np.nan_to_num(-change), kind="stable")
    risen = [row for row in order[:_QUERIES] if change[row] > 0]
    fallen = [row for row in order[::-1][:_QUERIES] if change[row] < 0]
    found = []
    for words, rows in (("better", risen), ("worse", fallen)):
        cells = [
            [
                Cell(first.queries.paths[row].rsplit("/", 1)[-1]),
                Cell(first.queries.identities[row]),
                Cell(first.queries.cameras[row] or "–"),
                Cell(f"{100 * first.queries.average_precision[row]:.1f}"),
                Cell(f"{100 * run.queries.average_precision[row]:.1f}"),
                Cell(f"{first.queries.first_match[row]:,} → {run.queries.first_match[row]:,}"),
            ]
            for row in rows
        ]
        if cells:
            columns = ["query", "identity", "camera", f"AP {first.name}", f"AP {run.name}", "first match"]
            found.append(TableCard(f"Queries that {run.name} finds {words}", columns, cells))
    return found
