"""Occluded-Market: Market-1501 with occluded queries, in Market layout.

Published results on it leave out the distractors (identity 0) as well as the junk (-1), so its gallery is smaller than
Market-1501's, and figures on the two must not be compared. No counts are published that could be checked.
Assumed: the file names are Market-1501's own.
"""

from functools import partial

from passerby.data.benchmarks.market1501 import CONTENTS, read_market_layout
from passerby.data.benchmarks.public_benchmark import PublicBenchmark, numbered

OCCLUDED_MARKET = PublicBenchmark(
    name="occluded-market",
    title="Occluded-Market",
    folders=(
        "Occluded_Market",
        "Occluded-Market",
        "Occluded_Market1501",
        "Occluded-Market1501",
        "Occluded-Market-1501",
    ),
    contents=CONTENTS,
    read=partial(read_market_layout, dropped=frozenset({-1, 0})),
    cameras=numbered(6),
    camera_network="market1501",
    counts=None,
    obtain="from the authors of the papers that use it",
    terms="as Market-1501: research only, no redistribution",
)
