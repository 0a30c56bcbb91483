"""The check that a card fits its file, made before anything else is computed."""

import numpy as np
from numpy.typing import NDArray

from passerby.errors import CheckpointError
from passerby.inference.runtimes.session import ModelSession
from passerby.models.zoo.check_picture import check_picture

_SAMPLES = 256
_LENGTH_OFF = 1e-2


def reference_values(session: ModelSession) -> NDArray[np.float64]:
    """What a card's reference holds: the feature of the drawn picture, of length 1, or samples of a detector's output.

    Raises:
        CheckpointError: the model gives NaN, or a feature without length.
    """
    values = session.run_pictures([check_picture()])[0].astype(np.float64).ravel()
    if session.card.output.form == "features":
        length = float(np.linalg.norm(values))
        if not length:
            raise CheckpointError(f"{session.file}: its feature of a drawn picture is zero: it is no working network")
        if session.card.output.normalised and abs(length - 1) > _LENGTH_OFF:
            raise CheckpointError(
                f"{session.file}: its feature has length {length:.3g}, but its card says that it is normalised: "
                "correct output.normalised"
            )
        return values / length
    return values[_places(len(values), min(_SAMPLES, len(values)))]


def check_reference(session: ModelSession) -> float | None:
    """The cosine between what the file gives for the drawn picture and what its card says; None if it says nothing.

    Raises:
        CheckpointError: it is below the card's limit, or the card's values are of another number.
    """
    reference = session.card.reference
    if reference is None:
        return None
    said = np.array(reference.values)
    if session.card.output.form == "features":
        found = reference_values(session)
    else:
        values = session.run_pictures([check_picture()])[0].astype(np.float64).ravel()
        found = values[_places(len(values), len(said))]
    if found.shape != said.shape:
        raise CheckpointError(
            f"{session.file}: gives {len(found)} values for the drawn picture, its card has {len(said)}: it is the "
            "card of another model"
        )
    cosine = float(found @ said / max(np.linalg.norm(found) * np.linalg.norm(said), 1e-30))
    if not cosine >= reference.cosine:
        raise CheckpointError(
            f"{session.file}: its card is wrong: a drawn picture gives a cosine of {cosine:.4f} to the card's "
            f"reference, at least {reference.cosine} is needed: see input.channels, scale, mean, std, layout and resize"
        )
    return cosine


def _places(length: int, count: int) -> NDArray[np.int64]:
    return np.linspace(0, length - 1, count).astype(np.int64)
