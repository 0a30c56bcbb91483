"""What is compared if not single images: tracklets, or all queries of one person and camera."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from passerby.data.split import Benchmark, Split
from passerby.errors import DataError
from passerby.metrics import Pooling, pool, query_groups

TrackletPooling = Literal["none", Pooling]
"""How the images of a tracklet become one feature; `"none"` compares images."""


def as_pooling(name: str | None) -> TrackletPooling | None:
    """A pooling by its name, or None for the data's own.

    Raises:
        DataError: there is none of that name.
    """
    known: tuple[TrackletPooling, ...] = ("none", "mean", "attention", "max")
    for pooling in known:
        if name == pooling:
            return pooling
    if name is None:
        return None
    raise DataError(f"pooling {name!r} is not known: choose {', '.join(known)}")


def chosen_pooling(benchmark: Benchmark, pooling: TrackletPooling | None) -> TrackletPooling:
    """The pooling asked for, or the benchmark's: the mean where tracklets are compared, none elsewhere.

    Raises:
        DataError: an unknown pooling, or one that needs tracklets where they are unknown.
    """
    pooling = as_pooling(pooling) or ("mean" if benchmark.tracklets else "none")
    if pooling != "none":
        for part, split in zip(("query", "gallery"), benchmark.query_and_gallery(), strict=True):
            if split.tracks is None:
                raise DataError(
                    f"{benchmark.name}: its {part} images belong to no tracklets: give its table a column 'track', "
                    "or compare images with --pooling none"
                )
    return pooling


def check_multi_query(benchmark: Benchmark) -> None:
    """Refuse multi-query evaluation where it cannot be done, or would change nothing.

    Raises:
        DataError: the queries have no cameras, or nobody has two in one camera.
    """
    queries = all_queries(benchmark)
    if queries.cameras is None:
        raise DataError(
            f"{benchmark.name}: multi-query joins the queries of a person and camera, and cameras are unknown"
        )
    if np.unique(query_groups(queries.identities, queries.cameras)).size == len(queries):
        raise DataError(
            f"{benchmark.name}: every query is the only one of its person and camera, so multi-query would change "
            "nothing; further images of Market-1501's queries are in its folder gt_bbox"
        )


def all_queries(benchmark: Benchmark) -> Split:
    """The queries, followed by the further images that multi-query evaluation has of them."""
    query, further = benchmark.query_and_gallery()[0], benchmark.multi_query_images
    if further is None or query.cameras is None or further.cameras is None:
        return query
    return replace(
        query,
        paths=pa.array([*query.paths.to_pylist(), *further.paths.to_pylist()], pa.string()),
        identities=np.concatenate([query.identities, further.identities]),
        cameras=np.concatenate([query.cameras, further.cameras]),
        tracks=None,
        frames=None,
    )


def pool_tracklets(
    split: Split, features: NDArray[np.float32], pooling: TrackletPooling
) -> tuple[Split, NDArray[np.float32]]:
    """One row per tracklet, that of its first image, and its feature; the same rows if `pooling` is none.

    Args:
        split: images with tracks.
        features: float32 [N, D] of these images.
        pooling: how.
    """
    if pooling == "none":
        return split, features
    assert split.tracks is not None
    found = pool(features, split.tracks, how=pooling)
    return split.take(found.first), found.features


def pool_queries(split: Split, features: NDArray[np.float32]) -> tuple[Split, NDArray[np.float32]]:
    """One row per person and camera, that of its first image, and the mean of its features."""
    found = pool(features, query_groups(split.identities, split.cameras))
    return split.take(found.first), found.features
