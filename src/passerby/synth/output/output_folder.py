"""Output folders that appear complete or not at all, and never replace files that were not written here."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import temporary_folder
from passerby.errors import DataError
from passerby.synth.look import LOOKS

DESCRIPTION = "synth.json"
"""The file by which a folder of ours is recognised; it holds the arguments that made it."""

LISTING = "synth-files.txt"
"""A line for every other file that was written, its size in bytes and its path: whatever else is there is not ours."""


class ArgumentError(DataError):
    """An argument of the synthetic world is out of range.

    Attributes:
        argument: its name in Python; the command line has its own.
        problem: what is wrong with it, the rest of the sentence.
    """

    def __init__(self, what: str, argument: str, problem: str) -> None:
        super().__init__(f"{what}: {argument} {problem}")
        self.argument = argument
        self.problem = problem


_HOW = frozenset({"folder", "processes", "replace", "show_progress"})
"""Arguments that change how and where a world is written, but nothing in it."""


def describe_call(writer: Callable[..., Path], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The content of `synth.json`: the function that writes a world, and those arguments that its files depend on.

    Args:
        writer: of `passerby.synth`.
        arguments: all its arguments by name.
    """
    values = {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in arguments.items()
        if name not in _HOW
    }
    return {"made_by": f"passerby.synth.{writer.__name__}", **values}


@contextmanager
def fresh_folder(folder: Path, description: dict[str, Any], *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill, which takes the place of `folder` when all went well.

    Args:
        folder: created with its parents, or replaced if it was made here before.
        description: what is in it; written as `synth.json`.
        replace: whether a world of another description is replaced as well.

    Raises:
        DataError: the folder is a file, or holds another world or something else.
    """
    _check(folder, description, replace)
    with temporary_folder(folder) as temporary:
        made, old = temporary / "made", temporary / "old"
        made.mkdir()
        yield made
        (made / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        lines = [f"{size}\t{name}\n" for name, size in sorted(_sizes(made).items())]
        (made / LISTING).write_text("".join(lines), encoding="utf-8")
        _check(folder, description, replace)  # drawing takes minutes, in which files may have been added
        if folder.exists():
            folder.rename(old)
        made.rename(folder)


def _check(folder: Path, description: dict[str, Any], replace: bool) -> None:
    if Path.cwd().is_relative_to(folder.resolve()):  # it would be taken away from under whoever works in it
        raise DataError(f"{folder} is the working directory, or above it: name another folder for the synthetic world")
    check_ours(folder)
    if not replace:
        _check_same_world(folder, description)


def check_ours(folder: Path) -> None:
    """Check that a folder holds nothing but what was written here, unchanged.

    Raises:
        DataError: it holds something else, or is a file.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder for the synthetic world")
    if not any(folder.iterdir()):
        return
    ours = _listed(folder)
    if ours is None:
        missing = DESCRIPTION if _described(folder) is None else LISTING
        raise DataError(
            f"{folder} is not an earlier synthetic world: it holds data without {missing}; name an empty or a new "
            "folder"
        )
    sizes = _sizes(folder)
    foreign = sorted(sizes.keys() - ours.keys() - {LISTING}) or _foreign_folders(folder, ours)
    if foreign:
        raise DataError(
            f"{folder} is not an earlier synthetic world alone: it also holds {foreign[0]}, which would be lost; move "
            "that away, or name another folder"
        )
    changed = sorted(name for name in sizes.keys() & ours.keys() if sizes[name] != ours[name])
    if changed:
        raise DataError(
            f"{folder}: {changed[0]} is not as it was written, and would be lost; move it away, or name another folder"
        )


def _check_same_world(folder: Path, description: dict[str, Any]) -> None:
    """Check that a world was not drawn with other arguments: it may be what somebody trained on."""
    earlier, now = _described(folder), json.loads(json.dumps(description))
    if earlier is None:
        return
    differing = [name for name in {**now, **earlier} if earlier.get(name) != now.get(name)]
    if differing:
        name = differing[0]
        before, after = (json.dumps(world.get(name)) for world in (earlier, now))
        raise DataError(
            f"{folder} holds another synthetic world ({DESCRIPTION}: {name} {before}, not {after}): name another "
            "folder, or replace it with --replace (in Python replace=True)"
        )


def holds_world(folder: Path, **arguments: Any) -> bool:
    """Whether a folder holds all files, as they were written, of a world drawn with these arguments.

    Args:
        folder: which; other files may lie there as well.
        arguments: as `synth.json` has them; those left out may be any.
    """
    described, written = _described(folder), _listed(folder)
    if described is None or written is None or any(described.get(key) != value for key, value in arguments.items()):
        return False
    sizes = _sizes(folder)
    return all(sizes.get(name) == size for name, size in written.items())


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file below a folder by its path relative to it, with slashes; a link counts as a file."""
    return {
        entry.relative_to(folder).as_posix(): entry.lstat().st_size
        for entry in folder.rglob("*")
        if entry.is_symlink() or not entry.is_dir()
    }


def _described(folder: Path) -> dict[str, Any] | None:
    """The arguments of the world in a folder; None where there is none."""
    try:
        content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _listed(folder: Path) -> dict[str, int] | None:
    """The files that an earlier run wrote into the folder, as `_sizes`; None where there is no list of them."""
    if _described(folder) is None:
        return None
    try:
        lines = (folder / LISTING).read_text(encoding="utf-8").splitlines()
        return {name: int(size) for size, name in (line.split("\t") for line in lines)}
    except (OSError, ValueError):
        return None


def _foreign_folders(folder: Path, ours: dict[str, int]) -> list[str]:
    """Folders below a folder that none of its listed files is in."""
    known = {parent.as_posix() for name in ours for parent in Path(name).parents}
    folders = (entry for entry in folder.rglob("*") if entry.is_dir())
    return sorted(name for entry in folders if (name := entry.relative_to(folder).as_posix()) not in known)


def check_range(what: str, *limits: tuple[str, float, float, float]) -> None:
    """Check that arguments are in range; each is given as name, value, least and most.

    Raises:
        ArgumentError: one is not.
    """
    for name, value, least, most in limits:
        if not least <= value <= most:
            raise ArgumentError(what, name, f"must be from {least} to {most}, not {value}")


def check_look(what: str, look: str) -> None:
    """Check the look of a world.

    Raises:
        ArgumentError: there is no such look.
    """
    if look not in LOOKS:
        raise ArgumentError(what, "look", f"must be {' or '.join(LOOKS)}, not {look!r}")


def check_size(what: str, size: tuple[int, int]) -> None:
    """Check that crops of this height and width are large enough to show somebody, and small enough to draw.

    Raises:
        ArgumentError: they are not.
    """
    check_range(what, ("the height in size", size[0], 32, 1024), ("the width in size", size[1], 16, 512))
