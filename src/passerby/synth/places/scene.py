"""Rendering of several people in one place with occlusion, and the pixels of each."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.camera import Camera, Picture, make_camera
from passerby.synth.cameras.shading import shade
from passerby.synth.cameras.street import street_camera
from passerby.synth.cameras.tracing import Floats, Layer, Placed, trace
from passerby.synth.look import Look
from passerby.synth.people.cones import REGIONS
from passerby.synth.people.person import Person
from passerby.synth.places.furniture import furnish
from passerby.synth.places.ground import paint_ground
from passerby.synth.places.street import hang_up, soil
from passerby.synth.places.walks import Standing, put
from passerby.synth.randomness import keyed_generator

Somebody = tuple[Person, Standing]
"""A person and where they are."""


_NEAREST = 1.0
"""Metres before the camera within which nobody is drawn: they would fill its lens, or be behind it."""


@dataclass(frozen=True)
class Place:
    """What a camera looks at.

    Attributes:
        camera: the camera.
        picture: the empty place with its furniture, uint8 RGB [HEIGHT, WIDTH, 3].
        depth: of the furniture, metres along the optical axis, infinite elsewhere; float32 [HEIGHT, WIDTH].
    """

    camera: Camera
    picture: Picture
    depth: Floats


@dataclass(frozen=True)
class Window:
    """A part of a camera's picture, and how finely it is drawn.

    Attributes:
        left: first column in the camera's picture.
        top: first row.
        zoom: drawn pixels per pixel of the camera's picture.
        rows: drawn rows.
        columns: drawn columns.
    """

    left: float
    top: float
    zoom: float
    rows: int
    columns: int


@dataclass(frozen=True)
class Shot:
    """A drawn window.

    Attributes:
        image: before the camera's sensor, uint8 RGB [rows, columns, 3].
        owner: which of the people is seen at a pixel, -1 where nobody is; int16 [rows, columns].
        visible: pixels of each person that are seen, by region, int64 [N, len(REGIONS)].
        whole: pixels of each person if nothing hid them and the window did not end, int64 [N, len(REGIONS)]; zero for
            people who are outside the window altogether.
    """

    image: Picture
    owner: NDArray[np.int16]
    visible: NDArray[np.int64]
    whole: NDArray[np.int64]

    def visible_fraction(self, number: int) -> float:
        """How much of a person is seen, 0 to 1; 0 for one outside the window."""
        whole = int(self.whole[number].sum())
        return int(self.visible[number].sum()) / whole if whole else 0.0


@lru_cache(maxsize=12)
def make_place(seed: int, number: int, look: Look = "plain") -> Place:
    """The place before the camera with this number in the world of this seed; the last dozen are kept."""
    generator = keyed_generator(seed, "place", number)
    if look == "plain":
        camera = make_camera(seed, number)
        picture = paint_ground(camera, generator)
        return Place(camera, picture, furnish(camera, picture, generator))
    camera = street_camera(seed, number)
    picture = paint_ground(camera, generator)
    hang_up(camera, picture, generator)
    depth = furnish(camera, picture, generator, pieces=(11, 22), farthest=20)
    soil(picture, generator)
    return Place(camera, picture, depth)


def shoot(place: Place, people: list[Somebody], window: Window) -> Shot:
    """Draw people in a place.

    Args:
        place: where.
        people: who, and how they stand; in any order.
        window: what part of the camera's picture.
    """
    image, depth = _cut(place, window)
    owner = np.full((window.rows, window.columns), -1, dtype=np.int16)
    regions = len(REGIONS)
    visible, whole = (np.zeros((len(people), regions), dtype=np.int64) for _ in range(2))
    free = np.isinf(depth)
    seen: list[tuple[int, Person, Placed, Layer]] = []
    for number, (person, standing) in enumerate(people):
        if standing.z < _NEAREST:
            continue
        placed = put(person, standing, place.camera, window.left, window.top, window.zoom)
        left, top, right, bottom = placed.outline()
        if right > 0 and bottom > 0 and left < window.columns and top < window.rows:
            seen.append((number, person, placed, trace(placed)))
    for number, person, placed, layer in seen:
        _cast_shadow(image, free, placed, layer, place.camera)
        inside, window_slices = _overlap(layer, window)
        far = layer.depth[inside] + np.float32(placed.view.distance)
        nearer = far < depth[window_slices]
        np.copyto(depth[window_slices], far, where=nearer)
        np.copyto(owner[window_slices], np.int16(number), where=nearer)
        parts = layer.part[layer.part >= 0]
        whole[number] = np.bincount(person.cones.region[parts], minlength=regions)
    for number, person, placed, layer in seen:
        inside, (rows, columns) = _overlap(layer, window)
        at_row, at_column = np.nonzero(owner[rows, columns] == number)
        in_layer = at_row + inside[0].start, at_column + inside[1].start
        colours = shade(placed, layer, person.atlas, place.camera.light, *in_layer)
        np.minimum(colours, 252, out=colours)
        image[at_row + rows.start, at_column + columns.start] = colours
        visible[number] = np.bincount(person.cones.region[layer.part[in_layer]], minlength=regions)
    return Shot(image, owner, visible, whole)


def _cut(place: Place, window: Window) -> tuple[Picture, Floats]:
    """The empty place in a window, and the depth of its furniture."""
    frame = np.array([[1 / window.zoom, 0, window.left], [0, 1 / window.zoom, window.top]])
    # Pixel centres are at halves, for OpenCV at whole numbers.
    frame[:, 2] += 0.5 / window.zoom - 0.5
    smooth, nearest = (way | cv2.WARP_INVERSE_MAP for way in (cv2.INTER_LINEAR, cv2.INTER_NEAREST))
    size = (window.columns, window.rows)
    image = cv2.warpAffine(place.picture, frame, size, flags=smooth, borderMode=cv2.BORDER_REPLICATE)
    depth = cv2.warpAffine(
        place.depth, frame, size, flags=nearest, borderMode=cv2.BORDER_CONSTANT, borderValue=float("inf")
    )
    return image.astype(np.uint8, copy=False), depth.astype(np.float32, copy=False)


def _overlap(layer: Layer, window: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a layer and a window meet, as slices of each."""
    height, width = layer.part.shape
    top, left = max(0, layer.top), max(0, layer.left)
    bottom = max(top, min(window.rows, layer.top + height))
    right = max(left, min(window.columns, layer.left + width))
    rows, columns = slice(top, bottom), slice(left, right)
    inside = slice(top - layer.top, bottom - layer.top), slice(left - layer.left, right - layer.left)
    return inside, (rows, columns)


