"""`passerby zoo` as a user types it, and what its files are good for."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.nn import functional as F
from typer.testing import CliRunner

import passerby
from passerby.cli import app, main
from passerby.errors import CheckpointError
from passerby.models.zoo.check_picture import check_picture
from tests.methods.small_world import write_small_world
from tests.models.backbones.official_backbones import Official, official, write_reidzoo_file
from tests.models.zoo.small_onnx import write_small_onnx


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
    assert "\n\nbackbones:\n" in printed
    listed = json.loads(zoo("list", "--json"))
    backbones = [each for each in listed if each["kind"] == "backbone"]
    assert len(backbones) == 43
    assert backbones[0]["results"][0]["scores"]["market1501"]["map"] == 81.0


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


def test_model_files_are_listed_and_told_in_full() -> None:
    printed = zoo("list")
    assert "yolox-tiny" in printed
    listed = {each["name"]: each for each in json.loads(zoo("list", "--json"))}
    assert listed["yolox-tiny"]["files"][0]["size"] == 20_219_662
    assert listed["yolox-tiny"]["kind"] == "detector"
    shown = zoo("show", "person-reidentification-retail-0277")
    assert "\n  card:\n    kind: embedder\n" in shown
    assert "hash not stated" in shown
    assert "model.yml" in shown
    assert "channels: bgr" in shown
    assert "commercial use: forbidden" in zoo("show", "osnet-x1-0")
    assert json.loads(zoo("show", "yolox-nano", "--json"))["card"]["output"]["form"] == "yolox-grid"


def test_a_model_file_is_checked_and_given_a_reference(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx")
    with pytest.raises(CheckpointError, match="has no card, and what it wants is not guessed"):
        zoo("check", file)
    card = "kind: embedder\ninput: {size: [16, 8], channels: bgr, scale: 255}\noutput: {form: features}\n"
    (tmp_path / "m.card.yaml").write_text(card, "utf-8")
    assert "reference: the card has none" in zoo("check", file)
    assert "reference: cosine 1.0000" in zoo("check", file, "--write-reference")
    found = json.loads(zoo("check", file, "--json"))
    assert found["cosine"] == pytest.approx(1, abs=1e-6)
    assert found["inputs"] == ["pixels float32 [any, 3, 16, 8]"]
    with pytest.raises(CheckpointError, match="this card has one"):
        zoo("check", file, "--write-reference")
    written = (tmp_path / "m.card.yaml").read_text("utf-8")
    (tmp_path / "m.card.yaml").write_text(written.replace("channels: bgr", "channels: rgb"), "utf-8")
    with pytest.raises(CheckpointError, match="its card is wrong"):
        zoo("check", file)


def test_the_drawn_picture_and_the_keys_of_a_card_can_be_had(tmp_path: Path) -> None:
    zoo("check", "--picture", tmp_path / "drawn.png")
    with Image.open(tmp_path / "drawn.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), check_picture())
    keys = zoo("check", "--keys")
    for key in ("input.channels=required", "output.nms_iou=null", "reference.cosine=0.999"):
        assert key in keys


def test_what_cannot_be_got_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    for arguments, code, message in (
        (["get", "yolox-nan"], 1, "did you mean yolox-nano"),
        (["get", "resnet50_ibn"], 1, "may not be passed on, so it cannot be fetched: sign the agreement"),
        (["get", "yolox-tiny", "--hash", "12"], 2, "--hash must be FILE=HASH"),
        (["check"], 2, "name a model file"),
        (["check", str(write_small_onnx(tmp_path / "m.onnx"))], 1, "makers say: kind: embedder # embedder or"),
        (["check", "yolox-tiny"], 1, "is not on this machine: get it with `passerby zoo get yolox-tiny`"),
    ):
        monkeypatch.setattr("sys.argv", ["passerby", "zoo", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == code
        assert message in " ".join(capsys.readouterr().err.split())
