"""Furniture that occludes people: bins, planters, bollards, railings, lamps, trees, bicycles, cars.

Each is made of boxes and bars placed in the world and drawn from the farthest to the nearest, into the picture and into
a map of depths, so that people walk behind what is nearer than they are.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.camera import HEIGHT, WIDTH, Camera, Picture

Floats = NDArray[np.float32]
Colour = NDArray[np.float64]

_PAINTS = ((66, 78, 68), (92, 94, 98), (110, 92, 76), (66, 76, 96), (150, 146, 138), (108, 70, 64), (50, 52, 56))
_CARS = ((36, 38, 42), (190, 192, 194), (120, 124, 130), (112, 48, 48), (58, 70, 98), (216, 216, 214), (72, 76, 82))
_GREEN = (64, 88, 50)


def furnish(
    camera: Camera,
    picture: Picture,
    generator: np.random.Generator,
    *,
    pieces: tuple[int, int] = (7, 12),
    farthest: float = 15,
) -> Floats:
    """Put furniture into a place, in place.

    Args:
        camera: looks at it.
        picture: of the empty place, uint8 RGB [HEIGHT, WIDTH, 3].
        generator: what stands where.
        pieces: how many, from the first number and below the second.
        farthest: metres; the nearest stand at five.

    Returns:
        Depth of the furniture that a pixel shows, metres along the optical axis, infinite where there is none; float32
        [HEIGHT, WIDTH].
    """
    bench = _Workbench(camera, picture)
    count = int(generator.integers(*pieces))
    corners = generator.uniform((5.0, -1), (farthest, 1), (count, 2))
    spots = sorted(((float(z), float(a)) for z, a in corners), reverse=True)
    kinds = list(_KINDS)
    weights = np.array([_KINDS[kind][1] for kind in kinds], dtype=np.float64)
    for z, aside in spots:
        kind = kinds[int(generator.choice(len(kinds), p=weights / weights.sum()))]
        depth = max(z, 9.5) if kind in ("car", "bicycles") else z
        half = 0.52 * WIDTH / camera.lens.focal * depth
        _KINDS[kind][0](bench, aside * half, depth, generator)
    return bench.depth


class _Workbench:
    """Draws boxes and bars into a picture and its depths."""

    def __init__(self, camera: Camera, picture: Picture) -> None:
        self.camera = camera
        self.picture = picture
        self.depth = np.full((HEIGHT, WIDTH), np.inf, dtype=np.float32)
        light = camera.light
        self._level = max(0.0, sum(a * b for a, b in zip(light.towards, light.up, strict=True)))

    def _point(self, x: float, z: float, up: float) -> tuple[int, int]:
        column, row, _ = self.camera.lens.project(x, z, up)
        return round(column * 16), round(row * 16)

    def _tone(self, colour: Colour, facing: float) -> list[int]:
        light = self.camera.light
        lit = facing * np.array(light.sun) + 0.8 * np.array(light.sky) + 0.3 * np.array(light.ground)
        shown: list[int] = (colour * np.sqrt(lit)).clip(8, 245).astype(int).tolist()
        return shown

    def face(self, corners: list[tuple[float, float, float]], colour: Colour, facing: float, z: float) -> None:
        """A convex polygon of points (x, z, up), as deep as the point (0, z)."""
        outline = np.array([self._point(*corner) for corner in corners], np.int32)
        cv2.fillConvexPoly(self.picture, outline, self._tone(colour, facing), cv2.LINE_AA, 4)
        cv2.fillConvexPoly(self.depth, outline, self.camera.lens.project(0, z)[2], cv2.LINE_8, 4)

    def box(self, x: float, z: float, size: tuple[float, float, float], colour: Colour, base: float = 0.0) -> None:
        """A box of (wide, deep, high) whose near face is at z."""
        wide, deep, high = size
        left, right, back, top = x - wide / 2, x + wide / 2, z + deep, base + high
        sun = self.camera.light.towards
        side, facing = (right, sun[0]) if x < 0 else (left, -sun[0])
        flank = [(side, z, base), (side, back, base), (side, back, top), (side, z, top)]
        self.face(flank, colour, max(0.0, facing), z + deep / 2)
        roof = [(left, z, top), (right, z, top), (right, back, top), (left, back, top)]
        self.face(roof, colour, self._level, z + deep / 2)
        front = [(left, z, base), (right, z, base), (right, z, top), (left, z, top)]
        self.face(front, colour, max(0.0, -sun[2]), z)

    def bar(self, x: float, z: float, to: tuple[float, float], base: float, thick: float, colour: Colour) -> None:
        """A straight bar in the plane z, from (x, base) to (x, up) = `to`."""
        across = np.array([to[0] - x, to[1] - base])
        normal = np.array([-across[1], across[0]]) / max(1e-6, float(np.hypot(*across))) * thick / 2
        ends = [(x, base), (x, base), to, to]
        signs = (1, -1, -1, 1)
        corners = [(a + s * normal[0], z, b + s * normal[1]) for (a, b), s in zip(ends, signs, strict=True)]
        self.face(corners, colour, 0.5, z)

    def ring(self, x: float, z: float, up: float, radius: float, colour: Colour, thick: float = 0.03) -> None:
        """A wheel seen from the side."""
        column, row = self._point(x, z, up)
        depth = self.camera.lens.project(x, z, up)[2]
        scale = self.camera.lens.focal / depth
        for image, value in ((self.picture, self._tone(colour, 0.4)), (self.depth, depth)):
            width = max(1, round(thick * scale))
            cv2.circle(image, (column, row), round(radius * scale * 16), value, width, cv2.LINE_8, 4)

    def disc(self, x: float, z: float, up: float, axes: tuple[float, float], colour: Colour) -> None:
        """A filled ellipse, half axes in metres, seen from the front."""
        column, row = self._point(x, z, up)
        depth = self.camera.lens.project(x, z, up)[2]
        scale = self.camera.lens.focal / depth
        half = (max(1, round(axes[0] * scale)), max(1, round(axes[1] * scale)))
        for image, value in ((self.picture, self._tone(colour, 0.5)), (self.depth, depth)):
            cv2.ellipse(image, (column // 16, row // 16), half, 0, 0, 360, value, -1, cv2.LINE_8)

    def shade(self, x: float, z: float, wide: float, deep: float) -> None:
        """A soft shadow on the ground."""
        column, row, depth = self.camera.lens.project(x, z)
        scale = self.camera.lens.focal / depth
        shadow = np.zeros((HEIGHT // 4, WIDTH // 4), dtype=np.float32)
        axes = (round(wide * scale * 0.16) + 1, round(deep * scale * 0.06) + 1)
        cv2.ellipse(shadow, (round(column / 4), round(row / 4)), axes, 0, 0, 360, 0.42, -1)
        dark = cv2.resize(cv2.GaussianBlur(shadow, (0, 0), 2), (WIDTH, HEIGHT))
        self.picture[:] = (self.picture * (1 - dark)[..., None]).astype(np.uint8)


def _colour(generator: np.random.Generator, paints: tuple[tuple[int, int, int], ...] = _PAINTS) -> Colour:
    return np.array(paints[int(generator.integers(len(paints)))]) * generator.uniform(0.85, 1.2)


def _bin(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    colour = _colour(generator)
    bench.shade(x, z + 0.2, 0.7, 0.7)
    bench.box(x, z, (0.5, 0.45, 0.95), colour)
    bench.box(x, z - 0.01, (0.54, 0.5, 0.08), colour * 0.6, base=0.87)


def _kiosk(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    wide = float(generator.uniform(0.6, 1.0))
    bench.shade(x, z + 0.3, wide * 1.3, 1.0)
    bench.box(x, z, (wide, 0.5, float(generator.uniform(1.1, 1.6))), _colour(generator))


def _bollards(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    colour = _colour(generator)
    for number in range(int(generator.integers(1, 5))):
        bench.shade(x + 1.3 * number, z, 0.3, 0.4)
        bench.box(x + 1.3 * number, z, (0.15, 0.15, 0.9), colour)


def _railing(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    colour, long = _colour(generator) * 0.9 + 30, float(generator.uniform(2, 4.5))
    high = float(generator.uniform(0.8, 1.05))
    for up in (high, 0.55 * high):
        bench.bar(x - long / 2, z, (x + long / 2, up), up, 0.05, colour)
    for post in np.arange(-long / 2, long / 2 + 0.01, 0.9):
        bench.bar(x + post, z, (x + post, high), 0, 0.05, colour)


def _lamp(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    bench.shade(x, z, 0.4, 0.4)
    bench.box(x, z, (0.13, 0.13, 4.5), _colour(generator) * 0.8)
    bench.box(x, z, (0.3, 0.3, 0.25), np.array([90.0, 90, 92]))


def _planter(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    wide = float(generator.uniform(0.8, 1.6))
    bench.shade(x, z + 0.3, wide * 1.2, 1.0)
    bench.box(x, z, (wide, 0.7, 0.5), _colour(generator) * 0.6 + 60)
    _leaves(bench, x, z + 0.1, 0.75, (wide * 0.5, 0.35), generator)


def _tree(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    bench.shade(x, z, 1.6, 1.6)
    bench.box(x, z, (0.26, 0.26, 3.2), np.array([88.0, 72, 58]))
    _leaves(bench, x, z, 3.4, (1.3, 0.8), generator)


def _leaves(
    bench: _Workbench, x: float, z: float, up: float, size: tuple[float, float], generator: np.random.Generator
) -> None:
    """A bush or crown: many leaves, darker below."""
    green = np.array(_GREEN) * generator.uniform(0.8, 1.2)
    spots = generator.uniform(-1, 1, (220, 3))
    for aside, over, tone in spots[np.argsort(spots[:, 1])]:
        if aside**2 + over**2 < 1:
            leaf = (0.12 * size[0], 0.13 * size[1])
            bench.disc(x + aside * size[0], z, up + over * size[1], leaf, green * (1 + 0.3 * over + 0.2 * tone))


def _bicycles(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    black = np.array([30.0, 30, 32])
    for number in range(int(generator.integers(1, 4))):
        paint, left, away = _colour(generator, _CARS), x + 0.45 * number, z - 0.15 * number
        bench.shade(left + 0.5, away, 1.6, 0.5)
        for wheel in (left, left + 1.02):
            bench.ring(wheel, away, 0.34, 0.33, black)
        for start, end in (((0, 0.34), (0.36, 0.78)), ((0.36, 0.34), (0.3, 0.86)), ((0.36, 0.78), (0.84, 0.8))):
            bench.bar(left + start[0], away, (left + end[0], end[1]), start[1], 0.035, paint)
        for start, end in (((0.36, 0.34), (0.86, 0.76)), ((1.02, 0.34), (0.82, 0.98)), ((0.22, 0.9), (0.42, 0.9))):
            bench.bar(left + start[0], away, (left + end[0], end[1]), start[1], 0.035, paint)
        bench.bar(left + 0.7, away, (left + 0.92, 1.0), 0.98, 0.04, black)


def _car(bench: _Workbench, x: float, z: float, generator: np.random.Generator) -> None:
    paint = _colour(generator, _CARS)
    glass, black = np.array([52.0, 60, 68]), np.array([26.0, 26, 28])
    bench.shade(x, z + 0.8, 5.2, 3.0)
    bench.box(x, z, (4.3, 1.7, 0.6), paint, base=0.28)
    cabin = [(x - 1.5, 0.88), (x + 1.6, 0.88), (x + 1.05, 1.42), (x - 0.85, 1.42)]
    bench.face([(a, z + 0.1, up) for a, up in cabin], paint * 0.9, 0.4, z)
    for left, right in ((-1.25, 0.05), (0.15, 1.3)):
        low, high = (x + left, x + right), (x + max(left, -0.75), x + min(right, 0.95))
        pane = [(low[0], 0.9), (low[1], 0.9), (high[1], 1.35), (high[0], 1.35)]
        bench.face([(a, z + 0.1, up) for a, up in pane], glass, 0.2, z)
    for wheel in (x - 1.35, x + 1.35):
        bench.disc(wheel, z - 0.02, 0.32, (0.32, 0.32), black)
        bench.disc(wheel, z - 0.03, 0.32, (0.17, 0.17), np.array([120.0, 122, 124]))


_Maker = Callable[[_Workbench, float, float, np.random.Generator], None]

_KINDS: dict[str, tuple[_Maker, float]] = {
    "bin": (_bin, 2),
    "kiosk": (_kiosk, 1),
    "bollards": (_bollards, 2),
    "railing": (_railing, 2),
    "lamp": (_lamp, 2),
    "planter": (_planter, 2),
    "tree": (_tree, 1.5),
    "bicycles": (_bicycles, 3),
    "car": (_car, 2),
}
"""What stands about, and how common it is."""
