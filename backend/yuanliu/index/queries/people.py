"""Actors, products and terms."""

from typing import Any, Final

from sqlalchemy import Connection

from yuanliu import hexes, identifiers
from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Actor, ActorEvent, Product, Terms

_ACTOR: Final = "SELECT a.place, a.actor, a.enroller, a.roles, a.code, a.time, a.tx FROM actor a"


def actors(
    db: Connection,
    *,
    role: int | None = None,
    enroller: str | None = None,
    after: int | None = None,
    limit: int = 50,
) -> tuple[Actor, ...]:
    """Give actors with a role (one of the bits), newest first. Raises `HexError`."""
    found = sql.page(
        db,
        _ACTOR,
        {
            "role": ("a.roles & :role <> 0", role),
            "enroller": ("a.enroller = :enroller", sql.address_key(enroller)),
        },
        place="a.place",
        after=after,
        limit=limit,
    )
    return tuple(_actor(db, row) for row in found)


def actor(db: Connection, address: str) -> Actor | None:
    """Give an actor by the address it was enrolled with, or none. Raises `HexError`."""
    found = sql.first(db, f"{_ACTOR} WHERE a.actor = :actor", actor=hexes.address_bytes(address))
    return None if found is None else _actor(db, found)


def actor_by_code(db: Connection, enroller: str, code: str) -> Actor | None:
    """Give the actor to whom `enroller` gave a code, or none. Raises `HexError`."""
    found = sql.first(
        db,
        f"{_ACTOR} WHERE a.enroller = :enroller AND a.code = :code",
        enroller=hexes.address_bytes(enroller),
        code=code,
    )
    return None if found is None else _actor(db, found)


def actor_of_key(db: Connection, key: str) -> Actor | None:
    """Give for whom a key signs now, as owner or clerk, or none. Raises `HexError`."""
    data = hexes.address_bytes(key)
    candidates = sql.rows(
        db,
        "SELECT actor FROM actor WHERE actor = :key UNION SELECT actor FROM actor_change"
        " WHERE key = :key AND kind IN ('KeyRotated', 'ClerkAppointed')",
        key=data,
    )
    for row in candidates:
        found = actor(db, sql.address(row.actor))
        if found and sql.address(data) in (found.key, *found.clerks):
            return found
    return None


def actor_history(db: Connection, address: str) -> tuple[ActorEvent, ...]:
    """Give what happened to an actor since it was enrolled, in order. Raises `HexError`."""
    found = sql.rows(
        db,
        "SELECT * FROM actor_change WHERE actor = :actor ORDER BY place",
        actor=hexes.address_bytes(address),
    )
    return tuple(map(_event, found))


def _event(row: Any) -> ActorEvent:  # noqa: ANN401 -- a row of SQLAlchemy
    return ActorEvent(
        place=row.place,
        kind=row.kind,
        by=sql.maybe_address(row.by),
        key=sql.maybe_address(row.key),
        old_key=sql.maybe_address(row.old_key),
        reason=sql.reason(row.reason),
        ready_at=row.ready_at,
        time=row.time,
        transaction=sql.transaction(row.tx),
    )


def _actor(db: Connection, row: Any) -> Actor:  # noqa: ANN401 -- a row of SQLAlchemy
    address = sql.address(row.actor)
    key, payout, clerks = address, address, dict[str, None]()
    suspended: ActorEvent | None = None
    recovery: ActorEvent | None = None
    for happened in actor_history(db, address):
        match happened.kind:
            case "KeyRotated":
                key, recovery = happened.key or key, None
            case "PayoutRedirected":
                payout = happened.key or payout
            case "ClerkAppointed":
                clerks[happened.key or ""] = None
            case "ClerkDismissed":
                clerks.pop(happened.key or "", None)
            case "ActorSuspended":
                suspended = happened
            case "ActorReinstated":
                suspended = None
            case "RecoveryProposed":
                recovery = happened
            case _:
                recovery = None
    return Actor(
        place=row.place,
        address=address,
        enroller=sql.address(row.enroller),
        roles=row.roles,
        code=row.code,
        key=key,
        payout=payout,
        clerks=tuple(clerks),
        suspended=suspended is not None,
        suspended_by=suspended.by if suspended else None,
        suspension_reason=suspended.reason if suspended else None,
        recovery_key=recovery.key if recovery else None,
        recovery_ready_at=recovery.ready_at if recovery else None,
        enrolled=row.time,
        transaction=sql.transaction(row.tx),
    )


