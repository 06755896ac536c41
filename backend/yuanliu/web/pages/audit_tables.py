"""Payments and payouts as tables to take away: one row each, down to transaction, block and log."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from yuanliu.index import queries as q
from yuanliu.index.queries import cards, sql
from yuanliu.index.queries.audit import Audited, Scope, every_payment, every_payout
from yuanliu.index.reading import reading
from yuanliu.sheets.writing import Column, Value
from yuanliu.web.messages import Language
from yuanliu.web.pages.audit import lots_of
from yuanliu.web.pages.frame import iso
from yuanliu.web.pages.texts import text
from yuanliu.web.services import Copy, Services

_PAYMENTS: Final = (
    ("time", 20, "General"),
    ("cooperative", 14, "General"),
    ("gtin", 16, "General"),
    ("lot", 22, "General"),
    ("units", 10, "#,##0"),
    ("unit", 8, "General"),
    ("amount", 14, "#,##0.00"),
    ("floor", 14, "#,##0.00"),
    ("farmers", 14, "#,##0.00"),
    ("cooperative_share", 14, "#,##0.00"),
    ("platform_share", 14, "#,##0.00"),
    ("farmers_again", 14, "#,##0.00"),
    ("cooperative_again", 14, "#,##0.00"),
    ("platform_again", 14, "#,##0.00"),
    ("matches", 10, "General"),
    ("terms", 10, "0"),
    ("order", 20, "General"),
    ("payer", 44, "General"),
    ("token", 44, "General"),
    ("transaction", 68, "General"),
    ("block", 12, "0"),
    ("log", 8, "0"),
)
_PAYOUTS: Final = (
    ("time", 20, "General"),
    ("kind", 14, "General"),
    ("role", 14, "General"),
    ("code", 14, "General"),
    ("gtin", 16, "General"),
    ("lot", 22, "General"),
    ("amount", 14, "#,##0.00"),
    ("owner", 44, "General"),
    ("receiver", 44, "General"),
    ("token", 44, "General"),
    ("transaction", 68, "General"),
    ("block", 12, "0"),
    ("log", 8, "0"),
)
KINDS: Final = ("payments", "payouts")


def columns(kind: str, language: Language) -> list[Column]:
    """Give the columns of a table, headed in a language."""
    chosen = _PAYMENTS if kind == "payments" else _PAYOUTS
    return [Column(text(language, f"audit.x_{name}"), width, form) for name, width, form in chosen]


def rows(wired: Services, kind: str, scope: Scope, language: Language) -> Iterator[list[Value]]:
    """Give the rows of a table, newest first, in the order of its columns; memory does not grow with their number."""
    for each in items(wired, kind, scope):
        yield [_value(name, value, language) for name, value in each.items()]


def items(wired: Services, kind: str, scope: Scope) -> Iterator[dict[str, Any]]:
    """Give the same for programs: amounts in the token's smallest unit, times in UTC."""
    with reading(wired.copy) as db:
        known = _Names(db)
        if kind == "payments":
            for payment in every_payment(db, scope):
                yield _payment(payment, known)
        else:
            for payout in every_payout(db, scope):
                yield _payout(payout, known)


class _Names:
    """Codes of actors and names of lots, each looked up once; forgotten when there are many."""

    _MOST: Final = 5_000

    def __init__(self, db: Copy) -> None:
        self._db = db
        self._codes: dict[str, str] = {}
        self._lots: dict[bytes, tuple[str, str]] = {}

    def code(self, address: str) -> str:
        if address not in self._codes:
            self._forget(self._codes)
            self._codes[address] = cards.codes(self._db, [address]).get(address, "")
        return self._codes[address]

    def lot(self, batch: bytes | None) -> tuple[str, str]:
        if batch is None:
            return "", ""
        if batch not in self._lots:
            self._forget(self._lots)
            gtin, lot, _ = lots_of(self._db, [batch]).get(batch, ("", "", ""))
            self._lots[batch] = gtin, lot
        return self._lots[batch]

    def _forget(self, known: dict[Any, Any]) -> None:
        if len(known) >= self._MOST:
            known.clear()


def _payment(row: Audited, known: _Names) -> dict[str, Any]:
    did, shares = row.payment, None if row.explanation is None else row.explanation.shares
    return {
        "time": iso(did.time),
        "cooperative": known.code(did.seller),
        "gtin": did.gtin,
        "lot": did.lot,
        "units": did.units,
        "unit": row.unit,
        "amount": did.amount,
        "floor": row.floor_per_unit * did.units,
        "farmers": did.farmers,
        "cooperative_share": did.cooperative,
        "platform_share": did.platform,
        "farmers_again": shares.farmers if shares else None,
        "cooperative_again": shares.cooperative if shares else None,
        "platform_again": shares.platform if shares else None,
        "matches": row.matches,
        "terms": row.terms,
        "order": str(did.order),
        "payer": did.payer,
        "token": did.token,
        "transaction": did.transaction,
        "block": did.block,
        "log": did.log_index,
    }


def _payout(row: q.Payout, known: _Names) -> dict[str, Any]:
    gtin, lot = known.lot(row.batch)
    return {
        "time": iso(row.time),
        "kind": str(row.kind),
        "role": str(row.role or ""),
        "code": known.code(row.owner),
        "gtin": gtin,
        "lot": lot,
        "amount": row.amount,
        "owner": row.owner,
        "receiver": row.receiver,
        "token": row.token,
        "transaction": row.transaction,
        "block": sql.block_of(row.place),
        "log": sql.log_of(row.place),
    }


_YUAN: Final = frozenset(
    {
        "amount",
        "floor",
        "farmers",
        "cooperative_share",
        "platform_share",
        "farmers_again",
        "cooperative_again",
        "platform_again",
    }
)


def _value(name: str, value: Any, language: Language) -> Value:  # noqa: ANN401 -- as `items` gives it
    written: dict[str, Callable[[], Value]] = {
        "matches": lambda: text(language, "audit.yes" if value else "audit.no"),
        "kind": lambda: text(language, f"audit.kind_{value}"),
        "role": lambda: text(language, f"audit.role_{value}") if value else "",
        "time": lambda: datetime.fromisoformat(value).astimezone(UTC),
    }
    if name in written:
        return written[name]()
    if name in _YUAN:
        return None if value is None else Decimal(value).scaleb(-2)
    made: Value = value
    return made


def big_as_text(item: dict[str, Any]) -> dict[str, Any]:
    """Write whole numbers beyond what a double holds as text, as the API does."""
    return {
        name: str(value) if isinstance(value, int) and abs(value) > 1 << 53 else value
        for name, value in item.items()
    }
