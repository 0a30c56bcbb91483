"""How well and how fast detectors find people.

    python benchmarks/detection.py world [--detector yolox-nano hog motion …] [--folder DIR]
    python benchmarks/detection.py sequence FOLDER… [--detector …]
    python benchmarks/detection.py speed [--detector yolox-nano] [--frames 500]

`world` films drawn people (seed 3, two cameras of 30 people, 20 seconds, 960 pixels wide; or takes the films that it
made before) and tells recall by the people's height and by how much of them can be seen, every fifth frame (`motion`
sees all). `sequence` does the same for folders in MOTChallenge layout with ground truth. A box counts as found by one
that overlaps it by an intersection over union of 0.5 or more, one to one; boxes are cut at the picture's edges before.
`speed` reads and detects in a drawn film of 768×576, as `passerby track` does, and tells
frames a second, and the time of one core that a frame takes.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from passerby.synth import write_videos
from passerby.video.detection import open_detector
from passerby.video.reading import open_source

SEED, PEOPLE, CAMERAS, SECONDS, WIDTH = 3, 30, 2, 20, 960
"""Of the films of `world`."""

SEEN_EVERY = 5
"""Frames of which one is judged."""

THRESHOLDS = {"motion": 0.0, "hog": 0.5}
"""Least scores; models' are 0.3."""

HEIGHTS = (0, 60, 90, 130, 200, 10_000)
VISIBLE = (0.0, 0.4, 0.6, 0.8, 0.95, 1.01)
"""Edges of the classes that are told apart, in pixels and as fractions."""

OVERLAP = 0.5


class Truth(NamedTuple):
    """People of one frame.

    Attributes:
        boxes: float64 [N, 4], left, top, right, bottom, of whole bodies.
        visible: float64 [N].
    """

    boxes: NDArray[np.float64]
    visible: NDArray[np.float64]


class Scores(NamedTuple):
    """What a detector did.

    Attributes:
        heights, visible: of the people.
        hit: whether each was found.
        boxes: how many boxes it gave.
        seconds: that it took for a frame.
    """

    heights: NDArray[np.float64]
    visible: NDArray[np.float64]
    hit: NDArray[np.bool_]
    boxes: int
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("world", "sequence", "speed"))
    parser.add_argument("folders", nargs="*", type=Path, help="of `sequence`")
    parser.add_argument("--detector", nargs="+", default=["yolox-nano", "hog", "motion"])
    parser.add_argument("--folder", type=Path, default=Path("detection-world"), help="of the films of `world`")
    parser.add_argument("--frames", type=int, default=500, help="of `speed`")
    parser.add_argument("--threads", type=int, default=None, help="of a model")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        for name in arguments.detector:
            speed(name, arguments.frames, arguments.threads)
        return 0
    if arguments.what == "world":
        write_videos(arguments.folder, identities=PEOPLE, cameras=CAMERAS, seconds=SECONDS, width=WIDTH, seed=SEED)
        videos = sorted((arguments.folder / "videos").glob("*.mp4"))
        pairs = [(video, arguments.folder / "gt" / f"{video.stem}.txt") for video in videos]
    else:
        pairs = [(folder, folder / "gt" / "gt.txt") for folder in arguments.folders]
    print_table({name: judge(name, pairs, arguments.threads) for name in arguments.detector})
    return 0


def judge(name: str, pairs: Iterable[tuple[Path, Path]], threads: int | None) -> Scores:
    """What a detector does in videos or folders with ground truth."""
    heights, visible, hit, boxes, seconds, frames = [], [], [], 0, 0.0, 0
    for video, truth_file in pairs:
        detector = open_detector(name, threads=threads)
        truth = read_truth(truth_file)
        with open_source(video) as source:
            for frame in source:
                if frame.number % SEEN_EVERY and not detector.remembers:
                    continue
                began = time.perf_counter()
                [found] = detector.detect([frame.image])
                seconds, frames = seconds + time.perf_counter() - began, frames + 1
                if frame.number % SEEN_EVERY:
                    continue
                people = truth[frame.number + 1]
                sure = found.boxes[found.scores >= THRESHOLDS.get(name, 0.3)]
                heights.append(people.boxes[:, 3] - people.boxes[:, 1])
                visible.append(people.visible)
                hit.append(matched(people.boxes, sure, *frame.image.shape[:2]))
                boxes += len(sure)
    return Scores(np.concatenate(heights), np.concatenate(visible), np.concatenate(hit), boxes, seconds / frames)


