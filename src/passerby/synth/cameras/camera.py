"""Cameras: position and lens, sensor, and daylight.

The world of a camera has x to the right of it along the ground, z away from it, and heights above the ground, in
metres. Like the people, a camera follows from (seed, number) alone.
"""

from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin, tan

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.shading import Light
from passerby.synth.randomness import keyed_generator

HEIGHT, WIDTH = 720, 1280
"""Size of a camera's picture in pixels."""

Picture = NDArray[np.uint8]
"""RGB, uint8 [H, W, 3]."""

_GOLDEN = 2.39996
"""The golden angle in radians: successive cameras are spread evenly over the circle of tints and directions."""


@dataclass(frozen=True)
class Lens:
    """How points of the ground become pixels.

    Attributes:
        focal: focal length in pixels.
        height: metres above the ground.
        tilt: how far it looks down, radians.
    """

    focal: float
    height: float
    tilt: float

    def project(self, x: float, z: float, up: float = 0.0) -> tuple[float, float, float]:
        """Column, row and depth (metres along the optical axis) of a point."""
        drop = self.height - up
        depth = z * cos(self.tilt) + drop * sin(self.tilt)
        down = drop * cos(self.tilt) - z * sin(self.tilt)
        return WIDTH / 2 + self.focal * x / depth, HEIGHT / 2 + self.focal * down / depth, depth

    def ground(self, column: float, row: float) -> tuple[float, float]:
        """The place (x, z) on the ground that a pixel below the horizon shows."""
        angle = self.tilt + atan2(row - HEIGHT / 2, self.focal)
        z = self.height / tan(angle)
        depth = z * cos(self.tilt) + self.height * sin(self.tilt)
        return (column - WIDTH / 2) * depth / self.focal, z

    def horizon(self) -> float:
        """Row of the horizon."""
        return HEIGHT / 2 - self.focal * tan(self.tilt)


