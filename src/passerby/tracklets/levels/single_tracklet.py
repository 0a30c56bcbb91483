"""Level 1: samples that do not belong to their tracklet are excluded, the farthest first.

A sample's deviation is its distance to the centroid of the others (leave one out). While the largest deviation is at
least sigma, that one sample is excluded and all are measured again. Of unit vectors with sum s, the product g of sample
x with s and the squared length T of s give the deviation without forming any other centroid, since

    |s - x|² = T - 2 g + 1   and   cos(x, s - x) = (g - 1) / |s - x|,

and excluding a sample changes T and all g by one product each: O(m D) for each exclusion among m samples, where the
definition taken literally costs O(m² D).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.tracklets.distance import NO_DIRECTION, TIE, Float64, Integers, group_sums, products_with, row_products


class Exclusion(NamedTuple):
    """The outcome of level 1 for N samples.

    Attributes:
        excluded: bool [N].
        deviation: float64 [N], the distance to the centroid of the others: of excluded samples when they were excluded,
            of kept ones at the end; NaN for a sample without others.
    """

    excluded: NDArray[np.bool_]
    deviation: Float64


def exclude_deviating(rows: Float64, offsets: Integers, sigma: float) -> Exclusion:
    """Exclude the deviating samples of T tracklets (level 1).

    Args:
        rows: float64 [N, D] of length 1, the samples of one tracklet after those of another.
        offsets: int64 [T + 1]; tracklet t is `rows[offsets[t]:offsets[t + 1]]`.
        sigma: exclude from this deviation on. Of samples within 1e-7 of the largest the first is excluded; a single
            sample is kept.
    """
    sizes = np.diff(offsets)
    labels = np.repeat(np.arange(sizes.size), sizes)
    sums = group_sums(rows, offsets)
    products = row_products(rows, sums[labels])
    squares = row_products(sums, sums)
    deviation = _deviations(products, squares[labels], sizes[labels] - 1)
    excluded = np.zeros(len(rows), dtype=np.bool_)
    # Most tracklets are clean: which are not is found for all at once.
    for tracklet in np.unique(labels[deviation >= sigma]):
        part = slice(int(offsets[tracklet]), int(offsets[tracklet + 1]))
        excluded[part], deviation[part] = _exclude_one_by_one(rows[part], products[part], squares[tracklet], sigma)
    return Exclusion(excluded, deviation)


def _exclude_one_by_one(rows: Float64, products: Float64, square: float, sigma: float) -> Exclusion:
    """Exclude samples of one tracklet, from their products with their sum, and the squared length of that."""
    excluded = np.zeros(len(rows), dtype=np.bool_)
    final = np.full(len(rows), np.nan)
    products = products.copy()
    for others in range(len(rows) - 1, 0, -1):
        deviation = _deviations(products, square, others)
        deviation[excluded] = -np.inf
        largest = deviation.max()
        if largest < sigma:
            final[~excluded] = deviation[~excluded]
            break
        farthest = int(np.argmax(deviation >= largest - TIE))
        excluded[farthest] = True
        final[farthest] = deviation[farthest]
        square = square - 2 * products[farthest] + 1
        products -= products_with(rows, rows[farthest])
    return Exclusion(excluded, final)


def _deviations(products: Float64, squares: Float64 | float, others: Integers | int) -> Float64:
    """Distance of each sample to the centroid of its `others`; NaN where there are none."""
    lengths = np.sqrt(np.maximum(squares - 2 * products + 1, 0.0))
    usable = lengths > NO_DIRECTION * np.maximum(others, 1)
    cosines = np.divide(products - 1, lengths, out=np.zeros_like(products), where=usable)
    deviations: Float64 = np.where(np.asarray(others) > 0, 1 - cosines, np.nan)
    return deviations
