"""The ray caster against brute force: every cone as a thousand balls."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from passerby.synth.cameras.tracing import Placed, View, place, trace
from passerby.synth.people.cones import Cones, Tailor, Wrap
from passerby.synth.people.person import make_person
from passerby.synth.people.poses import BONE, BONES, Motion, Pose, pose

Point = tuple[float, float, float]

VIEW = View(turn=0.7, tilt=0.25, scale=90.0, column=60.3, row=170.6, distance=8.0)


def still(cones: Cones, view: View) -> Placed:
    """Cones of a body whose bones all lie in the frame of the body."""
    bones = len(BONES)
    return place(cones, Pose(np.broadcast_to(np.eye(3), (bones, 3, 3)), np.zeros((bones, 3))), view)


def one_cone(start: Point, end: Point, radius: float | tuple[float, float], **how: object) -> Cones:
    work = Tailor()
    work.add("upper", Wrap("pelvis", "torso", 1, 0), start, end, radius, **how)  # type: ignore[arg-type]
    return work.cones(1.0)


def brute_force(cones: Cones, view: View, shape: tuple[int, int], left: int, top: int) -> NDArray[np.float64]:
    """Nearest depth of one cone at every pixel, from very many ellipsoids, each met by solving a quadratic."""
    axes = view.axes()
    x, y = np.meshgrid(
        (np.arange(shape[1]) + left + 0.5 - view.column) / view.scale,
        (np.arange(shape[0]) + top + 0.5 - view.row) / view.scale,
    )
    ray = axes[2] / cones.stretch[0]
    origin = (x[..., None] * axes[0] + y[..., None] * axes[1]) / cones.stretch[0]
    depth = np.full(shape, np.inf)
    for share in np.linspace(0, 1, 1500):
        centre = (cones.start[0] + share * (cones.end[0] - cones.start[0])) / cones.stretch[0]
        radius = cones.radius[0, 0] + share * (cones.radius[0, 1] - cones.radius[0, 0])
        away = origin - centre
        a, b, c = ray @ ray, away @ ray, (away**2).sum(axis=-1) - radius**2
        inside = b**2 - a * c
        near = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
        depth = np.minimum(depth, near)
    return depth


@pytest.mark.parametrize(
    "cones",
    [
        one_cone((0, 0, 1.0), (0, 0, 0.4), 0.15),
        one_cone((0.1, -0.3, 1.2), (0.0, 0.4, 0.5), (0.2, 0.08)),
        one_cone((0, 0, 1.0), (0.3, 0.1, 0.9), (0.05, 0.19), stretch=(0.6, 1.0, 1.3)),
        one_cone((0.2, 0, 1.0), (0.2, 0, 0.99), 0.2, stretch=(1.0, 1.0, 0.15)),
        one_cone((0, 0.1, 1.3), (0, 0.1, 0.2), (0.06, 0.3), stretch=(0.7, 1.0, 1.0)),
    ],
)
@pytest.mark.parametrize("turn", [0.0, 0.7, 2.9])
def test_depths_are_those_of_very_many_balls(cones: Cones, turn: float) -> None:
    view = View(turn, VIEW.tilt, VIEW.scale, VIEW.column, VIEW.row, VIEW.distance)
    layer = trace(still(cones, view))
    expected = brute_force(cones, view, layer.depth.shape, layer.left, layer.top)
    there, truth = layer.part >= 0, np.isfinite(expected)
    assert truth.sum() > 100
    assert (there != truth).mean() < 0.004  # single pixels of the rim
    both = there & truth
    # At the rim a ball more or less, out of finitely many, moves the surface along the ray.
    assert np.quantile(np.abs(layer.depth[both] - expected[both]), 0.99) < 3e-3
    assert np.median(np.abs(layer.depth[both] - expected[both])) < 1e-5


def test_a_hem_cuts_the_cone_at_its_end() -> None:
    closed, open_ = (one_cone((0, 0, 1.0), (0, 0, 0.5), 0.2, cut=cut) for cut in (False, True))
    view = View(0.0, 0.0, 100.0, 50.0, 150.0, 5.0)
    lowest = [np.flatnonzero((trace(still(c, view)).part >= 0).any(axis=1)).max() for c in (closed, open_)]
    assert lowest[0] - lowest[1] == pytest.approx(20, abs=1)  # the round cap is 0.2 m at 100 pixels per metre


def test_cloth_covers_what_lies_close_under_it() -> None:
    work = Tailor()
    work.add("skin", Wrap("pelvis", "hips", 1, 0), (0, 0, 1), (0, 0, 0.5), 0.2)
    work.add("upper", Wrap("pelvis", "torso", 1, 0), (0, 0, 1), (0, 0, 0.5), 0.19, cover=0.03)
    layer = trace(still(work.cones(1.0), View(0.0, 0.0, 100.0, 50.0, 150.0, 5.0)))
    middle = layer.part[:, layer.part.shape[1] // 2]
    assert (middle[middle >= 0] == 1).mean() > 0.8


PEOPLE: list[Callable[[], Placed]] = [
    lambda number=number, turn=turn: placed(number, turn)  # type: ignore[misc]
    for number, turn in [(1, 0.0), (5, 1.0), (9, 2.0), (14, 3.0), (20, 4.0), (33, 5.0)]
]


def placed(number: int, turn: float) -> Placed:
    person = make_person(3, number)
    view = View(turn, 0.2, 120.0, 80.3, 230.6, 9.0)
    return place(person.cones, pose(person.frame, person.gait, Motion(phase=number)), view)


@pytest.mark.parametrize("somebody", PEOPLE)
def test_the_outline_told_from_the_shape_is_that_of_the_pixels(somebody: Callable[[], Placed]) -> None:
    who = somebody()
    layer = trace(who)
    rows, columns = np.nonzero(layer.part >= 0)
    left, top, right, bottom = who.outline()
    # Hems make some parts end before the ball that the outline counts.
    assert columns.min() + layer.left == pytest.approx(left, abs=4)
    assert columns.max() + 1 + layer.left == pytest.approx(right, abs=4)
    assert rows.min() + layer.top == pytest.approx(top, abs=2)
    assert rows.max() + 1 + layer.top == pytest.approx(bottom, abs=2)


@pytest.mark.parametrize("somebody", PEOPLE)
def test_a_finer_picture_shows_the_same_shape(somebody: Callable[[], Placed]) -> None:
    who = somebody()
    view = who.view
    fine_view = View(view.turn, view.tilt, 3 * view.scale, 3 * view.column, 3 * view.row, view.distance)
    area = (trace(who).part >= 0).sum()
    bones = Pose(np.linalg.inv(view.axes()) @ who.bones, who.origins @ np.linalg.inv(view.axes()).T)
    fine = trace(place(who.cones, bones, fine_view))
    assert (fine.part >= 0).sum() / 9 == pytest.approx(area, rel=0.03)


def test_axes_of_a_view_are_orthonormal_and_right_handed() -> None:
    axes = VIEW.axes()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-12)


def test_somebody_who_walks_to_the_right_shows_the_left_side_from_behind_the_camera() -> None:
    right, _, away = View(np.pi / 2, 0.0, 1, 0, 0, 1).axes()
    np.testing.assert_allclose(right, [1, 0, 0], atol=1e-12)  # forward is to the right
    np.testing.assert_allclose(away, [0, 1, 0], atol=1e-12)  # the left hand is farther
    assert BONE["pelvis"] == 0
