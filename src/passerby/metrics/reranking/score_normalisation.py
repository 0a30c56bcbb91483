"""Score normalisation by a cohort: z-norm, t-norm and s-norm.

Some images resemble many people. Their scores against a cohort of other people (impostors) show it and are used to
centre and scale (z-norm for the query, t-norm for the gallery image, their mean s-norm), so that one threshold serves
all. Auckenthaler et al., Score
Normalization for Text-Independent Speaker Verification Systems (2000); Matějka et al., Analysis of Score Normalization
(2017) for the adaptive cohort.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.reranking.query_expansion import unit_rows

Normalisation = Literal["z", "t", "s"]

_ROWS = 1024
"""Rows compared with the cohort at a time."""


class CohortScores(NamedTuple):
    """Mean and standard deviation of images' cosines with a cohort of impostors, float32 [N] each."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


def cohort_scores(features: Any, cohort: Any, *, closest: int | None = None) -> CohortScores:
    """Compute mean and deviation of each image's cosines with a cohort of people in neither query nor gallery.

    Args:
        features: float [N, D], array or torch tensor; need not be normalised.
        cohort: float [C, D], such as images of the training half.
        closest: take only this many most similar images of the cohort for each (the adaptive cohort); None for all.

    Raises:
        EvaluationError: features that cannot be compared, or fewer than two images to take.
    """
    rows, impostors = unit_rows(features, "given"), unit_rows(cohort, "cohort")
    if rows.shape[1] != impostors.shape[1]:
        raise EvaluationError(f"features have {rows.shape[1]} dimensions and the cohort {impostors.shape[1]}")
    count = len(impostors) if closest is None else closest
    if not 2 <= count <= len(impostors):
        raise EvaluationError(f"{count} of {len(impostors)} cohort images cannot be taken: choose 2 or more")
    mean, deviation = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _ROWS):
        part = slice(start, start + _ROWS)
        scores = rows[part] @ impostors.T
        if count < len(impostors):
            scores = np.partition(scores, len(impostors) - count, axis=1)[:, -count:]
        mean[part], deviation[part] = scores.mean(axis=1), scores.std(axis=1)
    if (deviation == 0).any():
        raise EvaluationError("the cohort scores are all equal for one image: choose a cohort of several people")
    return CohortScores(mean, deviation)


def normalise_scores(
    scores: Any, query: CohortScores, gallery: CohortScores, *, kind: Normalisation = "s"
) -> NDArray[np.float32]:
    """Normalise scores, float32 [Q, G], larger where more alike; `rank_distances(-scores, …)` ranks by them.

    z-norm scales each query's scores alike: it changes no ranking, only what a threshold means. t-norm and s-norm
    change both.

    Args:
        scores: float [Q, G], cosines.
        query: the queries' scores with the cohort.
        gallery: the gallery's, with the same cohort.
        kind: `"z"`, `"t"`, or their mean `"s"`.

    Raises:
        EvaluationError: shapes that do not fit, or an unknown kind.
    """
    array = np.asarray(scores, dtype=np.float32)
    if array.shape != (query.mean.size, gallery.mean.size):
        raise EvaluationError(
            f"scores have shape {list(array.shape)}, the cohort scores are of {query.mean.size} queries and "
            f"{gallery.mean.size} gallery images"
        )
    if kind not in ("z", "t", "s"):
        raise EvaluationError(f"normalisation {kind!r} is not known: choose 'z', 't' or 's'")
    normalised = np.zeros_like(array)
    if kind in ("z", "s"):
        normalised += (array - query.mean[:, None]) / query.deviation[:, None]
    if kind in ("t", "s"):
        normalised += (array - gallery.mean) / gallery.deviation
    if kind == "s":
        normalised /= 2
    return normalised
