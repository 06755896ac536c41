# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""What is due to a farmer in all pools, and the claims that take it.

Money paid for a product made from products stands in the product's pool until somebody moves it on. So what is due is
reckoned as the contract would, were everything claimed now: from the newest products down to the farmer's own
deliveries. The steps of a claim stand in that order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final

from sqlalchemy import Connection

from yuanliu import hexes, members, money
from yuanliu.errors import YuanliuError
from yuanliu.index.queries import sql
from yuanliu.index.queries.money import member_shares, members_of, pool

MAX_STEPS: Final = 64
"""Most steps of one claim, as `IPayments.claim` takes them."""

MAX_BATCHES: Final = 5_000
"""Most batches that are looked through: a farmer's own, and all that was made of them."""

_REACH: Final = """WITH RECURSIVE reach(id) AS (
 SELECT batch FROM member WHERE member = :farmer UNION SELECT id FROM batch WHERE farmer = :farmer
 UNION SELECT l.child FROM lineage l JOIN reach ON l.parent = reach.id)"""


@dataclass(frozen=True, slots=True)
class ClaimStep:
    """A member of a batch's pool, and the proof of it within its chunk.

    `paid` is what it was paid before, in the token's smallest unit: it tells one claim of the member from the next.
    """

    batch: bytes
    index: int
    member: str | bytes
    weight: int
    proof: tuple[bytes, ...]
    paid: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due to somebody in one token, and the claims that take it, each of at most `MAX_STEPS` steps."""

    token: str
    amount: int
    claims: tuple[tuple[ClaimStep, ...], ...]


def dues(db: Connection, contract: str, farmer: str, *, proofs: bool = True) -> tuple[Due, ...]:
    """Give what is due to a farmer, by token. `contract` holds the batches; who only asks how much needs no `proofs`.

    Raises `HexError`, `YuanliuError` (`claim.too_many_batches`).
    """
    key = hexes.address_bytes(farmer)
    reached = sql.rows(
        db,
        _REACH + " SELECT b.id, b.farmer FROM reach JOIN batch b ON b.id = reach.id LIMIT :most",
        farmer=key,
        most=MAX_BATCHES + 1,
    )
    if len(reached) > MAX_BATCHES:
        raise YuanliuError(
            "claim.too_many_batches",
            f"more than {MAX_BATCHES} batches lead to {farmer}",
            hint="have the pools settled first, oldest products last",
            fields={"farmer": farmer, "maximum": MAX_BATCHES},
        )
    to: set[str | bytes] = {farmer.lower(), *(row.id for row in reached)}
    single = {row.id for row in reached if row.farmer is not None}
    arriving: dict[bytes, int] = {}
    owed: dict[str, int] = {}
    steps: dict[str, list[ClaimStep]] = {}
    for id_ in _children_first(db, key, [row.id for row in reached]):
        found = pool(db, id_)
        if found is None:
            continue
        received = found.received + arriving.get(id_, 0)
        for step, due in _steps(db, contract if proofs else None, id_, received, to):
            steps.setdefault(found.token, []).append(step)
            if isinstance(step.member, str) or step.member in single:
                owed[found.token] = owed.get(found.token, 0) + due
            else:
                arriving[step.member] = arriving.get(step.member, 0) + due
    return tuple(Due(token, amount, _cut(steps[token])) for token, amount in owed.items() if amount)


def _children_first(db: Connection, farmer: bytes, ids: Sequence[bytes]) -> list[bytes]:
    """Put products before what they were made from."""
    order: TopologicalSorter[bytes] = TopologicalSorter(dict.fromkeys(ids, ()))
    for arrow in sql.rows(
        db,
        _REACH + " SELECT l.child, l.parent FROM reach JOIN lineage l ON l.parent = reach.id",
        farmer=farmer,
    ):
        order.add(arrow.parent, arrow.child)
    return list(order.static_order())


def _steps(
    db: Connection, contract: str | None, id_: bytes, received: int, to: set[str | bytes]
) -> list[tuple[ClaimStep, int]]:
    """Give the members of a pool that money is due to, of those in `to`, and how much."""
    shares = member_shares(db, id_)
    total = sum(share.weight for share in shares)
    chunks: dict[int, tuple[bytes, ...]] = {}
    found = []
    for share in shares:
        due = money.due(received, share.weight, total) - share.paid
        if share.member not in to or due <= 0:
            continue
        number, place = divmod(share.index, members.CHUNK)
        proof: tuple[bytes, ...] = ()
        if contract is not None:
            if number not in chunks:
                listed = members_of(db, id_)[number]
                chunks[number] = members.chunk_leaves(contract, id_, number, listed)
            proof = members.proof(chunks[number], place)
        step = ClaimStep(id_, share.index, share.member, share.weight, proof, share.paid)
        found.append((step, due))
    return found


def _cut(steps: Sequence[ClaimStep]) -> tuple[tuple[ClaimStep, ...], ...]:
    return tuple(
        tuple(steps[first : first + MAX_STEPS]) for first in range(0, len(steps), MAX_STEPS)
    )
