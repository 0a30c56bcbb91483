"""Measure `passerby track` over a long video: frames a second, and the memory of all its processes over time.

A short video is looped into a long one, which is tracked in a process of its own while the memory is sampled.

    python benchmarks/track.py world/videos/c1-001.mp4 --minutes 60 --rate 5 --detector yolox-nano
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

_SAMPLE_EVERY = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the looped video")
    parser.add_argument("--rate", type=float, default=25.0, help="its frames a second, all of which are analysed")
    parser.add_argument("--detector", default="yolox-nano")
    parser.add_argument("--tracker", default="bytetrack")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        looped = Path(folder) / "looped.mp4"
        frames = loop(arguments.video, looped, arguments.minutes * 60, arguments.rate)
        command = [sys.executable, "-m", "passerby", "track", str(looped), "-o", f"{folder}/out", "--no-report"]
        command += ["--detector", arguments.detector, "--tracker", arguments.tracker]
        command += ["--threads", str(arguments.threads), "--set", "tracker.appearance.gap=0"]
        seconds, samples = run(command)
        written = sum(file.stat().st_size for file in (Path(folder) / "out").rglob("*") if file.is_file())
    parts = np.array_split(np.array(samples), 4)
    print(f"{frames:,} frames in {seconds:.0f} s: {frames / seconds:.1f} frames/s, {written / 2**20:.0f} MiB written")
    print("| quarter of the time | median MiB | most MiB |\n|---|---|---|")
    for number, part in enumerate(parts, start=1):
        print(f"| {number} | {np.median(part):.0f} | {part.max():.0f} |")


def loop(video: Path, out: Path, seconds: float, rate: float) -> int:
    """Write a video again and again; returns how many frames that are."""
    capture, pictures = cv2.VideoCapture(str(video)), []
    while True:
        done, image = capture.read()
        if not done:
            break
        pictures.append(image)
    capture.release()
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    count = round(seconds * rate)
    for number in range(count):
        writer.write(pictures[number % len(pictures)])
    writer.release()
    return count


def run(command: list[str]) -> tuple[float, list[float]]:
    """Seconds that a command takes, and MiB of it and its children, sampled."""
    began, samples = time.monotonic(), []
    process = subprocess.Popen(command)
    while process.poll() is None:
        samples.append(sum(resident(each) for each in [process.pid, *children(process.pid)]))
        time.sleep(_SAMPLE_EVERY)
    if process.returncode:
        shutil.rmtree(Path(command[6]).parent, ignore_errors=True)
        sys.exit(process.returncode)
    return time.monotonic() - began, samples


def children(process: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            own = [int(number) for number in task.read_text().split()]
        except OSError:
            continue
        found += own + [each for child in own for each in children(child)]
    return found


def resident(process: int) -> float:
    """MiB that a process alone holds and its share of what it has in common with others."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


if __name__ == "__main__":
    main()
