"""Reads the copy; what fails there becomes a refusal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from yuanliu.database import DatabaseUnreachable


@contextmanager
def reading(copy: Engine) -> Iterator[Connection]:
    """Open a transaction that sees the copy as it is at one moment. Raises `DatabaseUnreachable`."""
    try:
        with _opened(copy) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseUnreachable.of("of the copy", error) from error


def _opened(copy: Engine) -> Connection:
    options: dict[str, object] = {"reading": True}
    if copy.dialect.name == "postgresql":
        options["isolation_level"] = (
            "REPEATABLE READ"  # else each statement sees a moment of its own
        )
    return copy.connect().execution_options(**options)


class Readers:
    """Connections that stay open, one for each thread that reads: opening one takes as long as three questions."""

    def __init__(self, copy: Engine) -> None:
        self._copy = copy
        self._own = threading.local()
        self._all: list[Connection] = []
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See the copy as it is at one moment, as `reading` does. Raises `DatabaseUnreachable`."""
        try:
            connection = self._connection()
            try:
                yield connection
            finally:
                connection.rollback()
        except SQLAlchemyError as error:
            self._drop()
            raise DatabaseUnreachable.of("of the copy", error) from error

    def close(self) -> None:
        """Close them all; no thread may be reading."""
        with self._lock:
            while self._all:
                with suppress(SQLAlchemyError):
                    self._all.pop().close()

    def _connection(self) -> Connection:
        found: Connection | None = getattr(self._own, "connection", None)
        if found is None or found.closed:
            found = self._own.connection = _opened(self._copy)
            with self._lock:
                self._all.append(found)
        return found

    def _drop(self) -> None:
        """Forget the thread's connection: the next question opens another."""
        connection: Connection | None = self._own.__dict__.pop("connection", None)
        if connection is not None:
            with self._lock, suppress(ValueError):
                self._all.remove(connection)
            with suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment of the copy: while it is the same, nothing that is read there is different."""

    value: object


class Stamps:
    """Tells cheaply whether anything in the copy may have changed.

    SQLite counts the commits of all others, whoever they are and whatever they wrote: `now` asks it for that number,
    in 5 µs. Only one thread may do so. PostgreSQL counts nothing alike, so `now` knows nothing, and `of` gives the
    cursor, which every block and every rewind moves.
    """

    def __init__(self, copy: Engine) -> None:
        self._copy = copy
        self._counts = copy.dialect.name == "sqlite"
        self._connection: Any = None

    def now(self) -> Stamp | None:
        """Give the copy's moment; none if it has to be read from the copy (`of`), or cannot be."""
        if not self._counts:
            return None
        try:
            if self._connection is None:
                pooled = self._copy.raw_connection()
                self._connection = pooled.driver_connection
                pooled.detach()
            return Stamp(self._connection.execute(_COUNT).fetchone()[0])
        except (SQLAlchemyError, self._copy.dialect.loaded_dbapi.Error):
            self.close()
            return None

    def of(self, connection: Connection) -> Stamp | None:
        """Read the moment that an open connection sees; none before the copy is begun."""
        row = connection.execute(_CURSOR).first()
        return None if row is None else Stamp(tuple(row))

    def close(self) -> None:
        """Close the connection that counts."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._copy.dialect.loaded_dbapi.Error):
                connection.close()


_COUNT: Final = "PRAGMA data_version"
_CURSOR: Final = text("SELECT block, hash, events FROM cursor")
