"""Does SAGA's pooling suppress what hides a query, and what would it be worth if it did?

    python benchmarks/saga_pooling.py runs/saga --data market-layout --root world

For every query of a trained model with one token layer, whole and hidden (run 0 of `passerby occlusion`): the
share of the pooling weights, and of the class token's attention in the last block, that lies on what is hidden, beside
the share that lies there in the whole query. Then mAP and rank-1 of the class token, of the anchors' feature, of the
mean of the refined patches, and of the anchors' feature if pooling is told what is hidden and leaves it out.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

import passerby
from passerby.data.benchmarks import load_benchmark
from passerby.data.occlusion.occlude import Condition, Occluded, occlude
from passerby.data.occlusion.source import Donors, OcclusionRun, choose_donors
from passerby.data.pixels.decoding import read_image, resize_image
from passerby.data.split import Benchmark, Split
from passerby.evaluation.occlusion import occurring_names
from passerby.inference.embedder import Embedder
from passerby.metrics import rank
from passerby.models.inspection.attention_maps import CLASS_ATTENTION, TOKEN_WEIGHTS, saga_attention_maps
from passerby.models.saga.anchor_pooling import pool
from passerby.models.saga.network import Saga

CONDITIONS: tuple[Condition, ...] = ("rectangle", "people")
BATCH = 50

Features = dict[str, NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", help="a run or file of SAGA")
    parser.add_argument("--data", default="market-layout")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--levels", type=float, nargs="+", default=(0.3, 0.5))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    embedder, benchmark = passerby.load(arguments.model), load_benchmark(arguments.data, arguments.root)
    query, gallery = benchmark.query_and_gallery()
    whole = [_whole(image) for image in _read(embedder, query)]
    stored, clean = features(embedder, [_whole(image) for image in _read(embedder, gallery)]), features(embedder, whole)
    print("| queries | on hidden, whole | on hidden | class token there, whole | there | " + " | ".join(clean) + " |")
    print("|---" * (5 + len(clean)) + "|")
    print("| whole | | | | | " + " | ".join(figures(benchmark, clean, stored)) + " |")
    for condition in CONDITIONS:
        for level in arguments.levels:
            hidden = hide(embedder, benchmark, [each.image for each in whole], condition, level)
            cells = [*shares(embedder, whole, hidden), *figures(benchmark, features(embedder, hidden), stored)]
            print(f"| {condition}, {100 * level:.0f} % | " + " | ".join(cells) + " |", flush=True)


def hide(
    embedder: Embedder, benchmark: Benchmark, images: Sequence[NDArray[np.uint8]], condition: Condition, level: float
) -> list[Occluded]:
    """The queries as run 0 of the experiment hides them."""
    query, gallery = benchmark.query_and_gallery()
    run = OcclusionRun(benchmark.name, condition)
    if condition == "people":
        assert benchmark.train is not None, "people need training images, who hide others"
        donors, transform = Donors(benchmark.train), embedder.transform
        chosen = choose_donors(query, donors, run, occurring_names(gallery))
        people = [donors.images(row, transform.size, transform.interpolation)[0] for row in chosen.tolist()]
    else:
        people = list(images)
    files = query.paths.to_pylist()
    return [
        occlude(image, run.occlusion(file, level), donor)
        for image, file, donor in zip(images, files, people, strict=True)
    ]


@torch.inference_mode()
def features(embedder: Embedder, images: Sequence[Occluded]) -> Features:
    """By feature variant, float32 [N, D], of length 1."""
    model = embedder.model
    assert isinstance(model, Saga), "give a model of SAGA"
    found: dict[str, list[Tensor]] = defaultdict(list)
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH]
        pixels = _pixels(embedder, batch)
        tokens = model.tokens(pixels)
        (path,) = model.aggregate(tokens.patches, tokens.projected).paths
        geometry = saga_attention_maps(model, pixels[:1], anchors=0)[0].geometry
        seen = [1 - geometry.share_inside(torch.from_numpy(each.hidden)).flatten() for each in batch]
        told = path.weights.cpu() * torch.stack(seen)
        told = (told / told.sum(1, keepdim=True).clamp(min=1e-6)).to(path.weights)
        found["class token"].append(tokens.final)
        found["anchors"].append(pool(path.tokens, path.weights))
        found["mean of refined patches"].append(path.tokens.mean(1))
        found["anchors, told what is hidden"].append(pool(path.tokens, told))
    return {name: F.normalize(torch.cat(parts)).cpu().numpy() for name, parts in found.items()}


def shares(embedder: Embedder, whole: Sequence[Occluded], hidden: Sequence[Occluded]) -> list[str]:
    """Per cent on what is hidden: of pooling weights, whole and hidden, and of the class token's attention likewise."""
    sums: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for first in range(0, len(whole), BATCH):
        regions = [torch.from_numpy(each.hidden) for each in hidden[first : first + BATCH]]
        for is_hidden, images in ((False, whole), (True, hidden)):
            pixels = _pixels(embedder, images[first : first + BATCH])
            for seen, region in zip(embedder.attention_maps(pixels, anchors=0), regions, strict=True):
                inside = seen.geometry.share_inside(region)
                for name in (TOKEN_WEIGHTS, CLASS_ATTENTION):
                    sums[name, is_hidden].append(float((seen.maps[name] * inside).sum()))
    return [
        f"{100 * np.mean(sums[name, is_hidden]):.1f} %"
        for name in (TOKEN_WEIGHTS, CLASS_ATTENTION)
        for is_hidden in (False, True)
    ]


def figures(benchmark: Benchmark, queries: Features, stored: Features) -> list[str]:
    """mAP / rank-1 of each feature variant, in per cent."""
    query, gallery = benchmark.query_and_gallery()
    cells = []
    for name, feature in queries.items():
        result = rank(feature, stored[name], query.identities, gallery.identities, query.cameras, gallery.cameras)
        first = float((result.first_match[result.valid] == 1).mean())
        cells.append(f"{100 * float(np.nanmean(result.average_precision)):.1f} / {100 * first:.1f}")
    return cells


def _read(embedder: Embedder, split: Split) -> list[NDArray[np.uint8]]:
    """Images at the network's size, uint8 [H, W, 3]."""
    transform = embedder.transform
    paths = (split.path(row) for row in range(len(split)))
    return [resize_image(read_image(path), transform.size, transform.interpolation) for path in paths]


def _whole(image: NDArray[np.uint8]) -> Occluded:
    return Occluded(image, np.zeros(image.shape[:2], np.bool_))


def _pixels(embedder: Embedder, images: Sequence[Occluded]) -> Tensor:
    """Normalised, [B, 3, H, W]."""
    stacked = np.stack([each.image.transpose(2, 0, 1) for each in images])
    return embedder.transform.normalise(torch.from_numpy(stacked)).to(embedder.device)


if __name__ == "__main__":
    main()
