"""Distances between queries and gallery: screened by a fast product, exact where the product cannot decide.

A matrix product in single precision is off in its last digits, and by amounts that depend on the shape of the block,
on the library and on the number of threads: equal images would get unequal distances. So the product only screens, and
has a margin that its error stays within; pairs inside the margin are compared by a distance that depends on their two
rows alone. The same features give the same ranking on every machine and for every block size.
"""

from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.errors import EvaluationError
from passerby.metrics.arrays import Features, Integers, as_features, squared_norms

Metric = Literal["cosine", "euclidean"]
Precision = Literal["float32", "float64"]

UNIT_ROUNDOFF = 2.0**-24
"""Largest relative error of rounding to float32."""

DOUBLE_ROUNDOFF = 2.0**-53
"""Largest relative error of rounding to float64."""

_CACHED_BYTES = 2**21
"""Pieces of this size stay in the cache."""

_PAIR_BYTES = 8 * 2**20
"""Working memory of exact distances: pairs are taken in pieces of this size."""


class Block(NamedTuple):
    """Rows prepared for the screening product.

    Attributes:
        centred: float32 or float64 [n, D], the rows (of unit length for cosine) minus the centre of the gallery.
        squares: float64 [n], squared lengths of `centred`.
    """

    centred: Features
    squares: NDArray[np.float64]


class DoubleRows(NamedTuple):
    """Rows prepared for a product in double precision.

    Attributes:
        rows: int64 [n], their numbers in the features.
        factors: float64 [n, D + 2], such that the product of a query's and a gallery image's is their squared distance:
            (−2a, |a|², 1) and (b, 1, |b|²), both a and b centred as in `Block`.
        squares: float64 [n], |a|² or |b|².
    """

    rows: Integers
    factors: NDArray[np.float64]
    squares: NDArray[np.float64]