# ---------------------------------------------------------------------- products and terms

_PRODUCT: Final = (
    "SELECT p.place, p.gtin, p.cooperative, p.unit, p.time, p.tx,"
    " (SELECT t.id FROM terms t WHERE t.gtin = p.gtin ORDER BY t.place DESC LIMIT 1) AS in_force FROM product p"
)
_TERMS: Final = "SELECT * FROM terms"


def products(
    db: Connection, *, cooperative: str | None = None, after: int | None = None, limit: int = 50
) -> tuple[Product, ...]:
    """Give products, newest first. Raises `HexError`."""
    found = sql.page(
        db,
        _PRODUCT,
        {"cooperative": ("p.cooperative = :cooperative", sql.address_key(cooperative))},
        place="p.place",
        after=after,
        limit=limit,
    )
    return tuple(map(_product, found))


def product(db: Connection, gtin: str) -> Product | None:
    """Give a product, or none. Raises `IdentifierError`."""
    found = sql.first(db, f"{_PRODUCT} WHERE p.gtin = :gtin", gtin=identifiers.gtin_number(gtin))
    return None if found is None else _product(found)


def terms(db: Connection, id_: int) -> Terms | None:
    """Give terms by number, or none."""
    found = sql.first(db, f"{_TERMS} WHERE id = :id", id=id_)
    return None if found is None else terms_row(found)


def terms_of(db: Connection, gtin: str) -> tuple[Terms, ...]:
    """Give all terms ever published for a product, newest first. Raises `IdentifierError`."""
    found = sql.rows(
        db,
        f"{_TERMS} WHERE gtin = :gtin ORDER BY place DESC",
        gtin=identifiers.gtin_number(gtin),
    )
    return tuple(map(terms_row, found))


def terms_authority(db: Connection, cooperative: str) -> str:
    """Give who may publish a cooperative's terms; at first itself. Raises `HexError`."""
    found = sql.first(
        db,
        "SELECT authority FROM terms_authority WHERE cooperative = :cooperative ORDER BY place DESC LIMIT 1",
        cooperative=hexes.address_bytes(cooperative),
    )
    return cooperative.lower() if found is None else sql.address(found.authority)


def tokens(db: Connection) -> tuple[str, ...]:
    """Give the tokens that new terms may name."""
    found = sql.rows(db, "SELECT token, listed FROM token ORDER BY place")
    listed = {sql.address(row.token): bool(row.listed) for row in found}
    return tuple(token for token, is_listed in listed.items() if is_listed)


def _product(row: Any) -> Product:  # noqa: ANN401 -- a row of SQLAlchemy
    return Product(
        place=row.place,
        gtin=sql.gtin(row.gtin),
        cooperative=sql.address(row.cooperative),
        unit=row.unit,
        in_force=row.in_force,
        time=row.time,
        transaction=sql.transaction(row.tx),
    )


def terms_row(row: Any) -> Terms:  # noqa: ANN401 -- a row of SQLAlchemy
    """Read terms out of their row."""
    return Terms(
        place=row.place,
        id=row.id,
        gtin=sql.gtin(row.gtin),
        cooperative=sql.address(row.cooperative),
        token=sql.address(row.token),
        farmer_bps=row.farmer_bps,
        cooperative_bps=row.cooperative_bps,
        platform_bps=row.platform_bps,
        cooperative_payee=sql.address(row.cooperative_payee),
        floor_per_unit=int(row.floor_per_unit),
        platform_payee=sql.address(row.platform_payee),
        authority=sql.address(row.authority),
        time=row.time,
        transaction=sql.transaction(row.tx),
    )
