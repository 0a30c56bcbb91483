"""The folder that `passerby track` writes: what lies where, whose it is, and one process at a time in it."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.atomic_files import sweep_temporaries, write_text_atomically
from passerby.errors import DataError
from passerby.json_text import json_text
from passerby.output_lock import alone_at
from passerby.printable import printable

_RECORD = "track.json"
_LATER = ("join",)
"""Parts of a request that are done last, so that another one may ask for them while the work is unfinished."""


@dataclass(frozen=True)
class TrackFolder:
    """The places in an output folder.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def table(self) -> Path:
        """All observed boxes of all tracklets, one a row."""
        return self.path / "tracklets.parquet"

    @property
    def dropped(self) -> Path:
        """The tracks that were not kept, one a row."""
        return self.path / "dropped.parquet"

    @property
    def page(self) -> Path:
        """The page that shows both."""
        return self.path / "report.html"

    @property
    def crops(self) -> Path:
        """Pictures of tracklets, a folder for each source."""
        return self.path / "crops"

    @property
    def dropped_crops(self) -> Path:
        """A picture of each track that was not kept."""
        return self.path / "dropped"

    @property
    def drawn(self) -> Path:
        """Videos with boxes and ids."""
        return self.path / "drawn"

    @property
    def work(self) -> Path:
        """What an interrupted command goes on from; gone when all is done."""
        return self.path / "work"

    @property
    def record(self) -> Path:
        """What was asked for, and in the end what came of it."""
        return self.path / _RECORD

    def outcome(self) -> dict[str, Any] | None:
        """What came of it; None while that is not known."""
        found: dict[str, Any] | None = _read_record(self.record).get("outcome") if self.record.is_file() else None
        return found

    def abandon(self) -> None:
        """Let another request have the folder, if nothing has come of this one yet."""
        if not self.table.exists() and not any(each.is_file() for each in self.work.rglob("*")):
            shutil.rmtree(self.work, ignore_errors=True)
            self.record.unlink()

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Write what came of it, and let go of what was for an interruption."""
        request = _read_record(self.record)["request"]
        write_text_atomically(self.record, json_text({"request": request, "outcome": outcome}) + "\n")
        shutil.rmtree(self.work, ignore_errors=True)


@contextmanager
def claimed_folder(out: Path, request: Mapping[str, Any], *, replace: bool = False) -> Iterator[TrackFolder]:
    """The output folder, for this process alone, either new or of the same request; what is done last may differ.

    Args:
        out: the folder.
        request: what is asked for, for JSON.
        replace: begin anew, whatever `passerby track` left there before; the same request goes on where it was
            interrupted.

    Raises:
        DataError: another process works in it, or it holds the tracklets of another request, or something else.
    """
    folder = TrackFolder(out)
    with alone_at(out / "tracklets"):
        if replace and folder.record.is_file() and not _is_unfinished(folder, json.loads(json_text(request))):
            _clear(folder)
        if folder.record.is_file():
            _take_over(folder, json.loads(json_text(request)))
            sweep_temporaries(out, alone=True)
        else:
            sweep_temporaries(out, alone=True)
            others = [each.name for each in sorted(out.iterdir()) if each.name != ".tracklets.lock"]
            if others:
                raise DataError(f"{out}: holds something else ({printable(others[0])}): name a new folder with --out")
            write_text_atomically(folder.record, json_text({"request": request}) + "\n")
        yield folder


def _is_unfinished(folder: TrackFolder, request: dict[str, Any]) -> bool:
    before = _read_record(folder.record)
    earlier = before["request"] | {key: request.get(key) for key in _LATER}
    return earlier == request and "outcome" not in before


def _take_over(folder: TrackFolder, request: dict[str, Any]) -> None:
    """Refuse another request than the folder's, unless only what is done last differs and the folder is unfinished."""
    before = _read_record(folder.record)["request"]
    may_differ = _LATER if folder.outcome() is None else ()
    different = [key for key in {**before, **request} if before.get(key) != request.get(key) and key not in may_differ]
    if different:
        raise DataError(
            f"{folder.path}: holds the tracklets of another command, with other {' and '.join(different)}: name a new "
            "folder with --out, or begin anew with --replace"
        )
    if before != request:
        for place in (folder.crops, folder.dropped_crops):
            shutil.rmtree(place, ignore_errors=True)  # the other request may have chosen others
        write_text_atomically(folder.record, json_text({"request": request}) + "\n")


def _read_record(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
        if isinstance(content, dict) and isinstance(content.get("request"), dict):
            return content
    except (OSError, ValueError, RecursionError):
        pass
    raise DataError(f"{file}: is not what passerby track wrote: name a new folder with --out")


def _clear(folder: TrackFolder) -> None:
    """Remove what the command writes, its record last, so that a folder that was half cleared is known as its own."""
    for place in (folder.work, folder.crops, folder.dropped_crops, folder.drawn):
        shutil.rmtree(place, ignore_errors=True)
    for file in (folder.table, folder.dropped, folder.page, folder.record):
        file.unlink(missing_ok=True)
