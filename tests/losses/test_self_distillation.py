"""Identity distillation: golden values of the published code, and the sum over pairs written out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import log_softmax, normalize, softmax

from passerby.losses.self_distillation import Form, identity_distillation, moved_centre


def golden_inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student = normalize(torch.randn(96, 32, generator=generator))
    teacher = normalize(torch.randn(48, 32, generator=generator))
    centre = 0.05 * torch.randn(1, 32, generator=generator)
    return student.reshape(4, 24, 32), teacher.reshape(2, 24, 32), centre


@pytest.mark.parametrize(
    ("form", "n", "expected"),
    [
        ("official", 2, 4.792901),
        ("official", 4, 4.900062),
        ("official", 6, 4.951058),
        ("official", 8, 4.927986),
        ("official", 1, 4.811593),
        ("paper", 1, 4.811593),
        ("paper", 2, 4.831987),
        ("paper", 4, 4.905921),
        ("paper", 6, 4.916163),
        ("paper", 8, 4.914928),
    ],
)
def test_golden_values(form: Form, n: int, expected: float) -> None:
    loss = identity_distillation(*golden_inputs(), images_per_identity=n, form=form)
    assert float(loss) == pytest.approx(expected, abs=2e-6)


def test_the_centre_moves_towards_the_mean_of_the_teacher() -> None:
    _, teacher, centre = golden_inputs()
    moved = moved_centre(centre, teacher.flatten(0, 1).mean(0, keepdim=True))
    assert moved[0, :3].tolist() == pytest.approx([0.0631309, -0.0496289, 0.0435524], abs=1e-6)


def over_pairs(
    student: Tensor, teacher: Tensor, centre: Tensor, n: int, form: Form, student_temperature: float, warmth: float
) -> Tensor:
    """The definition, pair by pair, in double precision."""
    predictions = log_softmax(student.double() / student_temperature, 2)
    targets = softmax((teacher.double() - centre.double()) / warmth, 2).detach()

    def cross_entropy(a: int, v: int, i: int, j: int) -> Tensor:
        """Mean over groups of image i of the teacher's view a against image j in the student's view v."""
        return -(targets[a, i::n] * predictions[v, j::n]).sum(1).mean()

    terms: list[Tensor] = []
    for a in range(len(teacher)):
        for v in range(len(student)):
            pairs = [(i, j) for i in range(n) for j in range(n)]
            if form == "paper":
                terms += [cross_entropy(a, v, i, j) for i, j in pairs if (a, i) != (v, j)]
            elif a != v:
                same = sum(cross_entropy(a, v, i, i) for i in range(n)) / n
                across = sum(cross_entropy(a, v, i, j) for i, j in pairs if i != j)
                terms.append((same + across) / (n * (n - 1) + 1))
    return torch.stack(terms).mean()


cases = st.tuples(
    st.sampled_from(["official", "paper"]),
    st.integers(1, 5),  # N
    st.integers(1, 3),  # groups
    st.integers(0, 3),  # local views
    st.integers(1, 3),  # views of the teacher
    st.integers(2, 9),  # outputs
    st.floats(0.05, 1),
    st.floats(0.02, 1),
    st.integers(0, 2**30),
)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_sums_over_groups_are_the_sums_over_pairs(
    case: tuple[Form, int, int, int, int, int, float, float, int],
) -> None:
    form, n, groups, local, seen, outputs, student_temperature, warmth, seed = case
    views = max(seen + local, 2)  # one view alone has no other
    generator = torch.Generator().manual_seed(seed)
    student = torch.randn(views, groups * n, outputs, generator=generator, requires_grad=True)
    teacher = torch.randn(seen, groups * n, outputs, generator=generator)
    centre = torch.randn(outputs, generator=generator)
    temperatures = {"student_temperature": student_temperature, "teacher_temperature": warmth}
    loss = identity_distillation(student, teacher, centre, images_per_identity=n, form=form, **temperatures)
    expected = over_pairs(student, teacher, centre, n, form, student_temperature, warmth)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-4)
    (gradient,), (expected_gradient,) = torch.autograd.grad(loss, student), torch.autograd.grad(expected, student)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-4)


def test_one_image_per_identity_is_dino() -> None:
    student, teacher, centre = golden_inputs()
    targets, predictions = softmax((teacher - centre) / 0.04, -1), log_softmax(student / 0.1, -1)
    pairs = [(a, v) for a in range(2) for v in range(4) if a != v]
    dino = torch.stack([-(targets[a] * predictions[v]).sum(-1).mean() for a, v in pairs]).mean()
    for form in ("official", "paper"):
        loss = identity_distillation(student, teacher, centre, images_per_identity=1, form=form)
        assert float(loss) == pytest.approx(float(dino), abs=1e-6)


def test_no_gradient_reaches_the_teacher_and_half_precision_is_widened() -> None:
    student, teacher, centre = golden_inputs()
    student, teacher = student.half().requires_grad_(), teacher.half().requires_grad_()
    loss = identity_distillation(student, teacher, centre, images_per_identity=4)
    loss.backward()
    assert loss.dtype == torch.float32
    assert teacher.grad is None
    assert student.grad is not None
    assert float(loss.detach()) == pytest.approx(4.900062, abs=2e-3)
