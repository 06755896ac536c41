"""Codes, labels and cards: pictures for screens, PDF for printers."""

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from yuanliu import identifiers
from yuanliu.actions import Role
from yuanliu.desk.access import Scope
from yuanliu.desk.pieces import Pieces
from yuanliu.digital_link import digital_link
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.paper import farmer_card, qr
from yuanliu.paper.label_formats import FORMATS, format_named
from yuanliu.paper.labels import labels
from yuanliu.web import caching, printing
from yuanliu.web.access import SignedIn, Visitor
from yuanliu.web.printing import LabelOrder
from yuanliu.web.problems import documented
from yuanliu.web.routes.batches import After, BatchId, Limit, after_place, known
from yuanliu.web.routes.people import known as known_actor
from yuanliu.web.services import Copy, Wired
from yuanliu.web.shapes import Address, Output, unhexed

router = APIRouter(tags=["labels"], responses=documented(400, 422, 503))

CODE_POLICY: Final = "public, max-age=604800"
"""A code changes only if the platform moves."""

_SVG, _PNG, _PDF = "image/svg+xml", "image/png", "application/pdf"


def _given(form: str, said: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {form: {}}, "description": said}, 304: {"description": "Unchanged"}}


def _code(
    batch: BatchId,
    db: Copy,
    wired: Wired,
    *,
    serial: Annotated[
        str | None,
        Query(min_length=1, max_length=20, description="One piece's serial; none: the lot's code."),
    ] = None,
    mm: Annotated[
        float, Query(ge=5, le=300, description="Room for the code, its quiet zone included.")
    ] = 30,
    dpi: Annotated[
        int, Query(ge=100, le=1_200, description="Dots to the inch of the printer.")
    ] = 300,
) -> qr.Sized:
    found = known(db, batch)
    qualifiers = {"10": found.lot} | ({"21": serial} if serial is not None else {})
    link = digital_link("01", found.gtin, qualifiers=qualifiers, base=wired.config.public_url)
    return qr.fitted(link.uri, room=mm, dpi=dpi)


Code = Annotated[qr.Sized, Depends(_code)]
"""The code of a lot, or of one piece of it, in the size that is asked for."""


class FormatView(Output):
    """A label format. Sizes are in millimetres."""

    name: str
    said: str
    wide: float
    high: float
    per_page: int = Field(description="Labels on a sheet; 1 for rolls.")
    dpi: int


class PieceView(Output):
    """Whether a serial is one of ours, and of which piece. Labels that were copied bear a serial that is."""

    serial: str
    issued: bool
    number: int | None


@router.get("/label-formats")
def list_formats() -> list[FormatView]:
    """List the papers that labels can be printed on."""
    return [
        FormatView(
            name=each.name,
            said=each.said,
            wide=each.wide,
            high=each.high,
            per_page=each.cells,
            dpi=each.dpi,
        )
        for each in FORMATS.values()
    ]


@router.get(
    "/batches/{batch}/code.svg",  # noqa: FAST003 -- `Code` takes it
    response_class=Response,
    responses=documented(404) | _given(_SVG, "The code"),
)
def code_as_svg(code: Code, request: Request) -> Response:
    """Give the code of a lot, or of one piece of it, as a drawing of its size."""
    return _kept(request, Response(qr.svg(code), media_type=_SVG))


@router.get(
    "/batches/{batch}/code.png",  # noqa: FAST003 -- `Code` takes it
    response_class=Response,
    responses=documented(404) | _given(_PNG, "The code"),
)
def code_as_png(code: Code, request: Request) -> Response:
    """Give the code of a lot, or of one piece of it, as a picture with a whole number of dots to each module."""
    return _kept(request, Response(qr.png(code), media_type=_PNG))


@router.get("/batches/{batch}/pieces/{serial}", responses=documented(404))
def show_piece(
    batch: BatchId,
    serial: Annotated[str, Path(min_length=1, max_length=20)],
    db: Copy,
    wired: Wired,
) -> PieceView:
    """Tell whether a serial is one that the labels of this batch bear, and of which piece."""
    found = known(db, batch)
    number = Pieces(wired.desk).number(unhexed(batch), serial, pieces=found.units)
    return PieceView(serial=serial, issued=number is not None, number=number)


