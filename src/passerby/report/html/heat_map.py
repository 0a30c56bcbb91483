"""A square of numbers, one for every pair of cameras."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from passerby.report.html.drawing import linear, tooltip

_LEFT, _TOP = 64, 40
_LETTERS = 7
"""Longer names of cameras are cut; the pointer shows them whole."""

_HEADING = 126
"""Pixels that the words above the columns take."""

_SIDE, _SMALL_SIDE, _MANY = 44, 30, 8
"""Pixels of a cell, and of one where there are many cameras."""


def heat_map(names: Sequence[str], values: NDArray[np.float64], counts: NDArray[np.int64], title: str) -> str:
    """Shares [K, K], the row's camera searched for in the column's; stronger is higher, NaN is blank.

    Args:
        names: of the K cameras.
        values: float64 [K, K], between 0 and 1.
        counts: int64 [K, K], queries behind each.
        title: for screen readers.
    """
    side = _SMALL_SIDE if len(names) > _MANY else _SIDE
    known = values[~np.isnan(values)]
    strength = linear(float(known.min()), float(known.max())) if known.size else linear(0, 1)
    shapes = [
        f'<text class="tick" x="{_LEFT}" y="14">searched in camera →</text>',
        f'<text class="tick" x="4" y="{_TOP - 8}">from ↓</text>',
    ]
    for row, own in enumerate(names):
        start = row * side
        name = _named(own)
        shapes.append(f'<text class="tick end" x="{_LEFT - 8}" y="{_TOP + start + side / 2 + 4}">{name}</text>')
        shapes.append(f'<text class="tick middle" x="{_LEFT + start + side / 2}" y="{_TOP - 8}">{name}</text>')
        for column, other in enumerate(names):
            value = float(values[row, column])
            said = f"from camera {own} to camera {other}: "
            said += "nothing to find" if np.isnan(value) else f"{100 * value:.1f} % ({counts[row, column]:,} queries)"
            share = None if np.isnan(value) else 0.08 + 0.56 * strength(value)  # numbers stay readable on the strongest
            shapes.append(_cell(_LEFT + column * side, _TOP + start, side, value, share, said))
    width, height = _LEFT + max(len(names) * side, _HEADING) + 10, _TOP + len(names) * side + 6
    return (
        f'<svg class="chart heat" viewBox="0 0 {width} {height}" style="max-width:{1.3 * width:.0f}px" role="img" '
        f'aria-label="{escape(title)}">{"".join(shapes)}</svg>'
    )


def _named(camera: str) -> str:
    """A camera's name beside its row or column."""
    if len(camera) <= _LETTERS:
        return escape(camera)
    return f"{escape(camera[: _LETTERS - 1])}…{tooltip(camera)}"


def _cell(x: int, y: int, side: int, value: float, share: float | None, said: str) -> str:
    """One figure on its square; blank where there is none."""
    square = f'x="{x}" y="{y}" width="{side - 2}" height="{side - 2}" rx="4"'
    if share is None:
        return f'<rect class="blank" {square}>{tooltip(said)}</rect>'
    return (
        f'<g>{tooltip(said)}<rect class="cell" {square} style="opacity:{share:.2f}"/>'
        f'<text class="value" x="{x + side / 2 - 1}" y="{y + side / 2 + 3}">{100 * value:.0f}</text></g>'
    )
