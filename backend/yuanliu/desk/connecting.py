"""Connections to the desk's tables; what fails there becomes a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from yuanliu.database import DatabaseUnreachable


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; it is committed at the end.

    Raises `DatabaseUnreachable`, and `IntegrityError` for what a table cannot hold twice: that is the caller's to tell.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise unreachable(error) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads. Raises `DatabaseUnreachable`."""
    try:
        with engine.connect().execution_options(reading=True) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unreachable(error) from error


def unreachable(error: Exception) -> DatabaseUnreachable:
    """Say that the desk's database could not do it."""
    return DatabaseUnreachable.of("of the desk", error)
