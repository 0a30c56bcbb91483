"""The gate: an exported file gives the features that the model gives, or it is not kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.data.split import Split
from passerby.errors import ExportError
from passerby.metrics import rank, top_k

Features = NDArray[np.float32]
Precision = Literal["fp32", "fp16", "int8"]

BATCHES = (1, 2, 7, 32)
LARGEST_DIFFERENCE = 1e-4
"""Of any number of a feature of length 1, in fp32."""
SMALLEST_COSINE = {"fp32": 0.9999, "fp16": 0.999}
LARGEST_LOSS = 0.005
"""Of mean average precision, by int8."""
SMALLEST_OVERLAP = 0.95
"""Share of the ten nearest images that stay among the ten nearest with int8, averaged over queries."""
_NEAREST = 10


@dataclass(frozen=True)
class Parity:
    """How features of an exported file differ from the model's.

    Attributes:
        inputs: how many crops or sentences were compared, in each of `batches`, and in another order.
        source: where they come from.
        largest_difference: between two numbers of a feature.
        smallest_cosine: between two features.
        batches: how many at once.
    """

    inputs: int
    source: str
    largest_difference: float
    smallest_cosine: float
    batches: tuple[int, ...] = BATCHES

    def told(self) -> str:
        """In a sentence, for the card."""
        batches = ", ".join(map(str, self.batches))
        return (
            f"largest difference {self.largest_difference:.2g}, smallest cosine {self.smallest_cosine:.7f} on "
            f"{self.source}, in batches of {batches} and in another order"
        )


@dataclass(frozen=True)
class RankingParity:
    """How rankings with an exported file differ from the model's.

    Attributes:
        map_model, map_file: mean average precision with features of the model and of the file, 0 to 1.
        overlap: share of the ten nearest images of a query that are the same, averaged.
        source: what was ranked.
    """

    map_model: float
    map_file: float
    overlap: float
    source: str

    def told(self) -> str:
        """In a sentence, for the card."""
        return (
            f"mAP {100 * self.map_file:.2f} after {100 * self.map_model:.2f}, {100 * self.overlap:.1f} % of the ten "
            f"nearest the same, on {self.source}"
        )


def compare(run: Callable[[NDArray[Any]], Features], inputs: NDArray[Any], expected: Features, source: str) -> Parity:
    """Run a file on inputs in batches of 1, 2, 7 and 32, and in another order, against the features expected.

    Args:
        run: inputs [B, ...] → float32 [B, D].
        inputs: [N, ...].
        expected: float32 [N, D], of length 1.
        source: of the inputs.

    Raises:
        ExportError: the file gives features of another shape, or numbers that are not finite.
    """
    difference, cosine = 0.0, 1.0
    for rows in _batches(len(inputs)):
        found, wanted = run(inputs[rows]), expected[rows]
        if found.shape != wanted.shape or not np.isfinite(found).all():
            raise ExportError(
                f"the exported file gives {list(found.shape)} for {len(rows)} inputs, finite numbers "
                f"{list(wanted.shape)} were expected: it was not kept"
            )
        difference = max(difference, float(np.abs(found - wanted).max()))
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
        cosine = min(cosine, float(((found * wanted).sum(1) / np.maximum(lengths, 1e-12)).min()))
    return Parity(len(inputs), source, difference, cosine)


def check_parity(parity: Parity, precision: Precision, name: str) -> None:
    """Refuse features that differ too much; int8 has bounds of its own, see `ranks_alike`.

    Args:
        parity: as measured.
        precision: whose bounds hold.
        name: of the file, for the error.

    Raises:
        ExportError: tells the figures and the bounds.
    """
    if precision == "int8":
        return
    least = SMALLEST_COSINE[precision]
    largest = LARGEST_DIFFERENCE if precision == "fp32" else float("inf")
    if parity.smallest_cosine >= least and parity.largest_difference <= largest:
        return
    bounds = f"a cosine of at least {least}" + (f" and {largest:g} at most" if precision == "fp32" else "")
    raise ExportError(
        f"{name} was not kept: it does not compute what the model does ({parity.told()}); needed is {bounds}"
    )


def compare_rankings(
    model: tuple[Features, Features], file: tuple[Features, Features], query: Split, gallery: Split, source: str
) -> RankingParity:
    """Rank a gallery with features of a model and of a file.

    Args:
        model, file: features of query, float32 [Q, D], and gallery, [G, D].
        query, gallery: with their labels; cameras count if both have them.
        source: what is ranked.
    """
    cameras = None if query.cameras is None or gallery.cameras is None else (query.cameras, gallery.cameras)
    labels = (query.identities, gallery.identities, *(cameras or (None, None)))
    before, after = (rank(*each, *labels).mAP for each in (model, file))
    near, now = (top_k(*each, _NEAREST).indices for each in (model, file))
    shared = [len(np.intersect1d(one, other)) / len(one) for one, other in zip(near, now, strict=True)]
    return RankingParity(float(before), float(after), float(np.mean(shared)), source)


def ranks_alike(parity: RankingParity) -> bool:
    """Whether int8 ranks as well as the model, within the bounds."""
    return parity.map_model - parity.map_file <= LARGEST_LOSS and parity.overlap >= SMALLEST_OVERLAP


def _batches(count: int) -> Iterator[NDArray[np.int64]]:
    """Rows of every batch: all inputs in each size, and once more in another order."""
    order = np.arange(count)
    for size in BATCHES:
        yield from (order[first : first + size] for first in range(0, count, size))
    shuffled = np.random.default_rng(0).permutation(count)
    yield from (shuffled[first : first + BATCHES[-1]] for first in range(0, count, BATCHES[-1]))
