"""Occluded-REID (Zhuo et al., ICME 2018): 200 people, five occluded and five whole images of each; for testing only.

Occluded_REID/
    occluded_body_images/  001/001_01.tif ...   the queries
    whole_body_images/     001/001_01.tif ...   the gallery

Taken by hand-held cameras that are not recorded: `cameras` is None and nothing is left out of a ranking. (Loaders that
give all queries one camera and the gallery another come to the same figures.) Papers train on Market-1501.
Assumed: one folder per identity; where images lie flat, the identity is what their names begin with, before `_`.
"""

from collections.abc import Mapping
from pathlib import Path

from passerby.data.benchmarks.public_benchmark import Counts, Images, Parts, PublicBenchmark, PublishedCounts
from passerby.data.image_files import image_files
from passerby.errors import DataError


def read_occluded_and_whole(folder: Path, paths: Mapping[str, str]) -> Parts:
    """Queries and gallery out of a folder of occluded (or partial) and one of whole images; no training half."""
    return Parts(None, read_by_folder(folder, paths["query"]), read_by_folder(folder, paths["gallery"]))


def read_by_folder(folder: Path, part: str) -> Images:
    """Images by identity: the folder that an image lies in, or what its name begins with where it lies flat."""
    names = image_files(folder / part, recursive=True)
    if not names:
        raise DataError(f"{folder / part} holds no images; unpack the whole archive")
    identities = [name.split("/")[-2] if "/" in name else name.split(".")[0].split("_")[0] for name in names]
    return Images([f"{part}/{name}" for name in names], identities, None)


OCCLUDED_REID = PublicBenchmark(
    name="occluded-reid",
    title="Occluded-REID",
    folders=("Occluded_REID", "Occluded-REID", "OccludedREID", "Occluded_ReID"),
    contents={
        "query": ("occluded_body_images", "query"),
        "gallery": ("whole_body_images", "gallery"),
    },
    read=read_occluded_and_whole,
    counts=PublishedCounts(None, Counts(1000, 200), Counts(1000, 200), confirmed=False),
    obtain="github.com/tinajia2012/ICME2018_Occluded-Person-Reidentification_datasets, after a user agreement",
    terms="academic and educational use only, not commercial",
    same_camera_rule=False,
)
