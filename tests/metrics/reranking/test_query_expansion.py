import numpy as np
import pytest
import torch

from passerby.errors import EvaluationError
from passerby.metrics.ranking.distance_ranking import rank_distances
from passerby.metrics.ranking.feature_ranking import rank
from passerby.metrics.reranking.centralisation import centralise
from passerby.metrics.reranking.query_expansion import augment_gallery, expand_queries, nearest_others
from tests.metrics.ranking.test_feature_ranking import golden_problem
from tests.metrics.reranking.test_k_reciprocal import people


def units(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_golden_values_of_centralisation():
    query, gallery, *labels = golden_problem()
    query, gallery = centralise(query), centralise(gallery)
    together = np.concatenate([query, gallery])
    np.testing.assert_allclose(together[0, :4], [0.144302, 0.042509, -0.178565, 0.013196], atol=2e-6)
    np.testing.assert_allclose(together[10, :4], [0.219111, -0.325344, -0.198664, -0.225687], atol=2e-6)
    assert rank(query, gallery, *labels).mAP == pytest.approx(0.170636, abs=1e-6)


@pytest.mark.parametrize(("k1", "k2"), [(2, 2), (5, 1), (1, 5), (200, 3), (3, 200)])
def test_centralisation_is_its_definition(k1, k2):
    features = people(60)
    rows = units(features)
    order = [[j for j in np.argsort(-(rows @ rows[i]), kind="stable") if j != i] for i in range(60)]
    expected = [rows[i] + sum(rows[j] for j in order[i][:k1] if i in order[j][:k2]) for i in range(60)]
    np.testing.assert_allclose(centralise(features * 3, k1=k1, k2=k2), units(expected), atol=3e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("k", [1, 7, 500])
def test_expansion_and_augmentation_are_their_definition(alpha, k):
    features = people(70)
    query, gallery = units(features[:10]), units(features[10:])

    def expanded(row, others):
        cosines = others @ row
        nearest = np.argsort(-cosines, kind="stable")[:k]
        return row + (np.maximum(cosines[nearest], 0) ** alpha) @ others[nearest]

    expected = units([expanded(row, gallery) for row in query])
    found = expand_queries(torch.from_numpy(features[:10] * 2), features[10:] * 5, k=k, alpha=alpha)
    np.testing.assert_allclose(found, expected, atol=5e-6)
    expected = units([expanded(row, np.delete(gallery, number, axis=0)) for number, row in enumerate(gallery)])
    np.testing.assert_allclose(augment_gallery(features[10:], k=k, alpha=alpha), expected, atol=5e-6)


def test_others_are_never_the_row_itself_even_among_copies():
    features = np.repeat(np.eye(3, dtype=np.float32), 6, axis=0)
    indices, distances = nearest_others(features, 3)
    for row in range(18):
        assert row not in indices[row]
        assert len(set(indices[row])) == 3
        assert set(indices[row] // 6) == {row // 6}
    assert (distances == 0).all()


def test_a_gallery_of_one_is_left_as_it_is():
    row = np.array([[3.0, 4.0]], dtype=np.float32)
    for found in (augment_gallery(row), centralise(row)):
        np.testing.assert_allclose(found, [[0.6, 0.8]], atol=1e-6)
    np.testing.assert_allclose(expand_queries(row, row), [[0.6, 0.8]], atol=1e-6)


def test_neighbours_help_where_people_form_groups():
    generator = np.random.default_rng(4)
    identities = generator.permutation(np.repeat(np.arange(20), 15))
    features = np.float32(generator.standard_normal((20, 32))[identities] + 1.6 * generator.standard_normal((300, 32)))
    query, gallery, labels = features[:50], features[50:], (identities[:50], identities[50:])
    plain = rank(query, gallery, *labels).mAP
    assert rank(expand_queries(query, gallery), gallery, *labels).mAP > plain
    assert rank(query, augment_gallery(gallery), *labels).mAP > plain
    from passerby.metrics.reranking.k_reciprocal import rerank

    assert rank_distances(rerank(query, gallery), *labels).mAP > plain + 0.03


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expand_queries(np.eye(2), np.eye(2), k=0), "k must be at least 1"),
        (lambda: augment_gallery(np.eye(2), alpha=-1), "alpha must not be negative"),
        (lambda: augment_gallery(np.zeros((2, 2))), "all zero in row 0"),
        (lambda: centralise(np.eye(2), k1=0), "k1 must be at least 1"),
        (lambda: centralise(np.eye(2), k2=0), "k2 must be at least 1"),
        (lambda: expand_queries(np.eye(2), np.eye(3)), "2 dimensions and gallery features 3"),
    ],
)
def test_what_cannot_be_expanded_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
