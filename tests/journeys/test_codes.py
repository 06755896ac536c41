"""From the printer to the phone: what a label's code says opens the piece's page."""

import pytest
from playwright.sync_api import expect
from tests.journeys.browser import PHONE_EN, PHONE_ZH
from tests.journeys.conftest import Visit
from tests.paper.scanner import pages, read, worn
from tests.web.house import House

pytestmark = [pytest.mark.node, pytest.mark.slow]


def test_a_printed_label_opens_the_page_of_its_piece(visit: Visit, site: House) -> None:
    lot = site.results[2].lot
    where = f"/01/{site.results[2].case.gtin}/10/{lot}"
    batch = site.get(where, Accept="application/json").json()["id"]
    clerk = visit(PHONE_ZH)
    clerk.sign_in("clerk", site.sign_ins["clerk"].password)
    pdf = clerk.context.request.get(f"/api/v1/batches/{batch}/labels.pdf?count=2")
    assert pdf.status == 200, pdf.text()
    codes = [code for page in pages(pdf.body()) for code in read(worn(page))]
    assert len(codes) == 2
    for code in codes:
        assert code.startswith(site.url + where + "/21/")
        finder = visit(PHONE_EN)
        page = finder.page(code)
        expect(page.get_by_text(code.rpartition("/")[2]).first).to_be_visible()
        expect(page.get_by_text(lot).first).to_be_visible()


def test_a_code_shows_on_a_page_under_its_content_security_policy(
    visit: Visit, site: House
) -> None:
    where = f"/01/{site.results[0].case.gtin}/10/{site.results[0].lot}"
    batch = site.get(where, Accept="application/json").json()["id"]
    page = visit().page("/")
    for form in ("svg", "png"):
        wide = page.evaluate(
            """source => new Promise((loaded, failed) => {
                const image = new Image();
                image.onload = () => loaded(image.naturalWidth);
                image.onerror = () => failed(new Error(source));
                image.src = source;
            })""",
            f"/api/v1/batches/{batch}/code.{form}",
        )
        assert wide > 100
