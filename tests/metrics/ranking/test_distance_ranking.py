import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from torchmetrics.functional.retrieval import retrieval_average_precision, retrieval_hit_rate

from passerby.errors import EvaluationError
from passerby.metrics.distances.distance import Distances
from passerby.metrics.ranking.distance_ranking import rank_distances
from passerby.metrics.ranking.feature_ranking import rank
from tests.metrics.ranking.test_feature_ranking import golden_problem, problems


@settings(max_examples=150, deadline=None)
@given(problem=problems(), metric=st.sampled_from(["cosine", "euclidean"]), ap=st.sampled_from(["step", "trapezoid"]))
def test_agrees_with_the_ranking_of_features(problem, metric, ap):
    query, gallery, *labels = problem
    distances = Distances(query, gallery, metric)
    matrix = np.stack([distances.exact(row, np.arange(len(gallery))) for row in range(len(query))])
    try:
        expected = rank(*problem, metric=metric, ap=ap)
    except EvaluationError as error:
        with pytest.raises(EvaluationError, match=str(error)[:20]):
            rank_distances(matrix, *labels, ap=ap)
        return
    found = rank_distances(matrix, *labels, ap=ap)
    for name in ("average_precision", "inverse_negative_penalty", "first_match", "valid", "cmc"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.metric == "given"


def test_agrees_with_torchmetrics_and_scikit_learn():
    """Without ties, and with the images that are left out taken away by hand."""
    problem = golden_problem()
    qid, gid, qcam, gcam = problem[2:]
    distances = 1 - problem[0] @ problem[1].T
    found = rank_distances(distances, *problem[2:])
    ranked = rank(*problem)
    for row in range(6):
        kept = ~((gid == qid[row]) & (gcam == qcam[row]))
        relevant, scores = (gid == qid[row])[kept], 3 - distances[row, kept]  # torchmetrics wants them positive
        tensors = torch.from_numpy(scores), torch.from_numpy(relevant)
        for result in (found, ranked):
            assert result.average_precision[row] == pytest.approx(average_precision_score(relevant, scores), rel=1e-6)
            assert result.average_precision[row] == pytest.approx(
                float(retrieval_average_precision(*tensors)), rel=1e-5
            )
            for k in (1, 5, 10):
                assert (result.first_match[row] <= k) == bool(retrieval_hit_rate(*tensors, top_k=k))


def test_tensors_and_any_order_preserving_numbers_will_do():
    query, gallery, *labels = golden_problem()
    distances = torch.from_numpy(2 - 2 * query @ gallery.T)
    expected = rank_distances(distances, *labels)
    for other in (distances.double(), distances.numpy() * 1024, torch.exp2(distances.double()) - 7):
        np.testing.assert_array_equal(rank_distances(other, *labels).average_precision, expected.average_precision)


@pytest.mark.parametrize(
    ("distances", "message"),
    [
        (np.zeros(5), r"shape \[Q, G\]"),
        (np.zeros((0, 5)), r"shape \[Q, G\]"),
        (np.zeros((6, 120), int), "floating point"),
        (np.where(np.arange(720).reshape(6, 120) == 130, np.nan, 0.0), "NaN, first in row 1"),
        (np.zeros((6, 119)), "gallery identities must have one entry"),
    ],
)
def test_what_cannot_be_ranked_is_refused(distances, message):
    with pytest.raises(EvaluationError, match=message):
        rank_distances(distances, *golden_problem()[2:])


def test_an_option_out_of_range_is_refused():
    with pytest.raises(EvaluationError, match="max_rank must be at least 1"):
        rank_distances(np.zeros((6, 120)), *golden_problem()[2:], max_rank=0)
    with pytest.raises(EvaluationError, match="ap 'area' is not known"):
        rank_distances(np.zeros((6, 120)), *golden_problem()[2:], ap="area")
