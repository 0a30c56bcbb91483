"""Where passerby writes: the cache, the current folder and the system's temporary one; how much room each has."""

import os
import shutil
import tempfile
from pathlib import Path

from passerby.errors import DataError
from passerby.output_paths import check_output_folder, default_cache_folder
from passerby.workflows.doctor.findings import Finding, without_home

TOPIC = "Places"

_GIB = 2**30
_LITTLE_ROOM = 1 * _GIB
_SETTINGS = ("PASSERBY_CACHE", "PASSERBY_OFFLINE", "PASSERBY_ZOO_MIRROR")
"""Of the environment; whether they are set is told, not what an address holds."""


def place_findings() -> list[Finding]:
    """The three places, and what the environment sets."""
    cache = default_cache_folder()
    places = {
        "cache": (cache, "name another with PASSERBY_CACHE, or free some"),
        "current folder": (Path.cwd(), "name other folders with --out, or free some"),
        "temporary files": (Path(tempfile.gettempdir()), "name another folder with TMPDIR, or free some"),
    }
    found = [_place(name, folder, remedy) for name, (folder, remedy) in places.items()]
    found.append(Finding(TOPIC, "in the cache", f"{_size(cache) / _GIB:.2f} GiB, which can be made or fetched again"))
    named = [name for name in _SETTINGS if os.environ.get(name)]
    return [
        *found,
        Finding(TOPIC, "environment", f"{', '.join(named)} set" if named else "nothing of passerby's is set"),
    ]


def _place(name: str, folder: Path, remedy: str) -> Finding:
    shown = without_home(folder)
    try:
        check_output_folder(folder)
    except DataError:
        return Finding(TOPIC, name, f"{shown}: cannot be written into", "problem", remedy)
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    value = f"{shown}, {free / _GIB:.1f} GiB free"
    return Finding(TOPIC, name, value, "problem", remedy) if free < _LITTLE_ROOM else Finding(TOPIC, name, value)


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile is left out."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118  # a third of the time of Path
            except OSError:
                continue
    return total
