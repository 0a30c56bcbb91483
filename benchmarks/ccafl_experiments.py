"""What labels that hold inside each camera cost, and how much of it CCAFL recovers: equal networks, steps and images.

    python benchmarks/ccafl_experiments.py synth --out /tmp/ccafl
    python benchmarks/ccafl_experiments.py market --root .data/market1501-dev --out /tmp/ccafl
    python benchmarks/ccafl_experiments.py synth --out DIR --rows ical.enabled=false association.pairs_per_class=3

Every row is a `passerby train` of a small vision transformer from tiny-clip: 150 steps of 16 × 4 images after 10 epochs
of prompts. The rows of the comparison:

    ccafl           CCAFL, labels made camera-local
    intra           its intra-camera learning alone
    no-adversary    CCAFL without its adversarial term
    calibrated      CCAFL with average linkage of centred features, and a classifier that learns faster
    pairs           CLIP-ReID that takes every pair of a camera and a person for a class of its own
    full            CLIP-ReID with the labels that hold in all cameras: what could be reached
    pairs-head      as `pairs`, but with CCAFL's network and losses, all cameras taken for one
    full-head       as `full`, but with CCAFL's network and losses, all cameras taken for one

Any other row is an override of CCAFL's recipe, for its switches, or several with + between them. CLIP-ReID embeds with
two features, CCAFL with one, so the last two rows tell what the network and its losses do. The world is drawn once; of
market1501-dev 60 people train (chosen by a fixed seed), and its query and gallery are used whole. Test images are
looked at once, after training.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from measured_runs import cpu_minutes, figures_of, folder_name, run_measured, run_passerby
from passerby.data.benchmarks import load_benchmark
from passerby.data.split import JUNK, Split

STEPS, EPOCHS = 150, 6
LOOP = (
    "stage1.epochs=10", f"stages2and3.epochs={EPOCHS}", f"stages2and3.iterations={STEPS // EPOCHS}",
    "stages2and3.intra_epochs=2", "stages2and3.warmup_epochs=1", "inter.text_from=3", "ical.first_epoch=4",
    f"ical.end_epoch={EPOCHS}",
)  # fmt: skip
CLIP_REID = ("stage1.epochs=10", "stage2.warmup_epochs=1")
CLIP_REID_EPOCHS = {"synth": {"pairs": 7, "full": 7}, "market": {"pairs": 8, "full": 10}}
"""So that about as many steps come out: 154 and 147, 152 and 150."""
ONE_CAMERA = "one-camera"
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ccafl": ("ccafl-tiny", LOOP),
    "intra": ("ccafl-tiny", (*LOOP, f"stages2and3.intra_epochs={EPOCHS}")),
    "no-adversary": ("ccafl-tiny", (*LOOP, "ical.enabled=false")),
    "calibrated": (
        "ccafl-tiny",
        (*LOOP, "association.linkage=average", "association.centre_cameras=true", "ical.classifier_lr=0.01"),
    ),
    "pairs": ("clip-reid-vit-tiny", (*CLIP_REID, "data.labels=camera")),
    "full": ("clip-reid-vit-tiny", CLIP_REID),
    "pairs-head": ("ccafl-tiny", LOOP),
    "full-head": ("ccafl-tiny", LOOP),
}
PEOPLE = 60
"""Who train, in either data set."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", choices=("synth", "market"))
    parser.add_argument("--root", type=Path, help="of market1501-dev")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", default=list(ROWS)[:6])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1234])
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    folder = arguments.out.resolve() / arguments.data
    source = _world(folder) if arguments.data == "synth" else arguments.root.resolve()
    for seed in arguments.seeds:
        for row in arguments.rows:
            _run(folder, source, arguments.data, row, seed)
    print(f"{'row':<44} {'seed':>6} {'mAP':>6} {'rank-1':>7} {'precision':>10} {'recall':>7} {'CPU min':>8}")
    for seed in arguments.seeds:
        for row in arguments.rows:
            _print(folder, row, seed)


def _world(folder: Path) -> Path:
    """150 drawn people in six cameras, 60 of whom train."""
    world = folder / "world"
    if not (world / "synth.json").is_file():
        drawn = ["--identities", "150", "--cameras", "6", "--train", str(PEOPLE / 150), "--processes", "1"]
        run_passerby(["synth", "-o", str(world), *drawn])
    return world


def _table(folder: Path, source: Path, data: str, kind: str) -> Path:
    """The data of a row as a table: those who train, with the labels and cameras that the row learns from."""
    file = folder / f"{kind}.csv"
    if file.is_file():
        return file
    name = "market-layout" if data == "synth" else "market1501-dev"
    benchmark = load_benchmark(name, source)
    train, (query, gallery) = benchmark.training_split(), benchmark.query_and_gallery()
    people = np.random.default_rng(0).permutation(len(train.identity_names))[:PEOPLE]
    chosen = train.take(np.isin(train.identities, people))
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "identity", "camera", "split"))
        for part, split in (("train", chosen), ("query", query), ("gallery", gallery)):
            writer.writerows(_lines(split, part, kind))
    return file


def _lines(split: Split, part: str, kind: str) -> list[tuple[str, str, str, str]]:
    assert split.cameras is not None
    lines = []
    for row, (identity, camera) in enumerate(zip(split.identities.tolist(), split.cameras.tolist(), strict=True)):
        person = "-1" if identity == JUNK else split.identity_names[identity]
        place = split.camera_names[camera]
        if part == "train" and kind.startswith("pairs"):
            person = f"{place}-{person}"
        if part == "train" and kind.endswith("head"):
            place = ONE_CAMERA
        lines.append((str(split.path(row)), person, place, part))
    return lines


def _run(folder: Path, source: Path, data: str, row: str, seed: int) -> None:
    """Train and evaluate a row, if that has not been done; its seconds of CPU time are kept beside its figures."""
    out = _place(folder, row, seed)
    recipe, overrides = ROWS.get(row, ("ccafl-tiny", (*LOOP, *row.split("+"))))
    if row in CLIP_REID_EPOCHS[data]:
        overrides = (*overrides, f"stage2.epochs={CLIP_REID_EPOCHS[data][row]}")
    table = _table(folder, source, data, row if row.endswith("-head") else "all")
    given = [f"data.name={table}", f"data.cache_folder={folder / 'cache'}", f"seed={seed}"]
    run_measured(out, ["train", recipe, "-o", str(out), *overrides, *given])


def _print(folder: Path, row: str, seed: int) -> None:
    out = _place(folder, row, seed)
    figures = figures_of(out)
    epochs = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    linked = [line for line in epochs if line.get("pair_precision") is not None]
    judged = [f"{100 * linked[-1][name]:.1f}" if linked else "-" for name in ("pair_precision", "pair_recall")]
    precision, recall = judged
    shown = f"{100 * figures['mAP']:>6.1f} {100 * figures['rank1']:>7.1f}"
    print(f"{row:<44} {seed:>6} {shown} {precision:>10} {recall:>7} {cpu_minutes(out):>8.1f}")


def _place(folder: Path, row: str, seed: int) -> Path:
    return folder / "runs" / f"{folder_name(row)}-{seed}"


if __name__ == "__main__":
    main()
