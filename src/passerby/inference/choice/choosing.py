"""The fastest of several ways to compute the same features, where they are proven to be the same."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.distributed.processor import processor
from passerby.errors import CheckpointError
from passerby.inference.choice.candidates import Candidate
from passerby.inference.computing import BATCH_ON_CPU, Proof
from passerby.inference.embedder import Embedder
from passerby.progress import log_line

SAMPLE = 32
"""Images that are compared."""

SMALLEST_COSINE = 0.9999
"""To the features in float32, of every image, for a way to be chosen unasked."""

_LEAST_GAIN = 1.1
"""A way must be so many times as fast, or the differences are chance."""

_ROUNDS, _SECONDS = 3, 3.0


@dataclass(frozen=True)
class _Tried:
    """A way that was opened, and the smallest cosine of its features to the model's."""

    model: Embedder
    cosine: float


def choose(
    model: Embedder,
    ways: Sequence[Candidate],
    pictures: Sequence[Image.Image],
    *,
    stay: bool = True,
    by_name: bool = False,
) -> Embedder:
    """The model itself, or the fastest way that is faster and gives the same features.

    Ways take turns on the same images, and what counts is the CPU seconds of the best turn, so that other load on the
    machine changes little. A way that cannot be opened is left out, and that is said.

    Args:
        model: in float32: the reference.
        ways: to choose from.
        pictures: of the user.
        stay: whether the model itself can be chosen.
        by_name: the user has named the precision: the fastest of `ways` is taken whatever its features, and the proof
            tells.

    Raises:
        CheckpointError: the model cannot stay, and no way gives its features.
    """
    tried = _try(model, ways, pictures, leave_out=stay and not by_name)
    rates = _rates([model, *(each.model for each in tried)], pictures[:BATCH_ON_CPU])
    ranked = sorted(zip(tried, rates[1:], strict=True), key=lambda pair: pair[0].model.computing.precision != "fp32")
    best, rate = (_Tried(model, 1.0), rates[0]) if stay and not by_name else (None, 0.0)
    for each, its_rate in ranked:  # float32 first: bfloat16 then has to be faster than that
        if (by_name or each.cosine >= SMALLEST_COSINE) and its_rate >= _LEAST_GAIN * rate:
            best, rate = each, its_rate
    if best is None:
        cosine = max((each.cosine for each in tried), default=float("nan"))
        raise CheckpointError(
            f"{model.file}: the exported network does not give the model's features (a cosine of {cosine:.4f}): leave "
            "out runtime"
        )
    proof = Proof(len(pictures), best.cosine, rate, str(model.computing), rates[0], processor(), _today())
    best.model.computing = replace(best.model.computing, proof=proof)
    return best.model


def _try(
    model: Embedder, ways: Sequence[Candidate], pictures: Sequence[Image.Image], *, leave_out: bool
) -> list[_Tried]:
    """Open the ways and embed the pictures; what fails is an error, or left out."""
    expected = model.embed(pictures, batch_size=BATCH_ON_CPU)
    tried = []
    for way in ways:
        try:
            opened = way.open()
            found = opened.embed(pictures, batch_size=BATCH_ON_CPU)
        except CheckpointError as error:
            if not leave_out:
                raise
            log_line(f"{error}; so {way.computing} is not chosen", show=True)
            continue
        tried.append(_Tried(opened, _smallest_cosine(found, expected)))
    return tried


def _smallest_cosine(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Both of length 1."""
    return float((found.astype(np.float64) * expected).sum(1).min())


def _rates(models: Sequence[Embedder], pictures: Sequence[Image.Image]) -> list[float]:
    """Images per CPU second of each, the best of some turns; all have computed before."""
    best = [float("inf")] * len(models)
    spent = [0.0] * len(models)
    for _ in range(_ROUNDS):
        for place, model in enumerate(models):
            if spent[place] < _SECONDS:
                begun = time.process_time()
                model.embed(pictures, batch_size=BATCH_ON_CPU)
                seconds = time.process_time() - begun
                spent[place] += seconds
                best[place] = min(best[place], seconds)
    return [len(pictures) / max(seconds, 1e-9) for seconds in best]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