@router.get(
    "/batches/{batch}/labels.pdf",
    response_class=Response,
    responses=documented(401, 403, 404)
    | {200: {"content": {_PDF: {}}, "description": "The labels"}},
)
def print_labels(
    batch: BatchId, order: Annotated[LabelOrder, Query()], visitor: SignedIn, db: Copy, wired: Wired
) -> Response:
    """Print labels of a batch of one's own: the code, lot, serial and names, and the certificate if it is asked for.

    The same order gives the same labels again, with the same serials.
    """
    visitor.require(Scope.BATCHES)
    found = known(db, batch)
    _require_own(visitor, found.cooperative)
    paper = format_named(order.format)
    serials: list[str | None] = [None] * order.count
    if order.serials:
        pieces = Pieces(wired.desk)
        serials = [*pieces.serials(found.id, order.first, order.count, pieces=found.units)]
    said = printing.goods(db, printing.site(wired.config), found, order)
    with printing.printer():
        pdf = labels(said, serials, paper, skip=order.skip)
    return _printed(pdf, f"labels-{found.lot}.pdf")


@router.get(
    "/farmers/{farmer:path}/card.pdf",
    response_class=Response,
    responses=documented(401, 403, 404) | {200: {"content": {_PDF: {}}, "description": "The card"}},
)
def print_card(
    farmer: Annotated[
        str,
        Path(
            min_length=1,
            max_length=42,
            description="The farmer's address, or his code in one's own cooperative.",
            examples=["H-0042"],
        ),
    ],
    visitor: SignedIn,
    db: Copy,
    wired: Wired,
) -> Response:
    """Print one's own card, or that of a farmer of one's own cooperative: a page of the size of a bank card."""
    by_code = len(farmer) <= identifiers.CODE_LENGTH
    found = q.actor_by_code(db, visitor.party, farmer) if by_code else known_actor(db, farmer)
    if found is None:
        raise _no_farmers()
    if visitor.party != found.address:
        visitor.require(Scope.ACTORS)
        _require_own(visitor, found.enroller)
    made = printing.farmer_cards(db, printing.site(wired.config), [found])
    if not made:
        raise _no_farmers()
    return _printed(farmer_card.card(made[0]), f"card-{found.code}.pdf")


@router.get(
    "/cooperatives/{cooperative}/cards.pdf",
    response_class=Response,
    responses=documented(401, 403, 404)
    | {200: {"content": {_PDF: {}}, "description": "The cards"}},
)
def print_cards(
    cooperative: Annotated[Address, Path()],
    visitor: SignedIn,
    db: Copy,
    wired: Wired,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """Print the cards of the farmers that the list of one's own cooperative shows, ten on a sheet of A4."""
    visitor.require(Scope.ACTORS)
    _require_own(visitor, known_actor(db, cooperative).address)
    farmers = q.actors(
        db, role=int(Role.FARMER), enroller=cooperative, after=after_place(after), limit=limit
    )
    made = printing.farmer_cards(db, printing.site(wired.config), farmers)
    if not made:
        raise _no_farmers()
    with printing.printer():
        pdf = farmer_card.cards(made)
    return _printed(pdf, "farmers-cards.pdf")


def _kept(request: Request, answer: Response) -> Response:
    digest = hashlib.sha256(answer.body).hexdigest()[:32]
    if caching.tagged(request, answer, digest, CODE_POLICY):
        return caching.unchanged(answer)
    return answer


def _printed(pdf: bytes, name: str) -> Response:
    """Answer with a PDF that a browser shows, and stores under a name of plain letters if it is told to."""
    plain = re.sub(r"[^0-9A-Za-z._-]", "_", name)
    headers = {"Content-Disposition": f'inline; filename="{plain}"', "Cache-Control": "no-store"}
    return Response(pdf, media_type=_PDF, headers=headers)


def _require_own(visitor: Visitor, cooperative: str) -> None:
    if visitor.party != cooperative:
        raise YuanliuError(
            "access.forbidden",
            "only the cooperative whose this is prints for it",
            hint="sign in with an account of that cooperative",
            fields={"cooperative": cooperative},
        )


def _no_farmers() -> YuanliuError:
    return YuanliuError(
        "labels.no_farmer",
        "there is no farmer to print a card for",
        hint="enrol the farmer first, or go back in the list",
    )
