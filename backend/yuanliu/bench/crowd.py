"""A copy with a million events to look things up among: invented batches of 30 true records each.

Records are as the contracts write them, with real EPCIS payloads, and each journal's hash chain is right. The file is
kept in the cache and made anew when this module or the tables change.
"""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from yuanliu import database, epcis, identifiers, journal, records
from yuanliu.database import Family, open_database, upgrade
from yuanliu.index.abi import Row
from yuanliu.index.store import Store
from yuanliu.settings import Settings

RECORDS: Final = 30
"""Records of a batch."""

ANCESTORS: Final = 1_000
"""Ancestors of the last batch; each of them has two or three parents itself."""

BLOCKS: Final = 100
"""All invented records stand in blocks before this one."""

GTIN: Final = f"0690123400001{identifiers.check_digit('690123400001')}"
REPORT: Final = b"%PDF-1.4\n% what the laboratory wrote\n%%EOF\n"
"""The report that every invented inspection names."""

_COOP: Final = b"\xc0" * 20
_LAB: Final = b"\x1a" * 20
_CARRIER: Final = b"\xca" * 20
_TOKEN: Final = b"\x70" * 20
_NOBODY: Final = bytes(20)
_TX: Final = bytes(32)
_TERMS: Final = 1_000_001
_LOT: Final = "LOT-{:07d}"
_START: Final = 1_750_000_000
_SOLD_EACH: Final = 6
_PLACES: Final = 1_000
_STEP: Final = 500
_SHIPPING: Final = "https://ref.gs1.org/cbv/BizStep-shipping"


def lot(number: int) -> str:
    """Give the lot number of a batch."""
    return _LOT.format(number)


def batch_id(number: int) -> bytes:
    """Give the id of a batch."""
    return journal.batch_id("0x" + _COOP.hex(), identifiers.gtin_number(GTIN), lot(number))


