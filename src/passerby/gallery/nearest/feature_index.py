"""What a gallery tells of its index of features."""

from collections.abc import Mapping
from dataclasses import dataclass

from passerby.gallery.database import Database
from passerby.gallery.nearest.condition import condition_of
from passerby.gallery.nearest.forgetting import tracklets_of
from passerby.gallery.nearest.inverted_lists import COUNTS
from passerby.gallery.nearest.limits import read_limits


@dataclass(frozen=True)
class FeatureIndex:
    """The features of a model, and the index of them where there is one.

    Attributes:
        number: the model's row.
        model: its name.
        features: how many the gallery has.
        indexed: how many of them are in the index; the others are always compared.
        recall_at_10: share of the ten most alike tracklets that a search by the index finds, measured on the gallery;
            None without a whole index.
        recall: the same of the 10, 20, 50 and 100 most alike.
        queries: of how many features the most alike were looked for to measure that.
        compared: share of the gallery that such a search compares; None without a whole index, and of a server's.
        up_to: searches for at most so many go by it; 0 where none do.
        note: why not; None where they do, or where there is no index.
    """

    number: int
    model: str
    features: int
    indexed: int
    recall_at_10: float | None
    recall: Mapping[int, float]
    queries: int
    compared: float | None
    up_to: int
    note: str | None


def describe_indexes(database: Database) -> list[FeatureIndex]:
    """What there is for each model, oldest first."""
    described = []
    with database.reading() as transaction:
        least, floor = read_limits(transaction)
        for model, name, dim in transaction.rows("SELECT id, name, dim FROM models ORDER BY id"):
            tracklets = tracklets_of(transaction, model)
            condition = condition_of(database, transaction, model, dim, tracklets)
            found, note = condition.recall, condition.note
            if found is None and note is None and len(tracklets) >= least:
                note = "all tracklets are compared: `passerby gallery index-features` makes searches faster"
            described.append(
                FeatureIndex(
                    number=model,
                    model=name,
                    features=len(tracklets),
                    indexed=condition.indexed,
                    recall_at_10=None if found is None else found.at_10,
                    recall={} if found is None else dict(zip(COUNTS, found.shares, strict=True)),
                    queries=0 if found is None else found.queries,
                    compared=None if found is None else found.compared,
                    up_to=found.enough_for(floor) if condition.used and found else 0,
                    note=note,
                )
            )
    return described
