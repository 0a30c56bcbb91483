"""The notebooks in `examples/` are the tutorials: `python docs/hooks/notebooks.py` writes them from their pages."""

import json
import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TUTORIALS = ROOT / "docs" / "tutorials"
EXAMPLES = ROOT / "examples"


def notebook(page: Path) -> str:
    """A tutorial as the text of a notebook: its Python in cells for code, everything else in cells for text."""
    parts = re.split(r"^```python\n(.*?)^```\n", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    cells = [_cell(number, part, code=number % 2 == 1) for number, part in enumerate(parts) if part.strip()]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def notebook_of(page: Path) -> Path:
    """Where a tutorial's notebook lies."""
    return EXAMPLES / f"{page.stem.replace('-', '_')}.ipynb"


def _cell(number: int, text: str, *, code: bool) -> dict[str, Any]:
    source = (text if code else _relinked(text)).strip("\n").splitlines(keepends=True)
    kind: dict[str, Any] = (
        {"cell_type": "code", "execution_count": None, "outputs": []} if code else {"cell_type": "markdown"}
    )
    return {"id": f"cell-{number}", "metadata": {}, "source": source, **kind}


def _relinked(text: str) -> str:
    """Links as they are from the folder of examples."""

    def moved(link: re.Match[str]) -> str:
        if "://" in link[1]:
            return link[0]
        return f"]({os.path.relpath(TUTORIALS / link[1], EXAMPLES)}{link[2] or ''})"

    return re.sub(r"\]\(([^)#\s]+)(#[^)\s]*)?\)", moved, text)


if __name__ == "__main__":
    for each in sorted(TUTORIALS.glob("*.md")):
        notebook_of(each).write_text(notebook(each), encoding="utf-8")
