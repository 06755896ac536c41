"""Who scans a pack: what the page says, and that his phone checked it against the chain."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Response as Answer
from tests.journeys.browser import DESK_EN, DESK_ZH, PATIENCE, PHONE_EN, PHONE_ZH, Look
from tests.journeys.conftest import Visit
from tests.web.house import House

from yuanliu import journal
from yuanliu.demo.cases import GRADED
from yuanliu.identifiers import digital_link_path

pytestmark = [pytest.mark.node, pytest.mark.slow]

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "journal.json").read_text(encoding="utf-8")
)
LIMIT = 100_000
LINE_LIMIT = 60_000
"""Most bytes of a page and all that it loads, as they go over the line: 0.3 s at 1.6 Mbit/s."""

SLOW_LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 93_750,
}
"""Milliseconds there and back, bytes a second: Lighthouse's slow 4G."""


def link(home: House, name: str) -> str:
    """Give the page of one of the demo's lots, or of the one that was graded from two."""
    if name == GRADED.key:
        return str(home.get(f"batches?gtin={GRADED.gtin}").json()["items"][0]["link"])
    found = next(each for each in home.results if each.case.key == name)
    return digital_link_path(found.case.gtin, found.lot)


def verdict(page: Page, word: str) -> None:
    told = page.locator("#verdict")
    expect(told).to_have_attribute("data-verdict", word)


# ------------------------------------------------------------------ what the page says


@pytest.mark.parametrize("look", [PHONE_ZH, PHONE_EN, DESK_EN], ids=str)
def test_the_page_of_a_lot_is_checked_by_the_phone(visit: Visit, site: House, look: Look) -> None:
    someone = visit(look)
    page = someone.page(link(site, "tea"))
    verdict(page, "matches")
    english = look.language == "en"
    told = page.locator("#verdict")
    expect(told).to_contain_text("Matches the chain" if english else "与链上一致")
    expect(told).to_contain_text("6 records" if english else "6 条记录")
    name = "Fenghuang Dancong tea" if english else "凤凰单丛茶"
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    box = told.bounding_box()
    assert box
    assert box["y"] + box["height"] <= look.height, "the verdict is above the fold"
    expect(page.get_by_role("img", name=name).first).to_be_visible()
    shares = page.get_by_role("table").first
    for part in ("¥94.00", "¥23.80", "¥10.20"):
        expect(shares.get_by_role("cell", name=part)).to_be_visible()
    expect(page.get_by_text("Imidacloprid" if english else "吡虫啉")).to_be_visible()
    page.get_by_role("button", name="Check this file" if english else "核对这份文件").click()
    expect(page.locator(".file-verdict")).to_have_attribute("data-verdict", "matches")
    someone.check(page, "tea")


def test_a_lot_of_two_lots_shows_both_and_its_cold_chain(visit: Visit, site: House) -> None:
    for look in (dataclasses.replace(PHONE_ZH, dark=True), DESK_ZH):
        someone = visit(look)
        page = someone.page(link(site, GRADED.key))
        verdict(page, "matches")
        for slope in ("东坡", "西坡"):
            expect(page.locator(".tree").get_by_text(slope)).to_be_visible()
        expect(page.get_by_text("1 次超出范围")).to_be_visible()
        page.get_by_text("看表格").click()
        expect(page.get_by_role("columnheader", name="最高")).to_be_visible()
        expect(page.get_by_role("link", name="全部读数")).to_be_visible()
        page.get_by_role("button", name="核对这份文件").click()
        expect(page.locator(".file-verdict")).to_have_attribute("data-verdict", "matches")
        someone.check(page, "graded")


def test_product_first_page_and_refusal(visit: Visit, site: House) -> None:
    for look in (PHONE_ZH, PHONE_EN):
        someone = visit(look)
        page = someone.page("/")
        tea = next(each for each in site.results if each.case.key == "tea")
        page.get_by_label("GTIN" if look is PHONE_EN else "商品条码").fill(tea.case.gtin[1:])
        page.get_by_label("Lot" if look is PHONE_EN else "批次", exact=True).fill(tea.lot)
        someone.check(page, "home")
        page.get_by_role("button", name="Look it up" if look is PHONE_EN else "查看").click()
        verdict(page, "matches")
        page.goto(f"/01/{tea.case.gtin}")
        someone.check(page, "product")
        someone.expect_fault("status of 404")
        page.goto(f"/01/{tea.case.gtin}/10/GHOST")
        someone.check(page, "refusal")


