"""A cooperative's day on its desk, by its clerk, a laboratory, a carrier: every page, in both languages and sizes."""

import hashlib
import io
import re
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect
from tests.journeys import desk
from tests.journeys.browser import (
    DESK_EN,
    DESK_ZH,
    PATIENCE,
    PHONE_EN,
    PHONE_ZH,
    Look,
    Visitor,
    until,
)
from tests.journeys.conftest import Visit
from tests.web.house import EGGS, House

pytestmark = [pytest.mark.node, pytest.mark.slow]

GPS = 0x8825
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def photo() -> bytes:
    """Give a picture that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(GPS)[1] = "N"
    exif[0x010F] = "CAMERA OF SOMEBODY"
    out = io.BytesIO()
    Image.new("RGB", (2_400, 1_200), "green").save(out, "JPEG", exif=exif)
    assert b"CAMERA OF SOMEBODY" in out.getvalue()
    return out.getvalue()


def test_a_clerk_works_from_enrolment_to_recall(visit: Visit, site: House) -> None:
    """In the morning on a phone in Chinese, in the afternoon at the office's PC in English."""
    _afternoon(visit, site, _morning(visit, site))


def _morning(visit: Visit, site: House) -> dict[str, Any]:
    """Enrol a farmer, book what he brings, and make a batch of it; give that."""
    say = desk.words(PHONE_ZH)
    clerk = visit(PHONE_ZH)
    page = clerk.page("/coop/farmers/new")  # leads to the sign-in, and back
    clerk.check(page, "sign-in")
    desk.sign_in(page, site, say)
    assert page.url.endswith("/coop/farmers/new")

    farmer = desk.enrol(page, site, say, name=desk.HOSTILE[:64])
    expect(page.locator("code.secret")).to_have_text(re.compile(r"^(\w{5}-?){4}$"))
    clerk.check(page, "farmer-new")
    page.get_by_role("link", name=say("farmers_list")).click()
    card = page.locator("li", has_text=farmer).first
    expect(card.get_by_role("heading")).to_have_text(desk.HOSTILE[:64].strip())
    card.get_by_role("button", name=say("give_pin")).click()
    expect(card.locator("code.secret")).to_have_text(re.compile(r"^\d{6}$"))
    clerk.check(page, "farmers")

    # a delivery: wrong fields say what is right, two clicks are one delivery
    page.goto("/coop/deliveries/new")
    form = desk.form(page)
    desk.fill(page, gtin=EGGS, farmer="nobody", gross="1,5 kg?", tare="2", price="")
    page.get_by_role("button", name=say("book")).click()
    expect(form.locator("[data-field=farmer] .error")).to_have_text(say("js_rule_farmer"))
    expect(form.locator("[data-field=gross] .error")).to_have_text(say("js_rule_kg"))
    expect(form.locator("[data-field=price] .error")).not_to_be_empty()
    clerk.check(page, "delivery-wrong")
    desk.fill(page, farmer=farmer, gross="61.5", tare="1.5", price="24.00")
    expect(form.locator("[data-show=net]")).to_contain_text("60 kg")
    expect(form.locator("[data-show=prices]")).to_contain_text("12.00")
    expect(form.locator("[data-show=worth]")).to_have_text("¥1,440.00")
    receipt = form.locator("[name=receipt]").input_value()
    page.get_by_role("button", name=say("book")).dblclick()
    desk.done(page, site, say)
    clerk.check(page, "delivery-done")
    page.get_by_role("link", name=say("print_receipt")).click()
    expect(page.locator("article")).to_contain_text("61.5 kg")
    expect(page.locator("article")).to_contain_text(receipt)
    clerk.check(page, "receipt")
    booked = site.get(f"deliveries?cooperative={site.address('cooperative')}").json()["items"]
    assert [each["grams"] for each in booked if each["farmer_code"] == farmer] == [60_000]

    return _register(clerk, page, site, farmer)


