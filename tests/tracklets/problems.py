"""Random videos: people with a centre each, tracklets of noisy samples, switched samples, fragments, background."""

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """N samples in video and frame order."""

    features: np.ndarray
    tracklets: np.ndarray
    videos: np.ndarray
    frames: np.ndarray
    truth: np.ndarray


def drawn(
    seed,
    *,
    people=12,
    videos=5,
    per_video=4,
    length=(2, 9),
    width=8,
    noise=0.2,
    switched=0.1,
    background=0.05,
    fragments=0.3,
):
    """Frames of one video overlap; fragments of a tracklet follow one another."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((people, width))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = []
    for video in range(videos):
        part, following = [], 0
        for person in generator.choice(people, min(people, per_video), replace=False):
            count, start = int(generator.integers(*length)), int(generator.integers(0, 5))
            tracklet, following = following, following + 1
            for frame in range(start, start + count):
                if frame > start and generator.random() < fragments / count:
                    tracklet, following = following, following + 1
                part.append([video, tracklet, frame, int(person)])
        shuffled = [row for row in part if generator.random() < switched]
        people_of = [row[3] for row in shuffled]
        for row, person in zip(shuffled, generator.permutation(people_of), strict=True):
            row[3] = int(person)
        for row in part:
            if generator.random() < background:
                row[3] = -1
        rows += sorted(part, key=lambda row: (row[1], row[2]))
    table = np.array(rows)
    vectors = np.where(
        table[:, 3, None] < 0, generator.standard_normal((len(table), width)), centres[table[:, 3]]
    ) + noise * generator.standard_normal((len(table), width))
    return Problem(vectors.astype(np.float32), table[:, 1], table[:, 0], table[:, 2], table[:, 3])


def same_partition(first, second):
    """Whether two labellings part the samples alike (-1 must agree)."""
    first, second = np.asarray(first), np.asarray(second)
    if not ((first < 0) == (second < 0)).all():
        return False
    pairs = set(zip(first[first >= 0].tolist(), second[second >= 0].tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
