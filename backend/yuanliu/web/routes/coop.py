"""A cooperative's desk: how a price would be shared, spreadsheets handed in and taken away."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response, UploadFile
from pydantic import Field

from yuanliu import money
from yuanliu.actions import Role
from yuanliu.database import Connection
from yuanliu.desk.access import Scope
from yuanliu.index import queries as q
from yuanliu.index.reading import reading
from yuanliu.sheets import imports, loggers, writing
from yuanliu.sheets.columns import empty_sheet
from yuanliu.sheets.reading import MAX_BYTES, Row, read
from yuanliu.web import messages
from yuanliu.web.access import SignedIn, Visitor
from yuanliu.web.messages import Language
from yuanliu.web.pages.coop import data
from yuanliu.web.pages.coop.tables import TABLES
from yuanliu.web.pages.frame import CHINA, language
from yuanliu.web.pages.texts import text
from yuanliu.web.problems import documented
from yuanliu.web.routes.catalogue import show_terms
from yuanliu.web.services import Copy, Services, Wired
from yuanliu.web.shapes import Money, Output

router = APIRouter(tags=["cooperative"], responses=documented(400, 422, 503))

_MOST_FAULTS: Final = 100

Sheet = Literal["farmers", "deliveries"]
Table = Literal["farmers", "deliveries", "batches", "sales", "payouts"]


# ---------------------------------------------------------------------- a price in shares


class SharingView(Output):
    """How one price would be shared by terms: farmers + cooperative + platform = amount."""

    terms: int
    units: int
    amount: Money
    floor: Money
    margin: Money
    farmers: Money
    cooperative: Money
    platform: Money


@router.get("/terms/{number}/sharing", tags=["catalogue"], responses=documented(404))
def show_sharing(
    number: Annotated[int, Path(ge=1, lt=1 << 32)],
    price: Annotated[str, Query(max_length=30, description="Of one unit, in yuan.")],
    db: Copy,
    units: Annotated[int, Query(ge=1, le=1 << 32)] = 1,
) -> SharingView:
    """Tell who would get what of a price, by the arithmetic that the contract uses."""
    terms = show_terms(number, db)
    floor = terms.floor_per_unit.fen
    ratios = money.Ratios(terms.farmer_bps, terms.cooperative_bps, terms.platform_bps)
    told = money.explain(money.parse_yuan(price) * units, floor, units, ratios)
    return SharingView(
        terms=number,
        units=units,
        amount=Money.of(told.shares.total),
        floor=Money.of(told.floor),
        margin=Money.of(told.margin),
        farmers=Money.of(told.shares.farmers),
        cooperative=Money.of(told.shares.cooperative),
        platform=Money.of(told.shares.platform),
    )


# ---------------------------------------------------------------------- spreadsheets handed in


class FaultView(Output):
    """What is wrong with a cell, and what would be right."""

    column: str
    code: str
    title: str
    hint: str


class RowView(Output):
    """A row of a sheet: its texts, its faults, and if there are none, what to post, under which key."""

    row: int
    texts: dict[str, str]
    faults: list[FaultView]
    done: bool = False
    """It is on the record already: nothing to do."""

    path: str
    key: str
    body: dict[str, Any] | None


class PreviewView(Output):
    """What a sheet would do. Nothing was done: post the body of each row that is confirmed, with its key."""

    sheet: str
    rows: list[RowView]
    ready: int
    faulty: int
    done: int


@router.get(
    "/sheets/{sheet}/template",
    responses={200: {"content": {writing.XLSX: {}}, "description": "The template"}},
    response_class=Response,
)
def show_template(sheet: Sheet, request: Request) -> Response:
    """Give the empty spreadsheet to fill in, with a second sheet that says what belongs where."""
    return _file(empty_sheet(sheet, language(request)), f"yuanliu-{sheet}.xlsx", writing.XLSX)


class LoggedReading(Output):
    """One reading, as `POST /batches/{batch}/readings` takes it."""

    time: str
    celsius: str


class LoggedFault(FaultView):
    """What is wrong with a row."""

    row: int


class LoggedView(Output):
    """What a logger's file says. Nothing was done: post the readings, once no row is wrong."""

    readings: list[LoggedReading]
    faults: list[LoggedFault]
    minimum: str
    maximum: str
    digest: str = Field(description="The same for the same readings.")


@router.post("/sheets/readings", responses=documented(401, 403, 413))
def preview_readings(
    file: UploadFile, request: Request, visitor: SignedIn, wired: Wired
) -> LoggedView:
    """Read what a temperature logger wrote out (XLSX, CSV), and say what is wrong, row by row."""
    visitor.require(Scope.EVENTS)
    rows = read(file.file.read(MAX_BYTES + 1), loggers.MAX_READINGS + loggers.ABOUT_THE_DEVICE)
    found = loggers.logged(rows, datetime.now(CHINA))
    look = _Looking(wired, visitor, language(request))
    figures = [each.celsius for each in found.readings]
    shown = [
        LoggedReading(time=each.time.isoformat(), celsius=str(each.celsius))
        for each in found.readings
    ]
    said = "\n".join(f"{each.time} {each.celsius}" for each in shown)
    return LoggedView(
        readings=shown,
        faults=[
            LoggedFault(row=number, **look.fault(fault).model_dump())
            for number, fault in found.faults[:_MOST_FAULTS]
        ],
        minimum=str(min(figures, default="")),
        maximum=str(max(figures, default="")),
        digest=hashlib.sha256(said.encode()).hexdigest(),
    )


