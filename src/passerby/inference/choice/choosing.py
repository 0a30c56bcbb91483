"""The fastest of several ways to compute the same features, where they are proven to be the same."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.distributed.processor import processor
from passerby.inference.choice.candidates import Candidate
from passerby.inference.computing import BATCH_ON_CPU, Proof
from passerby.inference.embedder import Embedder

SAMPLE = 32
"""Images that are compared."""

SMALLEST_COSINE = 0.9999
"""To the features in float32, of every image, for a way to be chosen unasked."""

_LEAST_GAIN = 1.1
"""A way must be so many times as fast, or the differences are chance."""

_ROUNDS, _SECONDS = 3, 3.0


def choose(
    model: Embedder, ways: Sequence[Candidate], pictures: Sequence[Image.Image], *, by_name: bool = False
) -> Embedder:
    """The model itself, or the fastest way that is faster and gives the same features.

    Ways take turns on the same images, and what counts is the CPU seconds of the best turn, so that other load on the
    machine changes little.

    Args:
        model: in float32: the reference.
        ways: to choose from.
        pictures: of the user.
        by_name: the user has named a way: the fastest of `ways` is taken whatever its features, and the proof tells.
    """
    expected = model.embed(pictures, batch_size=BATCH_ON_CPU)
    opened = [way.open() for way in ways]
    cosines = [_smallest_cosine(each.embed(pictures, batch_size=BATCH_ON_CPU), expected) for each in opened]
    rates = _rates([model, *opened], pictures[:BATCH_ON_CPU])

    def proven(chosen: Embedder, cosine: float, rate: float) -> Embedder:
        proof = Proof(len(pictures), cosine, rate, str(model.computing), rates[0], processor(), _today())
        chosen.computing = replace(chosen.computing, proof=proof)
        return chosen

    best, best_cosine, best_rate = model, 1.0, rates[0]
    if by_name:
        place = int(np.argmax(rates[1:]))
        return proven(opened[place], cosines[place], rates[1 + place])
    for each, cosine, rate in sorted(
        zip(opened, cosines, rates[1:], strict=True), key=lambda one: _exact_first(one[0])
    ):
        if cosine >= SMALLEST_COSINE and rate >= _LEAST_GAIN * best_rate:
            best, best_cosine, best_rate = each, cosine, rate
    return proven(best, best_cosine, best_rate)


def _exact_first(model: Embedder) -> bool:
    """Float32 comes before bfloat16, which then has to be faster by itself."""
    return model.computing.precision != "fp32"


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
