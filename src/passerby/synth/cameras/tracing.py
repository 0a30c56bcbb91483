"""Ray tracing of a person: exact intersections of rays and cones with round ends, a part at a time.

A person is small beside the distance of a camera, so the rays through one person are taken as parallel. A cone is then
the union of balls whose centre and radius move linearly with s from 0 to 1. With (x, y) across the view and z along
it, in the part's stretched frame where balls are round, the near side of ball s lies at

    z(s) - sqrt(f(s)),   f(s) = α s² + 2 β s + γ

where z and β are linear and γ is quadratic in x and y. For α < 0 this is convex in s, so the nearest point of the whole
cone is where the derivative vanishes (one square root), or at the nearer end. α ≥ 0 means that the cone is seen end on
and one ball's outline lies inside the other's; then both ends are tried as well.

The closed form for a ray and a round cone is well known; see I. Quilez, "intersectors". This one follows from the
envelope of the balls.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.synth.people.cones import Cones
from passerby.synth.people.poses import Pose

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """How one person is seen.

    Attributes:
        turn: heading relative to the line of sight, radians; 0 towards the camera, π/2 to the right of the picture.
        tilt: how far the line of sight looks down, radians.
        scale: pixels per metre.
        column: where the ground under the hips is in the picture, pixels.
        row: likewise; pixel centres are at halves.
        distance: metres along the line of sight.
    """

    turn: float
    tilt: float
    scale: float
    column: float
    row: float
    distance: float

    def axes(self) -> NDArray[np.float64]:
        """Rows: right, down and away in the frame of the body (forward, left, up), float64 [3, 3]."""
        sine, cosine = np.sin(self.turn), np.cos(self.turn)
        down, level = np.sin(self.tilt), np.cos(self.tilt)
        return np.array(
            [
                [sine, cosine, 0.0],
                [down * cosine, -down * sine, -level],
                [-level * cosine, level * sine, -down],
            ]
        )


@dataclass(frozen=True)
class Placed:
    """The parts of a person in front of a camera; P parts, metres, across and along the line of sight.

    Attributes:
        view: how the person is seen.
        bones: from each bone to the view, float64 [B, 3, 3].
        origins: of each bone in the view, float64 [B, 3].
        box: left, top, right and lower edge of each part, pixels, float64 [P, 4].
        cones: the shape.
    """

    view: View
    bones: NDArray[np.float64]
    origins: NDArray[np.float64]
    box: NDArray[np.float64]
    cones: Cones

    def outline(self) -> tuple[float, float, float, float]:
        """Left, top, right and lower edge of the whole person in pixels, from the shape alone."""
        low, high = self.box[:, :2].min(axis=0), self.box[:, 2:].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True)
class Layer:
    """One whole person as if nobody else were there, in a box of pixels of their own.

    Attributes:
        left: first column of the box in the picture, may be negative.
        top: first row.
        depth: metres along the line of sight, infinite where the person is not, float32 [h, w].
        part: which cone is seen, -1 where none is, int16 [h, w].
        along: which ball of the cone, 0 to 1, float32 [h, w].
    """

    left: int
    top: int
    depth: Floats
    part: NDArray[np.int16]
    along: Floats


def place(cones: Cones, pose: Pose, view: View) -> Placed:
    """Put a posed person before a camera."""
    axes = view.axes()
    bones, origins = axes @ pose.rotations, pose.origins @ axes.T
    of_part = bones[cones.bone]
    reach = np.sqrt(((of_part[:, :2] * cones.stretch[:, None, :]) ** 2).sum(axis=2))
    base = origins[cones.bone, :2]
    first = base + np.einsum("pij,pj->pi", of_part[:, :2], cones.start)
    last = base + np.einsum("pij,pj->pi", of_part[:, :2], cones.end)
    near, far = reach * cones.radius[:, :1], reach * cones.radius[:, 1:]
    low = np.minimum(first - near, last - far)
    high = np.maximum(first + near, last + far)
    foot = np.array([view.column, view.row])
    box = np.concatenate([foot + view.scale * low, foot + view.scale * high], axis=1)
    return Placed(view, bones, origins, box, cones)


def trace(placed: Placed) -> Layer:
    """See a whole person, whatever else is in the picture."""
    left, top, right, bottom = (int(v) for v in np.floor(placed.outline()))
    shape = (bottom - top + 2, right - left + 2)
    view = placed.view
    depth = np.full(shape, np.inf, dtype=np.float32)
    part = np.full(shape, -1, dtype=np.int16)
    along = np.zeros(shape, dtype=np.float32)
    columns = (np.arange(shape[1]) + (left + 0.5 - view.column)) / view.scale
    rows = (np.arange(shape[0]) + (top + 0.5 - view.row)) / view.scale
    middle = _centres(placed)
    numbers = _polynomials(placed, middle).tolist()
    boxes = (np.floor(placed.box).astype(np.int64) - [left, top, left, top]).tolist()
    for number, ((x0, y0, x1, y1), terms, (x, y)) in enumerate(zip(boxes, numbers, middle.tolist(), strict=True)):
        window = (slice(max(0, y0), y1 + 1), slice(max(0, x0), x1 + 1))
        across = (columns[window[1]] - x).astype(np.float32)
        down = (rows[window[0]] - y).astype(np.float32)[:, None]
        nearest = _nearest if terms[9] < 0 else _nearest_end_on
        hit, at, s = nearest(across, down, terms)
        seen = depth[window]
        hit &= at < seen
        np.copyto(seen, at, where=hit)
        np.copyto(along[window], s, where=hit)
        np.copyto(part[window], np.int16(number), where=hit)
    return Layer(left, top, depth, part, along)


def _nearest(x: Floats, y: Floats, terms: list[float]) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Where rays meet one cone: whether, how far along the view (metres), and on which ball."""
    g0, gx, gy, gxx, gxy, gyy, b0, bx, by, alpha, z0, zx, zy, zs, k, c0, cx, cy, cz = terms
    gamma = (g0 + x * (gx + gxx * x)) + y * (gy + gyy * y) + (gxy * y) * x
    beta = (b0 + bx * x) + by * y
    root = beta * beta
    root -= alpha * gamma
    np.maximum(root, 0, out=root)
    np.sqrt(root, out=root)
    s = root
    s *= k / alpha
    s -= beta * (1 / alpha)
    np.maximum(s, 0, out=s)
    np.minimum(s, 1, out=s)
    f = s * alpha
    beta += beta
    f += beta
    f *= s
    f += gamma
    hit = f > 0
    np.maximum(f, 0, out=f)
    np.sqrt(f, out=f)
    depth = (z0 + zx * x) + zy * y
    depth += zs * s
    depth -= f
    if c0 != np.inf:
        hit &= depth * cz + (cx * x + (cy * y + c0)) > 0
    return hit, depth, s


