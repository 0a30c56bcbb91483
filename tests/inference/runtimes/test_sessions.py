"""Model files in their runtimes: the same numbers as the runtime called by hand, batches, threads, and one line each
for what is broken."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from passerby.errors import CheckpointError, DataError
from passerby.inference.runtimes import Runtime, card_template, find_card, open_session, reference_values
from passerby.models.zoo.card import InputSection, ModelCard, OutputSection, ReferenceSection
from passerby.models.zoo.card_files import card_path, file_digest, write_card
from passerby.models.zoo.check_picture import check_picture
from tests.models.zoo.small_onnx import onnx, write_small_onnx

PICTURES = [np.random.default_rng(seed).integers(0, 256, (30, 20, 3), np.uint8) for seed in range(5)]


def card(**keys: object) -> ModelCard:
    section = {"size": (16, 8), "channels": "bgr", "scale": 255, **keys}
    return ModelCard(
        kind="embedder", input=InputSection.model_validate(section), output=OutputSection(form="features", dim=12)
    )


def with_reference(file: Path, right: ModelCard) -> ModelCard:
    values = tuple(reference_values(open_session(file, right)).tolist())
    return right.model_copy(update={"reference": ReferenceSection(values=values)})


def write_openvino(file: Path, **keys: Any) -> Path:
    openvino = pytest.importorskip("openvino", reason="the extra openvino is not installed")
    model = openvino.convert_model(write_small_onnx(file.with_suffix(".onnx"), **keys))
    openvino.save_model(model, file, compress_to_fp16=False)
    return file


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("batch", ["n", 1, 2])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_outputs_are_those_of_the_bare_runtime_whatever_the_batch(
    tmp_path: Path, runtime: Runtime, batch: int | str, layout: str
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="the extra openvino is not installed")
    file = write_small_onnx(tmp_path / "m.onnx", batch=batch, layout=layout)
    said = card(batch="dynamic" if batch == "n" else batch, layout=layout)
    [found] = open_session(file, said, runtime=runtime).run_pictures(PICTURES)
    bare = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for picture, row in zip(PICTURES, found, strict=True):
        import cv2

        pixels = cv2.resize(picture, (8, 16))[:, :, ::-1].astype(np.float32) / 255
        image = pixels if layout == "NHWC" else pixels.transpose(2, 0, 1)
        feeds = {"pixels": np.repeat(image[None], 2 if batch == 2 else 1, axis=0)}
        np.testing.assert_allclose(row, bare.run(None, feeds)[0][0], atol=1e-6)


@pytest.mark.parametrize(
    "mistake",
    [{"channels": "rgb"}, {"scale": 1}, {"mean": (0.5, 0.5, 0.5)}, {"resize": "letterbox-centre"}],
    ids=str,
)
def test_a_wrong_card_is_caught_before_anything_is_computed(tmp_path: Path, mistake: dict[str, object]) -> None:
    file = write_small_onnx(tmp_path / "m.onnx")
    right = with_reference(file, card())
    open_session(file, right)
    wrong = right.model_copy(update={"input": right.input.model_copy(update=mistake)})
    with pytest.raises(CheckpointError, match=r"m\.onnx: its card is wrong: a drawn picture gives a cosine of -?0\."):
        open_session(file, wrong)


@pytest.mark.parametrize(
    ("mistake", "complaint"),
    [
        ({"layout": "NHWC"}, r"takes pixels float32 \[any, 3, 16, 8\], but its card says .*\[any, 16, 8, 3\]"),
        ({"size": (8, 16)}, r"but its card says .*\[any, 3, 8, 16\]"),
        ({"dtype": "float16"}, "but its card says pixels float16"),
        ({"name": "image"}, "has no input 'image'"),
        ({"size_name": "sizes"}, "has no input 'sizes'"),
    ],
)
def test_a_card_that_contradicts_the_file_is_refused(tmp_path: Path, mistake: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        open_session(write_small_onnx(tmp_path / "m.onnx"), card(**mistake))


def test_a_fixed_batch_has_to_be_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"\[1, 3, 16, 8\], but its card says .*\[any, 3, 16, 8\]"):
        open_session(write_small_onnx(tmp_path / "m.onnx", batch=1), card())


def test_outputs_that_are_not_there_are_refused(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx")
    for keys, complaint in (({"names": ("x",)}, "has no output 'x'"), ({"dim": 7}, "features of length 7")):
        output = OutputSection(form="features").model_copy(update=keys)
        with pytest.raises(CheckpointError, match=complaint):
            open_session(file, card().model_copy(update={"output": output}))


def broken(folder: Path, fault: str) -> Path:
    """A file with one fault."""
    file = folder / "m.onnx"
    if fault == "truncated":
        file.write_bytes(write_small_onnx(file).read_bytes()[:-200])
    elif fault == "noise":
        file.write_bytes(np.random.default_rng(0).bytes(5000))
    elif fault == "opset":
        write_small_onnx(file, opset=999)
    elif fault.startswith("external"):
        saving = {"save_as_external_data": True, "location": "m.data", "size_threshold": 0}
        write_small_onnx(file, **saving)
        if fault == "external missing":
            (folder / "m.data").unlink()
        else:
            (folder / "m.data").write_bytes(b"1")
    elif fault == "operation":
        model = onnx.load(write_small_onnx(file))
        model.graph.node[0].op_type = "Konv"
        onnx.save(model, file)
    return file


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("truncated", "is truncated, or no ONNX file"),
        ("noise", "ONNX file"),
        ("opset", "is of a newer opset than the installed onnxruntime knows"),
        ("external missing", "keeps its weights in a file beside it, which is missing"),
        ("external short", "does not fit the file beside it with its weights"),
        ("operation", "uses an operation that onnxruntime does not know"),
    ],
)
def test_broken_files_are_one_line_each(
    tmp_path: Path, fault: str, complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = broken(tmp_path, fault)
    with pytest.raises(CheckpointError, match=complaint) as error:
        open_session(file, card())
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fault", ["external missing", "external short"])
def test_a_file_whose_weights_lie_elsewhere_is_told_so_in_openvino_too(tmp_path: Path, fault: str) -> None:
    with pytest.raises(CheckpointError, match="keeps its weights in a file beside it, which is missing or of another"):
        open_session(broken(tmp_path, fault), card(), runtime="openvino")


def test_a_file_whose_very_shapes_lie_elsewhere_is_told_so(tmp_path: Path) -> None:
    helper, kinds = onnx.helper, onnx.TensorProto
    shape = onnx.numpy_helper.from_array(np.array([-1, 384], np.int64), "shape")
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["pixels", "shape"], ["features"])],
        "small",
        [helper.make_tensor_value_info("pixels", kinds.FLOAT, [None, 3, 16, 8])],
        [helper.make_tensor_value_info("features", kinds.FLOAT, [None, 384])],
        [shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(tmp_path / "m.onnx"), save_as_external_data=True, location="m.data", size_threshold=0)
    (tmp_path / "m.data").unlink()
    with pytest.raises(CheckpointError, match="keeps even its shapes in a file beside it"):
        open_session(tmp_path / "m.onnx", card())


def test_weights_that_are_not_finite_are_noticed(tmp_path: Path) -> None:
    session = open_session(write_small_onnx(tmp_path / "m.onnx", poison=np.nan), card())
    with pytest.raises(CheckpointError, match=r"its output features holds NaN or infinite values for image 1:"):
        session.run_pictures(PICTURES)


def test_images_that_are_not_as_the_card_says_are_refused(tmp_path: Path) -> None:
    session = open_session(write_small_onnx(tmp_path / "m.onnx"), card())
    for wrong in (np.zeros((1, 16, 8, 3), np.float32), np.zeros((0, 3, 16, 8), np.float32)):
        with pytest.raises(DataError, match=r"takes float32 \[N, 3, 16, 8\]"):
            session.run(wrong)
    with pytest.raises(DataError, match=r"takes float32 \[N, 3, 16, 8\]"):
        session.run(np.zeros((1, 3, 16, 8), np.uint8))


def test_a_file_without_a_card_shows_one_to_fill_in(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx", batch=1, layout="NHWC")
    with pytest.raises(CheckpointError) as error:
        find_card(file)
    assert "write m.card.yaml beside it" in str(error.value)
    [message] = error.value.__notes__
    assert message == card_template(file)
    for line in ("kind: embedder", "  layout: NHWC", "  size: [16, 8]", "  batch: 1", '  name: "pixels"'):
        assert line in message
    filled = card_template(file).replace("channels: FILL IN", "channels: rgb").replace("scale: FILL IN", "scale: 255")
    filled = filled.replace("[FILL, IN, THIS]  # [1", "[1, 1, 1]  # [1").replace("[FILL, IN, THIS]", "[0, 0, 0]")
    card_path(file).write_text(filled, "utf-8")
    assert open_session(file).run_pictures(PICTURES)[0].shape == (5, 12)


def test_openvino_files_have_cards_and_faults_too(tmp_path: Path) -> None:
    file = write_openvino(tmp_path / "a.xml")
    right = with_reference(file, card()).model_copy(update={"sha256": file_digest(tmp_path / "a.bin")})
    write_card(right, card_path(file))
    assert open_session(file).runtime == "OpenVINO"
    weights = (tmp_path / "a.bin").read_bytes()
    write_openvino(tmp_path / "b.xml", seed=1)
    cases = (
        ((tmp_path / "b.bin").read_bytes(), right, "is the card of another file"),
        ((tmp_path / "b.bin").read_bytes(), right.model_copy(update={"sha256": ""}), "its card is wrong"),
        (weights[:100], right.model_copy(update={"sha256": ""}), "is too short"),
    )
    for content, said, complaint in cases:
        (tmp_path / "a.bin").write_bytes(content)
        write_card(said, card_path(file))
        with pytest.raises(CheckpointError, match=complaint) as error:
            open_session(file)
        assert "\n" not in str(error.value)
    (tmp_path / "a.bin").unlink()
    with pytest.raises(CheckpointError, match=r"has no \.bin file beside it"):
        open_session(file)
    with pytest.raises(CheckpointError, match="run in OpenVINO only"):
        open_session(file, card(), runtime="onnx")


def test_a_detector_is_checked_by_samples_of_its_output(tmp_path: Path) -> None:
    file = write_small_onnx(tmp_path / "m.onnx", batch=1)
    detector = ModelCard(
        kind="detector",
        input=InputSection(size=(16, 8), channels="bgr", scale=255, batch=1),
        output=OutputSection(form="yolox-grid"),
    )
    right = with_reference(file, detector)
    assert len(right.reference.values if right.reference else ()) == 12
    open_session(file, right)
    wrong = right.model_copy(update={"input": right.input.model_copy(update={"channels": "rgb"})})
    with pytest.raises(CheckpointError, match="its card is wrong"):
        open_session(file, wrong)
    assert open_session(file, wrong, check=False).run_pictures([check_picture()])[0].shape == (1, 12)
