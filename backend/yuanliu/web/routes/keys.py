"""Keys on the chain: replaced by their owner, recovered when they were lost, a clerk's taken back for ever."""

import hashlib
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from yuanliu import actions
from yuanliu.actions import KeyLevel
from yuanliu.chain import keys, relay
from yuanliu.chain.bindings import Call
from yuanliu.desk.access import Scope
from yuanliu.desk.intentions import State
from yuanliu.desk.passwords import ONE_TIME
from yuanliu.desk.people import Account, AccountKind
from yuanliu.errors import YuanliuError
from yuanliu.web.acting import Acting, Acts, anonymous
from yuanliu.web.problems import documented
from yuanliu.web.routes.accounts import AccountId, managed
from yuanliu.web.routes.people import known
from yuanliu.web.routes.session import AccountView, Password, own_session
from yuanliu.web.services import Copy, Services, Wired
from yuanliu.web.shapes import Address, Input, IntentionView, Output, moment

router = APIRouter(tags=["keys"], responses=documented(400, 422, 503))
REFUSALS: Final = documented(401, 403, 404, 409)
_TRIES: Final = 5

ActorAddress = Annotated[Address, Path(description="The actor's address.")]


class KeyChange(Input):
    """The password in force: the new key is encrypted with it."""

    password: Password


class KeyView(Output):
    """One's new key. Once it is in force (`adopted`), all sessions and tokens of the old one are over."""

    old_key: str = Field(examples=["0x90f79bf6eb2c4f870365e785982e1f101e93b906"])
    key: str = Field(examples=["0x15d34aaf54267db7d7c367839aaf71a00a2c6a65"])
    adopted: bool
    intention: IntentionView | None = Field(description="None, if the chain had it already.")


class RecoveryIn(Input):
    """The one-time password to give, if whoever asks makes it: then its answer can be lost without harm."""

    one_time_password: str | None = Field(
        None,
        pattern=ONE_TIME,
        description="Made by chance, as for a new account.",
        examples=["k7m2p-x9wqa-h3tzn-c5vbd"],
    )


class RecoveryMade(Output):
    """A new key on its way to the chain, and the one-time password that opens it, shown this once.

    A clerk's is the account's already; any other is not before it is in force, and `account` is as it was.
    """

    account: AccountView
    one_time_password: str = Field(examples=["k7m2p-x9wqa-h3tzn-c5vbd"])
    old_key: str
    key: str
    intention: IntentionView | None = Field(description="None, if the chain had it already.")


class RecoveryView(Output):
    """A key that is to replace an actor's own. None is under way: both are null."""

    actor: str
    key: str | None = Field(examples=["0x15d34aaf54267db7d7c367839aaf71a00a2c6a65"])
    ready_at: str | None = Field(
        description="From then on anybody may complete it; until then it can be cancelled.",
        examples=["2026-04-19T08:00:00Z"],
    )


# ---------------------------------------------------------------------- one's own key


@router.post("/session/key", status_code=201, responses=REFUSALS | documented(429))
def change_key(body: KeyChange, acts: Acts) -> KeyView:
    """Replace one's own key by a new one, on the chain and here. Asked again, it goes on where it ended.

    It drops a key that others proposed in its place, and that key's one-time password. A clerk's key is his
    cooperative's: `POST /accounts/{account}/recovery`. A suspended actor may do it, too.
    """
    own_session(acts.signed_in)
    account = _with_actor(acts)
    if account.kind is AccountKind.CLERK:
        raise _forbidden("a clerk's key is replaced by his cooperative", account)
    party = account.party or ""
    new = acts.wired.accounts.prepare_key(account.id, body.password)
    intention = None
    if _level(acts, str(new.address), party) is not KeyLevel.OWNER:
        agreed = actions.consent(acts.wired.deployment, new, party)
        call = actions.rotate_key(acts.wired.deployment, str(new.address), agreed)
        key = {"actor": party, "key": str(new.address).lower()}
        intention = _named(acts, f"key {new.address}").carry_out(call, "rotate_key", key)
    adopted = intention is None or intention.state == State.DONE
    if adopted:
        acts.wired.accounts.adopt_key(account.id)
        acts.wired.access.forget(account.key_address)
        acts.wired.recoveries.settle(party)
    return KeyView(
        old_key=account.key_address,
        key=str(new.address).lower(),
        adopted=adopted,
        intention=intention,
    )


