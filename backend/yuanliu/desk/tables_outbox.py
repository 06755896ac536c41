"""The outbox's tables: what people asked for, whose turn it is, and the transactions that carry it.

`deployment` names the chain and the contracts that a row belongs to: a reset devnet begins with an empty outbox, and
the old one stays to be read.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Double, Index, LargeBinary, Table, text
from sqlmodel import Field

from yuanliu.desk.base import Desk


class IntentionRow(Desk, table=True):
    """One thing that somebody asked for. Times are Unix seconds."""

    __tablename__ = "intention"
    __table_args__ = (
        Index("intention_key", "deployment", "account", "idempotency_key", unique=True),
        Index(
            "intention_nonce",
            "deployment",
            "signer",
            "nonce",
            unique=True,
            sqlite_where=text("state IN ('waiting', 'sent')"),
            postgresql_where=text("state IN ('waiting', 'sent')"),
        ),
        Index("intention_turn", "deployment", "state", "turn"),
        Index("intention_account", "account", "id"),
        Index("intention_group", "group_name"),
        Index("intention_dispatch", "dispatch"),
    )

    id: str = Field(primary_key=True, max_length=32)
    deployment: str = Field(max_length=16)
    account: str = Field(max_length=64)
    idempotency_key: str = Field(max_length=200)
    body_digest: str = Field(max_length=128)
    act: str = Field(max_length=120)
    group_name: str | None = Field(default=None, max_length=64)
    signer: str = Field(max_length=42)
    target: str = Field(max_length=42)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    gas: int = Field(sa_column=Column(BigInteger, nullable=False))
    nonce: int = Field(sa_column=Column(BigInteger, nullable=False))
    deadline: int = Field(sa_column=Column(BigInteger, nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    turn: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(max_length=8)
    created: float = Field(sa_column=Column(Double, nullable=False))
    updated: float = Field(sa_column=Column(Double, nullable=False))
    attempts: int = 0
    dispatch: str | None = Field(default=None, max_length=32)
    transaction_hash: str | None = Field(default=None, max_length=66)
    block: int | None = Field(default=None, sa_column=Column(BigInteger))
    block_hash: str | None = Field(default=None, max_length=66)
    result: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    error: Any = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class SignerRow(Desk, table=True):
    """Where a signer's numbering stands: no request of his with `next_nonce` or a later nonce is on its way."""

    __tablename__ = "signer"

    deployment: str = Field(primary_key=True, max_length=16)
    address: str = Field(primary_key=True, max_length=42)
    next_nonce: int = Field(sa_column=Column(BigInteger, nullable=False))


class DispatchRow(Desk, table=True):
    """One transaction of the relayer, whatever fee it is sent with. `intentions` are ids, in order."""

    __tablename__ = "dispatch"
    __table_args__ = (
        Index(
            "dispatch_nonce",
            "deployment",
            "relayer",
            "account_nonce",
            unique=True,
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("dispatch_state", "deployment", "relayer", "state"),
    )

    id: str = Field(primary_key=True, max_length=32)
    deployment: str = Field(max_length=16)
    relayer: str = Field(max_length=42)
    account_nonce: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(max_length=8)
    gas: int = Field(sa_column=Column(BigInteger, nullable=False))
    intentions: Any = Field(sa_column=Column(JSON, nullable=False))
    created: float = Field(sa_column=Column(Double, nullable=False))
    settled: float | None = Field(default=None, sa_column=Column(Double))
    block: int | None = Field(default=None, sa_column=Column(BigInteger))
    block_hash: str | None = Field(default=None, max_length=66)


class AttemptRow(Desk, table=True):
    """The signed bytes of a dispatch at one fee (wei per gas). Stored before they are sent."""

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_dispatch", "dispatch"),)

    hash: str = Field(primary_key=True, max_length=66)
    dispatch: str = Field(max_length=32)
    max_fee: str = Field(max_length=78)
    priority_fee: str = Field(max_length=78)
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created: float = Field(sa_column=Column(Double, nullable=False))


INTENTION: Table = Desk.metadata.tables["intention"]
SIGNER: Table = Desk.metadata.tables["signer"]
DISPATCH: Table = Desk.metadata.tables["dispatch"]
ATTEMPT: Table = Desk.metadata.tables["attempt"]
