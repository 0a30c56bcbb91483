"""A synthetic world: its people walk past its cameras, and every crop can be taken alone, in any order."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.camera import CAMERA_HEIGHT, HEIGHT, WIDTH, Camera, Picture, make_camera
from passerby.synth.figure import Canvas, View, draw
from passerby.synth.people import Person, keyed_generator, make_person

STRANGERS = 100_000
"""People without an identity have numbers from here on; where every second of them should be, nobody is."""

_FOCAL = 900.0
"""Focal length of the cameras in pixels."""

_CANVAS = 320
"""Least height of the canvas a crop is painted on before it is made smaller, pixels."""

_CROWD = 40
"""How many different strangers walk beside others."""


@dataclass(frozen=True)
class Standing:
    """Where a person is in a camera's picture.

    Attributes:
        x: column of the ground between the feet.
        row: row of the ground between the feet.
        heading: direction of walking, radians; 0 towards the camera.
        phase: moment of the walking cycle, radians.
    """

    x: float
    row: float
    heading: float
    phase: float


class World:
    """People and cameras of one seed.

    Args:
        seed: everything follows from it.
        cameras: how many cameras there are, numbered from 1.
        steps: crops of one pass, half a second apart.
        size: height and width of the crops in pixels.
    """

    def __init__(self, *, seed: int, cameras: int, steps: int, size: tuple[int, int]) -> None:
        self.seed = seed
        self.steps = steps
        self.size = size
        self._cameras = [make_camera(seed, number) for number in range(1, cameras + 1)]
        # One identity is drawn at a time; strangers come back again and again.
        self._person: Callable[[int], Person] = lru_cache(maxsize=_CROWD + 24)(lambda number: make_person(seed, number))
        self._passes: Callable[[int, int], list[Standing]] = lru_cache(maxsize=64)(self._pass)

    def camera(self, number: int) -> Camera:
        """The camera with this number."""
        return self._cameras[number - 1]

    def person(self, number: int) -> Person:
        """The person with this number."""
        return self._person(number)

    def is_someone(self, number: int) -> bool:
        """Whether a person stands where this number is; false for the empty boxes among the strangers."""
        return number < STRANGERS or number % 2 == 0

    def shoot(self, person: int, camera: int, step: int, *, badly_cut: bool = False) -> tuple[Picture, float]:
        """One crop as the camera delivers it.

        Args:
            person: number of the person in the box.
            camera: number of the camera.
            step: which crop of the pass, from 0.
            badly_cut: whether the box misses about half of the person.

        Returns:
            The image, RGB uint8 [height, width, 3], and how much of the figure inside the box nothing hides, 0 to 1.
        """
        eye = self.camera(camera)
        generator = keyed_generator(self.seed, "bad shot" if badly_cut else "shot", person, camera, step)
        standing = self._passes(person, camera)[step]
        left, top, height = self._box(self.person(person), eye, standing, generator, badly_cut)
        rows = self.size[0] * max(2, -(-_CANVAS // self.size[0]))
        zoom = rows / height
        place, lines = eye.cut(left, top, zoom, (rows, round(rows * self.size[1] / self.size[0])))
        people = [(self.person(person), standing)] if self.is_someone(person) else []
        people += self._company(eye, standing, generator) if people else []
        canvas = place.astype(np.float32)
        visible = np.zeros(canvas.shape[:2], dtype=np.float32)
        whole = 0.0
        for who, where in sorted(people, key=lambda item: item[1].row):
            foot = ((where.x - left) * zoom, (where.row - top) * zoom)
            view = View(where.heading, where.phase, foot, eye.scale(where.row) * zoom, eye.tilt, eye.light)
            covered = _stand(canvas, place, lines, who, where.row, view)
            visible *= 1 - covered
            if where is standing:
                whole, visible = float(covered.sum()), covered
            visible[lines > standing.row] = 0
        image = cv2.resize(canvas.clip(0, 255), self.size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
        return eye.develop(image, generator), float(visible.sum()) / whole if whole else 0.0

    def _box(
        self, person: Person, eye: Camera, standing: Standing, generator: np.random.Generator, badly_cut: bool
    ) -> tuple[float, float, float]:
        """Left, top and height of the box around a person, as an imperfect detector draws it."""
        figure = person.height * eye.scale(standing.row)
        height = figure * 1.06 * (1 + 0.035 * generator.standard_normal())
        width = height * self.size[1] / self.size[0]
        x = standing.x + 0.045 * width * generator.standard_normal()
        y = standing.row - 0.49 * figure + 0.025 * height * generator.standard_normal()
        if badly_cut:
            x += width * 0.5 * float(generator.choice([-1, 1]))
            y += height * float(generator.uniform(-0.35, 0.35))
        return x - width / 2, y - height / 2, height

    def _company(
        self, eye: Camera, standing: Standing, generator: np.random.Generator
    ) -> list[tuple[Person, Standing]]:
        """Strangers near a person, now and then; some of them nearer to the camera."""
        company: list[tuple[Person, Standing]] = []
        while len(company) < 2 and generator.random() < 0.22:
            who = self.person(STRANGERS + 2 * int(generator.integers(_CROWD)))
            nearer = float(generator.uniform(12, 45)) * float(generator.choice([-1, 1]))
            aside = float(generator.uniform(0.32, 0.75) * generator.choice([-1, 1])) * eye.scale(standing.row)
            heading = standing.heading + float(generator.choice([0, np.pi])) + 0.3 * float(generator.standard_normal())
            phase = float(generator.uniform(0, 2 * np.pi))
            company.append((who, Standing(standing.x + aside, standing.row + nearer, heading, phase)))
        return company

    def _pass(self, person: int, camera: int) -> list[Standing]:
        """The way of a person past a camera: the first of a few that furniture does not hide for the most part."""
        eye = self.camera(camera)
        generator = keyed_generator(self.seed, "pass", person, camera)
        for _ in range(12):
            way = self._way(eye, generator)
            if max(_hidden(eye, standing) for standing in way) < 0.4:
                break
        return way

    def _way(self, eye: Camera, generator: np.random.Generator) -> list[Standing]:
        against = generator.random() < 0.25
        heading = eye.direction + 0.4 * float(generator.standard_normal()) + (np.pi if against else 0)
        away = _FOCAL / eye.scale(float(generator.uniform(eye.horizon + 300, HEIGHT - 40)))
        x = float(generator.uniform(0.15, 0.85)) * WIDTH
        speed, phase = float(generator.uniform(0.45, 0.75)), float(generator.uniform(0, 2 * np.pi))
        way = []
        for _ in range(self.steps):
            row = min(max(eye.horizon + CAMERA_HEIGHT * _FOCAL / away, eye.horizon + 260.0), HEIGHT - 12.0)
            way.append(Standing(min(max(x, 40.0), WIDTH - 40.0), row, heading, phase))
            x += speed * np.sin(heading) * eye.scale(row)
            away -= speed * np.cos(heading)
            phase += speed * 4.4 + 0.3 * float(generator.standard_normal())
            heading += 0.12 * float(generator.standard_normal())
        return way


def _stand(
    canvas: Canvas, place: Picture, lines: NDArray[np.int16], person: Person, row: float, view: View
) -> NDArray[np.float32]:
    """Put a person and the shadow at their feet into a canvas, in place; furniture nearer than `row` stays in front.

    Returns the share of every pixel that the figure covers.
    """
    reach = 0.34 * view.scale
    rows, columns = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    aside = (columns + view.light * 0.25 * view.scale - view.foot[0]) / reach
    shadow = np.exp(-(aside**2) - ((rows - view.foot[1]) / (reach * 0.32)) ** 2).astype(np.float32)
    canvas *= 1 - 0.5 * shadow[..., None]
    covered = draw(canvas, person, view)
    nearer = lines > row
    canvas[nearer] = place[nearer]
    return covered


def _hidden(eye: Camera, standing: Standing) -> float:
    """About how much of a person furniture hides."""
    tall = 1.7 * eye.scale(standing.row)
    left, right = int(max(0, standing.x - 0.15 * tall)), int(standing.x + 0.15 * tall)
    body = eye.floor_line[int(max(0, standing.row - tall)) : int(standing.row), left:right]
    return float((body > standing.row).mean()) if body.size else 1.0
