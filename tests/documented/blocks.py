"""The blocks of code in the documentation, and which of them say why they are not run."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<content>.*?)^(?P=indent)```$",
    re.M | re.S,
)


class Block(NamedTuple):
    """A block of a page, and why it is not run, if it is not."""

    line: int
    language: str
    content: str
    reason: str | None


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in these languages, also those inside of tabs."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            textwrap.dedent(found["content"]),
            found["reason"],
        )
        for found in _BLOCK.finditer(text)
        if found["language"] in languages
    ]
