"""The public accounts over HTTP: pages by filters, tables to take away, statements, and what is wrong or hostile."""

import csv
import io
import re
from itertools import count
from pathlib import Path
from typing import Any, Final

import openpyxl
import pypdfium2
import pytest
from httpx import Client, Response
from sqlalchemy import text as statement
from tests.web.house import EGGS, House

from yuanliu.index.reading import reading
from yuanliu.sheets import export
from yuanliu.sheets.writing import Column
from yuanliu.web.pages import audit as pages
from yuanliu.web.pages import audit_page, audit_recount
from yuanliu.web.visits import MOST

pytestmark = [pytest.mark.node, pytest.mark.slow]

HOSTILE: Final = "=1+1'\"&%2f<b>"[:16]
_numbers = count(1)


@pytest.fixture(name="http")
def _http(home: House) -> Client:
    return home.client()


def page(home: House, path: str, **params: str) -> Response:
    return home.client().get(path, params=params or None, headers={"Accept": "text/html"})


def fen_of(found: str) -> int:
    return int(found.replace(",", "").replace(".", "").replace("¥", ""))


def test_the_first_page_tells_sums_and_works_each_payment_out_again(home: House) -> None:
    items = home.get("payments?limit=200").json()["items"]
    shown = page(home, "/audit", lang="en")
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "public, max-age=20"
    assert "Cookie" in shown.headers["vary"]
    assert 'content="noindex' not in shown.text
    figures = re.findall(r"<dd>(¥[\d,.]+)", shown.text)
    assert fen_of(figures[0]) == sum(each["amount"]["fen"] for each in items)
    assert fen_of(figures[1]) == sum(each["farmers"]["fen"] for each in items)
    for each in items[: pages.PER_PAGE]:
        assert f"/audit/payments/{each['reference']}" in shown.text
    one = page(home, f"/audit/payments/{items[0]['reference']}")
    assert items[0]["transaction"] in one.text
    assert "一分不差" in one.text
    assert page(home, "/audit/payments/0x00-1").status_code == 404
    assert page(home, f"/audit/payments/0x{'ab' * 32}-1").status_code == 404


def test_filters_are_in_the_address_and_wrong_ones_are_named(home: House) -> None:
    lot = home.results[0].lot
    items = home.get("payments?limit=200").json()["items"]
    hexed = next(each["batch"] for each in items if each["lot"] == lot)
    for batch in (
        lot,
        f"{EGGS}/{lot}",
        f"{EGGS[1:]}/{lot}",
        f"/01/{EGGS}/10/{lot}",
        hexed,
    ):
        one = page(home, "/audit", batch=batch)
        assert (one.status_code, one.text.count('href="/audit/payments/')) == (200, 1), batch
        assert 'content="noindex' in one.text
    mine = page(home, "/audit", cooperative="COOP-0001", farmer="H-0001", **{"from": "2020-01-01"})
    assert mine.status_code == 200
    assert "到账" in page(home, "/audit/payouts", farmer=home.address("farmer-eggs")).text
    assert page(home, "/audit", to="2020-01-02").text.count('href="/audit/payments/') == 0
    wrong = page(
        home, "/audit", cooperative="nobody", batch="../x", farmer="<script>alert(1)</script>",
        **{"from": "2026-02-31", "to": "tomorrow"},
    )  # fmt: skip
    assert wrong.status_code == 422
    assert wrong.headers["cache-control"] == "no-store"
    for said in ("没有这个合作社", "没有这个批次", "没有这个农户代码", "日期写法"):
        assert said in wrong.text
    assert "<script>alert" not in wrong.text
    turned = page(home, "/audit", **{"from": "2026-02-02", "to": "2026-02-01"})
    assert "结束不能早于开始" in turned.text
    assert page(home, "/audit", after="x").status_code == 422
    assert page(home, "/audit/payouts", after="9-9-9").status_code == 200


