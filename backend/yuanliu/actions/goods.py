"""Goods and their history: deliveries, batches, events, custody, hold and recall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yuanliu import epcis
from yuanliu.actions.values import batch_number, checked_reason, gtin_number, lot_bytes
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.epcis.vocabulary import DISPOSITIONS
from yuanliu.errors import YuanliuError
from yuanliu.records import Kind


@dataclass(frozen=True)
class Booking:
    """One delivery at the scale. `grams` net, `grade_bps` 10,000 for plain grade, `price_per_kg` in fen."""

    receipt: int
    farmer: str
    gtin: str
    grams: int
    grade_bps: int
    price_per_kg: int


@dataclass(frozen=True)
class Registration:
    """A batch to register. `mass_per_unit` and `loss` in milligrams, `price` of a unit in fen."""

    gtin: str
    lot: str
    units: int
    mass_per_unit: int
    price: int
    loss: int = 0


@dataclass(frozen=True)
class Input:
    """Units of a batch that go into a transformation."""

    batch: bytes
    units: int


@dataclass(frozen=True)
class Output:
    """A batch that a transformation makes. `mass_per_unit` in milligrams, `price` of a unit in fen."""

    gtin: str
    lot: str
    units: int
    mass_per_unit: int
    price: int
    event: Mapping[str, Any]


# ---------------------------------------------------------------------- making batches


def book(d: Deployment, bookings: Sequence[Booking]) -> Call:
    """Book deliveries at the cooperative's scale. Raises `IdentifierError`."""
    return d.deliveries.call(
        "book",
        [
            (b.receipt, b.farmer, gtin_number(b.gtin), b.grams, b.grade_bps, b.price_per_kg)
            for b in bookings
        ],
    )


def void_delivery(d: Deployment, receipt: int, reason: str) -> Call:
    """Declare a booking wrong. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.deliveries.call("voidDelivery", receipt, checked_reason(reason))


def collect(d: Deployment, gtin: str, lot: str, receipts: Sequence[int]) -> Call:
    """Enter up to 256 deliveries into a batch that is registered later. Raises `IdentifierError`."""
    return d.batches.call("collect", gtin_number(gtin), lot_bytes(gtin, lot), list(receipts))


def register(
    d: Deployment, what: Registration, receipts: Sequence[int], event: Mapping[str, Any]
) -> Call:
    """Register a batch from deliveries. Raises `IdentifierError`, `EpcisError`."""
    return d.batches.call(
        "register",
        (
            gtin_number(what.gtin),
            lot_bytes(what.gtin, what.lot),
            what.units,
            what.mass_per_unit,
            what.loss,
            what.price,
        ),
        list(receipts),
        epcis.payload(event),
    )


def transform(
    d: Deployment, inputs: Sequence[Input], outputs: Sequence[Output], *, loss: int
) -> Call:
    """Merge, split, grade or process: burn inputs, mint outputs. `loss` in milligrams.

    Raises `IdentifierError`, `EpcisError`.
    """
    return d.batches.call(
        "transform",
        sorted((batch_number(each.batch), each.units) for each in inputs),
        [
            (
                gtin_number(each.gtin),
                lot_bytes(each.gtin, each.lot),
                each.units,
                each.mass_per_unit,
                each.price,
                epcis.payload(each.event),
            )
            for each in outputs
        ],
        loss,
    )


def set_price(d: Deployment, batch: bytes, price: int) -> Call:
    """Change the price of a unit, in fen."""
    return d.batches.call("setPrice", batch_number(batch), price)


# ---------------------------------------------------------------------- events


def record_production(d: Deployment, batch: bytes, event: Mapping[str, Any]) -> Call:
    """Record a step of production. Raises `EpcisError`."""
    return d.batches.call("record", batch_number(batch), int(Kind.PRODUCTION), epcis.payload(event))


def record_logistics(d: Deployment, batch: bytes, event: Mapping[str, Any]) -> Call:
    """Record a step of logistics. Raises `EpcisError`."""
    return d.batches.call("record", batch_number(batch), int(Kind.LOGISTICS), epcis.payload(event))


def record_inspection(d: Deployment, batch: bytes, event: Mapping[str, Any]) -> Call:
    """Record an inspection; the verdict is the event's persistent disposition. Raises `EpcisError`."""
    conformant = verdict_of(event)
    if conformant is None:
        raise YuanliuError(
            "actions.no_verdict",
            "the inspection does not say whether the batch conforms",
            hint='set persistentDisposition to "conformant" or "non_conformant"',
        )
    return d.batches.call("inspect", batch_number(batch), conformant, epcis.payload(event))


def verdict_of(event: Mapping[str, Any]) -> bool | None:
    """Give an inspection's verdict, whether the batch conforms; None if the event has none."""
    disposition = event.get("persistentDisposition")
    said = disposition.get("set") if isinstance(disposition, Mapping) else None
    if not isinstance(said, list) or len(said) != 1:
        return None
    uri = DISPOSITIONS.uris.get(said[0]) if isinstance(said[0], str) else None
    return {DISPOSITIONS.uris["conformant"]: True, DISPOSITIONS.uris["non_conformant"]: False}.get(
        uri or ""
    )


def anchor_readings(
    d: Deployment, batch: bytes, root: bytes, count: int, event: Mapping[str, Any]
) -> Call:
    """Anchor sensor readings by the root of their tree (`yuanliu.members`), with a summary. Raises `EpcisError`."""
    return d.batches.call("anchor", batch_number(batch), root, count, epcis.payload(event))


def correct(
    d: Deployment, batch: bytes, *, wrong: bytes, corrective: bytes, event: Mapping[str, Any]
) -> Call:
    """Declare a record wrong and name the one that corrects it, each by the journal head after it.

    `event` is the wrong event with its error declaration. Raises `EpcisError`.
    """
    return d.batches.call("correct", batch_number(batch), wrong, corrective, epcis.payload(event))


# ---------------------------------------------------------------------- custody


def offer(d: Deployment, batch: bytes, to: str, units: int) -> Call:
    """Offer units to somebody; they are set aside until he answers."""
    return d.batches.call("offer", batch_number(batch), to, units)


def accept(d: Deployment, batch: bytes, number: int) -> Call:
    """Take offered units."""
    return d.batches.call("accept", batch_number(batch), number)


def refuse(d: Deployment, batch: bytes, number: int, reason: str) -> Call:
    """Refuse offered units. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("refuse", batch_number(batch), number, checked_reason(reason))


def withdraw_offer(d: Deployment, batch: bytes, number: int) -> Call:
    """Take an offer back."""
    return d.batches.call("withdraw", batch_number(batch), number)


# ---------------------------------------------------------------------- hold and recall


def release(d: Deployment, batch: bytes, reason: str) -> Call:
    """Release a held batch. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("release", batch_number(batch), checked_reason(reason))


def recall(d: Deployment, batch: bytes, reason: str) -> Call:
    """Recall a batch and all that was made from it. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("recall", batch_number(batch), checked_reason(reason))


def lift_recall(d: Deployment, batch: bytes, reason: str) -> Call:
    """Lift a recall. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("liftRecall", batch_number(batch), checked_reason(reason))


def refresh(d: Deployment, batch: bytes) -> Call:
    """Have the contract remember whether a batch's lineage is clear; anyone may."""
    return d.batches.call("refresh", batch_number(batch))
