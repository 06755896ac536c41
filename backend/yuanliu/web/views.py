"""What is answered about the chain: the rows of the index in the shapes of the API."""

from typing import Any, Final

from pydantic import Field

from yuanliu import identifiers
from yuanliu.actions import Role
from yuanliu.index import queries as q
from yuanliu.index.queries.sql import block_of, log_of
from yuanliu.records import Kind
from yuanliu.web.shapes import Money, Output, hexed, moment


class ActorView(Output):
    """Somebody who may act. Nothing personal: people appear by a code."""

    address: str
    code: str = Field(examples=["COOP-0001"])
    roles: list[str] = Field(examples=[["cooperative"]])
    enroller: str
    suspended: bool
    suspension_reason: str | None
    key: str = Field(description="The key that signs for it now.")
    payout: str = Field(description="Where its money goes.")
    enrolled: str
    transaction: str

    @classmethod
    def of(cls, row: q.Actor) -> "ActorView":
        """Write an actor."""
        return cls(
            address=row.address,
            code=row.code,
            roles=role_names(row.roles),
            enroller=row.enroller,
            suspended=row.suspended,
            suspension_reason=row.suspension_reason,
            key=row.key,
            payout=row.payout,
            enrolled=moment(row.enrolled),
            transaction=row.transaction,
        )


class ActorEventView(Output):
    """Something that happened to an actor: enrolled, suspended, a key rotated."""

    kind: str
    by: str | None
    key: str | None
    old_key: str | None
    reason: str | None
    ready_at: str | None
    time: str
    transaction: str

    @classmethod
    def of(cls, row: q.ActorEvent) -> "ActorEventView":
        """Write an event of an actor."""
        return cls(
            kind=row.kind,
            by=row.by,
            key=row.key,
            old_key=row.old_key,
            reason=row.reason,
            ready_at=None if row.ready_at is None else moment(row.ready_at),
            time=moment(row.time),
            transaction=row.transaction,
        )


class TermsView(Output):
    """Terms of sharing, as published. Ratios are basis points of the margin."""

    id: int
    gtin: str
    cooperative: str
    token: str
    farmer_bps: int
    cooperative_bps: int
    platform_bps: int
    floor_per_unit: Money
    cooperative_payee: str
    platform_payee: str
    authority: str
    published: str
    transaction: str

    @classmethod
    def of(cls, row: q.Terms) -> "TermsView":
        """Write terms."""
        return cls(
            id=row.id,
            gtin=row.gtin,
            cooperative=row.cooperative,
            token=row.token,
            farmer_bps=row.farmer_bps,
            cooperative_bps=row.cooperative_bps,
            platform_bps=row.platform_bps,
            floor_per_unit=Money.of(row.floor_per_unit),
            cooperative_payee=row.cooperative_payee,
            platform_payee=row.platform_payee,
            authority=row.authority,
            published=moment(row.time),
            transaction=row.transaction,
        )


class ProductView(Output):
    """A product of a cooperative."""

    gtin: str
    cooperative: str
    unit: str = Field(examples=["KGM"])
    terms_in_force: int | None
    listed: str
    transaction: str

    @classmethod
    def of(cls, row: q.Product) -> "ProductView":
        """Write a product."""
        return cls(
            gtin=row.gtin,
            cooperative=row.cooperative,
            unit=row.unit,
            terms_in_force=row.in_force,
            listed=moment(row.time),
            transaction=row.transaction,
        )


class DeliveryView(Output):
    """What a farmer delivered: net grams, grade factor in basis points, price a kilogram for the record."""

    cooperative: str
    receipt: int
    farmer: str
    farmer_code: str
    gtin: str
    grams: int
    grade_bps: int
    price_per_kg: Money
    terms: int
    batch: str | None = Field(description="The batch that it entered.")
    voided: str | None
    void_reason: str | None
    booked: str
    transaction: str

    @classmethod
    def of(cls, row: q.Delivery) -> "DeliveryView":
        """Write a delivery."""
        return cls(
            cooperative=row.cooperative,
            receipt=row.receipt,
            farmer=row.farmer,
            farmer_code=row.farmer_code,
            gtin=row.gtin,
            grams=row.grams,
            grade_bps=row.grade_bps,
            price_per_kg=Money.of(row.price_per_kg),
            terms=row.terms,
            batch=None if row.batch is None else hexed(row.batch),
            voided=None if row.voided is None else moment(row.voided),
            void_reason=row.void_reason,
            booked=moment(row.time),
            transaction=row.transaction,
        )


