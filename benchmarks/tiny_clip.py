"""What a tiny CLIP knows about people it has never seen, without any re-identification training; and packing it.

    python benchmarks/tiny_clip.py measure [--model tiny-clip] [--folder DIR] [--root .data/market1501-dev]
    python benchmarks/tiny_clip.py pack RUN --out src/passerby/weights/tiny-clip.safetensors

`measure` draws pairs in two cities that no training draws (seeds 101 and 102; training cities have seeds beyond 2**53)
and a world of 300 people (seed 0, the one of `benchmarks/synth.py difficulty`), and compares the model with the same
towers untrained and with colour histograms: image to text and text to image among 256 pairs, text search, and image
search. With `--root`, image search on market1501-dev too: real people, whom no training has seen.
`pack` writes a run's weights in half precision.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

import passerby
from color_histogram import histograms
from passerby.config import read_recipe
from passerby.data.benchmarks import load_benchmark
from passerby.data.split import Benchmark, Split
from passerby.errors import PasserbyError
from passerby.evaluation.evaluate import Evaluation, evaluate_in_full
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods.clip_pretrain.method import ClipPretrainMethod
from passerby.metrics import RankingResult, rank
from passerby.models.checkpoint import save_model
from passerby.runs.request import checked_recipe
from passerby.synth import write_market
from passerby.synth.output.pair_drawing import draw_pairs
from passerby.synth.output.pairs import Pairs

Features = NDArray[np.float32]

CITIES, BATCHES, BATCH = (101, 102), 4, 256
"""Seeds of held-out cities, batches of pairs from each, and pairs in a batch."""

WORLD_SEED = 0
RANKS = (1, 5, 10)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--model", default="tiny-clip", help="a name, run or file (default: tiny-clip)")
    measuring.add_argument("--folder", type=Path, default=Path("synth-benchmark"), help="of the world of 300 people")
    measuring.add_argument("--root", type=Path, help="folder that holds market1501-dev; leave out to do without")
    measuring.add_argument("--json", action="store_true", help="print JSON instead of tables")
    packing = commands.add_parser("pack")
    packing.add_argument("run", help="a finished run of clip-pretrain-tiny")
    packing.add_argument("--out", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    try:
        if arguments.command == "pack":
            pack(arguments.run, arguments.out)
            return 0
        figures = measure(arguments.model, arguments.folder, arguments.root)
    except PasserbyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures, indent=2) if arguments.json else tables(figures))
    return 0


def pack(run: str, out: Path) -> None:
    """Write a model's tensors in half precision, with what it says of itself."""
    model = passerby.load(run, device="cpu")
    out.parent.mkdir(parents=True, exist_ok=True)
    save_model(out, model.model.half(), model.description)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def measure(name: str, folder: Path, root: Path | None) -> dict[str, Any]:
    """All figures, as fractions."""
    if not (folder / "people.parquet").is_file():
        write_market(folder, identities=300, cameras=6, images_per_camera=4, train_fraction=2 / 3, seed=WORLD_SEED)
    trained = passerby.load(name)
    figures = figures_of({name: trained, "untrained": untrained_like(trained)}, folder, root)
    world, real = worlds(folder, root)
    figures["synthetic"]["colour histogram"] = _figures(by_colour(world))
    if real is not None:
        figures["market1501-dev"]["colour histogram"] = _figures(by_colour(real))
    return figures


def worlds(folder: Path, root: Path | None) -> tuple[Benchmark, Benchmark | None]:
    """The drawn people, and the real ones."""
    return load_benchmark("market-layout", folder), None if root is None else load_benchmark("market1501-dev", root)


