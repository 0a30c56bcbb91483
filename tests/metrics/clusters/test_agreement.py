from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pair_confusion_matrix

from passerby.errors import EvaluationError
from passerby.metrics.clusters import agreement as correlation
from passerby.metrics.clusters.agreement import correlation_quality, exclusion_quality

labels = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4), st.integers(0, 2)), min_size=1, max_size=30)


def brute(predicted, true, videos):
    """Everything by looking at all pairs."""
    rows = range(len(predicted))
    together = {(i, j) for i, j in combinations(rows, 2) if predicted[i] == predicted[j]}
    alike = {(i, j) for i, j in combinations(rows, 2) if true[i] == true[j]}
    cross = {(i, j) for i, j in alike if videos[i] != videos[j]}
    precision = [np.mean([true[j] == true[i] for j in rows if predicted[j] == predicted[i]]) for i in rows]
    recall = [np.mean([predicted[j] == predicted[i] for j in rows if true[j] == true[i]]) for i in rows]
    purity = sum(
        max(sum(1 for i in rows if predicted[i] == c and true[i] == t) for t in set(true)) for c in set(predicted)
    )
    inverse = sum(
        max(sum(1 for i in rows if predicted[i] == c and true[i] == t) for c in set(predicted)) for t in set(true)
    )
    return {
        "pairs_right": len(together & alike),
        "pairs_predicted": len(together),
        "pairs_true": len(alike),
        "cross_video_right": len(together & cross),
        "cross_video_true": len(cross),
        "purity": purity / len(rows),
        "inverse_purity": inverse / len(rows),
        "bcubed_precision": np.mean(precision),
        "bcubed_recall": np.mean(recall),
        "fragments": np.mean([len({predicted[i] for i in rows if true[i] == t}) for t in set(true)]),
    }


def alone(values):
    return [value if value >= 0 else f"alone {row}" for row, value in enumerate(values)]


@settings(max_examples=150, deadline=None)
@given(labels)
def test_equals_counting_all_pairs(rows):
    predicted, true, videos = (list(column) for column in zip(*rows, strict=True))
    found = correlation_quality(predicted, true, videos)
    assert found.coverage == np.mean(np.array(predicted) >= 0)
    for name, value in brute(alone(predicted), alone(true), videos).items():
        assert getattr(found.all, name) == pytest.approx(value, abs=1e-12), name
        if isinstance(value, int):
            assert isinstance(getattr(found.all, name), int)
    kept = [row for row, label in enumerate(predicted) if label >= 0]
    if kept:
        unique_true = alone(true)
        expected = brute(*([column[row] for row in kept] for column in (predicted, unique_true, videos)))
        for name, value in expected.items():
            assert getattr(found.kept, name) == pytest.approx(value, abs=1e-12), name


def test_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    predicted, true = generator.integers(0, 40, (2, 2000))
    found = correlation_quality(predicted, true).kept
    matrix = pair_confusion_matrix(true, predicted) // 2
    assert found.pairs_right == matrix[1, 1]
    assert found.pairs_predicted == matrix[:, 1].sum()
    assert found.pairs_true == matrix[1].sum()
    assert found.f1 == pytest.approx(2 * matrix[1, 1] / (2 * matrix[1, 1] + matrix[0, 1] + matrix[1, 0]))
    assert found.cross_video_recall is None


def test_pairs_of_huge_groups_do_not_overflow():
    assert correlation._pairs(np.array([2**33, 3])) == 2**33 * (2**33 - 1) // 2 + 3


@pytest.mark.parametrize("spread", [1, 2**31, 2**40, 2**60])
def test_numbers_of_labels_do_not_matter(spread):
    """Labels are often hashes of 63 bits."""
    generator = np.random.default_rng(1)
    predicted, true, videos, tracklets = generator.integers(0, 5, (4, 60))
    top = 2**63 - 1
    plain, large = (
        correlation_quality(top - (4 - predicted) * size if size > 1 else predicted, true * size, videos * size)
        for size in (1, spread)
    )
    assert large == plain
    for name, value in brute(predicted.tolist(), true.tolist(), videos.tolist()).items():
        assert getattr(large.all, name) == pytest.approx(value), name
    masks = {"excluded": predicted == 0, "reallocated": (predicted == 0) & (true > 1)}
    assert exclusion_quality(tracklets * spread, tracklets * spread, true * spread, **masks) == exclusion_quality(
        tracklets, tracklets, true, **masks
    )


def test_perfect_labels_are_perfect_and_say_so_in_json():
    found = correlation_quality([3, 3, 5, 5], [0, 0, 1, 1], ["a", "b", "a", "a"])
    figures = found.all.to_dict()
    assert {figures[name] for name in ("precision", "recall", "f1", "purity", "bcubed_f1", "cross_video_recall")} == {
        1.0
    }
    assert figures["fragments"] == 1


def test_nothing_kept_is_nan():
    found = correlation_quality([-1, -1], [0, 0])
    assert found.coverage == 0
    assert np.isnan(found.kept.precision)
    assert found.all.recall == 0


def test_exclusion_and_reallocation():
    #         tracklet 0: three of person 7, one of 8, one background; tracklet 1: two of 8
    given_tracklets = [0, 0, 0, 0, 0, 1, 1]
    true = [7, 7, 7, 8, -1, 8, 8]
    found = exclusion_quality(
        given_tracklets,
        [0, 0, -1, 1, 1, 1, 1],
        true,
        excluded=[False, False, True, True, True, False, False],
        reallocated=[False, False, False, True, True, False, False],
    )
    assert (found.excluded, found.wrong, found.excluded_wrong) == (3, 2, 2)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 1
    assert (found.reallocated, found.reallocated_right) == (2, 1)
    assert found.reallocation_accuracy == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "N at least 1"),
        (([0, 1], [0]), "true identities must have one entry"),
        (([0.5, 1.0], [0, 1]), "must be integer labels"),
        (([0, 1], [0, 1], ["a"]), "videos must have one entry per sample"),
        (
            (np.array([0, 2**64 - 1], np.uint64), [0, 1]),
            "predicted identities must be below 2..63, but one is 18446744073709551615",
        ),
        (([0, -2], [0, 1]), "predicted identities must be at least -1, but one is -2"),
        (([0, 1], [-5, 1]), "true identities must be at least -1, but one is -5"),
    ],
)
def test_refuses_what_cannot_be_compared(arguments, message):
    with pytest.raises(EvaluationError, match=message):
        correlation_quality(*arguments)


def test_a_given_tracklet_is_no_dropped_one():
    with pytest.raises(EvaluationError, match="given tracklets must be at least 0, but one is -1"):
        exclusion_quality([-1, 0], [0, 0], [0, 0], excluded=[False, False], reallocated=[False, False])
