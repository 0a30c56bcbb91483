"""Curves of an occlusion experiment: each feature over the occluded share, and its gain over the reference."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, ScalarFormatter

from passerby.evaluation.occlusion_summary import OcclusionMetrics
from passerby.models.inspection.reference import REFERENCE

_COLOURS = ("#5d6878", "#b58900", "#2f6fb5", "#8a5fbf", "#c2571a", "#1b8a8f", "#a03a6b", "#14804a", "#c62f3b")
_LINEAR, _TICKS = 5, (-80, -40, -20, -10, -5, -2, 0, 2, 5, 10, 20, 40, 80)
"""Differences up to so many points are drawn in proportion, larger ones by their logarithm; and where ticks may be."""

_MARKS = ("o", "s", "^", "v", "D", "P", "X", "*", "h")


def occlusion_figure(metrics: Sequence[OcclusionMetrics], title: str) -> Figure:
    """Two panels for each condition: mAP over the occluded share, and its gain over the class token with interval.

    Args:
        metrics: of `summarise`.
        title: of the picture, such as the data set's name.
    """
    clean = [each for each in metrics if each.condition == "clean"]
    conditions = list(dict.fromkeys(each.condition for each in metrics if each.condition != "clean"))
    names = list(dict.fromkeys(each.feature for each in metrics))
    figure = Figure(figsize=(10, 1.0 + 3.4 * max(1, len(conditions))), dpi=120, facecolor="white", layout="constrained")
    panels = figure.subplots(max(1, len(conditions)), 2, squeeze=False, sharex=True)
    for line, condition in enumerate(conditions):
        shown = [*clean, *(each for each in metrics if each.condition == condition)]
        _levels(panels[line, 0], shown, names, condition)
        _gains(panels[line, 1], shown, names, condition)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=11)
    return figure


def _levels(axes: Axes, metrics: Sequence[OcclusionMetrics], names: Sequence[str], condition: str) -> None:
    for number, name in enumerate(names):
        points = [each for each in metrics if each.feature == name]
        axes.errorbar(
            [100 * each.level for each in points],
            [100 * each.mAP.mean for each in points],
            yerr=[100 * each.mAP.deviation for each in points],
            label=name,
            color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKS[number % len(_MARKS)],
            markersize=4,
            linewidth=1.4,
            capsize=2,
        )
    axes.set(title=f"{condition}: mAP", xlabel="occluded, % of the query", ylabel="mAP, %", ylim=(0, None))
    axes.grid(alpha=0.3)


def _gains(axes: Axes, metrics: Sequence[OcclusionMetrics], names: Sequence[str], condition: str) -> None:
    for number, name in enumerate(names):
        points = [(each.level, each.mAP_gain) for each in metrics if each.feature == name and each.mAP_gain]
        if not points:
            continue
        colour, levels = _COLOURS[number % len(_COLOURS)], [100 * level for level, _ in points]
        gains = [gain.difference for _, gain in points]
        axes.plot(
            levels,
            [100 * gain.value for gain in gains],
            color=colour,
            marker=_MARKS[number % len(_MARKS)],
            markersize=4,
            linewidth=1.4,
        )
        axes.fill_between(
            levels, [100 * gain.low for gain in gains], [100 * gain.high for gain in gains], color=colour, alpha=0.12
        )
    axes.axhline(0, color=_COLOURS[0], linewidth=1)
    axes.set_yscale("symlog", linthresh=_LINEAR, linscale=1.5)  # a hopeless feature must not flatten the others
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if low <= tick <= high]))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set(
        title=f"{condition}: gain over the {REFERENCE}, 95 % interval",
        xlabel="occluded, % of the query",
        ylabel="difference of mAP, points",
    )
    axes.grid(alpha=0.3)
