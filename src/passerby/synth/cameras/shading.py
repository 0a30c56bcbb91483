"""Shading of a traced person: texture maps, light of sun and sky, and ambient occlusion.

Only pixels that can be seen are coloured. The maps hold colours as a screen shows them, so light enters by its root.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.cameras.tracing import Floats, Layer, Placed
from passerby.synth.people.clothes import Atlas
from passerby.synth.people.fabrics import COLUMNS, ROWS


@dataclass(frozen=True)
class Light:
    """Daylight at one place, in the view of its camera.

    Attributes:
        towards: unit vector towards the sun: right, down, away.
        up: unit vector towards the sky in the same axes.
        sun: brightness and colour of direct light, RGB.
        sky: of light from above, RGB.
        ground: of light from below, RGB.
        low: how much darker people are at their feet, where less of the sky is seen, 0 to 1.
    """

    towards: tuple[float, float, float]
    up: tuple[float, float, float]
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]
    low: float = 0.0


def creases(layer: Layer, reach: int) -> Floats:
    """How much light reaches every pixel of a layer past what stands before it nearby, 0 to 1, float32 [h, w].

    Args:
        layer: a traced person.
        reach: over how many pixels shade spreads.
    """
    size = (2 * (reach // 2) + 1,) * 2
    there = (layer.part >= 0).astype(np.float32)
    depth = np.where(layer.part >= 0, layer.depth, 0)
    around = cv2.blur(depth, size) / np.maximum(cv2.blur(there, size), 0.02)
    behind = np.clip((depth - around - 0.004) * 5.0, 0, 0.42)
    return (1 - behind).astype(np.float32)


def shade(
    placed: Placed, layer: Layer, atlas: Atlas, light: Light, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Floats:
    """Colours of some pixels of a layer, float32 [N, 3], RGB from 0 to 255.

    Args:
        placed: the person whose layer it is.
        layer: a traced person.
        atlas: what they wear.
        light: falls on them.
        rows: of the pixels, in the layer; each must show the person.
        columns: likewise.
    """
    part = layer.part[rows, columns]
    view = placed.view
    point = np.empty((3, part.size), dtype=np.float32)
    np.multiply(columns + (layer.left + 0.5 - view.column), 1 / view.scale, out=point[0], casting="unsafe")
    np.multiply(rows + (layer.top + 0.5 - view.row), 1 / view.scale, out=point[1], casting="unsafe")
    point[2] = layer.depth[rows, columns]
    terms = np.take(_terms(placed), part, axis=1)
    normal = _affine(terms, point) - terms[12:15] * layer.along[rows, columns]
    sunny, high = _exposure(normal, light)
    cell = _cells(_affine(terms[15:], point), terms[27].astype(np.int32))
    shadow = creases(layer, max(3, round(0.09 * view.scale)))[rows, columns]
    colours = np.take(atlas.reshape(-1, 3), cell, axis=0).astype(np.float32)
    colours *= _brightness(sunny, high, light)
    colours *= shadow[:, None]
    if light.low:
        colours *= _dimmed(point[1], light.low)[:, None]
    return colours


def _dimmed(down: Floats, low: float) -> Floats:
    """How much less light there is near the ground: pixels are `down` metres below the feet, less than 0 above."""
    dimmed: Floats = 1 - np.float32(low) * (1 + down / np.float32(1.3)).clip(0, 1)
    return dimmed


def _terms(placed: Placed) -> Floats:
    """What shading needs to know of every part, float32 [28, P].

    Rows 0-11: the matrix and the offset that turn a point into a normal; 12-14: what each ball takes from it; 15-26:
    the matrix and offset that turn a point into a place on the map; 27: the map.
    """
    cones = placed.cones
    count = len(cones.bone)
    bones = placed.bones[cones.bone]
    inverse = 1 / cones.stretch**2
    matrix = np.einsum("pij,pj,pkj->pik", bones, inverse, bones)
    centre = placed.origins[cones.bone] + np.einsum("pij,pj->pi", bones, cones.start)
    offset = -np.einsum("pij,pj->pi", matrix, centre)
    per_ball = np.einsum("pij,pj->pi", bones, inverse * (cones.end - cones.start))
    wrap = placed.bones[cones.wrap_bone].transpose(0, 2, 1)
    top, bottom, middle, deep, wide = cones.wrap.T
    scale = np.stack([1 / deep, 1 / wide, ROWS / (bottom - top)], axis=1)
    shift = np.stack([-middle / deep, np.zeros(count), -top * ROWS / (bottom - top)], axis=1)
    wrapped = scale[:, :, None] * wrap
    moved = shift - np.einsum("pij,pj->pi", wrapped, placed.origins[cones.wrap_bone])
    flat = [_flat(matrix), offset, per_ball, _flat(wrapped), moved, cones.slot[:, None]]
    return np.ascontiguousarray(np.concatenate(flat, axis=1).T, dtype=np.float32)


def _flat(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    return matrices.reshape(len(matrices), 9)


def _affine(terms: Floats, point: Floats) -> Floats:
    """A matrix and an offset for every pixel, terms [>=12, N], times its point [3, N]."""
    moved: Floats = (terms[0:9].reshape(3, 3, -1) * point).sum(axis=1) + terms[9:12]
    return moved


def _exposure(normal: Floats, light: Light) -> tuple[Floats, Floats]:
    """How squarely every pixel faces the sun, 0 to 1, and how much of the sky it sees, 0 to 1."""
    towards = np.array([light.towards, light.up], dtype=np.float32) @ normal
    towards /= np.sqrt(np.einsum("ij,ij->j", normal, normal)) + np.float32(1e-9)
    return np.maximum(towards[0], 0), 0.5 + 0.5 * towards[1]


def _brightness(sunny: Floats, high: Floats, light: Light) -> Floats:
    """Root of the light on every pixel, float32 [N, 3]."""
    amount = np.stack([sunny, high, 1 - high], axis=1)
    lit: Floats = np.sqrt(amount @ np.array([light.sun, light.sky, light.ground], dtype=np.float32))
    return lit


def _cells(place: Floats, slot: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number of the cell of the atlas that every pixel shows."""
    angle = cv2.phase(place[0], place[1])[:, 0] if place.size else place[0]  # 0 to 2π, growing to the person's left
    column = (angle * np.float32(COLUMNS / (2 * np.pi))).astype(np.int32) + COLUMNS // 2
    column %= COLUMNS
    row = place[2].astype(np.int32)
    np.clip(row, 0, ROWS - 1, out=row)
    cell: NDArray[np.int32] = (slot * ROWS + row) * COLUMNS + column
    return cell
