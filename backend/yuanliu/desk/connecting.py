"""Connections to the desk's tables; what fails there becomes a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from yuanliu.database import DatabaseUnreachable


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; it is committed at the end. Raises `DatabaseUnreachable`."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise _unreachable(error) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads. Raises `DatabaseUnreachable`."""
    try:
        with engine.connect().execution_options(reading=True) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise _unreachable(error) from error


def _unreachable(error: SQLAlchemyError) -> DatabaseUnreachable:
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return DatabaseUnreachable("of the desk", reason)
