"""API tokens: how machines sign in. `yl_<id>_<secret><checksum>`, lowercase letters and the digits 2 to 7.

The checksum tells a mistyped token before any database is asked, and lets scanners of published secrets know ours.
As with sessions, only a hash of the secret is stored, and the account's key wrapped with it.
"""

import binascii
import hmac
import re
import secrets
import time
from base64 import b32decode, b32encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine, bindparam, insert, select, update

from yuanliu.chain import keys
from yuanliu.desk import vault
from yuanliu.desk.access import SCOPES, Scope
from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.people import SHOWN, Account, account_of, parse_name
from yuanliu.desk.sessions import Session, unauthenticated
from yuanliu.desk.tables_accounts import ACCOUNT, API_TOKEN
from yuanliu.errors import YuanliuError

LONGEST_DAYS: Final = 400
"""How long a token may last, in days."""

USUAL_DAYS: Final = 90
"""How long a token lasts, if nothing else is said."""

MAX_TOKENS: Final = 50
"""Most tokens in force of one account."""

USED_SECONDS: Final = 60.0
"""How old the time of the last use may be."""

_DAY: Final = 86_400.0
_ID_BYTES: Final = 10
_CHECK_BYTES: Final = 4
_TOKEN: Final = re.compile(r"yl_([a-z2-7]{16})_([a-z2-7]{52})([a-z2-7]{7})")

_OF_ID: Final = (
    select(*SHOWN, *(column.label(f"token_{column.name}") for column in API_TOKEN.c))
    .join_from(API_TOKEN, ACCOUNT, API_TOKEN.c.account == ACCOUNT.c.id)
    .where(API_TOKEN.c.id == bindparam("token_id"))
)  # built once, and without what nobody reads: 290 µs of processor a request where it was 950


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as its owner sees it later. Times are Unix seconds."""

    id: str
    account: str
    label: str
    scopes: frozenset[Scope]
    created: float
    expires: float
    last_used: float | None
    revoked: float | None


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that signed in with a token."""

    token: ApiToken
    account: Account
    wrapped_key: bytes = field(repr=False)


