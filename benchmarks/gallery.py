"""How fast a gallery opens, adds and searches, beside FAISS, LanceDB, pgvector and NumPy with the same people.

    python benchmarks/gallery.py                         # 100,000 tracklets of 512 dimensions
    python benchmarks/gallery.py --graphs                # the peers' graphs too, some minutes of processor
    python benchmarks/gallery.py --tracklets 1000000     # a million: about 15 GB of disk with all peers

Features are random, with as many people as there are tracklets divided by twenty, in 20 cameras; each tracklet has its
two halves and, with --crop, a picture of so many bytes. One thread. The gallery is opened and searched in a process of
its own, whose memory is told. On a machine that others use too, go by the processor's time; what the disk takes is in
the clock's only. A search of the gallery writes an entry into its log and waits for the disk; the peers write none.

Peers that are not installed are left out, and that is said. LanceDB is no dependency of passerby: install it into an
environment of its own that sees passerby's packages too.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
os.environ.update({"RAYON_NUM_THREADS": "1", "LANCE_CPU_THREADS": "1", "LANCE_LOG": "error"})

import numpy as np

from gallery_peers import PEERS, Searched, milliseconds, print_row
from passerby.gallery import Crop, Feature, Filters, ModelKey, NewTracklet, open_gallery

MORNING = datetime(2026, 3, 1, tzinfo=UTC)
CAMERAS = 20
FILTERS = {
    "no filter": Filters(),
    "one camera of 20": Filters(cameras=["cam3"]),
    "half of the time": Filters(until=MORNING + timedelta(days=15)),
    "an hour of 30 days": Filters(since=MORNING + timedelta(days=9), until=MORNING + timedelta(days=9, hours=1)),
    "height (two thirds pass)": Filters(min_height=100),
    "visible share (two thirds pass)": Filters(min_visible=0.4),
    "camera, time, height and visible share": Filters(["cam3"], None, MORNING + timedelta(days=15), 100, 0.4),
}


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def tracklets(count: int, model: ModelKey, crop: int) -> Iterator[NewTracklet]:
    generator = np.random.default_rng(0)
    centres = unit(generator.standard_normal((max(1, count // 20), model.dim), np.float32))
    for number in range(count):
        centre = centres[generator.integers(len(centres))]
        halves = unit(centre + 0.03 * generator.standard_normal((2, model.dim), np.float32))
        taken = MORNING + timedelta(days=30 * number / count)
        yield NewTracklet(
            key=f"video{number % CAMERAS}@{number}",
            camera=f"cam{number % CAMERAS}",
            video=f"video{number % CAMERAS}",
            begins=float(number),
            ends=number + 5.0,
            frames=40,
            height=float(generator.uniform(50, 200)),
            visible=float(generator.uniform(0.1, 1)),
            taken_from=taken,
            taken_to=taken + timedelta(seconds=5),
            crops=[Crop(0, generator.bytes(crop))] if crop else [],
            features={model: Feature(unit(halves.mean(0)), halves)},
        )


def memory(field: str) -> float:
    """MiB of this process: `VmRSS` now, `VmHWM` at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def fill(location: str, model: ModelKey, options: argparse.Namespace) -> tuple[float, float]:
    """Add all; seconds that adding took, by the clock and of the processor."""
    spent, worked = 0.0, 0.0
    some: list[NewTracklet] = []
    with open_gallery(location, create=True) as gallery:
        for number, each in enumerate(tracklets(options.tracklets, model, options.crop), start=1):
            some.append(each)
            if len(some) == options.batch or number == options.tracklets:
                begun, before = time.perf_counter(), time.process_time()
                gallery.add(some)
                spent, worked = spent + time.perf_counter() - begun, worked + time.process_time() - before
                some = []
    return spent, worked


