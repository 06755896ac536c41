"""Refusals as RFC 9457 problem documents: a stable code, what was wrong, what would be right, in the reader's language.

One table says which HTTP status a code has; what is not in it is the caller's mistake (400) if it is a `YuanliuError`
at all, and ours (500) otherwise.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from yuanliu.desk.blobs import written
from yuanliu.errors import YuanliuError
from yuanliu.web import messages
from yuanliu.web.negotiation import choose
from yuanliu.web.pages import frame, general

MEDIA_TYPE: Final = "application/problem+json"

RETRY_SECONDS: Final = 5
"""What `Retry-After` says where the refusal does not know better."""

_STATUS: Final[tuple[tuple[str, int], ...]] = (
    # the first pattern that a code matches in full decides
    (r"access\.(unauthenticated|session_\w+|token_\w+|sign_in_failed)|outbox\.no_key", 401),
    (r"accounts\.recovery_\w+|pin\.(wrong|closed)", 401),
    (r"access\.(locked|too_many_\w+)", 429),
    (r"access\.\w+", 403),
    (r"request\.not_acceptable", 406),
    (
        r"request\.(too_large|target_too_long)|attachments\.too_large|epcis\.query_too_large|sheets\.too_large",
        413,
    ),
    (r"request\.media_type|attachments\.type_\w+", 415),
    (
        r"contract\.\w+_(RoleMissing|OwnerKeyNeeded|KeyRetired|Suspended|NotMy\w+|NotSupervisor)",
        403,
    ),
    (
        r"contract\.\w+_(NotTermsAuthority|KindNotAllowed|NotYours|NotMember|RolesNotEnrollable)",
        403,
    ),
    (r"contract\.\w+_(Unknown\w*|NoOffer\w*)", 404),
    (r"contract\.\w+Invalid", 422),
    (r"contract\.\w+", 409),
    (
        r"(actor|batch|capture|delivery|event|link|outbox|payment|product|readings|record|terms)\.unknown",
        404,
    ),
    (r"pool\.chunk_unknown|journal\.batch_unknown|link\.type_unknown|attachments\.not_found", 404),
    (r"accounts\.(unknown|token_not_found)|request\.not_found", 404),
    (r"outbox\.(key_reused|key_invalid|result_invalid|request_invalid)", 422),
    (r"outbox\.not_stored|batch\.collecting", 503),
    (r"outbox\.\w+|accounts\.(?:\w+_taken|closed)|batch\.price_changed|claim\.nothing_due", 409),
    (r"webhook\.(signature_wrong|too_old|unknown_provider)", 401),
    (r"attachments\.corrupt|readings\.differ|vault\.\w+|service\.defect", 500),
    (r"attachments\.(unreachable|unwritable|full|disk_full|store_\w+)", 503),
    (
        r"chain\.(unreachable|busy|answer_too_long)|relayer\.\w+|database\.\w+|index\.\w+|service\.\w+",
        503,
    ),
    (r"chain\.(rpc_error|transaction_failed)|relay\.\w+", 502),
    (
        r"(accounts|actions|attachments|chain|claim|epcis|hexes|identifiers|journal|keys|link)\.\w+",
        422,
    ),
    (r"labels\.no_farmer", 404),
    (r"labels\.not_conformant", 409),
    (r"(labels|paper)\.\w+", 422),
    (
        r"(members|money|outbox|pin|pool|privacy|record|request|sheets|tokens|verify|webhook)\.\w+",
        422,
    ),
)


class Problem(BaseModel):
    """An RFC 9457 problem document. Programs match on `code`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:yuanliu:error:contract.Batches_PriceBelowFloor",
                    "title": "价格低于保底价",
                    "status": 409,
                    "detail": "the contract refused: Batches_PriceBelowFloor(price 100, floorPerUnit 120)",
                    "code": "contract.Batches_PriceBelowFloor",
                    "hint": "set a price of at least the floor",
                    "fields": {"price": 100, "floorPerUnit": 120},
                    "retryable": False,
                    "instance": "urn:yuanliu:request:0190c3a2b7e4",
                }
            ]
        }
    )

    type: str = Field(description="`urn:yuanliu:error:` and the code.")
    title: str = Field(description="What went wrong, in the reader's language.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was wrong with this very request.")
    code: str = Field(description="Stable and dotted; programs match on it.")
    hint: str = Field(description="What would be right; may be empty.")
    fields: dict[str, Any] = Field(description="The values that disagree.")
    retryable: bool = Field(description="Whether the same request may succeed later, unchanged.")
    instance: str = Field(description="Names this request in the logs.")


