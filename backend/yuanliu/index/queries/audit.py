# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""The public accounts: payments with the split worked out again beside what the chain did, and their sums."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes, money
from yuanliu.index.queries import sql
from yuanliu.index.queries.money import PAYMENT, payment_of
from yuanliu.index.queries.payouts import payouts
from yuanliu.index.queries.people import terms_row
from yuanliu.index.queries.rows import Payment, Payout, Terms

_DAY: Final = 86_400
_CHINA: Final = 8 * 3_600
_STEP: Final = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about; None: everything. Addresses are lowercase, times Unix seconds, `until` is not included."""

    cooperative: str | None = None
    batch: bytes | None = None
    farmer: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """A payment, the terms in force, and the split worked out again by `yuanliu.money`.

    `explanation` is what should be; none if the payment could not have been at all, `fault` then says why (a code of
    `MoneyError`). `alone`: the batch is one farmer's, who is paid at once.
    """

    payment: Payment
    terms: int
    floor_per_unit: int
    ratios: tuple[int, int, int]
    alone: bool
    unit: str
    explanation: money.Explanation | None
    fault: str

    @property
    def matches(self) -> bool:
        """Whether the chain did what the terms say, to the last unit."""
        if self.explanation is None:
            return False
        shares, did = self.explanation.shares, self.payment
        should = (shares.farmers, shares.cooperative, shares.platform)
        return should == (did.farmers, did.cooperative, did.platform)


@dataclass(frozen=True, slots=True)
class Sums:
    """Payments in sum. `at_once`: farmers' shares that were paid to the one farmer of a batch with the payment."""

    count: int = 0
    amount: int = 0
    farmers: int = 0
    cooperative: int = 0
    platform: int = 0
    at_once: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Add."""
        return Sums(*(getattr(self, name) + getattr(other, name) for name in _SUMS))


_SUMS: Final = Sums.__slots__


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of one token: of all, and by day in China (days since 1970)."""

    token: str
    all: Sums
    days: dict[int, Sums]


@dataclass(frozen=True, slots=True)
class Flows:
    """What left the pools in sum: claims, settlements (with what they passed on to the lots a product was made of)."""

    claimed: int
    settled: int
    credited: int


_AUDITED: Final = (
    PAYMENT.replace(
        " FROM ",
        ", b.farmer, t.id AS terms, t.floor_per_unit, t.farmer_bps, t.cooperative_bps, t.platform_bps,"
        " COALESCE(p.unit, '') AS unit FROM ",
        1,
    )
    + " LEFT JOIN product p ON p.gtin = b.gtin"
)
_REACH: Final = (
    "(WITH RECURSIVE reach(id) AS (SELECT batch FROM member WHERE member = :farmer"
    " UNION SELECT id FROM batch WHERE farmer = :farmer"
    " UNION SELECT l.child FROM lineage l JOIN reach ON l.parent = reach.id) SELECT id FROM reach)"
)
_Conditions = dict[str, tuple[str, object]]


def audited(
    db: Connection, scope: Scope, *, after: int | None = None, limit: int = 50
) -> tuple[Audited, ...]:
    """Give payments, newest first, each worked out again. A farmer's are those that he is due a part of.

    Raises `HexError`.
    """
    found = sql.page(
        db, _AUDITED, _conditions(db, scope), place="s.place", after=after, limit=limit
    )
    return tuple(map(_audited, found))


def every_payment(db: Connection, scope: Scope) -> Iterator[Audited]:
    """Give all payments, newest first, page by page: memory does not grow with their number. Raises `HexError`."""
    after: int | None = None
    while rows := audited(db, scope, after=after, limit=_STEP):
        yield from rows
        after = rows[-1].payment.place


def audited_one(db: Connection, transaction: str, log_index: int) -> Audited | None:
    """Give the payment at a place on the chain, or none. Raises `HexError`."""
    rows = sql.rows(db, f"{_AUDITED} WHERE s.tx = :tx", tx=sql.word_key(transaction))
    found = (_audited(row) for row in rows)
    return next((each for each in found if each.payment.log_index == log_index), None)


def audited_since(db: Connection, place: int, limit: int) -> tuple[Audited, ...]:
    """Give payments in their order, from after a place on: to work out all of them again, bit by bit."""
    found = sql.rows(
        db,
        f"{_AUDITED} WHERE s.place > :place ORDER BY s.place LIMIT :limit",
        place=place,
        limit=limit,
    )
    return tuple(map(_audited, found))


def payouts_in(
    db: Connection, scope: Scope, *, after: tuple[int, int] | None = None, limit: int = 50
) -> tuple[Payout, ...]:
    """Give payouts, newest first. Raises `HexError`."""
    return payouts(
        db,
        owner=scope.farmer,
        batch=scope.batch,
        cooperative=scope.cooperative if scope.farmer is None else None,
        since=scope.since,
        until=scope.until,
        after=after,
        limit=limit,
    )


def every_payout(db: Connection, scope: Scope) -> Iterator[Payout]:
    """Give all payouts, newest first, page by page. Raises `HexError`."""
    after: tuple[int, int] | None = None
    while rows := payouts_in(db, scope, after=after, limit=_STEP):
        yield from rows
        after = rows[-1].place, rows[-1].sub


