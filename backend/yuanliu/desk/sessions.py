"""Sessions: who is signed in. The account's key can be opened only while he is.

A token of 256 random bits is all that the browser holds. Of it only the SHA-256 is stored, and the account's key,
wrapped with it: a restart signs nobody out, any process of the service can serve him, and the database alone opens
nothing. Whoever does not come for 12 hours is signed out, everybody after 7 days.
"""

import hmac
import re
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, bindparam, delete, insert, select, update

from yuanliu.chain import keys
from yuanliu.desk import attempts, vault
from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.passwords import ONE_TIME, fold_login
from yuanliu.desk.people import SHOWN, Account, account_of
from yuanliu.desk.recoveries import Recoveries
from yuanliu.desk.tables_accounts import ACCOUNT, SESSION
from yuanliu.desk.vault import KeyRing, Vault, normalised
from yuanliu.errors import YuanliuError

IDLE_SECONDS: Final = 12 * 3_600.0
"""How long a session lasts without a request."""

LONGEST_SECONDS: Final = 7 * 86_400.0
"""How long a session lasts at most."""

SEEN_SECONDS: Final = 300.0
"""How old the time of the last request may be: noting each one would cost a write per request."""

_PRUNED_EVERY: Final = 100
_OF_TOKEN: Final = (
    select(
        *SHOWN,
        SESSION.c.id.label("session_id"),
        SESSION.c.wrapped_key,
        SESSION.c.created.label("session_created"),
        SESSION.c.seen,
    )
    .join_from(SESSION, ACCOUNT, SESSION.c.account == ACCOUNT.c.id)
    .where(SESSION.c.token_hash == bindparam("token_hash"))
)  # built once, and without what nobody reads: 290 µs of processor a request where it was 950
_ONE_TIME: Final = re.compile(ONE_TIME)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. Times are Unix seconds."""

    id: str
    account: Account
    created: float
    expires: float
    wrapped_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its token for the cookie, and the token that its forms carry."""

    session: Session
    token: str = field(repr=False)
    csrf: str = field(repr=False)


