"""EPCIS events, drawn from the facts."""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, String, Text
from sqlmodel import Field

from yuanliu.index.tables.base import Copy, column, place_key, sub_key, whole_column, word_column

CLIP: Final = 300
"""Characters of a text that are kept to find it by: an index of PostgreSQL takes no more than 2,700 bytes."""

_NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")  # as SQLite compares


class Event(Copy, table=True):
    """An EPCIS event. Times are microseconds UTC, words and identifiers canonical.

    `sub` 0 is the payload of the record, or what the contract wrote; 1 is what the contract wrote beside a payload.
    `document` is the JSON unless it is the record's payload. `hash` is the standard's event hash. What is no valid
    event has a `fault`, an error code, and nothing else. Texts are cut at `CLIP`: they find, the document decides.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("event_time", "event_time", "place", "sub"),
        Index("event_step", "biz_step", "event_time"),
        Index("event_batch", "batch", "place"),
        Index("event_hash", "hash"),
        Index("event_event_id", "event_id"),
        {"sqlite_with_rowid": False},
    )

    place: int = place_key()
    sub: int = sub_key()
    batch: bytes = word_column(nullable=True)
    type: str = column(String(20), nullable=True)
    action: str = column(String(7), nullable=True)
    event_time: int = whole_column(nullable=True)
    record_time: int = whole_column()
    biz_step: str = column(Text, nullable=True)
    disposition: str = column(Text, nullable=True)
    read_point: str = column(Text, nullable=True)
    biz_location: str = column(Text, nullable=True)
    event_id: str = column(Text, nullable=True)
    hash: bytes = word_column(nullable=True)
    fault: str = column(String(60), nullable=True)
    document: bytes = column(LargeBinary, nullable=True)


class EventThing(Copy, table=True):
    """A thing or a class of things in an event, by its canonical name."""

    __tablename__ = "event_thing"
    __table_args__ = ({"sqlite_with_rowid": False},)

    name: str = Field(sa_column=Column(_NAME, primary_key=True))
    place: int = place_key()
    sub: int = sub_key()
