"""One season through the API, as its people would: from enrolment to the last fen, with a recall in between."""

import hashlib
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
import pytest
from tests.web.house import EGGS, SECRET, TEA, House, caller

from yuanliu import journal, members, money, verify
from yuanliu.chain import keys
from yuanliu.web import webhooks

pytestmark = [pytest.mark.node, pytest.mark.slow]

_numbers = itertools.count(1)
GRAMS: Final = 6_000
PRICE: Final = 300


def now(hours: int = 0) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")


def lot() -> str:
    return f"S{next(_numbers):05d}"


def delivery(home: House, farmer: str, grams: int = GRAMS, gtin: str = EGGS) -> int:
    receipt = 7_000_000 + next(_numbers)
    booking = {
        "receipt": receipt,
        "farmer": farmer,
        "gtin": gtin,
        "grams": grams,
        "price_per_kg": {"yuan": "24.00"},
    }
    home.done("clerk", "deliveries", {"deliveries": [booking]})
    return receipt


def batch(home: House, farmers: list[str], **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    """Register a lot of eggs from one delivery of each farmer."""
    receipts = [delivery(home, farmer) for farmer in farmers]
    body = {
        "gtin": EGGS,
        "lot": lot(),
        "units": GRAMS * len(farmers) // 50,
        "milligrams_per_unit": 50_000,
        "price": {"fen": PRICE},
        "receipts": receipts,
        "harvest": {"time": now(6), "place": "henhouse-07", "harvested_on": "2026-04-12"},
    } | more
    made = home.done("clerk", "batches", body)
    found: dict[str, Any] = home.get(f"batches/{made['result']['batch']}").json()
    return found


def pay(home: House, found: dict[str, Any], units: int) -> dict[str, Any]:
    """Have the devnet's buyer pay from his own account."""
    home.mint(home.address("buyer"), found["price"]["fen"] * units)
    paid: dict[str, Any] = home.done(
        "buyer", "payments", {"lines": [{"batch": found["id"], "units": units}]}
    )
    return paid


def farmer(home: House) -> str:
    """Enrol a farmer with an account, as his cooperative's clerk does."""
    code = f"H-{next(_numbers) + 100:04d}"
    made = home.done(
        "clerk",
        "accounts",
        {"login": code.lower(), "kind": "farmer", "display_name": "老张", "code": code},
    )
    assert made["one_time_password"]
    assert made["account"]["must_change_password"]
    shown = home.get(f"cooperatives/{home.address('cooperative')}/farmers/{code}").json()
    assert (shown["address"], shown["roles"]) == (made["account"]["party"], ["farmer"])
    return str(shown["address"])


def test_a_farmer_changes_his_one_time_password_before_anything_is_signed(home: House) -> None:
    code = f"H-{next(_numbers) + 100:04d}"
    made = home.done(
        "cooperative", "accounts", {"login": code.lower(), "kind": "farmer", "code": code}
    )
    with caller(home.url) as client:
        sign_in = {"login": code.lower(), "password": made["one_time_password"]}
        session = client.post("/api/v1/session", json=sign_in).json()
        client.headers["X-CSRF-Token"] = session["csrf"]
        body = {"payout": home.address("farmer-tea")}
        refused = client.post("/api/v1/payout-address", json=body)
        assert refused.json()["code"] == "access.password_change_needed"
        change = {"old": made["one_time_password"], "new": "好长的一句话做密码 2026"}
        assert client.put("/api/v1/session/password", json=change).status_code == 204
        redirected = client.post("/api/v1/payout-address", json=body)
        assert redirected.status_code == 201
        home.shows(redirected.json()["block"])
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/session").status_code == 401
    history = home.get(f"actors/{made['account']['party']}/history").json()
    assert [each["kind"] for each in history][-1] == "PayoutRedirected"


def test_a_pooled_batch_pays_every_farmer_to_the_fen(home: House) -> None:
    farmers = [farmer(home) for _ in range(3)]
    found = batch(home, farmers)
    assert found["farmer"] is None
    pay(home, found, units=7)
    payment = home.get(f"payments?batch={found['id']}").json()["items"][0]
    parts = [payment[part]["fen"] for part in ("farmers", "cooperative", "platform")]
    assert sum(parts) == payment["amount"]["fen"] == 7 * PRICE
    terms = home.get(f"terms/{found['terms']}").json()
    ratios = money.Ratios(*(terms[f"{who}_bps"] for who in ("farmer", "cooperative", "platform")))
    assert parts[0] == money.split(7 * PRICE, terms["floor_per_unit"]["fen"], 7, ratios).farmers
    assert home.get(f"payments/{payment['reference']}").json() == payment

    dues = [home.get(f"farmers/{each}/dues").json()[0] for each in farmers]
    due = [each["due"]["fen"] for each in dues]
    assert due == [parts[0] // 3] * 3
    step = dues[0]["claims"][0][0]
    leaf = members.leaf(
        home.deployment.batches.address.lower(),
        bytes.fromhex(step["batch"][2:]),
        step["index"],
        members.Member(step["member"], step["weight"]),
    )
    roots = home.deployment.batches.read(home.node, "poolOf", int(found["id"], 16), 0)
    assert members.verify(leaf, [bytes.fromhex(node[2:]) for node in step["proof"]], roots[1])

    home.done("", "claims", {"farmer": farmers[0]})
    home.done("", f"batches/{found['id']}/settlements", {"chunk": 0})
    balances = [home.deployment.demo_yuan.read(home.node, "balanceOf", each) for each in farmers]
    assert balances == due
    pool = home.get(f"batches/{found['id']}/pool").json()
    assert [each["paid"]["fen"] for each in pool["members"]] == due
    assert pool["paid"]["fen"] == sum(due) <= pool["received"]["fen"]
    again = home.post("", "claims", {"farmer": farmers[0]})
    assert (again.status_code, again.json()["code"]) == (409, "claim.nothing_due")
    owners = {each["owner"] for each in home.get(f"batches/{found['id']}/payouts").json()["items"]}
    assert set(farmers) <= owners


def test_money_for_a_product_of_products_reaches_the_farmers_below(home: House) -> None:
    below = [farmer(home), farmer(home)]
    first, second = batch(home, below), batch(home, [farmer(home)])
    made = home.done(
        "cooperative",
        "transformations",
        {
            "inputs": [{"batch": first["id"], "units": 60}, {"batch": second["id"], "units": 30}],
            "outputs": [
                {
                    "gtin": EGGS,
                    "lot": lot(),
                    "units": 90,
                    "milligrams_per_unit": 49_400,
                    "price": {"fen": PRICE},
                }
            ],
            "loss_milligrams": 54_000,
            "time": now(),
            "place": "packing-hall",
        },
    )
    product = home.get(f"batches/{made['result']['batches'][0]}").json()
    assert product["derived"]
    lineage = home.get(f"batches/{product['id']}/lineage").json()
    assert {each["batch"] for each in lineage["ancestors"]} == {first["id"], second["id"]}
    down = home.get(f"batches/{first['id']}/lineage").json()["descendants"]
    assert [each["batch"] for each in down] == [product["id"]]

    pay(home, product, units=10)
    before = home.get(f"farmers/{below[0]}/dues").json()[0]
    assert [len(claim) for claim in before["claims"]] == [2]
    home.done("", "claims", {"farmer": below[0]})
    got = home.deployment.demo_yuan.read(home.node, "balanceOf", below[0])
    assert got == before["due"]["fen"] > 0
    assert home.get(f"farmers/{below[0]}/dues").json() == []


def test_a_failed_inspection_holds_and_a_recall_reaches_the_product(home: House) -> None:
    found = batch(home, [home.address("farmer-eggs")])
    report = b"%PDF-1.7\n% a laboratory's report\n%%EOF\n"
    upload = home.client("inspector").post(
        "/api/v1/attachments", files={"file": ("report.pdf", report, "application/pdf")}
    )
    assert upload.status_code == 201, upload.text
    sha256 = upload.json()["sha256"]
    assert sha256 == hashlib.sha256(report).hexdigest()
    shown = home.get(f"attachments/{sha256}")
    assert shown.content == report
    assert shown.headers["x-content-type-options"] == "nosniff"

    inspection = {
        "time": now(1),
        "place": "laboratory",
        "laboratory": "LAB-0001",
        "report_sha256": sha256,
        "conformant": False,
        "measurements": [
            {
                "substance": "https://id.yuanliu.example/substance/imidacloprid",
                "value": "0.71",
                "limit": "0.5",
                "limit_source": "GB 2763-2026",
                "method": "GB 23200.121",
            }
        ],
    }
    where = f"batches/{found['id']}"
    lying = home.post("inspector", f"{where}/inspections", inspection | {"conformant": True})
    assert lying.json()["code"] == "epcis.verdict_contradicts"
    missing = home.post(
        "inspector", f"{where}/inspections", inspection | {"report_sha256": "ab" * 32}
    )
    assert missing.json()["code"] == "attachments.not_found"
    home.done("inspector", f"{where}/inspections", inspection)
    assert home.get(f"{where}/status").json()["held"]
    sale = home.post("buyer", "payments", {"lines": [{"batch": found["id"], "units": 1}]})
    assert sale.json()["code"] == "contract.Batches_Held"
    home.done("regulator", f"{where}/release", {"reason": "second sample clean"})
    assert home.get(f"{where}/status").json()["on_sale"]

    home.done("cooperative", f"{where}/recall", {"reason": "feed was mixed up"})
    status = home.get(f"{where}/status").json()
    assert status["recalls"][0]["reason"] == "feed was mixed up"
    assert found["id"] in {
        each["id"] for each in home.get("batches?state=recalled").json()["items"]
    }
    home.done("regulator", f"{where}/recall/lifting", {"reason": "feed was right after all"})
    assert home.get(f"{where}/status").json()["on_sale"]


def test_the_way_events_readings_hand_over_correction(home: House) -> None:
    found = batch(home, [home.address("farmer-eggs")])
    where = f"batches/{found['id']}"
    step = {
        "kind": "production",
        "time": now(20),
        "place": "henhouse-07",
        "step": "feeding",
        "details": {"feed": "maize"},
    }
    home.done("farmer-eggs", f"{where}/events", step)
    way = {
        "kind": "logistics",
        "time": now(2),
        "place": "road-s74",
        "step": "transporting",
        "temperature": {
            "minimum": "3.8",
            "maximum": "6.1",
            "mean": "4.9",
            "start": now(3),
            "end": now(2),
        },
    }
    home.done("carrier", f"{where}/events", way)
    readings = [
        f"2026-04-12T08:{minute:02d}:00+08:00 TH-07 4.{minute % 10}" for minute in range(60)
    ]
    anchored = home.done(
        "carrier",
        f"{where}/readings",
        {"place": "road-s74", "readings": readings, "temperature": way["temperature"]},
    )
    leaves = [members.reading_leaf(each.encode()) for each in readings]
    root = bytes.fromhex(anchored["result"]["root"][2:])
    assert root == members.root(leaves)
    assert home.deployment.batches.read(
        home.node,
        "isReading",
        int(found["id"], 16),
        root,
        readings[7].encode(),
        members.proof(leaves, 7),
    )

    home.done("cooperative", f"{where}/offers", {"to": home.address("carrier"), "units": 20})
    offer = home.get(f"offers?receiver={home.address('carrier')}").json()["items"][0]
    assert (offer["batch"], offer["units"], offer["answer"]) == (found["id"], 20, None)
    home.done("carrier", f"{where}/offers/{offer['number']}/acceptance")
    held = {each["owner"]: each["units"] for each in home.get(f"{where}/holders").json()}
    assert held == {home.address("cooperative"): 100, home.address("carrier"): 20}
    home.done("carrier", f"{where}/offers", {"to": home.address("cooperative"), "units": 5})
    reason = {"reason": "boxes crushed"}
    home.done("cooperative", f"{where}/offers/2/refusal", reason)
    home.done("carrier", f"{where}/offers", {"to": home.address("cooperative"), "units": 5})
    home.done("carrier", f"{where}/offers/3/withdrawal")
    assert home.get(f"{where}/offers?open_only=true").json() == []

    home.done("farmer-eggs", f"{where}/events", step | {"details": {"feed": "soya"}})
    records = home.get(f"{where}/journal").json()["records"]
    by_kind = [each["kind"] for each in records]
    wrong = by_kind.index("production")
    right = len(by_kind) - 1
    home.done(
        "farmer-eggs",
        f"{where}/corrections",
        {"wrong": wrong, "corrective": right, "reason": "incorrect_data"},
    )
    events = home.get(f"{where}/events").json()
    assert sum("errorDeclaration" in each["event"] for each in events) == 1
    verdict = verify.verify(home.node, home.deployment, bytes.fromhex(found["id"][2:])).verdict
    assert verdict.matches


def test_a_journal_as_served_is_the_chains_and_any_change_shows(home: House) -> None:
    found = home.get("batches").json()["items"][0]
    shown = home.get(f"batches/{found['id']}/journal")
    body = shown.json()
    id_ = bytes.fromhex(found["id"][2:])
    on_chain = home.deployment.batches.read(home.node, "headOf", int(found["id"], 16))
    records = [bytes.fromhex(each["data"][2:]) for each in body["records"]]
    head = journal.head_of(records, chain_id=body["chain_id"], contract=body["contract"], batch=id_)
    assert head == on_chain
    fresh = home.get(f"batches/{found['id']}/journal", If_None_Match=shown.headers["etag"])
    assert (fresh.status_code, fresh.content) == (304, b"")
    one = home.get(f"batches/{found['id']}/journal/1").json()
    assert one == body["records"][1]


def test_a_buyer_without_account_signs_what_was_quoted(home: House) -> None:
    found = batch(home, [home.address("farmer-eggs")])
    stranger = keys.new_key()
    home.mint(str(stranger.address), 900)
    payer = str(stranger.address).lower()
    asked = {"payer": payer, "lines": [{"batch": found["id"], "units": 3}]}
    quote = home.post("", "orders/quote", asked).json()
    assert quote["total"] == {"yuan": "9.00", "fen": 900}
    typed = quote["typed_data"]
    signature = keys.sign(stranger, typed["domain"], typed["types"], typed["message"])
    body = {
        "payer": payer,
        "number": quote["number"],
        "buyer": quote["buyer"],
        "lines": [
            {
                "batch": each["batch"],
                "units": each["units"],
                "amount": {"fen": each["amount"]["fen"]},
            }
            for each in quote["lines"]
        ],
        "valid_before": quote["valid_before"],
        "signature": "0x" + signature.hex(),
    }
    forged = home.post("", "payments/signed", body | {"buyer": home.address("buyer")})
    assert forged.status_code in {403, 409, 422}, forged.text
    home.done("", "payments/signed", body)
    bought = home.get(f"holdings/{payer}").json()
    assert bought == [{"batch": found["id"], "owner": payer, "units": 3}]
    twice = home.post("", "payments/signed", body)
    assert twice.status_code == 201, "the same request is the same payment"
    assert len(home.get(f"payments?payer={payer}").json()["items"]) == 1


def report(
    home: House, body: dict[str, Any], *, at: float | None = None, secret: str = SECRET
) -> Any:  # noqa: ANN401 -- an answer
    data = orjson.dumps(body)
    timestamp = str(int(at or time.time()))
    headers = {
        "Yuanliu-Timestamp": timestamp,
        "Yuanliu-Signature": webhooks.sign(secret, timestamp, data),
        "Content-Type": "application/json",
    }
    return home.client().post("/api/v1/webhooks/payments/bank", content=data, headers=headers)


def test_a_payment_providers_report_is_paid_from_the_till_once(home: House) -> None:
    found = batch(home, [home.address("farmer-eggs")])
    home.mint(home.address("buyer"), 10 * PRICE)
    line = {"batch": found["id"], "units": 2, "amount": {"yuan": "6.00"}}
    body = {"order": f"ORD-{next(_numbers)}", "currency": "CNY", "lines": [line]}
    first = report(home, body)
    assert first.status_code == 201, first.text
    assert report(home, body).json()["id"] == first.json()["id"]
    assert report(home, body, secret="x" * 40).json()["code"] == "webhook.signature_wrong"
    assert report(home, body, at=time.time() - 301).json()["code"] == "webhook.too_old"
    other = body | {"lines": [line | {"units": 1, "amount": {"fen": PRICE}}]}
    assert report(home, other).json()["code"] == "outbox.key_reused"
    wrong = body | {"order": "ORD-wrong", "lines": [line | {"amount": {"fen": 1}}]}
    assert report(home, wrong).json()["code"] == "contract.Batches_AmountBelowFloor"
    home.shows(first.json()["block"])
    assert len(home.get(f"payments?batch={found['id']}").json()["items"]) == 1


def test_terms_change_for_later_deliveries_only(home: House) -> None:
    before = home.get(f"products/{TEA}").json()["terms_in_force"]
    old = home.get(f"terms/{before}").json()
    early = delivery(home, home.address("farmer-tea"), grams=1_000, gtin=TEA)
    terms = {
        "farmer_bps": 6_000,
        "cooperative_bps": 3_000,
        "platform_bps": 1_000,
        "floor_per_unit": {"yuan": "61.00"},
        "cooperative_payee": old["cooperative_payee"],
        "platform_payee": old["platform_payee"],
    }
    low = home.post(
        "cooperative",
        f"products/{TEA}/terms",
        terms | {"farmer_bps": 2_999, "cooperative_bps": 6_001},
    )
    assert low.json()["code"] == "money.farmer_share_too_low"
    home.done("cooperative", f"products/{TEA}/terms", terms)
    late = delivery(home, home.address("farmer-tea"), grams=1_000, gtin=TEA)
    cooperative = home.address("cooperative")
    kept, new = (
        home.get(f"deliveries/{cooperative}/{each}").json()["terms"] for each in (early, late)
    )
    assert (kept, new) == (before, home.get(f"products/{TEA}").json()["terms_in_force"])
    assert [each["id"] for each in home.get(f"products/{TEA}/terms").json()][:2] == [new, kept]
    home.done("clerk", f"deliveries/{late}/void", {"reason": "weighed twice"})
    assert home.get(f"deliveries/{cooperative}/{late}").json()["void_reason"] == "weighed twice"
