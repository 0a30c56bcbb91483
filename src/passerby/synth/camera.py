"""Cameras of the synthetic world: a walled place with furniture each, and a way of seeing colours.

A place is painted once. Beside its picture a floor map tells, for every pixel that shows furniture, how near that
furniture stands, so that people walk behind what is nearer than they are. Like the people, a camera follows from
(seed, number) alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.people import keyed_generator

HEIGHT, WIDTH = 720, 1280
"""Size of a camera's picture in pixels."""

CAMERA_HEIGHT = 2.7
"""Metres above the ground; a person this tall would reach the horizon."""

Picture = NDArray[np.uint8]
"""RGB, uint8 [H, W, 3]."""

_GOLDEN = 2.39996
"""The golden angle in radians: successive cameras are spread evenly over the circle of tints and directions."""

_FLOORS = ("tiles", "planks", "asphalt", "slabs")
_WALLS = ("bricks", "panels", "plaster", "windows")
_FLOOR_COLOURS = ((160, 157, 150), (154, 142, 126), (136, 137, 140), (166, 160, 148), (146, 150, 146))
_LAWN = (106, 126, 84)
_WALL_COLOURS = ((150, 92, 76), (176, 182, 186), (206, 196, 172), (126, 142, 156), (150, 156, 132), (96, 100, 110))
_FURNITURE_COLOURS = (
    (58, 76, 62),
    (92, 94, 98),
    (116, 84, 58),
    (54, 70, 104),
    (150, 146, 138),
    (120, 52, 46),
    (44, 46, 50),
)
_FURNITURE = {
    # name: width and height in metres
    "bin": (0.5, 0.9),
    "planter": (0.9, 0.6),
    "bench": (1.6, 0.45),
    "pole": (0.13, 2.6),
    "bollard": (0.18, 0.8),
    "kiosk": (0.8, 1.5),
}


@dataclass(frozen=True)
class Camera:
    """One camera and the place it looks at.

    Attributes:
        number: from 1.
        picture: the empty place, uint8 RGB [HEIGHT, WIDTH, 3].
        floor_line: row on which the furniture shown by a pixel stands, int16 [HEIGHT, WIDTH]; 0 where there is none.
        horizon: row above which nothing stands.
        direction: heading in which most people walk, radians.
        tilt: how far it looks down, radians.
        light: where light comes from, -1 left to 1 right.
        colours: how it mixes RGB, float32 [3, 3].
        tone: its response to brightness, uint8 [256].
        blur: standard deviation of its blur, as a share of a crop's height.
        grain: standard deviation of its noise, grey levels.
        quality: JPEG quality.
    """

    number: int
    picture: Picture
    floor_line: NDArray[np.int16]
    horizon: int
    direction: float
    tilt: float
    light: float
    colours: NDArray[np.float32]
    tone: NDArray[np.uint8]
    blur: float
    grain: float
    quality: int

    def scale(self, row: float) -> float:
        """Pixels per metre of a person whose feet are on this row."""
        return (row - self.horizon) / CAMERA_HEIGHT

    def cut(self, left: float, top: float, zoom: float, size: tuple[int, int]) -> tuple[Picture, NDArray[np.int16]]:
        """The empty place inside a box.

        Args:
            left: first column of the box.
            top: first row of the box.
            zoom: how much larger the result is than the box.
            size: height and width of the result.

        Returns:
            The place, uint8 [height, width, 3], and its floor lines, int16 [height, width].
        """
        frame = np.array([[1 / zoom, 0, left], [0, 1 / zoom, top]])
        smooth, nearest = (way | cv2.WARP_INVERSE_MAP for way in (cv2.INTER_LINEAR, cv2.INTER_NEAREST))
        place = cv2.warpAffine(self.picture, frame, size[::-1], flags=smooth, borderMode=cv2.BORDER_REFLECT)
        lines = cv2.warpAffine(self.floor_line, frame, size[::-1], flags=nearest)
        return place.astype(np.uint8, copy=False), lines.astype(np.int16, copy=False)

    def develop(self, image: Picture, generator: np.random.Generator) -> Picture:
        """What this camera makes of an ideal image [h, w, 3]: blur, colours, tone and grain."""
        blurred = cv2.GaussianBlur(image, (0, 0), self.blur * image.shape[0])
        # Clouds pass, and automatic exposure and white balance follow what else is in the picture.
        gains = np.exp(generator.normal(0, 0.14) + generator.normal(0, 0.045, 3)).astype(np.float32)
        mixed = cv2.transform(blurred, gains[:, None] * self.colours)
        toned = cv2.LUT(mixed, self.tone).astype(np.float32)
        grain = generator.standard_normal((*image.shape[:2], 1), dtype=np.float32) * self.grain
        colour_grain = generator.standard_normal(image.shape, dtype=np.float32) * (self.grain * 0.4)
        developed: Picture = (toned + grain + colour_grain + 0.5).clip(0, 255).astype(np.uint8)
        return developed


