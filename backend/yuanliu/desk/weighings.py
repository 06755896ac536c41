"""What the crates weighed: the receipt shows gross and tare, the chain holds the net weight."""

from collections.abc import Collection, Mapping

from sqlalchemy import BigInteger, Column, Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field

from yuanliu.desk.base import Desk
from yuanliu.desk.connecting import reading, writing


class WeighingRow(Desk, table=True):
    """The tare of one delivery, in grams."""

    __tablename__ = "weighing"

    cooperative: str = Field(primary_key=True, max_length=42)
    receipt: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    tare_grams: int = Field(sa_column=Column(BigInteger, nullable=False))


WEIGHING = Desk.metadata.tables["weighing"]


def note(engine: Engine, cooperative: str, tares: Mapping[int, int]) -> None:
    """Keep the tares of deliveries just booked, by receipt. What was noted before stays: a receipt is booked once."""
    rows = [
        {"cooperative": cooperative, "receipt": receipt, "tare_grams": grams}
        for receipt, grams in tares.items()
    ]
    with writing(engine) as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(WEIGHING).on_conflict_do_nothing(), rows)


def of(engine: Engine, cooperative: str, receipts: Collection[int]) -> dict[int, int]:
    """Give the tares that are known, by receipt."""
    query = select(WEIGHING.c.receipt, WEIGHING.c.tare_grams).where(
        WEIGHING.c.cooperative == cooperative, WEIGHING.c.receipt.in_(receipts)
    )
    with reading(engine) as connection:
        return {int(receipt): int(grams) for receipt, grams in connection.execute(query)}
