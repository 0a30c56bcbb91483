"""Does it help SAGA to be told, by a head of its own, which patches are hidden?

    python benchmarks/saga_visibility.py --out /tmp/visibility
    python benchmarks/saga_visibility.py --out /tmp/visibility --market .data/market1501-dev

Anchors learn on the frozen tower of tiny-clip (4 epochs, 8 anchors), then a visibility head beside them, and nothing
else: its rows have the same tower and the same anchors as the row without it. Queries are hidden as in
`passerby occlusion` (run 0), galleries are clean. The world is the documented one (seed 0, 200 people train), and
has masks; of market1501-dev, which has none, strips of images hide people, and the last row takes the head that has
learned on the world to market1501-dev, where it has seen nothing.

    anchors       without a head
    seen          with it, taught by rectangles, from below, and by people
    seen-people   taught by people alone
    seen-scenery  taught by rectangles and from below alone
    carried       market1501-dev only: the anchors of the world with the head of the world

What is in the folder is not done again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from measured_runs import COST, cpu_minutes, run_measured, run_passerby

LEVELS = (0.3, 0.5)
TOWER = ("stage1.epochs=0", "stage2.epochs=0", "stage3.poolings=[]", "tokens.views=2")
ANCHORS = ("stage3a.epochs=1", "stage3a.warmup_epochs=0", "stage3b.epochs=3")
NO_ANCHORS = ("stage3a.epochs=0", "stage3b.epochs=0", "anchors.visibility=true", "visibility.epochs=4")
HIDDEN_BY = {
    "seen": "[rectangle,bottom,people]",
    "seen-people": "[people]",
    "seen-scenery": "[rectangle,bottom]",
}
PLAIN, CARRIED = "anchors", "carried"
CONDITIONS = ("rectangle", "people")
FEATURES = ("class token", "text anchors", "fused")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--market", type=Path, help="root of market1501-dev; without it that data set is left out")
    parser.add_argument("--rows", nargs="+", choices=(PLAIN, *HIDDEN_BY, CARRIED), default=[PLAIN, "seen"])
    parser.add_argument("--identities", type=int, default=300, help="of the drawn world, two thirds of whom train")
    parser.add_argument("--seed", type=int, default=1234)
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    places = {"synth": ("market-layout", _world(folder, arguments.identities))}
    if arguments.market is not None:
        places["market"] = ("market1501-dev", arguments.market.resolve())
    print(
        "| data | row | CPU min | feature | clean | "
        + " | ".join(_columns())
        + " |\n|"
        + "---|" * (5 + len(_columns()))
    )
    for data, (name, root) in places.items():
        for row in arguments.rows:
            if row != CARRIED:
                _train(folder, data, name, root, row, arguments.seed)
            if row != CARRIED or data != "synth":
                _show(folder, data, name, root, row, arguments.seed)


def _world(folder: Path, identities: int) -> Path:
    world = folder / "world"
    if not (world / "synth.json").is_file():
        drawn = [
            "--identities",
            str(identities),
            "--cameras",
            "6",
            "--images",
            "4",
            "--seed",
            "0",
            "--train",
            "0.667",
            "--masks",
        ]
        run_passerby(["synth", "-o", str(world), *drawn])
    return world


def _train(folder: Path, data: str, name: str, root: Path, row: str, seed: int) -> None:
    out = _place(folder, data, row, seed)
    given = [f"data.name={name}", f"data.root={root}", f"data.cache_folder={folder / 'cache'}", f"seed={seed}"]
    if row == PLAIN:
        how = [*ANCHORS]
    else:
        _train(folder, data, name, root, PLAIN, seed)
        how = [*NO_ANCHORS, f"init={_place(folder, data, PLAIN, seed)}", f"visibility.hidden_by={HIDDEN_BY[row]}"]
        how += [f"visibility.masks={root / 'masks'}"] if data == "synth" else []
    run_measured(out, ["train", "saga-tiny", "-o", str(out), *TOWER, *how, *given])


def _show(folder: Path, data: str, name: str, root: Path, row: str, seed: int) -> None:
    """A line for each feature: mAP / rank-1, and the gain in mAP over the class token with its interval."""
    model = _place(folder, "synth" if row == CARRIED else data, "seen" if row == CARRIED else row, seed)
    out = folder / "occluded" / f"{data}-{row}-{seed}"
    if not (out / COST).is_file():
        conditions = [text for condition in CONDITIONS for text in ("--condition", condition)]
        asked = ["--data", name, "--root", str(root), "--levels", ",".join(map(str, LEVELS)), "--runs", "1"]
        out.mkdir(parents=True, exist_ok=True)
        run_measured(out, ["occlusion", str(model), *asked, *conditions, "-o", str(out)])
    (file,) = out.glob("occlusion/**/metrics.json")
    found = {
        (each["condition"], each["level"], each["feature"]): each for each in json.loads(file.read_text())["metrics"]
    }
    for feature in FEATURES:
        cells = [_cell(found[key]) for key in ((c, level, feature) for c, level in _conditions())]
        print(f"| {data} | {row} | {cpu_minutes(model):.1f} | {feature} | " + " | ".join(cells) + " |")


def _conditions() -> list[tuple[str, float]]:
    return [("clean", 0.0), *((condition, level) for condition in CONDITIONS for level in LEVELS)]


def _columns() -> list[str]:
    return [f"{condition}, {100 * level:.0f} %" for condition, level in _conditions()[1:]]


def _cell(metrics: dict[str, Any]) -> str:
    shown = " / ".join(f"{100 * metrics[name]['mean']:.1f}" for name in ("mAP", "rank1"))
    if metrics["mAP_gain"] is None:
        return shown
    gain = metrics["mAP_gain"]["difference"]
    return f"{shown}, {100 * gain['value']:+.1f} ({100 * gain['low']:+.1f}…{100 * gain['high']:+.1f})"


def _place(folder: Path, data: str, row: str, seed: int) -> Path:
    return folder / "runs" / f"{data}-{row}-{seed}"


if __name__ == "__main__":
    main()
