"""The demonstration against the truth of its world: whom tracklets show, who was joined, and who is found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.data.formats.mot import read_mot_truth
from passerby.gallery.gallery import Gallery
from passerby.gallery.records import ModelKey, Tracklet
from passerby.inference.embedder import Embedder
from passerby.metrics import RankingResult, rank
from passerby.metrics.clusters import CorrelationQuality, correlation_quality
from passerby.metrics.tracking import Trajectories, people_shown
from passerby.workflows.demo.wanted import Wanted
from passerby.workflows.tracking.boxes import read_boxes
from passerby.workflows.tracking.ground_truth import TrackingQuality

UNCLEAR = -1
"""In place of the person of a tracklet most of whose boxes fit nobody: they hold two people, or a part of one."""

_RANKS = 10


@dataclass(frozen=True)
class FoundPeople:
    """How well people are found, one query for each.

    Attributes:
        wanted: who was searched for.
        by_picture, by_sentence: in this order of queries.
    """

    wanted: Sequence[Wanted]
    by_picture: RankingResult
    by_sentence: RankingResult

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {"by_picture": self.by_picture.to_dict(), "by_sentence": self.by_sentence.to_dict()}


@dataclass(frozen=True)
class DemoFigures:
    """Everything that was measured.

    Attributes:
        tracking: how good the tracks are.
        joins: who is who; pairs of tracklets, with cameras for videos.
        found: how well people are found.
    """

    tracking: TrackingQuality
    joins: CorrelationQuality
    found: FoundPeople

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "tracking": self.tracking.figures(),
            "multi_camera_idf1": self.tracking.multi_camera_idf1,
            "joins": self.joins.to_dict(),
            "search": self.found.summary(),
        }


def true_people(table: Path, truths: Mapping[str, Path]) -> dict[str, int]:
    """The person whom most boxes of each tracklet show, by the tracklet's name; or `UNCLEAR`.

    Args:
        table: `tracklets.parquet` of `passerby track`.
        truths: the file of the truth about each video, by its name.

    Raises:
        DataError: a truth cannot be read.
    """
    people: dict[str, int] = {}
    for video, file in truths.items():
        found, boxes = read_mot_truth(file), read_boxes(table, video)
        truth = Trajectories(found.frames, found.identities, found.boxes)
        shown = people_shown(truth, Trajectories(boxes.frames, boxes.tracks, boxes.boxes))
        for place, name in enumerate(boxes.names):
            votes = Counter(shown[boxes.tracks == place].tolist())
            people[name] = max(sorted(votes), key=votes.__getitem__)
    return people


def person_of(tracklet: Tracklet, people: Mapping[str, int]) -> int:
    """Whom a tracklet of the gallery shows, see `true_people`."""
    return people.get(tracklet.key.partition("@")[0], UNCLEAR)


def judge_joins(tracklets: Sequence[Tracklet], people: Mapping[str, int]) -> CorrelationQuality:
    """Pairs of tracklets that were joined, against those that show one person; unclear ones are left out."""
    shown = [(each, person) for each in tracklets if (person := person_of(each, people)) != UNCLEAR]
    alone = -1  # in no identity: each is one of its own
    found = np.array([alone if each.identity is None else each.identity for each, _ in shown], np.int64)
    persons = np.array([person for _, person in shown], np.int64)
    return correlation_quality(found, persons, [each.camera for each, _ in shown]).all


def judge_searches(
    gallery: Gallery,
    embedder: Embedder,
    model: ModelKey,
    tracklets: Sequence[Tracklet],
    people: Mapping[str, int],
    wanted: Sequence[Wanted],
) -> FoundPeople:
    """Search all tracklets for everybody, by picture and by sentence; unclear ones are left out of the rankings.

    Args:
        gallery: holds the tracklets.
        embedder: the model whose features are searched.
        model: as the gallery knows it, which may have features of others, too.
        tracklets: all of them.
        people: as `true_people` gives them.
        wanted: people of whom the gallery has a tracklet at least.
    """
    features = np.stack([gallery.feature(each.number, model) for each in tracklets])
    shown = np.array([person_of(each, people) for each in tracklets], np.int64)
    persons = np.array([each.person for each in wanted], np.int64)

    def found(queries: NDArray[np.float32]) -> RankingResult:
        return rank(queries, features, persons, shown, max_rank=_RANKS)

    return FoundPeople(
        wanted,
        found(embedder.embed([each.picture for each in wanted])),
        found(np.concatenate([np.atleast_2d(embedder.embed_text(each.sentence)) for each in wanted])),
    )
