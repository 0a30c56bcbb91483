"""Level 3: tracklets of all videos in a row, each compared with those that follow, and joined to identities."""

from typing import NamedTuple

from passerby.tracklets.distance import Integers, Rows
from passerby.tracklets.grouping.components import ComponentSizes, guarded_components
from passerby.tracklets.grouping.linkage import gathered, linking, refine, too_large_to_refine
from passerby.tracklets.grouping.links import Links, band_links
from passerby.tracklets.grouping.overlap import Spans
from passerby.tracklets.options import DenoisingOptions

BLOCK_ROWS = 16384
"""First ends that one piece of work looks at; it reads `half_width` tracklets more, which the next begins with."""


class BlockLinks(NamedTuple):
    """The links whose first ends are in one block.

    Attributes:
        links: reduced to what later steps need.
        total: how many there were.
    """

    links: Links
    total: int


def block_links(centroids: Rows, block: int, options: DenoisingOptions) -> BlockLinks:
    """The links of one block with the tracklets in range behind their first ends; memory does not grow with them."""
    rows = range(block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, len(centroids)))
    return BlockLinks(*gathered(band_links(centroids, options.sigma_discrimination, options.half_width, rows), options))


def block_count(tracklets: int) -> int:
    """How many blocks so many tracklets make."""
    return -(-tracklets // BLOCK_ROWS)


class Identities(NamedTuple):
    """The outcome of level 3 for U tracklets.

    Attributes:
        labels: int64 [U], numbered by first members.
        sizes: of the components of the links, before any was split or refined.
        cut: how many components were cut, whatever `oversize` says, since they were too large to be refined.
    """

    labels: Integers
    sizes: ComponentSizes
    cut: int


def identify(links: Links, centroids: Rows, spans: Spans | None, options: DenoisingOptions) -> Identities:
    """Join U tracklets along their (reduced) links.

    Raises:
        DataError: a component is too large and `oversize` is `refuse`.
    """
    joining = linking(links, options)
    groups, sizes = guarded_components(joining, len(centroids), options)
    cut = int(too_large_to_refine(groups, spans, options).sum())
    reach = options.half_width if options.search == "range" else None
    return Identities(refine(joining, groups, centroids, spans, options, reach), sizes, cut)