def read_truth(file: Path) -> dict[int, Truth]:
    """People by frame, of a file as MOTChallenge's: those that are marked to count, and are people."""
    rows = np.loadtxt(file, delimiter=",", ndmin=2)
    rows = rows[rows[:, 6] != 0]
    has_class = rows.shape[1] == 9  # MOT15's ten columns tell of places on the ground instead
    if has_class:
        rows = rows[rows[:, 7] == 1]
    people: dict[int, Truth] = defaultdict(lambda: Truth(np.empty((0, 4)), np.empty(0)))
    for frame in np.unique(rows[:, 0]).astype(int).tolist():
        some = rows[rows[:, 0] == frame]
        corners = np.concatenate([some[:, 2:4], some[:, 2:4] + some[:, 4:6]], axis=1)
        people[frame] = Truth(corners, some[:, 8] if has_class else np.ones(len(some)))
    return people


def matched(truth: NDArray[np.float64], found: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
    """Which people have a box of their own that overlaps them enough."""
    cut = np.clip(truth, 0, [width, height] * 2)
    left_top = np.maximum(cut[:, None, :2], found[None, :, :2])
    right_bottom = np.minimum(cut[:, None, 2:], found[None, :, 2:])
    common = np.prod(np.clip(right_bottom - left_top, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (cut, found)]
    overlaps = common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9)
    rows, columns = linear_sum_assignment(-(overlaps * (overlaps >= OVERLAP)))
    hit = np.zeros(len(truth), bool)
    hit[rows] = overlaps[rows, columns] >= OVERLAP
    return hit


def print_table(scores: dict[str, Scores]) -> None:
    """Recall and precision as a table in Markdown."""
    names = list(scores)
    print("| | people | " + " | ".join(names) + " |\n|---|---|" + "---|" * len(names))
    one = scores[names[0]]
    for label, edges, values in (("height", HEIGHTS, "heights"), ("visible", VISIBLE, "visible")):
        for low, high in pairwise(edges):
            inside = {n: (getattr(s, values) >= low) & (getattr(s, values) < high) for n, s in scores.items()}
            cells = [f"{s.hit[inside[n]].mean():.2f}" if inside[n].any() else "–" for n, s in scores.items()]
            print(f"| {label} {low:g}–{high:g} | {inside[names[0]].sum():,} | " + " | ".join(cells) + " |")
    print(f"| all: recall | {len(one.hit):,} | " + " | ".join(f"{s.hit.mean():.2f}" for s in scores.values()) + " |")
    precision = [f"{s.hit.sum() / s.boxes:.2f}" if s.boxes else "–" for s in scores.values()]
    print("| all: precision | | " + " | ".join(precision) + " |")
    print("| ms a frame | | " + " | ".join(f"{1000 * s.seconds:.0f}" for s in scores.values()) + " |")


def cpu_seconds() -> float:
    """Of this process and the ones it started that have ended: other work on the machine does not matter much."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def speed(name: str, frames: int, threads: int | None) -> None:
    """Read and detect in a film of 768×576."""
    file = Path("detection-speed.avi")
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 25, (768, 576))
    generator = np.random.default_rng(0)
    ground = cv2.resize(generator.integers(0, 255, (36, 48, 3), dtype=np.uint8), (768, 576))
    for number in range(frames):
        writer.write(np.roll(ground, 2 * number, axis=1))
    writer.release()
    detector = open_detector(name, threads=threads)
    detector.detect([ground])
    began, used = time.perf_counter(), cpu_seconds()
    with open_source(file) as source:
        count = sum(len(detector.detect([frame.image])) for frame in source)
    taken, used = time.perf_counter() - began, cpu_seconds() - used
    print(f"{name}: {count / taken:.1f} frames/s with reading, 768×576; {1000 * used / count:.1f} ms of one core each")
    file.unlink()


if __name__ == "__main__":
    sys.exit(main())
