"""Embed query and gallery of a benchmark, and rank them."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from passerby.data.display_name import display_name
from passerby.data.split import Benchmark, Split
from passerby.errors import EvaluationError
from passerby.evaluation.pooling import (
    TrackletPooling,
    all_queries,
    check_multi_query,
    chosen_pooling,
    pool_queries,
    pool_tracklets,
)
from passerby.evaluation.protocol import PLAIN, Protocol
from passerby.inference.camera_embedding import TrainedCameras, find_trained_cameras
from passerby.inference.embedder import Embedder, check_batch_size
from passerby.inference.unreadable_images import explaining_unreadable
from passerby.metrics import RankingResult, rank
from passerby.metrics.ranking import Matches
from passerby.progress import Progress


@dataclass(frozen=True)
class Evaluation:
    """A ranking with the features it was made from.

    Attributes:
        name: of the data set.
        result: of the ranking.
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


def evaluate_in_full(
    model: Embedder,
    benchmark: Benchmark,
    protocol: Protocol = PLAIN,
    *,
    batch_size: int = 64,
    skip_unreadable: bool = False,
    quiet: bool = False,
    cameras: TrainedCameras | None = None,
) -> Evaluation:
    """Embed and rank, and keep the features and images for reports.

    Args:
        model, benchmark: with a query and a gallery.
        protocol: how they are compared; what it says of re-ranking and of the open set is left to `EvaluationResult`.
        batch_size, skip_unreadable, quiet: see `embed_split`.
        cameras: how the data's cameras are numbered in the model; by default found by what the model says of itself.

    Raises:
        DataError: query or gallery is missing, an image cannot be read, or the protocol does not fit the data.
        EvaluationError: nothing can be ranked.
    """
    check_batch_size(batch_size)
    check_protocol(benchmark, protocol)
    pooling = chosen_pooling(benchmark, protocol.pooling)
    query, gallery = benchmark.query_and_gallery()
    query = all_queries(benchmark) if protocol.multi_query else query
    cameras = find_trained_cameras(model.description, benchmark) if cameras is None else cameras
    embed = partial(embed_split, model, cameras=cameras, batch_size=batch_size, skip_unreadable=skip_unreadable)
    of_data = f"of {display_name(benchmark.name)}"
    titled = ((query, f"embedding queries {of_data}"), (gallery, f"embedding gallery {of_data}"))
    parts = [embed(split, title, quiet=quiet) for split, title in titled]
    (read_query, query_features), (read_gallery, gallery_features) = (pool_tracklets(*part, pooling) for part in parts)
    if protocol.multi_query:
        read_query, query_features = pool_queries(read_query, query_features)
    labels = (read_query.identities, read_gallery.identities, *_compared_cameras(benchmark, read_query, read_gallery))
    return Evaluation(
        name=benchmark.name,
        result=rank(query_features, gallery_features, *labels, metric=protocol.metric, ties=protocol.ties),
        query=read_query,
        gallery=read_gallery,
        query_features=query_features,
        gallery_features=gallery_features,
        unreadable=len(query) + len(gallery) - sum(len(read) for read, _ in parts),
        cameras=cameras,
        cameras_known=query.cameras is not None and gallery.cameras is not None,
        pooling=pooling,
        multi_query=protocol.multi_query,
    )


def check_protocol(benchmark: Benchmark, protocol: Protocol) -> None:
    """Refuse, before any image is read, a benchmark that cannot be evaluated by a protocol.

    Raises:
        DataError: query or gallery is missing, or the protocol does not fit the data.
        EvaluationError: nothing can be ranked.
    """
    check_comparable(benchmark)
    chosen_pooling(benchmark, protocol.pooling)
    if protocol.multi_query:
        check_multi_query(benchmark)


def check_comparable(benchmark: Benchmark) -> None:
    """Refuse, before any image is read, a query and a gallery of which nothing can be ranked.

    Raises:
        DataError: one of the two is missing.
        EvaluationError: a query is junk, or none has a match in the gallery.
    """
    query, gallery = benchmark.query_and_gallery()
    cameras = _compared_cameras(benchmark, query, gallery)
    if _matches(query, gallery, *cameras):
        return
    none = f"{benchmark.name}: none of its {len(query):,} queries has an image of the same person"
    among = f"among its {len(gallery):,} gallery images"
    if cameras[0] is not None and _matches(query, gallery):
        seen = np.unique(np.concatenate(cameras)).size
        raise EvaluationError(
            f"{none} in another camera {among}, though some have one in their own: the data has {seen:,} camera"
            f"{'s' * (seen > 1)}; check them, or leave out the cameras to count images of the same one"
        )
    rule = " in another camera" if cameras[0] is not None else ""
    raise EvaluationError(f"{none}{rule} {among}: check the identities of the two")


def _matches(
    query: Split,
    gallery: Split,
    query_cameras: NDArray[np.int64] | None = None,
    gallery_cameras: NDArray[np.int64] | None = None,
) -> bool:
    """Whether any query has a match."""
    labels = (query.identities, gallery.identities, query_cameras, gallery_cameras)
    return bool(Matches.of(len(query), len(gallery), *labels).counts.any())


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
        CheckpointError: the feature of an image is not finite, or has no length.
    """
    opened = model.open_split(split, skip_unreadable=skip_unreadable, show_progress=not quiet)
    readable = opened.split
    features = np.empty((len(readable), model.embed_dim), np.float32)
    with explaining_unreadable(split, quiet=quiet), Progress(title, len(readable), quiet=quiet) as progress:
        for rows, found in opened.features(batch_size, cameras=cameras):
            features[rows] = found
            progress.advance(len(rows))
    return readable, features


def _compared_cameras(
    benchmark: Benchmark, query: Split, gallery: Split
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | tuple[None, None]:
    """The cameras of both sides if the benchmark's rule needs them."""
    if not benchmark.same_camera_rule or query.cameras is None or gallery.cameras is None:
        return None, None
    return query.cameras, gallery.cameras
