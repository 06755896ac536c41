"""Accounts of others: made with a key of their own, enrolled on the chain, shut, reset."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from yuanliu import actions
from yuanliu.actions import KeyLevel, Role
from yuanliu.chain import keys, relay
from yuanliu.chain.bindings import Call
from yuanliu.desk import attempts
from yuanliu.desk.access import Scope
from yuanliu.desk.passwords import ONE_TIME
from yuanliu.desk.people import MANAGES, Account, AccountKind
from yuanliu.errors import YuanliuError
from yuanliu.web.acting import Acting, Acts
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import Limit
from yuanliu.web.routes.session import AccountView, written
from yuanliu.web.shapes import Input, IntentionView, Output, Page

router = APIRouter(tags=["accounts"], responses=documented(400, 401, 403, 422, 503))

AccountId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]

ENROLLED: dict[AccountKind, Role] = {
    AccountKind.PLATFORM: Role.PLATFORM,
    AccountKind.COOPERATIVE: Role.COOPERATIVE,
    AccountKind.FARMER: Role.FARMER,
    AccountKind.INSPECTOR: Role.INSPECTOR,
    AccountKind.CARRIER: Role.CARRIER,
    AccountKind.RETAILER: Role.RETAILER,
    AccountKind.REGULATOR: Role.REGULATOR,
}
"""The role on the chain of each kind that has one of its own."""


class AccountIn(Input):
    """An account to make. Those that act on the chain are enrolled there under `code`, with a key of their own."""

    login: str = Field(min_length=3, max_length=64, examples=["h-0042"])
    kind: AccountKind = Field(strict=False)
    display_name: str = Field("", max_length=64)
    code: str | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="For all but clerks, auditors and operators. No name.",
        examples=["H-0042"],
    )
    one_time_password: str | None = Field(
        None,
        pattern=ONE_TIME,
        description="Made by whoever asks, by chance: four groups of five letters and digits without 0 1 i l o."
        " Then the same request, sent again, is the same account, whatever became of the first answer.",
        examples=["k7m2p-x9wqa-h3tzn-c5vbd"],
    )


class NewAccount(Output):
    """An account just made. The one-time password is shown this once; it has to be changed at the first sign-in.

    Asked for again, with the same `Idempotency-Key`, it is empty unless the request gave it.
    """

    account: AccountView
    one_time_password: str
    enrolment: IntentionView | None


class ResetView(Output):
    """A new one-time password, and the new key that has to be brought in on the chain before it can sign."""

    one_time_password: str
    old_key: str
    key: str


class AttemptView(Output):
    """One attempt to sign in. `address` is cut to its network."""

    time: str
    login: str
    address: str
    outcome: str


@router.get("/accounts")
def list_accounts(
    acts: Acts, after: Annotated[str, Query(max_length=64)] = "", limit: Limit = 50
) -> Page[AccountView]:
    """List the accounts that one manages: an operator all of them, others those that their actor made."""
    acts.signed_in.require(Scope.ACCOUNTS)
    operator = acts.signed_in.principal.account.kind is AccountKind.OPERATOR
    manager = None if operator else acts.party
    found = acts.wired.accounts.listed(manager=manager, after=after, limit=limit)
    following = found[-1].login if len(found) == limit else None
    return Page(items=[AccountView.of(each) for each in found], next=following)


@router.post("/accounts", status_code=201, responses=documented(404, 409))
def create_account(body: AccountIn, acts: Acts) -> NewAccount:
    """Make an account with a key of its own, and enrol that key on the chain (or appoint it as one's clerk)."""
    acts.signed_in.require(Scope.ACCOUNTS)
    _require_manages(acts, body.kind)
    if (before := _made_before(acts, body)) is not None:
        return before
    key = keys.new_key()
    call = _binding(acts, body, key)
    if call is not None:
        acts.signed_in.require(Scope.ACTORS)
        relay.try_out(
            acts.wired.node,
            acts.wired.deployment,
            acts.signed_in.principal.account.key_address,
            call,
        )
    party = acts.party if body.kind is AccountKind.CLERK else str(key.address).lower()
    account, one_time = acts.wired.accounts.create(
        body.login,
        body.kind,
        display_name=body.display_name,
        party=None if body.kind in {AccountKind.OPERATOR, AccountKind.AUDITOR} else party,
        manager=None if acts.signed_in.principal.account.party is None else acts.party,
        key=key,
        one_time_password=body.one_time_password,
    )
    enrolment = None
    if call is not None:
        enrolment = acts.carry_out(call, "enrol", {"actor": party, "account": account.id})
    return NewAccount(
        account=AccountView.of(account),
        one_time_password=one_time.password if one_time else "",
        enrolment=enrolment,
    )


def _made_before(acts: Acting, body: AccountIn) -> NewAccount | None:
    """Go on where the same request ended before, if it did: at its enrolment, or at the account without one."""
    known, given = acts.known(), body.one_time_password or ""
    if known is not None and isinstance(known.result, dict) and "account" in known.result:
        account = acts.wired.accounts.get(str(known.result["account"]))
        return NewAccount(
            account=AccountView.of(account), one_time_password=given, enrolment=acts.answer(known)
        )
    if not given or body.kind in {AccountKind.OPERATOR, AccountKind.AUDITOR}:
        return None
    begun = acts.wired.accounts.begun(body.login, body.kind, manager=acts.party, password=given)
    if begun is None:
        return None
    account, key = begun
    enrolment = None
    if (call := _binding(acts, body, key)) is not None:
        made = {"actor": account.party, "account": account.id}
        enrolment = acts.carry_out(call, "enrol", made)
    return NewAccount(account=AccountView.of(account), one_time_password=given, enrolment=enrolment)


def _binding(acts: Acting, body: AccountIn, key: keys.Key) -> Call | None:
    """Give the call that binds a new key on the chain, with the key's own consent; none for who acts only here."""
    d = acts.wired.deployment
    if body.kind in {AccountKind.OPERATOR, AccountKind.AUDITOR}:
        return None
    if body.kind is AccountKind.CLERK:
        agreed = actions.consent(d, key, acts.party, level=KeyLevel.CLERK)
        return actions.appoint_clerk(d, str(key.address), agreed)
    if body.code is None:
        raise YuanliuError(
            "accounts.code_missing",
            f"a {body.kind} needs a code",
            hint="give the code under which it appears in public, for example H-0042",
            fields={"kind": str(body.kind)},
        )
    role = ENROLLED[body.kind]
    agreed = actions.consent(d, key, acts.party, roles=role, code=body.code)
    return actions.enrol(d, str(key.address), role, body.code, agreed)


@router.get("/accounts/{account}", responses=documented(404))
def show_account(account: AccountId, acts: Acts) -> AccountView:
    """Give an account that one manages."""
    return AccountView.of(managed(acts, account))


@router.post("/accounts/{account}/closing", responses=documented(404))
def close_account(account: AccountId, acts: Acts) -> AccountView:
    """Shut an account: nobody can sign in with it, its sessions end, its tokens rest.

    That of somebody who acts for himself on the chain is shut by operators only: whoever enrolled him can suspend him,
    on the record and with a reason, and he can still see what is done to him.
    """
    found = managed(acts, account)
    if acts.signed_in.principal.account.kind is not AccountKind.OPERATOR:
        _require_no_owner(found, "suspend the actor on the record, with a reason")
    return AccountView.of(acts.wired.accounts.disable(found.id))


@router.post("/accounts/{account}/opening", responses=documented(404))
def open_account(account: AccountId, acts: Acts) -> AccountView:
    """Open a shut account again."""
    return AccountView.of(acts.wired.accounts.disable(managed(acts, account).id, disabled=False))


@router.post("/accounts/{account}/reset", responses=documented(404))
def reset_account(account: AccountId, acts: Acts) -> ResetView:
    """Give a new one-time password and a new key; the old key cannot be opened by anybody but its owner.

    Not for who acts for himself on the chain: he would be shut out at once, `POST /accounts/{account}/recovery` waits.
    """
    found = managed(acts, account)
    _require_no_owner(found, "let whoever enrolled him ask for a recovery of the account")
    made = acts.wired.accounts.reset(found.id)
    return ResetView(one_time_password=made.one_time.password, old_key=made.old_key, key=made.key)


@router.get("/sign-ins")
def list_sign_ins(
    acts: Acts, login: Annotated[str | None, Query(max_length=64)] = None, limit: Limit = 50
) -> list[AttemptView]:
    """List attempts to sign in, the latest first; for operators."""
    acts.signed_in.require(Scope.OPERATE)
    return [
        AttemptView(
            time=written(each.time),
            login=each.login,
            address=each.address,
            outcome=each.outcome,
        )
        for each in attempts.listed(acts.wired.desk, login=login, limit=limit)
    ]


def _require_no_owner(account: Account, hint: str) -> None:
    if account.party is not None and account.kind is not AccountKind.CLERK:
        raise YuanliuError(
            "access.forbidden",
            "this account's owner has a key on the chain, which nobody else may take from him at once",
            hint=hint,
            fields={"kind": str(account.kind)},
        )


def _require_manages(acts: Acting, kind: AccountKind) -> None:
    own = acts.signed_in.principal.account.kind
    if kind not in MANAGES.get(own, ()):
        raise YuanliuError(
            "access.forbidden",
            f"a {own} makes no account of a {kind}",
            hint="ask whoever enrols them: platforms, regulators, cooperatives",
            fields={"own": str(own), "kind": str(kind)},
        )


def managed(acts: Acting, name: str) -> Account:
    """Give an account that this one manages. Raises `YuanliuError` (`accounts.unknown`, `access.forbidden`)."""
    acts.signed_in.require(Scope.ACCOUNTS)
    found = acts.wired.accounts.get(name)
    mine = acts.signed_in.principal.account
    if mine.kind is not AccountKind.OPERATOR:
        _require_manages(acts, found.kind)
        if found.manager != acts.party:
            raise YuanliuError(
                "accounts.unknown",
                "there is no such account",
                hint="look it up in the list of accounts",
                fields={"account": name},
            )
    return found
