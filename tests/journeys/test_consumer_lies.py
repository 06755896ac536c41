"""What becomes of the consumer's page when somebody lies: in the database, at the node, or in the texts."""

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from tests.journeys.browser import PHONE_EN, PHONE_ZH
from tests.journeys.conftest import Visit
from tests.lies.lie import lie
from tests.web.house import House, caller

from yuanliu import actions, epcis
from yuanliu.demo.cases import CASES, SLOPES, Case
from yuanliu.demo.story import Story
from yuanliu.identifiers import digital_link_path
from yuanliu.web.pages import consumer_check

pytestmark = [pytest.mark.node, pytest.mark.slow]

HOSTILE = """<img src=x onerror="window.stolen=1">'"</script><script>window.stolen=1</script>{{7*7}}<!--part 0-->"""


class Teller(Story):
    """Tells lots that the demo does not know."""

    @classmethod
    def of(cls, home: House) -> "Teller":
        wired = home.prepared.services
        return cls(
            home.node,
            home.deployment,
            wired.outbox,
            home.accounts,
            lambda _: None,
            attachments=wired.attachments,
        )

    def lot(self, case: Case, lot: str) -> bytes:
        return self._harvest(
            case, int(datetime.now(UTC).timestamp() * 1000), lot, datetime.now(UTC)
        )

    @staticmethod
    def _receipt(case: Case, run: int) -> int:
        return run + len(case.key)


def link(home: House, name: str) -> str:
    found = next(each for each in home.results if each.case.key == name)
    return digital_link_path(found.case.gtin, found.lot)


def batch_of(home: House, name: str) -> bytes:
    return next(each for each in home.results if each.case.key == name).verification.batch


def verdict(page: Page, word: str) -> None:
    told = page.locator("#verdict")
    expect(told).to_have_attribute("data-verdict", word)


@contextmanager
def altered(home: House, table: str, *statements: tuple[str, Sequence[object]]) -> Iterator[None]:
    """Change a table of the copy behind the server's back, and put it back as it was."""
    engine = home.prepared.services.copy
    with engine.begin() as db:
        rows = [tuple(row) for row in db.exec_driver_sql(f"SELECT * FROM {table}")]
        for sql, values in statements:
            assert db.exec_driver_sql(sql, tuple(values)).rowcount, sql
    try:
        yield
    finally:
        with engine.begin() as db:
            db.exec_driver_sql(f"DELETE FROM {table}")
            places = ", ".join("?" * len(rows[0]))
            for row in rows:
                db.exec_driver_sql(f"INSERT INTO {table} VALUES ({places})", row)


