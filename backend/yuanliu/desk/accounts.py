"""Accounts: who may sign in, for which actor, with a key of his own that only his password opens.

An administrator can disable an account and give it a new password, but not its old key: nobody but the owner of the
password can open it. A reset therefore makes a new key, with which nothing can be signed before it is brought in on
the chain: a clerk's by dismissing the old one and appointing the new. Any other actor's new key waits for 7 days beside
the old one (`yuanliu.desk.recoveries`). Whoever still knows his password rotates instead: `prepare_key`,
`Actors.rotateKey`, `adopt_key`; the new key is stored before the chain hears of it: a crash in between loses nothing.
"""

import re
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from yuanliu import hexes
from yuanliu.chain import keys
from yuanliu.chain.launch import DEVNET_CHAIN_ID
from yuanliu.desk import attempts
from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.passwords import (
    OneTimePassword,
    check_password,
    fold_login,
    one_time,
    parse_login,
)
from yuanliu.desk.people import Account, AccountKind, account_of, changed_meanwhile, parse_name
from yuanliu.desk.tables_accounts import ACCOUNT, API_TOKEN, SESSION
from yuanliu.desk.vault import Vault
from yuanliu.errors import YuanliuError

NO_NEXT: Final = {"next_key_address": None, "next_keystore": None}
NO_PROPOSAL: Final = dict.fromkeys(
    ("proposed_key_address", "proposed_keystore", "proposed_password_hash")
)
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Reset:
    """A new password and a new key. `old_key` can sign no more for lack of a password; `key` must come in its place."""

    one_time: OneTimePassword
    old_key: str
    key: str


