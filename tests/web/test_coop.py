"""What the cooperative's desk asks of the API: shares of a price, sheets in and out, and that nothing happens twice."""

import io
import itertools
import re
import tomllib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import openpyxl
import pytest
from httpx import Response
from markupsafe import escape
from PIL import Image
from tests.web.house import EGGS, ORANGES, House
from tests.web.test_season import batch, delivery

from yuanliu.desk.passwords import one_time
from yuanliu.desk.people import AccountKind
from yuanliu.web.pages import frame
from yuanliu.web.pages.coop import data, lots, people
from yuanliu.web.pages.coop.shell import local
from yuanliu.web.pages.texts import text

pytestmark = [pytest.mark.node, pytest.mark.slow]

_numbers = itertools.count(1)
HEAD: Final = ["收据号", "农户编号", "商品", "毛重", "皮重", "等级系数", "每公斤价"]


def book(rows: Sequence[Any]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.worksheets[0].append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def hand_in(home: House, what: str, content: bytes, who: str = "clerk") -> Any:  # noqa: ANN401 -- an answer
    return home.client(who).post(f"/api/v1/sheets/{what}", files={"file": ("s.xlsx", content)})


# ---------------------------------------------------------------------- shares


def test_shares_of_a_price_are_the_contracts(home: House) -> None:
    lot = home.get(f"/01/{EGGS}/10/{home.results[0].lot}", Accept="application/json").json()
    terms = lot["terms"]  # other tests may have published others since
    told = home.get(f"terms/{terms}/sharing?price=3.00").json()
    assert {
        k: told[k]["fen"] for k in ("floor", "margin", "farmers", "cooperative", "platform")
    } == {
        "floor": 120,
        "margin": 180,
        "farmers": 180,
        "cooperative": 90,
        "platform": 30,
    }
    many = home.get(f"terms/{terms}/sharing?price=3.01&units=7").json()
    assert sum(many[k]["fen"] for k in ("farmers", "cooperative", "platform")) == 7 * 301
    assert (
        home.get(f"terms/{terms}/sharing?price=1.00").json()["code"] == "money.amount_below_floor"
    )
    assert home.get(f"terms/{terms}/sharing?price=x").json()["code"] == "money.yuan_invalid"
    assert home.get("terms/99999/sharing?price=1").status_code == 404


# ---------------------------------------------------------------------- nothing twice


def test_an_enrolment_sent_again_is_the_same_wherever_it_ended(home: House) -> None:
    secret, code = one_time(), f"K-{next(_numbers):04d}"
    body = {"login": code.lower(), "kind": "farmer", "code": code, "one_time_password": secret}
    key = {"Idempotency-Key": f"enrol-{code}"}
    first = home.post("clerk", "accounts", body, **key)
    again = home.post("clerk", "accounts", body, **key)
    assert first.status_code == again.status_code == 201, again.text
    assert first.json()["account"]["id"] == again.json()["account"]["id"]
    assert again.json()["one_time_password"] == secret
    # the service died between account and enrolment: the account is there, nothing is on the chain
    code = f"K-{next(_numbers):04d}"
    account, _ = home.prepared.services.accounts.create(
        code.lower(),
        AccountKind.FARMER,
        party=None,
        manager=home.address("cooperative"),
        one_time_password=secret,
    )
    home.prepared.services.accounts.describe(account.id, party=account.key_address)
    body |= {"login": code.lower(), "code": code}
    resumed = home.post("clerk", "accounts", body, **{"Idempotency-Key": f"enrol-{code}"})
    assert resumed.status_code == 201, resumed.text
    assert resumed.json()["account"]["id"] == account.id
    home.shows(resumed.json()["enrolment"]["block"])
    shown = home.get(f"cooperatives/{home.address('cooperative')}/farmers/{code}").json()
    assert shown["address"] == account.key_address
    other = home.post("clerk", "accounts", body | {"one_time_password": one_time()})
    assert other.status_code == 409, "somebody else's password opens nothing"
    weak = home.post("clerk", "accounts", body | {"one_time_password": "password"})
    assert weak.status_code == 422


def test_a_delivery_is_booked_by_code_with_its_tare_on_the_receipt(home: House) -> None:
    receipt = 5_000_000 + next(_numbers)
    one = {
        "receipt": receipt,
        "farmer_code": "H-0001",
        "gtin": EGGS,
        "grams": 60_000,
        "tare_grams": 1_500,
        "price_per_kg": {"fen": 2_401},
    }
    home.done("clerk", "deliveries", {"deliveries": [one]})
    page = home.client("clerk").get(f"/coop/deliveries/{receipt}").text
    assert all(each in page for each in ("61.5 kg", "1.5 kg", "60 kg", "12.005", "¥1,440.60"))
    unknown = home.post("clerk", "deliveries", {"deliveries": [one | {"farmer_code": "NOBODY"}]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "actor.unknown")
    both = one | {"farmer": home.address("farmer-eggs")}
    assert home.post("clerk", "deliveries", {"deliveries": [both]}).status_code == 422


def test_a_price_that_changed_meanwhile_is_not_overwritten(home: House) -> None:
    found = batch(home, [home.address("farmer-eggs")])
    path = f"/api/v1/batches/{found['id']}/price"
    client = home.client("clerk")
    key = {"Idempotency-Key": f"price-{found['lot']}"}
    wanted = {"price": {"fen": 310}, "seen": {"fen": 300}}
    assert client.put(path, json=wanted, headers=key).status_code == 201
    assert client.put(path, json=wanted, headers=key).status_code == 201, "the same once more"
    late = client.put(path, json={"price": {"fen": 290}, "seen": {"fen": 300}})
    assert (late.status_code, late.json()["code"]) == (409, "batch.price_changed")
    assert late.json()["fields"] == {
        "seen_yuan": "3.00",
        "current_yuan": "3.10",
        "wanted_yuan": "2.90",
    }


def test_photos_stand_in_the_event_and_have_to_be_there(home: House) -> None:
    found = batch(home, [home.address("farmer-eggs")])
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(out, "PNG")
    png = out.getvalue()
    sent = home.client("clerk").post(
        "/api/v1/attachments", files={"file": ("a.png", png, "image/png")}
    )
    assert sent.status_code == 201, sent.text
    step = {
        "kind": "production",
        "time": "2026-04-12T08:00:00+08:00",
        "place": "henhouse-07",
        "step": "feeding",
    }
    missing = home.post("clerk", f"batches/{found['id']}/events", step | {"photos": ["ab" * 32]})
    assert missing.json()["code"] == "attachments.not_found"
    digest = sent.json()["sha256"]
    home.done("clerk", f"batches/{found['id']}/events", step | {"photos": [digest]})
    event = home.get(f"batches/{found['id']}/events").json()[-1]["event"]
    assert event["yuanliu:photos"][0].startswith("ni:///sha-256;")


# ---------------------------------------------------------------------- sheets


def test_a_sheet_says_of_every_row_what_it_would_do_and_does_nothing(home: House) -> None:
    taken = delivery(home, home.address("farmer-eggs"))
    new = 6_000_000 + next(_numbers)
    rows = [
        HEAD,
        [str(new), "H-0001", "土鸡蛋", 12.5, 0.5, 110, 24],
        [str(taken), "H-0001", EGGS, 6, None, None, 24],
        [str(taken), "H-0002", EGGS, 7, None, None, 24],
        [str(new + 1), "H-9999", ORANGES, "=1", None, None, 3],
    ]
    before = home.get("deliveries?limit=200").json()
    answer = hand_in(home, "deliveries", book(rows))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["ready"], told["done"], told["faulty"]) == (1, 1, 2)
    good, done, other, wrong = told["rows"]
    assert done["done"]
    assert {f["code"] for f in other["faults"]} == {"sheets.twice", "sheets.taken"}
    assert {f["code"] for f in wrong["faults"]} == {"sheets.farmer_unknown", "sheets.cell_formula"}
    assert wrong["body"] is other["body"] is done["body"] is None
    assert home.get("deliveries?limit=200").json() == before
    assert hand_in(home, "deliveries", book(rows)).json()["rows"][0]["key"] == good["key"]
    twice = [
        home.post("clerk", "deliveries", good["body"], **{"Idempotency-Key": good["key"]})
        for _ in range(2)
    ]
    assert [made.status_code for made in twice] == [201, 201], twice[0].text
    home.shows(twice[0].json()["block"])
    assert hand_in(home, "deliveries", book(rows)).json()["rows"][0]["done"]


def test_a_sheet_of_farmers_and_who_may_hand_one_in(home: House) -> None:
    rows = [["农户编号", "称呼"], ["H-0001", "x"], ["N-77", "老李"], ["老李", ""]]
    told = hand_in(home, "farmers", book(rows)).json()
    assert [(row["done"], row["body"] is not None) for row in told["rows"]] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert told["rows"][1]["body"]["display_name"] == "老李"
    assert hand_in(home, "farmers", book(rows), who="inspector").status_code == 403
    assert hand_in(home, "farmers", book(rows), who="").status_code in {401, 403}
    broken = hand_in(home, "farmers", b"PK\x03\x04")
    assert (broken.status_code, broken.json()["code"]) == (422, "sheets.not_a_sheet")
    assert hand_in(home, "farmers", b"x" * 2_100_000).status_code == 413


@pytest.mark.parametrize("table", ["farmers", "deliveries", "batches", "sales", "payouts"])
def test_every_table_is_taken_away_by_its_own_cooperative_only(home: House, table: str) -> None:
    clerk = home.client("clerk")
    answer = clerk.get(f"/api/v1/exports/{table}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    rows = clerk.get(f"/api/v1/exports/{table}?file=csv").content.decode("utf-8-sig")
    assert sheet.max_row == len(rows.strip().splitlines()) > 1
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert "0x" not in rows
    assert home.client("inspector").get(f"/api/v1/exports/{table}").status_code == 403
    assert home.get(f"exports/{table}").status_code == 401


# ---------------------------------------------------------------------- pages


def test_pages_are_for_those_whose_work_it_is(home: House) -> None:
    html = {"Accept": "text/html"}
    nobody = home.client().get("/coop/deliveries?only=open", headers=html)
    assert (nobody.status_code, nobody.headers["location"]) == (
        303,
        "/coop/sign-in?next=/coop/deliveries%3Fonly%3Dopen",
    )
    for who in ("inspector", "carrier", "regulator"):
        client = home.client(who)
        assert client.get("/coop", headers=html).status_code == 200
        assert client.get("/coop/farmers", headers=html).status_code == 403
    assert home.client("auditor").get("/coop", headers=html).status_code == 403
    unknown = home.client("clerk").get(f"/coop/batch/{EGGS}/NO-SUCH", headers=html)
    assert unknown.status_code == 404
    assert "<form" not in unknown.text
    assert home.client("clerk").get(f"/coop/do/nothing/{EGGS}/X", headers=html).status_code == 404
    worker = home.get("/coop/sw.js")
    assert worker.headers["service-worker-allowed"] == "/coop"
    assert f'BUILD = "{frame.BUILD}"' in worker.text
    for path in re.findall(r'"(/static/[^"]+)"', worker.text):
        assert home.get(path).status_code == 200, path
    for icon in home.get("/coop/manifest.webmanifest").json()["icons"]:
        assert home.get(icon["src"]).status_code == 200


def test_clerks_are_managed_by_their_cooperative_alone(home: House) -> None:
    html = {"Accept": "text/html"}
    named = "<b onclick='x()'>小\"王&"
    made = home.done(
        "cooperative", "accounts", {"login": "staff-1", "kind": "clerk", "display_name": named}
    )
    page = home.client("cooperative").get("/coop/staff?lang=zh", headers=html).text
    assert str(escape(named)) in page
    assert named not in page
    assert text("zh", "coop.standing_first") in page
    assert text("zh", "coop.employ") in page
    told = re.sub(r"<[^>]*>", " ", page.partition("<main")[2])
    assert not re.search(r"0x|[0-9a-f]{32}", told)
    assert "farmer-eggs" not in page
    english = home.client("cooperative").get("/coop/staff?lang=en", headers=html).text
    assert text("en", "coop.standing_first") in english
    assert 'href="/coop/staff"' in home.client("cooperative").get("/coop", headers=html).text
    after = home.client("cooperative").get("/coop/staff?after=staff-1", headers=html)
    assert "staff-1</p>" not in after.text

    assert 'href="/coop/staff"' not in home.client("clerk").get("/coop", headers=html).text
    for who in ("clerk", "inspector", "carrier", "regulator", "auditor", "platform", "farmer-eggs"):
        assert home.client(who).get("/coop/staff", headers=html).status_code == 403, who
    nobody = home.client().get("/coop/staff", headers=html)
    assert nobody.headers["location"] == "/coop/sign-in?next=/coop/staff"

    # his new password, asked for twice, is the same; an account that is shut is opened first
    path, secret = f"accounts/{made['account']['id']}/recovery", {"one_time_password": one_time()}
    again = [home.post("cooperative", path, secret, **{"Idempotency-Key": "r"}) for _ in range(2)]
    assert [each.status_code for each in again] == [201, 201], again[0].text
    key = {each.json()["key"] for each in again}
    assert {each.json()["one_time_password"] for each in again} == {secret["one_time_password"]}
    assert len(key) == 1
    assert home.post("cooperative", path, {"one_time_password": "password"}).status_code == 422
    home.post("cooperative", f"accounts/{made['account']['id']}/closing")
    shut = home.post("cooperative", path, secret, **{"Idempotency-Key": "s"})
    assert (shut.status_code, shut.json()["code"]) == (409, "accounts.closed")
    now = home.client("cooperative").get(f"/api/v1/accounts/{made['account']['id']}").json()
    assert {now["key"]} == key, "nothing was changed"
    closed = home.client("cooperative").get("/coop/staff?lang=en", headers=html).text
    assert text("en", "coop.standing_closed") in closed
    home.done("cooperative", f"accounts/{made['account']['id']}/dismissal")
    home.post("cooperative", f"accounts/{made['account']['id']}/opening")
    gone = home.client("cooperative").get("/coop/staff?lang=en", headers=html).text
    assert text("en", "coop.standing_dismissed") in gone
    assert f"{made['account']['id']}/opening" not in gone


def test_who_is_to_lose_his_key_is_told_first(home: House) -> None:
    html, party = {"Accept": "text/html"}, home.address("cooperative")
    account = home.prepared.services.accounts.find("cooperative")
    assert account is not None
    cancelling = f'"/api/v1/actors/{party}/recovery/cancellation"'
    calm = home.client("cooperative").get("/coop?lang=en", headers=html).text
    home.done("platform", f"accounts/{account.id}/recovery")
    home.shows(home.node.block_number())
    for language in ("zh", "en"):
        page = home.client("cooperative").get(f"/coop?lang={language}", headers=html).text
        main = page.partition("<main")[2]
        assert main.index(text(language, "coop.recovery_warning")) < main.index("tiles")
        assert cancelling in main
        assert not re.search(r"0x|[0-9a-f]{32}", re.sub(r"<[^>]*>", " ", main))
    assert text("en", "coop.recovery_warning") not in calm
    theirs = home.client("clerk").get("/coop?lang=en", headers=html).text
    assert str(escape(text("en", "coop.recovery_clerk"))) in theirs
    assert cancelling not in theirs
    assert "recovery_" not in home.client("carrier").get("/coop", headers=html).text
    home.done("cooperative", f"actors/{party}/recovery/cancellation")
    after = home.client("cooperative").get("/coop?lang=en", headers=html).text
    assert text("en", "coop.recovery_warning") not in after


def test_a_key_is_replaced_by_its_owner_and_a_clerks_by_his_cooperative(home: House) -> None:
    html = {"Accept": "text/html"}
    for who, form, told in (
        ("cooperative", True, False),
        ("inspector", True, False),
        ("farmer-eggs", True, False),
        ("platform", True, False),
        ("clerk", False, True),
        ("auditor", False, False),
    ):
        page = home.client(who).get("/coop/password?lang=en", headers=html).text
        assert ('data-sign="key"' in page) is form, who
        assert (text("en", "coop.key_clerk") in page) is told, who
    why = home.get("/coop/sign-in?why=key&lang=zh").text
    assert text("zh", "coop.key_replaced") in why
    assert text("zh", "coop.key_replaced") not in home.get("/coop/sign-in?why=other&lang=zh").text


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("/coop/farmers?x=1", "/coop/farmers?x=1"),
        ("/coop", "/coop"),
        ("https://evil.example/coop", "/coop"),
        ("//evil.example", "/coop"),
        ("/coop/\\evil", "/coop"),
        ("/cooperative", "/coop"),
        ("javascript:alert(1)", "/coop"),
    ],
)
def test_the_way_back_leads_nowhere_else(path: str, led: str) -> None:
    assert local(path) == led


