# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""What an auditor looks at first: each is derived from the facts, with its reason and its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection

from yuanliu.index.queries import sql
from yuanliu.index.queries.batches import batches
from yuanliu.index.queries.money import credits_of, pool
from yuanliu.index.queries.rows import State

UNSETTLED_SECONDS: Final = 30 * 86_400
"""How long after its last sale a pool may hold money that is due, before it is pointed out."""

NEAR_SECONDS: Final = 3 * 86_400
"""How near to a sale a change of terms is pointed out."""

MOST: Final = 20
"""Most findings of a kind that are given, the latest first."""

_CANDIDATES: Final = 100


class FindingKind(StrEnum):
    """What was found, the gravest first."""

    MISMATCH = "mismatch"
    """A payment was shared otherwise than its terms say."""
    RECALLED = "recalled"
    HELD = "held"
    CREDITED = "credited"
    """A receiver could not be paid; the money is kept for him."""
    SUSPENDED = "suspended"
    UNSETTLED = "unsettled"
    """A pool holds money long after its last sale."""
    TERMS = "terms"
    """Terms were changed near a sale of the product."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. What does not apply is empty; `amount` is in the token's smallest unit.

    `lot` with `gtin`: of a batch; `who`: an address; `code`: that actor's; `less`: new terms give the farmers less.
    """

    kind: FindingKind
    time: int
    batch: bytes | None = None
    gtin: str = ""
    lot: str = ""
    who: str = ""
    code: str = ""
    reason: str = ""
    amount: int = 0
    terms: int = 0
    less: bool = False
    transaction: str = ""
    log_index: int = 0


def findings(db: Connection, *, now: int, cooperative: str | None = None) -> tuple[Finding, ...]:
    """Give what the facts show but for mismatches, which are worked out payment by payment (`audit`).

    `now` is Unix time. Of one cooperative: its batches, its product's terms, itself and its farmers. Raises `HexError`.
    """
    key = sql.address_key(cooperative)
    return (
        *_stopped(db, cooperative),
        *_credited(db, key),
        *_suspended(db, key),
        *_unsettled(db, key, now),
        *_terms(db, key),
    )


def _stopped(db: Connection, cooperative: str | None) -> Iterator[Finding]:
    for state, kind in (
        (State.RECALLED, FindingKind.RECALLED),
        (State.HELD, FindingKind.HELD),
    ):
        for each in batches(db, cooperative=cooperative, state=state, limit=MOST):
            recall = each.recalls[0] if each.recalls else None
            yield Finding(
                kind,
                time=recall.since if recall else each.time,
                batch=each.id,
                gtin=each.gtin,
                lot=each.lot,
                who=recall.by if recall else "",
                reason=recall.reason if recall else "",
            )


def _credited(db: Connection, key: bytes | None) -> Iterator[Finding]:
    rows = sql.page(
        db,
        "SELECT c.place, c.owner, c.time, c.tx, c.batch, b.gtin, b.lot, a.code FROM credit c"
        " JOIN batch b ON b.id = c.batch LEFT JOIN actor a ON a.actor = c.owner",
        {"cooperative": ("b.cooperative = :cooperative", key)},
        place="c.place",
        after=None,
        limit=_CANDIDATES,
    )
    seen: set[bytes] = set()
    for row in rows:
        if row.owner in seen or len(seen) == MOST:
            continue
        seen.add(row.owner)
        kept = sum(each.amount for each in credits_of(db, sql.address(row.owner)))
        if kept:
            yield Finding(
                FindingKind.CREDITED,
                time=row.time,
                batch=row.batch,
                gtin=sql.gtin(row.gtin),
                lot=row.lot,
                who=sql.address(row.owner),
                code=row.code or "",
                amount=kept,
                transaction=sql.transaction(row.tx),
                log_index=sql.log_of(row.place),
            )


_NO_LATER: Final = (
    "NOT EXISTS (SELECT 1 FROM actor_change r WHERE r.actor = c.actor AND r.kind = :still"
    " AND r.place > c.place)"
)


