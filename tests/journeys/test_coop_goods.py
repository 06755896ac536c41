"""Goods on the cooperative's desk: graded, refused, taken back, declared wrong; and what comes out of the printer."""

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect
from tests.journeys import desk
from tests.journeys.browser import DESK_ZH, PHONE_EN, PHONE_ZH, Look, Visitor
from tests.journeys.conftest import Visit
from tests.web.farming import deliver, lot_of
from tests.web.house import EGGS, ORANGES, House

pytestmark = [pytest.mark.node, pytest.mark.slow]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def farmer(site: House) -> str:
    """Give the address of a farmer."""
    found = site.get(f"cooperatives/{site.address('cooperative')}/farmers/H-0001")
    return str(found.json()["address"])


@pytest.fixture
def batch(site: House, farmer: str) -> Callable[[], dict[str, str]]:
    """Register batches of 1,200 eggs, 50 g each, over the API."""

    def made() -> dict[str, str]:
        found = site.get(f"batches/{lot_of(site, [deliver(site, farmer, 60_000)], 1_200)}")
        return dict(found.json())

    return made


def at_work(visit: Visit, site: House, look: Look, path: str) -> tuple[Visitor, Page]:
    """Give a clerk who is signed in, on a page."""
    clerk = visit(look)
    clerk.sign_in("clerk", site.sign_ins["clerk"].password)
    return clerk, clerk.page(path)


def test_a_clerk_grades_a_lot_into_two(
    visit: Visit, site: House, batch: Callable[[], dict[str, str]]
) -> None:
    say = desk.words(PHONE_ZH)
    raw = batch()
    clerk, page = at_work(visit, site, PHONE_ZH, "/coop/transform")
    form = desk.form(page)
    row = form.locator(".pick", has_text=raw["lot"])
    row.get_by_role("checkbox").check()
    row.locator("input:not([type=checkbox])").fill("400")
    page.get_by_role("button", name=say("add_output")).click()
    outputs = form.locator(".output")
    expect(outputs).to_have_count(2)
    lots = [outputs.nth(n).locator("[name=out_lot]") for n in (0, 1)]
    names = [each.input_value() for each in lots]
    assert len(set(names)) == 2
    for n, units, grams in ((0, 250, 50), (1, 140, 48)):
        output = outputs.nth(n)
        output.locator("[name=out_gtin]").select_option(EGGS)
        output.locator("[name=out_units]").fill(str(units))
        output.locator("[name=out_grams]").fill(str(grams))
        output.locator("[name=out_price]").fill("3.00")
    lots[1].fill(lots[0].input_value())  # the same for both
    page.get_by_role("button", name=say("transform_do")).click()
    expect(outputs.nth(1).locator("[data-field=out_lot] .error")).to_contain_text(
        say("js_rule_lot_used")
    )
    outputs.nth(1).locator("[data-field=out_lot]").get_by_role("button").click()
    names = [each.input_value() for each in lots]
    assert len(set(names)) == 2
    expect(form.locator("[data-show=loss]")).to_have_text("0.78 kg")
    clerk.expect_fault("status of 409")  # ten eggs fewer would take their floor from the farmers
    page.get_by_role("button", name=say("transform_do")).click()
    expect(form.locator(".refusal")).to_be_visible()
    expect(outputs.nth(0).locator("[data-field=out_units] .error")).not_to_be_empty()
    outputs.nth(1).locator("[name=out_units]").fill("150")
    expect(form.locator("[data-show=loss]")).to_have_text("0.3 kg")
    clerk.check(page, "two")
    page.get_by_role("button", name=say("transform_do")).click()
    desk.done(page, site, say)
    listed = {each["lot"]: each for each in site.get("batches").json()["items"]}
    assert [listed[name]["units"] for name in names] == [250, 150]
    for name in names:
        tree = site.get(f"batches/{listed[name]['id']}/lineage").json()
        assert [each["lot"] for each in tree["ancestors"]] == [raw["lot"]]