def _named(acts: Acting, name: str) -> Acting:
    """Let what is asked for be known by what it does, so that it is done once; what failed is tried again."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    for _ in range(_TRIES):
        found = acts.wired.outbox.find(acts.account, name, digest)
        if found is None or found.state is not State.FAILED:
            break
        name = f"{name[:80]} after {found.id}"
        digest = hashlib.sha256(name.encode()).hexdigest()
    return replace(acts, idempotency_key=name, digest=digest)


# ---------------------------------------------------------------------- others' keys


@router.post("/accounts/{account}/recovery", status_code=201, responses=REFUSALS)
def recover_account(account: AccountId, acts: Acts, body: RecoveryIn | None = None) -> RecoveryMade:
    """Give somebody who lost his password a new one and a new key, and bring that key in on the chain.

    A clerk's comes in force at once and his old one is dismissed. Anybody else's is proposed: it can be completed after
    seven days, and the old key's owner, who may not have lost it at all, can cancel it until then: his password, key,
    sessions and tokens stay in force, and end when somebody signs in with the new one, once the chain has its key.
    Asked again with the same `Idempotency-Key`, the one-time password is empty unless the request gave it; with the
    same one-time password it is the same proposal; otherwise there is another key in its place, and the days begin
    anew. A shut account has to be opened first.
    """
    acts.signed_in.require(Scope.ACTORS)
    found = managed(acts, account)
    if found.party is None:
        raise _forbidden("this account has no key on the chain; reset it", found)
    given = body.one_time_password if body else None
    before = acts.known()
    if before is not None:
        return RecoveryMade(
            account=AccountView.of(found),
            one_time_password=given or "",
            old_key=str((before.result or {}).get("old_key", "")),
            key=str((before.result or {}).get("key", "")),
            intention=acts.answer(before),
        )
    if found.disabled:
        raise YuanliuError(
            "accounts.closed",
            "the account is shut",
            hint="open it first, then give a new password",
            fields={"account": found.id},
        )
    wired = acts.wired
    trial = _bringing_in(acts, found, keys.new_key())
    relay.try_out(wired.node, wired.deployment, acts.signed_in.principal.account.key_address, trial)
    if found.kind is not AccountKind.CLERK:
        return _proposed(acts, found, given)
    password = wired.accounts.reset(found.id, one_time_password=given).one_time.password
    begun = wired.accounts.begun(
        found.login, found.kind, manager=found.manager or "", password=password
    )
    if begun is None:
        raise YuanliuError(
            "accounts.changed_meanwhile",
            "the account was changed at the same moment",
            hint="try again",
            retryable=True,
        )
    now, key = begun
    result = {"actor": found.party, "old_key": found.key_address, "key": now.key_address}
    intention = acts.carry_out(_bringing_in(acts, found, key), "replace_clerk", result)
    wired.access.forget(found.key_address)
    return RecoveryMade(
        account=AccountView.of(now),
        one_time_password=password,
        old_key=found.key_address,
        key=now.key_address,
        intention=intention,
    )


def _proposed(acts: Acting, account: Account, given: str | None) -> RecoveryMade:
    """Store a new key beside an owner's, and propose it on the chain unless it is proposed there."""
    proposed = acts.wired.recoveries.propose(account.id, one_time_password=given)
    now, key = acts.wired.accounts.get(account.id), str(proposed.key.address).lower()
    intention = None
    if _waiting(acts.wired, now.party or "")[0] != key:
        result = {"actor": now.party, "old_key": now.key_address, "key": key}
        call = _bringing_in(acts, now, proposed.key)
        intention = acts.carry_out(call, "propose_recovery", result)
    return RecoveryMade(
        account=AccountView.of(now),
        one_time_password=proposed.one_time.password,
        old_key=now.key_address,
        key=key,
        intention=intention,
    )


def _bringing_in(acts: Acting, account: Account, key: keys.Key) -> Call:
    """Give the call that lets a new key stand for whom the account's old one stood for."""
    d, party = acts.wired.deployment, account.party or ""
    if account.kind is not AccountKind.CLERK:
        agreed = actions.consent(d, key, party)
        return actions.propose_recovery(d, party, str(key.address), agreed)
    agreed = actions.consent(d, key, acts.party, level=KeyLevel.CLERK)
    appointed = actions.appoint_clerk(d, str(key.address), agreed)
    if _level(acts, account.key_address, acts.party) is not KeyLevel.CLERK:
        return appointed
    return relay.together(d, [actions.dismiss_clerk(d, account.key_address), appointed])


