"""Partial-REID (Zheng et al., ICCV 2015): 60 people, five partial and five whole images of each; for testing only.

Partial-REID_Dataset/
    partial_body_images/   001_001.jpg ...   the queries: crops that hold only part of the person
    occluded_body_images/  not used by the usual protocol
    whole_body_images/     001_001.jpg ...   the gallery

Cameras are not recorded: `cameras` is None and nothing is left out of a ranking. Papers train on Market-1501.
Assumed: the identity is what a name begins with, before `_`; where there is a folder per identity, its name.
"""

from passerby.data.benchmarks.occluded_reid import read_occluded_and_whole
from passerby.data.benchmarks.public_benchmark import Counts, PublicBenchmark, PublishedCounts

PARTIAL_REID = PublicBenchmark(
    name="partial-reid",
    title="Partial-REID",
    folders=("Partial-REID_Dataset", "Partial-REID", "Partial_REID", "PartialREID"),
    contents={"query": ("partial_body_images",), "gallery": ("whole_body_images",)},
    read=read_occluded_and_whole,
    counts=PublishedCounts(None, Counts(300, 60), Counts(300, 60), confirmed=False),
    obtain="its authors (Zheng et al., Partial Person Re-Identification, ICCV 2015; Sun Yat-sen University)",
    terms="research only",
    same_camera_rule=False,
)
