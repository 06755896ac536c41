"""Opens the databases, and sees to it that one process leads."""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

BUSY_SECONDS: Final = 10.0
"""How long a statement waits for another writer before it fails."""

SQLITE_CACHE: Final = -2_048
"""Size of a connection's cache, as SQLite takes it: negative in KiB."""

_SCHEMES: Final = ("postgresql", "postgres")


class Family(StrEnum):
    """Which tables. The value names the file, and the schema."""

    COPY = "copy"
    """What the chain says; the follower is the only writer, and may delete it."""
    DESK = "desk"
    """What only we know: accounts, intentions, attachments."""


class DatabaseUnreachable(YuanliuError):
    """The database does not answer, or its folder cannot be written."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            "database.unreachable",
            f"the database {where} does not answer: {reason}",
            hint="is the server running, the folder writable, the disk full? See YUANLIU_DATABASE_URL",
            fields={"database": where},
            retryable=True,
            exit_code=2,
        )

    @classmethod
    def of(cls, where: str, error: Exception) -> Self:
        """Say it with the first line of what the driver said."""
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return cls(where, reason)


class DatabaseBusy(YuanliuError):
    """Another process does what only one may do at a time."""

    def __init__(self, task: str) -> None:
        super().__init__(
            "database.busy",
            f"another process is the {task}",
            hint="stop it first, or leave the work to it",
            fields={"task": task},
            retryable=True,
            exit_code=2,
        )


def open_database(config: Settings, family: Family) -> Engine:
    """Open one family's database; SQLite makes the file.

    Raises `DatabaseUnreachable`, `YuanliuError` (`database.url_invalid`).
    """
    if config.database_url is None:
        return _sqlite(config.data_dir / f"{family}.db")
    return _postgresql(config.database_url.get_secret_value(), f"{config.database_schema}_{family}")


def _sqlite(path: Path) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnreachable(str(path), str(error)) from error
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=16,
        max_overflow=32,
        pool_use_lifo=True,  # each connection has a cache of its own: let few be warm, not sixteen
    )

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _: object) -> None:  # noqa: ANN401 -- the driver's own
        connection.isolation_level = None  # the driver would begin transactions too late
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # A kill loses nothing with NORMAL; a power cut could lose the desk's last commits, so that one waits.
        cursor.execute(f"PRAGMA synchronous={'FULL' if path.stem == Family.DESK else 'NORMAL'}")
        # The system keeps the file's pages anyway. A cache is there once for each connection, and what is mapped (here
        # it is not) counts as the service's memory.
        cursor.execute(f"PRAGMA cache_size={SQLITE_CACHE}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:  # noqa: ANN401 -- SQLAlchemy's own
        reading = connection.get_execution_options().get("reading", False)
        driver = connection.connection.driver_connection
        try:  # by the driver itself: 5 µs, where SQLAlchemy's way takes 60
            driver.execute("BEGIN" if reading else "BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise OperationalError("BEGIN", None, error) from error

    _require(engine, str(path))
    return engine


def _postgresql(url: str, schema: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _url_invalid() from error
    if parsed.drivername.partition("+")[0] not in _SCHEMES:
        raise _url_invalid()
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={
            "options": f"-csearch_path={schema}",
            "connect_timeout": int(BUSY_SECONDS),
        },
        pool_size=16,
        max_overflow=32,
        pool_pre_ping=True,
    )
    where = parsed.render_as_string(hide_password=True)
    _require(engine, where)
    with engine.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    return engine


def _require(engine: Engine, where: str) -> None:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except (OperationalError, OSError) as error:
        engine.dispose()
        raise DatabaseUnreachable.of(where, error) from error


def _url_invalid() -> YuanliuError:
    return YuanliuError(
        "database.url_invalid",
        "YUANLIU_DATABASE_URL is no address of a PostgreSQL database",
        hint="write postgresql://user:password@host:5432/name, or leave it empty for SQLite",
    )


# ---------------------------------------------------------------------- one leader


Held = Callable[[], bool]
"""Tells whether a lock is still held."""


@contextmanager
def leader(config: Settings, task: str) -> Iterator[Held]:
    """Hold the lock of `task` (`follower`, `relayer`): one process at a time; it ends with the process.

    SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock, which goes with its connection: ask now
    and then whether it is still held. Raises `DatabaseBusy`, `DatabaseUnreachable`.
    """
    if config.database_url is None:
        with _file_lock(config.data_dir / f"{task}.lock", task):
            yield lambda: True
    else:
        with _advisory_lock(config, task) as held:
            yield held


@contextmanager
def _file_lock(path: Path, task: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatabaseBusy(task) from error
        yield
    finally:
        os.close(handle)


@contextmanager
def _advisory_lock(config: Settings, task: str) -> Iterator[Held]:
    engine = open_database(config, Family.DESK)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = f"{config.database_schema}.{task}"
            question = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
            if not connection.execute(question, {"name": name}).scalar():
                raise DatabaseBusy(task)

            def held() -> bool:
                try:
                    connection.execute(text("SELECT 1"))
                except SQLAlchemyError:
                    return False
                return True

            yield held
    except SQLAlchemyError as error:
        raise DatabaseUnreachable.of("PostgreSQL", error) from error
    finally:
        engine.dispose()
