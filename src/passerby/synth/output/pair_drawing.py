"""Drawing of image-text pairs in background processes, which import no torch."""

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.synth.output.pairs import Pairs
from passerby.synth.randomness import keyed_generator
from passerby.synth.words.captions import describe
from passerby.worker_processes import worker_pool


class Drawn(NamedTuple):
    """Some pairs: uint8 RGB [N, H, W, 3], and for each of them as many captions as were asked for."""

    images: NDArray[np.uint8]
    captions: list[list[str]]


def draw_pairs(pairs: Pairs, indices: Sequence[int], captions: int = 1) -> Drawn:
    """Draw these pairs, each with `captions` captions, of which the first is the pair's own."""
    drawn = [pairs[index] for index in indices]
    described = [
        [pair.caption]
        + [describe(pair.seen, keyed_generator(pairs.seed, "again", index, number)) for number in range(1, captions)]
        for pair, index in zip(drawn, indices, strict=True)
    ]
    return Drawn(np.stack([pair.image for pair in drawn]), described)


class Drawers:
    """A pool of drawing processes; without workers, pairs are drawn in this process when asked for.

    Args:
        workers: how many; they start when first needed and end with `close`.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, pairs: Pairs, indices: Sequence[int], captions: int = 1) -> "Future[Drawn]":
        """Have pairs drawn as `draw_pairs` does."""
        if not self._workers:
            future: Future[Drawn] = Future()
            future.set_result(draw_pairs(pairs, indices, captions))
            return future
        if self._pool is None:
            self._pool = worker_pool(self._workers, _prepare)
        return self._pool.submit(draw_pairs, pairs, indices, captions)

    def close(self) -> None:
        """End the processes; what they have not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _prepare() -> None:
    cv2.setNumThreads(1)
