"""Lists of image files, in an order that does not depend on the file system."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from passerby.errors import DataError

SUFFIXES_OF_FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k"),
}
"""The formats that are read, whatever a file is called, and the suffixes by which images are listed.

An explicit list: Pillow knows more, some of which start other programs (PostScript is handed to Ghostscript).
"""

IMAGE_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES_OF_FORMATS.values() for suffix in suffixes)


def is_image(name: str) -> bool:
    """Whether a file name is an image's; hidden files, such as the `._*.jpg` that macOS leaves in archives, are not."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - fast


def image_files(folder: Path, *, recursive: bool = False, others: Counter[str] | None = None) -> list[str]:
    """The images of a folder, sorted, as POSIX paths relative to it; with `recursive` those of its sub-folders too.

    Links are followed, unless they lead back to a folder that holds them.

    Args:
        folder: to list.
        recursive: whether to list what is below its sub-folders.
        others: with `recursive`, the suffixes of visible files that are no images are counted in it.
    """
    if not recursive:
        return sorted(name for name in _entries(folder) if is_image(name))
    return sorted(_images_below(folder, "", (), Counter() if others is None else others))


def describe_others(others: Counter[str]) -> str:
    """`3 .heic, 1 without suffix`, for messages."""
    return examples((f"{count:,} {suffix or 'without suffix'}" for suffix, count in others.most_common()), 5)


def _images_below(folder: Path, prefix: str, above: tuple[str, ...], others: Counter[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir():
                    if is_image(entry.name):
                        yield prefix + entry.name
                    elif not entry.name.startswith("."):
                        others[os.path.splitext(entry.name)[1].lower()] += 1  # noqa: PTH122 - fast
                elif not entry.name.startswith("."):
                    yield from _images_below(folder / entry.name, f"{prefix}{entry.name}/", (*above, real), others)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


def sub_folders(folder: Path) -> list[str]:
    """The names of the visible folders in a folder, sorted."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


def missing_files(root: Path, paths: Iterable[str]) -> list[str]:
    """Those of the relative paths that are no file under `root`, in their order.

    Every folder is listed once, which for millions of images is many times faster than asking for each.
    """
    listed = list(paths)
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in listed:
        by_folder[path.rpartition("/")[0]].append(path)
    missing: set[str] = set()
    for folder, members in by_folder.items():
        try:
            with os.scandir(root / folder) as entries:
                present = {entry.name for entry in entries if entry.is_file()}
        except OSError:
            present = set()  # no such folder: all its files are missing
        missing.update(path for path in members if path.rpartition("/")[2] not in present)
    return [path for path in listed if path in missing] if missing else []


def examples(names: Iterable[str], shown: int = 3) -> str:
    """`a, b, c and 4 more`, for messages."""
    listed = list(names)
    more = f" and {len(listed) - shown:,} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names, not objects: a folder may hold millions
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