def test_every_word_of_a_script_exists() -> None:
    folder = frame.STATIC / "js" / "coop"
    texts = tomllib.loads(
        (folder.parents[2] / "pages" / "texts" / "coop.toml").read_text(encoding="utf-8")
    )
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.js"))
    said = set(re.findall(r'(?<![.\w])say\("([a-z_0-9]+)"[,)]', code))
    states = {"away", "idle", "sending", "signed_out", "other"}  # of the line, in send.js
    assert {f"js_{key}" for key in said - states} <= texts.keys()


def test_codes_lots_and_weights_are_suggested_and_written() -> None:
    assert people.next_code(["H-0041", "H-0007"]) == "H-0042"
    assert people.next_code([]) == "H-0001"
    assert people.next_code(["老", "A9", "B1"]) == "A10"
    day = datetime(2026, 11, 22, tzinfo=frame.CHINA)
    assert lots.suggested_lot("EGG", [], day) == "EGG20261122-001"
    assert lots.suggested_lot("EGG", ["EGG20261122-001"], day) == "EGG20261122-002"
    assert (data.in_jin(60_750), data.per_jin(2_400), data.per_jin(2_401)) == (
        "121.5",
        "12.00",
        "12.005",
    )


# ---------------------------------------------------------------------- a harvest of many deliveries


