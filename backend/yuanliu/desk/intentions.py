"""An intention: what one person asked for, on its way to the chain."""

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row

from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.relay import SignedRequest
from yuanliu.errors import YuanliuError

_SAFE_INTEGER: Final = 2**53
"""From here on a JSON number is not exact in a browser."""


class State(StrEnum):
    """How far an intention is. `done`, `failed` and `lapsed` are final, unless the chain goes back."""

    WAITING = "waiting"
    """Stored and signed."""
    SENT = "sent"
    """In a transaction that is not mined yet."""
    DONE = "done"
    """Executed in a block."""
    FAILED = "failed"
    """Executed in a block and refused by the contract; `error` says why."""
    LAPSED = "lapsed"
    """Its signature is of no use any more, and nothing happened: its author must sign anew."""


LIVE: Final = (State.WAITING, State.SENT)
"""The states of what is still on its way."""


@dataclass(frozen=True)
class Intention:
    """What one person asked for. Times are Unix seconds; `error` has code, message, hint, fields and retryable.

    `result` is what the caller gave at submission, for whoever asks when it is done. `group` names what belongs
    together for its caller. `settled` says that it will not change by itself, unless the chain goes back.
    """

    id: str
    account: str
    idempotency_key: str
    act: str
    group: str | None
    request: SignedRequest
    state: State
    created: float
    updated: float
    attempts: int
    transaction: str | None
    block: int | None
    block_hash: str | None
    result: Any
    error: dict[str, Any] | None

    @property
    def settled(self) -> bool:
        """Whether it is over."""
        return self.state not in LIVE


def read(row: Row[Any]) -> Intention:
    """Give the intention of a row."""
    return Intention(
        id=row.id,
        account=row.account,
        idempotency_key=row.idempotency_key,
        act=row.act,
        group=row.group_name,
        request=request_of(row),
        state=State(row.state),
        created=row.created,
        updated=row.updated,
        attempts=row.attempts,
        transaction=row.transaction_hash,
        block=row.block,
        block_hash=row.block_hash,
        result=row.result,
        error=row.error,
    )


def request_of(row: Row[Any]) -> SignedRequest:
    """Give the signed request of a row."""
    return SignedRequest(
        signer=row.signer,
        call=Call(to=row.target, data=row.data, name=row.act),
        gas=row.gas,
        nonce=row.nonce,
        deadline=row.deadline,
        signature=row.signature,
    )


def deployment_id(deployment: Deployment) -> str:
    """Name a chain and its contracts in 16 hex digits. A reset devnet has the same addresses, but another genesis."""
    named = f"{deployment.chain_id} {deployment.genesis} {deployment.actors.address.lower()}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def error_of(error: YuanliuError) -> dict[str, Any]:
    """Write a refusal as JSON."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "fields": plain(error.fields),
        "retryable": error.retryable,
    }


def plain(value: object) -> Any:  # noqa: ANN401 -- JSON
    """Make JSON of what a contract's error carries: bytes as hex, numbers too large for a browser as text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _SAFE_INTEGER:
        return str(value)
    return value


class Ids:
    """Ids that sort by the time they were given at (UUID version 7, RFC 9562), each after the one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def turn(self) -> int:
        """Give a number later than any before: microseconds since 1970."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1_000)
            return self._last

    def id(self) -> str:
        """Give 32 hex digits: milliseconds, then the thousandth, then chance."""
        milliseconds, rest = divmod(self.turn(), 1_000)
        chance = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
        return f"{milliseconds:012x}7{rest:03x}{1 << 63 | chance:016x}"
