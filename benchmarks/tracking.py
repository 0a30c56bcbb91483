"""Frames per second of the trackers, beside a peer's on the same detections in the same run.

    python benchmarks/tracking.py                                    # ours
    python benchmarks/tracking.py --peer JUDGE/bin/python            # and roboflow's trackers 2.6.1

The peer needs an environment of its own (`pip install trackers==2.6.1`), because it installs another OpenCV. People
walk through a picture of 1920 × 1080 and are detected with shaking boxes; a tenth is missed in each frame. One thread,
CPU seconds of the process; detections are made before the clock starts; no camera motion is estimated by either. Rounds
of ours and of the peer take turns, and the fastest of each is shown.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

RATE = 30.0
PEERS = {"bytetrack": "ByteTrackTracker", "ocsort": "OCSORTTracker", "botsort": "BoTSORTTracker"}
"""Our tracker → the peer's class of the same method."""


def make_film(
    people: int, frames: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Boxes [N, 4], scores [N] and frame numbers [N] of people who walk."""
    generator = np.random.default_rng(seed)
    place = generator.uniform((0, 0), (1920, 1080), (people, 2))
    speed = generator.normal(0, 3, (people, 2))
    height = generator.uniform(80, 250, people)
    boxes, numbers = [], []
    for frame in range(frames):
        place += speed
        speed *= np.where((place < 0) | (place > (1920, 1080)), -1, 1)
        seen = generator.random(people) >= 0.1
        size = np.stack([0.4 * height, height], axis=1)[seen]
        centre = place[seen] + generator.normal(0, 0.02, (int(seen.sum()), 2)) * size
        boxes.append(np.concatenate([centre - size / 2, centre + size / 2], axis=1))
        numbers.append(np.full(len(centre), frame))
    found = np.concatenate(boxes).astype(np.float32)
    return found, generator.uniform(0.4, 1.0, len(found)).astype(np.float32), np.concatenate(numbers)


def time_ours(name: str, film: Path) -> float:
    """Frames per second of one of our trackers."""
    from passerby.video.detection.detector import Detections
    from passerby.video.tracking import make_tracker

    frames = [Detections(boxes, scores) for boxes, scores in read_film(film)]
    settings = {"camera_motion": False} if name == "botsort" else None
    tracker = make_tracker(name, settings)
    start = time.process_time()
    for number, each in enumerate(frames):
        tracker.update(each, frame=number, time=number / RATE)
    return len(frames) / (time.process_time() - start)


def time_peer(name: str, film: Path) -> float:
    """Frames per second of the peer's tracker; runs in the peer's environment."""
    import inspect

    import supervision
    import trackers

    kind = getattr(trackers, PEERS[name])
    known = inspect.signature(kind.__init__).parameters
    tracker = kind(**({"enable_cmc": False} if "enable_cmc" in known else {}))
    frames = [
        supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        for boxes, scores in read_film(film)
    ]
    start = time.process_time()
    for each in frames:
        tracker.update(each)
    return len(frames) / (time.process_time() - start)


def read_film(film: Path) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Boxes and scores of every frame."""
    with np.load(film) as held:
        boxes, scores, numbers = held["boxes"], held["scores"], held["numbers"]
    return [(boxes[numbers == frame], scores[numbers == frame]) for frame in range(int(numbers.max()) + 1)]


def in_process(python: str, side: str, name: str, film: Path) -> float:
    """Run this file's `--time` in a process of its own."""
    done = subprocess.run(
        [python, __file__, "--time", side, name, str(film)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(
            f"{side} {name} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'}"
        )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", help="interpreter of an environment with roboflow's trackers")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time", nargs=3, metavar=("SIDE", "TRACKER", "FILM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.time:
        side, name, film = arguments.time
        print((time_ours if side == "ours" else time_peer)(name, Path(film)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        film_file = Path(temporary) / "film.npz"
        boxes, scores, numbers = make_film(arguments.people, arguments.frames, arguments.seed)
        np.savez(film_file, boxes=boxes, scores=scores, numbers=numbers)
        print("| tracker | ours, frames/s | peer, frames/s | times as fast |")
        print("|---|---|---|---|")
        for name in PEERS:
            ours, peer = 0.0, 0.0
            for _ in range(arguments.rounds):
                ours = max(ours, in_process(sys.executable, "ours", name, film_file))
                if arguments.peer:
                    peer = max(peer, in_process(arguments.peer, "peer", name, film_file))
            print(f"| {name} | {ours:,.0f} | {f'{peer:,.0f} | {ours / peer:.1f}' if peer else '- | -'} |", flush=True)


if __name__ == "__main__":
    main()
