"""Where results lie, and whether they can be written there, found out before hours are spent on them."""

import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from passerby.errors import DataError

_LONGEST_NAME = 200
"""Bytes of a file's name: systems take 255, and the name while it is written is longer."""


def expanded(path: str | Path) -> Path:
    """A path as a user gives it, `~` replaced by the home folder.

    Raises:
        DataError: something else than a path, or an empty name.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise DataError(f"a path must name a file or folder, not {path!r}")
    return Path(path).expanduser()


def expanded_paths(paths: str | Path | Iterable[str | Path], what: str) -> list[Path]:
    """One path or several as a user gives them, at least one.

    Raises:
        DataError: something else, or none at all; `what` says what was to be named.
    """
    if isinstance(paths, str | os.PathLike):
        return [expanded(paths)]
    if not isinstance(paths, Iterable):
        raise DataError(f"{what} must be a path or several, not {paths!r}")
    several = [expanded(each) for each in paths]
    if not several:
        raise DataError(f"no {what} are named")
    return several


def checked_folder(path: str | Path) -> Path:
    """The folder that a user names for results, see `check_output_folder`."""
    folder = expanded(path)
    check_output_folder(folder)
    return folder


def seed_folders(folder: Path, *holding: str) -> dict[int, Path]:
    """The folders `seed-N` inside a folder, by N in ascending order.

    Args:
        folder: of the runs of several seeds, or of their evaluations.
        holding: names of files, of which each folder has one at least.
    """
    numbered = {
        int(named[1]): each
        for each in folder.glob("seed-*")
        if (named := re.fullmatch(r"seed-(0|[1-9][0-9]*)", each.name))
    }
    return {
        seed: numbered[seed] for seed in sorted(numbered) if any((numbered[seed] / name).is_file() for name in holding)
    }


def check_output_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written into, found out by trying in the nearest folder that is there.

    Permissions alone do not tell: some places let nobody write whatever they say, such as /proc or a full disk. What is
    tried has a name of its own, so that processes which ask at once do not remove what another one needs.

    Raises:
        DataError: a file or a broken link is in the way, or the folder is not writable.
    """
    existing = folder
    try:
        existing = _nearest(folder)
        if existing.is_dir():
            with tempfile.TemporaryDirectory(dir=existing, prefix=".passerby-") as tried:
                (Path(tried) / "file").write_bytes(b"\0")
            return
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{existing}: cannot be written into ({reason}): choose another place with --out") from error
    kind = "a file" if existing.exists() else "a link that leads nowhere"
    raise DataError(f"{folder}: cannot be a folder, for {existing} is {kind}: choose another place with --out")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there, or what is there in its place."""
    for place in (folder, *folder.parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            place.lstat()
            return place
    return Path(folder.anchor)


def check_output_file(file: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse a file that cannot be written, or whose suffix does not say what is written into it.

    Raises:
        DataError: another suffix, a name too long, a folder, pipe or device, or what `check_output_folder` refuses.
    """
    if file.suffix.lower() not in suffixes:
        raise DataError(f"{file}: its name must end in {' or '.join(suffixes)}")
    if len(os.fsencode(file.name)) > _LONGEST_NAME:
        raise DataError(f"{file.name[:60]}…: is too long for the name of a file: take at most {_LONGEST_NAME} bytes")
    if file.is_dir():
        raise DataError(f"{file}: is a folder: name a file")
    if file.exists() and not file.is_file():
        raise DataError(f"{file}: is a pipe or a device, which would be replaced: name a file")
    check_output_folder(file.parent)


def check_not_input(file: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write over what is read.

    Raises:
        DataError: the file is one of the inputs.
    """
    if any(file.resolve() == each.resolve() for each in inputs):
        raise DataError(f"{file} is also the input, which would be lost: name another file to write")


def default_cache_folder() -> Path:
    """The folder of what can be made or fetched again: `$PASSERBY_CACHE`, or `~/.cache/passerby`."""
    named = os.environ.get("PASSERBY_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "passerby"
