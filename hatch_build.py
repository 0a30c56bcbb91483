"""What a package page shows of the README: relative links and pictures lead nowhere there, and no address is known yet.

So links become their text and the path of the file in the source archive, and pictures their description. Once the
repository has a public address, `ADDRESS` makes both absolute instead.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

ADDRESS = ""
"""Of the files of this version, with a `/` at its end; empty while nobody knows it."""


def package_page(readme: str) -> str:
    """The README for a page that has none of its neighbours."""

    def picture(found: re.Match[str]) -> str:
        return f"![{found[1]}]({ADDRESS}{found[2]})" if ADDRESS else f"*{found[1]}.*"

    def link(found: re.Match[str]) -> str:
        return f"[{found[1]}]({ADDRESS}{found[2]})" if ADDRESS else f"{found[1]} (`{found[2]}`)"

    relative = r"\[([^\]]*)\]\((?![a-z]+:)([^)]+)\)"
    return re.sub(rf"(?<!!){relative}", link, re.sub(rf"!{relative}", picture, readme))


class PackagePage(MetadataHookInterface):
    """Puts it into the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling."""
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": package_page(readme)}
