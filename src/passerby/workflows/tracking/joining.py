"""Join the fragments of each video that are one person: level 2 of denoising, on the features of their crops."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from passerby.errors import DataError
from passerby.progress import Progress
from passerby.tracklets import DenoisingOptions, calibrate
from passerby.tracklets.grouping.overlap import Spans
from passerby.tracklets.levels.single_video import merge
from passerby.video.collection.follow import Describe
from passerby.video.collection.parts import read_parts
from passerby.workflows.tracking.folder import TrackFolder
from passerby.workflows.tracking.settings import JoinSettings
from passerby.workflows.tracking.source_work import part_folders
from passerby.workflows.tracking.sources import TrackedSource


class _Fragments(NamedTuple):
    """The T tracklets of a video, and the features of their M crops.

    Attributes:
        names: of the tracklets.
        first, last: int64 [T], numbers of frames.
        features: float32 [M, D].
        owners: int64 [M], the tracklet of each crop.
        frames: int64 [M], in which it was taken.
    """

    names: list[str]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    features: NDArray[np.float32]
    owners: NDArray[np.int64]
    frames: NDArray[np.int64]


def join_fragments(
    folder: TrackFolder, sources: Sequence[TrackedSource], describe: Describe, settings: JoinSettings, *, show: bool
) -> dict[str, str]:
    """Which tracklet each tracklet is part of, by name; those that stay alone are left out.

    Two that were seen at one time are never joined.

    Args:
        folder: where the parts of the sources are.
        sources: whose fragments are joined, each with its own only.
        describe: the appearance model.
        settings: the distance, or that it is to be calibrated.
        show: whether to show progress on stderr.

    Raises:
        DataError: there is too little to calibrate the distance from.
    """
    described: list[_Fragments] = []
    with Progress("describing", len(sources), unit="sources", quiet=not show) as progress:
        for source in sources:
            described.append(_describe(folder, source, describe))
            progress.advance(1)
    described = [each for each in described if len(each.owners)]
    distance = settings.distance or _calibrated(described)
    joined = {}
    for each in described:
        labels = _labels(each, distance)
        first = np.unique(labels, return_index=True)[1]
        joined.update({name: each.names[first[label]] for name, label in zip(each.names, labels.tolist(), strict=True)})
    return {name: whole for name, whole in joined.items() if name != whole}


def _labels(fragments: _Fragments, distance: float) -> NDArray[np.int64]:
    """The person of each tracklet, int64 [T], numbered by first members."""
    count = len(fragments.names)
    sums = np.zeros((count, fragments.features.shape[1]))
    np.add.at(sums, fragments.owners, fragments.features.astype(np.float64))
    counts = np.bincount(fragments.owners, minlength=count)
    spans = Spans(np.arange(count), np.zeros(count, np.int64), fragments.first, fragments.last)
    return merge(sums, counts, spans, DenoisingOptions(sigma_discrimination=distance, exclusive=True))


def _calibrated(described: list[_Fragments]) -> float:
    """The distance that fits the features."""
    owners = [f"{video}/{owner}" for video, each in enumerate(described) for owner in each.owners.tolist()]
    videos = [video for video, each in enumerate(described) for _ in each.owners]
    try:
        found = calibrate(
            np.concatenate([each.features for each in described]) if described else np.empty((0, 1), np.float32),
            owners,
            videos,
            frames=np.concatenate([each.frames for each in described]) if described else [],
        )
    except DataError as error:
        raise DataError(
            f"fragments cannot be joined at a calibrated distance ({error}): say one, such as --set join.distance=0.2"
        ) from error
    return found.sigma_discrimination


def _describe(folder: TrackFolder, source: TrackedSource, describe: Describe) -> _Fragments:
    names: dict[str, int] = {}
    first: list[int] = []
    last: list[int] = []
    features: list[NDArray[np.float32]] = []
    owners: list[int] = []
    frames: list[int] = []
    for place in part_folders(folder.work / source.name):
        for part in read_parts(place, ["track", "frame", "jpeg", "reason"]):
            kept = part.filter(pc.is_null(part["reason"]))
            for name, begin, end in _extents(kept):
                names[name] = len(names)
                first.append(begin)
                last.append(end)
            crops = kept.filter(pc.is_valid(kept["jpeg"]))
            if crops.num_rows:
                features.append(describe([_pixels(jpeg) for jpeg in crops["jpeg"].to_pylist()]))
                owners += [names[name] for name in crops["track"].to_pylist()]
                frames += crops["frame"].to_pylist()
    return _Fragments(
        list(names),
        np.array(first, np.int64),
        np.array(last, np.int64),
        np.concatenate(features) if features else np.empty((0, 1), np.float32),
        np.array(owners, np.int64),
        np.array(frames, np.int64),
    )


def _extents(rows: pa.Table) -> list[tuple[str, int, int]]:
    """Name, first and last frame of each track, in order."""
    found = rows.group_by("track", use_threads=False).aggregate([("frame", "min"), ("frame", "max")])
    return [(row["track"], row["frame_min"], row["frame_max"]) for row in found.to_pylist()]


def _pixels(jpeg: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(jpeg)) as opened:
        return np.asarray(opened.convert("RGB"))
