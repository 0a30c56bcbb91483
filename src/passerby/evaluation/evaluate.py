"""From a model and a benchmark to figures."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from passerby.data.display_name import display_name
from passerby.data.formats.open_data import open_data
from passerby.data.loading.loaders import EvalLoader, open_source
from passerby.data.split import Benchmark, Split
from passerby.errors import DataError, EvaluationError
from passerby.evaluation.pooling import (
    TrackletPooling,
    all_queries,
    check_multi_query,
    chosen_pooling,
    pool_queries,
    pool_tracklets,
)
from passerby.inference.camera_embedding import TrainedCameras, find_trained_cameras
from passerby.inference.embedder import Embedder, check_batch_size, load
from passerby.inference.unreadable_images import explaining_unreadable
from passerby.metrics import Metric, RankingResult, rank
from passerby.metrics.ranking import Matches
from passerby.progress import Progress


@dataclass(frozen=True)
class Evaluation:
    """A ranking with the features it was made from.

    Attributes:
        name: of the data set.
        result: the figures.
        query, gallery: the images that were compared, as far as they could be read.
        query_features: float32 [Q, D]; gallery_features: float32 [G, D].
        unreadable: number of images left out.
        cameras: how the model's camera embedding, if it has one, was used.
        cameras_known: whether the data set tells cameras; the rule of the own camera needs them.
        pooling: how tracklets became rows of query and gallery; `"none"` where rows are images.
        multi_query: whether rows of the query are all queries of one person and camera.
    """

    name: str
    result: RankingResult
    query: Split
    gallery: Split
    query_features: NDArray[np.float32]
    gallery_features: NDArray[np.float32]
    unreadable: int
    cameras: TrainedCameras
    cameras_known: bool
    pooling: TrackletPooling = "none"
    multi_query: bool = False


def evaluate(
    model: Embedder | str | Path,
    benchmark: Benchmark | str | Path,
    root: str | Path | None = None,
    *,
    batch_size: int = 64,
    metric: Metric = "cosine",
    skip_unreadable: bool = False,
    check_counts: bool = True,
    pooling: TrackletPooling | None = None,
    multi_query: bool = False,
) -> RankingResult:
    """mAP, CMC and mINP of a model on a benchmark's query and gallery.

    Args:
        model: as `passerby.load` returns it, or what `passerby.load` takes.
        benchmark: as `load_benchmark` returns it, or its name (then `root` is needed), or a table or folder.
        root: the folder that holds the benchmark.
        batch_size: images embedded at once.
        metric: how features are compared; those of our methods have length 1, where both metrics rank alike.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.
        check_counts: whether counts other than the published ones are an error.
        pooling: how the images of a tracklet become one feature, `"mean"`, `"attention"` or `"max"`; `"none"` to
            compare images. By default the mean for benchmarks of tracklets, none for others.
        multi_query: search with the mean of all queries of one person and camera; for Market-1501 these are the images
            in its folder `gt_bbox`.

    Raises:
        DataError: the benchmark is not on disk as it should be, or an image cannot be read.
        EvaluationError: nothing can be ranked.
        CheckpointError: the model is named and cannot be loaded.
    """
    if not isinstance(benchmark, Benchmark):
        benchmark = open_data(str(benchmark), root, check_counts=check_counts)
    elif root is not None:
        raise DataError(f"root ({root}) belongs to a benchmark's name; {benchmark.name} is open already: leave it out")
    embedder = model if isinstance(model, Embedder) else load(model)
    return evaluate_in_full(
        embedder,
        benchmark,
        batch_size=batch_size,
        metric=metric,
        skip_unreadable=skip_unreadable,
        pooling=pooling,
        multi_query=multi_query,
    ).result


def evaluate_in_full(
    model: Embedder,
    benchmark: Benchmark,
    *,
    batch_size: int = 64,
    metric: Metric = "cosine",
    skip_unreadable: bool = False,
    quiet: bool = False,
    cameras: TrainedCameras | None = None,
    pooling: TrackletPooling | None = None,
    multi_query: bool = False,
) -> Evaluation:
    """The same as `evaluate`, with features and images, for reports.

    Args:
        model, benchmark, batch_size, metric, skip_unreadable, pooling, multi_query: see `evaluate`.
        quiet: show no progress.
        cameras: how the data's cameras are numbered in the model; by default found by what the model says of itself.
    """
    pooling = _checked_pooling(benchmark, batch_size, metric, pooling, multi_query=multi_query)
    query, gallery = benchmark.query_and_gallery()
    query = all_queries(benchmark) if multi_query else query
    cameras = find_trained_cameras(model.description, benchmark) if cameras is None else cameras
    parts = []
    for kind, part in (("queries", query), ("gallery", gallery)):
        title = f"embedding {kind} of {display_name(benchmark.name)}"
        parts.append(embed_split(model, part, title, cameras, batch_size, skip_unreadable=skip_unreadable, quiet=quiet))
    (read_query, query_features), (read_gallery, gallery_features) = (pool_tracklets(*part, pooling) for part in parts)
    if multi_query:
        read_query, query_features = pool_queries(read_query, query_features)
    labels = (read_query.identities, read_gallery.identities, *_compared_cameras(benchmark, read_query, read_gallery))
    return Evaluation(
        name=benchmark.name,
        result=rank(query_features, gallery_features, *labels, metric=metric),
        query=read_query,
        gallery=read_gallery,
        query_features=query_features,
        gallery_features=gallery_features,
        unreadable=len(query) + len(gallery) - sum(len(read) for read, _ in parts),
        cameras=cameras,
        cameras_known=query.cameras is not None and gallery.cameras is not None,
        pooling=pooling,
        multi_query=multi_query,
    )


def _checked_pooling(
    benchmark: Benchmark, batch_size: int, metric: Metric, pooling: TrackletPooling | None, *, multi_query: bool
) -> TrackletPooling:
    """How tracklets are pooled, once all that `evaluate` was asked for has been found possible."""
    check_batch_size(batch_size)
    if metric not in get_args(Metric):
        raise EvaluationError(f"metric {metric!r} is not known: choose {' or '.join(get_args(Metric))}")
    check_comparable(benchmark)
    if multi_query:
        check_multi_query(benchmark)
    return chosen_pooling(benchmark, pooling)


def check_comparable(benchmark: Benchmark) -> None:
    """Refuse, before any image is read, a query and a gallery of which nothing can be ranked.

    Raises:
        DataError: one of the two is missing.
        EvaluationError: a query is junk, or none has a match in the gallery.
    """
    query, gallery = benchmark.query_and_gallery()
    cameras = _compared_cameras(benchmark, query, gallery)
    matches = Matches.of(len(query), len(gallery), query.identities, gallery.identities, *cameras)
    if not matches.counts.any():
        rule = " in another camera" if matches.camera_rule else ""
        raise EvaluationError(
            f"{benchmark.name}: none of its {len(query):,} queries has an image of the same person{rule} among its "
            f"{len(gallery):,} gallery images: check the identities of the two"
        )


def embed_split(
    model: Embedder,
    split: Split,
    title: str,
    cameras: TrainedCameras,
    batch_size: int = 64,
    *,
    skip_unreadable: bool = False,
    quiet: bool = False,
) -> tuple[Split, NDArray[np.float32]]:
    """The images of a split that can be read, and their features, float32 [N, D].

    Args:
        model: computes them.
        split: the images.
        title: of the progress.
        cameras: how the cameras of the split are numbered in the model.
        batch_size: images embedded at once.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.
        quiet: show no progress.

    Raises:
        DataError: images cannot be read; all of them are counted.
    """
    readable, source = open_source(split, model.transform, skip_unreadable=skip_unreadable, show_progress=not quiet)
    loader = EvalLoader(readable, source, model.transform, batch_size, device=model.device)
    features = np.empty((len(readable), model.embed_dim), np.float32)
    with explaining_unreadable(split, quiet=quiet), Progress(title, len(readable), quiet=quiet) as progress:
        for batch in loader:
            rows = batch.indices.cpu().numpy()
            features[rows] = model.embed_batch(batch.images, cameras.of(batch.cameras.cpu().numpy()))
            progress.advance(len(rows))
    return readable, features


def _compared_cameras(
    benchmark: Benchmark, query: Split, gallery: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | tuple[None, None]:
    """The cameras of both sides if the benchmark's rule needs them."""
    if not benchmark.same_camera_rule or query.cameras is None or gallery.cameras is None:
        return None, None
    return query.cameras, gallery.cameras
