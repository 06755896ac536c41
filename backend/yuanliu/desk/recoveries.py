"""Keys proposed for owners who lost theirs: each is kept beside the one in force until the chain says whose it is.

Whoever proposes a key need not be believed: its owner may have lost nothing, and must be able to sign in, see it and
cancel it. So password, key, sessions and tokens stay as they are. The new key waits, locked with a one-time password,
which opens nothing before that key is the actor's on the chain; the first sign-in with it then ends all that was.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, select, update

from yuanliu.chain import keys
from yuanliu.desk.accounts import NO_NEXT, NO_PROPOSAL, end_all, row_of
from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.passwords import OneTimePassword, one_time
from yuanliu.desk.people import AccountKind, changed_meanwhile
from yuanliu.desk.tables_accounts import ACCOUNT
from yuanliu.desk.vault import Vault
from yuanliu.errors import YuanliuError

_OWNER: Final = 2
"""`IActors.KeyLevel.Owner`."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A key that is to come in force, and the one-time password that opens it then."""

    key: keys.Key = field(repr=False)
    one_time: OneTimePassword


class Recoveries:
    """Keeps proposed keys. `read` asks the contract `Actors` a question about an address."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        read: Callable[[str, str], Any],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._read = read
        self._now = now

    def propose(self, account_id: str, *, one_time_password: str | None = None) -> Proposed:
        """Make and store a key that is to replace an owner's, in the place of one proposed before.

        Asked again with the same `one_time_password` (as `Accounts.create` takes it), it gives the same key. Raises
        `YuanliuError` (`accounts.unknown`, `accounts.password_same`, `accounts.changed_meanwhile`).
        """
        row = self._row(account_id)
        if row["proposed_key_address"] and self._in_force(row):
            self._adopt(row)  # it is the owner's now: replacing it unseen would shut him out
            row = self._row(account_id)
        given = one_time_password
        if given and self._vault.is_password(given, row["password_hash"]):
            raise YuanliuError(
                "accounts.password_same",
                "that password is in force already: it could not tell the new key from the old one",
                hint="make another one, by chance",
            )
        hashed = row["proposed_password_hash"]
        if given and hashed and self._vault.is_password(given, hashed):
            key = self._vault.unlock(row["proposed_keystore"], given)
            return Proposed(key, OneTimePassword(row["login"], given))
        key, password = keys.new_key(), given or one_time()
        proposal = {
            "proposed_key_address": str(key.address).lower(),
            "proposed_keystore": self._vault.lock(key, password),
            "proposed_password_hash": self._vault.hash_password(password),
        }
        if not self._change(row, proposal):
            raise changed_meanwhile()
        return Proposed(key, OneTimePassword(row["login"], password))

    def admit(self, row: RowMapping) -> None:
        """Put the proposed key of an account's row in the old one's place, if it is the owner's on the chain.

        Raises `YuanliuError`: `accounts.recovery_waiting`, `accounts.recovery_ready`, `accounts.recovery_cancelled`;
        and what reading the chain raises.
        """
        if self._in_force(row):
            self._adopt(row)
            return
        ready = self._ready_at(row)
        if not ready:
            raise YuanliuError(
                "accounts.recovery_cancelled",
                "the key that this password belongs to is not proposed on the chain: it was cancelled or replaced,"
                " or has not arrived there yet",
                hint="use the password that you had before, or ask whoever gave you this one",
            )
        moment = datetime.fromtimestamp(ready, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if ready <= self._now():
            raise YuanliuError(
                "accounts.recovery_ready",
                "the key that this password belongs to can come in force, and is not yet",
                hint="let the recovery be completed on the chain, then sign in again",
                fields={"actor": row["party"], "ready_at": moment},
                retryable=True,
            )
        raise YuanliuError(
            "accounts.recovery_waiting",
            f"this password opens nothing before {moment}: until then the actor can cancel the new key",
            hint="wait for that day; until then the password that was is in force",
            fields={"ready_at": moment},
        )

    def settle(self, party: str) -> None:
        """Follow the chain for an actor: adopt his proposed key if it is in force, drop it if it is proposed no more.

        Raises what reading the chain raises.
        """
        query = select(ACCOUNT).where(
            ACCOUNT.c.party == party.lower(),
            ACCOUNT.c.kind != str(AccountKind.CLERK),
            ACCOUNT.c.proposed_key_address.is_not(None),
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            if self._in_force(row):
                self._adopt(row)
            elif not self._ready_at(row):
                self._change(row, NO_PROPOSAL)

    # ------------------------------------------------------------------ parts

    def _in_force(self, row: RowMapping) -> bool:
        actor, level = self._read("keyOf", row["proposed_key_address"])
        return (str(actor).lower(), int(level)) == (row["party"], _OWNER)

    def _ready_at(self, row: RowMapping) -> int:
        """Ask from when the proposed key can come in force; 0 if the chain knows of no such proposal."""
        found = self._read("recoveryOf", row["party"])
        proposed = str(found["key"]).lower() == row["proposed_key_address"]
        return int(found["readyAt"]) if proposed else 0

    def _adopt(self, row: RowMapping) -> None:
        """Swap the keys, and end all sessions and tokens: they hold the old one. Done meanwhile is done."""
        adopted = {
            "key_address": row["proposed_key_address"],
            "keystore": row["proposed_keystore"],
            "password_hash": row["proposed_password_hash"],
            "must_change_password": True,
        }
        self._change(row, {**NO_NEXT, **NO_PROPOSAL, **adopted}, ends_all=True)

    def _change(self, row: RowMapping, values: dict[str, Any], *, ends_all: bool = False) -> bool:
        """Change a row whose keys are those that were looked at; tell whether they were."""
        same = (
            ACCOUNT.c.id == row["id"],
            ACCOUNT.c.key_address == row["key_address"],
            ACCOUNT.c.proposed_key_address.is_not_distinct_from(row["proposed_key_address"]),
        )
        with writing(self._engine) as connection:
            changed = connection.execute(update(ACCOUNT).where(*same).values(values)).rowcount
            if changed and ends_all:
                end_all(connection, row["id"], self._now())
        return bool(changed)

    def _row(self, account_id: str) -> RowMapping:
        with reading(self._engine) as connection:
            return row_of(connection, account_id)
