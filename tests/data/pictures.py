"""Image files that tests make for themselves."""

from pathlib import Path

import numpy as np
from PIL import Image

from passerby.data.split import Split, split_from_names


def picture(seed: int, size: tuple[int, int]) -> Image.Image:
    """Smooth coloured waves with a little grain: height and width `size`."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    periods = generator.uniform(3, 20, (3, 2))
    waves = [127 + 100 * np.sin(rows / a) * np.cos(columns / b) for a, b in periods]
    grain = generator.normal(0, 4, (*size, 3))
    return Image.fromarray((np.stack(waves, axis=2) + grain).clip(0, 255).astype(np.uint8))


def jpeg_split(folder: Path, sizes: list[tuple[int, int]], identities: int = 3) -> Split:
    """A split of JPEG files with these heights and widths; identities and two cameras take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:04d}.jpg" for number in range(len(sizes))]
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        picture(number, size).save(folder / name, quality=90)
    labels = [f"person{number % identities}" for number in range(len(sizes))]
    return split_from_names(folder, names, labels, [f"c{number % 2}" for number in range(len(sizes))])


def truncate(path: Path) -> None:
    """Cut a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
