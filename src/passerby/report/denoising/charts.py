"""Charts of identity correlation: sizes on the page, and a figure of the evidence for thresholds."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.report.html.drawing import Frame, linear, tooltip
from passerby.tracklets.thresholds.calibration import Calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")

_SMALLEST = 1e-4
"""Smallest distance drawn: logarithms know no 0, and identical images are at distance 0."""


def size_chart(sizes: NDArray[np.int64], groups: NDArray[np.int64], title: str, label: str) -> str:
    """How many groups have how many members, in bins that double: 1, 2, 3–4, 5–8, … Heights grow with the logarithm.

    Args:
        sizes: int64 [S], sizes that occur.
        groups: int64 [S], how many groups have each.
        title: for screen readers.
        label: below the axis.
    """
    bins = np.ceil(np.log2(sizes)).astype(int) if sizes.size else np.empty(0, int)
    counts = np.bincount(bins, weights=groups, minlength=1).astype(int)
    highest = float(np.log10(max(counts.max(), 9) + 1))
    frame = Frame(title, label, linear(0, counts.size), lambda value: np.log10(value + 1) / highest)
    bars = []
    for number, count in enumerate(counts.tolist()):
        (x, y), (end, floor) = frame.place(number + 0.08, count), frame.place(number + 0.92, 0)
        bars.append(
            f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="{floor - y:.1f}" rx="1.5">'
            f"{tooltip(f'{_bin(number)}: {count:,}')}</rect>"
        )
    every = max(1, -(-counts.size // 7))  # so that names do not run into each other
    below = frame.ticks_x([(number + 0.5, _bin(number)) for number in range(0, counts.size, every)])
    marks = [10**power for power in range(int(highest) + 1)]
    return frame.svg([*frame.ticks_y([(0, "0"), *((mark, f"{mark:,}") for mark in marks)]), *below], bars)


def _bin(number: int) -> str:
    low, high = 2 ** (number - 1) + 1 if number else 1, 2**number
    return f"{high}" if low >= high else f"{low}–{high}"


def calibration_figure(evidence: Calibration) -> "Figure":
    """Three panels: what level 1 is decided by, what links are decided by, and how thresholds percolate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.4), layout="constrained")
    consistency, tail, percolation = figure.subplots(1, 3)
    _draw_consistency(consistency, evidence)
    _draw_tail(tail, evidence)
    _draw_percolation(percolation, evidence)
    return figure


def _draw_consistency(axes: "Axes", evidence: Calibration) -> None:
    bins = np.linspace(0, float(max(evidence.negatives[-1], evidence.deviations[-1])), 80).tolist()
    for values, name in (
        (evidence.deviations, "to their own tracklet"),
        (evidence.negatives, "to tracklets of others"),
    ):
        axes.hist(values, bins, density=True, alpha=0.55, label=f"samples {name} ({values.size:,})")
    axes.axvline(
        evidence.sigma_consistency, color="black", label=f"sigma_consistency = {evidence.sigma_consistency:.3f}"
    )
    axes.axvline(0.2, color="grey", linestyle=":", label="the paper's 0.2")
    axes.set(
        xlabel="cosine distance",
        ylabel="density",
        title=f"Level 1: {100 * evidence.switched:.1f} % switched, {100 * evidence.lost:.1f} % of the others lost",
    )
    axes.legend(fontsize=8)


def _draw_tail(axes: "Axes", evidence: Calibration) -> None:
    shares = (np.arange(evidence.between.size) + 1) / evidence.between.size
    step = max(1, evidence.between.size // 5000)
    axes.loglog(
        np.maximum(evidence.between, _SMALLEST)[::step],
        shares[::step],
        label=f"different people ({shares.size:,} pairs)",
    )
    slope, intercept = evidence.tail
    nearest = float(np.quantile(evidence.between, 0.05))
    reach = np.geomspace(max(evidence.sigma_discrimination, _SMALLEST), max(nearest, _SMALLEST), 50)
    axes.loglog(reach, np.exp(intercept + slope * np.log(reach)), "--", label=f"tail, power {slope:.1f}")
    axes.axhline(evidence.allowed, color="grey", linewidth=0.8, label=f"allowed: {evidence.allowed:.1e}")
    axes.axvline(
        evidence.sigma_discrimination,
        color="black",
        label=f"sigma_discrimination = {evidence.sigma_discrimination:.3f}",
    )
    axes.axvline(0.18, color="grey", linestyle=":", label="the paper's 0.18")
    axes.set(
        xlabel="cosine distance of centroids",
        ylabel="share of pairs below",
        title="Levels 2 and 3: wrong links",
        xlim=(min(0.05, 0.5 * evidence.sigma_discrimination), 1.6),
        ylim=(evidence.allowed / 10, 1.5),
    )
    axes.legend(fontsize=8)


def _draw_percolation(axes: "Axes", evidence: Calibration) -> None:
    sigmas = [point.sigma for point in evidence.percolation]
    axes.plot(sigmas, [100 * point.largest for point in evidence.percolation])
    axes.axvline(evidence.sigma_discrimination, color="black")
    axes.set(
        xlabel="sigma_discrimination",
        ylabel="largest component, % of tracklets",
        title="Level 3: chaining",
        ylim=(0, 100),
    )
