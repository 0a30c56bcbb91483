"""Get what was deleted out of the files of a PostgreSQL server, as far as one can from outside.

Deleted rows stay in the tables until these are rewritten (`VACUUM FULL`), and everything that was ever written stays in
the write-ahead log: in segments that the server keeps, and in those that it renames to use them again.
"""

import struct
import time
from collections.abc import Sequence
from pathlib import Path

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction

_PATIENCE = 30.0
"""Seconds to wait for transactions that still see what was deleted."""

_MOST_SEGMENTS = 1_000


def data_directory(transaction: Transaction) -> Path | None:
    """Where the server keeps its files; None where this user may not know, or they are on another computer."""
    allowed = "SELECT pg_has_role(current_user, 'pg_read_all_settings', 'usage')"
    allowed += ", has_function_privilege('pg_control_system()', 'execute')"
    if transaction.rows(allowed) != [(True, True)]:
        return None
    ((folder, identifier),) = transaction.rows(
        "SELECT current_setting('data_directory'), (SELECT system_identifier FROM pg_control_system())"
    )
    try:
        with (Path(folder) / "global" / "pg_control").open("rb") as stream:
            (own,) = struct.unpack("=Q", stream.read(8))
    except (OSError, struct.error):
        return None
    return Path(folder) if own == identifier % (1 << 64) else None


def check_may_purge(transaction: Transaction, location: str) -> None:
    """Refuse where the user lacks a right that purging needs.

    Raises:
        GalleryError: it names what the administrator has to grant.
    """
    statement = "SELECT current_user::text, has_function_privilege('pg_switch_wal()', 'execute')"
    statement += ", has_function_privilege('pg_ls_waldir()', 'execute')"
    statement += ", pg_has_role(current_user, 'pg_checkpoint', 'usage')"
    ((user, *rights),) = transaction.rows(statement)
    grants = ("EXECUTE ON FUNCTION pg_switch_wal()", "EXECUTE ON FUNCTION pg_ls_waldir()", "pg_checkpoint")
    missing = [f'GRANT {grant} TO "{user}"' for grant, has in zip(grants, rights, strict=True) if not has]
    if missing:
        raise GalleryError(
            f"{location}: nothing was erased, because this user cannot remove it from the server's log: an "
            f"administrator has to {'; '.join(missing)}"
        )


def purge(connection: Transaction, location: str) -> None:
    """Rewrite all tables of the gallery, and overwrite the log up to now.

    Args:
        connection: outside of a transaction, each statement for itself.
        location: for messages.

    Raises:
        GalleryError: a transaction still sees what was deleted; repeat it.
    """
    _wait_for_older(connection, location)
    tables = connection.rows("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()")
    for (table,) in tables:
        connection.run(f"VACUUM (FULL, ANALYZE) {table}")
    connection.rows("SELECT pg_switch_wal()::text")
    connection.run("CHECKPOINT")
    # Old segments now bear the names of coming ones. Each switch fills a whole one with zeroes.
    for _ in range(min(len(_coming(connection)), _MOST_SEGMENTS)):
        connection.rows("SELECT pg_logical_emit_message(false, 'passerby', 'purge')::text")
        connection.rows("SELECT pg_switch_wal()::text")
    connection.run("CHECKPOINT")


def _coming(connection: Transaction) -> Sequence[str]:
    statement = "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    statement += " AND substr(name, 9) >= substr(pg_walfile_name(pg_current_wal_lsn()), 9) ORDER BY name"
    return [row[0] for row in connection.rows(statement)]


def _wait_for_older(connection: Transaction, location: str) -> None:
    """Wait for transactions that began before now: tables are rewritten with all that these may still see."""
    ((newest,),) = connection.rows("SELECT pg_current_xact_id()::text")
    older = "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
    older += " AND datname = current_database() AND age(backend_xmin) > age(xid(?::text::xid8))"
    end = time.monotonic() + _PATIENCE
    while connection.rows(older, (newest,)) != [(0,)]:
        if time.monotonic() > end:
            raise GalleryError(
                f"{location}: a transaction that has been open for {_PATIENCE:.0f} seconds still sees what was erased: "
                "end it, and open the gallery again"
            )
        time.sleep(0.05)
