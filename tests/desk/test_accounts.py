"""Accounts: logins and passwords, changes, resets, keys that rotate; and secrets that everybody knows."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text
from tests.accounts import (
    CHEAP,
    HOME,
    OTHER,
    OWN_CHAIN,
    PASSWORD,
    AccountDesk,
    account_desk,
    in_folder,
    refused,
)

from yuanliu.chain import keys
from yuanliu.chain.launch import DEVNET_CHAIN_ID
from yuanliu.desk.access import Scope
from yuanliu.desk.first_start import ensure_operator, import_devnet_accounts
from yuanliu.desk.passwords import check_password, one_time, parse_login
from yuanliu.desk.people import MANAGES, AccountKind
from yuanliu.desk.tables_accounts import ACCOUNT
from yuanliu.desk.vault import KEPT_SECONDS, Cost, KeyRing, Vault, new_secret, unwrap, wrap
from yuanliu.errors import YuanliuError
from yuanliu.settings import settings

SCOPE_READ = [Scope.READ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AccountDesk]:
    with account_desk(in_folder(tmp_path)) as made:
        yield made


# ---------------------------------------------------------------------- logins and passwords


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("Clerk-01", "clerk-01"),
        ("ＣＬＥＲＫ０１", "clerk01"),
        ("合作社一号", "合作社一号"),
        ("  a.b_c@d  ", "a.b_c@d"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_login_has_one_form(text: str, login: str) -> None:
    assert parse_login(text) == login
    assert parse_login(login) == login


@pytest.mark.parametrize(
    "text", ["", "ab", "x" * 65, "a b c", "a/b/c", "a\0bc", "a\nbc", "<b>x", "'; --"]
)
def test_a_login_that_is_none_is_refused(text: str) -> None:
    with refused("accounts.login_invalid"):
        parse_login(text)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("kurz9zeich", None),
        ("neun9zeic", "short"),
        ("四个词连起来就安全啦", None),
        ("1234567890", "common"),
        ("WOAINI1314520", "common"),
        ("ｗｏａｉｎｉ１３１４５２０", "common"),
        ("clerk-0001", "login"),
        ("CLERK-0001", "login"),
        ("aaaaaaaaaaaa", "plain"),
        ("abababababab", "plain"),
        ("abcdefghijklmn", "plain"),
        ("987654321098", None),
        ("13812345678", "plain"),
        ("wang19800101", "plain"),
        ("19800101li", "plain"),
        ("x" * 4 + "字" * 84 + "yzw12", "long"),
        ("tab\there and more", "characters"),
        ("half \ud800 a character", "characters"),
        ("yuanliu-demo-clerk", "demo"),
    ],
)
def test_a_password_is_judged(password: str, reason: str | None) -> None:
    if reason is None:
        check_password(password, "clerk-0001", devnet=False)
        return
    with refused("accounts.password_weak") as caught:
        check_password(password, "clerk-0001", devnet=False)
    assert caught.value.fields["reason"] == reason
    assert password not in str(caught.value) + caught.value.hint


def test_the_demos_passwords_are_for_the_devnet() -> None:
    check_password("yuanliu-demo-clerk", "clerk", devnet=True)


def test_one_time_passwords_are_good_ones_and_never_alike() -> None:
    made = {one_time() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        check_password(password, "operator", devnet=False)


def test_a_password_in_another_notation_is_the_same() -> None:
    vault = Vault(CHEAP)
    assert vault.is_password("pass１２３ é", vault.hash_password("pass123 e\u0301"))
    assert not vault.is_password("pass123 e", vault.hash_password("pass123 e\u0301"))


def test_the_real_costs_open_what_they_locked() -> None:
    vault, key = Vault(), keys.new_key()
    hashed = vault.hash_password(PASSWORD)
    assert hashed.startswith("$argon2id$v=19$m=32768,t=3,p=1$")
    assert vault.is_password(PASSWORD, hashed)
    assert not vault.is_password(PASSWORD + " ", hashed)
    keystore = vault.lock(key, PASSWORD)
    stored = json.loads(keystore)
    assert (stored["version"], stored["crypto"]["kdf"]) == (3, "scrypt")
    assert stored["crypto"]["kdfparams"]["n"] == 2**16
    assert vault.unlock(keystore, PASSWORD).key == key.key
    with refused("keys.password_wrong"):
        vault.unlock(keystore, OTHER)


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": "pbkdf2"},
        {"kdfparams": {"n": 2**22, "r": 8, "p": 1, "dklen": 32, "salt": "00"}},
        {"kdfparams": {"n": 2**18, "r": 64, "p": 1, "dklen": 32, "salt": "00"}},
        {"kdfparams": {"n": 2**10, "r": 8, "p": 64, "dklen": 32, "salt": "00"}},
        {"kdfparams": {}},
        {"kdfparams": {"n": "x", "r": 8, "p": 1}},
    ],
    ids=range(6),
)
def test_a_keystore_that_would_take_for_ever_is_refused(change: dict[str, object]) -> None:
    stored = json.loads(keys.encrypt(keys.new_key(), PASSWORD, cost=2))
    stored["crypto"].update(change)
    with refused("keys.keystore_invalid"):
        keys.decrypt(json.dumps(stored), PASSWORD)


@pytest.mark.parametrize("keystore", ["", "{}", "[]", "null", '{"crypto": 3}', "not json"])
def test_what_is_no_keystore_is_refused(keystore: str) -> None:
    with refused("keys.keystore_invalid"):
        keys.decrypt(keystore, PASSWORD)


def test_a_wrapped_key_opens_with_its_secret_for_its_owner_only() -> None:
    key, secret = keys.new_key(), new_secret()
    wrapped = wrap(key, secret, bound="session 1 a")
    assert unwrap(wrapped, secret, bound="session 1 a").key == key.key
    assert bytes(key.key) not in wrapped
    broken = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for data, opener, bound in [
        (wrapped, new_secret(), "session 1 a"),
        (wrapped, secret, "session 1 b"),
        (broken, secret, "session 1 a"),
        (b"", secret, "session 1 a"),
    ]:
        with refused("vault.not_opened"):
            unwrap(data, opener, bound=bound)


def test_an_opened_key_stays_open_for_seconds_and_for_its_secret_only() -> None:
    now = [0.0]
    ring = KeyRing(lambda: now[0])
    key, secret = keys.new_key(), new_secret()
    wrapped = wrap(key, secret, bound="a")
    first = ring.unwrap(wrapped, secret, bound="a")
    assert first.key == key.key
    assert ring.unwrap(wrapped, secret, bound="a") is first
    for data, opener, bound in [
        (wrapped, new_secret(), "a"),
        (wrapped, secret, "b"),
        (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), secret, "a"),
    ]:
        with refused("vault.not_opened"):
            ring.unwrap(data, opener, bound=bound)
    now[0] = KEPT_SECONDS
    assert ring.unwrap(wrapped, secret, bound="a") is not first
    for _ in range(300):
        other = new_secret()
        ring.unwrap(wrap(key, other, bound="a"), other, bound="a")
    assert len(ring._opened) == 256


# ---------------------------------------------------------------------- making


def test_an_account_gets_a_key_of_its_own_and_a_password_for_once(desk: AccountDesk) -> None:
    account, password = desk.accounts.create(
        "王-Clerk", AccountKind.CLERK, display_name=" 文员  一 ", party="0x" + "AB" * 20
    )
    assert password is not None
    assert password.login == account.login == "王-clerk"
    assert account.display_name == "文员 一"
    assert account.party == "0x" + "ab" * 20
    assert account.must_change_password
    assert desk.accounts.get(account.id) == account == desk.accounts.find("王-CLERK")
    assert password.password not in repr(password)
    signed_in = desk.sign_in("王-CLERK", password.password)
    assert signed_in.session.account.id == account.id


def test_nothing_secret_stands_in_the_database(desk: AccountDesk) -> None:
    key = keys.new_key()
    desk.accounts.create("clerk-01", AccountKind.CLERK, password=PASSWORD, key=key)
    signed_in = desk.sign_in()
    _, token = desk.tokens.create(signed_in.session, key, label="scale", scopes=SCOPE_READ)
    with desk.engine.connect() as connection:
        tables = ("account", "session", "api_token", "sign_in", "lockout")
        rows = [tuple(r) for t in tables for r in connection.execute(text(f"SELECT * FROM {t}"))]
    dump = repr(rows)
    secrets = [PASSWORD, signed_in.token, signed_in.csrf, token, token.split("_")[2]]
    assert not any(secret in dump for secret in secrets)
    assert not any(
        bytes(key.key) in cell for row in rows for cell in row if isinstance(cell, bytes)
    )
    assert key.key.hex() not in dump


def test_a_login_and_a_key_belong_to_one_account(desk: AccountDesk) -> None:
    key = keys.new_key()
    desk.accounts.create("clerk-01", AccountKind.CLERK, key=key)
    with refused("accounts.login_taken"):
        desk.accounts.create("Clerk-01", AccountKind.FARMER)
    with refused("accounts.key_taken"):
        desk.accounts.create("clerk-02", AccountKind.CLERK, key=key)


def test_of_many_who_take_a_login_at_once_one_gets_it(desk: AccountDesk) -> None:
    def take(_: int) -> bool:
        try:
            desk.accounts.create("clerk-01", AccountKind.CLERK)
        except YuanliuError as error:
            assert error.code == "accounts.login_taken"  # noqa: PT017 -- the losers of a race
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(16))) == 1


@pytest.mark.parametrize("name", ["x" * 65, "a\0b", "half \ud800"])
def test_a_name_that_cannot_be_shown_is_refused(desk: AccountDesk, name: str) -> None:
    with refused("accounts.name_invalid"):
        desk.accounts.create("clerk-01", AccountKind.CLERK, display_name=name)


@pytest.mark.parametrize("account_id", ["", "x", "0" * 32, "\0", "' OR 1=1 --"])
def test_an_account_that_is_not_there_is_unknown(desk: AccountDesk, account_id: str) -> None:
    for act in (
        desk.accounts.get,
        desk.accounts.reset,
        desk.accounts.adopt_key,
        desk.accounts.disable,
    ):
        with refused("accounts.unknown"):
            act(account_id)


def test_accounts_are_listed_by_login_and_who_made_them(desk: AccountDesk) -> None:
    party = "0x" + "ab" * 20
    for number in (3, 1, 2):
        desk.accounts.create(
            f"clerk-0{number}", AccountKind.CLERK, manager=party if number < 3 else None
        )
    assert [a.login for a in desk.accounts.listed()] == ["clerk-01", "clerk-02", "clerk-03"]
    assert [a.login for a in desk.accounts.listed(manager=party.upper().replace("X", "x"))] == [
        "clerk-01",
        "clerk-02",
    ]
    assert [a.login for a in desk.accounts.listed(after="clerk-01", limit=1)] == ["clerk-02"]
    desk.accounts.create("a-farmer", AccountKind.FARMER, manager=party)
    clerks = desk.accounts.listed(manager=party, kinds={AccountKind.CLERK}, limit=1)
    assert [a.login for a in clerks] == ["clerk-01"]


def test_a_name_and_a_party_can_be_changed(desk: AccountDesk) -> None:
    account = desk.person()
    changed = desk.accounts.describe(account.id, display_name="新名字", party="0x" + "cd" * 20)
    assert (changed.display_name, changed.party) == ("新名字", "0x" + "cd" * 20)
    assert desk.accounts.describe(account.id) == changed


def test_who_makes_which_kind_is_as_the_contracts_enrol() -> None:
    assert MANAGES[AccountKind.COOPERATIVE] == {AccountKind.CLERK, AccountKind.FARMER}
    assert AccountKind.INSPECTOR not in MANAGES[AccountKind.PLATFORM]
    assert MANAGES[AccountKind.CLERK] == {AccountKind.FARMER}
    assert AccountKind.CARRIER not in MANAGES


# ---------------------------------------------------------------------- passwords that change


def test_a_new_password_opens_the_same_key_and_ends_other_sessions(desk: AccountDesk) -> None:
    account = desk.person()
    here, elsewhere = desk.sign_in(), desk.sign_in()
    key = desk.sessions.open_key(here.session, here.token)
    desk.accounts.change_password(account.id, PASSWORD, OTHER, keep_session=here.session.id)
    assert desk.sessions.authenticate(here.token).account.id == account.id
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(elsewhere.token)
    with refused("access.sign_in_failed"):
        desk.sign_in()
    again = desk.sign_in(password=OTHER)
    assert desk.sessions.open_key(again.session, again.token).key == key.key


def test_a_one_time_password_opens_no_key_until_it_is_changed(desk: AccountDesk) -> None:
    account, password = desk.accounts.create("clerk-01", AccountKind.CLERK)
    assert password is not None
    signed_in = desk.sign_in(password=password.password)
    with refused("access.password_change_needed"):
        desk.sessions.open_key(signed_in.session, signed_in.token)
    desk.accounts.change_password(
        account.id, password.password, OTHER, keep_session=signed_in.session.id
    )
    session = desk.sessions.authenticate(signed_in.token)
    assert (
        str(desk.sessions.open_key(session, signed_in.token).address).lower() == account.key_address
    )


def test_a_password_is_not_changed_without_the_old_one_nor_to_a_bad_one(desk: AccountDesk) -> None:
    account = desk.person()
    with refused("accounts.password_wrong"):
        desk.accounts.change_password(account.id, OTHER, OTHER)
    with refused("accounts.password_weak"):
        desk.accounts.change_password(account.id, PASSWORD, "short")
    with refused("accounts.password_same"):
        desk.accounts.change_password(account.id, PASSWORD, PASSWORD)
    assert desk.sign_in().session.account.id == account.id


def test_the_old_password_cannot_be_guessed_by_changing_it(desk: AccountDesk) -> None:
    account = desk.person()
    for _ in range(5):
        with refused("accounts.password_wrong"):
            desk.accounts.change_password(account.id, "a wrong one", OTHER)
    with refused("access.locked"):
        desk.accounts.change_password(account.id, PASSWORD, OTHER)


def test_of_two_changes_at_once_one_wins_and_the_key_still_opens(desk: AccountDesk) -> None:
    account = desk.person()
    passwords = [f"{OTHER} {n}" for n in range(4)]

    def change(new: str) -> str:
        try:
            desk.accounts.change_password(account.id, PASSWORD, new)
        except YuanliuError as error:
            return error.code
        return "changed"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(change, passwords))
    assert outcomes.count("changed") == 1
    assert set(outcomes) <= {
        "changed",
        "accounts.changed_meanwhile",
        "accounts.password_wrong",
        "access.locked",
    }
    desk.clock.wait(3_600)
    signed_in = desk.sign_in(password=passwords[outcomes.index("changed")])
    desk.sessions.open_key(signed_in.session, signed_in.token)


def test_a_reset_gives_a_new_key_and_shuts_out_what_held_the_old(desk: AccountDesk) -> None:
    account = desk.person()
    signed_in = desk.sign_in()
    key = desk.sessions.open_key(signed_in.session, signed_in.token)
    _, token = desk.tokens.create(signed_in.session, key, label="scale", scopes=SCOPE_READ)
    reset = desk.accounts.reset(account.id)
    assert reset.old_key == account.key_address != reset.key
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(signed_in.token)
    with refused("access.token_revoked"):
        desk.tokens.authenticate(token)
    with refused("access.sign_in_failed"):
        desk.sign_in()
    again = desk.sign_in(password=reset.one_time.password)
    assert again.session.account.must_change_password
    assert again.session.account.key_address == reset.key


def test_a_shut_account_is_out_at_once_and_can_be_opened_again(desk: AccountDesk) -> None:
    account = desk.person()
    signed_in = desk.sign_in()
    assert desk.accounts.disable(account.id).disabled
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(signed_in.token)
    with refused("access.sign_in_failed"):
        desk.sign_in()
    desk.accounts.disable(account.id, disabled=False)
    desk.sign_in()


# ---------------------------------------------------------------------- keys that rotate


def test_a_prepared_key_is_kept_until_it_is_adopted(desk: AccountDesk) -> None:
    account = desk.person()
    old = account.key_address
    prepared = desk.accounts.prepare_key(account.id, PASSWORD)
    assert desk.accounts.prepare_key(account.id, PASSWORD).key == prepared.key
    with refused("accounts.password_wrong"):
        desk.accounts.prepare_key(account.id, OTHER)
    desk.accounts.change_password(account.id, PASSWORD, OTHER)  # it is encrypted anew, too
    signed_in = desk.sign_in(password=OTHER)
    assert str(desk.sessions.open_key(signed_in.session, signed_in.token).address).lower() == old
    adopted = desk.accounts.adopt_key(account.id)
    assert adopted.key_address == str(prepared.address).lower()
    assert adopted.next_key_address is None
    with refused("access.unauthenticated"):
        desk.sessions.authenticate(signed_in.token)
    again = desk.sign_in(password=OTHER)
    assert desk.sessions.open_key(again.session, again.token).key == prepared.key
    with refused("accounts.no_key_prepared"):
        desk.accounts.adopt_key(account.id)


# ---------------------------------------------------------------------- the first start


def test_the_operators_password_is_given_once(desk: AccountDesk) -> None:
    password = ensure_operator(desk.accounts)
    assert password is not None
    assert ensure_operator(desk.accounts) is None
    signed_in = desk.sign_in("operator", password.password)
    assert signed_in.session.account.kind is AccountKind.OPERATOR
    assert signed_in.session.account.must_change_password


def test_of_two_that_start_at_once_one_prints_the_password(desk: AccountDesk) -> None:
    with ThreadPoolExecutor(4) as pool:
        given = [p for p in pool.map(lambda _: ensure_operator(desk.accounts), range(4)) if p]
    assert len(given) == 1
    desk.sign_in("operator", given[0].password)


def test_everybody_of_the_demo_can_sign_in_on_a_devnet(tmp_path: Path) -> None:
    labelled = keys.devnet_accounts(settings().devnet_dir)
    with account_desk(in_folder(tmp_path), chain_id=DEVNET_CHAIN_ID) as desk:
        first = import_devnet_accounts(desk.engine, labelled, chain_id=DEVNET_CHAIN_ID)
        assert import_devnet_accounts(desk.engine, labelled, chain_id=DEVNET_CHAIN_ID) == first
        assert {s.kind for s in first} == set(AccountKind) - {AccountKind.OPERATOR}
        for sign_in in first:
            signed_in = desk.sign_in(sign_in.login, sign_in.password)
            key = desk.sessions.open_key(signed_in.session, signed_in.token)
            assert key.key == labelled[sign_in.login].key
        clerk = desk.accounts.find("clerk")
        assert clerk is not None
        assert clerk.party == str(labelled["cooperative"].address).lower()
        desk.accounts.refuse_public_secrets()


def test_public_secrets_are_refused_anywhere_else(tmp_path: Path) -> None:
    labelled = keys.devnet_accounts(settings().devnet_dir)
    assert {str(key.address).lower() for key in labelled.values()} <= keys.public_addresses()
    with account_desk(in_folder(tmp_path)) as desk:
        with refused("demo.not_devnet"):
            import_devnet_accounts(desk.engine, labelled, chain_id=OWN_CHAIN)
        with refused("accounts.key_public"):
            desk.accounts.create("clerk-01", AccountKind.CLERK, key=labelled["clerk"])
        with refused("accounts.password_weak"):
            desk.accounts.create("clerk-01", AccountKind.CLERK, password="yuanliu-demo-clerk")
        desk.accounts.refuse_public_secrets()
        import_devnet_accounts(
            desk.engine, labelled, chain_id=DEVNET_CHAIN_ID
        )  # as a copied file would have it
        with refused("accounts.key_public") as caught:
            desk.accounts.refuse_public_secrets()
        assert str(labelled["clerk"].address).lower() in str(caught.value.fields["keys"])


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(desk: AccountDesk) -> None:
    account = desk.person()
    with desk.engine.begin() as connection:
        older = Vault(Cost(memory=16, passes=1, scrypt=2)).hash_password(PASSWORD)
        connection.execute(ACCOUNT.update().values(password_hash=older))
    desk.sign_in(address=HOME)
    with desk.engine.connect() as connection:
        stored = connection.execute(
            select(ACCOUNT.c.password_hash).where(ACCOUNT.c.id == account.id)
        )
        assert "$m=8,t=1,p=1$" in stored.scalar_one()
    desk.sign_in()
