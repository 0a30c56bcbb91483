"""Search hits in the order of k-reciprocal re-ranking: who is alike the same others as the person looked for."""

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.gallery import Gallery
from passerby.gallery.records import ModelKey
from passerby.gallery.search import Hits, pooled
from passerby.metrics import rerank

CANDIDATES = 500
"""The most alike, which are put into another order; who is not among them is not found by it."""

_K1, _K2 = 20, 6


def reranked(gallery: Gallery, hits: Hits, features: NDArray[np.float32], key: ModelKey) -> Hits:
    """The same hits in another order; scores and probabilities stay those of the cosine.

    Args:
        gallery: open; has the features.
        hits: what a search found.
        features: of the query, float32 [N, D] or [D].
        key: of which model they are.
    """
    known = gallery.features([hit.tracklet.number for hit in hits], key)
    there = [hit for hit in hits if hit.tracklet.number in known]  # somebody may have been erased meanwhile
    if len(there) < 2:
        return Hits(there, hits.recall, hits.note)
    vectors = np.stack([known[hit.tracklet.number].vector for hit in there])
    k1 = min(_K1, len(there))
    distances = rerank(pooled(features)[None], vectors, k1=k1, k2=min(_K2, k1))[0]
    return Hits([there[place] for place in np.argsort(distances, kind="stable")], hits.recall, hits.note)
