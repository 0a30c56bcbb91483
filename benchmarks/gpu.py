"""One command for a machine with one GPU: which precision to use, and what the large networks reach in a given time.

    python benchmarks/gpu.py --data market1501-dev --root .data/market1501-dev --out runs/gpu --minutes 55
    python benchmarks/gpu.py --data market1501 --root DIR --out DIR --clip ViT-B-16.pt --backbone ResNet50_IBN.pth
    python benchmarks/gpu.py --data market-layout --root WORLD --out DIR --minutes 2 --tiny       # small, also on a CPU

First a small network is trained on drawn people in 32 bits and in every half precision that the device has; losses must
agree to --tolerance. Then these are trained with the fastest precision that agrees, and evaluated, each in its share of
the time: epochs of all stages are cut in proportion, by an estimate made on the device, so that schedules end.

    clip-reid    `clip-reid-vit`, ViT-B/16, from the file --clip, else from random weights
    finetune     `finetune` of resnet50_ibn, from the file --backbone, else from random weights

`report.json` and `report.md` tell machine, precisions, weights, epochs, seconds and figures. A run that reaches the end
of the time is interrupted; the same command goes on with what is not finished.
"""

import argparse
import json
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from passerby.config import read_recipe
from passerby.runs.request import checked_recipe
from passerby.training.estimate import estimate_training

SECOND = 1.0
MARGIN = 0.85
"""Share of the time that the estimate may take: evaluation, decoding and start-up are not in it."""

STAGES = {"clip-reid": ("stage1", "stage2"), "finetune": ("training",)}
"""The sections of a recipe whose epochs are cut."""

RECIPES = {
    False: {"clip-reid": ("clip-reid-vit", ()), "finetune": ("finetune", ("model.backbone=resnet50_ibn",))},
    True: {
        "clip-reid": (
            "clip-reid-vit-tiny",
            ("model.architecture=vit-nano", "model.image_size=[64,32]", "augmentation.padding=3"),
        ),
        "finetune": (
            "finetune-tiny",
            ("model.backbone=resnet_nano_ibn", "model.image_size=[64,32]", "augmentation.padding=3"),
        ),
    },
}
"""Of the size for a GPU, and of the size for the test of this script."""


