"""Reads a batch's history from the chain: its records from the log, its head by `eth_call`."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from yuanliu import journal
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Log, Node
from yuanliu.errors import YuanliuError

_TRIES: Final = 5


@dataclass(frozen=True)
class ChainRecord:
    """One record as it stands in the log, the head that was before it, and where.

    What no contract of ours can have logged is kept as it is, as `data`, so that it can be told where it stands.
    """

    previous: bytes
    data: bytes
    transaction: str
    block: int
    log_index: int


@dataclass(frozen=True)
class ChainHistory:
    """All records of a batch, and the head that the contract keeps (32 zero bytes: none)."""

    records: tuple[ChainRecord, ...]
    head: bytes


def read(node: Node, deployment: Deployment, batch: bytes) -> ChainHistory:
    """Read a batch's history as of one moment. Raises `ChainUnreachable`; an unknown batch has no records."""
    for _ in range(_TRIES):
        head = _head(node, deployment, batch)
        logs = _logs(node, deployment, batch)
        if _head(node, deployment, batch) == head:
            return ChainHistory(records=tuple(_record(log) for log in logs), head=head)
    raise YuanliuError(
        "chain.busy",
        "the batch's history changes faster than it can be read",
        hint="try again",
        retryable=True,
        exit_code=2,
    )


def _head(node: Node, deployment: Deployment, batch: bytes) -> bytes:
    return bytes(deployment.batches.read(node, "headOf", int.from_bytes(batch, "big")))


def _logs(node: Node, deployment: Deployment, batch: bytes) -> list[Log]:
    recorded = "0x" + deployment.batches.topic("Recorded").hex()
    return node.logs(deployment.batches.address, [recorded, "0x" + batch.hex()], deployment.block)


def _record(log: Log) -> ChainRecord:
    try:
        previous, data = decode(["bytes32", "bytes"], log.data)
    except (DecodingError, OverflowError, ValueError):
        previous, data = journal.NO_HEAD, log.data
    return ChainRecord(
        previous=previous,
        data=data,
        transaction=log.transaction,
        block=log.block,
        log_index=log.index,
    )
