"""What goes into a gallery and comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Crop(NamedTuple):
    """A picture of a person, cut from a frame.

    Attributes:
        frame: the frame's number in its video.
        jpeg: the picture's file.
    """

    frame: int
    jpeg: bytes


class ModelKey(NamedTuple):
    """Which model computed features: those of different models are never compared.

    Attributes:
        fingerprint: SHA-256 of the weights, with what else decides features (size, normalisation, network).
        name: for people.
        dim: length of a feature.
    """

    fingerprint: str
    name: str
    dim: int


@dataclass(frozen=True)
class Feature:
    """What a model says of a tracklet.

    Attributes:
        vector: float32 [D], of length 1: the mean of its crops' features.
        halves: float32 [2, D] or None: the means of the first and of the second half of its crops, each of length 1.
            The gallery learns from them how alike two views of one person are.
    """

    vector: NDArray[np.float32]
    halves: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class NewTracklet:
    """A tracklet to add.

    Attributes:
        key: names it for ever; a tracklet that is added again under its key is left as it is.
        camera: which filmed it.
        video: the source that it was followed in; nobody is seen twice at one moment of a video.
        begins, ends: seconds from the start of the video; since 1970 if it was indexed with a start time.
        taken_from, taken_to: when that was, with time zone; None where nobody said when the video began.
        frames: in how many it was observed.
        height: of its boxes in pixels, the median.
        visible: share of the person that is not behind others, the median, between 0 and 1.
        caption: a sentence about the person.
        crops: its best pictures.
        features: by the model that computed them.
    """

    key: str
    camera: str
    video: str
    begins: float
    ends: float
    frames: int
    height: float
    visible: float = 1.0
    taken_from: datetime | None = None
    taken_to: datetime | None = None
    caption: str | None = None
    crops: Sequence[Crop] = ()
    features: Mapping[ModelKey, Feature] = field(default_factory=dict)


@dataclass(frozen=True)
class Tracklet:
    """A tracklet as the gallery holds it.

    Attributes:
        number: its row; grows in the order in which tracklets were added.
        identity: whose it is; None where that is not known.
        added: when it was added (UTC).

    The others are as in `NewTracklet`.
    """

    number: int
    key: str
    camera: str
    video: str
    begins: float
    ends: float
    taken_from: datetime | None
    taken_to: datetime | None
    frames: int
    height: float
    visible: float
    caption: str | None
    identity: int | None
    added: datetime


class Added(NamedTuple):
    """What became of tracklets that were handed over.

    Attributes:
        new: how many were stored.
        known: how many were there before.
        erased: how many were erased from the gallery earlier, and are not taken again.
    """

    new: int
    known: int
    erased: int = 0
