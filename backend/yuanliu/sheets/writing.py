"""Writes tables as XLSX and CSV. No text of somebody else's becomes a formula in the reader's spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

Value = str | int | Decimal | datetime | None

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"

_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_SAFE_WHOLE: Final = 10**15  # beyond, a spreadsheet rounds
_HEAD: Final = PatternFill("solid", fgColor="E8EFE4")
_TEXT: Final = "@"
_EMPTY_ROWS: Final = 300


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, how wide it is in characters, the number format of its figures."""

    heading: str
    width: int = 16
    format: str = "General"


def neutral(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula: an apostrophe before what could begin one.

    Source: OWASP, CSV injection.
    """
    clean = ILLEGAL_CHARACTERS_RE.sub("�", text)
    return f"'{clean}" if clean.startswith(_BEGINS_FORMULA) else clean


def xlsx(title: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> bytes:
    """Write one sheet with a frozen heading. Figures stay figures, texts stay texts."""
    book = Workbook()
    sheet = _sheet(book, title, columns)
    for row in rows:
        sheet.append([cell_of(sheet, value) for value in row])
    for place, column in enumerate(columns, 1):
        for (cell,) in sheet.iter_rows(min_row=2, min_col=place, max_col=place):
            if isinstance(cell, Cell) and not isinstance(cell.value, str):
                cell.number_format = column.format
    return _saved(book)


def csv_text(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> bytes:
    """Write the same as CSV (RFC 4180) in UTF-8 with a mark, by which Excel knows it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([neutral(column.heading) for column in columns])
    writer.writerows([plain(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def template(
    title: str, columns: Sequence[Column], notes_title: str, notes: Iterable[Sequence[str]]
) -> bytes:
    """Write an empty sheet to fill in, and a second one that says what belongs where."""
    book = Workbook()
    sheet = _sheet(book, title, columns)
    for row in sheet.iter_rows(min_row=2, max_row=_EMPTY_ROWS, max_col=len(columns)):
        for cell, column in zip(row, columns, strict=True):
            cell.number_format = column.format  # text stays as it is typed: 0042
    told = book.create_sheet(sheet_title(notes_title))
    for note in notes:
        told.append([cell_of(told, text) for text in note])
    for place, width in enumerate((18, 12, 60, 28), 1):
        told.column_dimensions[get_column_letter(place)].width = width
    for row in told.iter_rows():
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    return _saved(book)


TEXT_FORMAT: Final = _TEXT
"""The format of a column whose figures are names: codes and numbers of receipts."""


def _sheet(book: Workbook, title: str, columns: Sequence[Column]) -> Worksheet:
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101 -- a new workbook has one
    sheet.title = sheet_title(title)
    sheet.append([cell_of(sheet, column.heading) for column in columns])
    for place, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(place)].width = column.width
        head = sheet.cell(1, place)
        head.font, head.fill = Font(bold=True), _HEAD
    sheet.freeze_panes = "A2"
    return sheet


def sheet_title(text: str) -> str:
    """Give a name that a sheet may have."""
    return "".join("-" if sign in "\\/*?:[]" else sign for sign in text)[:31]


def cell_of(sheet: Worksheet | WriteOnlyWorksheet, value: Value) -> Cell:
    """Write a value; a text is told to be one, so that `=1+1` is shown as it stands."""
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None)
    if isinstance(value, int) and abs(value) >= _SAFE_WHOLE:
        value = str(value)
    if not isinstance(value, str):
        return WriteOnlyCell(sheet, float(value) if isinstance(value, Decimal) else value)
    made = WriteOnlyCell(sheet, neutral(value))
    made.data_type = "s"
    made.number_format = _TEXT
    return made


def plain(value: Value) -> str:
    """Write a value as CSV holds it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")
    if isinstance(value, str):
        return neutral(value)
    return "" if value is None else str(value)


def _saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
