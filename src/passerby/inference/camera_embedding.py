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

from passerby.data.benchmarks import BENCHMARKS
from passerby.data.display_name import display_name
from passerby.data.fingerprint import fingerprint
from passerby.data.formats.open_data import open_data
from passerby.data.split import Benchmark, Split
from passerby.errors import CheckpointError

CameraUse = Literal["trained", "partly", "mean", "none"]
"""Every camera has its own embedding; some have; all take the mean; the model has none."""


@dataclass(frozen=True)
class TrainedCameras:
    """How the cameras of one data set are used by one model.

    Attributes:
        use: see `CameraUse`.
        data: the training set whose cameras they are; None unless `use` is `"trained"` or `"partly"`.
        rows: int64 [K], for each camera label of the data its row of the embedding, -1 for the mean; None if all take
            the mean or the model has no camera embedding.
    """

    use: CameraUse
    data: str | None = None
    rows: NDArray[np.int64] | None = None

    def of(self, cameras: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Rows of the embedding, int64 [B], of images of these cameras, int64 [B] (-1: unknown)."""
        return None if self.rows is None else np.where(cameras < 0, -1, self.rows[cameras])


def describe_training_sets(benchmarks: Sequence[Benchmark], trained: Split) -> list[dict[str, Any]]:
    """The training sets in a model's description, as JSON: name, place, fingerprint, and names of cameras.

    Cameras are those that took an image the model was trained on, in the order of their labels, as
    `Split.with_occurring_cameras` numbers them one set after the other.

    Args:
        benchmarks: the sets.
        trained: the images, as `concatenate` joins the sets, possibly without some.
    """
    occurring = set() if trained.cameras is None else set(trained.cameras.tolist())
    found, first = [], 0
    for benchmark in benchmarks:
        split = benchmark.training_split()
        names = [name for label, name in enumerate(split.camera_names, start=first) if label in occurring]
        first += len(split.camera_names)
        found.append(
            {
                "name": display_name(benchmark.name),
                "place": _camera_network(benchmark.name),
                "fingerprint": fingerprint(split),
                "cameras": names,
            }
        )
    return found


def declared_training_set(name: str, rows: int, source: str) -> dict[str, Any]:
    """The same for a file of others, as the user declares it; its cameras are those of all training images.

    Args:
        name: a benchmark whose cameras are known, or a table or folder of one's own.
        rows: of the file's camera embedding.
        source: names the file in errors.

    Raises:
        CheckpointError: the set has another number of cameras, or a name that fits many folders.
        DataError: no such set.
    """
    place = _camera_network(name)
    if place is not None:
        found: dict[str, Any] = {
            "name": name,
            "place": place,
            "fingerprint": None,
            "cameras": list(BENCHMARKS[name].cameras),
        }
    elif name in BENCHMARKS:
        raise CheckpointError(
            f"--camera-embedding (in Python trained_on) {name}: does not say which cameras: name the folder or table "
            "itself"
        )
    else:
        benchmark = open_data(name)
        found = describe_training_sets([benchmark], benchmark.training_split())[0]
    if len(found["cameras"]) != rows:
        raise CheckpointError(
            f"{source}: has an embedding of {rows} cameras, but {name} has {len(found['cameras'])}: "
            "name the set it was trained on with --camera-embedding (in Python trained_on)"
        )
    return found


def find_trained_cameras(description: Mapping[str, Any], benchmark: Benchmark) -> TrainedCameras:
    """How a model uses the cameras of a data set's query and gallery, as the model declares its training."""
    if not description.get("camera_count"):
        return TrainedCameras("none")
    names, occurring = _cameras_searched(benchmark)
    found, first = _recognise(description, benchmark)
    if found is None:
        return TrainedCameras("mean")
    numbers = {name: first + number for number, name in enumerate(found["cameras"])}
    return _use(numbers, names, occurring, found["name"])


def cameras_set_aside(trained: Split, parts: Sequence[Split], data: str) -> TrainedCameras:
    """How a model uses the cameras of images that were set aside from its own training images.

    Args:
        trained: what it is trained on; its camera labels are the rows of the embedding.
        parts: the images set aside; they share their camera names.
        data: what they are called.
    """
    numbers = {name: number for number, name in enumerate(trained.camera_names)}
    return _use(numbers, parts[0].camera_names, _occurring(parts), data)


def _use(numbers: Mapping[str, int], names: Sequence[str], occurring: NDArray[np.int64], data: str) -> TrainedCameras:
    """What `names` find among the model's cameras, whose rows are `numbers`; only labels that occur count."""
    rows = np.array([numbers.get(name, -1) for name in names], dtype=np.int64)
    known = rows[occurring] >= 0
    if not known.any():
        return TrainedCameras("mean")
    return TrainedCameras("trained" if known.all() else "partly", data, rows)


def _camera_network(name: str) -> str | None:
    public = BENCHMARKS.get(name)
    return None if public is None else public.camera_network


def _cameras_searched(benchmark: Benchmark) -> tuple[Sequence[str], NDArray[np.int64]]:
    """The camera names of query and gallery, which share them, and the labels that occur in either."""
    parts = [part for part in (benchmark.query, benchmark.gallery) if part is not None and part.camera_names]
    return (parts[0].camera_names if parts else ()), _occurring(parts)


def _occurring(parts: Sequence[Split]) -> NDArray[np.int64]:
    found = [part.cameras[part.cameras >= 0] for part in parts if part.cameras is not None]
    return np.unique(np.concatenate([*found, np.empty(0, np.int64)]))


def _recognise(description: Mapping[str, Any], benchmark: Benchmark) -> tuple[Mapping[str, Any] | None, int]:
    """The training set that the benchmark belongs to, and the first row of its cameras; (None, 0) if there is none."""
    place = _camera_network(benchmark.name)
    mark = fingerprint(benchmark.train) if place is None and benchmark.train is not None else None
    candidates, first = [], 0
    for trained in description.get("trained_on", []):
        same = trained["place"] == place if place is not None else mark is not None and trained["fingerprint"] == mark
        if same:
            candidates.append((trained, first))
        first += len(trained["cameras"])
    exact = [each for each in candidates if each[0]["name"] == benchmark.name]
    return (exact or candidates or [(None, 0)])[0]
