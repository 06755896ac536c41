"""Deliveries and batches: booked, registered, transformed, priced, handed over, held and recalled."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, model_validator

from yuanliu import actions, epcis, identifiers, journal, money
from yuanliu.chain.bindings import Call
from yuanliu.desk import weighings
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.members import CHUNK
from yuanliu.web import collecting
from yuanliu.web.acting import Acting, Acts
from yuanliu.web.events_in import DescriptionIn, HarvestIn, Moment, Place, checked, place_uri
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import After, BatchId, Limit, after_place, cursor, known
from yuanliu.web.routes.people import WithReason
from yuanliu.web.services import Copy
from yuanliu.web.shapes import (
    Address,
    Gtin,
    Hash,
    Input,
    IntentionView,
    LotCode,
    MoneyIn,
    Page,
    hexed,
    unhexed,
)
from yuanliu.web.views import DeliveryView

router = APIRouter(tags=["goods"], responses=documented(400, 422, 503))
REFUSALS = documented(401, 403, 404, 409)

Receipt = Annotated[int, Field(ge=1, lt=1 << 63, examples=[20260412001])]
Units = Annotated[int, Field(ge=1, lt=1 << 63, examples=[1200])]
Milligrams = Annotated[int, Field(ge=1, lt=1 << 32, examples=[50_000])]
Loss = Annotated[int, Field(ge=0, lt=1 << 63, description="Declared loss, milligrams.")]
OfferNumber = Annotated[int, Path(ge=1, lt=1 << 32)]


class BookingIn(Input):
    """A delivery at the scale."""

    receipt: Receipt
    farmer: Address | None = Field(None, description="His address; or give `farmer_code`.")
    farmer_code: str | None = Field(None, pattern=r"^[!-~]{1,16}$", examples=["H-0042"])
    gtin: Gtin
    grams: int = Field(ge=1, lt=1 << 40, examples=[60_000], description="Net.")
    tare_grams: int = Field(
        0, ge=0, lt=1 << 40, description="Of the crate; for the receipt, not for the chain."
    )
    grade_bps: int = Field(10_000, ge=1, le=20_000, description="10,000 is plain grade.")
    price_per_kg: MoneyIn

    @model_validator(mode="after")
    def _one_farmer(self) -> "BookingIn":
        if (self.farmer is None) == (self.farmer_code is None):
            raise ValueError("give farmer (his address) or farmer_code, one of the two")
        return self


class BookingsIn(Input):
    """Deliveries to book: all or none."""

    deliveries: list[BookingIn] = Field(min_length=1, max_length=50)


class CollectIn(Input):
    """Deliveries that enter a batch ahead of its registration."""

    gtin: Gtin
    lot: LotCode
    receipts: list[Receipt] = Field(min_length=1, max_length=256)


class BatchIn(Input):
    """A batch to register: units × milligrams per unit + loss = what was delivered."""

    gtin: Gtin
    lot: LotCode
    units: Units
    milligrams_per_unit: Milligrams
    loss_milligrams: Loss = 0
    price: MoneyIn
    receipts: list[Receipt] = Field(
        max_length=collecting.MOST,
        description="More than 256 enter in parts. While they do, the answer is 503 `batch.collecting`: send the same"
        " request with the same `Idempotency-Key` again, and it goes on.",
    )
    harvest: HarvestIn


class InputIn(Input):
    """Units that go in."""

    batch: Hash
    units: Units


class OutputIn(Input):
    """A batch that comes out."""

    gtin: Gtin
    lot: LotCode
    units: Units
    milligrams_per_unit: Milligrams
    price: MoneyIn
    description: DescriptionIn = Field(default_factory=DescriptionIn)


class TransformationIn(Input):
    """Merge, split, grade or process: outputs + loss = inputs, by mass."""

    inputs: list[InputIn] = Field(min_length=1, max_length=256)
    outputs: list[OutputIn] = Field(min_length=1, max_length=256)
    loss_milligrams: Loss = 0
    time: Moment
    place: Place


class PriceIn(Input):
    """A new price of one unit. With `seen`, it is refused if the price is another meanwhile."""

    price: MoneyIn
    seen: MoneyIn | None = Field(None, description="The price that whoever asks has seen.")


class OfferIn(Input):
    """Units offered to somebody."""

    to: Address
    units: Units


# ---------------------------------------------------------------------- deliveries


@router.get("/deliveries")
def list_deliveries(
    db: Copy,
    *,
    cooperative: Address | None = None,
    farmer: Address | None = None,
    gtin: Gtin | None = None,
    batch: Hash | None = None,
    open_only: bool = False,
    after: After = None,
    limit: Limit = 50,
) -> Page[DeliveryView]:
    """List deliveries, newest first."""
    rows = q.deliveries(
        db,
        cooperative=cooperative,
        farmer=farmer,
        gtin=gtin,
        batch=None if batch is None else unhexed(batch),
        open_only=open_only,
        after=after_place(after),
        limit=limit,
    )
    return Page(items=[DeliveryView.of(row) for row in rows], next=cursor(rows, limit))


@router.get("/deliveries/{cooperative}/{receipt}", responses=documented(404))
def show_delivery(
    cooperative: Annotated[Address, Path()],
    receipt: Annotated[int, Path(ge=1, lt=1 << 63)],
    db: Copy,
) -> DeliveryView:
    """Give a delivery by the number of its receipt."""
    found = q.delivery(db, cooperative, receipt)
    if found is None:
        raise YuanliuError(
            "delivery.unknown",
            f"there is no delivery {receipt} of {cooperative}",
            hint="compare the number on the receipt",
            fields={"cooperative": cooperative, "receipt": receipt},
        )
    return DeliveryView.of(found)


@router.post("/deliveries", status_code=201, responses=REFUSALS)
def book(body: BookingsIn, acts: Acts) -> IntentionView:
    """Book deliveries at one's own scale, all or none."""
    bookings = [
        actions.Booking(
            receipt=each.receipt,
            farmer=each.farmer or _farmer_of(acts, each.farmer_code or ""),
            gtin=each.gtin,
            grams=each.grams,
            grade_bps=each.grade_bps,
            price_per_kg=each.price_per_kg.amount,
        )
        for each in body.deliveries
    ]
    result = {"cooperative": acts.party, "receipts": [each.receipt for each in bookings]}
    view = acts.carry_out(actions.book(acts.wired.deployment, bookings), "book", result)
    tares = {each.receipt: each.tare_grams for each in body.deliveries}
    weighings.note(acts.wired.desk, acts.party, tares)
    return view