def prepare(cache: Path, events: int, said: Callable[[str], None] = lambda _: None) -> Path:
    """Give the file of a copy with so many events, made now or before."""
    file = cache / f"crowd-{events}-{_version()}.db"
    if not file.exists():
        said(f"inventing {events:,} events, once: the file is kept in {cache}")
        folder = cache / f"crowd.{os.getpid()}"
        engine = open_database(Settings(data_dir=folder, database_url=None), Family.COPY)
        upgrade(engine, Family.COPY)
        _fill(Store(engine), events // RECORDS)
        engine.dispose()  # SQLite then writes everything into the one file
        (folder / f"{Family.COPY}.db").replace(file)
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
    return file


def _version() -> str:
    migrations = Path(database.__file__).parent / "migrations" / Family.COPY / "versions"
    sources = [Path(__file__), *sorted(migrations.glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _fill(store: Store, batches: int) -> None:
    templates = _templates()
    gtin, price = identifiers.gtin_number(GTIN), "1".zfill(29)
    terms = (2, _TERMS, gtin, _COOP, _TOKEN, 3334, 5000, 1666, _COOP, price, _TOKEN, _COOP, 1, _TX)
    with store.writing() as db:
        store.insert(db, "actor", [(1, _COOP, _COOP, 2, "COOP-CROWD", _COOP, 1, _TX)])
        store.insert(db, "terms", [terms])
        store.insert(db, "product", [(3, gtin, _COOP, "KGM", _COOP, 1, _TX)])
    for first in range(0, batches, _STEP):
        rows: dict[str, list[Row]] = {}
        for number in range(first, min(first + _STEP, batches)):
            _batch(rows, number, templates)
            if number >= batches - ANCESTORS:
                _parents(rows, number, batches - ANCESTORS - 1)
        with store.writing() as db:
            for name, added in rows.items():
                store.insert(db, name, added)


def _batch(rows: dict[str, list[Row]], number: int, templates: list[tuple[int, bytes]]) -> None:
    def add(table: str, *row: object) -> None:
        rows.setdefault(table, []).append(row)

    id_, name, start = batch_id(number), lot(number), (number + 1) * _PLACES
    gtin, when, mass = identifiers.gtin_number(GTIN), _START + number, 10**8
    farmer = hashlib.sha256(b"farmer %d" % (number % 5_000)).digest()[:20]
    price = "300".zfill(29)
    add("batch", start, id_, _COOP, gtin, name, _TERMS, 10_000, 1_000, 0, None, price, mass,
        farmer, when, _TX)  # fmt: skip
    add("member", start, 0, id_, 0, farmer, mass, number + 1)
    add("move", start, 0, id_, _NOBODY, _COOP, 10_000)
    head = journal.genesis(31_337, "0x" + _COOP.hex(), id_)
    thing = f"https://id.gs1.org/01/{GTIN}/10/{name}"
    for i, (kind, template) in enumerate(templates):
        place, at = start + 2 * i, when + 3_600 * i
        data = template[:2] + at.to_bytes(8) + template[10:].replace(_MARK, name.encode())
        previous, head = head, journal.next_head(head, data)
        actor = data[10:30]
        add("record", place, id_, i, kind, at, actor, actor, previous, head, data, _TX)
        document = None
        if kind == records.Kind.SOLD:
            shares = tuple(str(fen).zfill(39) for fen in (300, 180, 90, 30))
            order = journal.record_hash(data)
            add("sale", place, id_, actor, order, actor, 1, *shares, at, _TX)
            add("move", place, 1, id_, _COOP, actor, 1)
            document = b'{"type":"TransactionEvent"}'
        micro = at * 1_000_000
        add("event", place, 0, id_, "ObjectEvent", "OBSERVE", micro, micro, _SHIPPING, None, None,
            None, None, head, None, document)  # fmt: skip
        add("event_thing", thing, place, 0)


def _parents(rows: dict[str, list[Row]], number: int, oldest: int) -> None:
    """Let a batch be made from the one before it, and from two far older ones."""
    age = number - oldest
    for sub, parent in enumerate(sorted({age // 3, age // 2, age - 1})):
        row = ((number + 1) * _PLACES, sub, batch_id(number), batch_id(oldest + parent), 10**6)
        rows.setdefault("lineage", []).append(row)


_MARK: Final = lot(0).encode()


def _templates() -> list[tuple[int, bytes]]:
    """Give kind and bytes of each record of a batch, with the lot number of batch 0."""
    when = datetime(2026, 4, 12, 8, 30, tzinfo=UTC)
    goods = epcis.Lot(GTIN, lot(0), 10_000, "KGM")
    place = "https://id.yuanliu.example/place/orchard-12"
    measured = [
        epcis.Measurement(
            substance=f"https://id.yuanliu.example/substance/{name}",
            value=Decimal("0.11"),
            limit=Decimal("0.5"),
            limit_source="GB 2763-2026",
            method="GB 23200.121",
        )
        for name in ("imidacloprid", "bifenthrin", "acetamiprid")
    ]
    cold = epcis.Temperature(Decimal("2.1"), Decimal("7.9"), Decimal("4.5"), when, when)
    bodies: list[tuple[bytes, records.Body]] = []
    for i in range(RECORDS):
        details = {"note": f"pruned by hand, row {i}", "round": i}
        grown = epcis.produced(when, goods, place=place, step="growing", details=details)
        bodies.append((_COOP, records.Production(epcis.payload(grown))))
        if i % _SOLD_EACH == _SOLD_EACH - 1:
            buyer = hashlib.sha256(b"buyer %d" % i).digest()[:20]
            sold = records.Sold(i, "0x" + buyer.hex(), 1, 300, 180, 90, 30)
            bodies[i] = buyer, sold
        elif i % _SOLD_EACH == 3:  # noqa: PLR2004 -- the fourth
            moved = epcis.moved(when, goods, step="shipping", place=place, temperature=cold)
            bodies[i] = _CARRIER, records.Logistics(epcis.payload(moved))
        elif i == _SOLD_EACH + 1:
            tested = epcis.inspected(when, goods, place=place, laboratory="LAB-0001",
                report_sha256=hashlib.sha256(REPORT).hexdigest(), conformant=True, measurements=measured)  # fmt: skip
            bodies[i] = _LAB, records.Inspection(conformant=True, payload=epcis.payload(tested))
    return [(body.KIND, _encoded(actor, body)) for actor, body in bodies]


def _encoded(actor: bytes, body: records.Body) -> bytes:
    address = "0x" + actor.hex()
    return records.encode(records.Record(_START, address, address, body))