def _register(clerk: Visitor, page: Page, site: House, farmer: str) -> dict[str, Any]:
    """Register a batch of what a farmer brought, and record a step; give it."""
    say = desk.words(PHONE_ZH)
    # the mass follows what is typed, the shares are told in words
    page.goto(f"/coop/batches/new?gtin={EGGS}")
    form = desk.form(page)
    lot = form.locator("[name=lot]").input_value()
    page.get_by_text(farmer).click()
    desk.fill(page, units="1300", unit_grams="50", price="3.00", place="henhouse-07")
    page.get_by_role("button", name=say("register")).click()
    expect(form.locator("[data-field=units] .error")).to_have_text(say("js_rule_loss"))
    desk.fill(page, units="1190")
    expect(form.locator("[data-show=loss]")).to_have_text("0.5 kg")
    expect(form.locator("[data-show=sharing]")).to_contain_text("1.80")
    page.locator("summary").click()
    desk.fill(page, name_zh=desk.HOSTILE, place_zh=desk.HOSTILE)
    clerk.check(page, "batch-new")
    page.get_by_role("button", name=say("register")).click()
    desk.done(page, site, say)
    page.get_by_role("link", name=say("to_batch")).click()
    page.wait_for_url(f"**/coop/batch/{EGGS}/{lot}")
    clerk.check(page, "batch")
    batch: dict[str, Any] = next(b for b in site.get("batches").json()["items"] if b["lot"] == lot)

    # a step with a photo, which keeps no place and no owner
    page.get_by_role("link", name=say("do_production")).click()
    desk.form(page)
    picture = FilePayload(name="IMG_1.jpg", mimeType="image/jpeg", buffer=photo())
    page.locator("[name=photos]").set_input_files([picture])
    expect(page.locator("[data-photos=photos] img")).to_have_count(1)
    desk.fill(page, step="feeding", place="henhouse-07", note=desk.HOSTILE)
    clerk.check(page, "production")
    page.get_by_role("button", name=say("record")).click()
    desk.done(page, site, say)
    sent = clerk.context.request.get("/api/v1/attachments").json()[0]
    stored = site.get(f"attachments/{sent['sha256']}").content
    assert b"CAMERA OF SOMEBODY" not in stored
    assert not Image.open(io.BytesIO(stored)).getexif()
    assert max(Image.open(io.BytesIO(stored)).size) == 1_600
    site.shows(site.node.block_number())
    events = site.get(f"batches/{batch['id']}/events").json()
    assert hashlib.sha256(stored).hexdigest() == sent["sha256"]
    assert len(events[-1]["event"]["yuanliu:photos"]) == 1
    assert page.title() != "broken"
    return batch


def _afternoon(visit: Visit, site: House, batch: dict[str, Any]) -> None:
    say, lot = desk.words(DESK_EN), batch["lot"]
    clerk = visit(DESK_EN)
    page = clerk.page("/coop")
    desk.sign_in(page, site, say)

    # a price below the floor comes back to its field; a good one goes through
    page.goto(f"/coop/do/price/{EGGS}/{lot}")
    form = desk.form(page)
    desk.fill(page, price="1.00")
    clerk.expect_fault("status of (409|422)")
    page.get_by_role("button", name=say("do_price")).click()
    expect(form.locator("[data-field=price] .error")).not_to_be_empty()
    expect(form.locator(".refusal")).to_be_visible()
    clerk.check(page, "price-refused")
    desk.fill(page, price="3.20")
    page.get_by_role("button", name=say("do_price")).click()
    desk.done(page, site, say)
    assert site.get(f"batches/{batch['id']}").json()["price"]["fen"] == 320

    _hand_over(visit, site, page, lot)
    _process(page, site, lot)
    clerk.check(page, "transform")

    # labels are asked for with the names that the service knows
    page.goto(f"/coop/do/labels/{EGGS}/{lot}")
    clerk.check(page, "labels")
    asked = page.evaluate(
        "(f => f.action + '?' + new URLSearchParams(new FormData(f)))(document.querySelector('main form'))"
    )
    assert clerk.context.request.get(asked).body().startswith(b"%PDF")

    page.goto(f"/coop/do/recall/{EGGS}/{lot}")
    desk.form(page)
    desk.fill(page, reason="feed was mixed up")
    page.get_by_label(say("recall_sure")).check()
    page.get_by_role("button", name=say("do_recall")).click()
    desk.done(page, site, say)
    page.goto("/coop")
    expect(page.get_by_text(say("alert_recalled", lot=lot))).to_be_visible()
    clerk.check(page, "overview")
    page.goto("/coop/waiting")
    expect(page.locator("[data-entry]").first).to_be_visible()
    clerk.check(page, "waiting")
    assert page.title() != "broken"


