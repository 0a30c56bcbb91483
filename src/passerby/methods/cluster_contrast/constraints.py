"""What is known of who is who among training images, as their clustering takes it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.data.camera_labels import CameraLabels, camera_labels
from passerby.data.constraints import Constraints, constraints_of_run
from passerby.data.contradiction import joined
from passerby.data.split import Split
from passerby.distributed.roles import is_main_process

FOLDER = "clusters"
"""Of a run, with the copy of the constraints that it began with."""


class ImageConstraints(NamedTuple):
    """Groups of N images; see `passerby.metrics.constrained_dbscan`.

    Attributes:
        together: int64 [N], the group of each image, -1 for none; those of one group are one person.
        apart: int64 [K, 2], pairs of groups that are two people.
        known: bool [G], groups that are known people, who are all different.
    """

    together: NDArray[np.int64]
    apart: NDArray[np.int64]
    known: NDArray[np.bool_]


def constraints_of(split: Split, file: Path | None, run: Path | None) -> ImageConstraints | None:
    """The constraints of a run on its training images; None where there are none.

    Args:
        split: the training images.
        file: as the recipe names it; None for no constraints.
        run: the run's folder; None without a run.

    Raises:
        DataError: as of `passerby.data.constraints.read_constraints`, or the cameras are unknown.
    """
    if file is None:
        return None
    labels = camera_labels(split)
    copy = None if run is None else run / FOLDER / "constraints.csv"
    begun = run is not None and (run / "recipe.yaml").is_file()
    keep = begun and is_main_process()
    return image_constraints(constraints_of_run(copy, file, labels, keep=keep, within_cameras=True), labels)


def image_constraints(constraints: Constraints, labels: CameraLabels) -> ImageConstraints:
    """Constraints on camera identities as such on their images: a camera identity of whom something is said is one."""
    groups = joined(constraints.must_link, labels.classes)
    said = np.concatenate([constraints.must_link.ravel(), constraints.cannot_link.ravel()])
    said = np.union1d(said, np.flatnonzero(constraints.persons >= 0))
    names = np.unique(groups[said])
    numbers = np.full(labels.classes, -1, np.int64)
    numbers[names] = np.arange(names.size)
    of_class = numbers[groups]
    known = np.zeros(names.size, np.bool_)
    known[of_class[constraints.persons >= 0]] = True
    return ImageConstraints(of_class[labels.accumulated], of_class[constraints.cannot_link], known)
