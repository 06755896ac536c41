"""Payments and what reached whom."""

from sqlalchemy import Index, Integer, LargeBinary

from yuanliu.index.tables.base import (
    Copy,
    Uint64,
    address_column,
    column,
    money_column,
    place_key,
    whole_column,
    word_column,
)


class Sale(Copy, table=True):
    """A payment for units of one batch, and how it was shared. `order_ref` is the payer's reference, big-endian."""

    __tablename__ = "sale"
    __table_args__ = (
        Index("sale_batch", "batch", "place"),
        Index("sale_order", "payer", "order_ref"),
        Index("sale_buyer", "buyer", "place"),
        Index("sale_tx", "tx"),
        Index("sale_time", "time", "place"),
    )

    place: int = place_key()
    batch: bytes = word_column()
    payer: bytes = address_column()
    order_ref: bytes = word_column()
    buyer: bytes = address_column()
    units: int = column(Uint64)
    amount: int = money_column(128)
    farmers: int = money_column(128)
    cooperative: int = money_column(128)
    platform: int = money_column(128)
    time: int = whole_column()
    tx: bytes = word_column()


class Claim(Copy, table=True):
    """What one member took out of a pool. A parent's goes `receiver` the payments' contract: into the parent's pool."""

    __tablename__ = "claim"
    __table_args__ = (
        Index("claim_batch", "batch", "position", "place"),
        Index("claim_member", "member", "place"),
        Index("claim_tx", "tx"),
        Index("claim_time", "time", "place"),
    )

    place: int = place_key()
    batch: bytes = word_column()
    member: bytes = column(LargeBinary)
    position: int = column(Integer)
    amount: int = money_column(96)
    receiver: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class Settlement(Copy, table=True):
    """A chunk of members paid. `received` is what the pool had received in all."""

    __tablename__ = "settlement"
    __table_args__ = (
        Index("settlement_batch", "batch", "chunk", "place"),
        Index("settlement_tx", "tx"),
        Index("settlement_time", "time", "place"),
    )

    place: int = place_key()
    batch: bytes = word_column()
    chunk: int = column(Integer)
    received: int = money_column(96)
    amount: int = money_column(96)
    time: int = whole_column()
    tx: bytes = word_column()


class Credit(Copy, table=True):
    """What could not be paid and is kept for its owner."""

    __tablename__ = "credit"
    __table_args__ = (
        Index("credit_owner", "owner", "place"),
        Index("credit_batch", "batch", "place"),
        Index("credit_tx", "tx"),
    )

    place: int = place_key()
    token: bytes = address_column()
    owner: bytes = address_column()
    amount: int = money_column(256)
    batch: bytes = word_column()
    time: int = whole_column()
    tx: bytes = word_column()


class Withdrawal(Copy, table=True):
    """A credit paid out."""

    __tablename__ = "withdrawal"
    __table_args__ = (
        Index("withdrawal_owner", "owner", "place"),
        Index("withdrawal_tx", "tx"),
    )

    place: int = place_key()
    token: bytes = address_column()
    owner: bytes = address_column()
    amount: int = money_column(256)
    receiver: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()
