"""Places of the look `street`: full of things, dark corners and dirt.

Walls are covered by scraps of many sizes, one over the other ("dead leaves", whose statistics are those of
photographs); parked things stand before them; dirt, wear and shade lie over everything.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.camera import HEIGHT, WIDTH, Camera, Picture

_DULL = np.array(
    [[60, 62, 66], [120, 116, 110], [170, 168, 162], [38, 38, 42], [92, 84, 74], [72, 84, 62], [210, 208, 202]]
)
_BRIGHT = np.array([[176, 52, 44], [52, 86, 150], [206, 168, 60], [60, 120, 82], [220, 220, 218]])


def hang_up(camera: Camera, picture: Picture, generator: np.random.Generator) -> None:
    """Cover the wall at the end of the place with doors, signs, and what leans against it, in place."""
    edge = int(np.clip(camera.lens.project(0, 15.5)[1], 60, HEIGHT - 150))
    light = np.sqrt(np.array(camera.light.sky) + 0.3 * np.array(camera.light.sun))
    _doors(picture, edge, light, generator)
    canvas = picture[:edge]
    count = int(np.exp(generator.uniform(np.log(15), np.log(260))))
    sizes = 220 / (1 + 0.5 * np.arange(count)) ** 0.5
    for size in sizes:
        _leaf(canvas, float(size), light, generator)


def soil(picture: Picture, generator: np.random.Generator) -> None:
    """Wear, dirt, and patches of shade at every scale over the whole place, and its own faded colours, in place."""
    tone = np.full((HEIGHT, WIDTH), float(np.exp(generator.normal(-0.08, 0.17))), np.float32)
    for cells, strength in ((5, 0.14), (18, 0.1), (70, 0.07), (260, 0.05), (720, 0.04)):
        coarse = generator.standard_normal((max(3, cells * 9 // 16), cells), dtype=np.float32)
        tone *= 1 + strength * float(generator.uniform(0.3, 1.3)) * cv2.resize(coarse, (WIDTH, HEIGHT))
    if generator.random() < 0.4:
        tone *= _shade(generator)
    lifted = picture * tone.clip(0.2, 1.6)[..., None]
    grey = lifted.mean(axis=2, keepdims=True)
    faded = grey + (lifted - grey) * float(generator.uniform(0.5, 1.1))
    picture[:] = faded.clip(3, 250).astype(np.uint8)


def _doors(picture: Picture, edge: int, light: NDArray[np.float64], generator: np.random.Generator) -> None:
    """Openings into the dark."""
    for _ in range(int(generator.poisson(1.2))):
        wide, high = int(generator.uniform(60, 420)), int(generator.uniform(0.4, 1.1) * edge)
        left = int(generator.uniform(-100, WIDTH))
        colour = generator.uniform(8, 60) * light * generator.uniform(0.8, 1.1, 3)
        cv2.rectangle(picture, (left, edge - high), (left + wide, edge), colour.clip(4, 250).tolist(), -1)


def _leaf(canvas: Picture, size: float, light: NDArray[np.float64], generator: np.random.Generator) -> None:
    """A box, a disc, bars or a scrap of some colour, somewhere."""
    palette = _BRIGHT if generator.random() < 0.14 else _DULL
    colour = palette[int(generator.integers(len(palette)))] * np.exp(generator.normal(0, 0.3)) + generator.normal(
        0, 8, 3
    )
    shown = (colour * light).clip(4, 248).tolist()
    x, y = int(generator.uniform(0, WIDTH)), int(generator.uniform(0, len(canvas)))
    wide, high = (max(2, round(size * float(np.exp(generator.normal(0, 0.5))))) for _ in range(2))
    kind = int(generator.integers(5))
    if kind == 0:
        cv2.rectangle(canvas, (x, y), (x + wide, y + high), shown, -1)
    elif kind == 1:
        cv2.ellipse(canvas, (x, y), (wide // 2, high // 2), 0, 0, 360, shown, -1, cv2.LINE_AA)
    elif kind == 2:
        corners = (generator.uniform(-1, 1, (4, 2)) * (wide, high) + (x, y)).astype(np.int32)
        cv2.fillConvexPoly(canvas, cv2.convexHull(corners), shown, cv2.LINE_AA)
    elif kind == 3:
        cv2.ellipse(canvas, (x, y), (wide // 2, wide // 2), 0, 0, 360, shown, max(1, wide // 9), cv2.LINE_AA)
    else:
        apart, thick = max(4, wide // 7), max(1, wide // 24)
        for number in range(int(generator.integers(2, 9))):
            top = (x + number * apart, y)
            cv2.line(canvas, top, (top[0] + int(generator.normal(0, 2)), y + high), shown, thick, cv2.LINE_AA)


def _shade(generator: np.random.Generator) -> NDArray[np.float32]:
    """The edge of a building's shadow."""
    angle, offset = float(generator.uniform(0, 2 * np.pi)), float(generator.uniform(-0.3, 0.3))
    across, down = (
        np.linspace(-1, 1, WIDTH, dtype=np.float32)[None],
        np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None],
    )
    inside = (across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle)) - np.float32(offset)) > 0
    depth = np.float32(generator.uniform(0.25, 0.6))
    soft: NDArray[np.float32] = cv2.blur(np.where(inside, 1 - depth, np.float32(1)), (9, 9)).astype(np.float32)
    return soft
