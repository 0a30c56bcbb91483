"""Model files with their cards, opened in a runtime and checked."""

from pathlib import Path
from typing import Literal

from passerby.errors import CheckpointError
from passerby.inference.runtimes.card_draft import missing_card
from passerby.inference.runtimes.onnx_session import OnnxSession
from passerby.inference.runtimes.openvino_session import OpenvinoSession
from passerby.inference.runtimes.reference_check import check_reference
from passerby.inference.runtimes.session import Arithmetic, ModelSession, default_threads
from passerby.models.zoo.card import ModelCard
from passerby.models.zoo.card_files import MODEL_SUFFIXES, stored_card
from passerby.models.zoo.published import known_card

Runtime = Literal["auto", "onnx", "openvino"]


def find_card(file: Path) -> ModelCard:
    """The card of a model file: beside it, inside it, or, for files that the zoo knows by their hash, the zoo's.

    Raises:
        CheckpointError: there is none; a note of the error is a card to fill in. Or the file is damaged, or the card
            that of another file.
    """
    card = stored_card(file) or known_card(file)
    if card is None:
        raise missing_card(file)
    return card


def open_session(
    file: str | Path,
    card: ModelCard | None = None,
    *,
    runtime: Runtime = "auto",
    precision: Arithmetic = "fp32",
    threads: int | None = None,
    check: bool = True,
) -> ModelSession:
    """A model file, ready to run.

    Args:
        file: an `.onnx`, or an OpenVINO `.xml` with its `.bin` beside it.
        card: of the file; by default the one that `find_card` finds.
        runtime: whose; auto takes ONNX Runtime for `.onnx` and OpenVINO for `.xml`.
        precision: of the arithmetic; bf16 in OpenVINO only.
        threads: for one batch; by default `OMP_NUM_THREADS`, else the processors that this process may use.
        check: compute the reference of the card, where it has one, and compare.

    Raises:
        CheckpointError: there is no such file or no card, the file is damaged, or the card is wrong.
        DeviceError: OpenVINO is needed and not installed.
    """
    path = Path(file).expanduser()
    if path.suffix not in MODEL_SUFFIXES:
        raise CheckpointError(f"{path}: is no model file: its name must end in {' or '.join(MODEL_SUFFIXES)}")
    card = find_card(path) if card is None else card
    count = default_threads() if threads is None else threads
    if count < 1:
        raise CheckpointError(f"threads must be at least 1, not {count}")
    session: ModelSession
    if runtime == "openvino" or (runtime == "auto" and path.suffix == ".xml"):
        session = OpenvinoSession(path, card, count, precision)
    elif path.suffix == ".xml":
        raise CheckpointError(f"{path}: OpenVINO's files run in OpenVINO only: leave out runtime={runtime}")
    elif precision != "fp32":
        raise CheckpointError(f"{path}: precision {precision} is for runtime openvino")
    else:
        session = OnnxSession(path, card, count)
    if check:
        check_reference(session)
    return session
