"""Charts as SVG: a frame with axes, and what is drawn into it, in the page's colours for light and dark."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 12, 46
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

_COLOURS = 6
"""Colours of curves in the pages' style."""

Scale = Callable[[float], float]


def linear(low: float, high: float) -> Scale:
    """From a value to its share of the axis, 0 at `low` and 1 at `high`."""
    span = high - low or 1.0
    return lambda value: (value - low) / span


@dataclass(frozen=True)
class Frame:
    """Where values come to lie.

    Attributes:
        title: for screen readers.
        label: below the horizontal axis.
        x, y: from a value to its share of the axis.
    """

    title: str
    label: str
    x: Scale
    y: Scale

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        return LEFT + self.x(x) * INNER_WIDTH, TOP + (1 - self.y(y)) * INNER_HEIGHT

    def points(self, xs: Iterable[float], ys: Iterable[float]) -> str:
        """Pixels of points, as `polyline` takes them."""
        return " ".join("{:.1f},{:.1f}".format(*self.place(x, y)) for x, y in zip(xs, ys, strict=True))

    def ticks_x(self, marks: Sequence[tuple[float, str]]) -> list[str]:
        """Numbers below the chart."""
        return [
            f'<text class="tick middle" x="{self.place(value, 0)[0]:.1f}" y="{HEIGHT - BOTTOM + 19}">{text}</text>'
            for value, text in marks
        ]

    def ticks_y(self, marks: Sequence[tuple[float, str]]) -> list[str]:
        """Numbers left of the chart, with lines across it."""
        found = []
        for value, text in marks:
            y = TOP + (1 - self.y(value)) * INNER_HEIGHT
            found.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            found.append(f'<text class="tick end" x="{LEFT - 6}" y="{y + 4:.1f}">{text}</text>')
        return found

    def svg(self, behind: Iterable[str], body: Iterable[str]) -> str:
        """The whole chart: the axes behind, what is drawn, the label."""
        caption = f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}">{escape(self.label)}</text>'
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            + "".join([*behind, *body, caption])
            + "</svg>"
        )


def percents() -> list[tuple[float, str]]:
    """Marks of an axis of shares."""
    return [(share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)]


def series(number: int) -> str:
    """Style classes of the curve of that number, from 0: six colours, then the same ones dashed."""
    return f"series-{number % _COLOURS}" + (" again" if number // _COLOURS % 2 else "")


def tooltip(text: str) -> str:
    """What is shown while the pointer rests on a shape."""
    return f"<title>{escape(text)}</title>"
