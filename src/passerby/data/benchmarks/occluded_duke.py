"""Occluded-Duke, or Occluded-DukeMTMC (Miao et al., ICCV 2019), in Market layout: every query is occluded.

The authors publish lists and a script that cuts `Occluded_Duke/{bounding_box_train,query,bounding_box_test}` out of
DukeMTMC-reID.zip. The counts below were checked against those lists.
"""

from passerby.data.benchmarks.market1501 import CONTENTS, read_market_layout
from passerby.data.benchmarks.public_benchmark import Counts, PublicBenchmark, PublishedCounts, numbered

OCCLUDED_DUKE = PublicBenchmark(
    name="occluded-duke",
    title="Occluded-Duke",
    folders=("Occluded_Duke", "Occluded-Duke", "Occluded-DukeMTMC", "Occluded-DukeMTMC-reID"),
    contents=CONTENTS,
    read=read_market_layout,
    cameras=numbered(8),
    camera_network="dukemtmc",
    counts=PublishedCounts(Counts(15618, 702, 8), Counts(2210, 519, 8), Counts(17661, 1110, 8)),
    obtain="github.com/lightas/Occluded-DukeMTMC-Dataset cuts it out of DukeMTMC-reID.zip",
    terms="as DukeMTMC-reID: withdrawn; research only, ask your institution before using a copy",
)
