"""How queries read: by the driver, pages by place, stored numbers and bytes to what the package uses."""

import re
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from yuanliu import hexes
from yuanliu.index.tables import LAST_LOG, LOG_BITS, unwrap

MAX_PAGE: Final = 1_000
"""Most rows of a page."""

Found = Any
"""A row: a named tuple, whose fields are the statement's columns."""

_HALF_BITS: Final = 32
_NAME: Final = re.compile(r"(?<![:\w]):(\w+)(?!:)")
"""A bound value in a statement; the driver of PostgreSQL writes it differently."""


def rows(db: Connection, sql: str, **values: object) -> Sequence[Found]:
    """Give all rows. Raises `DBAPIError`."""
    with _executed(db, sql, values) as cursor:
        return list(map(_shape(_columns(cursor)), cursor.fetchall()))


def first(db: Connection, sql: str, **values: object) -> Found | None:
    """Give the first row, or none. Raises `DBAPIError`."""
    with _executed(db, sql, values) as cursor:
        found = cursor.fetchone()
        return None if found is None else _shape(_columns(cursor))(found)


@contextmanager
def _executed(db: Connection, sql: str, values: dict[str, object]) -> Iterator[Any]:
    """Execute by the driver itself: 15 µs a statement, where SQLAlchemy's result takes 90."""
    if not db.in_transaction():
        db.begin()
    driver: Any = db.connection.driver_connection
    written = sql if db.dialect.name == "sqlite" else _for_psycopg(sql)
    try:
        with closing(driver.execute(written, values)) as cursor:
            yield cursor
    except db.dialect.loaded_dbapi.Error as error:
        base = db.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(sql, values, error, base, dialect=db.dialect) from error


@cache
def _for_psycopg(sql: str) -> str:
    return _NAME.sub(r"%(\1)s", sql.replace("%", "%%"))


def _columns(cursor: Any) -> tuple[str, ...]:  # noqa: ANN401 -- a driver's cursor
    return tuple([column[0] for column in cursor.description])


@cache
def _shape(columns: tuple[str, ...]) -> Callable[[Sequence[object]], Found]:
    made: Callable[[Sequence[object]], Found] = namedtuple("Found", columns, rename=True)._make  # type: ignore[attr-defined] # noqa: PYI024 -- a statement's fields
    return made


def page(
    db: Connection,
    sql: str,
    conditions: Mapping[str, tuple[str, object]],
    *,
    place: str,
    after: int | None,
    limit: int,
) -> Sequence[Found]:
    """Give a page, newest first. `conditions` are (SQL, value) by name; those whose value is None do not count."""
    asked = {name: pair for name, pair in conditions.items() if pair[1] is not None}
    where = [condition for condition, _ in asked.values()]
    values = {name: value for name, (_, value) in asked.items()}
    if after is not None:
        where.append(f"{place} < :after")
        values["after"] = after
    values["limit"] = max(1, min(limit, MAX_PAGE))
    filters = f" WHERE {' AND '.join(where)}" if where else ""
    return rows(db, f"{sql}{filters} ORDER BY {place} DESC LIMIT :limit", **values)


def places_of(
    db: Connection, table: str, since: int | None, until: int | None
) -> tuple[int | None, int | None]:
    """Give the first place of a table from the time `since` on, and the first from `until` on; none: no such bound.

    Time never goes back from block to block, so that a list by place may begin and end there. `table` is one of ours.
    """
    found = (
        None
        if when is None
        else first(
            db,
            f"SELECT place FROM {table} WHERE time >= :at ORDER BY time, place LIMIT 1",  # noqa: S608 -- our tables
            at=when,
        )
        for when in (since, until)
    )
    low, high = (None if row is None else int(row.place) for row in found)
    return (_NEVER if since is not None and low is None else low), high


FEW_BATCHES: Final = 2_000
"""Up to so many batches of a cooperative its money is found by the batch; that of more by going back in time."""


def of_cooperative(db: Connection, prefix: str, key: bytes | None) -> tuple[str, object]:
    """Write the condition that a row is of a cooperative's batch, so that the database goes the way that is short."""
    if key is None:
        return "", None
    counted = rows(
        db,
        "SELECT COUNT(*) FROM (SELECT 1 FROM batch WHERE cooperative = :key LIMIT :most) few",
        key=key,
        most=FEW_BATCHES + 1,
    )[0][0]
    if (
        int(counted) > FEW_BATCHES
    ):  # no index of the batches would help, and SQLite has to be kept from it
        return "CASE WHEN b.cooperative = :cooperative THEN 1 ELSE 0 END = 1", key
    few = "SELECT c.id FROM batch c WHERE c.cooperative = :cooperative"
    return f"{prefix}.batch IN ({few})", key


_NEVER: Final = 1 << 62
"""No place is as late."""


def address(data: bytes) -> str:
    """Write an address."""
    return "0x" + data.hex()


def maybe_address(data: bytes | None) -> str | None:
    """Write an address, if there is one."""
    return None if data is None else "0x" + data.hex()


def address_key(text_: str | None) -> bytes | None:
    """Read an address that is asked for. Raises `HexError`."""
    return None if text_ is None else hexes.address_bytes(text_)


def word_key(text_: str) -> bytes:
    """Read a hash that is asked for, 0x and 64 hex digits. Raises `HexError`."""
    try:
        return hexes.word(bytes.fromhex(text_.removeprefix("0x")))
    except ValueError as error:
        raise hexes.HexError(
            "hexes.word_invalid",
            f"not a hash: {text_[:80]!r}",
            hint="a hash is 0x and 64 hex digits",
            fields={"text": text_},
        ) from error


def transaction(data: bytes) -> str:
    """Write a transaction's hash."""
    return "0x" + data.hex()


def gtin(number: int) -> str:
    """Write a GTIN, 14 digits."""
    return f"{number:014d}"


def reason(data: bytes | None) -> str | None:
    """Give a reason to show; what is not UTF-8 in it shows as U+FFFD."""
    return None if data is None else data.decode("utf-8", "replace")


def block_of(place: int) -> int:
    """Give the block of a place."""
    return place >> LOG_BITS


def log_of(place: int) -> int:
    """Give the index of a place's log in its block."""
    return place & LAST_LOG


def place_of(block: int, log_index: int) -> int:
    """Give the place of a log."""
    return block << LOG_BITS | log_index


# ---------------------------------------------------------------------- sums

PIECE: Final = 12
"""Digits of money that are added up at once: no sum of them overflows below nine million rows."""


def unit_sums(expression: str) -> str:
    """Write the sum of 64-bit numbers as two, of their upper and lower halves: neither overflows."""
    return (
        f"COALESCE(SUM({expression} >> {_HALF_BITS}), 0),"
        f" COALESCE(SUM({expression} & 4294967295), 0)"
    )


def units(halves: Sequence[Any]) -> int:
    """Read such a sum."""
    upper, lower = halves
    return unwrap((int(upper) << _HALF_BITS) + int(lower))


def money_sums(column: str, digits: int) -> str:
    """Write the sum of money as several, of `PIECE` digits each: SQL adds no larger numbers exactly."""
    parts = []
    for end in range(digits, 0, -PIECE):
        start = max(end - PIECE, 0)
        parts.append(
            f"COALESCE(SUM(CAST(substr({column}, {start + 1}, {end - start}) AS BIGINT)), 0)"
        )
    return ", ".join(parts)


def money(parts: Sequence[Any]) -> int:
    """Read such a sum."""
    return sum(int(part) * 10 ** (PIECE * i) for i, part in enumerate(parts))
