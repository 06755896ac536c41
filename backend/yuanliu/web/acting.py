"""Carries out what somebody asks for: his call is signed with his key, stored, relayed, and answered when it is mined.

`Idempotency-Key` names an intention: the same key with the same body is the same intention, however often it is sent.
`Prefer: respond-async` answers at once with 202, and events without asking the chain first: what the contract refuses
then shows in the intention; `Prefer: wait=N` waits up to N seconds (RFC 7240).
"""

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response

from yuanliu.chain import keys
from yuanliu.chain.bindings import Call
from yuanliu.desk.access import Scope
from yuanliu.desk.intentions import Intention, State
from yuanliu.desk.outbox import Ask, Handed
from yuanliu.desk.sessions import unauthenticated
from yuanliu.errors import YuanliuError
from yuanliu.web.access import SignedIn, Visitor
from yuanliu.web.services import Services, Wired
from yuanliu.web.shapes import IntentionError, IntentionView, moment

WAIT_SECONDS: Final = 10.0
"""How long an answer waits for its block, unless the client prefers otherwise."""

MAX_WAIT_SECONDS: Final = 30.0
_ACCEPTED: Final = 202
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,3})\"?")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=120,
        pattern=r"^[!-~]+$",
        description="Names this intention: sent again with the same key and body, nothing happens twice.",
        examples=["0190c3a2-7f3e-7c1a-9b1e-2f4d5a6b7c8d"],
    ),
]
Prefer = Annotated[
    str | None,
    Header(
        max_length=200,
        description="`respond-async` (202 at once; an event is not tried on the chain first, so a refusal shows in its"
        " intention) or `wait=SECONDS`, at most 30.",
        examples=["respond-async"],
    ),
]


class IntentionFailed(YuanliuError):
    """The contract refused what was asked for, when it was executed."""

    def __init__(self, intention: Intention) -> None:
        error = intention.error or {}
        super().__init__(
            str(error.get("code", "outbox.lapsed")),
            str(error.get("message", "the request can no longer be executed")),
            hint=str(error.get("hint", "")),
            fields={**error.get("fields", {}), "intention": intention.id},
            retryable=bool(error.get("retryable", False)),
        )


_SCOPES: Final[Mapping[str, Scope]] = {
    "suspend": Scope.ACTORS,
    "reinstate": Scope.ACTORS,
    "enrol": Scope.ACTORS,
    "dismiss_clerk": Scope.ACTORS,
    "replace_clerk": Scope.ACTORS,
    "propose_recovery": Scope.ACTORS,
    # also by who is suspended, as the contract has it; the routes want a person
    "rotate_key": Scope.READ,
    "cancel_recovery": Scope.READ,
    "redirect_payout": Scope.CLAIMS,
    "list_product": Scope.CATALOGUE,
    "publish_terms": Scope.CATALOGUE,
    "list_token": Scope.CATALOGUE,
    "book": Scope.DELIVERIES,
    "void_delivery": Scope.DELIVERIES,
    "collect": Scope.BATCHES,
    "register": Scope.BATCHES,
    "transform": Scope.BATCHES,
    "set_price": Scope.BATCHES,
    "offer": Scope.CUSTODY,
    "accept": Scope.CUSTODY,
    "refuse": Scope.CUSTODY,
    "withdraw_offer": Scope.CUSTODY,
    "recall": Scope.SAFETY,
    "lift_recall": Scope.SAFETY,
    "release": Scope.SAFETY,
    "record_production": Scope.EVENTS,
    "record_logistics": Scope.EVENTS,
    "record_inspection": Scope.INSPECTIONS,
    "anchor_readings": Scope.EVENTS,
    "correct": Scope.EVENTS,
    "capture": Scope.EVENTS,
    "pay": Scope.PAYMENTS,
}
"""The scope that each act needs."""


@dataclass(frozen=True)
class Asked:
    """One of many calls, and what is kept of it."""

    call: Call
    result: dict[str, Any]