class RecallView(Output):
    """A recall in force, of the batch itself or of something that it was made from."""

    batch: str
    by: str
    reason: str
    since: str

    @classmethod
    def of(cls, row: q.Recall) -> "RecallView":
        """Write a recall."""
        return cls(batch=hexed(row.batch), by=row.by, reason=row.reason, since=moment(row.since))


class BatchView(Output):
    """A batch as it is now."""

    id: str
    gtin: str
    lot: str
    link: str = Field(examples=["/01/06901234567892/10/EGG20260412-001"])
    cooperative: str
    farmer: str | None = Field(description="The one farmer whose goods it is; none: it has a pool.")
    unit: str
    units: int
    for_sale: int
    sold: int
    milligrams_per_unit: int
    loss_milligrams: int | None
    derived: bool = Field(description="Whether it was made from other batches.")
    transformation: int | None
    price: Money
    floor: Money
    terms: int
    token: str
    held: bool
    recalled: bool
    recalls: list[RecallView]
    records: int
    head: str
    registered: str
    transaction: str

    @classmethod
    def of(cls, row: q.Batch) -> "BatchView":
        """Write a batch."""
        return cls(
            id=hexed(row.id),
            gtin=row.gtin,
            lot=row.lot,
            link=identifiers.digital_link_path(row.gtin, row.lot),
            cooperative=row.cooperative,
            farmer=row.farmer,
            unit=row.unit,
            units=row.units,
            for_sale=row.for_sale,
            sold=row.sold,
            milligrams_per_unit=row.milligrams_per_unit,
            loss_milligrams=row.loss,
            derived=row.derived,
            transformation=row.transformation,
            price=Money.of(row.price),
            floor=Money.of(row.floor),
            terms=row.terms,
            token=row.token,
            held=row.held,
            recalled=row.recalled,
            recalls=[RecallView.of(each) for each in row.recalls],
            records=row.records,
            head=hexed(row.head),
            registered=moment(row.time),
            transaction=row.transaction,
        )


class StatusView(Output):
    """Whether a batch may be sold, and if not, why."""

    batch: str
    on_sale: bool
    held: bool
    recalled: bool
    recalls: list[RecallView]


class RecordView(Output):
    """One record of a journal. `data` are its exact bytes; `head` is the journal head after it."""

    number: int
    kind: str = Field(examples=["inspection"])
    time: str
    actor: str
    signer: str
    previous: str
    head: str
    data: str
    transaction: str
    block: int
    log_index: int

    @classmethod
    def of(cls, row: q.Record) -> "RecordView":
        """Write a record."""
        return cls(
            number=row.number,
            kind=Kind(row.kind).name.lower(),
            time=moment(row.time),
            actor=row.actor,
            signer=row.signer,
            previous=hexed(row.previous),
            head=hexed(row.head),
            data=hexed(row.data),
            transaction=row.transaction,
            block=row.block,
            log_index=row.log_index,
        )


def record_json(row: Any) -> dict[str, Any]:  # noqa: ANN401 -- a row of `queries.journals`
    """Write what `RecordView` writes, by hand: 5 µs a record, where checking each again takes 25."""
    return {
        "number": row.number,
        "kind": _KIND_NAMES[row.kind],
        "time": moment(row.time),
        "actor": hexed(row.actor),
        "signer": hexed(row.signer),
        "previous": hexed(row.previous),
        "head": hexed(row.head),
        "data": hexed(row.data),
        "transaction": hexed(row.tx),
        "block": block_of(row.place),
        "log_index": log_of(row.place),
    }


_KIND_NAMES: Final = {kind.value: kind.name.lower() for kind in Kind}


class JournalView(Output):
    """All records of a batch, and what is needed to check them: against the head that the chain itself gives."""

    batch: str
    chain_id: int
    contract: str = Field(description="Ask it for `headOf(batch)`.")
    head: str = Field(description="What the records hash to; compare it with the chain's.")
    records: list[RecordView]