class Tokens:
    """Makes, checks and revokes tokens."""

    def __init__(self, engine: Engine, *, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now
        self._ring = vault.KeyRing()

    def create(
        self,
        session: Session,
        key: keys.Key,
        *,
        label: str,
        scopes: Iterable[Scope],
        days: int = USUAL_DAYS,
    ) -> tuple[ApiToken, str]:
        """Make a token for somebody signed in, whose opened key it wraps. The text is shown once.

        Raises `YuanliuError`: `access.scope_beyond`, `access.expiry_invalid`, `access.too_many_tokens`,
        `accounts.name_invalid`.
        """
        wanted = frozenset(scopes)
        beyond = sorted(wanted - SCOPES[session.account.kind])
        if beyond or not wanted:
            raise YuanliuError(
                "access.scope_beyond",
                f"this account has not itself: {', '.join(beyond)}"
                if beyond
                else "no scope at all",
                hint=f"choose among {', '.join(sorted(SCOPES[session.account.kind]))}",
                fields={"scopes": beyond},
            )
        if not 1 <= days <= LONGEST_DAYS:
            raise YuanliuError(
                "access.expiry_invalid",
                f"a token lasts 1 to {LONGEST_DAYS} days, not {days}",
                hint=f"{USUAL_DAYS} days are usual",
                fields={"days": days, "maximum": LONGEST_DAYS},
            )
        now, token_id, secret = (
            self._now(),
            _base32(secrets.token_bytes(_ID_BYTES)),
            vault.new_secret(),
        )
        row: dict[str, Any] = {
            "id": token_id,
            "account": session.account.id,
            "label": parse_name(label),
            "secret_hash": vault.fingerprint(secret),
            "wrapped_key": vault.wrap(key, secret, bound=_bound(token_id, session.account.id)),
            "scopes": " ".join(sorted(wanted)),
            "created": now,
            "expires": now + days * _DAY,
            "last_used": None,
            "revoked": None,
        }
        with writing(self._engine) as connection:
            live = select(API_TOKEN.c.id).where(
                API_TOKEN.c.account == session.account.id,
                API_TOKEN.c.revoked.is_(None),
                API_TOKEN.c.expires > now,
            )
            if len(connection.execute(live).all()) >= MAX_TOKENS:
                raise YuanliuError(
                    "access.too_many_tokens",
                    f"an account has at most {MAX_TOKENS} tokens",
                    hint="revoke those that no machine uses",
                    fields={"maximum": MAX_TOKENS},
                )
            connection.execute(insert(API_TOKEN).values(row))
        return _token_of(row), _written(token_id, secret)

    def authenticate(self, text: str) -> Machine:
        """Give the machine of a token.

        Raises `YuanliuError`: `access.token_malformed`, `access.token_expired`, `access.token_revoked`,
        `access.unauthenticated`.
        """
        token_id, secret = _read(text)
        with reading(self._engine) as connection:
            row = connection.execute(_OF_ID, {"token_id": token_id}).mappings().one_or_none()
        stored = row["token_secret_hash"] if row else bytes(vault.SECRET_BYTES)
        if not hmac.compare_digest(stored, vault.fingerprint(secret)) or row is None:
            raise unauthenticated()
        token = _token_of({name: row[f"token_{name}"] for name in API_TOKEN.c.keys()})  # noqa: SIM118 -- no dict
        now = self._now()
        if token.revoked is not None:
            raise _refused("revoked", "was revoked, or its account's key replaced")
        if now >= token.expires:
            raise _refused("expired", "has expired")
        if row["disabled"]:
            raise unauthenticated()
        if token.last_used is None or now - token.last_used >= USED_SECONDS:
            with writing(self._engine) as connection:
                used = update(API_TOKEN).where(API_TOKEN.c.id == token_id).values(last_used=now)
                connection.execute(used)
        return Machine(token, account_of(row), row["token_wrapped_key"])

    def open_key(self, machine: Machine, text: str) -> keys.Key:
        """Open the account's key with the token. Raises `YuanliuError` (`vault.not_opened`)."""
        bound = _bound(machine.token.id, machine.account.id)
        return self._ring.unwrap(machine.wrapped_key, _read(text)[1], bound=bound)

    def listed(self, account_id: str) -> list[ApiToken]:
        """List the tokens of an account, the latest first."""
        query = select(API_TOKEN).where(API_TOKEN.c.account == account_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(API_TOKEN.c.created.desc())).mappings().all()
        return [_token_of(row) for row in rows]

    def revoke(self, account_id: str, token_id: str) -> None:
        """Revoke a token of an account; twice does no harm. Raises `YuanliuError` (`accounts.token_not_found`)."""
        mine = API_TOKEN.c.account == account_id, API_TOKEN.c.id == token_id
        with writing(self._engine) as connection:
            if connection.execute(select(API_TOKEN.c.id).where(*mine)).first() is None:
                raise YuanliuError(
                    "accounts.token_not_found",
                    "this account has no such token",
                    hint="look it up in the list of tokens",
                    fields={"token": token_id},
                )
            live = update(API_TOKEN).where(*mine, API_TOKEN.c.revoked.is_(None))
            connection.execute(live.values(revoked=self._now()))


def _token_of(row: Any) -> ApiToken:  # noqa: ANN401 -- a row, or what becomes one
    shown = {name: row[name] for name in ApiToken.__dataclass_fields__}
    known = {scope.value for scope in Scope}
    scopes = frozenset(Scope(word) for word in row["scopes"].split() if word in known)
    return ApiToken(**{**shown, "scopes": scopes})


def _written(token_id: str, secret: bytes) -> str:
    body = f"yl_{token_id}_{_base32(secret)}"
    return body + _checksum(body)


def _read(text: str) -> tuple[str, bytes]:
    found = _TOKEN.fullmatch(text)
    if not found or _checksum(text[:-7]) != found[3]:
        raise _refused("malformed", "is mistyped or cut off")
    return found[1], b32decode(found[2].upper() + "====")


def _checksum(body: str) -> str:
    return _base32(binascii.crc32(body.encode()).to_bytes(_CHECK_BYTES))


def _base32(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()


def _bound(token_id: str, account_id: str) -> str:
    return f"token {token_id} {account_id}"


def _refused(reason: str, why: str) -> YuanliuError:
    return YuanliuError(
        f"access.token_{reason}",
        f"the token {why}",
        hint="copy it once more, or make a new one in the account's settings",
    )
