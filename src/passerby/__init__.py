"""passerby: person re-identification, from raw images to a searchable gallery.

The public face is small: `load` a model, `evaluate` it on a benchmark, and the few types a user meets. Everything is
imported on first use, so that `import passerby` costs milliseconds and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from passerby import torchvision_guard

if TYPE_CHECKING:
    from passerby.data.benchmarks import load_benchmark
    from passerby.data.split import Benchmark, Split
    from passerby.methods.embedder import Embedder, load
    from passerby.methods.evaluation import evaluate
    from passerby.metrics.ranking import RankingResult, rank

torchvision_guard.install()

__version__ = "0.1.0"

_WHERE = {
    "Benchmark": "passerby.data.split",
    "Embedder": "passerby.methods.embedder",
    "RankingResult": "passerby.metrics.ranking",
    "Split": "passerby.data.split",
    "evaluate": "passerby.methods.evaluation",
    "load": "passerby.methods.embedder",
    "load_benchmark": "passerby.data.benchmarks",
    "rank": "passerby.metrics.ranking",
}

__all__ = [
    "Benchmark",
    "Embedder",
    "RankingResult",
    "Split",
    "__version__",
    "evaluate",
    "load",
    "load_benchmark",
    "rank",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'passerby' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
