"""passerby: person re-identification, from raw images to a searchable gallery.

The public face is small: `load` a model, `evaluate` it on a benchmark, and the few types a user meets. Everything is
imported on first use, so that `import passerby` costs milliseconds and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from passerby import torchvision_guard
from passerby.version import __version__

if TYPE_CHECKING:
    from passerby.data.benchmarks import load_benchmark
    from passerby.data.split import Benchmark, Split
    from passerby.inference.embedder import Embedder
    from passerby.inference.loading import load
    from passerby.metrics import RankingResult, rank
    from passerby.plugins import load_plugin
    from passerby.workflows.evaluate import evaluate

torchvision_guard.install()

_WHERE = {
    "Benchmark": "passerby.data.split",
    "Embedder": "passerby.inference.embedder",
    "RankingResult": "passerby.metrics",
    "Split": "passerby.data.split",
    "evaluate": "passerby.workflows.evaluate",
    "load": "passerby.inference.loading",
    "load_benchmark": "passerby.data.benchmarks",
    "load_plugin": "passerby.plugins",
    "rank": "passerby.metrics",
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
    "load_plugin",
    "rank",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'passerby' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
