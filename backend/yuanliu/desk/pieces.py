"""Serials of a lot's pieces, made with a secret that the service drew once and keeps.

Whoever reads the secret can print labels that pass for ours; so it lies beside the wrapped keys, and leaves the desk
only in its backup. Without that backup the labels that were printed would no longer be known.
"""

import secrets
import time
from typing import Final

from sqlalchemy import Column, Double, Engine, LargeBinary, insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from yuanliu import serials
from yuanliu.desk.base import Desk
from yuanliu.desk.connecting import reading, writing
from yuanliu.errors import YuanliuError

_NAME: Final = "serials"


class ServiceSecretRow(Desk, table=True):
    """A secret of the service itself, by what it is for. `created` is in Unix seconds. It is never replaced."""

    __tablename__ = "service_secret"

    name: str = Field(primary_key=True, max_length=32)
    value: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    created: float = Field(sa_column=Column(Double, nullable=False))


SERVICE_SECRET = Desk.metadata.tables["service_secret"]


class Pieces:
    """Gives pieces their serials, and tells which piece a serial is of. All of the service's processes agree."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._secret: bytes | None = None

    def serials(self, batch: bytes, first: int, count: int, *, pieces: int) -> list[str]:
        """Give the serials of `count` pieces from number `first` on, always the same ones.

        A lot has no more of them than `pieces`, its units. Raises `YuanliuError` (`labels.no_such_piece`),
        `DatabaseUnreachable`.
        """
        last = first + count - 1
        most = min(pieces, serials.MOST_PIECES)
        if first < 1 or count < 1 or last > most:
            raise YuanliuError(
                "labels.no_such_piece",
                f"the lot has {pieces} pieces, so there are no labels for {first} to {last}",
                hint=f"pieces are numbered from 1 to {most}",
                fields={"first": first, "last": last, "pieces": pieces},
            )
        key = self._key(batch)
        return [serials.serial_of(key, number) for number in range(first, last + 1)]

    def number(self, batch: bytes, serial: str, *, pieces: int) -> int | None:
        """Tell which of a lot's `pieces` has a serial; None: no label of ours has it. Raises `DatabaseUnreachable`."""
        return serials.number_of(self._key(batch), serial, pieces)

    def _key(self, batch: bytes) -> bytes:
        if self._secret is None:
            self._secret = self._kept() or self._drawn()
        return serials.lot_key(self._secret, batch)

    def _kept(self) -> bytes | None:
        query = select(SERVICE_SECRET.c.value).where(SERVICE_SECRET.c.name == _NAME)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    def _drawn(self) -> bytes:
        """Draw the secret; of several processes that do so at once, one is heeded by all."""
        drawn = secrets.token_bytes(serials.KEY_BYTES)
        row = {"name": _NAME, "value": drawn, "created": time.time()}
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(SERVICE_SECRET).values(row))
        except IntegrityError:
            return self._kept() or self._drawn()
        return drawn
