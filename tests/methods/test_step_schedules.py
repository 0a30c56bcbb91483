"""Schedules by step: golden values of the published arrays, and epochs of different lengths."""

import numpy as np
import pytest

from passerby.methods.step_schedules import StepSchedule

RATE = StepSchedule(1.875e-3, 1e-6, 100, 10)
DECAY = StepSchedule(0.04, 0.4, 100)
MOMENTUM = StepSchedule(0.996, 1.0, 100)


def array(schedule: StepSchedule, steps: int = 10) -> list[float]:
    return [schedule.at(epoch, step, steps) for epoch in range(schedule.epochs) for step in range(steps)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (RATE, {0: 0, 50: 9.46970e-4, 99: 1.875e-3, 100: 1.875e-3, 550: 9.38e-4, -1: 1.005709e-6}),
        (DECAY, {0: 0.04, 500: 0.22, -1: 0.39999911}),
        (MOMENTUM, {0: 0.996, 500: 0.998, -1: 0.99999999}),
    ],
)
def test_golden_values(schedule: StepSchedule, expected: dict[int, float]) -> None:
    values = array(schedule)
    assert len(values) == 1000
    for place, value in expected.items():
        assert values[place] == pytest.approx(value, rel=1e-6, abs=1e-8)


def test_the_array_is_that_of_a_warm_up_and_a_cosine() -> None:
    warm = np.linspace(0, 1.875e-3, 70)
    falling = 1e-6 + 0.5 * (1.875e-3 - 1e-6) * (1 + np.cos(np.pi * np.arange(630) / 630))
    assert array(RATE, 7) == pytest.approx(np.concatenate([warm, falling]), rel=1e-9)


def test_a_curriculum_makes_no_leaps() -> None:
    lengths = [24] * 40 + [12] * 20 + [8] * 20 + [6] * 20
    for schedule in (RATE, DECAY, MOMENTUM):
        values = [schedule.at(epoch, step, steps) for epoch, steps in enumerate(lengths) for step in range(steps)]
        largest = abs(schedule.start - schedule.end) / 10 / 5
        assert np.abs(np.diff(values)).max() < largest
        later = np.diff(values[24 * 10 :])
        assert (later <= 0).all() if schedule is RATE else (later >= 0).all()
        assert values[-1] == pytest.approx(schedule.end, rel=0.02)


def test_a_warm_up_of_one_step_is_possible() -> None:
    assert StepSchedule(1.0, 0.0, 2, 1).at(0, 0, 1) == 0
    assert StepSchedule(1.0, 0.0, 2, 1).at(1, 0, 1) == 1
