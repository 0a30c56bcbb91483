"""Pairs that a gallery is sure about: halves of a tracklet are one person, tracklets seen at once in a video two."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.database import Row, Transaction, Value
from passerby.gallery.times import seconds_to_microseconds
from passerby.gallery.vectors import from_bytes
from passerby.tracklets.grouping.overlap import Spans, by_part, conflicts

Float64 = NDArray[np.float64]
Integers = NDArray[np.int64]

_TRACKLETS = 50_000
"""Videos are drawn until they have so many tracklets."""

_OF_A_VIDEO = 2_000
"""Of a video with more tracklets, so many that follow each other are looked at: pairs grow with the square."""

_SAME, _APART, _ANYBODY = 20_000, 50_000, 50_000
"""Pairs of one person, of two, and of anybody that are compared; of more, some are drawn."""

_READ_AT_ONCE = 500


@dataclass(frozen=True)
class Evidence:
    """Cosines of pairs that a gallery is sure about.

    Attributes:
        same: float64 [P], between the two halves of a tracklet.
        halves_apart: float64 [Q], between the first half of a tracklet and the second of another that was seen at the
            same time.
        apart: float64 [R], between the features of such tracklets.
        anybody: float64 [S], between the features of any two tracklets, as a search compares them; where there are many
            people, nearly all are of two.
    """

    same: Float64
    halves_apart: Float64
    apart: Float64
    anybody: Float64


def gather_evidence(transaction: Transaction, model: int, dim: int) -> Evidence:
    """Compare the pairs that the gallery is sure about; of very many, drawn ones, always the same.

    Args:
        transaction: reads the gallery.
        model: row of the model whose features are compared.
        dim: their length.
    """
    generator = np.random.default_rng(0)
    numbers, first, second = _seen_at_once(transaction, model, generator)
    if first.size > _APART:
        drawn = np.sort(generator.choice(first.size, _APART, replace=False))
        first, second = first[drawn], second[drawn]
    alone = np.sort(generator.permutation(numbers.size)[:_SAME])
    one, other = _drawn_pairs(numbers.size, generator)
    wanted = np.unique(np.concatenate([first, second, alone, one, other]))
    vectors, halves, known = _read(transaction, model, dim, numbers[wanted])
    first, second, alone, one, other = (np.searchsorted(wanted, each) for each in (first, second, alone, one, other))
    alone = alone[known[alone]]
    both = known[first] & known[second]
    return Evidence(
        same=_cosines(halves[:, 0], alone, halves[:, 1], alone),
        halves_apart=np.concatenate(
            [
                _cosines(halves[:, 0], first[both], halves[:, 1], second[both]),
                _cosines(halves[:, 1], first[both], halves[:, 0], second[both]),
            ]
        ),
        apart=_cosines(vectors, first, vectors, second),
        anybody=_cosines(vectors, one, vectors, other),
    )


def _drawn_pairs(count: int, generator: np.random.Generator) -> tuple[Integers, Integers]:
    """Places of pairs of tracklets, int64 [S] twice: all of few tracklets, else drawn ones."""
    if count * (count - 1) // 2 <= _ANYBODY:
        one, other = np.triu_indices(count, 1)
        return one.astype(np.int64), other.astype(np.int64)
    one = generator.integers(0, count, _ANYBODY)
    return one, (one + generator.integers(1, count, _ANYBODY)) % count


def _seen_at_once(
    transaction: Transaction, model: int, generator: np.random.Generator
) -> tuple[Integers, Integers, Integers]:
    """Numbers of tracklets [T] of drawn videos, and the places (first, second) of those that were seen at once."""
    counts = sorted(transaction.rows("SELECT video, count(*) FROM tracklets GROUP BY video"))
    numbers, firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    total = 0
    for place in generator.permutation(len(counts)).tolist():
        video, count = counts[place]
        rows = _of_video(transaction, model, video, max(0, (count - _OF_A_VIDEO) // 2))
        if rows:
            first, second = _overlapping(rows)
            numbers.append(np.array([row[0] for row in rows], np.int64))
            firsts.append(first + total)
            seconds.append(second + total)
            total += len(rows)
        if total > _TRACKLETS:
            break
    return np.concatenate(numbers), np.concatenate(firsts), np.concatenate(seconds)


def _of_video(transaction: Transaction, model: int, video: str, skipped: int) -> list[Row]:
    statement = (
        "SELECT tracklets.id, begins, ends FROM tracklets JOIN features ON features.tracklet = tracklets.id"
        " WHERE video = ? AND model = ? ORDER BY begins, tracklets.id LIMIT ? OFFSET ?"
    )
    return transaction.rows(statement, (video, model, _OF_A_VIDEO, skipped))


def _overlapping(rows: Sequence[Row]) -> tuple[Integers, Integers]:
    parts = np.arange(len(rows))
    begins, ends = (np.array([seconds_to_microseconds(row[column]) for row in rows], np.int64) for column in (1, 2))
    return conflicts(by_part(Spans(parts, np.zeros_like(parts), begins, ends)), parts)


def _read(
    transaction: Transaction, model: int, dim: int, numbers: Integers
) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.bool_]]:
    """Features [T, D] and halves [T, 2, D] of tracklets, and whether they have halves [T]."""
    vectors = np.zeros((numbers.size, dim), np.float16)
    halves = np.zeros((numbers.size, 2, dim), np.float16)
    known = np.zeros(numbers.size, np.bool_)
    order = np.argsort(numbers)
    for begin in range(0, numbers.size, _READ_AT_ONCE):
        some = order[begin : begin + _READ_AT_ONCE]
        listed: list[Value] = numbers[some].tolist()
        statement = (
            "SELECT vector, halves FROM features WHERE model = ? AND tracklet IN"
            f" ({', '.join('?' * len(listed))}) ORDER BY tracklet"
        )
        rows = transaction.rows(statement, (model, *listed))
        vectors[some] = from_bytes([row[0] for row in rows], dim)
        with_halves = np.array([row[1] is not None for row in rows], np.bool_)
        kept = from_bytes([row[1] for row in rows if row[1] is not None], 2 * dim)
        halves[some[with_halves]] = kept.reshape(-1, 2, dim)
        known[some] = with_halves
    return vectors, halves, known


def _cosines(left: NDArray[np.float16], first: Integers, right: NDArray[np.float16], second: Integers) -> Float64:
    cosines = np.empty(first.size)
    for begin in range(0, first.size, _READ_AT_ONCE):
        part = slice(begin, begin + _READ_AT_ONCE)
        one, other = left[first[part]].astype(np.float64), right[second[part]].astype(np.float64)
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines[part] = np.einsum("nd,nd->n", one, other) / lengths
    return cosines
