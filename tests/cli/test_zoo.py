"""`passerby zoo` as a user types it, and what its files are good for."""

import json
from pathlib import Path

import numpy as np
import pytest
from torch.nn import functional as F
from typer.testing import CliRunner

import passerby
from passerby.cli import app, main
from passerby.errors import CheckpointError
from tests.methods.small_world import write_small_world
from tests.models.backbones.official_backbones import Official, official, write_reidzoo_file


def zoo(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["zoo", *map(str, arguments)], env={"COLUMNS": "80"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def network() -> Official:
    return official("ghostnet_0_5", (256, 128))


@pytest.fixture(scope="module")
def published(network: Official, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("official") / "GhostNet_0_5.pth"
    return write_reidzoo_file(file, "ghostnet_0_5", network.tensors)


def test_the_list_names_all_and_says_what_may_be_done_with_them() -> None:
    printed = zoo("list")
    assert all(line in printed for line in ("resnet152_ibn", "transreid-ssl/vit_small_plain", "94.6", "76.7"))
    assert printed.count("licence: ") == 5
    assert "signed agreement: research only" in printed
    listed = json.loads(zoo("list", "--json"))
    assert len(listed) == 43
    assert listed[0]["results"][0]["scores"]["market1501"]["map"] == 81.0


def test_one_backbone_is_told_in_full() -> None:
    printed = zoo("show", "ghostnet_0_5")
    assert "1.31 million as listed, 1.31 million counted" in printed
    assert "40 epochs of warm-up" in printed
    assert json.loads(zoo("show", "ghostnet_0_5", "--json"))["architecture"] == "ghostnet_0_5"


def test_a_converted_file_embeds_and_evaluates(published: Path, network: Official, tmp_path: Path) -> None:
    out = tmp_path / "ghost.safetensors"
    printed = zoo("convert", published, "-o", out)
    assert "ghostnet_0_5, weights ghostnet_0_5" in printed
    assert "no commercial use" in printed
    expected = F.normalize(network.features).numpy()
    for source in (out, published):
        model = passerby.load(source, device="cpu")
        assert (model.embed_dim, model.transform.size) == (1280, (256, 128))
        assert model.transform.mean == (0.485, 0.456, 0.406)
        np.testing.assert_allclose(model.embed(network.images), expected, atol=1e-5)
    result = passerby.evaluate(out, write_small_world(tmp_path / "world"))
    assert 0 < result.mAP <= 1
    with pytest.raises(CheckpointError, match="no camera embedding"):
        passerby.load(published, device="cpu", camera_coefficient=0.5)


def test_what_cannot_be_converted_is_said_in_one_line(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.safetensors"
    out.touch()
    other = tmp_path / "b.safetensors"
    for arguments, code, message in [
        (["convert", published, "-o", out], 1, "exists: name another file, or delete it"),
        (
            ["convert", published, "-o", other, "--as", "vit_tiny"],
            1,
            "holds no tensor of vit_tiny (it has 'conv_stem",
        ),
        (["convert", published, "-o", other, "--as", "ghostnet_1_0"], 1, "does not fit the model: "),
        (["convert", published, "-o", other, "--as", "imagenet/gostnet"], 1, "unknown name 'gostnet'; did you mean"),
        (
            ["convert", published, "-o", other, "--as", "timm:resnet18"],
            1,
            "say whose weights they are, as imagenet/timm:",
        ),
        (["convert", published, "-o", other, "--size", "256"], 2, "--size must be HEIGHTxWIDTH"),
        (["convert", published, "-o", other, "--size", "0x128"], 2, "--size must be HEIGHTxWIDTH"),
        (["show", "resnet5"], 1, "'resnet5' is not in the zoo: did you mean resnet50"),
    ]:
        monkeypatch.setattr("sys.argv", ["passerby", "zoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == code
        assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
