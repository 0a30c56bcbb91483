"""How fast the synthetic world is drawn, and how hard it is.

    python benchmarks/synth.py speed
    python benchmarks/synth.py difficulty [--folder DIR] [--steps 400]

`speed` draws and encodes crops, and films, in one process and counts its CPU time, so that other work on the machine
does not matter much. `difficulty` makes a world (seed 0, 200 people for training, 100 for testing, six cameras; or
takes one that it made before) and compares random features, colour histograms, an untrained network and the same small
network after a few minutes of training; then it tells how accuracy falls with what can be seen of the query.
"""

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from color_histogram import histograms
from passerby.data.benchmarks import load_benchmark
from passerby.data.split import Split
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.triplet import batch_hard_triplet
from passerby.metrics import RankingResult, rank
from passerby.synth import write_market
from passerby.synth.output.frames import frame_at
from passerby.synth.places.crops import encode
from passerby.synth.places.traffic import make_video
from passerby.synth.places.world import World

Features = NDArray[np.float32]

SEED, PEOPLE, CAMERAS = 0, 16, 6
"""Of the world that is timed."""

BINS = (0.0, 0.4, 0.6, 0.8, 0.95, 1.01)
"""Edges of the visible fractions that are told apart."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("speed", "difficulty"))
    parser.add_argument("--folder", type=Path, default=Path("synth-benchmark"), help="of the world of `difficulty`")
    parser.add_argument("--steps", type=int, default=400, help="of training (default: 400)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.what == "speed":
        speed()
    else:
        difficulty(arguments.folder, arguments.steps)
    return 0


def speed() -> None:
    """Crops of both common sizes, written JPEG included, and frames of a film, per second of CPU time."""
    print("| what | per core second | people near | visible |\n|---|---|---|---|")
    for size, steps in (((128, 64), 4), ((256, 128), 4)):
        world = World(seed=SEED, steps=steps, size=size)
        for camera in range(1, CAMERAS + 1):
            world.place(camera)
        begun, visible, near = time.process_time(), [], []
        for person in range(1, PEOPLE + 1):
            for camera in range(1, CAMERAS + 1):
                near.append(len(world.passing(person, camera).company))
                for step in range(steps):
                    crop, _ = world.crop(person, camera, step)
                    encode(crop.image, world.place(camera).camera.sensor.quality)
                    visible.append(crop.visible)
        rate = len(visible) / (time.process_time() - begun)
        print(f"| crops {size[0]}×{size[1]} | {rate:.0f} | {np.mean(near):.2f} | {np.mean(visible):.3f} |")
    world = World(seed=SEED, steps=1, size=(128, 64))
    video = make_video(world, 1, 1, list(range(1, 15)), 16.0)
    frame_at(world, video, 0, 0.5)
    begun, there, seen = time.process_time(), [], []
    for frame in range(0, 400, 10):
        _, people = frame_at(world, video, frame, 0.5)
        there.append(len(people))
        seen += [each.visible for each in people]
    rate = 40 / (time.process_time() - begun)
    print(f"| frames 640×360 | {rate:.0f} | {np.mean(there):.1f} in the picture | {np.mean(seen):.3f} |")


class Network(nn.Module):
    """A small residual network, images [B, 3, 128, 64] to features [B, 192]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (24, 48, 96, 192)
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        self.blocks = nn.ModuleList()
        self.shortcuts = nn.ModuleList()
        for before, after, stride in zip((widths[0], *widths), widths, (1, 2, 2, 2), strict=False):
            self.blocks.append(
                nn.Sequential(
                    *(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()),
                    *(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)),
                )
            )
            self.shortcuts.append(nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stem(images)
        for block, shortcut in zip(self.blocks, self.shortcuts, strict=True):
            maps = torch.relu(block(maps) + shortcut(maps))
        return maps.mean(dim=(2, 3)) + maps.amax(dim=(2, 3))


def read(split: Split) -> Tensor:
    """Images of a split, uint8 [N, 3, 128, 64], RGB."""
    images = [cv2.imread(str(split.path(row)))[:, :, ::-1] for row in range(len(split))]
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())


def normalised(images: Tensor) -> Tensor:
    return (images.float() / 255 - 0.45) / 0.22


@torch.inference_mode()
def embedded(network: Network, images: Tensor) -> Features:
    network.eval()
    return torch.cat([network(normalised(batch)) for batch in images.split(256)]).numpy()


