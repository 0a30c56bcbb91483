"""Learning from one's own cameras without a single label: market1501-dev's training images as a tracker gives them.

    python benchmarks/own_cameras.py train --market .data/market1501-dev --out runs/own
    python benchmarks/own_cameras.py train --market .data/market1501-dev --out runs/own --rows tiny-start tiny-found
    python benchmarks/own_cameras.py show --market .data/market1501-dev --out runs/own

    python benchmarks/own_cameras.py clusters --market .data/market1501-dev --out runs/own

The training images are cut into tracklets by camera, sequence and frame gaps, which a tracker would give; their
identities are looked at by the last row alone, and to say how right the found identities are. Rows:

    imagenet-start     EfficientNet-Lite0 with ImageNet's weights (extra `imagenet`), which learns nothing
    imagenet-cluster   the same after Cluster-Contrast, clusters as published
    imagenet-tighter   goes on from there with tighter clusters, chosen on half of the training people (see `clusters`)
    imagenet-found     fine-tuned on the identities that denoising finds with the features of imagenet-cluster
    imagenet-cion      CION on the same identities, from ImageNet's weights
    imagenet-labels    fine-tuned on true identities: what labels would give
    tiny-start         tiny-clip, which has seen drawn people only
    tiny-found         CLIP-ReID from tiny-clip on the identities that denoising finds with its features
    tiny-ccafl         CCAFL from tiny-clip, the tracker's tracklets for labels inside cameras

Query and gallery are looked at once for each row, after training. What is in the folder is not done again, and a row
that was interrupted goes on where it was.
"""

import argparse
from pathlib import Path

import numpy as np

import passerby
from identity_tables import LEVELS, RAW, TRUTH, describe, identity_table
from measured_runs import COST, cpu_minutes, figures_of, run_measured, run_passerby
from passerby.data.benchmarks import load_benchmark
from passerby.metrics import correlation_quality, dbscan, jaccard_distances
from passerby.models import resolve_path

DATA = "market1501-dev"
HALF = "[0.5,0.5,0.5]"
LITE = ("model.backbone=tf_efficientnet_lite0", "init=imagenet", "trainer.channels_last=true")
PIXELS = ("model.image_size=[96,48]", f"augmentation.mean={HALF}", f"augmentation.std={HALF}")
VIEWS = ("model.image_size=[96,48]", "views.local=8", "views.local_size=[48,24]", f"views.mean={HALF}")
CLUSTER = ("training.epochs=8", "training.iterations=100", "training.milestones=[6]")
FINETUNE = ("training.epochs=8", "training.warmup_epochs=1", "training.lr=2e-2")
CION = (
    f"views.std={HALF}", "training.lr=1e-3", "training.batch_size=24", "training.epochs=5",
    "training.frozen_epochs=5", "training.warmup_epochs=1", "training.changes=[2,3,4]",
)  # fmt: skip
CLIP = ("stage1.epochs=5", "stage2.epochs=4", "stage2.warmup_epochs=1")
CCAFL = (
    "stage1.epochs=5", "stages2and3.epochs=6", "stages2and3.intra_epochs=2", "stages2and3.iterations=60",
    "stages2and3.warmup_epochs=1", "inter.text_from=3", "ical.first_epoch=4", "ical.end_epoch=6",
)  # fmt: skip
TIGHT = (
    "clustering.k1=12", "clustering.k2=3", "clustering.eps=0.45",
    "training.epochs=3", "training.iterations=100", "training.milestones=[2]",
)  # fmt: skip
CLUSTERED, TIGHTER, TINY = "imagenet-cluster", "imagenet-tighter", "tiny-clip"

ROWS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "imagenet-start": ("", "", ()),
    CLUSTERED: ("cluster-contrast-tiny", DATA, (*LITE, *PIXELS, "model.pooling=native", *CLUSTER)),
    TIGHTER: ("cluster-contrast-tiny", DATA, (*LITE, *PIXELS, "model.pooling=native", *TIGHT)),
    "imagenet-found": ("finetune-tiny", CLUSTERED, (*LITE, *PIXELS, *FINETUNE)),
    "imagenet-cion": ("cion-tiny", CLUSTERED, (*LITE, *VIEWS, *CION)),
    "imagenet-labels": ("finetune-tiny", DATA, (*LITE, *PIXELS, *FINETUNE)),
    "tiny-start": ("", "", ()),
    "tiny-found": ("clip-reid-vit-tiny", TINY, CLIP),
    "tiny-ccafl": ("ccafl-tiny", RAW, CCAFL),
}
"""Row → recipe, what it learns from, overrides. What it learns from is the data set as it is, the tracklets (`raw`), or
the identities that denoising finds with the features of a run or of tiny-clip."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("train", "show", "clusters"))
    parser.add_argument("--market", type=Path, required=True, help="root of market1501-dev")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=list(ROWS))
    parser.add_argument("--seed", type=int, default=1234)
    arguments = parser.parse_args()
    folder, market = arguments.out.resolve(), arguments.market.resolve()
    for row in arguments.rows if arguments.part == "train" else ():
        _run(folder, market, row, arguments.seed)
    if arguments.part == "clusters":
        _judge_clusters(folder, market, arguments.seed)
    if arguments.part == "show":
        _show(folder, market, arguments.rows, arguments.seed)


def _tracklets(folder: Path, market: Path) -> Path:
    """The training images as a tracker gives them."""
    images = folder / "images"
    table = images / "tracklets.parquet"
    if not table.is_file():
        images.mkdir(parents=True, exist_ok=True)
        training = images / "bounding_box_train"
        if not training.is_symlink():
            training.symlink_to(market / training.name)
        run_passerby(["denoise", "read", "market1501", str(images), "-o", str(table)])
    return table


def _identities(folder: Path, market: Path, source: str, level: str, seed: int) -> Path:
    """The table of a level; `source` names who sees: a row's run, or tiny-clip."""
    seer = source if source in (TINY, RAW) else str(_run(folder, market, source, seed))
    return identity_table(_tracklets(folder, market), level, embedder=seer)


