"""How fast a gallery opens, adds and searches, beside FAISS flat and a NumPy argsort in the same run.

    python benchmarks/gallery.py                         # 100,000 tracklets of 512 dimensions
    python benchmarks/gallery.py --tracklets 1000000     # a million: about 6 GB of disk

Features are random, with as many people as there are tracklets divided by twenty, in 20 cameras; each tracklet has its
two halves and, with --crop, a picture of so many bytes. One thread. On a machine that others use too, go by the
processor's time; what the disk takes is in the clock's only. A search writes an entry into the gallery's log and waits
for the disk.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

from passerby.gallery import Crop, Feature, Filters, Gallery, ModelKey, NewTracklet, open_gallery

MORNING = datetime(2026, 3, 1, tzinfo=UTC)
CAMERAS = 20
FILTERS = {
    "no filter": Filters(),
    "one camera of 20": Filters(cameras=["cam3"]),
    "half of the time": Filters(until=MORNING + timedelta(days=15)),
    "height and visible share (a third passes)": Filters(min_height=100, min_visible=0.4),
}


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def tracklets(count: int, model: ModelKey, crop: int) -> Iterator[NewTracklet]:
    generator = np.random.default_rng(0)
    centres = unit(generator.standard_normal((max(1, count // 20), model.dim)))
    for number in range(count):
        centre = centres[generator.integers(len(centres))]
        halves = unit(centre + 0.03 * generator.standard_normal((2, model.dim)))
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


def resident() -> float:
    """MiB of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def milliseconds(call: Callable[[np.ndarray], object], queries: np.ndarray) -> str:
    """Medians and 95th percentiles over queries: by the clock, and of the processor's time."""
    times = []
    for query in queries:
        begun, worked = time.perf_counter(), time.process_time()
        call(query)
        times.append((1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - worked)))
    clock, processor = np.transpose(times)
    return " ".join(f"{np.percentile(each, share):8.1f}" for each in (clock, processor) for share in (50, 95))


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


def search_all(gallery: Gallery, model: ModelKey, queries: np.ndarray) -> None:
    for name, filters in FILTERS.items():

        def search(query: np.ndarray, filters: Filters = filters) -> object:
            return gallery.search(query, model=model, filters=filters, count=10)

        print(f"gallery, {name:42} {milliseconds(search, queries)}", flush=True)


def others(features: np.ndarray, queries: np.ndarray) -> None:
    print(f"{'NumPy, product and argsort':51} {milliseconds(lambda q: np.argsort(-(features @ q))[:10], queries)}")
    try:
        import faiss
    except ImportError:
        print("FAISS is not installed: pip install 'passerby[faiss]'")
        return
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(features.shape[1])
    index.add(features)
    print(f"{'FAISS flat':51} {milliseconds(lambda q: index.search(q[None], 10), queries)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracklets", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--batch", type=int, default=500, help="tracklets of one addition, on disk when it returns")
    parser.add_argument("--crop", type=int, default=0, help="bytes of a picture for each tracklet")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument(
        "--postgres", help="the address of a server, to measure instead of a folder; its schema is empty"
    )
    options = parser.parse_args()
    model = ModelKey("0" * 64, "random", options.dim)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        location = options.postgres or folder
        spent, worked = fill(location, model, options)
        rate = options.tracklets / spent
        print(f"added {options.tracklets:,} durably: {spent:.1f} s, {worked:.1f} CPU s, {rate:,.0f} a second")
        with open_gallery(location) as gallery:
            features = np.stack([gallery.feature(1 + 97 * number, model) for number in range(options.queries)])
            gallery.search(features[0], model=model, count=10)  # learns what a score means, once for a gallery
        before, begun, worked = resident(), time.perf_counter(), time.process_time()
        with open_gallery(location) as gallery:
            gallery.search(features[0], model=model, count=10)
            spent, worked = time.perf_counter() - begun, time.process_time() - worked
            print(f"opened, and searched once: {spent:.2f} s, {worked:.2f} CPU s, {resident() - before:,.0f} MiB")
            generator = np.random.default_rng(1)
            queries = unit(features + 0.02 * generator.standard_normal(features.shape))
            print(f"{'milliseconds':51} {'p50':>8} {'p95':>8} {'CPU p50':>8} {'CPU p95':>8}")
            search_all(gallery, model, queries)
        rows = np.random.default_rng(0).standard_normal((options.tracklets, options.dim), np.float32)
        others(unit(rows), queries)


if __name__ == "__main__":
    main()