@router.post("/accounts/{account}/dismissal", status_code=201, responses=REFUSALS)
def dismiss_clerk(account: AccountId, acts: Acts) -> IntentionView:
    """Shut a clerk's account, and take his key's right back on the chain, for ever; by his cooperative."""
    acts.signed_in.require(Scope.ACTORS)
    found = managed(acts, account)
    if (before := acts.known()) is not None:
        return acts.answer(before)
    wired = acts.wired
    call = actions.dismiss_clerk(wired.deployment, found.key_address)
    relay.try_out(wired.node, wired.deployment, acts.signed_in.principal.account.key_address, call)
    wired.accounts.disable(found.id)
    result = {"account": found.id, "key": found.key_address}
    intention = acts.carry_out(call, "dismiss_clerk", result)
    wired.access.forget(found.key_address)
    return intention


# ---------------------------------------------------------------------- recoveries


@router.get("/actors/{actor}/recovery", responses=documented(404))
def show_recovery(actor: ActorAddress, db: Copy, wired: Wired) -> RecoveryView:
    """Tell, by the chain itself, which key is proposed for an actor, and when it can come in force."""
    known(db, actor)
    key, ready = _waiting(wired, actor)
    if not ready:
        return RecoveryView(actor=actor, key=None, ready_at=None)
    return RecoveryView(actor=actor, key=key, ready_at=moment(ready))


@router.post("/actors/{actor}/recovery/cancellation", status_code=201, responses=REFUSALS)
def cancel_recovery(actor: ActorAddress, acts: Acts) -> IntentionView:
    """Drop a proposed key: by the actor himself, suspended or not, by whoever enrolled it, or a regulator.

    The account stays as it was, and the one-time password that was given for that key opens nothing.
    """
    own_session(acts.signed_in)
    _with_actor(acts)
    call = actions.cancel_recovery(acts.wired.deployment, actor)
    cancelled = acts.carry_out(call, "cancel_recovery", {"actor": actor})
    return _settled(acts.wired, actor, cancelled)


@router.post(
    "/actors/{actor}/recovery/completion", status_code=201, responses=documented(403, 404, 409, 429)
)
def complete_recovery(
    actor: ActorAddress, request: Request, response: Response, wired: Wired
) -> IntentionView:
    """Put a proposed key in force when its time has come; anybody may ask, the service pays the gas.

    The account's old password, sessions and tokens end then.
    """
    key, ready = _waiting(wired, actor)
    name = f"recovery {actor} {key} {ready}"
    acts = anonymous(request, response, wired, name, name)
    call = actions.complete_recovery(wired.deployment, actor)
    completed = acts.carry_out(call, "complete_recovery", {"actor": actor}, key=wired.house)
    return _settled(wired, actor, completed)


# ---------------------------------------------------------------------- parts


def _waiting(wired: Services, actor: str) -> tuple[str, int]:
    """Ask the chain which key is proposed for an actor, and from when it can come in force; 0 if none is."""
    found = wired.deployment.actors.read(wired.node, "recoveryOf", actor)
    return str(found["key"]).lower(), int(found["readyAt"])


def _settled(wired: Services, actor: str, intention: IntentionView) -> IntentionView:
    """Let the actor's account follow what the chain did; what is not mined yet, its next sign-in asks for."""
    if intention.state == State.DONE:
        wired.recoveries.settle(actor)
    return intention


def _with_actor(acts: Acting) -> Account:
    """Give the own account, which acts on the chain. Raises `YuanliuError` (`access.forbidden`)."""
    account = acts.signed_in.principal.account
    if account.party is None or account.kind in {AccountKind.OPERATOR, AccountKind.AUDITOR}:
        raise _forbidden("this account does not act on the chain", account)
    return account


def _forbidden(what: str, account: Account) -> YuanliuError:
    return YuanliuError(
        "access.forbidden",
        what,
        hint="ask whoever manages the account",
        fields={"kind": str(account.kind)},
    )


def _level(acts: Acting, key: str, party: str) -> KeyLevel:
    """Ask the chain how a key stands to an actor."""
    actor, level = acts.wired.deployment.actors.read(acts.wired.node, "keyOf", key)
    return KeyLevel(level) if str(actor).lower() == party else KeyLevel.NONE