def totals(db: Connection, scope: Scope) -> tuple[Totals, ...]:
    """Sum up payments by token and day. Raises `HexError`."""
    found = _summed(db, scope, digits=sql.PIECE)
    if any(row.most >= _TOO_LONG for row in found):
        found = _summed(db, scope, digits=_DIGITS)
    days: dict[bytes, dict[int, Sums]] = {}
    for token, day, alone, count, _, *parts in found:
        size = len(parts) // len(_PARTS)
        amount, farmers, cooperative, platform = (
            sql.money(parts[i : i + size]) for i in range(0, len(parts), size)
        )
        at_once = farmers if alone else 0
        made = Sums(int(count), amount, farmers, cooperative, platform, at_once)
        of_token = days.setdefault(bytes(token), {})
        of_token[int(day)] = of_token.get(int(day), Sums()).plus(made)
    return tuple(Totals(sql.address(token), _all(by), by) for token, by in days.items())


def _summed(db: Connection, scope: Scope, *, digits: int) -> Any:  # noqa: ANN401 -- rows of the driver's
    """Add up the last digits of amounts. One piece of them is enough for fen, and takes a third of the time."""
    asked = {name: pair for name, pair in _conditions(db, scope).items() if pair[1] is not None}
    where = " AND ".join(condition for condition, _ in asked.values())
    last = [f"substr(s.{name}, {_DIGITS - digits + 1})" for name in _PARTS]
    return sql.rows(
        db,
        f"SELECT t.token, (s.time + {_CHINA}) / {_DAY} AS day,"
        " CASE WHEN b.farmer IS NULL THEN 0 ELSE 1 END AS alone, COUNT(*) AS many, MAX(s.amount) AS most,"
        f" {', '.join(sql.money_sums(each, digits) for each in last)}"
        " FROM sale s JOIN batch b ON b.id = s.batch JOIN terms t ON t.id = b.terms"
        f"{' WHERE ' if where else ''}{where} GROUP BY 1, 2, 3 ORDER BY 1, 2",
        **{name: value for name, (_, value) in asked.items()},
    )


_TOO_LONG: Final = str(10**sql.PIECE).zfill(39)
_PARTS: Final = ("amount", "farmers", "cooperative", "platform")
_DIGITS: Final = 39


def _all(days: dict[int, Sums]) -> Sums:
    whole = Sums()
    for each in days.values():
        whole = whole.plus(each)
    return whole


def flows(db: Connection, scope: Scope) -> Flows:
    """Sum up what left the pools and what was kept for somebody. Not of one farmer alone. Raises `HexError`."""
    scope = replace(scope, farmer=None)

    def summed(table: str, digits: int, more: str = "") -> int:
        conditions = _conditions(db, scope, table)
        asked = {name: pair for name, pair in conditions.items() if pair[1] is not None}
        where = " AND ".join(["1 = 1", *(condition for condition, _ in asked.values())])
        row = sql.rows(
            db,
            f"SELECT {sql.money_sums('s.amount', digits)} FROM {table} s"
            f" JOIN batch b ON b.id = s.batch WHERE {where}{more}",
            **{name: value for name, (_, value) in asked.items()},
        )[0]
        return sql.money(row)

    to_farmers = (
        f" AND (length(s.member) = {hexes.ADDRESS_BYTES} OR s.member IN"
        " (SELECT p.id FROM batch p WHERE p.farmer IS NOT NULL AND p.id = s.member))"
    )
    return Flows(
        claimed=summed("claim", 29, to_farmers),
        settled=summed("settlement", 29),
        credited=summed("credit", 78),
    )


def _conditions(db: Connection, scope: Scope, table: str = "sale") -> _Conditions:
    low, high = sql.places_of(db, table, scope.since, scope.until)
    return {
        "batch": ("s.batch = :batch", scope.batch),
        "farmer": (f"s.batch IN {_REACH}", sql.address_key(scope.farmer)),
        "cooperative": sql.of_cooperative(
            db, "s", None if scope.batch else sql.address_key(scope.cooperative)
        ),
        "since": ("s.time >= :since", scope.since),
        "until": ("s.time < :until", scope.until),
        "low": ("s.place >= :low", low),
        "high": ("s.place < :high", high),
    }


def _audited(row: Any) -> Audited:  # noqa: ANN401 -- a row of the driver's
    did = payment_of(row)
    ratios = (row.farmer_bps, row.cooperative_bps, row.platform_bps)
    explanation, fault = None, ""
    try:
        explanation = money.explain(
            did.amount, int(row.floor_per_unit), did.units, money.Ratios(*ratios)
        )
    except money.MoneyError as error:
        fault = error.code
    return Audited(
        payment=did,
        terms=row.terms,
        floor_per_unit=int(row.floor_per_unit),
        ratios=ratios,
        alone=row.farmer is not None,
        unit=row.unit,
        explanation=explanation,
        fault=fault,
    )


def terms_listed(
    db: Connection, scope: Scope, *, after: int | None = None, limit: int = 50
) -> tuple[Terms, ...]:
    """Give terms as they were published, newest first; of a cooperative, of a batch's product."""
    found = sql.page(
        db,
        "SELECT x.* FROM terms x",
        {
            "cooperative": ("x.cooperative = :cooperative", sql.address_key(scope.cooperative)),
            "batch": ("x.gtin = (SELECT b.gtin FROM batch b WHERE b.id = :batch)", scope.batch),
            "since": ("x.time >= :since", scope.since),
            "until": ("x.time < :until", scope.until),
        },
        place="x.place",
        after=after,
        limit=limit,
    )
    return tuple(map(terms_row, found))
