"""Takes what is due to somebody: pays it to his own payout address. Anyone may ask for it; the service pays the gas.

What is asked for twice before it is done is one thing: its name holds what was paid to each member before. Once it is
done, and more was sold, the same members have another name.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from yuanliu import actions
from yuanliu.chain.bindings import Call
from yuanliu.desk.intentions import LIVE, Intention, State
from yuanliu.index import queries as q
from yuanliu.index.reading import reading
from yuanliu.web.services import Copy, Services

PUBLIC: Final = "public"
"""The account of what the service signs for anybody."""

_TRIES: Final = 5
_POLL_SECONDS: Final = 0.05


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


def take_all(wired: Services, owner: str, *, wait: float) -> list[Intention]:
    """Have everything that is due to somebody, or kept for him, paid to him; wait some seconds for it to be done.

    Asked for twice at once, it is done once. Gives none if nothing is due. Raises what `Outbox.submit` does.
    """
    with reading(wired.copy) as db:
        wanted = [*claims(db, wired, owner), *withdrawals(db, wired, owner)]
    made = [_taken(wired, each, owner) for each in wanted]
    end = time.monotonic() + wait
    settled = [wired.outbox.wait(each.id, max(0.0, end - time.monotonic())) for each in made]
    _let_show(wired, max((each.block or 0 for each in settled), default=0), end)
    return settled


def under_way(wired: Services, owner: str) -> int:
    """Count what was asked for in somebody's name and is not mined yet."""
    listed = (
        wired.outbox.intentions(PUBLIC, state=state, group=_group(owner), limit=20)
        for state in LIVE
    )
    return sum(map(len, listed))


def _taken(wired: Services, wanted: Taking, owner: str) -> Intention:
    """Store a taking, or give it as it was stored before; one that came to nothing is tried again."""
    name = wanted.name
    digest = hashlib.sha256(wanted.act.encode()).hexdigest()
    key = _key(name)
    for _ in range(_TRIES):
        found = wired.outbox.find(PUBLIC, key, digest)
        if found is None or found.state not in {State.FAILED, State.LAPSED}:
            break
        key = _key(f"{name} after {found.id}")
    return wired.outbox.submit(
        account=PUBLIC,
        key=wired.house,
        call=wanted.call,
        idempotency_key=key,
        act=wanted.act,
        body_digest=digest,
        result={"farmer": owner},
        group=_group(owner),
    )


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _group(owner: str) -> str:
    return f"take {owner}"


def _let_show(wired: Services, block: int, end: float) -> None:
    """Wait until the copy has a block, so that whoever looks next sees what was done."""
    while block and time.monotonic() < end:
        with reading(wired.copy) as db:
            status = q.status(db)
        if status is not None and status.block >= block:
            return
        time.sleep(_POLL_SECONDS)
