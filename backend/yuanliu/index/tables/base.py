"""What all COPY tables share: places, column types, the base, and the two tables of the chain itself."""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, SmallInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from yuanliu.database import BigUint, Fixed

LOG_BITS: Final = 24
"""Bits of a place that number the log within its block."""

LAST_LOG: Final = (1 << LOG_BITS) - 1
"""The last place within a block."""

_UNSIGNED: Final = 1 << 64
_HALF: Final = 1 << 63
_PLACE: Final = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite's own row number, no index beside


class Uint64(TypeDecorator[int]):
    """A `uint64` of the contracts in eight signed bytes: what is 2⁶³ or more stands as its value less 2⁶⁴."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- as the base class
        """Write the number."""
        return None if value is None else wrap(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- as the base class
        """Read it back."""
        return None if value is None else unwrap(value)


def wrap(value: int) -> int:
    """Give a number below 2⁶⁴ as it is stored."""
    return value if value < _HALF else value - _UNSIGNED


def unwrap(value: int) -> int:
    """Give a stored number below 2⁶⁴, or a sum of such, which never exceeds the units of one batch."""
    return value % _UNSIGNED


class Copy(SQLModel, registry=registry()):
    """A table of the copy: it stands in a metadata of its own, apart from the desk's."""


def metadata() -> MetaData:
    """Give the metadata of all COPY tables."""
    return Copy.metadata


def place_key() -> Any:  # noqa: ANN401 -- SQLModel's fields have any type
    """Give the column: where the log stands: the key."""
    return Field(sa_column=Column(_PLACE, primary_key=True, autoincrement=False))


def sub_key() -> Any:  # noqa: ANN401 -- SQLModel's fields have any type
    """Give the column: which row of the log; part of the key."""
    return Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))


def column(kind: Any, *, nullable: bool = False) -> Any:  # noqa: ANN401 -- SQLAlchemy's types, SQLModel's fields
    """Give a column of a type."""
    return Field(sa_column=Column(kind, nullable=nullable))


def address_column(*, nullable: bool = False) -> Any:  # noqa: ANN401 -- SQLModel's fields have any type
    """Give the column: an address, 20 bytes."""
    return column(Fixed(20), nullable=nullable)


def word_column(*, nullable: bool = False) -> Any:  # noqa: ANN401 -- SQLModel's fields have any type
    """Give the column: an id or a hash, 32 bytes."""
    return column(Fixed(32), nullable=nullable)


def whole_column(*, nullable: bool = False) -> Any:  # noqa: ANN401 -- SQLModel's fields have any type
    """Give the column: a number below 2⁶³."""
    return column(BigInteger, nullable=nullable)


def money_column(bits: int) -> Any:  # noqa: ANN401 -- SQLModel's fields have any type
    """Give the column: money, in the token's smallest unit."""
    return column(BigUint(bits))


class Cursor(Copy, table=True):
    """How far the copy reaches: one row. `events` is the place up to which events are drawn from the facts."""

    __tablename__ = "cursor"

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    chain_id: int = whole_column()
    genesis: bytes = word_column()
    contract: bytes = address_column()
    first_block: int = whole_column()
    block: int = whole_column()
    hash: bytes = word_column()
    time: int = whole_column()
    events: int = whole_column()


class Block(Copy, table=True):
    """A block that holds a log of ours."""

    __tablename__ = "block"

    number: int = Field(sa_column=Column(_PLACE, primary_key=True, autoincrement=False))
    hash: bytes = word_column()
    time: int = whole_column()


CURSOR: Final = "cursor"
"""The one table that is not keyed by places."""
