"""What does not count in the MOTChallenge benchmarks: bystanders in the truth, and the tracks that follow them.

Classes: 1 pedestrian, 2 person on a vehicle, 3 car, 4 bicycle, 5 motorbike, 6 other vehicle, 7 static person,
8 distractor, 9 to 11 occluders, 12 reflection, 13 crowd.
"""

from typing import Any, Literal

import numpy as np

from passerby.errors import EvaluationError
from passerby.metrics.arrays import as_labels
from passerby.metrics.tracking.overlap import pairwise_iou
from passerby.metrics.tracking.trajectories import Trajectories, same_frames

Rules = Literal["MOT15", "MOT16", "MOT17", "MOT20"]

PEDESTRIAN = 1
DISTRACTORS: dict[Rules, frozenset[int]] = {
    "MOT15": frozenset(),
    "MOT16": frozenset({2, 7, 8, 12}),
    "MOT17": frozenset({2, 7, 8, 12}),
    "MOT20": frozenset({2, 6, 7, 8, 12}),
}
"""Classes that may be followed or not: neither is right or wrong."""

_OVERLAP = 0.5
_ROUNDING = np.finfo(np.float64).eps


def drop_ignored(
    truth: Trajectories, result: Trajectories, *, considered: Any, classes: Any = None, rules: Rules
) -> tuple[Trajectories, Trajectories]:
    """Leave out what a benchmark does not count.

    In each frame the result is paired with the whole truth at an overlap of 0.5; what is paired with a distractor is
    left out. Then the truth keeps the pedestrians that are to be considered. MOT15 has no classes: only its flags
    count. How much of a person is visible plays no part.

    Args:
        truth: of one sequence.
        result: of the same sequence.
        considered: [N], of the truth; 0: to be ignored.
        classes: integer [N], of the truth; MOT15 needs none.
        rules: whose.

    Raises:
        EvaluationError: unknown rules, missing or unknown classes, or truth or result is not as it should be.
    """
    if rules not in DISTRACTORS:
        raise EvaluationError(f"rules: unknown name {rules!r}; known: {', '.join(DISTRACTORS)}")
    count = len(truth.frames)
    flags = as_labels(considered, count, "flags of the truth") if count else np.empty(0, np.int64)
    kinds = np.full(count, PEDESTRIAN) if rules == "MOT15" or not count else _checked_classes(classes, count, rules)
    order = np.lexsort((truth.identities, truth.frames))
    flags, kinds = flags[order], kinds[order]
    truth, result = truth.checked("truth"), result.checked("result")
    counted = np.ones(len(result.frames), np.bool_)
    distracting = np.isin(kinds, list(DISTRACTORS[rules]))
    for _, own, others in same_frames(truth.frames, result.frames):
        if distracting[own].any():
            counted[others] = ~_paired_with(distracting[own], pairwise_iou(truth.boxes[own], result.boxes[others]))
    return truth.kept((flags != 0) & (kinds == PEDESTRIAN)), result.kept(counted)


def _checked_classes(classes: Any, count: int, rules: Rules) -> Any:
    if classes is None:
        raise EvaluationError(f"{rules} tells people from distractors by class: the truth must have classes")
    kinds = as_labels(classes, count, "classes of the truth")
    unknown = kinds[(kinds < 1) | (kinds > 13)]
    if len(unknown):
        raise EvaluationError(f"class {unknown[0]} of the truth is none of {rules}: they are 1 to 13")
    return kinds


def _paired_with(distracting: Any, overlap: Any) -> Any:
    """Which tracks are paired with a distractor, bool [T]."""
    from scipy.optimize import linear_sum_assignment

    worth = np.where(overlap < _OVERLAP - _ROUNDING, 0.0, overlap)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    paired = np.zeros(overlap.shape[1], np.bool_)
    paired[columns[distracting[rows] & (worth[rows, columns] > _ROUNDING)]] = True
    return paired
