# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""Every amount that reached somebody: in a payment, by a claim, a settlement or a withdrawal.

What could not be paid was credited instead (`Credit`); it counts when it is withdrawn. A settlement's log tells only
its sum: the shares follow from the list of members, as the contract worked them out (`yuanliu.money`).
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes, members, money
from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Payout, PayoutKind, Role
from yuanliu.index.tables import unwrap

_STEP: Final = 200
_END: Final = 1 << 62
_REDIRECTED: Final = (
    "SELECT key FROM actor_change WHERE actor = :actor AND kind = 'PayoutRedirected' AND place < :place"
    " ORDER BY place DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    owner: bytes | None
    batch: bytes | None
    tx: bytes | None
    cooperative: bytes | None
    since: int | None
    until: int | None
    before: int


def payouts(  # noqa: PLR0913 -- filters of a list, by name
    db: Connection,
    *,
    owner: str | None = None,
    batch: bytes | None = None,
    transaction: str | None = None,
    cooperative: str | None = None,
    since: int | None = None,
    until: int | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> tuple[Payout, ...]:
    """Give payouts, newest first, of the times from `since` to before `until`.

    `owner`: to whom it was due; `cooperative`: whose batch it came from; `after`: (place, sub) of the last one before.

    Raises `HexError`.
    """
    place, sub = after or (_END, 0)
    asked = _Asked(
        owner=sql.address_key(owner),
        batch=batch,
        tx=None if transaction is None else sql.word_key(transaction),
        cooperative=sql.address_key(cooperative),
        since=since,
        until=until,
        before=place + 1,
    )
    found = heapq.merge(
        _sales(db, asked),
        _claims(db, asked),
        _settlements(db, asked),
        _withdrawals(db, asked),
        key=lambda payout: (-payout.place, -payout.sub),
    )
    wanted = (
        payout
        for payout in found
        if (payout.place, payout.sub) < (place, sub)
        and (owner is None or payout.owner == owner.lower())
    )
    return tuple(islice(wanted, max(1, min(limit, sql.MAX_PAGE))))


def _pages(db: Connection, statement: str, asked: _Asked, prefix: str, owner: str) -> Iterator[Any]:
    """Give the rows of a source, newest first, as long as somebody wants more."""
    before: int = asked.before
    table = statement.partition(" FROM ")[2].split(maxsplit=1)[0]
    low, high = sql.places_of(db, table, asked.since, asked.until)
    before = before if high is None else min(before, high)
    while True:
        found = sql.page(
            db,
            statement,
            {
                "owner": (owner, asked.owner),
                "batch": (f"{prefix}.batch = :batch", asked.batch),
                "tx": (f"{prefix}.tx = :tx", asked.tx),
                "cooperative": sql.of_cooperative(db, prefix, asked.cooperative),
                "since": (f"{prefix}.time >= :since", asked.since),
                "until": (f"{prefix}.time < :until", asked.until),
                "low": (f"{prefix}.place >= :low", low),
            },
            place=f"{prefix}.place",
            after=before,
            limit=_STEP,
        )
        yield from found
        if len(found) < _STEP:
            return
        before = found[-1].place


# ---------------------------------------------------------------------- payments

_SALES: Final = (
    "SELECT s.place, s.batch, s.farmers, s.cooperative, s.platform, s.time, s.tx, b.farmer, t.token,"
    " t.cooperative_payee, t.platform_payee"
    " FROM sale s JOIN batch b ON b.id = s.batch JOIN terms t ON t.id = b.terms"
)
_IS_PAYEE: Final = (
    "SELECT 1 FROM terms WHERE cooperative_payee = :owner OR platform_payee = :owner LIMIT 1"
)
_SALES_OF_FARMER: Final = "s.batch IN (SELECT f.id FROM batch f WHERE f.farmer = :owner)"
_SALES_OF_PAYEE: Final = (
    "(b.farmer = :owner OR t.cooperative_payee = :owner OR t.platform_payee = :owner)"
)


def _sales(db: Connection, asked: _Asked) -> Iterator[Payout]:
    # A payee has a share in many sales, found by going through all; a farmer has few, found by his batches.
    is_payee = asked.owner is not None and sql.first(db, _IS_PAYEE, owner=asked.owner)
    condition = _SALES_OF_PAYEE if is_payee else _SALES_OF_FARMER
    for row in _pages(db, _SALES, asked, "s", condition):
        owed = _owed(db, row, "place > :place")
        shares: tuple[tuple[int, Role, bytes | None, int], ...] = (
            (2, Role.PLATFORM, row.platform_payee, int(row.platform)),
            (1, Role.COOPERATIVE, row.cooperative_payee, int(row.cooperative)),
            (0, Role.FARMER, row.farmer, int(row.farmers)),
        )
        for sub, role, owner, amount in shares:
            if owner is None or amount == 0 or _take(owed, owner, amount):
                continue
            receiver = _payout_of(db, owner, row.place) if role is Role.FARMER else owner
            yield _payout(row, sub, PayoutKind.SALE, role, owner, receiver, amount)


def _owed(db: Connection, row: Any, where: str) -> Counter[tuple[bytes, int]]:  # noqa: ANN401 -- a row
    """Give what the transaction credited instead of paying it, on account of the batch."""
    found = sql.rows(
        db,
        f"SELECT owner, amount FROM credit WHERE tx = :tx AND batch = :batch AND {where}",
        tx=row.tx,
        batch=row.batch,
        place=row.place,
    )
    return Counter((credit.owner, int(credit.amount)) for credit in found)


def _take(owed: Counter[tuple[bytes, int]], owner: bytes, amount: int) -> bool:
    if not owed[owner, amount]:
        return False
    owed[owner, amount] -= 1
    return True


def _payout_of(db: Connection, actor: bytes, place: int) -> bytes:
    """Give where an actor's money went at that moment."""
    found = sql.first(db, _REDIRECTED, actor=actor, place=place)
    return actor if found is None else bytes(found.key)


# ---------------------------------------------------------------------- pools

_OWN: Final = "(SELECT p.id FROM batch p WHERE p.farmer = :owner)"
_CLAIMS: Final = (
    "SELECT c.place, c.batch, c.member, c.receiver, c.amount, c.time, c.tx, p.farmer, t.token FROM claim c"
    " JOIN batch b ON b.id = c.batch JOIN terms t ON t.id = b.terms LEFT JOIN batch p ON p.id = c.member"
)


def _claims(db: Connection, asked: _Asked) -> Iterator[Payout]:
    for row in _pages(db, _CLAIMS, asked, "c", f"(c.member = :owner OR c.member IN {_OWN})"):
        owner = _farmer(row)
        if owner is not None:
            yield _payout(
                row, 0, PayoutKind.CLAIM, Role.FARMER, owner, row.receiver, int(row.amount)
            )


def _farmer(row: Any) -> bytes | None:  # noqa: ANN401 -- a row of SQLAlchemy
    """Give whom a member's money reaches: the farmer, or a parent's one farmer; none: the parent's pool."""
    member: bytes = row.member
    farmer: bytes | None = member if len(member) == hexes.ADDRESS_BYTES else row.farmer
    return farmer


_SETTLEMENTS: Final = (
    "SELECT s.place, s.batch, s.chunk, s.received, s.time, s.tx, b.total_weight, t.token FROM settlement s"
    " JOIN batch b ON b.id = s.batch JOIN terms t ON t.id = b.terms"
)
_SETTLED_OF: Final = (
    "s.batch IN (SELECT m.batch FROM member m WHERE m.member = :owner"
    f" UNION SELECT m.batch FROM member m WHERE m.member IN {_OWN})"
)


def _settlements(db: Connection, asked: _Asked) -> Iterator[Payout]:
    for row in _pages(db, _SETTLEMENTS, asked, "s", _SETTLED_OF):
        first = row.chunk * members.CHUNK
        bounds = {"batch": row.batch, "least": first, "most": first + members.CHUNK - 1}
        listed = sql.rows(
            db,
            "SELECT m.position, m.member, m.weight, p.farmer FROM member m"
            " LEFT JOIN batch p ON p.id = m.member"
            " WHERE m.batch = :batch AND m.position BETWEEN :least AND :most ORDER BY m.position DESC",
            **bounds,
        )
        last = sql.first(
            db,
            "SELECT place, received FROM settlement WHERE batch = :batch AND chunk = :chunk AND place < :place"
            " ORDER BY place DESC LIMIT 1",
            batch=row.batch,
            chunk=row.chunk,
            place=row.place,
        )
        claimed: Counter[int] = Counter()
        for claim in sql.rows(
            db,
            "SELECT position, amount FROM claim WHERE batch = :batch AND position BETWEEN :least AND :most"
            " AND place > :since AND place < :place",
            since=last.place if last else -1,
            place=row.place,
            **bounds,
        ):
            claimed[claim.position] += int(claim.amount)
        total = unwrap(row.total_weight)
        owed = _owed(db, row, "place < :place")
        for member in listed:
            weight = unwrap(member.weight)
            before = money.due(int(last.received), weight, total) if last else 0
            amount = money.due(int(row.received), weight, total) - before - claimed[member.position]
            owner = _farmer(member)
            if owner is None or amount == 0 or _take(owed, owner, amount):
                continue
            receiver = _payout_of(db, owner, row.place)
            yield _payout(
                row,
                member.position - first,
                PayoutKind.SETTLEMENT,
                Role.FARMER,
                owner,
                receiver,
                amount,
            )


_WITHDRAWALS: Final = (
    "SELECT w.place, NULL AS batch, w.owner, w.receiver, w.token, w.amount, w.time, w.tx"
    " FROM withdrawal w"
)


def _withdrawals(db: Connection, asked: _Asked) -> Iterator[Payout]:
    if asked.batch is not None or asked.cooperative is not None:
        return
    for row in _pages(db, _WITHDRAWALS, asked, "w", "w.owner = :owner"):
        yield _payout(row, 0, PayoutKind.WITHDRAWAL, None, row.owner, row.receiver, int(row.amount))


def _payout(
    row: Any,  # noqa: ANN401 -- a row of SQLAlchemy
    sub: int,
    kind: PayoutKind,
    role: Role | None,
    owner: bytes,
    receiver: bytes,
    amount: int,
) -> Payout:
    return Payout(
        place=row.place,
        sub=sub,
        kind=kind,
        role=role,
        batch=row.batch,
        owner=sql.address(owner),
        receiver=sql.address(receiver),
        token=sql.address(row.token),
        amount=amount,
        time=row.time,
        transaction=sql.transaction(row.tx),
    )