def test_a_page_weighs_less_than_100_kilobytes(visit: Visit, site: House) -> None:
    for name in ("tea", GRADED.key):  # those that say most
        someone = visit()
        page = someone.page()
        sizes: dict[str, int] = {}

        def weigh(answer: Answer, sizes: dict[str, int] = sizes) -> None:
            sizes[answer.url] = len(answer.body())

        page.on("response", weigh)
        page.goto(link(site, name))
        verdict(page, "matches")
        own = {url: size for url, size in sizes.items() if url.startswith(site.url)}
        assert {Path(url).suffix for url in own} >= {".css", ".js"}
        assert sum(own.values()) < LIMIT, own


def test_a_slow_phone_has_little_to_load(
    visit: Visit, site: House, record_property: Callable[[str, object], None]
) -> None:
    """Weigh what goes over the line, headers included, and tell when there is something to read.

    The line has 1.6 Mbit/s and takes 150 ms there and back, the processor is slowed down four times (Chromium's own
    throttling, by its debugger), nothing is cached; service and browser are warm. The bytes decide; the time depends on
    the machine and is only told: 700 to 860 ms on two busy cores.
    """
    verdict(visit(PHONE_ZH).page(link(site, GRADED.key)), "matches")
    page = visit(PHONE_ZH).page()
    debugger = page.context.new_cdp_session(page)
    debugger.send("Network.enable")
    debugger.send("Network.setCacheDisabled", {"cacheDisabled": True})
    debugger.send("Network.emulateNetworkConditions", SLOW_LINE)
    debugger.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    bytes_of: dict[str, float] = {}
    asked: dict[str, str] = {}
    debugger.on(
        "Network.requestWillBeSent", lambda e: asked.update({e["requestId"]: e["request"]["url"]})
    )
    debugger.on(
        "Network.loadingFinished",
        lambda e: bytes_of.update({e["requestId"]: e["encodedDataLength"]}),
    )
    page.goto(link(site, GRADED.key))
    verdict(page, "matches")
    own = {asked[each]: size for each, size in bytes_of.items() if asked[each].startswith(site.url)}
    assert {Path(url).suffix for url in own} >= {".css", ".js"}
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    told = {
        "bytes": round(sum(own.values())),
        "first contentful paint, ms": round(page.evaluate(paint)),
        "loaded, ms": round(
            page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
        ),
    }
    for name, value in told.items():
        record_property(name, value)
    print("a slow phone:", told)  # noqa: T201 -- a measurement, shown by `pytest -rP`
    assert told["bytes"] < LINE_LIMIT, own


