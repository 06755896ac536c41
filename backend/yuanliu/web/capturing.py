"""Captures EPCIS events: each becomes the acts that record it on the batches that it names."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from starlette.concurrency import run_in_threadpool

from yuanliu import actions, privacy
from yuanliu.desk.captures import Capture, Captures
from yuanliu.desk.intentions import Intention
from yuanliu.epcis import EpcisError
from yuanliu.epcis.validation import Opened, validate_event
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.reading import reading
from yuanliu.web.acting import Acting, Asked
from yuanliu.web.problems import status_of
from yuanliu.web.services import Copy


async def capture(acts: Acting, opened: Opened, *, atomic: bool) -> tuple[Capture, list[Intention]]:
    """Capture a document's events: all or none (`atomic`), or those that can be taken.

    Raises what is wrong with the first event, if `atomic`; and as `Outbox.submit_many`.
    """
    return await run_in_threadpool(_capture, acts, opened, atomic=atomic)


def _capture(acts: Acting, opened: Opened, *, atomic: bool) -> tuple[Capture, list[Intention]]:
    asked: list[Asked] = []
    refused: list[dict[str, Any]] = []
    with reading(acts.wired.copy) as db:
        find = cache(partial(q.find_batch, db))  # a document names the same lots again and again
        for position, event in enumerate(opened.events):
            try:
                asked += _acts_of(acts, db, find, opened, position, event)
            except YuanliuError as error:
                if atomic:
                    raise
                refused.append(_refusal(error, position))
    job = acts.capture_id
    intentions: list[Intention] = []
    if asked and atomic:
        intentions = [acts.carry_out_together(asked, "capture", group=job)]
    elif asked:
        outcomes = acts.carry_out_each(asked, "capture", group=job)
        for each, outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, YuanliuError):
                refused.append(_refusal(outcome, each.result["event"]))
            else:
                intentions.append(outcome)
    behaviour = "rollback" if atomic else "proceed"
    kept = Captures(acts.wired.desk).add(job, acts.account, behaviour, len(opened.events), refused)
    return kept, intentions


def _acts_of(
    acts: Acting,
    db: Copy,
    find: Callable[[str, str], q.Batch | None],
    opened: Opened,
    position: int,
    event: Any,  # noqa: ANN401 -- JSON
) -> list[Asked]:
    """Give the acts that one event becomes. Raises `EpcisError`, `YuanliuError` (`privacy.personal_data`)."""
    validate_event(event, opened.namespaces, at=f"{opened.at}/{position}")
    kept = actions.recordable(event, opened.namespaces)
    privacy.check(kept)
    corrected = _corrected(db, event) if "errorDeclaration" in event else None
    found = []
    for gtin, lot in actions.lots_of(event):
        batch = find(gtin, lot)
        if batch is None:
            raise EpcisError(
                "epcis.capture_lot_unknown",
                f"no batch is lot {lot} of {gtin}",
                hint="register it first, by POST /api/v1/batches",
                fields={"gtin": gtin, "lot": lot, "pointer": f"{opened.at}/{position}"},
            )
        call = actions.capture(
            acts.wired.deployment, batch.id, kept, roles=acts.signed_in.roles, corrected=corrected
        )
        result = {
            "event": position,
            "eventID": event.get("eventID"),
            "batch": "0x" + batch.id.hex(),
        }
        found.append(Asked(call, result))
    return found


def _corrected(db: Copy, event: dict[str, Any]) -> tuple[bytes, bytes] | None:
    """Give the heads after the records of the wrong and of the (first) corrective event; none if either is unknown."""
    named = [event.get("eventID"), *event["errorDeclaration"].get("correctiveEventIDs", ())][:2]
    heads = []
    for id_ in named:
        found = q.event(db, id_) if id_ else ()
        record = q.record_at(db, found[0].place) if found else None
        if record is not None:
            heads.append(record.head)
    return (heads[0], heads[1]) if len(heads) == 2 else None  # noqa: PLR2004 -- the wrong and the right


def problem_of(code: str, message: str, instance: object) -> dict[str, Any]:
    """Write why an event was not captured; `instance` says which."""
    return {
        "type": f"urn:yuanliu:error:{code}",
        "title": code,
        "status": status_of(code),
        "detail": message,
        "instance": instance,
    }


def _refusal(error: YuanliuError, position: object) -> dict[str, Any]:
    return problem_of(error.code, error.message, {"event": position})