def _nearest_end_on(x: Floats, y: Floats, terms: list[float]) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """As `_nearest`, for a cone of which one ball's outline lies inside the other's."""
    g0, gx, gy, gxx, gxy, gyy, b0, bx, by, alpha, z0, zx, zy, zs, k, c0, cx, cy, cz = terms
    gamma = (g0 + x * (gx + gxx * x)) + y * (gy + gyy * y) + (gxy * y) * x
    beta = (b0 + bx * x) + by * y
    axis = (z0 + zx * x) + zy * y
    turning = (k * np.sqrt(np.maximum(beta * beta - alpha * gamma, 0)) - beta) / np.float32(alpha)
    depth = np.full(gamma.shape, np.inf, dtype=np.float32)
    chosen = np.zeros_like(depth)
    for s in (np.zeros_like(gamma), np.ones_like(gamma), np.clip(turning, 0, 1)):
        f = (alpha * s + 2 * beta) * s + gamma
        at = np.where(f > 0, axis + zs * s - np.sqrt(np.maximum(f, 0)), np.inf)
        nearer = at < depth
        np.copyto(depth, at, where=nearer)
        np.copyto(chosen, s, where=nearer)
    hit = np.isfinite(depth)
    if c0 != np.inf:
        hit &= np.where(hit, depth, 0) * cz + (cx * x + (cy * y + c0)) > 0
    return hit, depth, chosen


def _centres(placed: Placed) -> NDArray[np.float64]:
    """The middle of every part's box in metres from the foot: polynomials around it keep their digits in float32."""
    foot = np.array([placed.view.column, placed.view.row])
    middle: NDArray[np.float64] = (0.5 * (placed.box[:, :2] + placed.box[:, 2:]) - foot) / placed.view.scale
    return middle


def _polynomials(placed: Placed, middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The terms of every part, float64 [P, 19], in the order in which `_nearest` takes them."""
    cones = placed.cones
    to_part = placed.bones[cones.bone].transpose(0, 2, 1) / cones.stretch[:, :, None]
    right, down, away = to_part[:, :, 0], to_part[:, :, 1], to_part[:, :, 2]
    start, end = cones.start / cones.stretch, cones.end / cones.stretch
    origin = -np.einsum("pij,pj->pi", to_part, placed.origins[cones.bone]) - start
    origin = origin + right * middle[:, :1] + down * middle[:, 1:]
    axis = end - start
    squared = _dot(away, away)

    def across(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scalar product of what is across the line of sight, in squared metres along it."""
        return (_dot(first, second) - _dot(first, away) * _dot(second, away) / squared) / squared

    near, far = cones.radius.T
    growth = far - near
    alpha = growth**2 / squared - across(axis, axis)
    alpha = np.where(np.abs(alpha) < 1e-7, -1e-7, alpha)
    depth_axis = _dot(axis, away) / squared
    steep = depth_axis / np.sqrt(np.maximum(depth_axis**2 - alpha, 1e-9))
    terms = [
        *(near**2 / squared - across(origin, origin), -2 * across(origin, right), -2 * across(origin, down)),
        *(-across(right, right), -2 * across(right, down), -across(down, down)),
        *(near * growth / squared + across(origin, axis), across(right, axis), across(down, axis)),
        *(
            alpha,
            -_dot(origin, away) / squared - cones.cover,
            -_dot(right, away) / squared,
            -_dot(down, away) / squared,
        ),
        *(depth_axis, steep),
        *_hems(placed, middle),
    ]
    return np.stack(terms, axis=1)


def _hems(placed: Placed, middle: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """A plane for every part, positive on the side that is kept; its first term is infinite where nothing is cut."""
    cones = placed.cones
    direction = np.einsum("pij,pj->pi", placed.bones[cones.bone], cones.start - cones.end)
    end = placed.origins[cones.bone] + np.einsum("pij,pj->pi", placed.bones[cones.bone], cones.end)
    constant = -_dot(direction, end) + direction[:, 0] * middle[:, 0] + direction[:, 1] * middle[:, 1]
    return [np.where(cones.cut, constant, np.inf), direction[:, 0], direction[:, 1], direction[:, 2]]


def _dot(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = (first * second).sum(axis=1)
    return product
