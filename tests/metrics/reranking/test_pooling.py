import numpy as np
import pytest
import torch

from passerby.errors import EvaluationError
from passerby.metrics.ranking.camera_pairs import camera_matrix
from passerby.metrics.ranking.feature_ranking import rank
from passerby.metrics.reranking.pooling import pool, query_groups
from tests.metrics.ranking.test_feature_ranking import golden_problem


def units(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.parametrize("how", ["mean", "max", "attention"])
def test_groups_are_pooled_one_by_one(how):
    generator = np.random.default_rng(0)
    features = generator.standard_normal((50, 12)) + 0.5
    groups = generator.integers(-3, 9, 50) * 10
    found = pool(torch.from_numpy(features), groups, how=how, temperature=0.2)
    assert found.groups.tolist() == sorted(set(groups.tolist()))
    for group, row, first in zip(found.groups, found.features, found.first, strict=True):
        members = units(features[groups == group])
        weights = np.ones(len(members))
        if how == "attention":
            weights = np.exp(members @ units(members.sum(axis=0)) / 0.2)
        expected = members.max(axis=0) if how == "max" else weights @ members
        np.testing.assert_allclose(row, units(expected), atol=3e-6)
        assert first == np.flatnonzero(groups == group)[0]


def test_attention_does_not_mind_a_stranger_in_a_tracklet():
    person, stranger = np.eye(8)[0], np.eye(8)[1]
    noise = 0.2 * np.random.default_rng(0).standard_normal((10, 8))
    tracklet = np.vstack([person + noise[:8], stranger + noise[8:]])
    mean, attention = (pool(tracklet, np.zeros(10, int), how=how).features[0] for how in ("mean", "attention"))
    assert attention @ person > mean @ person + 0.01


def test_large_temperatures_come_to_the_mean():
    features = np.random.default_rng(1).standard_normal((20, 6)) + 1
    groups = np.arange(20) // 5
    hot = pool(features, groups, how="attention", temperature=1e6)
    np.testing.assert_allclose(hot.features, pool(features, groups).features, atol=1e-5)


def test_queries_of_one_person_and_camera_are_a_group():
    groups = query_groups([3, 3, 5, 3, 5], [0, 1, 0, 0, 1])
    assert groups[0] == groups[3]
    assert len(set(groups.tolist())) == 4


def test_multi_query_finds_more():
    generator = np.random.default_rng(2)
    centres = generator.standard_normal((30, 16))
    identities = np.repeat(np.arange(30), 4)
    query = centres[identities] + 1.5 * generator.standard_normal((120, 16))
    gallery = centres + 0.5 * generator.standard_normal((30, 16))
    single = rank(query, gallery, identities, np.arange(30))
    found = pool(query, query_groups(identities, np.zeros(120, int)))
    assert rank(found.features, gallery, identities[found.first], np.arange(30)).mAP > single.mAP + 0.1


@pytest.mark.parametrize("rule", [True, False])
def test_every_pair_of_cameras_is_ranked_by_itself(rule):
    query, gallery, qid, gid, qcam, gcam = golden_problem()
    gid = np.where(np.arange(120) % 13 == 0, -1, gid)
    found = camera_matrix(query, gallery, qid, gid, qcam + 5, gcam + 5, same_camera_rule=rule)
    assert found.cameras.tolist() == [5, 6, 7]
    for first in range(3):
        for second in range(3):
            cells = [matrix[first, second] for matrix in (found.mAP, found.rank1, found.queries)]
            if rule and first == second:
                assert np.isnan(cells[:2]).all()
                assert cells[2] == 0
                continue
            rows, columns = qcam == first, gcam == second
            expected = rank(query[rows], gallery[columns], qid[rows], gid[columns])
            assert cells == [expected.mAP, expected.rank1, expected.valid_queries]


def test_cameras_without_a_common_person_are_blank():
    found = camera_matrix(np.eye(2), np.eye(2), [0, 1], [0, 1], [0, 1], [2, 2])
    assert found.queries.tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]
    other = camera_matrix(np.eye(2), np.eye(2), [0, 1], [7, 8], [0, 1], [2, 2])
    assert np.isnan(other.mAP).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pool(np.eye(3), [0, 1]), "groups must have one entry"),
        (lambda: pool(np.eye(3), [0, 1, 1], how="median"), "pooling 'median'"),
        (lambda: pool(np.eye(3), [0, 1, 1], temperature=0), "temperature must be positive"),
        (lambda: pool(np.array([[1.0, 0], [-1, 0]]), [4, 4]), "pooled features are all zero"),
        (lambda: query_groups([0, 1], [0, 1, 2]), "cameras must have one entry"),
        (lambda: camera_matrix(np.eye(2), np.eye(2), [0, -1], [0, 1], [0, 1], [0, 1]), "junk"),
        (
            lambda: camera_matrix(np.full((1, 2), np.nan), np.eye(2), [0], [0, 1], [0], [0, 0]),
            "query features hold NaN",
        ),
        (lambda: camera_matrix(np.eye(2, 3), np.eye(2), [0, 1], [0, 1], [0, 0], [0, 0]), "3 dimensions and gallery"),
    ],
)
def test_what_cannot_be_pooled_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
