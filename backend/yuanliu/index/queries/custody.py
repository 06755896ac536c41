# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""Who holds which units, what is offered, and what was made from what."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from yuanliu import hexes
from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Holding, Lineage, Link, Offer, Relative
from yuanliu.index.tables import unwrap
from yuanliu.records import Kind

_SIDES: Final = (("receiver", 1), ("sender", -1))
_NOBODY: Final = bytes(hexes.ADDRESS_BYTES)


def balance(db: Connection, id_: bytes, owner: bytes) -> int:
    """Give the units of a batch that an owner (20 bytes) has."""
    held = 0
    for side, sign in _SIDES:
        moved = sql.rows(
            db,
            f"SELECT {sql.unit_sums('units')} FROM move WHERE {side} = :owner AND batch = :batch",
            batch=id_,
            owner=owner,
        )
        held += sign * sql.units(moved[0])
    return unwrap(held)


def holders(db: Connection, id_: bytes) -> tuple[Holding, ...]:
    """Give who has units of a batch, the largest first."""
    held: dict[bytes, int] = defaultdict(int)
    for side, sign in _SIDES:
        for row in sql.rows(
            db,
            f"SELECT {side}, {sql.unit_sums('units')} FROM move WHERE batch = :batch GROUP BY {side}",
            batch=hexes.word(id_),
        ):
            held[row[0]] += sign * sql.units(row[1:])
    found = [
        Holding(id_, sql.address(owner), units)
        for owner, total in held.items()
        if owner != _NOBODY and (units := unwrap(total))
    ]
    return tuple(sorted(found, key=lambda holding: (-holding.units, holding.owner)))


def holdings(db: Connection, owner: str) -> tuple[Holding, ...]:
    """Give what an owner has, by batch id. Raises `HexError`."""
    held: dict[bytes, int] = defaultdict(int)
    for side, sign in _SIDES:
        for row in sql.rows(
            db,
            f"SELECT batch, {sql.unit_sums('units')} FROM move WHERE {side} = :owner GROUP BY batch",
            owner=hexes.address_bytes(owner),
        ):
            held[row[0]] += sign * sql.units(row[1:])
    return tuple(
        Holding(id_, owner.lower(), units)
        for id_, total in sorted(held.items())
        if (units := unwrap(total))
    )


# ---------------------------------------------------------------------- offers

_OFFER: Final = (
    "SELECT o.place, o.batch, o.number, o.sender, o.receiver, o.units, o.time, o.tx, a.kind, a.time AS answered"
    " FROM offer o LEFT JOIN answer a ON a.batch = o.batch AND a.number = o.number"
)


