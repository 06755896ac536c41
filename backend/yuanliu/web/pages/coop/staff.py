"""Who works at a cooperative: the accounts of its clerks, and how each stands on the record."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from yuanliu.database import Connection
from yuanliu.desk.people import MANAGES, Account, AccountKind
from yuanliu.index import queries as q
from yuanliu.web.pages.coop import shell
from yuanliu.web.pages.coop.shell import SignedInMember
from yuanliu.web.services import Copy, Wired

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 50


class Standing(StrEnum):
    """How somebody stands; the texts of the page are named by it."""

    WORKS = "works"
    FIRST = "first"
    """He has not yet changed his one-time password."""
    CLOSED = "closed"
    UNBOUND = "unbound"
    """The record does not know his key: what was to bring it in did not come through."""
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Person:
    """An account, and how it stands."""

    account: Account
    standing: Standing


@router.get("/coop/staff")
def list_staff(
    request: Request,
    member: SignedInMember,
    wired: Wired,
    db: Copy,
    after: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """List who works here by sign-in name, dismissed ones last; farmers have a page of their own."""
    member.require("employ")
    found = wired.accounts.listed(
        manager=member.party,
        kinds=MANAGES[member.kind] - {AccountKind.FARMER},
        after=after,
        limit=_SHOWN,
    )
    people = _people(db, member.party, found)
    return shell.page(
        request,
        member,
        "staff.html",
        active="staff",
        staff=[each for each in people if each.standing is not Standing.DISMISSED],
        gone=[each for each in people if each.standing is Standing.DISMISSED],
        following=found[-1].login if len(found) == _SHOWN else "",
    )


def _people(db: Connection, party: str, accounts: list[Account]) -> list[Person]:
    own = q.actor(db, party)
    appointed = set(own.clerks) if own else set()
    dismissed = {
        each.key for each in q.actor_history(db, party) if each.kind == "ClerkDismissed"
    }  # a key that was dismissed is never appointed again
    return [Person(each, _standing(each, appointed, dismissed)) for each in accounts]


def _standing(account: Account, appointed: set[str], dismissed: set[str | None]) -> Standing:
    if account.key_address in dismissed:
        return Standing.DISMISSED
    if account.disabled:
        return Standing.CLOSED
    if account.key_address not in appointed:
        return Standing.UNBOUND
    return Standing.FIRST if account.must_change_password else Standing.WORKS
