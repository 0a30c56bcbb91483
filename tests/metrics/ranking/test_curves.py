import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from passerby.metrics.ranking.curves import precision_recall
from passerby.metrics.ranking.feature_ranking import rank
from tests.metrics.ranking.test_feature_ranking import golden_problem


def test_agrees_with_scikit_learn_s_curve_of_each_query():
    query, gallery, qid, gid, qcam, gcam = golden_problem()
    expected = []
    for row in range(6):
        kept = ~((gid == qid[row]) & (gcam == qcam[row]))
        precision, recall, _ = precision_recall_curve((gid == qid[row])[kept], (gallery @ query[row])[kept])
        expected.append([precision[:-1][recall[:-1] >= level - 1e-9].max() for level in np.linspace(0, 1, 101)])
    result = rank(*golden_problem())
    np.testing.assert_allclose(precision_recall(result), np.mean(expected, axis=0), atol=1e-9)


def test_counts_and_ranks_belong_together():
    result = rank(*golden_problem())
    assert result.match_ranks.size == result.match_counts.sum()
    assert result.match_ranks[0] == result.first_match[0]
    split = np.split(result.match_ranks, np.cumsum(result.match_counts)[:-1])
    precision = [np.mean(np.arange(1, ranks.size + 1) / ranks) for ranks in split]
    assert precision == pytest.approx(result.average_precision.tolist())


def test_a_perfect_ranking_is_a_flat_line():
    result = rank(np.eye(3), np.eye(3), [0, 1, 9], [0, 1, 2])
    np.testing.assert_array_equal(precision_recall(result, 11), np.ones(11))
