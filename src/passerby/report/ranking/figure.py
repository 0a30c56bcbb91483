"""Rank lists as one picture, for a README or a slide."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from passerby.atomic_files import write_atomically
from passerby.report.html.thumbnail import thumbnail
from passerby.report.ranking.rank_list import Picture, RankedSplits, rank_lists, worst_median_best

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
"""What a figure can be saved as."""

_RIGHT, _WRONG, _QUERY = "#14804a", "#c62f3b", "#5d6878"


def rank_list_figure(ranked: RankedSplits, *, rows: Sequence[int] | None = None, top: int = 10) -> "Figure":
    """A figure with one line per query: the query, then the gallery images ranked first, matches and others marked.

    Save it with `save_figure`, or with `figure.savefig`.

    Args:
        ranked: query, gallery and ranking.
        rows: query rows to show; by default one of the best, one of the median and one of the worst.
        top: how many gallery images each line shows.

    Raises:
        EvaluationError: the result or the features belong to other splits, or a row is out of range.
    """
    from matplotlib.figure import Figure

    if rows is None:
        chosen = worst_median_best(ranked.query, ranked.result, 1)
        rows = list(dict.fromkeys(row for part in reversed(chosen) for row in part))
    lists = rank_lists(ranked, rows, top)
    columns = 1 + max((len(shown.listed) for shown in lists), default=0)
    figure = Figure(figsize=(0.86 * columns + 0.5, 1.92 * max(1, len(lists))), dpi=120, facecolor="white")
    grid = figure.add_gridspec(
        max(1, len(lists)),
        columns + 1,
        width_ratios=[1, 0.3, *[1] * (columns - 1)],  # a gap sets the query apart
        left=0.012,
        right=0.988,
        top=1 - 0.22 / (1.92 * max(1, len(lists))),
        bottom=0.04 / max(1, len(lists)),
        wspace=0.1,
        hspace=0.16,
    )
    for line, shown in enumerate(lists):
        precision = f"AP {100 * shown.average_precision:.0f} %" if shown.first_match else "no match"
        _draw(figure.add_subplot(grid[line, 0]), shown.query, precision, _QUERY)
        for listed in shown.listed:
            mark, colour = ("✓", _RIGHT) if listed.right else ("✗", _WRONG)
            axes = figure.add_subplot(grid[line, listed.place + 1])
            _draw(axes, listed.picture, f"{mark} {listed.score:.2f}", colour, dashed=not listed.right)
    return figure


def save_figure(figure: "Figure", file: Path) -> None:
    """Write a figure as the suffix says, one of `FIGURE_SUFFIXES`; a PNG in 256 colours of its own.

    A full-colour PNG of photographs is three times as large, and looks the same at this size.
    """
    with write_atomically(file) as temporary:
        if file.suffix.lower() != ".png":
            figure.savefig(temporary, format=file.suffix.lower().removeprefix("."))
            return
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        with Image.open(drawn, formats=("PNG",)) as picture:
            palette = picture.convert("RGB").quantize(256, kmeans=2, dither=Image.Dither.NONE)
            palette.save(temporary, format="png", optimize=True)


def _draw(axes: "Axes", picture: Picture, caption: str, colour: str, *, dashed: bool = False) -> None:
    """One framed picture with a line above it; a placeholder that names the file where it cannot be read."""
    small = thumbnail(picture.file, (128, 256))
    if small is None:
        axes.set(xlim=(0, 1), ylim=(0, 2))
        axes.text(0.5, 1.0, f"cannot\nbe read:\n{_wrapped(picture.name)}", ha="center", va="center", fontsize=5)
    else:
        axes.imshow(np.asarray(small), aspect="equal", interpolation="antialiased")
    axes.set_box_aspect(2 if small is None else None)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(caption, fontsize=8, color=colour, pad=3)
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=2.2, linestyle=(0, (3, 1.5)) if dashed else "solid")


def _wrapped(name: str, width: int = 14) -> str:
    """A file name without its folder, in lines short enough for a tile."""
    last = name.rsplit("/", 1)[-1]
    return "\n".join(last[start : start + width] for start in range(0, len(last), width))
