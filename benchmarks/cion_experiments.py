"""What pre-training on correlated identities gives, at each level of denoising: small networks, equal budgets.

    python benchmarks/cion_experiments.py pretrain --out /tmp/cion
    python benchmarks/cion_experiments.py transfer --out /tmp/cion --market .data/market1501-dev
    python benchmarks/cion_experiments.py finetune --out /tmp/cion --market .data/market1501-dev
    python benchmarks/cion_experiments.py cluster --out /tmp/cion --market .data/market1501-dev
    python benchmarks/cion_experiments.py show --out /tmp/cion

`pretrain` draws a world of tracklets (seed 21: 160 people, 48 videos of 6 cameras, a tracker that errs as usual),
embeds them with tiny-clip, proposes thresholds without labels, denoises, and pre-trains a small network on each of
these, in about the same number of steps:

    instances   one image per identity: self-distillation that knows no identities
    raw         every tracklet an identity
    level-1     without the samples that level 1 excludes
    levels-1-2  these re-allocated, tracklets of one video joined
    all-levels  joined across videos: what CION learns from
    truth       the identities that were drawn

The network is the small residual one of `cion-tiny`, from random weights, with two local views of three quarters of the
global ones' size; with `--start imagenet` it is EfficientNet-Lite0 with ImageNet's weights (extra `imagenet`), with the
published eight local views of half their size, and there is a row without pre-training (`start`) beside random weights
(`scratch`).

`transfer` evaluates what was pre-trained on the test half of another world, of other people before other cameras, and
of market1501-dev. `finetune` trains from each, and from random weights, on the 200 and 600 people of their
training halves, with all of the labels and with those of a tenth of the people; `--rate` is its learning rate, then
with a warm-up of a tenth, and `--longer N` makes N times as many steps. `cluster` does Cluster-Contrast there.
Test images are looked at once, after training. What is in the folder is not done again; `--rows`, `--data` and
`--shares` choose, so that several processes can share the work.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from identity_tables import LEVELS, RAW, TRUTH, describe, identities_of, identity_table
from measured_runs import COST, cpu_minutes, figures_of, run_measured, run_passerby
from passerby.data.loading.identity_groups import identity_groups
from passerby.synth.output.tracklets import TABLE, write_tracklets

WORLD: dict[str, Any] = {
    "identities": 160, "videos": 48, "cameras": 6, "appearances": 4, "rate": 1.0, "seed": 21,
}  # fmt: skip
PRETRAININGS = ("truth", "all-levels", "raw", "instances", "levels-1-2", "level-1")
SCRATCH, START = "scratch", "start"

NETWORK = {
    "random": (),
    "imagenet": ("model.backbone=tf_efficientnet_lite0", "trainer.channels_last=true"),
}
HALF = "[0.5,0.5,0.5]"
PIXELS = {
    "random": (),
    "imagenet": (f"augmentation.mean={HALF}", f"augmentation.std={HALF}"),
}
PRETRAIN = {
    "random": ("model.image_size=[64,32]", "training.warmup_epochs=1"),
    "imagenet": (
        "model.image_size=[96,48]", "views.local=8", "views.local_size=[48,24]", "training.warmup_epochs=1",
        f"views.mean={HALF}", f"views.std={HALF}", "training.lr=1e-3",
    ),
}  # fmt: skip
FINETUNE_EPOCHS = {("synth", 1.0): 3, ("synth", 0.1): 30, ("market", 1.0): 2, ("market", 0.1): 14}
"""About 210 steps, 300 with all of market1501-dev."""
DATA = {"synth": "market-layout", "market": "market1501-dev"}
SMALL = ("model.image_size=[96,48]",)
CLUSTER = ("training.epochs=5", "training.iterations=40", "training.decay=steps", "training.milestones=[4]")


@dataclass(frozen=True)
class Setup:
    """What all rows of one call have in common."""

    folder: Path
    start: str
    steps: int
    batch: int
    rate: float | None
    longer: int
    seed: int

    def pretrained(self, row: str) -> Path:
        """The run that pre-trains a row."""
        return self.folder / "runs" / f"pretrained-{self.named(row)}-{self.seed}"

    def trained(self, part: str, row: str) -> Path:
        """The run of a row in another part."""
        rated = "" if self.rate is None or not part.startswith("finetune") else f"-rate{self.rate:g}x{self.longer}"
        return self.folder / "runs" / f"{part}-{self.named(row)}{rated}-{self.seed}"

    def named(self, row: str) -> str:
        """The row, and where it starts."""
        return row if self.start == "random" else f"{self.start}-{row}"

    def begin(self, row: str) -> list[str]:
        """The weights that a row begins with after pre-training, or without."""
        if row == START and self.start != "random":
            return [f"init={self.start}"]
        return [] if row in (SCRATCH, START) else [f"init={self.pretrained(row)}"]


def main() -> None:
    arguments = _arguments()
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = (arguments.start, arguments.steps, arguments.batch, arguments.rate, arguments.longer, arguments.seed)
    setup = Setup(folder, *chosen)
    sets = [name for name in arguments.data if name == "synth" or arguments.market is not None]
    pretrained = [row for row in arguments.rows if row not in (SCRATCH, START)]
    if arguments.part == "pretrain":
        describe((row, _identities(folder, row)) for row in (RAW, *LEVELS, TRUTH))
        for row in pretrained:
            _pretrain(setup, row)
    for data in sets:
        root = _labelled_world(folder) if data == "synth" else arguments.market.resolve()
        for row in arguments.rows:
            if arguments.part == "finetune":
                for share in arguments.shares:
                    _finetune(setup, row, data, root, share)
            elif arguments.part == "transfer" and row in pretrained:
                _transfer(setup, row, data, root)
            elif arguments.part == "cluster":
                _cluster(setup, row, data, root)
    if arguments.part == "show":
        _show(setup)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("pretrain", "transfer", "finetune", "cluster", "show"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--market", type=Path, help="root of market1501-dev; without it that data set is left out")
    parser.add_argument("--start", choices=tuple(NETWORK), default="random", help="the network, and its weights")
    rows = (SCRATCH, START, *PRETRAININGS)
    parser.add_argument("--rows", nargs="+", choices=rows, default=[SCRATCH, *PRETRAININGS])
    parser.add_argument("--data", nargs="+", choices=("synth", "market"), default=["synth", "market"])
    parser.add_argument("--shares", nargs="+", type=float, choices=(1.0, 0.1), default=[1.0, 0.1])
    parser.add_argument("--steps", type=int, default=900, help="of pre-training, about")
    parser.add_argument("--batch", type=int, default=48, help="images of a step of pre-training")
    parser.add_argument("--rate", type=float, help="learning rate of fine-tuning; default: the recipe's")
    parser.add_argument("--longer", type=int, default=1, help="times as many epochs of fine-tuning")
    parser.add_argument("--seed", type=int, default=1234)
    return parser.parse_args()


def _tracklets(folder: Path) -> Path:
    """The table of the world that is pre-trained on."""
    world = folder / "tracklets"
    if not (world / TABLE).is_file():
        write_tracklets(world, **WORLD)
    return world / TABLE


def _labelled_world(folder: Path) -> Path:
    """300 people before six other cameras, 200 of whom train."""
    world = folder / "world"
    if not (world / "synth.json").is_file():
        drawn = ["--identities", "300", "--cameras", "6", "--images", "4", "--seed", "0", "--train", "0.667"]
        run_passerby(["synth", "-o", str(world), *drawn])
    return world


def _identities(folder: Path, row: str) -> Path:
    """The table that a row pre-trains on."""
    return identity_table(_tracklets(folder), RAW if row == "instances" else row)


def _groups(row: str) -> tuple[int, ...]:
    """Images per identity, in the order of the curriculum."""
    return (1,) if row == "instances" else (2, 4, 6, 8)


def _changes(row: str, epochs: int) -> list[int]:
    """When the next N begins; of fewer than five epochs two changes would meet."""
    return [round(share * epochs) for share in (0.4, 0.6, 0.8)][: len(_groups(row)) - 1]


def _steps(setup: Setup, identities: NDArray[np.int64], row: str, epochs: int) -> int:
    """Steps of a whole pre-training: how many groups an epoch has depends on how the images are dealt to people."""
    kept, total = identities[identities >= 0], 0
    for epoch in range(epochs):
        size = _groups(row)[sum(epoch >= change for change in _changes(row, epochs))]
        groups = identity_groups(kept, images_per_identity=size, batch_size=setup.batch, seed=setup.seed, epoch=epoch)
        total += len(groups)
    return total


def _epochs(setup: Setup, table: Path, row: str) -> int:
    """So many that about `setup.steps` come out."""
    identities = identities_of(table)[0]
    return min(range(5, 41), key=lambda epochs: abs(_steps(setup, identities, row, epochs) - setup.steps))


def _pretrain(setup: Setup, row: str) -> None:
    table, out = _identities(setup.folder, row), setup.pretrained(row)
    epochs = _epochs(setup, table, row)
    given = [f"data.name={table}", f"data.cache_folder={setup.folder / 'cache'}", f"seed={setup.seed}"]
    curriculum = [
        f"training.epochs={epochs}",
        f"training.frozen_epochs={epochs}",
        f"training.images_per_identity={list(_groups(row))}",
        f"training.changes={_changes(row, epochs)}",
        f"training.batch_size={setup.batch}",
    ]
    begin = [*NETWORK[setup.start], *PRETRAIN[setup.start], *setup.begin(START)]
    run_measured(out, ["train", "cion-tiny", "-o", str(out), *begin, *curriculum, *given])


def _transfer(setup: Setup, row: str, data: str, root: Path) -> None:
    out = setup.trained(f"transfer-{data}", row)
    given = ["--data", DATA[data], "--root", str(root), "-o", str(out)]
    run_measured(out, ["eval", str(setup.pretrained(row)), *given])


def _given(setup: Setup, row: str, data: str, root: Path) -> list[str]:
    where = [f"data.name={DATA[data]}", f"data.root={root}", f"data.cache_folder={setup.folder / 'cache'}"]
    network = [*NETWORK[setup.start], *PIXELS[setup.start], *SMALL]
    return [*network, *setup.begin(row), *where, f"seed={setup.seed}"]


def _finetune(setup: Setup, row: str, data: str, root: Path, share: float) -> None:
    out = setup.trained(f"finetune-{data}-{share:g}", row)
    epochs = FINETUNE_EPOCHS[data, share] * setup.longer
    loop = [f"training.epochs={epochs}", f"training.warmup_epochs={epochs // 10}"]
    if setup.rate is not None:
        loop = [loop[0], f"training.warmup_epochs={max(1, round(epochs / 10))}", f"training.lr={setup.rate}"]
    # People set aside are looked at once, at the end, and nothing is chosen by them.
    fewer = [f"data.validation.identities={1 - share:g}", f"data.validation.every={epochs}"] if share < 1 else []
    run_measured(out, ["train", "finetune-tiny", "-o", str(out), *loop, *fewer, *_given(setup, row, data, root)])


def _cluster(setup: Setup, row: str, data: str, root: Path) -> None:
    out = setup.trained(f"cluster-{data}", row)
    pooling = [] if setup.start == "random" else ["model.pooling=native"]
    given = [*CLUSTER, *pooling, *_given(setup, row, data, root)]
    run_measured(out, ["train", "cluster-contrast-tiny", "-o", str(out), *given])


def _cost(run: Path) -> str:
    """Steps and CPU minutes of a run."""
    if not (run / COST).is_file():
        return ""
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return f"{sum(each['steps'] for each in epochs)}, {cpu_minutes(run):.1f}"


def _show(setup: Setup) -> None:
    """mAP / rank-1 of all rows that are there; steps and CPU minutes of pre-training, CPU minutes of the rest."""
    columns = [
        *(f"transfer-{data}" for data in DATA),
        *(f"finetune-{data}-{share:g}" for data, share in FINETUNE_EPOCHS),
        *(f"cluster-{data}" for data in DATA),
    ]
    print("| from | pre-training: steps, CPU min | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 2))
    for row in (SCRATCH, START, "instances", RAW, *LEVELS, TRUTH):
        cells = [_cost(setup.pretrained(row))]
        for column in columns:
            out = setup.trained(column, row)
            done = (out / COST).is_file()
            figures = figures_of(out) if done else {}
            shown = f"{100 * figures['mAP']:.1f} / {100 * figures['rank1']:.1f}" if done else ""
            cells.append(f"{shown}, {cpu_minutes(out):.1f}" if done else "")
        print(f"| {row} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
