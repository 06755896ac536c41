"""A farmer with his card: the PIN, the account, the money by one tap, the sheet to print."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.journeys.browser import PHONE_EN, PHONE_ZH, Look, Visitor
from tests.journeys.conftest import Visit
from tests.web.farming import PIN, Card, deliver, hang_up, lot_of, sell
from tests.web.house import House

pytestmark = [pytest.mark.node, pytest.mark.slow]

HOSTILE = "'\"><b>&%2F"


@pytest.fixture(scope="module")
def card(site: House) -> Card:
    """Give a farmer who shares a lot with another, and has one delivery waiting."""
    mine, other = Card(site, HOSTILE), Card(site)
    receipts = [deliver(site, each.address, 6_000) for each in (mine, other)]
    sell(site, lot_of(site, receipts, 240), 7)
    deliver(site, mine.address, 2_500)
    hang_up()
    return mine


def open_page(someone: Visitor, card: Card, pin: str) -> Page:
    page = someone.page(card.path)
    page.locator("#f-pin").fill(pin)
    page.locator("main button").click()
    return page


def test_a_farmer_opens_his_account_and_takes_his_money(visit: Visit, card: Card) -> None:
    farmer = visit(PHONE_ZH)
    page = farmer.page("/f")
    page.locator("#f-cooperative").fill("COOP-0001")
    page.locator("#f-code").fill(HOSTILE)
    farmer.check(page, "entrance")
    page.locator("main button").click()
    expect(page.locator("h1")).to_have_text(f"农户 {HOSTILE}")
    farmer.check(page, "locked")
    page.locator("#f-pin").fill("975310")
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_contain_text("密码不对")
    farmer.check(page, "wrong")
    farmer.expect_fault("status of 401")
    page.locator("#f-pin").fill(card.pin)
    page.locator("main button").click()
    for name, text in (
        ("new", PIN),
        ("again", PIN),
        ("pin", card.pin),
    ):  # the page before has one, too
        page.locator(f"#f-{name}").fill(text)
    farmer.check(page, "change")
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_contain_text("密码换好了")
    expect(page.locator(".big")).not_to_have_text("¥0.00")
    page.locator("summary").first.click()
    expect(page.locator(".words").first).to_contain_text("您占 50%")
    farmer.check(page, "account")
    page.get_by_role("button", name="领钱").dblclick()
    expect(page.locator(".big")).to_have_text("¥0.00")
    expect(page.locator(".taken")).to_contain_text("1 笔")
    farmer.check(page, "taken")
    page.get_by_role("link", name="打印一年的账").click()
    expect(page.locator(".words").first).to_be_visible()
    expect(page.locator("#print")).to_be_visible()
    farmer.check(page, "statement")
    page.get_by_role("link", name="回到账本").click()
    page.get_by_role("button", name="关上账本").click()
    expect(page.locator("#f-pin")).to_be_visible()


@pytest.mark.parametrize("look", [PHONE_EN, Look("1280", 1280, 900, "zh-CN", dark=True)], ids=str)
def test_the_account_can_be_read_by_everybody(visit: Visit, card: Card, look: Look) -> None:
    farmer = visit(look)
    page = open_page(farmer, card, PIN)
    expect(page.locator(".account")).to_have_count(1)
    page.locator("summary").first.click()
    farmer.check(page, "account")
    assert not page.locator("main b").count()
    words = re.compile("Ready for you" if look.language == "en" else "可以领")
    expect(page.locator("#owed")).to_have_text(words)
