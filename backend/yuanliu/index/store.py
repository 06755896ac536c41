"""Writes the COPY tables: a window's rows, its block hashes and the cursor in one commit, or nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from psycopg import sql as pg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, OperationalError

from yuanliu import hexes
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.rawlogs import Header
from yuanliu.database import SQLITE_CACHE, BigUint
from yuanliu.errors import YuanliuError
from yuanliu.index import tables
from yuanliu.index.abi import Row
from yuanliu.index.tables import CURSOR, LAST_LOG, LOG_BITS, unwrap

_TABLES: Final[Mapping[str, Table]] = tables.metadata().tables
_CURSOR: Final = _TABLES[CURSOR]
_AT_ONCE: Final = 500

_MANY: Final = 500
"""Rows of one commit from which on SQLite gets more memory for it."""

_ROOMY: Final = ("PRAGMA cache_size=-16384", "PRAGMA wal_autocheckpoint=8000")
_USUAL: Final = (
    f"PRAGMA cache_size={SQLITE_CACHE}",
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA shrink_memory",
)

FACTS: Final = tuple(
    name for name in sorted(_TABLES) if name not in {CURSOR, "block", "event", "event_thing"}
)
"""Tables keyed by the place of a log."""


class StoreBusy(YuanliuError):
    """The database could not be written."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "index.store_failed",
            f"the copy could not be written: {reason}",
            hint="nothing is lost, it is tried again; is another process writing, is the disk full?",
            retryable=True,
            exit_code=2,
        )


