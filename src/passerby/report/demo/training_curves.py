"""How the loss fell, from a run's `metrics.jsonl`."""

from pathlib import Path

import numpy as np
from markupsafe import Markup

from passerby.report.html.cards import ChartCard
from passerby.report.html.charts import Line, curve_chart
from passerby.runs.metrics_log import read_lines
from passerby.runs.run_directory import RunDirectory


def training_curves(folder: Path) -> list[ChartCard]:
    """A chart for each stage of a run that has been trained: its loss over epochs.

    Args:
        folder: of the run.

    Raises:
        RecipeError: `metrics.jsonl` is damaged.
    """
    stages: dict[str, dict[int, tuple[int, float]]] = {}
    for line in read_lines(RunDirectory(folder).metrics_file):
        if "stage" in line and line.get("loss") is not None:
            stages.setdefault(line["stage"], {})[line["epoch"]] = line["steps"], line["loss"]
    return [_card(name, epochs) for name, epochs in stages.items()]


def _card(name: str, epochs: dict[int, tuple[int, float]]) -> ChartCard:
    """The chart of one stage; epochs to steps and loss."""
    numbers = np.array(sorted(epochs))
    losses = np.array([epochs[number][1] for number in numbers.tolist()])
    steps = sum(count for count, _ in epochs.values())
    top = _round_above(float(losses.max()))
    last = max(2, int(numbers[-1]))
    drawn = curve_chart(
        f"Loss of {name} over epochs",
        "epoch",
        [Line("", numbers.astype(np.float64), losses)],
        [(float(epoch), str(epoch)) for epoch in sorted({1, (1 + last) // 2, last})],
        [(0.0, "0"), (top / 2, f"{top / 2:g}"), (top, f"{top:g}")],
    )
    return ChartCard(f"Loss of {name}", Markup(drawn), note=f"{steps:,} steps, the mean of each epoch.")


def _round_above(value: float) -> float:
    """The next number above that is easy to read: 1, 1.5, 2, …, 9.5 times a power of ten; 1 for none."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(np.ceil(2 * value / power) / 2 * power)
