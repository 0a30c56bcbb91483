"""Cameras of the look `street`: more hours of the day and worse optics than a `plain` camera has.

What separates drawn from real pictures is as much the camera as the people: exposure that is wrong for the person, a
cast that white balance leaves, faded colours, blur of motion, a resolution below the picture's size, sharpening, and a
video codec.
"""

from dataclasses import dataclass, replace
from math import cos, hypot, pi, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.camera import Camera, Picture, Sensor, make_camera
from passerby.synth.cameras.shading import Light
from passerby.synth.randomness import keyed_generator

_HOURS = {"day": 0.55, "overcast": 0.33, "back light": 0.07, "night": 0.05}


@dataclass(frozen=True)
class StreetSensor(Sensor):
    """A sensor, what is done to its picture, and the codec behind it.

    Attributes:
        detail: resolution of what is recorded, relative to the picture that it is shown in.
        sharpening: how much edges are overdrawn.
        codec: quality of the video codec, as that of a JPEG.
        motion: how far people move while the shutter is open, a standard deviation as a share of the image's height.
        interlaced: whether every other row is a moment older.
    """

    detail: float
    sharpening: float
    codec: int
    motion: float
    interlaced: bool

    def develop(
        self, image: Picture, blur: float, generator: np.random.Generator, *, grain_key: int | None = None
    ) -> Picture:
        """As `Sensor.develop`."""
        height, width = image.shape[:2]
        gains = np.exp(generator.normal(0, self.drift) + generator.normal(0, 0.25 * self.drift, 3)).astype(np.float32)
        moved = abs(float(generator.normal(0, self.motion))) * height
        soft = blur * float(np.exp(generator.normal(0, 0.3)))
        coarse = min(1.0, self.detail * float(generator.uniform(0.75, 1.1)) * self.blur / max(blur, 1e-6))
        comb = float(generator.normal(0, 0.008)) * height
        if grain_key is not None:
            generator = np.random.default_rng([int(generator.integers(2**32)), grain_key])
        image = _blurred(image, soft, moved)
        toned = cv2.LUT(cv2.transform(image, gains[:, None] * self.colours), self.tone)
        size = (max(12, round(width * coarse)), max(24, round(height * coarse)))
        small = cv2.resize(toned, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self.sharpening > 0.05:
            small += self.sharpening * (small - cv2.GaussianBlur(small, (0, 0), 1.2))
        small += generator.standard_normal((size[1], size[0], 1), dtype=np.float32) * self.grain
        if self.interlaced and grain_key is None:
            small[1::2] = np.roll(small[1::2], round(comb * coarse), axis=1)
        recorded = _through_codec(cv2.convertScaleAbs(np.maximum(small, 0, out=small)), self.codec)
        return cv2.resize(recorded, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _blurred(image: Picture, soft: float, moved: float) -> Picture:
    """An image out of focus, and of people who walk while the shutter is open."""
    if soft > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), soft).astype(np.uint8, copy=False)
    if moved >= 1.5:
        image = cv2.blur(image, (round(moved), 1)).astype(np.uint8, copy=False)
    return image


def _through_codec(image: NDArray[Any], quality: int) -> NDArray[np.uint8]:
    """What a codec leaves of an image."""
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)


def street_camera(seed: int, number: int) -> Camera:
    """The camera with this number in the world of this seed; it stands where the plain one does."""
    plain, generator = make_camera(seed, number), keyed_generator(seed, "street camera", number)
    hour = str(generator.choice(list(_HOURS), p=list(_HOURS.values())))
    light, shadow, sunny = _light(hour, plain.lens.tilt, generator)
    return replace(plain, light=light, shadow=shadow, sunny=sunny, sensor=_sensor(hour, generator))


