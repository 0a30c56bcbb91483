"""Cloth of the look `street`: more weaves and prints in more shades than words tell apart, and wrinkles of every size.

Patterns keep the words of `wardrobe`: a floral print may be flowers, blots, camouflage or a picture, a logo a word or
an image, but stripes are stripes.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.people.fabrics import ALONG, AROUND, ASIDE, COLUMNS, ROWS, Grid, Map, painted, plain, woven


def street_shade(colour: tuple[int, int, int], spread: float, generator: np.random.Generator) -> Map:
    """A dye of this name: nobody's blue is another's; worn cloth is paler and greyer than new."""
    hsv = cv2.cvtColor(np.array([[colour]], np.float32) / 255, cv2.COLOR_RGB2HSV)[0, 0]
    hue = (hsv[0] + float(generator.normal(0, 80 * spread))) % 360
    faded = hsv[1] * float(generator.uniform(0.45, 1.05))
    value = hsv[2] * float(np.exp(generator.normal(-0.04, 2.6 * spread)))
    dyed = cv2.cvtColor(np.array([[[hue, faded, value]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0] * 255
    shade: Map = (dyed + generator.normal(0, 3, 3)).clip(7, 243).astype(np.float32)
    return shade


def street_woven(pattern: str, first: Map, second: Map, generator: np.random.Generator) -> Map:
    """As `fabrics.woven`, with more kinds of each pattern, of two to five colours."""
    third = _third(first, second, generator)
    if pattern == "plain":
        return _plain(first, second, generator)
    if pattern in ("stripes", "vertical stripes"):
        return _striped(pattern == "stripes", first, second, third, generator)
    if pattern == "checks":
        return _tartan(first, second, third, generator)
    if pattern == "floral print":
        return _printed(first, [second, third, _third(first, second, generator)], generator)
    if pattern == "logo":
        return _chest_print(first, second, third, generator)
    return woven(pattern, first, second, generator)


def street_folded(cloth: Map, generator: np.random.Generator, strength: float = 0.05, *, upright: bool = False) -> Map:
    """As `fabrics.folded`, with creases across, wrinkles and the grain of the weave."""
    drape = strength / 0.05 * float(generator.uniform(0.5, 1.7))
    coarse = (5, 16) if upright else (8, 9)
    relief = 0.055 * drape * noise(coarse, generator)
    relief = relief + 0.035 * drape * np.abs(noise((18, 16), generator)) - 0.02
    slant = float(generator.choice([-1, 1])) * generator.uniform(4, 9)
    relief = relief + 0.03 * drape * np.sin(slant * AROUND + 9 * ALONG + 2 * noise((5, 6), generator)) * noise(
        (4, 5), generator
    )
    relief = relief + float(generator.uniform(0.005, 0.022)) * generator.standard_normal((ROWS, COLUMNS)).astype(
        np.float32
    )
    lit: Map = cloth * np.clip(1 + relief, 0.45, 1.5)[..., None].astype(np.float32)
    return lit


def noise(cells: tuple[int, int], generator: np.random.Generator) -> Grid:
    """Soft irregular values of standard deviation about 1, seamless at the back, float32 [ROWS, COLUMNS]."""
    coarse = generator.standard_normal(cells).astype(np.float32)
    wrapped = np.concatenate([coarse, coarse[:, :2]], axis=1)
    # From the middle of the first cell, since what is before it or behind the last one's does not vary.
    at = (np.arange(COLUMNS, dtype=np.float32) * (cells[1] / COLUMNS))[None].repeat(ROWS, axis=0)
    down = ((np.arange(ROWS, dtype=np.float32) + 0.5) * (cells[0] / ROWS) - 0.5)[:, None].repeat(COLUMNS, axis=1)
    soft = cv2.remap(wrapped, at, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(1.3 * soft, dtype=np.float32)


def _third(first: Map, second: Map, generator: np.random.Generator) -> Map:
    """A colour that goes with two others: a mixture, black, white, or any."""
    kind = int(generator.integers(4))
    other = [0.5 * (first + second), np.full(3, 28.0), np.full(3, 228.0), generator.uniform(20, 220, 3)][kind]
    return np.asarray(other, dtype=np.float32)


def _bands(position: NDArray[np.floating], generator: np.random.Generator) -> NDArray[np.int64]:
    """Which of three colours a repeating row of bands has at a position: 0, 1 or 2."""
    count = int(generator.integers(2, 6))
    widths = generator.dirichlet(np.full(count, 1.5))
    colours = np.array([number % 2 if generator.random() < 0.8 else 2 for number in range(count)])
    return colours[np.minimum(np.searchsorted(np.cumsum(widths), position % 1), count - 1)]


def _striped(level: bool, first: Map, second: Map, third: Map, generator: np.random.Generator) -> Map:
    period = float(np.exp(generator.uniform(np.log(2.5), np.log(14))))
    around = max(1, round(0.6 * period)) / (2 * np.pi)
    position = ALONG * period + float(generator.random()) if level else AROUND * around
    bands = np.broadcast_to(_bands(position, generator), (ROWS, COLUMNS))
    return np.stack([first, second, third])[bands]


def _tartan(first: Map, second: Map, third: Map, generator: np.random.Generator) -> Map:
    period = float(generator.uniform(3, 9))
    colours = np.stack([first, second, third])
    down = colours[np.broadcast_to(_bands(ALONG * period, generator), (ROWS, COLUMNS))]
    across = colours[
        np.broadcast_to(_bands(AROUND * max(1, round(0.8 * period)) / (2 * np.pi), generator), (ROWS, COLUMNS))
    ]
    mixed: Map = 0.5 * down + 0.5 * across
    return mixed


def _plain(first: Map, second: Map, generator: np.random.Generator) -> Map:
    """One colour; now and then melange, washed, or with another yoke or hem."""
    kind = generator.random()
    cloth = plain(first)
    if kind < 0.15:
        cloth = cloth * (1 + float(generator.uniform(0.05, 0.16)) * noise((32, 40), generator))[..., None]
    elif kind < 0.27:
        cloth = cloth * (1 + float(generator.uniform(0.05, 0.2)) * noise((4, 5), generator))[..., None]
    elif kind < 0.33:
        cloth = painted(cloth, float(generator.uniform(0.6, 0.9)) < ALONG, 0.5 * first + 0.5 * second)
    return np.asarray(cloth, dtype=np.float32)


def _printed(first: Map, others: list[Map], generator: np.random.Generator) -> Map:
    """Flowers, blots, camouflage, an even scatter, or a blurred picture all over."""
    kind = int(generator.integers(4))
    cloth = plain(first)
    if kind == 0:
        return _scattered(cloth, others, generator)
    if kind == 1:
        shown = generator.uniform(15, 235, (int(generator.integers(4, 12)), int(generator.integers(5, 14)), 3))
        mixed = 0.5 * shown + 0.5 * first
        return cv2.resize(mixed.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_CUBIC).clip(5, 245)
    cells = (int(generator.integers(6, 22)), int(generator.integers(8, 26)))
    for other in others[: int(generator.integers(1, 4))]:
        cloth = painted(cloth, noise(cells, generator) > float(generator.uniform(0.2, 1.0)), other)
    return cloth


def _scattered(cloth: Map, others: list[Map], generator: np.random.Generator) -> Map:
    """Small things of one kind all over."""
    picture = np.ascontiguousarray(cloth)
    size = float(generator.uniform(1.0, 5.0))
    for _ in range(int(generator.uniform(40, 260) / size)):
        colour = [float(v) for v in others[int(generator.integers(len(others)))]]
        centre = (int(generator.integers(COLUMNS)), int(generator.integers(ROWS)))
        axes = (max(1, round(size * generator.uniform(0.6, 1.6))), max(1, round(size * generator.uniform(0.4, 1.2))))
        cv2.ellipse(picture, centre, axes, float(generator.uniform(0, 180)), 0, 360, colour, -1)
    return picture


def _chest_print(first: Map, second: Map, third: Map, generator: np.random.Generator) -> Map:
    """Lines of a text, a figure, or a picture on the chest; now and then one on the back as well."""
    cloth = painted(plain(first), _figure(ASIDE < 2, AROUND, generator), second)
    if generator.random() < 0.4:
        cloth = painted(cloth, _figure(ASIDE < 2, AROUND, generator), third)
    if generator.random() < 0.35:
        behind = np.where(AROUND > 0, AROUND - np.pi, AROUND + np.pi)
        cloth = painted(cloth, _figure(ASIDE > 1.2, behind, generator), second)
    return cloth


def _figure(side: NDArray[np.bool_], around: Grid, generator: np.random.Generator) -> Grid:
    """Where ink is, 0 or 1."""
    wide, high = float(generator.uniform(0.12, 0.75)), float(generator.uniform(0.03, 0.2))
    across, along = (
        (around - float(generator.normal(0, 0.12))) / wide,
        (ALONG - float(generator.uniform(0.25, 0.5))) / high,
    )
    box = (np.abs(across) < 1) & (np.abs(along) < 1)
    kind = int(generator.integers(5))
    if kind == 0:
        inside = np.hypot(across, along) < 1
    elif kind == 1:
        inside = box & ((along * float(generator.uniform(1, 2.5))) % 1 < 0.55) & (noise((24, 60), generator) > -0.6)
    elif kind == 2:
        inside = box & (noise((14, 30), generator) > 0)
    elif kind == 3:
        inside = np.abs(across) + np.abs(along) < 1
    else:
        inside = (np.hypot(across, along) < 1.1) & (noise((10, 22), generator) > 0.1)
    return np.asarray(inside & side, dtype=np.float32)
