"""What pre-training on correlated identities gives, at each level of denoising: small networks, equal budgets.

    python benchmarks/cion_experiments.py pretrain --out /tmp/cion
    python benchmarks/cion_experiments.py transfer --out /tmp/cion --market .data/market1501-dev
    python benchmarks/cion_experiments.py finetune --out /tmp/cion --market .data/market1501-dev
    python benchmarks/cion_experiments.py cluster --out /tmp/cion --market .data/market1501-dev
    python benchmarks/cion_experiments.py show --out /tmp/cion

`pretrain` draws a world of tracklets (seed 21: 160 people, 48 videos of 6 cameras, a tracker that errs as usual),
embeds them with tiny-clip, proposes thresholds without labels, denoises, and pre-trains the small residual network of
`cion-tiny` on each of these, in about the same number of steps:

    instances   one image per identity: self-distillation that knows no identities
    raw         every tracklet an identity
    level-1     without the samples that level 1 excludes
    levels-1-2  these re-allocated, tracklets of one video joined
    all-levels  joined across videos: what CION learns from
    truth       the identities that were drawn

`transfer` evaluates what was pre-trained on the test half of another world, of other people before other cameras, and
of market1501-dev. `finetune` trains from each, and from random weights (`scratch`), on the 200 and 600 people of their
training halves, with all of the labels and with those of a tenth of the people. `cluster` does Cluster-Contrast there.
Test images are looked at once, after training. What is in the folder is not done again; `--rows`, `--data` and
`--shares` choose, so that several processes can share the work.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from measured_runs import COST, cpu_minutes, figures_of, run_measured, run_passerby
from passerby.data.loading.identity_groups import identity_groups
from passerby.metrics import correlation_quality
from passerby.synth.output.tracklets import TABLE, write_tracklets

WORLD: dict[str, Any] = {
    "identities": 160, "videos": 48, "cameras": 6, "appearances": 4, "rate": 1.0, "seed": 21,
}  # fmt: skip
LEVELS = {"level-1": "1", "levels-1-2": "12", "all-levels": "123"}
PRETRAININGS = ("truth", "all-levels", "raw", "instances", "levels-1-2", "level-1")
SCRATCH = "scratch"

PRETRAIN_STEPS, BATCH = 900, 48
PRETRAIN = ("model.image_size=[64,32]", "training.warmup_epochs=1")
FINETUNE_EPOCHS = {("synth", 1.0): 3, ("synth", 0.1): 30, ("market", 1.0): 2, ("market", 0.1): 14}
"""About 210 steps, 300 with all of market1501-dev."""
DATA = {"synth": "market-layout", "market": "market1501-dev"}
SMALL = ("model.image_size=[96,48]",)
CLUSTER = ("training.epochs=5", "training.iterations=40", "training.decay=steps", "training.milestones=[4]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("pretrain", "transfer", "finetune", "cluster", "show"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--market", type=Path, help="root of market1501-dev; without it that data set is left out")
    parser.add_argument("--rows", nargs="+", choices=(*PRETRAININGS, SCRATCH), default=[SCRATCH, *PRETRAININGS])
    parser.add_argument("--data", nargs="+", choices=("synth", "market"), default=["synth", "market"])
    parser.add_argument("--shares", nargs="+", type=float, choices=(1.0, 0.1), default=[1.0, 0.1])
    parser.add_argument("--seed", type=int, default=1234)
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sets = [name for name in arguments.data if name == "synth" or arguments.market is not None]
    if arguments.part == "pretrain":
        _describe_tables(folder)
        for row in (row for row in arguments.rows if row != SCRATCH):
            _pretrain(folder, row, arguments.seed)
    for data in sets:
        root = _labelled_world(folder) if data == "synth" else arguments.market.resolve()
        for row in arguments.rows:
            if arguments.part == "finetune":
                for share in arguments.shares:
                    _finetune(folder, row, data, root, share, arguments.seed)
            elif arguments.part == "transfer" and row != SCRATCH:
                _transfer(folder, row, data, root, arguments.seed)
            elif arguments.part == "cluster":
                _cluster(folder, row, data, root, arguments.seed)
    if arguments.part == "show":
        _show(folder, arguments.seed)


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
    """The table that a row pre-trains on: beside the tracklets, since its paths are relative."""
    tracklets = _tracklets(folder)
    out = tracklets.parent / f"{'raw' if row == 'instances' else row}.parquet"
    if not out.is_file():
        if row in LEVELS:
            _denoise(folder, tracklets, LEVELS[row], out)
        else:
            table = pq.read_table(tracklets)
            names = table["true_identity"].to_pylist() if row == "truth" else _tracks(table)
            pq.write_table(table.append_column("identity", pa.array(names, pa.string())), out)
    return out


def _tracks(table: pa.Table) -> list[str]:
    pairs = zip(table["video"].to_pylist(), table["track"].to_pylist(), strict=True)
    return [f"{video}-{track}" for video, track in pairs]


def _denoise(folder: Path, tracklets: Path, levels: str, out: Path) -> None:
    """Average linkage, with the thresholds that calibration proposes; features of tiny-clip."""
    features = folder / "features.parquet"
    if not features.is_file():
        run_passerby(["embed", "tiny-clip", str(tracklets), "-o", str(features)])
    given = [str(tracklets), "--features", str(features), "--center", "--linkage", "average"]
    printed = run_passerby(["denoise", "calibrate", *given, "--json"], stdout=subprocess.PIPE)
    proposed = json.loads(printed)
    names = ("sigma_consistency", "sigma_discrimination", "sigma_reallocation")
    thresholds = [text for name in names for text in (f"--{name.replace('_', '-')}", str(proposed[name]))]
    run_passerby(["denoise", "run", *given, *thresholds, "--levels", levels, "-o", str(out)])


def _labels(table: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Identities found and true ones, as numbers, -1 for nobody."""
    read = pq.read_table(table, columns=["identity", "true_identity"])
    found, true = (_numbers(read[name].to_pylist()) for name in ("identity", "true_identity"))
    return found, true


