"""Capture jobs of EPCIS: what was handed in at once, and what became of it."""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Engine, insert, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from yuanliu.desk.base import Desk
from yuanliu.desk.connecting import reading, writing
from yuanliu.errors import YuanliuError


class CaptureRow(Desk, table=True):
    """One job. `refused` are the events that never became intentions; the rest are the intentions of its group."""

    __tablename__ = "capture"

    id: str = Field(primary_key=True, max_length=64)
    account: str = Field(max_length=64, index=True)
    created: int = Field(sa_column=Column(BigInteger, nullable=False))
    behaviour: str = Field(max_length=8)
    events: int
    refused: Any = Field(sa_column=Column(JSON, nullable=False))


CAPTURE = Desk.metadata.tables["capture"]


@dataclass(frozen=True, slots=True)
class Capture:
    """A job; see `CaptureRow`."""

    id: str
    account: str
    created: int
    behaviour: str
    events: int
    refused: list[dict[str, Any]]


class Captures:
    """Keeps capture jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, id_: str, account: str, behaviour: str, events: int, refused: list[dict[str, Any]]
    ) -> Capture:
        """Store a job; one that is there already is given as it is."""
        row: dict[str, Any] = {
            "id": id_,
            "account": account,
            "created": int(time.time()),
            "behaviour": behaviour,
            "events": events,
            "refused": refused,
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(CAPTURE).values(row))
        except IntegrityError:
            return self.get(id_, account)
        return Capture(**row)

    def get(self, id_: str, account: str) -> Capture:
        """Give a job of an account. Raises `YuanliuError` (`capture.unknown`)."""
        query = select(CAPTURE).where(CAPTURE.c.id == id_, CAPTURE.c.account == account)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise YuanliuError(
                "capture.unknown",
                f"there is no capture job {id_[:64]!r}",
                hint="take the Location that POST /epcis/capture answered with",
                fields={"captureID": id_[:64]},
            )
        return Capture(**row)

    def of(self, account: str, *, limit: int = 100) -> list[Capture]:
        """Give an account's jobs, newest first."""
        query = (
            select(CAPTURE)
            .where(CAPTURE.c.account == account)
            .order_by(CAPTURE.c.created.desc(), CAPTURE.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [Capture(**row) for row in connection.execute(query).mappings()]
