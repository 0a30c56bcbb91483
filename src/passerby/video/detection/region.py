"""The part of a camera's picture in which people count."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.data.image_files import is_image
from passerby.data.pixels.decoding import read_image
from passerby.errors import DataError
from passerby.printable import printable

_SIDE = 1024  # cells of a region that is given as polygons
_LARGEST_FILE = 1 << 20
Polygon = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Region:
    """Where people count: those whose feet, the middle of the box's lower edge, stand in it.

    Attributes:
        cells: bool [rows, columns], laid over the whole picture, of whatever size.
    """

    cells: NDArray[np.bool_]

    def holds(self, boxes: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
        """Which people stand in it, bool [N].

        Args:
            boxes: float32 [N, 4], left, top, right, bottom in pixels of the picture.
            height: of the picture, in pixels.
            width: of the picture, in pixels.
        """
        rows, columns = self.cells.shape
        row = np.minimum((boxes[:, 3] / height * rows).astype(np.int64), rows - 1)
        column = np.minimum(((boxes[:, 0] + boxes[:, 2]) / 2 / width * columns).astype(np.int64), columns - 1)
        found: NDArray[np.bool_] = self.cells[row.clip(0), column.clip(0)]
        return found


def region_of_polygons(polygons: Sequence[Polygon]) -> Region:
    """The region inside any of the polygons, whose corners are x and y as shares of the picture, 0 to 1.

    Raises:
        DataError: there is none, or one has less than three corners, or a corner outside the picture.
    """
    cells = np.zeros((_SIDE, _SIDE), np.uint8)
    if not polygons:
        raise DataError("a region needs at least one polygon")
    for polygon in polygons:
        try:
            corners = np.array(polygon, np.float64)
        except (TypeError, ValueError):
            corners = np.empty(0)
        if (
            corners.ndim != 2
            or corners.shape[1] != 2
            or len(corners) < 3
            or not ((corners >= 0) & (corners <= 1)).all()
        ):
            raise DataError("a region's polygon needs three corners or more, [x, y] as shares of the picture, 0 to 1")
        cv2.fillPoly(cells, [np.rint(corners * (_SIDE - 1)).astype(np.int32)], 1)
    return Region(cells.astype(bool))


def read_region(path: Path) -> Region:
    """The region in a file: JSON, a list of polygons, or a picture that is not black where people count.

    Raises:
        DataError: the file cannot be read, is neither, or leaves no region.
    """
    name = printable(str(path))
    if is_image(path.name):
        cells = np.asarray(read_image(path)).max(axis=2) > 127
        if not cells.any():
            raise DataError(f"{name}: is black all over: paint white where people count")
        return Region(cells)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise DataError(f"{name}: is too large for a list of polygons")
        polygons = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{name}: is neither a picture nor JSON: give a mask, or a list of polygons") from error
    if not isinstance(polygons, list):
        raise DataError(f"{name}: must be a list of polygons, such as [[[0, 0.5], [1, 0.5], [1, 1], [0, 1]]]")
    try:
        return region_of_polygons(polygons)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
