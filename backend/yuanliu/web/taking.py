"""Takes what is due to somebody: pays it to his own payout address. Anyone may ask for it; the service pays the gas.

What is asked for twice before it is done is one thing: its name holds what was paid to each member before. Once it is
done, and more was sold, the same members have another name.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from yuanliu import actions
from yuanliu.chain.bindings import Call
from yuanliu.index import queries as q
from yuanliu.web.services import Copy, Services


@dataclass(frozen=True)
class Taking:
    """A call that takes money for its owner, and the name that it is done once for."""

    act: str
    call: Call
    name: str


def claims(db: Copy, wired: Services, farmer: str) -> Iterator[Taking]:
    """Give the claims that take all that is due to a farmer in pools. Raises as `dues`."""
    for due in q.dues(db, wired.deployment.batches.address, farmer):
        for steps in due.claims:
            call = actions.claim(
                wired.deployment,
                [actions.Step(s.batch, s.index, s.member, s.weight, s.proof) for s in steps],
            )
            before = " ".join(str(step.paid) for step in steps)
            name = f"claim {hashlib.sha256(call.data).hexdigest()} {before}"
            yield Taking("claim", call, name)


def withdrawals(db: Copy, wired: Services, owner: str) -> Iterator[Taking]:
    """Give the calls that pay out what is kept for somebody who could not be paid. Raises `HexError`."""
    status = q.status(db)
    reached = status.block if status else 0  # until the copy goes on, asking again is the same
    for credit in q.credits_of(db, owner):
        call = actions.withdraw(wired.deployment, credit.token, credit.owner)
        yield Taking("withdraw", call, f"withdraw {credit.token} {credit.owner} {reached}")
