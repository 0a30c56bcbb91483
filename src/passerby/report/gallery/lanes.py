"""When one camera saw a person, as bars on a time line."""

from collections.abc import Sequence

_BINS = 300
"""Steps of a time line; bars that touch in one are drawn as one, so that a page stays small."""


def lane(spans: Sequence[tuple[float, float]], begin: float, end: float) -> list[tuple[str, str]]:
    """Left edge and width of each bar, in percent of the line, rising and without overlap.

    Args:
        spans: first and last second of each sight.
        begin, end: of the whole line.
    """
    length = max(end - begin, 1e-9)
    bars: list[list[int]] = []
    for first, last in sorted(spans):
        left, right = _bin((first - begin) / length), _bin((last - begin) / length) + 1
        if bars and left <= bars[-1][1]:
            bars[-1][1] = max(bars[-1][1], right)
        else:
            bars.append([left, right])
    return [(f"{100 * left / _BINS:.2f}", f"{100 * (right - left) / _BINS:.2f}") for left, right in bars]


def _bin(share: float) -> int:
    return min(_BINS - 1, int(_BINS * share))