@dataclass
class Report:
    """What is written."""

    machine: dict[str, Any]
    precisions: list[dict[str, Any]] = field(default_factory=list)
    chosen: str = "32"
    trainings: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """As JSON, and as tables."""
        (folder / "report.json").write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        lines = [f"{name}: {value}" for name, value in self.machine.items()]
        lines += ["", *table(self.precisions), "", f"chosen: {self.chosen}", "", *table(self.trainings)]
        (folder / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--clip", help="CLIP's weights for ViT-B-16, as model.weights takes them")
    parser.add_argument("--backbone", help="weights of resnet50_ibn, as init takes them")
    parser.add_argument(
        "--tolerance", type=float, default=0.02, help="by which losses may differ from those in 32 bits"
    )
    parser.add_argument("--tiny", action="store_true", help="small networks, to see that everything runs")
    arguments = parser.parse_args(given)
    end = time.monotonic() + 60 * arguments.minutes
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    report = Report(machine())
    report.precisions = compare_precisions(folder)
    report.chosen = choose(report.precisions, arguments.tolerance)
    report.write(folder)
    for number, kind in enumerate(STAGES):
        seconds = (end - time.monotonic()) / (len(STAGES) - number)
        report.trainings.append(train(arguments, folder, kind, report.chosen, seconds))
        report.write(folder)
    print((folder / "report.md").read_text(encoding="utf-8"))


def machine() -> dict[str, Any]:
    """What it runs on."""
    found: dict[str, Any] = {"torch": torch.__version__, "processor": platform.processor() or platform.machine()}
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found |= {"GPU": properties.name, "GPU memory, GiB": round(properties.total_memory / 2**30, 1)}
    return found


def compare_precisions(folder: Path) -> list[dict[str, Any]]:
    """Loss of the last epoch and seconds per step of a small training, for each precision the device has."""
    world = folder / "world"
    if not (world / "synth.json").is_file():
        passerby_command(
            ["synth", "-o", str(world), "--identities", "24", "--cameras", "3", "--images", "4", "--seed", "0"]
        )
    halves = ("bf16-mixed", "16-mixed") if torch.cuda.is_available() else ("bf16-mixed",)
    rows: list[dict[str, Any]] = []
    for precision in ("32", *halves):
        out = folder / f"precision-{precision}"
        small = ["model.image_size=[64,32]", "augmentation.padding=3", "training.identities_per_batch=4"]
        loop = ["training.epochs=3", "training.warmup_epochs=1", f"trainer.precision={precision}"]
        given = ["data.name=market-layout", f"data.root={world}", f"data.cache_folder={folder / 'cache'}"]
        if not (out / "metrics.json").is_file():
            passerby_command([*command_of(out, "finetune-tiny"), *([] if begun(out) else [*small, *loop, *given])])
        last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
        rows.append({"precision": precision, "loss": last["loss"], "seconds per step": last["seconds"] / last["steps"]})
    for row in rows:
        row["difference"] = abs(row["loss"] - rows[0]["loss"]) / rows[0]["loss"]
    return rows


def choose(rows: list[dict[str, Any]], tolerance: float) -> str:
    """The fastest precision whose loss agrees with that in 32 bits."""
    agreeing = [row for row in rows if row["difference"] <= tolerance]
    return str(min(agreeing, key=lambda row: row["seconds per step"])["precision"])


def train(arguments: argparse.Namespace, folder: Path, kind: str, precision: str, seconds: float) -> dict[str, Any]:
    """Train and evaluate one network within some seconds; what came of it."""
    recipe, overrides = RECIPES[arguments.tiny][kind]
    weights = {"clip-reid": arguments.clip, "finetune": arguments.backbone}[kind]
    chosen = [*overrides, f"trainer.precision={precision}", f"data.name={arguments.data}"]
    chosen += [f"data.root={arguments.root.resolve()}", f"data.cache_folder={folder / 'cache'}"]
    chosen += weights_override(kind, weights)
    out = folder / kind
    row: dict[str, Any] = {"training": recipe, "weights": weights or "random", "precision": precision}
    if not begun(out):
        chosen += shortened(recipe, chosen, kind, MARGIN * seconds)
    started = time.monotonic()
    finished = True
    if not (out / "metrics.json").is_file():
        finished = within([*command_of(out, recipe), *([] if begun(out) else chosen)], seconds)
    row |= {"epochs": epochs_of(out), "seconds": round(time.monotonic() - started, 1), "finished": finished}
    if finished:
        figures = next(iter(json.loads((out / "metrics.json").read_text()).values()))
        row |= {"mAP": round(100 * figures["mAP"], 1), "rank-1": round(100 * figures["rank1"], 1)}
    return row


def weights_override(kind: str, weights: str | None) -> list[str]:
    """Where a training begins."""
    if kind == "clip-reid":
        return [f"model.weights={weights or 'random'}"]
    return [f"init={weights}"] if weights else []


def shortened(recipe: str, overrides: list[str], kind: str, seconds: float) -> list[str]:
    """Epochs cut in proportion, if the whole training would take longer than `seconds`; at least one of each stage."""
    checked = checked_recipe(read_recipe(recipe, overrides))
    needed = sum(stage.seconds for stage in estimate_training(checked))
    share = min(1.0, seconds / max(needed, SECOND))
    cut = []
    for section in STAGES[kind]:
        settings = getattr(checked, section)
        epochs = max(1, int(share * settings.epochs))
        warmup = min(settings.warmup_epochs, epochs // 6)
        cut += [f"{section}.epochs={epochs}", f"{section}.warmup_epochs={warmup}"]
    return cut


def begun(out: Path) -> bool:
    """Whether a run is there, finished or not."""
    return (out / "recipe.yaml").is_file()


def command_of(out: Path, recipe: str) -> list[str]:
    """The command that begins a run, or goes on with it."""
    return ["train", "--resume", str(out)] if begun(out) else ["train", recipe, "-o", str(out)]


def epochs_of(out: Path) -> str:
    """How many epochs each stage has finished."""
    counts: dict[str, int] = {}
    for line in (out / "metrics.jsonl").read_text().splitlines() if (out / "metrics.jsonl").is_file() else ():
        stage = json.loads(line)["stage"]
        counts[stage] = counts.get(stage, 0) + 1
    return ", ".join(f"{stage} {count}" for stage, count in counts.items())


def passerby_command(arguments: list[str]) -> None:
    """Run a command of passerby.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    subprocess.run([sys.executable, "-m", "passerby", *arguments], check=True)


def within(arguments: list[str], seconds: float) -> bool:
    """Run a command of passerby; interrupt it after some seconds. Whether it finished.

    Raises:
        subprocess.CalledProcessError: it failed of itself.
    """
    command = [sys.executable, "-m", "passerby", *arguments]
    with subprocess.Popen(command) as process:
        try:
            code = process.wait(max(seconds, SECOND))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait()
            return False
    if code:
        raise subprocess.CalledProcessError(code, command)
    return True


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as a table in Markdown."""
    if not rows:
        return []
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = (row.get(name, "") for name in names)
        shown = (f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)
        lines.append("| " + " | ".join(shown) + " |")
    return lines


if __name__ == "__main__":
    main()
