"""The tables that a cooperative takes away: its farmers, deliveries, batches, sales and payouts."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from yuanliu.actions import Role
from yuanliu.database import Connection
from yuanliu.desk import weighings
from yuanliu.index import queries as q
from yuanliu.sheets.writing import Column, Value
from yuanliu.web.pages.coop import data
from yuanliu.web.pages.frame import CHINA
from yuanliu.web.services import Services

T = TypeVar("T")

MAX_EXPORTED: Final = 20_000
"""Most rows of a table that is taken away; the newest."""

_STEP: Final = 200
Say = Callable[[str], str]
Written = tuple[list[Column], Iterator[list[Value]]]
_MONEY: Final = "#,##0.00"
_KILOGRAMS: Final = "#,##0.000"
_TIME: Final = "yyyy-mm-dd hh:mm"


def _every(page: Callable[[Any], tuple[T, ...]], cursor: Callable[[T], Any]) -> Iterator[T]:
    """Give all rows of a list, page by page, at most `MAX_EXPORTED`."""
    after, given = None, 0
    while rows := page(after):
        yield from rows
        given += len(rows)
        if len(rows) < _STEP or given >= MAX_EXPORTED:
            return
        after = cursor(rows[-1])


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)


def _kilograms(grams: int) -> Decimal:
    return Decimal(grams).scaleb(-3)


def _at(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, CHINA)


def _farmers(wired: Services, db: Connection, party: str, say: Say) -> Written:
    names = data.names(wired, party)
    found = _every(
        lambda after: q.actors(db, role=int(Role.FARMER), enroller=party, after=after, limit=_STEP),
        lambda row: row.place,
    )
    columns = [
        Column(say("farmer_code")),
        Column(say("farmer_name"), 20),
        Column(say("enrolled"), 18, _TIME),
        Column(say("state")),
    ]
    return columns, (
        [
            row.code,
            names.get(row.address, ""),
            _at(row.enrolled),
            say("suspended") if row.suspended else say("active"),
        ]
        for row in found
    )


def _deliveries(wired: Services, db: Connection, party: str, say: Say) -> Written:
    names = {each.gtin: each.name_zh or each.gtin for each in data.products(db, party)}
    found = list(
        _every(
            lambda after: q.deliveries(db, cooperative=party, after=after, limit=_STEP),
            lambda row: row.place,
        )
    )
    tares: dict[int, int] = {}
    for start in range(0, len(found), _STEP):
        some = [row.receipt for row in found[start : start + _STEP]]
        tares |= weighings.of(wired.desk, party, some)
    columns = [
        Column(say("receipt"), 20),
        Column(say("booked"), 18, _TIME),
        Column(say("farmer_code")),
        Column(say("product"), 22),
        Column("GTIN", 18),
        Column(say("gross_kg"), 14, _KILOGRAMS),
        Column(say("tare_kg"), 14, _KILOGRAMS),
        Column(say("net_kg"), 14, _KILOGRAMS),
        Column(say("grade_percent"), 12, "0.00"),
        Column(say("price_per_kg"), 16, _MONEY),
        Column(say("worth"), 16, _MONEY),
        Column(say("state"), 24),
    ]

    def row_of(row: q.Delivery) -> list[Value]:
        tare = tares.get(row.receipt, 0)
        state = (
            say("voided") if row.voided else say("in_batch") if row.batch else say("open_delivery")
        )
        return [
            str(row.receipt),
            _at(row.time),
            row.farmer_code,
            names.get(row.gtin, row.gtin),
            row.gtin,
            _kilograms(row.grams + tare),
            _kilograms(tare),
            _kilograms(row.grams),
            Decimal(row.grade_bps) / 100,
            _yuan(row.price_per_kg),
            _yuan(data.worth(row)),
            state,
        ]

    return columns, map(row_of, found)


def _batches(_: Services, db: Connection, party: str, say: Say) -> Written:
    found = _every(
        lambda after: q.batches(db, cooperative=party, after=after, limit=_STEP),
        lambda row: row.place,
    )
    columns = [
        Column(say("lot"), 22),
        Column("GTIN", 18),
        Column(say("registered"), 18, _TIME),
        Column(say("unit")),
        Column(say("units"), 12, "#,##0"),
        Column(say("for_sale"), 12, "#,##0"),
        Column(say("sold"), 12, "#,##0"),
        Column(say("unit_grams"), 14, "#,##0.000"),
        Column(say("price_yuan"), 14, _MONEY),
        Column(say("floor_yuan"), 14, _MONEY),
        Column(say("state")),
    ]
    return columns, (
        [
            row.lot,
            row.gtin,
            _at(row.time),
            row.unit,
            row.units,
            row.for_sale,
            row.sold,
            _kilograms(row.milligrams_per_unit),
            _yuan(row.price),
            _yuan(row.floor),
            say("recalled") if row.recalled else say("held") if row.held else say("in_order"),
        ]
        for row in found
    )


def _sales(_: Services, db: Connection, party: str, say: Say) -> Written:
    found = _every(
        lambda after: q.payments(db, cooperative=party, after=after, limit=_STEP),
        lambda row: row.place,
    )
    columns = [
        Column(say("paid_on"), 18, _TIME),
        Column(say("lot"), 22),
        Column("GTIN", 18),
        Column(say("units"), 12, "#,##0"),
        *(
            Column(say(key), 16, _MONEY)
            for key in ("amount_yuan", "to_farmers", "to_cooperative", "to_platform")
        ),
    ]
    return columns, (
        [
            _at(row.time),
            row.lot,
            row.gtin,
            row.units,
            *map(_yuan, (row.amount, row.farmers, row.cooperative, row.platform)),
        ]
        for row in found
    )


def _payouts(wired: Services, db: Connection, party: str, say: Say) -> Written:
    codes = data.Parties(wired, db, say("a_buyer"))
    columns = [
        Column(say("paid_on"), 18, _TIME),
        Column(say("lot"), 22),
        Column(say("receiver"), 20),
        Column(say("payout_kind"), 18),
        Column(say("amount_yuan"), 16, _MONEY),
    ]
    return columns, (
        [
            _at(row.time),
            lot,
            codes.code(row.owner),
            say(f"payout_{row.kind}"),
            _yuan(row.amount),
        ]
        for lot, row in data.payouts(db, party, limit=MAX_EXPORTED)
    )


TABLES: Final[dict[str, Callable[[Services, Connection, str, Say], Written]]] = {
    "farmers": _farmers,
    "deliveries": _deliveries,
    "batches": _batches,
    "sales": _sales,
    "payouts": _payouts,
}
