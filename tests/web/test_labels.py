"""Codes, labels and cards over HTTP: who may print what, and that what is printed leads back here."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from httpx import Response
from tests.paper.scanner import opened, pages, read, words
from tests.web.house import House
from typer.testing import CliRunner

from yuanliu.cli import app
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings
from yuanliu.web import printing

pytestmark = [pytest.mark.node, pytest.mark.slow]

SITE: Final = "http://yuanliu.test"


@pytest.fixture(scope="module")
def tea(home: House) -> dict[str, Any]:
    result = home.results[2]
    link = f"/01/{result.case.gtin}/10/{result.lot}"
    found: dict[str, Any] = home.get(link, Accept="application/json").json()
    return found


def printed(home: House, who: str, path: str, **given: Any) -> Response:  # noqa: ANN401 -- whatever is handed in
    return home.client(who).get(f"/api/v1/{path}", params=given)


def order(home: House, tea: dict[str, Any], given: dict[str, Any], who: str = "clerk") -> Response:
    return printed(home, who, f"batches/{tea['id']}/labels.pdf", **given)


def link(tea: dict[str, Any]) -> str:
    return f"{SITE}/01/{tea['gtin']}/10/{tea['lot']}"


def test_a_code_leads_to_its_lot_and_is_kept(home: House, tea: dict[str, Any]) -> None:
    answer = home.get(f"batches/{tea['id']}/code.png")
    assert read(opened(answer.content)) == [link(tea)]
    assert "max-age" in answer.headers["cache-control"]
    again = home.get(f"batches/{tea['id']}/code.png", If_None_Match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    piece = home.get(f"batches/{tea['id']}/code.png?serial=A/B%25&mm=40&dpi=203")
    assert read(opened(piece.content)) == [link(tea) + "/21/A%2FB%25"]
    drawing = home.get(f"batches/{tea['id']}/code.svg")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert link(tea) in drawing.text


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("mm=9", 422, "paper.code_too_small"),
        ("dpi=150", 422, "paper.dots_unknown"),
        ("mm=1e9", 422, "request.invalid"),
        ("serial=序号", 422, "identifiers.value_invalid"),
        ("serial=" + "x" * 21, 422, "request.invalid"),
    ],
)
def test_a_code_that_would_not_scan_is_refused(
    home: House, tea: dict[str, Any], query: str, status: int, code: str
) -> None:
    answer = home.get(f"batches/{tea['id']}/code.svg?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_code_of_nothing_is_not_made(home: House) -> None:
    assert home.get(f"batches/0x{'ab' * 32}/code.svg").json()["code"] == "batch.unknown"


def test_a_clerk_prints_labels_whose_serials_are_known_and_stay(
    home: House, tea: dict[str, Any]
) -> None:
    answer = order(home, tea, {"format": "a4-3x8", "count": 5, "skip": 2, "from": 3})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    (page,) = pages(answer.content)
    codes = read(page)
    assert len(codes) == 5
    found = {
        home.get(f"batches/{tea['id']}/pieces/{code.rpartition('/')[2]}").json()["number"]
        for code in codes
    }
    assert found == {3, 4, 5, 6, 7}
    for code in codes:
        assert code.startswith(link(tea) + "/21/")
        assert home.get(code.removeprefix(SITE), Accept="text/html").status_code == 200
    again = order(home, tea, {"format": "a4-3x8", "count": 5, "skip": 2, "from": 3})
    assert again.content == answer.content
    (text,) = words(answer.content)
    assert tea["lot"] in text
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda n: order(home, tea, {"count": 1, "from": n}), [9] * 8))
    assert len({each.content for each in many}) == 1


def test_a_guessed_serial_is_not_ours(home: House, tea: dict[str, Any]) -> None:
    other = home.get(
        f"/01/{home.results[0].case.gtin}/10/{home.results[0].lot}", Accept="application/json"
    )
    (page,) = pages(order(home, tea, {"count": 1}).content)
    serial = read(page)[0].rpartition("/")[2]
    for batch, text in ((tea["id"], "0000000001"), (tea["id"], "1"), (other.json()["id"], serial)):
        piece = home.get(f"batches/{batch}/pieces/{text}").json()
        assert piece == {"serial": text, "issued": False, "number": None}


def test_a_lot_has_no_more_pieces_than_units(home: House, tea: dict[str, Any]) -> None:
    last = tea["units"]
    assert order(home, tea, {"count": 1, "from": last}).status_code == 200
    for first, count in ((last, 2), (last + 1, 1), (1 << 39, 1)):
        answer = order(home, tea, {"count": count, "from": first})
        assert (answer.status_code, answer.json()["code"]) == (422, "labels.no_such_piece")
    plain = order(home, tea, {"count": 3, "serials": False, "from": last + 1})
    assert [read(page) for page in pages(plain.content)] == [[link(tea)]] * 3


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"count": 0}, "request.invalid"),
        ({"count": 1001}, "request.invalid"),
        ({"from": 0}, "request.invalid"),
        ({"colour": "red"}, "request.invalid"),
        ({"format": "a3"}, "paper.format_unknown"),
        ({"format": "a4-3x8", "skip": 24}, "paper.skip_invalid"),
        ({"certificate": True}, "paper.certificate_incomplete"),
        ({"certificate": True, "contact": "0768-6800000"}, "paper.certificate_incomplete"),
        ({"product": "茶" * 121}, "request.invalid"),
    ],
)
def test_an_order_that_cannot_be_printed_is_refused(
    home: House, tea: dict[str, Any], given: dict[str, object], code: str
) -> None:
    answer = order(home, tea, given)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_certificate_says_what_the_law_asks_for(home: House, tea: dict[str, Any]) -> None:
    given = {
        "certificate": True,
        "contact": "0768-6800000",
        "basis": ["controlled", "self_tested"],
        "issued": "2026-11-22",
        "product": "凤凰单丛茶 <script>",
        "place": "广东省潮州市",
        "cooperative": "凤凰茶叶合作社",
        "format": "roll-60x80",
        "count": 1,
    }
    (text,) = words(order(home, tea, given).content)
    for said in (
        "承诺达标合格证",
        "凤凰单丛茶<script>",
        "150盒（15公斤）",
        "产地：广东省潮州市",
        "承诺主体：凤凰茶叶合作社",
        "联系方式：0768-6800000",
        "2026年11月22日",
    ):
        assert said in text
    assert text.count("✓") == 2


@pytest.mark.parametrize(
    ("who", "status"), [("", 401), ("farmer-tea", 403), ("inspector", 403), ("platform", 403)]
)
def test_nobody_else_prints_for_a_cooperative(
    home: House, tea: dict[str, Any], who: str, status: int
) -> None:
    assert order(home, tea, {}, who).status_code == status
    cooperative = tea["cooperative"]
    assert printed(home, who, f"cooperatives/{cooperative}/cards.pdf").status_code == status
    if who != "farmer-tea":
        card = printed(home, who, f"farmers/{home.address('farmer-tea')}/card.pdf")
        assert card.status_code == status


def test_cards_lead_to_farmers_pages(home: House, tea: dict[str, Any]) -> None:
    mine = printed(home, "farmer-tea", f"farmers/{home.address('farmer-tea')}/card.pdf")
    (page,) = pages(mine.content)
    (address,) = read(page)
    assert address.startswith(f"{SITE}/f/")
    assert home.get(address.removeprefix(SITE), Accept="text/html").status_code == 200
    clerks = printed(home, "clerk", f"farmers/{home.address('farmer-tea')}/card.pdf")
    assert clerks.content == mine.content
    code = home.get(f"actors/{home.address('farmer-tea')}").json()["code"]
    assert printed(home, "clerk", f"farmers/{code}/card.pdf").content == mine.content
    for wrong in ("H-nobody", "a%2Fb", "0x12"):
        unknown = printed(home, "clerk", f"farmers/{wrong}/card.pdf")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "labels.no_farmer")
    assert printed(home, "clerk", f"farmers/{'0' * 42}/card.pdf").status_code == 422
    other = printed(home, "farmer-tea", f"farmers/{home.address('farmer-eggs')}/card.pdf")
    assert other.status_code == 403
    sheet = printed(home, "clerk", f"cooperatives/{tea['cooperative']}/cards.pdf")
    codes = [code for page in pages(sheet.content) for code in read(page)]
    listed = home.get(f"cooperatives/{tea['cooperative']}/farmers").json()["items"]
    assert len(codes) == len(listed) >= 3
    assert address in codes
    nobody = printed(home, "clerk", f"farmers/{home.address('inspector')}/card.pdf")
    assert nobody.status_code in {403, 404}
    assert (
        printed(home, "clerk", f"cooperatives/{home.address('inspector')}/cards.pdf").status_code
        == 403
    )


def test_a_held_or_recalled_lot_gets_no_certificate(home: House) -> None:
    result = home.results[1]
    where = f"/01/{result.case.gtin}/10/{result.lot}"
    oranges = home.get(where, Accept="application/json").json()
    done = home.done("clerk", f"batches/{oranges['id']}/recall", {"reason": "wrong label"})
    assert done
    promise = {"certificate": True, "contact": "0768-6800000", "basis": "controlled", "count": 1}
    refused = order(home, oranges, promise)
    assert (refused.status_code, refused.json()["code"]) == (409, "labels.not_conformant")
    home.done("clerk", f"batches/{oranges['id']}/recall/lifting", {"reason": "it was right"})
    answer = order(home, oranges, promise)
    assert "承诺达标合格证" in words(answer.content)[0]


def test_formats_are_listed(home: House) -> None:
    listed = home.get("label-formats").json()
    assert {"roll-40x60", "a4-3x8", "a4-4x10"} <= {each["name"] for each in listed}


def test_the_command_prints_what_the_service_prints(
    home: House, tea: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yuanliu.settings.settings", lambda: home.config)
    where, options = tmp_path / "labels.pdf", ["--count", "2", "--format", "a4-4x10"]
    path = link(tea).removeprefix(SITE)
    ran = CliRunner().invoke(app, ["labels", path, str(where), *options])
    assert ran.exit_code == 0, ran.output
    assert where.read_bytes() == order(home, tea, {"count": 2, "format": "a4-4x10"}).content
    unknown = CliRunner().invoke(app, ["labels", path + "-X", str(where)])
    assert isinstance(unknown.exception, YuanliuError)
    assert unknown.exception.code == "batch.unknown"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:80",
        "http://0.0.0.0",
        "http://a.localhost",
    ],
)
def test_labels_that_lead_nowhere_are_printed_for_the_devnet_only(url: str) -> None:
    assert printing.site(Settings(public_url=url)) == url
    with pytest.raises(YuanliuError) as refused:
        printing.site(Settings(public_url=url, chain_id=1))
    assert refused.value.code == "labels.site_local"
    real = "https://yuanliu.example/shop"
    assert printing.site(Settings(public_url=real, chain_id=1)) == real
