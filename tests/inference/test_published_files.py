"""Published model files by the cards of the catalogue; in `$PASSERBY_MODELS` or beside the repository, else skipped."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

from passerby.errors import CheckpointError
from passerby.inference.loading import load
from passerby.inference.runtimes import find_card, open_session
from tests.methods.small_world import write_small_world

MODELS = Path(os.environ.get("PASSERBY_MODELS") or Path(__file__).parents[3] / "shared" / "models")
REID = ("person-reidentification-retail-0287.onnx", "person-reidentification-retail-0288.onnx")
DETECTOR = "yolox-nano-416.onnx"


def published(name: str) -> Path:
    if not (MODELS / name).is_file():
        pytest.skip(f"{MODELS / name} is missing: name its folder in PASSERBY_MODELS")
    return MODELS / name


def ten_lines(file: Path, photos: list[Path]) -> NDArray[np.float32]:
    """What its makers' documentation says to do."""
    import cv2

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    rows = []
    for photo in photos:
        pixels = np.asarray(Image.open(photo).convert("RGB"))[:, :, ::-1]
        image = cv2.resize(np.ascontiguousarray(pixels), (128, 256)).astype(np.float32)[None]
        rows.append(session.run(None, {"inputs:0": image})[0][0])
    features = np.stack(rows)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


@pytest.mark.parametrize("name", REID)
def test_features_are_those_of_ten_lines_of_onnxruntime(name: str, tmp_path: Path) -> None:
    file = published(name)
    photos = sorted((write_small_world(tmp_path / "world") / "query").glob("*.jpg"))
    model = load(file)
    assert model.card.name == name.replace(".onnx", "-onnx")
    assert model.feature_dim == 256
    np.testing.assert_allclose(model.embed(photos), ten_lines(file, photos), atol=1e-5)


@pytest.mark.parametrize("name", [*REID, DETECTOR])
@pytest.mark.parametrize(
    "mistake",
    [
        {"channels": "rgb"},
        {"scale": 255},
        {"mean": (103.53, 116.28, 123.675), "std": (57.375, 57.12, 58.395)},
        {"resize": "letterbox-centre"},
    ],
    ids=str,
)
def test_a_wrong_card_of_a_published_file_is_caught(name: str, mistake: dict[str, Any]) -> None:
    file = published(name)
    card = find_card(file)
    open_session(file, card)
    wrong = card.model_copy(update={"input": card.input.model_copy(update=mistake)})
    with pytest.raises(CheckpointError, match="its card is wrong"):
        open_session(file, wrong)


def test_both_runtimes_give_the_same() -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    picture = np.random.default_rng(0).integers(0, 256, (90, 40, 3), np.uint8)
    for name in (*REID, DETECTOR):
        [one], [other] = (
            open_session(published(name), runtime=each).run_pictures([picture])  # type: ignore[arg-type]
            for each in ("onnx", "openvino")
        )
        np.testing.assert_allclose(one, other, atol=1e-3 * np.abs(one).max())
