"""How well the trackers follow people, on drawn films and on real sequences.

    passerby synth --videos 20 -o world
    python benchmarks/tracking_quality.py world world
    python benchmarks/tracking_quality.py sequences .data/mot-dev/* [--detector FILE] [--embedder FILE]

`world` takes the truth of the films that `passerby synth` made and spoils it as a good detector would (seed 1): boxes
shake by 3 % of their sides, by 6 % where less than 60 % of the person is visible; 5 % are missed, and everybody of whom
less than 15 % is visible; the score is 0.15 + 0.75 × visible fraction with a deviation of 0.1; 0.3 boxes a frame are
around nobody. Each tracker then sees every frame, or every second one and is judged on those.

`sequences` are folders in MOTChallenge's layout with ground truth, or films of `passerby synth` (`world/videos/*.mp4`).
Boxes of at least 0.1 are taken, with suppression above an overlap of 0.7. With an embedder, each tracker is also given
what each box looks like. Settings are the defaults. The last columns are of the tracklets that `passerby track`
makes of the tracks: it cuts them where two people may have been mixed up.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.data import MotTruth, read_mot_truth
from passerby.metrics import TrackingScore, Trajectories, combine_scores, drop_ignored, score_tracking
from passerby.video.collection import Collector, Tracklet
from passerby.video.detection import Detections, open_detector
from passerby.video.frame import Frame
from passerby.video.reading import open_source
from passerby.video.tracking import TRACKERS, make_tracker

Rules = Literal["MOT15", "MOT17", "MOT20"]

RATE = 25.0
SHOWN = ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "switches", "purity", "coverage", "tracklets per person")
COUNTS = ("switches", "tracklets per person")
OF_TRACKLETS = ("purity", "coverage", "tracklets per person")


class Seen(NamedTuple):
    """What a detector and an embedder made of a frame, and the picture where a tracker wants one."""

    number: int
    time: float
    detections: Detections
    features: NDArray[np.float32] | None
    image: NDArray[np.uint8] | None


def spoiled(truth: MotTruth) -> list[Seen]:
    """The frames of a drawn film as a detector would see them."""
    generator = np.random.default_rng(1)
    width, height = truth.boxes[:, [0, 2]].max(), truth.boxes[:, [1, 3]].max()
    frames = []
    for number in range(int(truth.frames.max()) + 1):
        rows = truth.frames == number
        boxes, visible = truth.boxes[rows], np.asarray(truth.visible)[rows]
        scores = np.clip(0.15 + 0.75 * visible + generator.normal(0, 0.1, len(visible)), 0, 1)
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = boxes + generator.normal(size=boxes.shape) * np.where(visible < 0.6, 0.06, 0.03)[:, None] * sides
        kept = (generator.random(len(visible)) < 0.95) & (scores > 0.1) & (visible > 0.15)
        corner = generator.uniform((0, 0), (0.9 * width, 0.8 * height), (generator.poisson(0.3), 2))
        boxes = np.concatenate([boxes[kept], np.concatenate([corner, corner + np.array([30, 80])], axis=1)])
        scores = np.concatenate([scores[kept], generator.uniform(0.1, 0.7, len(corner))])
        order = np.argsort(-scores, kind="stable")
        found = Detections(boxes[order].astype(np.float32), scores[order].astype(np.float32))
        frames.append(Seen(number, number / RATE, found, None, None))
    return frames


def detected(folder: Path, detector: str, embedder: str | None) -> Iterator[Seen]:
    """The frames of a real sequence."""
    import passerby

    model = open_detector(detector, most_iou=0.7)
    embed = passerby.load(embedder).embed if embedder else None
    with open_source(str(folder)) as source:
        for frame in source:
            (found,) = model.detect([frame.image])
            sure = found.scores >= 0.1
            found = Detections(found.boxes[sure], found.scores[sure])
            features = None
            if embed:
                features = np.concatenate([embed([crop]) for crop in crops(frame.image, found)] or [np.empty((0, 1))])
            yield Seen(frame.number, frame.time, found, features, frame.image)


def crops(image: NDArray[np.uint8], found: Detections) -> list[NDArray[np.uint8]]:
    """The pictures of the boxes."""
    corners = np.concatenate([np.floor(found.boxes[:, :2]), np.ceil(found.boxes[:, 2:])], axis=1).astype(int)
    return [image[max(0, top) : bottom, max(0, left) : right] for left, top, right, bottom in corners]


class Followed(NamedTuple):
    """What tracks, and the tracklets that they are cut into, are worth."""

    tracks: TrackingScore
    tracklets: TrackingScore


def follow(name: str, frames: list[Seen], truth: MotTruth, rules: Rules, *, step: int = 1) -> Followed:
    """Follow people through every `step`-th frame, and score it."""
    tracker, by_number = make_tracker(name), {each.number: each for each in frames}
    collector, ended = Collector(name, patience=tracker.memory + 0.5), []
    told = []
    for each in frames[::step]:
        image = each.image if tracker.wants_image else None
        told.append(
            tracker.update(each.detections, frame=each.number, time=each.time, features=each.features, image=image)
        )
        ended += collector.add(Frame(NO_PICTURE, each.number, each.time, None, False), each.detections, told[-1])
    told.append(tracker.break_off())
    ended += collector.break_off(told[-1])
    numbers = np.concatenate([each.frames for each in told])
    places = np.concatenate([each.detections for each in told])
    tracks = np.concatenate([each.tracks for each in told])
    boxes = [by_number[int(number)].detections.boxes[place] for number, place in zip(numbers, places, strict=True)]
    whole = Trajectories(numbers, tracks, np.array(boxes).reshape(-1, 4))
    kept = [each for each in ended if isinstance(each, Tracklet)]
    parts = Trajectories(
        np.concatenate([each.frames for each in kept]),
        np.repeat(np.arange(len(kept)), [len(each) for each in kept]),
        np.concatenate([each.boxes for each in kept]),
    )
    return Followed(*(judge(truth, result, rules, step) for result in (whole, parts)))


NO_PICTURE = np.zeros((1, 1, 3), np.uint8)
"""Crops do not matter here."""


def judge(truth: MotTruth, result: Trajectories, rules: Rules, step: int) -> TrackingScore:
    """Score what was found in every `step`-th frame."""
    judged = truth.frames % step == 0
    people = Trajectories(truth.frames, truth.identities, truth.boxes).kept(judged)
    classes = None if truth.classes is None else truth.classes[judged]
    flags = truth.considered[judged].astype(int)
    return score_tracking(*drop_ignored(people, result, considered=flags, classes=classes, rules=rules))


def row(name: str, *followed: Followed) -> str:
    """A line of the table, of films together."""
    whole = combine_scores([each.tracks for each in followed]).figures()
    parts = combine_scores([each.tracklets for each in followed]).figures()
    figures = [*((key, whole[key]) for key in SHOWN), *((key, parts[key]) for key in OF_TRACKLETS)]
    cells = (f"{value:.2f}" if key in COUNTS else f"{100 * value:.1f}" for key, value in figures)
    return f"| {name} | {' | '.join(cells)} |"


def world(folder: Path) -> None:
    """All films of a drawn world together."""
    films = [(truth, spoiled(truth)) for truth in map(read_mot_truth, sorted((folder / "gt").glob("*.txt")))]
    for name in TRACKERS:
        for step, shown in ((1, "every frame"), (2, "every second frame")):
            found = [follow(name, frames, truth, "MOT17", step=step) for truth, frames in films]
            print(row(f"{name}, {shown}", *found), flush=True)


def sequences(folders: list[Path], detector: str, embedder: str | None) -> None:
    """Each sequence alone."""
    for folder in folders:
        film = folder.suffix == ".mp4"
        truth = read_mot_truth(folder.parent.parent / "gt" / f"{folder.stem}.txt" if film else folder / "gt" / "gt.txt")
        rules: Rules = "MOT15" if truth.classes is None else "MOT20" if folder.name.startswith("MOT20") else "MOT17"
        frames = list(detected(folder, detector, embedder))
        for name in TRACKERS:
            if embedder:
                blind = [each._replace(features=None) for each in frames]
                print(row(f"{folder.name}, {name}", follow(name, blind, truth, rules)), flush=True)
                print(row(f"{folder.name}, {name}, with looks", follow(name, frames, truth, rules)), flush=True)
            else:
                print(row(f"{folder.name}, {name}", follow(name, frames, truth, rules)), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("world", "sequences"))
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--detector", default="yolox-nano")
    parser.add_argument("--embedder")
    arguments = parser.parse_args()
    columns = [*SHOWN, *(f"{each}, cut" for each in OF_TRACKLETS)]
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    if arguments.what == "world":
        for folder in arguments.folders:
            world(folder)
    else:
        sequences(arguments.folders, arguments.detector, arguments.embedder)


if __name__ == "__main__":
    main()
