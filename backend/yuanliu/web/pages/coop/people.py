"""Farmers and their deliveries: who they are, what they brought, the receipt in their hand."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from yuanliu.actions import Role
from yuanliu.database import Connection
from yuanliu.desk import weighings
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries import cards
from yuanliu.web.messages import Language
from yuanliu.web.pages.coop import data, shell
from yuanliu.web.pages.coop.shell import SignedInMember
from yuanliu.web.pages.frame import language
from yuanliu.web.routes.batches import After, after_place, cursor
from yuanliu.web.services import Copy, Services, Wired

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 50
_KNOWN: Final = 1_000
_TRAILING: Final = re.compile(r"(.*?)([0-9]{1,9})")


def farmers(db: Connection, party: str, limit: int = _KNOWN) -> tuple[q.Actor, ...]:
    """Give a cooperative's farmers, newest first."""
    return q.actors(db, role=int(Role.FARMER), enroller=party, limit=limit)


def next_code(codes: list[str]) -> str:
    """Suggest the code after the last: H-0041 → H-0042; with the same beginning and as many digits."""
    found = next((match for code in codes if (match := _TRAILING.fullmatch(code))), None)
    start, width = (found[1], len(found[2])) if found else ("H-", 4)
    numbers = [
        int(match[2])
        for code in codes
        if (match := _TRAILING.fullmatch(code)) and match[1] == start
    ]
    return f"{start}{max(numbers, default=0) + 1:0{width}d}"


@router.get("/coop/farmers")
def list_farmers(
    request: Request, member: SignedInMember, wired: Wired, db: Copy, after: After = None
) -> HTMLResponse:
    """List the farmers, newest first."""
    member.require("keep")
    rows = q.actors(
        db,
        role=int(Role.FARMER),
        enroller=member.party,
        after=after_place(after),
        limit=_SHOWN,
    )
    return shell.page(
        request,
        member,
        "farmers.html",
        active="farmers",
        farmers=rows,
        names=wired.accounts.names([row.address for row in rows]),
        paths={row.address: cards.card_path(db, row) for row in rows},
        following=cursor(rows, _SHOWN),
    )


@router.get("/coop/farmers/new")
def new_farmer(request: Request, member: SignedInMember, db: Copy) -> HTMLResponse:
    """Show the form that enrols a farmer."""
    member.require("keep")
    codes = [row.code for row in farmers(db, member.party)]
    return shell.page(
        request, member, "farmer_new.html", active="farmers", suggested=next_code(codes)
    )


# ---------------------------------------------------------------------- deliveries


@router.get("/coop/deliveries")
def list_deliveries(
    request: Request,
    member: SignedInMember,
    wired: Wired,
    db: Copy,
    after: After = None,
    farmer: Annotated[str, Query(max_length=16)] = "",
    only: Annotated[str, Query(max_length=8)] = "",
) -> HTMLResponse:
    """List deliveries, newest first; of one farmer, or only those that are in no batch yet."""
    member.require("keep")
    found = q.actor_by_code(db, member.party, farmer) if farmer else None
    rows: tuple[q.Delivery, ...] = ()
    if found or not farmer:
        rows = q.deliveries(
            db,
            cooperative=member.party,
            farmer=found.address if found else None,
            open_only=only == "open",
            after=after_place(after),
            limit=_SHOWN,
        )
    batches = {row.batch: q.batch(db, row.batch) for row in rows if row.batch}
    return shell.page(
        request,
        member,
        "deliveries.html",
        active="deliveries",
        deliveries=rows,
        lots=batches,
        worth=data.worth,
        names=_names_of(wired, rows),
        products={each.gtin: each for each in data.products(db, member.party)},
        farmer=farmer,
        only=only,
        following=cursor(rows, _SHOWN),
    )


def _names_of(wired: Services, rows: tuple[q.Delivery, ...]) -> dict[str, str]:
    return wired.accounts.names(sorted({row.farmer for row in rows}))


@router.get("/coop/deliveries/new")
def new_delivery(
    request: Request,
    member: SignedInMember,
    wired: Wired,
    db: Copy,
    farmer: Annotated[str, Query(max_length=16)] = "",
) -> HTMLResponse:
    """Show the form that books a delivery."""
    member.require("keep")
    known = farmers(db, member.party)
    products = [each for each in data.products(db, member.party) if each.terms]
    return shell.page(
        request,
        member,
        "delivery_new.html",
        active="deliveries",
        farmers=[row for row in known if not row.suspended],
        names=data.names(wired, member.party),
        products=products,
        prices={each.gtin: _last_price(db, member.party, each.gtin) for each in products},
        chosen=farmer,
    )


def _last_price(db: Connection, party: str, gtin: str) -> int | None:
    last = q.deliveries(db, cooperative=party, gtin=gtin, limit=1)
    return last[0].price_per_kg if last else None


@router.get("/coop/deliveries/{receipt}")
def receipt(
    request: Request,
    member: SignedInMember,
    wired: Wired,
    db: Copy,
    receipt: Annotated[int, Path(ge=1, lt=1 << 63)],
) -> HTMLResponse:
    """Show a receipt, to be printed."""
    member.require("keep")
    row = q.delivery(db, member.party, receipt)
    if row is None:
        raise YuanliuError(
            "delivery.unknown",
            f"there is no delivery {receipt}",
            hint="compare the number on the receipt",
            fields={"receipt": receipt},
        )
    tongue = language(request)
    products = {each.gtin: each for each in data.products(db, member.party)}
    own = q.actor(db, member.party)
    return shell.page(
        request,
        member,
        "receipt.html",
        active="deliveries",
        delivery=row,
        tare=weighings.of(wired.desk, member.party, [receipt]).get(receipt, 0),
        worth=data.worth(row),
        jin=data.in_jin(row.grams),
        per_jin=data.per_jin(row.price_per_kg),
        name=wired.accounts.names([row.farmer]).get(row.farmer, ""),
        cooperative=_cooperative(wired, own, products.get(row.gtin), tongue),
        product=products.get(row.gtin),
        terms=q.terms(db, row.terms),
        batch=q.batch(db, row.batch) if row.batch else None,
    )


def _cooperative(
    wired: Services, own: q.Actor | None, product: data.Product | None, tongue: Language
) -> str:
    said = product.description.cooperative(tongue) if product else ""
    if said or own is None:
        return said
    called: dict[str, Any] = wired.accounts.names([own.address])
    return f"{called.get(own.address, '')} {own.code}".strip()
