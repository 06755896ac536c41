# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""Batches as they are now, and their journals."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes, identifiers
from yuanliu.epcis import Lot
from yuanliu.index.payloads import BODY_AT
from yuanliu.index.queries import sql
from yuanliu.index.queries.custody import balance
from yuanliu.index.queries.rows import Batch, Correction, Recall, Record, State
from yuanliu.index.tables import REGULATOR, unwrap
from yuanliu.records import Kind

_COLUMNS: Final = """b.place, b.id, b.cooperative, b.gtin, b.lot, p.unit, b.terms, b.units, b.milligrams_per_unit,
 b.loss, b.transformation, b.price, b.total_weight, b.farmer, b.time, b.tx, t.floor_per_unit, t.token,
 (SELECT price.price FROM price WHERE price.batch = b.id ORDER BY price.place DESC LIMIT 1) AS new_price,
 (SELECT s.conformant FROM safety s WHERE s.batch = b.id AND s.kind IN (6, 16) ORDER BY s.place DESC LIMIT 1)
   AS conformant,
 (SELECT r.number FROM record r WHERE r.batch = b.id ORDER BY r.number DESC LIMIT 1) AS last_number,
 (SELECT r.head FROM record r WHERE r.batch = b.id ORDER BY r.number DESC LIMIT 1) AS head"""

_FROM: Final = " FROM batch b JOIN product p ON p.gtin = b.gtin JOIN terms t ON t.id = b.terms"

_HELD: Final = (
    "EXISTS (SELECT 1 FROM safety s WHERE s.batch = b.id AND s.kind = 6 AND s.conformant = FALSE AND NOT EXISTS"
    " (SELECT 1 FROM safety n WHERE n.batch = b.id AND n.kind IN (6, 16) AND n.place > s.place))"
)

RECALLED_NOW: Final = (
    "SELECT s.batch FROM safety s WHERE s.kind = 17 AND NOT EXISTS"
    " (SELECT 1 FROM safety n WHERE n.batch = s.batch AND n.kind IN (17, 18) AND n.place > s.place)"
)
"""Batches that are recalled themselves."""

_REACHED: Final = (
    f"WITH RECURSIVE reached(id) AS ({RECALLED_NOW} UNION"
    " SELECT l.child FROM lineage l JOIN reached ON l.parent = reached.id) "
)

_MOVED: Final = (
    "COALESCE((SELECT SUM(units >> 32) * 4294967296 + SUM(units & 4294967295) FROM move"
    " WHERE move.batch = b.id AND {} = b.cooperative), 0)"
)

_STATES: Final = {
    State.HELD: _HELD,
    State.RECALLED: "b.id IN (SELECT id FROM reached)",
    State.ON_SALE: f"NOT {_HELD} AND b.id NOT IN (SELECT id FROM reached)"
    f" AND {_MOVED.format('receiver')} <> {_MOVED.format('sender')}",
}


def batch(db: Connection, id_: bytes) -> Batch | None:
    """Give a batch as it is now, or none."""
    found = sql.rows(db, f"SELECT {_COLUMNS}{_FROM} WHERE b.id = :id", id=hexes.word(id_))
    return next(iter(_batches(db, found)), None)


def whole_lot(db: Connection, id_: bytes) -> Lot | None:
    """Give all units of a batch, as an event about it names them, or none. Cheaper than `batch`."""
    row = sql.first(
        db, f"SELECT b.gtin, b.lot, b.units, p.unit{_FROM} WHERE b.id = :id", id=hexes.word(id_)
    )
    return None if row is None else Lot(sql.gtin(row.gtin), row.lot, unwrap(row.units), row.unit)


def find_batch(db: Connection, gtin: str, lot: str) -> Batch | None:
    """Give the batch of a product's lot, or none. Raises `IdentifierError` for a GTIN that is none."""
    found = sql.rows(
        db,
        f"SELECT {_COLUMNS}{_FROM} WHERE b.gtin = :gtin AND b.lot = :lot ORDER BY b.place DESC LIMIT 1",
        gtin=identifiers.gtin_number(gtin),
        lot=lot,
    )
    return next(iter(_batches(db, found)), None)


def lots_of(
    db: Connection, gtin: str, *, after: int | None = None, limit: int = 50
) -> tuple[Batch, ...]:
    """Give the batches of a product, newest first. Raises `IdentifierError`."""
    return batches(db, gtin=gtin, after=after, limit=limit)