def booked(home: House, first: int, count: int) -> list[int]:
    """Book deliveries of a kilogram; give their receipts."""
    receipts = [first + number for number in range(count)]
    for at in range(0, count, 50):
        part = [
            {"receipt": each, "farmer_code": "H-0001", "gtin": EGGS, "grams": 1_000, "price_per_kg": {"fen": 2_400}}
            for each in receipts[at : at + 50]
        ]  # fmt: skip
        home.done("clerk", "deliveries", {"deliveries": part})
    return receipts


def village(lot: str, receipts: list[int]) -> dict[str, Any]:
    """Give a lot of all that these brought, twenty pieces of each."""
    return {
        "gtin": EGGS,
        "lot": lot,
        "units": len(receipts) * 20,
        "milligrams_per_unit": 50_000,
        "price": {"fen": 300},
        "receipts": receipts,
        "harvest": {
            "time": "2026-04-12T08:30:00+08:00",
            "place": "village",
            "harvested_on": "2026-04-12",
        },
    }


def test_more_deliveries_than_enter_at_once(home: House) -> None:
    """They enter in parts; what the contract would refuse in the end leaves nothing behind."""
    receipts = booked(home, 66_000_000, 257)
    body = village("VILLAGE-1", receipts)

    def asked(key: str, **other: object) -> Response:
        return home.post("clerk", "batches", body | other, **{"Idempotency-Key": key})

    refusals: dict[str, dict[str, object]] = {
        "contract.Batches_MassDiffers": {"units": 257 * 20 + 1},
        "contract.Batches_PriceBelowFloor": {"price": {"fen": 100}},
        "batch.receipt_twice": {"receipts": [*receipts, receipts[0]]},
        "contract.Deliveries_NotBooked": {"receipts": [*receipts, 66_999_999]},
    }
    for code, other in refusals.items():
        assert asked(code, **other).json()["code"] == code
    assert home.get("deliveries?open_only=true&limit=200").json()["next"]

    home.node.request("evm_setAutomine", False)
    try:
        part = home.post(
            "clerk", "batches", body, **{"Idempotency-Key": "v", "Prefer": "respond-async"}
        )
        assert (part.status_code, part.json()["code"]) == (503, "batch.collecting")
        assert part.json()["retryable"]
        assert part.json()["fields"]["parts"] == 2
        assert part.headers["retry-after"]
    finally:
        home.node.request("evm_setAutomine", True)
        home.node.request("evm_mine")
    made = [asked("v") for _ in range(2)]
    assert [each.status_code for each in made] == [201, 201], made[0].text
    assert made[0].json()["id"] == made[1].json()["id"]
    home.shows(made[0].json()["block"])
    pool = home.get(f"batches/{made[0].json()['result']['batch']}/pool").json()
    assert pool["total_weight"] == 257 * 1_000 * 10_000