def _cast_shadow(image: Picture, free: NDArray[np.bool_], placed: Placed, layer: Layer, camera: Camera) -> None:
    """Darken the ground at a person's feet, and where they keep off the sun, in place."""
    view = placed.view
    sine, cosine = np.sin(view.tilt), np.cos(view.tilt)
    aside, away = camera.shadow
    away = away if abs(away) > 0.08 else 0.08
    # A point of the outline that is up by u pixels casts its shadow aside and away on the ground.
    slant = np.array([[1.0, -aside / cosine], [0.0, away * sine / cosine]])
    foot = np.array([view.column, view.row])
    height, width = layer.part.shape
    corner = np.array([layer.left, layer.top])
    ends = np.array([[0, 0], [width, 0], [0, height], [width, height]]) + corner
    cast = foot + (ends - foot) @ slant.T
    reach = 0.3 * view.scale
    axes = (max(1, round(reach)), max(1, round(0.36 * reach)))
    blur = 2 * round(0.12 * reach) + 1
    room = 2 * blur
    low = np.floor(np.minimum(cast.min(axis=0), foot - axes)) - room
    high = np.ceil(np.maximum(cast.max(axis=0), foot + axes)) + room
    left, top = (int(v) for v in np.maximum(low, 0))
    right, bottom = (int(v) for v in np.minimum(high, image.shape[1::-1]))
    if left >= right or top >= bottom:
        return
    here = np.array([left, top])
    outline = np.where(layer.part >= 0, np.uint8(128 * camera.sunny), np.uint8(0))
    frame = np.column_stack([slant, foot - here - slant @ (foot - corner)])
    shade = cv2.warpAffine(outline, frame, (right - left, bottom - top))
    under = np.zeros_like(shade)
    cv2.ellipse(under, (round(foot[0]) - left, round(foot[1]) - top), axes, 0, 0, 360, 120, -1)
    dark = np.maximum(cv2.blur(shade, (blur, blur)), cv2.blur(under, (2 * blur + 1, blur)))
    region = (slice(top, bottom), slice(left, right))
    dark *= free[region]
    image[region] = cv2.multiply(image[region], cv2.merge([255 - dark] * 3), scale=1 / 255)
