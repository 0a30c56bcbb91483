"""Time and memory of identity correlation, each measurement in a process of its own.

    python benchmarks/denoise.py level1         # incremental against naive, tracklets of 30 and 300 samples
    python benchmarks/denoise.py level3         # within the range against all pairs
    python benchmarks/denoise.py scaling        # level 3 of 10,000 to 1,000,000 tracklets, 256 dimensions, r = 1000
    python benchmarks/denoise.py pipeline       # all levels, from a table in files to a table, without report

Features are drawn from `--seed`, by another process: half of the tracklets are of somebody new, the others of somebody
seen within the last 500. Memory is the largest resident set of the process above what it held before the work, once
imports and the features of `level3` and `scaling` were loaded; that of `pipeline` includes pages of mapped files, which
the system can drop. CPU seconds are those of all threads: on a busy machine they are the figure to compare.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ranking import peak, resident

CHUNK = 65536


def centroids(count: int, width: int, seed: int) -> NDArray[np.float32]:
    """Tracklets in order: half of them are of a person seen shortly before."""
    generator = np.random.default_rng(seed)
    rows = np.empty((count, width), np.float32)
    for start in range(0, count, CHUNK):
        part = rows[start : start + CHUNK]
        part[:] = generator.standard_normal(part.shape, dtype=np.float32)
        again = np.flatnonzero(generator.random(len(part)) < 0.5)
        earlier = np.maximum(again - generator.integers(1, 500, again.size), 0)
        part[again] = part[earlier] + 0.4 * generator.standard_normal((again.size, width), dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def naive_level_1(rows: NDArray[np.float64], sigma: float) -> NDArray[np.bool_]:
    """The definition: after every exclusion all centroids of the others are formed again."""
    alive = np.arange(len(rows))
    while alive.size > 1:
        deviations = np.empty(alive.size)
        for place in range(alive.size):
            centroid = np.delete(rows[alive], place, axis=0).mean(axis=0)
            deviations[place] = 1 - rows[alive[place]] @ centroid / np.linalg.norm(centroid)
        if deviations.max() < sigma:
            break
        alive = np.delete(alive, np.argmax(deviations >= deviations.max() - 1e-7))
    excluded = np.ones(len(rows), np.bool_)
    excluded[alive] = False
    return excluded


def level_1(arguments: argparse.Namespace) -> None:
    from passerby.tracklets.levels.single_tracklet import exclude_deviating

    print("| samples | excluded | naive, CPU ms | incremental, CPU ms | times as fast |")
    print("|---|---|---|---|---|")
    for size in (30, 300):
        generator = np.random.default_rng(arguments.seed)
        rows = np.eye(arguments.width)[0] * 12 + generator.standard_normal((size, arguments.width))
        rows[: size // 5] = generator.standard_normal((size // 5, arguments.width))  # a fifth is of others
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        slow = timed(partial(naive_level_1, rows, 0.5), 1 if size > 100 else 5)
        fast = timed(partial(exclude_deviating, rows, np.array([0, size]), 0.5), 50)
        if not np.array_equal(slow[1], fast[1].excluded):
            sys.exit("the ways disagree")
        excluded = int(slow[1].sum())
        print(f"| {size} | {excluded} | {1000 * slow[0]:.1f} | {1000 * fast[0]:.2f} | {slow[0] / fast[0]:.0f} |")


def timed(work: Any, repeats: int) -> tuple[float, Any]:
    """CPU seconds of one call, the least of three rounds, and what it returned."""
    best = np.inf
    for _ in range(3 if repeats > 1 else 1):
        begun = time.process_time()
        for _ in range(repeats):
            result = work()
        best = min(best, (time.process_time() - begun) / repeats)
    return float(best), result


def linked(count: int, width: int, half_width: int, seed: int) -> dict[str, Any]:
    """Level 3 of this many tracklets, in this process."""
    from passerby.tracklets.grouping.linkage import reduced
    from passerby.tracklets.grouping.links import join
    from passerby.tracklets.levels.cross_video import block_count, block_links, identify
    from passerby.tracklets.options import DenoisingOptions

    options = DenoisingOptions(half_width=half_width, sigma_discrimination=0.3, oversize="keep")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "centroids.npy"
        in_another_process(save_centroids, file, count, width, seed)
        rows = np.load(file)

    def work() -> dict[str, Any]:
        parts = [block_links(rows, block, options) for block in range(block_count(count))]
        found = identify(reduced(join([part.links for part in parts]), options), rows, None, options)
        return {
            "links": sum(part.total for part in parts),
            "identities": int(found.labels.max()) + 1,
            "largest": found.sizes.largest,
        }

    return measured(work) | {"features_mib": rows.nbytes / 2**20}


def save_centroids(file: Path, count: int, width: int, seed: int) -> None:
    np.save(file, centroids(count, width, seed))


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work returns, with its time and memory; a second call in a process may find memory there already."""
    before, wall, cpu = resident(), time.perf_counter(), time.process_time()
    found = work()
    return found | {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "mib": (peak() - before) / 2**20,
    }


