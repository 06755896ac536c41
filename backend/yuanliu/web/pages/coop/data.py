"""What a cooperative's pages and tables need to know: its products by name, its people, its money."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from itertools import islice
from typing import Final

import orjson

from yuanliu import epcis
from yuanliu.database import Connection
from yuanliu.epcis.description import NOTHING, Description
from yuanliu.index import queries as q
from yuanliu.index.payloads import payload_of
from yuanliu.records import RecordError
from yuanliu.web.messages import Language
from yuanliu.web.pages.consumer_story import named
from yuanliu.web.services import Services

MAX_PRODUCTS: Final = 200
_LOTS_LOOKED_AT: Final = 10
_WHOLE_BPS: Final = 10_000
_GRAMS_PER_KILOGRAM: Final = 1_000
_PAGE: Final = 200
_GRAMS_PER_JIN: Final = 500


@dataclass(frozen=True)
class Product:
    """A product, called as on the pack of its last lot; before the first lot it has no name but its number."""

    gtin: str
    unit: str
    terms: q.Terms | None
    description: Description
    last: q.Batch | None

    @property
    def name_zh(self) -> str:
        """Its Chinese name, or ""."""
        return self.description.name("zh")

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it has."""
        both = (self.description.name_zh, self.description.name_en)
        return tuple(name for name in both if name)

    def name(self, language: Language) -> str:
        """Give its name; its number if it has none."""
        return self.description.name(language) or self.gtin


def products(db: Connection, party: str) -> list[Product]:
    """Give a cooperative's products, newest first, called as on the latest lot that was given a name."""
    found = []
    for row in q.products(db, cooperative=party, limit=MAX_PRODUCTS):
        latest = q.batches(db, cooperative=party, gtin=row.gtin, limit=_LOTS_LOOKED_AT)
        said = descriptions(db, latest)
        called = (said[batch.id] for batch in latest if said[batch.id].name("zh"))
        found.append(
            Product(
                gtin=row.gtin,
                unit=row.unit,
                terms=None if row.in_force is None else q.terms(db, row.in_force),
                description=next(called, NOTHING),
                last=next(iter(latest), None),
            )
        )
    return found


def descriptions(db: Connection, batches: Sequence[q.Batch]) -> dict[bytes, Description]:
    """Give how goods are called on their packs, by batch; nothing, if it was not said or cannot be read."""
    made = q.makings(db, [batch.id for batch in batches]) if batches else {}
    return {batch.id: named(made.get(batch.id))[0] for batch in batches}


def event_of(record: q.Record) -> epcis.Event:
    """Give the event of a record; an empty one if there is none or it cannot be read."""
    try:
        payload = payload_of(record.data)
        event = orjson.loads(payload) if payload else {}
    except (RecordError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


def worth(row: q.Delivery) -> int:
    """Give what the price on the receipt makes of a delivery, in fen, rounded down; for the receipt only."""
    whole = row.grams * row.price_per_kg * row.grade_bps
    return whole // (_GRAMS_PER_KILOGRAM * _WHOLE_BPS)


def in_jin(grams: int) -> str:
    """Write grams in jin (斤) of 500 g: 60750 → `121.5`."""
    return f"{Decimal(grams) / _GRAMS_PER_JIN:,.3f}".rstrip("0").rstrip(".")


def per_jin(price_per_kg: int) -> str:
    """Write the price of a jin in yuan, of that of a kilogram in fen: 2400 → `12.00`, 2401 → `12.005`."""
    return f"{Decimal(price_per_kg) / 200:.3f}".removesuffix("0")


def names(wired: Services, party: str) -> dict[str, str]:
    """Give the names that a cooperative calls its farmers by, by address. They never leave the desk."""
    found: dict[str, str] = {}
    after = ""
    while rows := wired.accounts.listed(manager=party, after=after, limit=_PAGE):
        found |= {row.party: row.display_name for row in rows if row.party and row.party != party}
        after = rows[-1].login
    return found


class Parties:
    """Calls actors by their codes, and organisations by their names; asks for each once.

    `nobody` is what somebody without a code is called: a buyer.
    """

    def __init__(self, wired: Services, db: Connection, nobody: str) -> None:
        self._wired, self._db, self._nobody = wired, db, nobody
        self._known: dict[str, str] = {}

    def code(self, address: str) -> str:
        """Give an actor's code."""
        if address not in self._known:
            found = q.actor(self._db, address)
            self._known[address] = found.code if found else self._nobody
        return self._known[address]

    def title(self, actors: Sequence[q.Actor]) -> list[tuple[str, str]]:
        """Give address and title (code and name) of organisations, by code."""
        called = self._wired.accounts.names([row.address for row in actors])
        pairs = [
            (row.address, f"{row.code} {called.get(row.address, '')}".strip()) for row in actors
        ]
        return sorted(pairs, key=lambda pair: pair[1])


def payouts(db: Connection, party: str, *, limit: int) -> Iterator[tuple[str, q.Payout]]:
    """Give lot and payout of all money of a cooperative's batches, newest first."""

    def of(batch: q.Batch) -> Iterator[tuple[str, q.Payout]]:
        after: tuple[int, int] | None = None
        while rows := q.payouts(db, batch=batch.id, after=after, limit=_PAGE):
            yield from ((batch.lot, row) for row in rows)
            after = (rows[-1].place, rows[-1].sub)

    batches: list[q.Batch] = []
    while rows := q.batches(
        db, cooperative=party, after=batches[-1].place if batches else None, limit=_PAGE
    ):
        batches += rows
    sold = [batch for batch in batches if batch.sold or not batch.farmer]
    found = merge(*map(of, sold), key=lambda pair: (-pair[1].place, -pair[1].sub))
    return islice(found, limit)
