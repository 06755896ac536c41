"""Coming in and going out: sign-in, password, the first page, and what works without a line."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from yuanliu.database import Connection
from yuanliu.desk.people import AccountKind
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web.access import COOKIE, visitor_of_cookie
from yuanliu.web.pages.coop import data, shell
from yuanliu.web.pages.coop.shell import Member, PerhapsMember, SignedInMember
from yuanliu.web.pages.frame import BUILD, CHINA, STATIC, asset, language
from yuanliu.web.pages.texts import text
from yuanliu.web.services import Copy, Services, Wired

router = APIRouter(include_in_schema=False)

_MOST: Final = 1_000
_SHOWN: Final = 20
_KEPT_STATIC: Final = ("css/base.css", "css/coop.css", "icon.svg")


@router.get("/coop/sign-in")
def sign_in(
    request: Request,
    wired: Wired,
    following: Annotated[str, Query(alias="next", max_length=2_000)] = "/coop",
    why: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """Show the form to sign in, and why it has to be done again; who is signed in already goes on."""
    try:
        visitor_of_cookie(wired, request.cookies.get(COOKIE))
    except YuanliuError:
        following = shell.local(following)
        return shell.page(
            request, None, "sign_in.html", following=following, key_replaced=why == "key"
        )
    return RedirectResponse(shell.local(following), 303)


@router.get("/coop/password")
def password(request: Request, member: SignedInMember) -> HTMLResponse:
    """Show the forms to change one's password and to replace one's key."""
    return shell.page(request, member, "password.html", active="password")


@router.get("/coop")
def overview(request: Request, member: SignedInMember, wired: Wired, db: Copy) -> HTMLResponse:
    """Show what is to be done, today's figures, and what is held or recalled; before all, whose key is in danger."""
    today = datetime.now(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return shell.page(
        request,
        member,
        "overview.html",
        active="overview",
        recovery=_recovery(wired, db, member),
        offers=q.offers(db, receiver=member.party, open_only=True, limit=_SHOWN)
        if member.party
        else (),
        figures=_figures(db, member, today) if member.may("keep") else None,
        alerts=_alerts(db, member),
        setup=_setup(db, member) if member.may("keep") else None,
    )


@dataclass(frozen=True, slots=True)
class Recovery:
    """A key that is to take the place of this actor's own, unless it is cancelled. Times are Unix seconds."""

    by: str
    since: int
    ready_at: int


def _recovery(wired: Services, db: Connection, member: Member) -> Recovery | None:
    own = q.actor(db, member.party) if member.party else None
    if own is None or own.recovery_key is None:
        return None
    proposed = [
        each for each in q.actor_history(db, own.address) if each.kind == "RecoveryProposed"
    ][-1]
    by = proposed.by or ""
    found = q.actor(db, by)
    return Recovery(
        by=wired.accounts.names([by]).get(by) or (found.code if found else ""),
        since=proposed.time,
        ready_at=own.recovery_ready_at or 0,
    )


def _figures(db: Connection, member: Member, today: datetime) -> dict[str, int]:
    since = int(today.timestamp())
    brought = q.deliveries(db, cooperative=member.party, since=since, limit=_MOST)
    waiting = q.deliveries(db, cooperative=member.party, open_only=True, limit=_MOST)
    paid = q.payments(db, cooperative=member.party, since=since, limit=_MOST)
    week = q.payments(
        db,
        cooperative=member.party,
        since=int((today - timedelta(days=6)).timestamp()),
        limit=_MOST,
    )
    good = [row for row in brought if row.voided is None]
    return {
        "deliveries": len(good),
        "grams": sum(row.grams for row in good),
        "open": len(waiting),
        "open_grams": sum(row.grams for row in waiting),
        "sales": len(paid),
        "sold": sum(row.amount for row in paid),
        "farmers": sum(row.farmers for row in paid),
        "week_sold": sum(row.amount for row in week),
        "week_farmers": sum(row.farmers for row in week),
    }


def _alerts(db: Connection, member: Member) -> list[q.Batch]:
    """Give batches that are held or recalled: one's own, or all for a regulator."""
    mine = None if member.kind is AccountKind.REGULATOR else member.party
    if mine is None or member.may("keep"):
        found = [
            row
            for state in (q.State.RECALLED, q.State.HELD)
            for row in q.batches(db, cooperative=mine, state=state, limit=_SHOWN)
        ]
    else:
        held = (q.batch(db, row.batch) for row in q.holdings(db, mine)[:_SHOWN])
        found = [row for row in held if row and (row.held or row.recalled)]
    return list({row.id: row for row in found}.values())


def _setup(db: Connection, member: Member) -> dict[str, bool]:
    """Tell which first steps are done, for a cooperative that is new."""
    products = data.products(db, member.party)
    return {
        "product": bool(products),
        "terms": any(each.terms for each in products),
        "delivery": bool(q.deliveries(db, cooperative=member.party, limit=1)),
        "batch": bool(q.batches(db, cooperative=member.party, limit=1)),
    }


# ---------------------------------------------------------------------- without a line


@router.get("/coop/waiting")
def waiting(request: Request, member: PerhapsMember) -> HTMLResponse:
    """Show what this device has to send. Everything on it comes from the device itself."""
    return shell.page(request, member, "waiting.html", active="waiting")


@router.get("/coop/offline")
def offline(request: Request, member: PerhapsMember) -> HTMLResponse:
    """Show what is to be done without a line, where a page was never seen before."""
    return shell.page(request, member, "offline.html")


@router.get("/coop/sw.js")
def service_worker() -> Response:
    """Give the service worker, which names the files that it keeps."""
    files = [*_KEPT_STATIC, *(f"js/coop/{path.name}" for path in (STATIC / "js/coop").glob("*.js"))]
    kept = [asset(path) for path in files if not path.endswith("/sw.js")]
    told = f"const BUILD = {json.dumps(BUILD)};\nconst FILES = {json.dumps(sorted(kept))};\n"
    code = (STATIC / "js/coop/sw.js").read_text(encoding="utf-8")
    headers = {"Service-Worker-Allowed": "/coop", "Cache-Control": "no-cache"}
    return Response(told + code, media_type="text/javascript", headers=headers)


@router.get("/coop/manifest.webmanifest")
def manifest(request: Request) -> JSONResponse:
    """Give what a phone needs to know to install these pages."""
    tongue = language(request)
    return JSONResponse(
        {
            "id": "/coop",
            "name": text(tongue, "coop.app_name"),
            "short_name": text(tongue, "coop.app_short"),
            "lang": "zh-Hans" if tongue == "zh" else "en",
            "start_url": "/coop",
            "scope": "/coop",
            "display": "standalone",
            "background_color": "#f6f1e6",
            "theme_color": "#2b6640",
            "icons": [
                {"src": asset("img/coop-192.png"), "sizes": "192x192", "type": "image/png"},
                {"src": asset("img/coop-512.png"), "sizes": "512x512", "type": "image/png"},
                {
                    "src": asset("img/coop-512.png"),
                    "sizes": "512x512",
                    "type": "image/png",
                    "purpose": "maskable",
                },
            ],
        },
        media_type="application/manifest+json",
    )
