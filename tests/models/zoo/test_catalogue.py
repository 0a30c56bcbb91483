"""The zoo's table against published sums, and its files: recognised, converted, restored."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch.nn import functional as F

from passerby.errors import CheckpointError
from passerby.models.checkpoint import read_description, read_tensors
from passerby.models.zoo.catalogue import BENCHMARKS, COLLECTIONS, entries, find_entry, published_results, split_name
from passerby.models.zoo.files import convert_backbone, describe_bare_backbone, recognise_backbone, restore_backbone
from tests.models.backbones.official_backbones import Official, official, write_reidzoo_file

MEAN_GAINS = {"market1501": (11.7, 5.0), "msmt17": (18.8, 12.9)}
"""Last row of the published table: how much mAP and rank-1 gain on ImageNet's weights, over 32 models."""


@pytest.fixture(scope="module")
def ghost(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Official]:
    network = official("ghostnet_0_5", (256, 128))
    return write_reidzoo_file(
        tmp_path_factory.mktemp("official") / "Ghost.pth", "ghostnet_0_5", network.tensors
    ), network


def test_the_table_adds_up_to_the_published_means() -> None:
    zoo = [entry for entry in entries() if "/" not in entry.name]
    assert len(zoo) == 32
    results = [published_results(entry.name)[0] for entry in zoo]
    assert {(result.method, result.size) for result in results} == {("TransReID", (256, 128))}
    for data in BENCHMARKS:
        for column, mean in zip(("map_gain", "rank1_gain"), MEAN_GAINS[data], strict=True):
            gains = [getattr(result.scores[data], column) for result in results]
            assert sum(gains) / 32 == pytest.approx(mean, abs=0.051)
        for result in results:
            how = result.settings[data]
            # One rule for all: 4e-4 for 64 images; the batch of 120 has the rate of 128, one model half of it.
            assert how.rate == pytest.approx(4e-4 * how.batch_size / 64, rel=0.07) or how.rate == 2e-4
    mgn = [name.name for name in zoo if len(published_results(name.name)) == 2]
    assert len(mgn) == 6
    assert all(name.startswith("resnet") for name in mgn)


def test_entries_tell_where_they_are_from() -> None:
    assert find_entry("resnet50_ibn").file == "ResNet50_IBN.pth"
    assert find_entry("resnet50_ibn").collection.title == "ReIDZoo"
    luperson = find_entry("luperson/resnet50")
    assert (luperson.architecture, luperson.collection.mean[0]) == ("resnet50", 0.3525)
    assert published_results("luperson/resnet152") == ()
    assert published_results("ghostnet_0_5")[0].settings["market1501"].warmup_epochs == 40
    assert all(each.licence and each.obtain and each.training for each in COLLECTIONS.values())
    assert split_name("imagenet/timm:vit_tiny_patch16_224") == ("imagenet", "timm:vit_tiny_patch16_224")
    for name, message in [("RESNET5", "did you mean resnet50"), ("zzz", "see `passerby zoo list`")]:
        with pytest.raises(CheckpointError, match=message):
            find_entry(name)
    with pytest.raises(CheckpointError, match="there is no collection 'lup'; known are reidzoo, luperson"):
        split_name("lup/resnet50")


def test_official_files_become_files_of_ours(tmp_path: Path, ghost: tuple[Path, Official]) -> None:
    file, network = ghost
    out = tmp_path / "ghost.safetensors"
    description = convert_backbone(file, out)
    assert read_description(out) == {**description, "image_size": [256, 128], "transform": _listed(description)}
    assert description["weights"] == description["architecture"] == "ghostnet_0_5"
    assert "research only" in description["licence"]
    backbone = restore_backbone(read_description(out) or {}, read_tensors(out), "ours").eval()
    with torch.inference_mode():
        found = backbone.embed(network.images)
    torch.testing.assert_close(found, F.normalize(network.features), atol=1e-6, rtol=1e-5)
    for source, target, message in [
        (file, out, "exists: name another file, or delete it"),
        (out, tmp_path / "again.safetensors", "is a file of passerby already"),
        (file, tmp_path / "ghost.pth", "name a file that ends in .safetensors"),
        (tmp_path / "no.pth", tmp_path / "no.safetensors", "no such file of weights"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            convert_backbone(source, target)
    with pytest.raises(CheckpointError, match="does not fit the model"):
        convert_backbone(file, tmp_path / "wrong.safetensors", "ghostnet_1_0")
    assert [path.name for path in tmp_path.iterdir()] == ["ghost.safetensors"]


def _listed(description: dict[str, object]) -> dict[str, object]:
    """What JSON makes of the transform."""
    transform = description["transform"]
    assert isinstance(transform, dict)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in transform.items()}


def test_files_for_other_sizes_and_collections_say_so(tmp_path: Path) -> None:
    network = official("resnet18")
    torch.save({"state_dict": network.tensors}, tmp_path / "plain.pth")
    with pytest.raises(CheckpointError, match="there is no collection 'lup'"):
        convert_backbone(tmp_path / "plain.pth", tmp_path / "out.safetensors", "lup/resnet18")
    description = convert_backbone(
        tmp_path / "plain.pth", tmp_path / "out.safetensors", "luperson/resnet18", (384, 128)
    )
    assert description["transform"] == {
        "size": (384, 128),
        "mean": (0.3525, 0.3106, 0.3140),
        "std": (0.2660, 0.2522, 0.2505),
        "interpolation": "bicubic",
    }
    assert describe_bare_backbone("imagenet/resnet18")["transform"]["mean"] == (0.485, 0.456, 0.406)


def test_files_that_could_be_of_several_collections_must_be_named() -> None:
    tensors = official("resnet50_ibn", (32, 32)).tensors
    distilled = {f"backbone.{name}": tensor for name, tensor in tensors.items()}
    assert recognise_backbone(distilled, "a.pth") == "resnet50_ibn"
    assert recognise_backbone(tensors, "a.pth") == "imagenet/resnet50_ibn"
    plain = official("resnet50", (32, 32)).tensors
    possible = "luperson/resnet50 or luperson-nl/resnet50 or imagenet/resnet50"
    with pytest.raises(CheckpointError, match=f"a.pth: holds resnet50, but .* it is, {possible}, with .* --as NAME"):
        recognise_backbone(plain, "a.pth")
    assert recognise_backbone(official("vit_small_parts", (32, 32)).tensors, "a.pth") == "pass/vit_small_parts"
    theirs = torchvision.models.convnext_tiny().state_dict()
    assert recognise_backbone(theirs, "a.pth") == "imagenet/convnext_tiny"
    for tensor_name in ("fc.weight", "layer1.0.bn1.weight"):
        assert recognise_backbone({tensor_name: torch.ones(64)}, "a.pth") is None
