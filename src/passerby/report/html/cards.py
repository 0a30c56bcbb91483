"""What an evaluation page shows above the rank lists: headlines, tables and charts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from passerby.evaluation.analysis import Analysis
from passerby.metrics import RankingResult
from passerby.report.html.charts import Line, cmc_chart, precision_chart, precision_recall_chart, roc_chart, score_chart
from passerby.report.html.drawing import series
from passerby.report.html.heat_map import heat_map


class Headline(NamedTuple):
    """A headline: name, value in percent, its interval (empty if unknown) and meaning."""

    name: str
    value: str
    interval: str
    meaning: str


class ChartCard(NamedTuple):
    """A chart with its heading, the meaning of its colours (style class and name), and a remark."""

    heading: str
    chart: Markup
    legend: Sequence[tuple[str, str]] = ()
    note: str = ""


class Cell(NamedTuple):
    """A cell of a table: its text, something smaller beside it, and a style class."""

    text: str
    small: str = ""
    css: str = ""


class TableCard(NamedTuple):
    """A table with its heading and a remark."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


INTERVAL_NOTE = "Intervals: 95 %, from drawing the people searched for with replacement."


def headlines(result: RankingResult, analysis: Analysis | None) -> list[Headline]:
    """mAP, CMC and mINP."""
    named = [("mAP", "mAP", result.mAP, "mean average precision")]
    for k in (1, 5, 10):
        if k <= len(result.cmc):
            meaning = f"queries with a match among the first {k}" if k > 1 else "queries whose nearest image is right"
            named.append((f"rank{k}", f"rank-{k}", result.rank_at(k), meaning))
    named.append(("mINP", "mINP", result.mINP, "matches / rank of the last match"))
    intervals = {} if analysis is None else analysis.intervals
    return [
        Headline(name, f"{100 * value:.1f}", interval_text(intervals.get(key)), meaning)
        for key, name, value, meaning in named
    ]


def share_text(far: str) -> str:
    """A rate, such as `0.001`, in percent: `0.1 %`."""
    return f"{100 * float(far):.10f}".rstrip("0").rstrip(".") + " %"


def interval_text(interval: dict[str, float] | None) -> str:
    """`68.2 – 71.4`, in percent; nothing where no interval is known."""
    if interval is None or "low" not in interval:
        return ""
    return f"{100 * interval['low']:.1f} – {100 * interval['high']:.1f}"


def charts(result: RankingResult, analysis: Analysis | None) -> list[ChartCard]:
    """Curves and distributions of one evaluation."""
    found = [ChartCard("CMC: a match among the first k", Markup(cmc_chart(result.cmc)))]
    if analysis is not None:
        curve = Line("", np.linspace(0, 1, len(analysis.precision)), np.array(analysis.precision))
        note = "Interpolated precision, averaged over queries."
        found.append(ChartCard("Precision and recall", Markup(precision_recall_chart([curve])), note=note))
    found.append(ChartCard("Queries by average precision", Markup(precision_chart(result.average_precision))))
    if analysis is not None and analysis.roc is not None:
        found += [scores_card(analysis), roc_card([("", analysis)])]
    if analysis is not None and analysis.cameras is not None:
        found.append(camera_card(analysis.cameras))
    return found


def scores_card(analysis: Analysis, heading: str = "Scores of pairs") -> ChartCard:
    """How scores of one person's and of different people's pairs are spread."""
    columns = [np.array(column) for column in (analysis.edges, analysis.genuine, analysis.impostor)]
    marks = [
        (rate["threshold"], f"threshold for a false acceptance rate of {share_text(far)}")
        for far, rate in rates(analysis)
    ]
    legend = [("genuine", "pairs of one person"), ("impostor", "pairs of different people")]
    note = "Each as a share of its own kind; different people are far more numerous. Dashed: thresholds of the table."
    return ChartCard(heading, Markup(score_chart(columns[0], columns[1], columns[2], marks)), legend, note)


def roc_card(analyses: Sequence[tuple[str, Analysis]]) -> ChartCard:
    """True against false acceptance over pairs."""
    lines = [Line(name, *(np.array(column) for column in each.roc)) for name, each in analyses if each.roc is not None]
    compared, existing = analyses[0][1].impostors or (0, 0)
    sample = "" if compared == existing else f" A sample of {compared:,} of {existing:,} pairs of different people."
    legend = series_legend([line.name for line in lines]) if len(lines) > 1 else []
    return ChartCard("Verification: same person or not (ROC)", Markup(roc_chart(lines)), legend, sample.strip())


def camera_card(cameras: dict[str, Any], heading: str = "Rank-1 from camera to camera") -> ChartCard:
    """Rank-1 of every pair of cameras."""
    values = np.array([[np.nan if x is None else x for x in row] for row in cameras["rank1"]], dtype=np.float64)
    drawn = heat_map(cameras["names"], values, np.array(cameras["queries"]), heading)
    note = (
        "Percent. Queries of one camera, searched for among the images of another alone: easier than the whole gallery."
    )
    return ChartCard(heading, Markup(drawn), note=note)


def tables(analysis: Analysis | None, reranked: RankingResult | None, how: str) -> list[TableCard]:
    """Re-ranked metrics, verification and open set, where there are any."""
    found = []
    if reranked is not None:
        shown = headlines(reranked, None)
        found.append(
            TableCard(
                f"Re-ranked ({how})",
                [each.name for each in shown],
                [[Cell(f"{each.value} %") for each in shown]],
                "Uses the neighbourhoods of all queries and gallery images together, which a single search cannot.",
            )
        )
    if analysis is not None and analysis.rates:
        found.append(_verification_table(analysis))
    if analysis is not None and analysis.open_set:
        found.append(_open_set_table(analysis.open_set))
    return found


def _open_set_table(open_set: dict[str, dict[str, float]]) -> TableCard:
    rows = [
        [Cell(share_text(far)), Cell(f"{100 * rate['value']:.1f} %", interval_text(rate))]
        for far, rate in open_set.items()
    ]
    several = all("low" in rate for rate in open_set.values())
    note = "mean over draws and its 95 % interval" if several else "one draw; several would give an interval"
    return TableCard(
        "Open set: known people found, unknown people refused",
        ["false alarm rate", "detection and identification rate"],
        rows,
        f"Half of the people are taken out of the gallery; {note}.",
    )


def _verification_table(analysis: Analysis) -> TableCard:
    rows = [
        [Cell(share_text(far)), Cell(f"{100 * rate['tar']:.1f} %"), Cell(f"{rate['threshold']:.3f}")]
        for far, rate in rates(analysis)
    ]
    error = "" if analysis.eer is None else f"Equal error rate: {100 * analysis.eer:.2f} %. "
    return TableCard(
        "Verification: true acceptance at a false acceptance rate",
        ["false acceptance rate", "true acceptance rate", "threshold"],
        rows,
        f"{error}For a system in use, calibrate the threshold on people set apart, not on this gallery.",
    )


def rates(analysis: Analysis) -> list[tuple[str, dict[str, float]]]:
    """Rates by false acceptance rate, the highest first."""
    return sorted((analysis.rates or {}).items(), key=lambda entry: -float(entry[0]))


def series_legend(names: Sequence[str]) -> list[tuple[str, str]]:
    """Style classes of curves and their names."""
    return [(series(number), name) for number, name in enumerate(names)]
