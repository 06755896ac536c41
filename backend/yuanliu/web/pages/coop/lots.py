"""Batches: the list, the form that registers one, a batch's own page, transformations, and hand-overs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from yuanliu import digital_link, identifiers
from yuanliu.actions import Role
from yuanliu.database import Connection
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.records import Kind, Readings, RecordError, Sold, decode
from yuanliu.web.collecting import MOST
from yuanliu.web.messages import Language
from yuanliu.web.pages.coop import data, shell
from yuanliu.web.pages.coop.shell import Member, SignedInMember
from yuanliu.web.pages.frame import CHINA, language, yuan
from yuanliu.web.pages.texts import TEXTS, text
from yuanliu.web.routes.batches import After, after_place, cursor
from yuanliu.web.services import Copy, Wired

router = APIRouter(include_in_schema=False)

Gtin = Annotated[str, Path(pattern=r"^[0-9]{8,14}$")]
Lot = Annotated[str, Path(min_length=1, max_length=60)]

_SHOWN: Final = 50
_OPEN: Final = 1_000
_RECORDS: Final = 500
_STEM: Final = re.compile(r"[A-Za-z]+")
_LONGEST_STEM: Final = 6
_COUNTED: Final = 200
PARTNERS: Final = (Role.CARRIER, Role.RETAILER, Role.COOPERATIVE)


def known(db: Connection, gtin: str, lot: str) -> q.Batch:
    """Give a batch by what stands on its label. Raises `YuanliuError` (`batch.unknown`)."""
    found = q.find_batch(db, identifiers.parse_gtin(gtin), lot)
    if found is None:
        raise YuanliuError(
            "batch.unknown",
            f"there is no batch {lot} of {gtin}",
            hint="compare product and lot with the label",
            fields={"gtin": gtin, "lot": lot[:60]},
        )
    return found


@router.get("/coop/batches")
def list_batches(
    request: Request, member: SignedInMember, db: Copy, after: After = None
) -> HTMLResponse:
    """List one's own batches, newest first; a regulator's or laboratory's list holds all."""
    own = member.may("keep")
    following = None
    if own or not member.may("move"):
        rows = q.batches(
            db,
            cooperative=member.party if own else None,
            after=after_place(after),
            limit=_SHOWN,
        )
        following = cursor(rows, _SHOWN)
    else:  # carriers and stores: what they hold, and what is on its way to them
        rows = tuple(row for row, _ in _held(db, member.party))
    return shell.page(
        request,
        member,
        "batches.html",
        active="batches",
        batches=rows,
        names=data.descriptions(db, rows),
        held=dict(_units_held(db, member.party)),
        products=data.products(db, member.party) if own else [],
        following=following,
    )


def _units_held(db: Connection, party: str) -> list[tuple[bytes, int]]:
    return [(row.batch, row.units) for row in q.holdings(db, party)] if party else []


def _held(db: Connection, party: str) -> list[tuple[q.Batch, int]]:
    """Give the batches of which somebody has units, and how many, newest first."""
    found = [(q.batch(db, batch), units) for batch, units in _units_held(db, party)[:_OPEN]]
    return sorted(
        ((batch, units) for batch, units in found if batch), key=lambda pair: -pair[0].time
    )


@router.get("/coop/find")
def find(
    request: Request,
    member: SignedInMember,
    db: Copy,
    asked: Annotated[str, Query(alias="q", max_length=300)] = "",
) -> Response:
    """Find a batch by the address that its code holds, or by its lot."""
    said = asked.strip()
    if said and ((found := _by_link(db, said)) or (found := _by_lot(db, member, said))):
        return RedirectResponse(batch_path(found), 303)
    return shell.page(
        request, member, "find.html", active="find", asked=said, status=404 if said else 200
    )


def batch_path(row: q.Batch) -> str:
    """Give the address of a batch's page on the desk."""
    return "/coop/batch" + identifiers.digital_link_path(row.gtin, row.lot).removeprefix(
        "/01"
    ).replace("/10/", "/", 1)


def _by_link(db: Connection, said: str) -> q.Batch | None:
    try:
        link = digital_link.parse_digital_link(
            f"https://id.gs1.org{said}" if said[0] == "/" else said
        )
    except YuanliuError:
        return None
    return q.find_batch(db, link.gtin, link.lot) if link.gtin and link.lot else None


