"""The charts of an evaluation of one run or of several."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.report.html.drawing import TOP, Frame, linear, percents, series, tooltip

MARKED_RANKS = (1, 5, 10, 20, 50)


class Line(NamedTuple):
    """A named curve: values y at x, rising."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def cmc_chart(cmc: NDArray[np.float64], *others: tuple[str, NDArray[np.float64]], name: str = "") -> str:
    """The share of queries with a match among their first k, over k; the axis starts at 0.

    Args:
        cmc: float64 [max_rank].
        others: names and curves of further runs.
        name: of the first, where there are others.
    """
    longest = max(len(curve) for curve in (cmc, *(curve for _, curve in others)))
    title = "Share of queries with a match among the first k"
    frame = Frame(title, "first k of the ranking", linear(1, max(2, longest)), linear(0, 1))
    marked = [k for k in MARKED_RANKS if k <= longest]
    body = []
    for number, (label, curve) in enumerate([(name, cmc), *others]):
        ranks = np.arange(1, len(curve) + 1)
        body.append(_line(frame, number, ranks, curve))
        for k in marked:
            if k <= len(curve):
                said = f"{label}, rank-{k}" if label else f"rank-{k}"
                body.append(_dot(frame, number, k, curve[k - 1], f"{said}: {100 * curve[k - 1]:.2f} %"))
    if not others:
        first, last = frame.place(1, 0), frame.place(longest, 0)
        line = frame.points(np.arange(1, len(cmc) + 1), cmc)
        area = f"{first[0]:.1f},{first[1]:.1f} {line} {last[0]:.1f},{last[1]:.1f}"
        body.insert(0, f'<polygon class="area" points="{area}"/>')
    ticks = frame.ticks_x([(float(k), str(k)) for k in marked])
    return frame.svg([*frame.ticks_y(percents()), *ticks], body)


def precision_recall_chart(lines: Sequence[Line]) -> str:
    """Precision over recall, one curve per run."""
    frame = Frame("Precision against recall", "recall", linear(0, 1), linear(0, 1))
    body = []
    for number, line in enumerate(lines):
        body.append(_line(frame, number, line.x, line.y))
        for level in (0.25, 0.5, 0.75):
            place = int(np.argmin(np.abs(line.x - level)))
            said = f"{line.name}, " if line.name else ""
            text = f"{said}recall {100 * line.x[place]:.0f} %: precision {100 * line.y[place]:.1f} %"
            body.append(_dot(frame, number, line.x[place], line.y[place], text))
    ticks = frame.ticks_x(percents())
    return frame.svg([*frame.ticks_y(percents()), *ticks], body)


def curve_chart(
    title: str, label: str, lines: Sequence[Line], x: Sequence[tuple[float, str]], y: Sequence[tuple[float, str]]
) -> str:
    """Curves with a dot at each point.

    Args:
        title: for screen readers.
        label: below the horizontal axis.
        lines: at least one.
        x, y: marks of the axes, rising; the axes end at the first and the last.
    """
    frame = Frame(title, label, linear(x[0][0], x[-1][0]), linear(y[0][0], y[-1][0]))
    body = []
    for number, line in enumerate(lines):
        body.append(_line(frame, number, line.x, line.y))
        for left, height in zip(line.x.tolist(), line.y.tolist(), strict=True):
            said = f"{line.name}, " if line.name else ""
            plain = f"{height:,.0f}" if height.is_integer() else f"{height:.2f}"
            value = f"{100 * height:.1f} %" if y[-1][1].endswith("%") else plain
            body.append(_dot(frame, number, left, height, f"{said}{label} {left:g}: {value}"))
    return frame.svg([*frame.ticks_y(y), *frame.ticks_x(x)], body)


def roc_chart(lines: Sequence[Line], lowest: float = 1e-6) -> str:
    """True over false acceptance rate, a staircase, as rates are shares of pairs; by powers of ten to the left.

    The left edge stands for every lower rate, 0 too.
    """
    floor = max(lowest, 10 ** np.floor(min(np.log10(line.x[line.x > 0].min()) for line in lines)))
    floor = min(floor, 0.1)  # one decade at least: with constant scores every rate is 1
    decades = round(-np.log10(floor))
    frame = Frame(
        "True acceptance rate against false acceptance rate",
        "false acceptance rate (pairs of different people)",
        lambda rate: 1 + np.log10(max(rate, floor)) / decades,
        linear(0, 1),
    )
    body = []
    for number, line in enumerate(lines):
        first = max(int(np.searchsorted(line.x, floor, side="right")) - 1, 0)
        body.append(_line(frame, number, np.repeat(line.x[first:], 2)[1:], np.repeat(line.y[first:], 2)[:-1]))
        for decade in range(1, decades + 1):
            place = int(np.searchsorted(line.x, 10.0**-decade, side="right")) - 1
            if place < 0:  # the curve begins further right
                continue
            said = f"{line.name}, " if line.name else ""
            text = f"{said}at {10.0**-decade:g}: {100 * line.y[place]:.1f} % of the pairs of one person accepted"
            body.append(_dot(frame, number, 10.0**-decade, line.y[place], text))
    marks = [(10.0**-decade, _power(decade)) for decade in range(decades, -1, -1)]
    return frame.svg([*frame.ticks_y(percents()), *frame.ticks_x(marks)], body)


