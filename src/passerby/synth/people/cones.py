"""The shape of a dressed person: cones with round ends, hung on the bones of a skeleton.

A cone is the hull of two balls on a segment of its bone, stretched along the bone's axes. Cloth is a cone around the
body's: a sleeve ends where its wearer's arm goes on. The maps that `clothes` paints are wrapped around the bones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.synth.people.poses import BONE, Frame, Gait

SLOTS = (
    *("torso", "sleeve", "forearm", "hips", "thigh", "shin", "skirt", "shoe", "head", "neck", "hand"),
    *("hair", "hat", "bag", "strap", "tail"),
)
"""The maps that are wrapped around a person."""

SLOT = {name: number for number, name in enumerate(SLOTS)}

REGIONS = ("upper", "lower", "shoes", "head", "hair", "hat", "bag", "skin")
"""What a part of a person shows, for captions and ground truth."""

REGION = {name: number for number, name in enumerate(REGIONS)}

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Measures:
    """A body, in shares of its height unless said otherwise.

    Attributes:
        height: metres.
        girth: thickness of trunk and limbs, about 1.
        shoulders: half the distance between the shoulder joints.
        waist: half-width of the waist.
        hips: half-width of the hips.
        limbs: thickness of arms and legs, about 1.
        head: size of the head, about 1.
        loose: how wide clothes are cut, about 1.
        slope: how far the shoulders hang below the neck.
        hem: how much lower shirts end.
        flare: how far what hangs below the waist stands off the hips.
    """

    height: float
    girth: float
    shoulders: float
    waist: float
    hips: float
    limbs: float
    head: float
    loose: float = 1.0
    slope: float = 0.0
    hem: float = 0.0
    flare: float = 0.010

    def frame(self) -> Frame:
        """The lengths between its joints, in metres."""
        lengths = Frame(
            thigh=0.238,
            shin=0.232,
            ankle=0.043,
            hips=0.5 * self.hips,
            spine=0.266 - self.slope,
            neck=0.072 + 0.6 * self.slope,
            shoulders=self.shoulders,
            arm=0.168,
            forearm=0.142,
        )
        return Frame(**{name: value * self.height for name, value in vars(lengths).items()})


@dataclass(frozen=True)
class Cones:
    """Every part of one person; P parts, lengths in metres, in the frames of their bones.

    Attributes:
        bone: which bone each hangs on, int64 [P].
        start: one end, float64 [P, 3].
        end: the other end, float64 [P, 3].
        radius: of the ball at each end before stretching, float64 [P, 2].
        stretch: along the bone's x, y and z, float64 [P, 3].
        cut: whether the round cap beyond the end is missing, as at a hem, bool [P].
        cover: how deep under it the body may not show through, metres, float64 [P].
        region: index into `REGIONS`, int64 [P].
        slot: index into `SLOTS`, int64 [P].
        wrap_bone: the bone around which the map is wrapped, int64 [P].
        wrap: height of the map's upper and lower edge on that bone, centre x, and stretch in x and y, float64 [P, 5].
    """

    bone: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    radius: NDArray[np.float64]
    stretch: NDArray[np.float64]
    cut: NDArray[np.bool_]
    cover: NDArray[np.float64]
    region: NDArray[np.int64]
    slot: NDArray[np.int64]
    wrap_bone: NDArray[np.int64]
    wrap: NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A person's shape, joints and gait."""

    frame: Frame
    gait: Gait
    cones: Cones


@dataclass(frozen=True)
class Wrap:
    """How a map lies around a bone: from which height to which, around which centre, and how flat the section is."""

    bone: str
    slot: str
    top: float
    bottom: float
    centre: float = 0.0
    deep: float = 1.0
    wide: float = 1.0


class Tailor:
    """Collects cones, in shares of a person's height."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, Triple, Triple, float, float, Triple, bool, float, int, Wrap]] = []

    def add(
        self,
        region: str,
        wrap: Wrap,
        start: Triple,
        end: Triple,
        radius: float | tuple[float, float],
        *,
        stretch: Triple = (1.0, 1.0, 1.0),
        cut: bool = False,
        cover: float = 0.0,
        bone: str = "",
    ) -> None:
        """Add one cone; it hangs on the bone of its wrap unless another is named."""
        first, last = radius if isinstance(radius, tuple) else (radius, radius)
        row = (BONE[bone or wrap.bone], start, end, first, last, stretch, cut, cover, REGION[region], wrap)
        self._rows.append(row)

    def cones(self, height: float) -> Cones:
        """The table of all cones, in metres for a person this tall."""
        bone, start, end, first, last, stretch, cut, cover, region, wraps = zip(*self._rows, strict=True)
        edges = [(w.top * height, w.bottom * height, w.centre * height, w.deep, w.wide) for w in wraps]
        return Cones(
            bone=np.array(bone),
            start=np.array(start) * height,
            end=np.array(end) * height,
            radius=np.stack([first, last], axis=1) * height,
            stretch=np.array(stretch),
            cut=np.array(cut),
            cover=np.array(cover) * height,
            region=np.array(region),
            slot=np.array([SLOT[w.slot] for w in wraps]),
            wrap_bone=np.array([BONE[w.bone] for w in wraps]),
            wrap=np.array(edges),
        )