_HTTP_CODES: Final = MappingProxyType(
    {
        404: "request.not_found",
        405: "request.method_not_allowed",
        406: "request.not_acceptable",
        413: "request.too_large",
        415: "request.media_type",
    }
)


def status_of(code: str) -> int:
    """Give the HTTP status of a refusal."""
    for pattern, status in _COMPILED:
        if pattern.fullmatch(code):
            return status
    return 400


_COMPILED: Final = tuple((re.compile(pattern), status) for pattern, status in _STATUS)

_TITLES: Final = MappingProxyType(
    {
        400: "bad request",
        401: "not signed in",
        403: "not allowed",
        404: "not found",
        405: "method not allowed",
        406: "not acceptable",
        409: "conflict with what is there",
        413: "too large",
        415: "media type not taken",
        422: "cannot be taken as it is",
        429: "too many requests",
        500: "a defect of the service",
        502: "the chain answered with an error",
        503: "not available now",
    }
)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Give the OpenAPI entries of the refusals that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _TITLES[status].capitalize(), "content": content}
        for status in statuses
    }


def answer(request: Request, error: YuanliuError) -> Response:
    """Write a refusal as a problem document."""
    status = status_of(error.code)
    headers = {}
    if status in {429, 503}:
        seconds = error.fields.get("retry_after", RETRY_SECONDS)
        headers["Retry-After"] = str(seconds)
    if status == 401:  # noqa: PLR2004 -- HTTP's own number
        headers["WWW-Authenticate"] = 'Bearer realm="yuanliu"'
    return problem(
        request,
        status,
        error.code,
        detail=error.message,
        hint=error.hint,
        fields=error.fields,
        retryable=error.retryable,
        headers=headers,
    )


def problem(
    request: Request,
    status: int,
    code: str,
    *,
    detail: str,
    hint: str = "",
    fields: Mapping[str, object] | None = None,
    retryable: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write a problem document."""
    language = frame.language(request)
    fallback = _TITLES.get(status, "refused")
    document = {
        "type": f"urn:yuanliu:error:{code}",
        "title": messages.title(code, language, fallback),
        "status": status,
        "detail": detail,
        "code": code,
        "hint": messages.hint(code, language, hint),
        "fields": _plain(fields or {}),
        "retryable": retryable,
        "instance": f"urn:yuanliu:request:{getattr(request.state, 'id', '')}",
    }
    sent = {"Content-Language": language, "Cache-Control": "no-store", **(headers or {})}
    if request.url.path.startswith(_FOR_PEOPLE) and _wants_page(request):
        return general.refusal(request, document, status=status, headers=sent)
    return Response(orjson.dumps(document), status, headers=sent, media_type=MEDIA_TYPE)


_FOR_PEOPLE: Final = ("/01/", "/coop", "/f/", "/audit", "/language")
"""Where people come: they get a page, also of a refusal."""


def _wants_page(request: Request) -> bool:
    try:
        return choose(request.headers.get("accept", ""), (MEDIA_TYPE, "text/html")) == "text/html"
    except YuanliuError:
        return False


def install(app: FastAPI) -> None:
    """Have every refusal and every accident answered with a problem document."""

    @app.exception_handler(YuanliuError)
    def _refusal(request: Request, error: YuanliuError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            {"at": _pointer(fault["loc"]), "message": fault["msg"], "kind": fault["type"]}
            for fault in error.errors()[:20]
        ]
        said = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults[:3])
        return problem(
            request,
            422,
            "request.invalid",
            detail=said,
            hint="correct the fields named, see /api/v1/docs",
            fields={"errors": faults},
        )

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, OSError):  # a file on its way in, and no room for it
            return answer(request, _unwritable(error.__cause__))
        code = _HTTP_CODES.get(error.status_code, "request.refused")
        return problem(
            request,
            error.status_code,
            code,
            detail=str(error.detail),
            headers=error.headers,
        )

    @app.exception_handler(Exception)
    def _defect(request: Request, error: Exception) -> Response:
        structlog.get_logger().exception("defect", path=request.url.path, exc_info=error)
        return problem(
            request,
            500,
            "service.defect",
            detail="something went wrong that should not have; it was logged",
            hint="try again; if it stays, tell the operator the `instance` of this answer",
            retryable=True,
        )


def _unwritable(cause: OSError) -> YuanliuError:
    try:
        with written(Path(tempfile.gettempdir()) / "x"):
            raise cause
    except YuanliuError as refusal:
        return refusal


def _pointer(location: Sequence[int | str]) -> str:
    """Write where a fault is: `body/units`, `query/limit`."""
    return "/".join(str(part) for part in location)


def _plain(value: object) -> object:
    """Give what JSON can hold: bytes as hex, whole numbers beyond a double as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    return str(value)