def _hand_over(visit: Visit, site: House, page: Page, lot: str) -> None:
    say = desk.words(DESK_EN)
    page.goto(f"/coop/do/offer/{EGGS}/{lot}")
    desk.form(page)
    desk.fill(page, to=site.address("carrier"), units="20")
    page.get_by_role("button", name=say("do_offer")).click()
    desk.done(page, site, say)
    say = desk.words(PHONE_EN)
    carrier = visit(PHONE_EN)
    theirs = carrier.page("/coop")
    desk.sign_in(theirs, site, say, "carrier")
    theirs.goto("/coop/offers")
    offer = theirs.locator("article", has_text=lot)
    carrier.check(theirs, "offers")
    offer.get_by_role("button", name=say("accept")).click()
    desk.done(theirs, site, say, offer)
    theirs.goto(f"/coop/do/logistics/{EGGS}/{lot}")
    desk.form(theirs)
    desk.fill(theirs, step="receiving", place="road-s74", t_min="3.8", t_max="6.2")
    carrier.check(theirs, "logistics")
    theirs.get_by_role("button", name=say("record")).click()
    desk.done(theirs, site, say)
    theirs.goto("/coop/batches")
    expect(theirs.get_by_text(lot)).to_be_visible()


def _process(page: Page, site: House, lot: str) -> None:
    say = desk.words(DESK_EN)
    page.goto("/coop/transform")
    form = desk.form(page)
    row = form.locator(".pick", has_text=lot)
    row.get_by_role("checkbox").check()
    row.locator("input:not([type=checkbox])").fill("100")
    form.locator("[name=out_gtin]").select_option(EGGS)
    desk.fill(page, out_units="100", out_grams="49", out_price="3.00")
    expect(form.locator("[data-show=loss]")).to_have_text("0.1 kg")
    page.get_by_role("button", name=say("transform_do")).click()
    desk.done(page, site, say)


@pytest.mark.parametrize("look", [PHONE_EN, replace(DESK_ZH, dark=True)], ids=str)
def test_every_page_is_for_everybody(visit: Visit, site: House, look: Look) -> None:
    """Pages that no other journey checks in this language and size."""
    clerk = visit(look)
    clerk.sign_in("clerk", site.sign_ins["clerk"].password)
    page = clerk.page("/coop")
    lot = site.results[0].lot
    for number, path in enumerate(
        (
            "/coop",
            "/coop/deliveries",
            "/coop/deliveries/new",
            "/coop/batches",
            f"/coop/batch/{EGGS}/{lot}",
            "/coop/sales",
            "/coop/sheets",
            "/coop/offers",
            "/coop/find",
            "/coop/password",
            f"/coop/do/recall/{EGGS}/{lot}",
        )
    ):
        page.goto(path)
        expect(page.locator(".language")).to_be_in_viewport()
        clerk.check(page, f"page-{number}")
    assert "0x" not in page.locator("main").inner_text()


