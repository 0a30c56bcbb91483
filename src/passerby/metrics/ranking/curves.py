"""Precision against recall, averaged over queries."""

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.ranking.rank_metrics import RankingResult

RECALL_LEVELS = 101


def precision_recall(result: RankingResult, levels: int = RECALL_LEVELS) -> NDArray[np.float64]:
    """Compute the mean interpolated precision over the valid queries at recalls 0, …, 1; float64 [levels].

    The interpolated precision at a recall is the best precision at that recall or a higher one.
    """
    recalls = np.linspace(0, 1, levels)
    starts = np.cumsum(result.match_counts) - result.match_counts
    total = np.zeros(levels)
    for query in np.flatnonzero(result.valid):
        count = int(result.match_counts[query])
        ranks = result.match_ranks[starts[query] : starts[query] + count]
        precision = np.arange(1, count + 1) / ranks
        best = np.maximum.accumulate(precision[::-1])[::-1]
        needed = np.maximum(np.ceil(recalls * count - 1e-9).astype(np.int64), 1)  # matches that make up each recall
        total += best[needed - 1]
    return np.asarray(total / np.count_nonzero(result.valid))