def _farmer_of(acts: Acting, code: str) -> str:
    """Ask the chain for a farmer: he may have been enrolled a moment ago. Raises `YuanliuError` (`actor.unknown`)."""
    d, party = acts.wired.deployment, acts.party
    address = str(d.actors.read(acts.wired.node, "byCode", party, code.encode().ljust(16, b"\0")))
    if not int(address, 16):
        raise YuanliuError(
            "actor.unknown",
            f"no farmer of yours has the code {code}",
            hint="compare the code; enrol a new farmer first",
            fields={"code": code},
        )
    return address.lower()


@router.post("/deliveries/{receipt}/void", status_code=201, responses=REFUSALS)
def void(
    receipt: Annotated[int, Path(ge=1, lt=1 << 63)], body: WithReason, acts: Acts
) -> IntentionView:
    """Declare one's own booking wrong. It stays on the record, and can enter no batch."""
    call = actions.void_delivery(acts.wired.deployment, receipt, body.reason)
    return acts.carry_out(call, "void_delivery", {"receipt": receipt})


# ---------------------------------------------------------------------- batches


def _batch_id(acts: Acting, gtin: str, lot: str) -> str:
    return hexed(journal.batch_id(acts.party, identifiers.gtin_number(gtin), lot))


@router.post("/collections", status_code=201, responses=REFUSALS)
def collect(body: CollectIn, acts: Acts) -> IntentionView:
    """Enter up to 256 deliveries into a batch that is registered later; for batches of more than 256."""
    call = actions.collect(acts.wired.deployment, body.gtin, body.lot, body.receipts)
    return acts.carry_out(call, "collect", {"batch": _batch_id(acts, body.gtin, body.lot)})


@router.post("/batches", status_code=201, responses=REFUSALS)
def register(body: BatchIn, acts: Acts, db: Copy) -> IntentionView:
    """Register (mint) a batch from deliveries: its terms are theirs, and fixed from now on."""
    product = q.product(db, body.gtin)
    lot = epcis.Lot(body.gtin, body.lot, body.units, product.unit if product else "H87")
    what = actions.Registration(
        gtin=body.gtin,
        lot=body.lot,
        units=body.units,
        mass_per_unit=body.milligrams_per_unit,
        loss=body.loss_milligrams,
        price=body.price.amount,
    )
    batch = _batch_id(acts, body.gtin, body.lot)
    event = body.harvest.event(lot)

    def registering(receipts: Sequence[int]) -> Call:
        return actions.register(acts.wired.deployment, what, receipts, event)

    receipts: Sequence[int] = body.receipts
    if len(receipts) > CHUNK and acts.known() is None:
        named = (body.gtin, body.lot)
        receipts = collecting.last_part(acts, db, batch, named, receipts, registering)
    result = {
        "batch": batch,
        "link": identifiers.digital_link_path(body.gtin, body.lot),
    }
    return acts.carry_out(registering(receipts[-CHUNK:]), "register", result)