def batches(
    db: Connection,
    *,
    cooperative: str | None = None,
    gtin: str | None = None,
    state: State | None = None,
    since: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> tuple[Batch, ...]:
    """Give batches, newest first; those registered from the time `since` on. Raises `HexError`, `IdentifierError`."""
    conditions: dict[str, tuple[str, object]] = {
        "cooperative": ("b.cooperative = :cooperative", sql.address_key(cooperative)),
        "gtin": (
            "b.gtin = :gtin",
            None if gtin is None else identifiers.gtin_number(gtin),
        ),
        "since": ("b.time >= :since", since),
    }
    if state is not None:
        conditions["any"] = (f":any = 1 AND {_STATES[state]}", 1)  # a condition without a value
    prefix = _REACHED if state in (State.RECALLED, State.ON_SALE) else ""
    found = sql.page(
        db,
        f"{prefix}SELECT {_COLUMNS}{_FROM}",
        conditions,
        place="b.place",
        after=after,
        limit=limit,
    )
    return tuple(_batches(db, found))


def _batches(db: Connection, found: Sequence[Any]) -> Iterable[Batch]:
    recalled = _recalls(db, [row.id for row in found])
    for row in found:
        yield Batch(
            place=row.place,
            id=row.id,
            cooperative=sql.address(row.cooperative),
            gtin=sql.gtin(row.gtin),
            lot=row.lot,
            unit=row.unit,
            terms=row.terms,
            units=unwrap(row.units),
            for_sale=balance(db, row.id, row.cooperative),
            sold=sql.units(sql.rows(db, _SOLD, batch=row.id)[0]),
            milligrams_per_unit=row.milligrams_per_unit,
            loss=None if row.loss is None else unwrap(row.loss),
            transformation=row.transformation,
            price=int(row.price if row.new_price is None else row.new_price),
            floor=int(row.floor_per_unit),
            token=sql.address(row.token),
            total_weight=unwrap(row.total_weight),
            farmer=sql.maybe_address(row.farmer),
            held=row.conformant is not None and not row.conformant,
            recalls=recalled.get(row.id, ()),
            records=row.last_number + 1,
            head=row.head,
            time=row.time,
            transaction=sql.transaction(row.tx),
        )


_SOLD: Final = f"SELECT {sql.unit_sums('units')} FROM sale WHERE batch = :batch"


# ---------------------------------------------------------------------- recalls


def _recalls(db: Connection, ids: Sequence[bytes]) -> dict[bytes, tuple[Recall, ...]]:
    """Give the recalls in force on batches, their own and those of their ancestors."""
    if not ids or sql.first(db, "SELECT 1 FROM safety WHERE kind = 17 LIMIT 1") is None:
        return {}
    current = {row.batch for row in sql.rows(db, RECALLED_NOW)}
    if not current:
        return {}
    found: dict[bytes, tuple[Recall, ...]] = {}
    for id_ in ids:
        family = [row.id for row in sql.rows(db, _UPWARD, id=id_)]
        if reached := [member for member in family if member in current]:
            found[id_] = tuple(_recall(db, member) for member in reached)
    return found


_UPWARD: Final = (
    "WITH RECURSIVE up(id) AS (SELECT b.id FROM batch b WHERE b.id = :id UNION"
    " SELECT l.parent FROM lineage l JOIN up ON l.child = up.id) SELECT id FROM up"
)


def _recall(db: Connection, id_: bytes) -> Recall:
    row = sql.first(
        db,
        "SELECT actor, time, data FROM record WHERE batch = :batch AND kind = 17 ORDER BY number DESC LIMIT 1",
        batch=id_,
    )
    assert row is not None  # noqa: S101 -- a recall has its record
    return Recall(
        batch=id_,
        by=sql.address(row.actor),
        reason=row.data[BODY_AT:].decode("utf-8", "replace"),
        since=row.time,
    )


# ---------------------------------------------------------------------- journals

RECORD: Final = (
    "SELECT place, batch, number, kind, time, actor, signer, previous, head, data, tx FROM record"
)


def records(
    db: Connection, id_: bytes, *, first: int = 0, limit: int = 10_000
) -> tuple[Record, ...]:
    """Give a batch's records in order, from number `first` on, at most `limit`: ask on from the last one's number."""
    found = sql.rows(
        db,
        f"{RECORD} WHERE batch = :batch AND number >= :first ORDER BY number LIMIT :limit",
        batch=hexes.word(id_),
        first=first,
        limit=limit,
    )
    return tuple(map(record_of, found))


def record(db: Connection, id_: bytes, number: int) -> Record | None:
    """Give a record by its number in the journal, or none."""
    found = sql.first(
        db,
        f"{RECORD} WHERE batch = :batch AND number = :number",
        batch=hexes.word(id_),
        number=number,
    )
    return None if found is None else record_of(found)


def record_at(db: Connection, place: int) -> Record | None:
    """Give the record whose log stands at this place, or none."""
    found = sql.first(db, f"{RECORD} WHERE place = :place", place=place)
    return None if found is None else record_of(found)


def corrections(db: Connection, id_: bytes) -> tuple[Correction, ...]:
    """Give which records of a batch were declared wrong, and by whom, in order."""
    found = []
    for row in sql.rows(
        db, f"{RECORD} WHERE batch = :batch AND kind = 9 ORDER BY number", batch=hexes.word(id_)
    ):
        wrong = row.data[BODY_AT : BODY_AT + 32]
        corrective = row.data[BODY_AT + 32 : BODY_AT + 64]
        at = {
            named.head: named
            for named in sql.rows(
                db,
                "SELECT r.head, r.number, r.actor, a.roles FROM record r LEFT JOIN actor a ON a.actor = :actor"
                " WHERE r.batch = :batch AND (r.head = :wrong OR r.head = :corrective)",
                batch=id_,
                actor=row.actor,
                wrong=wrong,
                corrective=corrective,
            )
        }
        first, second = at.get(wrong), at.get(corrective)
        heeded = first is not None and (
            first.actor == row.actor or bool((first.roles or 0) & REGULATOR)
        )
        found.append(
            Correction(
                place=row.place,
                number=row.number,
                actor=sql.address(row.actor),
                wrong=wrong,
                wrong_number=first.number if first else None,
                corrective=corrective,
                corrective_number=second.number if second else None,
                heeded=heeded,
                time=row.time,
            )
        )
    return tuple(found)


def record_of(row: Any) -> Record:  # noqa: ANN401 -- a row of SQLAlchemy
    """Read a row of the table."""
    return Record(
        place=row.place,
        batch=row.batch,
        number=row.number,
        kind=Kind(row.kind),
        time=row.time,
        actor=sql.address(row.actor),
        signer=sql.address(row.signer),
        previous=row.previous,
        head=row.head,
        data=row.data,
        transaction=sql.transaction(row.tx),
        block=sql.block_of(row.place),
        log_index=sql.log_of(row.place),
    )
