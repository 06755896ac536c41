"""Forgets what nobody needs any more, once an hour: old attempts to sign in, and requests that are long finished.

What a request did is on the chain for ever. What is forgotten here is that somebody asked for it, and under which
`Idempotency-Key`. Nothing is forgotten that is still under way, or in a block that the chain could take back.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, delete, or_, select

from yuanliu.desk import attempts
from yuanliu.desk.captures import CAPTURE
from yuanliu.desk.connecting import writing
from yuanliu.desk.dispatches import Course
from yuanliu.desk.intentions import LIVE
from yuanliu.desk.tables_outbox import ATTEMPT, DISPATCH, INTENTION
from yuanliu.errors import YuanliuError

EVERY_SECONDS: Final = 3_600.0
"""Time between two rounds, in seconds."""

AT_ONCE: Final = 500
"""Rows that one transaction deletes: clerks wait for it no longer than for another clerk."""

_DAY: Final = 86_400.0
_FIRST_SECONDS: Final = 60.0
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows of each kind a round deleted."""

    intentions: int
    dispatches: int
    captures: int


def run(engine: Engine, keep_days: int, stop: threading.Event) -> None:
    """Do a round each hour until `stop` is set, the first after a minute; whatever fails is tried in the next."""
    pause = _FIRST_SECONDS
    while not stop.wait(pause):
        pause = EVERY_SECONDS
        try:
            forget(engine, time.time(), keep_days)
        except YuanliuError as error:
            _log.warning("keeper: %s", error)


def forget(engine: Engine, now: float, keep_days: int) -> Forgotten:
    """Delete what is older than `keep_days` at the time `now` (Unix seconds). Two at once do no harm.

    Raises `DatabaseUnreachable`.
    """
    with writing(engine) as connection:
        attempts.prune(connection, now)
    before = now - keep_days * _DAY
    intentions = _all(lambda: _intentions(engine, before))
    dispatches = _all(lambda: _dispatches(engine, before))
    with writing(engine) as connection:
        old = CAPTURE.c.created < before
        kept = CAPTURE.c.id.in_(
            select(INTENTION.c.group_name).where(INTENTION.c.group_name.is_not(None))
        )
        captures = connection.execute(delete(CAPTURE).where(old, ~kept)).rowcount
    return Forgotten(intentions, dispatches, captures)


def _all(some: Callable[[], int]) -> int:
    """Delete until nothing more is deleted."""
    total = 0
    while deleted := some():
        total += deleted
    return total


def _intentions(engine: Engine, before: float) -> int:
    watched = select(DISPATCH.c.id).where(DISPATCH.c.state != str(Course.OVER))
    with writing(engine) as connection:
        over = select(INTENTION.c.id).where(
            INTENTION.c.state.not_in([str(state) for state in LIVE]),
            INTENTION.c.updated < before,
            or_(INTENTION.c.dispatch.is_(None), INTENTION.c.dispatch.not_in(watched)),
        )
        ids = list(connection.execute(over.limit(AT_ONCE)).scalars())
        connection.execute(delete(INTENTION).where(INTENTION.c.id.in_(ids)))
    return len(ids)


def _dispatches(engine: Engine, before: float) -> int:
    named = select(INTENTION.c.dispatch).where(INTENTION.c.dispatch == DISPATCH.c.id).exists()
    with writing(engine) as connection:
        over = select(DISPATCH.c.id).where(
            DISPATCH.c.state == str(Course.OVER), DISPATCH.c.created < before, ~named
        )
        ids = list(connection.execute(over.limit(AT_ONCE)).scalars())
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.dispatch.in_(ids)))
        connection.execute(delete(DISPATCH).where(DISPATCH.c.id.in_(ids)))
    return len(ids)
