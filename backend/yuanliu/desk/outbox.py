"""The outbox: what people ask for is signed by them and stored here, before anything is sent.

From then on it is the relayer's task (`relayer.py`), and nothing is lost or done twice, whoever dies: a request
carries a nonce of its signer, and the forwarder executes each nonce once.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, func, select

from yuanliu.chain import relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.keys import Key
from yuanliu.chain.node import ChainUnreachable, Node
from yuanliu.chain.relay import SignedRequest
from yuanliu.desk import checks
from yuanliu.desk.connecting import reading
from yuanliu.desk.gas_bounds import MAX_GAS, gas_bound, gas_for
from yuanliu.desk.intentions import LIVE, Intention, State, read
from yuanliu.desk.resigning import resign
from yuanliu.desk.storing import Draft, Storing, key_reused
from yuanliu.desk.tables_outbox import INTENTION, SIGNER
from yuanliu.errors import YuanliuError

_NONCE_SECONDS: Final = 5.0
"""How long a signer's nonce is not asked for again; it matters only for those who also act without the outbox."""

_POLL_SECONDS, _POLL_MOST = 0.05, 0.4
"""Between two looks for what another process settled, in seconds: the first pause, and the longest."""


@dataclass(frozen=True)
class Ask:
    """One of many things that are asked for at once; see `Outbox.submit`."""

    call: Call
    idempotency_key: str
    body_digest: str
    act: str
    result: Any = None


@dataclass(frozen=True)
class Handed:
    """Something that an account asks for, with the key to sign it."""

    account: str
    key: Key
    ask: Ask


