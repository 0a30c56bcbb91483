"""Two small charts as SVG, coloured by the page's style sheet so that they follow light and dark."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 460, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 14, 40


def cmc_chart(cmc: NDArray[np.float64]) -> str:
    """The share of queries with a match among their first k, over k; the axis starts at 0."""
    ranks = np.arange(1, len(cmc) + 1)
    points = [(_x(float(k), 1, max(2, len(cmc))), _y(float(share), 1.0)) for k, share in zip(ranks, cmc, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    floor = _y(0, 1)
    area = f"{points[0][0]:.1f},{floor:.1f} {line} {points[-1][0]:.1f},{floor:.1f}"
    marked = [k for k in (1, 5, 10, 20, 50) if k <= len(cmc)]
    dots = [
        f'<circle class="dot" cx="{points[k - 1][0]:.1f}" cy="{points[k - 1][1]:.1f}" r="3.5">'
        f"<title>rank-{k}: {100 * cmc[k - 1]:.2f} %</title></circle>"
        for k in marked
    ]
    ticks = [_tick_x(points[k - 1][0], str(k)) for k in marked]
    body = [f'<polygon class="area" points="{area}"/>', f'<polyline class="line" points="{line}"/>', *dots, *ticks]
    return _chart("Share of queries with a match among the first k", "first k of the ranking", body, _percent_axis())


def precision_chart(average_precision: NDArray[np.float64], bins: int = 20) -> str:
    """How many queries (without NaN) have which average precision."""
    counts, edges = np.histogram(average_precision[~np.isnan(average_precision)], bins=bins, range=(0, 1))
    highest = max(1, int(counts.max()))
    bars = []
    for count, left, right in zip(counts.tolist(), edges, edges[1:], strict=False):
        x, y = _x(float(left), 0, 1) + 1, _y(count, highest)
        width, height = _x(float(right), 0, 1) - x - 1, _y(0, highest) - y
        bars.append(
            f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5">'
            f"<title>AP {left:.2f} to {right:.2f}: {count} queries</title></rect>"
        )
    ticks = [_tick_x(_x(share, 0, 1), f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1.0)]
    marks = sorted({0, highest // 2, highest})
    axis = [_tick_y(_y(mark, highest), f"{mark:,}") for mark in marks]
    return _chart("Number of queries by average precision", "average precision of a query", [*bars, *ticks], axis)


def _chart(title: str, label: str, body: Iterable[str], axis: Iterable[str]) -> str:
    """The frame around what is drawn: a title for screen readers, the axis behind, the label below."""
    caption = f'<text class="label" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}">{label}</text>'
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">'
        + "".join([*axis, *body, caption])
        + "</svg>"
    )


def _percent_axis() -> list[str]:
    return [_tick_y(_y(share / 100, 1.0), f"{share} %") for share in (0, 25, 50, 75, 100)]


def _tick_x(x: float, text: str) -> str:
    return f'<text class="tick middle" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 15}">{text}</text>'


def _tick_y(y: float, text: str) -> str:
    line = f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text class="tick end" x="{_LEFT - 6}" y="{y + 3.5:.1f}">{text}</text>'


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, highest: float) -> float:
    return _HEIGHT - _BOTTOM - value / highest * (_HEIGHT - _TOP - _BOTTOM)
