"""Keys by which a service knows who asks. The gallery keeps only their SHA-256: nobody can read a key out of it.

A key is 32 random bytes, so that a plain hash is enough: what is slow to compute protects passwords, which people
choose and which can be guessed.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from passerby.errors import GalleryError
from passerby.gallery.database import Transaction
from passerby.gallery.times import moment, now
from passerby.printable import printable_line

Role = Literal["viewer", "reviewer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""

_BEGIN = "passerby-"
_LONGEST_NAME = 64


class AccessKey(NamedTuple):
    """What a gallery knows of a key.

    Attributes:
        name: of whoever has it; stands in the log as the actor.
        role: what it allows.
        made: when (UTC).
    """

    name: str
    role: Role
    made: datetime


def add_key(transaction: Transaction, name: str, role: Role) -> str:
    """Make a key; what is returned is kept nowhere.

    Raises:
        GalleryError: there is a key of this name, it is none that a log can show, or there is no such role.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or printable_line(name) != name:
        raise GalleryError(f"a key's name is a line of 1 to {_LONGEST_NAME} characters, not {printable_line(name)!r}")
    if role not in ROLES:
        raise GalleryError(f"there is no role {printable_line(str(role))!r}: it is one of {', '.join(ROLES)}")
    if transaction.rows("SELECT 1 FROM access_keys WHERE name = ?", (name,)):
        raise GalleryError(f"there is a key {name!r} already: remove it first, or take another name")
    key = _BEGIN + secrets.token_urlsafe(32)
    statement = "INSERT INTO access_keys (name, role, hash, made) VALUES (?, ?, ?, ?)"
    transaction.run(statement, (name, role, _hash(key), now()))
    return key


def remove_key(transaction: Transaction, name: str) -> None:
    """Remove a key: from now on it opens nothing.

    Raises:
        GalleryError: there is none of this name.
    """
    if not transaction.run("DELETE FROM access_keys WHERE name = ?", (name,)):
        raise GalleryError(f"there is no key {printable_line(name)!r}: `passerby gallery key list` shows them")


def read_keys(transaction: Transaction) -> list[AccessKey]:
    """All keys, by name."""
    rows = transaction.rows("SELECT name, role, made FROM access_keys ORDER BY name")
    return [AccessKey(name, role, moment(made)) for name, role, made in rows]


def find_key(transaction: Transaction, key: str) -> AccessKey | None:
    """The key that was given; None where the gallery has none like it.

    It is found by its hash, so that how long this takes tells nothing about any key.
    """
    rows = transaction.rows("SELECT name, role, made FROM access_keys WHERE hash = ?", (_hash(key),))
    return AccessKey(rows[0][0], rows[0][1], moment(rows[0][2])) if rows else None


def named_key(transaction: Transaction, name: str) -> AccessKey | None:
    """The key of a name; None where there is none."""
    rows = transaction.rows("SELECT name, role, made FROM access_keys WHERE name = ?", (name,))
    return AccessKey(rows[0][0], rows[0][1], moment(rows[0][2])) if rows else None


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
