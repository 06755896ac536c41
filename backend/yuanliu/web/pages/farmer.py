"""The farmer's page: what he delivered, where it went, what it sold for, how each fen was worked out, owed and paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response

from yuanliu import identifiers, money
from yuanliu.desk.pins import DIGITS, Opened
from yuanliu.errors import YuanliuError
from yuanliu.index import queries as q
from yuanliu.index.queries.earnings import Earning, Taken, earnings, taken
from yuanliu.web import messages
from yuanliu.web.pages import frame
from yuanliu.web.pages.consumer_story import named
from yuanliu.web.problems import status_of
from yuanliu.web.services import Copy, Services
from yuanliu.web.taking import under_way

HEADERS: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
"""A farmer's page is kept nowhere."""

PER_PAGE: Final = 8
"""Batches of a page."""

MOST_ON_STATEMENT: Final = 200
"""Most batches, and most payouts, of one printed statement."""

_WAITING: Final = 50
_LATEST: Final = 12
_MILLIGRAMS: Final = 1_000
_FIRST_YEAR: Final = 2020


@dataclass(frozen=True)
class Card:
    """Whose page it is, as the address named him."""

    farmer: q.Actor
    cooperative: str
    path: str


@dataclass(frozen=True)
class Account:
    """A batch as the farmer reads it: names, links and parts beside the figures of `Earning`."""

    earning: Earning
    name: str
    link: str
    public: str
    grams: int
    weighted: int
    whole: int
    percent: str
    milligrams_sold: int
    made: tuple[str, ...]

    @classmethod
    def of(cls, earning: Earning, language: messages.Language, made: tuple[str, ...]) -> "Account":
        """Read an earning. `made`: the lots that were made of the batch, if nothing of it is for sale."""
        batch = earning.batch
        part = Fraction(earning.weight, batch.total_weight or 1)
        return cls(
            earning=earning,
            name=named(earning.making)[0].name(language),
            link=identifiers.digital_link_path(batch.gtin, batch.lot),
            public="/audit?" + urlencode({"batch": f"{batch.gtin}/{batch.lot}"}),
            grams=sum(each.grams for each in earning.deliveries if each.voided is None),
            weighted=earning.weight // money.WHOLE_BPS,
            whole=batch.total_weight // money.WHOLE_BPS,
            percent=f"{float(part) * 100:.2f}".rstrip("0").rstrip(".") + "%",
            milligrams_sold=earning.sales.units * batch.milligrams_per_unit,
            made=made,
        )


