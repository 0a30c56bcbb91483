"""Textures of cloth: woven and printed patterns, folds, and variation of dye.

A map wraps around a part of the body: rows run along the part from its upper to its lower edge, columns around it, from
the back over the right side, the front (middle column) and the left side to the back again.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 64, 128
"""Size of a map."""

Map = NDArray[np.float32]
"""Colours of a map: float32 [ROWS, COLUMNS, 3], RGB from 0 to 255; or one colour, [3]."""

Grid = NDArray[np.float32]
"""A number for every cell of a map, [ROWS, COLUMNS] or a shape that broadcasts to it."""

ALONG: Grid = ((np.arange(ROWS) + 0.5) / ROWS).astype(np.float32)[:, None]
"""Position along the part, 0 at its upper edge, 1 at its lower edge."""

AROUND: Grid = (((np.arange(COLUMNS) + 0.5) / COLUMNS - 0.5) * 2 * np.pi).astype(np.float32)[None, :]
"""Angle around the part in radians, 0 in front, positive to the person's left."""

ASIDE: Grid = np.abs(AROUND)
"""Angle from the front, the same on both sides."""

REPEATING = frozenset({"stripes", "vertical stripes", "checks", "dots", "floral print"})
"""Patterns that go on over sleeves and skirts; the others are on the trunk alone."""


def plain(colour: Map) -> Map:
    """A map of one colour."""
    return np.broadcast_to(colour, (ROWS, COLUMNS, 3)).astype(np.float32)


def painted(cloth: Map, weight: NDArray[np.floating] | NDArray[np.bool_], colour: NDArray[np.floating]) -> Map:
    """A map with another colour, or map, laid over it where `weight` is 1."""
    share = np.asarray(weight, dtype=np.float32)[..., None]
    mixed: Map = cloth + (np.asarray(colour, dtype=np.float32) - cloth) * share
    return mixed


def woven(pattern: str, first: Map, second: Map, generator: np.random.Generator) -> Map:
    """Cloth of two colours in one of the patterns of `wardrobe`; sizes come from the generator."""
    size, place = float(generator.uniform(0.75, 1.3)), float(generator.uniform(0, 1))
    blots = _blots(generator) if pattern == "floral print" else AROUND

    def checks() -> Grid:
        down, across = (ALONG * 8 * size) % 1 < 0.42, (AROUND * 2.5 * size) % 1 < 0.42
        return 0.5 * down + 0.5 * across

    def dots() -> Grid:
        row = np.floor(ALONG * 10 * size)
        across = (AROUND * 2.8 * size + 0.5 * (row % 2)) % 1 - 0.5
        return _bool(np.hypot((ALONG * 10 * size) % 1 - 0.5, across) < 0.27)

    shapes: dict[str, Callable[[], Grid]] = {
        "plain": lambda: np.zeros((1, 1), np.float32),
        "stripes": lambda: _bool((ALONG * (9 + 4 * place) * size) % 1 < 0.45),
        "vertical stripes": lambda: _bool((AROUND * 2.6 * size) % 1 < 0.35),
        "checks": checks,
        "dots": dots,
        "floral print": lambda: _bool(np.sin(7 * blots) > 0.25),
        "colour block": lambda: _bool(0.36 + 0.22 * place > ALONG),
        "band": lambda: _bool(np.abs(ALONG - 0.5) < 0.07 * size),
        "logo": lambda: _emblem(generator),
    }
    return painted(plain(first), np.broadcast_to(shapes[pattern](), (ROWS, COLUMNS)), second)


def folded(cloth: Map, generator: np.random.Generator, strength: float = 0.05, *, upright: bool = False) -> Map:
    """Cloth with soft folds, seamless at the back; upright folds as in a skirt."""
    cells = (4, 18) if upright else (9, 8)
    coarse = generator.normal(0, 1, cells).astype(np.float32)
    wrapped = np.concatenate([coarse, coarse[:, :2]], axis=1)
    wide = COLUMNS * wrapped.shape[1] // cells[1]
    folds = cv2.resize(wrapped, (wide, ROWS), interpolation=cv2.INTER_CUBIC)[:, :COLUMNS]
    lit: Map = cloth * (1 + strength * folds[..., None])
    return lit


def _bool(region: NDArray[np.bool_]) -> Grid:
    return region.astype(np.float32)


def _blots(generator: np.random.Generator) -> Grid:
    """Soft irregular values, seamless at the back."""
    coarse = generator.normal(0, 0.6, (12, 14)).astype(np.float32)
    wrapped = np.concatenate([coarse, coarse[:, :2]], axis=1)
    smooth = cv2.resize(wrapped, (COLUMNS * 16 // 14, ROWS), interpolation=cv2.INTER_CUBIC)
    return smooth[:, :COLUMNS].astype(np.float32)


def _emblem(generator: np.random.Generator) -> Grid:
    """A mark on the chest, small or large, and another one, or nothing, on the back."""
    wide, high = generator.uniform(0.22, 0.62), generator.uniform(0.05, 0.14)
    middle, off = generator.uniform(0.3, 0.44), generator.choice([0.0, 0.0, 0.45])
    if off:
        wide, high = 0.14, 0.035
    along, around = (ALONG - middle) / high, (AROUND - off) / wide
    kind = int(generator.integers(4))
    front = [
        np.hypot(along, around) < 1,
        np.maximum(np.abs(along), np.abs(around)) < 0.85,
        (np.abs(around) < 1) & (np.abs(along) < 1) & ((along * 1.6) % 1 < 0.55),
        np.abs(around) + np.abs(along) < 1,
    ][kind]
    behind = np.pi - ASIDE
    back = (behind < 0.6) & (np.abs(ALONG - 0.32) < 0.07) & ((ALONG * 14) % 1 < 0.6)
    return _bool(front | (back & bool(generator.random() < 0.4)))