def test_without_javascript_the_page_says_that_nobody_checked_it(
    browser: Browser, site: House
) -> None:
    context = browser.new_context(
        base_url=site.url,
        java_script_enabled=False,
        locale="zh-CN",
        viewport={"width": 360, "height": 740},
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(link(site, "tea"))
    verdict(page, "unchecked")
    expect(page.get_by_text("这一页还没有核对")).to_be_visible()
    expect(page.get_by_text("¥94.00")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    context.close()


def test_a_code_that_was_scanned_before_says_so(visit: Visit, site: House) -> None:
    address = link(site, "tea") + "/21/COPIED7"
    first = visit()
    page = first.page(address)
    expect(page.get_by_text("这个码第一次被扫。")).to_be_visible()
    page.reload()
    expect(page.get_by_text("这个码第一次被扫。")).to_be_visible()
    second = visit(PHONE_EN)
    page = second.page(address)
    expect(page.get_by_text("scanned for time number 2")).to_be_visible()
    expect(page.get_by_text("No label printed here has this serial")).to_be_visible()
    verdict(page, "matches")
    second.check(page, "serial")


# ------------------------------------------------------------------ the phone's own arithmetic


@pytest.fixture(scope="module")
def shelf(browser: Browser, site: House) -> Iterator[Page]:
    """Give a page whose scripts may be called by themselves."""
    context = browser.new_context(base_url=site.url)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(link(site, "eggs"))
    verdict(page, "matches")
    yield page
    context.close()


def test_the_phone_agrees_with_every_vector(shelf: Page) -> None:
    found = shelf.evaluate(
        """async (vectors) => {
            const wrong = [];
            const { hex, unhex } = yuanliu;
            for (let n = 0; n < 200; n++) {
                const bytes = crypto.getRandomValues(new Uint8Array(n));
                const theirs = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
                if (hex(yuanliu.ownSha256(bytes)) !== hex(theirs)) wrong.push(`sha256 of ${n} bytes`);
            }
            const plain = (value) => value instanceof Uint8Array ? `0x${hex(value)}`
                : Array.isArray(value) ? value.map(plain) : typeof value === 'object'
                ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)])) : value;
            const same = (a, b) => a === b || (typeof a === 'object' && typeof b === 'object'
                && Object.keys(b).every((key) => same(a[key], b[key])))
                || (typeof a === 'bigint' && String(a) === b) || String(a) === String(b)
                || (String(a).startsWith('0x') && BigInt(a) === BigInt(b));
            for (const batch of vectors.batches) {
                const id = await yuanliu.batchId(batch.cooperative, batch.gtin, batch.lot);
                if (`0x${id}` !== batch.batch) wrong.push(`id of ${batch.lot}`);
                let head = await yuanliu.genesis(vectors.chain_id, vectors.contract, id);
                if (`0x${head}` !== batch.genesis) wrong.push(`genesis of ${batch.lot}`);
                for (const record of batch.records) {
                    const bytes = unhex(record.bytes);
                    head = await yuanliu.nextHead(head, bytes);
                    if (`0x${head}` !== record.head) wrong.push(`head ${record.number}`);
                    const read = yuanliu.decode(bytes);
                    if (read.kind.toUpperCase() !== record.name || String(read.time) !== record.time
                        || read.actor !== record.actor || read.signer !== record.signer
                        || !same(plain(read.body), record.body)) wrong.push(`record ${record.name}`);
                }
            }
            for (const bad of vectors.malformed) {
                try { yuanliu.decode(unhex(bad.bytes)); wrong.push(bad.why); } catch (error) {
                    if (error.code !== bad.code || String(error.offset) !== bad.offset) wrong.push(bad.why);
                }
            }
            return wrong;
        }""",
        VECTORS,
    )
    assert found == []


def tampered(random: Random, entries: list[journal.Entry]) -> list[journal.Entry]:
    """Do something to a history, or nothing."""
    made = list(entries)
    for _ in range(random.randrange(3)):
        at = random.randrange(len(made))
        match random.randrange(6):
            case 0:
                del made[at]
            case 1:
                made.insert(random.randrange(len(made)), made[at])
            case 2:
                made.insert(random.randrange(len(made)), made.pop(at))
            case 3:
                data = bytearray(made[at].record)
                data[random.randrange(len(data))] ^= 1 << random.randrange(8)
                made[at] = journal.Entry(made[at].previous, bytes(data))
            case 4:
                made[at] = journal.Entry(random.randbytes(32), made[at].record)
            case _:
                made = made[:at] or made
    return made


def test_the_phone_finds_the_faults_that_we_find(shelf: Page) -> None:
    batch = VECTORS["batches"][0]
    records = [bytes.fromhex(each["bytes"][2:]) for each in batch["records"]]
    heads = [batch["genesis"], *(each["head"] for each in batch["records"])]
    entries = [
        journal.Entry(bytes.fromhex(head[2:]), record)
        for head, record in zip(heads, records, strict=False)
    ]
    random = Random(20_261_122)
    cases = [(tampered(random, entries), heads[random.choice([-1, -1, -1, 5])]) for _ in range(150)]
    cases.append((entries, "0x" + "00" * 32))
    expected = []
    for made, head in cases:
        found = journal.check(
            made,
            head_on_chain=bytes.fromhex(head[2:]),
            chain_id=int(VECTORS["chain_id"]),
            contract=VECTORS["contract"],
            batch=bytes.fromhex(batch["batch"][2:]),
        )
        expected.append([[str(f.kind), f.number, f.position] for f in found.faults])
    answered = shelf.evaluate(
        """async ({cases, chainId, contract, batch}) => Promise.all(cases.map(async ([entries, head]) => {
            const made = entries.map(([previous, record]) => ({ previous, record: yuanliu.unhex(record) }));
            const { faults } = await yuanliu.check(made, { head, chainId, contract, batch });
            return faults.map((f) => [f.kind, f.number ?? null, f.position ?? null]);
        }))""",
        {
            "cases": [
                ([(e.previous.hex(), e.record.hex()) for e in made], head[2:])
                for made, head in cases
            ],
            "chainId": VECTORS["chain_id"],
            "contract": VECTORS["contract"],
            "batch": batch["batch"][2:],
        },
    )
    assert answered == expected
    assert sum(not faults for faults in expected) > 5
    assert len({fault[0] for faults in expected for fault in faults}) >= 5


def test_the_phone_asks_by_the_contracts_own_selectors(shelf: Page, site: House) -> None:
    asked = shelf.evaluate("yuanliu.SELECTORS")
    d = site.deployment
    homes = {"termsOf": d.catalogue, "actorOf": d.actors, "poolOf": d.payments}
    for signature, selector in asked.items():
        name, types = signature[:-1].split("(")
        arguments: list[int | str] = (
            [] if not types else ["0x" + "11" * 20] if types == "address" else [1]
        )
        call = homes.get(name, d.batches).call(name, *arguments)
        assert call.data.hex().removeprefix("0x")[:8] == selector, signature


# ------------------------------------------------------------------ other nodes, other days


def test_a_node_of_ones_own_choice_is_remembered(visit: Visit, site: House) -> None:
    someone = visit(PHONE_EN)
    page = someone.page(link(site, "eggs"))
    verdict(page, "matches")
    node = page.get_by_label("Node of the chain")
    expect(node).to_have_value(site.config.rpc_url)
    node.fill("http://127.0.0.1:9/")
    someone.expect_fault("ERR_CONNECTION_REFUSED|ERR_UNSAFE_PORT")
    page.get_by_role("button", name="Check again").click()
    verdict(page, "unreachable")
    expect(page.locator("#verdict")).to_contain_text("http://127.0.0.1:9/ did not answer")
    page.reload()
    verdict(page, "unreachable")
    expect(node).to_have_value("http://127.0.0.1:9/")
    someone.check(page, "unreachable")
    node.fill("not an address")
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#verdict")).to_contain_text("begins with https:// or http://")
    page.get_by_role("button", name="Use the default").click()
    verdict(page, "matches")
    page.get_by_label("A second node").fill(site.config.rpc_url.replace("127.0.0.1", "localhost"))
    page.get_by_role("button", name="Check again").click()
    verdict(page, "matches")
    expect(page.locator("#verdict")).to_contain_text("two nodes say the same")


def test_a_node_that_did_not_answer_is_asked_again_by_itself(visit: Visit, site: House) -> None:
    someone = visit()
    away = True
    someone.context.route(
        f"{site.config.rpc_url}/", lambda route: route.abort() if away else route.continue_()
    )
    someone.expect_fault("ERR_FAILED")
    page = someone.page(link(site, "eggs"))
    verdict(page, "unreachable")
    away = False
    verdict(page, "matches")


def test_a_saved_page_is_checked_again(visit: Visit, site: House, tmp_path: Path) -> None:
    someone = visit()
    page = someone.page(link(site, "tea"))
    verdict(page, "matches")
    with page.expect_download() as begun:
        page.get_by_role("button", name="存下这一页").click()
    file = tmp_path / begun.value.suggested_filename
    begun.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["'](?!https?:|data:|#)""", text), (
        "all of it is in the file"
    )
    reader = visit()
    opened = reader.page(file.as_uri())
    verdict(opened, "matches")
    expect(opened.get_by_role("heading", level=1)).to_have_text("凤凰单丛茶")
    reader.check(opened, "saved")
    reader.context.set_offline(True)
    reader.expect_fault("ERR_INTERNET_DISCONNECTED")
    opened.goto(file.as_uri())
    verdict(opened, "unreachable")
    expect(opened.get_by_text("¥94.00")).to_be_visible()
    forged = tmp_path / "forged.html"
    forged.write_text(text.replace("¥94.00", "¥99.00"), encoding="utf-8")
    reader.context.set_offline(False)
    opened.goto(forged.as_uri())
    verdict(opened, "differs")
    expect(opened.locator("#verdict")).to_contain_text("¥99.00")


def test_a_phone_without_the_browsers_arithmetic_uses_our_own(visit: Visit, site: House) -> None:
    someone = visit()
    someone.context.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page = someone.page(link(site, "eggs"))
    verdict(page, "matches")
    expect(page.locator("#check-told")).to_contain_text("自带的算法")
