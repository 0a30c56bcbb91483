import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import EvaluationError
from passerby.metrics.ranking.neighbours import top_k
from tests.metrics.ranking import oracle as slow
from tests.metrics.ranking.test_feature_ranking import golden_problem, problems


@settings(max_examples=150, deadline=None)
@given(
    problem=problems(),
    metric=st.sampled_from(["cosine", "euclidean"]),
    k=st.integers(1, 16),
    query_block=st.integers(1, 6),
    gallery_block=st.integers(1, 16),
)
def test_lists_the_gallery_in_the_obvious_order(problem, metric, k, query_block, gallery_block):
    query, gallery, qid, gid, qcam, gcam = problem
    labels = {"query_identities": qid, "gallery_identities": gid, "query_cameras": qcam, "gallery_cameras": gcam}
    found = top_k(query, gallery, k, metric=metric, query_block=query_block, gallery_block=gallery_block, **labels)
    for row, expected in enumerate(slow.oracle(*problem, metric=metric).order):
        listed = found.indices[row]
        count = min(k, len(expected))
        assert listed[:count].tolist() == expected[:k]
        assert (listed[count:] == -1).all()
        assert np.isnan(found.scores[row, count:]).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_scores_are_cosines_or_distances(metric):
    query, gallery = golden_problem()[:2]
    query, gallery = query * 3, gallery * 5
    found = top_k(query, gallery, 120, metric=metric)
    assert found.scores.dtype == np.float32
    for row in range(6):
        other = gallery[found.indices[row]].astype(float)
        cosine = other @ query[row] / np.linalg.norm(other, axis=1) / np.linalg.norm(query[row])
        expected = cosine if metric == "cosine" else np.linalg.norm(other - query[row], axis=1)
        np.testing.assert_allclose(found.scores[row], expected, atol=2e-6)
        assert sorted(found.indices[row]) == list(range(120))


def test_blocks_never_change_the_list():
    generator = np.random.default_rng(3)
    gallery = np.float32(generator.standard_normal((900, 24)))
    gallery[300:600] = gallery[:300]
    query = np.float32(generator.standard_normal((20, 24)))
    whole = top_k(query, gallery, 30)
    for blocks in [(1, 900), (20, 17), (6, 450)]:
        pieces = top_k(query, gallery, 30, query_block=blocks[0], gallery_block=blocks[1])
        np.testing.assert_array_equal(pieces.indices, whole.indices)
        np.testing.assert_array_equal(pieces.scores, whole.scores)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be at least 1"),
        ({"k": 1, "query_identities": np.zeros(6, int)}, "one side only"),
        (
            {"k": 1, "query_cameras": np.zeros(6, int), "gallery_cameras": np.zeros(120, int)},
            "together with identities",
        ),
    ],
)
def test_what_cannot_be_listed_is_refused(arguments, message):
    with pytest.raises(EvaluationError, match=message):
        top_k(*golden_problem()[:2], **arguments)
