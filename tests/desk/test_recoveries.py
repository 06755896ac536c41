"""A key proposed for an owner: what he has stays in force until the chain says that the new key is his."""

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from tests.accounts import OTHER, PASSWORD, AccountDesk, refused

from yuanliu.chain import keys
from yuanliu.desk import attempts
from yuanliu.desk.access import Scope
from yuanliu.desk.passwords import one_time
from yuanliu.desk.people import Account, AccountKind
from yuanliu.desk.recoveries import Proposed

DAYS = 7 * 86_400


@pytest.fixture
def desk(account_desk_on_both: AccountDesk) -> AccountDesk:
    return account_desk_on_both


def enrolled(desk: AccountDesk) -> Account:
    key = keys.new_key()
    account, _ = desk.accounts.create(
        "farmer-01", AccountKind.FARMER, key=key, party=str(key.address), password=PASSWORD
    )
    return account


def proposed(desk: AccountDesk, account: Account, *, given: str | None = None) -> Proposed:
    """Propose a key here and on the chain."""
    made = desk.recoveries.propose(account.id, one_time_password=given)
    ready = int(desk.clock()) + DAYS
    desk.actors.proposed[account.party or ""] = (str(made.key.address).lower(), ready)
    return made


def completed(desk: AccountDesk, account: Account) -> None:
    key, _ = desk.actors.proposed.pop(account.party or "")
    desk.actors.owners[key] = account.party or ""


def test_the_owner_keeps_all_he_has_until_the_key_is_in_force(desk: AccountDesk) -> None:
    account = enrolled(desk)
    signed_in = desk.sign_in("farmer-01")
    key = desk.sessions.open_key(signed_in.session, signed_in.token)
    scopes = frozenset({Scope.READ})
    _, token = desk.tokens.create(signed_in.session, key, label="scale", scopes=scopes)
    made = proposed(desk, account)
    assert desk.accounts.get(account.id).key_address == account.key_address
    with refused("accounts.recovery_waiting") as caught:
        desk.sign_in("farmer-01", made.one_time.password)
    assert caught.value.fields == {"ready_at": "2026-04-19T13:20:00Z"}
    desk.tokens.authenticate(token)
    desk.accounts.change_password(account.id, PASSWORD, OTHER)  # his own, and not the new key's
    again = desk.sign_in("farmer-01", OTHER)
    assert desk.sessions.open_key(again.session, again.token).key == key.key

    desk.clock.wait(DAYS)
    again = desk.sign_in("farmer-01", OTHER)
    with refused("accounts.recovery_ready") as caught:
        desk.sign_in("farmer-01", made.one_time.password)
    assert caught.value.fields["actor"] == account.party
    completed(desk, account)
    opened = desk.sign_in("farmer-01", made.one_time.password)
    assert opened.session.account.must_change_password
    assert opened.session.account.key_address == str(made.key.address).lower()
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(again.token)
    with refused("access.token_revoked"):
        desk.tokens.authenticate(token)
    with refused("access.sign_in_failed"):
        desk.sign_in("farmer-01", OTHER)
    desk.accounts.change_password(account.id, made.one_time.password, PASSWORD)
    own = desk.sign_in("farmer-01")
    assert desk.sessions.open_key(own.session, own.token).key == made.key.key
    with refused("access.sign_in_failed"):
        desk.sign_in("farmer-01", made.one_time.password)


def test_a_cancelled_one_opens_nothing_and_is_dropped(desk: AccountDesk) -> None:
    account = enrolled(desk)
    made = proposed(desk, account)
    desk.recoveries.settle(account.party or "")
    with refused("accounts.recovery_waiting"):
        desk.sign_in("farmer-01", made.one_time.password)
    del desk.actors.proposed[account.party or ""]
    with refused("accounts.recovery_cancelled"):
        desk.sign_in("farmer-01", made.one_time.password)
    desk.sign_in("farmer-01")
    desk.recoveries.settle((account.party or "").upper().replace("0X", "0x"))
    with refused("access.sign_in_failed"):
        desk.sign_in("farmer-01", made.one_time.password)
    assert desk.sign_in("farmer-01").session.account.key_address == account.key_address