def test_a_hand_over_is_refused_and_another_taken_back(
    visit: Visit, site: House, batch: Callable[[], dict[str, str]]
) -> None:
    say = desk.words(PHONE_EN)
    goods = batch()
    for units in (30, 40):
        body = {"to": site.address("carrier"), "units": units}
        site.done("clerk", f"batches/{goods['id']}/offers", body)

    def held() -> dict[str, int]:
        site.shows(site.node.block_number())
        found = site.get(f"batches/{goods['id']}/holders").json()
        return {each["owner"]: each["units"] for each in found}

    cooperative, escrow = site.address("cooperative"), site.deployment.batches.address.lower()
    assert held() == {cooperative: 1_130, escrow: 70}
    carrier = visit(PHONE_EN)
    page = carrier.page("/coop/offers")
    desk.sign_in(page, site, say, "carrier")
    offer = page.locator("article", has_text="30 ").filter(has_text=goods["lot"])
    offer.locator("form[data-act=refuse][data-ready]").wait_for(state="attached")
    offer.locator("summary").click()
    refuse = offer.get_by_role("button", name=say("refuse"))
    refuse.click()
    expect(offer.locator("[data-field=reason] .error")).not_to_be_empty()
    offer.get_by_label(say("reason")).fill("two trays are broken")
    carrier.check(page, "refusing")
    refuse.click()
    desk.done(page, site, say, offer.locator("form[data-act=refuse]"))
    assert held() == {cooperative: 1_160, escrow: 40}

    clerk, page = at_work(visit, site, PHONE_EN, "/coop/offers")
    offer = page.locator("article", has_text=goods["lot"])
    desk_form = offer.locator("form[data-act=withdraw][data-ready]")
    desk_form.wait_for()
    expect(offer).to_have_count(1)
    clerk.check(page, "outgoing")
    offer.get_by_role("button", name=say("withdraw")).click()
    desk.done(page, site, say, offer)
    assert held() == {cooperative: 1_200}
    page.goto(f"/coop/batch/{EGGS}/{goods['lot']}")
    expect(page.locator(".journey")).to_contain_text("two trays are broken")
    expect(page.locator(".journey")).to_contain_text(say("kind_withdrawn"))


def test_a_receipt_is_declared_wrong(visit: Visit, site: House, farmer: str) -> None:
    say = desk.words(DESK_ZH)
    receipt = deliver(site, farmer, 7_000)
    clerk, page = at_work(visit, site, DESK_ZH, f"/coop/batches/new?gtin={EGGS}")
    box = page.locator(f"[name=receipts][value='{receipt}']")
    expect(box).to_have_count(1)
    page.goto(f"/coop/deliveries/{receipt}")
    form = page.locator("form[data-act=void][data-ready]")
    form.wait_for(state="attached")
    clerk.check_print(page, "receipt-print")
    page.locator("summary").click()
    form.get_by_role("button").click()
    expect(form.locator("[data-field=reason] .error")).not_to_be_empty()
    form.get_by_label(say("reason")).fill("秤没有归零")
    form.get_by_role("button").click()
    desk.done(page, site, say, form)
    page.reload()
    expect(page.locator("article")).to_contain_text("秤没有归零")
    expect(page.locator("form[data-act=void]")).to_have_count(0)
    clerk.check(page, "voided")
    clerk.check_print(page, "voided-print")
    page.goto("/coop/deliveries")
    expect(page.locator("tr", has_text=str(receipt))).to_contain_text(say("voided"))
    page.goto(f"/coop/batches/new?gtin={EGGS}")
    expect(page.locator("form[data-ready]")).to_have_count(1)
    expect(box).to_have_count(0)


def _picture() -> FilePayload:
    out = io.BytesIO()
    Image.new("RGB", (1_800, 1_200), "orange").save(out, "PNG")
    return FilePayload(name="eggs.png", mimeType="image/png", buffer=out.getvalue())


def _choose(form: Locator, receipt: int) -> None:
    form.locator(f"[name=receipts][value='{receipt}']").check()