@lie(
    "Alter the rows that a lot's page is made of",
    "篡改生成消费者页面的数据行",
    cheats="consumer",
    liars=("database admin", "platform"),
    happens=(
        "Records are altered, left out, reordered or added in the database; so are prices, shares and names."
    ),
    noticed_by=("the reader's phone",),
    how=(
        "it recomputes the history from the page's records and asks the chain for the head; what the page shows"
        " is compared with the records. It names what differs, in red."
    ),
)
def test_rows_changed_behind_the_servers_back_are_named(visit: Visit, site: House) -> None:
    batch = batch_of(site, "tea")
    with site.prepared.services.copy.begin() as db:
        select = "SELECT number, data, head FROM record WHERE batch = ? ORDER BY number"
        rows = {row[0]: row for row in db.exec_driver_sql(select, (batch,))}
    data = rows[2][1]
    better = data.replace(b'"value":0.11', b'"value":0.01')
    assert better != data
    where = "WHERE batch = ? AND number = ?"
    cooperative = bytes.fromhex(site.address("cooperative")[2:])
    lies: list[tuple[str, str, list[tuple[str, Sequence[object]]]]] = [
        (
            "第 3 条记录（",
            "record",
            [(f"UPDATE record SET data = ? {where}", (better, batch, 2))],
        ),
        ("缺了第 3 条记录", "record", [(f"DELETE FROM record {where}", (batch, 2))]),
        (
            "的顺序不对",
            "record",
            [
                (f"UPDATE record SET number = 99 {where}", (batch, 3)),
                (f"UPDATE record SET number = 3 {where}", (batch, 4)),
                (f"UPDATE record SET number = 4 {where}", (batch, 99)),
            ],
        ),
        (
            "不在链上",
            "record",
            [
                (
                    (
                        "INSERT INTO record SELECT place + 1, batch, 6, kind, time, actor, signer, head, head, data, tx"
                        f" FROM record {where}"
                    ),
                    (batch, 5),
                )
            ],
        ),
        (
            "之后缺了记录",
            "record",
            [(f"DELETE FROM record {where}", (batch, 5))],
        ),
        ("采收入批", "record", [(f"UPDATE record SET kind = 5 {where}", (batch, 0))]),
        ("售出", "sale", [("UPDATE sale SET time = time - 86400 WHERE batch = ?", (batch,))]),
        (
            "单价",
            "batch",
            [("UPDATE batch SET price = ? WHERE id = ?", ("9900".zfill(29), batch))],
        ),
        ("本批数量", "batch", [("UPDATE batch SET units = 9 WHERE id = ?", (batch,))]),
        ("保底价", "terms", [("UPDATE terms SET floor_per_unit = ?", ("100".zfill(29),))]),
        (
            "农户",
            "terms",
            [
                (
                    "UPDATE terms SET cooperative_bps = 0, farmer_bps = 8500 WHERE farmer_bps = 5000",
                    (),
                )
            ],
        ),
        (
            "共收款",
            "sale",
            [("UPDATE sale SET amount = ? WHERE batch = ?", ("9900000".zfill(39), batch))],
        ),
        (
            "合作社 COOP-0001",
            "record",
            [(f"UPDATE record SET actor = ? {where}", (cooperative, batch, 2))],
        ),
        (
            "COOP-9999",
            "actor",
            [("UPDATE actor SET code = 'COOP-9999' WHERE code = 'COOP-0001'", ())],
        ),
        (
            "与链上不符",
            "record",
            [(f"UPDATE record SET data = ? {where}", (rows[5][1][:-1] + b"\1", batch, 5))],
        ),
    ]
    someone = visit()
    page = someone.page(link(site, "tea"))
    verdict(page, "matches")
    missed = []
    for words, table, statements in lies:
        with altered(site, table, *statements):
            page.goto(link(site, "tea"))
            told = page.locator("#verdict")
            expect(told).to_have_attribute(
                "data-verdict",
                re.compile("matches|differs|newer"),
            )
            if told.get_attribute("data-verdict") != "differs" or words not in told.inner_text():
                missed.append((words, statements[0][0], told.inner_text()))
    assert missed == []
    page.goto(link(site, "tea"))
    verdict(page, "matches")


