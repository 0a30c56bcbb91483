"""Time of CCAFL's association against the plain loop, on as many classes as the published training halves have.

    python benchmarks/ccafl_association.py                      # MSMT17's 4,821 classes of 15 cameras, 2,048 dimensions
    python benchmarks/ccafl_association.py --classes 3262 --cameras 6 --rate 1.7     # Market-1501's
    python benchmarks/ccafl_association.py --without-loop       # large problems: the loop takes minutes and gigabytes

The plain loop is the algorithm as it is told: all distances by scipy, a Python list of all pairs of different cameras,
sorted; one pair after the other; then a flood of components. Both must find the same links. Mean features are drawn
from `--seed`: a centre for each person, seen by some of the cameras, plus noise. CPU seconds are those of all threads:
on a busy machine they are the figure to compare. What is linked is not the paper's: nothing was trained here.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from passerby.methods.ccafl.association.associate import associate
from passerby.methods.ccafl.association.statistics import association_statistics

Integers = NDArray[np.int64]
Float32 = NDArray[np.float32]


def drawn(arguments: argparse.Namespace) -> tuple[Float32, Integers, Integers]:
    """Mean features, cameras and people of the classes, in the order of their cameras."""
    generator = np.random.default_rng(arguments.seed)
    pairs = generator.choice(arguments.people * arguments.cameras, arguments.classes, replace=False)
    pairs.sort()
    cameras, people = np.divmod(pairs, arguments.people)
    centres = generator.standard_normal((arguments.people, arguments.dimensions), dtype=np.float32)
    noise = generator.standard_normal((arguments.classes, arguments.dimensions), dtype=np.float32)
    return centres[people] + arguments.noise * noise, cameras.astype(np.int64), people.astype(np.int64)


def plain_loop(features: Float32, cameras: Integers, rate: float) -> list[tuple[int, int]]:
    """The links, found as a reader of the algorithm would write it down first."""
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    distances = cdist(directions, directions, "sqeuclidean").tolist()
    seen_by, count = cameras.tolist(), len(cameras)
    pairs = []
    for i in range(count):
        row = distances[i]
        for j in range(i + 1, count):
            if seen_by[i] != seen_by[j]:
                pairs.append((row[j], i, j))
    pairs.sort()
    links: list[tuple[int, int]] = []
    taken: set[tuple[int, int]] = set()
    for _, i, j in pairs[: int(rate * count)]:
        if (i, seen_by[j]) not in taken and (j, seen_by[i]) not in taken:
            taken |= {(i, seen_by[j]), (j, seen_by[i])}
            links.append((i, j))
    flooded(links, count)
    return links


def flooded(links: list[tuple[int, int]], count: int) -> list[int]:
    """The component of each class."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for i, j in links:
        neighbours[i].append(j)
        neighbours[j].append(i)
    labels = [-1] * count
    for start in range(count):
        waiting = [start] if labels[start] < 0 else []
        while waiting:
            member = waiting.pop()
            if labels[member] < 0:
                labels[member] = start
                waiting += neighbours[member]
    return labels


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, dict[str, float]]:
    """What it gives, and the least wall and CPU seconds of several times."""
    spent = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
    return found, {"seconds": round(min(each[0] for each in spent), 3), "cpu": round(min(each[1] for each in spent), 3)}


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=4821)
    parser.add_argument("--cameras", type=int, default=15)
    parser.add_argument("--people", type=int, default=1041)
    parser.add_argument("--dimensions", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=1.3)
    parser.add_argument("--noise", type=float, default=1.5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-loop", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    features, cameras, people = drawn(arguments)
    found, spent = timed(lambda: associate(features, cameras, arguments.rate), arguments.repeats)
    report: dict[str, Any] = {"problem": vars(arguments), "passerby": spent}
    report["found"] = association_statistics(found, people).to_dict()
    if not arguments.without_loop:
        links, report["plain loop"] = timed(lambda: plain_loop(features, cameras, arguments.rate), 1)
        same = {tuple(link) for link in found.links.tolist()} == set(links)
        report["same links"] = same
    if arguments.json:
        print(json.dumps(report, indent=2))
        return
    for name in ("passerby", "plain loop"):
        if name in report:
            print(f"{name:<12} {report[name]['seconds']:>9.3f} s  {report[name]['cpu']:>9.3f} s of CPU")
    print(association_statistics(found, people).describe())
    if "same links" in report:
        print("the same links" if report["same links"] else "DIFFERENT LINKS")


if __name__ == "__main__":
    main()
