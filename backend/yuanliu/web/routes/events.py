"""Events of a batch: production, logistics, inspections, corrections."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from yuanliu import actions, epcis
from yuanliu.chain.bindings import Call
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.reading import reading
from yuanliu.records import RecordError, decode
from yuanliu.web.acting import Acts
from yuanliu.web.events_in import (
    InspectionIn,
    LogisticsIn,
    ProductionIn,
)
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import BatchId, answered, known, known_lot, known_record
from yuanliu.web.services import Copy, Services
from yuanliu.web.shapes import Input, IntentionView, unhexed

router = APIRouter(tags=["events"], responses=documented(400, 422, 503))
REFUSALS = documented(401, 403, 404, 409)


class CorrectionIn(Input):
    """A record declared wrong, and the one that says what is right; both by their numbers in the journal."""

    wrong: int = Field(ge=0, lt=1 << 31)
    corrective: int = Field(ge=0, lt=1 << 31)
    reason: Literal["did_not_occur", "incorrect_data"]


@router.post(
    "/batches/{batch}/events",
    status_code=201,
    response_model=IntentionView,
    responses=REFUSALS,
)
def record_event(
    batch: BatchId,
    body: Annotated[ProductionIn | LogisticsIn, Field(discriminator="kind")],
    acts: Acts,
) -> Response:
    """Record a step of production (cooperative, farmer) or logistics (cooperative, carrier, store)."""
    with reading(acts.wired.copy) as db:
        lot = known_lot(db, batch)
    view = acts.carry_out(*recording(acts.wired, batch, lot, body))
    return answered(view, acts.response, 201)


def recording(
    wired: Services, batch: str, lot: epcis.Lot, body: ProductionIn | LogisticsIn
) -> tuple[Call, str, dict[str, Any]]:
    """Give the call that records an event, the name of the act, and what is kept of it.

    Raises `EpcisError`, `YuanliuError` (`attachments.not_found`, `privacy.personal_data`).
    """
    for photo in body.photos:
        wired.attachments.require(photo)
    record = (
        actions.record_production if isinstance(body, ProductionIn) else actions.record_logistics
    )
    call = record(wired.deployment, unhexed(batch), body.event(lot))
    return call, f"record_{body.kind}", {"batch": batch}


@router.post("/batches/{batch}/inspections", status_code=201, responses=REFUSALS)
def inspect(batch: BatchId, body: InspectionIn, acts: Acts, db: Copy) -> IntentionView:
    """Record an inspection. A failed one holds the batch, a later passed one releases it."""
    acts.require("record_inspection")
    lot = known_lot(db, batch)
    acts.wired.attachments.require(body.report_sha256)
    call = actions.record_inspection(acts.wired.deployment, unhexed(batch), body.event(lot))
    return acts.carry_out(
        call, "record_inspection", {"batch": batch, "conformant": body.conformant}
    )


@router.post("/batches/{batch}/corrections", status_code=201, responses=REFUSALS)
def correct(batch: BatchId, body: CorrectionIn, acts: Acts, db: Copy) -> IntentionView:
    """Declare a record wrong and name the one that says what is right. Both stay visible."""
    row = known(db, batch)
    wrong, corrective = (
        known_record(db, batch, number) for number in (body.wrong, body.corrective)
    )
    event = epcis.declared_wrong(_payload(wrong), declared_at=datetime.now(UTC), reason=body.reason)
    call = actions.correct(
        acts.wired.deployment,
        row.id,
        wrong=wrong.head,
        corrective=corrective.head,
        event=event,
    )
    return acts.carry_out(call, "correct", {"batch": batch, "wrong": body.wrong})


def _payload(record: q.Record) -> dict[str, Any]:
    """Give the event of a record. Raises `YuanliuError` (`request.no_event`)."""
    try:
        payload = getattr(decode(record.data).body, "payload", None)
        if payload is not None:
            return epcis.parse_payload(payload)
    except (RecordError, epcis.EpcisError):
        pass
    raise YuanliuError(
        "request.no_event",
        f"record {record.number} holds no event",
        hint="what the contracts write themselves cannot be declared wrong; record what happened since",
        fields={"number": record.number},
    )
