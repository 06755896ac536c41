"""What an auditor asked for, as the address says it: bookmarkable, and refused field by field where it is wrong."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import Request

from yuanliu import digital_link, hexes, identifiers
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries import cards
from yuanliu.index.queries.audit import Scope
from yuanliu.web.pages.frame import CHINA
from yuanliu.web.services import Copy

FIELDS: Final = ("cooperative", "batch", "farmer", "from", "to")
"""The filters, as they stand in an address."""

_LONGEST: Final = 120
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_BATCH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_EARLIEST: Final = date(2020, 1, 1)
_LATEST: Final = date(2100, 1, 1)


@dataclass
class Asked:
    """The filters as they were entered, what they mean, and what is wrong with each (a key of the area's texts)."""

    values: dict[str, str]
    scope: Scope = field(default_factory=Scope)
    errors: dict[str, str] = field(default_factory=dict)
    cooperative: q.Actor | None = None
    farmer: q.Actor | None = None
    batch: q.Batch | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything is asked for."""
        return not any(self.values.values())

    def query(self, **more: object) -> str:
        """Write the filters as a query, with more behind them."""
        given = {name: text for name, text in self.values.items() if text}
        return urlencode(given | {name: str(text) for name, text in more.items() if text})

    def link(self, path: str, **more: object) -> str:
        """Give an address with these filters."""
        query = self.query(**more)
        return f"{path}?{query}" if query else path


def asked(request: Request, db: Copy) -> Asked:
    """Read the filters of a request."""
    given = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in FIELDS}
    found = Asked(given)
    if given["cooperative"]:
        found.cooperative = _cooperative(found, db, given["cooperative"])
    if given["batch"]:
        found.batch = _batch(found, db, given["batch"])
    if given["farmer"]:
        found.farmer = _farmer(found, db, given["farmer"])
    since, until = _day(found, "from"), _day(found, "to")
    if since is not None and until is not None and until < since:
        found.errors["to"] = "to_before_from"
    found.scope = Scope(
        cooperative=found.cooperative.address if found.cooperative else None,
        batch=found.batch.id if found.batch else None,
        farmer=found.farmer.address if found.farmer else None,
        since=None if since is None else _midnight(since),
        until=None if until is None else _midnight(until + timedelta(days=1)),
    )
    return found


def _cooperative(found: Asked, db: Copy, text: str) -> q.Actor | None:
    listed = cards.cooperatives_of(db, text.lower() if _ADDRESS.fullmatch(text) else text)
    if len(listed) != 1:
        found.errors["cooperative"] = "cooperative_several" if listed else "cooperative_unknown"
        return None
    return listed[0]


def _farmer(found: Asked, db: Copy, text: str) -> q.Actor | None:
    if _ADDRESS.fullmatch(text):
        by_address = q.actor(db, text.lower())
        listed: tuple[q.Actor, ...] = () if by_address is None else (by_address,)
    elif found.cooperative is not None:
        listed = cards.farmers_of_card(db, found.cooperative.address, text)
    else:
        listed = cards.farmers_of_code(db, text)
    if len(listed) != 1:
        found.errors["farmer"] = "farmer_several" if listed else "farmer_unknown"
        return None
    return listed[0]


def _batch(found: Asked, db: Copy, text: str) -> q.Batch | None:
    """Find a batch by its id, the link of its label, GTIN/lot, or the lot alone."""
    try:
        if _BATCH.fullmatch(text):
            by_id = q.batch(db, bytes.fromhex(text[2:]))
            listed = [] if by_id is None else [by_id]
        else:
            listed = _of_lot(db, text)
    except (YuanliuError, hexes.HexError):
        listed = []
    if len(listed) != 1:
        found.errors["batch"] = "batch_several" if listed else "batch_unknown"
        return None
    return listed[0]


def _of_lot(db: Copy, text: str) -> list[q.Batch]:
    if "/01/" in text:
        link = digital_link.parse_digital_link(text if "://" in text else f"https://x.test{text}")
        pairs = [(str(link.gtin), link.lot or "")]
    elif "/" in text and text.partition("/")[0].isdigit():
        gtin, _, lot = text.partition("/")
        pairs = [(identifiers.parse_gtin(gtin), lot)]
    else:
        pairs = list(cards.products_of_lot(db, text))
    found = (q.find_batch(db, gtin, lot) for gtin, lot in pairs)
    return [each for each in found if each is not None]


def _day(found: Asked, name: str) -> date | None:
    text = found.values[name]
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        found.errors[name] = "day_invalid"
        return None
    if not _EARLIEST <= day <= _LATEST:
        found.errors[name] = "day_invalid"
        return None
    return day


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp())