def _numbers(names: list[object]) -> NDArray[np.int64]:
    texts = np.array([str(name) for name in names])
    numbers = np.unique(texts, return_inverse=True)[1].astype(np.int64)
    numbers[np.isin(texts, ("-1", "None"))] = -1
    return numbers


def _describe_tables(folder: Path) -> None:
    """What each table holds, and how right it is."""
    print(f"{'table':<12} {'images':>7} {'identities':>11} {'precision':>10} {'recall':>7} {'across videos':>14}")
    videos = _numbers(pq.read_table(_tracklets(folder), columns=["video"])["video"].to_pylist())
    for row in ("raw", *LEVELS, "truth"):
        found, true = _labels(_identities(folder, row))
        kept, right = found[found >= 0], correlation_quality(found, true, videos).kept
        across = right.cross_video_recall or 0.0
        shown = f"{100 * right.precision:>10.1f} {100 * right.recall:>7.1f} {100 * across:>14.1f}"
        print(f"{row:<12} {len(kept):>7} {len(np.unique(kept)):>11} {shown}")


def _groups(row: str) -> tuple[int, ...]:
    """Images per identity, in the order of the curriculum."""
    return (1,) if row == "instances" else (2, 4, 6, 8)


def _changes(row: str, epochs: int) -> list[int]:
    return [round(share * epochs) for share in (0.4, 0.6, 0.8)][: len(_groups(row)) - 1]


def _steps(identities: NDArray[np.int64], row: str, epochs: int, seed: int) -> int:
    """Steps of a whole pre-training: how many groups an epoch has depends on how the images are dealt to people."""
    kept, total = identities[identities >= 0], 0
    for epoch in range(epochs):
        size = _groups(row)[sum(epoch >= change for change in _changes(row, epochs))]
        total += len(identity_groups(kept, images_per_identity=size, batch_size=BATCH, seed=seed, epoch=epoch))
    return total


