"""Erase tracklets: from the tables, and then, provably, from the files.

The rows go in one transaction, which also writes the receipt, without personal data, and notes that files have still to
be cleaned; whoever opens the gallery after a crash in between finishes that. Then every file of the gallery is searched
for pieces of what was erased, and the receipt tells of that too.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from passerby.errors import GalleryError
from passerby.gallery.audit import write_entry
from passerby.gallery.database import Database, Transaction, in_parts
from passerby.gallery.erased_keys import remember_erased
from passerby.gallery.erasure.cleaning import clean, mark_unclean
from passerby.gallery.erasure.emptied import delete_emptied, identities_behind
from passerby.gallery.erasure.traces import Trace, find_traces, pieces
from passerby.gallery.holding import check_not_held
from passerby.gallery.schema import read_setting, write_setting
from passerby.gallery.times import moment, now
from passerby.gallery.written.files import mark_outdated, outdated_files
from passerby.printable import printable_line

_SHORTEST_TEXT = 6
_TEXTS = (
    ("tracklets", "key"),
    ("tracklets", "caption"),
    ("identities", "name"),
    ("identities", "notes"),
    ("edits", "name"),
    ("edits", "notes"),
)


_REMEDY = {
    "sqlite": "remove that file; what lies in a folder tracking-… goes when `passerby index` ends",
    "postgresql": "see what makes the server keep it: its log, replication slots, wal_keep_size, archiving",
}
_BYTES = {"picture": (("crops", "jpeg"),), "feature": (("features", "vector"), ("features", "halves"))}


@dataclass(frozen=True)
class Receipt:
    """That something was erased, without saying who it was.

    Attributes:
        erased: when (ISO 8601, UTC).
        actor: who erased.
        reason: why, in the actor's words.
        tracklets, crops, features, identities: how many of each are gone.
        pieces_searched: of what was erased, in the files.
        files_searched, bytes_searched: where they were looked for; 0 where nobody could look: on another computer, or
            when the erasure was interrupted and finished by whoever opened the gallery next.
        pieces_hash: SHA-256 over all pieces; proves later what was erased to somebody who still has it.
        files_removed: pages and pictures that were written from the gallery and showed what is erased.
        files_left: files likewise that were not removed, for they are tables of an export, were changed since, or lie
            on another computer, and files of the gallery in which a piece was found: look into them.
    """

    erased: str
    actor: str
    reason: str
    tracklets: int
    crops: int
    features: int
    identities: int
    pieces_searched: int
    files_searched: int
    bytes_searched: int
    pieces_hash: str
    files_removed: int = 0
    files_left: Sequence[str] = ()


def erase(database: Database, files: Sequence[Path], numbers: Sequence[int], actor: str, reason: str) -> Receipt:
    """Erase tracklets with all that was derived from them.

    Args:
        database: of the gallery.
        files: folders and files that the gallery consists of, searched afterwards.
        numbers: of the tracklets; those that are gone already are passed over.
        actor, reason: for the log and the receipt.

    Raises:
        GalleryError: one of them is under a legal hold (nothing is erased then), or something was found in a file
            after all: the rows are gone, and the message names the file.
    """
    database.check_may_purge()
    with database.writing() as transaction:
        check_not_held(transaction, numbers)
        keys, wanted, counts = _look_up(transaction, numbers)
        mark_unclean(transaction)
        mark_outdated(transaction, numbers)
        behind = identities_behind(transaction, numbers)
        _delete(transaction, numbers)
        remember_erased(transaction, keys)
        counts["identities"] = delete_emptied(transaction, behind, wanted)
        write_setting(transaction, "removals", str(int(read_setting(transaction, "removals") or 0) + 1))
        wanted = _telling(transaction, wanted)
        write_entry(transaction, actor, "erase", reason, dict(counts))
        receipt = _receipt(actor, reason, counts, wanted)
        number = _write_receipt(transaction, receipt)
    receipt = replace(receipt, files_removed=clean(database))
    searched = _files_below(files)
    left = _left_behind(database, find_traces(searched, wanted))
    with database.writing() as transaction:
        receipt = replace(
            receipt,
            files_searched=len(searched),
            bytes_searched=sum(file.stat().st_size for file in searched if file.exists()),
            files_left=[*outdated_files(transaction), *sorted({printable_line(str(each.file)) for each in left})],
        )
        transaction.run("UPDATE receipts SET content = ? WHERE id = ?", (json.dumps(asdict(receipt)), number))
    if left:
        raise GalleryError(
            f"{left[0].file}: still holds a {left[0].kind} of what was erased (at byte {left[0].offset}; {len(left)} "
            f"pieces in all): the gallery itself has forgotten it; {_REMEDY[database.dialect]}"
        )
    return receipt


def _receipt(actor: str, reason: str, counts: Mapping[str, int], wanted: Sequence[tuple[str, bytes]]) -> Receipt:
    """What is known of an erasure before the files were searched."""
    return Receipt(
        erased=moment(now()).isoformat(),
        actor=actor,
        reason=reason,
        tracklets=counts["tracklets"],
        crops=counts["crops"],
        features=counts["features"],
        identities=counts["identities"],
        pieces_searched=len(wanted),
        files_searched=0,
        bytes_searched=0,
        pieces_hash=hashlib.sha256(b"".join(sorted(piece for _, piece in wanted))).hexdigest(),
    )


def _write_receipt(transaction: Transaction, receipt: Receipt) -> int:
    statement = "INSERT INTO receipts (content) VALUES (?) RETURNING id"
    number: int = transaction.rows(statement, (json.dumps(asdict(receipt)),))[0][0]
    return number


def read_receipts(transaction: Transaction) -> list[Receipt]:
    """All receipts, oldest first."""
    return [Receipt(**json.loads(row[0])) for row in transaction.rows("SELECT content FROM receipts ORDER BY id")]


def _look_up(
    transaction: Transaction, numbers: Sequence[int]
) -> tuple[list[str], list[tuple[str, bytes]], dict[str, int]]:
    """Keys of the tracklets, kinds and byte strings to search for afterwards, and how many rows of a table will go."""
    keys: list[str] = []
    wanted: list[tuple[str, bytes]] = []
    counts = {"tracklets": 0, "crops": 0, "features": 0, "identities": 0}
    for some, marks in in_parts(numbers):
        texts = transaction.rows(f"SELECT key, caption FROM tracklets WHERE id IN ({marks})", some)
        counts["tracklets"] += len(texts)
        keys += [key for key, _ in texts]
        wanted += [("name", text.encode()) for row in texts for text in row if text is not None]
        crops = transaction.rows(f"SELECT jpeg FROM crops WHERE tracklet IN ({marks})", some)
        counts["crops"] += len(crops)
        wanted += [("picture", piece) for (jpeg,) in crops for piece in pieces(jpeg)]
        features = transaction.rows(f"SELECT vector, halves FROM features WHERE tracklet IN ({marks})", some)
        counts["features"] += len(features)
        wanted += [("feature", piece) for row in features for kept in row if kept is not None for piece in pieces(kept)]
    return keys, wanted, counts


def _delete(transaction: Transaction, numbers: Sequence[int]) -> None:
    for some, marks in in_parts(numbers):
        transaction.run(f"DELETE FROM tracklets WHERE id IN ({marks})", some)
    transaction.run("DELETE FROM calibrations")


def _telling(transaction: Transaction, wanted: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """What can be searched for: texts that are long enough, and no part of a text that remains."""
    told = [each for each in wanted if each[0] != "name"]
    for text in sorted({piece.decode() for kind, piece in wanted if kind == "name"}):
        if len(text) >= _SHORTEST_TEXT and not any(_stands_in(transaction, *place, text) for place in _TEXTS):
            told.append(("name", text.encode()))
    return sorted(set(told))


def _left_behind(database: Database, found: Mapping[bytes, Trace]) -> list[Trace]:
    """Traces of what no remaining row holds too: pictures begin alike, and two tracklets may have one feature."""
    position = "instr({}, ?)" if database.dialect == "sqlite" else "position(?::bytea IN {})"
    left = []
    with database.reading() as transaction:
        for piece, trace in found.items():
            places = _BYTES.get(trace.kind, ())
            remains = any(
                transaction.rows(f"SELECT 1 FROM {table} WHERE {position.format(column)} > 0 LIMIT 1", (piece,))
                for table, column in places
            )
            if not remains:
                left.append(trace)
    return left


def _stands_in(transaction: Transaction, table: str, column: str, text: str) -> bool:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    statement = f"SELECT 1 FROM {table} WHERE {column} LIKE ? ESCAPE '\\' LIMIT 1"
    return bool(transaction.rows(statement, (f"%{escaped}%",)))


def _files_below(places: Sequence[Path]) -> list[Path]:
    found = [place for place in places if place.is_file()]
    found += [file for place in places if place.is_dir() for file in place.rglob("*") if file.is_file()]
    return sorted(set(found))