@router.post("/sheets/{sheet}", responses=documented(401, 403, 413))
def preview(
    sheet: Sheet, file: UploadFile, request: Request, visitor: SignedIn, wired: Wired
) -> PreviewView:
    """Read a spreadsheet of farmers or deliveries (XLSX, CSV) and say of each row what it would do."""
    visitor.require(Scope.ACCOUNTS if sheet == "farmers" else Scope.DELIVERIES)
    rows = read(file.file.read(MAX_BYTES + 1))
    look = _Looking(wired, visitor, language(request))
    with reading(wired.copy) as db:
        shown = look.farmers(db, rows) if sheet == "farmers" else look.deliveries(db, rows)
    return PreviewView(
        sheet=sheet,
        rows=shown,
        ready=sum(row.body is not None for row in shown),
        faulty=sum(bool(row.faults) for row in shown),
        done=sum(row.done for row in shown),
    )


class _Looking:
    """Compares rows with what is on the record."""

    def __init__(self, wired: Services, visitor: Visitor, tongue: Language) -> None:
        self._wired, self._visitor, self._tongue = wired, visitor, tongue
        self._party = visitor.party

    def farmers(self, db: Connection, rows: list[Row]) -> list[RowView]:
        shown = []
        for row in imports.farmers(rows):
            code = row.values.get("code")
            done = isinstance(code, str) and q.actor_by_code(db, self._party, code) is not None
            body = {
                "login": str(code).lower(),
                "kind": "farmer",
                "display_name": row.values.get("name", code),
                "code": code,
            }
            shown.append(self._row(row, "/api/v1/accounts", body, str(code), done=done))
        return shown

    def deliveries(self, db: Connection, rows: list[Row]) -> list[RowView]:
        products = {
            name: each.gtin
            for each in data.products(db, self._party)
            for name in (each.gtin, *(imports.folded(n) for n in each.names))
        }
        shown = []
        for row in imports.deliveries(rows, products):
            values, done = row.values, False
            farmer, receipt = values.get("farmer"), values.get("receipt")
            if isinstance(farmer, str):
                found = q.actor_by_code(db, self._party, farmer)
                if found is None or not found.roles & Role.FARMER:
                    row.fault("farmer", "sheets.farmer_unknown", f"no farmer has the code {farmer}")
            if isinstance(receipt, int) and (before := q.delivery(db, self._party, receipt)):
                said = (farmer, values.get("product"), values.get("net"))
                done = said == (before.farmer_code, before.gtin, before.grams)
                if not done:
                    row.fault("receipt", "sheets.taken", f"receipt {receipt} is another delivery's")
            body = {
                "deliveries": [
                    {
                        "receipt": receipt,
                        "farmer_code": farmer,
                        "gtin": values.get("product"),
                        "grams": values.get("net"),
                        "tare_grams": values.get("tare"),
                        "grade_bps": values.get("grade"),
                        "price_per_kg": {"fen": values.get("price")},
                    }
                ]
            }
            shown.append(self._row(row, "/api/v1/deliveries", body, str(receipt), done=done))
        return shown

    def _row(
        self, row: imports.Parsed, path: str, body: dict[str, Any], name: str, *, done: bool
    ) -> RowView:
        """Show a row. Its key follows from what it says: the same row is the same intention, whoever hands it in."""
        said = f"{path} {self._party} {name} {sorted(row.values.items())}"
        taken = not row.faults and not done
        return RowView(
            row=row.number,
            texts=row.texts,
            faults=[] if done else [self.fault(each) for each in row.faults],
            done=done and not row.faults,
            path=path,
            key=f"sheet-{hashlib.sha256(said.encode()).hexdigest()[:40]}",
            body=body if taken else None,
        )

    def fault(self, fault: imports.Fault) -> FaultView:
        """Say in the reader's language what is wrong."""
        code = fault.error.code
        return FaultView(
            column=fault.column,
            code=code,
            title=messages.title(code, self._tongue, fault.error.message),
            hint=messages.hint(code, self._tongue, fault.error.hint),
        )


# ---------------------------------------------------------------------- spreadsheets taken away


@router.get(
    "/exports/{table}",
    responses={
        200: {
            "content": {writing.XLSX: {}, "text/csv": {}},
            "description": "The table",
        },
        **documented(401, 403),
    },
    response_class=Response,
)
def export(
    table: Table,
    request: Request,
    visitor: SignedIn,
    wired: Wired,
    file: Annotated[Literal["xlsx", "csv"], Query(description="Which kind of file.")] = "xlsx",
) -> Response:
    """Give one's own cooperative's farmers, deliveries, batches, sales or payouts as a spreadsheet."""
    visitor.require(Scope.DELIVERIES)
    tongue = language(request)

    def say(key: str) -> str:
        return text(tongue, f"coop.{key}")

    with reading(wired.copy) as db:
        columns, rows = TABLES[table](wired, db, visitor.party, say)
        listed = list(rows)
    name = f"yuanliu-{table}-{datetime.now(CHINA):%Y%m%d}.{file}"
    if file == "csv":
        return _file(writing.csv_text(columns, listed), name, writing.CSV)
    return _file(writing.xlsx(say(f"table_{table}"), columns, listed), name, writing.XLSX)


def _file(data: bytes, name: str, media_type: str) -> Response:
    return Response(
        data,
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
