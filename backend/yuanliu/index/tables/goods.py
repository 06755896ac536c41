"""Batches, their history and custody, and the deliveries they come from."""

from sqlalchemy import Boolean, Index, Integer, LargeBinary, SmallInteger, String

from yuanliu.index.tables.base import (
    Copy,
    Uint64,
    address_column,
    column,
    money_column,
    place_key,
    sub_key,
    whole_column,
    word_column,
)


class Record(Copy, table=True):
    """A record of a batch's journal, its bytes whole. `number` counts from 0, `head` is the journal's after it."""

    __tablename__ = "record"
    __table_args__ = (Index("record_number", "batch", "number", unique=True),)

    place: int = place_key()
    batch: bytes = word_column()
    number: int = column(Integer)
    kind: int = column(SmallInteger)
    time: int = whole_column()
    actor: bytes = address_column()
    signer: bytes = address_column()
    previous: bytes = word_column()
    head: bytes = word_column()
    data: bytes = column(LargeBinary)
    tx: bytes = word_column()


class Batch(Copy, table=True):
    """A batch, from its Registered or Derived record. `transformation` only if made from batches.

    `farmer` is the one farmer whose goods it is; none: it has a pool. `loss` is in milligrams.
    """

    __tablename__ = "batch"
    __table_args__ = (
        Index("batch_id", "id", unique=True),
        Index("batch_cooperative", "cooperative", "place"),
        Index("batch_lot", "gtin", "lot"),
        Index("batch_farmer", "farmer"),
    )

    place: int = place_key()
    id: bytes = word_column()
    cooperative: bytes = address_column()
    gtin: int = whole_column()
    lot: str = column(String(20))
    terms: int = whole_column()
    units: int = column(Uint64)
    milligrams_per_unit: int = whole_column()
    loss: int = column(Uint64, nullable=True)
    transformation: int = whole_column(nullable=True)
    price: int = money_column(96)
    total_weight: int = column(Uint64)
    farmer: bytes = address_column(nullable=True)
    time: int = whole_column()
    tx: bytes = word_column()


class Lineage(Copy, table=True):
    """What a batch was made from, in milligrams."""

    __tablename__ = "lineage"
    __table_args__ = (
        Index("lineage_child", "child", "parent", "milligrams"),
        Index("lineage_parent", "parent", "child", "milligrams"),
        {"sqlite_with_rowid": False},
    )

    place: int = place_key()
    sub: int = sub_key()
    child: bytes = word_column()
    parent: bytes = word_column()
    milligrams: int = column(Uint64)


class Member(Copy, table=True):
    """A member of a batch's list: a farmer by a delivery, or a parent batch. `position` in the whole list."""

    __tablename__ = "member"
    __table_args__ = (
        Index("member_position", "batch", "position"),
        Index("member_member", "member", "batch"),
        {"sqlite_with_rowid": False},
    )

    place: int = place_key()
    sub: int = sub_key()
    batch: bytes = word_column()
    position: int = column(Integer)
    member: bytes = column(LargeBinary)
    weight: int = column(Uint64)
    receipt: int = column(Uint64, nullable=True)


class Move(Copy, table=True):
    """Units that moved; from the zero address they were made, to it used up."""

    __tablename__ = "move"
    __table_args__ = (
        Index("move_batch", "batch"),
        Index("move_sender", "sender", "batch"),
        Index("move_receiver", "receiver", "batch"),
        {"sqlite_with_rowid": False},
    )

    place: int = place_key()
    sub: int = sub_key()
    batch: bytes = word_column()
    sender: bytes = address_column()
    receiver: bytes = address_column()
    units: int = column(Uint64)


class Price(Copy, table=True):
    """A new price of one unit."""

    __tablename__ = "price"
    __table_args__ = (Index("price_batch", "batch", "place"),)

    place: int = place_key()
    batch: bytes = word_column()
    price: int = money_column(96)


class Safety(Copy, table=True):
    """An inspection, a release, a recall or its end, by the kind of record. A release counts as conformant."""

    __tablename__ = "safety"
    __table_args__ = (
        Index("safety_batch", "batch", "place"),
        Index("safety_kind", "kind", "conformant", "batch"),
    )

    place: int = place_key()
    batch: bytes = word_column()
    kind: int = column(SmallInteger)
    conformant: bool = column(Boolean, nullable=True)
    actor: bytes = address_column()
    time: int = whole_column()


class Offer(Copy, table=True):
    """Units offered."""

    __tablename__ = "offer"
    __table_args__ = (
        Index("offer_number", "batch", "number", unique=True),
        Index("offer_sender", "sender", "place"),
        Index("offer_receiver", "receiver", "place"),
    )

    place: int = place_key()
    batch: bytes = word_column()
    number: int = whole_column()
    sender: bytes = address_column()
    receiver: bytes = address_column()
    units: int = column(Uint64)
    time: int = whole_column()
    tx: bytes = word_column()


class Answer(Copy, table=True):
    """An offer accepted, refused or withdrawn, by the kind of record."""

    __tablename__ = "answer"
    __table_args__ = (Index("answer_number", "batch", "number", unique=True),)

    place: int = place_key()
    batch: bytes = word_column()
    number: int = whole_column()
    kind: int = column(SmallInteger)
    time: int = whole_column()


class Delivery(Copy, table=True):
    """A delivery booked."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_receipt", "cooperative", "receipt", unique=True),
        Index("delivery_cooperative", "cooperative", "place"),
        Index("delivery_farmer", "farmer", "place"),
    )

    place: int = place_key()
    cooperative: bytes = address_column()
    receipt: int = column(Uint64)
    farmer: bytes = address_column()
    gtin: int = whole_column()
    grams: int = whole_column()
    grade_bps: int = column(Integer)
    price_per_kg: int = money_column(96)
    terms: int = whole_column()
    signer: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class DeliveryVoided(Copy, table=True):
    """A delivery declared wrong. The reason is as it was sent, which need not be UTF-8."""

    __tablename__ = "delivery_voided"
    __table_args__ = (Index("delivery_voided_receipt", "cooperative", "receipt", unique=True),)

    place: int = place_key()
    cooperative: bytes = address_column()
    receipt: int = column(Uint64)
    reason: bytes = column(LargeBinary)
    signer: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class DeliveryEntered(Copy, table=True):
    """A delivery that entered a batch."""

    __tablename__ = "delivery_entered"
    __table_args__ = (
        Index("delivery_entered_receipt", "cooperative", "receipt", unique=True),
        Index("delivery_entered_batch", "batch"),
    )

    place: int = place_key()
    cooperative: bytes = address_column()
    receipt: int = column(Uint64)
    batch: bytes = word_column()
