"""Made-up sequences that a judge and ours score alike; needs NumPy alone, to run where the judge is installed."""

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A sequence in the columns of MOTChallenge's files.

    Attributes:
        rules: whose ignore rules.
        frames: how many the sequence has.
        truth: float [N, 8]: frame, id, left, top, width, height, flag, class.
        result: float [M, 6]: frame, id, left, top, width, height.
    """

    rules: str
    frames: int
    truth: Any
    result: Any


def make_case(
    seed: int,
    rules: str = "MOT17",
    *,
    frames: int = 40,
    people: int = 8,
    jitter: float = 0.1,
    miss: float = 0.1,
    false: float = 0.5,
    switch: float = 0.02,
    classes: tuple[int, ...] = (1,),
    ignored: float = 0.0,
    empty_truth: tuple[int, ...] = (),
    empty_result: tuple[int, ...] = (),
) -> Case:
    """People who walk, some of whom do not count, and a tracker that errs."""
    generator = np.random.default_rng(seed)
    start, speed = generator.uniform(0, 500, (people, 2)), generator.normal(0, 4, (people, 2))
    height = generator.uniform(60, 200, people)
    kinds = generator.choice(classes, people)
    flags = generator.random(people) >= ignored
    first, last = generator.integers(1, 10, people), generator.integers(frames - 12, frames + 1, people)
    track = np.arange(people) + 1
    truth, result = [], []
    for frame in range(1, frames + 1):
        for person in np.flatnonzero(generator.random(people) < switch):
            other = generator.integers(people)
            track[[person, other]] = track[[other, person]]
        for person in range(people):
            if not first[person] <= frame <= last[person]:
                continue
            corner, size = start[person] + frame * speed[person], np.array([0.4, 1.0]) * height[person]
            if frame not in empty_truth:
                truth.append([frame, person + 1, *corner, *size, flags[person], kinds[person]])
            if frame not in empty_result and generator.random() >= miss:
                moved = corner + generator.normal(0, jitter, 2) * size
                result.append([frame, track[person], *moved, *(size * generator.uniform(0.8, 1.25, 2))])
        for ghost in range(generator.poisson(false) if frame not in empty_result else 0):
            result.append([frame, 100 * frame + ghost, *generator.uniform(0, 500, 2), 40, 100])
    return Case(rules, frames, _rounded(truth, 8), _rounded(result, 6))


def _rounded(rows: list[list[float]], width: int) -> Any:
    return np.round(np.array(rows, np.float64).reshape(-1, width), 2)


def nobody_followed(case: Case) -> Case:
    """The same truth, and a tracker that saw nobody."""
    return case._replace(result=case.result[:0])


CASES = {
    "plain": make_case(1),
    "exact": make_case(2, jitter=0.0, miss=0.0, false=0.0, switch=0.0),
    "crowded": make_case(3, people=30, switch=0.1, miss=0.3),
    "empty frames": make_case(4, empty_truth=(1, 2, 15, 16, 40), empty_result=(2, 3, 20, 21, 22, 39)),
    "all ignored": make_case(5, ignored=1.0),
    "nobody followed": nobody_followed(make_case(6)),
    "distractors": make_case(7, people=20, classes=(1, 1, 2, 3, 6, 7, 8, 12), ignored=0.1),
    "distractors of MOT16": make_case(8, "MOT16", people=20, classes=(1, 1, 2, 4, 5, 9, 12, 13), ignored=0.1),
    "MOT20": make_case(7, "MOT20", people=20, classes=(1, 1, 2, 3, 6, 7, 8, 12), ignored=0.1),
    "MOT20 crowd": make_case(9, "MOT20", frames=25, people=60, classes=(1, 6, 7), jitter=0.2),
    "MOT15": make_case(10, "MOT15", people=12, ignored=0.3),
    "poor boxes": make_case(11, jitter=0.3, miss=0.4, false=3.0),
}
TOGETHER = {rules: [name for name, case in CASES.items() if case.rules == rules] for rules in ("MOT17", "MOT20")}
"""Cases that are also scored together."""
