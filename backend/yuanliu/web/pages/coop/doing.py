"""What is done to a batch, one form a page; and sales, spreadsheets."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from yuanliu.database import Connection
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.paper.label_formats import FORMATS
from yuanliu.sheets.columns import DELIVERIES, FARMERS
from yuanliu.sheets.loggers import COLUMNS, MAX_READINGS
from yuanliu.web.pages.coop import data, lots, shell
from yuanliu.web.pages.coop.shell import Member, SignedInMember
from yuanliu.web.pages.frame import CHINA, language
from yuanliu.web.pages.texts import text
from yuanliu.web.routes.batches import After, after_place, cursor
from yuanliu.web.services import Copy, Wired

router = APIRouter(include_in_schema=False)

FORMS: Final = {
    "production": "produce",
    "inspection": "inspect",
    "logistics": "move",
    "readings": "move",
    "price": "keep",
    "offer": "hand",
    "labels": "keep",
    "recall": "recall",
    "lift": "recall",
    "release": "release",
}
"""Each form, and the act that one must be able to do."""

_SHOWN: Final = 50
_MOST: Final = 1_000
_DAYS: Final = 30


@router.get("/coop/do/{form}/{gtin}/{lot:path}")
def show_form(
    request: Request,
    member: SignedInMember,
    wired: Wired,
    db: Copy,
    form: Annotated[str, Path(pattern=r"^[a-z]{1,12}$")],
    gtin: lots.Gtin,
    lot: lots.Lot,
) -> HTMLResponse:
    """Show the form for one act on a batch."""
    if form not in FORMS:
        raise YuanliuError(
            "request.not_found", f"there is no form {form}", hint="go back to the batch"
        )
    member.require(FORMS[form])
    row = lots.known(db, gtin, lot)
    own = q.actor(db, member.party) if member.party else None
    return shell.page(
        request,
        member,
        f"do_{form}.html",
        active="batches",
        batch=row,
        batch_id="0x" + row.id.hex(),
        back=lots.batch_path(row),
        said=data.descriptions(db, [row])[row.id],
        code=own.code if own else "",
        **_more(form, wired, db, member, row),
    )


def _more(form: str, wired: Wired, db: Connection, member: Member, row: q.Batch) -> dict[str, Any]:
    if form == "offer":
        parties = data.Parties(wired, db, "")
        actors = {
            each.address: each
            for role in lots.PARTNERS
            for each in q.actors(db, role=int(role), limit=_MOST)
            if each.address != member.party and not each.suspended
        }
        held = {each.batch: each.units for each in q.holdings(db, member.party)}
        return {
            "partners": parties.title(list(actors.values())),
            "held": held.get(row.id, 0),
        }
    if form == "readings":
        return {"fields": COLUMNS, "most": MAX_READINGS}
    if form == "price":
        return {"terms": q.terms(db, row.terms)}
    if form == "labels":
        return {"formats": [(each.name, each.said) for each in FORMATS.values()]}
    return {}


# ---------------------------------------------------------------------- money


@router.get("/coop/sales")
def sales(
    request: Request, member: SignedInMember, wired: Wired, db: Copy, after: After = None
) -> HTMLResponse:
    """Show what was sold and who was paid, with sums of the last thirty days."""
    member.require("keep")
    rows = q.payments(db, cooperative=member.party, after=after_place(after), limit=_SHOWN)
    since = int((datetime.now(CHINA) - timedelta(days=_DAYS)).timestamp())
    recent = q.payments(db, cooperative=member.party, since=since, limit=_MOST)
    parties = data.Parties(wired, db, text(language(request), "coop.a_buyer"))
    return shell.page(
        request,
        member,
        "sales.html",
        active="sales",
        payments=rows,
        totals={
            "count": len(recent),
            "amount": sum(row.amount for row in recent),
            "farmers": sum(row.farmers for row in recent),
            "cooperative": sum(row.cooperative for row in recent),
            "platform": sum(row.platform for row in recent),
        },
        more=len(recent) == _MOST,
        payouts=[
            (lot, row, parties.code(row.owner))
            for lot, row in data.payouts(db, member.party, limit=_SHOWN)
        ],
        following=cursor(rows, _SHOWN),
    )


@router.get("/coop/sheets")
def sheets(
    request: Request,
    member: SignedInMember,
    which: Annotated[str, Query(alias="sheet", max_length=12)] = "deliveries",
) -> HTMLResponse:
    """Show where spreadsheets are handed in and taken away."""
    member.require("keep")
    sheet = "farmers" if which == "farmers" else "deliveries"
    return shell.page(
        request,
        member,
        "sheets.html",
        active="sheets",
        sheet=sheet,
        fields=FARMERS if sheet == "farmers" else DELIVERIES,
    )