class Outbox:
    """Takes intentions in and tells how far they are. Safe to use from many threads, and from many processes."""

    def __init__(self, engine: Engine, deployment: Deployment, node: Node) -> None:
        self.engine = engine
        self.deployment = deployment
        self.node = node
        self.storing = Storing(engine, deployment)
        self.id = self.storing.id
        self.on_stored: Callable[[], None] = lambda: None
        """Called after something was stored; the relayer of the same process sets it."""
        self._nonces: dict[str, tuple[int, float]] = {}
        self._waiters: dict[str, list[threading.Event]] = {}
        self._lock = threading.Lock()

    # ------------------------------------------------------------------ taking in

    def submit(  # noqa: PLR0913 -- all by name
        self,
        *,
        account: str,
        key: Key,
        call: Call,
        idempotency_key: str,
        act: str,
        body_digest: str,
        result: Any = None,  # noqa: ANN401 -- any JSON
        try_out: bool = True,
        group: str | None = None,
    ) -> Intention:
        """Sign a call in its author's name and store it; `result` (JSON) is kept for whoever asks.

        The same key of the same account gives the same intention, whatever became of it. With `try_out`, the node
        is asked first, and a refusal leaves nothing behind; without it, acts of known cost (events) are stored at
        once and a refusal shows later, as `failed`. The latter also while the node is away.

        Raises `ContractRefusal`, `ChainUnreachable`, `YuanliuError` (`outbox.key_reused`, `outbox.key_invalid`,
        `outbox.too_large`, `outbox.too_much_gas`, `database.unreachable`).
        """
        ask = Ask(call, idempotency_key, body_digest, act, result)
        outcome = self.submit_many(
            account=account, key=key, asks=[ask], try_out=try_out, group=group
        )[0]
        if isinstance(outcome, YuanliuError):
            raise outcome
        return outcome

    def submit_many(
        self,
        *,
        account: str,
        key: Key,
        asks: Sequence[Ask],
        try_out: bool = True,
        group: str | None = None,
    ) -> list[Intention | YuanliuError]:
        """Submit many, independent of each other, in one commit; give the intention or the refusal of each.

        Raises as `submit`, where it concerns all.
        """
        drafts = [_draft(Handed(account, key, ask), group) for ask in asks]
        return self._submit(drafts, try_out=try_out)

    def submit_handed(self, handed: Sequence[Handed]) -> list[Intention | YuanliuError]:
        """Submit what several accounts ask for in one commit, without trying acts of known cost first.

        Gives the intention or the refusal of each. Raises as `submit`, where it concerns all.
        """
        drafts = [_draft(each) for each in handed]
        for draft in drafts:
            try:
                self._nonce_of(draft.signer, fresh=False)
            except YuanliuError as error:  # of one signer, which shall not concern the others
                draft.outcome = error
        self._submit([draft for draft in drafts if draft.outcome is None], try_out=False)
        return [draft.outcome for draft in drafts if draft.outcome is not None]

    def submit_together(
        self,
        *,
        account: str,
        key: Key,
        calls: Sequence[Call],
        idempotency_key: str,
        act: str,
        body_digest: str,
        result: Any = None,  # noqa: ANN401 -- any JSON
        group: str | None = None,
    ) -> Intention:
        """Submit several calls as one intention: all of them are done, or none.

        They are signed as one request, so that nobody can relay a part of them. A refusal names the call at fault,
        by its place, in its field `call`. Raises as `submit`.
        """
        return self.submit(
            account=account,
            key=key,
            call=relay.together(self.deployment, calls),
            idempotency_key=idempotency_key,
            act=act,
            body_digest=body_digest,
            result=result,
            group=group,
        )

    def submit_signed(
        self,
        request: SignedRequest,
        *,
        account: str,
        idempotency_key: str,
        act: str,
        body_digest: str,
        result: Any = None,  # noqa: ANN401 -- any JSON
        group: str | None = None,
    ) -> Intention:
        """Store a request that a device signed with a key of its own. `next_nonce` tells it the nonce.

        Raises as `submit`, and `YuanliuError` (`outbox.request_invalid`, `outbox.nonce_taken`).
        """
        draft = Draft(
            account=account,
            idempotency_key=idempotency_key,
            body_digest=body_digest,
            act=act,
            call=request.call,
            signer=request.signer.lower(),
            group=group,
            result=checks.json_of(result),
            request=request,
            gas=request.gas,
        )
        if (found := self._find([draft])[0]) is None:
            checks.signed(self.node, self.deployment, request)
            found = self._submit([draft], try_out=True)[0]
        if isinstance(found, YuanliuError):
            raise found
        return found

    def next_nonce(self, signer: str) -> int:
        """Give the nonce of a signer's next request. Raises `ChainUnreachable`."""
        chain = self.chain_nonce(signer.lower(), fresh=True)
        query = select(SIGNER.c.next_nonce).where(
            SIGNER.c.deployment == self.id, SIGNER.c.address == signer.lower()
        )
        with reading(self.engine) as connection:
            return max(chain, connection.execute(query).scalar() or 0)

    def resign(self, intention: str, key: Key) -> Intention:
        """Sign a lapsed intention anew, under the same id; one that is not lapsed is given as it is.

        Raises as `submit`, and `YuanliuError` (`outbox.unknown`, `outbox.other_signer`, `outbox.not_yet`).
        """
        found = resign(self, self.intention(intention), key)
        self.on_stored()
        return found

    def _submit(self, drafts: Sequence[Draft], *, try_out: bool) -> list[Intention | YuanliuError]:
        for draft in drafts:
            checks.key(draft.idempotency_key)
            checks.size(draft.call.data)
        slow = [draft for draft in drafts if try_out or gas_bound(draft.call) is None]
        for draft, found in zip(slow, self._find(slow), strict=True):
            draft.outcome = found
        for draft in slow:
            if draft.outcome is None:
                self._try_out(draft)
        drafts_left = [draft for draft in drafts if draft.outcome is None]
        for draft in drafts_left:
            draft.gas = draft.gas or gas_bound(draft.call) or 0
            draft.chain_nonce = self._nonce_of(draft.signer, fresh=draft in slow)
        self.storing.store(drafts_left)
        refused = [draft for draft in slow if isinstance(draft.outcome, YuanliuError)]
        # Somebody may have stored the very same meanwhile, so that the node refuses to have it twice.
        for draft, found in zip(refused, self._find(refused), strict=True):
            draft.outcome = found or draft.outcome
        if drafts_left:
            self.on_stored()
        return [draft.outcome for draft in drafts if draft.outcome is not None]

    def _try_out(self, draft: Draft) -> None:
        """Find out the gas, or give the draft its refusal."""
        try:
            needed = relay.try_out(self.node, self.deployment, draft.signer, draft.call)
        except ChainUnreachable as silent:
            if gas_bound(draft.call) is None or draft.request is not None:
                draft.outcome = silent
            return
        except YuanliuError as refused:
            draft.outcome = refused
            return
        if draft.request is not None and needed > draft.request.gas:
            draft.outcome = checks.invalid(
                draft.request, f"its gas is {draft.gas}, it needs {needed}"
            )
        elif needed > MAX_GAS:
            draft.outcome = checks.too_much_gas(needed)
        draft.gas = draft.gas or gas_for(needed)

    def _find(self, drafts: Sequence[Draft]) -> list[Intention | YuanliuError | None]:
        """Give what is stored under the drafts' names."""
        if not drafts:
            return []
        with reading(self.engine) as connection:
            return self.storing.find(connection, drafts)

    def chain_nonce(self, signer: str, *, fresh: bool) -> int:
        """Give the signer's next nonce by the chain. Raises `ChainUnreachable`."""
        nonce, asked = self._nonces.get(signer, (0, -_NONCE_SECONDS))
        if fresh or time.monotonic() - asked > _NONCE_SECONDS:
            nonce = int(self.deployment.actors.read(self.node, "nonces", signer))
            self._nonces[signer] = nonce, time.monotonic()
        return nonce

    def _nonce_of(self, signer: str, *, fresh: bool) -> int:
        """Give the chain's nonce; while the node is away, what is stored must do, if there is any."""
        try:
            return self.chain_nonce(signer, fresh=fresh)
        except ChainUnreachable:
            query = select(SIGNER.c.next_nonce).where(
                SIGNER.c.deployment == self.id, SIGNER.c.address == signer
            )
            with reading(self.engine) as connection:
                stored = connection.execute(query).scalar()
            if stored is None:
                raise
            return int(stored)

    # ------------------------------------------------------------------ telling

    def intention(self, id_: str) -> Intention:
        """Give an intention. Raises `YuanliuError` (`outbox.unknown`)."""
        with reading(self.engine) as connection:
            row = connection.execute(select(INTENTION).where(INTENTION.c.id == id_)).first()
        if row is None:
            raise YuanliuError(
                "outbox.unknown",
                f"there is no intention {id_[:40]!r}",
                hint="take the id that was given at submission",
                fields={"id": id_[:40]},
            )
        return read(row)

    def find(self, account: str, idempotency_key: str, body_digest: str) -> Intention | None:
        """Give what an account submitted under a key, or None. Raises `YuanliuError` (`outbox.key_reused`)."""
        query = select(INTENTION).where(
            INTENTION.c.deployment == self.id,
            INTENTION.c.account == account,
            INTENTION.c.idempotency_key == idempotency_key,
        )
        with reading(self.engine) as connection:
            row = connection.execute(query).first()
        if row is not None and row.body_digest != body_digest:
            raise key_reused(idempotency_key, read(row))
        return None if row is None else read(row)

    def intentions(
        self,
        account: str | None = None,
        *,
        state: State | None = None,
        group: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[Intention]:
        """Give intentions in the order of their ids, those after the id `after`; of an account, a state, a group."""
        query = select(INTENTION).where(INTENTION.c.deployment == self.id, INTENTION.c.id > after)
        if account is not None:
            query = query.where(INTENTION.c.account == account)
        if state is not None:
            query = query.where(INTENTION.c.state == str(state))
        if group is not None:
            query = query.where(INTENTION.c.group_name == group)
        with reading(self.engine) as connection:
            return [read(row) for row in connection.execute(query.order_by("id").limit(limit))]

    def counts(self) -> dict[State, int]:
        """Count the intentions by state."""
        query = (
            select(INTENTION.c.state, func.count())
            .where(INTENTION.c.deployment == self.id)
            .group_by(INTENTION.c.state)
        )
        with reading(self.engine) as connection:
            found = {str(state): int(count) for state, count in connection.execute(query)}
        return {state: found.get(str(state), 0) for state in State}

    def oldest(self) -> float | None:
        """Give the time since when the oldest that is still on its way waits (Unix seconds), if any does."""
        query = select(func.min(INTENTION.c.created)).where(
            INTENTION.c.deployment == self.id, INTENTION.c.state.in_([str(each) for each in LIVE])
        )
        with reading(self.engine) as connection:
            found: float | None = connection.execute(query).scalar()
        return found

    def wait(self, id_: str, timeout: float) -> Intention:
        """Give the intention once it is settled, or as it is after `timeout` seconds."""
        end, pause = time.monotonic() + timeout, _POLL_SECONDS
        event = threading.Event()
        with self._lock:
            self._waiters.setdefault(id_, []).append(event)
        try:
            while True:
                found = self.intention(id_)
                left = end - time.monotonic()
                if found.settled or left <= 0:
                    return found
                event.wait(min(left, pause))
                event.clear()
                pause = min(2 * pause, _POLL_MOST)
        finally:
            with self._lock:
                self._waiters[id_].remove(event)
                if not self._waiters[id_]:
                    del self._waiters[id_]

    def settled(self, ids: Iterable[str]) -> None:
        """Wake those who wait for these."""
        with self._lock:
            for id_ in ids:
                for event in self._waiters.get(id_, ()):
                    event.set()


def _draft(handed: Handed, group: str | None = None) -> Draft:
    ask = handed.ask
    return Draft(
        account=handed.account,
        idempotency_key=ask.idempotency_key,
        body_digest=ask.body_digest,
        act=ask.act,
        call=ask.call,
        signer=str(handed.key.address).lower(),
        group=group,
        result=checks.json_of(ask.result),
        key=handed.key,
    )