class Accounts:
    """Makes and changes accounts. `chain_id` says whether the devnet's public secrets are allowed."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        *,
        chain_id: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._devnet = chain_id == DEVNET_CHAIN_ID
        self._now = now

    # ------------------------------------------------------------------ reading

    def get(self, account_id: str) -> Account:
        """Give an account. Raises `YuanliuError` (`accounts.unknown`)."""
        with reading(self._engine) as connection:
            return account_of(row_of(connection, account_id))

    def find(self, login: str) -> Account | None:
        """Give the account of a login, or None."""
        query = select(ACCOUNT).where(ACCOUNT.c.login == fold_login(login))
        with reading(self._engine) as connection:
            found = connection.execute(query).mappings().one_or_none()
        return account_of(found) if found else None

    def listed(
        self,
        *,
        manager: str | None = None,
        kinds: Collection[AccountKind] | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Account]:
        """List accounts by login, those that one actor made or all, of some kinds or all, after a login."""
        query = (
            select(ACCOUNT).where(ACCOUNT.c.login > after).order_by(ACCOUNT.c.login).limit(limit)
        )
        if manager is not None:
            query = query.where(ACCOUNT.c.manager == manager.lower())
        if kinds is not None:
            query = query.where(ACCOUNT.c.kind.in_([str(kind) for kind in kinds]))
        with reading(self._engine) as connection:
            return [account_of(row) for row in connection.execute(query).mappings()]

    def names(self, parties: Sequence[str]) -> dict[str, str]:
        """Give the names to show of actors, by address; a clerk's is not that of his cooperative."""
        query = select(ACCOUNT.c.party, ACCOUNT.c.display_name).where(
            ACCOUNT.c.party.in_(parties), ACCOUNT.c.kind != str(AccountKind.CLERK)
        )
        with reading(self._engine) as connection:
            return {str(party): str(name) for party, name in connection.execute(query)}

    # ------------------------------------------------------------------ making

    def create(
        self,
        login: str,
        kind: AccountKind,
        *,
        display_name: str = "",
        party: str | None = None,
        manager: str | None = None,
        key: keys.Key | None = None,
        password: str | None = None,
        one_time_password: str | None = None,
    ) -> tuple[Account, OneTimePassword | None]:
        """Make an account with a new key (or `key`) and a one-time password (or `password`).

        `one_time_password` is one that `passwords.one_time` could have made; who gives it can ask again (`begun`).

        Raises `YuanliuError`: `accounts.login_invalid`, `accounts.login_taken`, `accounts.name_invalid`,
        `accounts.key_taken`, `accounts.key_public`, `accounts.password_weak`; and `HexError` for a party that is no
        address.
        """
        name = parse_login(login)
        if password is not None:
            check_password(password, name, devnet=self._devnet)
        given = password or one_time_password or one_time()
        key = key or keys.new_key()
        address = str(key.address).lower()
        self._refuse_public([address])
        row: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "login": name,
            "display_name": parse_name(display_name or name),
            "kind": str(kind),
            "party": None if party is None else hexes.address_text(hexes.address_bytes(party)),
            "manager": None if manager is None else manager.lower(),
            "key_address": address,
            "keystore": self._vault.lock(key, given),
            **NO_NEXT,
            **NO_PROPOSAL,
            "password_hash": self._vault.hash_password(given),
            "must_change_password": password is None,
            "disabled": False,
            "created": self._now(),
            "last_sign_in": None,
        }
        self._insert(row)
        return account_of(row), None if password else OneTimePassword(name, given)

    def begun(
        self, login: str, kind: AccountKind, *, manager: str, password: str
    ) -> tuple[Account, keys.Key] | None:
        """Give an account that `manager` made with this one-time password, still in force, and its key; or None.

        So whoever lost the answer to `create` can go on where it ended.
        """
        query = select(ACCOUNT).where(ACCOUNT.c.login == fold_login(login))
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None or (row["kind"], row["manager"]) != (str(kind), manager.lower()):
            return None
        if not row["must_change_password"] or row["disabled"]:
            return None
        if not self._vault.is_password(password, row["password_hash"]):
            return None
        return account_of(row), self._vault.unlock(row["keystore"], password)

    def _insert(self, row: dict[str, Any]) -> None:
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(ACCOUNT).values(row))
        except IntegrityError as error:
            with reading(self._engine) as connection:
                query = select(ACCOUNT.c.id).where(ACCOUNT.c.login == row["login"])
                is_login = connection.execute(query).first() is not None
            what = ("login", row["login"]) if is_login else ("key", row["key_address"])
            raise YuanliuError(
                f"accounts.{what[0]}_taken",
                f"there is an account with this {what[0]} already: {what[1]}",
                hint="choose another one",
                fields={what[0]: what[1]},
            ) from error

    # ------------------------------------------------------------------ changing

    def describe(
        self, account_id: str, *, display_name: str | None = None, party: str | None = None
    ) -> Account:
        """Change the name to show, or the actor that it acts for. Raises as `create`, and `accounts.unknown`."""
        values: dict[str, Any] = {}
        if display_name is not None:
            values["display_name"] = parse_name(display_name)
        if party is not None:
            values["party"] = hexes.address_text(hexes.address_bytes(party))
        with writing(self._engine) as connection:
            if values:
                connection.execute(_change(account_id).values(values))
            return account_of(row_of(connection, account_id))

    def disable(self, account_id: str, *, disabled: bool = True) -> Account:
        """Shut an account, and end its sessions; or open it again. Its tokens rest while it is shut."""
        with writing(self._engine) as connection:
            connection.execute(_change(account_id).values(disabled=disabled))
            if disabled:
                connection.execute(delete(SESSION).where(SESSION.c.account == account_id))
            return account_of(row_of(connection, account_id))

    def change_password(
        self, account_id: str, old: str, new: str, *, keep_session: str | None = None
    ) -> None:
        """Change the password, and encrypt the key with it. Ends all sessions but `keep_session`; tokens stay.

        Raises `YuanliuError`: `accounts.password_wrong`, `accounts.password_weak`, `accounts.password_same`,
        `accounts.unknown`, `access.locked`.
        """
        with reading(self._engine) as connection:
            row = row_of(connection, account_id)
        self._require_password(row, old)
        check_password(new, row["login"], devnet=self._devnet)
        if self._vault.is_password(new, row["password_hash"]):
            raise YuanliuError(
                "accounts.password_same",
                "that is the old password",
                hint="choose another one: the old one may be known to somebody",
            )
        changed = {
            "keystore": self._locked_anew(row["keystore"], old, new),
            "next_keystore": self._locked_anew(row["next_keystore"], old, new),
            "password_hash": self._vault.hash_password(new),
            "must_change_password": False,
        }
        with writing(self._engine) as connection:
            was = ACCOUNT.c.password_hash == row["password_hash"]
            if not connection.execute(_change(account_id).where(was).values(changed)).rowcount:
                raise changed_meanwhile()
            connection.execute(
                delete(SESSION).where(
                    SESSION.c.account == account_id, SESSION.c.id != (keep_session or "")
                )
            )

    def reset(self, account_id: str, *, one_time_password: str | None = None) -> Reset:
        """Give a new one-time password (as `create` takes it), and a new key: only its owner can open the old one.

        Ends all sessions and tokens. The new key signs nothing before it is brought in on the chain (see the head of
        this module). Raises `YuanliuError` (`accounts.unknown`).
        """
        key, password = keys.new_key(), one_time_password or one_time()
        address = str(key.address).lower()
        changed = {
            "key_address": address,
            "keystore": self._vault.lock(key, password),
            **NO_NEXT,
            **NO_PROPOSAL,
            "password_hash": self._vault.hash_password(password),
            "must_change_password": True,
        }
        with writing(self._engine) as connection:
            before = row_of(connection, account_id, lock=True)
            connection.execute(_change(account_id).values(changed))
            end_all(connection, account_id, self._now())
        return Reset(OneTimePassword(before["login"], password), before["key_address"], address)

    # ------------------------------------------------------------------ rotating the key

    def prepare_key(self, account_id: str, password: str) -> keys.Key:
        """Make and store the key that is to replace this one, and give it to sign its consent.

        Asked again before `adopt_key`, it gives the same key. Raises `YuanliuError` (`accounts.password_wrong`,
        `accounts.unknown`).
        """
        with reading(self._engine) as connection:
            row = row_of(connection, account_id)
        self._require_password(row, password)
        if row["next_keystore"]:
            return self._vault.unlock(row["next_keystore"], password)
        key = keys.new_key()
        changed = {
            "next_key_address": str(key.address).lower(),
            "next_keystore": self._vault.lock(key, password),
        }
        none_yet = (
            ACCOUNT.c.next_keystore.is_(None),
            ACCOUNT.c.password_hash == row["password_hash"],
        )
        with writing(self._engine) as connection:
            if not connection.execute(
                _change(account_id).where(*none_yet).values(changed)
            ).rowcount:
                raise changed_meanwhile()
        return key

    def adopt_key(self, account_id: str) -> Account:
        """Put the prepared key in the old one's place, once the chain did.

        Ends all sessions and tokens: they hold the old one. Raises `YuanliuError`: `accounts.no_key_prepared`,
        `accounts.unknown`.
        """
        with writing(self._engine) as connection:
            row = row_of(connection, account_id, lock=True)
            if row["next_keystore"] is None:
                raise YuanliuError(
                    "accounts.no_key_prepared",
                    "there is no new key to put in place",
                    hint="prepare one, and let it be bound on the chain first",
                )
            changed = {
                "key_address": row["next_key_address"],
                "keystore": row["next_keystore"],
                **NO_NEXT,
            }
            connection.execute(_change(account_id).values(changed))
            end_all(connection, account_id, self._now())
            return account_of(row_of(connection, account_id))

    # ------------------------------------------------------------------ secrets that everybody knows

    def refuse_public_secrets(self) -> None:
        """Refuse to run with accounts that hold one of the devnet's keys anywhere but on a devnet.

        Raises `YuanliuError` (`accounts.key_public`), naming the logins.
        """
        query = select(ACCOUNT.c.key_address, ACCOUNT.c.next_key_address, ACCOUNT.c.login)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        self._refuse_public([address for row in rows for address in row[:2] if address])

    def _refuse_public(self, addresses: Sequence[str]) -> None:
        known = [] if self._devnet else sorted(keys.public_addresses().intersection(addresses))
        if known:
            raise YuanliuError(
                "accounts.key_public",
                f"everybody knows the private key of {', '.join(known)}: it is one of the devnet's",
                hint="use keys of your own; begin with an empty desk database, or reset these accounts",
                fields={"keys": known},
            )

    # ------------------------------------------------------------------ parts

    def _require_password(self, row: RowMapping, password: str) -> None:
        """Check the password once more; wrong ones count as failed sign-ins do."""
        attempt = attempts.begin(self._engine, row["login"], "", self._now())
        if not self._vault.is_password(password, row["password_hash"]):
            raise YuanliuError(
                "accounts.password_wrong",
                "that is not the password in force",
                hint="enter the password that you signed in with",
            )
        with writing(self._engine) as connection:
            attempts.succeed(connection, attempt, row["login"], attempts.Outcome.CONFIRMED)

    def _locked_anew(self, keystore: str | None, old: str, new: str) -> str | None:
        return (
            None if keystore is None else self._vault.lock(self._vault.unlock(keystore, old), new)
        )


def end_all(connection: Connection, account_id: str, now: float) -> None:
    """End all sessions and tokens of an account."""
    connection.execute(delete(SESSION).where(SESSION.c.account == account_id))
    revoked = update(API_TOKEN).where(
        API_TOKEN.c.account == account_id, API_TOKEN.c.revoked.is_(None)
    )
    connection.execute(revoked.values(revoked=now))


def row_of(connection: Connection, account_id: str, *, lock: bool = False) -> RowMapping:
    """Give an account's row. Raises `YuanliuError` (`accounts.unknown`)."""
    query = select(ACCOUNT).where(ACCOUNT.c.id == account_id)
    query = query.with_for_update() if lock else query
    known = _ID.fullmatch(account_id)
    found = connection.execute(query).mappings().one_or_none() if known else None
    if found is None:
        raise YuanliuError(
            "accounts.unknown",
            "there is no such account",
            hint="look it up in the list of accounts",
            fields={"account": account_id},
        )
    return found


def _change(account_id: str) -> Any:  # noqa: ANN401 -- an UPDATE to be completed
    return update(ACCOUNT).where(ACCOUNT.c.id == account_id)
