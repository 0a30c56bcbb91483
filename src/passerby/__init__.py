"""passerby: person re-identification, from raw images to a searchable gallery.

What a command does is a function here: `train`, `evaluate`, `occlusion`, `compare`, `explain`, `embed`, `export`,
`denoise`, `track`; and `load` gives a model, `load_benchmark` data, `open_gallery` a gallery, `rank` metrics of one's
own features. Everything is imported on first use, so that `import passerby` costs milliseconds and loads no torch.
"""

from typing import TYPE_CHECKING

from passerby import import_guards
from passerby.lazy_exports import lazy_exports
from passerby.version import __version__

if TYPE_CHECKING:
    from passerby.data.benchmarks import load_benchmark
    from passerby.data.split import Benchmark, Split
    from passerby.evaluation.occlusion_plan import OcclusionPlan
    from passerby.evaluation.protocol import RerankSettings
    from passerby.evaluation.result import EvaluationResult
    from passerby.gallery import open_gallery
    from passerby.inference.embedder import Embedder
    from passerby.inference.loading import load
    from passerby.inference.torch_embedder import TorchEmbedder
    from passerby.metrics import RankingResult, rank
    from passerby.plugins import load_plugin
    from passerby.serve.client.client import Client
    from passerby.workflows.adapting.adapt import AdaptOptions, adapt
    from passerby.workflows.compare import compare
    from passerby.workflows.denoise import denoise
    from passerby.workflows.embed import embed
    from passerby.workflows.evaluate import evaluate
    from passerby.workflows.exchange.export_gallery import export_gallery
    from passerby.workflows.exchange.import_table import import_table
    from passerby.workflows.explain import Occluder, explain
    from passerby.workflows.export import export
    from passerby.workflows.indexing.embed_gallery import embed_gallery
    from passerby.workflows.indexing.erasure import plan_erasure
    from passerby.workflows.indexing.index import index
    from passerby.workflows.indexing.photographs import find_people
    from passerby.workflows.indexing.report import gallery_report
    from passerby.workflows.indexing.search import search
    from passerby.workflows.indexing.searcher import Query
    from passerby.workflows.occlusion import occlusion
    from passerby.workflows.tracking.live import track_live
    from passerby.workflows.tracking.track import track
    from passerby.workflows.train import train

import_guards.install()

__all__ = [
    "AdaptOptions",
    "Benchmark",
    "Client",
    "Embedder",
    "EvaluationResult",
    "Occluder",
    "OcclusionPlan",
    "Query",
    "RankingResult",
    "RerankSettings",
    "Split",
    "TorchEmbedder",
    "__version__",
    "adapt",
    "compare",
    "denoise",
    "embed",
    "embed_gallery",
    "evaluate",
    "explain",
    "export",
    "export_gallery",
    "find_people",
    "gallery_report",
    "import_table",
    "index",
    "load",
    "load_benchmark",
    "load_plugin",
    "occlusion",
    "open_gallery",
    "plan_erasure",
    "rank",
    "search",
    "track",
    "track_live",
    "train",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "data.benchmarks": ["load_benchmark"],
        "data.split": ["Benchmark", "Split"],
        "evaluation.occlusion_plan": ["OcclusionPlan"],
        "evaluation.protocol": ["RerankSettings"],
        "evaluation.result": ["EvaluationResult"],
        "gallery": ["open_gallery"],
        "inference.embedder": ["Embedder"],
        "inference.loading": ["load"],
        "inference.torch_embedder": ["TorchEmbedder"],
        "metrics": ["RankingResult", "rank"],
        "plugins": ["load_plugin"],
        "serve.client.client": ["Client"],
        "workflows.adapting.adapt": ["AdaptOptions", "adapt"],
        "workflows.compare": ["compare"],
        "workflows.denoise": ["denoise"],
        "workflows.embed": ["embed"],
        "workflows.evaluate": ["evaluate"],
        "workflows.export": ["export"],
        "workflows.exchange.export_gallery": ["export_gallery"],
        "workflows.exchange.import_table": ["import_table"],
        "workflows.explain": ["Occluder", "explain"],
        "workflows.indexing.erasure": ["plan_erasure"],
        "workflows.indexing.embed_gallery": ["embed_gallery"],
        "workflows.indexing.index": ["index"],
        "workflows.indexing.photographs": ["find_people"],
        "workflows.indexing.report": ["gallery_report"],
        "workflows.indexing.search": ["search"],
        "workflows.indexing.searcher": ["Query"],
        "workflows.occlusion": ["occlusion"],
        "workflows.tracking.live": ["track_live"],
        "workflows.tracking.track": ["track"],
        "workflows.train": ["train"],
    },
)


def __dir__() -> list[str]:
    return __all__
