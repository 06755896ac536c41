"""Accounts and the real contracts: what the chain says of a key, and keys that rotate or were lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.accounts import PASSWORD, AccountDesk, account_desk, in_folder, refused
from tests.world import World

from yuanliu import actions
from yuanliu.actions import KeyLevel, Role
from yuanliu.desk.access import Access, Scope
from yuanliu.desk.people import Account, AccountKind

pytestmark = pytest.mark.node


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AccountDesk]:
    with account_desk(in_folder(tmp_path)) as made:
        yield made


@pytest.fixture
def access(world: World) -> Access:
    now = iter(range(0, 1_000_000, 10))  # each question is asked anew
    return Access(
        lambda key: world.actors.read(world.node, "resolve", key), clock=lambda: float(next(now))
    )


def made(desk: AccountDesk, world: World, name: str, kind: AccountKind) -> Account:
    key = getattr(world, name).account
    return desk.accounts.create(name, kind, key=key, password=PASSWORD)[0]


def test_a_clerk_writes_for_his_cooperative_until_one_of_them_is_stopped(
    desk: AccountDesk, world: World, access: Access
) -> None:
    clerk = access.principal(made(desk, world, "clerk", AccountKind.CLERK))
    assert (clerk.party, clerk.roles) == (world.coop.address, Role.COOPERATIVE)
    clerk.require_role(Role.COOPERATIVE)
    world.act(world.regulator, world.actors, "suspend", world.coop.address, "账目不清")
    with refused("access.suspended") as caught:
        clerk.require_scope(Scope.DELIVERIES)
    assert caught.value.fields["refusal"] == "Actors_Suspended"
    clerk.require_scope(Scope.READ)
    world.act(world.regulator, world.actors, "reinstate", world.coop.address, "已整改")
    clerk.require_scope(Scope.DELIVERIES)
    world.act(world.coop, world.actors, "dismissClerk", world.clerk.address)
    with refused("access.suspended") as caught:
        clerk.require_role(Role.COOPERATIVE)
    assert caught.value.fields["refusal"] == "Actors_KeyRetired"


def test_who_was_never_enrolled_has_no_role(
    desk: AccountDesk, world: World, access: Access
) -> None:
    outsider = access.principal(made(desk, world, "outsider", AccountKind.RETAILER))
    assert (outsider.party, outsider.roles) == (world.outsider.address, 0)
    with refused("access.forbidden"):
        outsider.require_role(Role.RETAILER, Role.CARRIER)


def test_a_key_is_rotated_without_a_moment_in_which_it_could_be_lost(
    desk: AccountDesk, world: World, access: Access
) -> None:
    d = world.deployment
    account = made(desk, world, "farmer", AccountKind.FARMER)
    signed_in = desk.sign_in("farmer")
    old = desk.sessions.open_key(signed_in.session, signed_in.token)
    new = desk.accounts.prepare_key(account.id, PASSWORD)
    agreed = actions.consent(d, new, world.farmer.address, level=KeyLevel.OWNER)
    world.relay.submit(old, actions.rotate_key(d, str(new.address), agreed))
    with refused("access.suspended"):  # the service could die here: the new key is stored
        access.principal(account).require_scope(Scope.EVENTS)
    adopted = desk.accounts.adopt_key(account.id)
    principal = access.principal(adopted)
    assert (principal.party, principal.roles) == (world.farmer.address, Role.FARMER)
    again = desk.sign_in("farmer")
    key = desk.sessions.open_key(again.session, again.token)
    world.relay.submit(key, actions.redirect_payout(d, world.outsider.address))
    assert world.ask(world.actors, "payoutOf", world.farmer.address) == world.outsider.address


def test_after_a_reset_the_new_key_is_nobody_until_it_is_appointed(
    desk: AccountDesk, world: World, access: Access
) -> None:
    d = world.deployment
    account = made(desk, world, "clerk", AccountKind.CLERK)
    reset = desk.accounts.reset(account.id)
    password = "a new long password"
    desk.accounts.change_password(account.id, reset.one_time.password, password)
    signed_in = desk.sign_in("clerk", password)
    key = desk.sessions.open_key(signed_in.session, signed_in.token)
    principal = access.principal(signed_in.session.account)
    with refused("access.forbidden"):
        principal.require_role(Role.COOPERATIVE)
    world.relayed(world.coop, world.actors, "dismissClerk", reset.old_key)
    agreed = actions.consent(d, key, world.coop.address, level=KeyLevel.CLERK)
    world.relay.submit(world.coop.account, actions.appoint_clerk(d, str(key.address), agreed))
    principal.require_role(Role.COOPERATIVE)
    assert principal.party == world.coop.address
