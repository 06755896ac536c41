"""What a principal may do: scopes by the account's kind, roles by the chain's word."""

import pytest
from tests.accounts import refused

from yuanliu.actions import Role
from yuanliu.chain.bindings import ContractRefusal
from yuanliu.chain.node import ChainUnreachable
from yuanliu.desk.access import KEPT_SECONDS, SCOPES, Access, Scope
from yuanliu.desk.people import Account, AccountKind

KEY = "0x" + "ab" * 20
COOPERATIVE = "0x" + "C0" * 20


class Chain:
    """Answers as `Actors.resolve` does, and counts how often it is asked."""

    def __init__(self, *, roles: int = Role.COOPERATIVE, refusal: Exception | None = None) -> None:
        self.roles = roles
        self.refusal = refusal
        self.asked = 0

    def __call__(self, key: str) -> tuple[str, int]:
        assert key == KEY
        self.asked += 1
        if self.refusal:
            raise self.refusal
        return COOPERATIVE, self.roles


def account(kind: AccountKind = AccountKind.CLERK) -> Account:
    return Account(
        id="0" * 32,
        login="clerk-01",
        display_name="clerk-01",
        kind=kind,
        party=None,
        manager=None,
        key_address=KEY,
        next_key_address=None,
        must_change_password=False,
        disabled=False,
        created=0.0,
        last_sign_in=None,
    )


def test_the_chain_says_for_whom_a_key_writes_and_as_what() -> None:
    principal = Access(Chain()).principal(account())
    assert principal.party == COOPERATIVE.lower()
    principal.require_role(Role.COOPERATIVE)
    principal.require_role(Role.CARRIER, Role.COOPERATIVE)
    with refused("access.forbidden") as caught:
        principal.require_role(Role.INSPECTOR, Role.REGULATOR)
    assert caught.value.fields == {"roles": 2, "needed": [8, 64]}


def test_every_kind_has_its_scopes_and_no_more() -> None:
    assert set(SCOPES) == set(AccountKind)
    chain = Access(Chain())
    for kind in AccountKind:
        principal = chain.principal(account(kind))
        for scope in Scope:
            if scope in SCOPES[kind]:
                principal.require_scope(scope)
            else:
                with refused("access.forbidden"):
                    principal.require_scope(scope)
    assert all(Scope.READ in scopes for scopes in SCOPES.values())
    assert SCOPES[AccountKind.AUDITOR] == {Scope.READ}
    assert [k for k in AccountKind if Scope.INSPECTIONS in SCOPES[k]] == [AccountKind.INSPECTOR]
    assert [k for k in AccountKind if Scope.OPERATE in SCOPES[k]] == [AccountKind.OPERATOR]


def test_a_token_has_only_what_both_it_and_its_account_may() -> None:
    scopes = frozenset({Scope.EVENTS, Scope.OPERATE})
    principal = Access(Chain()).principal(account(), scopes)
    assert principal.scopes == {Scope.EVENTS}
    with refused("access.forbidden"):
        principal.require_scope(Scope.READ)


@pytest.mark.parametrize(
    "refusal",
    [
        ContractRefusal("Actors_Suspended", {"actor": COOPERATIVE}),
        ContractRefusal("Actors_KeyRetired", {"key": KEY}),
    ],
    ids=lambda refusal: refusal.name,
)
def test_one_who_is_suspended_or_whose_key_is_retired_can_only_read(
    refusal: ContractRefusal,
) -> None:
    principal = Access(Chain(refusal=refusal)).principal(account())
    principal.require_scope(Scope.READ)
    for act in (
        lambda: principal.require_scope(Scope.EVENTS),
        lambda: principal.require_role(Role.COOPERATIVE),
        lambda: principal.party,
    ):
        with refused("access.suspended") as caught:
            act()
        assert caught.value.fields == {"refusal": refusal.name, "key": KEY}


def test_what_the_chain_cannot_answer_is_not_taken_for_a_yes() -> None:
    gone = ChainUnreachable("http://127.0.0.1:1", "nobody there")
    principal = Access(Chain(refusal=gone)).principal(account())
    principal.require_scope(Scope.READ)
    with pytest.raises(ChainUnreachable):
        principal.require_scope(Scope.EVENTS)
    odd = Access(Chain(refusal=ContractRefusal("Unknown", {}))).principal(account())
    with pytest.raises(ContractRefusal):
        odd.require_scope(Scope.EVENTS)


def test_the_chain_is_asked_again_after_two_seconds_or_when_told() -> None:
    now = [100.0]
    chain = Chain()
    access = Access(chain, clock=lambda: now[0])
    principal = access.principal(account())
    for _ in range(5):
        principal.require_role(Role.COOPERATIVE)
    assert chain.asked == 1
    chain.refusal = ContractRefusal("Actors_Suspended", {"actor": COOPERATIVE})
    now[0] += KEPT_SECONDS - 0.001
    principal.require_role(Role.COOPERATIVE)
    now[0] += 0.001
    with refused("access.suspended"):
        principal.require_role(Role.COOPERATIVE)
    chain.refusal = None
    access.forget(KEY)
    principal.require_role(Role.COOPERATIVE)
    assert chain.asked == 3


def test_an_answer_is_not_kept_when_the_chain_was_unreachable() -> None:
    chain = Chain(refusal=ChainUnreachable("http://127.0.0.1:1", "nobody there"))
    access = Access(chain, clock=lambda: 1.0)
    with pytest.raises(ChainUnreachable):
        access.standing(KEY)
    chain.refusal = None
    assert access.standing(KEY).roles == Role.COOPERATIVE
