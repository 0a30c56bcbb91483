"""Time and memory of `passerby.rank` against two straightforward ways, each in a process of its own.

    python benchmarks/ranking.py                                        # Market-1501's size, 768 dimensions
    python benchmarks/ranking.py --queries 1000 --gallery 82161         # a slice of MSMT17
    python benchmarks/ranking.py --noise 1000                           # features that know nothing: the hardest case

The straightforward ways sort the whole gallery for every query, in NumPy query by query and in torch all at once, and
compute the same figures: mAP, CMC to rank 50 and mINP. Features are drawn from `--seed`: one centre per person, plus
noise. Peak memory is the largest resident set of the process above what it held once features and imports were loaded;
CPU seconds are those of all threads.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_RANK = 50
CAMERAS = 6


class Problem(NamedTuple):
    query: NDArray[np.float32]
    gallery: NDArray[np.float32]
    query_identities: NDArray[np.int64]
    gallery_identities: NDArray[np.int64]
    query_cameras: NDArray[np.int64]
    gallery_cameras: NDArray[np.int64]


def drawn(arguments: argparse.Namespace) -> Problem:
    """A benchmark of the shape of Market-1501: as many identities per query, a fifth of the gallery distractors."""
    generator = np.random.default_rng(arguments.seed)
    identities = max(2, arguments.queries * 750 // 3368)
    centres = generator.standard_normal((identities + 1000, arguments.dimensions), dtype=np.float32)
    columns = []
    for count, distractors in ((arguments.queries, 0.0), (arguments.gallery, 0.2)):
        known = generator.integers(0, identities, count)
        unknown = generator.integers(identities, identities + 1000, count)
        columns.append(np.sort(np.where(generator.random(count) < distractors, unknown, known)))
    features = []
    for labels in columns:
        rows = np.empty((labels.size, arguments.dimensions), dtype=np.float32)
        for start in range(0, labels.size, 256):  # in pieces: drawing must not set the peak that is measured
            part = labels[start : start + 256]
            noise = generator.standard_normal((part.size, arguments.dimensions), dtype=np.float32)
            rows[start : start + 256] = centres[part] + arguments.noise * noise
        features.append(rows)
    cameras = [generator.integers(0, CAMERAS, labels.size) for labels in columns]
    return Problem(*features, *columns, *cameras)


def with_passerby(problem: Problem) -> tuple[float, float, float]:
    from passerby.metrics import rank

    result = rank(*problem, max_rank=MAX_RANK)
    return result.mAP, result.rank1, result.mINP


def with_numpy(problem: Problem) -> tuple[float, float, float]:
    """The whole gallery sorted for each query, one query at a time."""
    query, gallery = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (problem.query, problem.gallery))
    distances = -(query @ gallery.T)
    average_precision, inverse_penalty = [], []
    cmc = np.zeros(MAX_RANK)
    for row, distance in enumerate(distances):
        order = np.argsort(distance)
        hits = problem.gallery_identities[order] == problem.query_identities[row]
        kept = ~(hits & (problem.gallery_cameras[order] == problem.query_cameras[row]))
        places = np.flatnonzero(hits[kept]) + 1
        if places.size:
            average_precision.append(np.mean(np.arange(1, places.size + 1) / places))
            inverse_penalty.append(places.size / places[-1])
            cmc[places[0] - 1 :] += 1
    return float(np.mean(average_precision)), float(cmc[0] / len(average_precision)), float(np.mean(inverse_penalty))


def with_torch(problem: Problem) -> tuple[float, float, float]:
    """The whole gallery sorted for each query, all queries at once, figures by operations on whole matrices."""
    import torch

    query, gallery = (torch.nn.functional.normalize(torch.from_numpy(rows)) for rows in problem[:2])
    labels = [torch.from_numpy(column) for column in problem[2:]]
    order = torch.argsort(query @ gallery.T, dim=1, descending=True)
    sums = torch.zeros(3)
    cmc = torch.zeros(MAX_RANK)
    for start in range(0, len(query), 256):  # the figures of all queries at once would not fit into 8 GiB
        part = slice(start, start + 256)
        hits = labels[1][order[part]] == labels[0][part, None]
        kept = ~(hits & (labels[3][order[part]] == labels[2][part, None]))
        hits &= kept
        rank = kept.cumsum(1)
        found = hits.cumsum(1)
        total = found[:, -1]
        valid = total > 0
        precision = (found / rank.clamp(min=1) * hits).sum(1) / total.clamp(min=1)
        penalty = total / (rank * hits).amax(1).clamp(min=1)
        first = torch.where(hits, rank, rank.shape[1] + 1).amin(1)
        sums += torch.stack([precision[valid].sum(), penalty[valid].sum(), valid.sum()])
        cmc += (first[valid, None] <= torch.arange(1, MAX_RANK + 1)).sum(0)
    return float(sums[0] / sums[2]), float(cmc[0] / sums[2]), float(sums[1] / sums[2])


WAYS: dict[str, Callable[[Problem], tuple[float, float, float]]] = {
    "passerby.rank": with_passerby,
    "NumPy argsort per query": with_numpy,
    "torch.argsort": with_torch,
}


def measure(way: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one way in this process."""
    if way == "torch.argsort":
        import torch  # the import is not what is timed

        torch.set_num_threads(arguments.threads)
    problem = drawn(arguments)
    WAYS[way](Problem(*(column[:64] for column in problem)))  # imports and thread pools
    before = resident()
    wall, cpu = time.perf_counter(), time.process_time()
    figures = WAYS[way](problem)
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "above_mib": (peak() - before) / 2**20,
        "figures": figures,
    }


def resident() -> int:
    """Resident bytes of this process now, from Linux; the largest so far where there is no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else peak()


def peak() -> int:
    """Largest number of resident bytes so far. macOS counts in bytes, Linux in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_own_process(way: str, arguments: argparse.Namespace) -> dict[str, Any]:
    threads = str(arguments.threads)
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--gallery", type=int, default=15913)
    parser.add_argument("--dimensions", type=int, default=768)
    parser.add_argument("--noise", type=float, default=2.5, help="noise beside centres of variance 1 (default 2.5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way, taken in turn; the median is shown")
    parser.add_argument("--way", choices=WAYS, help="run one way in this process and print it as JSON")
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments)))
        return
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(arguments.repeats):
        for way in WAYS:
            runs[way].append(in_own_process(way, arguments))
    print(
        f"{arguments.queries} queries × {arguments.gallery} gallery × {arguments.dimensions} dimensions, "
        f"{arguments.threads} threads, noise {arguments.noise:g}, seed {arguments.seed}, "
        f"median of {arguments.repeats} runs\n"
    )
    print("| way | wall s | CPU s | peak MiB above the features | mAP | rank-1 | mINP |")
    print("|---|---|---|---|---|---|---|")
    for way, results in runs.items():
        wall, cpu, above = (np.median([run[key] for run in results]) for key in ("wall_s", "cpu_s", "above_mib"))
        figures = " | ".join(f"{figure:.6f}" for figure in results[0]["figures"])
        print(f"| {way} | {wall:.2f} | {cpu:.2f} | {above:.0f} | {figures} |")
    ours, *others = (float(np.median([run["wall_s"] for run in results])) for results in runs.values())
    all_figures = np.array([run["figures"] for results in runs.values() for run in results])
    difference = float(np.ptp(all_figures, axis=0).max())
    print(
        f"\n{min(others) / ours:.1f} times as fast as the faster of the others;"
        f" figures differ by {difference:.1e} at most."
    )
    if difference > 1e-5:
        sys.exit("the ways disagree")


if __name__ == "__main__":
    main()
