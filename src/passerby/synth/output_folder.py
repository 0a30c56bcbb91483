"""Folders that appear complete or not at all, and that never replace what somebody else put there."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from passerby.errors import DataError

DESCRIPTION = "synth.json"
"""The file by which a folder of ours is recognised; it holds the arguments that made it."""


@contextmanager
def fresh_folder(folder: Path, description: dict[str, Any]) -> Iterator[Path]:
    """A temporary folder to fill, which takes the place of `folder` when all went well.

    Args:
        folder: created with its parents, or replaced if it was made here before.
        description: what is in it; written as `synth.json`.

    Raises:
        DataError: the folder is a file, or holds something else.
    """
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        made, old = Path(temporary) / "made", Path(temporary) / "old"
        made.mkdir()
        yield made
        entries = sorted(entry.name for entry in made.iterdir())
        text = json.dumps({**description, "holds": entries}, indent=2)
        (made / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        made.rename(folder)


def refuse_foreign(folder: Path) -> None:
    """Refuse to touch a folder that holds anything which was not written here.

    Raises:
        DataError: it does, or it is a file.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder for the synthetic world")
    found = {entry.name for entry in folder.iterdir()}
    foreign = sorted(found - _ours(folder))
    if foreign:
        what = foreign[0] if DESCRIPTION in found else f"data without {DESCRIPTION}"
        raise DataError(f"{folder} is not an earlier synthetic world: it holds {what}; name an empty or a new folder")


def check_range(what: str, *limits: tuple[str, float, float, float]) -> None:
    """Refuse arguments out of range; each is given as name, value, least and most.

    Raises:
        DataError: one is.
    """
    for name, value, least, most in limits:
        if not least <= value <= most:
            raise DataError(f"{what}: {name} must be from {least} to {most}, not {value}")


def _ours(folder: Path) -> set[str]:
    """Names that an earlier run wrote into the folder."""
    file = folder / DESCRIPTION
    try:
        held = json.loads(file.read_text(encoding="utf-8"))["holds"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {DESCRIPTION, *map(str, held)}
