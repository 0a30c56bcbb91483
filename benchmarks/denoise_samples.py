"""Samples whose people are known, for judging identity correlation: from tables, or simulated; and noise for them."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.errors import DataError
from passerby.tracklets import true_identities
from passerby.tracklets.tables import open_tracklets, read_features

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """N samples.

    Attributes:
        features: float32 [N, D].
        videos: int64 [N].
        tracklets: int64 [N], valid inside of a video.
        frames: int64 [N], or None.
        truth: int64 [N], the person; -1 for nobody.
    """

    features: NDArray[np.float32]
    videos: Integers
    tracklets: Integers
    frames: Integers | None
    truth: Integers

    @property
    def count(self) -> int:
        return len(self.features)

    def take(self, rows: NDArray[np.bool_]) -> "Samples":
        """Some of the samples."""
        frames = None if self.frames is None else self.frames[rows]
        return Samples(self.features[rows], self.videos[rows], self.tracklets[rows], frames, self.truth[rows])


@dataclass(frozen=True)
class Noise:
    """What is done to samples before they are denoised.

    Attributes:
        switched: share of samples that change places with one of another tracklet of the video, near in time.
        broken: chance that a tracklet ends between two of its samples and another begins.
        background: share of samples that show nobody; those beyond it are taken away. None for all that there are.
    """

    switched: float = 0.0
    broken: float = 0.0
    background: float | None = None


def read_samples(table: Path, features: Path | None) -> Samples:
    """The samples of a table with `true_identity`."""
    opened, truth = open_tracklets(table, features), true_identities(table)
    if truth is None:
        raise DataError(f"table {table} has no column 'true_identity': without it nothing can be judged")
    with tempfile.TemporaryDirectory() as folder:
        array = np.array(read_features(opened, Path(folder) / "features.npy")[:], dtype=np.float32)
    return Samples(array, opened.videos, opened.tracklets, opened.frames, truth)


def spoilt(samples: Samples, noise: Noise, seed: int = 0) -> Samples:
    """Samples with noise; the same seed spoils the same ones."""
    generator = np.random.default_rng(seed)
    if noise.background is not None:
        nobody = samples.truth < 0
        allowed = noise.background * (~nobody).sum() / (1 - noise.background)
        kept = generator.random(samples.count) < allowed / max(1, nobody.sum())
        samples = samples.take(~nobody | kept)
    features, truth = samples.features.copy(), samples.truth.copy()
    first, second = _exchanged(samples, generator.random(samples.count) < noise.switched)
    for one, other in ((first, second), (second, first)):
        features[one], truth[one] = samples.features[other], samples.truth[other]
    return replace(samples, features=features, truth=truth, tracklets=_broken(samples, noise.broken, generator))


def _exchanged(samples: Samples, chosen: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Pairs of chosen samples: each goes with the next in time that is of another tracklet of the video."""
    pairs: list[tuple[int, int]] = []
    time = np.arange(samples.count) if samples.frames is None else samples.frames
    for video in np.unique(samples.videos).tolist():
        rows = np.flatnonzero((samples.videos == video) & chosen)
        waiting: list[int] = []  # all of one tracklet
        for row in rows[np.argsort(time[rows], kind="stable")].tolist():
            if waiting and samples.tracklets[waiting[0]] != samples.tracklets[row]:
                pairs.append((waiting.pop(0), row))
            else:
                waiting.append(row)
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return first, second


def _broken(samples: Samples, chance: float, generator: np.random.Generator) -> Integers:
    """Tracklets that end at random, numbered anew; samples of a tracklet must be in order of time."""
    _, whole = np.unique(np.stack([samples.videos, samples.tracklets]), axis=1, return_inverse=True)
    breaks = generator.random(samples.count) < chance
    pieces = np.zeros(samples.count, np.int64)
    for tracklet in range(int(whole.max()) + 1):
        rows = np.flatnonzero(whole == tracklet)
        pieces[rows] = np.cumsum(breaks[rows])
    _, numbered = np.unique(np.stack([whole, pieces]), axis=1, return_inverse=True)
    return np.asarray(numbered, np.int64)


def simulated(look: float, people: int = 400, videos: int = 120, width: int = 64, seed: int = 0) -> Samples:
    """12 people in each video, each with a look of its own there, and crops that show nobody.

    Args:
        look: how differently a person looks in each video.
        people: in all.
        videos: of about 240 samples each.
        width: of the features.
        seed: everything follows from it.
    """
    generator = np.random.default_rng(seed)
    scale = np.geomspace(2, 0.3, width)
    centres = generator.standard_normal((people, width)) * scale
    columns: list[Integers] = []
    looks = []
    for video in range(videos):
        for person in generator.choice(people, 12, replace=False).tolist():
            length, start = int(generator.integers(10, 30)), int(generator.integers(0, 40))
            frames = start + np.arange(length)
            columns.append(np.stack([np.full(length, video), np.full(length, person), frames]))
            here = centres[person] + look * generator.standard_normal(width)
            looks.append(here + 0.45 * generator.standard_normal((length, width)))
    (video_of, person_of, frame_of), features = np.concatenate(columns, axis=1), np.concatenate(looks)
    truth = person_of.copy()
    background = np.flatnonzero(generator.random(truth.size) < 0.1)
    features[background] = generator.standard_normal((background.size, width)) * scale
    truth[background] = -1
    return Samples(features.astype(np.float32), video_of, person_of, frame_of, truth)
