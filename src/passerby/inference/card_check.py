"""A model file held against its card: what `passerby zoo check` does."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from passerby.atomic_files import write_atomically
from passerby.errors import CheckpointError
from passerby.inference.runtimes import Port, check_reference, find_card, open_session, reference_values
from passerby.models.bundled import bundled_model_file, resolve_path
from passerby.models.zoo.card import ModelCard, ReferenceSection
from passerby.models.zoo.card_files import card_path, write_card
from passerby.models.zoo.check_picture import check_picture

_DIGITS = 5


@dataclass(frozen=True)
class CheckedFile:
    """What was found out about a model file.

    Attributes:
        file: of the model.
        card: of the file.
        runtime: where it ran.
        inputs, outputs: as the file says.
        cosine: between what it gives for the drawn picture and its card's reference; None if the card has none.
    """

    file: Path
    card: ModelCard
    runtime: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    cosine: float | None


def check_model_file(source: str | Path, *, write_reference: bool = False) -> CheckedFile:
    """Run a model file on the drawn picture, and compare with its card.

    Args:
        source: an `.onnx`, an OpenVINO `.xml`, a name of the zoo, or `tiny-clip`.
        write_reference: put what the file gives into the card beside it, where the card has no reference yet. Sensible
            when other figures, such as an evaluation, have shown that the card is right.

    Raises:
        CheckpointError: the file or its card cannot be used, the card is wrong, or a reference cannot be written.
    """
    file = bundled_model_file(str(source)) or resolve_path(source)
    card = find_card(file)
    session = open_session(file, card, check=False)
    cosine = check_reference(session)
    if write_reference:
        if card.reference is not None or not card_path(file).is_file():
            raise CheckpointError(
                f"{file}: a reference is written into a card beside the file that has none: "
                + ("this card has one" if card.reference is not None else f"there is no {card_path(file).name}")
            )
        values = tuple(float(f"{value:.{_DIGITS}g}") for value in reference_values(session))
        card = card.model_copy(update={"reference": ReferenceSection(values=values)})
        write_card(card, card_path(file))
        cosine = check_reference(open_session(file, card, check=False))
    return CheckedFile(file, card, session.runtime, session.inputs, session.outputs, cosine)


def write_check_picture(out: Path) -> None:
    """Write the drawn picture as a PNG, for the makers' own code to be run on.

    Raises:
        CheckpointError: the name does not end in .png.
    """
    if out.suffix != ".png":
        raise CheckpointError(f"{out}: the picture has to keep every pixel: name a file that ends in .png")
    with write_atomically(out) as temporary:
        Image.fromarray(check_picture()).save(temporary, format="PNG")