def _by_lot(db: Connection, member: Member, lot: str) -> q.Batch | None:
    """Look for a lot among the products: one's own first."""
    mine = [row.gtin for row in q.products(db, cooperative=member.party or None, limit=_OPEN)]
    every = [row.gtin for row in q.products(db, limit=_OPEN)]
    found = (q.find_batch(db, gtin, lot) for gtin in dict.fromkeys([*mine, *every]))
    return next((row for row in found if row), None)


# ---------------------------------------------------------------------- registering


@dataclass(frozen=True)
class Offering:
    """A product that a batch can be registered of: what is suggested for the next one."""

    product: data.Product
    stem: str
    lots: list[str]
    deliveries: Sequence[q.Delivery]
    terms: dict[int, q.Terms]


def _stem(product: data.Product) -> str:
    """Give the letters that the last lot began with."""
    word = _STEM.match(product.last.lot) if product.last else None
    return word[0][:_LONGEST_STEM] if word else "L"


def _offering(db: Connection, party: str, product: data.Product) -> Offering:
    free = q.deliveries(db, cooperative=party, gtin=product.gtin, open_only=True, limit=MOST)
    used = q.batches(db, cooperative=party, gtin=product.gtin, limit=_COUNTED)
    agreed = {number: q.terms(db, number) for number in sorted({row.terms for row in free})}
    return Offering(
        product=product,
        stem=_stem(product),
        lots=[row.lot for row in used],
        deliveries=free,
        terms={number: terms for number, terms in agreed.items() if terms},
    )


def suggested_lot(stem: str, lots: Sequence[str], day: datetime) -> str:
    """Suggest the next lot of a day: EGG20261122-001, then -002."""
    start = f"{stem}{day:%Y%m%d}-"
    taken = set(lots)
    return next(lot for n in range(1, 1_000) if (lot := f"{start}{n:03d}") not in taken)


@router.get("/coop/batches/new")
def new_batch(
    request: Request,
    member: SignedInMember,
    wired: Wired,
    db: Copy,
    gtin: Annotated[str, Query(max_length=14)] = "",
) -> HTMLResponse:
    """Show the form that registers a batch from deliveries."""
    member.require("keep")
    products = [each for each in data.products(db, member.party) if each.terms]
    chosen = next((each for each in products if each.gtin == gtin), None)
    if chosen is None:
        ready = [
            each
            for each in products
            if q.deliveries(db, cooperative=member.party, gtin=each.gtin, open_only=True, limit=1)
        ]
        chosen = next(iter(ready or products), None)
    offering = _offering(db, member.party, chosen) if chosen else None
    return shell.page(
        request,
        member,
        "batch_new.html",
        active="batches",
        products=products,
        offering=offering,
        most=MOST,
        names=data.names(wired, member.party),
        suggested=suggested_lot(offering.stem, offering.lots, datetime.now(CHINA))
        if offering
        else "",
        place=_last_place(db, chosen),
        today=f"{datetime.now(CHINA):%Y-%m-%d}",
    )


def _last_place(db: Connection, product: data.Product | None) -> str:
    """Give the code of the place where the last batch was harvested."""
    if product is None or product.last is None:
        return ""
    for record in q.records(db, product.last.id, limit=_RECORDS):
        if record.kind is Kind.REGISTERED:
            return place_of(record)
    return ""


def place_of(record: q.Record) -> str:
    """Give the last part of where an event was read."""
    point = data.event_of(record).get("readPoint")
    return str(point.get("id", "")).rsplit("/", 1)[-1] if isinstance(point, dict) else ""


# ---------------------------------------------------------------------- one batch


@dataclass(frozen=True)
class Step:
    """One record as a clerk reads it. `words` name further texts of the page."""

    kind: str
    time: int
    who: str
    place: str
    note: str
    bad: bool