class CursorMoved(YuanliuError):
    """Somebody else moved the cursor: two followers write into one copy."""

    def __init__(self) -> None:
        super().__init__(
            "index.cursor_moved",
            "another process moved the cursor of the copy",
            hint="run one follower for a database",
            retryable=True,
            exit_code=2,
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the copy reaches. `events`: the place up to which events are drawn."""

    chain_id: int
    genesis: bytes
    contract: bytes
    first_block: int
    block: int
    hash: bytes
    time: int
    events: int

    @property
    def end(self) -> int:
        """The last place of its block."""
        return self.block << LOG_BITS | LAST_LOG

    def is_of(self, deployment: Deployment) -> bool:
        """Whether the copy is of these contracts on this chain; a devnet that was reset is another chain."""
        return (self.chain_id, self.genesis, self.contract) == (
            deployment.chain_id,
            hexes.word(bytes.fromhex(deployment.genesis.removeprefix("0x"))),
            hexes.address_bytes(deployment.batches.address.lower()),
        )


class Store:
    """The COPY tables of one database, for their only writer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_postgresql = engine.dialect.name == "postgresql"

    def cursor(self) -> Cursor | None:
        """Give the cursor, or none if the copy was never begun."""
        with self.reading() as db:
            row = db.execute(select(*(_CURSOR.c[field.name] for field in fields(Cursor)))).first()
        return None if row is None else Cursor(*row)

    def begin(self, cursor: Cursor) -> Cursor:
        """Begin an empty copy."""
        with self.writing() as db:
            db.execute(insert(_CURSOR).values(id=1, **asdict(cursor)))
        return cursor

    def add(
        self,
        cursor: Cursor,
        rows: Mapping[str, Sequence[Row]],
        blocks: Sequence[Row],
        last: Header,
    ) -> Cursor:
        """Add a window's rows and blocks, and move the cursor to its last block.

        Raises `CursorMoved`, `StoreBusy`; then nothing was added.
        """
        moved = replace(cursor, block=last.number, hash=last.hash, time=last.time)
        if cursor.events == cursor.end and not blocks:
            moved = replace(moved, events=moved.end)  # there is nothing to draw events from
        with self.writing(many=sum(map(len, rows.values())) > _MANY) as db:
            self._move(db, cursor, moved)
            self.insert(db, "block", blocks)
            for table, added in rows.items():
                self.insert(db, table, added)
        return moved

    def draw(
        self, cursor: Cursor, events: Sequence[Row], things: Sequence[Row], upto: int
    ) -> Cursor:
        """Add events, drawn from all facts up to the place `upto`. Raises `CursorMoved`, `StoreBusy`."""
        moved = replace(cursor, events=upto)
        with self.writing(many=len(events) > _MANY) as db:
            self._move(db, cursor, moved)
            self.insert(db, "event", events)
            self.insert(db, "event_thing", things)
        return moved

    def rewind(self, cursor: Cursor, to: Header) -> Cursor:
        """Delete whatever lies beyond a block, and move the cursor there. Raises `CursorMoved`, `StoreBusy`."""
        end = to.number << LOG_BITS | LAST_LOG
        moved = replace(
            cursor,
            block=to.number,
            hash=to.hash,
            time=to.time,
            events=min(cursor.events, end),
        )
        with self.writing() as db:
            self._move(db, cursor, moved)
            for table in (*FACTS, "event", "event_thing"):
                db.execute(text(f"DELETE FROM {table} WHERE place > :end"), {"end": end})  # noqa: S608 -- our own names
            db.execute(text("DELETE FROM block WHERE number > :number"), {"number": to.number})
        return moved

    def blocks_down(self, block: int) -> Iterator[tuple[int, bytes, int]]:
        """Give (number, hash, time) of the blocks with logs of ours, from `block` downwards."""
        statement = text(
            "SELECT number, hash, time FROM block WHERE number <= :block ORDER BY number DESC LIMIT 100"
        )
        while True:
            with self.reading() as db:
                found = db.execute(statement, {"block": block}).all()
            for row in found:
                yield row.number, row.hash, row.time
            if not found:
                return
            block = found[-1].number - 1

    def _move(self, db: Connection, cursor: Cursor, moved: Cursor) -> None:
        """Move the cursor, if it still stands where it stood."""
        changed = db.execute(
            update(_CURSOR)
            .where(
                _CURSOR.c.id == 1,
                _CURSOR.c.block == cursor.block,
                _CURSOR.c.hash == cursor.hash,
                _CURSOR.c.events == cursor.events,
            )
            .values(**asdict(moved))
        )
        if changed.rowcount != 1:
            raise CursorMoved

    def insert(self, db: Connection, table: str, rows: Sequence[Row]) -> None:
        """Insert rows as the database holds them, in the order of the columns."""
        if not rows:
            return
        if self.is_postgresql:
            _copy(db, _TABLES[table], rows)
        else:
            db.exec_driver_sql(_insert(table), list(rows))

    @contextmanager
    def writing(self, *, many: bool = False) -> Iterator[Connection]:
        """Open a transaction that writes, `many` rows at once or a few. Raises `StoreBusy`."""
        try:
            with self.engine.connect() as db, self._roomy(db, many=many), db.begin():
                yield db
        except (DBAPIError, self.engine.dialect.loaded_dbapi.Error) as error:
            why = str(getattr(error, "orig", error))
            raise StoreBusy(why.strip().partition("\n")[0]) from error

    @contextmanager
    def _roomy(self, db: Connection, *, many: bool) -> Iterator[None]:
        """Let SQLite hold a whole window in memory while it writes it, and move it into its file less often.

        Otherwise a window of 3 MB spills out of a cache of 2 MB, and is written once more at each commit.
        """
        if self.is_postgresql or not many:
            yield
            return
        driver: Any = db.connection.driver_connection
        try:
            for statement in _ROOMY:
                driver.execute(statement)
            yield
        finally:
            for statement in _USUAL:
                driver.execute(statement)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that reads one moment. Raises `StoreBusy`."""
        try:
            with self.engine.connect().execution_options(reading=True) as db:
                yield db
        except OperationalError as error:
            raise StoreBusy(str(error.orig).strip().partition("\n")[0]) from error

    # ------------------------------------------------------------------ what a decoder looks up

    def tails(self, batches: Sequence[bytes]) -> Iterable[tuple[bytes, int, bytes]]:
        """Give (batch, number, head) of the last record of each batch that has one."""
        with self.reading() as db:
            for start in range(0, len(batches), _AT_ONCE):
                found = db.execute(_TAILS, {"batches": batches[start : start + _AT_ONCE]})
                yield from ((row.batch, row.number, row.head) for row in found)

    def collected(self, batch: bytes) -> Iterable[tuple[int, bytes, int]]:
        """Give (position, farmer, weight) of the members that a batch has so far."""
        statement = text("SELECT position, member, weight FROM member WHERE batch = :batch")
        with self.reading() as db:
            found = db.execute(statement, {"batch": batch}).all()
        return [(row.position, row.member, unwrap(row.weight)) for row in found]

    def farmer(self, batch: bytes) -> bytes | None:
        """Give the one farmer of a batch, or none if it has a pool."""
        with self.reading() as db:
            found = db.execute(text("SELECT farmer FROM batch WHERE id = :id"), {"id": batch}).one()
        farmer: bytes | None = found.farmer
        return farmer


_TAILS: Final = text(
    "SELECT r.batch, r.number, r.head FROM record r WHERE r.batch IN :batches"
    " AND r.number = (SELECT MAX(m.number) FROM record m WHERE m.batch = r.batch)"
).bindparams(bindparam("batches", expanding=True))


def _insert(table: str) -> str:
    columns = [f'"{name}"' for name in _TABLES[table].columns.keys()]  # noqa: SIM118 -- SQLAlchemy's own
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 -- our own names


def _copy(db: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert by COPY: 75,000 rows a second where executemany does a third of it."""
    driver: Any = db.connection.driver_connection
    statement = pg.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        pg.Identifier(table.name),
        pg.SQL(", ").join(pg.Identifier(name) for name in table.columns.keys()),  # noqa: SIM118 -- SQLAlchemy's own
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([_pg_type(column.type) for column in table.columns])
        for row in rows:
            copy.write_row(row)


def _pg_type(kind: object) -> str:
    """Give PostgreSQL's name of a column's type."""
    for known, name in _PG_TYPES:
        if isinstance(kind, known):
            return name
    return "varchar"


_PG_TYPES: Final = (
    (BigUint, "text"),  # as bytes it is the same
    (tables.Uint64, "int8"),
    (SmallInteger, "int2"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (LargeBinary, "bytea"),
    (Text, "text"),
)