@lie(
    "Show no hold and no recall on the page",
    "页面上隐去停售或召回",
    cheats="consumer",
    liars=("database admin", "platform"),
    happens=(
        "The row of a hold or a recall, or a link of the lineage to a recalled lot, is deleted."
    ),
    noticed_by=("the reader's phone",),
    how=(
        "it asks the chain whether the lot is held or recalled, and for its parents, whatever the page says."
    ),
)
def test_red_comes_first_and_no_lie_takes_it_away(visit: Visit, site: House) -> None:
    eggs, failed = batch_of(site, "eggs"), "0x" + batch_of(site, "eggs").hex()
    report = {"file": ("report.txt", b"salmonella found", "text/plain")}
    stored = site.client("inspector").post("/api/v1/attachments", files=report).json()
    site.done(
        "inspector",
        f"batches/{failed}/inspections",
        {
            "time": datetime.now(UTC).isoformat(),
            "place": "laboratory",
            "laboratory": "LAB-0001",
            "report_sha256": stored["sha256"],
            "conformant": False,
            "measurements": [
                {
                    "substance": "https://id.yuanliu.example/substance/enrofloxacin",
                    "value": "0.31",
                    "limit": "0.1",
                    "limit_source": "GB 31650",
                    "method": "GB 31658.17",
                }
            ],
        },
    )
    someone = visit()
    page = someone.page(link(site, "eggs"))
    expect(page.get_by_role("alert")).to_contain_text("检测没有通过")
    expect(page.get_by_role("alert")).to_contain_text("恩诺沙星：测得 0.31 mg/kg，限量 0.1 mg/kg")
    verdict(page, "matches")
    someone.check(page, "held")
    with altered(site, "safety", ("DELETE FROM safety WHERE batch = ?", (eggs,))):
        page.goto(link(site, "eggs"))
        verdict(page, "differs")
        expect(page.locator("#verdict")).to_contain_text("链上这批货已暂停销售，页面没有说")
        someone.check(page, "differs")
    slope = site.get(f"batches?gtin={SLOPES[0].gtin}").json()["items"][0]
    site.done("cooperative", f"batches/{slope['id']}/recall", {"reason": "农药残留超标 <b>"})
    graded = site.get("batches?limit=1").json()["items"][0]["link"]
    page.goto(graded)
    expect(page.get_by_role("alert")).to_contain_text("已召回：不要食用")
    expect(page.get_by_role("alert")).to_contain_text("农药残留超标 <b>")
    verdict(page, "matches")
    someone.check(page, "recalled")
    with altered(site, "safety", ("DELETE FROM safety WHERE kind = 17", ())):
        page.goto(graded)
        verdict(page, "differs")
        expect(page.locator("#verdict")).to_contain_text("链上这批货已召回，页面没有说")
    with altered(site, "lineage", ("DELETE FROM lineage WHERE sub = 0", ())):
        page.goto(graded)
        verdict(page, "differs")
        expect(page.locator("#verdict")).to_contain_text("页面漏掉了")


@lie(
    "Give the phone a false head, or two nodes that disagree",
    "用撒谎的节点应付手机核对",
    cheats="consumer",
    liars=("node operator",),
    happens="The node that a reader's phone asks invents a head.",
    noticed_by=("the reader's phone",),
    how=(
        "the page's records do not lead there; and a reader who names a second node is told that the two say"
        " different things."
    ),
)
def test_a_node_that_lies_is_caught(visit: Visit, site: House) -> None:
    someone = visit()
    heads = 0
    node = caller(site.config.rpc_url)

    def lying(route: Route) -> None:
        nonlocal heads
        asked: Any = route.request.post_data_json
        told: dict[str, Any] = node.post("/", json=asked).json()
        if asked["method"] == "eth_call" and asked["params"][0]["data"].startswith("0x5ad8a111"):
            heads += 1
            told["result"] = "0x" + "ab" * 32
        route.fulfill(json=told, headers={"Access-Control-Allow-Origin": "*"})

    someone.context.route("http://127.0.0.1:7/", lying)
    page = someone.page(link(site, "tea"))
    verdict(page, "matches")
    page.get_by_label("链的节点").fill("http://127.0.0.1:7/")
    page.get_by_role("button", name="重新核对").click()
    verdict(page, "differs")
    assert heads
    page.get_by_label("链的节点").fill(site.config.rpc_url)
    page.get_by_label("第二个节点").fill("http://127.0.0.1:7/")
    page.get_by_role("button", name="重新核对").click()
    verdict(page, "differs")
    expect(page.locator("#verdict")).to_contain_text("两个节点说法不同")
    node.close()


def test_a_node_that_talks_nonsense_is_no_node(visit: Visit, site: House) -> None:
    someone = visit(PHONE_EN)
    page = someone.page(link(site, "tea"))
    verdict(page, "matches")
    said = ""
    someone.context.route(
        "http://127.0.0.1:7/",
        lambda route: route.fulfill(body=said, headers={"Access-Control-Allow-Origin": "*"}),
    )
    page.get_by_label("Node of the chain").fill("http://127.0.0.1:7/")
    for answer, words in (
        ({"result": "0x1"}, "did not answer|another chain"),
        ({"error": {"code": -32000, "message": "no"}}, "no such contract|did not answer"),
        ("<html>", "did not answer"),
        ({"result": None}, "did not answer"),
        ({"result": ["0x"]}, "did not answer|no such contract"),
        ({"result": "0x" + "00" * 32 * 40}, "another chain|did not answer"),
    ):
        said = answer if isinstance(answer, str) else json.dumps(answer)
        page.get_by_role("button", name="Check again").click()
        verdict(page, "unreachable")
        expect(page.locator("#verdict")).to_contain_text(re.compile(words))


