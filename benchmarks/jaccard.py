"""CPU time and memory of the Jaccard distances that clusters are found with, beside the published way.

    python benchmarks/jaccard.py                        # 12,936 images, Market-1501's training half
    python benchmarks/jaccard.py --images 4000 --noise 2.1

*dense* is the published way, written plainly: weights and distances as N × N arrays of half precision, a loop over
rows. *all pairs* is `passerby.metrics.jaccard_distances` as it comes, a sparse matrix of all distances below 1; *near
pairs* has `max_distance=0.6`, as a clustering by DBSCAN with that radius asks for. Noise 1000 makes features that tell
nothing, whose sparse matrix is nearly full: the worst case. Each way has a process and one thread of its own; peak
memory is the largest resident set above what was held before. The ways have to agree on how many pairs are near, up to
one in a hundred, for half precision moves some across the bound.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation import reciprocal
from passerby.metrics import jaccard_distances
from ranking import Row, drawn, peak, processor, resident

K1, K2, NEAR = 30, 6, 0.6
BLOCK = 512


def dense(features: NDArray[np.float32]) -> NDArray[np.float16]:
    """Jaccard distances [N, N] with all weights in one array.

    It follows the algorithm of Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017,
    as programs for clustering use it: weights of squared distances as they are, no share of the original distance.
    """
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    count = len(features)
    ranking = np.empty((count, K1 + 1), dtype=np.int32)
    for start in range(0, count, BLOCK):
        cosines = features[start : start + BLOCK] @ features.T
        best = np.argpartition(-cosines, K1 + 1, axis=1)[:, : K1 + 1]
        order = np.argsort(-np.take_along_axis(cosines, best, axis=1), axis=1)
        ranking[start : start + BLOCK] = np.take_along_axis(best, order, axis=1)
    weights = np.zeros((count, count), dtype=np.float16)
    for row in range(count):
        near = reciprocal(ranking, row, K1)
        expanded = near
        for other in near:
            candidates = reciprocal(ranking, other, K1 // 2)
            if len(np.intersect1d(candidates, near)) > 2 / 3 * len(candidates):
                expanded = np.append(expanded, candidates)
        expanded = np.unique(expanded)
        kept = np.exp(2 * (features[expanded] @ features[row]) - 2)
        weights[row, expanded] = kept / kept.sum()
    averages = np.zeros_like(weights)
    for row in range(count):
        averages[row] = np.mean(weights[ranking[row, :K2]], axis=0)
    del weights
    holders = [np.flatnonzero(averages[:, column]) for column in range(count)]
    distances = np.zeros((count, count), dtype=np.float16)
    for row in range(count):
        shared = np.zeros(count, dtype=np.float16)
        for column in np.flatnonzero(averages[row]):
            held = holders[column]
            shared[held] += np.minimum(averages[row, column], averages[held, column])
        distances[row] = 1 - shared / (2 - shared)
    return distances


def measure(way: str, images: int, noise: float, seed: int) -> dict[str, Any]:
    """Run one way in this process, and count what it stored and the near pairs."""
    features = drawn(Row(64, images, 768, 14.5, noise), seed).gallery
    jaccard_distances(features[:64])  # imports and thread pools
    before, cpu = resident(), time.process_time()
    if way == "dense":
        found = dense(features)
        stored, near = found.size, sum(int(np.count_nonzero(row <= NEAR)) for row in found)
    else:
        sparse = jaccard_distances(features, k1=K1, k2=K2, max_distance=NEAR if way == "near pairs" else None)
        stored, near = sparse.nnz, sum(int(np.count_nonzero(row <= NEAR)) for row in np.array_split(sparse.data, 64))
    cpu, above = time.process_time() - cpu, (peak() - before) / 2**20
    return {"cpu_s": cpu, "mib": above, "stored": stored, "near": near}


def in_own_process(way: str, arguments: argparse.Namespace, noise: float) -> dict[str, Any]:
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    options = ["--images", str(arguments.images), "--seed", str(arguments.seed), "--noise", str(noise), "--way", way]
    command = [sys.executable, __file__, *options]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12936)
    parser.add_argument("--noise", type=float, nargs="+", default=[2.1, 1000], help="beside centres of variance 1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.images, arguments.noise[0], arguments.seed)))
        return
    print(f"{processor()}; {arguments.images:,} images, 768 dimensions; k1 {K1}, k2 {K2}; one thread\n")
    print("| noise | way | CPU s | peak MiB | pairs stored | pairs within 0.6 |\n|---|---|---|---|---|---|")
    for noise in arguments.noise:
        runs = {way: in_own_process(way, arguments, noise) for way in ("dense", "all pairs", "near pairs")}
        for way, run in runs.items():
            share = f"{100 * run['stored'] / arguments.images**2:.2f} %"
            print(
                f"| {noise:g} | {way} | {run['cpu_s']:.1f} | {run['mib']:,.0f} | {share} | {run['near']:,} |",
                flush=True,
            )
        if any(abs(run["near"] / runs["dense"]["near"] - 1) > 0.01 for run in runs.values()):
            sys.exit("the ways disagree")


if __name__ == "__main__":
    main()
