"""DukeMTMC-reID (Ristani et al., ECCVW 2016; Zheng et al., ICCV 2017), in Market layout, withdrawn by its authors.

DukeMTMC-reID/
    bounding_box_train/  0001_c2_f0046182.jpg ...   identity, camera, frame
    query/
    bounding_box_test/   the gallery: the 702 identities of the queries and 408 that occur nowhere else
"""

from passerby.data.benchmarks.market1501 import CONTENTS, read_market_layout
from passerby.data.benchmarks.public_benchmark import Counts, PublicBenchmark, PublishedCounts, numbered

DUKEMTMC = PublicBenchmark(
    name="dukemtmc",
    title="DukeMTMC-reID",
    folders=("DukeMTMC-reID", "DukeMTMC", "dukemtmc-reid"),
    contents=CONTENTS,
    read=read_market_layout,
    cameras=numbered(8),
    camera_network="dukemtmc",
    counts=PublishedCounts(Counts(16522, 702, 8), Counts(2228, 702, 8), Counts(17661, 1110, 8), camera_classes=2196),
    obtain="withdrawn by its authors in 2019 over privacy; there is no official source",
    terms="withdrawn; research only, ask your institution before using a copy",
)
