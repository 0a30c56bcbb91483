"""What `--set` and `--camera-embedding` of the commands that evaluate take; read before anything that takes seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from passerby.config import Section, read_settings
from passerby.evaluation.pooling import TrackletPooling
from passerby.evaluation.protocol import Protocol, RerankSettings
from passerby.metrics import Metric, Ties


class DataSettings(Section):
    """What `passerby occlusion --set` takes."""

    check_counts: bool | None = None
    """Refuse a benchmark whose counts differ from the published ones; by default as the run did, else yes."""


class EvaluationSettings(DataSettings):
    """What `passerby eval --set` takes."""

    metric: Metric = "cosine"
    """How features are compared: cosine or euclidean; features of length 1 rank alike in both."""
    ties: Ties = "gallery"
    """Order of equally far images: as in the gallery, or expected: the mean over all their orders."""
    rerank: RerankSettings = RerankSettings()
    """Parameters of re-ranking."""

    def protocol(
        self, pooling: TrackletPooling | None, *, multi_query: bool, rerank: bool, open_set_draws: int
    ) -> Protocol:
        """The protocol of these settings; parameters of re-ranking that are given ask for it."""
        wanted = rerank or "rerank" in self.model_fields_set
        return Protocol(self.metric, pooling, multi_query, self.rerank if wanted else None, open_set_draws, self.ties)


def read_evaluation_settings(given: Sequence[str]) -> EvaluationSettings:
    """The settings, from `key=value` texts.

    Raises:
        RecipeError: an unknown key or a value that does not fit.
    """
    return read_settings(EvaluationSettings, given)


@dataclass(frozen=True)
class CameraEmbedding:
    """How the camera embedding of an official checkpoint is used.

    Attributes:
        trained_on: the data it was trained on, whose cameras then use their own embedding; None if not known.
        weight: of the embedding; None for 1.
    """

    trained_on: str | None = None
    weight: float | None = None

    @classmethod
    def parsed(cls, text: str) -> "CameraEmbedding":
        """From `market1501`, `market1501:3.0` or `:3.0`; empty text says nothing."""
        name, colon, weight = text.rpartition(":")
        if not colon:
            return cls(text or None)
        try:
            return cls(name or None, float(weight))
        except ValueError:  # no weight; a path may hold a colon
            return cls(text)
