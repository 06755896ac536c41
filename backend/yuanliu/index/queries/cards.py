"""Farmers by what stands on their cards: the cooperative's code and their own."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from yuanliu import hexes, identifiers
from yuanliu.index.queries import sql
from yuanliu.index.queries.people import actor, actor_by_code
from yuanliu.index.queries.rows import Actor
from yuanliu.index.tables import FARMER

COOPERATIVE: Final = 1 << 1
"""The bit of a cooperative in an actor's roles (`contracts/libraries/Roles.sol`)."""

_MOST: Final = 20
"""Most cooperatives of one code that are looked at; each is another platform's."""


def card_path(db: Connection, farmer: Actor) -> str:
    """Give the path of a farmer's page: by his cooperative's code, or by its address if others have the same code.

    Raises `IdentifierError` (`card_invalid`) for the codes that no address can hold.
    """
    own = actor(db, farmer.enroller)
    alone = own is not None and len(_cooperatives(db, own.code)) == 1
    return identifiers.farmer_path(
        own.code if own is not None and alone else farmer.enroller, farmer.code
    )


def farmers_of_card(db: Connection, cooperative: str, code: str) -> tuple[Actor, ...]:
    """Give the farmers whom a card may mean: none, one, or several where cooperatives have the same code.

    `cooperative` is a code or an address, as `identifiers.parse_farmer_path` gives it.
    """
    is_address = len(cooperative) > identifiers.CODE_LENGTH
    enrollers = (cooperative,) if is_address else _cooperatives(db, cooperative)
    found = (actor_by_code(db, enroller, code) for enroller in enrollers)
    return tuple(each for each in found if each is not None and each.roles & FARMER)


def _cooperatives(db: Connection, code: str) -> tuple[str, ...]:
    rows = sql.rows(
        db,
        "SELECT actor FROM actor WHERE code = :code AND roles & :role <> 0 ORDER BY place LIMIT :most",
        code=code,
        role=COOPERATIVE,
        most=_MOST,
    )
    return tuple(sql.address(row.actor) for row in rows)


def cooperatives_of(db: Connection, text: str) -> tuple[Actor, ...]:
    """Give the cooperatives of a code, or of an address in lowercase."""
    is_address = len(text) > identifiers.CODE_LENGTH
    found = [actor(db, each) for each in ((text,) if is_address else _cooperatives(db, text))]
    return tuple(each for each in found if each is not None and each.roles & COOPERATIVE)


def farmers_of_code(db: Connection, code: str) -> tuple[Actor, ...]:
    """Give the farmers of a code in all cooperatives, at most 20."""
    rows = sql.rows(
        db,
        "SELECT actor FROM actor WHERE code = :code AND roles & :role <> 0 ORDER BY place LIMIT :most",
        code=code,
        role=FARMER,
        most=_MOST,
    )
    found = [actor(db, sql.address(row.actor)) for row in rows]
    return tuple(each for each in found if each is not None)


def products_of_lot(db: Connection, lot: str) -> tuple[tuple[str, str], ...]:
    """Give (GTIN, lot) of the batches with a lot number, at most 20. It looks through all products."""
    rows = sql.rows(
        db,
        "SELECT p.gtin FROM product p WHERE EXISTS"
        " (SELECT 1 FROM batch b WHERE b.gtin = p.gtin AND b.lot = :lot) LIMIT :most",
        lot=lot,
        most=_MOST,
    )
    return tuple((sql.gtin(row.gtin), lot) for row in rows)


def codes(db: Connection, addresses: Iterable[str]) -> dict[str, str]:
    """Give the codes of actors by their addresses; who is no actor is left out. Raises `HexError`."""
    found = {}
    for each in set(addresses):
        row = sql.first(
            db, "SELECT code FROM actor WHERE actor = :actor", actor=hexes.address_bytes(each)
        )
        if row is not None:
            found[each] = str(row.code)
    return found