def in_another_process(work: Callable[..., None], *arguments: Any) -> None:
    """Do this elsewhere: its memory does not count in this process's peak."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{work.__name__} ended with {process.exitcode}")


def level_3(arguments: argparse.Namespace) -> None:
    print(f"{arguments.width} dimensions, {arguments.threads} threads\n")
    print("| tracklets | compared with | wall s | CPU s | MiB above the features | links | identities |")
    print("|---|---|---|---|---|---|---|")
    for count in (10_000, 40_000):
        for half_width in (1000, count):
            run = in_own_process("linked", arguments, count, half_width)
            compared = "all" if half_width == count else f"{half_width:,} after it"
            print(f"| {count:,} | {compared} | {run['wall_s']:.1f} | {run['cpu_s']:.1f} | {run['mib']:.0f} | "
                  f"{run['links']:,} | {run['identities']:,} |", flush=True)  # fmt: skip


def scaling(arguments: argparse.Namespace) -> None:
    print(f"{arguments.width} dimensions, range {arguments.half_width:,}, {arguments.threads} threads\n")
    print("| tracklets | wall s | CPU s | CPU s per 100,000 | MiB above features | features MiB | links | identities |")
    print("|---|---|---|---|---|---|---|---|")
    for count in arguments.counts:
        run = in_own_process("linked", arguments, count, arguments.half_width)
        print(f"| {count:,} | {run['wall_s']:.1f} | {run['cpu_s']:.1f} | {1e5 * run['cpu_s'] / count:.1f} | "
              f"{run['mib']:.0f} | {run['features_mib']:.0f} | {run['links']:,} | {run['identities']:,} |",
              flush=True)  # fmt: skip


def denoised(images: int, width: int, half_width: int, seed: int) -> dict[str, Any]:
    """All levels of a table in files, in this process."""
    from passerby.tracklets import DenoisingOptions, denoise_table

    options = DenoisingOptions(half_width=half_width, sigma_discrimination=0.3, oversize="keep", measure_noise=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_another_process(save_tracklets, folder, images, width, seed)

        def work() -> dict[str, Any]:
            done = denoise_table(folder / "t.parquet", folder / "o.parquet", features=folder / "f.npy", options=options)
            last = done.correlation.levels[-1]
            return {"identities": last.identities, "kept": last.images}

        return measured(work) | {"features_mib": images * width * 4 / 2**20}


def save_tracklets(folder: Path, images: int, width: int, seed: int) -> None:
    """A table and its features: 15 images for a tracklet, 20 tracklets for a video; a twentieth is of the last one."""
    middle = centroids(images // 15, width, seed)
    features = np.lib.format.open_memmap(folder / "f.npy", "w+", np.float32, (images, width))
    generator = np.random.default_rng(seed)
    label = np.minimum(np.arange(images) // 15, len(middle) - 1)
    for start in range(0, images, CHUNK):
        part = label[start : start + CHUNK]
        switched = np.where(generator.random(part.size) < 0.05, np.maximum(part - 1, 0), part)
        noise = generator.standard_normal((part.size, width), dtype=np.float32)
        features[start : start + CHUNK] = middle[switched] + 0.3 / np.sqrt(width) * noise
    features.flush()
    columns = {
        "path": pa.array(np.arange(images)).cast(pa.string()),
        "video": pa.array(label // 20).cast(pa.string()),
        "track": pa.array(label).cast(pa.string()),
        "frame": pa.array(np.arange(images)),
    }
    pq.write_table(pa.table(columns), folder / "t.parquet")


def pipeline(arguments: argparse.Namespace) -> None:
    print(f"{arguments.width} dimensions, range {arguments.half_width:,}, {arguments.threads} threads\n")
    print("| images | tracklets | wall s | CPU s | MiB, mapped files included | features MiB | kept | identities |")
    print("|---|---|---|---|---|---|---|---|")
    for images in arguments.counts:
        run = in_own_process("denoised", arguments, images, arguments.half_width)
        print(f"| {images:,} | {images // 15:,} | {run['wall_s']:.1f} | {run['cpu_s']:.1f} | {run['mib']:.0f} | "
              f"{run['features_mib']:.0f} | {run['kept']:,} | {run['identities']:,} |", flush=True)  # fmt: skip


def in_own_process(what: str, arguments: argparse.Namespace, count: int, half_width: int) -> dict[str, Any]:
    threads = str(arguments.threads)
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    command = [sys.executable, __file__, what, "--counts", str(count), "--half-width", str(half_width)]
    command += ["--width", str(arguments.width), "--seed", str(arguments.seed)]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["level1", "level3", "scaling", "pipeline", "linked", "denoised"])
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--half-width", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="more are of use only where no other work is done")
    arguments = parser.parse_args()
    if arguments.what in ("linked", "denoised"):
        work = linked if arguments.what == "linked" else denoised
        print(json.dumps(work(arguments.counts[0], arguments.width, arguments.half_width, arguments.seed)))
        return
    {"level1": level_1, "level3": level_3, "scaling": scaling, "pipeline": pipeline}[arguments.what](arguments)


if __name__ == "__main__":
    main()
