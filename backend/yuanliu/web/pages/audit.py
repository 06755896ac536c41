"""The public accounts (公示): what was found first, sums, charts, payments and payouts, powers, terms."""

import threading
import time
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from markupsafe import Markup

from yuanliu import identifiers, money
from yuanliu.index import queries as q
from yuanliu.index.queries import cards, sql
from yuanliu.index.queries.audit import (
    Audited,
    Flows,
    Scope,
    Sums,
    Totals,
    audited,
    flows,
    payouts_in,
    totals,
)
from yuanliu.index.queries.audit_findings import Finding, FindingKind, findings, waited
from yuanliu.web.messages import Language
from yuanliu.web.pages import charts, frame
from yuanliu.web.pages.audit_recount import Recount, recount
from yuanliu.web.pages.audit_scope import Asked
from yuanliu.web.pages.texts import text
from yuanliu.web.services import Copy, Services

PER_PAGE: Final = 20
"""Rows of a page. Whoever wants many takes them away as a table."""

KEPT_SECONDS: Final = 20.0
"""How long sums and findings are kept: they go through a great many rows."""

STALE_SECONDS: Final = 120.0
"""How old what is kept may be for those who come while another makes it anew."""

HEADERS: Final = {"Cache-Control": "public, max-age=20"}
LATEST_PAYOUTS: Final = 1_000
"""Payouts that the charts of incomes and days are made of: the latest."""

MOST_BARS: Final = 20
_MOST_KEPT: Final = 64
_MOST_COOPERATIVES: Final = 200
_DAILY: Final = 62
_DAY: Final = 86_400
_WAITS: Final = ((0, "at_once"), (1, "day"), (7, "week"), (30, "month"))


@dataclass(frozen=True)
class Income:
    """What reached one farmer, of the payouts that were looked at."""

    code: str
    amount: int
    count: int


@dataclass(frozen=True)
class Wait:
    """Payouts by how long their oldest money had waited; `name` is a key of the area's texts."""

    name: str
    amount: int
    count: int


@dataclass(frozen=True)
class Overview:
    """All that goes through many rows, for one set of filters."""

    totals: tuple[Totals, ...]
    flows: Flows
    findings: tuple[Finding, ...]
    incomes: tuple[Income, ...]
    waits: tuple[Wait, ...]
    looked_at: int


# ---------------------------------------------------------------------- kept for some seconds

_kept: OrderedDict[Hashable, tuple[float, Overview]] = OrderedDict()
_keeping: Final = threading.Lock()


def _keep(key: Hashable, make: Callable[[], Overview]) -> Overview:
    """Give what was made some seconds ago, or make it. One makes at a time; the others take what there is, or wait."""
    found = _kept.get(key)
    if found and time.monotonic() - found[0] < KEPT_SECONDS:
        return found[1]
    if not _keeping.acquire(blocking=found is None or time.monotonic() - found[0] > STALE_SECONDS):
        return found[1] if found else make()
    try:
        found = _kept.get(key)
        if found and time.monotonic() - found[0] < KEPT_SECONDS:
            return found[1]
        made = make()
        _kept[key] = time.monotonic(), made
        _kept.move_to_end(key)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
        return made
    finally:
        _keeping.release()


def overview_of(db: Copy, wired: Services, scope: Scope) -> Overview:
    """Give sums, findings and what the charts show, as of some seconds ago at most."""
    status = q.status(db)
    key = (id(wired.copy), wired.config.data_dir, scope)
    if scope != Scope() and status is not None:
        key = (*key, status.block)  # type: ignore[assignment] # who looks closely sees each block
    return _keep(key, lambda: _overview(db, scope))


def _overview(db: Copy, scope: Scope) -> Overview:
    listed = [
        each
        for each in payouts_in(db, scope, limit=LATEST_PAYOUTS)
        if each.role is q.Role.FARMER or each.kind is q.PayoutKind.WITHDRAWAL
    ]
    now = int(time.time())
    return Overview(
        totals=totals(db, scope),
        flows=flows(db, scope),
        findings=findings(db, now=now, cooperative=scope.cooperative),
        incomes=_incomes(db, listed),
        waits=_waits(db, listed),
        looked_at=len(listed),
    )