def _run(folder: Path, market: Path, row: str, seed: int) -> Path:
    """Train and evaluate a row, unless that has been done; returns its run."""
    recipe, source, overrides = ROWS[row]
    run = _place(folder, row, seed)
    if recipe and not (run / COST).is_file():
        run.parent.mkdir(parents=True, exist_ok=True)
        given = [f"data.cache_folder={folder / 'cache'}", f"seed={seed}"]
        given += [f"init={_run(folder, market, CLUSTERED, seed)}"] if row == TIGHTER else []
        where = _source(folder, market, source, seed)
        run_measured(run, ["train", recipe, "-o", str(run), *overrides, *given, *where])
    judged = folder / "market" / run.name
    model = str(run) if recipe else _untrained(folder, row)
    run_measured(judged, ["eval", model, "--data", DATA, "--root", str(market), "-o", str(judged)])
    return run


def _untrained(folder: Path, row: str) -> str:
    """What a row without training begins and ends with."""
    if row == "tiny-start":
        return TINY
    converted = folder / "imagenet.safetensors"
    if not converted.is_file():
        named = ["--as", "imagenet/tf_efficientnet_lite0", "--size", "96x48", "-o", str(converted)]
        run_passerby(["zoo", "convert", str(resolve_path("imagenet")), *named])
    return str(converted)


def _source(folder: Path, market: Path, source: str, seed: int) -> list[str]:
    if source == DATA:
        return [f"data.name={DATA}", f"data.root={market}"]
    level = RAW if source == RAW else "all-levels"
    return [f"data.name={_identities(folder, market, source, level, seed)}"]


def _place(folder: Path, row: str, seed: int) -> Path:
    return folder / "runs" / f"{row}-{seed}"


def _show(folder: Path, market: Path, rows: list[str], seed: int) -> None:
    """How right the identities are for each of two eyes, then figures and CPU minutes of all rows that are there."""
    tracklets = _tracklets(folder, market)
    for seer in (TINY, f"{CLUSTERED}-{seed}"):
        found = [(level, tracklets.parent / f"{level}-{seer}.parquet") for level in LEVELS]
        plain = [(level, identity_table(tracklets, level)) for level in (RAW, TRUTH)]
        print(f"\nidentities found with {seer}:\n")
        describe([plain[0], *((level, table) for level, table in found if table.is_file()), plain[1]])
    print("\n| row | mAP | rank-1 | rank-5 | CPU min |\n|" + "---|" * 5)
    for row in rows:
        run = _place(folder, row, seed)
        judged = folder / "market" / run.name
        if not (judged / COST).is_file():
            continue
        figures = figures_of(judged)
        shown = " | ".join(f"{100 * figures[name]:.1f}" for name in ("mAP", "rank1", "rank5"))
        print(f"| {row} | {shown} | {cpu_minutes(run) if ROWS[row][0] else 0:.1f} |")


def _judge_clusters(folder: Path, market: Path, seed: int) -> None:
    """How right clusters are, by neighbourhood and largest distance, judged by the names of half of the people."""
    split = load_benchmark(DATA, market).training_split()
    people = np.random.default_rng(0).permutation(len(split.identity_names))[: len(split.identity_names) // 2]
    rows = np.flatnonzero(np.isin(split.identities, people))
    assert split.cameras is not None
    names, cameras = split.identities[rows], split.cameras[rows]
    heads = "| network | k1 | eps | clusters | images in one | precision of pairs | recall | across cameras | largest |"
    print(heads + "\n|" + "---|" * 9)
    for row in ("imagenet-start", CLUSTERED):
        model = str(_place(folder, row, seed)) if ROWS[row][0] else _untrained(folder, row)
        features = passerby.load(model).embed([split.path(int(number)) for number in rows])
        for k1, k2 in ((12, 3), (20, 6), (30, 6)):
            for eps in (0.35, 0.45, 0.5, 0.6):
                distances = jaccard_distances(features, k1=k1, k2=k2, max_distance=eps)
                found = dbscan(distances, eps, min_samples=4)
                kept = correlation_quality(found, names, cameras).kept
                shares = (kept.precision, kept.recall, kept.cross_video_recall or 0.0)
                judged = " | ".join(f"{100 * share:.1f}" for share in shares)
                inside = 100 * float((found >= 0).mean())
                sizes = np.bincount(found[found >= 0], minlength=1)
                print(f"| {row} | {k1} | {eps} | {found.max() + 1} | {inside:.0f} % | {judged} | {sizes.max()} |")


if __name__ == "__main__":
    main()
