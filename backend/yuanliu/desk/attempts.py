"""Attempts to sign in: each is counted before the password is looked at, so that many at once help nobody.

A login is locked after five failures, whether or not it exists: the lock tells nothing about who has an account. The
lock lasts one minute, and twice as long after each further failure, an hour at most. All of the service's processes
share what is counted here. Six sign-ins of one login at the same instant lock it, too, even with the right password:
machines use tokens.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from yuanliu.desk.connecting import reading, writing
from yuanliu.desk.tables_accounts import LOCKOUT, SIGN_IN
from yuanliu.errors import YuanliuError

FAILURES: Final = 5
"""Failures after which a login is locked."""

FIRST_LOCK: Final = 60.0
"""How long the first lock lasts, in seconds."""

LONGEST_LOCK: Final = 3_600.0
"""How long a lock lasts at most, in seconds."""

FORGOTTEN_AFTER: Final = 86_400.0
"""Seconds without a failure after which a login's count begins anew."""

PER_NETWORK: Final = 50
"""Failures from one network within `WINDOW`: a village may share one address, a guesser needs many more."""

WINDOW: Final = 600.0
"""The window that slides, in seconds."""

KEPT: Final = 180 * 86_400.0
"""How long attempts stay on the record, in seconds."""

_IPV4_PREFIX: Final = 24
_IPV6_PREFIX: Final = 48
_MAX_DOUBLINGS: Final = 10


class Outcome(StrEnum):
    """How an attempt ended."""

    REFUSED = "refused"
    OK = "ok"
    CONFIRMED = "confirmed"
    """Somebody signed in gave his password once more, to change something."""
    LOCKED = "locked"
    TOO_MANY = "too_many"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt on the record."""

    id: int
    time: float
    login: str
    address: str
    outcome: Outcome


def network(address: str) -> str:
    """Cut an address to its network, /24 or /48: enough to tell where from, not who."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = mapped or found
    prefix = _IPV4_PREFIX if isinstance(found, ipaddress.IPv4Address) else _IPV6_PREFIX
    return str(ipaddress.ip_network((found, prefix), strict=False).network_address)


def begin(engine: Engine, login: str, address: str, now: float) -> int:
    """Count an attempt as a failure until it proves otherwise, and give its number.

    Raises `YuanliuError`, both retryable with `retry_after` in seconds: `access.locked`, `access.too_many_attempts`.
    """
    refusal: YuanliuError | None
    with writing(engine) as connection:
        recent = select(func.count(), func.min(SIGN_IN.c.time)).where(
            SIGN_IN.c.address == network(address),
            SIGN_IN.c.time > now - WINDOW,
            SIGN_IN.c.outcome == str(Outcome.REFUSED),
        )
        count, oldest = connection.execute(recent).one()
        outcome, refusal = Outcome.REFUSED, None
        if count >= PER_NETWORK:
            outcome, refusal = Outcome.TOO_MANY, _too_many(oldest + WINDOW - now)
        elif until := _reserve(connection, login, now):
            outcome, refusal = Outcome.LOCKED, _locked(until - now)
        row = {"time": now, "login": login, "address": network(address), "outcome": str(outcome)}
        added = connection.execute(insert(SIGN_IN).values(row).returning(SIGN_IN.c.id)).scalar_one()
    if refusal:
        raise refusal
    return int(added)


def _reserve(connection: Connection, login: str, now: float) -> float:
    """Count one failure more and set the lock that it brings; if the login is locked already, give until when."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(LOCKOUT).values(login=login, failures=0, last=now, until=0.0)
    connection.execute(fresh.on_conflict_do_nothing())
    query = select(LOCKOUT).where(LOCKOUT.c.login == login).with_for_update()
    row = connection.execute(query).mappings().one()
    if row["until"] > now:
        return float(row["until"])
    failures = 1 if now - row["last"] > FORGOTTEN_AFTER else row["failures"] + 1
    over = failures - FAILURES
    lock = min(FIRST_LOCK * 2 ** min(over, _MAX_DOUBLINGS), LONGEST_LOCK) if over >= 0 else 0.0
    changed = update(LOCKOUT).where(LOCKOUT.c.login == login)
    connection.execute(changed.values(failures=failures, last=now, until=now + lock if lock else 0))
    return 0.0


def succeed(
    connection: Connection, attempt: int, login: str, outcome: Outcome = Outcome.OK
) -> None:
    """Note that an attempt was good; the login's failures are forgotten."""
    _note(connection, attempt, outcome)
    connection.execute(delete(LOCKOUT).where(LOCKOUT.c.login == login))


def note_disabled(engine: Engine, attempt: int) -> None:
    """Note that the password was right, but the account is shut."""
    with writing(engine) as connection:
        _note(connection, attempt, Outcome.DISABLED)


def _note(connection: Connection, attempt: int, outcome: Outcome) -> None:
    noted = update(SIGN_IN).where(SIGN_IN.c.id == attempt).values(outcome=str(outcome))
    connection.execute(noted)


def listed(engine: Engine, *, login: str | None = None, limit: int = 100) -> list[Attempt]:
    """List attempts, the latest first, of one login or all."""
    query = select(SIGN_IN).order_by(SIGN_IN.c.id.desc()).limit(limit)
    query = query if login is None else query.where(SIGN_IN.c.login == login)
    with reading(engine) as connection:
        rows = connection.execute(query).mappings().all()
    return [Attempt(**{**row, "outcome": Outcome(row["outcome"])}) for row in rows]


def unlock(engine: Engine, login: str) -> None:
    """End a login's lock."""
    with writing(engine) as connection:
        connection.execute(delete(LOCKOUT).where(LOCKOUT.c.login == login))


def prune(connection: Connection, now: float) -> None:
    """Forget what is old: attempts after half a year, counts of failures after a day without one."""
    connection.execute(delete(SIGN_IN).where(SIGN_IN.c.time < now - KEPT))
    connection.execute(delete(LOCKOUT).where(LOCKOUT.c.last < now - FORGOTTEN_AFTER))


def _locked(seconds: float) -> YuanliuError:
    return _later("access.locked", "too many wrong passwords for this login", seconds)


def _too_many(seconds: float) -> YuanliuError:
    return _later("access.too_many_attempts", "too many wrong passwords from this network", seconds)


def _later(code: str, message: str, seconds: float) -> YuanliuError:
    wait = max(1, round(seconds))
    return YuanliuError(
        code,
        f"{message}; try again in {wait} seconds",
        hint="wait, then enter the password with care; who forgot it asks for a new one",
        fields={"retry_after": wait},
        retryable=True,
    )
