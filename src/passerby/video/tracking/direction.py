"""People go on as they went: how well a detection lies in the direction of a track (OC-SORT, arXiv 2203.14360)."""

import numpy as np
from numpy.typing import NDArray

from passerby.video.tracking.motion import Floats
from passerby.video.tracking.sights import Sights
from passerby.video.tracking.tracks import Tracks

_ROUNDING = 1e-9


def consistency(tracks: Tracks, sights: Sights, lookback: float) -> Floats:
    """How well each track would go on to each detection, float64 [T, N].

    It is (π/2 - angle) / π times the detection's score, where the angle is between the track's heading and the way from
    its place `lookback` seconds ago to the detection; 0 for tracks without a heading.
    """
    before = tracks.looked_back(sights.time - lookback - _ROUNDING)
    across, down = _centres(sights.boxes).T[:, None] - _centres(before).T[:, :, None]
    along = across * tracks.headings[:, :1] + down * tracks.headings[:, 1:]
    cosine = along / np.maximum(np.sqrt(across**2 + down**2), _ROUNDING)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    moving = (tracks.headings != 0).any(axis=1, keepdims=True)
    fit: Floats = np.where(moving, 0.5 - angle / np.pi, 0.0) * sights.scores
    return fit


def turn(tracks: Tracks, rows: NDArray[np.intp], boxes: Floats, since: float) -> None:
    """Note in which direction tracks went, from where they were `since` to these boxes."""
    way = _centres(boxes) - _centres(tracks.looked_back(since - _ROUNDING)[rows])
    tracks.headings[rows] = way / np.maximum(np.sqrt((way**2).sum(axis=1, keepdims=True)), _ROUNDING)


def _centres(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) / 2
