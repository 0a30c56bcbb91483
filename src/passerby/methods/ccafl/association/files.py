"""What a run keeps of its associations: for each epoch the links, the component of each camera identity, and figures.

`associations/epoch-001-links.parquet`, `epoch-001-classes.parquet` and, written last, `epoch-001.json`. Epochs count
from 1. Rows name cameras and local identities, so the tables mean something without the run.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically, write_text_atomically
from passerby.data.camera_labels import CameraLabels
from passerby.errors import CheckpointError
from passerby.methods.ccafl.association.associate import Association
from passerby.methods.ccafl.association.statistics import AssociationStatistics

FOLDER = "associations"
"""Where a run's associations lie in its folder."""


@dataclass(frozen=True)
class KeptAssociation:
    """An association as it was kept.

    Attributes:
        epoch: counted from 1.
        association: links and components.
        cameras: the name of each camera identity's camera, [N].
        local_identities: the name of each camera identity in its camera, [N].
        statistics: its figures.
    """

    epoch: int
    association: Association
    cameras: tuple[str, ...]
    local_identities: tuple[str, ...]
    statistics: AssociationStatistics


def kept_constraints(run: Path) -> Path:
    """Where a run keeps a copy of the constraints that it began with."""
    return run / FOLDER / "constraints.csv"


def write_association(
    run: Path, epoch: int, association: Association, labels: CameraLabels, statistics: AssociationStatistics
) -> None:
    """Keep the association of an epoch (from 1) in a run's folder; that of the same epoch before is replaced."""
    folder, links = run / FOLDER, association.links
    cameras = np.array(labels.camera_names, dtype=object)[labels.class_cameras]
    local = np.array(labels.class_local, dtype=object)
    _write_table(
        _file(folder, epoch, "-links.parquet"),
        {
            "camera_a": _names(cameras[links[:, 0]]),
            "local_identity_a": _names(local[links[:, 0]]),
            "camera_b": _names(cameras[links[:, 1]]),
            "local_identity_b": _names(local[links[:, 1]]),
            "class_a": pa.array(links[:, 0]),
            "class_b": pa.array(links[:, 1]),
            "distance": pa.array(association.distances),
            "margin": pa.array(association.margins),
            "decided": pa.array(association.decided),
        },
    )
    _write_table(
        _file(folder, epoch, "-classes.parquet"),
        {"camera": _names(cameras), "local_identity": _names(local), "cluster": pa.array(association.labels)},
    )
    write_text_atomically(_file(folder, epoch, ".json"), json.dumps({"epoch": epoch, **statistics.to_dict()}) + "\n")


def read_association(run: Path, epoch: int | None = None) -> KeptAssociation:
    """The association of an epoch, by default of the last.

    Raises:
        CheckpointError: the run keeps none, or not that one, or a file is damaged.
    """
    known = list(association_epochs(run))
    if not known:
        raise CheckpointError(
            f"{run}: keeps no associations: CCAFL makes them before every epoch, where there are two cameras"
        )
    chosen = known[-1] if epoch is None else epoch
    if chosen not in known:
        raise CheckpointError(
            f"{run}: keeps no association of epoch {chosen}: it has those of {known[0]} to {known[-1]}"
        )
    folder = run / FOLDER
    links = _read_table(_file(folder, chosen, "-links.parquet"))
    classes = _read_table(_file(folder, chosen, "-classes.parquet"))
    cameras = tuple(classes["camera"].to_pylist())
    _, numbers = np.unique(np.array(cameras, dtype=object), return_inverse=True)
    association = Association(
        labels=_column(classes, "cluster", np.int64),
        links=np.stack([_column(links, f"class_{end}", np.int64) for end in "ab"], axis=1),
        distances=_column(links, "distance", np.float32),
        margins=_column(links, "margin", np.float32),
        decided=_column(links, "decided", np.bool_),
        cameras=numbers.reshape(-1).astype(np.int64),
    )
    local = tuple(classes["local_identity"].to_pylist())
    return KeptAssociation(chosen, association, cameras, local, association_epochs(run)[chosen])


def association_epochs(run: Path) -> dict[int, AssociationStatistics]:
    """The figures of all epochs that a run keeps an association of, in their order.

    Raises:
        CheckpointError: a file is damaged.
    """
    found: dict[int, AssociationStatistics] = {}
    for file in sorted((run / FOLDER).glob("epoch-*.json")):
        try:
            content: dict[str, Any] = json.loads(file.read_text("utf-8"))
            epoch = int(content.pop("epoch"))
            found[epoch] = AssociationStatistics(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{file}: is damaged: remove it") from error
    return dict(sorted(found.items()))


def _file(folder: Path, epoch: int, ending: str) -> Path:
    return folder / f"epoch-{epoch:03d}{ending}"


def _names(names: NDArray[np.object_]) -> pa.Array:
    return pa.array(names.tolist(), pa.string()).dictionary_encode()


def _write_table(file: Path, columns: dict[str, pa.Array]) -> None:
    with write_atomically(file) as temporary:
        pq.write_table(pa.table(columns), temporary)


def _read_table(file: Path) -> pa.Table:
    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise CheckpointError(f"{file}: is missing or damaged: train that epoch again") from error


def _column(table: pa.Table, name: str, kind: type[np.generic]) -> NDArray[Any]:
    found: NDArray[Any] = table[name].to_numpy().astype(kind)
    return found
