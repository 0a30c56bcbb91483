"""Which sources are tracked: names, cameras and what else is known of each."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from passerby.config import check_settings
from passerby.errors import DataError, RecipeError
from passerby.output_paths import expanded
from passerby.printable import printable
from passerby.recipe_section import Finite, Probability, Section
from passerby.recipe_yaml import read_yaml
from passerby.video.reading import is_stream, parse_start, shown_name, time_zone_named

LIST_SUFFIXES = (".yaml", ".yml")
_LONGEST_NAME = 80
_LONGEST_OFFSET = 10**9


class ListedSource(Section):
    """A source as a list of sources describes it."""

    source: str
    """A file, a folder of frames, or an address; relative to the list."""
    camera: str | None = None
    """The camera's name; none: the source's own."""
    start: str | datetime | None = None
    """When it began, such as 2026-05-01T08:00:00+02:00."""
    clock_offset: Annotated[Finite, Field(ge=-_LONGEST_OFFSET, le=_LONGEST_OFFSET)] = 0.0
    """Seconds to add to the camera's clock so that it is right."""
    threshold: Probability | None = None
    """Lowest score of a detection; none: as for all sources."""
    region: str | list[tuple[Finite, Finite]] | None = None
    """Where people count: a mask image or a file of polygons, or corners, x and y as shares of the picture."""


@dataclass(frozen=True)
class TrackedSource:
    """A source that is tracked.

    Attributes:
        name: unique, and fit for the name of a file.
        location: the file or folder, absolute, or the address; with the password, so never shown.
        camera: the camera's name.
        start: when it began, with a time zone, as the user says; None where the user does not.
        clock_offset: seconds added to that and to what the source says itself.
        threshold: lowest score of a detection; None as for all sources.
        region: a file, or the corners of a polygon as shares of the picture; None for the whole picture.
    """

    name: str
    location: str
    camera: str
    start: datetime | None = None
    clock_offset: float = 0.0
    threshold: float | None = None
    region: str | tuple[tuple[float, float], ...] | None = None

    @property
    def live(self) -> bool:
        """Whether it is a stream, which cannot be read a second time."""
        return is_stream(self.location)

    @property
    def shown(self) -> str:
        """Its location without a password."""
        return shown_name(self.location)

    def record(self) -> dict[str, Any]:
        """What makes it the same source when the command is given again; for JSON."""
        return {
            "name": self.name,
            "location": self.shown,
            "camera": self.camera,
            "start": None if self.start is None else self.start.isoformat(),
            "clock_offset": self.clock_offset,
            "threshold": self.threshold,
            "region": self.region
            if self.region is None or isinstance(self.region, str)
            else [list(p) for p in self.region],
            "stamp": None if self.live else file_stamp(Path(self.location)),
        }


def resolve_sources(
    given: Sequence[str | Path | Mapping[str, Any]],
    *,
    cameras: Sequence[str] = (),
    start: str | datetime | None = None,
    time_zone: str | None = None,
) -> list[TrackedSource]:
    """The sources that a user names.

    Args:
        given: files, folders of frames, addresses, lists of sources (.yaml), and mappings with the keys of
            `ListedSource`.
        cameras: `CAMERA` for all sources, or `SOURCE=CAMERA` for one.
        start: when the one source began.
        time_zone: of times that name none.

    Raises:
        DataError: there are none, one is not there or is named twice, or a camera or start fits none of them.
        RecipeError: a list has an unknown key or a value that does not fit.
    """
    listed = [each for one in given for each in _listed(one)]
    if not listed:
        raise DataError("no videos are named: give files, folders of frames, or addresses of streams")
    if start is not None and len(listed) > 1:
        raise DataError(
            f"the start is that of one source, not of {len(listed)}: list them in a .yaml file with a start each, or "
            "--set reading.start_pattern"
        )
    zone = None if time_zone is None else time_zone_named(time_zone)
    sources = []
    for each, name in zip(listed, _names([each.source for each in listed]), strict=True):
        began = _start(each.source, each.start if start is None else start, zone)
        region = each.region if each.region is None or isinstance(each.region, str) else tuple(each.region)
        sources.append(
            TrackedSource(name, each.source, each.camera or name, began, each.clock_offset, each.threshold, region)
        )
    return _with_cameras(sources, cameras)


