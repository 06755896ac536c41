"""The REST binding of EPCIS 2.0: capture, capture jobs, events by query and by id.

Source: GS1 EPCIS 2.0, section 12. What is captured is recorded on the chain, signed by whoever captured it.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Header, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from yuanliu.desk.captures import Capture, Captures
from yuanliu.desk.intentions import Intention, State
from yuanliu.epcis import contexts
from yuanliu.epcis.query import parse_query
from yuanliu.epcis.validation import parse_document
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web import capturing
from yuanliu.web.acting import Acting, Acts
from yuanliu.web.caching import IMMUTABLE
from yuanliu.web.negotiation import choose
from yuanliu.web.problems import documented
from yuanliu.web.services import Copy
from yuanliu.web.shapes import moment

router = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"], responses=documented(400, 406, 422, 503))

MAX_EVENTS: Final = 100
"""Most events of one capture."""

MAX_BYTES: Final = 4_194_304
"""Most bytes of one capture."""

JSON_TYPES: Final = ("application/json", "application/ld+json")
_HEADERS: Final = {
    "GS1-EPCIS-Version": "2.0.0",
    "GS1-CBV-Version": "2.0.0",
    "GS1-EPCIS-Capture-Limit": str(MAX_EVENTS),
    "GS1-EPCIS-Capture-File-Size-Limit": str(MAX_BYTES),
    "GS1-Vendor-Version": "yuanliu",
}
Behaviour = Annotated[
    Literal["rollback", "proceed"],
    Header(
        alias="GS1-Capture-Error-Behaviour",
        description="`rollback`: all events or none. `proceed`: those that can be taken.",
    ),
]
_DOCUMENT: Final = {"content": {media: {"schema": {"type": "object"}} for media in JSON_TYPES}}


@router.options("/capture", status_code=204)
@router.options("/events", status_code=204)
def discover(response: Response) -> None:
    """Say which versions are spoken, and what the limits are."""
    response.headers.update(_HEADERS)


@router.post(
    "/capture",
    status_code=202,
    responses=documented(401, 403, 404, 409, 413, 415),
    openapi_extra={"requestBody": {"required": True, **_DOCUMENT}},
)
async def capture(
    request: Request, response: Response, acts: Acts, behaviour: Behaviour = "rollback"
) -> dict[str, Any]:
    """Capture a document of events; each is recorded on the batches that it names. Answers with the capture job."""
    await run_in_threadpool(acts.require, "capture")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in JSON_TYPES:
        raise YuanliuError(
            "request.media_type",
            f"events are not read as {media or 'nothing'}",
            hint=f"send {' or '.join(JSON_TYPES)}",
            fields={"accepted": list(JSON_TYPES)},
        )
    opened = parse_document(await request.body(), maximum=MAX_BYTES)
    if len(opened.events) > MAX_EVENTS:
        raise YuanliuError(
            "request.too_large",
            f"{len(opened.events)} events",
            hint=f"capture at most {MAX_EVENTS} at once",
            fields={"events": len(opened.events), "maximum": MAX_EVENTS},
        )
    job, intentions = await capturing.capture(acts, opened, atomic=behaviour == "rollback")
    response.headers.update(_HEADERS)
    response.headers["Location"] = f"/epcis/capture/{job.id}"
    return _job(job, intentions)


@router.get("/capture", responses=documented(401))
def list_captures(acts: Acts) -> list[dict[str, Any]]:
    """List one's own capture jobs, newest first."""
    jobs = Captures(acts.wired.desk).of(acts.account)
    return [_job(job, _intentions(acts, job)) for job in jobs]


@router.get("/capture/{capture_id}", responses=documented(401, 404))
def show_capture(capture_id: Annotated[str, Path(max_length=64)], acts: Acts) -> dict[str, Any]:
    """Give one of one's own capture jobs."""
    job = Captures(acts.wired.desk).get(capture_id, acts.account)
    return _job(job, _intentions(acts, job))


def _intentions(acts: Acting, job: Capture) -> list[Intention]:
    return acts.wired.outbox.intentions(acts.account, group=job.id, limit=10 * MAX_EVENTS)


def _job(job: Capture, intentions: list[Intention]) -> dict[str, Any]:
    """Write a CaptureJob."""
    running = any(not each.settled for each in intentions)
    errors = [
        *job.refused,
        *(_failure(each) for each in intentions if each.state in {State.FAILED, State.LAPSED}),
    ]
    done = [each.updated for each in intentions]
    return {
        "captureID": job.id,
        "createdAt": moment(job.created),
        "finishedAt": None if running else moment(int(max([job.created, *done]))),
        "running": running,
        "success": not running and not errors,
        "captureErrorBehaviour": job.behaviour,
        "errors": errors,
    }


def _failure(intention: Intention) -> dict[str, Any]:
    error = intention.error or {}
    code = str(error.get("code", "outbox.lapsed"))
    message = str(error.get("message", "the request lapsed"))
    return capturing.problem_of(code, message, intention.result)


# ---------------------------------------------------------------------- queries


@router.get("/events", responses=documented(413))
def list_events(request: Request, db: Copy) -> Response:
    """Give the events that a SimpleEventQuery asks for, by the parameters of EPCIS 2.0, section 8.2.7.1."""
    media = choose(request.headers.get("accept", ""), JSON_TYPES)
    parameters = request.query_params.multi_items()
    page = q.events(db, parse_query(parameters))
    headers = dict(_HEADERS)
    if page.next_token:
        rest = [(name, value) for name, value in parameters if name != "nextPageToken"]
        following = urlencode([*rest, ("nextPageToken", page.next_token)], quote_via=quote)
        headers["Link"] = f'</epcis/events?{following}>; rel="next"'
    document = {
        "@context": contexts.document_context(),
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "epcisBody": {
            "queryResults": {
                "queryName": "SimpleEventQuery",
                "resultsBody": {"eventList": [each.document for each in page.events]},
            }
        },
    }
    return Response(orjson.dumps(document), media_type=media, headers=headers)


@router.get("/events/{event_id:path}", responses=documented(404))
def show_event(
    event_id: Annotated[str, Path(max_length=500, examples=["ni:///sha-256;…?ver=CBV2.0"])],
    request: Request,
    db: Copy,
) -> Response:
    """Give the event with an id: the standard event hash (ni:///…) or its author's; the latest, if declared wrong."""
    media = choose(request.headers.get("accept", ""), JSON_TYPES)
    found = q.event(db, event_id) or q.event(db, f"{event_id}?{request.url.query}")
    if not found:
        raise YuanliuError(
            "event.unknown",
            f"there is no event {event_id}",
            hint="write the id percent-encoded; one that was captured just now appears within seconds",
            fields={"eventID": event_id},
        )
    document = {"@context": contexts.document_context(), **found[-1].document}
    policy = {"Cache-Control": IMMUTABLE} if event_id.startswith("ni:") else {}
    return Response(orjson.dumps(document), media_type=media, headers={**_HEADERS, **policy})