def offers(
    db: Connection,
    *,
    batch: bytes | None = None,
    sender: str | None = None,
    receiver: str | None = None,
    open_only: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> tuple[Offer, ...]:
    """Give offers, newest first. Raises `HexError`."""
    found = sql.page(
        db,
        _OFFER,
        {
            "batch": ("o.batch = :batch", batch),
            "sender": ("o.sender = :sender", sql.address_key(sender)),
            "receiver": ("o.receiver = :receiver", sql.address_key(receiver)),
            "open": (":open = 1 AND a.kind IS NULL", 1 if open_only else None),
        },
        place="o.place",
        after=after,
        limit=limit,
    )
    return tuple(map(_offer, found))


def offer(db: Connection, batch: bytes, number: int) -> Offer | None:
    """Give an offer by its number within the batch, or none."""
    found = sql.first(
        db,
        f"{_OFFER} WHERE o.batch = :batch AND o.number = :number",
        batch=hexes.word(batch),
        number=number,
    )
    return None if found is None else _offer(found)


def _offer(row: Any) -> Offer:  # noqa: ANN401 -- a row of SQLAlchemy
    return Offer(
        place=row.place,
        batch=row.batch,
        number=row.number,
        sender=sql.address(row.sender),
        receiver=sql.address(row.receiver),
        units=unwrap(row.units),
        time=row.time,
        transaction=sql.transaction(row.tx),
        answer=None if row.kind is None else Kind(row.kind),
        answered=row.answered,
    )


# ---------------------------------------------------------------------- lineage


def ancestors(db: Connection, id_: bytes) -> tuple[Relative, ...]:
    """Give everything that a batch was made from, nearest first."""
    return _relatives(db, id_, _UP, _arrows(db, id_, _UP))


def descendants(db: Connection, id_: bytes) -> tuple[Relative, ...]:
    """Give everything that was made from a batch, nearest first."""
    return _relatives(db, id_, _DOWN, _arrows(db, id_, _DOWN))


def made_into(db: Connection, id_: bytes) -> tuple[str, ...]:
    """Give the lots that were made of a batch directly, oldest first."""
    found = sql.rows(
        db,
        "SELECT b.lot FROM lineage l JOIN batch b ON b.id = l.child WHERE l.parent = :id"
        " GROUP BY b.id, b.lot ORDER BY MIN(l.place), MIN(l.sub)",
        id=hexes.word(id_),
    )
    return tuple(row.lot for row in found)


def lineage(db: Connection, id_: bytes) -> Lineage:
    """Give a batch's whole lineage, above it and below it."""
    up, down = _arrows(db, id_, _UP), _arrows(db, id_, _DOWN)
    return Lineage(
        _relatives(db, id_, _UP, up),
        _relatives(db, id_, _DOWN, down),
        tuple(Link(*arrow) for arrow in (*up, *down)),
    )


class _Way(NamedTuple):
    """Which column of an arrow is where we are, and which where it leads."""

    here: str
    there: str


_UP: Final = _Way("child", "parent")
_DOWN: Final = _Way("parent", "child")
_Arrow = tuple[bytes, bytes, int]


def _relatives(
    db: Connection, id_: bytes, way: _Way, arrows: Sequence[_Arrow]
) -> tuple[Relative, ...]:
    own = hexes.word(id_)
    following: dict[bytes, list[bytes]] = defaultdict(list)
    direct: dict[bytes, int] = {}
    for child, parent, milligrams in arrows:
        near, far = (child, parent) if way is _UP else (parent, child)
        following[near].append(far)
        if near == own:
            direct[far] = milligrams
    depths: dict[bytes, int] = {own: 0}
    row = [own]
    while row:
        row = [far for near in row for far in _new(following[near], depths, depths[near] + 1)]
    del depths[own]
    names = {found.id: found for found in sql.rows(db, _NAMES.format(**way._asdict()), id=own)}
    return tuple(
        Relative(
            batch=relative,
            gtin=sql.gtin(names[relative].gtin),
            lot=names[relative].lot,
            cooperative=sql.address(names[relative].cooperative),
            depth=depth,
            milligrams=direct.get(relative),
        )
        for relative, depth in depths.items()
    )


def _new(found: list[bytes], depths: dict[bytes, int], depth: int) -> list[bytes]:
    """Give those that no shorter way led to, and note how far they are."""
    fresh = [id_ for id_ in dict.fromkeys(found) if id_ not in depths]
    depths.update(dict.fromkeys(fresh, depth))
    return fresh


_REACH: Final = """WITH RECURSIVE reach(id) AS (
 SELECT b.id FROM batch b WHERE b.id = :id UNION
 SELECT l.{there} FROM lineage l JOIN reach ON l.{here} = reach.id)"""
_ARROWS: Final = (
    " SELECT l.child, l.parent, l.milligrams FROM reach JOIN lineage l ON l.{here} = reach.id"
)
_NAMES: Final = (
    _REACH + " SELECT b.id, b.gtin, b.lot, b.cooperative FROM reach JOIN batch b ON b.id = reach.id"
)


def _arrows(db: Connection, id_: bytes, way: _Way) -> list[_Arrow]:
    found = sql.rows(db, (_REACH + _ARROWS).format(**way._asdict()), id=hexes.word(id_))
    return [(child, parent, unwrap(milligrams)) for child, parent, milligrams in found]
