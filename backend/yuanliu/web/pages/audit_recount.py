"""Works out every payment again, some at each visit: however many there are, nobody waits for all of them.

A round begins anew when it is ten minutes old, so that what was changed behind the service's back is found, and when
the chain went back.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary

from yuanliu.database import Connection, Engine
from yuanliu.index.queries import sql
from yuanliu.index.queries.audit import Audited, audited_since
from yuanliu.index.reading import reading

AT_ONCE: Final = 2_000
"""Payments of one visit: 40 µs each."""

ROUND_SECONDS: Final = 600.0
MOST: Final = 1_000
"""Most mismatches that are kept."""


@dataclass(frozen=True, slots=True)
class Recount:
    """How far it is: `checked` payments of `of`, and those that do not match, of this round and the one before."""

    checked: int = 0
    of: int = 0
    mismatches: tuple[Audited, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all payments were worked out."""
        return self.checked >= self.of


class Recounting:
    """One round after the other. Safe to use from many threads: one of them works, the others take what is known."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._known = Recount()
        self._before: tuple[Audited, ...] = ()
        self._begin()

    def _begin(self) -> None:
        self._begun = self._clock()
        self._place, self._block, self._checked = -1, b"", 0
        self._found: list[Audited] = []

    def go_on(self, at_once: int = AT_ONCE) -> Recount:
        """Work out some more, and tell how far it is."""
        if not self._lock.acquire(blocking=False):
            return self._known
        try:
            with reading(self._engine) as db:
                if self._is_over(db):
                    self._begin()
                rows = audited_since(db, self._place, at_once)
                self._checked += len(rows)
                self._found += [each for each in rows if not each.matches]
                del self._found[MOST:]
                if rows:
                    self._place = rows[-1].payment.place
                    self._block = _hash_of(db, rows[-1].payment.block)
                count = int(sql.rows(db, "SELECT COUNT(*) FROM sale")[0][0])
            if len(rows) < at_once:
                count = self._checked
                self._before = tuple(self._found)
            seen = {each.payment.place: each for each in (*self._before, *self._found)}
            self._known = Recount(
                self._checked, count, tuple(seen[place] for place in sorted(seen))
            )
            return replace(self._known)
        finally:
            self._lock.release()

    def _is_over(self, db: Connection) -> bool:
        if self._clock() - self._begun >= ROUND_SECONDS:
            return True
        if not self._block:
            return False
        return _hash_of(db, sql.block_of(self._place)) != self._block


def _hash_of(db: Connection, number: int) -> bytes:
    row = sql.first(db, "SELECT hash FROM block WHERE number = :number", number=number)
    return b"" if row is None else bytes(row.hash)


_KEPT: Final[WeakKeyDictionary[Engine, Recounting]] = WeakKeyDictionary()
_MAKING: Final = threading.Lock()


def recount(engine: Engine) -> Recount:
    """Go on with the round of this copy."""
    with _MAKING:
        if engine not in _KEPT:
            _KEPT[engine] = Recounting(engine)
    return _KEPT[engine].go_on()
