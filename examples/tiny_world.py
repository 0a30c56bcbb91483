"""What all examples need: a tiny synthetic world, batches of it, and how well a network finds its people.

The methods themselves are in the other files of this folder. Each runs by itself in less than a minute on a CPU:
`python examples/clip_reid.py`. The world is so small that its numbers say nothing about the methods.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

import passerby
from passerby.data import (
    Batch,
    Benchmark,
    EvalLoader,
    PerImageSource,
    Split,
    TestTransform,
    TrainLoader,
    TrainTransform,
    identity_balanced_batches,
)
from passerby.synth import holds_world, write_market

SIZE = (128, 64)
"""Height and width of the images."""

WORLD = Path("runs/examples/world")


def world() -> Benchmark:
    """Eight people to learn from and eight to find again, seen three times by each of three cameras."""
    drawn = {"identities": 16, "cameras": 3, "images_per_camera": 3, "size": SIZE, "seed": 7}
    if not holds_world(WORLD):
        write_market(WORLD, **drawn, show_progress=False)
    return passerby.load_benchmark("market-layout", WORLD)


def batches(split: Split, *, epochs: int, people: int = 4, images: int = 4) -> Iterator[Batch]:
    """Augmented batches of `people` identities × `images` images, for so many epochs."""
    transform = TrainTransform(size=SIZE, padding=4)

    def rows(epoch: int) -> object:
        return identity_balanced_batches(
            split.identities, identities_per_batch=people, images_per_identity=images, seed=0, epoch=epoch
        )

    loader = TrainLoader(split, PerImageSource(split), transform, rows, seed=0)
    for epoch in range(epochs):
        loader.set_epoch(epoch)
        yield from loader


def plain_batches(split: Split) -> Iterator[Batch]:
    """All images in order, without augmentation."""
    yield from EvalLoader(split, PerImageSource(split), TestTransform(size=SIZE), batch_size=64)


def learn(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def report(when: str, network: nn.Module, benchmark: Benchmark, size: tuple[int, int] = SIZE) -> None:
    """Search the queries in the gallery, and print how well they are found."""
    mean = std = (0.5, 0.5, 0.5)
    embedder = passerby.TorchEmbedder.of(network, size=size, mean=mean, std=std, device="cpu")
    result = passerby.evaluate(embedder, benchmark)
    print(f"{when} learning: mAP {100 * result.mAP:.1f} %, rank-1 {100 * result.rank1:.1f} %")
