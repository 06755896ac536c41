"""Lies to the service, and of whoever reaches its disk: reports, attachments, labels, payment providers."""

import hashlib
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from httpx import Client, Response
from tests.lies.lie import lie
from tests.lies.witnesses import answered, stands
from tests.web.house import SECRET, House, house

from yuanliu import records
from yuanliu.chain import history, relay
from yuanliu.chain.node import Sender
from yuanliu.web import webhooks

pytestmark = [pytest.mark.node, pytest.mark.slow]

_numbers: Final = itertools.count(1)
STORE: Final = "the store of attachments"
PHONE: Final = "13812345678"
BROWSER: Final = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile",
    "Accept": "text/html",
    "Accept-Language": "en",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of these; the lots of its demonstration are what is lied about."""
    with house(tmp_path_factory.mktemp("lies")) as made:
        yield made


@pytest.fixture(scope="module")
def lot(home: House) -> dict[str, Any]:
    """Give a lot of the demonstration."""
    found: dict[str, Any] = home.get("batches").json()["items"][0]
    return found


def upload(home: House) -> tuple[str, bytes]:
    report = b"%%PDF-1.7\n%% report %d\n%%%%EOF\n" % next(_numbers)
    files = {"file": ("report.pdf", report, "application/pdf")}
    made = home.client("inspector").post("/api/v1/attachments", files=files)
    assert made.status_code == 201, made.text
    return str(made.json()["sha256"]), report


def inspection(sha256: str, *, value: str, conformant: bool) -> dict[str, Any]:
    measured = {
        "substance": "https://id.yuanliu.example/substance/imidacloprid",
        "value": value,
        "limit": "0.5",
        "limit_source": "GB 2763-2026",
        "method": "GB 23200.121",
    }
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "place": "laboratory",
        "laboratory": "LAB-0001",
        "report_sha256": sha256,
        "conformant": conformant,
        "measurements": [measured],
    }


def inspected(home: House, lot: dict[str, Any]) -> tuple[str, bytes, Path]:
    """Have a report put on the record; give its hash, its bytes, and where they lie."""
    sha256, report = upload(home)
    home.done(
        "inspector",
        f"batches/{lot['id']}/inspections",
        inspection(sha256, value="0.1", conformant=True),
    )
    (place,) = (path for path in home.config.data_dir.rglob(sha256) if path.is_file())
    return sha256, report, place


def last_payload(home: House, lot: dict[str, Any]) -> bytes:
    """Give the payload of a batch's last record, from the chain alone."""
    found = history.read(home.node, home.deployment, bytes.fromhex(lot["id"][2:]))
    body = records.decode(found.records[-1].data).body
    return bytes(getattr(body, "payload"))  # noqa: B009 -- whichever body it is


# ------------------------------------------------------------------ attachments


@lie(
    "Drop an attachment",
    "删除检测报告附件",
    cheats="consumer",
    liars=("database admin", "platform"),
    happens="The laboratory's report disappears from the platform's disk.",
    noticed_by=("the store of attachments", "whoever reads the record"),
    how=(
        "its SHA-256 stays on the record, so that something is missing stays visible for ever; whoever has the"
        " file sends it again. The file itself is not on the chain: if nobody kept it, it is lost."
    ),
)
def test_a_report_that_disappears(home: House, lot: dict[str, Any]) -> None:
    sha256, _, place = inspected(home, lot)
    place.unlink()
    answered(home.get(f"attachments/{sha256}"), "attachments.store_incomplete", by=STORE)
    stands(on_the_record=sha256.encode() in last_payload(home, lot))


@lie(
    "Swap an attachment",
    "调换检测报告附件",
    cheats="consumer",
    liars=("database admin", "platform"),
    happens="Another report lies under the first one's name.",
    noticed_by=("the store of attachments", "whoever reads the record"),
    how=(
        "files are named by their SHA-256 and hashed each time they are given out; the record holds the true one."
    ),
)
def test_a_report_that_became_another(home: House, lot: dict[str, Any]) -> None:
    sha256, report, place = inspected(home, lot)
    place.chmod(0o600)
    place.write_bytes(report.replace(b"report", b"gospel"))
    answered(home.get(f"attachments/{sha256}"), "attachments.corrupt", by=STORE)
    on_chain = sha256.encode() in last_payload(home, lot)
    stands(on_the_record=on_chain and hashlib.sha256(report).hexdigest() == sha256)


# ------------------------------------------------------------------ what is said


@lie(
    "Certify against one's own figures",
    "数据超标却判定合格",
    cheats="consumer",
    liars=("laboratory",),
    happens="A laboratory writes 0.71 mg/kg where 0.5 is allowed, and *conformant* below it.",
    noticed_by=("the service",),
    how="verdict and figures must agree, and the report must have been handed in.",
)
def test_a_verdict_that_contradicts_its_figures(home: House, lot: dict[str, Any]) -> None:
    sha256, _ = upload(home)
    where = f"batches/{lot['id']}/inspections"
    lying = inspection(sha256, value="0.71", conformant=True)
    answered(home.post("inspector", where, lying), "epcis.verdict_contradicts")
    without = inspection("ab" * 32, value="0.1", conformant=True)
    answered(home.post("inspector", where, without), "attachments.not_found")


