"""Reads the copy; what fails there becomes a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from yuanliu.database import DatabaseUnreachable


@contextmanager
def reading(copy: Engine) -> Iterator[Connection]:
    """Open a transaction that sees the copy as it is at one moment. Raises `DatabaseUnreachable`."""
    options: dict[str, object] = {"reading": True}
    if copy.dialect.name == "postgresql":
        options["isolation_level"] = (
            "REPEATABLE READ"  # else each statement sees a moment of its own
        )
    try:
        with copy.connect().execution_options(**options) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseUnreachable.of("of the copy", error) from error
