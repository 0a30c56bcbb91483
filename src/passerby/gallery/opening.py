"""Open a gallery where it is kept."""

from pathlib import Path

from passerby.errors import GalleryError
from passerby.gallery.database import Database
from passerby.gallery.erasing import clean_if_needed
from passerby.gallery.schema import prepare
from passerby.gallery.sqlite import FILE, SqliteDatabase


def open_database(location: str | Path, *, create: bool = False) -> Database:
    """The database of a gallery: a folder's SQLite file, or a PostgreSQL server.

    Args:
        location: a folder, or `postgresql://…`.
        create: make a gallery where there is none.

    Raises:
        GalleryError: there is no gallery, or it cannot be opened.
    """
    if str(location).startswith(("postgresql://", "postgres://")):
        raise GalleryError("a gallery on a PostgreSQL server is not supported yet: name a folder")
    folder = Path(location).expanduser()
    if not create and not (folder / FILE).is_file():
        raise GalleryError(f"{folder}: there is no gallery; `passerby index` makes one from videos")
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    database = SqliteDatabase(folder)
    prepare(database)
    clean_if_needed(database)
    return database
