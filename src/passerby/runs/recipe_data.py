"""The data sets that a recipe names."""

from pathlib import Path

from passerby.config import DataSection
from passerby.data.benchmarks import is_benchmark
from passerby.data.fingerprint import fingerprint
from passerby.data.formats.open_data import open_data
from passerby.data.split import Benchmark
from passerby.errors import RecipeError


def open_sets(section: DataSection) -> list[Benchmark]:
    """The data sets that a section names, in its order.

    Raises:
        RecipeError: no name, the same set twice, or another number of roots than of names.
        DataError: a set is not on disk as it should be.
    """
    names = [section.name] if isinstance(section.name, str) else list(section.name)
    if not any(names):
        raise RecipeError("data.name is not set: name a benchmark (`passerby data list`), a table or a folder")
    roots = section.root if isinstance(section.root, list) else [section.root] * len(names)
    if len(roots) != len(names):
        raise RecipeError(f"data.root: {len(roots)} folders for {len(names)} names in data.name: give one each, or one")
    if not isinstance(section.root, list) and len(names) > 1:  # one root is for benchmarks
        if section.root is not None and not any(is_benchmark(name) for name in names):
            raise RecipeError(
                f"data.root: {section.root}: {', '.join(names)} are tables or folders and take no root: leave it out"
            )
        roots = [section.root if is_benchmark(name) else None for name in names]
    sets = [open_data(name, root, check_counts=section.check_counts) for name, root in zip(names, roots, strict=True)]
    _check_repeats(sets)
    return sets


def _check_repeats(sets: list[Benchmark]) -> None:
    """Refuse a data set that is named twice: its images would count twice, as different people."""
    seen: set[tuple[tuple[Path, str], ...]] = set()
    for each in sets if len(sets) > 1 else ():
        parts = (part for part in (each.train, each.query, each.gallery) if part is not None)
        images = tuple((part.root.resolve(), fingerprint(part)) for part in parts)
        if images in seen:
            raise RecipeError(f"data.name: {each.name} in {images[0][0]} is named twice: name each data set once")
        seen.add(images)