def trained(images: Tensor, identities: NDArray[np.int64], steps: int) -> Network:
    """The network after `steps` batches of 16 people, 4 images each."""
    torch.manual_seed(SEED)
    generator = np.random.default_rng(SEED)
    labels = np.unique(identities, return_inverse=True)[1]
    rows = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    network = Network()
    neck, head = nn.BatchNorm1d(192), nn.Linear(192, len(rows), bias=False)
    parameters = [*network.parameters(), *neck.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=steps)
    network.train()
    begun = time.process_time()
    for step in range(steps):
        people = generator.choice(len(rows), 16, replace=False)
        picked = np.concatenate([generator.choice(rows[person], 4, replace=False) for person in people])
        target = torch.from_numpy(labels[picked])
        features = network(augmented(images[torch.from_numpy(picked)], generator))
        loss = smoothed_cross_entropy(head(neck(features)), target) + batch_hard_triplet(features, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            spent = time.process_time() - begun
            print(f"step {step + 1}/{steps}  loss {loss.item():.2f}  {spent:.0f} s CPU", file=sys.stderr)
    return network


def augmented(images: Tensor, generator: np.random.Generator) -> Tensor:
    """Flipped, shifted, tinted and partly erased images, float32."""
    batch = normalised(images)
    for row in range(len(batch)):
        image = batch[row].flip(-1) if generator.random() < 0.5 else batch[row]
        down, right = (int(v) for v in generator.integers(-6, 7, 2))
        image = image.roll((down, right), dims=(1, 2)) * float(generator.uniform(0.85, 1.15))
        image = image + torch.from_numpy(generator.normal(0, 0.12, (3, 1, 1)).astype(np.float32))
        if generator.random() < 0.5:
            top, left = int(generator.integers(0, 96)), int(generator.integers(0, 40))
            image[:, top : top + int(generator.integers(16, 64)), left : left + int(generator.integers(12, 40))] = 0
        batch[row] = image
    return batch


def difficulty(folder: Path, steps: int) -> None:
    if not (folder / "people.parquet").is_file():
        write_market(folder, identities=300, cameras=6, images_per_camera=4, train_fraction=2 / 3, seed=SEED)
    benchmark = load_benchmark("market-layout", folder)
    query, gallery = benchmark.query_and_gallery()
    images = [read(split) for split in (query, gallery)]
    generator = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    untrained = Network()
    # Batch statistics of real images, as the untrained network's only knowledge.
    train = benchmark.train
    pictures = read(train)
    with torch.no_grad():
        for batch in pictures[torch.randperm(len(pictures))[:2048]].split(256):
            untrained(normalised(batch))
    network = trained(pictures, train.identities, steps)
    ways: dict[str, tuple[Features, Features]] = {
        "random features": (
            generator.standard_normal((len(query), 64), dtype=np.float32),
            generator.standard_normal((len(gallery), 64), dtype=np.float32),
        ),
        "colour histogram": (np.sqrt(histograms(query, 6)), np.sqrt(histograms(gallery, 6))),
        "untrained network": (embedded(untrained, images[0]), embedded(untrained, images[1])),
        f"the network after {steps} steps": (embedded(network, images[0]), embedded(network, images[1])),
    }
    print(f"{len(query)} queries, {len(gallery)} gallery images, {len(train)} training images")
    print("| | mAP | rank-1 | rank-5 | rank-10 |\n|---|---|---|---|---|")
    for name, (first, second) in ways.items():
        result = ranked(first, second, query, gallery)
        rates = " | ".join(f"{100 * v:.1f}" for v in (result.mAP, *(result.cmc[k] for k in (0, 4, 9))))
        print(f"| {name} | {rates} |")
    by_visibility(folder, query, gallery, ways)


def ranked(first: Features, second: Features, query: Split, gallery: Split) -> RankingResult:
    cameras = query.cameras, gallery.cameras
    return rank(first, second, query.identities, gallery.identities, *cameras, max_rank=10)


def by_visibility(folder: Path, query: Split, gallery: Split, ways: dict[str, tuple[Features, Features]]) -> None:
    """Every test image of an identity becomes a query once; told by how much of the person it shows."""
    table = pq.read_table(folder / "people.parquet", columns=["path", "visible"]).to_pydict()
    visible_of = {Path(path).name: share for path, share in zip(table["path"], table["visible"], strict=True)}
    named = gallery.identities > 0
    identities = np.concatenate([query.identities, gallery.identities[named]])
    cameras = np.concatenate([query.cameras, gallery.cameras[named]])
    names = [query.path(row).name for row in range(len(query))]
    names += [gallery.path(int(row)).name for row in np.flatnonzero(named)]
    visible = np.array([visible_of[name] for name in names])
    bins = np.digitize(visible, BINS) - 1
    labels = [f"{low:.2f}–{min(high, 1):.2f}" for low, high in pairwise(BINS)]
    print("\nmAP by visible fraction of the query\n\n| visible | " + " | ".join(labels) + " |")
    print("|---|" + "---|" * len(labels))
    print("| queries | " + " | ".join(str(int((bins == number).sum())) for number in range(len(labels))) + " |")
    for name, (first, second) in ways.items():
        features = np.concatenate([first, second[named]])
        precision = rank(features, features, identities, identities, cameras, cameras).average_precision
        rates = [100 * np.nanmean(precision[bins == number]) for number in range(len(labels))]
        print(f"| {name} | " + " | ".join(f"{rate:.1f}" for rate in rates) + " |")


if __name__ == "__main__":
    sys.exit(main())