def make_camera(seed: int, number: int) -> Camera:
    """The camera with this number in the world of this seed."""
    generator = keyed_generator(seed, "camera", number)
    start = keyed_generator(seed, "cameras").uniform(0, 2 * np.pi)
    light = float(generator.uniform(-0.75, 0.75))
    horizon = int(generator.integers(150, 200))
    wall_foot = horizon + int(generator.integers(70, 130))
    picture = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    picture[:wall_foot] = _wall(wall_foot, number, generator)
    picture[wall_foot:] = _floor(wall_foot, horizon, number, generator)
    floor_line = np.zeros((HEIGHT, WIDTH), dtype=np.int16)
    for row in np.sort(generator.integers(wall_foot + 5, HEIGHT + 60, 9)):
        _place(picture, floor_line, int(row), (float(row) - horizon) / CAMERA_HEIGHT, light, generator)
    return Camera(
        number=number,
        picture=picture,
        floor_line=floor_line,
        horizon=horizon,
        direction=float(start + number * _GOLDEN),
        tilt=float(generator.uniform(0.1, 0.24)),
        light=light,
        colours=_colours(start + number * _GOLDEN, generator),
        tone=_tone(number, generator),
        blur=float(generator.uniform(0.002, 0.004)),
        grain=float(generator.uniform(1.5, 3.2)),
        quality=int(generator.integers(70, 93)),
    )


