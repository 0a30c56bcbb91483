"""CPU time and memory of `passerby.rank` beside sorting the whole gallery for every query, each in its own process.

    python benchmarks/ranking.py                             # all rows but the largest
    python benchmarks/ranking.py --rows msmt17 --repeats 1   # 11,659 × 82,161: needs 8 GB for the sorting way
    python benchmarks/ranking.py --rows video-833

*product* is `query @ gallery.T` alone, which every way needs; *argsort* adds `np.argsort` and NumPy's average precision
for each query, and leaves the order of equally far images to chance; *ours* is `passerby.rank`. The rows have the
shapes, positives a query and about the mAP of features of images (few positives) and of tracklets (many). Features are
drawn from `--seed`: one centre per person, plus noise. CPU seconds are those of one thread, median over `--repeats`;
peak memory is the largest resident set of the process above what it held once features and imports were loaded.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CAMERAS = 6
DISTRACTORS = 0.2


class Row(NamedTuple):
    """Sizes, mean number of positives a query, and noise beside centres of variance 1."""

    queries: int
    gallery: int
    dimensions: int
    positives: float
    noise: float


ROWS = {
    "market-random": Row(3368, 15913, 768, 14.5, 1000),
    "market-middling": Row(3368, 15913, 768, 14.5, 2.7),
    "market-good": Row(3368, 15913, 768, 14.5, 2.1),
    "video-167": Row(1200, 12000, 512, 167, 5.4),
    "video-500": Row(1200, 12000, 512, 500, 5.6),
    "video-833": Row(1200, 12000, 512, 833, 5.8),
    "msmt17": Row(11659, 82161, 512, 14.5, 2.2),
}


class Problem(NamedTuple):
    query: NDArray[np.float32]
    gallery: NDArray[np.float32]
    query_identities: NDArray[np.int64]
    gallery_identities: NDArray[np.int64]
    query_cameras: NDArray[np.int64]
    gallery_cameras: NDArray[np.int64]


def drawn(row: Row, seed: int) -> Problem:
    """A benchmark of these sizes; a fifth of the gallery are distractors."""
    generator = np.random.default_rng(seed)
    images = row.gallery * (1 - DISTRACTORS) * (1 - 1 / CAMERAS)
    identities = max(2, round(images / row.positives))
    centres = generator.standard_normal((identities + 1000, row.dimensions), dtype=np.float32)
    columns = []
    for count, distractors in ((row.queries, 0.0), (row.gallery, DISTRACTORS)):
        known = generator.integers(0, identities, count)
        unknown = generator.integers(identities, identities + 1000, count)
        columns.append(np.sort(np.where(generator.random(count) < distractors, unknown, known)))
    features = []
    for labels in columns:
        rows = np.empty((labels.size, row.dimensions), dtype=np.float32)
        for start in range(0, labels.size, 256):  # in pieces: drawing must not set the peak that is measured
            part = labels[start : start + 256]
            noise = generator.standard_normal((part.size, row.dimensions), dtype=np.float32)
            rows[start : start + 256] = centres[part] + row.noise * noise
        features.append(rows)
    cameras = [generator.integers(0, CAMERAS, labels.size) for labels in columns]
    return Problem(*features, *columns, *cameras)


def with_passerby(problem: Problem) -> tuple[float, float]:
    from passerby import rank

    result = rank(*problem)
    return result.mAP, result.rank1


def with_argsort(problem: Problem) -> tuple[float, float]:
    """The whole gallery sorted for each query, one query at a time."""
    query, gallery = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (problem.query, problem.gallery))
    distances = -(query @ gallery.T)
    average_precision, first = [], []
    for row, distance in enumerate(distances):
        order = np.argsort(distance)
        hits = problem.gallery_identities[order] == problem.query_identities[row]
        kept = ~(hits & (problem.gallery_cameras[order] == problem.query_cameras[row]))
        places = np.flatnonzero(hits[kept]) + 1
        if places.size:
            average_precision.append(np.mean(np.arange(1, places.size + 1) / places))
            first.append(places[0] == 1)
    return float(np.mean(average_precision)), float(np.mean(first))


def product_alone(problem: Problem) -> tuple[float, float]:
    """`query @ gallery.T`, 512 queries at a time, which is faster than all at once and needs less memory."""
    buffer = np.empty((512, len(problem.gallery)), dtype=np.float32)
    for start in range(0, len(problem.query), 512):
        rows = problem.query[start : start + 512]
        np.matmul(rows, problem.gallery.T, out=buffer[: len(rows)])
    return float("nan"), float("nan")


WAYS: dict[str, Callable[[Problem], tuple[float, float]]] = {
    "product": product_alone,
    "argsort": with_argsort,
    "ours": with_passerby,
}


def measure(way: str, row: Row, seed: int) -> dict[str, Any]:
    """Run one way in this process."""
    problem = drawn(row, seed)
    WAYS[way](Problem(*(column[:64] for column in problem)))  # imports and thread pools
    before = resident()
    cpu = time.process_time()
    metrics = WAYS[way](problem)
    return {
        "cpu_s": time.process_time() - cpu,
        "above_mib": (peak() - before) / 2**20,
        "mAP": metrics[0],
        "rank1": metrics[1],
    }


def resident() -> int:
    """Resident bytes of this process now, from Linux; the largest so far where there is no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else peak()


def peak() -> int:
    """Largest number of resident bytes so far. macOS counts in bytes, Linux in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def processor() -> str:
    """The processor's name and the widest vectors that NumPy uses on it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    widest = next((wide for wide in ("avx512f", "avx2", "avx") if wide in flags), "no AVX")
    return f"{name} ({widest})"


def in_own_process(way: str, row: str, seed: int) -> dict[str, Any]:
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--seed", str(seed), "--rows", row, "--way", way]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=[name for name in ROWS if name != "msmt17"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way, taken in turn; the median is shown")
    parser.add_argument("--way", choices=WAYS, help="run one way on one row in this process and print it as JSON")
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, ROWS[arguments.rows[0]], arguments.seed)))
        return
    print(f"{processor()}; NumPy {np.__version__}; one thread; seed {arguments.seed}; median of {arguments.repeats}\n")
    print("| features (positives a query, mAP) | product s | argsort s | ours s | argsort MiB | ours MiB |")
    print("|---|---|---|---|---|---|")
    for name in arguments.rows:
        row = ROWS[name]
        turns = [{way: in_own_process(way, name, arguments.seed) for way in WAYS} for _ in range(arguments.repeats)]
        cpu = [f"{statistics.median(turn[way]['cpu_s'] for turn in turns):.2f}" for way in WAYS]
        above = [f"{statistics.median(turn[way]['above_mib'] for turn in turns):,.0f}" for way in ("argsort", "ours")]
        ours, argsort = turns[0]["ours"], turns[0]["argsort"]
        sizes = f"{row.queries:,} × {row.gallery:,} × {row.dimensions} ({row.positives:g}, {ours['mAP']:.2f})"
        print(f"| {sizes} | {' | '.join(cpu + above)} |", flush=True)
        if max(abs(ours[key] - argsort[key]) for key in ("mAP", "rank1")) > 1e-4:
            sys.exit("the ways disagree")


if __name__ == "__main__":
    main()
