"""A data set of a few coloured images in Market layout, and recipes that train on it in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

from passerby.config import Recipe, read_recipe
from passerby.runs.request import checked_recipe

NANO = (
    "model.architecture=vit-nano",
    "model.weights=random",
    "model.image_size=[64, 32]",
    "stage1.epochs=2",
    "stage1.batch_size=8",
    "stage2.epochs=2",
    "stage2.warmup_epochs=1",
    "stage2.identities_per_batch=3",
    "stage2.images_per_identity=2",
    "augmentation.padding=3",
    "trainer.accelerator=cpu",
)


def write_small_world(folder: Path, *, identities: int = 8, seed: int = 0) -> Path:
    """Each identity has a colour; two cameras, four images in each; half of the people are for training."""
    generator = np.random.default_rng(seed)
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        (folder / part).mkdir(parents=True)
    for identity in range(1, identities + 1):
        colour = generator.integers(0, 255, 3)
        for camera in (1, 2):
            for number in range(4):
                noisy = colour + generator.normal(0, 30, (64, 32, 3)) - 20 * camera
                train = identity <= identities // 2
                part = "bounding_box_train" if train else "query" if number == 0 else "bounding_box_test"
                name = f"{identity:04d}_c{camera}s1_{number:06d}_00.jpg"
                Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / part / name)
    return folder


def overrides(world: Path, *more: str) -> tuple[str, ...]:
    """The nano recipe on this world."""
    return (*NANO, "data.name=market-layout", f"data.root={world}", f"data.cache_folder={world / 'cache'}", *more)


def nano_recipe(world: Path, *more: str, name: str = "clip-reid-vit-tiny") -> Recipe:
    """A checked recipe of two stages and a handful of steps."""
    return checked_recipe(read_recipe(name, overrides(world, *more)))
