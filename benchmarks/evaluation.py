"""Time and memory of ranking and of re-ranking beside the ways they are published, each in a process of its own.

    python benchmarks/evaluation.py                        # half of Market-1501 and all of it, both ways
    python benchmarks/evaluation.py --sizes msmt17         # 11,659 × 82,161, ours alone: dense re-ranking needs 200 GB
    python benchmarks/evaluation.py --tasks rerank --search faiss

Ranking is compared with the published evaluation, written plainly (all pairs in one matrix, their order in another,
precision in a Python loop over each row), and with the fastest plain way: the gallery sorted for one query at a time,
figures by operations on arrays. Re-ranking is compared with the published algorithm, written plainly: all pairs in one
matrix, the weights in another, loops over rows; half precision where the published program has it.

Features are those of `benchmarks/ranking.py`. Peak memory is the largest resident set of the process above what it held
once features and imports were loaded; CPU seconds are those of all threads. With `--repeats`, ways take turns and
medians are printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.metrics import rank_distances, rerank
from ranking import Problem, Row, drawn, peak, resident, with_argsort, with_passerby

K1, K2, SHARE = 20, 6, 0.3
POSITIVES = 14.5


class Size(NamedTuple):
    queries: int
    gallery: int
    dense: bool


SIZES = {
    "small": Size(400, 2000, True),
    "half-market": Size(1684, 7956, True),
    "market1501": Size(3368, 15913, True),
    "msmt17": Size(11659, 82161, False),
}

DENSE, ARGSORT = "dense, as published", "NumPy argsort per query"
WAYS = {"rank": ("passerby", ARGSORT, DENSE), "rerank": ("passerby", DENSE)}


def dense_ranking(problem: Problem) -> tuple[float, float]:
    """mAP and rank-1 as published: the order of all pairs in one matrix, and a Python list per query."""
    query, gallery = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (problem.query, problem.gallery))
    order = np.argsort(2 - 2 * (query @ gallery.T), axis=1)
    matches = (problem.gallery_identities[order] == problem.query_identities[:, None]).astype(np.int32)
    average_precision, first = [], []
    for row in range(len(query)):
        same_camera = problem.gallery_cameras[order[row]] == problem.query_cameras[row]
        hits = matches[row][~(same_camera & (matches[row] == 1))]
        if not hits.any():
            continue
        precision = [found / (place + 1.0) for place, found in enumerate(hits.cumsum())]
        average_precision.append((np.asarray(precision) * hits).sum() / hits.sum())
        first.append(hits[0])
    return float(np.mean(average_precision)), float(np.mean(first))


def dense_reranking(query: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    """k-reciprocal re-ranking with three N × N arrays, as published.

    It follows, step by step, the algorithm and the public implementation of Zhong et al., Re-ranking Person
    Re-identification with k-reciprocal Encoding, CVPR 2017 (github.com/zhunzhong07/person-re-ranking, MIT licence).
    """
    features = np.concatenate([query, gallery])
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    count = len(features)
    distances = 2 - 2 * (features @ features.T)
    distances = np.transpose(distances / distances.max(axis=0))
    ranking = np.argsort(distances).astype(np.int32)
    weights = np.zeros((count, count), dtype=np.float16)
    for row in range(count):
        near = reciprocal(ranking, row, K1)
        expanded = near
        for other in near:
            candidates = reciprocal(ranking, other, K1 // 2)
            if len(np.intersect1d(candidates, near)) > 2 / 3 * len(candidates):
                expanded = np.append(expanded, candidates)
        expanded = np.unique(expanded)
        kept = np.exp(-distances[row, expanded])
        weights[row, expanded] = kept / kept.sum()
    averages = np.zeros_like(weights)
    for row in range(count):
        averages[row] = np.mean(weights[ranking[row, :K2]], axis=0)
    del weights
    holders = [np.flatnonzero(averages[:, column]) for column in range(count)]
    result = np.empty((len(query), count), dtype=np.float32)
    for row in range(len(query)):
        shared = np.zeros(count, dtype=np.float16)
        for column in np.flatnonzero(averages[row]):
            held = holders[column]
            shared[held] = shared[held] + np.minimum(averages[row, column], averages[held, column])
        result[row] = (1 - shared / (2 - shared)) * (1 - SHARE) + distances[row] * SHARE
    return result[:, len(query) :]


def reciprocal(ranking: NDArray[np.int32], row: int, k: int) -> NDArray[np.int32]:
    forward = ranking[row, : k + 1]
    backward = ranking[forward, : k + 1]
    return forward[np.where(backward == row)[0]]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one way at one size in this process."""
    size = SIZES[arguments.size]
    row = Row(size.queries, size.gallery, arguments.dimensions, POSITIVES, arguments.noise)
    problem = drawn(row, arguments.seed)

    def run(some: Problem) -> tuple[float, float]:
        if arguments.task == "rank":
            way = {"passerby": with_passerby, ARGSORT: with_argsort, DENSE: dense_ranking}[arguments.way]
            return way(some)
        if arguments.way == "passerby":
            distances = rerank(some.query, some.gallery, k1=K1, k2=K2, lambda_value=SHARE, search=arguments.search)
        else:
            distances = dense_reranking(some.query, some.gallery)
        result = rank_distances(distances, *some[2:])
        return result.mAP, result.rank1

    run(Problem(*(column[:64] for column in problem)))  # imports and thread pools
    before = resident()
    wall, cpu = time.perf_counter(), time.process_time()
    average_precision, rank1 = run(problem)
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "mib": (peak() - before) / 2**20,
        "mAP": average_precision,
        "rank1": rank1,
    }


def in_own_process(task: str, size: str, way: str, arguments: argparse.Namespace) -> dict[str, Any]:
    threads = str(arguments.threads)
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    command = [sys.executable, __file__, *sys.argv[1:], "--task", task, "--size", size, "--way", way]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["half-market", "market1501"])
    parser.add_argument("--dimensions", type=int, default=768)
    parser.add_argument("--noise", type=float, default=2.5, help="noise beside centres of variance 1 (default 2.5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--search", choices=("numpy", "torch", "faiss"), default="numpy")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--tasks", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--task", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--size", choices=SIZES, help=argparse.SUPPRESS)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    if arguments.way:
        print(json.dumps(measure(arguments)))
        return
    print(
        f"k1 {K1}, k2 {K2}, λ {SHARE}; {arguments.dimensions} dimensions, {arguments.threads} threads, "
        f"noise {arguments.noise:g}, seed {arguments.seed}, search by {arguments.search}, "
        f"median of {arguments.repeats}\n"
    )
    print("| task | query × gallery | way | wall s | CPU s | peak MiB above the features | mAP | rank-1 |")
    print("|---|---|---|---|---|---|---|---|")
    for task in arguments.tasks:
        for name in arguments.sizes:
            size = SIZES[name]
            ways = WAYS[task] if size.dense else WAYS[task][:1]
            turns = [
                {way: in_own_process(task, name, way, arguments) for way in ways} for _ in range(arguments.repeats)
            ]
            for way in ways:
                run = {key: statistics.median(turn[way][key] for turn in turns) for key in turns[0][way]}
                print(
                    f"| {task} | {size.queries:,} × {size.gallery:,} | {way} "
                    f"| {run['wall_s']:.1f} | {run['cpu_s']:.1f} | {run['mib']:,.0f} "
                    f"| {100 * run['mAP']:.3f} | {100 * run['rank1']:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
