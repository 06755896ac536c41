"""A statement of accounts to print (公示账单): sums, what was found, charts, payments and payouts of a period.

    pdf = statement(Statement(title="公示账单", header="FH-COOP · 2026-11", …))

Everything is worded by the caller; here it is only set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from yuanliu.paper.document import Bar, Column, Document, Line


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of a statement: its heading, columns and rows; `note` says what is left out, if anything."""

    heading: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement. `share`: a chart's title, its line and points (x, per cent) in order, and names on the axis."""

    title: str
    header: str
    footer: str
    language: str
    facts: Sequence[tuple[str, str]]
    findings_heading: str
    findings: Sequence[str]
    sheets: Sequence[Sheet] = ()
    incomes_title: str = ""
    incomes: Sequence[Bar] = ()
    share_title: str = ""
    share_name: str = ""
    share: Sequence[tuple[float, float]] = ()
    share_marks: Sequence[tuple[float, str]] = field(default=())
    notes: Sequence[str] = ()


def statement(what: Statement) -> bytes:
    """Give a statement as PDF."""
    made = Document(what.title, header=what.header, footer=what.footer, language=what.language)
    made.facts(what.facts)
    made.heading(what.findings_heading)
    for finding in what.findings:
        made.paragraph(finding)
    if what.share:
        made.lines(
            what.share_title, [Line(what.share_name, what.share)], marks=what.share_marks, high=40
        )
    if what.incomes:
        made.bars(what.incomes_title, what.incomes)
    for sheet in what.sheets:
        made.heading(sheet.heading)
        made.table(sheet.columns, sheet.rows, total=sheet.total)
        if sheet.note:
            made.paragraph(sheet.note, small=True)
    for note in what.notes:
        made.paragraph(note, small=True)
    return made.pdf()
