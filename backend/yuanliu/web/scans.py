"""Whose look at a piece's page counts as a scan of its code.

Counted is a person's browser that opens the page; not a robot, not a page fetched in advance, and not the same browser
again within the hour. That is told by a cookie which holds the number of its own scan and is sent for this one page:
nothing about the reader is kept on our side.
"""

import re
import time
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request, Response

from yuanliu.desk import scans
from yuanliu.desk.pieces import Pieces
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.web.services import Services
from yuanliu.web.visits import Visits

COOKIE: Final = "yl_scan"
SECONDS: Final = 3_600
"""How long the same browser's looks are one scan."""

_PER_MINUTE: Final = 120
"""Most scans of one network in a minute: a packing house checks its labels, a script invents some."""

_ROBOTS: Final = re.compile(r"bot\b|bot/|crawl|spider|slurp|externalhit|preview|^$", re.IGNORECASE)
_visits: Final = Visits(most=_PER_MINUTE)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a reader is told of a code: this is the `number`-th scan; `first` and `last` are when it was seen before.

    `number` None: this look does not count; `count` are all scans so far, of anybody. `piece`: which piece of the lot
    the serial was given to; None: no label that was printed here has it.
    """

    number: int | None
    count: int
    first: int | None
    last: int | None
    piece: int | None = None

    @property
    def others(self) -> int:
        """How often others scanned it."""
        return self.count - (self.number is not None)


def seen(request: Request, wired: Services, batch: q.Batch, serial: str) -> Scan:
    """Count a look at a piece's page if it is one, and tell how often its code was seen."""
    piece = Pieces(wired.desk).number(batch.id, serial, pieces=batch.units)
    return replace(_seen(request, wired, batch, serial), piece=piece)


def _seen(request: Request, wired: Services, batch: q.Batch, serial: str) -> Scan:
    kept = scans.Scans(wired.desk)
    own = request.cookies.get(COOKIE, "")
    if own.isdecimal() and len(own) < 10:  # noqa: PLR2004 -- digits of a count
        found = kept.get(batch.id, serial)
        return _told(found, int(own)) if found else Scan(None, 0, None, None)
    if not _is_person(request):
        return _told(kept.get(batch.id, serial), None)
    try:
        _visits.count(request.client.host if request.client else "")
    except YuanliuError:
        return _told(kept.get(batch.id, serial), None)
    found = kept.count(batch.id, serial, units=batch.units, now=int(time.time()))
    return _told(found, found.count if found else None)


def remember(response: Response, scan: Scan, path: str) -> None:
    """Have the browser remember that it scanned this code."""
    if scan.number is not None:
        response.set_cookie(
            COOKIE, str(scan.number), max_age=SECONDS, path=path, httponly=True, samesite="lax"
        )


def _told(found: scans.Scan | None, number: int | None) -> Scan:
    if found is None:
        return Scan(None, 0, None, None)
    last = found.before if number == found.count else found.last
    first = None if number == 1 and found.count == 1 else found.first
    return Scan(number, found.count, first, last)


def _is_person(request: Request) -> bool:
    headers = request.headers
    ahead = headers.get("sec-purpose", "") + headers.get("purpose", "")
    return (
        request.method == "GET"
        and "prefetch" not in ahead
        and headers.get("sec-fetch-dest", "document") == "document"
        and not _ROBOTS.search(headers.get("user-agent", ""))
    )
