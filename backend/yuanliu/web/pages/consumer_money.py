"""Where the money of a lot goes: the shares of its price, and what was sold and paid out."""

from dataclasses import dataclass

from yuanliu import money
from yuanliu.index import queries as q
from yuanliu.money import Explanation, MoneyError, Ratios
from yuanliu.web.pages import charts
from yuanliu.web.services import Copy


@dataclass(frozen=True, slots=True)
class Part:
    """One share of a price: fen, and basis points of the price."""

    who: str
    fen: int
    bps: int


@dataclass(frozen=True, slots=True)
class Shared:
    """How one unit's price is shared by the lot's terms, what was sold so far, and what reached the farmers.

    `due` is what the farmers have earned, `paid` what of it was paid out. `at_once`: it is one farmer's, who is paid
    in the sale itself. Money in fen.
    """

    price: int
    told: Explanation
    terms: q.Terms
    parts: tuple[Part, ...]
    sales: q.Sales
    farmers: int
    due: int
    paid: int
    at_once: bool

    @property
    def chart(self) -> list[charts.Part]:
        """The shares, to be drawn."""
        return [charts.Part(part.fen, f"chart-{part.who}") for part in self.parts]


def shared(db: Copy, batch: q.Batch) -> Shared | None:
    """Work out where the money of a lot goes; none if its terms are not there or refuse the price."""
    terms = q.terms(db, batch.terms)
    if terms is None:
        return None
    try:
        ratios = Ratios(terms.farmer_bps, terms.cooperative_bps, terms.platform_bps)
        told = money.explain(batch.price, batch.floor, 1, ratios)
    except MoneyError:
        return None
    sales = q.sales(db, batch.id)
    pool = None if batch.farmer else q.pool(db, batch.id)
    shares = told.shares
    by_whom = (
        ("farmer", shares.farmers),
        ("coop", shares.cooperative),
        ("platform", shares.platform),
    )
    return Shared(
        price=batch.price,
        told=told,
        terms=terms,
        parts=tuple(
            Part(who, fen, round(fen * money.WHOLE_BPS / batch.price) if batch.price else 0)
            for who, fen in by_whom
        ),
        sales=sales,
        farmers=q.farmers_of(db, batch.id),
        due=pool.received if pool else sales.farmers,
        paid=pool.paid if pool else sales.farmers,
        at_once=pool is None,
    )