class RelativeView(Output):
    """An ancestor or descendant of a batch."""

    batch: str
    gtin: str
    lot: str
    cooperative: str
    depth: int = Field(description="Fewest steps to it.")
    milligrams: int | None = Field(description="What went in directly; neighbours only.")


class ArrowView(Output):
    """So many milligrams of `parent` went into `child`."""

    child: str
    parent: str
    milligrams: int


class LineageView(Output):
    """Where a batch comes from and where it went."""

    batch: str
    ancestors: list[RelativeView]
    descendants: list[RelativeView]
    arrows: list[ArrowView]


class HoldingView(Output):
    """Units of a batch that somebody has; the contract itself holds what is offered."""

    batch: str
    owner: str
    units: int


class OfferView(Output):
    """A hand-over that one side offered. `answer`: accepted, refused or withdrawn; none: open."""

    batch: str
    number: int
    sender: str
    receiver: str
    units: int
    offered: str
    answer: str | None
    answered: str | None
    transaction: str

    @classmethod
    def of(cls, row: q.Offer) -> "OfferView":
        """Write an offer."""
        return cls(
            batch=hexed(row.batch),
            number=row.number,
            sender=row.sender,
            receiver=row.receiver,
            units=row.units,
            offered=moment(row.time),
            answer=None if row.answer is None else row.answer.name.lower(),
            answered=None if row.answered is None else moment(row.answered),
            transaction=row.transaction,
        )


class MemberView(Output):
    """A member of a pool: his weight, what is due to him of all receipts, and what of it he got."""

    index: int
    member: str = Field(description="A farmer's address, or the id of a batch that went in.")
    receipt: int | None
    weight: int
    due: Money
    paid: Money


class PoolView(Output):
    """The pool of a batch."""

    batch: str
    total_weight: int
    received: Money
    paid: Money
    members: list[MemberView]


class PaymentView(Output):
    """A payment for units of one batch, and how it was shared: farmers + cooperative + platform = amount."""

    reference: str = Field(description="Where it stands on the chain: transaction and log.")
    batch: str
    gtin: str
    lot: str
    seller: str
    payer: str
    buyer: str
    order: str
    units: int
    token: str
    amount: Money
    farmers: Money
    cooperative: Money
    platform: Money
    time: str
    transaction: str
    block: int
    log_index: int

    @classmethod
    def of(cls, row: q.Payment) -> "PaymentView":
        """Write a payment."""
        return cls(
            reference=f"{row.transaction}-{row.log_index}",
            batch=hexed(row.batch),
            gtin=row.gtin,
            lot=row.lot,
            seller=row.seller,
            payer=row.payer,
            buyer=row.buyer,
            order=str(row.order),
            units=row.units,
            token=row.token,
            amount=Money.of(row.amount),
            farmers=Money.of(row.farmers),
            cooperative=Money.of(row.cooperative),
            platform=Money.of(row.platform),
            time=moment(row.time),
            transaction=row.transaction,
            block=row.block,
            log_index=row.log_index,
        )


class PayoutView(Output):
    """Money that reached somebody."""

    kind: str
    role: str | None
    batch: str | None
    owner: str = Field(description="To whom it was due.")
    receiver: str = Field(description="The address that got it.")
    token: str
    amount: Money
    time: str
    transaction: str

    @classmethod
    def of(cls, row: q.Payout) -> "PayoutView":
        """Write a payout."""
        return cls(
            kind=row.kind,
            role=row.role,
            batch=None if row.batch is None else hexed(row.batch),
            owner=row.owner,
            receiver=row.receiver,
            token=row.token,
            amount=Money.of(row.amount),
            time=moment(row.time),
            transaction=row.transaction,
        )


class EventView(Output):
    """An EPCIS event of a batch, and which record of its journal it is."""

    hash: str = Field(description="The standard event hash, ni:///sha-256;…?ver=CBV2.0.")
    event: dict[str, Any]


def role_names(roles: int) -> list[str]:
    """Give the names of role bits."""
    return [role.name.lower() for role in Role if role & roles and role.name]