def test_a_laboratory_measures_and_holds_a_batch(visit: Visit, site: House) -> None:
    say = desk.words(PHONE_EN)
    laboratory = visit(PHONE_EN)
    page = laboratory.page("/coop")
    desk.sign_in(page, site, say, "inspector")
    laboratory.expect_fault("status of 403")
    page.goto("/coop/deliveries/new")  # not their work
    expect(page.locator("form[data-act]")).to_have_count(0)
    page.goto("/coop/find")
    page.get_by_label(say("find_what")).fill(
        f"https://example.org/01/{EGGS}/10/{site.results[0].lot}"
    )
    page.get_by_role("button", name=say("find")).click()
    page.wait_for_url("**/coop/batch/**")
    page.get_by_role("link", name=say("do_inspection")).click()
    form = desk.form(page)
    desk.fill(page, substance="imidacloprid", value="0.71", limit="0.5", method="GB 23200.121")
    page.get_by_role("button", name=say("record")).click()
    expect(form.locator("[data-field=report] .error")).to_have_text(say("photo_needed"))
    report = FilePayload(name="r.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7\n%%EOF\n")
    page.locator("[name=report]").set_input_files([report])
    page.get_by_label(say("conformant"), exact=True).check()
    laboratory.check(page, "inspection")
    laboratory.expect_fault("status of 422")
    page.get_by_role("button", name=say("record")).click()
    expect(form.locator("[data-field=conformant] .error")).not_to_be_empty()  # above the limit
    page.get_by_label(say("not_conformant")).check()
    page.get_by_role("button", name=say("record")).click()
    desk.done(page, site, say)
    page.get_by_role("link", name=say("to_batch")).click()
    expect(page.locator("main .notice-bad").first).to_contain_text(say("held"))
    laboratory.check(page, "held")


def test_a_sheet_is_shown_before_anything_is_booked(visit: Visit, site: House) -> None:
    say = desk.words(PHONE_ZH)
    clerk = visit(PHONE_ZH)
    clerk.sign_in("clerk", site.sign_ins["clerk"].password)
    page = clerk.page("/coop/sheets")
    with page.expect_download() as download:
        page.get_by_role("link", name=say("sheet_template")).click()
    made = openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes()))
    numbers = [8_000_000 + next(desk.NUMBERS) for _ in range(2)]
    rows: list[list[Any]] = [
        [str(numbers[0]), "H-0001", EGGS, 30, None, None, 24],
        [str(numbers[1]), "H-0001", EGGS, 12.5, 0.5, 110, 24],
        [str(numbers[1]), "H-9999", f"{desk.HOSTILE} 2", "=1+1", 2, 999, "x"],
    ]
    for row in rows:
        made.worksheets[0].append(row)
    for place, row in enumerate(rows, 2):
        for column, value in enumerate(row, 1):
            made.worksheets[0].cell(place, column).value = value
    made.worksheets[0].delete_rows(5, 400)
    out = io.BytesIO()
    made.save(out)
    sheet = FilePayload(name="d.xlsx", mimeType=XLSX, buffer=out.getvalue())
    page.locator("form[data-sheet][data-ready]").wait_for()

    def look() -> None:
        page.get_by_label(say("sheet_file"), exact=True).set_input_files([sheet])
        page.get_by_role("button", name=say("sheet_preview")).click()

    look()
    table = page.locator("[data-preview] table")
    expect(table.locator("caption")).to_have_text(say("js_preview", ready=2, faulty=1, done=0))
    expect(table.locator("tbody tr").nth(2).locator(".error")).to_have_count(6)
    clerk.check(page, "sheet")
    before = len(site.get("deliveries?limit=200").json()["items"])
    page.get_by_role("button", name=say("js_take_rows", n=2)).click()
    page.get_by_role("link", name=say("js_see_waiting")).click()
    expect(page.locator("[data-state=done]")).to_have_count(2)
    site.shows(site.node.block_number())
    assert len(site.get("deliveries?limit=200").json()["items"]) == before + 2
    page.goto("/coop/sheets")
    page.locator("form[data-sheet][data-ready]").wait_for()
    look()
    expect(table.locator("caption")).to_have_text(say("js_preview", ready=0, faulty=1, done=2))
    expect(page.get_by_role("button", name=say("js_take_rows", n=0))).to_be_disabled()
    with page.expect_download() as export:
        page.locator("a[href='/api/v1/exports/deliveries?file=csv']").click()
    text = export.value.path().read_bytes().decode("utf-8-sig")
    assert str(numbers[1]) in text
    wrong = FilePayload(name="d.xlsx", mimeType=XLSX, buffer=b"PK\x03\x04no")
    clerk.expect_fault("status of 422")
    page.get_by_label(say("sheet_file"), exact=True).set_input_files([wrong])
    page.get_by_role("button", name=say("sheet_preview")).click()
    expect(page.locator("[data-field=file] .error")).not_to_be_empty()


