"""The farmer's page at the address on his card. It works with forms alone, and is kept nowhere."""

import time
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from yuanliu import identifiers
from yuanliu.desk.intentions import State
from yuanliu.desk.pins import LONGEST_SECONDS, Opened
from yuanliu.desk.sessions import check_csrf
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries import cards
from yuanliu.index.reading import reading
from yuanliu.web import taking
from yuanliu.web.pages import farmer as pages
from yuanliu.web.pages import frame
from yuanliu.web.pages.farmer import Card
from yuanliu.web.services import Copy, Services, Wired

router = APIRouter(include_in_schema=False)

COOKIE: Final = "yl_card"
WAIT_SECONDS: Final = 8.0
"""How long a tap waits for the money to have arrived."""

_UNKNOWN_ADDRESS: Final = "0.0.0.0"  # noqa: S104 -- nothing is bound to it
_SAME: Final = frozenset({"same-origin", "none", ""})
_NOT_YET: Final = "contract.Payments_NothingDue"

Field = Annotated[str, Form(max_length=200)]
Code = Annotated[str, Query(max_length=64)]


@router.get("/f")
@router.get("/f/")
def enter(request: Request, cooperative: Code = "", code: Code = "") -> Response:
    """Ask for the two codes on a card, and lead to the page."""
    if not (cooperative or code):
        return pages.entrance(request)
    values = {"cooperative": cooperative.strip(), "code": code.strip()}
    try:
        path = identifiers.farmer_path(**values)
    except YuanliuError as error:
        return pages.entrance(request, error=error, values=values)
    return RedirectResponse(path, 303, headers=pages.HEADERS)


@router.get("/f/{rest:path}")
def show(
    rest: str,  # noqa: ARG001 -- read as it came
    request: Request,
    wired: Wired,
    view: Annotated[str, Query(max_length=20)] = "",
    year: Annotated[int, Query(ge=2020, le=2999)] = 0,
    after: Annotated[int | None, Query(ge=0, lt=1 << 62)] = None,
) -> Response:
    """Show a farmer's page to whoever opened it, and ask others for the PIN."""
    with reading(wired.copy) as db:
        card = _card(request, db)
        if isinstance(card, Response):
            return card
        opened = _opened(request, wired, card)
        if opened is None:
            return pages.locked(request, card)
        if opened.must_change or view == "pin":
            return pages.changing(request, card, opened)
        if view == "statement":
            now = int(time.time())
            asked = year or datetime.fromtimestamp(now, frame.CHINA).year
            return pages.statement(request, db, card, opened, year=asked, now=now)
        return pages.overview(request, db, wired, card, opened, after=after)


@router.post("/f/{rest:path}")
def act(  # noqa: PLR0911 -- one way out for each thing that can be done; a form's fields
    rest: str,  # noqa: ARG001 -- read as it came
    request: Request,
    wired: Wired,
    do: Field = "",
    csrf: Field = "",
    pin: Field = "",
    new: Field = "",
    again: Field = "",
) -> Response:
    """Open the page, choose a PIN, take the money, close the page. Whoever reloads the answer does nothing twice."""
    with reading(wired.copy) as db:
        card = _card(request, db)
    if isinstance(card, Response):
        return card
    if do == "open":
        return _open(request, wired, card, pin)
    opened = _opened(request, wired, card)
    if opened is None:
        closed = YuanliuError("pin.closed", "this page was closed", hint="enter the PIN again")
        return pages.locked(request, card, error=closed)
    check_csrf(opened.token, csrf)
    match do:
        case "close":
            wired.pins.close(opened)
            answer = _back(card)
            answer.delete_cookie(COOKIE, path="/f")
            return answer
        case "change":
            return _change(request, wired, card, opened, (pin, new, again))
        case "take" if not opened.must_change:
            return _take(request, wired, card, opened)
    return _back(card)


def _open(request: Request, wired: Services, card: Card, pin: str) -> Response:
    if request.headers.get("sec-fetch-site", "") not in _SAME:  # nobody signs another in
        return _back(card)
    address = request.client.host if request.client else _UNKNOWN_ADDRESS
    try:
        opened = wired.pins.open(card.farmer.address, pin, address)
    except YuanliuError as error:
        return pages.locked(request, card, error=error)
    answer = _back(card)
    answer.set_cookie(
        COOKIE,
        opened.token,
        max_age=int(LONGEST_SECONDS),
        httponly=True,
        samesite="lax",
        secure=wired.config.public_url.startswith("https:"),
        path="/f",
    )
    return answer


def _change(
    request: Request, wired: Services, card: Card, opened: Opened, given: tuple[str, str, str]
) -> Response:
    pin, new, again = given
    try:
        _require_alike(new, again)
        wired.pins.change(opened, pin, new, code=card.farmer.code)
    except YuanliuError as error:
        return pages.changing(request, card, opened, error=error)
    return _back(card, "changed")


def _require_alike(new: str, again: str) -> None:
    if new != again:
        raise YuanliuError(
            "pin.not_alike",
            "the new PIN was written in two ways",
            hint="write the same six digits twice",
        )


def _take(request: Request, wired: Services, card: Card, opened: Opened) -> Response:
    try:
        done = taking.take_all(wired, card.farmer.address, wait=WAIT_SECONDS)
    except YuanliuError as error:
        if error.code == _NOT_YET:  # the money is on its way already: somebody settled it for him
            return _back(card, "nothing")
        with reading(wired.copy) as db:
            return pages.overview(request, db, wired, card, opened, error=error)
    if any(each.state is State.DONE for each in done):
        return _back(card, "taken")
    return _back(card, "coming" if any(not each.settled for each in done) else "nothing")


def _back(card: Card, did: str = "") -> RedirectResponse:
    query = f"?did={did}" if did else ""
    return RedirectResponse(card.path + query, 303, headers=pages.HEADERS)


def _card(request: Request, db: Copy) -> Card | Response:
    """Give whose card it is; or the page that says so, if it is nobody's or may be several people's."""
    path = (request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
    cooperative, code = "", ""
    try:
        cooperative, code = identifiers.parse_farmer_path(path.partition("?")[0])
        found = _found(db, cooperative, code)
    except YuanliuError as error:
        return pages.entrance(
            request, error=error, values={"cooperative": cooperative, "code": code}
        )
    named = []
    for each in found:
        enroller = q.actor(db, each.enroller)
        name = enroller.code if enroller else each.enroller
        named.append(Card(each, name, cards.card_path(db, each)))
    return named[0] if len(named) == 1 else pages.entrance(request, choices=named)


def _found(db: Copy, cooperative: str, code: str) -> tuple[q.Actor, ...]:
    found = cards.farmers_of_card(db, cooperative, code)
    if not found:
        raise YuanliuError(
            "actor.unknown",
            f"nobody has the card {cooperative} {code}",
            hint="scan the card again; a farmer who was enrolled just now appears within seconds",
            fields={"cooperative": cooperative, "code": code},
        )
    return found


def _opened(request: Request, wired: Services, card: Card) -> Opened | None:
    """Give the farmer's open page, if this visitor has it."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    try:
        opened = wired.pins.look(token)
    except YuanliuError as error:
        if error.code.startswith(("pin.", "access.")):
            return None
        raise
    return opened if opened.farmer == card.farmer.address else None
