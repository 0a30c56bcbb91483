"""P-DukeMTMC-reID (Zhuo et al., ICME 2018): people of DukeMTMC-reID who were seen both occluded and whole.

P-DukeMTMC-reid/
    train/  occluded_body_images/<identity>/*.jpg   whole_body_images/<identity>/*.jpg   both train
    test/   occluded_body_images/  the queries      whole_body_images/  the gallery

Assumed: names hold the camera as DukeMTMC-reID's do (`..._c2_...`). Where one does not, cameras are unknown in the
whole set and nothing is left out of a ranking.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from passerby.data.benchmarks.occluded_reid import read_by_folder
from passerby.data.benchmarks.public_benchmark import Counts, Images, Parts, PublicBenchmark, PublishedCounts, numbered

_CAMERA = re.compile(r"_c(\d+)[^/]*$")


def _read(folder: Path, paths: Mapping[str, str]) -> Parts:
    occluded, whole, query, gallery = (
        _with_cameras(read_by_folder(folder, paths[part]))
        for part in ("train occluded", "train whole", "query", "gallery")
    )
    cameras = None if occluded.cameras is None or whole.cameras is None else occluded.cameras + whole.cameras
    train = Images(occluded.paths + whole.paths, occluded.identities + whole.identities, cameras)
    return Parts(train, query, gallery)


def _with_cameras(images: Images) -> Images:
    matches = [_CAMERA.search(path) for path in images.paths]
    cameras = [str(int(match[1])) for match in matches if match is not None]
    return images._replace(cameras=cameras if len(cameras) == len(matches) else None)


P_DUKEMTMC = PublicBenchmark(
    name="p-dukemtmc",
    title="P-DukeMTMC-reID",
    folders=("P-DukeMTMC-reid", "P-DukeMTMC-reID", "P-DukeMTMC", "P_DukeMTMC"),
    contents={
        "train occluded": ("train/occluded_body_images",),
        "train whole": ("train/whole_body_images",),
        "query": ("test/occluded_body_images",),
        "gallery": ("test/whole_body_images",),
    },
    read=_read,
    cameras=numbered(8),
    camera_network="dukemtmc",
    counts=PublishedCounts(Counts(12927, 665), Counts(2163, 634), Counts(9053, 634), confirmed=False),
    obtain="github.com/tinajia2012/ICME2018_Occluded-Person-Reidentification_datasets, after a user agreement",
    terms="academic and educational use only, not commercial; cut from DukeMTMC-reID, which is withdrawn",
    disjoint=False,  # whether numbers of the two halves name the same people could not be checked on the data
)