@lie(
    "Put somebody's name and telephone on the record",
    "把他人的姓名电话写上链",
    cheats="farmer",
    liars=("cooperative", "clerk", "carrier"),
    happens=(
        "An event carries a farmer's telephone number, where nobody can ever take it off again."
    ),
    noticed_by=("the service",),
    how=(
        "fields and values that look like personal data are refused before they reach the chain. Who signs past"
        " the service is not stopped: contracts cannot read."
    ),
)
def test_a_telephone_number_in_an_event(home: House, lot: dict[str, Any]) -> None:
    event = {
        "kind": "production",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "place": "orchard-12",
        "step": "growing",
        "details": {"ask": PHONE},
    }
    where = f"batches/{lot['id']}/events"
    answered(home.post("cooperative", where, event), "privacy.personal_data")
    call = home.deployment.batches.call(
        "record", int(lot["id"], 16), 7, orjson.dumps({"type": "ObjectEvent", "ask": PHONE})
    )
    past = relay.Relay(home.deployment, Sender(home.node, home.accounts["relayer"]))
    past.direct(home.accounts["carrier"], call)
    assert PHONE.encode() in last_payload(home, lot)


@lie(
    "Report a payment that was never made",
    "伪造支付平台的到账通知",
    cheats="farmer",
    liars=("outsider", "payment provider"),
    happens=(
        "A forged, late or altered notice says that an order was paid, so that goods are given out."
    ),
    noticed_by=("the service",),
    how=(
        "notices are signed with the provider's secret, fresh, and pay an order once. A provider that lies itself"
        " pays from the till's own money: the farmers still get theirs."
    ),
)
def test_a_forged_notice_of_payment(home: House, lot: dict[str, Any]) -> None:
    line = {"batch": lot["id"], "units": 1, "amount": {"fen": lot["price"]["fen"]}}
    body = {"order": f"LIE-{next(_numbers)}", "currency": "CNY", "lines": [line]}

    def report(secret: str = SECRET, at: float = 0.0, **change: object) -> Response:
        data, moment = orjson.dumps(body), str(int(at or time.time()))
        headers = {
            "Yuanliu-Timestamp": moment,
            "Yuanliu-Signature": webhooks.sign(secret, moment, data),
            "Content-Type": "application/json",
        }
        sent = orjson.dumps(body | change)
        return home.client().post("/api/v1/webhooks/payments/bank", content=sent, headers=headers)

    answered(report(secret="x" * 40), "webhook.signature_wrong")
    answered(report(order="LIE-other"), "webhook.signature_wrong")
    answered(report(at=time.time() - 400), "webhook.too_old")


@lie(
    "Act with somebody else's session",
    "冒用他人登录会话操作",
    cheats="actor",
    liars=("outsider", "carrier"),
    happens=(
        "A foreign page makes a clerk's browser post; a carrier books deliveries and reads others' requests."
    ),
    noticed_by=("the service",),
    how=(
        "a cookie alone changes nothing, and every route asks for the role that the chain says the account has."
    ),
)
def test_a_session_without_its_token_and_without_its_role(home: House) -> None:
    body: dict[str, Any] = {"deliveries": []}
    cookies = dict(home.client("clerk").cookies)
    with Client(base_url=home.url, trust_env=False, cookies=cookies) as forger:
        answered(forger.post("/api/v1/deliveries", json=body), "access.csrf")
    answered(
        home.post("carrier", "accounts", {"login": "x-1", "kind": "farmer", "code": "X1"}),
        "access.forbidden",
    )


# ------------------------------------------------------------------ labels


@lie(
    "Copy a label",
    "复印标签",
    cheats="consumer",
    liars=("anyone",),
    happens="A good lot's printed code is photographed and stuck on a thousand other packs.",
    noticed_by=(),
    how=(
        "every copy leads to the same true page of the lot, which bounds the gain: it says how many units there"
        " are. A code with a number of its own for each piece tells more (see *Copy the numbered label of one"
        " piece*)."
    ),
)
def test_a_copied_label_reads_like_the_first(home: House, lot: dict[str, Any]) -> None:
    path = f"/01/{lot['gtin']}/10/{lot['lot']}"
    with Client(base_url=home.url, trust_env=False) as copy:
        first, second = (
            client.get(path, headers={"Accept": "application/json"})
            for client in (home.client(), copy)
        )
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["units"] > 0


@lie(
    "Copy the numbered label of one piece",
    "复印单件标签（带序列号）",
    cheats="consumer",
    liars=("anyone",),
    happens="The code of one piece, with its own number, is copied onto other packs.",
    noticed_by=("whoever reads the page",),
    how=(
        "the page says that this code was scanned before, when, and how often. The first reader sees nothing, a"
        " thief who scans it a hundred times spoils a good one, and the count is the platform's own: it is not on"
        " the chain."
    ),
)
def test_a_copied_number_was_scanned_before(home: House, lot: dict[str, Any]) -> None:
    path = f"/01/{lot['gtin']}/10/{lot['lot']}/21/{next(_numbers)}"
    shown = []
    for _ in range(2):
        with Client(base_url=home.url, trust_env=False, headers=BROWSER) as phone:
            shown.append(phone.get(path).text)
    assert "This code is scanned for the first time." in shown[0]
    stands(
        on_the_record="This code is scanned for time number 2." in shown[1],
        seen_by="whoever reads the page",
    )
