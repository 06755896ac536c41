"""The farmer's page over HTTP: who gets in, what he sees, and a tap that takes the money once."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from tests.web.farming import PIN, Card, deliver, hang_up, lot_of, sell
from tests.web.house import House, caller

from yuanliu import money
from yuanliu.demo.cases import GRADED
from yuanliu.index import queries as q
from yuanliu.index.queries.earnings import earnings
from yuanliu.index.reading import reading
from yuanliu.web import taking

pytestmark = [pytest.mark.node, pytest.mark.slow]

HOSTILE: Final = "<b>&\"'/%2e"


@pytest.fixture(scope="module", autouse=True)
def _hung_up() -> Iterator[None]:
    yield
    hang_up()


@pytest.fixture(scope="module")
def pool(home: House) -> tuple[Card, Card, str]:
    """Give two farmers who share a lot, three to one by weight and grade."""
    mine, other = Card(home).get_in(), Card(home, HOSTILE).get_in()
    receipts = [
        deliver(home, mine.address, 6_000),
        deliver(home, mine.address, 6_000, grade=5_000),
        deliver(home, other.address, 3_000),
    ]
    batch = lot_of(home, receipts, 300)
    sell(home, batch, 7)
    return mine, other, batch


def test_a_card_asks_for_the_pin_and_shows_nothing_before(home: House) -> None:
    card = Card(home)
    page = card.phone.get(card.path)
    assert page.status_code == 200
    assert 'name="pin"' in page.text
    assert "¥" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "noindex" in page.headers["x-robots-tag"]
    wrong = card.do("open", pin="000000")
    assert wrong.status_code == 401
    assert "密码不对" in wrong.text
    assert "yl_card" not in card.phone.cookies
    assert card.do("open", pin=card.pin).status_code == 303
    page = card.phone.get(card.path)
    assert 'name="new"' in page.text
    assert "¥" not in page.text, "nothing is shown before the one-time PIN is changed"
    csrf = card.csrf
    for new, again, said in (("123456", "123456", "太容易"), ("48291", "48291", "6 位"),
                             (PIN, "482916", "不一样"), (card.pin, card.pin, "一样")):  # fmt: skip
        refused = card.do("change", csrf=csrf, pin=card.pin, new=new, again=again)
        assert (refused.status_code, said in refused.text) == (422, True), refused.text
    assert card.do("take", csrf=csrf).status_code == 303
    assert card.do("change", csrf=csrf, pin=card.pin, new=PIN, again=PIN).status_code == 303
    assert card.owed == 0
    assert card.do("close", csrf=card.csrf).status_code == 303
    assert 'name="pin"' in card.phone.get(card.path).text


def test_a_tap_takes_all_that_is_due_once_and_later_the_rest(
    home: House, pool: tuple[Card, Card, str]
) -> None:
    mine, other, batch = pool
    farmers = q_shares(home, batch)
    assert mine.owed == farmers * 9_000 // 12_000 - rounding(home, batch)
    before, owed, csrf = mine.balance(), mine.owed, mine.csrf
    with ThreadPoolExecutor(4) as taps:
        answers = list(taps.map(lambda _: mine.do("take", csrf=csrf), range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert mine.balance() - before == owed
    assert mine.owed == 0
    with reading(home.prepared.services.copy) as db:
        claims = [p for p in q.payouts(db, owner=mine.address) if p.kind == q.PayoutKind.CLAIM]
        calls = {p.transaction for p in claims}
    assert len(calls) == 1, "four taps are one claim"
    assert other.owed > 0, "a neighbour's money is his own"

    sell(home, batch, 7)  # the very same steps are claimed once more: as much again is due
    assert mine.owed == owed
    assert "did=taken" in mine.do("take", csrf=csrf).headers["location"]
    assert mine.balance() - before == 2 * owed
    assert "did=nothing" in mine.do("take", csrf=csrf).headers["location"]
    with reading(home.prepared.services.copy) as db:
        assert list(taking.claims(db, home.prepared.services, mine.address)) == []


def q_shares(home: House, batch: str) -> int:
    """Give what the farmers of a batch received together."""
    items = home.get(f"payments?batch={batch}").json()["items"]
    return sum(each["farmers"]["fen"] for each in items)


def rounding(home: House, batch: str) -> int:
    """Give what two deliveries rounded one by one are less than both rounded together."""
    received = q_shares(home, batch)
    parts = [money.due(received, weight, 12_000 * 10_000) for weight in (60_000_000, 30_000_000)]
    return received * 9_000 // 12_000 - sum(parts)


def test_the_page_tells_how_each_fen_was_worked_out(
    home: House, pool: tuple[Card, Card, str]
) -> None:
    mine, other, batch = pool
    with reading(home.prepared.services.copy) as db:
        (mine_,) = earnings(db, mine.address)
        (other_,) = earnings(db, other.address)
    assert (mine_.weight, other_.weight) == (90_000_000, 30_000_000)
    total = mine_.floor + mine_.farmers_margin + mine_.remainder
    assert total == mine_.sales.farmers == q_shares(home, batch)
    whole = mine_.sales.farmers + mine_.sales.cooperative + mine_.sales.platform
    assert whole == mine_.sales.amount
    assert 0 <= total - (mine_.due + other_.due) <= 2
    page = mine.phone.get(mine.path).text
    for fen in (mine_.floor, mine_.margin, mine_.sales.amount, mine_.due):
        assert f"¥{money.format_yuan(fen)}" in page
    assert "您占 75%" in page
    assert mine_.batch.lot in page
    english = mine.phone.get(mine.path, params={"lang": "en"}).text
    assert "75%. So you get" in english
    statement = mine.phone.get(mine.path, params={"view": "statement"}).text
    assert f"¥{money.format_yuan(mine_.due)}" in statement


def test_a_hostile_code_comes_out_inert_and_has_its_own_address(
    pool: tuple[Card, Card, str],
) -> None:
    _, other, _ = pool
    assert other.path.endswith("/%3Cb%3E%26%22%27%2F%252e")
    for view in ("", "statement", "pin"):
        page = other.phone.get(other.path, params={"view": view})
        assert page.status_code == 200
        assert "<b>&" not in page.text
        assert "&lt;b&gt;&amp;&#34;&#39;/%2e" in page.text


def test_nobody_gets_in_with_another_card_or_another_form(pool: tuple[Card, Card, str]) -> None:
    mine, other, _ = pool
    mine.phone.cookies.set("yl_card", other.phone.cookies["yl_card"], path="/f")
    try:
        assert 'name="pin"' in mine.phone.get(mine.path).text
        assert mine.do("take", csrf="x").status_code == 401
    finally:
        mine.phone.cookies.clear()
        assert mine.do("open", pin=PIN).status_code == 303
    assert mine.do("take", csrf="x").status_code == 403
    forced = mine.phone.post(
        mine.path, data={"do": "open", "pin": PIN}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert "set-cookie" not in forced.headers


def test_a_guesser_is_locked_out_and_told_for_how_long(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, moment = Card(home), time.time()
    monkeypatch.setattr(home.prepared.services.pins, "_now", lambda: moment)
    answers = [card.do("open", pin=f"1357{n:02d}").status_code for n in range(7)]
    assert answers == [401] * 5 + [429] * 2
    page = card.do("open", pin=card.pin)
    assert page.status_code == 429
    assert "请过 1 分钟再试" in page.text
    new = home.post("clerk", f"farmers/{card.address}/pin").json()["one_time_pin"]
    assert card.do("open", pin=new).status_code == 303, "the cooperative's new PIN ends the lock"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/f", 200),
        ("/f/", 200),
        ("/f/COOP-0001/nobody", 404),
        ("/f/nobody/H-0001", 404),
        ("/f/%2e%2e/x", 422),
        ("/f/a", 422),
        ("/f/" + "9" * 4_000 + "/1", 422),
        ("/f/%00/%ff", 422),
        ("/f?cooperative=%3Cscript%3E&code=", 422),
    ],
)
def test_what_is_no_card_gets_a_page_that_says_so(home: House, path: str, status: int) -> None:
    with caller(home.url) as nobody:
        page = nobody.get(path, headers={"Accept": "text/html"})
    assert page.status_code == status
    assert "<h1>" in page.text
    assert "<script>" not in page.text


def test_a_pin_is_given_by_the_farmers_own_cooperative_alone(home: House) -> None:
    farmer = home.address("farmer-eggs")
    path = f"farmers/{farmer}/pin"
    for who, status in (("", 401), ("farmer-eggs", 403), ("buyer", 403), ("platform", 403)):
        if who in home.sign_ins or not who:
            assert home.post(who, path).status_code == status, who
    unknown = home.post("clerk", f"farmers/0x{'ab' * 20}/pin")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "actor.unknown")
    nobody = home.post("clerk", f"farmers/{home.address('cooperative')}/pin")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "pin.not_a_farmer")
    given: Any = home.post("cooperative", path).json()
    assert re.fullmatch(r"\d{6}", given["one_time_pin"])
    assert given["farmer"] == farmer


def test_a_lot_that_was_made_into_another_says_so(home: House) -> None:
    """The demo's slopes were graded into one lot: nothing of them was sold as it was, and all of it was used."""
    given = home.post("clerk", f"farmers/{home.address('farmer-eggs')}/pin").json()
    with caller(home.url) as phone:
        phone.post(given["page"], data={"do": "open", "pin": given["one_time_pin"]})
        page = phone.get(given["page"]).text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        assert csrf
        new = {"pin": given["one_time_pin"], "new": PIN, "again": PIN}
        phone.post(given["page"], data={"do": "change", "csrf": csrf[1], **new})
        page = phone.get(given["page"]).text
    graded = home.get(f"batches?gtin={GRADED.gtin}").json()["items"][0]["lot"]
    (account,) = (each for each in page.split("<article")[1:] if "WES2" in each)
    assert f"做成了批次 {graded}" in account
    assert "做成了别的批次" in account
    assert "卖完了" not in account
    assert "没有卖出" not in account
