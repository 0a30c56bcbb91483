"""What could compute a model's features on this machine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from passerby.distributed.processor import has_bfloat16, openvino_has_bfloat16
from passerby.extras import is_installed
from passerby.inference.choice.stand_in import StandIn
from passerby.inference.computing import Computing, ModelPrecision
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.runtimes import open_session


@dataclass(frozen=True)
class Candidate:
    """A runtime and precision, and how to open the model in it."""

    computing: Computing
    open: Callable[[], Embedder]


def other_ways(
    model: Embedder, file: Path | None, *, runtime: str = "auto", precision: ModelPrecision = "auto"
) -> list[Candidate]:
    """The ways to compute a model's features here, besides the model as it is; int8 is never among them.

    Args:
        model: in float32, on the CPU.
        file: an `.onnx` or `.xml` that computes the same; None where there is none.
        runtime: only this one: `torch`, `onnx` or `openvino`; auto: all.
        precision: only this one; auto: fp32 and bf16.
    """
    wanted = {"torch": "torch", "onnx": "ONNX Runtime", "openvino": "OpenVINO"}.get(runtime)
    return [
        each
        for each in _all(model, file)
        if wanted in (None, each.computing.runtime)
        and precision in ("auto", each.computing.precision)
        and str(each.computing) != str(model.computing)
    ]


def _all(model: Embedder, file: Path | None) -> Iterator[Candidate]:
    in_bfloat16 = model.in_bfloat16()
    if in_bfloat16 is not None and has_bfloat16():
        yield Candidate(in_bfloat16.computing, lambda: in_bfloat16)
    if file is None:
        return
    if file.suffix == ".onnx":
        yield Candidate(Computing("ONNX Runtime", "fp32"), lambda: _opened(model, file, "onnx", "fp32"))
    if is_installed("openvino"):
        yield Candidate(Computing("OpenVINO", "fp32"), lambda: _opened(model, file, "openvino", "fp32"))
        if openvino_has_bfloat16():
            yield Candidate(Computing("OpenVINO", "bf16"), lambda: _opened(model, file, "openvino", "bf16"))


def _opened(model: Embedder, file: Path, runtime: str, precision: str) -> Embedder:
    session = open_session(file, runtime=runtime, precision=precision)  # type: ignore[arg-type]
    return FileEmbedder(session) if isinstance(model, FileEmbedder) else StandIn(session, model)
