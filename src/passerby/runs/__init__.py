"""The folder of a run, what was asked of it, and whether its data is still the same."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.runs.provenance import Provenance
    from passerby.runs.request import TrainingRequest, checked_recipe, resolve_recipe, stored_recipe
    from passerby.runs.run_directory import RunDirectory, seed_runs
    from passerby.runs.run_lock import alone_in

__all__ = [
    "Provenance",
    "RunDirectory",
    "TrainingRequest",
    "alone_in",
    "checked_recipe",
    "resolve_recipe",
    "seed_runs",
    "stored_recipe",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "provenance": ["Provenance"],
        "request": ["TrainingRequest", "checked_recipe", "resolve_recipe", "stored_recipe"],
        "run_directory": ["RunDirectory", "seed_runs"],
        "run_lock": ["alone_in"],
    },
)