def test_a_page_older_than_the_chain_says_so(
    visit: Visit, site: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = visit()
    page = someone.page(link(site, "oranges"))
    verdict(page, "matches")
    with page.expect_download() as begun:
        page.get_by_role("button", name="存下这一页").click()
    file = tmp_path / "saved.html"
    begun.value.save_as(file)
    batch = "0x" + batch_of(site, "oranges").hex()
    changed = site.client("cooperative").put(
        f"/api/v1/batches/{batch}/price", json={"price": {"yuan": "42.00"}}
    )
    assert changed.status_code == 201, changed.text
    site.shows(changed.json()["block"])
    page.goto(file.as_uri())
    verdict(page, "newer")
    expect(page.locator("#verdict")).to_contain_text("之后链上又添了 1 条")
    page.goto(site.url + link(site, "oranges"))
    verdict(page, "matches")
    expect(page.get_by_text("¥42.00").first).to_be_visible()
    # A history too long for the page is fetched.
    monkeypatch.setattr(consumer_check, "MOST_BYTES", 10)
    someone.context.clear_cookies()
    page.goto(site.url + link(site, "oranges") + "?long=1")
    assert json.loads(page.locator("#check-data").text_content() or "")["records"] is None
    verdict(page, "matches")


def test_hostile_texts_are_inert(visit: Visit, site: House, tmp_path: Path) -> None:
    case = dataclasses.replace(
        CASES[0],
        key="hostile",
        name=HOSTILE,
        name_zh=HOSTILE,
        place_zh=HOSTILE,
        place_en=HOSTILE,
        care={"feed": HOSTILE},
    )
    teller = Teller.of(site)
    batch = teller.lot(case, "XSS-1")
    whole = epcis.Lot(case.gtin, "XSS-1", case.units, case.unit)
    now = datetime.now(UTC)
    event = epcis.produced(
        now, whole, place="https://x.example/a", step="feeding", details=case.care
    )
    event["readPoint"] = {"id": f"https://x.example/{HOSTILE}"}
    event["yuanliu:step"] = HOSTILE
    call = actions.record_production(site.deployment, batch, event)
    teller._do("cooperative", "hostile production", call)
    inspected: dict[str, Any] = {
        **event,
        "bizStep": "inspecting",
        "persistentDisposition": {"set": ["conformant"]},
        "yuanliu:laboratory": HOSTILE,
        "yuanliu:reportSha256": HOSTILE,
        "sensorElementList": [
            {
                "sensorReport": [
                    {
                        "type": "Dimensionless",
                        "chemicalSubstance": HOSTILE,
                        "value": 1e-7,
                        "uom": HOSTILE,
                        "yuanliu:limit": 2,
                        "yuanliu:limitSource": HOSTILE,
                        "yuanliu:method": HOSTILE,
                    },
                    {"type": HOSTILE, "value": "x"},
                    "nonsense",
                ]
            },
            7,
        ],
    }
    call = actions.record_inspection(site.deployment, batch, inspected)
    teller._do("inspector", "hostile inspection", call)
    teller._do("cooperative", "recall", actions.recall(site.deployment, batch, HOSTILE))
    site.shows(site.node.block_number())
    for look in (PHONE_ZH, PHONE_EN):
        someone = visit(look)
        page = someone.page(f"/01/{case.gtin}/10/XSS-1/21/A%22%3E")
        verdict(page, "matches")
        assert page.locator("h1").text_content() == HOSTILE
        assert page.evaluate("window.stolen") is None
        assert page.locator("img[src='x']").count() == 0
        someone.check(page, "hostile")
        with page.expect_download() as begun:
            page.locator("#save button").click()
        file = tmp_path / "hostile.html"
        begun.value.save_as(file)
        page.goto(file.as_uri())
        verdict(page, "matches")
        assert page.evaluate("window.stolen") is None
