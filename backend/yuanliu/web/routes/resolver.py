"""The resolver: what stands behind the link in a code on a label (GS1 Digital Link).

One address, several forms by `Accept`: the page for people, JSON, a link set, EPCIS events. `?linkType=` leads on.
"""

import re
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from yuanliu import digital_link, identifiers
from yuanliu.digital_link import DigitalLink
from yuanliu.epcis import contexts
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.reading import reading
from yuanliu.web import caching, linkset, scans
from yuanliu.web.negotiation import choose
from yuanliu.web.pages import consumer
from yuanliu.web.problems import documented
from yuanliu.web.services import Copy, Services, Wired
from yuanliu.web.shapes import hexed
from yuanliu.web.views import BatchView, ProductView

router = APIRouter(tags=["resolver"], responses=documented(400, 404, 406, 422, 503))

HTML: Final = "text/html"
JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"
FORMS: Final = (HTML, JSON, linkset.MEDIA_TYPE, JSON_LD)
_LINKSET_KINDS: Final = frozenset({"linkset", "all"})
_MOST_LOTS: Final = 50


@router.get("/.well-known/gs1resolver")
def describe(wired: Wired) -> dict[str, object]:
    """Describe this resolver: GS1-Conformant resolver standard, section 4."""
    return {
        "name": "Yuanliu 源流",
        "resolverRoot": wired.config.public_url,
        "supportedPrimaryKeys": ["01"],
        "linkTypeDefaultCanBeLinkset": False,
        "supportedContextValuesEnumerated": [],
        "activeLinkTypes": {
            "zh": ["gs1:pip", "gs1:traceability", "gs1:epcis", "gs1:certificationInfo"],
            "en": ["gs1:pip", "gs1:traceability", "gs1:epcis", "gs1:certificationInfo"],
        },
    }


@router.get("/01/", status_code=303, responses={303: {"description": "To the page"}})
def look_up(
    gtin: Annotated[str, Query(max_length=40)] = "", lot: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """Lead from what stands on a pack, product code and lot number, to its page. Raises `IdentifierError`."""
    product = identifiers.parse_gtin(re.sub(r"[\s-]", "", gtin))
    lot = lot.strip()
    path = identifiers.digital_link_path(product, lot) if lot else f"/01/{product}"
    return RedirectResponse(path, 303)


@router.get(
    "/01/{rest:path}",
    responses={
        200: {"content": {form: {} for form in FORMS}, "description": "In the form asked for"},
        304: {"description": "Unchanged"},
        307: {"description": "To where the link type asked for is"},
    },
)
def resolve(rest: str, request: Request, wired: Wired) -> Response:  # noqa: ARG001 -- read as it came
    """Resolve a product (`/01/{gtin}`), a lot (`/10/{lot}`), or one piece of it (`/21/{serial}`)."""
    with reading(wired.copy) as db:
        return resolved(request, db, wired)


def resolved(request: Request, db: Copy, wired: Services) -> Response:
    """Answer with what stands behind a link. Raises `IdentifierError`, `YuanliuError`."""
    link = _read(request, wired.config.public_url)
    asked = dict(link.parameters).get("linkType")
    accept = request.headers.get("accept", "")
    if link.lot is None:
        return _product(db, link, choose(accept, (HTML, JSON)), request)
    batch = q.find_batch(db, str(link.gtin), link.lot)
    if batch is None:
        raise _unknown(link)
    host = wired.config.public_url
    found = linkset.links(host, batch.gtin, batch.lot, hexed(batch.id), serial=link.serial)
    headers = {"Link": linkset.header(found), "Vary": "Accept, Accept-Language"}
    if asked is not None and linkset.kind_of(asked) not in _LINKSET_KINDS:
        return _led_on(found, asked, link, headers) or _page(
            batch, link, db, wired, request, headers
        )
    form = linkset.MEDIA_TYPE if asked is not None else choose(accept, FORMS)
    if form == HTML:
        return _page(batch, link, db, wired, request, headers)
    document: object
    if form == JSON:
        document = BatchView.of(batch).model_dump()
    elif form == linkset.MEDIA_TYPE:
        document = linkset.document(host, link.path, found)
    else:
        document = {
            "@context": contexts.document_context(),
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": consumer.now(),
            "epcisBody": {"eventList": [each.document for each in q.events_of(db, batch.id)]},
        }
        return Response(orjson.dumps(document), media_type=form, headers=headers)
    caching.keep(request)
    answer = Response(orjson.dumps(document), media_type=form, headers=headers)
    return caching.tagged_by_body(request, answer)


def _read(request: Request, host: str) -> DigitalLink:
    """Read the link as it came over the line. Raises `IdentifierError`."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    text = path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return digital_link.parse_digital_link(host + text)


def _led_on(
    found: list[linkset.Link], asked: str, link: DigitalLink, headers: dict[str, str]
) -> Response | None:
    """Lead to where a link type is; none: it is the page itself. Raises `YuanliuError` (`link.type_unknown`)."""
    kind = linkset.kind_of(asked)
    target = next((each for each in found if each.kind == kind), None)
    if target is None:
        raise YuanliuError(
            "link.type_unknown",
            f"{link.path} has no link of type {asked[:80]!r}",
            hint=f"there are {', '.join('gs1:' + each.kind for each in found)}, and linkset",
            fields={"linkType": asked[:80], "known": [each.kind for each in found]},
        )
    if kind == linkset.DEFAULT:
        return None
    return RedirectResponse(target.href, 307, headers=headers)


def _page(
    batch: q.Batch,
    link: DigitalLink,
    db: Copy,
    wired: Services,
    request: Request,
    headers: dict[str, str],
) -> Response:
    scan = None if link.serial is None else scans.seen(request, wired, batch, link.serial)
    answer, complete = consumer.lot(
        request, wired, db, batch, serial=link.serial, scan=scan, headers=headers
    )
    if scan is not None:
        scans.remember(answer, scan, request.url.path)
        answer.headers["Cache-Control"] = "no-store"
        return answer
    if (
        complete
    ):  # files never change: then it depends on the copy, the address and the language alone
        caching.keep(request)
    return caching.tagged_by_body(request, answer)


def _product(db: Copy, link: DigitalLink, form: str, request: Request) -> Response:
    product = q.product(db, str(link.gtin))
    if product is None:
        raise _unknown(link)
    lots = q.lots_of(db, product.gtin, limit=_MOST_LOTS)
    if form == HTML:
        return consumer.product(request, product, lots, db)
    document = {
        "product": ProductView.of(product).model_dump(),
        "lots": [BatchView.of(lot).model_dump() for lot in lots],
    }
    return Response(orjson.dumps(document), media_type=JSON)


def _unknown(link: DigitalLink) -> YuanliuError:
    return YuanliuError(
        "link.unknown" if link.lot is None else "batch.unknown",
        f"nothing is known of {link.path}",
        hint="compare the code with the text beside it; if it is right, the goods are not what they claim to be",
        fields={"link": link.path},
    )
