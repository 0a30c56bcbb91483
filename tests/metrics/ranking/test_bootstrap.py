import numpy as np
import pytest
from scipy import stats

from passerby.errors import EvaluationError
from passerby.metrics.ranking.bootstrap import compare_paired, mean_interval, ranking_intervals
from passerby.metrics.ranking.feature_ranking import rank
from tests.metrics.ranking.test_feature_ranking import golden_problem


def test_without_groups_it_is_the_ordinary_bootstrap():
    values = np.random.default_rng(0).gamma(2.0, size=120)
    found = mean_interval(values, np.arange(120), repeats=8000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=8000, method="percentile", rng=1).confidence_interval
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(theirs.low, abs=0.03)
    assert found.high == pytest.approx(theirs.high, abs=0.03)


def test_repeated_queries_of_a_person_add_no_certainty():
    values = np.random.default_rng(0).uniform(size=60)
    once = mean_interval(values, np.arange(60), repeats=4000)
    copies = mean_interval(np.repeat(values, 9), np.repeat(np.arange(60), 9), repeats=4000)
    blind = mean_interval(np.repeat(values, 9), np.arange(540), repeats=4000)
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.1)
    assert blind.high - blind.low < 0.5 * (once.high - once.low)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    generator = np.random.default_rng(2)
    held = 0
    for trial in range(300):
        people = generator.uniform(size=50)
        values = np.repeat(people, 4) + generator.normal(0, 0.05, 200)
        found = mean_interval(values, np.repeat(np.arange(50), 4), repeats=400, seed=trial)
        held += found.low <= 0.5 <= found.high
    assert 0.88 <= held / 300 <= 0.99


def test_every_figure_of_a_ranking_has_its_interval():
    problem = golden_problem()
    result = rank(*problem)
    found = ranking_intervals(result, problem[2], repeats=500)
    expected = {"mAP": result.mAP, "rank1": result.rank1, "mINP": result.mINP}
    expected |= {f"rank{k}": result.rank_at(k) for k in (5, 10)}
    assert {name: interval.value for name, interval in found.items()} == pytest.approx(expected)
    assert all(0 <= interval.low <= interval.value <= interval.high <= 1 for interval in found.values())


def test_queries_without_a_match_are_left_out():
    found = mean_interval(np.array([1.0, np.nan, 0.0, np.nan]), [0, 0, 1, 2])
    assert found.value == 0.5


def test_the_paired_test_agrees_with_scipy_s():
    generator = np.random.default_rng(5)
    first = generator.uniform(size=40)
    second = first + generator.normal(0.02, 0.06, 40)
    found = compare_paired(first, second, np.arange(40), repeats=20000)
    theirs = stats.permutation_test(
        (second, first),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=20000,
        vectorized=True,
        rng=1,
    )
    assert found.difference.value == pytest.approx(np.mean(second - first))
    assert found.p_value == pytest.approx(theirs.pvalue, abs=0.015)
    assert found.queries == 40


def test_the_paired_test_is_fair_and_sees_what_is_there():
    generator = np.random.default_rng(6)
    groups = np.repeat(np.arange(40), 3)
    values = []
    for _ in range(200):
        base = np.repeat(generator.uniform(size=40), 3)
        noise = [np.repeat(generator.normal(0, 0.1, 40), 3) for _ in range(2)]  # alike within a person
        values.append(compare_paired(base + noise[0], base + noise[1], groups, repeats=300).p_value)
    assert 0.01 <= np.mean(np.array(values) < 0.05) <= 0.1
    assert compare_paired(base, base + 0.1 + noise[0], groups, repeats=500).p_value < 0.01


def test_equal_runs_do_not_differ():
    values = np.array([0.5, 0.25, np.nan, 1.0])
    found = compare_paired(values, values, [0, 1, 2, 3])
    assert (found.difference.value, found.p_value, found.queries) == (0, 1, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval(np.array([np.nan]), [0]), "no value to average"),
        (lambda: mean_interval(np.ones(3), [0, 1]), "groups must have one entry"),
        (lambda: mean_interval(np.ones((3, 1)), [0, 1, 2]), r"shape \[Q\]"),
        (lambda: mean_interval(np.ones(3), [0, 1, 2], repeats=0), "repeats must be at least 1"),
        (lambda: mean_interval(np.ones(3), [0, 1, 2], confidence=95), "confidence must be between 0 and 1"),
        (lambda: compare_paired(np.ones(3), np.ones(2), [0, 1, 2]), "3 and 2 queries"),
        (lambda: compare_paired(np.ones(2), np.array([1, np.nan]), [0, 1]), "a match in one run and none in the other"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(call, message):
    with pytest.raises(EvaluationError, match=message):
        call()