def figures_of(models: dict[str, TorchEmbedder], folder: Path, root: Path | None) -> dict[str, Any]:
    """Figures of these models by what was measured."""
    pairs = [drawn(city, number) for city in CITIES for number in range(BATCHES)]
    figures: dict[str, Any] = {"pairs": {}, "text search": {}, "synthetic": {}}
    world, real = worlds(folder, root)
    captions = captions_of(world.query, folder)
    for each, model in models.items():
        figures["pairs"][each] = pair_recall(model, pairs)
        evaluation = evaluate_in_full(model, world)
        figures["synthetic"][each] = _figures(evaluation.result)
        figures["text search"][each] = _figures(by_text(model, evaluation, captions))
        if real is not None:
            figures.setdefault("market1501-dev", {})[each] = _figures(passerby.evaluate(model, real).ranking)
    return figures


def untrained_like(model: TorchEmbedder) -> TorchEmbedder:
    """The same towers with random weights."""
    shape = model.description["shape"]
    overrides = [f"model.architecture={shape['architecture']}", f"model.image_size={list(shape['image_size'])}"]
    recipe = checked_recipe(read_recipe("clip-pretrain-tiny", overrides))
    torch.manual_seed(recipe.seed)
    method = ClipPretrainMethod()
    towers = method.build(recipe, 0, 0)
    return TorchEmbedder(towers, method.transforms(recipe)[1], method.description(recipe, towers), model.device)


def drawn(city: int, number: int) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Images and captions of a batch of pairs."""
    found = draw_pairs(Pairs(city), range(number * BATCH, (number + 1) * BATCH))
    return list(found.images), [captions[0] for captions in found.captions]


def pair_recall(model: TorchEmbedder, pairs: list[tuple[list[NDArray[np.uint8]], list[str]]]) -> dict[str, float]:
    """Recall at 1, 5 and 10 in both directions, averaged over the batches; the same caption twice counts as right."""
    found: dict[str, list[float]] = {}
    for images, captions in pairs:
        similarity = model.embed(images) @ model.embed_text(captions).T
        right = np.array([[one == other for other in captions] for one in captions])
        for way, scores in (("image to text", similarity), ("text to image", similarity.T)):
            best = np.where(right, scores, -np.inf).max(1)
            place = (np.where(right, -np.inf, scores) > best[:, None]).sum(1)
            for top in RANKS:
                found.setdefault(f"{way} {top}", []).append(float((place < top).mean()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def by_colour(benchmark: Benchmark) -> RankingResult:
    """Image search by colour histograms."""
    query, gallery = benchmark.query_and_gallery()
    return _ranked(np.sqrt(histograms(query, 6)), np.sqrt(histograms(gallery, 6)), query, gallery)


def by_text(model: TorchEmbedder, images: Evaluation, captions: list[str]) -> RankingResult:
    """Search by the caption of each query instead of its image; images of its own camera are left out as usual."""
    return _ranked(model.embed_text(captions), images.gallery_features, images.query, images.gallery)


def captions_of(split: Split | None, folder: Path) -> list[str]:
    """The captions that the world's table gives these images."""
    assert split is not None
    table = pq.read_table(folder / "people.parquet", columns=["path", "caption"])
    caption = dict(zip(table["path"].to_pylist(), table["caption"].to_pylist(), strict=True))
    return [caption[split.path(row).relative_to(folder).as_posix()] for row in range(len(split))]


def _ranked(queries: Features, images: Features, query: Split, gallery: Split) -> RankingResult:
    return rank(
        queries, images, query.identities, gallery.identities, query.cameras, gallery.cameras, max_rank=max(RANKS)
    )


def _figures(result: RankingResult) -> dict[str, float]:
    figures = result.to_dict()
    return {name: float(figures[name]) for name in ("mAP", "rank1", "rank5", "rank10")}


def tables(figures: dict[str, Any]) -> str:
    """The figures in per cent, as tables for docs/reference/tiny-clip.md."""
    lines = []
    for title, rows in figures.items():
        columns = list(next(iter(rows.values())))
        lines += [f"\n| {title} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [
            f"| {name} | {' | '.join(f'{100 * row[column]:.1f}' for column in columns)} |" for name, row in rows.items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
