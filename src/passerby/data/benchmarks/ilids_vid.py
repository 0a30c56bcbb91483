"""iLIDS-VID (Wang et al., ECCV 2014): 300 people, one tracklet in each of two cameras, compared track by track.

ilids-vid/
    i-LIDS-VID/sequences/   cam1/person001/cam1_person001_00317.png ...   cam2/
    train-test people splits/train_test_splits_ilidsvid.mat

Ten random halves of the people are official: row s of `ls_set` numbers all people (from 1, in the order of their
folders), those in its first half test and the others train. Each is a benchmark of its own; papers give the mean of the
ten. Camera 1 is searched for in camera 2.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.benchmarks.mars import read_matrix
from passerby.data.benchmarks.public_benchmark import Images, Parts, PublicBenchmark, numbered
from passerby.data.image_files import image_files, sub_folders
from passerby.errors import DataError

SPLITS = 10


def _read(folder: Path, paths: Mapping[str, str], *, split: int) -> Parts:
    people = [sub_folders(folder / paths[camera]) for camera in ("first camera", "second camera")]
    names = sorted(people[0])
    if names != sorted(people[1]):
        raise DataError(f"ilids-vid: the two cameras in {folder} do not show the same people; unpack it again")
    file = folder / paths["splits"]
    splits = read_matrix(file, "ls_set")
    if splits.shape[0] < SPLITS or sorted(splits[split].tolist()) != list(range(1, len(names) + 1)):
        raise DataError(
            f"{file} does not number the {len(names)} people of {folder} in row {split + 1}: fetch it again"
        )
    order = splits[split] - 1
    test, train = np.sort(order[: len(names) // 2]), np.sort(order[len(names) // 2 :])
    cameras = (paths["first camera"], paths["second camera"])
    return Parts(
        _images(folder, cameras, names, train, (1, 2)),
        _images(folder, cameras, names, test, (1,)),
        _images(folder, cameras, names, test, (2,)),
    )


def _images(
    folder: Path, parts: tuple[str, str], names: list[str], people: NDArray[np.int64], chosen: tuple[int, ...]
) -> Images:
    """The frames of these people in the chosen cameras, tracklet after tracklet."""
    tracks: list[int] = []
    frames: list[int] = []
    images = Images([], [], cameras := [], tracks, frames)
    for person in people.tolist():
        for camera in chosen:
            where = f"{parts[camera - 1]}/{names[person]}"
            names_of_frames = image_files(folder / where)
            if not names_of_frames:
                raise DataError(f"ilids-vid: {folder / where} holds no images; unpack the whole archive")
            images.paths.extend(f"{where}/{name}" for name in names_of_frames)
            images.identities.extend([names[person]] * len(names_of_frames))
            cameras.extend([str(camera)] * len(names_of_frames))
            tracks.extend([2 * person + camera - 1] * len(names_of_frames))
            frames.extend(range(1, len(names_of_frames) + 1))
    return images


def _benchmark(split: int) -> PublicBenchmark:
    return PublicBenchmark(
        name="ilids-vid" if split == 0 else f"ilids-vid-{split + 1}",
        title=f"iLIDS-VID, split {split + 1} of {SPLITS}",
        folders=("ilids-vid", "iLIDS-VID", "i-LIDS-VID"),
        contents={
            "first camera": ("i-LIDS-VID/sequences/cam1", "sequences/cam1"),
            "second camera": ("i-LIDS-VID/sequences/cam2", "sequences/cam2"),
            "splits": (
                "train-test people splits/train_test_splits_ilidsvid.mat",
                "train-test-people-splits/train_test_splits_ilidsvid.mat",
            ),
        },
        read=partial(_read, split=split),
        counts=None,
        cameras=numbered(2),
        obtain="the authors' page (Xiatian Zhu, iLIDS-VID); unpack ilids-vid.tar",
        terms="research only",
        tracklets=True,
    )


ILIDS_VID = tuple(_benchmark(split) for split in range(SPLITS))
