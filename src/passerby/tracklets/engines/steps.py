"""The pieces of work that denoising consists of: pure functions of arrays, options and a number.

Borders between pieces follow from the data alone, so the result is the same whichever engine carries them out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.arrangement import Arrangement
from passerby.tracklets.distance import Rows, mean_direction, row_products
from passerby.tracklets.grouping.nearest import neighbour_links
from passerby.tracklets.levels.chunk import ChunkRows, denoise_chunk
from passerby.tracklets.levels.cross_video import BLOCK_ROWS, block_links
from passerby.tracklets.noise import count_indistinct
from passerby.tracklets.options import DenoisingOptions

COMPARE_ALL_UP_TO = 20_000
"""The noise of so many tracklets is measured over all pairs, that of more over those within the range."""

Result = Mapping[str, NDArray[Any]]
"""The arrays that a piece gives, by name."""


@dataclass(frozen=True)
class Inputs:
    """The arrays that steps read.

    Attributes:
        arrangement: of the N samples.
        arrays: `features` [N, D], `mean` [D] if that is to be subtracted, and what was published.
    """

    arrangement: Arrangement
    arrays: dict[str, Rows]

    @property
    def dim(self) -> int:
        """Dimensions of a feature."""
        return self.arrays["features"].shape[1]

    def chunk(self, number: int) -> ChunkRows:
        """The samples of one chunk."""
        mean = self.arrays.get("mean")
        return ChunkRows(self.arrays["features"], self.arrangement, number, None if mean is None else mean[:])


def first_inputs(features: Rows, arrangement: Arrangement, options: DenoisingOptions) -> Inputs:
    """The inputs of the first steps: the features, and their mean if it is to be subtracted."""
    mean: dict[str, Rows] = {"mean": mean_direction(features)} if options.center else {}
    return Inputs(arrangement, {"features": features, **mean})


def levels_1_and_2(inputs: Inputs, options: DenoisingOptions, chunk: int) -> dict[str, NDArray[Any]]:
    """The fields of the chunk's `ChunkOutcome`."""
    return denoise_chunk(inputs.chunk(chunk), options)._asdict()


def level_3(inputs: Inputs, options: DenoisingOptions, block: int) -> dict[str, NDArray[Any]]:
    """Reduced links of one block, and how many there were."""
    linked = block_links(inputs.arrays["centroids"], block, options)
    return {**linked.links._asdict(), "count": np.array([linked.total])}


def neighbours(inputs: Inputs, options: DenoisingOptions, _: int) -> dict[str, NDArray[Any]]:
    """Links to nearest neighbours, in one piece."""
    links = neighbour_links(inputs.arrays["centroids"], options.sigma_discrimination, options.neighbours)
    return {**links._asdict(), "count": np.array([links.first.size])}


def noise_range(inputs: Inputs, options: DenoisingOptions) -> int | None:
    """How far pairs may be apart when noise is measured; None for all pairs."""
    return None if inputs.arrangement.tracklets.size - 1 <= COMPARE_ALL_UP_TO else options.half_width


def indistinct(name: str) -> "Step":
    """The step that counts too similar pairs among the centroids published as `name`, block by block."""

    def step(inputs: Inputs, options: DenoisingOptions, block: int) -> dict[str, NDArray[Any]]:
        centroids = inputs.arrays[name]
        rows = range(block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, len(centroids)))
        half_width = noise_range(inputs, options) or len(centroids)
        return {"count": np.array([count_indistinct(centroids, options.sigma_discrimination, half_width, rows)])}

    return step


def chunk_identity_distances(inputs: Inputs, options: DenoisingOptions, chunk: int) -> dict[str, NDArray[Any]]:
    """The distance of the chunk's samples to the centroid of their identity, float32; NaN for dropped ones."""
    del options  # every step is called with them
    arranged, part = inputs.arrangement, inputs.chunk(chunk)
    begin = int(arranged.tracklets[arranged.videos[arranged.chunks[chunk]]])
    identities = inputs.arrays["identity-of-sample"][begin : begin + int(part.offsets[-1])]
    distance = np.full(identities.size, np.nan, np.float32)
    for _, places, rows in part.batches():
        kept = np.flatnonzero(identities[places] >= 0)
        centroids = np.asarray(inputs.arrays["identities"][identities[places][kept]], np.float64)
        scale = np.sqrt(row_products(centroids, centroids))
        product = row_products(rows[kept], centroids)
        distance[places.start + kept] = 1 - np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return {"distance": distance}


Step = Callable[[Inputs, DenoisingOptions, int], dict[str, NDArray[Any]]]

STEPS: dict[str, Step] = {
    "levels-1-2": levels_1_and_2,
    "level-3": level_3,
    "neighbours": neighbours,
    "noise-given": indistinct("given"),
    "noise-cleaned": indistinct("cleaned"),
    "noise-centroids": indistinct("centroids"),
    "noise-identities": indistinct("identities"),
    "identity-distances": chunk_identity_distances,
}
