"""What the occlusion experiment tries, and what it measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from passerby.data.arguments import check_type, check_whole_number
from passerby.data.occlusion.occlude import LEVELS, Condition, Fill
from passerby.data.split import Split
from passerby.errors import EvaluationError
from passerby.output_paths import expanded


@dataclass(frozen=True)
class OcclusionPlan:
    """What is tried.

    Attributes:
        conditions: what occludes: `rectangle`, `bottom`, `patches`, `people`.
        levels: occluded shares of the image; the clean queries are always tried.
        runs: repetitions with other places and other people.
        fill: what an occluded pixel becomes: `grey`, `noise` or `mean`.
        masks: a folder of masks of the training images (see `Donors`), for people.

    Raises:
        EvaluationError: an unknown condition or fill, or a level out of range.
        DataError: something of another type.
    """

    conditions: tuple[Condition, ...] = ("rectangle", "people")
    levels: tuple[float, ...] = LEVELS[1:]
    runs: int = 3
    fill: Fill = "grey"
    masks: Path | None = None

    def __post_init__(self) -> None:
        for kind, given, known in (
            ("condition", self.conditions, get_args(Condition)),
            ("fill", (self.fill,), get_args(Fill)),
        ):
            check_type(f"{kind}s", given, tuple)
            for each in given:
                if each not in known:
                    raise EvaluationError(f"{kind}: must be one of {', '.join(known)}, not {each!r}")
        check_type("levels", self.levels, tuple)
        if not self.levels or not all(isinstance(share, int | float) and 0 < share <= 1 for share in self.levels):
            raise EvaluationError(f"levels: must lie between 0 and 1, not {', '.join(map(str, self.levels))}")
        check_whole_number("runs", self.runs, at_least=1)
        if self.masks is not None:
            object.__setattr__(self, "masks", expanded(self.masks))

    @classmethod
    def parsed(
        cls, conditions: Sequence[str] | None, levels: Sequence[float], runs: int, fill: str, masks: Path | None = None
    ) -> "OcclusionPlan":
        """A plan from names, which are checked; no conditions are the usual ones, level 0 and repetitions are left out.

        Raises:
            EvaluationError: an unknown condition or fill, or a level out of range.
        """
        shares = tuple(sorted(set(levels) - {0.0}))
        wanted = tuple(dict.fromkeys(conditions or cls.conditions))
        return cls(cast(tuple[Condition, ...], wanted), shares, runs, cast(Fill, fill), masks)


USUAL_PLAN = OcclusionPlan()
"""Rectangles and people, seven levels, three runs."""


@dataclass(frozen=True)
class Trial:
    """One ranking of all queries.

    Attributes:
        condition: what occluded; None for clean queries.
        level, run: how much, and in which repetition.
        feature: which feature of the model was compared.
        covered: the share of the pixels that was really occluded, mean over the queries.
        average_precision: float64 [Q], NaN for queries without a match.
        hits: float64 [Q], 1 where the first image found is a match, NaN likewise.
    """

    condition: Condition | None
    level: float
    run: int
    feature: str
    covered: float
    average_precision: NDArray[np.float64]
    hits: NDArray[np.float64]


@dataclass(frozen=True)
class OcclusionOutcome:
    """Everything that was measured.

    Attributes:
        data: name of the data set.
        query: the queries.
        trials: one for each condition, level, run and feature, clean ones first.
        manifests: what was done to each image, see `passerby.data.occlusion.manifest`.
    """

    data: str
    query: Split
    trials: list[Trial]
    manifests: list[pa.Table]
