"""Tables of tracklets and their features, and data sets that are turned into them."""

from passerby.tracklets.tables.features import read_features
from passerby.tracklets.tables.identities import ADDED, write_identities
from passerby.tracklets.tables.sources import SOURCES, write_tracklets
from passerby.tracklets.tables.table import TrackletTable, open_tracklets

__all__ = [
    "ADDED",
    "SOURCES",
    "TrackletTable",
    "open_tracklets",
    "read_features",
    "write_identities",
    "write_tracklets",
]
