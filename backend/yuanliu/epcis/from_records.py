"""EPCIS 2.0 events for what the contracts write themselves, from the record and what the chain knows beside it.

| on chain | event | action | bizStep | what else it says |
|---|---|---|---|---|
| delivery booked | ObjectEvent | OBSERVE | receiving | farmer → cooperative, `recadv`, net grams of the product |
| delivery voided | the same once more | | | errorDeclaration `did_not_occur`, the reason |
| Sold | TransactionEvent | ADD | retail_selling | cooperative → buyer, `inv` the payment, `po` the order, all shares |
| Offered | ObjectEvent | OBSERVE | shipping | sender → receiver, `desadv`, in_transit |
| Accepted | ObjectEvent | OBSERVE | receiving | sender → receiver, `desadv`, in_progress |
| Refused | ObjectEvent | OBSERVE | shipping | receiver → sender, `desadv`, returned (CBV 2.0 has no step "returning") |
| Withdrawn | ObjectEvent | OBSERVE | void_shipping | sender → receiver, `desadv` |
| Consumed | TransformationEvent | | commissioning | the input, by transformationID |
| Derived | TransformationEvent | | commissioning | the output, by the same transformationID |
| Recalled | ObjectEvent | OBSERVE | | disposition recalled, persistent: set |
| RecallLifted | ObjectEvent | OBSERVE | | persistent: recalled unset |
| Released | ObjectEvent | OBSERVE | | persistent: non_conformant unset, and nothing set |
| Registered, Production, Inspection, Logistics, Readings, Corrected | | | | the payload is the event |
| Collected, Priced | | | | nothing happens to the goods: no event |

What a regulator releases is not conformant by that. A Derived record has both: its payload is what the cooperative
says, but only the contract knows the number that joins inputs and outputs. Times are the block's, in UTC: the chain
knows no place and no zone. Every event names its log in `yuanliu:record`, so no two are alike, and who signed; amounts
of money are texts in the token's smallest unit. The events carry no `eventID`: the caller gives the one he wants
(`hashing.event_hash`, `acts.identified`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from yuanliu import identifiers
from yuanliu.epcis import uris
from yuanliu.epcis.acts import declared_wrong
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.payloads import UNFIT, Event
from yuanliu.records import (
    Accepted,
    Body,
    Consumed,
    Derived,
    Offered,
    ReasonBody,
    Recalled,
    RecallLifted,
    Record,
    Refused,
    Released,
    Sold,
    Withdrawn,
)

_MAX_WHOLE: Final = 2**53  # a double, and so a browser, counts no further


@dataclass(frozen=True, slots=True)
class Logged:
    """Where on which chain a log stands. `transaction` is 0x and 64 hex digits."""

    chain_id: int
    transaction: str
    index: int


@dataclass(frozen=True, slots=True)
class Party:
    """An actor: its address, its code ("" if never enrolled), and for a farmer the cooperative's code."""

    address: str
    code: str = ""
    under: str = ""

    @property
    def uri(self) -> str:
        """Its name in events."""
        if not self.code:
            return uris.unenrolled(self.address)
        return uris.party(self.code, under=self.under)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an answer to an offer does not repeat: who sent how many units to whom."""

    sender: Party
    receiver: Party
    units: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The batch of a record. `uom` is the product's unit; `parties` are the enrolled ones by address."""

    id: bytes
    gtin: str
    lot: str
    uom: str
    cooperative: Party
    parties: Mapping[str, Party] = field(default_factory=dict)

    def party(self, address: str) -> Party:
        """Give the party of an address, enrolled or not."""
        return self.parties.get(address) or Party(address)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A booked delivery: net grams, grade factor in basis points, price in the token's smallest unit per kilogram.

    `time` is the block's, in seconds UTC. The chain keeps no gross weight.
    """

    time: int
    receipt: int
    farmer: Party
    cooperative: Party
    gtin: str
    grams: int
    grade_bps: int
    price_per_kg: int
    signer: str


def delivered(delivery: Delivery, logged: Logged) -> Event:
    """Build the receiving of a delivery. Raises `EpcisError` (`epcis.time_invalid`), `IdentifierError`."""
    product = identifiers.CANONICAL_HOST + "/01/" + identifiers.parse_gtin(delivery.gtin)
    receipt = uris.delivery(logged.chain_id, delivery.cooperative.address, delivery.receipt)
    return {
        **_event("ObjectEvent", delivery.time, logged, delivery.cooperative.address),
        "action": "OBSERVE",
        "bizStep": "receiving",
        "disposition": "in_progress",
        "quantityList": [{"epcClass": product, **_amount(delivery.grams, "GRM")}],
        "bizTransactionList": [{"type": "recadv", "bizTransaction": receipt}],
        "readPoint": {"id": uris.place(delivery.cooperative.code or delivery.cooperative.address)},
        **_handed(delivery.farmer, delivery.cooperative, "possessing_party"),
        "yuanliu:signer": delivery.signer,
        "yuanliu:netGrams": delivery.grams,
        "yuanliu:gradeBps": delivery.grade_bps,
        "yuanliu:pricePerKilogram": str(delivery.price_per_kg),
    }


def delivery_voided(delivered_event: Event, *, time: int, reason: str) -> Event:
    """Build the correction of a delivery that was voided at `time`, seconds UTC. Raises `EpcisError`."""
    declared = declared_wrong(delivered_event, declared_at=_moment(time), reason="did_not_occur")
    declared["errorDeclaration"]["yuanliu:reason"] = UNFIT.sub("\ufffd", reason)
    return declared


def from_record(
    record: Record, batch: Batch, logged: Logged, *, offer: Offer | None = None
) -> Event | None:
    """Build the event of what the contract did; None for records without one of their own (see the table).

    `offer` is what Accepted, Refused and Withdrawn answer. Raises `EpcisError` (`epcis.offer_missing` if it is not
    given, `epcis.time_invalid`), `IdentifierError`.
    """
    says = _says(record, batch, logged, offer)
    if says is None:
        return None
    kind = str(says.pop("type", "ObjectEvent"))
    common = _event(kind, record.time, logged, record.actor)
    if kind == "ObjectEvent":
        common["action"] = "OBSERVE"
    return {**common, **says, "yuanliu:signer": record.signer}


def _says(record: Record, batch: Batch, logged: Logged, offer: Offer | None) -> Event | None:
    """Give what is particular to the kind."""
    body = record.body
    if isinstance(body, Sold):
        return _sold(body, record.actor, batch, logged)
    if isinstance(body, Offered):
        made = Offer(batch.party(record.actor), batch.party(body.receiver), body.units)
        return _offer(batch, logged, body.offer, made, "shipping", "in_transit")
    if isinstance(body, Accepted | Refused | Withdrawn):
        return _answer(body, batch, logged, offer)
    if isinstance(body, Consumed):
        return _transformed(batch, logged, body.transformation, "input", body.units)
    if isinstance(body, Derived):
        return _transformed(batch, logged, body.transformation, "output", body.units)
    return _status(body, batch)


def _sold(sold: Sold, payer: str, batch: Batch, logged: Logged) -> Event:
    paid = uris.payment(logged.chain_id, logged.transaction, logged.index)
    order = uris.order(logged.chain_id, payer, sold.order)
    return {
        "type": "TransactionEvent",
        "action": "ADD",
        "bizStep": "retail_selling",
        "disposition": "retail_sold",
        "quantityList": [_units(batch, sold.units)],
        "bizTransactionList": [
            {"type": "inv", "bizTransaction": paid},
            {"type": "po", "bizTransaction": order},
        ],
        **_handed(batch.cooperative, batch.party(sold.buyer), "possessing_party", "owning_party"),
        "yuanliu:units": str(sold.units),
        "yuanliu:amount": str(sold.amount),
        "yuanliu:farmers": str(sold.farmers),
        "yuanliu:cooperative": str(sold.cooperative),
        "yuanliu:platform": str(sold.platform),
    }


def _answer(
    body: Accepted | Refused | Withdrawn, batch: Batch, logged: Logged, offer: Offer | None
) -> Event:
    if offer is None:
        raise EpcisError(
            "epcis.offer_missing",
            f"offer {body.offer} is answered, but not handed in",
            hint="hand in what the Offered record of the same number says",
            fields={"offer": body.offer},
        )
    if isinstance(body, Accepted):
        return _offer(batch, logged, body.offer, offer, "receiving", "in_progress")
    if isinstance(body, Withdrawn):
        return _offer(batch, logged, body.offer, offer, "void_shipping", "in_progress")
    back = Offer(offer.receiver, offer.sender, offer.units)
    said = _offer(batch, logged, body.offer, back, "shipping", "returned")
    return said | {"yuanliu:reason": _reason(body)}


def _offer(
    batch: Batch, logged: Logged, number: int, moved: Offer, step: str, disposition: str
) -> Event:
    advice = uris.offer(logged.chain_id, batch.id, number)
    return {
        "bizStep": step,
        "disposition": disposition,
        "quantityList": [_units(batch, moved.units)],
        "bizTransactionList": [{"type": "desadv", "bizTransaction": advice}],
        **_handed(moved.sender, moved.receiver, "possessing_party"),
        "yuanliu:units": str(moved.units),
    }


def _transformed(batch: Batch, logged: Logged, number: int, side: str, units: int) -> Event:
    return {
        "type": "TransformationEvent",
        "bizStep": "commissioning",
        "transformationID": uris.transformation(logged.chain_id, number),
        f"{side}QuantityList": [_units(batch, units)],
        "yuanliu:units": str(units),
    }


def _status(body: Body, batch: Batch) -> Event | None:
    """Say what holds of the whole batch from now on: a class without quantity."""
    if not isinstance(body, ReasonBody):
        return None
    says: Event = {"quantityList": [{"epcClass": identifiers.lot_class(batch.gtin, batch.lot)}]}
    if isinstance(body, Recalled):
        says |= {"disposition": "recalled", "persistentDisposition": {"set": ["recalled"]}}
    elif isinstance(body, RecallLifted):
        says["persistentDisposition"] = {"unset": ["recalled"]}
    elif isinstance(body, Released):
        says["persistentDisposition"] = {"unset": ["non_conformant"]}
    return says | {"yuanliu:reason": _reason(body)}


# ---------------------------------------------------------------------- parts


def _event(kind: str, time: int, logged: Logged, actor: str) -> Event:
    return {
        "type": kind,
        "eventTime": _moment(time).isoformat(),
        "eventTimeZoneOffset": "+00:00",
        "yuanliu:record": uris.record(logged.chain_id, logged.transaction, logged.index),
        "yuanliu:actor": actor,
    }


def _moment(time: int) -> datetime:
    try:
        return datetime.fromtimestamp(time, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise EpcisError(
            "epcis.time_invalid",
            f"{time} seconds are beyond the year 9999",
            hint="compare with the time of the block",
            fields={"time": time},
        ) from error


def _handed(source: Party, destination: Party, *kinds: str) -> Event:
    """Say who gave it to whom: possession, ownership or both."""
    return {
        "sourceList": [{"type": kind, "source": source.uri} for kind in kinds],
        "destinationList": [{"type": kind, "destination": destination.uri} for kind in kinds],
    }


def _units(batch: Batch, units: int) -> Event:
    lot = identifiers.lot_class(batch.gtin, batch.lot)
    return {"epcClass": lot, **_amount(units, identifiers.parse_unit(batch.uom))}


def _amount(quantity: int, uom: str) -> Event:
    """Give an amount; one that a double cannot hold is left open here, and stands exact as a text beside."""
    return {"quantity": quantity, "uom": uom} if quantity <= _MAX_WHOLE else {}


def _reason(body: ReasonBody) -> str:
    """Give the reason as text that every reader and database can hold."""
    return UNFIT.sub("\ufffd", body.text)
