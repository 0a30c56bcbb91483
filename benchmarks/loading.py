"""Training images per core second: the usual per-image chain against passerby's sources, in one run.

    python benchmarks/loading.py [--root FOLDER] [--images 2000] [--seconds 3] [--json]

Every way gives the same distribution of 256 x 128 training samples (CLIP-ReID's: bicubic resize, flip, pad 10, crop,
normalise, erase) out of JPEG files, in batches of 64. Measured are CPU seconds of the whole process with one thread,
so that other load on the machine counts little; the ways take turns, and the median of their turns is given. Without
--root the files are made first: 128 x 64 pixels, about as many bytes as a Market-1501 image.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from PIL import Image

from passerby.data.augmentation.batch import shift
from passerby.data.augmentation.transforms import TrainTransform
from passerby.data.cache.pixel_cache import PixelCache
from passerby.data.loading.pixel_sources import PerImageSource, PixelSource
from passerby.data.loading.sampling import shuffled_batches
from passerby.data.pixels.decoding import read_image
from passerby.data.split import Split, split_from_names
from passerby.errors import DataError, PasserbyError

BATCH = 64
TURNS = 5
TRANSFORM = TrainTransform()

Name = TypeVar("Name")
Rows = NDArray[np.int64]
Way = Callable[[Rows], object]
"""Makes one batch of the rows it is given."""


def make_images(folder: Path, images: int) -> None:
    """JPEG files of coloured stripes and grain, 128 x 64."""
    generator = np.random.default_rng(0)
    for number in range(images):
        stripes = np.repeat(generator.integers(0, 256, (8, 1, 3)), 16, axis=0).repeat(64, axis=1)
        pixels = (stripes + generator.normal(0, 12, (128, 64, 3))).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=85)


def split_of(folder: Path, images: int) -> Split:
    """The first so many JPEG files below a folder."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))[:images]
    if len(paths) < BATCH:
        raise DataError(f"{folder} holds {len(paths)} JPEG files: at least {BATCH} are needed")
    return split_from_names(folder, paths, ["nobody"] * len(paths), None)


def chain_ways(split: Split) -> tuple[Way, Way]:
    """torchvision's chain, image by image: up to the crop, and whole."""
    from torchvision.transforms import v2

    whole = TRANSFORM.chain()
    geometry = v2.Compose([*whole.transforms[:4], v2.PILToTensor()])

    def way(chain: Callable[[Image.Image], torch.Tensor]) -> Way:
        return lambda rows: torch.stack([chain(read_image(split.path(row))) for row in rows.tolist()])

    return way(geometry), way(whole)


def source_ways(source: PixelSource) -> tuple[Way, Way]:
    """Batched augmentation of a source's pixels: up to the crop, and whole. Every batch is another one to the keys."""
    batches = count()

    def pixels(rows: Rows) -> torch.Tensor:
        return source.gather(rows, TRANSFORM.size, TRANSFORM.interpolation).on("cpu")

    def positions(rows: Rows) -> Rows:
        begin = next(batches) * BATCH
        return np.arange(begin, begin + len(rows), dtype=np.int64)

    without_erasing = TrainTransform(erasing=0.0)

    def geometry(rows: Rows) -> torch.Tensor:
        return shift(pixels(rows), without_erasing.sample(seed=0, epoch=0, positions=positions(rows)))

    def whole(rows: Rows) -> torch.Tensor:
        return TRANSFORM.augment(pixels(rows), seed=0, epoch=0, positions=positions(rows))

    return geometry, whole


def endless_batches(split: Split, size: int) -> Iterator[Rows]:
    """Shuffled full batches, epoch after epoch."""
    for epoch in count():
        yield from shuffled_batches(len(split), size, seed=0, epoch=epoch, drop_last=True)


def measure(ways: dict[Name, Way], split: Split, seconds: float, size: int = BATCH) -> dict[Name, float]:
    """Images per CPU second of each way, in batches of `size`: medians over turns of about `seconds` in all."""
    batches = endless_batches(split, size)
    rates: dict[Name, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):
        for name, way in ways.items():
            begun, images = time.process_time(), 0
            while (spent := time.process_time() - begun) < (seconds / TURNS if turn else 0.05):
                way(next(batches))
                images += size
            if turn:  # the first one warms up
                rates[name].append(images / spent)
    return {name: statistics.median(found) for name, found in rates.items()}


def run(folder: Path, images: int, seconds: float, caches: Path) -> dict[str, tuple[float, float]]:
    """The table's rows: images per CPU second up to the crop, and whole."""
    split = split_of(folder, images)
    target = PixelCache.open(split, TRANSFORM.size, TRANSFORM.interpolation, caches)
    native = PixelCache.open(split, None, TRANSFORM.interpolation, caches)
    ways = {
        "per-image chain (torchvision v2)": chain_ways(split),
        "passerby, no cache": source_ways(PerImageSource(split, threads=1)),
        "passerby, native cache": source_ways(native),
        "passerby, target cache": source_ways(target),
    }
    parts = {(name, part): way for name, pair in ways.items() for part, way in enumerate(pair)}
    rates = measure(parts, split, seconds)
    return {name: (rates[name, 0], rates[name, 1]) for name in ways}


def main() -> int:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--root", type=Path, help="folder of JPEG files (default: make some)")
    parser.add_argument("--images", type=int, default=2000, help="how many files to use (default: 2000)")
    parser.add_argument("--seconds", type=float, default=3.0, help="CPU seconds for each figure (default: 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.images < BATCH:
        parser.error(f"--images must be at least {BATCH}, one batch")
    if arguments.seconds <= 0:
        parser.error("--seconds must be more than 0")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.root or Path(temporary, "images")
        try:
            if not arguments.root:
                folder.mkdir()
                make_images(folder, arguments.images)
            rates = run(folder, arguments.images, arguments.seconds, Path(temporary, "cache"))
        except PasserbyError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        print(json.dumps({name: {"crop": crop, "whole": whole} for name, (crop, whole) in rates.items()}, indent=2))
        return 0
    print(f"Python {platform.python_version()}, torch {torch.__version__}, Pillow {PIL.__version__}, one thread")
    print("| images per core second | up to the crop (uint8) | whole transform (float32) | × the chain |")
    print("|---|---|---|---|")
    base = rates["per-image chain (torchvision v2)"][1]
    for name, (crop, whole) in rates.items():
        print(f"| {name} | {crop:,.0f} | {whole:,.0f} | {whole / base:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
