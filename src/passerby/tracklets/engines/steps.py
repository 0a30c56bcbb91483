"""The pieces of work that denoising consists of: pure functions of arrays, options and a number.

Whoever carries them out (this process, Ray) and whatever they are kept in (memory, files) cannot change a result,
since borders between pieces follow from the data alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.arrangement import Arrangement
from passerby.tracklets.distance import row_products
from passerby.tracklets.grouping.nearest import neighbour_links
from passerby.tracklets.levels.chunk import ChunkRows, denoise_chunk
from passerby.tracklets.levels.cross_video import BLOCK_ROWS, block_links
from passerby.tracklets.noise import count_indistinct
from passerby.tracklets.options import DenoisingOptions

Arrays = Mapping[str, NDArray[Any]]
"""The features, their `mean` if that is to be subtracted, the fields of an `Arrangement`, and what was published."""

ARRANGEMENT = ("order", "tracklets", "videos", "frames", "chunks")

COMPARE_ALL_UP_TO = 20_000
"""The noise of so many tracklets is measured over all pairs, that of more over those within the range."""


def chunk_rows(arrays: Arrays, chunk: int) -> ChunkRows:
    """The samples of one chunk."""
    return ChunkRows(
        arrays["features"], Arrangement(*(arrays[name] for name in ARRANGEMENT)), chunk, arrays.get("mean")
    )


def levels_1_and_2(arrays: Arrays, options: DenoisingOptions, chunk: int) -> dict[str, NDArray[Any]]:
    """The fields of the chunk's `ChunkOutcome`."""
    return denoise_chunk(chunk_rows(arrays, chunk), options)._asdict()


def level_3(arrays: Arrays, options: DenoisingOptions, block: int) -> dict[str, NDArray[Any]]:
    """Reduced links of one block, and how many there were."""
    found = block_links(arrays["centroids"], block, options)
    return {**found.links._asdict(), "found": np.array([found.found])}


def neighbours(arrays: Arrays, options: DenoisingOptions, _: int) -> dict[str, NDArray[Any]]:
    """Links to nearest neighbours, in one piece."""
    links = neighbour_links(arrays["centroids"], options.sigma_discrimination, options.neighbours)
    return {**links._asdict(), "found": np.array([links.first.size])}


def noise_reach(arrays: Arrays, options: DenoisingOptions) -> int | None:
    """How far pairs may be apart when noise is measured; None for all pairs."""
    return None if arrays["tracklets"].size - 1 <= COMPARE_ALL_UP_TO else options.half_width


def indistinct(name: str) -> "Step":
    """The step that counts too near pairs among the centroids published as `name`, block by block."""

    def step(arrays: Arrays, options: DenoisingOptions, block: int) -> dict[str, NDArray[Any]]:
        centroids = arrays[name]
        rows = range(block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, len(centroids)))
        reach = noise_reach(arrays, options) or len(centroids)
        return {"found": np.array([count_indistinct(centroids, options.sigma_discrimination, reach, rows)])}

    return step


def identity_distances(arrays: Arrays, options: DenoisingOptions, chunk: int) -> dict[str, NDArray[Any]]:
    """The distance of the chunk's samples to the centroid of their identity, float32; NaN for dropped ones."""
    del options  # every step is called with them
    part = chunk_rows(arrays, chunk)
    begin = int(arrays["tracklets"][arrays["videos"][arrays["chunks"][chunk]]])
    identities = arrays["identity-of-sample"][begin : begin + int(part.offsets[-1])]
    distance = np.full(identities.size, np.nan, np.float32)
    for _, places, rows in part.batches():
        kept = np.flatnonzero(identities[places] >= 0)
        centroids = np.asarray(arrays["identities"][identities[places][kept]], np.float64)
        scale = np.sqrt(row_products(centroids, centroids))
        product = row_products(rows[kept], centroids)
        distance[places.start + kept] = 1 - np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return {"distance": distance}


Step = Callable[[Arrays, DenoisingOptions, int], dict[str, NDArray[Any]]]

STEPS: dict[str, Step] = {
    "levels-1-2": levels_1_and_2,
    "level-3": level_3,
    "neighbours": neighbours,
    "noise-given": indistinct("given"),
    "noise-cleaned": indistinct("cleaned"),
    "noise-centroids": indistinct("centroids"),
    "noise-identities": indistinct("identities"),
    "identity-distances": identity_distances,
}
