"""The application: every route, every refusal, every header."""

from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from yuanliu import __version__
from yuanliu.web import problems
from yuanliu.web.compressing import Compressing
from yuanliu.web.intake import Intake
from yuanliu.web.look_ups import LookUps
from yuanliu.web.middleware import Envelope
from yuanliu.web.pages import frame
from yuanliu.web.pages.coop import doing, entry, lots, staff
from yuanliu.web.pages.coop import people as people_pages
from yuanliu.web.problems import Problem
from yuanliu.web.routes import (
    accounts,
    attachments,
    audit,
    batches,
    catalogue,
    codes,
    coop,
    epcis,
    events,
    farmer,
    goods,
    intentions,
    keys,
    money,
    paying,
    people,
    pins,
    readings,
    requests,
    resolver,
    session,
    system,
)
from yuanliu.web.services import Services

API: Final = "/api/v1"

_DESCRIPTION: Final = """
Proof of origin and honest pay for farm goods (源流).

**The chain is the record.** What is read here is a copy of it, which anybody can check: `GET /batches/{batch}/journal`
gives every record of a batch, to be hashed and compared with the head that the chain itself gives.

**Who acts, signs.** A route that changes something signs a call with the key of whoever is signed in, stores it, and
has it relayed. It answers 201 when it is mined, or 202 with the intention's address if that takes longer than the
client wants to wait (`Prefer: wait=N`, `Prefer: respond-async`). With an `Idempotency-Key` nothing happens twice.

**Signing in** is by a session cookie (people; unsafe methods need the `X-CSRF-Token` of the session) or a bearer token
with scopes (machines).

**Money** stands as text in yuan with two decimals and as a whole number of fen. **Times** are RFC 3339 in UTC.
**Refusals** are RFC 9457 problem documents with a stable `code`, in Chinese or English by `Accept-Language`; every code
is in `GET /api/v1/errors`.
"""


class Kept(StaticFiles):
    """Static files whose address changes with them."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 -- as it is overridden
        """Answer with a file, to be kept for ever."""
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def create_app(services: Services) -> FastAPI:
    """Make the application that answers with these services."""
    app = FastAPI(
        title="Yuanliu 源流",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=True,
    )
    app.state.services = services
    # Routes are tried in this order, 10 µs each: what is asked most comes first.
    app.include_router(resolver.router)
    for module in (
        batches,
        events,
        readings,
        intentions,
        session,
        accounts,
        people,
        keys,
        requests,
        catalogue,
        goods,
        money,
        paying,
        pins,
        coop,
        attachments,
        codes,
    ):
        app.include_router(module.router, prefix=API)
    app.include_router(farmer.router)
    app.include_router(audit.router)
    for pages in (entry, people_pages, lots, doing, staff):
        app.include_router(pages.router)
    app.include_router(epcis.router)
    app.include_router(system.router)
    # A slow phone gets a third of the bytes. Static files hold no secrets, so compressing them gives none away.
    kept = GZipMiddleware(Kept(directory=frame.STATIC), minimum_size=1_000)
    app.mount(f"/static/{frame.BUILD}", kept, name="kept")
    app.mount("/static", StaticFiles(directory=frame.STATIC), name="static")
    problems.install(app)
    app.add_middleware(Intake, services=services)
    app.add_middleware(LookUps, services=services)
    app.add_middleware(
        Compressing
    )  # around the look-ups, so that what they keep comes compressed too
    app.add_middleware(Envelope)
    _document_problems(app)
    return app


def _document_problems(app: FastAPI) -> None:
    """Have the OpenAPI document hold the shape of a problem, and name no other shape for what is invalid."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to extend the document
