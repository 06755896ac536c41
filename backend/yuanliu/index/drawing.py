"""Draws EPCIS events from the facts: the payloads of records, and what the contracts wrote themselves.

It is a second stage with a place of its own in the cursor, because an event costs some 200 µs (strict JSON, shape and
rules, terms, the standard's hash), ten times what its facts cost. What is no valid event stays a record; here it gets
the code of what is wrong with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, TextClause, bindparam, text

from yuanliu import records
from yuanliu.epcis import from_records as written
from yuanliu.epcis import hashing, payloads
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.terms import MATCHED, terms
from yuanliu.epcis.validation import validate_event
from yuanliu.errors import YuanliuError
from yuanliu.index.abi import Row
from yuanliu.index.payloads import payload_of
from yuanliu.index.served import Document, hash_of, namespaces_of
from yuanliu.index.store import Cursor, Store
from yuanliu.index.tables import CLIP, FARMER, LAST_LOG, unwrap

AT_ONCE: Final = 1_000
"""Facts of each kind that are drawn from in one commit: some 0.2 s."""

_KEPT: Final = 50_000
"""Batches and parties that are remembered."""

_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999."""

_FAULT: Final = 60
_COLUMNS: Final = (
    "eventType",
    "action",
    "bizStep",
    "disposition",
    "readPoint",
    "bizLocation",
    "eventID",
)

_RECORDS: Final = text(
    "SELECT place, batch, kind, time, data, tx FROM record"
    " WHERE place > :start AND place <= :end AND kind NOT IN (1, 10) ORDER BY place LIMIT :most"
)
_DELIVERIES: Final = text(
    "SELECT * FROM delivery WHERE place > :start AND place <= :end ORDER BY place LIMIT :most"
)
_VOIDED: Final = text(
    "SELECT v.place, v.time AS voided, v.reason, d.place AS booked, d.cooperative, d.receipt, d.farmer, d.gtin,"
    " d.grams, d.grade_bps, d.price_per_kg, d.signer, d.time, d.tx FROM delivery_voided v"
    " JOIN delivery d ON d.cooperative = v.cooperative AND d.receipt = v.receipt"
    " WHERE v.place > :start AND v.place <= :end ORDER BY v.place LIMIT :most"
)
_PARTIES: Final = text(
    "SELECT a.actor, a.place, a.code, a.roles, e.code AS above FROM actor a JOIN actor e ON e.actor = a.enroller"
    " WHERE a.actor IN :actors"
).bindparams(bindparam("actors", expanding=True))
_BATCHES: Final = text(
    "SELECT b.id, b.gtin, b.lot, p.unit, b.cooperative FROM batch b JOIN product p ON p.gtin = b.gtin"
    " WHERE b.id IN :ids"
).bindparams(bindparam("ids", expanding=True))
_OFFER: Final = text(
    "SELECT sender, receiver, units FROM offer WHERE batch = :batch AND number = :number"
)


@dataclass(frozen=True, slots=True)
class _Fact:
    """Something on chain that gives events: a record, a delivery booked, or one voided."""

    place: int
    source: str
    row: Any


@dataclass(slots=True)
class _Drawn:
    """Rows of events and of the things in them."""

    events: list[Row]
    things: list[Row]