def test_the_same_password_is_the_same_proposal_and_another_one_replaces_it(
    desk: AccountDesk,
) -> None:
    account, given = enrolled(desk), one_time()
    made = proposed(desk, account, given=given)
    assert desk.recoveries.propose(account.id, one_time_password=given).key == made.key
    other = proposed(desk, account)
    assert other.key != made.key
    with refused("access.sign_in_failed"):
        desk.sign_in("farmer-01", given)
    completed(desk, account)
    # it is the owner's now, though nobody signed in: a further one may not take it from him
    third = proposed(desk, account)
    opened = desk.sign_in("farmer-01", other.one_time.password)
    assert opened.session.account.key_address == str(other.key.address).lower()
    with refused("accounts.password_same"):
        desk.recoveries.propose(account.id, one_time_password=other.one_time.password)
    with refused("accounts.recovery_waiting"):
        desk.sign_in("farmer-01", third.one_time.password)


def test_an_owner_who_replaces_his_key_meanwhile_loses_neither(desk: AccountDesk) -> None:
    account = enrolled(desk)
    prepared = desk.accounts.prepare_key(account.id, PASSWORD)
    made = proposed(desk, account)
    assert desk.accounts.prepare_key(account.id, PASSWORD).key == prepared.key
    desk.accounts.adopt_key(account.id)
    del desk.actors.proposed[account.party or ""]  # as the contract does when an owner rotates
    desk.recoveries.settle(account.party or "")
    with refused("access.sign_in_failed"):
        desk.sign_in("farmer-01", made.one_time.password)
    signed_in = desk.sign_in("farmer-01")
    assert desk.sessions.open_key(signed_in.session, signed_in.token).key == prepared.key


def test_settling_adopts_what_is_in_force(desk: AccountDesk) -> None:
    account = enrolled(desk)
    signed_in, made = desk.sign_in("farmer-01"), proposed(desk, account)
    completed(desk, account)
    desk.recoveries.settle(account.party or "")
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(signed_in.token)
    assert desk.accounts.get(account.id).key_address == str(made.key.address).lower()


def test_a_waiting_password_counts_as_a_wrong_one_and_opens_no_shut_account(
    desk: AccountDesk,
) -> None:
    account = enrolled(desk)
    made = proposed(desk, account)
    for _ in range(attempts.FAILURES):
        with refused("accounts.recovery_waiting"):
            desk.sign_in("farmer-01", made.one_time.password)
    with refused("access.locked"):
        desk.sign_in("farmer-01", made.one_time.password)
    attempts.unlock(desk.engine, "farmer-01")
    completed(desk, account)
    desk.accounts.disable(account.id)
    with refused("access.sign_in_failed"):
        desk.sign_in("farmer-01", made.one_time.password)
    assert desk.accounts.get(account.id).key_address == account.key_address
    with refused("accounts.unknown"):
        desk.recoveries.propose("0" * 32)


def test_whether_a_key_is_proposed_cannot_be_told_by_how_long_it_takes(
    desk: AccountDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = enrolled(desk)
    desk.person()
    proposed(desk, account)
    looked_at = []

    def verify(_: PasswordHasher, stored: str, __: str) -> bool:
        looked_at.append(stored.split("$")[1:4])
        raise VerifyMismatchError

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for password, most in ((one_time(), 2), ("not the password", 1)):
        for login in ("farmer-01", "clerk-01", "nobody-01"):
            looked_at.clear()
            with refused("access.sign_in_failed"):
                desk.sign_in(login, password)
            assert looked_at == [["argon2id", "v=19", "m=8,t=1,p=1"]] * most
