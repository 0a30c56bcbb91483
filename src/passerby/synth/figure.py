"""Draws a person: every part of the body is a tube, wrapped in painted clothes and lit from one side.

Seen from the camera, a part is a strip along the line between its projected ends; across the strip, the angle around
the tube tells which column of the clothes map is seen, and how much light it gets. Parts are painted from the farthest
to the nearest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.synth.body import PROFILES, Part, Point, skeleton
from passerby.synth.people import COLUMNS, ROWS, Map, Person

Canvas = NDArray[np.float32]
"""An image being painted: float32 [H, W, 3], RGB from 0 to 255."""

Pixel = tuple[float, float]

_STEPS = 64
"""Resolution of the tables across a tube."""


@dataclass(frozen=True)
class View:
    """How a figure is seen.

    Attributes:
        heading: direction of walking in radians; 0 towards the camera, π/2 to the right of the picture.
        phase: moment of the walking cycle, radians.
        foot: pixel (x, y) of the ground between the feet.
        scale: pixels per metre.
        tilt: how far the camera looks down, radians.
        light: where light comes from, -1 left to 1 right.
    """

    heading: float
    phase: float
    foot: Pixel
    scale: float
    tilt: float
    light: float


def draw(canvas: Canvas, person: Person, view: View) -> NDArray[np.float32]:
    """Paint one person onto the canvas, in place.

    Returns the share of every pixel that the figure covers, float32 [H, W].
    """
    covered = np.zeros(canvas.shape[:2], dtype=np.float32)
    sine, cosine = np.sin(view.heading), np.cos(view.heading)
    down, level = np.sin(view.tilt), np.cos(view.tilt)
    scale = view.scale * person.height

    def nearness(part: Part) -> float:
        """How much nearer to the camera a part is painted than the body's axis."""
        (forward, left, _), (to_forward, to_left, _) = part.start, part.end
        return float((forward + to_forward) / 2 * cosine - (left + to_left) / 2 * sine + part.nearer)

    def seen(point: Point) -> Pixel:
        forward, left, up = point
        x = view.foot[0] + scale * (forward * sine + left * cosine)
        y = view.foot[1] - scale * (up * level - (forward * cosine - left * sine) * down)
        return float(x), float(y)

    for part in sorted(skeleton(person, view.phase), key=nearness):
        front, side = PROFILES[part.profile or part.clothes]
        half_width = np.hypot(front * part.wide * cosine, side * part.deep * sine) * scale
        turn = float(np.arctan2(part.deep * sine, part.wide * cosine))
        strip = _strip(canvas.shape, seen(part.start), seen(part.end), half_width, part.deep * scale)
        if strip is not None:
            _blend(canvas, covered, person.maps[part.clothes], strip, turn, view.light)
    return covered


@dataclass(frozen=True)
class _Strip:
    """The pixels of one tube, columns of equal length.

    Attributes:
        pixels: rows and columns in the canvas.
        row: row of the clothes map.
        across: signed distance from the tube's middle, pixels.
        width: half-width of the tube there, pixels.
    """

    pixels: tuple[NDArray[np.intp], NDArray[np.intp]]
    row: NDArray[np.int32]
    across: NDArray[np.float32]
    width: NDArray[np.float32]


def _strip(
    shape: tuple[int, ...], start: Pixel, end: Pixel, half_width: NDArray[np.float32], radius: float
) -> _Strip | None:
    """The pixels between two projected ends, or None where none is inside the canvas.

    A tube that points at the camera has hardly any length in the picture; it still shows its round end of `radius`.
    """
    (x, y), length = start, float(np.hypot(end[0] - start[0], end[1] - start[1]))
    to_x, to_y = ((end[0] - x) / length, (end[1] - y) / length) if length > 1e-3 else (0.0, 1.0)
    overhang = 0.6 * max(0.0, radius - length / 2)
    x, y, length = x - to_x * overhang, y - to_y * overhang, length + 2 * overhang
    reach = float(half_width.max()) + 1
    left, right = _between(x, x + to_x * length, reach, shape[1])
    top, bottom = _between(y, y + to_y * length, reach, shape[0])
    if left >= right or top >= bottom:
        return None
    aside = np.arange(left, right, dtype=np.float32)[None, :] + np.float32(0.5 - x)
    below = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - y)
    along = (aside * np.float32(to_x) + below * np.float32(to_y)) * np.float32(ROWS / max(length, 1e-3))
    across = aside * np.float32(to_y) - below * np.float32(to_x)
    row = along.astype(np.int32)
    width = half_width.astype(np.float32)[row.clip(0, ROWS - 1)]
    inside = (along >= 0) & (row < ROWS) & (np.abs(across) < width + 0.5)
    rows, columns = np.nonzero(inside)
    return _Strip((rows + top, columns + left), row[inside], across[inside], width[inside])


def _between(first: float, second: float, reach: float, limit: int) -> tuple[int, int]:
    """The range of whole pixels around two coordinates, inside the canvas."""
    low, high = min(first, second) - reach, max(first, second) + reach
    return max(0, int(np.floor(low))), min(limit, int(np.ceil(high)))


def _blend(
    canvas: Canvas, covered: NDArray[np.float32], clothes: Map, strip: _Strip, turn: float, light: float
) -> None:
    """Light and blend the pixels of one tube, in place; a pixel at the rim is covered in part."""
    position = np.linspace(-1, 1, _STEPS)
    angle = np.arcsin(position) - turn
    column = np.round((angle / (2 * np.pi) + 0.5) * COLUMNS - 0.5).astype(np.int32) % COLUMNS
    towards = position * light + np.sqrt(1 - position**2) * np.sqrt(max(0.0, 1 - light**2))
    lit = (0.56 + 0.48 * towards.clip(0, 1)).astype(np.float32)
    relative = (strip.across / np.maximum(strip.width, 0.5)).clip(-1, 1)
    step = (relative * ((_STEPS - 1) / 2) + _STEPS / 2).astype(np.int32).clip(0, _STEPS - 1)
    colour = clothes[strip.row, column[step]] * lit[step][:, None]
    alpha = (strip.width - np.abs(strip.across) + 0.5).clip(0, 1)
    canvas[strip.pixels] += (colour - canvas[strip.pixels]) * alpha[:, None]
    covered[strip.pixels] += (1 - covered[strip.pixels]) * alpha
