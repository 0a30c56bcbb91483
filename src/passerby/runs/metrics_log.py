"""`metrics.jsonl`: one JSON object per line and epoch, whole lines even after a kill."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from passerby.atomic_files import naming, write_text_atomically
from passerby.errors import RecipeError
from passerby.json_text import json_text


def write_line(file: Path, values: dict[str, Any]) -> None:
    """Append one object; numbers that are not finite become null, for JSON has none."""
    with naming(file), file.open("a", encoding="utf-8") as stream:
        stream.write(_line(values))


def write_lines(file: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Replace the content of the file; nothing is created for no lines."""
    if lines or file.exists():
        write_text_atomically(file, "".join(map(_line, lines)))


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a file, none where it is missing; a last line that a kill cut off is left out.

    Raises:
        RecipeError: another line is damaged.
    """
    if not file.exists():
        return []
    texts = file.read_bytes().splitlines()
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):  # not JSON, or nested without end
            line = None
        if isinstance(line, dict):
            lines.append(line)
        elif number < len(texts):
            raise RecipeError(f"{file}: line {number} is damaged: remove it, then resume again")
    return lines


def _line(values: dict[str, Any]) -> str:
    return json_text(values, indent=None) + "\n"
