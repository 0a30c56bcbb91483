"""Losses against published code's values, brute force and torch's own."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.contrastive import grouped_contrastive, image_to_text, supervised_contrastive
from passerby.losses.triplet import batch_hard_triplet
from tests.golden import golden_values

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


def golden(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(golden_values(name, shape))


def test_supervised_contrastive_is_as_published() -> None:
    images, texts, labels = golden("sc_img", 6, 16), golden("sc_txt", 6, 16), torch.tensor([0, 0, 1, 1, 2, 0])
    assert supervised_contrastive(images, texts, labels, labels).item() == pytest.approx(6.183277, rel=1e-6)
    assert supervised_contrastive(texts, images, labels, labels).item() == pytest.approx(5.357913, rel=1e-6)


def test_smoothed_cross_entropy_is_as_published() -> None:
    labels = torch.tensor([0, 3, 6, 2, 2])
    assert smoothed_cross_entropy(2 * golden("lg", 5, 7), labels).item() == pytest.approx(2.707894, rel=1e-6)


def test_batch_hard_triplet_is_as_published() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    assert batch_hard_triplet(golden("tr", 8, 32), labels).item() == pytest.approx(1.741903, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=3, max_size=12).filter(lambda labels: len(set(labels)) > 1),
    margin=st.sampled_from([None, 0.0, 0.3, 2.0]),
    seed=st.integers(0, 1000),
)
def test_batch_hard_triplet_equals_a_loop(labels: list[int], margin: float | None, seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(len(labels), 5)).astype(np.float32)
    terms = []
    for i, label in enumerate(labels):
        distances = np.linalg.norm(features[i].astype(np.float64) - features, axis=1)
        positive = max(d for d, other in zip(distances, labels, strict=True) if other == label)
        negative = min(d for d, other in zip(distances, labels, strict=True) if other != label)
        gap = positive - negative
        terms.append(np.log1p(np.exp(gap)) if margin is None else max(0.0, gap + margin))
    found = batch_hard_triplet(torch.from_numpy(features), torch.tensor(labels), margin=margin)
    # the distance of an image to itself is the root of a rounding error: up to 1e-3 in float32
    assert found.item() == pytest.approx(np.mean(terms), abs=2e-3)


def test_supervised_contrastive_with_one_text_per_identity_is_cross_entropy() -> None:
    images, texts, labels = golden("a", 6, 8), golden("b", 4, 8), torch.tensor([0, 1, 2, 3, 1, 0])
    found = supervised_contrastive(images, texts, labels, torch.arange(4))
    torch.testing.assert_close(found, F.cross_entropy(images @ texts.T, labels))


def test_image_to_text_is_smoothed_cross_entropy_over_all_identities() -> None:
    images, texts, labels = golden("a", 6, 8), golden("b", 5, 8), torch.tensor([0, 1, 2, 4, 1, 0])
    expected = F.cross_entropy(images @ texts.T, labels, label_smoothing=0.3)
    torch.testing.assert_close(image_to_text(images, texts, labels, label_smoothing=0.3), expected)


def test_grouped_contrastive_sums_over_cameras_and_does_not_see_other_cameras() -> None:
    images, texts, labels = golden("sc_img", 6, 16), golden("sc_txt", 6, 16), torch.tensor([0, 4, 1, 1, 2, 0])
    cameras = torch.tensor([0, 1, 0, 0, 1, 0])
    parts = [cameras == camera for camera in range(2)]
    expected = [supervised_contrastive(images[own], texts[own], labels[own], labels[own]) for own in parts]
    torch.testing.assert_close(grouped_contrastive(images, texts, labels, cameras), expected[0] + expected[1])
    images.requires_grad_()
    grouped_contrastive(images[parts[0]], texts[parts[0]], labels[parts[0]], cameras[parts[0]]).backward()
    alone, images.grad = images.grad, None
    grouped_contrastive(images, 7 * texts * parts[1][:, None] + texts * parts[0][:, None], labels, cameras).backward()
    assert alone is not None
    assert images.grad is not None
    torch.testing.assert_close(images.grad[parts[0]], alone[parts[0]])


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_losses_of_half_precision_features_are_computed_in_float32(half: torch.dtype) -> None:
    """Features as large as CLIP's, whose products a half-precision number cannot hold apart."""
    labels = torch.arange(8).repeat_interleave(2)
    images, texts = (10 * golden("images", 16, 64)).to(half), (golden("texts", 8, 64)).to(half)

    def losses(a: torch.Tensor, b: torch.Tensor) -> list[torch.Tensor]:
        return [
            supervised_contrastive(a, b[labels], labels, labels),
            image_to_text(a, b, labels),
            batch_hard_triplet(a, labels),
        ]

    with torch.autocast("cpu", half):
        found = losses(images, texts)
    for value, exact in zip(found, losses(images.double(), texts.double()), strict=True):
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact.item(), rel=1e-5)


def test_triplet_gradients_are_finite_for_equal_features() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    batch_hard_triplet(features, torch.tensor([0, 0, 1, 1])).backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("device", DEVICES)
def test_an_anchor_without_a_negative_has_no_loss(device: str) -> None:
    features, labels = torch.randn(4, 3, device=device), torch.zeros(4, dtype=torch.int64, device=device)
    assert batch_hard_triplet(features, labels).isnan()
    assert batch_hard_triplet(features, labels, margin=None).isnan()
    assert batch_hard_triplet(features, torch.tensor([0, 0, 1, 1], device=device)).isfinite()


@pytest.mark.parametrize("margin", [0.3, None])
def test_an_anchor_without_a_negative_may_count_as_zero(margin: float | None) -> None:
    features, labels = torch.randn(4, 3, requires_grad=True), torch.zeros(4, dtype=torch.int64)
    loss = batch_hard_triplet(features, labels, margin=margin, no_negative="zero")
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None
    assert features.grad.eq(0).all()
    own, other = torch.eye(3)[:1], torch.eye(3)[1:2]
    against_own = batch_hard_triplet(own, labels[:1], candidates=own, candidate_labels=labels[:1], no_negative="zero")
    assert against_own.item() == 0
    both, both_labels = torch.cat([own, other]), torch.tensor([0, 1])
    far = batch_hard_triplet(
        1.1 * own, labels[:1], margin=2.0, candidates=both, candidate_labels=both_labels, no_negative="zero"
    )
    assert far.item() == pytest.approx(0.1 - (1.1**2 + 1) ** 0.5 + 2, rel=1e-5)


def test_triplets_never_wait_for_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which the device below does not know
    features = torch.randn(4, 3, device="meta")  # has no numbers, so asking for one is an error
    labels = torch.zeros(4, dtype=torch.int64, device="meta")
    with pytest.raises(RuntimeError):
        bool(labels.any())
    assert batch_hard_triplet(features, labels).shape == ()
