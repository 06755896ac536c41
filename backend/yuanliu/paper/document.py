"""A document over as many A4 pages as it takes: headings, facts, tables that flow, charts; with page numbers.

    made = Document("公示", header="凤凰合作社 · 2026 年 11 月", footer="yuanliu.example")
    made.heading("付款与到账")
    made.facts([("付款总额", "¥12,800.00"), ("到账农户", "37 户")])
    made.table([Column("日期", 24), Column("农户", 30), Column("元", 26, "right")], rows, total=("合计", "", ""))
    made.bars("每户收入（元）", [Bar("H-0042", 1280.5, "1,280.50")])
    made.lines("农户占零售价的份额（%）", [Line("土鸡蛋", [(0, 58), (1, 60)])], marks=[(0, "10 月"), (1, "11 月")])
    pdf = made.pdf()

All text may come from outside: it is cleaned, wrapped, shrunk or cut, and never leaves its place. Widths are in
millimetres, sizes in points. Blocks stand one below the other; a table repeats its head on every page, a heading stays
with what follows. Charts take figures as numbers to draw and as text to read: how money is written is the caller's
business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from yuanliu.paper import fonts
from yuanliu.paper.charts import BAR_HIGH, Bar, Line, Place, draw_bar, draw_lines
from yuanliu.paper.press import BLACK, GREY, PALE, POINTS, Colour, Press
from yuanliu.paper.typesetting import LEADING, Fitted, fit, wrap

__all__ = ["Bar", "Column", "Document", "Line"]

WIDE: Final = 210.0
HIGH: Final = 297.0
MARGIN: Final = 18.0
INNER: Final = WIDE - 2 * MARGIN
"""What a table's columns may take in sum; wider ones are narrowed in proportion."""

TOP: Final = 24.0
BOTTOM: Final = HIGH - 22.0

LONGEST: Final = 20_000
"""Longest paragraph, in characters; the rest is cut, and an ellipsis says so."""

_TEXT: Final = 9.5
_SMALL: Final = 8.0
_CELL: Final = 8.5
_HEADINGS: Final = {1: 18.0, 2: 13.0, 3: 10.5}
_NAME_WIDE: Final = 38.0
_PAD: Final = 1.2
_GAP: Final = 3.0
_MOST_IN_CELL: Final = 40.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, its width in millimetres, and how its cells stand: left, right or centre."""

    title: str
    wide: float
    align: str = "left"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table, fitted: its cells from the left, and its height in millimetres."""

    cells: tuple[Fitted, ...]
    high: float
    bold: bool


