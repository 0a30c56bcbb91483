"""CUHK03-NP: CUHK03 (Li et al., CVPR 2014) in the new protocol of Zhong et al. (CVPR 2017), in Market layout.

cuhk03-np/
    labeled/    boxes drawn by people: bounding_box_train/ query/ bounding_box_test/
    detected/   boxes of a detector: the same three
"""

from passerby.data.benchmarks.market1501 import CONTENTS, read_market_layout
from passerby.data.benchmarks.public_benchmark import Counts, PublicBenchmark, PublishedCounts, numbered

_ORIGINAL = ("cuhk-03.mat", "cuhk03_release", "cuhk03_release.zip", "images_labeled", "images_detected")
_ADVICE = (
    "is of the original release with its own protocol, which is not read: fetch the images of the new protocol from "
    "github.com/zhunzhong07/person-re-ranking, folder CUHK03-NP"
)


def _variant(boxes: str, counts: PublishedCounts) -> PublicBenchmark:
    return PublicBenchmark(
        name=f"cuhk03-np-{boxes}",
        title=f"CUHK03-NP ({boxes})",
        folders=("cuhk03-np", "CUHK03-NP", "cuhk03_np", "CUHK03_NP"),
        contents={part: tuple(f"{boxes}/{path}" for path in paths) for part, paths in CONTENTS.items()},
        read=read_market_layout,
        cameras=numbered(2),
        camera_network="cuhk03-np",
        counts=counts,
        other_layouts=dict.fromkeys(_ORIGINAL, _ADVICE),
        obtain="github.com/zhunzhong07/person-re-ranking, folder CUHK03-NP",
        terms="research only",
    )


CUHK03_NP_LABELED = _variant(
    "labeled",
    PublishedCounts(Counts(7368, 767, 2), Counts(1400, 700, 2), Counts(5328, 700, 2), confirmed=False),
)
CUHK03_NP_DETECTED = _variant(
    "detected",
    PublishedCounts(Counts(7365, 767, 2), Counts(1400, 700, 2), Counts(5332, 700, 2), confirmed=False),
)
