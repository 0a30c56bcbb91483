"""From a model and a benchmark to figures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.data.loading import EvalLoader, open_source
from passerby.data.manifest import open_data
from passerby.data.progress import Progress
from passerby.data.split import Benchmark, Split
from passerby.methods.embedder import Embedder
from passerby.metrics.ranking import RankingResult, rank


@dataclass(frozen=True)
class Evaluation:
    """A ranking with the features it was made from.

    Attributes:
        name: of the data set.
        result: the figures.
        query, gallery: the images that were compared, as far as they could be read.
        query_features: float32 [Q, D]; gallery_features: float32 [G, D].
        unreadable: number of images left out.
    """

    name: str
    result: RankingResult
    query: Split
    gallery: Split
    query_features: NDArray[np.float32]
    gallery_features: NDArray[np.float32]
    unreadable: int


def evaluate(
    model: Embedder,
    benchmark: Benchmark | str,
    root: str | Path | None = None,
    *,
    batch_size: int = 64,
    metric: Literal["cosine", "euclidean"] = "cosine",
    skip_unreadable: bool = False,
) -> RankingResult:
    """mAP, CMC and mINP of a model on a benchmark's query and gallery.

    Args:
        model: as `passerby.load` returns it.
        benchmark: as `load_benchmark` returns it, or its name (then `root` is needed), or a table or folder.
        root: the folder that holds the benchmark.
        batch_size: images embedded at once.
        metric: how features are compared.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.

    Raises:
        DataError: the benchmark is not on disk as it should be, or an image cannot be read.
        EvaluationError: nothing can be ranked.
    """
    opened = open_data(benchmark, None if root is None else Path(root)) if isinstance(benchmark, str) else benchmark
    return evaluate_in_full(model, opened, batch_size=batch_size, metric=metric, skip_unreadable=skip_unreadable).result


def evaluate_in_full(
    model: Embedder,
    benchmark: Benchmark,
    *,
    batch_size: int = 64,
    metric: Literal["cosine", "euclidean"] = "cosine",
    skip_unreadable: bool = False,
    quiet: bool = False,
) -> Evaluation:
    """The same as `evaluate`, with features and images, for reports."""
    query, gallery = benchmark.query_and_gallery()
    parts = [
        embed_split(model, part, benchmark.name, batch_size=batch_size, skip_unreadable=skip_unreadable, quiet=quiet)
        for part in (query, gallery)
    ]
    (read_query, query_features), (read_gallery, gallery_features) = parts
    with_cameras = benchmark.same_camera_rule and query.cameras is not None and gallery.cameras is not None
    result = rank(
        query_features,
        gallery_features,
        read_query.identities,
        read_gallery.identities,
        read_query.cameras if with_cameras else None,
        read_gallery.cameras if with_cameras else None,
        metric=metric,
    )
    unreadable = len(query) + len(gallery) - len(read_query) - len(read_gallery)
    return Evaluation(benchmark.name, result, read_query, read_gallery, query_features, gallery_features, unreadable)


def embed_split(
    model: Embedder,
    split: Split,
    data_name: str,
    *,
    batch_size: int = 64,
    skip_unreadable: bool = False,
    quiet: bool = False,
) -> tuple[Split, NDArray[np.float32]]:
    """The images of a split that can be read, and their features, float32 [N, D]."""
    readable, source = open_source(split, model.transform, skip_unreadable=skip_unreadable, show_progress=not quiet)
    loader = EvalLoader(readable, source, model.transform, batch_size, device=model.device)
    slots = None if readable.cameras is None else model.camera_slots(data_name, readable.camera_names)
    features = np.empty((len(readable), model.dimension), np.float32)
    with Progress(f"embedding {data_name}", len(readable), quiet=quiet) as progress:
        for batch in loader:
            rows = batch.indices.cpu().numpy()
            cameras = None if slots is None else slots[batch.cameras.cpu().numpy()]
            features[rows] = model.embed_batch(batch.images, cameras)
            progress.advance(len(rows))
    return readable, features
