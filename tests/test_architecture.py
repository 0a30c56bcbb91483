"""Imports run downwards only, as docs/architecture.md says; those inside functions count too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import passerby

SOURCE = Path(passerby.__file__).parent
FLOORS = (
    {"cli", "serve"},
    {"report", "gallery", "video", "export"},
    {"methods", "tracklets"},
    {"models", "data", "synth", "metrics", "losses"},
    {"config", "recipes", "recipe_yaml", "atomic_files", "progress", "torchvision_guard", "errors"},
)
"""Rooms from the top floor to the lowest; a room may import those below its own floor, and on the lowest each other."""

ROOMS = frozenset().union(*FLOORS)
ONLY_ERRORS = {"metrics", "losses"}
FACE = {"__init__", "__main__"}  # what users import and run: they may import everything


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def room_of(file: Path) -> str:
    first = file.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(file: Path) -> Iterator[tuple[str, int]]:
    """The rooms of passerby that a file imports, and the line where it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "passerby" and rest != "__version__":
                name = rest.partition(".")[0]
                yield (name if name in ROOMS else "__init__"), node.lineno


def allowed(room: str, imported: str) -> bool:
    if room == imported:
        return True
    if imported not in ROOMS:
        return room in FLOORS[0]  # commands use what users use
    if room in ONLY_ERRORS:
        return imported == "errors"
    lowest = len(FLOORS) - 1
    return floor_of(imported) > floor_of(room) or floor_of(room) == floor_of(imported) == lowest


FILES = sorted(file for file in SOURCE.rglob("*.py") if room_of(file) not in FACE)


def test_every_room_has_a_floor() -> None:
    assert {room_of(file) for file in FILES} <= ROOMS


@pytest.mark.parametrize("room", sorted({room_of(file) for file in FILES}))
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    wrong = [
        f"{file.relative_to(SOURCE)}:{line} imports passerby.{imported}"
        for file in FILES
        if room_of(file) == room
        for imported, line in imported_rooms(file)
        if not allowed(room, imported)
    ]
    assert wrong == []
