"""Signing in and out, on both databases: who gets in, for how long, and who is kept from guessing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import func, select
from tests.accounts import (
    HOME,
    OTHER,
    PASSWORD,
    AccountDesk,
    refused,
)

from yuanliu.desk import attempts
from yuanliu.desk.access import Scope
from yuanliu.desk.attempts import Outcome
from yuanliu.desk.base import Desk
from yuanliu.desk.people import AccountKind
from yuanliu.desk.sessions import Sessions, check_csrf, csrf_of
from yuanliu.desk.tables_accounts import LOCKOUT, SESSION, SIGN_IN
from yuanliu.desk.tokens import Tokens
from yuanliu.desk.vault import Vault
from yuanliu.errors import YuanliuError

HOUR = 3_600.0
WRONG = "not the password"


@pytest.fixture
def desk(account_desk_on_both: AccountDesk) -> AccountDesk:
    return account_desk_on_both


def fail(desk: AccountDesk, times: int, login: str = "clerk-01", address: str = HOME) -> None:
    for _ in range(times):
        with refused("access.sign_in_failed"):
            desk.sign_in(login, WRONG, address)


def test_the_migrations_make_the_tables_as_they_are_declared(desk: AccountDesk) -> None:
    ours = {"account", "lockout", "sign_in", "session", "api_token", "attachment"}
    assert ours <= Desk.metadata.tables.keys()

    def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or name in ours

    with desk.engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Desk.metadata) == []


# ---------------------------------------------------------------------- sessions


def test_who_signs_in_is_known_by_his_token_and_can_sign(desk: AccountDesk) -> None:
    account = desk.person()
    signed_in = desk.sign_in("CLERK-01")
    session = desk.sessions.authenticate(signed_in.token)
    assert session.account.id == account.id
    assert session.account.last_sign_in == desk.clock()
    key = desk.sessions.open_key(session, signed_in.token)
    assert str(key.address).lower() == account.key_address
    assert signed_in.token not in repr(signed_in)


def test_another_process_and_a_restart_keep_him_signed_in(desk: AccountDesk) -> None:
    desk.person()
    signed_in = desk.sign_in()
    desk.engine.dispose()
    other = Sessions(desk.engine, Vault(), desk.recoveries, now=desk.clock)
    session = other.authenticate(signed_in.token)
    assert other.open_key(session, signed_in.token).address


def test_another_sessions_token_opens_nothing(desk: AccountDesk) -> None:
    desk.person()
    one, other = desk.sign_in(), desk.sign_in()
    with refused("vault.not_opened"):
        desk.sessions.open_key(one.session, other.token)


def test_a_session_moved_to_another_account_opens_nothing(desk: AccountDesk) -> None:
    desk.person()
    thief = desk.person("thief-01")
    signed_in = desk.sign_in("thief-01")
    with desk.engine.begin() as connection:  # somebody who writes in the database gives it away
        clerk = desk.accounts.find("clerk-01")
        assert clerk is not None
        connection.execute(SESSION.update().values(account=clerk.id))
    session = desk.sessions.authenticate(signed_in.token)
    assert session.account.id == clerk.id != thief.id
    with refused("vault.not_opened"):
        desk.sessions.open_key(session, signed_in.token)


@pytest.mark.parametrize(
    "token",
    ["", "x", "A" * 43, "A" * 42 + "=", "A" * 44, "ä" * 43, "A" * 42 + "\0", "A" * 42 + "\n"],
)
def test_what_is_no_token_is_nobody(desk: AccountDesk, token: str) -> None:
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(token)


def test_a_session_ends_after_twelve_hours_without_a_request(desk: AccountDesk) -> None:
    desk.person()
    signed_in = desk.sign_in()
    desk.clock.wait(12 * HOUR - 1)
    assert desk.sessions.authenticate(signed_in.token).expires == desk.clock() + 12 * HOUR
    desk.clock.wait(12 * HOUR - 1)
    desk.sessions.authenticate(signed_in.token)
    desk.clock.wait(12 * HOUR)
    with refused("access.session_expired"):
        desk.sessions.authenticate(signed_in.token)


def test_a_session_ends_after_seven_days_however_busy(desk: AccountDesk) -> None:
    desk.person()
    signed_in = desk.sign_in()
    for _ in range(27):
        desk.clock.wait(6 * HOUR)
        desk.sessions.authenticate(signed_in.token)
    desk.clock.wait(6 * HOUR - 1)
    assert desk.sessions.authenticate(signed_in.token).expires == desk.clock() + 1
    desk.clock.wait(1)
    with refused("access.session_expired"):
        desk.sessions.authenticate(signed_in.token)


def test_signing_out_ends_one_session_or_all(desk: AccountDesk) -> None:
    account = desk.person()
    first, second, third = desk.sign_in(), desk.sign_in(), desk.sign_in()
    desk.sessions.sign_out(first.session.id)
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(first.token)
    assert desk.sessions.sign_out_everywhere(account.id, keep_session=third.session.id) == 1
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(second.token)
    desk.sessions.authenticate(third.token)
    assert desk.sessions.sign_out_everywhere(account.id) == 1


def test_a_form_belongs_to_its_session(desk: AccountDesk) -> None:
    desk.person()
    one, other = desk.sign_in(), desk.sign_in()
    assert one.csrf == csrf_of(one.token) != one.token
    check_csrf(one.token, one.csrf)
    for wrong in (other.csrf, "", one.token, one.csrf[:-1], "ä", "\ud800"):
        with refused("access.csrf"):
            check_csrf(one.token, wrong)


def test_what_is_over_is_cleared_away(desk: AccountDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuanliu.desk.sessions._PRUNED_EVERY", 1)
    desk.person()
    desk.sign_in()
    fail(desk, 1, "nobody-01")
    desk.clock.wait(attempts.KEPT + 1)
    desk.sign_in()
    with desk.engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (SESSION, SIGN_IN, LOCKOUT)
        ]
    assert counts == [1, 1, 0]


# ---------------------------------------------------------------------- guessing


def test_unknown_login_wrong_password_and_shut_account_are_answered_alike(
    desk: AccountDesk,
) -> None:
    shut = desk.person("shut-01")
    desk.accounts.disable(shut.id)
    desk.person()
    answers = set()
    for login, password in [
        ("clerk-01", WRONG),
        ("nobody-01", WRONG),
        ("shut-01", PASSWORD),
        ("\0", WRONG),
    ]:
        with refused("access.sign_in_failed") as caught:
            desk.sign_in(login, password)
        answers.add((str(caught.value), caught.value.hint, str(caught.value.fields)))
    assert len(answers) == 1


def test_an_unknown_login_costs_as_much_as_a_known_one(
    desk: AccountDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.person()
    looked_at = []

    def verify(_: PasswordHasher, stored: str, __: str) -> bool:
        looked_at.append(stored.split("$")[1:4])
        raise VerifyMismatchError

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    fail(desk, 1)
    fail(desk, 1, "nobody-01")
    assert looked_at == [["argon2id", "v=19", "m=8,t=1,p=1"]] * 2


def test_a_login_is_locked_for_longer_and_longer(desk: AccountDesk) -> None:
    desk.person()
    fail(desk, 5)
    waits = []
    for _ in range(8):
        with refused("access.locked") as caught:
            desk.sign_in()
        assert caught.value.retryable
        wait = caught.value.fields["retry_after"]
        assert isinstance(wait, int)
        waits.append(wait)
        desk.clock.wait(wait)
        fail(desk, 1)
    assert waits == [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]


def test_the_right_password_after_the_wait_opens_and_forgets_the_failures(
    desk: AccountDesk,
) -> None:
    desk.person()
    fail(desk, 5)
    desk.clock.wait(60)
    desk.sign_in()
    fail(desk, 4)
    desk.sign_in()


def test_failures_of_the_day_before_are_forgotten(desk: AccountDesk) -> None:
    desk.person()
    fail(desk, 4)
    desk.clock.wait(attempts.FORGOTTEN_AFTER + 1)
    fail(desk, 4)
    desk.sign_in()


def test_the_lock_does_not_tell_who_has_an_account(desk: AccountDesk) -> None:
    desk.person()
    told = []
    for login in ("clerk-01", "nobody-01"):
        fail(desk, 5, login)
        with refused("access.locked") as caught:
            desk.sign_in(login, PASSWORD)
        told.append((str(caught.value), caught.value.fields))
    assert told[0] == told[1]


def test_a_lock_shuts_nobody_out_who_is_in_and_can_be_ended(desk: AccountDesk) -> None:
    desk.person()
    signed_in = desk.sign_in()
    fail(desk, 5)
    desk.sessions.authenticate(signed_in.token)
    attempts.unlock(desk.engine, "clerk-01")
    desk.sign_in()


def test_many_guesses_at_once_are_no_more_than_five(desk: AccountDesk) -> None:
    desk.person()

    def guess(number: int) -> str:
        try:
            desk.sign_in("clerk-01", f"guess {number} {WRONG}", f"198.51.{number}.1")
        except YuanliuError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(12) as pool:
        outcomes = Counter(pool.map(guess, range(40)))
    assert outcomes == {"access.sign_in_failed": 5, "access.locked": 35}


def test_a_network_that_guesses_many_logins_is_stopped(desk: AccountDesk) -> None:
    desk.person()
    for number in range(attempts.PER_NETWORK):
        desk.clock.wait(1)
        fail(desk, 1, f"login-{number:02}", f"203.0.113.{number}")
    with refused("access.too_many_attempts") as caught:
        desk.sign_in()
    assert caught.value.fields["retry_after"] == attempts.WINDOW - attempts.PER_NETWORK + 1
    desk.sign_in(address="203.0.114.1")  # from elsewhere
    desk.clock.wait(attempts.WINDOW - attempts.PER_NETWORK + 1)
    desk.sign_in()


def test_each_attempt_is_on_the_record_without_the_visitors_whole_address(
    desk: AccountDesk,
) -> None:
    desk.person()
    fail(desk, 5, address="2001:db8:1:2:3::4")
    with refused("access.locked"):
        desk.sign_in()
    desk.clock.wait(60)
    desk.sign_in(address="::ffff:203.0.113.9")
    shut = desk.person("shut-01")
    desk.accounts.disable(shut.id)
    with refused("access.sign_in_failed"):
        desk.sign_in("shut-01")
    found = attempts.listed(desk.engine)
    assert [(a.login, a.outcome, a.address) for a in found[:4]] == [
        ("shut-01", Outcome.DISABLED, "203.0.113.0"),
        ("clerk-01", Outcome.OK, "203.0.113.0"),
        ("clerk-01", Outcome.LOCKED, "203.0.113.0"),
        ("clerk-01", Outcome.REFUSED, "2001:db8:1::"),
    ]
    assert len(attempts.listed(desk.engine, login="clerk-01")) == 7
    assert len(attempts.listed(desk.engine, limit=2)) == 2


@pytest.mark.parametrize("address", ["", "unix", "203.0.113", "x" * 500, "\0", "fe80::1%eth0"])
def test_an_address_that_is_none_still_counts(desk: AccountDesk, address: str) -> None:
    fail(desk, 1, address=address)
    assert len(attempts.listed(desk.engine)) == 1


@pytest.mark.parametrize(
    "login", ["", "x" * 10_000, "\0\0\0", "\ud800", "'; DROP TABLE account; --"]
)
def test_any_login_is_answered(desk: AccountDesk, login: str) -> None:
    fail(desk, 1, login)


def test_a_password_changed_meanwhile_lets_nobody_in(
    desk: AccountDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = desk.person()
    unlock = desk.vault.unlock

    def change_first(keystore: str, password: str) -> object:
        monkeypatch.undo()
        desk.accounts.change_password(account.id, PASSWORD, OTHER)
        return unlock(keystore, password)

    monkeypatch.setattr(desk.vault, "unlock", change_first)
    with refused("access.sign_in_failed"):
        desk.sign_in()
    desk.sign_in(password=OTHER)


# ---------------------------------------------------------------------- tokens of machines


def machine(desk: AccountDesk, *scopes: Scope, days: int = 90) -> str:
    signed_in = desk.sign_in()
    key = desk.sessions.open_key(signed_in.session, signed_in.token)
    label = f"scale {desk.clock()}"
    return desk.tokens.create(signed_in.session, key, label=label, scopes=scopes, days=days)[1]


def test_a_machine_signs_with_the_accounts_key(desk: AccountDesk) -> None:
    account = desk.person()
    text = machine(desk, Scope.READ, Scope.DELIVERIES)
    desk.sessions.sign_out_everywhere(account.id)
    other = Tokens(desk.engine, now=desk.clock)
    found = other.authenticate(text)
    assert found.account.id == account.id
    assert found.token.scopes == {Scope.READ, Scope.DELIVERIES}
    assert str(other.open_key(found, text).address).lower() == account.key_address


def test_a_token_has_no_more_than_its_account(desk: AccountDesk) -> None:
    desk.person()
    for scopes in ([Scope.OPERATE], [Scope.READ, Scope.INSPECTIONS], []):
        with refused("access.scope_beyond"):
            machine(desk, *scopes)
    for days in (0, -1, 401):
        with refused("access.expiry_invalid"):
            machine(desk, Scope.READ, days=days)


def test_a_token_ends_by_time_or_word(desk: AccountDesk) -> None:
    account = desk.person()
    text = machine(desk, Scope.READ, days=1)
    (shown,) = desk.tokens.listed(account.id)
    assert shown.last_used is None
    desk.clock.wait(86_399)
    desk.tokens.authenticate(text)
    (shown,) = desk.tokens.listed(account.id)
    assert shown.last_used == desk.clock()
    desk.clock.wait(1)
    with refused("access.token_expired"):
        desk.tokens.authenticate(text)
    text = machine(desk, Scope.READ)
    latest = desk.tokens.listed(account.id)[0]
    desk.tokens.revoke(account.id, latest.id)
    desk.tokens.revoke(account.id, latest.id)
    with refused("access.token_revoked"):
        desk.tokens.authenticate(text)


def test_nobody_revokes_anothers_token(desk: AccountDesk) -> None:
    account, other = desk.person(), desk.person("clerk-02")
    text = machine(desk, Scope.READ)
    (shown,) = desk.tokens.listed(account.id)
    with refused("accounts.token_not_found"):
        desk.tokens.revoke(other.id, shown.id)
    desk.tokens.authenticate(text)


def test_a_shut_accounts_tokens_rest(desk: AccountDesk) -> None:
    account = desk.person()
    text = machine(desk, Scope.READ)
    desk.accounts.disable(account.id)
    with refused("access.unauthenticated"):
        desk.tokens.authenticate(text)
    desk.accounts.disable(account.id, disabled=False)
    desk.tokens.authenticate(text)


def test_a_mistyped_token_is_told_from_a_foreign_one(desk: AccountDesk) -> None:
    desk.person()
    text = machine(desk, Scope.READ)
    turned = text[:30] + ("a" if text[30] != "a" else "b") + text[31:]
    for wrong in ("", "yl_", text[:-1], text + "a", turned, text.upper(), "x" + text, text + "\n"):
        with refused("access.token_malformed"):
            desk.tokens.authenticate(wrong)
    from yuanliu.desk.tokens import _written  # noqa: PLC0415 -- forges one

    token_id = text.split("_")[1]
    for forged in (_written(token_id, bytes(32)), _written("a" * 16, bytes(32))):
        with refused("access.unauthenticated"):
            desk.tokens.authenticate(forged)


def test_an_account_has_so_many_tokens(desk: AccountDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuanliu.desk.tokens.MAX_TOKENS", 2)
    account = desk.person(kind=AccountKind.CARRIER)
    machine(desk, Scope.READ)
    machine(desk, Scope.READ)
    with refused("access.too_many_tokens"):
        machine(desk, Scope.READ)
    desk.tokens.revoke(account.id, desk.tokens.listed(account.id)[0].id)
    machine(desk, Scope.READ)
