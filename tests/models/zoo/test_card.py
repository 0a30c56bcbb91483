"""Cards: what they refuse, and that they are read as they were written."""

from pathlib import Path

import pytest

from passerby.errors import CheckpointError
from passerby.models.zoo.card import InputSection, ModelCard, OutputSection, ReferenceSection
from passerby.models.zoo.card_files import (
    METADATA_KEY,
    card_path,
    card_text,
    embedded_card,
    file_digest,
    parse_card,
    stored_card,
    write_card,
)
from passerby.models.zoo.onnx_metadata import read_onnx_metadata
from tests.models.zoo.small_onnx import write_small_onnx

EMBEDDER = """
kind: embedder
input: {size: [256, 128], channels: bgr, layout: NHWC, batch: 1}
output: {form: features}
"""
CARD = ModelCard(
    kind="embedder",
    input=InputSection(size=(16, 8), channels="rgb", scale=255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    output=OutputSection(form="features"),
    reference=ReferenceSection(values=tuple(value / 7 for value in range(12))),
    facts={"passerby": "0.1", "=name": "Größe: 1"},
)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_card(CARD, tmp_path / "a.card.yaml")
    assert parse_card((tmp_path / "a.card.yaml").read_text("utf-8"), "a") == CARD
    assert parse_card(card_text(CARD), "a") == CARD


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("bgr", "grb"), "input.channels"),
        (("channels: bgr", "chanels: bgr"), "did you mean 'input.channels'?"),
        (("size: [256, 128], ", ""), "input.size: is missing"),
        (("[256, 128]", "[256]"), "input.size"),
        (("256", ".inf"), "input.size"),
        (("batch: 1", "batch: 0"), "input.batch"),
        (("batch: 1", "scale: .nan"), "input.scale"),
        (("batch: 1", "std: [1, 0, 1]"), "input.std"),
        (("batch: 1", "dtype: uint8, scale: 255"), "uint8 input takes pixels as they are"),
        (("form: features", "form: ssd"), "kind embedder needs an output.form of features"),
        (("kind: embedder", "kind: detector"), "kind detector needs an output.form of yolox-grid"),
        (("kind: embedder", "sha256: 12\nkind: embedder"), "sha256"),
        (("kind: embedder", "- 1"), "(line"),
    ],
)
def test_a_card_that_cannot_be_is_refused_by_key(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(CheckpointError) as error:
        parse_card(EMBEDDER.replace(*change), "x.card.yaml")
    assert str(error.value).startswith("x.card.yaml: ")
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_forms_without_a_batch_take_one_picture_at_a_time() -> None:
    with pytest.raises(CheckpointError, match=r"input\.batch must be 1"):
        parse_card(
            "kind: detector\ninput: {size: [9, 9], channels: bgr}\noutput: {form: ssd}",
            "x",
        )


def test_the_card_inside_an_onnx_file_is_found(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx", metadata={"author": "us", METADATA_KEY: card_text(CARD)})
    assert read_onnx_metadata(file)["author"] == "us"
    assert embedded_card(file) == stored_card(file) == CARD


def test_the_card_beside_a_file_comes_before_the_one_inside(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx", metadata={METADATA_KEY: card_text(CARD)})
    other = CARD.model_copy(update={"name": "other", "sha256": file_digest(file)})
    write_card(other, card_path(file))
    assert stored_card(file) == other


def test_the_card_of_another_file_is_refused(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx")
    assert stored_card(file) is None
    write_card(CARD.model_copy(update={"sha256": "0" * 64}), card_path(file))
    with pytest.raises(CheckpointError, match=r"m\.card\.yaml: is the card of another file"):
        stored_card(file)


@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.99])
def test_files_that_end_early_are_noticed_without_a_runtime(tmp_path: Path, part: float) -> None:
    whole = write_small_onnx(tmp_path / "m.onnx").read_bytes()
    (tmp_path / "part.onnx").write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(CheckpointError, match=r"part\.onnx: is (empty|truncated|no ONNX file)"):
        read_onnx_metadata(tmp_path / "part.onnx")


def test_what_is_no_openvino_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<html></html>", "utf-8")
    (tmp_path / "b.xml").write_text("<net><layer", "utf-8")
    for name in ("a", "b"):
        with pytest.raises(CheckpointError, match=r"\.xml: is no OpenVINO model"):
            embedded_card(tmp_path / f"{name}.xml")
