"""Images per core second with all their views: the usual chain of Pillow against passerby's views, in one run.

    python benchmarks/dataloading.py [--root FOLDER] [--images 500] [--local 8] [--seconds 6] [--json]

Every way gives the same kind of views as CION learns from (2 of 256 x 128 and --local of 128 x 64: cut out, resized
bicubically, mirrored, colours changed, blurred, solarised, normalised) out of JPEG files, in batches of 24. Measured
are CPU seconds of the whole process with one thread, so that other load on the machine counts little; the ways take
turns, and the median of their turns is given. Without --root the files are made first: 128 x 64 pixels.
"""

import argparse
import json
import platform
import random
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import PIL
import torch
from PIL import Image, ImageFilter

from loading import Rows, Way, make_images, measure, split_of
from passerby.data.augmentation.view_parameters import View
from passerby.data.augmentation.views import ViewsTransform
from passerby.data.cache.pixel_cache import PixelCache
from passerby.data.loading.pixel_sources import PerImageSource, PixelSource
from passerby.data.loading.view_loader import ViewLoader
from passerby.data.pixels.decoding import read_image
from passerby.data.split import Split
from passerby.errors import PasserbyError
from passerby.methods.cion.recipe import ViewsSection

BATCH = 24
SIZE = (256, 128)


def blurred(probability: float) -> Callable[[Image.Image], Image.Image]:
    """Pillow's Gaussian blur, as DINO and CION use it."""

    def blur(image: Image.Image) -> Image.Image:
        if random.random() >= probability:
            return image
        return image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0)))

    return blur


def chain_of(view: View, transform: ViewsTransform) -> Callable[[Image.Image], torch.Tensor]:
    """torchvision's chain for one kind of view, from a PIL image."""
    from torchvision import transforms
    from torchvision.transforms import InterpolationMode

    colours = transform.colours
    found: Callable[[Image.Image], torch.Tensor] = transforms.Compose(
        [
            transforms.RandomResizedCrop(view.size, view.area, transform.ratio, InterpolationMode.BICUBIC),
            transforms.RandomHorizontalFlip(transform.flip),
            transforms.RandomApply([transforms.ColorJitter(*colours.strengths)], colours.probability),
            transforms.RandomGrayscale(colours.grey),
            blurred(view.blur),
            transforms.RandomSolarize(128, view.solarise),
            transforms.ToTensor(),
            transforms.Normalize(transform.mean, transform.std),
        ]
    )
    return found


def chain_way(split: Split, transform: ViewsTransform) -> Way:
    """Decode each image once, and make its views one after the other."""
    chains = [chain_of(view, transform) for view in transform.views]

    def way(rows: Rows) -> object:
        images = [read_image(split.path(row)) for row in rows.tolist()]
        return [torch.stack([chain(image) for image in images]) for chain in chains]

    return way


def loader_way(source: PixelSource, transform: ViewsTransform) -> Way:
    """passerby's loader on a source; every batch is another epoch to the keys."""
    epochs = count()

    def way(rows: Rows) -> object:
        loader = ViewLoader(
            source, transform, rows[None], SIZE, images_per_identity=1, seed=0, epoch=next(epochs), prefetch=0
        )
        return next(iter(loader))

    return way


def run(folder: Path, images: int, local: int, seconds: float, caches: Path) -> dict[str, float]:
    """The table's rows."""
    split = split_of(folder, images)
    transform = ViewsSection(local=local).transform(SIZE)
    native = PixelCache.open(split, None, "bicubic", caches)
    ways = {
        "per-image chain (torchvision, Pillow)": chain_way(split, transform),
        "passerby, no cache": loader_way(PerImageSource(split, threads=1), transform),
        "passerby, native cache": loader_way(native, transform),
    }
    return measure(ways, split, seconds, BATCH)


def main() -> int:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--root", type=Path, help="folder of JPEG files (default: make some)")
    parser.add_argument("--images", type=int, default=500, help="how many files to use (default: 500)")
    parser.add_argument("--local", type=int, default=8, help="local views of each image (default: 8)")
    parser.add_argument("--seconds", type=float, default=6.0, help="CPU seconds for each figure (default: 6)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.images < 64:
        parser.error("--images must be at least 64")
    if arguments.seconds <= 0 or arguments.local < 0:
        parser.error("--seconds must be more than 0 and --local not negative")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.root or Path(temporary, "images")
        try:
            if not arguments.root:
                folder.mkdir()
                make_images(folder, arguments.images)
            rates = run(folder, arguments.images, arguments.local, arguments.seconds, Path(temporary, "cache"))
        except PasserbyError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        print(json.dumps(rates, indent=2))
        return 0
    print(f"Python {platform.python_version()}, torch {torch.__version__}, Pillow {PIL.__version__}, one thread")
    print("| | images per core second | views per core second | × the chain |")
    print("|---|---|---|---|")
    base = rates["per-image chain (torchvision, Pillow)"]
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.1f} | {rate * (2 + arguments.local):,.0f} | {rate / base:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
