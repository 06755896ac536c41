"""The copy anew from the chain alone: built beside, then put in its place in one step; and whether both are equal."""

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Boolean, Connection, Engine, Integer, Table, cast, select, text
from sqlalchemy.exc import SQLAlchemyError

from yuanliu.chain.deployment import Deployment
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, leader, open_database, require_current, upgrade
from yuanliu.errors import YuanliuError
from yuanliu.index import tables
from yuanliu.index.follower import Follower, FollowerStatus, Progress
from yuanliu.index.reading import reading
from yuanliu.index.store import Cursor, Store, StoreBusy
from yuanliu.settings import Settings

TASK: Final = "rebuild"
"""Name of the lock: one rebuild at a time."""

_AT_ONCE: Final = 5_000
_LOCK_SECONDS: Final = 10
_TRIES: Final = 30


@dataclass(frozen=True, slots=True)
class Comparison:
    """The block up to which the copy was built anew, and how many tables were compared."""

    block: int
    tables: int


def rebuild(
    config: Settings,
    deployment: Deployment,
    *,
    to_block: int | None = None,
    progress: Progress = lambda _: None,
) -> FollowerStatus:
    """Build the copy anew up to the chain's head, or to `to_block`, and put it in the place of the present one.

    The present one is read until then. Raises `DatabaseBusy` while a follower runs, and what `Follower.catch_up`
    raises; then the present copy stays as it is.
    """
    with leader(config, "follower"), _beside(config) as side:
        done = _build(config, side, deployment, to_block, progress)
        _swap(config, side)
    return done


def compare(
    config: Settings, deployment: Deployment, *, progress: Progress = lambda _: None
) -> Comparison:
    """Build the copy anew up to where the present one stands, and compare all tables. A follower may go on.

    Raises `YuanliuError`: `index.differs`, whose field `tables` names them, `index.empty`, `index.moved` if the chain
    took back blocks meanwhile, and as `rebuild`.
    """
    engine = open_database(config, Family.COPY)
    try:
        require_current(engine, Family.COPY)
        found, present = _drawn_moment(engine)
    finally:
        engine.dispose()
    if found is None:
        raise YuanliuError(
            "index.empty",
            "there is no copy yet",
            hint="start the service, or run `yuanliu rebuild`",
        )
    with _beside(config) as side:
        _build(config, side, deployment, found.block, progress)
        built = open_database(side, Family.COPY)
        try:
            cursor = Store(built).cursor()
            anew = digest(built)
        finally:
            built.dispose()
    if cursor is None or (cursor.block, cursor.hash) != (found.block, found.hash):
        raise YuanliuError(
            "index.moved",
            f"the chain took back block {found.block} meanwhile",
            hint="try again",
            fields={"block": found.block},
            retryable=True,
        )
    differing = [name for name in sorted(present) if present[name] != anew[name]]
    if differing:
        raise YuanliuError(
            "index.differs",
            f"{len(differing)} of {len(present)} tables differ: {', '.join(differing)}",
            hint="run `yuanliu rebuild`; what pages showed from these tables may have been wrong",
            fields={"tables": differing, "block": found.block},
        )
    return Comparison(found.block, len(present))


def _drawn_moment(engine: Engine) -> tuple[Cursor | None, dict[str, str]]:
    """Give cursor and digests of a moment at which the events of all facts are drawn."""
    for _ in range(_TRIES):
        with reading(engine) as db:
            found = db.execute(text("SELECT * FROM cursor")).mappings().first()
            cursor = (
                None if found is None else Cursor(**{k: v for k, v in found.items() if k != "id"})
            )
            if cursor is None or cursor.events >= cursor.end:
                return cursor, _digests(db)
        time.sleep(1.0)
    raise YuanliuError(
        "index.events_behind",
        "the events of the copy are still being drawn",
        hint="wait until the service has caught up, and try again",
        retryable=True,
    )


def digest(engine: Engine) -> dict[str, str]:
    """Give the SHA-256 of each table's rows in the order of their keys; equal on SQLite and PostgreSQL."""
    with reading(engine) as db:
        return _digests(db)


def _digests(db: Connection) -> dict[str, str]:
    return {name: _digest(db, table) for name, table in sorted(tables.metadata().tables.items())}


def _digest(db: Connection, table: Table) -> str:
    columns = [
        cast(column, Integer) if isinstance(column.type, Boolean) else column
        for column in table.columns
    ]
    question = select(*columns).order_by(*table.primary_key.columns)
    sha256 = hashlib.sha256()
    rows_as_they_come = db.execute(question, execution_options={"yield_per": _AT_ONCE})
    for rows in rows_as_they_come.partitions():
        sha256.update("\n".join(repr(tuple(row)) for row in rows).encode())
        sha256.update(b"\n")
    return sha256.hexdigest()


# ---------------------------------------------------------------------- beside


@contextmanager
def _beside(config: Settings) -> Iterator[Settings]:
    """Give settings of an empty database beside the present one, and take it away afterwards."""
    with leader(config, TASK):
        side = config.model_copy(
            update={
                "data_dir": config.data_dir / "rebuild",
                "database_schema": f"{config.database_schema}_rebuild",
            }
        )
        _drop(side)
        try:
            yield side
        finally:
            _drop(side)


def _drop(side: Settings) -> None:
    if side.database_url is None:
        shutil.rmtree(side.data_dir, ignore_errors=True)
        return
    engine = open_database(side, Family.COPY)
    with engine.begin() as db:
        db.execute(text(f'DROP SCHEMA IF EXISTS "{side.database_schema}_{Family.COPY}" CASCADE'))
    engine.dispose()


def _build(
    config: Settings,
    side: Settings,
    deployment: Deployment,
    to_block: int | None,
    progress: Progress,
) -> FollowerStatus:
    engine = open_database(side, Family.COPY)
    node = RawNode(config.rpc_url)
    try:
        upgrade(engine, Family.COPY)
        follower = Follower(Store(engine), deployment, node, finality=config.finality_depth)
        return follower.catch_up(progress, to_block=to_block)
    finally:
        node.close()
        engine.dispose()


# ---------------------------------------------------------------------- the swap


def _swap(config: Settings, side: Settings) -> None:
    """Put the side's tables in the place of the present ones: all, or none if it is interrupted."""
    if config.database_url is None:
        _overwrite(side.data_dir / f"{Family.COPY}.db", config.data_dir / f"{Family.COPY}.db")
        return
    present, beside = (f"{c.database_schema}_{Family.COPY}" for c in (config, side))
    engine = open_database(config, Family.COPY)
    try:
        with engine.begin() as db:
            db.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            db.execute(text(f'DROP SCHEMA "{present}" CASCADE'))
            db.execute(text(f'ALTER SCHEMA "{beside}" RENAME TO "{present}"'))
    except SQLAlchemyError as error:
        raise StoreBusy(str(error).partition("\n")[0]) from error
    finally:
        engine.dispose()


def _overwrite(source: Path, target: Path) -> None:
    """Overwrite an SQLite database with another, in one transaction: who reads it sees the old one or the new."""
    new, old = sqlite3.connect(source), sqlite3.connect(target, timeout=_LOCK_SECONDS)
    try:
        old.execute("PRAGMA journal_mode=WAL")
        new.backup(old)
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreBusy(str(error)) from error
    finally:
        new.close()
        old.close()
