"""What the relayer sees of the chain in one glance, and how far it went back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from yuanliu.chain.node import ChainUnreachable, Node, RpcError
from yuanliu.chain.transactions import Fees

_HEADERS: Final = 50


@dataclass(frozen=True)
class Block:
    """A block by number and hash."""

    number: int
    hash: str


@dataclass(frozen=True)
class View:
    """The chain at one moment: its head's number, time and gas limit, the account's next nonce, what should be paid.

    `same` says whether the block that was asked for is still there; it vouches for all before it.
    """

    head: int
    time: int
    gas_limit: int
    count: int
    fees: Fees
    same: bool


def look(node: Node, account: str, anchor: Block | None) -> View:
    """Look, in one round trip. Raises `ChainUnreachable`, `RpcError`."""
    asked: list[tuple[str, list[object]]] = [
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getTransactionCount", [account, "latest"]),
        ("eth_maxPriorityFeePerGas", []),
    ]
    if anchor is not None:
        asked.append(("eth_getBlockByNumber", [hex(anchor.number), False]))
    head, count, tip, *there = node.batch(asked)
    for answer in (head, count):
        if isinstance(answer, RpcError):
            raise answer
    try:
        # A node that has no such method asks for no tip.
        priority = 0 if isinstance(tip, RpcError) else int(tip, 16)
        base = int(head.get("baseFeePerGas", "0x0"), 16)
        return View(
            head=int(head["number"], 16),
            time=int(head["timestamp"], 16),
            gas_limit=int(head["gasLimit"], 16),
            count=int(count, 16),
            fees=Fees(2 * base + priority, priority),
            same=anchor is None or _hash(there[0]) == anchor.hash,
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ChainUnreachable(node.url, "it gives nonsense for its head") from error


def lowest_gone(node: Node, blocks: Sequence[Block]) -> int | None:
    """Give the number of the lowest of these blocks (highest first) that the chain does not have any more, if any.

    Raises `ChainUnreachable`.
    """
    lowest = None
    for i in range(0, len(blocks), _HEADERS):
        part = blocks[i : i + _HEADERS]
        headers = node.batch(
            [("eth_getBlockByNumber", [hex(block.number), False]) for block in part]
        )
        for block, header in zip(part, headers, strict=True):
            if isinstance(header, RpcError):
                raise header
            if _hash(header) == block.hash:
                return lowest
            lowest = block.number
    return lowest


def _hash(header: Any) -> str | None:  # noqa: ANN401 -- JSON
    return str(header["hash"]) if isinstance(header, dict) else None
