"""What `passerby zoo` prints of model files and their cards."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from passerby.cli.printing.echo import echo

if TYPE_CHECKING:
    from passerby.models.zoo.published import PublishedModel


def print_models() -> None:
    """The published model files by kind: name, millions of parameters, whether `get` fetches them, a stated figure."""
    from passerby.models.zoo.published import published_model, published_names

    models = [published_model(name) for name in published_names()]
    width = max(len(model.name) for model in models)
    for kind in dict.fromkeys(model.kind for model in models):
        echo(f"{kind}s:")
        for model in models:
            if model.kind == kind:
                parameters = f"{model.parameters:.2f}" if model.parameters else "–"
                get, stated = "get" if _can_be_fetched(model) else "ask", next(iter(model.figures), "")
                echo(f"  {model.name:<{width}} {parameters:>5}  {get}  {stated}".rstrip())
    echo()
    echo("Millions of parameters; a figure that its makers state. `passerby zoo get NAME` fetches those marked get;")
    echo("`passerby zoo show NAME` says how to get the others.")
    echo()
    echo("backbones:")


def print_model(model: "PublishedModel") -> None:
    """Everything about one published model file, with its card."""
    from passerby.models.zoo.card_files import card_text

    echo(f"{model.name}: {model.title}")
    echo(f"  kind: {model.kind}")
    echo(f"  trained on: {model.training}")
    for figure in model.figures:
        echo(f"  stated: {figure}")
    if model.parameters:
        echo(f"  parameters: {model.parameters:g} million")
    if model.operations:
        echo(f"  cost: {model.operations:g} GFLOP for an image")
    terms = model.terms
    echo(f"  licence: code {terms.code}; weights {terms.weights}; data: {terms.data}")
    if not terms.commercial:
        echo("  commercial use: forbidden by these terms")
    for file in model.files:
        size = f"{file.size:,} bytes" if file.size else "size not stated"
        echo(f"  file: {file.name}, {size}, hash {file.digest or 'not stated'}")
        echo(f"    from: {file.url or 'no address is known'}")
    if model.obtain:
        echo(f"  obtain: {model.obtain}")
    if model.files:
        echo(f"  use: passerby zoo get {model.name}, then {model.name} in place of a file of weights")
    if model.card is not None:
        card = model.card.model_copy(update={"reference": None})
        echo("  card:")
        for line in card_text(card).splitlines():
            echo(f"    {line}")


def model_as_json(model: "PublishedModel") -> dict[str, Any]:
    """A published model file for machines."""
    from passerby.models.zoo.fetching import is_fetched

    return {**model.model_dump(mode="json"), "kind": model.kind, "fetched": is_fetched(model)}


def print_card_keys() -> None:
    """The keys of a card with their defaults and meanings."""
    from passerby.cli.printing.output import print_settings
    from passerby.models.zoo.card import ModelCard

    print_settings(ModelCard)


def print_check(file: Path, found: dict[str, Any]) -> None:
    """What was found out about a file and its card."""
    card = found["card"]
    echo(f"{file}: runs in {found['runtime']}, {card['kind']} {card['name']}".rstrip())
    echo(f"  input: {'; '.join(found['inputs'])}")
    echo(f"  output: {'; '.join(found['outputs'])}")
    if found["cosine"] is None:
        echo(
            "  reference: the card has none, so a wrong channel order or scale cannot be noticed. Run its makers' own "
            "code on the picture of --picture, and put what it gives into the card"
        )
    else:
        echo(f"  reference: cosine {found['cosine']:.6f} on the drawn picture")


def _can_be_fetched(model: "PublishedModel") -> bool:
    return bool(model.files) and all(file.url and file.digest for file in model.files)
