"""Who asks: a person with a session cookie, or a machine with a bearer token."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from yuanliu.actions import Role
from yuanliu.chain import keys
from yuanliu.desk.access import Principal, Scope
from yuanliu.desk.sessions import Session, check_csrf, unauthenticated
from yuanliu.desk.tokens import Machine
from yuanliu.web.services import Services, Wired

COOKIE: Final = "yuanliu_session"

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_cookie = APIKeyCookie(
    name=COOKIE,
    scheme_name="session",
    description="Set by `POST /api/v1/session`. Unsafe methods also need `X-CSRF-Token`.",
    auto_error=False,
)
_bearer = HTTPBearer(
    scheme_name="token", description="An API token, `yl_…`, for machines.", auto_error=False
)


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in. `session` is a person's; a machine has none."""

    principal: Principal
    session: Session | None
    open_key: Callable[[], keys.Key]
    """Opens the account's key. Raises `YuanliuError` (`access.password_change_needed`, `vault.not_opened`)."""

    @property
    def account(self) -> str:
        """The account's id."""
        return self.principal.account.id

    @property
    def party(self) -> str:
        """The actor that the contracts name as author. Raises `YuanliuError` (`access.suspended`)."""
        return self.principal.party

    @property
    def roles(self) -> Role:
        """The roles that the chain gives that actor. Raises as `party`."""
        return Role(self.principal.roles)

    def require(self, scope: Scope) -> None:
        """Refuse who may not. Raises `YuanliuError` (`access.forbidden`, `access.suspended`)."""
        self.principal.require_scope(scope)


def _signed_in(
    request: Request,
    wired: Wired,
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Visitor:
    if bearer is not None:
        text = bearer.credentials
        return visitor_of_machine(wired, wired.tokens.authenticate(text), text)
    if cookie is not None and request.method not in _SAFE:
        check_csrf(cookie, request.headers.get("x-csrf-token", ""))
    return visitor_of_cookie(wired, cookie)


def visitor_of_machine(wired: Services, machine: Machine, text: str) -> Visitor:
    """Give the machine that signed in with the token `text`."""
    principal = wired.access.principal(machine.account, machine.token.scopes)
    return Visitor(principal, None, lambda: wired.tokens.open_key(machine, text))


def visitor_of_cookie(wired: Services, cookie: str | None) -> Visitor:
    """Give who holds this cookie; whoever lets him change something checks the CSRF token besides.

    Raises `YuanliuError` (`access.unauthenticated`, `access.session_expired`).
    """
    if cookie is None:
        raise unauthenticated()
    session = wired.sessions.authenticate(cookie)
    principal = wired.access.principal(session.account)
    return Visitor(principal, session, lambda: wired.sessions.open_key(session, cookie))


SignedIn = Annotated[Visitor, Depends(_signed_in)]
"""Whoever is signed in, as a parameter of a route."""
