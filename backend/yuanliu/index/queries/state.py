# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""How far the copy reaches, and how much it holds."""

from sqlalchemy import Connection

from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Counts, Status
from yuanliu.index.tables import LAST_LOG


def status(db: Connection) -> Status | None:
    """Give how far the copy reaches; none: it was never begun."""
    found = sql.first(db, "SELECT * FROM cursor")
    if found is None:
        return None
    return Status(
        chain_id=found.chain_id,
        contract=sql.address(found.contract),
        first_block=found.first_block,
        block=found.block,
        hash=found.hash,
        time=found.time,
        events_behind=found.events < sql.place_of(found.block, LAST_LOG),
    )


def counts(db: Connection) -> Counts:
    """Count what the copy holds. It reads each table to its end: not for every request."""
    counted = [
        int(sql.rows(db, f"SELECT COUNT(*) FROM {table}")[0][0])
        for table in ("batch", "record", "delivery", "sale", "actor")
    ]
    events = sql.rows(db, "SELECT COUNT(*) - COUNT(fault) AS good, COUNT(fault) AS bad FROM event")[
        0
    ]
    batches, records, deliveries, payments, actors = counted
    return Counts(
        batches=batches,
        records=records,
        deliveries=deliveries,
        payments=payments,
        actors=actors,
        events=int(events.good),
        faulty_events=int(events.bad),
    )