class Drawer:
    """Draws the events of one copy."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parties: dict[bytes, tuple[int, written.Party]] = {}
        self._batches: dict[bytes, Any] = {}

    def forget(self) -> None:
        """Forget what was read, because the copy was rewound."""
        self._parties.clear()
        self._batches.clear()

    def draw(self, cursor: Cursor) -> Cursor:
        """Draw the next events, and give the cursor behind them; the same if all are drawn.

        Raises `CursorMoved`, `StoreBusy`.
        """
        if cursor.events >= cursor.end:
            return cursor
        with self._store.reading() as db:
            facts, upto = _facts(db, cursor)
            self._load(db, facts)
            drawn = _Drawn([], [])
            for fact in facts:
                for sub, batch, time, document, stored in self._documents(
                    db, cursor.chain_id, fact
                ):
                    _add(drawn, fact.place, sub, batch, time, document, stored)
        return self._store.draw(cursor, drawn.events, drawn.things, upto)

    # ------------------------------------------------------------------ what is known beside a fact

    def _load(self, db: Connection, facts: Sequence[_Fact]) -> None:
        """Look up the batches of facts, and everybody whom they may name."""
        if len(self._parties) > _KEPT or len(self._batches) > _KEPT:
            self.forget()
        batches = {fact.row.batch for fact in facts if fact.source == "record"}
        for row in _in_parts(db, _BATCHES, "ids", batches - self._batches.keys()):
            self._batches[row.id] = row
        named = {self._batches[id_].cooperative for id_ in batches if id_ in self._batches}
        for fact in facts:
            if fact.source == "record":
                named.update(_named(fact.row.data))
            else:
                named.update((fact.row.farmer, fact.row.cooperative))
        self._load_parties(db, named)

    def _load_parties(self, db: Connection, named: set[bytes]) -> None:
        for row in _in_parts(db, _PARTIES, "actors", named - self._parties.keys()):
            under = row.above if row.roles & FARMER else ""
            address = "0x" + row.actor.hex()
            self._parties[row.actor] = row.place, written.Party(address, row.code, under)

    def _party(self, actor: bytes, place: int) -> written.Party:
        """Give a party as it was known at that place."""
        enrolled, party = self._parties.get(actor, (place, None))
        return party if party and enrolled < place else written.Party("0x" + actor.hex())

    def _batch(self, id_: bytes, named: Sequence[bytes], place: int) -> written.Batch:
        row = self._batches[id_]
        return written.Batch(
            id=id_,
            gtin=f"{row.gtin:014d}",
            lot=row.lot,
            uom=row.unit,
            cooperative=self._party(row.cooperative, place),
            parties={"0x" + actor.hex(): self._party(actor, place) for actor in named},
        )

    # ------------------------------------------------------------------ documents

    def _documents(
        self, db: Connection, chain_id: int, fact: _Fact
    ) -> Iterator[tuple[int, bytes | None, int, Document | str, bytes | None]]:
        """Give (sub, batch, time, event or code of its fault, JSON to store) of each event of a fact."""
        row = fact.row
        if fact.source != "record":
            time = row.time if fact.source == "delivery" else row.voided
            yield 0, None, time, *_written(lambda: self._delivered(chain_id, fact))
            return
        payload = payload_of(row.data)
        if payload is not None:
            yield 0, row.batch, row.time, _parsed(payload), None
        if row.kind in _WRITTEN:
            sub = 0 if payload is None else 1
            yield sub, row.batch, row.time, *_written(lambda: self._recorded(db, chain_id, fact))

    def _recorded(self, db: Connection, chain_id: int, fact: _Fact) -> Document | None:
        """Build the event of what the contract did. Raises `YuanliuError`."""
        row = fact.row
        record = records.decode(row.data)
        batch = self._batch(row.batch, _named(row.data), fact.place)
        offer = None
        if isinstance(record.body, records.Accepted | records.Refused | records.Withdrawn):
            made = db.execute(_OFFER, {"batch": row.batch, "number": record.body.offer}).one()
            self._load_parties(db, {made.sender, made.receiver})
            offer = written.Offer(
                self._party(made.sender, fact.place),
                self._party(made.receiver, fact.place),
                unwrap(made.units),
            )
        return written.from_record(
            record, batch, _logged(chain_id, row.tx, fact.place), offer=offer
        )

    def _delivered(self, chain_id: int, fact: _Fact) -> Document:
        """Build the event of a delivery, or of its correction. Raises `YuanliuError`."""
        row = fact.row
        place = fact.place if fact.source == "delivery" else row.booked
        delivery = written.Delivery(
            time=row.time,
            receipt=unwrap(row.receipt),
            farmer=self._party(row.farmer, place),
            cooperative=self._party(row.cooperative, place),
            gtin=f"{row.gtin:014d}",
            grams=row.grams,
            grade_bps=row.grade_bps,
            price_per_kg=int(row.price_per_kg),
            signer="0x" + row.signer.hex(),
        )
        event = written.delivered(delivery, _logged(chain_id, row.tx, place))
        if fact.source == "delivery":
            return event
        reason = row.reason.decode("utf-8", "replace")
        return written.delivery_voided(event, time=row.voided, reason=reason)


_WRITTEN: Final = frozenset({3, 4, 11, 12, 13, 14, 15, 16, 17, 18})
"""Kinds of record of which the contract's own act is an event."""