def _epochs(table: Path, row: str, seed: int) -> int:
    """So many that about `PRETRAIN_STEPS` come out."""
    identities = _labels(table)[0]
    return min(range(4, 13), key=lambda epochs: abs(_steps(identities, row, epochs, seed) - PRETRAIN_STEPS))


def _pretrain(folder: Path, row: str, seed: int) -> None:
    table, out = _identities(folder, row), folder / "runs" / f"pretrained-{row}-{seed}"
    epochs = _epochs(table, row, seed)
    given = [f"data.name={table}", f"data.cache_folder={folder / 'cache'}", f"training.epochs={epochs}", f"seed={seed}"]
    curriculum = [
        f"training.images_per_identity={list(_groups(row))}",
        f"training.changes={_changes(row, epochs)}",
        f"training.batch_size={BATCH}",
    ]
    run_measured(out, ["train", "cion-tiny", "-o", str(out), *PRETRAIN, *curriculum, *given])


def _begin(folder: Path, row: str, seed: int) -> list[str]:
    return [] if row == SCRATCH else [f"init={folder / 'runs' / f'pretrained-{row}-{seed}'}"]


def _transfer(folder: Path, row: str, data: str, root: Path, seed: int) -> None:
    out = folder / "runs" / f"transfer-{data}-{row}-{seed}"
    pretrained = folder / "runs" / f"pretrained-{row}-{seed}"
    run_measured(out, ["eval", str(pretrained), "--data", DATA[data], "--root", str(root), "-o", str(out)])


def _data(folder: Path, data: str, root: Path, seed: int) -> list[str]:
    return [f"data.name={DATA[data]}", f"data.root={root}", f"data.cache_folder={folder / 'cache'}", f"seed={seed}"]


def _finetune(folder: Path, row: str, data: str, root: Path, share: float, seed: int) -> None:
    out = folder / "runs" / f"finetune-{data}-{share:g}-{row}-{seed}"
    epochs = FINETUNE_EPOCHS[data, share]
    loop = [f"training.epochs={epochs}", f"training.warmup_epochs={epochs // 10}"]
    # People set aside are looked at once, at the end, and nothing is chosen by them.
    fewer = [f"data.validation.identities={1 - share:g}", f"data.validation.every={epochs}"] if share < 1 else []
    given = [*_begin(folder, row, seed), *_data(folder, data, root, seed)]
    run_measured(out, ["train", "finetune-tiny", "-o", str(out), *SMALL, *loop, *fewer, *given])


def _cluster(folder: Path, row: str, data: str, root: Path, seed: int) -> None:
    out = folder / "runs" / f"cluster-{data}-{row}-{seed}"
    given = [*_begin(folder, row, seed), *_data(folder, data, root, seed)]
    run_measured(out, ["train", "cluster-contrast-tiny", "-o", str(out), *SMALL, *CLUSTER, *given])


def _cost(pretrained: Path) -> str:
    if not (pretrained / COST).is_file():
        return ""
    epochs = [json.loads(line) for line in (pretrained / "metrics.jsonl").read_text().splitlines()]
    return f"{sum(each['steps'] for each in epochs)}, {cpu_minutes(pretrained):.1f}"


def _show(folder: Path, seed: int) -> None:
    """mAP / rank-1 of all rows that are there, and CPU minutes."""
    columns = [
        *(f"transfer-{data}" for data in DATA),
        *(f"finetune-{data}-{share:g}" for data, share in FINETUNE_EPOCHS),
        *(f"cluster-{data}" for data in DATA),
    ]
    print("| from | pre-training: steps, CPU min | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 2))
    for row in (SCRATCH, "instances", "raw", *LEVELS, "truth"):
        pretrained = folder / "runs" / f"pretrained-{row}-{seed}"
        cells = [_cost(pretrained)]
        for column in columns:
            out = folder / "runs" / f"{column}-{row}-{seed}"
            done = (out / COST).is_file()
            figures = figures_of(out) if done else {}
            cells.append(f"{100 * figures['mAP']:.1f} / {100 * figures['rank1']:.1f}" if done else "")
        print(f"| {row} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
