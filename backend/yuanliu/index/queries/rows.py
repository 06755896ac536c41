"""What queries answer. Ids and hashes are bytes, addresses lowercase hex, transactions 0x and 64 hex digits.

Money is in the token's smallest unit (fen), mass in grams or milligrams as the name says, times are seconds UTC.
`place` is where the log stands (`yuanliu.index.tables`); the one of the last row of a page asks for the next page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from yuanliu.records import Kind


@dataclass(frozen=True, slots=True)
class Status:
    """How far the copy reaches. `events_behind`: EPCIS events are still being drawn from the last blocks."""

    chain_id: int
    contract: str
    first_block: int
    block: int
    hash: bytes
    time: int
    events_behind: bool


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall in force: `batch` itself is recalled, or an ancestor of the batch that was asked for."""

    batch: bytes
    by: str
    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it is now.

    `units` were made, `for_sale` are held by the cooperative, `sold` were paid for. `price` is of one unit, `floor`
    the least it can be. `farmer` is the one farmer whose goods it is; none: it has a pool. `loss` is the declared loss
    in milligrams of a harvest. `held`: a failed inspection stops the sale. `recalls`: its own and its ancestors'.
    `records` and `head` are those of its journal.
    """

    place: int
    id: bytes
    cooperative: str
    gtin: str
    lot: str
    unit: str
    terms: int
    units: int
    for_sale: int
    sold: int
    milligrams_per_unit: int
    loss: int | None
    transformation: int | None
    price: int
    floor: int
    token: str
    total_weight: int
    farmer: str | None
    held: bool
    recalls: tuple[Recall, ...]
    records: int
    head: bytes
    time: int
    transaction: str

    @property
    def derived(self) -> bool:
        """Whether it was made from other batches."""
        return self.transformation is not None

    @property
    def recalled(self) -> bool:
        """Whether it, or anything it was made from, is recalled."""
        return bool(self.recalls)


class State(StrEnum):
    """What batches can be asked for by."""

    ON_SALE = "on_sale"
    """Not held, not recalled, and the cooperative has units."""
    HELD = "held"
    RECALLED = "recalled"
    """Itself or an ancestor."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a journal: its bytes, the head before it and after it, and where it stands."""

    place: int
    batch: bytes
    number: int
    kind: Kind
    time: int
    actor: str
    signer: str
    previous: bytes
    head: bytes
    data: bytes
    transaction: str
    block: int
    log_index: int


@dataclass(frozen=True, slots=True)
class Relative:
    """An ancestor or descendant. `depth`: fewest steps; `milligrams`: what went from the one directly into the other.

    Only neighbours (depth 1) have `milligrams`.
    """

    batch: bytes
    gtin: str
    lot: str
    cooperative: str
    depth: int
    milligrams: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """One arrow of a lineage: so many milligrams of `parent` went into `child`."""

    child: bytes
    parent: bytes
    milligrams: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a batch comes from and where it went: relatives nearest first, and every arrow between them."""

    ancestors: tuple[Relative, ...]
    descendants: tuple[Relative, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A parent in the tree of a batch: so many milligrams of it went into `child`. `recalled`: itself."""

    child: bytes
    batch: bytes
    milligrams: int
    gtin: str
    lot: str
    cooperative: str
    time: int
    recalled: bool


@dataclass(frozen=True, slots=True)
class Sales:
    """All payments for a batch's units in sum; `first` and `last` are the times of the first and the latest."""

    count: int
    first: int | None
    last: int | None
    units: int
    amount: int
    farmers: int
    cooperative: int
    platform: int


