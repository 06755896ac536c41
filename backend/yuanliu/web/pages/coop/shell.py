"""Who looks at a page of the cooperative's desk, what he may do there, and what every such page has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from yuanliu.desk.people import AccountKind
from yuanliu.errors import YuanliuError
from yuanliu.web.access import COOKIE, Visitor, visitor_of_cookie
from yuanliu.web.pages import frame
from yuanliu.web.pages.texts import TEXTS
from yuanliu.web.services import Wired

_SEE_OTHER: Final = 303
_KEEPS: Final = frozenset({AccountKind.COOPERATIVE, AccountKind.CLERK})
_HANDS: Final = _KEEPS | {AccountKind.CARRIER, AccountKind.RETAILER, AccountKind.INSPECTOR}

ACTS: Final[Mapping[str, frozenset[AccountKind]]] = {
    "keep": _KEEPS,  # farmers, deliveries, batches, sales
    "produce": _KEEPS | {AccountKind.FARMER},
    "inspect": frozenset({AccountKind.INSPECTOR}),
    "move": _KEEPS | {AccountKind.CARRIER, AccountKind.RETAILER},
    "hand": _HANDS,
    "recall": _KEEPS | {AccountKind.REGULATOR},
    "release": frozenset({AccountKind.REGULATOR}),
    "employ": frozenset({AccountKind.COOPERATIVE}),
}
"""What can be done on these pages, and the kinds of account that may; the contracts check again."""

_WORK: Final = frozenset().union(*ACTS.values()) - {AccountKind.FARMER}
_JS: Final = "coop.js_"


@dataclass(frozen=True)
class Member:
    """Somebody who is signed in and has work here."""

    visitor: Visitor

    @property
    def kind(self) -> AccountKind:
        """What his account is for."""
        return self.visitor.principal.account.kind

    @property
    def party(self) -> str:
        """The actor that he acts for, as his account says; the chain is asked when he acts."""
        return self.visitor.principal.account.party or ""

    def may(self, act: str) -> bool:
        """Tell whether he may do this."""
        return self.kind in ACTS[act]

    def require(self, act: str) -> None:
        """Refuse whoever has no work on this page. Raises `YuanliuError` (`access.forbidden`)."""
        if not self.may(act):
            raise YuanliuError(
                "access.forbidden",
                f"a {self.kind} has no work on this page",
                hint="sign in with the account whose task this is",
                fields={"kind": str(self.kind)},
            )


def _member(request: Request, wired: Wired) -> Member:
    try:
        visitor = visitor_of_cookie(wired, request.cookies.get(COOKIE))
    except YuanliuError as error:
        if error.code.startswith("access."):
            raise _to(f"/coop/sign-in?next={quote(_here(request), safe='/')}") from error
        raise
    account = visitor.principal.account
    if account.must_change_password and request.url.path != "/coop/password":
        raise _to("/coop/password")
    if account.kind not in _WORK and request.url.path != "/coop/password":
        raise YuanliuError(
            "access.forbidden",
            f"a {account.kind} has no work here",
            hint="farmers open their own page by their card; everybody reads the public accounts",
            fields={"kind": str(account.kind)},
        )
    return Member(visitor)


def _perhaps(request: Request, wired: Wired) -> Member | None:
    try:
        visitor = visitor_of_cookie(wired, request.cookies.get(COOKIE))
    except YuanliuError:
        return None
    return Member(visitor)


PerhapsMember = Annotated[Member | None, Depends(_perhaps)]
"""Whoever is signed in; or nobody, on pages that work without."""

SignedInMember = Annotated[Member, Depends(_member)]
"""Whoever is signed in; others are led to the sign-in page."""


def _here(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _to(path: str) -> HTTPException:
    return HTTPException(_SEE_OTHER, headers={"Location": path, "Cache-Control": "no-store"})


def local(path: str) -> str:
    """Give a path of these pages that somebody asked to come back to; the first page for anything else."""
    good = path == "/coop" or path.startswith(("/coop/", "/coop?"))
    return path if good and path.isprintable() and "\\" not in path else "/coop"


def words(language: str) -> dict[str, str]:
    """Give what scripts say."""
    return {
        key.removeprefix(_JS): each[language] for key, each in TEXTS.items() if key.startswith(_JS)
    }


WARM: Final[Mapping[str, tuple[str, ...]]] = {
    "keep": (
        "/coop/farmers",
        "/coop/farmers/new",
        "/coop/deliveries",
        "/coop/deliveries/new",
        "/coop/batches",
        "/coop/batches/new",
        "/coop/transform",
        "/coop/sales",
    ),
    "hand": ("/coop/offers", "/coop/batches"),
}
"""Pages that are kept for when there is no line, by what somebody may do."""

ALWAYS_WARM: Final = frozenset({"/coop", "/coop/waiting", "/coop/offline"})


def page(
    request: Request,
    member: Member | None,
    template: str,
    *,
    status: int = 200,
    active: str = "",
    **context: Any,  # noqa: ANN401 -- what the template takes
) -> HTMLResponse:
    """Answer with a page of the desk. Nobody but its reader may keep it."""
    account = member.visitor.principal.account if member else None
    can = {act for act in ACTS if member and member.may(act)}
    known = {
        "account": account.id if account else "",
        "login": account.login if account else "",
        "warm": sorted({path for act in can & WARM.keys() for path in WARM[act]} | ALWAYS_WARM)
        if account
        else [],
        "words": words(frame.language(request)),
    }
    return frame.page(
        request,
        f"coop/{template}",
        status=status,
        headers={"Cache-Control": "private, no-cache"},
        me=account,
        can=can,
        active=active,
        known=known,
        **context,
    )