@dataclass(frozen=True)
class Sensor:
    """How a camera turns light into numbers.

    Attributes:
        colours: how it mixes RGB, float32 [3, 3].
        tone: its response to brightness, uint8 [256].
        blur: standard deviation of its blur, pixels of its own picture.
        grain: standard deviation of its noise, grey levels.
        drift: how much exposure varies from crop to crop, as a standard deviation of its logarithm.
        quality: JPEG quality, 1 to 100.
    """

    colours: NDArray[np.float32]
    tone: NDArray[np.uint8]
    blur: float
    grain: float
    drift: float
    quality: int

    def develop(
        self, image: Picture, blur: float, generator: np.random.Generator, *, grain_key: int | None = None
    ) -> Picture:
        """What this camera makes of an ideal image: colours and exposure, blur, tone and grain.

        Args:
            image: RGB, uint8 [h, w, 3].
            blur: standard deviation, pixels of the image.
            generator: gives exposure and grain.
            grain_key: for frames of a film, which have one exposure but each its own grain: number of the frame.
        """
        if blur > 0.3:
            image = cv2.GaussianBlur(image, (0, 0), blur).astype(np.uint8, copy=False)
        # Clouds pass, and automatic exposure and white balance follow what else is in the picture.
        gains = np.exp(generator.normal(0, self.drift) + generator.normal(0, 0.3 * self.drift, 3)).astype(np.float32)
        toned = cv2.LUT(cv2.transform(image, gains[:, None] * self.colours), self.tone)
        height, width = image.shape[:2]
        if grain_key is not None:
            generator = np.random.default_rng([int(generator.integers(2**32)), grain_key])
        grey = generator.standard_normal((height, width, 1), dtype=np.float32) * self.grain
        # Colour noise is coarser than grey noise, as after chroma subsampling.
        coarse = generator.standard_normal((height // 2 + 1, width // 2 + 1, 3), dtype=np.float32) * (0.8 * self.grain)
        noisy: NDArray[np.float32] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(
            np.float32, copy=False
        )
        noisy += grey
        noisy += toned
        return cv2.convertScaleAbs(np.maximum(noisy, 0, out=noisy)).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Camera:
    """One camera.

    Attributes:
        number: from 1.
        lens: geometry.
        sensor: colours.
        light: of its place and hour.
        shadow: where the shadow of something one metre tall ends on the ground, (x, z) in metres.
        sunny: 0 under clouds to 1 in clear sun.
        direction: heading in which most people walk, radians; 0 towards the camera, π/2 to the right.
    """

    number: int
    lens: Lens
    sensor: Sensor
    light: Light
    shadow: tuple[float, float]
    sunny: float
    direction: float


def make_camera(seed: int, number: int) -> Camera:
    """The camera with this number in the world of this seed."""
    generator = keyed_generator(seed, "camera", number)
    start = float(keyed_generator(seed, "cameras").uniform(0, 2 * pi))
    focal = float(generator.uniform(880, 1250))
    height = float(generator.uniform(2.3, 4.2))
    # It looks at a person about nine metres away.
    tilt = atan2(height - 1.0, float(generator.uniform(8.5, 11)))
    light, shadow, sunny = _daylight(tilt, generator)
    return Camera(
        number=number,
        lens=Lens(focal, height, tilt),
        sensor=_sensor(number, start + number * _GOLDEN, generator),
        light=light,
        shadow=shadow,
        sunny=sunny,
        direction=start + number * _GOLDEN,
    )


def _daylight(tilt: float, generator: np.random.Generator) -> tuple[Light, tuple[float, float], float]:
    """Sun and sky at some hour: low sun is warm, cloud makes all light come from above."""
    azimuth, altitude = float(generator.uniform(0, 2 * pi)), float(generator.uniform(0.45, 1.2))
    sunny = float(np.clip(generator.beta(0.9, 0.9), 0.05, 0.95))
    x, z, up = cos(altitude) * sin(azimuth), cos(altitude) * cos(azimuth), sin(altitude)
    warm = 1 - altitude / 1.3
    sun = np.array([1.0, 0.96 - 0.1 * warm, 0.88 - 0.3 * warm]) * 0.95 * sunny
    sky = np.array([0.88, 0.95, 1.06]) * (0.98 - 0.36 * sunny)
    ground = np.array([0.34, 0.32, 0.30]) * (0.9 + 0.3 * sunny)
    # Automatic exposure and white balance take most of the hour away again.
    reading = 0.3 * sun + 0.6 * sky + 0.4 * ground
    gain = (1.08 * float(generator.uniform(0.88, 1.14)) / reading.mean()) * (reading.mean() / reading) ** 0.6
    sun, sky, ground = sun * gain, sky * gain, ground * gain

    def seen(right: float, away: float, high: float) -> tuple[float, float, float]:
        down = -away * sin(tilt) - high * cos(tilt)
        return right, down, away * cos(tilt) - high * sin(tilt)

    light = Light(seen(x, z, up), seen(0, 0, 1), _triple(sun), _triple(sky), _triple(ground))
    length = hypot(x, z) / up
    return light, (-length * sin(azimuth), -length * cos(azimuth)), sunny


def _triple(colour: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])


def _sensor(number: int, tint: float, generator: np.random.Generator) -> Sensor:
    return Sensor(
        colours=_colours(tint, generator),
        tone=_tone(number, generator),
        blur=float(generator.uniform(0.7, 1.5)),
        grain=float(generator.uniform(1.2, 3.4)),
        drift=float(generator.uniform(0.03, 0.07)),
        quality=int(generator.integers(72, 94)),
    )


def _colours(tint: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """White balance, exposure and saturation as one mixing matrix."""
    strength = generator.uniform(0.02, 0.06)
    gains = 1 + strength * np.array([np.cos(tint), 0.35 * np.cos(tint + 2.1), np.cos(tint + 4.2)])
    saturation = generator.uniform(0.82, 1.08)
    grey = np.full((3, 1), 1.0) @ np.array([[0.3, 0.59, 0.11]])
    mixing: NDArray[np.float32] = (np.diag(gains) @ (saturation * np.eye(3) + (1 - saturation) * grey)).astype(
        np.float32
    )
    return mixing


def _tone(number: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Exposure, contrast and gamma as a table; odd cameras are darker than even ones."""
    level = np.linspace(0, 1, 256)
    gamma = generator.uniform(1.0, 1.12) if number % 2 else generator.uniform(0.9, 1.0)
    contrast = generator.uniform(0.9, 1.1)
    haze = generator.uniform(-0.02, 0.05)
    toned = (level**gamma - 0.45) * contrast + 0.45
    toned = haze + (1 - max(haze, 0)) * toned
    return (toned.clip(0.012, 0.99) * 255).astype(np.uint8)
