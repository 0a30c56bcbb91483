"""Batches of cached tokens."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.data.loading.prefetching import Prefetcher
from passerby.methods.saga.token_cache import TokenCache
from passerby.methods.stage import keyed_seed


class TokenBatch(NamedTuple):
    """Tokens of one view of each image, as a frozen tower made them.

    Attributes:
        patches: float16 [B, T, D].
        projected: float16 [B, E].
        identities: int64 [B].
        cameras: int64 [B], -1 where unknown.
    """

    patches: Tensor
    projected: Tensor
    identities: Tensor
    cameras: Tensor


class TokenBatches:
    """The batches of one epoch on one process, each image in a view drawn by (seed, epoch, step, process).

    Args:
        cache: where tokens are read.
        rows: of each batch, int64 [steps, B].
        identities: int64 [N].
        cameras: int64 [N], or None.
        seed: of the run.
        epoch: 0-based.
        process: which one.
        prefetch: batches read ahead in a thread; 0 reads each when it is asked for.
    """

    def __init__(
        self,
        cache: TokenCache,
        rows: NDArray[np.int64],
        identities: NDArray[np.int64],
        cameras: NDArray[np.int64] | None,
        *,
        seed: int,
        epoch: int,
        process: int,
        prefetch: int,
    ) -> None:
        self._cache, self._rows, self._identities = cache, rows, identities
        self._cameras = np.full(len(identities), -1, np.int64) if cameras is None else cameras
        self._key = (seed, epoch, process)
        self._prefetch = prefetch
        self._first = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[TokenBatch]:
        steps = (self._batch(step) for step in range(self._first, len(self._rows)))
        return Prefetcher(steps, self._prefetch) if self._prefetch else steps

    def skip_to(self, step: int) -> None:
        """Begin with this step."""
        self._first = step

    def _batch(self, step: int) -> TokenBatch:
        rows = self._rows[step]
        generator = np.random.default_rng(keyed_seed("token views", *self._key, step))
        views = generator.integers(self._cache.shape.views, size=len(rows))
        tokens = self._cache.gather(rows, views)
        identities, cameras = (torch.from_numpy(column[rows]) for column in (self._identities, self._cameras))
        return TokenBatch(tokens.patches, tokens.projected, identities, cameras)
