"""How good a model's features are on people who were held back from learning."""

from collections.abc import Mapping, Sequence

import numpy as np

from passerby.errors import GalleryError
from passerby.gallery.records import Feature, Tracklet
from passerby.metrics import Verification, rank
from passerby.workflows.adapting.division import FEWEST_PAIRS, seen_at_once
from passerby.workflows.adapting.learning_data import Plan

MEASURES: Mapping[str, tuple[str, bool]] = {
    "mAP": ("mAP", True),
    "rank1": ("rank-1", True),
    "wrong_pairs": ("wrong pairs (equal error)", False),
    "found_at_1_percent": ("one person found at 1 % false matches", True),
}
"""Key of a figure → what people call it, and whether more is better; the first that is there decides."""

_RATE = 0.01
_FEWEST_QUERIES = 5


def judge(tracklets: Sequence[Tracklet], plan: Plan, features: Mapping[int, Feature]) -> dict[str, float]:
    """Figures of a model, by key of `MEASURES`.

    People: each tracklet of the people held back is searched for among the others, those of its own camera and person
    left out where enough people were seen by several cameras. Pairs: the halves of a tracklet are one person, a half
    and that of a tracklet seen at once are two.

    Args:
        tracklets: that are held back.
        plan: says whose they are, and by what is judged.
        features: by tracklet; those without are left out.

    Raises:
        GalleryError: too few tracklets have features.
    """
    known = [each for each in tracklets if each.number in features]
    return _people(known, plan.held, features) if plan.measure == "people" else _pairs(known, features)


def is_worse(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether the figure that decides is worse than before."""
    key = next(key for key in MEASURES if key in before and key in after)
    return after[key] < before[key] if MEASURES[key][1] else after[key] > before[key]


def _people(
    tracklets: Sequence[Tracklet], held: Mapping[int, int], features: Mapping[int, Feature]
) -> dict[str, float]:
    vectors = np.stack([features[each.number].vector for each in tracklets])
    people = np.unique([held[each.number] for each in tracklets], return_inverse=True)[1].astype(np.int64)
    cameras = np.unique([each.camera for each in tracklets], return_inverse=True)[1].astype(np.int64)
    if _with_match(people, cameras) < _FEWEST_QUERIES:  # of one camera: a tracklet is left out for itself only
        cameras = np.arange(len(tracklets))
    found = rank(vectors, vectors, people, people, cameras, cameras)
    return {"mAP": float(found.mAP), "rank1": float(found.cmc[0])}


def _with_match(people: np.ndarray, cameras: np.ndarray) -> int:
    """How many tracklets have one of their person in another camera."""
    same = people[:, None] == people
    return int((same & (cameras[:, None] != cameras)).any(1).sum())


def _pairs(tracklets: Sequence[Tracklet], features: Mapping[int, Feature]) -> dict[str, float]:
    parts = {number: each.halves for number, each in features.items() if each.halves is not None}
    halved = [each for each in tracklets if each.number in parts]
    first, second = seen_at_once(halved)
    if min(len(halved), 2 * first.size) < FEWEST_PAIRS:
        raise GalleryError(
            f"what is learned could not be judged: {len(halved)} of the tracklets held back have two pictures or more, "
            f"with {2 * first.size} pairs seen at once, and {FEWEST_PAIRS} of each are needed: hold back more, confirm "
            "people with `passerby gallery name`, or add videos"
        )
    halves = np.stack([parts[each.number] for each in halved]).astype(np.float64)
    one = np.einsum("nd,nd->n", halves[:, 0], halves[:, 1])
    two = [np.einsum("nd,nd->n", halves[first, side], halves[second, 1 - side]) for side in (0, 1)]
    verification = Verification.of(one, np.concatenate(two))
    figures = {"wrong_pairs": verification.eer}
    if verification.impostor.size * _RATE >= 1:
        figures["found_at_1_percent"] = verification.tar_at(_RATE)
    return figures
