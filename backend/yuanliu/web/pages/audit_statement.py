"""The statement to print: the public accounts of a cooperative and a period, worded."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from yuanliu.index import queries as q
from yuanliu.index.queries import cards, sql
from yuanliu.index.queries.audit import Audited, Sums, audited, payouts_in
from yuanliu.index.queries.audit_findings import Finding
from yuanliu.paper.document import Bar, Column
from yuanliu.paper.statement import Sheet, Statement
from yuanliu.paper.statement import statement as printed
from yuanliu.web.messages import Language
from yuanliu.web.pages.audit import bps, lots_of, overview_of, periods, short
from yuanliu.web.pages.audit_scope import Asked
from yuanliu.web.pages.frame import day, moment, percent, yuan
from yuanliu.web.pages.texts import text
from yuanliu.web.services import Copy, Services

MOST_ROWS: Final = 500
"""Most payments, and most payouts, on a statement: some twenty pages each."""

_MOST_MARKS: Final = 8
Words = Callable[..., str]


def statement(db: Copy, wired: Services, asked: Asked, *, language: Language, now: int) -> bytes:
    """Give a statement of what the filters say, as PDF."""
    t: Words = partial(text, language)
    found = overview_of(db, wired, asked.scope)
    rows = audited(db, asked.scope, limit=MOST_ROWS)
    paid = payouts_in(db, asked.scope, limit=MOST_ROWS)
    whole = found.totals[0].all if found.totals else Sums()
    listed = periods(found.totals[0]) if found.totals else ()
    step = max(1, -(-len(listed) // _MOST_MARKS))
    wrong = [row for row in rows if not row.matches]
    return printed(
        Statement(
            title=t("audit.pdf_title"),
            header=_header(asked, t),
            footer=wired.config.public_url.partition("://")[2],
            language="zh-CN" if language == "zh" else "en",
            facts=_facts(whole, len(found.totals), t),
            findings_heading=t("audit.findings"),
            findings=[
                *(t("audit.pdf_mismatch", lot=row.payment.lot) for row in wrong),
                *(_finding(each, t, language) for each in found.findings),
            ]
            or [t("audit.findings_none")],
            share_title=t("audit.share_over_time"),
            share_name=t("audit.farmers"),
            share=[
                (float(number), bps(each.farmers, each.amount) / 100)
                for number, (_, each) in enumerate(listed)
                if len(listed) > 1  # one point is no course of time
            ],
            share_marks=[
                (float(number), name)
                for number, (name, _) in enumerate(listed)
                if number % step == 0
            ],
            incomes_title=t("audit.incomes"),
            incomes=[
                Bar(each.code, float(each.amount), yuan(each.amount)) for each in found.incomes
            ],
            sheets=[_payments(rows, whole, t, language), _payouts(db, paid, t, language)],
            notes=[t("audit.pdf_note", moment=moment(now, language))],
        )
    )


def _header(asked: Asked, t: Words) -> str:
    values = asked.values
    parts = [values["cooperative"] or t("audit.everything"), values["batch"], values["farmer"]]
    if values["from"] or values["to"]:
        parts.append(f"{values['from'] or '…'} – {values['to'] or '…'}")
    return " · ".join(each for each in parts if each)


def _facts(whole: Sums, tokens: int, t: Words) -> list[tuple[str, str]]:
    def part(amount: int) -> str:
        return f"{yuan(amount)}  ({percent(bps(amount, whole.amount))})"

    facts = [
        (t("audit.payments"), f"{whole.count:,}"),
        (t("audit.amount"), yuan(whole.amount)),
        (t("audit.farmers"), part(whole.farmers)),
        (t("audit.cooperative"), part(whole.cooperative)),
        (t("audit.platform"), part(whole.platform)),
    ]
    return [*facts, (t("audit.tokens"), str(tokens))] if tokens > 1 else facts


def finding_words(each: Finding, t: Words, when: str) -> str:
    """Say in one sentence what was found."""
    values: dict[str, Any] = {
        "day": when,
        "lot": each.lot,
        "who": each.code or (short(each.who) if each.who else ""),
        "amount": yuan(each.amount),
        "gtin": each.gtin,
        "terms": each.terms,
        "reason": each.reason,
    }
    kind = f"{each.kind}_less" if each.less else str(each.kind)
    return t(f"audit.finding_{kind}", **values)


def _finding(each: Finding, t: Words, language: Language) -> str:
    return finding_words(each, t, day(each.time, language))


def _payments(rows: tuple[Audited, ...], whole: Sums, t: Words, language: Language) -> Sheet:
    columns = [
        Column(t("audit.time"), 30),
        Column(t("audit.lot"), 34),
        Column(t("audit.amount"), 24, "right"),
        Column(t("audit.farmers"), 24, "right"),
        Column(t("audit.cooperative"), 22, "right"),
        Column(t("audit.platform"), 22, "right"),
        Column(t("audit.again"), 14, "centre"),
        Column(t("audit.place"), 36),
    ]
    listed = [
        (
            day(row.payment.time, language),
            row.payment.lot,
            yuan(row.payment.amount),
            yuan(row.payment.farmers),
            yuan(row.payment.cooperative),
            yuan(row.payment.platform),
            "✓" if row.matches else "✗",
            f"{row.payment.block} / {row.payment.log_index} {short(row.payment.transaction)}",
        )
        for row in rows
    ]
    sums = (whole.amount, whole.farmers, whole.cooperative, whole.platform)
    total = (t("audit.sum"), f"{whole.count:,}", *map(yuan, sums), "", "")
    note = t("audit.pdf_cut", n=MOST_ROWS) if whole.count > len(rows) else ""
    return Sheet(t("audit.tab_payments"), columns, listed, total, note)


def _payouts(db: Copy, rows: tuple[q.Payout, ...], t: Words, language: Language) -> Sheet:
    codes = cards.codes(db, [row.owner for row in rows])
    lots = lots_of(db, [row.batch for row in rows])
    columns = [
        Column(t("audit.time"), 30),
        Column(t("audit.who"), 30),
        Column(t("audit.kind"), 30),
        Column(t("audit.lot"), 34),
        Column(t("audit.amount"), 26, "right"),
        Column(t("audit.place"), 34),
    ]
    listed = [
        (
            day(row.time, language),
            codes.get(row.owner, short(row.owner)),
            t(f"audit.kind_{row.kind}"),
            lots[row.batch][1] if row.batch in lots else "",
            yuan(row.amount),
            f"{sql.block_of(row.place)} / {sql.log_of(row.place)} {short(row.transaction)}",
        )
        for row in rows
    ]
    note = t("audit.pdf_cut", n=MOST_ROWS) if len(rows) == MOST_ROWS else ""
    return Sheet(t("audit.tab_payouts"), columns, listed, None, note)
