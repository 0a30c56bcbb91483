"""k-reciprocal re-ranking as published: all pairs in one matrix, set after set with loops over rows.

Written from the paper and from the published description of where programs round; the types of the three large arrays
are arguments, because that is where published programs differ.
"""

import numpy as np


def dense_k_reciprocal(
    query, gallery, k1=20, k2=6, share=0.3, weights=np.float32, averages=np.float32, sums=np.float32
):
    """Distances [Q, G] of unit vectors; `weights`, `averages` and `sums` are the types these are stored in."""
    features = np.concatenate([query, gallery]).astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    count, queries = len(features), len(query)
    distances = np.stack([((features - row) ** 2).sum(axis=1) for row in features]).astype(np.float32)
    ranking = np.argsort(distances, axis=1, kind="stable")
    distances = distances / distances.max(axis=1, keepdims=True)
    encoding = np.zeros((count, count), dtype=weights)
    for row in range(count):
        expanded = set(reciprocal(ranking, row, k1))
        near = set(expanded)
        for other in near:
            candidates = reciprocal(ranking, other, int(np.around(k1 / 2)))
            if len(near.intersection(candidates)) > 2 / 3 * len(candidates):
                expanded.update(candidates)
        members = sorted(expanded)
        kept = np.exp(-distances[row, members])
        encoding[row, members] = kept / kept.sum()
    if k2 > 1:
        encoding = np.stack([np.mean(encoding[ranking[row, :k2]], axis=0) for row in range(count)]).astype(averages)
    result = np.empty((queries, count - queries), dtype=np.float32)
    for row in range(queries):
        shared = np.zeros(count, dtype=sums)
        for column in np.flatnonzero(encoding[row]):
            shared = (shared + np.minimum(encoding[row, column], encoding[:, column])).astype(sums)
        jaccard = 1 - shared / (2 - shared)
        result[row] = (jaccard * (1 - share) + distances[row] * np.float32(share))[queries:]
    return result


def reciprocal(ranking, row, k):
    """The k-reciprocal neighbours of one row."""
    forward = ranking[row, : k + 1]
    return [other for other in forward if row in ranking[other, : k + 1]]
