"""The metrics of an occlusion experiment as Markdown tables."""

from collections.abc import Sequence

from passerby.evaluation.occlusion_summary import OcclusionMetrics, VisibilityMetrics
from passerby.metrics import Interval
from passerby.models.inspection.reference import REFERENCE


def occlusion_table(
    metrics: Sequence[OcclusionMetrics], by_visibility: Sequence[VisibilityMetrics] = (), *, over: str = "runs"
) -> str:
    """All metrics as Markdown tables; `over` says what the deviations are over."""
    lines = [
        f"Queries are occluded, the gallery is clean. Mean ± standard deviation over {over}; gains over the "
        f"{REFERENCE} with 95 % interval, paired by query, people resampled.",
        "",
        "| condition | occluded | feature | mAP | rank-1 | rank-1 kept | mAP gain | p |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in metrics:
        gain, p_value = "–", "–"
        if each.mAP_gain is not None:
            gain = _points(each.mAP_gain.difference)
            p_value = f"{each.mAP_gain.p_value:.3f}"
        lines.append(
            f"| {each.condition} | {100 * each.level:.0f} % | {each.feature} | {each.mAP.percent()} | "
            f"{each.rank1.percent()} | {100 * each.retention:.0f} % | {gain} | {p_value} |"
        )
    if by_visibility:
        lines += ["", "Clean queries by the true visible fraction of their person:", ""]
        lines += ["| visible | queries | feature | mAP | mAP gain |", "|---|---|---|---|---|"]
    for row in by_visibility:
        gain = "–" if row.mAP_gain is None else _points(row.mAP_gain)
        seen = f"{100 * row.low:.0f}–{100 * row.high:.0f} %"
        lines.append(f"| {seen} | {row.queries} | {row.feature} | {100 * row.mAP:.1f} | {gain} |")
    return "\n".join(lines) + "\n"


def _points(interval: Interval) -> str:
    return f"{100 * interval.value:+.1f} ({100 * interval.low:+.1f} … {100 * interval.high:+.1f})"
