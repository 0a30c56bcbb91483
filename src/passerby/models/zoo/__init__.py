"""Published backbones: their names, files, licences and results."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.zoo.catalogue import (
        COLLECTIONS,
        ZooEntry,
        count_operations,
        entries,
        find_entry,
        published_results,
    )
    from passerby.models.zoo.files import convert_backbone, recognise_backbone

__all__ = [
    "COLLECTIONS",
    "ZooEntry",
    "convert_backbone",
    "count_operations",
    "entries",
    "find_entry",
    "published_results",
    "recognise_backbone",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "catalogue": ["COLLECTIONS", "ZooEntry", "count_operations", "entries", "find_entry", "published_results"],
        "files": ["convert_backbone", "recognise_backbone"],
    },
)
