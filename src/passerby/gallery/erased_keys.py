"""Remember which tracklets were erased without keeping their keys: by keyed hashes, whose key is the gallery's own."""

import hashlib
import hmac
from collections.abc import Iterable

from passerby.gallery.database import Transaction
from passerby.gallery.schema import read_setting


def remember_erased(transaction: Transaction, keys: Iterable[str]) -> None:
    """Note that these keys are not to be added again."""
    statement = "INSERT INTO erased (hash) VALUES (?) ON CONFLICT (hash) DO NOTHING"
    secret = read_setting(transaction, "secret") or ""
    transaction.run_many(statement, [(_hash(secret, key),) for key in keys])


def is_erased(transaction: Transaction, key: str) -> bool:
    """Whether a tracklet of this key was erased."""
    secret = read_setting(transaction, "secret") or ""
    return bool(transaction.rows("SELECT 1 FROM erased WHERE hash = ?", (_hash(secret, key),)))


def erased_among(transaction: Transaction, keys: Iterable[str]) -> list[str]:
    """Those of some keys that were erased."""
    secret = read_setting(transaction, "secret") or ""
    hashes = {row[0] for row in transaction.rows("SELECT hash FROM erased")}
    return [key for key in keys if hashes and _hash(secret, key) in hashes]


def _hash(secret: str, key: str) -> str:
    return hmac.new(bytes.fromhex(secret), key.encode(), hashlib.sha256).hexdigest()