def _colours(tint: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """White balance, exposure and saturation as one mixing matrix."""
    strength = generator.uniform(0.03, 0.08)
    gains = 1 + strength * np.array([np.cos(tint), 0.35 * np.cos(tint + 2.1), np.cos(tint + 4.2)])
    saturation = generator.uniform(0.78, 1.1)
    grey = np.full((3, 1), 1.0) @ np.array([[0.3, 0.59, 0.11]])
    mixing: NDArray[np.float32] = (np.diag(gains) @ (saturation * np.eye(3) + (1 - saturation) * grey)).astype(
        np.float32
    )
    return mixing


def _tone(number: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Exposure, contrast and gamma as a table; odd cameras are darker than even ones."""
    level = np.linspace(0, 1, 256)
    gamma = generator.uniform(1.0, 1.16) if number % 2 else generator.uniform(0.86, 0.98)
    contrast = generator.uniform(0.86, 1.1)
    toned = (level**gamma - 0.5) * contrast + 0.5 + generator.uniform(-0.03, 0.03)
    return (toned.clip(0.01, 0.99) * 255).astype(np.uint8)


def _mottled(height: int, cell: int, strength: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Soft irregular brightness around 1, float32 [height, WIDTH, 1]."""
    coarse = generator.normal(1, strength, (height // cell + 2, WIDTH // cell + 2)).astype(np.float32)
    smooth = cv2.resize(coarse, (WIDTH, height), interpolation=cv2.INTER_CUBIC)
    return smooth[..., None].astype(np.float32)


def _wall(height: int, number: int, generator: np.random.Generator) -> Picture:
    colour = np.array(_WALL_COLOURS[(number * 5 + int(generator.integers(2))) % len(_WALL_COLOURS)], dtype=np.float32)
    rows, columns = np.mgrid[0:height, 0:WIDTH].astype(np.float32)
    kind = _WALLS[number % len(_WALLS)]
    light = np.ones_like(rows)
    if kind == "bricks":
        course = np.floor(rows / 11)
        light -= 0.22 * ((rows % 11 < 1.6) | ((columns + 14 * (course % 2)) % 28 < 1.6))
        light += 0.10 * np.sin(course * 12.9898 + np.floor((columns + 14 * (course % 2)) / 28) * 78.233)
    elif kind == "panels":
        light -= 0.25 * ((columns % 120 < 2.5) | (np.abs(rows - height * 0.55) < 1.5))
    elif kind == "windows":
        pane = (columns % 170 > 18) & (rows > height * 0.2) & (rows < height * 0.82)
        light = np.where(pane, 0.5 + 0.25 * np.sin(columns / 61 + rows / 37), 1.0).astype(np.float32)
    light *= 0.78 + 0.22 * rows / height
    light[-7:] *= 0.6  # a skirting board, and the shadow at its foot
    wall = colour * light[..., None] * _mottled(height, 24, 0.04, generator)
    painted: Picture = wall.clip(0, 255).astype(np.uint8)
    return painted


def _floor(top: int, horizon: int, number: int, generator: np.random.Generator) -> Picture:
    colour = np.array(_FLOOR_COLOURS[(number * 2 + int(generator.integers(2))) % len(_FLOOR_COLOURS)], dtype=np.float32)
    rows, columns = np.mgrid[top:HEIGHT, 0:WIDTH].astype(np.float32)
    away = 1400 / (rows - horizon)
    sideways = (columns - WIDTH / 2) * away / 520
    line = np.clip(0.02 * away, 0.02, 0.3)
    kind = _FLOORS[(number + int(generator.integers(2))) % len(_FLOORS)]
    light = np.ones_like(rows)
    if kind == "tiles":
        light -= 0.13 * ((np.floor(away * 1.5) + np.floor(sideways * 1.5)) % 2)
    elif kind == "planks":
        light -= 0.22 * (sideways * 1.6 % 1 < line) - 0.07 * np.sin(np.floor(sideways * 1.6) * 12.9898)
    elif kind == "slabs":
        light -= 0.25 * ((sideways * 0.8 % 1 < line) | (away * 0.8 % 1 < line))
    else:
        light += generator.normal(0, 0.05, light.shape).astype(np.float32)
    # A lawn or another ground runs across the place, and people walk over both.
    other = _LAWN if generator.random() < 0.5 else _FLOOR_COLOURS[int(generator.integers(len(_FLOOR_COLOURS)))]
    bend = generator.uniform(0.6, 1.4) * np.sin(sideways * generator.uniform(0.5, 1.2) + generator.uniform(0, 6))
    beyond = ((away - generator.uniform(3.5, 5.0) - bend) * 12 + 0.5).clip(0, 1)[..., None]
    mottled = generator.normal(1, 0.05, rows.shape)[..., None]
    ground = colour * light[..., None] * (1 - beyond) + np.array(other) * mottled * beyond
    shade = _mottled(HEIGHT - top, 90, 0.13, generator)
    painted: Picture = (ground * shade).clip(0, 255).astype(np.uint8)
    return painted


def _place(
    picture: Picture,
    floor_line: NDArray[np.int16],
    row: int,
    scale: float,
    light: float,
    generator: np.random.Generator,
) -> None:
    """Put one piece of furniture on a row of the floor, in place."""
    names = list(_FURNITURE)
    name = names[int(generator.integers(len(names)))]
    colour = np.array(_FURNITURE_COLOURS[int(generator.integers(len(_FURNITURE_COLOURS)))])
    width, height = (size * scale for size in _FURNITURE[name])
    middle = float(generator.uniform(0, WIDTH))
    shape = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    _shade(picture, (middle - light * width * 0.3, row), width)

    def block(left: float, top: float, right: float, bottom: float, tone: float) -> None:
        """A rectangle in shares of the furniture's size."""
        first = (round(middle + left * width), round(row - top * height))
        second = (round(middle + right * width), round(row - bottom * height))
        cv2.rectangle(picture, first, second, (colour * tone).clip(12, 240).tolist(), -1)
        cv2.rectangle(shape, first, second, 255, -1)

    if name == "bench":
        for left in (-0.46, 0.36):
            block(left, 0.9, left + 0.1, 0, 0.6)
        block(-0.5, 1.0, 0.5, 0.72, 1.25)
        block(-0.5, 2.0, 0.5, 1.5, 1.1)
    else:
        dark = -0.5 if light > 0 else 0.22
        block(-0.5, 1.0, 0.5, 0, 0.95)
        block(dark, 1.0, dark + 0.28, 0, 0.72)
        block(-0.5, 1.0, 0.5, 0.93, 1.35)
    if name == "planter":
        _leaves(picture, shape, (middle, row - 1.35 * height), width, generator)
    floor_line[shape > 127] = row


def _shade(picture: Picture, centre: tuple[float, float], width: float) -> None:
    """A soft shadow on the floor, in place."""
    shadow = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    axes = (round(width * 0.62), round(width * 0.14) + 2)
    cv2.ellipse(shadow, (round(centre[0]), round(centre[1])), axes, 0, 0, 360, 0.5, -1)
    picture[:] = (picture * (1 - cv2.GaussianBlur(shadow, (0, 0), 5))[..., None]).astype(np.uint8)


def _leaves(
    picture: Picture, shape: Picture, centre: tuple[float, float], size: float, generator: np.random.Generator
) -> None:
    """A bush: many leaves, darker below, in place."""
    for _ in range(90):
        x, y = generator.normal(0, 0.22, 2)
        green = np.array([52, 96, 48]) * (1.0 - 0.9 * y) * generator.uniform(0.75, 1.2)
        where = (round(centre[0] + x * size), round(centre[1] + y * size * 0.9))
        axes = (max(2, round(size * 0.07)), max(1, round(size * 0.04)))
        angle = float(generator.uniform(0, 180))
        for image, value in ((picture, green.clip(10, 230).tolist()), (shape, 255)):
            cv2.ellipse(image, where, axes, angle, 0, 360, value, -1, cv2.LINE_AA)
