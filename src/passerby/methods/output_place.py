"""Whether results can be written where they shall go, found out before hours are spent on them."""

import tempfile
from contextlib import suppress
from pathlib import Path

from passerby.errors import DataError


def check_output_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made or written into, found out by doing so; nothing of it stays.

    Permissions alone do not tell: some places let nobody write whatever they say, such as /proc or a full disk.

    Raises:
        DataError: a file is in the way, or the folder is not writable.
    """
    existing = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
    if not existing.is_dir():
        raise DataError(f"{folder}: cannot be a folder, for {existing} is a file: choose another place with --out")
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".passerby-") as file:
            file.write(b"\0")
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{existing}: cannot be written into ({reason}): choose another place with --out") from error
    finally:
        for place in missing:
            with suppress(OSError):  # it was not made, or another process has put something there
                place.rmdir()


def check_output_file(file: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse a file that cannot be written, or whose suffix does not say what is written into it.

    Raises:
        DataError: another suffix, a folder of that name, or what `check_output_folder` refuses.
    """
    if file.suffix.lower() not in suffixes:
        raise DataError(f"{file}: its name must end in {' or '.join(suffixes)}")
    if file.is_dir():
        raise DataError(f"{file}: is a folder: name a file")
    check_output_folder(file.parent)
