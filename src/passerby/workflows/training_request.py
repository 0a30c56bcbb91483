"""What to train, from values that a command line or a program has at hand."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from passerby.errors import RecipeError
from passerby.output_paths import expanded, expanded_paths
from passerby.runs.request import TrainingRequest

Place = str | Path
Overrides = Mapping[str, object] | Sequence[str]
"""Changes to a recipe: values by dotted key, or texts `section.key=value`."""


def training_request(
    recipe: Place | None,
    overrides: Overrides = (),
    *,
    data: Place | Sequence[Place] | None = None,
    root: Place | Sequence[Place] | None = None,
    skip_unreadable: bool = False,
    out: Place | None = None,
    resume: Place | None = None,
) -> TrainingRequest:
    """A request in which data named besides the recipe is an override of it; see `passerby.train`.

    Raises:
        RecipeError: neither a recipe nor a run to resume is named.
        DataError: something is no path, or no change to a recipe.
    """
    if recipe is None and resume is None:
        raise RecipeError("no recipe is named: give one (`passerby train --list` shows them), or a run to resume")
    given = [] if data is None else [("data.name", _one_or_several(data, "data"))]
    given += [] if root is None else [("data.root", _one_or_several(root, "root"))]
    before: list[str] = []
    if data is not None and root is None:
        before = [_assignment("data.root", None)]  # the recipe's root is that of the recipe's data
    if skip_unreadable:
        given.append(("data.skip_unreadable", True))
    listed = _listed(overrides)
    return TrainingRequest(
        recipe=None if recipe is None else str(expanded(recipe)),
        overrides=(*before, *listed, *(_assignment(*item) for item in given)),
        out=None if out is None else expanded(out),
        resume=None if resume is None else expanded(resume),
    )


def _assignment(key: str, value: object) -> str:
    return f"{key}={json.dumps(value, default=str)}"


def _listed(overrides: Overrides | None) -> list[str]:
    if isinstance(overrides, Mapping):
        return [_assignment(*item) for item in overrides.items()]
    if overrides is None:
        return []
    if isinstance(overrides, str | bytes) or not isinstance(overrides, Iterable):
        raise RecipeError(f"overrides must be values by dotted key, or texts section.key=value, not {overrides!r}")
    return list(overrides)


def _one_or_several(places: Place | Sequence[Place], what: str) -> object:
    listed = [str(place) for place in expanded_paths(places, what)]
    return listed[0] if len(listed) == 1 else listed
