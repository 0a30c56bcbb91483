"""SAGA's network, read from a file in the published format, against values of the official code."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import passerby
from passerby.errors import CheckpointError
from passerby.losses.anchors import anchor_diversity, anchor_triplet, classifier_diversity
from passerby.losses.classification import smoothed_cross_entropy
from passerby.losses.triplet import batch_hard_triplet
from passerby.methods.saga.building import restore
from passerby.models.checkpoint import load_strictly
from passerby.models.clip.towers import vision_tokens
from passerby.models.clip_reid.network import ClipReid
from passerby.models.saga.aggregation import Aggregated, aggregate
from passerby.models.saga.anchor_attention import Refinement
from passerby.models.saga.anchor_pooling import keep_heaviest
from passerby.models.saga.anchors import prompt_tokens
from passerby.models.saga.domain_anchors import CameraDomainAnchors, ClipDomainAnchors, DomainInputs
from passerby.models.saga.network import Saga, SagaTokens
from passerby.models.saga.official_files import from_official, recognise_saga, to_official
from passerby.models.saga.shape import SagaSizes, shape_from_description
from tests.golden import golden_parameter, golden_values
from tests.models.saga.official_saga import fill_official, official_shapes, refinement_shapes

NEAR = {"rtol": 1e-4, "atol": 2e-6}


class Seen(NamedTuple):
    model: Saga
    official: dict[str, Tensor]
    tokens: SagaTokens
    aggregated: Aggregated
    block6: Tensor
    block9: Tensor


def numbers(name: str, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(golden_values(name, shape))


def assert_begins(found: Tensor, text: str) -> None:
    expected = torch.tensor([float(value) for value in text.split()])
    torch.testing.assert_close(found[: len(expected)], expected, **NEAR)


@pytest.fixture(scope="module")
def seen() -> Seen:
    official = fill_official(official_shapes(), prompt_tokens())
    description = recognise_saga(official)
    assert description is not None
    model = Saga(shape_from_description(description["network"]), SagaSizes(10)).eval()
    load_strictly(model, from_official(official, "golden"), source="golden")
    images = numbers("image", (2, 3, 256, 128))
    with torch.no_grad():
        found = vision_tokens(model.backbone, images, blocks=(6, 9))
        patches = found.blocks[1][:, 1:]
        tokens = SagaTokens(patches, found.final[:, 0], found.projected[:, 0])
        aggregated = model.aggregate(patches, tokens.projected)
    return Seen(model, official, tokens, aggregated, *found.blocks)


def test_as_many_tensors_as_published() -> None:
    assert len(official_shapes(751)) == 674


def test_tokens_of_the_image_tower(seen: Seen) -> None:
    assert_begins(seen.block9[0, 0], "0.864458 0.222512 0.353963 -0.347015 0.077812 1.240706")
    assert_begins(seen.block9[0, 1], "-1.040755 1.669900 -0.596341 -0.925083 -2.755003 1.131960")
    assert seen.block9.std().item() == pytest.approx(1.496712, rel=1e-4)
    assert_begins(seen.tokens.final[0], "0.655717 0.070650 0.116511 -0.157916 0.443036 1.030565")
    assert_begins(seen.tokens.projected[0], "0.665831 -0.373829 -0.095964 0.816144 1.024509 0.140543")
    assert seen.tokens.final[0].norm().item() == pytest.approx(27.658934, rel=1e-4)
    assert seen.tokens.projected[0].norm().item() == pytest.approx(12.279400, rel=1e-4)


def test_anchors(seen: Seen) -> None:
    anchors = seen.aggregated.text_anchors
    assert_begins(anchors[0], "0.397231 0.254027 -0.081951 -0.002318 0.234157 0.108917")
    assert_begins(anchors[23], "0.275712 0.461727 -0.056035 -0.342370 -0.021558 -0.133808")
    assert anchors[0].norm().item() == pytest.approx(5.926535, rel=1e-4)
    assert seen.model.domain_anchor is not None
    with torch.no_grad():
        domain = seen.model.domain_anchor(DomainInputs(seen.tokens.patches.mean(1), seen.tokens.projected, anchors))
    assert_begins(domain[0, 0], "0.078155 -0.090597 -0.062029 -0.171226 0.061073 -0.092624")


def test_attention_weights_and_refined_feature(seen: Seen) -> None:
    (path,) = seen.aggregated.paths
    assert path.attention.shape == (2, 210, 27)
    assert_begins(path.attention[0, 0], "0.038231 0.035971 0.039226 0.034214")
    assert path.weights[0].min().item() == pytest.approx(0.0041919, rel=1e-4)
    assert path.weights[0].max().item() == pytest.approx(0.0063639, rel=1e-4)
    assert_begins(seen.aggregated.refined[0], "0.190426 -0.605118 -0.200893 0.453879 0.006730 0.545953")
    assert seen.aggregated.refined[0].norm().item() == pytest.approx(18.281609, rel=1e-4)


def test_features_of_the_heaviest_anchors(seen: Seen) -> None:
    features, mass = seen.model.by_anchor(seen.aggregated)
    kept = keep_heaviest(features, mass, 5)[0]
    chosen = kept.norm(dim=1).nonzero().flatten()
    assert len(chosen) == 5
    assert_begins(kept[chosen[0]], "0.011222 -0.032595 -0.010930 0.022129 0.000677 0.029295")


def test_prompt_of_an_identity(seen: Seen) -> None:
    learner = seen.model.prompt_learner
    with torch.no_grad():
        feature = seen.model.text_encoder(learner(torch.tensor([0])), learner.end)[0]
    assert_begins(feature, "0.138436 0.519839 0.104041 -0.198826 -0.322209 -0.075726")
    assert feature.norm().item() == pytest.approx(10.746189, rel=1e-4)


def test_two_token_layers(seen: Seen) -> None:
    refinements = []
    for number in range(2):
        refinement, prefix = Refinement(2, 768, 8).eval(), f"refine.{number}."
        state = {
            name.removeprefix(prefix): torch.from_numpy(golden_parameter(name, shape))
            for name, shape in refinement_shapes(prefix).items()
        }
        refinement.load_state_dict(state)
        refinements.append(refinement)
    patches = torch.cat([seen.block6[:, 1:], seen.block9[:, 1:]], 1)
    with torch.no_grad():
        found = aggregate(
            patches, seen.aggregated.text_anchors, seen.model.domain_anchor, refinements, seen.tokens.projected
        )
    assert [path.attention.shape for path in found.paths] == [(2, 210, 12), (2, 210, 15)]
    assert_begins(found.refined[0], "0.108484 0.020501 0.277608 0.094794 0.473784 -0.176690")


def test_losses_of_stage_3(seen: Seen) -> None:
    model, labels = seen.model, torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    tokens = numbers("tokens", (8, 210, 768))
    statistics = {name: buffer.clone() for name, buffer in model.bn.named_buffers()}
    with torch.no_grad():
        found = model.aggregate(tokens, torch.zeros(8, 512))
        normalised = model.bn.train()(found.refined)
        model.bn.eval().load_state_dict(statistics, strict=False)
        logits = [classifier(normalised) for classifier in model.classifiers]
        features, mass = model.by_anchor(found)
        classification = torch.stack([smoothed_cross_entropy(scores, labels) for scores in logits]).mean()
        assert classification.item() == pytest.approx(2.505687, rel=1e-5)
        assert batch_hard_triplet(found.refined, labels).item() == pytest.approx(0.494019, rel=1e-4)
        assert 0.05 * anchor_diversity(found.text_anchors).item() == pytest.approx(0.031750, rel=1e-4)
        weights = [weight_of(classifier) for classifier in model.classifiers]
        assert 0.5 * classifier_diversity(weights).item() == pytest.approx(7.1712e-05, rel=1e-4)
        assert anchor_triplet(features, mass, labels).item() == pytest.approx(0.304436, rel=1e-5)
    assert_begins(found.refined[0], "-0.156913 -0.173073 -0.134459 0.524444 -0.704369 0.127207")
    assert_begins(mass[0], "7.964662 7.573401 7.580428 7.931520")


def weight_of(classifier: torch.nn.Module) -> Tensor:
    weight = classifier.weight
    assert isinstance(weight, Tensor)
    return weight


def filled(module: torch.nn.Module) -> torch.nn.Module:
    state = module.state_dict()
    for name, tensor in state.items():
        tensor.copy_(torch.from_numpy(golden_parameter(f"domain_anchor.{name}", tuple(tensor.shape))))
    return module.eval()


def test_clip_grounded_domain_anchors() -> None:
    module = filled(ClipDomainAnchors(3, 768, 512, 8))
    assert {"clip_proj.weight", "queries", "norm_q.weight", "norm_kv.bias", "norm_out.weight"} <= set(
        module.state_dict()
    )
    anchors = numbers("ta", (2, 24, 768))
    with torch.no_grad():
        (first, _) = (
            module(DomainInputs(torch.zeros(2, 768), numbers("cp", (2, 512)), each))[number]
            for number, each in enumerate(anchors)
        )
    assert_begins(first[0], "-0.426779 0.066282 0.316374 0.970388 1.383358 -0.155007")


def test_camera_conditioned_domain_anchors() -> None:
    module = filled(CameraDomainAnchors(3, 768, 6))
    mean = numbers("tokens", (2, 210, 768)).mean(1)
    with torch.no_grad():
        found = module(DomainInputs(mean, torch.zeros(2, 512), torch.zeros(24, 768), torch.tensor([0, 5])))
        unknown = module(DomainInputs(mean, torch.zeros(2, 512), torch.zeros(24, 768), torch.tensor([-1, -1])))
        nobody = module(DomainInputs(mean, torch.zeros(2, 512), torch.zeros(24, 768)))
    assert_begins(found[0, 0], "0.052389 0.017618 -0.021953 -0.054252 0.009157 0.041402")
    torch.testing.assert_close(unknown, nobody)
    assert not torch.allclose(unknown, found, atol=1e-4)


def test_the_format_is_written_as_it_was_read(seen: Seen) -> None:
    written = to_official(seen.model)
    assert set(written) <= set(seen.official)
    unused = {name.removeprefix("clipreid_model.").split(".")[0] for name in set(seen.official) - set(written)}
    assert unused == {
        "visual_prompt", "classifier_proj", "bottleneck_proj", "image_fusion_net", "prompt_learner", "text_proj"
    }  # fmt: skip
    assert all(torch.equal(written[name], seen.official[name]) for name in written)


def test_two_names_of_one_tensor_must_agree(seen: Seen) -> None:
    other = dict(seen.official)
    other["clipreid_model.image_encoder.proj"] = other["backbone.proj"] + 1
    with pytest.raises(
        CheckpointError, match=r"backbone.proj and clipreid_model.image_encoder.proj should be the same"
    ):
        from_official(other, "file")


def test_files_of_stage_2_are_told_apart(seen: Seen) -> None:
    prefix = "clipreid_model."
    part = {name.removeprefix(prefix): value for name, value in seen.official.items() if name.startswith(prefix)}
    description = recognise_saga(part)
    assert description is not None
    assert description["official"] == "stage 2"
    assert recognise_saga({"image_encoder.conv1.weight": torch.zeros(1)}) is None


def test_a_file_in_the_published_format_embeds(seen: Seen, tmp_path: Path) -> None:
    file = tmp_path / "model_stage3_best.pth"
    torch.save(seen.official, file)
    model = passerby.load(file, device="cpu")
    file.unlink()
    embedded = torch.from_numpy(model.embed(numbers("image", (2, 3, 256, 128))))
    branches = (seen.aggregated.refined, seen.tokens.final, seen.tokens.projected)
    expected = sum(
        weight * F.normalize(branch) @ F.normalize(branch).T
        for weight, branch in zip((2, 0.2, 0.05), branches, strict=True)
    )
    assert embedded.shape == (2, 2048)
    torch.testing.assert_close(embedded @ embedded.T, expected / 2.25)
    torch.testing.assert_close(embedded[:, :768].norm(dim=1) ** 2, torch.full((2,), 2 / 2.25))


def test_a_file_of_stage_2_embeds_as_clip_reid_does(seen: Seen) -> None:
    prefix = "clipreid_model."
    part = {name.removeprefix(prefix): value for name, value in seen.official.items() if name.startswith(prefix)}
    description = recognise_saga(part)
    assert description is not None
    model = restore(description, part, "file").eval()
    assert isinstance(model, ClipReid)
    with torch.no_grad():
        embedded = model.embed(numbers("image", (2, 3, 256, 128)))
    torch.testing.assert_close(embedded, F.normalize(torch.cat([seen.tokens.final, seen.tokens.projected], 1)))
    with pytest.raises(CheckpointError, match="surprise"):
        restore(description, {**part, "surprise": torch.zeros(1)}, "file")
