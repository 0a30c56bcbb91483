"""People go on as they went: how well a detection lies in the direction of a track (OC-SORT, arXiv 2203.14360)."""

import numpy as np

from passerby.video.tracking.motion import Floats
from passerby.video.tracking.pairing import Pairs
from passerby.video.tracking.sights import Sights, centres
from passerby.video.tracking.tracks import Tracks

_ROUNDING = 1e-9


def earlier_centres(tracks: Tracks, since: float) -> Floats:
    """Where each track was at its earliest kept detection since then, or else at its last: float64 [T, 2]."""
    return centres(tracks.looked_back(since - _ROUNDING))


def consistency(tracks: Tracks, sights: Sights, pairs: Pairs, before: Floats) -> Floats:
    """How well each track would go on to each detection, float64 [P].

    It is (π/2 - angle) / π times the detection's score, where the angle is between the track's heading and the way from
    where it was `before`, float64 [T, 2], to the detection; 0 for tracks without a heading.
    """
    way = sights.centres.take(pairs.detections, axis=0) - before.take(pairs.tracks, axis=0)
    headings = tracks.headings.take(pairs.tracks, axis=0)
    along = np.einsum("ij,ij->i", way, headings)
    length = np.sqrt(np.einsum("ij,ij->i", way, way))
    cosine = np.minimum(np.maximum(along / np.maximum(length, _ROUNDING), -1.0), 1.0)
    fit: Floats = 0.5 - np.arccos(cosine) / np.pi  # without a heading the cosine is 0
    return fit * sights.scores[pairs.detections]


def turn(tracks: Tracks, pairs: Pairs, sights: Sights, before: Floats) -> None:
    """Note in which direction tracks went, from where they were `before`, [T, 2], to their detections."""
    way = sights.centres.take(pairs.detections, axis=0) - before.take(pairs.tracks, axis=0)
    length = np.sqrt(np.einsum("ij,ij->i", way, way))
    tracks.headings[pairs.tracks] = way / np.maximum(length, _ROUNDING)[:, None]
