"""The visibility head: off as published, neutral until it learns, taught by what hides images, and resumed exactly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

import passerby
from passerby.errors import RecipeError
from passerby.methods import find_method
from passerby.methods.saga.hidden_batches import HiddenBatch, HiddenBatches
from passerby.methods.saga.recipe import SagaRecipe, VisibilitySection
from passerby.methods.saga.visibility_stage import VisibilityStage, patch_shares
from passerby.models.checkpoint import read_tensors
from passerby.models.saga.anchor_pooling import seen_weights
from passerby.models.saga.network import Saga
from passerby.runs.run_directory import RunDirectory
from passerby.training.initialisation import build_model
from passerby.training.runner import train
from passerby.training.training_data import open_training_data
from tests.methods.saga.saga_world import saga_recipe
from tests.methods.small_world import write_small_world
from tests.training.started import assert_same_weights

SIGHT = (
    "anchors.visibility=true", "visibility.epochs=2", "visibility.identities_per_batch=3",
    "visibility.images_per_identity=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def finished(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "whole"
    train(saga_recipe(world, *SIGHT, "trainer.checkpoint_every_steps=1"), folder)
    return folder


def batches_of(world: Path, recipe: SagaRecipe, section: VisibilitySection) -> HiddenBatches:
    data = open_training_data(recipe, find_method("saga"), decode=False).training
    # Two images of each of four people, the people beside each other.
    rows = np.concatenate([np.flatnonzero(data.identities == person)[:2] for person in range(4)])[None]
    return HiddenBatches(data, np.repeat(rows, 6, 0), section, key=(1, "hidden"), device=torch.device("cpu"))


def test_the_head_learns_in_its_own_stage_and_nothing_else_does(finished: Path) -> None:
    run = RunDirectory(finished)
    before, after, last = (
        read_tensors(run.weights_file(stage)) for stage in ("stage2-images", "visibility", "stage3b-anchors")
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert moved == {name for name in after if name.startswith("visibility.")}
    assert all(torch.equal(after[name], last[name]) for name in moved), "anchors learn under a head that stands"


def test_a_head_that_has_learned_nothing_changes_no_feature(world: Path) -> None:
    recipe = saga_recipe(world, *SIGHT)
    data = open_training_data(recipe, find_method("saga"), decode=False)
    model = build_model(recipe, find_method("saga"), data, None)
    assert isinstance(model, Saga)
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        with_head = model.eval().embed(images)
        model.visibility = None
        torch.testing.assert_close(model.embed(images), with_head)


def test_the_run_embeds_with_its_head(finished: Path, world: Path) -> None:
    model = passerby.load(finished)
    assert isinstance(model.model, Saga)
    head = model.model.visibility
    assert head is not None
    files = sorted((world / "query").glob("*.jpg"))
    seen = model.embed(files)
    with torch.no_grad():
        head.layers[-1].bias.copy_(torch.tensor([-3.0]))  # less of everything: no weight changes, but through rounding
        head.layers[-1].weight.zero_()
    assert np.abs(model.embed(files) - seen).max() > 1e-4


def test_weights_follow_what_is_visible() -> None:
    weights, visible = torch.tensor([[0.5, 0.3, 0.2]]), torch.tensor([[1.0, 0.0, 0.5]])
    torch.testing.assert_close(seen_weights(weights, visible), torch.tensor([[5 / 6, 0.0, 1 / 6]]))
    assert torch.isfinite(seen_weights(weights, torch.zeros(1, 3))).all()


def test_an_image_is_hidden_where_the_batch_says_and_nowhere_else(world: Path) -> None:
    recipe = saga_recipe(world)
    section = VisibilitySection(identities_per_batch=4, images_per_identity=2, largest=0.6)
    batches = batches_of(world, recipe, section)
    plain = next(iter(batches_of(world, recipe, section.model_copy(update={"whole": 1.0}))))
    assert bool(plain.visible.all())
    shares = []
    for batch in batches:
        for image, whole, visible in zip(batch.images, plain.images, batch.visible, strict=True):
            candidates = [whole, whole.flip(2)]
            assert any(torch.equal(image[:, visible > 0], each[:, visible > 0]) for each in candidates)
            shares.append(float(1 - visible.mean()))
    assert max(shares) <= 0.65
    assert sum(share == 0 for share in shares) < len(shares) / 2


def test_people_are_hidden_by_other_people_cut_out_by_their_masks(world: Path, tmp_path: Path) -> None:
    recipe = saga_recipe(world)
    for file in (world / "bounding_box_train").glob("*.jpg"):  # a person is a bar that is eight pixels wide
        mask = np.zeros((64, 32), np.uint8)
        mask[:, 12:20] = 255
        place = tmp_path / "masks" / "bounding_box_train" / f"{file.stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(place)
    section = VisibilitySection(
        identities_per_batch=4, images_per_identity=2, whole=0, hidden_by=("people",), masks=tmp_path / "masks"
    )
    hidden = [(batch.visible == 0).sum((1, 2)) for batch in batches_of(world, recipe, section)]
    columns = torch.cat(hidden) / 64
    assert bool((columns <= 8).all())
    assert float(columns.max()) == 8


def test_a_batch_that_was_skipped_to_is_the_same(world: Path) -> None:
    section = VisibilitySection(identities_per_batch=4, images_per_identity=2)
    whole, later = (batches_of(world, saga_recipe(world), section) for _ in range(2))
    later.skip_to(4)
    assert len(later) == len(whole) == 6
    for first, second in zip(list(whole)[4:], later, strict=True):
        assert torch.equal(first.images, second.images)
        assert torch.equal(first.visible, second.visible)


def test_the_loss_is_the_cross_entropy_with_visible_shares_of_patches(world: Path) -> None:
    recipe = saga_recipe(world, *SIGHT)
    data = open_training_data(recipe, find_method("saga"), decode=False)
    model = build_model(recipe, find_method("saga"), data, None)
    assert isinstance(model, Saga)
    stage = VisibilityStage(recipe, model, data.training)
    stage.on_stage_start()
    head = model.visibility
    assert head is not None
    torch.nn.init.normal_(head.layers[-1].weight)
    visible = torch.ones(1, 64, 32)
    visible[:, :32] = 0
    visible[:, 32:, :8] = 0
    batch = HiddenBatch(torch.randn(1, 3, 64, 32), visible)
    size = model.backbone.conv1.kernel_size[0]
    cells = visible[0].unfold(0, size, size).unfold(1, size, size).mean((2, 3)).flatten()
    torch.testing.assert_close(patch_shares(visible, model)[0], cells)
    logits = head(model.tokens(batch.images).patches)[0]
    expected = F.binary_cross_entropy(torch.sigmoid(logits), cells)
    torch.testing.assert_close(stage.losses(batch)["loss"], expected)


class CutOffError(Exception):
    """Stands for whatever kills a process."""


def test_a_stage_that_was_cut_off_ends_as_if_it_had_not_been(
    finished: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, calls = VisibilityStage.losses, []

    def failing(self: VisibilityStage, batch: Any) -> dict[str, Tensor]:
        calls.append(1)
        if len(calls) == 2:
            raise CutOffError
        return losses(self, batch)

    recipe = saga_recipe(world, *SIGHT, "trainer.checkpoint_every_steps=1")
    with monkeypatch.context() as patch:
        patch.setattr(VisibilityStage, "losses", failing)
        with pytest.raises(CutOffError):
            train(recipe, tmp_path / "cut")
    train(recipe, tmp_path / "cut", resume=True)
    assert_same_weights(tmp_path / "cut", finished)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("visibility.epochs=0", r"anchors.visibility=true, but nothing trains its head: set visibility.epochs"),
        ("visibility.masks=/no/such", r"visibility.masks=/no/such: no such folder: draw one"),
        ("visibility.identities_per_batch=9", r"visibility.identities_per_batch=9, but the training images show 4"),
    ],
)
def test_what_cannot_teach_the_head_is_refused_before_any_work(world: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        open_training_data(saga_recipe(world, *SIGHT, override), find_method("saga"), decode=False)