class Distances:
    """Squared Euclidean distances between queries and gallery, of unit vectors if the metric is cosine.

    For unit vectors it is 2 − 2·cosine: the order is that of the cosine, and digits are not lost where all cosines are
    close to one.

    Attributes:
        metric: which of the two.
        unit: lengths are in this unit, a power of two; 1 for cosine.

    Args:
        query: float [Q, D], any floating dtype, array or tensor.
        gallery: float [G, D].
        metric: `"cosine"` or `"euclidean"`.

    Raises:
        EvaluationError: wrong shapes, NaN or infinity, or a row of zeros, which has no direction to compare.
    """

    def __init__(self, query: Any, gallery: Any, metric: Metric) -> None:
        if metric not in ("cosine", "euclidean"):
            raise EvaluationError(f"metric {metric!r} is not known: choose 'cosine' or 'euclidean'")
        names = ("given", "given") if query is gallery else ("query", "gallery")
        self.query, self.gallery = as_features(query, names[0]), as_features(gallery, names[1])
        if self.query.shape[1] != self.gallery.shape[1]:
            raise EvaluationError(
                f"query features have {self.query.shape[1]} dimensions and gallery features {self.gallery.shape[1]}:"
                " they must come from one model"
            )
        by_gallery = squared_norms(self.gallery, names[1])
        norms = (by_gallery if query is gallery else squared_norms(self.query, names[0])), by_gallery
        self._query_norms, self._gallery_norms = norms
        self.metric = metric
        if metric == "cosine":
            self._query_scale, self._gallery_scale = map(inverse_lengths, norms, names)
            self.unit = 1.0
        else:
            # One power of two for all rows changes no digit and no order, and keeps the numbers within float32.
            self.unit = 2.0 ** np.frexp(max(float(norm.max()) for norm in norms) ** 0.5)[1]
            self._query_scale, self._gallery_scale = (np.full(len(norm), 1.0 / self.unit) for norm in norms)
        sample = np.linspace(0, len(self.gallery) - 1, min(1024, len(self.gallery))).astype(np.int64)
        # Distances do not change when everything is shifted; any point amid the gallery keeps the numbers small.
        self._centre = _scaled(self.gallery, self._gallery_scale, sample).mean(axis=0)
        self._same: Integers | None = None

    def queries(self, rows: Integers, precision: Precision = "float32") -> Block:
        """Prepare these query rows for `relative_similarity`."""
        return _prepared(self.query, self._query_scale, rows, self._centre, precision)

    def candidates(self, rows: Integers, precision: Precision = "float32") -> Block:
        """Prepare these gallery rows for `relative_similarity`."""
        return _prepared(self.gallery, self._gallery_scale, rows, self._centre, precision)

    def double_queries(self, rows: Integers) -> DoubleRows:
        """Prepare these query rows for `exact_block`."""
        doubled = _doubled(self.query, self._query_scale, rows, self._centre)
        doubled.factors[:, :-2] *= -2
        doubled.factors[:, -2], doubled.factors[:, -1] = doubled.squares, 1
        return doubled

    def double_candidates(self, rows: Integers) -> DoubleRows:
        """Prepare these gallery rows for `exact_block`."""
        doubled = _doubled(self.gallery, self._gallery_scale, rows, self._centre)
        doubled.factors[:, -2], doubled.factors[:, -1] = 1, doubled.squares
        return doubled

    def exact(self, query_row: int, gallery_rows: Integers) -> NDArray[np.float32]:
        """Compute distances [n] of one query, summed in double precision and rounded to single.

        Each depends on its two rows alone, so equal gallery rows are exactly equally far.
        """
        if gallery_rows.size > 1024:  # many near-equal distances: most often copies of one image
            gallery_rows, copies = self.without_copies(gallery_rows)
            return self._summed(query_row, gallery_rows)[copies]
        return self._summed(query_row, gallery_rows)

    def pairs(self, query_rows: Integers, gallery_rows: Integers) -> NDArray[np.float32]:
        """Compute distances [n] of n pairs of a query and a gallery row, each bit for bit as `exact` gives it.

        It is fastest where pairs of one query follow each other.
        """
        distances = np.empty(query_rows.size, dtype=np.float32)
        step = max(1, _CACHED_BYTES // (8 * self.query.shape[1]))
        for start in range(0, query_rows.size, step):
            part = slice(start, start + step)
            distances[part] = self._multiplied(query_rows[part], gallery_rows[part])
        return distances

    def without_copies(self, gallery_rows: Integers) -> tuple[Integers, Integers]:
        """List rows [m] that equal the given rows [n] bit for bit, each once, and for every given row which it is."""
        rows, copies = np.unique(self._representatives()[gallery_rows], return_inverse=True)
        return rows, copies

    def scores(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert distances to scores, larger where more alike: cosines, or minus Euclidean distances.

        The latter are in the unit of the given features.
        """
        if self.metric == "cosine":
            return 1 - distances / np.float32(2)
        return -np.sqrt(distances) * np.float32(self.unit)

    def _summed(self, query_row: int, gallery_rows: Integers) -> NDArray[np.float32]:
        target = self.query[query_row].astype(np.float64) * self._query_scale[query_row]
        distances = np.empty(gallery_rows.size, dtype=np.float32)
        step = max(1, _PAIR_BYTES // (8 * target.size))
        for start in range(0, gallery_rows.size, step):
            rows = _scaled(self.gallery, self._gallery_scale, gallery_rows[start : start + step])
            rows -= target
            distances[start : start + step] = np.add.reduce(np.multiply(rows, rows, out=rows), axis=1)
        return distances

    def _multiplied(self, query_rows: Integers, gallery_rows: Integers) -> NDArray[np.float32]:
        """Compute distances of pairs as |a|² + |b|² − 2·a·b, and sum those one by one that its error leaves in doubt.

        Both ways, in double precision, differ by at most (3D + 20) · 2⁻⁵³ · (|a| + |b|)², which is at most twice
        |a|² + |b|².
        """
        own, others = self._query_scale[query_rows], self._gallery_scale[gallery_rows]
        images = self.gallery.take(gallery_rows, axis=0).astype(np.float64)
        products = np.empty(query_rows.size)
        starts = np.flatnonzero(np.concatenate([[True], query_rows[1:] != query_rows[:-1]])).tolist()
        for start, stop in zip(starts, [*starts[1:], query_rows.size], strict=True):
            np.dot(images[start:stop], self.query[query_rows[start]].astype(np.float64), out=products[start:stop])
        squares = own**2 * self._query_norms[query_rows] + others**2 * self._gallery_norms[gallery_rows]
        values = squares - 2 * own * others * products
        errors = squares * (2 * (3 * self.query.shape[1] + 20) * DOUBLE_ROUNDOFF)
        distances: NDArray[np.float32] = (values - errors).astype(np.float32)
        doubtful = np.flatnonzero(distances != (values + errors).astype(np.float32))
        distances += np.float32(0)  # so that no zero is negative
        if doubtful.size:
            distances[doubtful] = self._subtracted(query_rows[doubtful], gallery_rows[doubtful])
        return distances

    def _subtracted(self, query_rows: Integers, gallery_rows: Integers) -> NDArray[np.float32]:
        """Sum the squared differences of pairs, one by one."""
        rows = _scaled(self.gallery, self._gallery_scale, gallery_rows)
        rows -= _scaled(self.query, self._query_scale, query_rows)
        return np.asarray(np.add.reduce(np.multiply(rows, rows, out=rows), axis=1), dtype=np.float32)

    def _representatives(self) -> Integers:
        """Find for every gallery row the first row that equals it bit for bit; kept for the next call."""
        if self._same is None:
            digests = (blake2b(row.tobytes(), digest_size=8).digest() for row in self.gallery)
            keys = np.frombuffer(b"".join(digests), dtype=np.uint64)
            _, first, copies = np.unique(keys, return_index=True, return_inverse=True)
            self._same = first[copies]
        return self._same


def relative_similarity(queries: Block, candidates: Block, out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute float32 [q, g], larger where nearer: half of (|query|² − distance), within `margin` of the exact one.

    The result is written into the flat buffer `out` of at least q·g entries.
    """
    shape = (len(queries.squares), len(candidates.squares))
    result = out[: shape[0] * shape[1]].reshape(shape)
    np.matmul(queries.centred, candidates.centred.T, out=result)
    result -= (0.5 * candidates.squares).astype(np.float32)
    return result


def relative_similarity_of(squares: Any, distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn exact `distances` into relative similarities; `squares` are the centred squared lengths of the queries."""
    return np.asarray(0.5 * (squares - distances.astype(np.float64)), dtype=np.float64)


def margin(queries: Block, candidates: Block) -> NDArray[np.float64]:
    """Bound the error of `relative_similarity`, per query [q].

    In units of 2**-24 and of the lengths, the error of a sum of D products is D at worst and a fraction of √D in
    practice: among 400,000 pairs of 768 dimensions the largest was 0.07 √D, and 0.4 √D where no feature is negative
    and nothing is centred. √D + 8 is taken, and D where that is less. An excess would leave a pair in the order that
    single precision gives it, as other evaluations do with all pairs. In double precision D is taken, in units of
    2**-53.
    """
    dimensions = queries.centred.shape[1]
    largest = float(candidates.squares.max())
    lengths = np.sqrt(queries.squares)
    if queries.centred.dtype == np.float64:
        terms = dimensions * (DOUBLE_ROUNDOFF / UNIT_ROUNDOFF)
    else:
        terms = min(dimensions**0.5 + 8.0, dimensions) + 2.0  # 2: rounding the features
    product = terms * lengths * largest**0.5
    rounding = 2.0 * (queries.squares + largest)  # of the squares, of the subtraction and of the exact distance
    return np.asarray(UNIT_ROUNDOFF * (product + rounding), dtype=np.float64)


def inverse_lengths(norms: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Compute the factors [N] that bring rows to unit length, from squared lengths; rows of zeros are refused."""
    zeros = np.flatnonzero(norms == 0)
    if zeros.size:
        raise EvaluationError(
            f"{name} features are all zero in {zeros.size} of {len(norms)} rows, first in row {zeros[0]}:"
            " a cosine needs a direction, use metric='euclidean' or mend the model"
        )
    return np.asarray(1.0 / np.sqrt(norms), dtype=np.float64)


def _scaled(features: Features, scale: NDArray[np.float64], rows: Integers) -> NDArray[np.float64]:
    """Scale these rows in double precision, float64 [n, D]."""
    return np.asarray(np.multiply(features[rows], scale[rows, None], dtype=np.float64))


def _doubled(features: Features, scale: NDArray[np.float64], rows: Integers, centre: NDArray[np.float64]) -> DoubleRows:
    """Scale and centre rows in double precision; the last two factors are left to be filled in."""
    factors, squares = np.empty((rows.size, features.shape[1] + 2)), np.empty(rows.size)
    for start in range(0, rows.size, 256):  # 256 rows stay in the cache
        part = slice(start, start + 256)
        centred = factors[part, :-2]
        np.multiply(features[rows[part]], scale[rows[part], None], out=centred, dtype=np.float64)
        centred -= centre
        np.einsum("ij,ij->i", centred, centred, out=squares[part])
    return DoubleRows(rows, factors, squares)


def _prepared(
    features: Features, scale: NDArray[np.float64], rows: Integers, centre: NDArray[np.float64], precision: Precision
) -> Block:
    """Scale and centre rows in double precision, then round once."""
    centred = np.empty((rows.size, features.shape[1]), dtype=precision)
    squares = np.empty(rows.size, dtype=np.float64)
    for start in range(0, rows.size, 256):  # float64 copies of 256 rows stay in the cache
        piece = _scaled(features, scale, rows[start : start + 256])
        piece -= centre
        centred[start : start + 256] = piece
        squares[start : start + 256] = np.einsum("ij,ij->i", piece, piece)
    return Block(centred, squares)
