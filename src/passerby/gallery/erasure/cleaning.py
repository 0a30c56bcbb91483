"""Get what was deleted out of the files, also after whoever deleted it was killed.

Each erasure leaves a mark in the transaction that deletes; whoever cleans takes away the marks that were there before
the cleaning began, and no other: what others delete meanwhile is cleaned by them, or by whoever opens the gallery next.
"""

import secrets

from passerby.gallery.database import Database, Transaction
from passerby.gallery.nearest.forgetting import forget_erased
from passerby.gallery.schema import write_setting
from passerby.gallery.written.files import remove_outdated

_MARK = "unclean"


def mark_unclean(transaction: Transaction) -> None:
    """Note, in the transaction that deletes, that the files still hold what is deleted."""
    write_setting(transaction, f"{_MARK} {secrets.token_hex(8)}", "1")


def unclean_marks(transaction: Transaction) -> list[str]:
    """The marks of erasures whose files are not clean yet."""
    rows = transaction.rows("SELECT key FROM settings WHERE key LIKE ? ORDER BY key", (f"{_MARK}%",))
    return [row[0] for row in rows]


def clean(database: Database) -> int:
    """Remove deleted rows from the files, and files that were written from them, and note that this is done.

    Returns:
        How many files that were written from the gallery were removed.
    """
    with database.reading() as transaction:
        marks = unclean_marks(transaction)
    removed = remove_outdated(database)
    forget_erased(database)
    database.purge()
    with database.writing() as transaction:
        transaction.run_many("DELETE FROM settings WHERE key = ?", [(mark,) for mark in marks])
    return removed


def clean_if_needed(database: Database) -> None:
    """Finish erasures that were interrupted before the files were clean."""
    with database.reading() as transaction:
        marks = unclean_marks(transaction)
    if marks:
        clean(database)