def test_pages_lead_on_and_end(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PER_PAGE", 1)
    marks = {
        "/audit": r'href="/audit/payments/0x[0-9a-f]{64}-',
        "/audit/payouts": r'title="0x[0-9a-f]{64}',
    }
    for path, mark in marks.items():
        seen, where = 0, path
        while where and seen < 500:
            shown = page(home, where)
            seen += len(re.findall(mark, shown.text))
            found = re.search(r'href="([^"]+)" rel="next"', shown.text)
            where = found[1].replace("&amp;", "&") if found else ""
        kind = "payments" if path == "/audit" else "payouts"
        assert seen == len(home.client().get(f"/audit/{kind}.json").json()["items"])


def test_tables_hold_every_row_in_three_forms(home: House) -> None:
    _forget_limits(home)
    for kind in ("payments", "payouts"):
        items = home.client().get(f"/audit/{kind}.json").json()["items"]
        assert items
        told = home.client().get(f"/audit/{kind}.csv", params={"lang": "en"})
        assert told.headers["content-disposition"] == f'attachment; filename="yuanliu-{kind}.csv"'
        lines = list(csv.reader(io.StringIO(told.content.decode("utf-8-sig"))))
        assert len(lines) == len(items) + 1
        book = openpyxl.load_workbook(io.BytesIO(home.client().get(f"/audit/{kind}.xlsx").content))
        rows = list(book.worksheets[0].iter_rows(values_only=True))
        assert len(rows) == len(items) + 1
        place = lines[0].index("Amount (yuan)")
        assert [fen_of(line[place]) for line in lines[1:]] == [each["amount"] for each in items]
        assert [round(float(str(row[place])) * 100) for row in rows[1:]] == [
            each["amount"] for each in items
        ]
    payments = home.client().get("/audit/payments.json").json()["items"]
    assert all(each["matches"] for each in payments)
    assert all(each["farmers"] == each["farmers_again"] for each in payments)
    refused = home.client().get("/audit/payments.csv", params={"cooperative": "nobody"})
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")


def test_tables_are_taken_away_a_dozen_times_a_minute(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget_limits(home)
    monkeypatch.setattr(home.prepared.services.exports, "_now", lambda: 0.0)
    answers = [home.client().get("/audit/payouts.json").status_code for _ in range(13)]
    assert answers == [200] * 12 + [429]
    assert MOST > 12, "pages are not counted with them"
    _forget_limits(home)


def _forget_limits(home: House) -> None:
    home.prepared.services.exports._seen.clear()


def test_a_statement_is_printed_with_its_sums(home: House, tmp_path: Path) -> None:
    _forget_limits(home)
    for language, said in (("zh", "公示账单"), ("en", "Statement of public accounts")):
        params = {"cooperative": "COOP-0001", "from": "2020-01-01", "lang": language}
        made = home.client().get("/audit/statement.pdf", params=params)
        assert made.headers["content-type"] == "application/pdf"
        written = _text_of(made.content)
        assert said in written
        assert "COOP-0001" in written
        amount = sum(
            each["amount"]["fen"] for each in home.get("payments?limit=200").json()["items"]
        )
        assert f"¥{amount / 100:,.2f}" in written
    empty = home.client().get("/audit/statement.pdf", params={"to": "2020-01-02"})
    assert "¥0.00" in _text_of(empty.content)
    (tmp_path / "empty.pdf").write_bytes(empty.content)


def _text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "".join(document[i].get_textpage().get_text_range() for i in range(len(document)))
    finally:
        document.close()


def test_the_auditors_page_is_taken_from_the_first_page(home: House) -> None:
    assert 'href="/audit/page.html"' in page(home, "/audit").text
    answer = home.client().get("/audit/page.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="yuanliu-audit.html"'
    assert answer.text == audit_page.page(home.deployment)


def test_hostile_codes_and_lots_come_out_inert_everywhere(home: House) -> None:
    _forget_limits(home)
    number = next(_numbers)
    made = home.done(
        "clerk", "accounts", {"login": f"evil-{number}", "kind": "farmer", "code": HOSTILE}
    )
    farmer = made["account"]["party"]
    receipt = 6_600_000 + number
    booking: dict[str, Any] = {"receipt": receipt, "farmer": farmer, "gtin": EGGS, "grams": 6_000}
    booking["price_per_kg"] = {"yuan": "24.00"}
    home.done("clerk", "deliveries", {"deliveries": [booking]})
    lot = '=2+5"&<b>%22'
    body = {
        "gtin": EGGS, "lot": lot.replace("#", ""), "units": 120, "milligrams_per_unit": 50_000,
        "price": {"fen": 300}, "receipts": [receipt],
        "harvest": {"time": "2026-04-12T08:00:00+08:00", "place": "henhouse-07", "harvested_on": "2026-04-12"},
    }  # fmt: skip
    batch = home.done("clerk", "batches", body)["result"]["batch"]
    home.mint(home.address("buyer"), 3_000)
    home.done("buyer", "payments", {"lines": [{"batch": batch, "units": 10}]})
    for path in ("/audit", "/audit/payouts", "/audit/terms"):
        shown = page(home, path, batch=batch)
        assert shown.status_code == 200
        assert "<b>%22" not in shown.text
        assert HOSTILE not in shown.text
    assert "&lt;b&gt;%22" in page(home, "/audit", batch=batch).text
    assert page(home, "/audit", batch=f"{EGGS}/{lot}").text.count('href="/audit/payments/') == 1
    lines: list[Any] = list(
        csv.DictReader(
            io.StringIO(
                home.client()
                .get("/audit/payouts.csv", params={"batch": batch, "lang": "en"})
                .content.decode("utf-8-sig")
            )
        )
    )
    assert {line["Lot"] for line in lines} == {f"'{lot}"}
    assert f"'{HOSTILE}" in {line["Code"] for line in lines}
    book = openpyxl.load_workbook(
        io.BytesIO(home.client().get("/audit/payouts.xlsx", params={"batch": batch}).content)
    )
    kinds = {cell.data_type for row in book.worksheets[0].iter_rows() for cell in row}
    assert "f" not in kinds
    reference = home.get(f"payments?batch={batch}").json()["items"][0]["reference"]
    one = page(home, f"/audit/payments/{reference}").text
    assert "<b>%22" not in one
    link = re.search(r'href="(/01/[^"]+)"', one)
    assert link
    assert page(home, link[1]).status_code == 200
    pdf = home.client().get("/audit/statement.pdf", params={"batch": batch})
    assert pdf.status_code == 200


def test_a_payment_changed_in_the_copy_stands_first_and_red(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = home.get("payments?limit=1").json()["items"][0]
    tx = {"tx": bytes.fromhex(item["transaction"][2:])}
    with reading(home.prepared.services.copy) as db:
        before = db.execute(statement("SELECT platform FROM sale WHERE tx = :tx"), tx).scalar_one()
    monkeypatch.setattr(audit_recount, "_KEPT", {})
    update = statement("UPDATE sale SET platform = :value WHERE tx = :tx")
    try:
        with home.prepared.services.copy.begin() as db:
            db.execute(update, {"value": str(int(before) + 1).zfill(39), **tx})
        shown = page(home, "/audit", lang="en").text
        assert shown.index("was not shared as its terms say") < shown.index("sums-1")
        assert 'class="mismatch"' in shown
        one = page(home, f"/audit/payments/{item['reference']}", lang="en").text
        assert "otherwise than the terms say" in one
    finally:
        with home.prepared.services.copy.begin() as db:
            db.execute(update, {"value": before, **tx})


def test_who_may_do_what_is_the_table_of_the_architecture(home: House) -> None:
    whole = (home.config.project_dir / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = whole[whole.index("| function | who may call it") :].split("\n\n")[0].splitlines()[2:]
    told = [
        f"| {', '.join(f'`{name}`' for name in each['functions'])} | {each['who']['en']} | {each['bounds']['en']} |"
        for each in pages.POWERS
    ]
    assert [re.sub(r"\s+", " ", line) for line in table] == [
        re.sub(r"\s+", " ", line) for line in told
    ]
    shown = page(home, "/audit/powers").text
    assert all(each["who"]["zh"] in shown for each in pages.POWERS)


def test_the_history_of_terms_shows_every_number(home: House) -> None:
    shown = page(home, "/audit/terms", lang="en").text
    for item in home.get("payments").json()["items"]:
        terms = home.get(f"batches/{item['batch']}").json()["terms"]
        assert f"number {terms}" in shown


def test_a_long_table_is_written_without_holding_it() -> None:
    columns = [Column("a"), Column("b", format="0.00")]
    pulled = 0

    def rows() -> Any:  # noqa: ANN401 -- a generator of rows
        nonlocal pulled
        while True:
            pulled += 1
            yield ["=cmd()", 1]

    stream = export.csv_stream(columns, rows())
    assert next(stream).endswith(b"a,b\r\n")
    assert next(stream).startswith(b"'=cmd(),1\r\n")
    assert pulled == 200, "no more is asked for than is sent"
    with pytest.raises(Exception, match="more than 20000 rows"):
        export.xlsx_into(io.BytesIO(), "t/[x]", columns, (["x", 1] for _ in range(20_001)))
    parts = list(export.json_stream({"a": 1}, [{"b": "</script>"}] * 450))
    assert b"".join(parts).startswith(b'{"a":1,"items":[{"b":')
    assert len(parts) == 5
