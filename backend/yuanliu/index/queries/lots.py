# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""What the public page of a lot tells beside the batch itself: steps, sales in sum, names, parents, farmers."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes
from yuanliu.index.queries import sql
from yuanliu.index.queries.batches import RECALLED_NOW, RECORD, record_of
from yuanliu.index.queries.rows import Ancestor, Record, Sales, Signer
from yuanliu.index.tables import unwrap
from yuanliu.records import Kind

MAX_STEPS: Final = 200
"""Most steps of a journey that one page tells."""

MAX_ANCESTORS: Final = 64
"""Most batches of a tree that one page tells."""


def steps(db: Connection, id_: bytes, *, limit: int = MAX_STEPS) -> tuple[Record, ...]:
    """Give a batch's records without its sales, in order; of more than `limit` the latest."""
    found = sql.rows(
        db,
        f"{RECORD} WHERE batch = :batch AND kind <> {int(Kind.SOLD)} ORDER BY number DESC LIMIT :limit",
        batch=hexes.word(id_),
        limit=limit,
    )
    return tuple(map(record_of, reversed(found)))


def sales(db: Connection, id_: bytes) -> Sales:
    """Sum up what was paid for a batch's units, and how it was shared."""
    names = ("amount", "farmers", "cooperative", "platform")
    sums = ", ".join(sql.money_sums(name, _DIGITS) for name in names)
    row = sql.rows(
        db,
        f"SELECT COUNT(*), MIN(time), MAX(time), {sql.unit_sums('units')}, {sums} FROM sale WHERE batch = :batch",
        batch=hexes.word(id_),
    )[0]
    count, first, last, *rest = row
    parts = rest[2:]
    size = len(parts) // len(names)
    amounts = [sql.money(parts[i : i + size]) for i in range(0, len(parts), size)]
    return Sales(count, first, last, sql.units(rest[:2]), *amounts)


_DIGITS: Final = 39


def signers(db: Connection, addresses: Iterable[str]) -> dict[str, Signer]:
    """Give code and roles of actors by their addresses; who is no actor is left out. Raises `HexError`."""
    keys = [hexes.address_bytes(each) for each in dict.fromkeys(addresses)]
    listed, values = _listed(keys)
    found = sql.rows(
        db, f"SELECT actor, code, roles FROM actor WHERE actor IN ({listed})", **values
    )
    return {sql.address(row.actor): Signer(row.code, row.roles) for row in found}


def makings(db: Connection, ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """Give the records that made batches, by batch: it is they that hold the goods' names."""
    listed, values = _listed(ids)
    made = f"{int(Kind.REGISTERED)}, {int(Kind.DERIVED)}"
    found = sql.rows(
        db,
        f"SELECT batch, data FROM record WHERE batch IN ({listed}) AND kind IN ({made})",
        **values,
    )
    return {row.batch: row.data for row in found}


def farmers_of(db: Connection, id_: bytes) -> int:
    """Count the farmers whose deliveries are in a batch, or in what it was made from."""
    found = sql.rows(
        db,
        # CROSS JOIN has SQLite go from the few to the many; a plain JOIN reads every member there is.
        f"{_UP} SELECT COUNT(DISTINCT m.member) FROM up CROSS JOIN member m"
        f" WHERE m.batch = up.id AND length(m.member) = {hexes.ADDRESS_BYTES}",
        id=hexes.word(id_),
    )
    return int(found[0][0])


def ancestry(db: Connection, id_: bytes, *, limit: int = MAX_ANCESTORS) -> tuple[Ancestor, ...]:
    """Give what a batch was made from, parent by parent, each with what went from it into its child, in milligrams.

    A batch with two children in the tree stands there twice. Nearest first, at most `limit`.
    """
    found: list[Ancestor] = []
    known: set[bytes] = set()
    row = [hexes.word(id_)]
    while row and len(found) < limit:
        listed, values = _listed(row)
        known.update(row)
        arrows = sql.rows(
            db,
            "SELECT l.child, l.parent, l.milligrams, b.gtin, b.lot, b.cooperative, b.time,"
            f" b.id IN ({RECALLED_NOW}) AS recalled"
            f" FROM lineage l JOIN batch b ON b.id = l.parent WHERE l.child IN ({listed})"
            " ORDER BY l.child, b.place LIMIT :most",
            most=limit - len(found) + 1,
            **values,
        )
        found.extend(map(_ancestor, arrows))
        row = [id_ for id_ in dict.fromkeys(each.parent for each in arrows) if id_ not in known]
    return tuple(found[:limit])


def _ancestor(row: Any) -> Ancestor:  # noqa: ANN401 -- a row of SQLAlchemy
    return Ancestor(
        child=row.child,
        batch=row.parent,
        milligrams=unwrap(row.milligrams),
        gtin=sql.gtin(row.gtin),
        lot=row.lot,
        cooperative=sql.address(row.cooperative),
        time=row.time,
        recalled=bool(row.recalled),
    )


_UP: Final = (
    "WITH RECURSIVE up(id) AS (SELECT b.id FROM batch b WHERE b.id = :id UNION"
    " SELECT l.parent FROM lineage l JOIN up ON l.child = up.id)"
)


def _listed(keys: Sequence[bytes]) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {f"k{i}": key for i, key in enumerate(keys)}
    return ", ".join(f":{name}" for name in values) or "NULL", values
