"""Losses of one's own beside a stage's: on the features and logits that the stage has computed anyway."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from passerby.config import read_recipe
from passerby.errors import PasserbyError
from passerby.methods import find_method
from passerby.methods.stage import AddedLoss, Stage, StageOutput
from passerby.runs.request import checked_recipe
from passerby.training.initialisation import build_model
from passerby.training.training_data import open_training_data
from tests.methods.ccafl.ccafl_world import NANO as CCAFL
from tests.methods.cluster_contrast.test_method import NANO as CLUSTERS
from tests.methods.finetune.test_method import NANO as FINETUNE
from tests.methods.small_world import NANO as CLIP_REID
from tests.methods.small_world import write_small_world

NANO = {"finetune-tiny": FINETUNE, "clip-reid-vit-tiny": CLIP_REID, "ccafl-tiny": CCAFL}
NANO["cluster-contrast-tiny"] = CLUSTERS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("added"))


def stages_of(name: str, world: Path) -> list[Stage]:
    data = ("data.name=market-layout", f"data.root={world}")
    recipe = checked_recipe(read_recipe(name, (*NANO[name], *data)))
    method = find_method(recipe.method)
    opened = open_training_data(recipe, method, decode=False)
    model = build_model(recipe, method, opened, None)
    return method.stages(recipe, model, opened.training, None)


def spread(output: StageOutput) -> Tensor:
    return output.features.float().var()


@pytest.fixture(scope="module")
def finetuning(world: Path) -> Stage:
    (stage,) = stages_of("finetune-tiny", world)
    stage.on_stage_start()
    return stage


def test_added_losses_are_part_of_the_loss_and_need_no_second_pass(finetuning: Stage) -> None:
    passes: list[int] = []
    hook = finetuning.model.register_forward_hook(lambda *_: passes.append(1))
    batch = finetuning.example_batch()
    plain = finetuning.losses(batch)["loss"]
    entropy = AddedLoss("entropy", lambda output: -output.logits.softmax(1).log().mean(), 0.5)
    finetuning.added_losses = [AddedLoss("spread", spread), entropy]
    passes.clear()
    losses = finetuning.all_losses(batch)
    assert passes == [1]
    torch.testing.assert_close(losses["loss"], plain + losses["spread"] + 0.5 * losses["entropy"])
    assert finetuning.output is None
    assert not losses["spread"].requires_grad
    losses["loss"].backward()
    hook.remove()


def test_two_losses_of_one_name_are_refused(finetuning: Stage) -> None:
    finetuning.added_losses = [AddedLoss("triplet", spread)]
    with pytest.raises(PasserbyError, match="a loss called 'triplet' is there already"):
        finetuning.all_losses(finetuning.example_batch())


def test_a_loss_that_is_no_scalar_is_refused(finetuning: Stage) -> None:
    finetuning.added_losses = [AddedLoss("norms", lambda output: output.features.norm(dim=1))]
    with pytest.raises(PasserbyError, match=r"the loss 'norms' must be a scalar tensor, not a tensor \[\d+\]"):
        finetuning.all_losses(finetuning.example_batch())


@pytest.mark.parametrize("name", ["ccafl-tiny", "cluster-contrast-tiny"])
def test_the_features_are_those_before_the_neck(name: str, world: Path) -> None:
    stage = stages_of(name, world)[-1]
    stage.set_trainable()
    stage.on_stage_start()
    seen: list[Tensor] = []
    neck = stage.model.get_submodule("bottleneck")
    hook = neck.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    batch = stage.example_batch()
    seen.clear()
    stage.losses(batch)
    hook.remove()
    assert stage.output is not None
    assert stage.output.features is seen[0]
    assert len(seen) == 1, "no second pass"
    assert not torch.allclose(stage.output.features.norm(dim=1), torch.ones(()), atol=1e-3)


@pytest.mark.parametrize("name", ["clip-reid-vit-tiny", "ccafl-tiny"])
def test_every_stage_that_takes_added_losses_gives_features(name: str, world: Path) -> None:
    for stage in stages_of(name, world):
        stage.set_trainable()
        stage.on_stage_start()
        stage.added_losses = [AddedLoss("spread", spread)]
        losses = stage.all_losses(stage.example_batch())
        assert ("spread" in losses) == stage.takes_added_losses