def refusal(request: Request, error: YuanliuError) -> dict[str, object]:
    """Give what a notice says of a refusal, in the reader's language."""
    language = frame.language(request)
    seconds = error.fields.get("retry_after")
    return {
        "title": messages.title(error.code, language, error.message),
        "hint": messages.hint(error.code, language, error.hint),
        "minutes": -(-int(seconds) // 60) if isinstance(seconds, int) else None,
    }


def entrance(
    request: Request,
    *,
    error: YuanliuError | None = None,
    choices: Sequence[Card] = (),
    values: Mapping[str, str] | None = None,
) -> Response:
    """Ask for the two codes of a card; or, where several cooperatives have one code, which of them it is."""
    return frame.page(
        request,
        "farmer/entrance.html",
        status=200 if error is None else status_of(error.code),
        headers=HEADERS,
        error=None if error is None else refusal(request, error),
        choices=choices,
        values=values or {"cooperative": "", "code": ""},
    )


def locked(request: Request, card: Card, *, error: YuanliuError | None = None) -> Response:
    """Ask for the PIN."""
    return frame.page(
        request,
        "farmer/locked.html",
        status=200 if error is None else status_of(error.code),
        headers=HEADERS,
        card=card,
        digits=DIGITS,
        error=None if error is None else refusal(request, error),
    )


def changing(
    request: Request, card: Card, opened: Opened, *, error: YuanliuError | None = None
) -> Response:
    """Ask for a PIN of his own."""
    return frame.page(
        request,
        "farmer/changing.html",
        status=200 if error is None else status_of(error.code),
        headers=HEADERS,
        card=card,
        digits=DIGITS,
        csrf=opened.csrf,
        first=opened.must_change,
        error=None if error is None else refusal(request, error),
    )


def overview(
    request: Request,
    db: Copy,
    wired: Services,
    card: Card,
    opened: Opened,
    *,
    error: YuanliuError | None = None,
    after: int | None = None,
) -> Response:
    """Show what he has to get, what he got, and batch by batch how it was worked out."""
    farmer = card.farmer
    rows = earnings(db, farmer.address, after=after, limit=PER_PAGE)
    following = {"after": rows[-1].batch.place} if len(rows) == PER_PAGE else None
    payouts = q.payouts(db, owner=farmer.address, limit=_LATEST)
    did = request.query_params.get("did", "")
    return frame.page(
        request,
        "farmer/overview.html",
        status=200 if error is None else status_of(error.code),
        headers=HEADERS,
        error=None if error is None else refusal(request, error),
        did=did if did in {"taken", "coming", "changed", "nothing"} else "",
        card=card,
        csrf=opened.csrf,
        owed=_owed(db, wired, farmer.address),
        taken=taken(db, farmer.address),
        coming=under_way(wired, farmer.address),
        accounts=_accounts(request, db, rows),
        waiting=_waiting(db, farmer.address) if after is None else (),
        payouts=payouts if after is None else (),
        lots=_lots(db, payouts),
        first_page=after is None,
        following=f"{card.path}?{urlencode(following)}" if following else "",
        year=datetime.now(frame.CHINA).year,
    )


def statement(
    request: Request, db: Copy, card: Card, opened: Opened, *, year: int, now: int
) -> Response:
    """Show a year on one sheet, to be printed."""
    since = int(datetime(year, 1, 1, tzinfo=frame.CHINA).timestamp())
    until = int(datetime(year + 1, 1, 1, tzinfo=frame.CHINA).timestamp())
    address = card.farmer.address
    rows = earnings(db, address, since=since, until=until, limit=MOST_ON_STATEMENT)
    found = q.payouts(db, owner=address, limit=5 * MOST_ON_STATEMENT)
    payouts = [each for each in found if since <= each.time < until]
    total: Taken = taken(db, address, since=since, until=until)
    this_year = datetime.now(frame.CHINA).year
    return frame.page(
        request,
        "farmer/statement.html",
        headers=HEADERS,
        card=card,
        csrf=opened.csrf,
        year=year,
        now=now,
        accounts=_accounts(request, db, rows),
        payouts=payouts[:MOST_ON_STATEMENT],
        lots=_lots(db, payouts[:MOST_ON_STATEMENT]),
        total=total,
        cut=len(rows) == MOST_ON_STATEMENT or len(payouts) > MOST_ON_STATEMENT or total.more,
        years=[each for each in (year - 1, year + 1) if _FIRST_YEAR <= each <= this_year],
    )


def _accounts(request: Request, db: Copy, rows: Sequence[Earning]) -> list[Account]:
    language = frame.language(request)
    return [
        Account.of(row, language, () if row.batch.for_sale else q.made_into(db, row.batch.id))
        for row in rows
    ]


def _owed(db: Copy, wired: Services, farmer: str) -> int:
    """Give all that one tap takes: what is due in pools, through any number of products, and what is kept for him."""
    batches = wired.deployment.batches.address
    due = sum(each.amount for each in q.dues(db, batches, farmer, proofs=False))
    return due + sum(each.amount for each in q.credits_of(db, farmer))


def _waiting(db: Copy, farmer: str) -> tuple[q.Delivery, ...]:
    return q.deliveries(db, farmer=farmer, open_only=True, limit=_WAITING)


def _lots(db: Copy, payouts: Sequence[q.Payout]) -> dict[bytes, dict[str, Any]]:
    """Give lot and link of the batches that payouts came from."""
    found = {}
    for id_ in {each.batch for each in payouts if each.batch is not None}:
        batch = q.batch(db, id_)
        if batch is not None:
            link = identifiers.digital_link_path(batch.gtin, batch.lot)
            found[id_] = {"lot": batch.lot, "link": link}
    return found
