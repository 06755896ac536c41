"""Actors, products and terms."""

from typing import Final

from sqlalchemy import Boolean, Index, Integer, LargeBinary, String

from yuanliu.index.tables.base import (
    Copy,
    address_column,
    column,
    money_column,
    place_key,
    whole_column,
    word_column,
)

FARMER: Final = 1 << 2
"""The bit of a farmer in an actor's roles (`contracts/libraries/Roles.sol`)."""

REGULATOR: Final = 1 << 6
"""The bit of a regulator."""


class Actor(Copy, table=True):
    """An enrolment."""

    __tablename__ = "actor"
    __table_args__ = (
        Index("actor_actor", "actor", unique=True),
        Index("actor_code", "enroller", "code", unique=True),
        Index("actor_card", "code"),
    )

    place: int = place_key()
    actor: bytes = address_column()
    enroller: bytes = address_column()
    roles: int = column(Integer)
    code: str = column(String(16))
    signer: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class ActorChange(Copy, table=True):
    """What happened to an actor since: `kind` is the event's name.

    `by`: who did it; `key`: the clerk's, the new or the proposed key, or where payouts go; `old_key`: the one replaced;
    `ready_at`: from when a recovery can be completed.
    """

    __tablename__ = "actor_change"
    __table_args__ = (
        Index("actor_change_actor", "actor", "kind", "place"),
        Index("actor_change_key", "key"),
    )

    place: int = place_key()
    actor: bytes = address_column()
    kind: str = column(String(20))
    by: bytes = address_column(nullable=True)
    key: bytes = address_column(nullable=True)
    old_key: bytes = address_column(nullable=True)
    reason: bytes = column(LargeBinary, nullable=True)
    ready_at: int = whole_column(nullable=True)
    time: int = whole_column()
    tx: bytes = word_column()


class Token(Copy, table=True):
    """A token allowed in new terms, or no longer."""

    __tablename__ = "token"
    __table_args__ = (Index("token_token", "token", "place"),)

    place: int = place_key()
    token: bytes = address_column()
    listed: bool = column(Boolean)
    by: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class Product(Copy, table=True):
    """A product listed. `unit` is a code of UN/ECE Recommendation 20."""

    __tablename__ = "product"
    __table_args__ = (
        Index("product_gtin", "gtin", unique=True),
        Index("product_cooperative", "cooperative", "place"),
    )

    place: int = place_key()
    gtin: int = whole_column()
    cooperative: bytes = address_column()
    unit: str = column(String(3))
    by: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class Terms(Copy, table=True):
    """Terms published."""

    __tablename__ = "terms"
    __table_args__ = (
        Index("terms_id", "id", unique=True),
        Index("terms_gtin", "gtin", "place"),
    )

    place: int = place_key()
    id: int = whole_column()
    gtin: int = whole_column()
    cooperative: bytes = address_column()
    token: bytes = address_column()
    farmer_bps: int = column(Integer)
    cooperative_bps: int = column(Integer)
    platform_bps: int = column(Integer)
    cooperative_payee: bytes = address_column()
    floor_per_unit: int = money_column(96)
    platform_payee: bytes = address_column()
    authority: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()


class TermsAuthority(Copy, table=True):
    """Who may publish a cooperative's terms from then on."""

    __tablename__ = "terms_authority"
    __table_args__ = (Index("terms_authority_cooperative", "cooperative", "place"),)

    place: int = place_key()
    cooperative: bytes = address_column()
    authority: bytes = address_column()
    by: bytes = address_column()
    time: int = whole_column()
    tx: bytes = word_column()