def search_gallery(location: str, model: ModelKey, queries: np.ndarray, *, exact: bool) -> None:
    """Open and search, in a process of its own."""
    before = memory("VmRSS")
    begun, worked = time.perf_counter(), time.process_time()
    with open_gallery(location) as gallery:
        gallery.search(queries[0], model=model, count=10, exact=exact)
        spent, worked = time.perf_counter() - begun, time.process_time() - worked
        print(
            f"opened, and searched once: {spent:.2f} s, {worked:.2f} CPU s; {before:,.0f} MiB before, "
            f"{memory('VmRSS'):,.0f} MiB after"
        )
        for name, filters in (FILTERS if exact else {"no filter": Filters()}).items():

            def search(query: np.ndarray, filters: Filters = filters) -> list[int]:
                found = gallery.search(query, model=model, filters=filters, count=10, exact=exact)
                return [hit.tracklet.number - 1 for hit in found]

            print_row("gallery" if exact else "gallery, its index", name, milliseconds(search, queries), None)
    print(f"at most {memory('VmHWM'):,.0f} MiB", flush=True)


def index_gallery(location: str) -> None:
    begun, worked = time.perf_counter(), time.process_time()
    with open_gallery(location) as gallery:
        made = gallery.index_features(least=1)
    spent, worked = time.perf_counter() - begun, time.process_time() - worked
    print(
        f"index of features made: {spent:.1f} s, {worked:.1f} CPU s, at most {memory('VmHWM'):,.0f} MiB; recall@10 "
        f"{made.recall_at_10:.4f} comparing {100 * (made.compared or 0):.2f} %",
        flush=True,
    )


def alone(function: object, *arguments: object, **named: object) -> None:
    """Run in a new process, whose memory is its own."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments, kwargs=named)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function} ended with {process.exitcode}")


def everything(location: str, model: ModelKey, *, graphs: bool) -> Searched:
    """What the peers are given: features, and what filters ask for."""
    with open_gallery(location) as gallery:
        columns = gallery._matrix(model).columns()
        names = np.array(columns.camera_names)
        return Searched(
            columns.features.astype(np.float32),
            names[columns.cameras],
            columns.taken_from,
            columns.taken_to,
            columns.heights,
            columns.visible,
            graphs,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracklets", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--batch", type=int, default=500, help="tracklets of one addition, on disk when it returns")
    parser.add_argument("--crop", type=int, default=0, help="bytes of a picture for each tracklet")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=[*PEERS], help="default: all")
    parser.add_argument("--graphs", action="store_true", help="have LanceDB and pgvector build their graphs too")
    parser.add_argument(
        "--postgres", help="the address of a server, to measure instead of a folder; its schema is empty"
    )
    options = parser.parse_args()
    model = ModelKey("0" * 64, "random", options.dim)
    print(f"{options.tracklets:,} × {options.dim}, {options.queries} queries, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        location = options.postgres or str(Path(folder) / "gallery")
        spent, worked = fill(location, model, options)
        rate = options.tracklets / spent
        print(
            f"added {options.tracklets:,} durably: {spent:.1f} s, {worked:.1f} CPU s, {rate:,.0f} a second", flush=True
        )
        with open_gallery(location) as gallery:
            rows = [1 + (97 * number) % options.tracklets for number in range(options.queries)]
            features = np.stack([gallery.feature(row, model) for row in rows])
        generator = np.random.default_rng(1)
        queries = unit(features + 0.02 * generator.standard_normal(features.shape))
        alone(learn, location, model, queries[0])
        print_row("milliseconds", "", ("p50", "p95", "CPU p50", "CPU p95"), "recall@10")
        alone(search_gallery, location, model, queries, exact=True)
        if not options.postgres:
            alone(index_gallery, location)
            alone(search_gallery, location, model, queries, exact=False)
        searched = everything(location, model, graphs=options.graphs)
        for peer in options.peers:
            PEERS[peer](searched, queries, FILTERS, Path(folder) / peer)
    print(f"this process: at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def learn(location: str, model: ModelKey, query: np.ndarray) -> None:
    """Have the gallery learn what a score means, once for all."""
    begun = time.process_time()
    with open_gallery(location) as gallery:
        gallery.search(query, model=model, count=10)
    print(f"learned what scores mean, and searched once: {time.process_time() - begun:.1f} CPU s")


if __name__ == "__main__":
    main()
