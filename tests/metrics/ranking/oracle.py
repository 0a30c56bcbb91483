"""Rankings computed the slow and obvious way: sort the whole gallery for each query, walk down the list."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Oracle(NamedTuple):
    average_precision: list[float | None]  # None without a match
    inverse_negative_penalty: list[float | None]
    first_match: list[int | None]
    order: list[list[int]]  # gallery rows, nearest first


def oracle(query, gallery, qid, gid, qcam=None, gcam=None, *, metric="cosine", ap="step") -> Oracle:
    result = Oracle([], [], [], [])
    for row, features in enumerate(query):
        listed = []
        for column, other in enumerate(gallery):
            same_camera = qcam is not None and qid[row] == gid[column] and qcam[row] == gcam[column]
            if gid[column] != -1 and not same_camera:
                listed.append((exact_distance(features, other, metric), column))
        listed.sort()  # equal distances: by column
        columns = [column for _, column in listed]
        hits = [bool(gid[column] == qid[row]) for column in columns]
        result.order.append(columns)
        if not any(hits):
            for column in result[:3]:
                column.append(None)
            continue
        ranks = [place + 1 for place, hit in enumerate(hits) if hit]
        result.first_match.append(ranks[0])
        result.inverse_negative_penalty.append(len(ranks) / ranks[-1])
        result.average_precision.append(float(step(hits) if ap == "step" else oxford(hits)))
    return result


def exact_distance(a, b, metric) -> Fraction | float:
    """Exact, in rational numbers; the cosine by its signed square, which orders alike."""
    a, b = [Fraction(float(x)) for x in a], [Fraction(float(x)) for x in b]
    if metric == "euclidean":
        return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    square = dot * abs(dot) / sum(x * x for x in a) / sum(y * y for y in b)
    return -square


def step(hits) -> Fraction:
    """Mean over the matches of the precision at each."""
    precisions = [Fraction(sum(hits[: place + 1]), place + 1) for place, hit in enumerate(hits) if hit]
    return sum(precisions) / len(precisions)


def oxford(hits) -> Fraction:
    """Area under the precision-recall polygon that starts at precision 1, as the Oxford buildings programme sums it."""
    area, recall, precision = Fraction(0), Fraction(0), Fraction(1)
    for place in range(len(hits)):
        found = sum(hits[: place + 1])
        new_recall, new_precision = Fraction(found, sum(hits)), Fraction(found, place + 1)
        area += (new_recall - recall) * (precision + new_precision) / 2
        recall, precision = new_recall, new_precision
    return area


def cmc(first_match, max_rank) -> np.ndarray:
    found = [rank for rank in first_match if rank is not None]
    return np.array([np.mean([rank <= k for rank in found]) for k in range(1, max_rank + 1)])
