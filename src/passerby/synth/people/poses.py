"""Poses: the angles of the joints of a body that walks, stands or carries something.

A pose gives every bone a rotation and an origin in the body's frame: x forward, y to the person's left, z up, from
the ground under the hips, in metres. A limb hangs down its own -z axis.
"""

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

BONES = (
    *("pelvis", "chest", "head", "left arm", "right arm", "left forearm", "right forearm"),
    *("left thigh", "right thigh", "left shin", "right shin", "left foot", "right foot"),
)
"""Names of the bones, in the order of a pose's rows."""

BONE = {name: number for number, name in enumerate(BONES)}

GESTURES = ("swing", "phone", "reading", "pocket", "crossed")
"""What the arms do: swing along, hold a phone to the ear, hold something before the chest, rest."""


@dataclass(frozen=True)
class Frame:
    """The lengths between joints of one person, in metres.

    Attributes:
        thigh: from hip to knee.
        shin: from knee to ankle.
        ankle: from ankle to ground.
        hips: half the distance between the hip joints.
        spine: from the hips to the shoulders.
        neck: from the shoulders to the base of the skull.
        shoulders: half the distance between the shoulder joints.
        arm: from shoulder to elbow.
        forearm: from elbow to wrist.
    """

    thigh: float
    shin: float
    ankle: float
    hips: float
    spine: float
    neck: float
    shoulders: float
    arm: float
    forearm: float


@dataclass(frozen=True)
class Gait:
    """A person's own way of moving.

    Attributes:
        stride: swing of the thighs, radians.
        swing: swing of the arms, as a multiple of the stride.
        lean: forward lean of the trunk, radians.
        spread: how far the arms hang from the body, radians.
    """

    stride: float
    swing: float
    lean: float
    spread: float


@dataclass(frozen=True)
class Motion:
    """A moment of a movement.

    Attributes:
        phase: of the walking cycle, radians; the left leg is in front at π/2.
        vigour: 0 standing to 1 walking.
        gesture: one of `GESTURES`.
        loaded: whether the left hand carries a bag, so that its arm hangs.
    """

    phase: float
    vigour: float = 1.0
    gesture: str = "swing"
    loaded: bool = False


@dataclass(frozen=True)
class Pose:
    """Where every bone is: rotations float64 [13, 3, 3] from bone to body, origins float64 [13, 3] in metres."""

    rotations: NDArray[np.float64]
    origins: NDArray[np.float64]


def pose(frame: Frame, gait: Gait, motion: Motion) -> Pose:
    """The body at one moment."""
    stride = gait.stride * motion.vigour
    legs = [_leg(motion.phase + side, stride) for side in (0.0, pi)]
    wave = sin(motion.phase)
    # Hips and shoulders turn against each other.
    turns = {"pelvis": (0.0, 0.0, 0.16 * stride * wave), "chest": (-gait.lean, 0.0, -0.28 * stride * wave)}
    nod = -0.25 if motion.gesture == "reading" else -0.04
    turns["head"] = (nod, 0.0, 0.0)
    for side, name in ((1.0, "left"), (-1.0, "right")):
        upper, fore = _arm(side, gait, motion, wave * stride)
        turns[f"{name} arm"], turns[f"{name} forearm"] = upper, fore
    for (thigh, shin, foot), name in zip(legs, ("left", "right"), strict=True):
        outward = 0.05 if name == "left" else -0.05
        turns[f"{name} thigh"] = (thigh, 0.4 * outward, 0.0)
        turns[f"{name} shin"] = (shin, 0.0, outward)
        turns[f"{name} foot"] = (foot, 0.0, 4 * outward)
    rotations = _rotations(np.array([turns[name] for name in BONES]))
    return Pose(rotations, _origins(frame, rotations))


