"""Bodies in motion: bones keep their lengths, feet keep to the ground."""

import numpy as np
import pytest

from passerby.synth.people.person import make_person
from passerby.synth.people.poses import BONE, GESTURES, Motion, pose

PHASES = np.linspace(0, 2 * np.pi, 17)


@pytest.mark.parametrize("gesture", GESTURES)
@pytest.mark.parametrize("number", [1, 8])
def test_rotations_are_rotations_and_bones_keep_their_lengths(gesture: str, number: int) -> None:
    person = make_person(0, number)
    for phase in PHASES:
        body = pose(person.frame, person.gait, Motion(phase, gesture=gesture))
        np.testing.assert_allclose(
            body.rotations @ body.rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (13, 3, 3)), atol=1e-12
        )
        np.testing.assert_allclose(np.linalg.det(body.rotations), 1)
        for side in ("left", "right"):
            lengths = [
                (f"{side} thigh", f"{side} shin", person.frame.thigh),
                (f"{side} shin", f"{side} foot", person.frame.shin),
                (f"{side} arm", f"{side} forearm", person.frame.arm),
            ]
            for upper, lower, length in lengths:
                apart = body.origins[BONE[upper]] - body.origins[BONE[lower]]
                assert np.linalg.norm(apart) == pytest.approx(length)


def test_one_foot_is_on_the_ground_throughout_a_stride_and_the_hips_hardly_bob() -> None:
    person = make_person(0, 2)
    hips = []
    for phase in PHASES:
        body = pose(person.frame, person.gait, Motion(phase))
        ankles = body.origins[[BONE["left foot"], BONE["right foot"]], 2]
        assert 0.6 * person.frame.ankle < ankles.min() < 2.6 * person.frame.ankle
        hips.append(body.origins[0, 2])
    assert max(hips) - min(hips) < 0.09


def test_legs_take_turns_and_arms_swing_against_them() -> None:
    person = make_person(0, 2)
    body = pose(person.frame, person.gait, Motion(np.pi / 2))
    x = {name: body.origins[BONE[name], 0] for name in ("left foot", "right foot", "left forearm", "right forearm")}
    assert x["left foot"] > 0.2 > -0.1 > x["right foot"]
    assert x["left forearm"] < x["right forearm"]
    other = pose(person.frame, person.gait, Motion(3 * np.pi / 2))
    assert other.origins[BONE["right foot"], 0] == pytest.approx(x["left foot"], abs=0.02)


def test_somebody_who_stands_keeps_both_feet_together() -> None:
    person = make_person(0, 2)
    body = pose(person.frame, person.gait, Motion(np.pi / 2, vigour=0.0))
    feet = body.origins[[BONE["left foot"], BONE["right foot"]]]
    np.testing.assert_allclose(feet[0, [0, 2]], feet[1, [0, 2]], atol=0.01)


def test_a_hand_goes_to_the_ear_for_a_phone() -> None:
    person = make_person(0, 2)
    up = np.array([0.0, 0, 1])
    body = pose(person.frame, person.gait, Motion(0.0, gesture="phone"))
    fore = BONE["right forearm"]
    hand = body.origins[fore] - body.rotations[fore] @ up * person.frame.forearm
    assert np.linalg.norm(hand - body.origins[BONE["head"]]) < 0.35