@dataclass(frozen=True)
class Acting:
    """Somebody who wants something done, and how he wants to hear of it. Nobody signed in: `visitor` is none."""

    wired: Services
    visitor: Visitor | None
    account: str
    response: Response
    idempotency_key: str
    digest: str
    wait: float

    @property
    def signed_in(self) -> Visitor:
        """Who is signed in. Raises `YuanliuError` (`access.unauthenticated`)."""
        if self.visitor is None:
            raise unauthenticated()
        return self.visitor

    @property
    def party(self) -> str:
        """The address that the contracts will name as author."""
        return self.signed_in.party

    @property
    def capture_id(self) -> str:
        """The name of a capture job: the same for the same request."""
        named = f"{self.account} {self.idempotency_key}"
        return hashlib.sha256(named.encode()).hexdigest()[:32]

    def carry_out(
        self,
        call: Call,
        act: str,
        result: dict[str, Any] | None = None,
        *,
        key: keys.Key | None = None,
    ) -> IntentionView:
        """Sign a call with his key, or with `key` of the service, and see it through.

        The status is 201 if it was mined, otherwise 202. For who does not wait, an act of known cost (an event) is not
        tried on the chain first; should the contract refuse it, the intention says so. Raises `YuanliuError`
        (`access.forbidden`, `access.suspended`), what `Outbox.submit` does, and `IntentionFailed`.
        """
        intention = self.wired.outbox.submit(
            account=self.account,
            key=key or self._key(act),
            call=call,
            idempotency_key=self.idempotency_key,
            act=act,
            body_digest=self.digest,
            result=result or {},
            try_out=self.wait > 0,
        )
        return self.answer(intention)

    def handed(self, call: Call, act: str, result: dict[str, Any]) -> Handed:
        """Give what `carry_out` would submit, to be submitted with others'. Raises as `carry_out`."""
        ask = Ask(call, self.idempotency_key, self.digest, act, result)
        return Handed(self.account, self._key(act), ask)

    def carry_out_together(self, asked: Sequence[Asked], act: str, *, group: str) -> Intention:
        """Sign many calls as one, and store them: all are done, or none. Raises as `carry_out`."""
        return self.wired.outbox.submit_together(
            account=self.account,
            key=self._key(act),
            calls=[each.call for each in asked],
            idempotency_key=self.idempotency_key,
            act=act,
            body_digest=self.digest,
            result=[each.result for each in asked],
            group=group,
        )

    def carry_out_each(
        self, asked: Sequence[Asked], act: str, *, group: str
    ) -> list[Intention | YuanliuError]:
        """Sign many calls that do not depend on each other, and store them at once. Raises as `carry_out`."""
        asks = [
            Ask(
                each.call,
                f"{self.idempotency_key}/{number}",
                self.digest,
                each.call.name,
                each.result,
            )
            for number, each in enumerate(asked)
        ]
        return self.wired.outbox.submit_many(
            account=self.account, key=self._key(act), asks=asks, try_out=False, group=group
        )

    def known(self) -> Intention | None:
        """Give the intention that this very request made before, if it did. Raises as `Outbox.find`."""
        return self.wired.outbox.find(self.account, self.idempotency_key, self.digest)

    def require(self, act: str) -> None:
        """Refuse whoever may not do this. Raises `YuanliuError` (`access.forbidden`, `access.suspended`)."""
        self.signed_in.require(_SCOPES[act])

    def _key(self, act: str) -> keys.Key:
        self.require(act)
        return self.signed_in.open_key()

    def answer(self, intention: Intention) -> IntentionView:
        """Wait for an intention as the client prefers, and say how far it is. Raises `IntentionFailed`."""
        if self.wait and not intention.settled:
            intention = self.wired.outbox.wait(intention.id, self.wait)
        if intention.state in {State.FAILED, State.LAPSED}:
            raise IntentionFailed(intention)
        if intention.state is not State.DONE:
            self.response.status_code = _ACCEPTED
        self.response.headers["Location"] = f"/api/v1/intentions/{intention.id}"
        return view(intention)


async def _acting(
    request: Request,
    response: Response,
    wired: Wired,
    visitor: SignedIn,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Acting:
    return Acting(
        wired=wired,
        visitor=visitor,
        account=visitor.account,
        response=response,
        idempotency_key=idempotency_key or str(uuid.uuid4()),
        digest=digest_of(request.method, request.url.path, await request.body()),
        wait=preferred_wait(prefer),
    )


def digest_of(method: str, path: str, body: bytes) -> str:
    """Give the digest by which a request is known to be the same as before."""
    return hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest()


Acts = Annotated[Acting, Depends(_acting)]
"""Whoever is signed in, as a parameter of a route that changes something."""


def anonymous(
    request: Request, response: Response, wired: Services, name: str, body: str
) -> Acting:
    """Give somebody for whom the service itself signs what needs no author. `name` is what it is done once for.

    Raises `YuanliuError` (`access.too_many_requests`) for more than the service pays gas for.
    """
    wired.visits.count(request.client.host if request.client else "")
    return Acting(
        wired=wired,
        visitor=None,
        account="public",
        response=response,
        idempotency_key=hashlib.sha256(name.encode()).hexdigest(),
        digest=hashlib.sha256(body.encode()).hexdigest(),
        wait=preferred_wait(request.headers.get("prefer")),
    )


def preferred_wait(prefer: str | None) -> float:
    """Read how many seconds a client wants to wait."""
    if prefer is None:
        return WAIT_SECONDS
    if found := _WAIT.search(prefer.lower()):
        return min(float(found[1]), MAX_WAIT_SECONDS)
    return 0.0 if "respond-async" in prefer.lower() else WAIT_SECONDS


def view(intention: Intention) -> IntentionView:
    """Write an intention."""
    error = intention.error
    return IntentionView(
        id=intention.id,
        state=intention.state,
        act=intention.act,
        created=moment(int(intention.created)),
        result=intention.result if isinstance(intention.result, dict) else {},
        transaction=intention.transaction,
        block=intention.block,
        error=None
        if error is None
        else IntentionError(code=error["code"], message=error["message"], fields=error["fields"]),
    )