@dataclass(frozen=True, slots=True)
class Signer:
    """Under which code somebody acts, and as what: bits of `actions.Role`."""

    code: str
    roles: int


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of a batch that an owner has. The contract itself holds what is offered."""

    batch: bytes
    owner: str
    units: int


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer. `answer`: ACCEPTED, REFUSED or WITHDRAWN; none: open."""

    place: int
    batch: bytes
    number: int
    sender: str
    receiver: str
    units: int
    time: int
    transaction: str
    answer: Kind | None
    answered: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery. `batch`: where it was entered; `voided`, `void_reason`: when and why it was declared wrong."""

    place: int
    cooperative: str
    receipt: int
    farmer: str
    farmer_code: str
    gtin: str
    grams: int
    grade_bps: int
    price_per_kg: int
    terms: int
    signer: str
    time: int
    transaction: str
    batch: bytes | None
    voided: int | None
    void_reason: str | None


@dataclass(frozen=True, slots=True)
class MemberShare:
    """A member of a pool and its money: all that is due of the pool's receipts, and what of it was paid already."""

    index: int
    member: str | bytes
    receipt: int | None
    weight: int
    due: int
    paid: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment for units of one batch, and how it was shared."""

    place: int
    batch: bytes
    gtin: str
    lot: str
    seller: str
    payer: str
    order: int
    buyer: str
    units: int
    token: str
    amount: int
    farmers: int
    cooperative: int
    platform: int
    time: int
    transaction: str
    block: int
    log_index: int


class PayoutKind(StrEnum):
    """How money reached somebody."""

    SALE = "sale"
    """In the payment itself."""
    CLAIM = "claim"
    SETTLEMENT = "settlement"
    WITHDRAWAL = "withdrawal"


class Role(StrEnum):
    """As what he received it."""

    FARMER = "farmer"
    COOPERATIVE = "cooperative"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that reached somebody: `owner` it was due to, `receiver` is the address that got it.

    `batch` is the one whose pool or payment it came from; a withdrawal has none.
    `sub` tells the payouts of one log apart.
    """

    place: int
    sub: int
    kind: PayoutKind
    role: Role | None
    batch: bytes | None
    owner: str
    receiver: str
    token: str
    amount: int
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool: all it received, from payments and from the pools of what was made of it, and all that left it."""

    batch: bytes
    token: str
    received: int
    paid: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What is kept for somebody who could not be paid."""

    token: str
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor as it is now. `roles` are bits of `actions.Role`; `payout` is where its money goes."""

    place: int
    address: str
    enroller: str
    roles: int
    code: str
    key: str
    payout: str
    clerks: tuple[str, ...]
    suspended: bool
    suspended_by: str | None
    suspension_reason: str | None
    recovery_key: str | None
    recovery_ready_at: int | None
    enrolled: int
    transaction: str


@dataclass(frozen=True, slots=True)
class ActorEvent:
    """What happened to an actor; `kind` is the contract's event. Fields that the event does not have are none."""

    place: int
    kind: str
    by: str | None
    key: str | None
    old_key: str | None
    reason: str | None
    ready_at: int | None
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product. `in_force`: number of the terms for deliveries booked now; none before the first publication."""

    place: int
    gtin: str
    cooperative: str
    unit: str
    in_force: int | None
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms as published. Ratios are basis points."""

    place: int
    id: int
    gtin: str
    cooperative: str
    token: str
    farmer_bps: int
    cooperative_bps: int
    platform_bps: int
    cooperative_payee: str
    floor_per_unit: int
    platform_payee: str
    authority: str
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A record declared wrong. `heeded`: by the author of the wrong record, or a regulator; else an objection."""

    place: int
    number: int
    actor: str
    wrong: bytes
    wrong_number: int | None
    corrective: bytes
    corrective_number: int | None
    heeded: bool
    time: int


@dataclass(frozen=True, slots=True)
class Event:
    """An EPCIS event as it is served: with `eventID` (its author's, or the hash) and `recordTime` (the block's)."""

    place: int
    sub: int
    batch: bytes | None
    hash: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, and the token of the page after them; none: there are no more."""

    events: tuple[Event, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the copy holds."""

    batches: int
    records: int
    deliveries: int
    payments: int
    actors: int
    events: int
    faulty_events: int