def _start(source: str, start: str | datetime | None, zone: tzinfo | None) -> datetime | None:
    if start is None:
        return None
    if is_stream(source):
        raise DataError(f"{shown_name(source)}: a stream's frames are stamped as they arrive: leave out its start")
    try:
        return parse_start(start if isinstance(start, str) else start.isoformat(), zone)
    except DataError as error:
        raise DataError(f"{shown_name(source)}: {error}") from error


def _listed(given: str | Path | Mapping[str, Any]) -> list[ListedSource]:
    if isinstance(given, Mapping):
        return [_located(_described(given), Path.cwd())]
    if not is_stream(given) and expanded(given).suffix.lower() in LIST_SUFFIXES:
        return _read_list(expanded(given))
    return [_located(ListedSource(source=os.fspath(given)), Path.cwd())]


def _read_list(file: Path) -> list[ListedSource]:
    name = printable(str(file))
    try:
        content = read_yaml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: cannot be read: give a list of sources in YAML") from error
    except RecipeError as error:
        raise RecipeError(f"{name}: is not YAML: {error}") from None
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise DataError(f"{name}: must be a list of sources, each with a key 'source'")
    listed = []
    for number, each in enumerate(content, start=1):
        try:
            listed.append(_located(_described(each), file.parent))
        except RecipeError as error:
            raise RecipeError(f"{name}: source {number}: {error}") from None
    return listed


def _described(source: Mapping[str, Any]) -> ListedSource:
    return check_settings(
        ListedSource, source, kind="key of a source", listing=f"a source has {', '.join(ListedSource.model_fields)}"
    )


def _located(listed: ListedSource, folder: Path) -> ListedSource:
    """The same with absolute paths, and seen to be there."""
    region = listed.region
    if isinstance(region, str):
        region = str((folder / expanded(region)).absolute())
    if is_stream(listed.source):
        return listed.model_copy(update={"region": region})
    path = (folder / expanded(listed.source)).absolute()
    if not path.exists():
        raise DataError(f"{printable(str(path))}: is not there: give a video, a folder of frames or an address")
    return listed.model_copy(update={"source": str(path), "region": region})


def _names(locations: list[str]) -> list[str]:
    """A name for each source, from its file's; from its folder's too where that is not enough."""
    short = [_clean(_stem(location)) for location in locations]
    counts = Counter(short)
    names = [
        name if counts[name] == 1 else _clean(f"{Path(location).parent.name}-{name}")
        for name, location in zip(short, locations, strict=True)
    ]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"two sources would both be called {twice[0]!r}: name each once, and rename files that are alike"
        )
    return names


def _stem(location: str) -> str:
    if is_stream(location):
        return shown_name(location).partition("://")[2]
    path = Path(location)
    return path.name if path.is_dir() else path.stem


def _clean(name: str) -> str:
    """A name of letters, digits, `.`, `-` and `_`, which every file system takes and no page has to escape."""
    cleaned = re.sub(r"[^\w.-]+", "_", name).strip("._-")
    return cleaned.encode()[:_LONGEST_NAME].decode(errors="ignore") or "source"


def _with_cameras(sources: list[TrackedSource], cameras: Sequence[str]) -> list[TrackedSource]:
    for given in cameras:
        whose, equals, camera = given.rpartition("=")
        fits = [not equals or whose in (each.name, each.shown, Path(each.location).name) for each in sources]
        if not any(fits) or not camera.strip():
            names = ", ".join(each.name for each in sources[:5])
            raise DataError(f"--camera {printable(given)}: no source is called {printable(whose)!r}: they are {names}")
        sources = [
            replace(each, camera=camera.strip()) if fit else each for each, fit in zip(sources, fits, strict=True)
        ]
    return sources


def file_stamp(path: Path) -> list[int]:
    """Size and time of change of a file; of a folder, of the files in it and how many there are."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    return [len(files), sum(each.st_size for each in stats), max((each.st_mtime_ns for each in stats), default=0)]