def _step(record: q.Record, parties: data.Parties, tongue: Language) -> Step:
    event = data.event_of(record)
    try:
        body = decode(record.data).body
    except RecordError:
        body = None
    step = str(event.get("yuanliu:step") or event.get("bizStep") or "")
    note = text(tongue, f"coop.step_{step}") if f"coop.step_{step}" in TEXTS else step
    if isinstance(body, Sold):
        note = yuan(body.amount)
    elif isinstance(body, Readings):
        note = text(tongue, "coop.n_readings", n=body.count)
    elif reason := getattr(body, "reason", ""):
        note = str(reason)
    conformant = getattr(body, "conformant", None)
    kind = record.kind.name.lower()
    if record.kind is Kind.INSPECTION:
        kind = "inspection_passed" if conformant else "inspection_failed"
        note = str(event.get("yuanliu:laboratory", ""))
    return Step(
        kind=kind,
        time=record.time,
        who=parties.code(record.actor),
        place=place_of(record),
        note=note[:120] if kind not in _PLAIN else "",
        bad=record.kind is Kind.RECALLED or conformant is False,
    )


_PLAIN: Final = frozenset({"registered", "derived", "consumed", "collected"})


@router.get("/coop/batch/{gtin}/{lot:path}")
def show_batch(
    request: Request, member: SignedInMember, wired: Wired, db: Copy, gtin: Gtin, lot: Lot
) -> HTMLResponse:
    """Show a batch: what it is, what happened, and what can be done with it."""
    row = known(db, gtin, lot)
    parties = data.Parties(wired, db, text(language(request), "coop.a_buyer"))
    held = dict(_units_held(db, member.party)).get(row.id, 0)
    return shell.page(
        request,
        member,
        "batch.html",
        active="batches",
        batch=row,
        batch_id="0x" + row.id.hex(),
        path=batch_path(row).removeprefix("/coop/batch"),
        link=identifiers.digital_link_path(row.gtin, row.lot),
        said=data.descriptions(db, [row])[row.id],
        terms=q.terms(db, row.terms),
        steps=[
            _step(record, parties, language(request))
            for record in q.records(db, row.id, limit=_RECORDS)
        ],
        holders=[(parties.code(each.owner), each.units) for each in q.holders(db, row.id)],
        offers=[
            (each, parties.code(each.sender), parties.code(each.receiver))
            for each in q.offers(db, batch=row.id, open_only=True, limit=_SHOWN)
        ],
        mine=row.cooperative == member.party,
        held=held,
    )


# ---------------------------------------------------------------------- transformation, hand-over


@router.get("/coop/transform")
def transform(request: Request, member: SignedInMember, db: Copy) -> HTMLResponse:
    """Show the form that merges, splits, grades or processes."""
    member.require("keep")
    free = [
        (row, units) for row, units in _held(db, member.party) if not (row.held or row.recalled)
    ]
    products = [each for each in data.products(db, member.party) if each.terms]
    now = datetime.now(CHINA)
    lots = {
        each.gtin: [row.lot for row in q.batches(db, gtin=each.gtin, limit=_COUNTED)]
        for each in products
    }
    return shell.page(
        request,
        member,
        "transform.html",
        active="batches",
        held=free,
        names=data.descriptions(db, [row for row, _ in free]),
        products=products,
        stems={
            each.gtin: suggested_lot(_stem(each).removesuffix("P") + "P", lots[each.gtin], now)
            for each in products
        },
        lots=lots,
    )


@router.get("/coop/offers")
def offers(request: Request, member: SignedInMember, wired: Wired, db: Copy) -> HTMLResponse:
    """Show the hand-overs that wait for an answer: one's own answer, and that of others."""
    member.require("hand")
    parties = data.Parties(wired, db, text(language(request), "coop.a_buyer"))

    def told(rows: Sequence[q.Offer]) -> list[tuple[q.Offer, q.Batch | None, str]]:
        return [
            (
                row,
                q.batch(db, row.batch),
                parties.code(row.sender if row.receiver == member.party else row.receiver),
            )
            for row in rows
        ]

    return shell.page(
        request,
        member,
        "offers.html",
        active="offers",
        incoming=told(q.offers(db, receiver=member.party, open_only=True, limit=_SHOWN)),
        outgoing=told(q.offers(db, sender=member.party, open_only=True, limit=_SHOWN)),
        path=batch_path,
    )
