"""From links between tracklets to groups: components, average linkage, pairs that cannot be linked."""

from passerby.tracklets.grouping.components import ComponentSizes, component_sizes
from passerby.tracklets.grouping.decided import group_decided
from passerby.tracklets.grouping.linkage import LARGEST_DENSE
from passerby.tracklets.grouping.links import Links, band_links, closure, minimum_forest

__all__ = [
    "LARGEST_DENSE",
    "ComponentSizes",
    "Links",
    "band_links",
    "closure",
    "component_sizes",
    "group_decided",
    "minimum_forest",
]
