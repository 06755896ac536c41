"""How often the code of one piece was scanned: a copied label shows by being seen too often.

Nothing is kept of who scanned it: a lot, a serial number, three times and a count.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Engine, Integer, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from yuanliu.desk.base import Desk
from yuanliu.desk.connecting import reading, writing

LEAST_SERIALS: Final = 10_000
"""Serial numbers of one lot that are counted in any case; more only if it has more units."""

MOST_SERIALS: Final = 1_000_000
"""Serial numbers of one lot that are counted at most."""


class ScanRow(Desk, table=True):
    """One code. Times are Unix seconds: of the first scan, the latest, and the one before it."""

    __tablename__ = "scan"

    batch: str = Field(primary_key=True, max_length=64)
    serial: str = Field(primary_key=True, max_length=20)
    count: int = Field(sa_column=Column(Integer, nullable=False))
    first: int = Field(sa_column=Column(BigInteger, nullable=False))
    last: int = Field(sa_column=Column(BigInteger, nullable=False))
    before: int | None = Field(sa_column=Column(BigInteger, nullable=True))


SCAN = Desk.metadata.tables["scan"]


@dataclass(frozen=True, slots=True)
class Scan:
    """What is known of a code; see `ScanRow`."""

    count: int
    first: int
    last: int
    before: int | None


class Scans:
    """Counts scans. All of the service's processes share the counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, batch: bytes, serial: str) -> Scan | None:
        """Give what is known of a code; none: it was never scanned, or is not counted."""
        query = select(SCAN).where(SCAN.c.batch == batch.hex(), SCAN.c.serial == serial)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _scan(row)

    def count(self, batch: bytes, serial: str, *, units: int, now: int) -> Scan | None:
        """Count one scan; none: the lot already has more codes than it can have pieces, so this one is not counted.

        `units` are those of the lot, `now` is in Unix seconds.
        """
        where = (SCAN.c.batch == batch.hex(), SCAN.c.serial == serial)
        more = (
            update(SCAN)
            .where(*where)
            .values(count=SCAN.c.count + 1, before=SCAN.c.last, last=now)
            .returning(*SCAN.c)
        )
        new = {"batch": batch.hex(), "serial": serial, "count": 1, "first": now, "last": now}
        for _ in range(2):
            try:
                with writing(self._engine) as connection:
                    row = connection.execute(more).mappings().first()
                    if row is None:
                        known = select(func.count()).where(SCAN.c.batch == batch.hex())
                        most = min(max(units, LEAST_SERIALS), MOST_SERIALS)
                        if connection.execute(known).scalar_one() >= most:
                            return None
                        added = insert(SCAN).values(new).returning(*SCAN.c)
                        row = connection.execute(added).mappings().one()
            except IntegrityError:
                continue  # somebody scanned it for the first time at the same moment
            return _scan(row)
        return self.get(batch, serial)


def _scan(row: object) -> Scan:
    found = dict(row)  # type: ignore[call-overload] # a mapping of SQLAlchemy
    return Scan(found["count"], found["first"], found["last"], found["before"])
