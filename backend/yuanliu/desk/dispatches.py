"""The relayer's book: which intentions wait, which transactions carry others, what became of them.

Everything is committed before it is sent. Only the relayer writes here, so it reads once and remembers.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from yuanliu.chain.transactions import Fees, Transaction
from yuanliu.desk.intentions import LIVE, Ids, State
from yuanliu.desk.settling import waiting
from yuanliu.desk.tables_outbox import ATTEMPT, DISPATCH, INTENTION, SIGNER
from yuanliu.desk.watching import Block

_CHUNK: Final = 500


class Course(StrEnum):
    """How far a dispatch is."""

    PENDING = "pending"
    """Signed, perhaps sent, not mined."""
    MINED = "mined"
    """In a block that the chain could still take back."""
    LOST = "lost"
    """It can never be mined: its number was used for something else."""
    OVER = "over"
    """In a block for good, or lost for long; its bytes are thrown away."""


@dataclass(eq=False)
class Dispatch:
    """One transaction of the relayer at all its fees.

    `sent`, `first_sent` and `unseen` (since when there is no
    receipt though its nonce is used) are monotonic seconds of this run.
    """

    id: str
    nonce: int
    gas: int
    intentions: list[str]
    attempts: list[Transaction]
    sent: float | None = None
    first_sent: float | None = None
    unseen: float = 0.0


class Dispatches:
    """What the relayer's account has under way on one deployment."""

    def __init__(self, engine: Engine, deployment: str, relayer: str, ids: Ids) -> None:
        self._engine = engine
        self._deployment = deployment
        self._relayer = relayer.lower()
        self._ids = ids
        self._mine = (DISPATCH.c.deployment == deployment) & (DISPATCH.c.relayer == self._relayer)

    # ------------------------------------------------------------------ reading

    def _reading(self) -> Any:  # noqa: ANN401 -- SQLAlchemy's own
        return self._engine.connect().execution_options(reading=True)

    def pending(self) -> list[Dispatch]:
        """Give what is not mined, in the order of nonces."""
        query = select(DISPATCH).where(self._mine, DISPATCH.c.state == str(Course.PENDING))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(DISPATCH.c.account_nonce)).all()
            attempts = self._attempts(connection, [row.id for row in rows])
        return [
            Dispatch(row.id, row.account_nonce, row.gas, row.intentions, attempts[row.id])
            for row in rows
        ]

    def _attempts(self, connection: Connection, ids: Sequence[str]) -> dict[str, list[Transaction]]:
        found: dict[str, list[Transaction]] = {id_: [] for id_ in ids}
        query = select(ATTEMPT).where(ATTEMPT.c.dispatch.in_(ids)).order_by(ATTEMPT.c.created)
        for row in connection.execute(query):
            fees = Fees(int(row.max_fee), int(row.priority_fee))
            found[row.dispatch].append(Transaction(row.hash, row.raw, fees))
        return found

    def mined_blocks(self) -> list[Block]:
        """Give the blocks that the chain could still take back, the highest first."""
        query = (
            select(DISPATCH.c.block, DISPATCH.c.block_hash)
            .where(self._mine, DISPATCH.c.state == str(Course.MINED))
            .distinct()
            .order_by(DISPATCH.c.block.desc())
        )
        with self._reading() as connection:
            return [Block(row.block, row.block_hash) for row in connection.execute(query)]

    def turn(self, limit: int) -> list[Row[Any]]:
        """Give the intentions whose turn it is to be sent."""
        query = (
            select(INTENTION)
            .where(
                INTENTION.c.deployment == self._deployment,
                INTENTION.c.state == str(State.WAITING),
            )
            .order_by(INTENTION.c.turn)
            .limit(limit)
        )
        with self._reading() as connection:
            return list(connection.execute(query))

    def waits(self) -> bool:
        """Tell whether an intention waits."""
        query = select(INTENTION.c.id).where(
            INTENTION.c.deployment == self._deployment, INTENTION.c.state == str(State.WAITING)
        )
        with self._reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def rows(self, ids: Sequence[str]) -> list[Row[Any]]:
        """Give intentions by their ids."""
        found: list[Row[Any]] = []
        with self._reading() as connection:
            for i in range(0, len(ids), _CHUNK):
                chunk = ids[i : i + _CHUNK]
                found += connection.execute(select(INTENTION).where(INTENTION.c.id.in_(chunk)))
        return found

    def load(self) -> tuple[int, int, float | None]:
        """Count what waits and what is sent, and give the time since when the oldest waits."""
        query = (
            select(INTENTION.c.state, func.count(), func.min(INTENTION.c.created))
            .where(
                INTENTION.c.deployment == self._deployment,
                INTENTION.c.state.in_([str(state) for state in LIVE]),
            )
            .group_by(INTENTION.c.state)
        )
        with self._reading() as connection:
            found = {row[0]: (row[1], row[2]) for row in connection.execute(query)}
        waits, oldest = found.get(str(State.WAITING), (0, None))
        return waits, found.get(str(State.SENT), (0, None))[0], oldest

    # ------------------------------------------------------------------ writing

    def open(self, nonce: int, gas: int, intentions: Sequence[str], first: Transaction) -> Dispatch:
        """Note a transaction that is about to be sent, and its intentions as sent."""
        now = time.time()
        dispatch = Dispatch(self._ids.id(), nonce, gas, list(intentions), [first])
        with self._engine.begin() as connection:
            connection.execute(
                insert(DISPATCH).values(
                    id=dispatch.id,
                    deployment=self._deployment,
                    relayer=self._relayer,
                    account_nonce=nonce,
                    state=str(Course.PENDING),
                    gas=gas,
                    intentions=dispatch.intentions,
                    created=now,
                )
            )
            connection.execute(insert(ATTEMPT).values(_attempt(dispatch, first)))
            connection.execute(
                update(INTENTION)
                .where(INTENTION.c.id.in_(intentions))
                .values(
                    state=str(State.SENT),
                    dispatch=dispatch.id,
                    transaction_hash=first.hash,
                    attempts=INTENTION.c.attempts + 1,
                    updated=now,
                )
            )
        return dispatch

    def adopt(self) -> int:
        """Let what another account had under way wait again, for the relayer's key was changed; give how many.

        Should the other's transactions be mined after all, nothing is done twice: the forwarder executes each number of
        a signer once.
        """
        others = select(DISPATCH.c.id).where(
            DISPATCH.c.deployment == self._deployment,
            DISPATCH.c.relayer != self._relayer,
            DISPATCH.c.state == str(Course.PENDING),
        )
        with self._reading() as connection:
            ids = list(connection.execute(others).scalars())
        if ids:
            with self._engine.begin() as connection:
                for id_ in ids:
                    self._lose(connection, id_)
        return len(ids)

    def add(self, dispatch: Dispatch, attempt: Transaction) -> None:
        """Note a replacement that is about to be sent."""
        with self._engine.begin() as connection:
            connection.execute(insert(ATTEMPT).values(_attempt(dispatch, attempt)))
        dispatch.attempts.append(attempt)

    def settle(
        self,
        mined: Mapping[str, Block],
        lost: Iterable[str],
        changes: Sequence[tuple[Sequence[str], Mapping[str, Any]]],
        following: Mapping[str, int],
        forgotten: Sequence[str] = (),
    ) -> None:
        """Note in one commit what became of dispatches, of intentions (ids, columns), and of signers' numbering.

        `following` are signers of whom something lapsed, with their next nonces by the chain; `forgotten` are settled
        intentions that wait again.
        """
        now = time.time()
        with self._engine.begin() as connection:
            for id_, block in mined.items():
                connection.execute(
                    update(DISPATCH)
                    .where(DISPATCH.c.id == id_)
                    .values(
                        state=str(Course.MINED),
                        block=block.number,
                        block_hash=block.hash,
                        settled=now,
                    )
                )
            for id_ in lost:
                self._lose(connection, id_)
            for ids, columns in changes:
                for i in range(0, len(ids), _CHUNK):
                    connection.execute(
                        update(INTENTION)
                        .where(
                            INTENTION.c.id.in_(ids[i : i + _CHUNK]),
                            INTENTION.c.state.in_([str(state) for state in LIVE]),
                        )
                        .values(columns)
                    )
            if forgotten:
                connection.execute(
                    update(INTENTION)
                    .where(INTENTION.c.id.in_(forgotten), INTENTION.c.state != str(State.LAPSED))
                    .values(waiting() | {"error": None})
                )
            for signer in sorted(following):
                self._renumber(connection, signer, following[signer])

    def _lose(self, connection: Connection, id_: str) -> None:
        connection.execute(
            update(DISPATCH).where(DISPATCH.c.id == id_).values(state=str(Course.LOST))
        )
        connection.execute(
            update(INTENTION)
            .where(INTENTION.c.dispatch == id_, INTENTION.c.state == str(State.SENT))
            .values(waiting())
        )

    def _renumber(self, connection: Connection, signer: str, chain: int) -> None:
        """Let a signer go on after what is on its way, or executed but not yet for good."""
        settled = select(DISPATCH.c.id).where(self._mine, DISPATCH.c.state == str(Course.MINED))
        kept = connection.execute(
            select(func.max(INTENTION.c.nonce)).where(
                INTENTION.c.deployment == self._deployment,
                INTENTION.c.signer == signer,
                or_(
                    INTENTION.c.state.in_([str(state) for state in LIVE]),
                    INTENTION.c.dispatch.in_(settled),
                ),
            )
        ).scalar()
        following = max(chain, -1 if kept is None else kept + 1)
        connection.execute(
            update(SIGNER)
            .where(SIGNER.c.deployment == self._deployment, SIGNER.c.address == signer)
            .values(next_nonce=following)
        )

    def live(self, signer: str) -> list[Row[Any]]:
        """Give what of a signer is on its way, in the order of nonces."""
        query = (
            select(INTENTION)
            .where(
                INTENTION.c.deployment == self._deployment,
                INTENTION.c.signer == signer,
                INTENTION.c.state.in_([str(state) for state in LIVE]),
            )
            .order_by(INTENTION.c.nonce)
        )
        with self._reading() as connection:
            return list(connection.execute(query))

    def forgotten(self, signer: str, following: int) -> list[Row[Any]]:
        """Give what of a signer was executed for good, with nonces that the chain awaits again."""
        watched = select(DISPATCH.c.id).where(self._mine, DISPATCH.c.state == str(Course.MINED))
        query = select(INTENTION).where(
            INTENTION.c.deployment == self._deployment,
            INTENTION.c.signer == signer,
            INTENTION.c.state.in_([str(State.DONE), str(State.FAILED)]),
            INTENTION.c.nonce >= following,
            or_(INTENTION.c.dispatch.is_(None), INTENTION.c.dispatch.not_in(watched)),
        )
        with self._reading() as connection:
            return list(connection.execute(query))

    def take_back(self, lowest: int) -> int:
        """Note that the blocks from `lowest` on are gone: what was in them is on its way again. Give how many acts."""
        gone = select(DISPATCH.c.id).where(
            self._mine, DISPATCH.c.state == str(Course.MINED), DISPATCH.c.block >= lowest
        )
        rival = aliased(INTENTION)
        free = ~(
            select(rival.c.id)
            .where(
                rival.c.deployment == INTENTION.c.deployment,
                rival.c.signer == INTENTION.c.signer,
                rival.c.nonce == INTENTION.c.nonce,
                rival.c.state.in_([str(state) for state in LIVE]),
                rival.c.id != INTENTION.c.id,
            )
            .exists()
        )
        over = INTENTION.c.state.in_([str(State.DONE), str(State.FAILED), str(State.LAPSED)])
        again = {"block": None, "block_hash": None, "error": None, "updated": time.time()}
        with self._engine.begin() as connection:
            ids = list(connection.execute(gone).scalars())
            carried = connection.execute(
                update(INTENTION)
                .where(INTENTION.c.dispatch.in_(ids), over, free)
                .values(again | {"state": str(State.SENT)})
            )
            foreign = connection.execute(
                update(INTENTION)
                .where(
                    INTENTION.c.deployment == self._deployment,
                    INTENTION.c.dispatch.is_(None),
                    INTENTION.c.block >= lowest,
                    over,
                    free,
                )
                .values(again | {"state": str(State.WAITING), "transaction_hash": None})
            )
            connection.execute(
                update(DISPATCH)
                .where(DISPATCH.c.id.in_(ids))
                .values(state=str(Course.PENDING), block=None, block_hash=None, settled=None)
            )
        return carried.rowcount + foreign.rowcount

    def finish(self, block: int, settled_before: float) -> None:
        """Throw away the bytes of what is in block `block` or lower, and was mined before a time."""
        over = select(DISPATCH.c.id).where(
            self._mine,
            or_(
                (DISPATCH.c.state == str(Course.MINED)) & (DISPATCH.c.block <= block),
                DISPATCH.c.state == str(Course.LOST),
            ),
            func.coalesce(DISPATCH.c.settled, DISPATCH.c.created) < settled_before,
        )
        with self._engine.begin() as connection:
            ids = list(connection.execute(over.limit(_CHUNK)).scalars())
            if ids:
                connection.execute(delete(ATTEMPT).where(ATTEMPT.c.dispatch.in_(ids)))
                connection.execute(
                    update(DISPATCH).where(DISPATCH.c.id.in_(ids)).values(state=str(Course.OVER))
                )


def _attempt(dispatch: Dispatch, transaction: Transaction) -> dict[str, Any]:
    return {
        "hash": transaction.hash,
        "dispatch": dispatch.id,
        "max_fee": str(transaction.fees.most),
        "priority_fee": str(transaction.fees.priority),
        "raw": transaction.raw,
        "created": time.time(),
    }
