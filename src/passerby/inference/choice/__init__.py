"""The choice of a runtime and precision by measurement, on the user's own images."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.inference.choice.candidates import Candidate, other_ways
    from passerby.inference.choice.choosing import SAMPLE, SMALLEST_COSINE, choose
    from passerby.inference.choice.kept import choice_key, keep_choice, kept_choice
    from passerby.inference.choice.stand_in import StandIn

__all__ = [
    "SAMPLE",
    "SMALLEST_COSINE",
    "Candidate",
    "StandIn",
    "choice_key",
    "choose",
    "keep_choice",
    "kept_choice",
    "other_ways",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "candidates": ["Candidate", "other_ways"],
        "choosing": ["SAMPLE", "SMALLEST_COSINE", "choose"],
        "kept": ["choice_key", "keep_choice", "kept_choice"],
        "stand_in": ["StandIn"],
    },
)
