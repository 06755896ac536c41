"""The public accounts (公示): pages that everybody may read, and their tables to take away."""

import re
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import IO, Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from yuanliu.errors import YuanliuError
from yuanliu.index.queries.audit import audited_one, terms_listed
from yuanliu.sheets.export import MOST_XLSX_ROWS, csv_stream, json_stream, too_long, xlsx_into
from yuanliu.sheets.writing import CSV, XLSX
from yuanliu.web.pages import audit as pages
from yuanliu.web.pages import audit_page, audit_tables, frame
from yuanliu.web.pages.audit_scope import Asked
from yuanliu.web.pages.audit_scope import asked as read_scope
from yuanliu.web.pages.audit_statement import statement
from yuanliu.web.pages.texts import text
from yuanliu.web.services import Copy, Services, Wired

router = APIRouter(include_in_schema=False)

_REFERENCE: Final = re.compile(r"(0x[0-9a-f]{64})-([0-9]{1,9})")
_PAIR: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")
_CHUNK: Final = 65_536
_WRITING: Final = threading.BoundedSemaphore(2)
"""Workbooks and statements that are made at once: each keeps a processor busy for seconds."""

After = Annotated[int | None, Query(ge=0, lt=1 << 62)]


@router.get("/audit")
def overview(request: Request, db: Copy, wired: Wired, after: After = None) -> Response:
    """Show what was found, sums, charts and payments."""
    return pages.overview(request, db, wired, read_scope(request, db), after=after)


@router.get("/audit/payouts")
def payouts(
    request: Request, db: Copy, after: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """Show payouts."""
    found = _PAIR.fullmatch(after)
    pair = (int(found[1]), int(found[2])) if found else None
    return pages.payouts(request, db, read_scope(request, db), after=pair)


@router.get("/audit/powers")
def powers(request: Request) -> Response:
    """Show who may do what."""
    return pages.powers(request)


@router.get("/audit/terms")
def terms(request: Request, db: Copy, after: After = None) -> Response:
    """Show the history of terms."""
    asked = read_scope(request, db)
    rows = terms_listed(db, asked.scope, after=after, limit=pages.PER_PAGE)
    full = len(rows) == pages.PER_PAGE
    following = asked.link("/audit/terms", after=rows[-1].place) if full else ""
    return pages.terms(request, db, asked, rows, following=following)


@router.get("/audit/payments/{reference}")
def payment(request: Request, db: Copy, reference: Annotated[str, Path(max_length=80)]) -> Response:
    """Show one payment, worked out again."""
    found = _REFERENCE.fullmatch(reference)
    row = audited_one(db, found[1], int(found[2])) if found else None
    if row is None:
        raise YuanliuError(
            "payment.unknown",
            f"there is no payment at {reference}",
            hint="a reference is the transaction, a hyphen and the number of the log in its block",
            fields={"reference": reference},
        )
    return pages.payment(request, db, row)


# ---------------------------------------------------------------------- to take away


@router.get("/audit/page.html")
def standalone(wired: Wired) -> Response:
    """Give the page that does an audit's sums by itself, with this deployment's addresses written in."""
    headers = pages.HEADERS | {
        "Content-Disposition": f'attachment; filename="{audit_page.FILE_NAME}"'
    }
    return Response(
        audit_page.page(wired.deployment), media_type="text/html; charset=utf-8", headers=headers
    )


@router.get("/audit/statement.pdf")
def printed(request: Request, wired: Wired, db: Copy) -> Response:
    """Give a statement to print, of a cooperative and a period or whatever the filters say."""
    asked = _wanted(request, wired, db)
    with _turn():
        pdf = statement(db, wired, asked, language=frame.language(request), now=int(time.time()))
    headers = {"Content-Disposition": 'inline; filename="yuanliu-statement.pdf"'} | _QUIET
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.get("/audit/{kind}.{form}")
def table(
    kind: Literal["payments", "payouts"],
    form: Literal["csv", "json", "xlsx"],
    request: Request,
    wired: Wired,
    db: Copy,
) -> Response:
    """Give all rows of the filters as a table."""
    asked = _wanted(request, wired, db)
    language = frame.language(request)
    name = f"yuanliu-{kind}.{form}"
    if form == "json":
        head = {"filters": asked.values, "unit": "smallest unit of the token (fen)"}
        listed = map(audit_tables.big_as_text, audit_tables.items(wired, kind, asked.scope))
        return _streamed(json_stream(head, listed), "application/json", name)
    columns = audit_tables.columns(kind, language)
    rows = audit_tables.rows(wired, kind, asked.scope, language)
    if form == "csv":
        return _streamed(csv_stream(columns, rows), CSV, name)
    if kind == "payments":  # it is known before a row is written
        found = pages.overview_of(db, wired, asked.scope)
        if sum(each.all.count for each in found.totals) > MOST_XLSX_ROWS:
            raise too_long()
    with _turn():
        file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed when it is sent
        try:
            xlsx_into(file, text(language, f"audit.tab_{kind}"), columns, rows)
        except BaseException:
            file.close()
            raise
    return _streamed(_contents(file), XLSX, name)


_QUIET: Final = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}


def _wanted(request: Request, wired: Services, db: Copy) -> Asked:
    """Read the filters of what is taken away, and count it. Raises `YuanliuError` (`request.invalid`)."""
    wired.exports.count(request.client.host if request.client else "")
    asked = read_scope(request, db)
    if asked.errors:
        raise YuanliuError(
            "request.invalid",
            f"the filters are wrong: {', '.join(sorted(asked.errors))}",
            hint="set the filters on the page, then take the table",
            fields={"filters": dict(asked.errors)},
        )
    return asked


class _turn:  # noqa: N801 -- used as a word in a `with`
    """One of few at a time. Raises `YuanliuError` (`access.too_many_requests`), for nobody waits long in a thread."""

    def __enter__(self) -> None:
        if not _WRITING.acquire(timeout=5):
            raise YuanliuError(
                "access.too_many_requests",
                "other tables are being written",
                hint="try again in some seconds, or take CSV",
                fields={"retry_after": 10},
                retryable=True,
            )

    def __exit__(self, *_: object) -> None:
        _WRITING.release()


def _streamed(parts: Iterator[bytes], media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} | _QUIET
    return StreamingResponse(parts, media_type=media_type, headers=headers)


def _contents(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(_CHUNK):
            yield part
