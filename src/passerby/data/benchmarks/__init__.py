"""Public benchmarks by name. To add one: a file here, and a line in `BENCHMARKS`; in a plugin, `register_benchmark`."""

import os
from difflib import get_close_matches
from pathlib import Path

from passerby.data.benchmarks.cuhk03_np import CUHK03_NP_DETECTED, CUHK03_NP_LABELED
from passerby.data.benchmarks.dukemtmc import DUKEMTMC
from passerby.data.benchmarks.ilids_vid import ILIDS_VID
from passerby.data.benchmarks.market1501 import MARKET1501, MARKET1501_DEV, MARKET_LAYOUT
from passerby.data.benchmarks.mars import MARS
from passerby.data.benchmarks.msmt17 import MSMT17
from passerby.data.benchmarks.occluded_duke import OCCLUDED_DUKE
from passerby.data.benchmarks.occluded_market import OCCLUDED_MARKET
from passerby.data.benchmarks.occluded_reid import OCCLUDED_REID
from passerby.data.benchmarks.p_dukemtmc import P_DUKEMTMC
from passerby.data.benchmarks.partial_reid import PARTIAL_REID
from passerby.data.benchmarks.public_benchmark import PublicBenchmark
from passerby.data.split import Benchmark
from passerby.errors import DataError
from passerby.plugins import Registry

BENCHMARKS: Registry[PublicBenchmark] = Registry(
    "benchmark",
    {
        "market1501": MARKET1501,
        "market1501-dev": MARKET1501_DEV,
        "msmt17": MSMT17,
        "dukemtmc": DUKEMTMC,
        "cuhk03-np-labeled": CUHK03_NP_LABELED,
        "cuhk03-np-detected": CUHK03_NP_DETECTED,
        "occluded-duke": OCCLUDED_DUKE,
        "occluded-market": OCCLUDED_MARKET,
        "occluded-reid": OCCLUDED_REID,
        "p-dukemtmc": P_DUKEMTMC,
        "partial-reid": PARTIAL_REID,
        "mars": MARS,
        **{public.name: public for public in ILIDS_VID},
        "market-layout": MARKET_LAYOUT,
    },
)


def load_benchmark(name: str, root: str | Path, *, check_counts: bool = True) -> Benchmark:
    """A public benchmark from disk.

    Args:
        name: one of `BENCHMARKS`.
        root: the folder that holds the benchmark's own sub-folders, or its parent.
        check_counts: whether counts other than the published ones are an error.

    Raises:
        DataError: the name is unknown, the layout is not there or not whole, or the counts differ.
    """
    if not isinstance(name, str) or not isinstance(root, str | os.PathLike) or not os.fspath(root):
        raise DataError(
            f"a benchmark needs a name and the folder it is in, not {name!r} and {root!r}: "
            "load_benchmark('market1501', '/data/market1501')"
        )
    public = BENCHMARKS.find(name)
    if public is None:
        raise DataError(f"there is no benchmark {name!r}{near_names(name) or ';'} `passerby data list` shows all")
    return public.load(Path(root).expanduser(), check_counts=check_counts)


def register_benchmark(public: PublicBenchmark) -> None:
    """Let recipes and the command line name a benchmark of one's own.

    Raises:
        PluginError: the name is taken.
    """
    BENCHMARKS.register(public.name, public)


def is_benchmark(name: str) -> bool:
    """Whether a name is that of a benchmark, of an installed plugin too, and not of a table or folder on disk."""
    return name in BENCHMARKS or (not Path(name).expanduser().exists() and BENCHMARKS.find(name) is not None)


def near_names(name: str) -> str:
    """`, did you mean ...?` with the benchmarks of the nearest names, or which plugin a run had it from, or nothing."""
    if plugin := BENCHMARKS.missing_plugin(name):
        return f": {plugin};"
    near = get_close_matches(name.lower().replace("_", "-"), BENCHMARKS, n=2, cutoff=0.5)
    return f", did you mean {' or '.join(near)}?" if near else ""