def test_a_one_time_password_is_changed_before_anything_else(visit: Visit, site: House) -> None:
    say = desk.words(DESK_EN)
    login = f"clerk-{next(desk.NUMBERS)}"
    made = site.done("cooperative", "accounts", {"login": login, "kind": "clerk"})
    clerk = visit(DESK_EN)
    page = clerk.page("/coop")
    page.locator("form[data-ready]").wait_for()
    page.get_by_label(say("login")).fill(login)
    page.get_by_label(say("password")).fill("wrong password here")
    clerk.expect_fault("status of 401")
    page.get_by_role("button", name=say("sign_in")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label(say("password")).fill(made["one_time_password"])
    page.get_by_role("button", name=say("sign_in")).click()
    page.wait_for_url("**/coop/password")
    page.goto("/coop/deliveries/new")
    page.wait_for_url("**/coop/password")
    clerk.check(page, "password-must")
    page.locator("form[data-ready]").wait_for()
    desk.fill(page, old=made["one_time_password"], fresh="four words by chance", repeated="four")
    page.get_by_role("button", name=say("password_change")).click()
    expect(page.get_by_text(say("js_passwords_differ"))).to_be_visible()
    desk.fill(page, repeated="four words by chance")
    page.get_by_role("button", name=say("password_change")).click()
    page.wait_for_url("**/coop")
    page.goto("/coop/password")
    page.get_by_role("button", name=say("sign_out")).click()
    page.wait_for_url("**/coop/sign-in")
    page.goto("/coop/farmers")
    page.wait_for_url("**/coop/sign-in**")


def test_a_cooperative_takes_a_clerk_on_and_lets_him_go(visit: Visit, site: House) -> None:
    """At the office's PC, with the clerk's own phone beside it."""
    say = desk.words(DESK_EN)
    owner = visit(DESK_EN)
    owner.sign_in("cooperative", site.sign_ins["cooperative"].password)
    page = owner.page("/coop")
    page.get_by_role("navigation").get_by_role("link", name=say("nav_staff")).first.click()
    login, password = _take_on(owner, page, site)

    say_clerk = desk.words(PHONE_ZH)
    clerk = visit(PHONE_ZH)
    theirs = clerk.page("/coop/deliveries/new")
    own = _first_sign_in(theirs, login, password)
    theirs.goto("/coop/deliveries/new")
    form = desk.form(theirs)
    desk.fill(theirs, gtin=EGGS, farmer="H-0001", gross="12.5", price="24.00")
    receipt = form.locator("[name=receipt]").input_value()
    theirs.get_by_role("button", name=say_clerk("book")).click()
    desk.done(theirs, site, say_clerk)
    booked = site.get(f"deliveries?cooperative={site.address('cooperative')}&limit=200").json()
    assert receipt in {str(each["receipt"]) for each in booked["items"]}
    clerk.expect_fault("status of 403")
    theirs.goto("/coop/staff")  # not his to look at
    expect(theirs.locator("form[data-now]")).to_have_count(0)

    # he forgot it: the one before is over at once
    page.reload()
    card = page.locator("li", has_text=login)
    expect(card).to_contain_text(say("standing_works"))
    card.get_by_text(say("recover"), exact=False).first.click()
    owner.check(page, "recover")
    _answer_at_once(page, "**/recovery")
    card.get_by_role("button", name=say("recover_do")).click()
    again = _slip(page, say)
    assert again[0] == login
    assert again[1] != password
    clerk.expect_fault("status of 401")
    theirs.goto("/coop")
    theirs.wait_for_url("**/coop/sign-in**")
    _sign_in(theirs, login, own)
    expect(theirs.get_by_role("alert")).to_be_visible()
    _first_sign_in(theirs, *again)

    _let_go(owner, page, site, login)
    theirs.goto("/coop")
    theirs.wait_for_url("**/coop/sign-in**")
    _sign_in(theirs, login, "new words by chance " + again[1])
    expect(theirs.get_by_role("alert")).to_contain_text("账号已关闭")
    clerk.check(theirs, "refused")
    assert page.title() != "broken"


def test_an_owner_keeps_his_key_or_replaces_it_himself(visit: Visit, site: House) -> None:
    say, d, party = desk.words(PHONE_ZH), site.deployment, site.address("inspector")
    account = site.prepared.services.accounts.find("inspector")
    assert account is not None
    site.done("regulator", f"accounts/{account.id}/recovery")
    site.shows(site.node.block_number())
    laboratory = visit(PHONE_ZH)
    laboratory.sign_in("inspector", site.sign_ins["inspector"].password)
    page = laboratory.page("/coop")
    expect(page.get_by_role("alert")).to_contain_text(say("recovery_warning"))
    page.locator("form[data-now][data-ready]").wait_for()
    laboratory.check(page, "recovery")
    page.get_by_role("button", name=say("recovery_cancel")).click()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert not d.actors.read(site.node, "recoveryOf", party)["readyAt"]

    page.goto("/coop/password")
    form = page.locator("form[data-sign=key][data-ready]")
    form.locator("[name=password]").fill("not the password")
    laboratory.expect_fault("status of (401|403|422)")
    form.get_by_role("button", name=say("key_replace")).click()
    expect(form.get_by_role("alert")).to_be_visible()
    laboratory.check(page, "key-refused")
    form.locator("[name=password]").fill(site.sign_ins["inspector"].password)
    _answer_at_once(page, "**/session/key")
    form.get_by_role("button", name=say("key_replace")).click()
    page.wait_for_url("**/coop/sign-in?why=key")
    expect(page.get_by_text(say("key_replaced_text"))).to_be_visible()
    laboratory.check(page, "key-replaced")
    before = str(site.accounts["inspector"].address).lower()
    now = site.prepared.services.accounts.find("inspector")
    assert now is not None
    assert now.key_address != before
    desk.sign_in(page, site, say, "inspector")
    page.wait_for_url("**/coop")

    # he lost it after all: the new password waits its days, then it opens the account, and ends what was
    given = site.done("regulator", f"accounts/{account.id}/recovery")["one_time_password"]
    found = visit(PHONE_ZH)
    theirs = found.page("/coop/sign-in")
    found.expect_fault("status of 401")
    _sign_in(theirs, "inspector", given)
    expect(theirs.get_by_role("alert")).to_contain_text("这个密码还不能用")
    found.check(theirs, "recovery-waits")
    site.let_the_days_pass(party)
    _first_sign_in(theirs, "inspector", given)
    page.goto("/coop")
    page.wait_for_url("**/coop/sign-in**")


def _answer_at_once(page: Page, path: str) -> None:
    """Have the service not wait for the block, as when it is slow: the page has to ask on."""

    def hasty(route: Route) -> None:
        route.continue_(headers={**route.request.headers, "prefer": "respond-async"})

    page.route(path, hasty)


def _take_on(owner: Visitor, page: Page, site: House) -> tuple[str, str]:
    """Add a clerk, at first without a line; give what stands on the slip for him."""
    say = desk.words(DESK_EN)
    form = page.locator("form[data-now=employ][data-ready]")
    form.wait_for(state="attached")
    page.get_by_text(say("employ")).first.click()
    desk.fill(page, name=desk.HOSTILE[:64], login="no")
    page.get_by_role("button", name=say("employ")).click()
    expect(form.locator("[data-field=login] .error")).to_have_text(say("js_rule_login"))
    desk.fill(page, login="clerk")
    owner.expect_fault("status of 409")
    page.get_by_role("button", name=say("employ")).click()
    expect(form.locator("[data-field=login] .error")).not_to_be_empty()  # there is one of that name
    expect(form.get_by_role("alert")).to_be_visible()
    owner.check(page, "staff-refused")
    login = f"clerk-{next(desk.NUMBERS)}"
    desk.fill(page, login=login)
    owner.expect_fault("ERR_INTERNET_DISCONNECTED|Failed to load resource")
    owner.context.set_offline(offline=True)
    expect(page.locator("[data-line]")).to_have_text(say("js_line_away_now"))
    page.get_by_role("button", name=say("employ")).click()
    expect(form.get_by_role("alert")).to_contain_text(say("js_line_needed"))
    owner.context.set_offline(offline=False)
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch(timeout=PATIENCE).status)
        route.abort()

    page.route("**/api/v1/accounts", lose, times=1)
    page.get_by_role("button", name=say("employ")).click()
    until(page, lambda: lost == [201])  # he is there, and the page does not know
    expect(form.get_by_role("alert")).to_contain_text(say("js_line_needed"))
    page.get_by_role("button", name=say("employ")).click()
    expect(page.locator("[data-slip]")).to_be_visible()
    owner.check(page, "slip")
    owner.check_print(page, "slip-paper")
    told = _slip(page, say)
    assert told[0] == login
    card = page.locator("li", has_text=login)
    expect(card.get_by_role("heading")).to_have_text(desk.HOSTILE[:64].strip())
    expect(card).to_contain_text(say("standing_first"))
    expect(page.get_by_text(told[1])).to_have_count(0)
    owner.check(page, "staff")
    assert not re.search(r"0x|[0-9a-f]{32}", page.locator("body").inner_text())
    assert owner.context.request.get("/api/v1/session").ok
    assert site.prepared.services.accounts.find(login) is not None
    return told


