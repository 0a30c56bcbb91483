"""Which rows of a model's camera embedding belong to the cameras of the data it is used on.

A model with camera embedding knows the cameras of its training sets, numbered one set after the other. Names of cameras
mean nothing by themselves (every data set has a camera `1`), so a data set has to be recognised first: a public one by
the place it was filmed at, any other by the fingerprint of its training images. Cameras of all other data take the mean
of the embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from passerby.data.benchmarks import BENCHMARKS, FILMED_AT
from passerby.data.fingerprint import fingerprint
from passerby.data.manifest import open_data
from passerby.data.naming import short_name
from passerby.data.split import Benchmark
from passerby.errors import CheckpointError

CameraUse = Literal["trained", "partly", "mean", "none"]
"""Every camera has its own embedding; some have; all take the mean; the model has none."""


@dataclass(frozen=True)
class TrainedCameras:
    """How the cameras of one data set are used by one model.

    Attributes:
        use: see `CameraUse`.
        data: the training set whose cameras they are; None unless `use` is `"trained"` or `"partly"`.
        slots: int64 [K], for each camera label of the data its row of the embedding, -1 for the mean; None if all take
            the mean or the model has no camera embedding.
    """

    use: CameraUse
    data: str | None = None
    slots: NDArray[np.int64] | None = None

    def of(self, cameras: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Rows of the embedding, int64 [B], of images of these cameras, int64 [B] (-1: unknown)."""
        return None if self.slots is None else np.where(cameras < 0, -1, self.slots[cameras])


def describe_training_set(benchmark: Benchmark) -> dict[str, Any]:
    """What a model remembers of a set it was trained on, as JSON: name, place, fingerprint, and names of cameras."""
    split = benchmark.training_split()
    return {
        "name": short_name(benchmark.name),
        "place": FILMED_AT.get(benchmark.name),
        "fingerprint": fingerprint(split),
        "cameras": list(split.camera_names),
    }


def stated_training_set(name: str, slots: int, source: str) -> dict[str, Any]:
    """The same for a foreign file, from what the user says of it: cameras numbered in the order of their labels.

    Args:
        name: a benchmark whose cameras are known, or a table or folder of one's own.
        slots: rows of the file's camera embedding.
        source: names the file in errors.

    Raises:
        CheckpointError: the set has another number of cameras, or a name that fits many folders.
        DataError: no such set.
    """
    if name in FILMED_AT:
        place = FILMED_AT[name]
        found: dict[str, Any] = {
            "name": name,
            "place": place,
            "fingerprint": None,
            "cameras": list(BENCHMARKS[name].cameras),
        }
    elif name in BENCHMARKS:
        raise CheckpointError(f"--trained-on {name}: does not say which cameras: name the folder or table itself")
    else:
        found = describe_training_set(open_data(name))
    if len(found["cameras"]) != slots:
        raise CheckpointError(
            f"{source}: has an embedding of {slots} cameras, but {name} has {len(found['cameras'])}: "
            "name the set it was trained on with --trained-on"
        )
    return found


def find_trained_cameras(description: Mapping[str, Any], benchmark: Benchmark) -> TrainedCameras:
    """How a model uses the cameras of a data set's query and gallery, from what the model says of its training."""
    if not description.get("camera_slots"):
        return TrainedCameras("none")
    parts = (benchmark.query, benchmark.gallery, benchmark.train)
    names: Sequence[str] = next((part.camera_names for part in parts if part is not None and part.camera_names), ())
    found, first = _recognise(description, benchmark)
    if found is None:
        return TrainedCameras("mean")
    numbers = {name: first + number for number, name in enumerate(found["cameras"])}
    slots = np.array([numbers.get(name, -1) for name in names], dtype=np.int64)
    if (slots < 0).all():
        return TrainedCameras("mean")
    return TrainedCameras("trained" if (slots >= 0).all() else "partly", found["name"], slots)


def _recognise(description: Mapping[str, Any], benchmark: Benchmark) -> tuple[Mapping[str, Any] | None, int]:
    """The training set that the benchmark belongs to, and the first row of its cameras; (None, 0) if there is none."""
    place = FILMED_AT.get(benchmark.name)
    mark = fingerprint(benchmark.train) if place is None and benchmark.train is not None else None
    candidates, first = [], 0
    for trained in description.get("trained_on", []):
        same = trained["place"] == place if place is not None else mark is not None and trained["fingerprint"] == mark
        if same:
            candidates.append((trained, first))
        first += len(trained["cameras"])
    exact = [each for each in candidates if each[0]["name"] == benchmark.name]
    return (exact or candidates or [(None, 0)])[0]
