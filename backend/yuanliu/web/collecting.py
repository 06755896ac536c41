"""Batches of more deliveries than one registration takes: they enter in parts, and the last part is registered.

The parts are intentions of their own, stored in one commit under the request's key, so a request that was cut off goes
on where it was when it is sent again. Before the first is stored, the node tries all of them and the registration at
once: what the contract would refuse in the end leaves nothing behind.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from yuanliu import actions, hexes
from yuanliu.chain import bindings, relay
from yuanliu.chain.bindings import Call
from yuanliu.database import Connection
from yuanliu.desk.intentions import Intention, State
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.members import CHUNK
from yuanliu.web.acting import Acting, Asked, IntentionFailed
from yuanliu.web.shapes import unhexed

MOST: Final = 2_560
"""Most deliveries of one batch that are registered by one request: 10 parts.

Trying them costs 13,300 gas each, and nodes lend a call 50 million by default. Measured on two busy cores with 5,120:
tried, signed and stored after 7 s, in the batch and registered after 10 s.
"""

Registering = Callable[[Sequence[int]], Call]


def last_part(
    acts: Acting, db: Connection, batch: str, lot: tuple[str, str], receipts: Sequence[int],
    registering: Registering,
) -> Sequence[int]:  # fmt: skip
    """Enter deliveries into a batch (`lot`: GTIN and lot) until few enough are left to register it with; give those.

    What is in it already is not entered again. Raises as `Acting.carry_out`, and `YuanliuError`: `batch.receipt_twice`;
    `batch.collecting` if it takes longer than the client wants to wait: the same request goes on.
    """
    if len(set(receipts)) < len(receipts):
        twice = sorted({each for each in receipts if receipts.count(each) > 1})
        raise YuanliuError(
            "batch.receipt_twice",
            f"receipts are named twice: {twice[:20]}",
            hint="name each delivery once",
            fields={"receipts": twice[:20]},
        )
    acts.require("collect")
    end = time.monotonic() + acts.wait
    inside = {
        row.receipt
        for row in q.deliveries(db, cooperative=acts.party, batch=unhexed(batch), limit=MOST)
    }
    parts = [receipts[at : at + CHUNK] for at in range(0, len(receipts), CHUNK)]
    *early, last = ([each for each in part if each not in inside] for part in parts)
    group = f"collect {acts.capture_id}"
    asked = acts.wired.outbox.intentions(acts.account, group=group)
    if not asked:
        calls = [actions.collect(acts.wired.deployment, *lot, part) for part in early if part]
        _try_all(acts, [*calls, registering(last)])
        wanted = [Asked(call, {"batch": batch}) for call in calls]
        outcomes = acts.carry_out_each(wanted, "collect", group=group) if wanted else []
        for each in outcomes:
            if isinstance(each, YuanliuError):
                raise each
        asked = [each for each in outcomes if isinstance(each, Intention)]
    settled = [acts.wired.outbox.wait(each.id, end - time.monotonic()) for each in asked]
    for each in settled:
        if each.state in {State.FAILED, State.LAPSED}:
            raise IntentionFailed(each)
    waiting = sum(each.state is not State.DONE for each in settled)
    if waiting:
        raise YuanliuError(
            "batch.collecting",
            f"{len(settled) - waiting} of {len(settled) + 1} parts of the deliveries are in the batch",
            hint="send the same request again: it goes on where it is",
            fields={"batch": batch, "parts_done": len(settled) - waiting, "parts": len(parts)},
            retryable=True,
        )
    return last


def _try_all(acts: Acting, calls: Sequence[Call]) -> None:
    """Have the node try several calls one after the other; nothing is sent. Raises `ContractRefusal`."""
    d = acts.wired.deployment
    whole = relay.together(d, calls)
    signer = hexes.address_bytes(str(acts.signed_in.open_key().address))
    named = Call(whole.to, whole.data + signer, whole.name)
    bindings.call(acts.wired.node, named, sender=d.actors.address)