def _light(hour: str, tilt: float, generator: np.random.Generator) -> tuple[Light, tuple[float, float], float]:
    """Where light comes from at an hour, how strong and of what colour; exposure is right on average, not here."""
    azimuth, altitude = float(generator.uniform(0, 2 * pi)), float(generator.uniform(0.35, 1.3))
    sunny, exposure = float(generator.uniform(0.3, 0.95)), float(np.exp(generator.normal(0.18, 0.15)))
    warm = 1 - altitude / 1.3
    sun, sky = np.array([1.0, 0.96 - 0.1 * warm, 0.88 - 0.3 * warm]), np.array([0.88, 0.95, 1.06])
    if hour == "overcast":
        sunny = float(generator.uniform(0.03, 0.15))
    elif hour == "back light":
        azimuth, altitude = float(generator.normal(0, 0.5)), float(generator.uniform(0.25, 0.6))
        sunny, exposure = float(generator.uniform(0.6, 0.95)), 0.65 * exposure
    elif hour == "night":
        lamp = generator.uniform(0, 1)
        sun = np.array([1.0, 0.92 - 0.2 * lamp, 0.82 - 0.5 * lamp])
        altitude, sunny, exposure = (
            float(generator.uniform(0.9, 1.4)),
            float(generator.uniform(0.5, 0.9)),
            0.5 * exposure,
        )
    sun = sun * 1.05 * sunny
    sky = sky * (0.95 - 0.62 * sunny)
    ground = np.array([0.34, 0.32, 0.30]) * (0.55 + 0.4 * sunny)
    reading = 0.3 * sun + 0.6 * sky + 0.3 * ground
    gain = exposure / reading.mean() * (reading.mean() / reading) ** float(generator.uniform(0.5, 1.0))
    x, z, up = cos(altitude) * sin(azimuth), cos(altitude) * cos(azimuth), sin(altitude)

    def seen(right: float, away: float, high: float) -> tuple[float, float, float]:
        return right, -away * sin(tilt) - high * cos(tilt), away * cos(tilt) - high * sin(tilt)

    length = min(4.0, hypot(x, z) / up)
    sun, sky, ground, low = sun * gain, sky * gain, ground * gain, float(generator.uniform(0.05, 0.4))
    light = Light(seen(x, z, up), seen(0, 0, 1), _triple(sun), _triple(sky), _triple(ground), low)
    return light, (-length * sin(azimuth), -length * cos(azimuth)), sunny


def _triple(colour: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2])


def _sensor(hour: str, generator: np.random.Generator) -> StreetSensor:
    dark = hour == "night"
    return StreetSensor(
        colours=_colours(generator),
        tone=_tone(generator),
        blur=float(generator.uniform(0.3, 1.0)),
        grain=float(generator.uniform(0.6, 2.6)) * (2 if dark else 1),
        drift=float(generator.uniform(0.03, 0.1)),
        quality=int(generator.integers(82, 96)),
        detail=float(generator.uniform(0.75, 1.6)),
        sharpening=float(max(0.0, generator.uniform(-0.2, 1.7))),
        codec=int(generator.integers(62, 96)),
        motion=float(generator.uniform(0.0, 0.016)) * (2 if dark else 1),
        interlaced=bool(generator.random() < 0.08),
    )


def _colours(generator: np.random.Generator) -> NDArray[np.float32]:
    """White balance and fading as one mixing matrix."""
    gains = np.exp(generator.normal(0, 0.03, 3))
    saturation = float(generator.uniform(0.5, 1.02))
    grey = np.full((3, 1), 1.0) @ np.array([[0.3, 0.59, 0.11]])
    mixing = np.diag(gains / gains.mean()) @ (saturation * np.eye(3) + (1 - saturation) * grey)
    return np.asarray(mixing, dtype=np.float32)


def _tone(generator: np.random.Generator) -> NDArray[np.uint8]:
    """Gamma, contrast, haze, and shadows and lights that clip."""
    level = np.linspace(0, 1, 256) ** float(np.exp(generator.normal(0.0, 0.12)))
    middle = float(generator.uniform(0.35, 0.5))
    toned = (level - middle) * float(generator.uniform(0.85, 1.2)) + middle
    haze = float(generator.uniform(0.0, 0.1))
    toned = haze + (1 - haze) * toned
    return np.asarray(toned.clip(0.015, 1) * 255, dtype=np.uint8)
