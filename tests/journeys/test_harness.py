"""What the journeys rest on: the site is there, and whatever goes wrong on a page is seen."""

import pytest
from playwright.sync_api import expect
from tests.journeys.browser import DESK_EN, PHONE_EN, PHONE_ZH, Look, until, violations
from tests.journeys.conftest import Visit
from tests.web.house import House

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.mark.parametrize("look", [PHONE_ZH, DESK_EN], ids=str)
def test_the_first_page_leads_to_the_lots(visit: Visit, site: House, look: Look) -> None:
    someone = visit(look)
    page = someone.page("/")
    expect(page.locator("html")).to_have_attribute(
        "lang", "zh-Hans" if look.language == "zh-CN" else "en"
    )
    someone.check(page)
    lot = site.results[0].lot
    page.goto(f"/01/{site.results[0].case.gtin}/10/{lot}")
    expect(page.get_by_text(lot).first).to_be_visible()


def test_who_signs_in_is_signed_in(visit: Visit, site: House) -> None:
    clerk = visit()
    clerk.sign_in("clerk", site.sign_ins["clerk"].password)
    told = clerk.context.request.get("/api/v1/session").json()
    assert told["account"]["login"] == "clerk"
    assert visit().context.request.get("/api/v1/session").status == 401


def test_what_goes_wrong_on_a_page_is_seen(visit: Visit) -> None:
    someone = visit(PHONE_EN)
    page = someone.page("/")
    page.evaluate(
        """() => {
            const inline = document.createElement("script");
            inline.textContent = "window.broken = true";
            document.head.append(inline);
            const foreign = document.createElement("img");
            foreign.src = "https://elsewhere.example/pixel.png";
            document.body.append(foreign);
            setTimeout(() => { throw new Error("nobody caught this"); });
        }"""
    )
    until(page, lambda: any("nobody caught this" in fault for fault in someone.faults))
    seen = ("script-src", "img-src", "elsewhere.example", "nobody caught this")
    until(page, lambda: all(any(each in fault for fault in someone.faults) for each in seen))
    page.goto("/01/00000000000000/10/NONE")
    someone.expect_fault("violates the following Content Security Policy directive.*script-src")
    someone.expect_fault("violates the following Content Security Policy directive.*img-src")
    someone.expect_fault("foreign host: https://elsewhere.example/pixel.png")
    someone.expect_fault("exception: .*nobody caught this")
    someone.expect_fault("status of 4")
    assert page.evaluate("window.broken") is None


def test_what_a_reader_cannot_use_is_seen(visit: Visit) -> None:
    someone = visit(PHONE_EN)
    page = someone.page("/")
    page.evaluate("document.body.append(document.createElement('img'))")
    assert any(found.startswith("image-alt: ") for found in violations(page))
    with pytest.raises(AssertionError, match="image-alt"):
        someone.check(page)
    page.evaluate("document.body.style.width = '500px'")
    with pytest.raises(AssertionError, match="px wider than the window"):
        someone.check(page)
