"""Spreadsheets: hostile files are refused within bounds, every cell is judged, nothing that is written is a formula."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from yuanliu.sheets import imports, reading, writing
from yuanliu.sheets.columns import DELIVERIES, FARMERS, empty_sheet
from yuanliu.sheets.errors import SheetError
from yuanliu.sheets.reading import read

PRODUCTS = {"土鸡蛋": "06901234567892", "06901234567892": "06901234567892"}
NAMESPACED = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<sheetData>%s</sheetData></worksheet>"
)
HEAD: list[Any] = [field.zh for field in DELIVERIES]


def book(rows: Sequence[Any], **more: str) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.worksheets[0].append(row)
    if merged := more.get("merged"):
        made.worksheets[0].merge_cells(merged)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def repacked(data: bytes, part: str, content: bytes) -> bytes:
    """Give an XLSX with one part replaced."""
    out = io.BytesIO()
    packed = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", packed) as new:
        for each in old.namelist():
            new.writestr(each, content if each == part else old.read(each))
    return out.getvalue()


def codes(row: imports.Parsed) -> dict[str, str]:
    return {fault.column: fault.error.code for fault in row.faults}


def eggs(rows: Sequence[reading.Row]) -> list[imports.Parsed]:
    return imports.deliveries(rows, PRODUCTS)


def refused(data: bytes) -> str:
    with pytest.raises(SheetError) as caught:
        imports.deliveries(read(data), PRODUCTS)
    return caught.value.code


# ---------------------------------------------------------------------- what is read


GOOD: list[Any] = ["202611220170001", "H-0042", "土鸡蛋", 61.5, 1.5, 100, 24]


@pytest.mark.parametrize("kind", ["xlsx", "csv", "gb18030"])
def test_a_row_is_read_from_whatever_program_wrote_it(kind: str) -> None:
    if kind == "xlsx":
        data = book([HEAD, GOOD])
    else:
        text = "\r\n".join(",".join(map(str, row)) for row in (HEAD, GOOD))
        data = text.encode("utf-8-sig" if kind == "csv" else kind)
    (row,) = imports.deliveries(read(data), PRODUCTS)
    assert not row.faults
    assert row.values == {
        "receipt": 202_611_220_170_001,
        "farmer": "H-0042",
        "product": "06901234567892",
        "gross": 61_500,
        "tare": 1_500,
        "net": 60_000,
        "grade": 10_000,
        "price": 2_400,
    }


def test_headings_in_english_any_order_and_spelling_are_found() -> None:
    head = [
        "PRICE PER KG (yuan)",
        "receipt number",
        "Product",
        "Gross weight （kg）",
        "Farmer Code",
    ]
    rows = [head, ["24.00", 7, "6901234567892", "0.5公斤", "H-1"]]
    (row,) = imports.deliveries(read(book(rows)), PRODUCTS)
    assert not row.faults
    assert (row.values["net"], row.values["tare"], row.values["grade"]) == (500, 0, 10_000)


def test_every_cell_is_judged_for_itself() -> None:
    rows = [
        HEAD,
        ["-5", "张三", "苹果", "abc", "x", 201, "1.234"],
        [True, None, "土鸡蛋", -1, None, 0, datetime(2026, 1, 1)],  # noqa: DTZ001 -- Excel's have no zone
        [1, "H-1", "土鸡蛋", 1.5, 1.5, None, 24],
        [1, "H-1", "土鸡蛋", 100_001, None, None, 24],
        [3, "H-1", "土鸡蛋", "=1+1", None, None, "=HYPERLINK(1)"],
        [4, "H-1", "x" * 300, 1.2345, None, None, 10**30],
        ["1e5", "13800138000", "土鸡蛋", "１２．５", None, None, "￥24.00"],
    ]
    found = [codes(row) for row in imports.deliveries(read(book(rows)), PRODUCTS)]
    assert found == [
        {
            "receipt": "sheets.receipt_invalid",
            "farmer": "sheets.code_invalid",
            "product": "sheets.product_unknown",
            "gross": "sheets.weight_invalid",
            "tare": "sheets.weight_invalid",
            "grade": "sheets.grade_invalid",
            "price": "sheets.price_invalid",
        },
        {
            "receipt": "sheets.cell_kind",
            "farmer": "sheets.cell_empty",
            "gross": "sheets.weight_invalid",
            "grade": "sheets.grade_invalid",
            "price": "sheets.cell_kind",
        },
        {"tare": "sheets.tare_too_large"},
        {"gross": "sheets.weight_invalid", "receipt": "sheets.twice"},
        {"gross": "sheets.cell_formula", "price": "sheets.cell_formula"},
        {
            "product": "sheets.cell_too_long",
            "gross": "sheets.weight_invalid",
            "price": "sheets.price_invalid",
        },
        {"receipt": "sheets.receipt_invalid", "farmer": "privacy.personal_data"},
    ]


def test_merged_cells_are_empty_and_say_so() -> None:
    rows = [HEAD, GOOD, [2, "H-0042", *GOOD[2:]]]
    data = book(rows, merged="B2:B3")
    assert [codes(row) for row in imports.deliveries(read(data), PRODUCTS)] == [
        {},
        {"farmer": "sheets.cell_empty"},
    ]


def test_farmers_are_read_and_doubles_named() -> None:
    rows = [["编号", "姓名"], ["H-1", "老张"], ["H-1", "<script>alert(1)</script>"], [42.0, None]]
    first, second, third = imports.farmers(read(book(rows)))
    assert first.values == {"code": "H-1", "name": "老张"}
    assert codes(second) == {"code": "sheets.twice"}
    assert third.values == {"code": "42"}


# ---------------------------------------------------------------------- hostile files


def test_a_bomb_is_not_unpacked() -> None:
    data = repacked(book([HEAD, GOOD]), "xl/worksheets/sheet1.xml", b" " * 200_000_000)
    assert len(data) < reading.MAX_BYTES
    assert refused(data) == "sheets.too_large"


def test_a_hundred_thousand_rows_are_refused_by_the_first_that_are_too_many() -> None:
    text = ",".join(HEAD) + "\n" + "1,H-1,土鸡蛋,1,,,1\n" * 100_000
    data = text.encode()
    assert refused(data) == (
        "sheets.too_many_rows" if len(data) <= reading.MAX_BYTES else "sheets.too_large"
    )
    rows = "".join(f"<row r='{n}'><c r='A{n}'><v>1</v></c></row>" for n in range(1, 100_001))
    sheet = NAMESPACED % rows.encode()
    many = repacked(book([HEAD]), "xl/worksheets/sheet1.xml", sheet)
    assert refused(many) == "sheets.too_many_rows"
    assert refused(book([HEAD, *([GOOD] * 1_001)])) == "sheets.too_many_rows"


@pytest.mark.parametrize(
    "rows",
    [
        b"<row r='1048576'><c r='A1048576'><v>1</v></c></row>",
        b"<row r='1'><c r='A1' t='s'><v>99999</v></c></row>",
        b"<row r='1'><c r='ZZZZZZ1'><v>1</v></c></row>",
        b"<row r='x'><c r='A1'><v>1</v></c></row>",
        b"<row r='1'><c r='A1' t='d'><v>nonsense</v></c></row>",
        b"<row r='1'><c r='A1' t='n'><v>nan</v></c></row>",
        b"<row r='1'><c r='A1' t='inlineStr'><is><t>&b;</t></is></c></row>",
        b"<row r='1'><c r='A1' t='inlineStr'><is><t>&x;</t></is></c></row>",
        b"<row r='1'><c",
        b"\xff\xfe",
    ],
)
def test_a_twisted_sheet_is_refused_and_breaks_nothing(rows: bytes) -> None:
    entities = b"<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'><!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    sheet = entities * (b"&" in rows) + NAMESPACED % rows
    data = repacked(book([HEAD, GOOD]), "xl/worksheets/sheet1.xml", sheet)
    assert refused(data).startswith("sheets.")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "sheets.no_rows"),
        (b"\n\n,,,\n", "sheets.no_rows"),
        (b"PK\x03\x04", "sheets.not_a_sheet"),
        (b"PK\x03\x04" + b"\0" * 100, "sheets.not_a_sheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "sheets.not_a_sheet"),  # an old .xls
        (b"%PDF-1.7\n\xff\xff\xff", "sheets.not_a_sheet"),
        (b"a,b\nc,d", "sheets.columns_missing"),
        (",".join(HEAD).encode(), "sheets.no_rows"),
        (b'"' + b"x" * 1_000_000, "sheets.not_a_sheet"),
        (b"x" * (reading.MAX_BYTES + 1), "sheets.too_large"),
        (b"a" * 2_000_000, "sheets.columns_missing"),
    ],
)
def test_what_is_no_sheet_of_ours_is_refused(data: bytes, code: str) -> None:
    assert refused(data) in {code, "sheets.not_a_sheet"}


def test_a_zip_of_something_else_or_cut_off_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as other:
        other.writestr("hello.txt", "hello")
    assert refused(out.getvalue()) == "sheets.not_a_sheet"
    good = book([HEAD, GOOD])
    for cut in range(4, len(good) - 1, 97):
        assert refused(good[:cut]) == "sheets.not_a_sheet"


# ---------------------------------------------------------------------- what is written

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "＝1"]


def test_no_text_becomes_a_formula() -> None:
    columns = [writing.Column("=名称"), writing.Column("克", format="#,##0")]
    rows: list[list[writing.Value]] = [[text, 5] for text in FORMULAS]
    rows += [["\x00\x0b bad", Decimal("1.50")], [None, 10**18]]
    sheet = openpyxl.load_workbook(io.BytesIO(writing.xlsx("a/b:c", columns, rows))).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert [row[0].value for row in sheet.iter_rows(min_row=2)][:2] == ["'=1+1", "'+1"]
    assert [row[1].value for row in sheet.iter_rows(min_row=2)][-2:] == [1.5, "1000000000000000000"]
    text = writing.csv_text(columns, rows).decode("utf-8-sig")
    for written in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(tuple("=+-@\t\r＝")) for cell in written)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_templates_are_what_is_read(language: Any) -> None:  # noqa: ANN401 -- a literal
    for what, fields in (("farmers", FARMERS), ("deliveries", DELIVERIES)):
        data = empty_sheet(what, language)  # type: ignore[arg-type] # one of the two
        parse = imports.farmers if what == "farmers" else eggs
        with pytest.raises(SheetError) as empty:
            parse(read(data))
        assert empty.value.code == "sheets.no_rows"
        made = openpyxl.load_workbook(io.BytesIO(data))
        for place, field in enumerate(fields, 1):
            made.worksheets[0].cell(2, place).value = field.example
        out = io.BytesIO()
        made.save(out)
        (row,) = parse(read(out.getvalue()))
        assert not row.faults
