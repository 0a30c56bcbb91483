"""HOTA, IDF1 and MOTA against a judge's figures; purity and many cameras against small worlds known by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import EvaluationError
from passerby.metrics import (
    TrackingScore,
    Trajectories,
    combine_scores,
    count_multi_camera_identity,
    drop_ignored,
    score_tracking,
    tracking_intervals,
)
from passerby.metrics.tracking import people_shown, score_tracklets
from tests.metrics.tracking.cases import CASES, TOGETHER, Case, make_case

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
OUR_NAMES = {
    "CLR_TP": "TP",
    "CLR_FN": "FN",
    "CLR_FP": "FP",
    "IDSW": "switches",
    "Frag": "fragments",
    "MT": "mostly tracked",
    "ML": "mostly lost",
}


def columns(case: Case) -> list[Trajectories]:
    """The truth and the result of a case."""
    tables = []
    for rows in (case.truth, case.result):
        corner, size = rows[:, 2:4], rows[:, 4:6]
        frames, identities = rows[:, :2].astype(int).T
        tables.append(Trajectories(frames, identities, np.concatenate([corner, corner + size], axis=1)))
    return tables


def score(case: Case) -> TrackingScore:
    truth, result = columns(case)
    flags, classes = case.truth[:, 6:8].astype(int).T
    return score_tracking(*drop_ignored(truth, result, considered=flags, classes=classes, rules=case.rules))


def assert_as_judged(ours: TrackingScore, judged: dict[str, float]) -> None:
    figures = ours.figures()
    assert len(judged) == 23
    for name, value in judged.items():
        assert figures[OUR_NAMES.get(name, name)] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("name", list(CASES))
def test_figures_are_those_of_trackeval(name: str) -> None:
    assert_as_judged(score(CASES[name]), GOLDEN[name])


@pytest.mark.parametrize("rules", list(TOGETHER))
def test_sequences_together_are_those_of_trackeval(rules: str) -> None:
    together = combine_scores([score(CASES[name]) for name in TOGETHER[rules]])
    assert_as_judged(together, GOLDEN[f"{rules} together"])


def test_the_cases_are_of_use() -> None:
    """Distractors matter, MOT20's class 6 matters, and the poor tracker is poor."""
    assert GOLDEN["distractors"] != GOLDEN["MOT20"]
    assert 0.05 < GOLDEN["poor boxes"]["HOTA"] < 0.4 < GOLDEN["plain"]["HOTA"]
    assert GOLDEN["all ignored"]["CLR_TP"] == GOLDEN["nobody followed"]["CLR_TP"] == 0
    assert GOLDEN["crowded"]["IDSW"] > 20


def still(frames: list[int], identity: int, x: float) -> list[list[float]]:
    return [[frame, identity, x, 0, x + 10, 20] for frame in frames]


def trajectories(*rows: list[list[float]]) -> Trajectories:
    array = np.array([row for part in rows for row in part], np.float64).reshape(-1, 6)
    return Trajectories(array[:, 0].astype(int), array[:, 1].astype(int), array[:, 2:])


def test_purity_and_coverage_of_a_track_that_changes_its_person() -> None:
    """Track 1 shows A eight times and B twice; track 2 shows B six times; track 3 shows nobody."""
    frames = list(range(10))
    truth = trajectories(still(frames, 1, 0), still(frames, 2, 100))
    result = trajectories(
        still(frames[:8], 1, 0), still(frames[8:], 1, 100), still(frames[:6], 2, 100), still(frames[:4], 3, 300)
    )
    figures = score_tracking(truth, result).figures()
    assert figures["purity"] == 14 / 16
    assert figures["coverage"] == 14 / 20
    assert figures["false boxes"] == pytest.approx(4 / 20)
    assert figures["tracklets per person"] == 1


def test_a_person_under_another_number_in_another_camera_counts_once() -> None:
    frames = list(range(10))
    truth = trajectories(still(frames, 1, 0))
    same, other = trajectories(still(frames, 7, 0)), trajectories(still(frames[:6], 8, 0))
    apart = count_multi_camera_identity([(truth, same), (truth, other)])
    assert (apart.true_positives, apart.false_negatives, apart.false_positives) == (10, 10, 6)
    joined = count_multi_camera_identity([(truth, same), (truth, trajectories(still(frames[:6], 7, 0)))])
    assert joined.idf1 == 32 / 36