def test_a_lot_with_its_picture_and_a_number_that_is_taken(
    visit: Visit, site: House, farmer: str
) -> None:
    say = desk.words(PHONE_ZH)
    receipt = deliver(site, farmer, 6_000)
    clerk, page = at_work(visit, site, PHONE_ZH, f"/coop/batches/new?gtin={EGGS}")
    form = desk.form(page)
    suggested = form.locator("[name=lot]").input_value()
    _choose(form, receipt)
    desk.fill(page, units="120", unit_grams="50", price="3.00", place="henhouse-07")
    if not form.locator("details").evaluate("e => e.open"):
        form.locator("summary").click()
    form.locator("[name=picture_new]").set_input_files([_picture()])
    expect(form.locator("[data-photos=picture_new] img")).to_have_count(1)
    expect(form.locator("[data-show=sharing]")).to_contain_text("1.80")

    # a number that this page knows to be taken, then one that somebody takes meanwhile
    error = form.locator("[data-field=lot] .error")
    desk.fill(page, lot=site.results[0].lot)
    page.get_by_role("button", name=say("register")).click()
    expect(error).to_contain_text(say("js_rule_lot_used"))
    other = deliver(site, farmer, 6_000)
    body = {
        "gtin": EGGS, "lot": suggested, "units": 120, "milligrams_per_unit": 50_000,
        "price": {"fen": 300}, "receipts": [other],
        "harvest": {"time": "2026-04-12T08:30:00+08:00", "place": "henhouse-07", "harvested_on": "2026-04-12"},
    }  # fmt: skip
    site.done("clerk", "batches", body)
    desk.fill(page, lot=suggested)
    expect(error).to_be_empty()
    clerk.expect_fault("status of 409")
    page.get_by_role("button", name=say("register")).click()
    expect(error).to_contain_text(say("js_rule_lot_used"))
    clerk.check(page, "lot-taken")
    error.get_by_role("button").click()
    expect(error).to_be_empty()
    lot = form.locator("[name=lot]").input_value()
    assert lot not in {suggested, site.results[0].lot}
    page.get_by_role("button", name=say("register")).click()
    desk.done(page, site, say)

    page.get_by_role("link", name=say("to_batch")).click()
    page.get_by_role("link", name=say("public_page")).click()
    shown = page.locator("main img").first
    expect(shown).to_be_visible()
    assert shown.evaluate("e => e.decode().then(() => e.naturalWidth)") == 1_600
    clerk.shot(page, "consumer")
    clerk.check_print(page, "consumer-print")


def test_a_village_harvest_enters_in_parts_and_goes_on_after_a_break(
    visit: Visit, site: House
) -> None:
    """Three hundred deliveries are more than one registration takes; the browser is closed while the node is slow."""
    say = desk.words(DESK_ZH)
    receipts = [7_000_000 + number for number in range(300)]
    for at in range(0, len(receipts), 50):
        booked = [
            {"receipt": each, "farmer_code": "H-0002", "gtin": ORANGES, "grams": 5_000,
             "price_per_kg": {"yuan": "4.00"}}
            for each in receipts[at : at + 50]
        ]  # fmt: skip
        site.done("clerk", "deliveries", {"deliveries": booked})
    clerk, page = at_work(visit, site, DESK_ZH, f"/coop/batches/new?gtin={ORANGES}")
    clerk.expect_fault("status of 503")
    form = desk.form(page)
    page.get_by_role("button", name=say("choose_all")).click()
    expect(form.locator("[data-show=mass]")).to_contain_text(say("js_chosen", n=300))
    desk.fill(page, units="299", unit_grams="5000", price="39.90", place="orchard-12")
    lot = form.locator("[name=lot]").input_value()
    site.node.request("evm_setAutomine", False)
    try:
        page.get_by_role("button", name=say("register")).click()
        told = say("js_collecting", parts=2, done=0)
        expect(page.locator("[data-status]").first).to_contain_text(told)
        clerk.check(page, "harvest")
        page.close()
    finally:
        site.node.request("evm_setAutomine", True)
        site.node.request("evm_mine")
    page = clerk.page("/coop/waiting")
    expect(page.locator("[data-state=done]")).to_have_count(1)
    site.shows(site.node.block_number())
    made = next(each for each in site.get("batches").json()["items"] if each["lot"] == lot)
    assert made["units"] == 299
    listed = site.get(f"batches/{made['id']}/journal").json()["records"]
    assert [each["kind"] for each in listed] == ["collected", "registered"]
    entered = site.get(f"deliveries?batch={made['id']}&limit=200").json()
    assert len(entered["items"]) == 200
    assert entered["next"]
    asked = site.prepared.services.outbox.intentions(limit=10_000)
    assert sum(each.act == "Batches.collect" for each in asked) == 1
    page.goto(f"/coop/batch/{ORANGES}/{lot}")
    clerk.check(page, "harvested")


