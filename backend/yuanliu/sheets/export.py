"""Long tables going out row by row as CSV, JSON and XLSX: memory does not grow with their number.

What a value becomes is `writing`'s: no text of somebody else's is a formula in the reader's spreadsheet.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any, Final

import orjson
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from yuanliu.errors import YuanliuError
from yuanliu.sheets.writing import Column, Value, cell_of, plain, sheet_title

MOST_XLSX_ROWS: Final = 20_000
"""Most rows of a streamed workbook: a row of 22 columns takes 1.1 ms of a processor, most of it the library's."""

_BATCH: Final = 200


def csv_stream(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """Write CSV (RFC 4180) in UTF-8 with a mark, some hundred rows at a time."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([plain(column.heading) for column in columns])
    yield out.getvalue().encode("utf-8-sig")
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        out = io.StringIO(newline="")
        csv.writer(out).writerows([plain(value) for value in row] for row in batch)
        yield out.getvalue().encode()


def json_stream(head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Write one JSON object: the members of `head`, then `items`, some hundred of them at a time."""
    yield orjson.dumps(dict(head))[:-1] + (b',"items":[' if head else b'"items":[')
    waiting, first = iter(rows), True
    while batch := list(islice(waiting, _BATCH)):
        yield (b"" if first else b",") + b",".join(orjson.dumps(row) for row in batch)
        first = False
    yield b"]}\n"


def xlsx_into(
    file: IO[bytes], title: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]]
) -> int:
    """Write a workbook of one sheet into a file, and give the number of its rows.

    Raises `YuanliuError` (`sheets.export_too_long`) for more than `MOST_XLSX_ROWS`.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(sheet_title(title))
    for place, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(place)].width = column.width
    sheet.freeze_panes = "A2"
    try:
        count = _rows_into(sheet, columns, rows)
    except BaseException:
        sheet.close()
        sheet._writer.cleanup()  # noqa: SLF001 -- the library has no word for giving up
        raise
    book.save(file)
    return count


def _rows_into(
    sheet: WriteOnlyWorksheet, columns: Sequence[Column], rows: Iterable[Sequence[Value]]
) -> int:
    heads = [cell_of(sheet, column.heading) for column in columns]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    count = 0
    for row in rows:
        if count == MOST_XLSX_ROWS:
            raise too_long()
        written = [cell_of(sheet, value) for value in row]
        for each, column in zip(written, columns, strict=True):
            if each.data_type == "n":
                each.number_format = column.format
        sheet.append(written)
        count += 1
    return count


def too_long() -> YuanliuError:
    """Give the refusal of a table that is too long for a workbook."""
    return YuanliuError(
        "sheets.export_too_long",
        f"there are more than {MOST_XLSX_ROWS} rows",
        hint="narrow the time or the batch, or take CSV",
        fields={"maximum": MOST_XLSX_ROWS},
    )