def _facts(db: Connection, cursor: Cursor) -> tuple[list[_Fact], int]:
    """Give the next facts in order, and the place up to which they are all."""
    upto, facts = cursor.end, list[_Fact]()
    values = {"start": cursor.events, "end": cursor.end, "most": AT_ONCE}
    for source, statement in (
        ("record", _RECORDS),
        ("delivery", _DELIVERIES),
        ("voided", _VOIDED),
    ):
        found = db.execute(statement, values).all()
        facts.extend(_Fact(row.place, source, row) for row in found)
        if len(found) == AT_ONCE:
            upto = min(upto, found[-1].place)
    return sorted((f for f in facts if f.place <= upto), key=lambda fact: fact.place), upto


def _named(data: bytes) -> list[bytes]:
    """Give whom a record names: its actor, and a buyer or receiver."""
    start = {11: 82, 12: 54}.get(data[1])
    return [data[10:30]] if start is None else [data[10:30], data[start : start + 20]]


def _in_parts(
    db: Connection, statement: TextClause, name: str, wanted: set[bytes]
) -> Iterator[Any]:
    listed = sorted(wanted)
    for start in range(0, len(listed), 500):
        yield from db.execute(statement, {name: listed[start : start + 500]})


def _logged(chain_id: int, tx: bytes, place: int) -> written.Logged:
    return written.Logged(chain_id, "0x" + tx.hex(), place & LAST_LOG)


def _written(build: Any) -> tuple[Document | str, bytes | None]:  # noqa: ANN401 -- a function of no arguments
    """Build an event of ours, or give the code of why it cannot be."""
    try:
        document: Document = build()
    except YuanliuError as error:
        return error.code, None
    return document, orjson.dumps(document)


def _parsed(payload: bytes) -> Document | str:
    """Read and check a payload, or give the code of what is wrong with it."""
    try:
        document = _read(payload)
        validate_event(document)
    except EpcisError as error:
        return error.code
    return document


def _read(payload: bytes) -> Document:
    """Read a payload as strictly as `parse_json`, six times as fast if it is written as ours are.

    What comes out the same when written again has no key twice, and no number that readers read differently.
    """
    if (
        payload.count(b"{") + payload.count(b"[") <= payloads.MAX_DEPTH
        and b"\\u0000" not in payload
    ):
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            document = None
        if type(document) is dict and orjson.dumps(document, option=_SORTED) == payload:
            return document
    return payloads.parse_json(payload, maximum=records.MAX_PAYLOAD)


_SORTED: Final = orjson.OPT_SORT_KEYS


def _add(
    drawn: _Drawn,
    place: int,
    sub: int,
    batch: bytes | None,
    time: int,
    document: Document | str,
    stored: bytes | None,
) -> None:
    """Add an event's rows, or the code of its fault."""
    recorded = min(time, _LAST_SECOND) * 1_000_000
    fault = "epcis.time_invalid" if time > _LAST_SECOND else document
    if not isinstance(fault, str):
        try:
            texts, happened, hash_, names = _terms(fault)
        except EpcisError as error:
            fault = error.code
        else:
            kind, action, *words = texts
            drawn.events.append(
                (place, sub, batch, kind, action, happened, recorded, *words, hash_, None, stored)
            )
            drawn.things.extend((name, place, sub) for name in names)
            return
    nothing = (None,) * 6
    drawn.events.append(
        (place, sub, batch, None, None, None, recorded, *nothing, fault[:_FAULT], None)
    )


def _terms(document: Document) -> tuple[list[str | None], object, bytes | None, list[str]]:
    """Give what an event is found by: texts of `_COLUMNS`, its time, hash and things. Raises `EpcisError`."""
    namespaces = namespaces_of(document)
    found: Mapping[str, Any] = terms(document, namespaces)
    texts = [str(found[name][0])[:CLIP] if name in found else None for name in _COLUMNS]
    names = {str(name)[:CLIP] for field in MATCHED & found.keys() for name in found[field]}
    hash_ = hash_of(hashing.event_hash(document, namespaces))
    return texts, found["eventTime"][0], hash_, sorted(names)
