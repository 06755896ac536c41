"""How much gas an act needs at most, for those that are signed without asking the node first."""

from typing import Final

from yuanliu.chain.bindings import Call

MAX_GAS: Final = 15_000_000
"""Most gas of one request: with the forwarder's own it must fit into a transaction of 16,777,216 (EIP-7825)."""

_BOUNDS: Final = {
    "Batches.record": (45_000, 12),
    "Batches.inspect": (45_000, 12),
    "Batches.anchor": (70_000, 12),
    "Batches.correct": (45_000, 12),
}
"""Gas of a call, and of each byte of its data.

Measured, with payloads of 550 / 2,000 / 8,000 bytes, whoever of those who may does it: record at most 34,000 / 47,600 /
102,700; inspect 25,300 / 38,900 / 94,000; anchor 45,600 / 59,200 / 114,300; correct 23,400 / 36,900 / 92,000.
"""


def gas_bound(call: Call) -> int | None:
    """Give a call's bound, or None if it has none: what it needs depends on the state of the chain."""
    bound = _BOUNDS.get(call.name)
    return None if bound is None else bound[0] + bound[1] * len(call.data)


def gas_for(needed: int) -> int:
    """Give the gas to sign for, where a trial needed so much: a quarter more, because the state may change."""
    return min(needed * 5 // 4, MAX_GAS)