@router.post("/transformations", status_code=201, responses=REFUSALS)
def transform(body: TransformationIn, acts: Acts, db: Copy) -> IntentionView:
    """Make batches from batches; the money paid for them flows back to every farmer."""
    taken = [(known(db, each.batch), each.units) for each in body.inputs]
    inputs = [epcis.Lot(row.gtin, row.lot, units, row.unit) for row, units in taken]
    made = [(each, q.product(db, each.gtin)) for each in body.outputs]
    outputs = [
        epcis.Lot(each.gtin, each.lot, each.units, product.unit if product else "H87")
        for each, product in made
    ]
    name = f"urn:uuid:{_uuid(acts.digest)}"
    call = actions.transform(
        acts.wired.deployment,
        [actions.Input(row.id, units) for row, units in taken],
        [
            actions.Output(
                gtin=each.gtin,
                lot=each.lot,
                units=each.units,
                mass_per_unit=each.milligrams_per_unit,
                price=each.price.amount,
                event=checked(
                    epcis.transformed(
                        body.time,
                        inputs,
                        [output],
                        place=place_uri(body.place),
                        transformation=name,
                        loss_milligrams=body.loss_milligrams,
                        description=each.description.description(),
                    )
                ),
            )
            for each, output in zip(body.outputs, outputs, strict=True)
        ],
        loss=body.loss_milligrams,
    )
    result = {"batches": [_batch_id(acts, each.gtin, each.lot) for each in body.outputs]}
    return acts.carry_out(call, "transform", result)


def _uuid(digest: str) -> str:
    """Name a transformation by what was asked for: the same request has the same name."""
    hexes = digest[:12] + "8" + digest[13:16] + "8" + digest[17:32]  # RFC 9562, version 8
    return "-".join((hexes[:8], hexes[8:12], hexes[12:16], hexes[16:20], hexes[20:]))


@router.put("/batches/{batch}/price", status_code=201, responses=REFUSALS)
def set_price(batch: BatchId, body: PriceIn, acts: Acts) -> IntentionView:
    """Change the price of a unit; at least the floor."""
    if body.seen is not None and acts.known() is None:
        now = acts.wired.deployment.batches.read(acts.wired.node, "batchOf", int(batch, 16))
        if now["units"] and now["price"] != body.seen.amount:
            raise YuanliuError(
                "batch.price_changed",
                f"the price is {now['price']} meanwhile, not {body.seen.amount}",
                hint="look at the price that is there now, and decide again",
                fields={
                    "seen_yuan": money.format_yuan(body.seen.amount),
                    "current_yuan": money.format_yuan(now["price"]),
                    "wanted_yuan": money.format_yuan(body.price.amount),
                },
            )
    call = actions.set_price(acts.wired.deployment, unhexed(batch), body.price.amount)
    return acts.carry_out(call, "set_price", {"batch": batch})


# ---------------------------------------------------------------------- custody


@router.post("/batches/{batch}/offers", status_code=201, responses=REFUSALS)
def offer(batch: BatchId, body: OfferIn, acts: Acts) -> IntentionView:
    """Offer units to somebody. They are set aside until he answers, or the offer is withdrawn."""
    call = actions.offer(acts.wired.deployment, unhexed(batch), body.to, body.units)
    return acts.carry_out(call, "offer", {"batch": batch, "to": body.to, "units": body.units})


@router.post("/batches/{batch}/offers/{number}/acceptance", status_code=201, responses=REFUSALS)
def accept(batch: BatchId, number: OfferNumber, acts: Acts) -> IntentionView:
    """Take units that were offered."""
    call = actions.accept(acts.wired.deployment, unhexed(batch), number)
    return acts.carry_out(call, "accept", {"batch": batch, "offer": number})


@router.post("/batches/{batch}/offers/{number}/refusal", status_code=201, responses=REFUSALS)
def refuse(batch: BatchId, number: OfferNumber, body: WithReason, acts: Acts) -> IntentionView:
    """Refuse units that were offered; they go back to the sender."""
    call = actions.refuse(acts.wired.deployment, unhexed(batch), number, body.reason)
    return acts.carry_out(call, "refuse", {"batch": batch, "offer": number})


@router.post("/batches/{batch}/offers/{number}/withdrawal", status_code=201, responses=REFUSALS)
def withdraw(batch: BatchId, number: OfferNumber, acts: Acts) -> IntentionView:
    """Take one's own offer back."""
    call = actions.withdraw_offer(acts.wired.deployment, unhexed(batch), number)
    return acts.carry_out(call, "withdraw_offer", {"batch": batch, "offer": number})


# ---------------------------------------------------------------------- hold and recall


@router.post("/batches/{batch}/recall", status_code=201, responses=REFUSALS)
def recall(batch: BatchId, body: WithReason, acts: Acts) -> IntentionView:
    """Recall a batch and at once everything made from it; by its cooperative or a regulator."""
    call = actions.recall(acts.wired.deployment, unhexed(batch), body.reason)
    return acts.carry_out(call, "recall", {"batch": batch})


@router.post("/batches/{batch}/recall/lifting", status_code=201, responses=REFUSALS)
def lift_recall(batch: BatchId, body: WithReason, acts: Acts) -> IntentionView:
    """Lift a recall; by who set it, or a regulator."""
    call = actions.lift_recall(acts.wired.deployment, unhexed(batch), body.reason)
    return acts.carry_out(call, "lift_recall", {"batch": batch})


@router.post("/batches/{batch}/release", status_code=201, responses=REFUSALS)
def release(batch: BatchId, body: WithReason, acts: Acts) -> IntentionView:
    """Release a batch that a failed inspection holds; by a regulator."""
    call = actions.release(acts.wired.deployment, unhexed(batch), body.reason)
    return acts.carry_out(call, "release", {"batch": batch})