def _slip(page: Page, say: desk.Say) -> tuple[str, str]:
    """Read the slip with a one-time password, and put it away."""
    login, password = (page.locator(f"[data-fill={each}]") for each in ("login", "password"))
    expect(password).to_have_text(re.compile(r"^(\w{5}-?){4}$"))
    told = login.inner_text(), password.inner_text()
    page.get_by_role("button", name=say("slip_away")).click()
    expect(page.locator("[data-slip]")).to_be_hidden()
    page.locator("form[data-now=employ][data-ready]").wait_for(state="attached")
    return told


def _sign_in(page: Page, login: str, password: str) -> None:
    say = desk.words(PHONE_ZH)
    page.locator("form[data-ready]").wait_for()
    desk.fill(page, login=login, password=password)
    page.get_by_role("button", name=say("sign_in")).click()


def _first_sign_in(page: Page, login: str, one_time: str) -> str:
    """Sign in with a one-time password, and choose one's own; give that."""
    say, own = desk.words(PHONE_ZH), "new words by chance " + one_time
    _sign_in(page, login, one_time)
    page.wait_for_url("**/coop/password")
    page.locator("form[data-ready]").wait_for()
    desk.fill(page, old=one_time, fresh=own, repeated=own)
    page.get_by_role("button", name=say("password_change")).click()
    page.wait_for_url("**/coop")
    return own


def _let_go(owner: Visitor, page: Page, site: House, login: str) -> None:
    """Close a clerk's account, open it again, and dismiss him."""
    say = desk.words(DESK_EN)
    page.reload()
    card = page.locator("li", has_text=login)
    card.get_by_text(say("account_close"), exact=False).first.click()
    card.get_by_role("button", name=say("account_close_do")).click()
    expect(card).to_contain_text(say("standing_closed"))
    card.get_by_role("button", name=say("account_open")).click()
    expect(card).to_contain_text(say("standing_works"))
    card.get_by_text(say("dismiss"), exact=False).first.click()
    owner.check(page, "dismiss")
    dismiss = card.get_by_role("button", name=say("dismiss_do")).last
    dismiss.click()
    expect(card.get_by_role("checkbox")).to_be_focused()  # nothing is done unless one is sure
    card.get_by_role("checkbox").check()
    dismiss.click()
    expect(card).to_contain_text(say("standing_dismissed"))
    expect(card.locator("form")).to_have_count(0)
    owner.check(page, "dismissed")
    key = site.prepared.services.accounts.find(login)
    assert key is not None
    assert key.disabled