def precision_chart(average_precision: NDArray[np.float64], bins: int = 20) -> str:
    """How many queries (without NaN) have which average precision."""
    counts, edges = np.histogram(average_precision[~np.isnan(average_precision)], bins=bins, range=(0, 1))
    highest = 2 * max(1, -(-int(counts.max()) // 2))  # even, for the middle of the axis is named too
    frame = Frame(
        "Number of queries by average precision", "average precision of a query", linear(0, 1), linear(0, highest)
    )
    bars = []
    for count, left, right in zip(counts.tolist(), edges, edges[1:], strict=False):
        (x, y), (end, floor) = frame.place(left, count), frame.place(right, 0)
        bars.append(
            f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{end - x - 2:.1f}" height="{floor - y:.1f}" '
            f'rx="1.5">'
            f"{tooltip(f'AP {left:.2f} to {right:.2f}: {count} queries')}</rect>"
        )
    ticks = frame.ticks_x([(share, f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1.0)])
    marks = [(float(mark), f"{mark:,}") for mark in (0, highest // 2, highest)]
    return frame.svg([*frame.ticks_y(marks), *ticks], bars)


def score_chart(
    edges: NDArray[np.float64],
    genuine: NDArray[np.float64],
    impostor: NDArray[np.float64],
    marks: Sequence[tuple[float, str]] = (),
) -> str:
    """How scores of one person's pairs and of different people's are spread, each as a share of its own kind.

    Args:
        edges: float64 [bins + 1].
        genuine, impostor: float64 [bins], shares that sum to one.
        marks: thresholds to draw, and what they are.
    """
    highest = float(max(genuine.max(), impostor.max())) or 1.0
    low, high = float(edges[0]), float(edges[-1])
    frame = Frame("Scores of matching and other pairs", "score", linear(low, high), linear(0, highest))
    body = []
    for kind, shares in (("impostor", impostor), ("genuine", genuine)):
        words = "of pairs of one person" if kind == "genuine" else "of pairs of different people"
        xs, ys = np.repeat(edges, 2)[1:-1], np.repeat(shares, 2)
        outline = f"{frame.points([low], [0])} {frame.points(xs, ys)} {frame.points([high], [0])}"
        body.append(f'<polygon class="{kind}" points="{outline}">{tooltip(words)}</polygon>')
    for left, right, first, second in zip(edges, edges[1:], genuine, impostor, strict=False):
        (x, _), (end, floor) = frame.place(left, highest), frame.place(right, 0)
        text = f"{left:.2f} to {right:.2f}: {100 * first:.1f} % of one person's, {100 * second:.1f} % of others"
        body.append(
            f'<rect class="sense" x="{x:.1f}" y="{TOP}" width="{end - x:.1f}" height="{floor - TOP:.1f}">'
            f"{tooltip(text)}</rect>"
        )
    for threshold, meaning in marks:
        x, floor = frame.place(threshold, 0)
        body.append(
            f'<line class="mark-line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{floor:.1f}">'
            f"{tooltip(f'{meaning}: {threshold:.3f}')}</line>"
        )
    ticks = frame.ticks_x([(value, f"{value:.2g}") for value in np.linspace(low, high, 5)])
    return frame.svg(ticks, body)


def _power(decade: int) -> str:
    """A negative power of ten: `10⁻³`."""
    return "1" if decade == 0 else "10⁻" + str(decade).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _line(frame: Frame, number: int, xs: NDArray[np.float64] | NDArray[np.int64], ys: NDArray[np.float64]) -> str:
    return f'<polyline class="line {series(number)}" points="{frame.points(xs.tolist(), ys.tolist())}"/>'


def _dot(frame: Frame, number: int, x: float, y: float, text: str) -> str:
    """A point of a curve, and what it says."""
    across, down = frame.place(x, y)
    return f'<circle class="dot {series(number)}" cx="{across:.1f}" cy="{down:.1f}" r="3.5">{tooltip(text)}</circle>'