def _incomes(db: Copy, listed: Sequence[q.Payout]) -> tuple[Income, ...]:
    by_owner: dict[str, tuple[int, int]] = {}
    for each in listed:
        amount, count = by_owner.get(each.owner, (0, 0))
        by_owner[each.owner] = amount + each.amount, count + 1
    first = sorted(by_owner.items(), key=lambda pair: -pair[1][0])[:MOST_BARS]
    names = cards.codes(db, [owner for owner, _ in first])
    return tuple(
        Income(names.get(owner, short(owner)), amount, count) for owner, (amount, count) in first
    )


def _waits(db: Copy, listed: Sequence[q.Payout]) -> tuple[Wait, ...]:
    pooled = [each for each in listed if each.kind in {q.PayoutKind.CLAIM, q.PayoutKind.SETTLEMENT}]
    places = ((each.place, each.batch or b"", each.time) for each in pooled)
    found = dict.fromkeys([*(name for _, name in _WAITS), "longer"], (0, 0))
    days = [0 if wait is None else -(-wait // _DAY) for wait in waited(db, iter(places))]
    for payout, day in (
        *((each, 0) for each in listed if each.kind is q.PayoutKind.SALE),
        *((each, max(1, day)) for each, day in zip(pooled, days, strict=True)),
    ):
        name = next((name for most, name in _WAITS if day <= most), "longer")
        amount, count = found[name]
        found[name] = amount + payout.amount, count + 1
    return tuple(Wait(name, amount, count) for name, (amount, count) in found.items())


# ---------------------------------------------------------------------- pages


def overview(
    request: Request, db: Copy, wired: Services, asked: Asked, *, after: int | None
) -> Response:
    """Make the first page: findings, sums, charts, payments."""
    found = overview_of(db, wired, asked.scope)
    rows = audited(db, asked.scope, after=after, limit=PER_PAGE)
    recounted = recount(wired.copy)
    language = frame.language(request)
    following = rows[-1].payment.place if len(rows) == PER_PAGE else None
    return _page(
        request,
        db,
        "audit/overview.html",
        asked,
        tab="payments",
        found=found,
        sums=[(each, _drawn(language, each)) for each in found.totals],
        findings=_shown(found.findings, recounted),
        recounted=recounted,
        rows=rows,
        codes=cards.codes(db, [row.payment.seller for row in rows]),
        first_page=after is None,
        following=asked.link("/audit", after=following) if following else "",
        income_chart=charts.bars(
            text(language, "audit.incomes"), [each.amount for each in found.incomes]
        ),
        wait_chart=charts.bars(
            text(language, "audit.waits"), [each.amount for each in found.waits]
        ),
    )


def payouts(request: Request, db: Copy, asked: Asked, *, after: tuple[int, int] | None) -> Response:
    """Make the list of payouts."""
    rows = payouts_in(db, asked.scope, after=after, limit=PER_PAGE)
    full = len(rows) == PER_PAGE
    following = f"{rows[-1].place}-{rows[-1].sub}" if full else ""
    return _page(
        request,
        db,
        "audit/payouts.html",
        asked,
        tab="payouts",
        rows=rows,
        codes=cards.codes(db, [row.owner for row in rows]),
        lots=lots_of(db, [row.batch for row in rows]),
        first_page=after is None,
        following=asked.link("/audit/payouts", after=following) if following else "",
    )


def payment(request: Request, db: Copy, row: Audited) -> Response:
    """Make the page of one payment: what the terms say beside what the chain did."""
    found = q.terms(db, row.terms)
    after = [
        each
        for each in q.payouts(db, transaction=row.payment.transaction)
        if each.batch == row.payment.batch
    ]
    return frame.page(
        request,
        "audit/payment.html",
        headers=HEADERS,
        row=row,
        terms=found,
        payouts=after,
        tab="payments",
        asked=None,
        codes=cards.codes(db, [row.payment.seller, *(each.owner for each in after)]),
    )


def powers(request: Request) -> Response:
    """Make the page that says who may do what."""
    return frame.page(
        request, "audit/powers.html", headers=HEADERS, powers=POWERS, tab="powers", asked=None
    )


def terms(
    request: Request, db: Copy, asked: Asked, rows: Sequence[q.Terms], *, following: str
) -> Response:
    """Make the history of terms, each beside those that it replaced."""
    before = {row.id: _before(q.terms_of(db, row.gtin), row) for row in rows}
    return _page(
        request,
        db,
        "audit/terms.html",
        asked,
        tab="terms",
        rows=rows,
        before=before,
        codes=cards.codes(db, [each for row in rows for each in (row.cooperative, row.authority)]),
        following=following,
    )


def _before(listed: Sequence[q.Terms], row: q.Terms) -> q.Terms | None:
    return next((each for each in listed if each.place < row.place), None)


def _page(
    request: Request, db: Copy, template: str, asked: Asked, *, tab: str, **context: object
) -> Response:
    status = 422 if asked.errors else 200
    return frame.page(
        request,
        template,
        status=status,
        headers=HEADERS if status == 200 else {"Cache-Control": "no-store"},  # noqa: PLR2004 -- HTTP's own number
        asked=asked,
        tab=tab,
        cooperatives=_cooperatives(db),
        indexed=asked.is_empty and "after" not in request.query_params,
        **context,
    )


def _cooperatives(db: Copy) -> list[tuple[str, str]]:
    """Give the cooperatives to choose from, by code; by address those that share one."""
    listed = q.actors(db, role=cards.COOPERATIVE, limit=_MOST_COOPERATIVES)
    counted: dict[str, int] = {}
    for each in listed:
        counted[each.code] = counted.get(each.code, 0) + 1
    return sorted(
        (each.code, each.code)
        if counted[each.code] == 1
        else (each.address, f"{each.code} ({short(each.address)})")
        for each in listed
    )


def lots_of(db: Copy, ids: Sequence[bytes | None]) -> dict[bytes, tuple[str, str, str]]:
    """Give GTIN, lot and link of batches."""
    found = {}
    for id_ in {each for each in ids if each is not None}:
        batch = q.batch(db, id_)
        if batch is not None:
            link = identifiers.digital_link_path(batch.gtin, batch.lot)
            found[id_] = (batch.gtin, batch.lot, link)
    return found


def short(hexed: str) -> str:
    """Cut an address or a hash to what people compare."""
    return f"{hexed[:8]}…{hexed[-4:]}"


def clock(unix: int) -> str:
    """Write the time of day in China: `08:30`."""
    return f"{datetime.fromtimestamp(unix, frame.CHINA):%H:%M}"


def bps(part: int, whole: int) -> int:
    """Give a part in basis points, rounded down; of nothing: 0."""
    return part * money.WHOLE_BPS // whole if whole else 0


frame.ENVIRONMENT.filters |= {
    "short": short,
    "block_of": sql.block_of,
    "log_of": sql.log_of,
    "clock": clock,
}
frame.ENVIRONMENT.globals["part_bps"] = bps

# ---------------------------------------------------------------------- findings and charts


def _shown(listed: Sequence[Finding], recounted: Recount) -> list[Finding]:
    """Put mismatches first, then the gravest."""
    wrong = [
        Finding(
            FindingKind.MISMATCH,
            time=each.payment.time,
            batch=each.payment.batch,
            gtin=each.payment.gtin,
            lot=each.payment.lot,
            amount=each.payment.amount,
            transaction=each.payment.transaction,
            log_index=each.payment.log_index,
        )
        for each in recounted.mismatches[:MOST_BARS]
    ]
    order = list(FindingKind)
    return [*wrong, *sorted(listed, key=lambda each: (order.index(each.kind), -each.time))]


@dataclass(frozen=True)
class Drawn:
    """The farmers' share of what buyers paid, day by day or month by month, and its drawing."""

    drawing: Markup
    rows: tuple[tuple[str, Sums], ...]


def _drawn(language: Language, found: Totals) -> Drawn:
    rows = periods(found)
    points = [
        (float(number), each.farmers / each.amount * 100 if each.amount else 0.0)
        for number, (_, each) in enumerate(rows)
    ]
    drawing = charts.line(text(language, "audit.share_over_time"), points, bounds=(0.0, 100.0))
    return Drawn(drawing, rows)


def periods(found: Totals) -> tuple[tuple[str, Sums], ...]:
    """Give sums by day, or by month where there are many days: `2026-11-22`, `2026-11`."""
    days = sorted(found.days)
    daily = not days or days[-1] - days[0] <= _DAILY
    made: dict[str, Sums] = {}
    for day in days:
        at = datetime.fromtimestamp(day * _DAY, UTC)
        name = f"{at:%Y-%m-%d}" if daily else f"{at:%Y-%m}"
        made[name] = made.get(name, Sums()).plus(found.days[day])
    return tuple(made.items())


# ---------------------------------------------------------------------- powers


def _read_powers() -> tuple[Mapping[str, Any], ...]:
    path = (Path(__file__).parent / "powers").with_suffix(".toml")
    return tuple(tomllib.loads(path.read_text(encoding="utf-8"))["power"])


POWERS: Final = _read_powers()
"""Who may do what; ARCHITECTURE.md holds the same."""