class Sessions:
    """Signs people in and out."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        recoveries: Recoveries,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._recoveries = recoveries
        self._now = now
        self._ring = KeyRing()

    def sign_in(self, login: str, password: str, address: str) -> SignedIn:
        """Open a session; `address` is the visitor's.

        Raises `YuanliuError`: `access.sign_in_failed` for an unknown login, a wrong password and a shut account
        alike; `access.locked`, `access.too_many_attempts`; as `Recoveries.admit` for a proposed key's password.
        """
        name, now = fold_login(login), self._now()
        attempt = attempts.begin(self._engine, name, address, now)
        row = self._account(name)
        right = self._vault.is_password(password, row["password_hash"] if row else None)
        if not right and _ONE_TIME.fullmatch(normalised(password)):
            row, right = self._recovered(row, password)
        if row is None or not right:
            raise _failed()
        if row["disabled"]:
            attempts.note_disabled(self._engine, attempt)
            raise _failed()
        key = self._vault.unlock(row["keystore"], password)
        changed: dict[str, Any] = {"last_sign_in": now}
        if self._vault.is_outdated(row["password_hash"]):
            changed["password_hash"] = self._vault.hash_password(password)
        secret = vault.new_secret()
        token = _text(secret)
        session_id = uuid.uuid4().hex
        new = {
            "id": session_id,
            "account": row["id"],
            "token_hash": vault.fingerprint(secret),
            "wrapped_key": vault.wrap(key, secret, bound=_bound(session_id, row["id"])),
            "created": now,
            "seen": now,
        }
        with writing(self._engine) as connection:
            # a password or key changed while this one was looked at, or an account shut, counts
            same = (
                ACCOUNT.c.id == row["id"],
                ACCOUNT.c.password_hash == row["password_hash"],
                ACCOUNT.c.key_address == row["key_address"],
                ACCOUNT.c.disabled.is_(False),
            )
            if not connection.execute(update(ACCOUNT).where(*same).values(changed)).rowcount:
                raise _failed()
            connection.execute(insert(SESSION).values(new))
            attempts.succeed(connection, attempt, name)
            if attempt % _PRUNED_EVERY == 0:
                attempts.prune(connection, now)
                connection.execute(delete(SESSION).where(_is_over(now)))
        account = account_of({**row, **changed})
        opened = Session(session_id, account, now, now + IDLE_SECONDS, new["wrapped_key"])
        return SignedIn(opened, token, csrf_of(token))

    def _recovered(self, row: RowMapping | None, password: str) -> tuple[RowMapping | None, bool]:
        """Let a proposed key's password open the account, if the chain put that key in force.

        It takes as long whether or not there is such an account, and a key proposed for it.
        """
        hashed = row["proposed_password_hash"] if row else None
        right = self._vault.is_password(password, hashed)
        if row is None or not right or row["disabled"]:
            return row, right
        self._recoveries.admit(row)
        row = self._account(row["login"])
        return row, row is not None and row["password_hash"] == hashed

    def _account(self, name: str) -> RowMapping | None:
        with reading(self._engine) as connection:
            query = select(ACCOUNT).where(ACCOUNT.c.login == name)
            return connection.execute(query).mappings().one_or_none()

    def authenticate(self, token: str) -> Session:
        """Give the session of a token.

        Raises `YuanliuError`: `access.unauthenticated`, `access.session_expired`.
        """
        secret = secret_of(token)
        with reading(self._engine) as connection:
            found = connection.execute(_OF_TOKEN, {"token_hash": vault.fingerprint(secret)})
            row = found.mappings().one_or_none()
        now = self._now()
        if row is None or row["disabled"]:
            raise unauthenticated()
        end = row["session_created"] + LONGEST_SECONDS
        if now >= min(row["seen"] + IDLE_SECONDS, end):
            raise _expired()
        if now - row["seen"] >= SEEN_SECONDS:
            with writing(self._engine) as connection:
                seen = update(SESSION).where(SESSION.c.id == row["session_id"]).values(seen=now)
                connection.execute(seen)
        expires = min(now + IDLE_SECONDS, end)
        return Session(
            row["session_id"], account_of(row), row["session_created"], expires, row["wrapped_key"]
        )

    def open_key(self, session: Session, token: str) -> keys.Key:
        """Open the account's key for a session with its token.

        Raises `YuanliuError`: `access.password_change_needed` while a one-time password is in force;
        `vault.not_opened`, `access.unauthenticated`.
        """
        if session.account.must_change_password:
            raise YuanliuError(
                "access.password_change_needed",
                "a one-time password is in force: nothing is signed before it is changed",
                hint="choose a password of your own first",
            )
        bound = _bound(session.id, session.account.id)
        return self._ring.unwrap(session.wrapped_key, secret_of(token), bound=bound)

    def sign_out(self, session_id: str) -> None:
        """End a session."""
        with writing(self._engine) as connection:
            connection.execute(delete(SESSION).where(SESSION.c.id == session_id))

    def sign_out_everywhere(self, account_id: str, *, keep_session: str = "") -> int:
        """End all sessions of an account but `keep_session`, and give how many there were."""
        mine = SESSION.c.account == account_id, SESSION.c.id != keep_session
        with writing(self._engine) as connection:
            return int(connection.execute(delete(SESSION).where(*mine)).rowcount)


def csrf_of(token: str) -> str:
    """Give the token that the forms of a session carry. It follows from the session's, and not the other way round."""
    return _text(vault.derive(secret_of(token), "csrf"))


def check_csrf(token: str, given: str) -> None:
    """Refuse a form of another session. Raises `YuanliuError` (`access.csrf`, `access.unauthenticated`)."""
    if not hmac.compare_digest(csrf_of(token).encode(), given.encode("utf-8", "replace")):
        raise YuanliuError(
            "access.csrf",
            "this form does not belong to your session",
            hint="load the page again, and submit it once more",
        )


def unauthenticated() -> YuanliuError:
    """Give the refusal of one who is not signed in."""
    return YuanliuError(
        "access.unauthenticated",
        "nobody is signed in with this",
        hint="sign in, or send a token: Authorization: Bearer yl_…",
    )


def _expired() -> YuanliuError:
    return YuanliuError(
        "access.session_expired",
        "this session has ended",
        hint="sign in again; nothing that was stored is lost",
    )


def _failed() -> YuanliuError:
    return YuanliuError(
        "access.sign_in_failed",
        "login and password do not belong together, or the account is shut",
        hint="check both, and capital letters; who forgot the password asks for a new one",
    )


def _is_over(now: float) -> Any:  # noqa: ANN401 -- a condition
    return (SESSION.c.seen <= now - IDLE_SECONDS) | (SESSION.c.created <= now - LONGEST_SECONDS)


def _bound(session_id: str, account_id: str) -> str:
    return f"session {session_id} {account_id}"


def _text(secret: bytes) -> str:
    return urlsafe_b64encode(secret).rstrip(b"=").decode()


def secret_of(token: str) -> bytes:
    """Read the secret out of a token. Raises `YuanliuError` (`access.unauthenticated`)."""
    if not _TOKEN.fullmatch(token):
        raise unauthenticated()
    return urlsafe_b64decode(token + "=")
