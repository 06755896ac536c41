"""What an audit knows at a moment, one small object for each thing. Addresses are 20 bytes, ids and heads 32.

Masses are milligrams unless named otherwise, money is the token's smallest unit, times are Unix seconds.
"""

from dataclasses import dataclass, field
from typing import Final

NOBODY: Final = bytes(20)
NONE, CLERK, OWNER, RETIRED = range(4)
"""How a key stands to its actor, as `IActors.KeyLevel`."""

BOOKED, ENTERED, VOIDED = 1, 2, 3
"""Where a delivery stands, as `IDeliveries.Status`."""

REGISTERED, HELD, RECALLED, DERIVED = 1, 2, 4, 8
"""Bits of a batch, as in `IBatches.Batch`."""

PLATFORM, COOPERATIVE, FARMER, INSPECTOR, CARRIER, RETAILER, REGULATOR = (1 << i for i in range(7))
"""Bits of roles, as `Roles.sol`."""


@dataclass(slots=True)
class Actor:
    """Somebody enrolled. `payout` is empty while money goes to the actor's own address."""

    key: bytes
    roles: int
    enroller: bytes
    code: bytes
    enrolled_at: int
    suspended: bool = False
    suspended_by: bytes = NOBODY
    payout: bytes = b""
    clerks: list[bytes] = field(default_factory=list)
    recovery: bytes = b""
    recovery_at: int = 0


@dataclass(slots=True)
class Key:
    """Whom a key stands for, and how."""

    actor: bytes
    level: int


@dataclass(slots=True)
class Product:
    """A product and the number of the terms in force; 0: none yet."""

    cooperative: bytes
    unit: bytes
    in_force: int = 0


@dataclass(slots=True)
class Terms:
    """Published terms, and whose product they are for."""

    token: bytes
    farmer_bps: int
    cooperative_bps: int
    platform_bps: int
    cooperative_payee: bytes
    floor: int
    platform_payee: bytes
    gtin: int
    cooperative: bytes


@dataclass(slots=True)
class Delivery:
    """A delivery; `status` is one of `BOOKED`, `ENTERED`, `VOIDED`."""

    farmer: bytes
    grams: int
    grade_bps: int
    terms: int
    status: int = BOOKED


@dataclass(slots=True)
class Offer:
    """Units offered; 0 units when it is closed."""

    sender: bytes
    units: int
    receiver: bytes


@dataclass(slots=True)
class Batch:
    """A batch as its records make it. `received` and `paid` are its pool's; `farmer` is empty when it has a pool."""

    head: bytes
    cooperative: bytes = NOBODY
    terms: int = 0
    flags: int = 0
    farmer: bytes = b""
    price: int = 0
    weight: int = 0
    units: int = 0
    mass: int = 0
    grams: int = 0
    chunks: int = 0
    offers: int = 0
    recalled_by: bytes = NOBODY
    parents: list[bytes] = field(default_factory=list)
    clear_at: int = 0
    records: int = 0
    sold: int = 0
    opened: bool = False
    received: int = 0
    paid: int = 0
    transaction: str = ""


@dataclass(slots=True)
class Transformation:
    """What went into a transformation and what came out. Floors are sums over units."""

    mass_in: int = 0
    mass_out: int = 0
    floor_in: int = 0
    floor_out: int = 0
    farmer_bps: int = 0
    token: bytes = b""
    inputs: list[tuple[bytes, int]] = field(default_factory=list)
    farmer: bytes | None = None
    outputs: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Purse:
    """What the payments' contract got and gave of a token; `gifts` came in without a sale, `owed` is promised."""

    came: int = 0
    went: int = 0
    gifts: int = 0
    owed: int = 0
