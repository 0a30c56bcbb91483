"""Remember which tracklets were erased without keeping their keys: by keyed hashes, whose key is the gallery's own."""

import hashlib
import hmac
from collections.abc import Iterable

from passerby.gallery.database import Transaction
from passerby.gallery.schema import read_setting


def remember_erased(transaction: Transaction, keys: Iterable[str]) -> None:
    """Note that these keys are not to be added again."""
    secret = read_setting(transaction, "secret") or ""
    remember_hashes(transaction, [_hash(secret, key) for key in keys])


def remember_hashes(transaction: Transaction, hashes: Iterable[str]) -> None:
    """Note the same of keys of which only the hashes are known."""
    statement = "INSERT INTO erased (hash) VALUES (?) ON CONFLICT (hash) DO NOTHING"
    transaction.run_many(statement, [(each,) for each in hashes])


def is_erased(transaction: Transaction, key: str) -> bool:
    """Whether a tracklet of this key was erased."""
    secret = read_setting(transaction, "secret") or ""
    return bool(transaction.rows("SELECT 1 FROM erased WHERE hash = ?", (_hash(secret, key),)))


def erased_among(transaction: Transaction, keys: Iterable[str]) -> list[str]:
    """Those of some keys that were erased."""
    secret = read_setting(transaction, "secret") or ""
    hashes = set(erased_hashes(transaction))
    return [key for key in keys if hashes and _hash(secret, key) in hashes]


def erased_hashes(transaction: Transaction) -> list[str]:
    """The hashes of all keys that were erased."""
    return [row[0] for row in transaction.rows("SELECT hash FROM erased ORDER BY hash")]


def gallery_mark(transaction: Transaction) -> str:
    """What tells a gallery, and the backups made of it, from others; it gives nothing away."""
    secret = read_setting(transaction, "secret") or ""
    return hashlib.sha256(b"passerby gallery " + secret.encode()).hexdigest()[:32]


def _hash(secret: str, key: str) -> str:
    return hmac.new(bytes.fromhex(secret), key.encode(), hashlib.sha256).hexdigest()