def _suspended(db: Connection, key: bytes | None) -> Iterator[Finding]:
    rows = sql.page(
        db,
        "SELECT c.place, c.actor, c.by, c.reason, c.time, c.tx, a.code FROM actor_change c"
        " JOIN actor a ON a.actor = c.actor",
        {
            "kind": ("c.kind = :kind", "ActorSuspended"),
            "still": (
                _NO_LATER,
                "ActorReinstated",
            ),
            "cooperative": ("(a.actor = :cooperative OR a.enroller = :cooperative)", key),
        },
        place="c.place",
        after=None,
        limit=MOST,
    )
    for row in rows:
        yield Finding(
            FindingKind.SUSPENDED,
            time=row.time,
            who=sql.address(row.actor),
            code=row.code,
            reason=sql.reason(row.reason) or "",
            transaction=sql.transaction(row.tx),
            log_index=sql.log_of(row.place),
        )


def _unsettled(db: Connection, key: bytes | None, now: int) -> Iterator[Finding]:
    mine = "" if key is None else " AND b.cooperative = :cooperative"
    rows = sql.rows(
        db,
        "SELECT x.*, (SELECT COUNT(*) FROM member m WHERE m.batch = x.id) AS members FROM ("
        "SELECT b.id, b.gtin, b.lot, MAX(s.time) AS latest, MAX(s.place) AS last"
        f" FROM batch b JOIN sale s ON s.batch = b.id WHERE b.farmer IS NULL{mine} GROUP BY b.id, b.gtin, b.lot"
        ") x WHERE x.latest < :before AND NOT EXISTS (SELECT 1 FROM settlement e WHERE e.batch = x.id"
        " AND e.chunk = 0 AND e.place > x.last) ORDER BY x.latest LIMIT :most",
        before=now - UNSETTLED_SECONDS,
        most=_CANDIDATES,
        cooperative=key,
    )
    given = 0
    for row in rows:
        found = pool(db, row.id)
        # What rounding leaves undivided for ever is less than a unit for each member.
        if found is None or found.received - found.paid < row.members or given == MOST:
            continue
        given += 1
        yield Finding(
            FindingKind.UNSETTLED,
            time=row.latest,
            batch=row.id,
            gtin=sql.gtin(row.gtin),
            lot=row.lot,
            amount=found.received - found.paid,
        )


_TERMS: Final = """
SELECT t.* FROM (
  SELECT x.*, LAG(x.floor_per_unit) OVER w AS floor_before, LAG(x.farmer_bps) OVER w AS bps_before
  FROM terms x WINDOW w AS (PARTITION BY x.gtin ORDER BY x.place)
) t WHERE t.bps_before IS NOT NULL{mine} AND EXISTS (
  SELECT 1 FROM sale s JOIN batch b ON b.id = s.batch
  WHERE s.time BETWEEN t.time - :near AND t.time + :near AND b.gtin = t.gtin
) ORDER BY t.place DESC LIMIT :most"""


def _terms(db: Connection, key: bytes | None) -> Iterator[Finding]:
    statement = _TERMS.format(mine="" if key is None else " AND t.cooperative = :cooperative")
    for row in sql.rows(db, statement, near=NEAR_SECONDS, most=MOST, cooperative=key):
        yield Finding(
            FindingKind.TERMS,
            time=row.time,
            gtin=sql.gtin(row.gtin),
            who=sql.address(row.authority),
            terms=row.id,
            less=_gives_less(row),
            transaction=sql.transaction(row.tx),
            log_index=sql.log_of(row.place),
        )


def _gives_less(row: Any) -> bool:  # noqa: ANN401 -- a row of the driver's
    less_floor = int(row.floor_per_unit) < int(row.floor_before)
    return less_floor or int(row.farmer_bps) < int(row.bps_before)


def waited(db: Connection, payouts: Iterator[tuple[int, bytes, int]]) -> Iterator[int | None]:
    """Tell how long the oldest money in a payout from a pool had waited, in seconds, payout by payout.

    Each is (place of its log, batch, time). None: it came from products made of the batch, not from a sale of its own.
    """
    for place, batch, time in payouts:
        before = sql.first(
            db,
            "SELECT MAX(place) AS place FROM (SELECT MAX(place) AS place FROM settlement WHERE batch = :batch"
            " AND place < :place UNION ALL SELECT MAX(c.place) FROM claim c JOIN claim mine ON mine.place = :place"
            " WHERE c.batch = :batch AND c.position = mine.position AND c.place < :place) found",
            batch=batch,
            place=place,
        )
        since = -1 if before is None or before.place is None else before.place
        sale = sql.first(
            db,
            "SELECT time FROM sale WHERE batch = :batch AND place > :since AND place < :place ORDER BY place LIMIT 1",
            batch=batch,
            since=since,
            place=place,
        )
        yield None if sale is None else max(0, time - sale.time)