def _leg(phase: float, stride: float) -> tuple[float, float, float]:
    """Pitch of thigh, shin and foot: the knee bends while the leg swings forward, the heel of the hind leg lifts."""
    thigh = stride * sin(phase) + 0.12 * stride
    bend = 0.06 + 1.5 * stride * max(0.0, cos(phase + 0.35)) ** 2
    shin = thigh - bend
    # 0 is flat; a hind foot stands on its toes, a front foot on its heel.
    foot = 0.9 * min(0.0, shin + 0.15) + 0.55 * max(0.0, shin - 0.1)
    return thigh, shin, foot


_Turn = tuple[float, float, float]


def _arm(side: float, gait: Gait, motion: Motion, wave: float) -> tuple[_Turn, _Turn]:
    """Pitch, roll and yaw of upper arm and forearm; the arms swing against the legs."""
    roll = side * gait.spread
    if motion.gesture == "phone" and side < 0:
        return (0.95, -0.3, 0.0), (3.0, -0.45, 0.0)
    if motion.gesture == "reading":
        return (0.35, 0.5 * roll, 0.0), (1.55, 0.0, -0.5 * side)
    if motion.gesture == "crossed":
        return (0.3, roll, 0.0), (1.25, 0.0, -1.2 * side)
    if motion.gesture == "pocket":
        return (-0.28, 1.6 * roll, 0.0), (0.45, 0.6 * roll, -0.4 * side)
    if motion.loaded and side > 0:
        return (0.05 - 0.25 * wave, roll, 0.0), (0.15 - 0.25 * wave, roll, 0.0)
    swing = -gait.swing * wave * side
    bend = 0.24 + 0.5 * max(0.0, swing)
    return (swing - 0.04, roll, 0.0), (swing + bend, 0.55 * roll, -0.12 * side)


def _rotations(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices that pitch about y (a hanging limb swings forward), roll about x (to the left), then yaw about z."""
    (sp, sr, sy), (cp, cr, cy) = np.sin(turns).T, np.cos(turns).T
    # Columns of roll · pitch: images of the bone's axes.
    forward = np.stack([cp, -sr * sp, cr * sp])
    left = np.stack([np.zeros_like(cp), cr, sr])
    up = np.stack([-sp, -sr * cp, cr * cp])
    tilted = np.stack([forward, left, up], axis=1)
    turned = np.stack([cy * tilted[0] - sy * tilted[1], sy * tilted[0] + cy * tilted[1], tilted[2]])
    return np.ascontiguousarray(turned.transpose(2, 0, 1))


def _origins(frame: Frame, rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chain the bones from the hips, and lower the body until its lower foot stands on the ground."""
    origins = np.zeros((len(BONES), 3))
    up = rotations[:, :, 2]
    sideways = rotations[:, :, 1]
    chest, pelvis = BONE["chest"], BONE["pelvis"]
    shoulders = up[chest] * frame.spine
    origins[BONE["head"]] = shoulders + up[chest] * frame.neck
    for side, name in ((1.0, "left"), (-1.0, "right")):
        arm, fore = BONE[f"{name} arm"], BONE[f"{name} forearm"]
        origins[arm] = shoulders + side * frame.shoulders * sideways[chest]
        origins[fore] = origins[arm] - frame.arm * up[arm]
        thigh, shin, foot = BONE[f"{name} thigh"], BONE[f"{name} shin"], BONE[f"{name} foot"]
        origins[thigh] = side * frame.hips * sideways[pelvis]
        origins[shin] = origins[thigh] - frame.thigh * up[thigh]
        origins[foot] = origins[shin] - frame.shin * up[shin]
    lowest = min(_lowest(frame, rotations, origins, name) for name in ("left foot", "right foot"))
    origins[:, 2] -= lowest
    return origins


def _lowest(frame: Frame, rotations: NDArray[np.float64], origins: NDArray[np.float64], name: str) -> float:
    """Height of the lower end of a sole, heel or toe."""
    foot = BONE[name]
    heel = np.array([-0.55 * frame.ankle, 0.0, -frame.ankle])
    toe = np.array([2.2 * frame.ankle, 0.0, -frame.ankle])
    return float(origins[foot, 2] + min(rotations[foot, 2] @ heel, rotations[foot, 2] @ toe))
