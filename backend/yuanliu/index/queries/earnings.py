# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""What a farmer earned with each batch that his deliveries went into, and how it was worked out."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from yuanliu import hexes, money
from yuanliu.index.queries import lots, sql
from yuanliu.index.queries.batches import batch as find_batch
from yuanliu.index.queries.deliveries import deliveries
from yuanliu.index.queries.money import pool, shares_of
from yuanliu.index.queries.payouts import payouts
from yuanliu.index.queries.people import terms as find_terms
from yuanliu.index.queries.rows import Batch, Delivery, Sales, Terms

MOST_PAYOUTS: Final = 1_000
"""Most payouts that are summed up for one page."""

_MOST_DELIVERIES: Final = 100


@dataclass(frozen=True, slots=True)
class Earning:
    """A batch and a farmer's part of it. Amounts are in the token's smallest unit.

    `deliveries`: his own in it, at most 100. `weight`: his, grams × grade factor in basis points, of
    `batch.total_weight`. `inflow`: what products made of the batch gave back to its farmers. `due`: his part of all
    that the batch's farmers received so far; `paid`: what of it reached him. `making`: the record that made the batch.
    """

    batch: Batch
    terms: Terms
    sales: Sales
    deliveries: tuple[Delivery, ...]
    weight: int
    inflow: int
    due: int
    paid: int
    making: bytes | None

    @property
    def floor(self) -> int:
        """The floor price of all that was sold."""
        return self.terms.floor_per_unit * self.sales.units

    @property
    def margin(self) -> int:
        """What was paid above the floor."""
        return self.sales.amount - self.floor

    @property
    def farmers_margin(self) -> int:
        """The farmers' ratio of the margin, rounded down."""
        return self.margin * self.terms.farmer_bps // money.WHOLE_BPS

    @property
    def remainder(self) -> int:
        """What rounding left over in all payments together; it went to the farmers."""
        return self.sales.farmers - self.floor - self.farmers_margin

    @property
    def owed(self) -> int:
        """What is due and did not reach him yet."""
        return self.due - self.paid


@dataclass(frozen=True, slots=True)
class Taken:
    """What reached somebody: `count` payouts, `more` if there are others that were not summed up."""

    amount: int
    count: int
    more: bool


def earnings(
    db: Connection,
    farmer: str,
    *,
    since: int | None = None,
    until: int | None = None,
    after: int | None = None,
    limit: int = 10,
) -> tuple[Earning, ...]:
    """Give the batches that a farmer delivered to, newest first, registered from `since` to before `until`.

    Raises `HexError`.
    """
    key = hexes.address_bytes(farmer)
    rows = sql.page(
        db,
        "SELECT b.place, b.id FROM (SELECT DISTINCT batch FROM member WHERE member = :farmer) m"
        " JOIN batch b ON b.id = m.batch",
        {
            "farmer": ("1 = 1", key),
            "since": ("b.time >= :since", since),
            "until": ("b.time < :until", until),
        },
        place="b.place",
        after=after,
        limit=limit,
    )
    made = lots.makings(db, [row.id for row in rows])
    found = (_earning(db, row.id, farmer, made.get(row.id)) for row in rows)
    return tuple(each for each in found if each is not None)


def _earning(db: Connection, id_: bytes, farmer: str, making: bytes | None) -> Earning | None:
    batch = find_batch(db, id_)
    terms = None if batch is None else find_terms(db, batch.terms)
    if batch is None or terms is None:
        return None
    sales = lots.sales(db, id_)
    weight = _weight(db, id_, farmer)
    if batch.farmer is not None:
        inflow, due = 0, sales.farmers
        paid = due - _credited(db, id_, farmer)
    else:
        shares = shares_of(db, id_, farmer)
        received = pool(db, id_)
        inflow = 0 if received is None else received.received - sales.farmers
        due, paid = sum(each.due for each in shares), sum(each.paid for each in shares)
    brought = deliveries(db, farmer=farmer, batch=id_, limit=_MOST_DELIVERIES)
    return Earning(batch, terms, sales, brought, weight, inflow, due, paid, making)


def _weight(db: Connection, id_: bytes, farmer: str) -> int:
    row = sql.rows(
        db,
        f"SELECT {sql.unit_sums('weight')} FROM member WHERE member = :farmer AND batch = :batch",
        farmer=hexes.address_bytes(farmer),
        batch=id_,
    )[0]
    return sql.units(row)


_CREDITED: Final = sql.money_sums("amount", 78)


def _credited(db: Connection, id_: bytes, farmer: str) -> int:
    """Give what could not be paid to a batch's one farmer, and was credited instead."""
    row = sql.rows(
        db,
        f"SELECT {_CREDITED} FROM credit WHERE owner = :owner AND batch = :batch",
        owner=hexes.address_bytes(farmer),
        batch=id_,
    )[0]
    return sql.money(row)


def taken(db: Connection, owner: str, *, since: int = 0, until: int | None = None) -> Taken:
    """Sum up what reached somebody, the latest `MOST_PAYOUTS` payouts. Raises `HexError`."""
    found = payouts(db, owner=owner, limit=MOST_PAYOUTS)
    counted = [
        each for each in found if each.time >= since and (until is None or each.time < until)
    ]
    more = len(found) == MOST_PAYOUTS and found[-1].time >= since
    return Taken(sum(each.amount for each in counted), len(counted), more)