def _logged(rows: list[tuple[datetime, float | str]]) -> FilePayload:
    """Give a logger's workbook: two lines about the device, then times of this place and temperatures."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    lines: list[list[Any]] = [["型号", "TH-07"], [], ["时间", "温度(℃)"], *map(list, rows)]
    for line in lines:
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return FilePayload(name="TH-07.xlsx", mimeType=XLSX, buffer=out.getvalue())


def test_a_carrier_hands_in_what_the_logger_measured(
    visit: Visit, site: House, batch: Callable[[], dict[str, str]]
) -> None:
    say = desk.words(PHONE_EN)
    goods = batch()
    carrier = visit(PHONE_EN)
    page = carrier.page(f"/coop/batch/{EGGS}/{goods['lot']}")
    desk.sign_in(page, site, say, "carrier")
    page.get_by_role("link", name=say("do_readings")).click()
    form = page.locator("form[data-readings][data-ready]")
    form.wait_for()
    look_first = page.get_by_role("button", name=say("sheet_preview"))
    look_first.click()
    expect(form.locator("[data-field=file] .error")).not_to_be_empty()
    expect(form.locator("[data-field=place] .error")).not_to_be_empty()
    desk.fill(page, device="TH-07", place="road-s74", lower="0", upper="8")

    start = datetime(2026, 4, 12, 8, 0)  # noqa: DTZ001 -- a logger knows no offset
    rows: list[tuple[datetime, float | str]] = [
        (start + timedelta(minutes=n), 9.4 if n == 70 else 4 + n % 10 / 10) for n in range(150)
    ]
    broken = [*rows[:20], (rows[20][0], "Err"), *rows[21:]]
    form.locator("[name=file]").set_input_files([_logged(broken)])
    look_first.click()
    faults = page.locator("[data-preview] tbody tr")
    expect(faults).to_have_count(1)
    expect(faults.locator("td").first).to_have_text("24")
    carrier.check(page, "faulty")
    form.locator("[name=file]").set_input_files([_logged(rows)])
    look_first.click()
    told = page.locator("[data-preview]")
    expect(told).to_contain_text("9.4 °C")
    carrier.check(page, "read")
    page.get_by_role("button", name=say("js_readings_take", n=150)).dblclick()
    page.get_by_role("link", name=say("js_see_waiting")).click()
    expect(page.locator("[data-state=done]")).to_have_count(1)
    site.shows(site.node.block_number())

    page.goto(f"/coop/batch/{EGGS}/{goods['lot']}")
    expect(page.locator(".journey")).to_contain_text(say("n_readings", n=150))

    # the list is there for everybody, and each of it can be proven to the contract
    records = site.get(f"batches/{goods['id']}/journal").json()["records"]
    [record] = [each for each in records if each["kind"] == "readings"]
    events = site.get(f"batches/{goods['id']}/events").json()
    listed = site.get(f"attachments/{events[-1]['event']['yuanliu:readingsSha256']}").text
    assert listed.split("\n")[70] == "2026-04-12T09:10:00+08:00 TH-07 9.4"
    proof = site.get(f"batches/{goods['id']}/journal/{record['number']}/readings/70").json()
    assert proof["text"] == listed.split("\n")[70]
    path = [bytes.fromhex(each[2:]) for each in proof["proof"]]
    for text, good in ((proof["text"], True), (proof["text"].replace("9.4", "4.4"), False)):
        asked = (int(goods["id"], 16), bytes.fromhex(proof["root"][2:]), text.encode(), path)
        assert site.deployment.batches.read(site.node, "isReading", *asked) is good

    page.goto(f"/01/{EGGS}/10/{goods['lot']}")
    cold = page.locator("section[aria-labelledby=cold]")
    expect(cold.locator("svg")).to_be_visible()
    expect(cold.locator(".badge")).to_contain_text("9.4")
    expect(page.locator("#verdict")).to_have_attribute("data-verdict", "matches")
    carrier.shot(page, "consumer")


def test_the_accounts_are_fit_for_paper(visit: Visit) -> None:
    auditor = visit(DESK_ZH)
    page = auditor.page("/audit?cooperative=COOP-0001")
    auditor.check_print(page, "print")
    page.goto("/audit/payouts?cooperative=COOP-0001")
    auditor.check_print(page, "payouts-print")