class Document:
    """See the module. `language` is what a reading program is told."""

    def __init__(
        self, title: str, *, header: str = "", footer: str = "", language: str = "zh-CN"
    ) -> None:
        self._press = Press(WIDE, HIGH, title=title, language=language)
        self._header, self._footer = header, footer
        self._page = 0
        self._y = 0.0
        self._open_page()
        self.heading(title, level=1)

    @property
    def pages(self) -> int:
        """Pages so far."""
        return self._page

    # ------------------------------------------------------------------ blocks

    def heading(self, text: str, *, level: int = 2) -> None:
        """Write a heading of level 1 to 3. It is not left alone at a page's end."""
        found = _fitted(text, INNER, _HEADINGS[level])
        if self._y > TOP:
            self._y += _GAP
        self.need(found.height / POINTS + 24)
        self._y += self._press.lines(found, MARGIN, self._y, bold=True) + 2.5

    def paragraph(self, text: str, *, small: bool = False, colour: Colour = BLACK) -> None:
        """Write a paragraph, over pages if it is long; a line end begins a new line."""
        size = _SMALL if small else _TEXT
        for piece in text[:LONGEST].splitlines():
            for line in wrap(fonts.clean(piece, longest=LONGEST), INNER * POINTS, size):
                self.need(size * LEADING / POINTS)
                self._press.lines(Fitted((line,), size), MARGIN, self._y, colour=colour)
                self._y += size * LEADING / POINTS
        self._y += 1.5

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Write what is called what: names in a narrow column, values beside them."""
        for name, value in facts:
            left = _fitted(name, _NAME_WIDE - 3, _TEXT)
            right = _fitted(value, INNER - _NAME_WIDE, _TEXT)
            high = max(left.height, right.height) / POINTS + 1.8
            self.need(high)
            self._press.lines(left, MARGIN, self._y, colour=GREY)
            self._press.lines(right, MARGIN + _NAME_WIDE, self._y)
            self._y += high
        self._y += 1.5

    def table(
        self,
        columns: Sequence[Column],
        rows: Iterable[Sequence[str]],
        *,
        total: Sequence[str] | None = None,
        empty: str = "—",
    ) -> None:
        """Write a table; each row has a cell for each column. `total` is its last row, in bold.

        A table without rows says `empty`. Raises `ValueError` for a row with more or fewer cells than columns.
        """
        scale = min(1.0, INNER / sum(column.wide for column in columns))
        columns = [Column(c.title, c.wide * scale, c.align) for c in columns]
        head = _row(columns, [column.title for column in columns], bold=True)
        self.need(head.high + 12)
        self._draw_row(columns, head, thick=0.35)
        written = False
        for cells in rows:
            written = True
            self._flow(columns, _row(columns, cells), head)
        if not written:
            nothing = [empty, *[""] * (len(columns) - 1)]
            self._flow(columns, _row(columns, nothing), head)
        if total is not None:
            self._flow(columns, _row(columns, total, bold=True), head)
        self._y += _GAP

    def bars(self, title: str, bars: Sequence[Bar]) -> None:
        """Draw lying bars, each with its name and figure, over pages if there are many."""
        self._chart_title(title, 3 * BAR_HIGH)
        longest = max((bar.value for bar in bars), default=0)
        for bar in bars:
            self.need(BAR_HIGH)
            draw_bar(self._press, Place(MARGIN, self._y, INNER, BAR_HIGH), bar, longest)
            self._y += BAR_HIGH
        self._y += _GAP

    def lines(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        marks: Sequence[tuple[float, str]] = (),
        high: float = 70.0,
    ) -> None:
        """Draw up to five lines over one axis. `marks` are the places on it that have a name."""
        self._chart_title(title, high)
        draw_lines(self._press, Place(MARGIN, self._y, INNER, high), lines, marks)
        self._y += high + _GAP

    def space(self, millimetres: float) -> None:
        """Leave something free."""
        self._y += millimetres

    def need(self, high: float) -> None:
        """Begin a new page unless `high` millimetres are free on this one."""
        if self._y + high > BOTTOM and self._y > TOP:
            self._press.next_page()
            self._open_page()

    def pdf(self) -> bytes:
        """End the document and give it."""
        self._press.next_page()
        with self._press.define("pages"):
            x = WIDE - MARGIN - 9
            self._press.box(f"/ {self._page}", x, HIGH - 14, wide=9, high=4, size=7.5, least=5)
        return self._press.finish()

    # ------------------------------------------------------------------ how

    def _open_page(self) -> None:
        self._page += 1
        self._y = TOP
        press, right = self._press, WIDE - MARGIN
        for text, y in ((self._header, 13.0), (self._footer, HIGH - 14)):
            press.box(text, MARGIN, y, wide=INNER - 46, high=4, size=7.5, least=5, colour=GREY)
        press.rule(MARGIN, 18.5, right, 18.5)
        press.rule(MARGIN, HIGH - 16.5, right, HIGH - 16.5)
        press.box(str(self._page), right - 30, HIGH - 14, wide=20, high=4, size=7.5, align="right")
        press.place_later("pages")

    def _chart_title(self, title: str, high: float) -> None:
        found = _fitted(title, INNER, _TEXT)
        self.need(found.height / POINTS + 2.5 + high)
        self._y += self._press.lines(found, MARGIN, self._y, bold=True) + 2.5

    def _flow(self, columns: Sequence[Column], row: _Row, head: _Row) -> None:
        """Draw a row; at the top of a new page under the table's head."""
        before = self._page
        self.need(row.high)
        if self._page != before:
            self._draw_row(columns, head, thick=0.35)
        self._draw_row(columns, row, thick=0.35 if row.bold else 0.15)

    def _draw_row(self, columns: Sequence[Column], row: _Row, *, thick: float) -> None:
        if row.bold:
            self._press.rule(
                MARGIN, self._y, MARGIN + sum(c.wide for c in columns), self._y, colour=PALE
            )
        x = MARGIN
        for column, cell in zip(columns, row.cells, strict=True):
            self._press.lines(
                cell,
                x + _PAD,
                self._y + _PAD,
                wide=column.wide - 2 * _PAD,
                align=column.align,
                bold=row.bold,
            )
            x += column.wide
        self._y += row.high
        self._press.rule(MARGIN, self._y, x, self._y, thick=thick)


def _fitted(text: str, wide: float, size: float) -> Fitted:
    return fit(text, wide=wide * POINTS, high=100 * POINTS, size=size, least=size)


def _row(columns: Sequence[Column], cells: Sequence[str], *, bold: bool = False) -> _Row:
    found = tuple(
        fit(
            cell,
            wide=(column.wide - 2 * _PAD) * POINTS,
            high=_MOST_IN_CELL * POINTS,
            size=_CELL,
            least=6,
        )
        for column, cell in zip(columns, cells, strict=True)
    )
    highest = max((cell.height for cell in found), default=0)
    return _Row(found, max(highest, _CELL) / POINTS + 2 * _PAD + 0.4, bold)
