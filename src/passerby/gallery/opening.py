"""Open a gallery where it is kept."""

from pathlib import Path

from passerby.errors import GalleryError
from passerby.gallery.database import Database
from passerby.gallery.erasure.cleaning import clean_if_needed
from passerby.gallery.schema import is_empty, prepare
from passerby.gallery.stores.postgres import PostgresDatabase, without_password
from passerby.gallery.stores.sqlite import FILE, SqliteDatabase


def open_database(location: str | Path, *, create: bool = False) -> Database:
    """The database of a gallery: a folder's SQLite file, or a PostgreSQL server.

    Args:
        location: a folder, or `postgresql://…`.
        create: make a gallery where there is none.

    Raises:
        GalleryError: there is no gallery, or it cannot be opened.
    """
    if is_address(location):
        return _opened(PostgresDatabase(str(location)), create=create)
    folder = Path(location).expanduser()
    if not create and not (folder / FILE).is_file():
        raise GalleryError(f"{folder}: there is no gallery; `passerby index` makes one from videos")
    if not create and not (folder / FILE).stat().st_size:
        raise GalleryError(f"{folder / FILE}: is empty: move it away, and restore a backup")
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    return _opened(SqliteDatabase(folder), create=create)


def is_address(location: str | Path) -> bool:
    """Whether a gallery is on a server, not in a folder."""
    return str(location).startswith(("postgresql://", "postgres://"))


def shown_location(location: str | Path) -> str:
    """A gallery's folder or address as messages show it: without a password."""
    return without_password(str(location))[0] if is_address(location) else str(location)


def _opened(database: Database, *, create: bool) -> Database:
    try:
        if not create and is_empty(database):
            raise GalleryError(f"{database.location}: there is no gallery; `passerby index` makes one from videos")
        prepare(database)
        clean_if_needed(database)
    except BaseException:
        database.close()
        raise
    return database
