"""What to train, from values that a command line or a program has at hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from passerby.output_paths import expanded
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
    """A request in which data named besides the recipe is an override of it; see `passerby.train`."""
    given = [] if data is None else [("data.name", _one_or_several(data))]
    given += [] if root is None else [("data.root", _one_or_several(root))]
    before: list[str] = []
    if data is not None and root is None:
        before = [_assignment("data.root", None)]  # the recipe's root is that of the recipe's data
    if skip_unreadable:
        given.append(("data.skip_unreadable", True))
    listed = [_assignment(*item) for item in overrides.items()] if isinstance(overrides, Mapping) else list(overrides)
    return TrainingRequest(
        recipe=None if recipe is None else str(recipe),
        overrides=(*before, *listed, *(_assignment(*item) for item in given)),
        out=None if out is None else expanded(out),
        resume=None if resume is None else expanded(resume),
    )


def _assignment(key: str, value: object) -> str:
    return f"{key}={json.dumps(value, default=str)}"


def _one_or_several(places: Place | Sequence[Place]) -> object:
    if isinstance(places, str | Path):
        return str(places)
    listed = [str(place) for place in places]
    return listed[0] if len(listed) == 1 else listed
