"""Pages of a list of identities: only those on the page are read with their tracklets."""

from dataclasses import dataclass
from typing import Literal

from passerby.gallery.database import Row, Transaction, Value
from passerby.gallery.identities.people import Identity, read_identities

Order = Literal["tracklets", "number", "name"]


@dataclass(frozen=True)
class Listed:
    """Which identities a list has, and in which order.

    Attributes:
        order: those with most tracklets first, by number, or by name and those without one last.
        name: only those whose name holds this text, whatever its case, or whose number it is; an empty text asks for
            nothing.
        camera: only those that this camera saw.
        confirmed: only those that are, or are not.
    """

    order: Order = "tracklets"
    name: str | None = None
    camera: str | None = None
    confirmed: bool | None = None


def read_page(transaction: Transaction, listed: Listed, offset: int, limit: int) -> tuple[list[Identity], int]:
    """Some identities of a list, and how many it has in all."""
    by_name = listed.order == "name" or bool(listed.name)
    numbers, total = (_by_name if by_name else _by_number)(transaction, listed, offset, limit)
    found = {each.number: each for each in read_identities(transaction, numbers)}
    return [found[number] for number in numbers], total


def _by_number(transaction: Transaction, listed: Listed, offset: int, limit: int) -> tuple[list[int], int]:
    chosen, values = _chosen(listed)
    total: int = transaction.rows(f"SELECT count(DISTINCT identities.id) {chosen}", values)[0][0]
    order = "count(*) DESC, identities.id" if listed.order == "tracklets" else "identities.id"
    statement = f"SELECT identities.id {chosen} GROUP BY identities.id ORDER BY {order} LIMIT ? OFFSET ?"
    return [row[0] for row in transaction.rows(statement, (*values, limit, offset))], total


def _by_name(transaction: Transaction, listed: Listed, offset: int, limit: int) -> tuple[list[int], int]:
    """Names are compared here: databases fold the case of Latin letters only, or as their locale has it."""
    chosen, values = _chosen(listed)
    statement = f"SELECT identities.id, identities.name, count(*) {chosen} GROUP BY identities.id, identities.name"
    wanted = (listed.name or "").casefold()
    rows = [row for row in transaction.rows(statement, values) if _is_wanted(row[0], row[1], wanted)]
    rows.sort(key=lambda row: _place(row, listed.order))
    return [row[0] for row in rows[offset : offset + limit]], len(rows)


def _is_wanted(number: int, name: str | None, wanted: str) -> bool:
    return wanted in (name or "").casefold() or wanted.strip() == str(number)


def _chosen(listed: Listed) -> tuple[str, list[Value]]:
    """The identities of a list that have tracklets, with a row for each of these, in SQL and its values."""
    tests: list[str] = []
    values: list[Value] = []
    if listed.confirmed is not None:
        tests.append("confirmed = ?")
        values.append(int(listed.confirmed))
    if listed.camera is not None:
        tests.append("EXISTS (SELECT 1 FROM tracklets seen WHERE seen.identity = identities.id AND seen.camera = ?)")
        values.append(listed.camera)
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return f"FROM identities JOIN tracklets ON tracklets.identity = identities.id{where}", values


def _place(row: Row, order: Order) -> tuple[bool | int, str, int]:
    """Where an identity stands in a list; all end with the number, so that pages do not overlap."""
    number, name, tracklets = row
    if order == "name":
        return name is None, (name or "").casefold(), number
    return (-tracklets if order == "tracklets" else 0), "", number