def test_what_entered_before_is_not_entered_again(home: House) -> None:
    """A first request got stuck half-way, and another one, corrected, goes on."""
    receipts = booked(home, 67_000_000, 300)
    entered = {"gtin": EGGS, "lot": "VILLAGE-2", "receipts": receipts[40:290]}
    home.done("clerk", "collections", entered)
    made = home.done("clerk", "batches", village("VILLAGE-2", receipts))
    pool = home.get(f"batches/{made['result']['batch']}/pool").json()
    assert pool["total_weight"] == 300 * 1_000 * 10_000


# ---------------------------------------------------------------------- readings


def test_readings_are_taken_whole_or_not_at_all(home: House) -> None:
    made = batch(home, [home.address("farmer-eggs")])
    path = f"batches/{made['id']}/readings"
    times = [f"2026-04-12T08:{minute:02d}:00+08:00" for minute in (31, 30)]
    body: dict[str, Any] = {
        "place": "road-s74",
        "device": "TH-07",
        "readings": [{"time": time, "celsius": "4.90"} for time in times],
        "upper_limit": "8",
    }
    faults: list[dict[str, Any]] = [
        {"device": None},
        {"lower_limit": "8"},
        {"readings": []},
        {"readings": body["readings"] * 2},
        {"readings": [{"time": times[0], "celsius": "400"}]},
        {"readings": [{"time": "2126-04-12T08:30:00+08:00", "celsius": "4"}]},
        {"readings": ["a text", "without a summary"]},
        {"readings": ["two\nlines"], "device": None},
    ]
    for wrong in faults:
        refused = home.post("carrier", path, body | wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid"), wrong
    assert home.post("farmer-eggs", path, body).json()["code"] == "contract.Batches_KindNotAllowed"
    result = home.done("carrier", path, body)["result"]
    listed = home.get(f"attachments/{result['readings_sha256']}")
    assert listed.text == "\n".join(f"{time} TH-07 4.90" for time in reversed(times))
    number = len(home.get(f"batches/{made['id']}/journal").json()["records"]) - 1
    proofs = f"batches/{made['id']}/journal/{{}}/readings/{{}}"
    assert home.get(proofs.format(number, 1)).json()["root"] == result["root"]
    for place in (proofs.format(number, 2), proofs.format(0, 0), proofs.format(99, 0)):
        assert home.get(place).status_code == 404, place
