"""Imports run downwards only, between rooms and between the sub-rooms of a room, and no folder is a warehouse.

Imports inside functions and those for type checkers count too.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import passerby

SOURCE = Path(passerby.__file__).parent
MOST_FILES = 20
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 50
FLOORS = (
    {"cli"},
    {"serve"},
    {"workflows"},
    {"training", "report", "exporting", "gallery", "video"},
    {"evaluation"},
    {"inference"},
    {"runs"},
    {"methods"},
    {"distributed", "tracklets"},
    {"models", "data", "synth", "metrics", "losses"},
    {
        "config",
        "recipes",
        "labels",
        "lazy_exports",
        "recipe_files",
        "recipe_section",
        "recipe_yaml",
        "atomic_files",
        "json_text",
        "output_lock",
        "output_paths",
        "plugins",
        "printable",
        "progress",
        "import_guards",
        "version",
        "worker_processes",
        "errors",
        "extras",
    },
)
"""Rooms from the top floor to the lowest; a room may import those below its own floor, and on the lowest each other."""

ROOMS = frozenset().union(*FLOORS)
ARRAYS_ALONE = {"metrics", "losses"}
FACE = {"__init__", "__main__"}  # what users import and run: they may import everything


def module_of(file: Path) -> str:
    """The dotted name below `passerby`; of a folder's `__init__.py`, that of the folder."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


FILES = {module_of(file): file for file in sorted(SOURCE.rglob("*.py"))}


def imported_modules(file: Path) -> Iterator[tuple[str, int]]:
    """The modules of passerby that a file imports, by dotted name below `passerby`, and the line where it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "passerby":
                while rest and rest not in FILES:
                    rest = rest.rpartition(".")[0]
                yield rest or "__init__", node.lineno


IMPORTS = {module: sorted(imported_modules(file)) for module, file in FILES.items()}


def room_of(module: str) -> str:
    return module.partition(".")[0]


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def allowed(room: str, imported: str) -> bool:
    if room == imported:
        return True
    if imported not in ROOMS:
        return room in FLOORS[0]  # commands use what users use
    if room in ARRAYS_ALONE:
        return imported in {"errors", "labels"}
    lowest = len(FLOORS) - 1
    return floor_of(imported) > floor_of(room) or floor_of(room) == floor_of(imported) == lowest


def circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """Names that lead from one back to itself; none if there is no circle."""
    open_names: list[str] = []
    closed: set[str] = set()

    def visit(name: str) -> list[str]:
        if name in open_names:
            return [*open_names[open_names.index(name) :], name]
        if name in closed:
            return []
        open_names.append(name)
        for each in sorted(arrows.get(name, ())):
            if found := visit(each):
                return found
        closed.add(open_names.pop())
        return []

    return next((found for name in sorted(arrows) if (found := visit(name))), [])


def parts_of(folder: str) -> dict[str, set[str]]:
    """What lies in a folder (sub-folders, and files that are not its face) and what each imports of the others."""
    depth = len(folder.split("."))
    arrows: dict[str, set[str]] = {}
    for module, imported in IMPORTS.items():
        if not module.startswith(f"{folder}."):
            continue
        part = module.split(".")[depth]
        others = {each.split(".")[depth] for each, _ in imported if each.startswith(f"{folder}.")}
        arrows.setdefault(part, set()).update(others - {part})
    return arrows


FOLDERS = sorted({module.rpartition(".")[0] for module in FILES if "." in module})


def test_every_room_has_a_floor() -> None:
    assert {room_of(module) for module in FILES} - FACE <= ROOMS


@pytest.mark.parametrize("room", sorted({room_of(module) for module in FILES} - FACE))
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    wrong = [
        f"{FILES[module].relative_to(SOURCE)}:{line} imports passerby.{imported}"
        for module, found in IMPORTS.items()
        if room_of(module) == room
        for imported, line in found
        if not allowed(room, room_of(imported))
    ]
    assert wrong == []


def test_no_two_files_import_each_other_in_a_circle() -> None:
    assert circle({module: {each for each, _ in found if each != module} for module, found in IMPORTS.items()}) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_parts_of_a_folder_do_not_import_each_other_in_a_circle(folder: str) -> None:
    assert circle(parts_of(folder)) == []


def test_a_circle_is_noticed() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]


@pytest.mark.parametrize("folder", sorted({file.parent for file in FILES.values()}), ids=str)
def test_no_folder_is_a_warehouse(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= MOST_FILES


def test_files_and_functions_are_short() -> None:
    long = []
    for file in FILES.values():
        text = file.read_text(encoding="utf-8")
        if len(text.splitlines()) > MOST_LINES:
            long.append(f"{file.relative_to(SOURCE)} has {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    long.append(f"{file.relative_to(SOURCE)}: {node.name} has {lines} lines")
    assert long == []


def test_the_page_on_architecture_draws_every_room_on_its_floor() -> None:
    page = (Path(__file__).parent.parent / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    drawing = page.partition("## Floors")[2].partition("```text\n")[2].partition("```")[0]
    lines = [set(line.replace("(", " ").replace(")", " ").split()) for line in drawing.splitlines()]
    assert [*lines[: len(FLOORS) - 1], set().union(*lines[len(FLOORS) - 1 :])] == list(FLOORS)
