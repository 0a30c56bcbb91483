import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import EvaluationError
from passerby.metrics.open_set.identification import identify
from tests.metrics.ranking import oracle as slow
from tests.metrics.ranking.test_feature_ranking import golden_problem, problems


@settings(max_examples=150, deadline=None)
@given(problem=problems(), unknown=st.integers(0, 2), max_rank=st.integers(1, 4))
def test_agrees_with_searching_one_by_one(problem, unknown, max_rank):
    query, gallery, qid, gid, qcam, gcam = problem
    left = np.where(gid == unknown, -1, gid)
    order = slow.oracle(query, gallery, qid, left, qcam, gcam).order
    known, unknown_cosines = [], []
    for row, columns in enumerate(order):
        cosines = gallery[columns] @ query[row].astype(float) / np.linalg.norm(query[row].astype(float))
        cosines = cosines / np.linalg.norm(gallery[columns].astype(float), axis=1) if columns else []
        if qid[row] == unknown:
            unknown_cosines.append(cosines[0] if columns else np.nan)
            continue
        places = [place for place, column in enumerate(columns) if left[column] == qid[row]]
        if places:
            found = places[0] < max_rank
            known.append((places[0] + 1 if found else 0, cosines[places[0]] if found else -np.inf))
    if not known or not unknown_cosines or np.isnan(unknown_cosines).any():
        return
    result = identify(*problem, unknown=[unknown], max_rank=max_rank)
    assert result.known_ranks.tolist() == [place for place, _ in known]
    np.testing.assert_allclose(result.known_scores, [score for _, score in known], atol=1e-5)
    np.testing.assert_allclose(result.unknown_scores, np.sort(unknown_cosines), atol=1e-5)


def test_rates_follow_the_threshold():
    generator = np.random.default_rng(0)
    identities = np.arange(40)
    gallery = generator.standard_normal((40, 16))
    query = np.concatenate([gallery + 0.5 * generator.standard_normal((40, 16)) for _ in range(5)])
    found = identify(query, gallery, np.tile(identities, 5), identities, unknown_share=0.5, seed=3, max_rank=5)
    assert found.known_scores.size == found.unknown_scores.size == 100
    for far in (0.05, 0.2):
        threshold = found.threshold_at(far)
        assert np.mean(found.unknown_scores >= threshold) <= far
        expected = np.mean((found.known_ranks == 1) & (found.known_scores >= threshold))
        assert found.dir_at(far) == pytest.approx(expected)
        assert found.far(threshold) == pytest.approx(np.mean(found.unknown_scores >= threshold))
        assert found.dir_at(far, rank=5) >= found.dir_at(far)
    assert found.dir_at(0.2) >= found.dir_at(0.05) > 0.3
    again = identify(query, gallery, np.tile(identities, 5), identities, unknown_share=0.5, seed=3)
    np.testing.assert_array_equal(again.unknown_scores, found.unknown_scores)
    other = identify(query, gallery, np.tile(identities, 5), identities, unknown_share=0.5, seed=4)
    assert not np.array_equal(other.unknown_scores, found.unknown_scores)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_rank": 0}, "max_rank must be at least 1"),
        ({"unknown_share": 0.0}, "unknown_share must be between"),
        ({"unknown": [99]}, "no query shows an unknown person"),
        ({"unknown": [0, 1, 2, 3]}, "no query shows a known person"),
        ({"unknown": [0, 1, 2, 3, 4]}, "nobody is left"),
    ],
)
def test_what_cannot_be_identified_is_refused(changes, message):
    with pytest.raises(EvaluationError, match=message):
        identify(*golden_problem(), **changes)


def test_one_person_is_not_enough():
    with pytest.raises(EvaluationError, match="show one person"):
        identify(np.eye(2), np.eye(2), [0, 0], [0, 1])
