"""What one camera asks of a detector: how sure, how high, where, and in how many tiles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.video.detection.detector import Detections, Detector
from passerby.video.detection.region import Region
from passerby.video.detection.suppression import best_first, suppress_overlaps

_OVERLAP = 0.25  # of a tile's side with the next tile
_CUT = 2.0  # pixels from an inner edge of a tile, within which somebody counts as cut by it
_MOST_IOU = 0.5  # of two tiles' boxes around different people
_SMALLEST_TILE = 64
_MOST_TILES = 256


@dataclass(frozen=True)
class CameraSettings:
    """What one camera asks of a detector.

    Attributes:
        threshold: the least score of somebody who counts, 0 to 1.
        least_height: the least height of somebody who counts, in pixels.
        region: where people count; None for everywhere.
        tile: the side in pixels of the tiles that are looked at one by one, besides the whole picture, so that small
            people in large pictures are found; None for the whole picture alone.

    Raises:
        DataError: a number is out of range.
    """

    threshold: float = 0.0
    least_height: float = 0.0
    region: Region | None = None
    tile: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise DataError(f"threshold must be between 0 and 1, not {self.threshold:g}")
        if not 0 <= self.least_height < np.inf:
            raise DataError(f"least_height must be a number of pixels, 0 or above, not {self.least_height:g}")
        if self.tile is not None and self.tile < _SMALLEST_TILE:
            raise DataError(f"tile must be at least {_SMALLEST_TILE} pixels, not {self.tile}")


class CameraDetector:
    """A detector as one camera asks.

    Args:
        detector: any.
        settings: of the camera.

    Raises:
        DataError: tiles are asked of a detector that remembers the pictures before.
    """

    def __init__(self, detector: Detector, settings: CameraSettings) -> None:
        if settings.tile is not None and detector.remembers:
            raise DataError("tiles are for detectors that look at each picture alone: leave out tile for motion")
        self._detector = detector
        self._settings = settings

    @property
    def remembers(self) -> bool:
        """Whether what it finds depends on the pictures before."""
        return self._detector.remembers

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the people who count in each picture, all uint8 [height, width, 3] RGB.

        Raises:
            DataError: a picture would be cut into too many tiles.
        """
        if self._settings.tile is None:
            return [
                self._kept(found, image) for found, image in zip(self._detector.detect(images), images, strict=True)
            ]
        return [self._kept(self._in_tiles(image, self._settings.tile), image) for image in images]

    def _kept(self, found: Detections, image: NDArray[np.uint8]) -> Detections:
        settings = self._settings
        kept = found.scores >= settings.threshold
        kept &= found.boxes[:, 3] - found.boxes[:, 1] >= settings.least_height
        if settings.region is not None:
            kept &= settings.region.holds(found.boxes, *image.shape[:2])
        return Detections(found.boxes[kept], found.scores[kept])

    def _in_tiles(self, image: NDArray[np.uint8], tile: int) -> Detections:
        """Whom the whole picture shows and whom its tiles do, but for those whom a tile's edge cuts."""
        height, width = image.shape[:2]
        corners = list(tile_corners(height, width, tile))
        if len(corners) > _MOST_TILES:
            raise DataError(
                f"tiles of {tile} pixels are {len(corners)} in a picture of {height}×{width}: make them larger"
            )
        tiles = [image[top : top + tile, left : left + tile] for top, left in corners] if len(corners) > 1 else []
        whole, *parts = self._detector.detect([image, *map(np.ascontiguousarray, tiles)])
        boxes, scores = [whole.boxes], [whole.scores]
        for (top, left), part in zip(corners, parts, strict=False):
            moved = part.boxes + np.array([left, top] * 2, np.float32)
            inside = ~_is_cut(part.boxes, (top, left), (height, width), tile)
            boxes.append(moved[inside])
            scores.append(part.scores[inside])
        return suppress_overlaps(best_first(np.concatenate(boxes), np.concatenate(scores)), _MOST_IOU)


def tile_corners(height: int, width: int, tile: int) -> Iterator[tuple[int, int]]:
    """Top and left of tiles that cover a picture and overlap by a quarter or more."""
    for top in _starts(height, tile):
        for left in _starts(width, tile):
            yield top, left


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    count = ceil((length - tile) / (tile * (1 - _OVERLAP))) + 1
    return [round(number * (length - tile) / (count - 1)) for number in range(count)]


def _is_cut(boxes: NDArray[np.float32], corner: tuple[int, int], size: tuple[int, int], tile: int) -> NDArray[np.bool_]:
    """Which boxes touch an edge of their tile that is none of the picture, bool [N]."""
    top, left = corner
    height, width = min(tile, size[0]), min(tile, size[1])
    cut: NDArray[np.bool_] = (
        ((boxes[:, 0] <= _CUT) & (left > 0))
        | ((boxes[:, 1] <= _CUT) & (top > 0))
        | ((boxes[:, 2] >= width - _CUT) & (left + width < size[1]))
        | ((boxes[:, 3] >= height - _CUT) & (top + height < size[0]))
    )
    return cut
