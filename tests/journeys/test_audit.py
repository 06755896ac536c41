"""The public accounts in a real browser: everything that anybody may look at, in both languages and sizes."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.journeys.browser import DESK_EN, PHONE_EN, PHONE_ZH, Look
from tests.journeys.conftest import Visit
from tests.web.farming import Card, deliver, hang_up, lot_of, sell
from tests.web.house import House

pytestmark = [pytest.mark.node, pytest.mark.slow]

HOSTILE = "</td><i>\"'"


@pytest.fixture(scope="module")
def batch(site: House) -> str:
    """Give a lot of a farmer with a hostile code, paid for, on hold and recalled."""
    farmer = Card(site, HOSTILE)
    made = lot_of(site, [deliver(site, farmer.address, 6_000)], 120)
    sell(site, made, 7)
    site.done("cooperative", f"batches/{made}/recall", {"reason": "</li><i onclick=x>包装破损"})
    hang_up()
    return made


@pytest.mark.parametrize("look", [PHONE_EN, Look("1280", 1280, 900, "zh-CN", dark=True)], ids=str)
@pytest.mark.usefixtures("batch")
def test_everybody_reads_the_accounts(visit: Visit, look: Look) -> None:
    anybody = visit(look)
    page = anybody.page("/audit")
    expect(page.locator(".findings li").first).to_contain_text("</li><i onclick=x>")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    anybody.check(page, "overview")
    for name in ("payouts", "terms", "powers"):
        page.locator(f'.tabs a[href^="/audit/{name}"]').click()
        expect(page.locator('.tabs a[aria-current="page"]')).to_have_attribute(
            "href", f"/audit/{name}"
        )
        anybody.check(page, name)
    assert not page.locator("main i").count()


def test_an_auditor_narrows_down_to_one_payment(visit: Visit, batch: str) -> None:
    auditor = visit(DESK_EN)
    page = auditor.page("/audit")
    page.locator("summary").first.click()
    page.locator("#f-cooperative").select_option("COOP-0001")
    page.locator("#f-batch").fill(batch)
    page.locator("#f-farmer").fill(HOSTILE)
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr.again")).to_have_count(1)
    assert f"batch={batch}" in page.url
    bookmarked = auditor.page(page.url)
    expect(bookmarked.locator("tbody tr.again")).to_have_count(1)
    auditor.check(bookmarked, "filtered")
    page.get_by_role("link", name="In detail").click()
    expect(page.get_by_text("to the last fen")).to_be_visible()
    auditor.check(page, "payment")
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    assert download.value.suggested_filename == "yuanliu-payments.xlsx"


def test_wrong_filters_are_said_beside_their_fields(visit: Visit) -> None:
    auditor = visit(PHONE_ZH)
    page = auditor.page("/audit?farmer=nobody&batch=none&from=2026-02-02&to=2026-02-01")
    expect(page.locator("#e-farmer")).to_have_text("没有这个农户代码。")
    expect(page.locator("#e-to")).to_have_text("结束不能早于开始。")
    auditor.check(page)
    auditor.expect_fault("status of 422")


@pytest.mark.usefixtures("batch")
def test_whoever_distrusts_the_site_takes_a_file_and_asks_the_chain_himself(
    visit: Visit, site: House, tmp_path: Path
) -> None:
    """Nothing of ours is asked any more: the file, opened from disk, speaks to a node alone."""
    doubter = visit(DESK_EN)
    page = doubter.page("/audit")
    with page.expect_download() as download:
        page.get_by_role("link", name="Take the auditor's page").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.close()
    asked: list[str] = []
    doubter.context.on("request", lambda request: asked.append(request.url))
    page = doubter.page(file.as_uri())
    page.fill("#endpoint", site.node.url)
    page.click("#start")
    verdict = page.locator("#verdict[data-verdict]")
    expect(verdict).to_have_attribute("data-verdict", "clean")
    assert {url.partition("/audit")[0] for url in asked if url.startswith(site.url)} == set()
    doubter.check(page, "own-file")
    page.evaluate("document.getElementById('asking').open = true")
    page.fill("#scope", "COOP-0001")
    page.click("#start")
    expect(verdict).to_have_attribute("data-verdict", "clean")
    assert HOSTILE in page.locator(".by-farmer").inner_text()
    assert not page.locator("main i").count()
