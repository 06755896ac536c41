"""Reads XLSX and CSV into rows of plain cells, within bounds that hold whatever the file claims.

Only the first sheet counts. Nothing is computed: a formula stays one, and is refused where a value is needed. XML is
read by openpyxl with defusedxml, so no entity is expanded.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from yuanliu.sheets.errors import SheetError

MAX_BYTES: Final = 2_097_152
"""Largest file handed in."""

MAX_UNPACKED: Final = 16_777_216
"""Most bytes that an XLSX may unpack to, all parts together: 100,000 short rows are some 20 MB."""

MAX_PARTS: Final = 200
MAX_ROWS: Final = 1_000
"""Most rows that hold something."""

MAX_COLUMNS: Final = 30
MAX_TEXT: Final = 200
"""Longest text of a cell; what follows is cut off, and the cell says so."""

_SPARSE_ROWS: Final = 20_000  # a row may stand far down, with nothing above it
_EXACT: Final = 10**15  # a spreadsheet keeps 15 digits
_ZIP: Final = b"PK\x03\x04"
_BROKEN: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    InvalidFileException,
    DefusedXmlException,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,  # an encrypted part
    AssertionError,
)
"""What openpyxl raises for files that are none; each of these was seen."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: `text` as a person reads it; `formula` if it is computed; `number` if it was a number."""

    text: str = ""
    formula: bool = False
    number: bool = False
    other: bool = False
    """A date, a truth value or an error: neither text nor number."""


EMPTY: Final = Cell()


@dataclass(frozen=True, slots=True)
class Row:
    """A row that holds something. `number` is what the spreadsheet shows beside it."""

    number: int
    cells: tuple[Cell, ...]

    def cell(self, column: int | None) -> Cell:
        """Give a cell; an empty one where there is none."""
        return self.cells[column] if column is not None and column < len(self.cells) else EMPTY


def read(data: bytes, most: int = MAX_ROWS) -> list[Row]:
    """Read the rows of a file's first sheet that hold something, at most so many below the headings.

    Raises `SheetError`: `sheets.too_large`, `sheets.not_a_sheet`, `sheets.too_many_rows`, `sheets.no_rows`.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(len(data))
    rows = []
    for row in _xlsx(data) if data.startswith(_ZIP) else _csv(data):
        if any(cell is not EMPTY for cell in row.cells):
            rows.append(row)
            if len(rows) > most + 1:  # and one for the headings
                raise SheetError(
                    "sheets.too_many_rows",
                    f"more than {most} rows",
                    hint=f"hand in at most {most} rows at once; split the file",
                    fields={"maximum": most},
                )
    if not rows:
        raise SheetError(
            "sheets.no_rows", "nothing stands in the first sheet", hint="fill in the template"
        )
    return rows


# ---------------------------------------------------------------------- XLSX


def _xlsx(data: bytes) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            # zipfile unpacks no more of a part than it says here
            unpacked = sum(part.file_size for part in parts)
        if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED:
            raise _too_large(unpacked)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            rows = sheet.iter_rows(max_col=MAX_COLUMNS)
            for number, row in enumerate(rows, 1):
                if number > _SPARSE_ROWS:
                    raise _too_large(number)
                yield Row(number, tuple(map(_cell, row)))
        finally:
            book.close()
    except _BROKEN as error:
        raise _not_a_sheet() from error


def _cell(cell: object) -> Cell:
    value = getattr(cell, "value", None)
    if value is None or value == "":
        return EMPTY
    kind = getattr(cell, "data_type", "")
    if kind == "f":
        return Cell("", formula=True)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Cell(str(value)[:MAX_TEXT], other=True)
    if isinstance(value, str):
        text = value.strip()[: MAX_TEXT + 1]
        return Cell(text, other=kind == "e") if text else EMPTY
    # whole numbers come as floats from some programs: 42.0 is 42
    text = str(int(value)) if value == value // 1 and abs(value) < _EXACT else repr(value)
    return Cell(text[:MAX_TEXT], number=True)


# ---------------------------------------------------------------------- CSV


def _csv(data: bytes) -> Iterator[Row]:
    text = _decoded(data)
    if "\0" in text:
        raise _not_a_sheet()
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in lines:
            cells = (each.strip()[: MAX_TEXT + 1] for each in row[:MAX_COLUMNS])
            yield Row(lines.line_num, tuple(_written(each) for each in cells))
    except csv.Error as error:
        raise _not_a_sheet() from error


def _written(text: str) -> Cell:
    if not text:
        return EMPTY
    return Cell("", formula=True) if text.startswith("=") else Cell(text)


def _decoded(data: bytes) -> str:
    """Read UTF-8, or what Excel writes in China."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _not_a_sheet()


def _not_a_sheet() -> SheetError:
    return SheetError(
        "sheets.not_a_sheet",
        "not a spreadsheet that can be read",
        hint="save it as XLSX (Excel workbook) or CSV, without a password, and hand it in again",
    )


def _too_large(size: int) -> SheetError:
    return SheetError(
        "sheets.too_large",
        "the spreadsheet is too large",
        hint="take the template and paste only the rows that are needed",
        fields={"size": size, "maximum": MAX_BYTES},
    )
