"""The cooperative's desk on a poor line: nothing is lost, nothing is done twice, nothing is overwritten unseen."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.journeys import desk
from tests.journeys.browser import PHONE_EN, PHONE_ZH, Visitor, until
from tests.journeys.conftest import Visit
from tests.journeys.desk import Line
from tests.serve.fixtures import nursery
from tests.serve.programs import Nursery, Place, lay_ground
from tests.waiting import until as becomes
from tests.web.farming import deliver
from tests.web.house import EGGS, House

from yuanliu.chain import devnet
from yuanliu.database import Family, open_database
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.passwords import DEMO

__all__ = ["nursery"]

pytestmark = [pytest.mark.node, pytest.mark.slow]

SAY = desk.words(PHONE_ZH)

KEPT_DRAFTS = """() => new Promise((found, failed) => {
  const asked = indexedDB.open("yuanliu-coop");
  asked.onerror = failed;
  asked.onsuccess = () => {
    const drafts = asked.result.transaction("drafts").objectStore("drafts").getAll();
    drafts.onsuccess = () => { asked.result.close(); found(drafts.result.map((each) => each.values.gross)); };
  };
})"""
"""Gives the gross weights of half-filled deliveries that the browser keeps."""


@pytest.fixture(name="line")
def _line(site: House) -> Iterator[Line]:
    with desk.line_to(site.url) as made:
        yield made


def clerk_at(visit: Visit, url: str, password: str = DEMO + "clerk") -> tuple[Visitor, Page]:
    """Give a clerk on the first page, whose pages are kept for when there is no line."""
    clerk = visit(PHONE_ZH, url=url, keeps_pages=True)
    clerk.sign_in("clerk", password)
    page = clerk.page("/coop")
    expect(page.locator("html")).to_have_attribute("data-warm", re.compile(r"\d+"))
    return clerk, page


def booked(site: House, receipt: str) -> int:
    """Give the grams that the chain has under a receipt: asked of the contract, not of the copy."""
    found = site.deployment.deliveries.read(
        site.node, "deliveryOf", site.address("cooperative"), int(receipt)
    )
    return int(found["grams"])


def events(outbox: Outbox, receipt: str) -> int:
    """Count how often a receipt was asked for, by everybody."""
    intentions = outbox.intentions(limit=10_000)
    return sum(
        receipt in str((each.result or {}).get("receipts", ""))
        for each in intentions
        if each.act == "book"
    )


def fill_delivery(page: Page, gross: str) -> str:
    """Fill the form of a delivery; give its receipt."""
    form = desk.form(page)
    desk.fill(page, gtin=EGGS, farmer="H-0001", gross=gross, price="24.00")
    expect(form.locator("[name=receipt]")).not_to_have_value("")
    return str(form.locator("[name=receipt]").input_value())


def book(page: Page) -> None:
    page.get_by_role("button", name=SAY("book")).click()


def test_what_is_filled_in_without_a_line_is_sent_once_when_it_is_back(
    visit: Visit, site: House
) -> None:
    clerk, page = clerk_at(visit, site.url)
    clerk.context.set_offline(offline=True)
    clerk.expect_fault("ERR_INTERNET_DISCONNECTED|Failed to load resource|Failed to fetch")
    page.goto("/coop/farmers/new")  # a page that this browser never showed
    desk.form(page)
    expect(page.locator("body")).to_have_css("margin", "0px")  # the style sheets are there too
    code = f"J-{next(desk.NUMBERS):04d}"
    desk.fill(page, code=code, name="老李")
    page.get_by_role("button", name=SAY("enrol")).click()
    expect(page.locator("[data-status]").first).to_contain_text(SAY("js_title_waiting"))

    page.goto("/coop/deliveries/new")
    form = desk.form(page)
    desk.fill(page, gtin=EGGS, farmer=code, gross="12.5", price="24.00")
    receipt = form.locator("[name=receipt]").input_value()
    until(page, lambda: page.evaluate(KEPT_DRAFTS) == ["12.5"])
    page.reload()  # half-filled: the draft is still there
    form = desk.form(page)
    expect(form.locator("[name=gross]")).to_have_value("12.5")
    assert form.locator("[name=receipt]").input_value() == receipt
    page.get_by_role("button", name=SAY("book")).dblclick()
    expect(page.locator("[data-status]").first).to_contain_text(SAY("js_title_waiting"))
    clerk.shot(page, "kept")  # axe reads style sheets anew, which it cannot without a line
    page.reload()
    expect(page.locator("[data-queue-badge]")).to_have_text(SAY("js_badge_waiting", n=2))
    page.goto("/coop/waiting")
    expect(page.locator("[data-state=waiting]")).to_have_count(2)
    clerk.shot(page, "waiting")
    page.goto("/coop/do/price/1/never-seen")
    expect(page.get_by_role("heading", name=SAY("offline_title"))).to_be_visible()
    page.goto("/coop/waiting")
    assert not booked(site, receipt)

    clerk.context.set_offline(offline=False)
    expect(page.locator("[data-state=done]")).to_have_count(2)
    expect(page.locator("[data-queue-badge]")).to_be_hidden()
    assert booked(site, receipt) == 12_500
    assert events(site.prepared.services.outbox, receipt) == 1
    found = site.get(f"cooperatives/{site.address('cooperative')}/farmers/{code}")
    assert found.status_code == 200


def test_an_answer_that_gets_lost_is_asked_for_again_and_nothing_is_done_twice(
    visit: Visit, site: House, line: Line
) -> None:
    clerk, page = clerk_at(visit, line.url)
    clerk.expect_fault("Failed to load resource|net::ERR")
    page.goto("/coop/deliveries/new")
    receipt = fill_delivery(page, "7.25")
    line.swallow = lambda head: head.startswith(b"POST /api/v1/deliveries ")
    book(page)
    until(page, lambda: line.swallowed)  # done by the service, and nobody heard of it
    line.up = False  # the service dies
    until(page, lambda: clerk.faults)
    page.close()  # and the browser too
    line.swallow = lambda _: False
    page = clerk.page()
    line.up = True
    page.goto("/coop/waiting")
    expect(page.locator("[data-state=done]")).to_have_count(1)
    assert booked(site, receipt) == 7_250
    assert events(site.prepared.services.outbox, receipt) == 1


def test_an_enrolment_whose_answer_gets_lost_keeps_its_password(
    visit: Visit, site: House, line: Line
) -> None:
    clerk, page = clerk_at(visit, line.url)
    clerk.expect_fault("Failed to load resource|net::ERR")
    page.goto("/coop/farmers/new")
    desk.form(page)
    code = f"J-{next(desk.NUMBERS):04d}"
    desk.fill(page, code=code, name="老王")
    line.swallow = lambda head: head.startswith(b"POST /api/v1/accounts ") and not line.swallowed
    page.get_by_role("button", name=SAY("enrol")).click()
    desk.done(page, site, SAY)
    assert line.swallowed == 1
    secret = page.locator("code.secret").inner_text()
    answer = site.client().post("/api/v1/session", json={"login": code.lower(), "password": secret})
    assert answer.status_code == 201, answer.text
    site.client().cookies.clear()


def test_two_tabs_send_once_and_show_the_same(visit: Visit, site: House, line: Line) -> None:
    clerk, first = clerk_at(visit, line.url)
    clerk.expect_fault("Failed to load resource|net::ERR")
    line.up = False
    receipts = []
    for page, gross in ((first, "3.5"), (clerk.page(), "4.5")):
        page.goto("/coop/deliveries/new")
        receipts.append(fill_delivery(page, gross))
        book(page)
        expect(page.locator("[data-status]").first).to_contain_text(SAY("js_title_waiting"))
    assert len(set(receipts)) == 2
    line.up = True
    second = clerk.context.pages[-1]
    for page in (first, second):  # both begin to send at the same moment
        page.evaluate("dispatchEvent(new Event('online'))")
    for page in (first, second):
        desk.done(page, site, SAY)
    assert [events(site.prepared.services.outbox, each) for each in receipts] == [1, 1]
    assert [booked(site, each) for each in receipts] == [3_500, 4_500]


def test_a_page_as_last_seen_gives_way_to_the_answer_that_comes_late(
    visit: Visit, site: House, line: Line
) -> None:
    clerk, page = clerk_at(visit, line.url)
    found = site.get(f"cooperatives/{site.address('cooperative')}/farmers/H-0001").json()
    receipt = deliver(site, found["address"], 3_000)

    def late() -> Locator:
        line.hold = lambda head: head.startswith(b"GET /coop/deliveries ")
        page.goto("/coop/deliveries")
        row = page.locator("tr", has_text=str(receipt))
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(row).to_have_count(0)
        return row

    row = late()
    line.let_go()
    expect(row).to_have_count(1)

    receipt = deliver(site, found["address"], 4_000)
    row = late()
    page.keyboard.press("Tab")  # who has begun with something is told, and not disturbed
    line.let_go()
    told = page.locator("[data-line]")
    expect(told).to_contain_text(SAY("js_line_outdated"))
    expect(row).to_have_count(0)
    clerk.check(page, "outdated")
    told.get_by_role("link").click()
    expect(row).to_have_count(1)


def test_a_session_that_has_run_out_loses_nothing(visit: Visit, site: House) -> None:
    clerk, page = clerk_at(visit, site.url)
    clerk.expect_fault("status of 401")
    page.goto("/coop/deliveries/new")
    receipt = fill_delivery(page, "5")
    clerk.context.clear_cookies()
    book(page)
    expect(page.locator("[data-status]").first).to_contain_text(SAY("js_title_signed_out"))
    clerk.check(page, "signed-out")
    clerk.expect_fault("status of 403")  # the way back leads to a page that is not the carrier's
    page.locator("[data-line]").get_by_role("link").click()
    desk.sign_in(page, site, SAY, "carrier")  # somebody else: he does not send it in his name
    page.goto("/coop/waiting")
    expect(page.locator("[data-state=waiting]")).to_have_count(1)
    expect(page.locator("[data-state=waiting] .badge")).to_have_text(SAY("js_state_other"))
    page.goto("/coop/password")
    out = page.locator("[data-sign-out]")
    out.click()
    expect(out).to_have_text(SAY("js_sign_out_sure", n=1))
    out.click()
    page.wait_for_url("**/coop/sign-in")
    desk.sign_in(page, site, SAY)
    page.goto("/coop/waiting")
    expect(page.locator("[data-state=done]")).to_have_count(1)
    assert events(site.prepared.services.outbox, receipt) == 1


def test_what_somebody_else_did_meanwhile_is_shown_and_not_overwritten(
    visit: Visit, site: House
) -> None:
    say = desk.words(PHONE_EN)
    clerk = visit(PHONE_EN)
    clerk.sign_in("clerk", site.sign_ins["clerk"].password)
    clerk.expect_fault("status of 409")
    batch = site.get(f"batches?gtin={EGGS}").json()["items"][-1]
    page = clerk.page(f"/coop/do/price/{EGGS}/{batch['lot']}")
    form = desk.form(page)
    price = batch["price"]["fen"]
    site_price = {"price": {"fen": price + 40}}
    changed = site.client("cooperative").put(
        f"/api/v1/batches/{batch['id']}/price", json=site_price
    )
    assert changed.status_code == 201, changed.text
    desk.fill(page, price="2.90")
    page.get_by_role("button", name=say("do_price")).click()
    refusal = form.locator(".refusal")
    expect(refusal).to_contain_text(f"¥{price / 100:.2f}")
    expect(refusal).to_contain_text(f"¥{(price + 40) / 100:.2f}")
    expect(refusal).to_contain_text("¥2.90")
    clerk.check(page, "conflict")
    now = site.deployment.batches.read(site.node, "batchOf", int(batch["id"], 16))
    assert now["price"] == price + 40

    # a receipt and a lot that are taken: refused, corrected from the list of what waits
    page.goto("/coop/deliveries/new")
    form = desk.form(page)
    taken = site.get("deliveries").json()["items"][0]["receipt"]
    desk.fill(page, gtin=EGGS, farmer="H-0001", gross="9", price="24.00")
    form.locator("[name=receipt]").evaluate("(e, n) => { e.value = n }", str(taken))
    page.get_by_role("button", name=say("book")).click()
    expect(form.locator("[data-field=receipt] .error")).not_to_be_empty()
    page.goto("/coop/waiting")
    expect(page.locator("[data-queue-badge]")).to_have_text(say("js_badge_refused", n=2))
    entry = page.locator("[data-state=refused]", has_text="9 kg")
    entry.get_by_role("link", name=say("js_correct")).click()
    form = desk.form(page)
    expect(form.locator("[name=gross]")).to_have_value("9")
    expect(form.locator("[data-field=receipt] .error")).not_to_be_empty()
    form.locator("[name=receipt]").evaluate(
        "(e, n) => { e.value = n }", str(9_100_000 + taken % 97)
    )
    page.get_by_role("button", name=say("book")).click()
    desk.done(page, site, say)
    page.goto("/coop/waiting")
    expect(page.locator("[data-state=refused]")).to_have_count(1)


@contextmanager
def unmined(place: Place) -> Iterator[None]:
    """Keep a devnet from mining: neither every few seconds, nor when its keeper hears of a transaction."""
    ours = str(place.config.data_dir).encode()
    (keeper,) = (
        int(each.parent.name)
        for each in Path("/proc").glob("[0-9]*/cmdline")
        if b"yuanliu.chain.devnet_keeper" in (said := _read(each)) and ours in said
    )
    place.node.request("evm_setIntervalMining", 0)
    os.kill(keeper, signal.SIGSTOP)
    becomes(lambda: b") T " in _read(Path(f"/proc/{keeper}/stat")))
    try:
        yield
    finally:
        os.kill(keeper, signal.SIGCONT)
        place.node.request("evm_setIntervalMining", devnet.BLOCK_SECONDS)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # a process that has ended
        return b""


def test_a_service_that_is_killed_while_it_works_does_all_once(
    visit: Visit, nursery: Nursery, tmp_path: Path
) -> None:
    """The process itself dies, with one delivery signed and sent to a node that mines nothing, and another waiting."""
    ground = lay_ground(nursery, tmp_path / "data")
    place, node = ground.place, ground.place.node
    program = nursery.serve(place)
    database = open_database(place.config, Family.DESK)
    outbox = Outbox(database, place.deployment, node)
    try:
        clerk, page = clerk_at(visit, place.url)
        clerk.expect_fault("Failed to load resource|net::ERR")
        page.goto("/coop/deliveries/new")
        receipts = [fill_delivery(page, "8.25")]
        before = outbox.intentions(limit=10_000)[-1].id
        with unmined(place):
            book(page)
            becomes(lambda: events(outbox, receipts[0]))
            program.kill()
            # accepted: if more than ten seconds went by before the kill
            told = re.compile(f"{SAY('js_title_waiting')}|{SAY('js_title_accepted')}")
            expect(page.locator("[data-status]").first).to_contain_text(told)

            page.goto("/coop/deliveries/new")  # from what the browser keeps
            receipts.append(fill_delivery(page, "9.5"))
            book(page)
            expect(page.locator("[data-status]").first).to_contain_text(SAY("js_title_waiting"))
            page.goto("/coop/waiting")
            expect(page.locator("[data-entry]:not([data-state=done])")).to_have_count(2)
            assert [events(outbox, each) for each in receipts] == [1, 0]
            assert [each.settled for each in outbox.intentions(after=before)] == [False]

        again = nursery.serve(place)
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("[data-state=done]")).to_have_count(2)
        assert [events(outbox, each) for each in receipts] == [1, 1]
        with place.client() as client:
            becomes(lambda: len(_booked_since(client, receipts)) == len(receipts))
            assert sorted(_booked_since(client, receipts)) == [8_250, 9_500]
        assert again.defects() == []
        assert again.end() == 0
    finally:
        database.dispose()
        devnet.down(place.config)


def _booked_since(client: httpx.Client, receipts: list[str]) -> list[int]:
    """Give the grams of these receipts, each as often as the public list has it."""
    listed = client.get("/api/v1/deliveries?limit=200").json()["items"]
    return [each["grams"] for each in listed if str(each["receipt"]) in receipts]
