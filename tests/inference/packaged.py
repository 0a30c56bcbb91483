"""What holds for every model file that comes with passerby."""

from pathlib import Path

from passerby.models.bundled import bundled_file, bundled_model_file
from passerby.models.zoo.card import ModelCard
from passerby.models.zoo.card_files import embedded_card, file_digest, read_card


def made_of_its_weights(name: str) -> tuple[Path, ModelCard]:
    """The file of a packaged model and its card, which are seen to be of the weights beside them and of each other."""
    weights, file = bundled_file(name), bundled_model_file(name)
    assert weights is not None
    assert file is not None
    card = read_card(file.with_name("model-fp16.card.yaml"))
    assert card.facts["weights_digest"] == f"sha256:{file_digest(weights)}"
    assert card.model_copy(update={"sha256": ""}) == embedded_card(file)
    return file, card
