# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""Payments, pools, and what reached whom."""

from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes, members, money
from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Credit, MemberShare, Payment, Pool
from yuanliu.index.tables import unwrap

PAYMENT: Final = (
    "SELECT s.place, s.batch, b.gtin, b.lot, b.cooperative AS seller, s.payer, s.order_ref, s.buyer, s.units,"
    " t.token, s.amount, s.farmers, s.cooperative, s.platform, s.time, s.tx"
    " FROM sale s JOIN batch b ON b.id = s.batch JOIN terms t ON t.id = b.terms"
)
"""Payments, as `payment_of` reads them."""


def payments(  # noqa: PLR0913 -- filters of a list, by name
    db: Connection,
    *,
    batch: bytes | None = None,
    cooperative: str | None = None,
    payer: str | None = None,
    buyer: str | None = None,
    since: int | None = None,
    until: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> tuple[Payment, ...]:
    """Give payments, newest first, of the times from `since` to before `until`. Raises `HexError`."""
    found = sql.page(
        db,
        PAYMENT,
        {
            "batch": ("s.batch = :batch", batch),
            "cooperative": ("b.cooperative = :cooperative", sql.address_key(cooperative)),
            "payer": ("s.payer = :payer", sql.address_key(payer)),
            "buyer": ("s.buyer = :buyer", sql.address_key(buyer)),
            "since": ("s.time >= :since", since),
            "until": ("s.time < :until", until),
        },
        place="s.place",
        after=after,
        limit=limit,
    )
    return tuple(map(payment_of, found))


def payment(db: Connection, block: int, log_index: int) -> Payment | None:
    """Give the payment whose Sold record is the log at this place, or none."""
    found = sql.first(db, f"{PAYMENT} WHERE s.place = :place", place=sql.place_of(block, log_index))
    return None if found is None else payment_of(found)


def payments_of_transaction(db: Connection, transaction: str) -> tuple[Payment, ...]:
    """Give the payments that a transaction made, in order. Raises `HexError`."""
    found = sql.rows(
        db, f"{PAYMENT} WHERE s.tx = :tx ORDER BY s.place", tx=sql.word_key(transaction)
    )
    return tuple(map(payment_of, found))


def payments_of_order(db: Connection, payer: str, order: int) -> tuple[Payment, ...]:
    """Give the lines of a payer's order, in order; none: not paid. Raises `HexError`."""
    found = sql.rows(
        db,
        f"{PAYMENT} WHERE s.payer = :payer AND s.order_ref = :order ORDER BY s.place",
        payer=hexes.address_bytes(payer),
        order=order.to_bytes(hexes.WORD_BYTES),
    )
    return tuple(map(payment_of, found))


def payment_of(row: Any) -> Payment:  # noqa: ANN401 -- a row of SQLAlchemy
    """Read a payment out of its row."""
    return Payment(
        place=row.place,
        batch=row.batch,
        gtin=sql.gtin(row.gtin),
        lot=row.lot,
        seller=sql.address(row.seller),
        payer=sql.address(row.payer),
        order=int.from_bytes(row.order_ref),
        buyer=sql.address(row.buyer),
        units=unwrap(row.units),
        token=sql.address(row.token),
        amount=int(row.amount),
        farmers=int(row.farmers),
        cooperative=int(row.cooperative),
        platform=int(row.platform),
        time=row.time,
        transaction=sql.transaction(row.tx),
        block=sql.block_of(row.place),
        log_index=sql.log_of(row.place),
    )


# ---------------------------------------------------------------------- pools


def members_of(db: Connection, batch: bytes) -> tuple[tuple[members.Member, ...], ...]:
    """Give the members of a batch, chunk by chunk, as `yuanliu.members` takes them for proofs.

    Whether the batch has a pool at all is `Batch.farmer`: a single farmer is paid at once.
    """
    chunks: dict[int, list[members.Member]] = {}
    for row in _members(db, hexes.word(batch)):
        member = members.Member(_who(row.member), unwrap(row.weight))
        chunks.setdefault(row.position // members.CHUNK, []).append(member)
    return tuple(tuple(chunk) for chunk in chunks.values())


def pool(db: Connection, batch: bytes) -> Pool | None:
    """Give a batch's pool; none if it is unknown or one farmer's."""
    found = sql.first(
        db,
        "SELECT b.farmer, t.token FROM batch b JOIN terms t ON t.id = b.terms WHERE b.id = :id",
        id=hexes.word(batch),
    )
    if found is None or found.farmer is not None:
        return None
    sold = _sum(db, _FARMERS, "sale", batch)
    paid = claimed(db, batch) + _sum(db, _AMOUNT_96, "settlement", batch)
    return Pool(
        batch=batch,
        token=sql.address(found.token),
        received=sold + _inflow(db, batch),
        paid=paid,
    )


_FARMERS: Final = sql.money_sums("farmers", 39)
_AMOUNT_96: Final = sql.money_sums("amount", 29)


def claimed(db: Connection, batch: bytes) -> int:
    """Give what members of a batch's pool have claimed one by one; settlements of chunks are not in it."""
    return _sum(db, _AMOUNT_96, "claim", hexes.word(batch))


def _sum(db: Connection, amounts: str, table: str, batch: bytes) -> int:
    """Sum money of a batch's rows."""
    return sql.money(sql.rows(db, f"SELECT {amounts} FROM {table} WHERE batch = :id", id=batch)[0])


def member_shares(db: Connection, batch: bytes) -> tuple[MemberShare, ...]:
    """Give each member of a batch's pool, what is due to it of all receipts, and what of it was paid already."""
    found = pool(db, batch)
    if found is None:
        return ()
    listed = _members(db, batch)
    total = sum(unwrap(row.weight) for row in listed)
    paid = _paid(db, batch, listed, total)
    return tuple(
        MemberShare(
            index=row.position,
            member=_who(row.member),
            receipt=None if row.receipt is None else unwrap(row.receipt),
            weight=unwrap(row.weight),
            due=money.due(found.received, unwrap(row.weight), total),
            paid=paid[row.position],
        )
        for row in listed
    )


def shares_of(db: Connection, batch: bytes, farmer: str) -> tuple[MemberShare, ...]:
    """Give a farmer's own members of a batch's pool, one for each delivery; none if it has no pool. Raises `HexError`.

    What is due is of what the pool has received; products made of the batch may hold more for it (`dues`).
    """
    found = pool(db, batch)
    if found is None:
        return ()
    rows = sql.rows(
        db,
        "SELECT m.position, m.member, m.weight, m.receipt, b.total_weight FROM member m"
        " JOIN batch b ON b.id = m.batch WHERE m.member = :farmer AND m.batch = :batch ORDER BY m.position",
        farmer=hexes.address_bytes(farmer),
        batch=batch,
    )
    return tuple(
        MemberShare(
            index=row.position,
            member=_who(row.member),
            receipt=None if row.receipt is None else unwrap(row.receipt),
            weight=unwrap(row.weight),
            due=money.due(found.received, unwrap(row.weight), unwrap(row.total_weight)),
            paid=_paid(db, batch, [row], unwrap(row.total_weight))[row.position],
        )
        for row in rows
    )


def _paid(
    db: Connection,
    batch: bytes,
    listed: Any,  # noqa: ANN401 -- rows of SQLAlchemy
    total: int,
) -> dict[int, int]:
    """Give what each member was paid.

    A member is always paid up to some receipts of the pool, rounded down once. So the last settlement of its chunk
    tells all that it had by then, and its later claims are added.
    """
    settled = {
        row.chunk: row
        for row in sql.rows(
            db,
            "SELECT chunk, place, received FROM settlement WHERE batch = :batch ORDER BY place",
            batch=batch,
        )
    }
    paid = {}
    for row in listed:
        last = settled.get(row.position // members.CHUNK)
        weight = unwrap(row.weight)
        paid[row.position] = money.due(int(last.received), weight, total) if last else 0
    for row in sql.rows(
        db,
        "SELECT place, position, amount FROM claim"
        " WHERE batch = :batch AND position BETWEEN :least AND :most",
        batch=batch,
        least=listed[0].position,
        most=listed[-1].position,
    ):
        last = settled.get(row.position // members.CHUNK)
        if last is None or row.place > last.place:
            paid[row.position] += int(row.amount)
    return paid


def _inflow(db: Connection, batch: bytes) -> int:
    """Give what came from the pools of batches that were made of this one."""
    inflow = 0
    for row in sql.rows(
        db,
        "SELECT m.batch, m.position, m.weight, c.total_weight FROM member m JOIN batch c ON c.id = m.batch"
        " WHERE m.member = :id AND c.farmer IS NULL",
        id=batch,
    ):
        paid = _paid(db, row.batch, [row], unwrap(row.total_weight))
        inflow += paid[row.position]
    return inflow


def _members(db: Connection, batch: bytes) -> Any:  # noqa: ANN401 -- rows of SQLAlchemy
    return sql.rows(
        db,
        "SELECT position, member, weight, receipt FROM member WHERE batch = :batch ORDER BY position",
        batch=batch,
    )


def _who(member: bytes) -> str | bytes:
    return sql.address(member) if len(member) == hexes.ADDRESS_BYTES else member


# ---------------------------------------------------------------------- credits


def credits_of(db: Connection, owner: str) -> tuple[Credit, ...]:
    """Give what is kept for somebody, by token. Raises `HexError`."""
    key = hexes.address_bytes(owner)
    kept: dict[bytes, int] = {}
    for table, sign in (("credit", 1), ("withdrawal", -1)):
        for row in sql.rows(
            db,
            f"SELECT token, {sql.money_sums('amount', 78)} FROM {table} WHERE owner = :owner GROUP BY token",
            owner=key,
        ):
            kept[row[0]] = kept.get(row[0], 0) + sign * sql.money(row[1:])
    return tuple(
        Credit(sql.address(token), owner.lower(), amount)
        for token, amount in sorted(kept.items())
        if amount
    )
