"""What farmers delivered."""

from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes, identifiers
from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Delivery
from yuanliu.index.tables import unwrap, wrap

_DELIVERY: Final = (
    "SELECT d.place, d.cooperative, d.receipt, d.farmer, a.code, d.gtin, d.grams, d.grade_bps, d.price_per_kg,"
    " d.terms, d.signer, d.time, d.tx, e.batch, v.time AS voided, v.reason FROM delivery d"
    " LEFT JOIN actor a ON a.actor = d.farmer"
    " LEFT JOIN delivery_entered e ON e.cooperative = d.cooperative AND e.receipt = d.receipt"
    " LEFT JOIN delivery_voided v ON v.cooperative = d.cooperative AND v.receipt = d.receipt"
)


def deliveries(  # noqa: PLR0913 -- filters of a list, by name
    db: Connection,
    *,
    cooperative: str | None = None,
    farmer: str | None = None,
    gtin: str | None = None,
    batch: bytes | None = None,
    open_only: bool = False,
    since: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> tuple[Delivery, ...]:
    """Give deliveries, newest first; `open_only`: neither in a batch nor voided.

    Raises `HexError`, `IdentifierError`.
    """
    found = sql.page(
        db,
        _DELIVERY,
        {
            "cooperative": ("d.cooperative = :cooperative", sql.address_key(cooperative)),
            "farmer": ("d.farmer = :farmer", sql.address_key(farmer)),
            "gtin": ("d.gtin = :gtin", None if gtin is None else identifiers.gtin_number(gtin)),
            "batch": ("e.batch = :batch", batch),
            "open": (
                ":open = 1 AND e.batch IS NULL AND v.time IS NULL",
                1 if open_only else None,
            ),
            "since": ("d.time >= :since", since),
        },
        place="d.place",
        after=after,
        limit=limit,
    )
    return tuple(map(_delivery, found))


def delivery(db: Connection, cooperative: str, receipt: int) -> Delivery | None:
    """Give a delivery by its receipt, or none. Raises `HexError`."""
    found = sql.first(
        db,
        f"{_DELIVERY} WHERE d.cooperative = :cooperative AND d.receipt = :receipt",
        cooperative=hexes.address_bytes(cooperative),
        receipt=wrap(receipt),
    )
    return None if found is None else _delivery(found)


def _delivery(row: Any) -> Delivery:  # noqa: ANN401 -- a row of SQLAlchemy
    return Delivery(
        place=row.place,
        cooperative=sql.address(row.cooperative),
        receipt=unwrap(row.receipt),
        farmer=sql.address(row.farmer),
        farmer_code=row.code or "",
        gtin=sql.gtin(row.gtin),
        grams=row.grams,
        grade_bps=row.grade_bps,
        price_per_kg=int(row.price_per_kg),
        terms=row.terms,
        signer=sql.address(row.signer),
        time=row.time,
        transaction=sql.transaction(row.tx),
        batch=row.batch,
        voided=row.voided,
        void_reason=sql.reason(row.reason),
    )
