"""Where a demonstration lies: one folder with one world in it, in which an interrupted one goes on."""

import json
from dataclasses import dataclass
from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.errors import DataError
from passerby.output_paths import check_output_folder
from passerby.printable import printable

_MARK = ".passerby-demo"


@dataclass(frozen=True)
class DemoFolder:
    """The places in the folder that `passerby demo` is given.

    Attributes:
        path: of the folder.
    """

    path: Path

    @classmethod
    def opened(cls, path: Path, seed: int) -> "DemoFolder":
        """The folder, made and marked as ours.

        Args:
            path: where.
            seed: of the world that it will hold.

        Raises:
            DataError: it holds something that no demo made, or the demo of another seed.
        """
        check_output_folder(path)
        mark = path / _MARK
        if not mark.exists():
            if path.exists() and any(path.iterdir()):
                raise DataError(f"{printable(str(path))}: holds something that is no demo: name another with --out")
            path.mkdir(parents=True, exist_ok=True)
            write_text_atomically(mark, json.dumps({"seed": seed}))
        if (there := _seed(mark)) != seed:
            known = "of an earlier version" if there is None else f"of seed {there}"
            raise DataError(f"{printable(str(path))}: holds a demo {known}: name another folder with --out")
        return cls(path)

    @property
    def world(self) -> Path:
        """The drawn videos, with the truth about them."""
        return self.path / "world"

    @property
    def cameras(self) -> Path:
        """The list of the videos, with camera and time of each, as `passerby track` and `passerby index` take it."""
        return self.path / "cameras.yaml"

    @property
    def tracklets(self) -> Path:
        """What `passerby track` makes of the videos; gone once it is measured."""
        return self.path / "tracklets"

    @property
    def gallery(self) -> Path:
        """What `passerby index` makes of them."""
        return self.path / "gallery"

    @property
    def pictures(self) -> Path:
        """Pictures of people to search for, by cameras that are not among the three."""
        return self.path / "pictures"

    @property
    def figures(self) -> Path:
        """All figures, as JSON."""
        return self.path / "metrics.json"

    @property
    def page(self) -> Path:
        """Shows everything."""
        return self.path / "demo.html"


def _seed(mark: Path) -> int | None:
    """Of which world a folder is the demo; None where that is not told."""
    try:
        found = json.loads(mark.read_text("utf-8"))["seed"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None