@pytest.mark.parametrize("name", ["plain", "crowded", "empty frames"])
def test_many_cameras_are_one_video_whose_frames_do_not_meet(name: str) -> None:
    parts = [columns(CASES[each]) for each in (name, "poor boxes")]
    shifted = [
        [each._replace(frames=each.frames + 1000 * number) for each in pair] for number, pair in enumerate(parts)
    ]
    one, two = (
        Trajectories(*(np.concatenate(column) for column in zip(*each, strict=True)))
        for each in zip(*shifted, strict=True)
    )
    assert (
        count_multi_camera_identity([(truth, result) for truth, result in parts])
        == score_tracking(one, two).counts.identity
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.4), st.floats(0, 0.9))
def test_rows_may_come_in_any_order_and_numbers_may_be_any(seed: int, jitter: float, miss: float) -> None:
    truth, result = columns(make_case(seed, frames=15, people=5, jitter=jitter, miss=miss))
    order = np.random.default_rng(seed).permutation(len(result.frames))
    other = Trajectories(result.frames[order], 7 - 3 * result.identities[order], result.boxes[order])
    figures, again = score_tracking(truth, result).figures(), score_tracking(truth, other).figures()
    assert again == pytest.approx(figures, abs=1e-9)
    assert all(np.isfinite(value) for value in figures.values())
    assert score_tracking(truth, truth).figures()["HOTA"] == 1


def test_an_interval_over_sequences_holds_the_figure() -> None:
    scores = [score(CASES[name]) for name in TOGETHER["MOT17"]]
    intervals = tracking_intervals(scores, repeats=200)
    assert intervals["HOTA"].value == combine_scores(scores).figures()["HOTA"]
    assert intervals["HOTA"].low < intervals["HOTA"].value < intervals["HOTA"].high
    assert intervals == tracking_intervals(scores, repeats=200)
    with pytest.raises(EvaluationError, match="no sequence"):
        tracking_intervals([])
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        tracking_intervals(scores, confidence=95)


def test_what_cannot_be_scored_is_refused() -> None:
    good = trajectories(still([1, 2], 1, 0))
    with pytest.raises(EvaluationError, match="identity 1 of the result is twice in frame 2"):
        score_tracking(good, trajectories(still([2], 1, 0), still([2], 1, 5)))
    with pytest.raises(EvaluationError, match="NaN"):
        score_tracking(good, trajectories([[1, 1, 0, 0, np.nan, 1]]))
    with pytest.raises(EvaluationError, match=r"shape \[N, 4\]"):
        score_tracking(good, Trajectories([1], [1], [[0, 0, 1]]))
    with pytest.raises(EvaluationError, match="must have classes"):
        drop_ignored(good, good, considered=[1, 1], rules="MOT17")
    with pytest.raises(EvaluationError, match="class 14"):
        drop_ignored(good, good, considered=[1, 1], classes=[1, 14], rules="MOT17")
    with pytest.raises(EvaluationError, match="MOT18"):
        drop_ignored(good, good, considered=[1, 1], rules="MOT18")  # type: ignore[arg-type]
    with pytest.raises(EvaluationError, match="no camera"):
        count_multi_camera_identity([])


def test_nobody_anywhere_is_no_trouble() -> None:
    nobody = Trajectories([], [], [])
    figures = score_tracking(nobody, nobody).figures()
    assert figures["HOTA"] == 0
    assert all(np.isfinite(value) for value in figures.values())


def test_tracklets_cut_out_of_tracks_have_purity_of_their_own_and_the_tracks_all_else() -> None:
    frames = np.arange(10)
    boxes = np.tile([0.0, 0.0, 10.0, 20.0], (10, 1))
    truth = Trajectories(frames, np.where(frames < 4, 1, 2), boxes)
    track = Trajectories(frames, np.ones(10, np.int64), boxes)
    whole = score_tracking(truth, track).figures()
    cut = score_tracklets(truth, track, np.where(frames < 4, 1, 2)).figures()
    assert (whole["purity"], cut["purity"]) == (0.6, 1.0)
    assert (whole["tracklets per person"], cut["tracklets per person"]) == (0.5, 1.0)
    assert {name for name in whole if whole[name] != cut[name]} <= {"purity", "coverage", "tracklets per person"}


def test_each_box_shows_the_person_whom_it_overlaps_most_or_nobody() -> None:
    people = Trajectories(
        np.array([0, 0, 1]),
        np.array([7, 8, 7]),
        np.array([[0, 0, 10, 10], [4, 0, 14, 10], [0, 0, 10, 10]], np.float64),
    )
    found = Trajectories(
        np.array([0, 0, 1, 2]),
        np.arange(4),
        np.array([[3, 0, 13, 10], [0, 0, 10, 10], [0, 6, 10, 16], [0, 0, 10, 10]], np.float64),
    )
    assert people_shown(people, found).tolist() == [8, 7, -1, -1]
