"""The REST binding of EPCIS: what is captured is on the chain, and what is on the chain can be asked for."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import pytest
from httpx import Response
from tests.web.house import EGGS, SOON, House

from yuanliu.epcis import contexts, hashing
from yuanliu.epcis.validation import open_document

pytestmark = [pytest.mark.node, pytest.mark.slow]

FARM: Final = "https://farm.example/ns/"


def event(lot: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    when = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    return {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": when,
        "eventTimeZoneOffset": "+00:00",
        "bizStep": "storing",
        "readPoint": {"id": "https://id.yuanliu.example/place/cellar-1"},
        "quantityList": [
            {"epcClass": f"https://id.gs1.org/01/{EGGS}/10/{lot}", "quantity": 10, "uom": "H87"}
        ],
        **more,
    }


def document(*events: dict[str, Any], **prefixes: str) -> dict[str, Any]:
    return {
        "@context": [contexts.CONTEXT, prefixes] if prefixes else contexts.CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-04-12T08:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


def lot_of(home: House) -> str:
    return home.results[0].lot


def capture(
    home: House, body: object, *, who: str = "carrier", behaviour: str = "rollback", **headers: str
) -> Response:
    sent = {"GS1-Capture-Error-Behaviour": behaviour, **headers}
    return home.client(who).post("/epcis/capture", json=body, headers=sent)


def finished(home: House, answer: Response, *, who: str = "carrier") -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        job: dict[str, Any] = home.client(who).get(answer.headers["location"]).json()
        if not job["running"]:
            home.shows(home.node.block_number())
            return job
        time.sleep(0.05)
    raise AssertionError(f"still running: {answer.text}")


def asked(home: House, query: str) -> list[dict[str, Any]]:
    answer = home.client().get(f"/epcis/events?{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    open_document(found).validate()
    events: list[dict[str, Any]] = found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return events


def test_what_is_captured_stands_in_the_journal_and_is_found_by_its_ids(home: House) -> None:
    own = f"urn:uuid:{uuid.uuid4()}"
    sent = event(lot_of(home), eventID=own, **{"farm:shelf": "B-7"})
    job = finished(home, capture(home, document(sent, farm=FARM)))
    assert (job["success"], job["errors"]) == (True, [])
    (found,) = asked(home, f"EQ_eventID={quote(own, safe='')}")
    assert found["quantityList"] == sent["quantityList"]
    by_extension = asked(home, f"EQ_{quote(FARM + 'shelf', safe='')}=B-7&EQ_bizStep=storing")
    assert by_extension == [found]
    one = home.client().get(f"/epcis/events/{quote(own, safe='')}").json()
    assert one["eventID"] == own
    namespaces = contexts.read_context([contexts.CONTEXT, {"farm": FARM}], contexts.OURS)
    name = hashing.event_hash(sent, namespaces)
    same = home.client().get(f"/epcis/events/{quote(name, safe='')}")
    assert same.status_code == 200, same.text
    assert "immutable" in same.headers["cache-control"]
    kinds = [
        each["kind"]
        for each in home.get(
            f"batches/0x{home.results[0].verification.batch.hex()}/journal"
        ).json()["records"]
    ]
    assert kinds[-1] == "logistics"


def test_rollback_takes_all_or_none(home: House) -> None:
    before = len(
        asked(
            home, f"MATCH_anyEPCClass=https://id.gs1.org/01/{EGGS}/10/{lot_of(home)}&perPage=1000"
        )
    )
    good, bad = event(lot_of(home)), event(lot_of(home), bizStep="shiping")
    refused = capture(home, document(good, bad))
    assert refused.status_code == 422
    assert refused.json()["code"] == "epcis.word_unknown"
    assert refused.json()["fields"]["pointer"].startswith("/epcisBody/eventList/1")
    unknown = capture(home, document(good, event("NO-SUCH-LOT")))
    assert unknown.json()["code"] == "epcis.capture_lot_unknown"
    after = asked(
        home, f"MATCH_anyEPCClass=https://id.gs1.org/01/{EGGS}/10/{lot_of(home)}&perPage=1000"
    )
    assert len(after) == before
    job = finished(home, capture(home, document(good, event(lot_of(home), bizStep="loading"))))
    assert job["success"]


def test_proceed_takes_what_it_can_and_names_the_rest(home: House) -> None:
    events = [event(lot_of(home)), event("NO-SUCH-LOT"), event(lot_of(home), bizStep="unloading")]
    answer = capture(home, document(*events), behaviour="proceed")
    job = finished(home, answer)
    assert not job["success"]
    assert job["captureErrorBehaviour"] == "proceed"
    (error,) = job["errors"]
    assert (error["title"], error["instance"]) == ("epcis.capture_lot_unknown", {"event": 1})
    assert answer.json()["captureID"] in {
        each["captureID"] for each in home.client("carrier").get("/epcis/capture").json()
    }


def test_a_capture_sent_twice_is_one(home: House) -> None:
    body = document(event(lot_of(home), eventID=f"urn:uuid:{uuid.uuid4()}"))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (capture(home, body, **key) for _ in range(2))
    assert first.json()["captureID"] == second.json()["captureID"]
    finished(home, first)
    assert (
        len(
            asked(
                home, f"EQ_eventID={quote(body['epcisBody']['eventList'][0]['eventID'], safe='')}"
            )
        )
        == 1
    )
    other = capture(home, document(event(lot_of(home), bizStep="picking")), **key)
    assert other.json()["code"] == "outbox.key_reused"


def test_a_correction_is_captured_with_the_event_that_is_right(home: House) -> None:
    wrong_id, right_id = (f"urn:uuid:{uuid.uuid4()}" for _ in range(2))
    wrong = event(lot_of(home), eventID=wrong_id)
    right = event(lot_of(home), eventID=right_id, bizStep="stocking")
    finished(home, capture(home, document(wrong, right)))
    declared = {
        **wrong,
        "errorDeclaration": {
            "declarationTime": datetime.now(UTC).isoformat(timespec="seconds"),
            "reason": "incorrect_data",
            "correctiveEventIDs": [right_id],
        },
    }
    assert finished(home, capture(home, document(declared)))["success"]
    both = asked(home, f"EQ_eventID={quote(wrong_id, safe='')}")
    assert sorted("errorDeclaration" in each for each in both) == [False, True]
    lone = {
        **wrong,
        "eventID": f"urn:uuid:{uuid.uuid4()}",
        "errorDeclaration": declared["errorDeclaration"],
    }
    assert capture(home, document(lone)).json()["code"] == "epcis.capture_corrective_missing"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"type": "EPCISDocument"}, 422, "epcis.context_invalid"),
        (document({"type": "NoEvent"}), 422, "epcis.type_invalid"),
        (document({**event("X"), "name": "张三"}), 422, "epcis.field_unknown"),
        (document(event("X", type="TransactionEvent")), 422, None),
        ([], 422, None),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(
    home: House, body: object, status: int, code: str | None
) -> None:
    answer = capture(home, body)
    assert answer.status_code == status, answer.text
    assert code in {None, answer.json()["code"]}


def test_personal_data_is_not_captured(home: House) -> None:
    for value in ("13812345678", "11010519491231002X", "zhang@example.com"):
        answer = capture(home, document(event(lot_of(home), **{"farm:contact": value}), farm=FARM))
        assert answer.json()["code"] == "privacy.personal_data", value


def test_limits_are_announced_and_kept(home: House) -> None:
    found = home.client().request("OPTIONS", "/epcis/capture")
    limit = int(found.headers["gs1-epcis-capture-limit"])
    size = int(found.headers["gs1-epcis-capture-file-size-limit"])
    many = capture(home, document(*[event(lot_of(home)) for _ in range(limit + 1)]))
    assert (many.status_code, many.json()["code"]) == (413, "request.too_large")
    headers = {"Content-Type": "application/json"}
    huge = home.client("carrier").post("/epcis/capture", content=b" " * (size + 1), headers=headers)
    assert huge.status_code == 413
    xml = home.client("carrier").post(
        "/epcis/capture", content=b"<a/>", headers={"Content-Type": "text/xml"}
    )
    assert xml.status_code == 415
    assert home.client().post("/epcis/capture", json=document()).status_code == 401
    assert capture(home, document(event(lot_of(home))), who="auditor").status_code == 403


def test_pages_lead_on_until_all_was_seen(home: House) -> None:
    query = "perPage=4&orderBy=eventTime&orderDirection=ASC"
    seen: list[str] = []
    path = f"/epcis/events?{query}"
    while path:
        answer = home.client().get(path)
        assert answer.status_code == 200, answer.text
        page = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        assert len(page) <= 4
        seen += [each["eventTime"] for each in page]
        link = answer.headers.get("link", "")
        path = link[1 : link.index(">")] if link else ""
    whole = [
        each["eventTime"]
        for each in asked(home, "perPage=1000&orderBy=eventTime&orderDirection=ASC")
    ]
    assert len(seen) == len(whole) > 8
    assert seen == whole


def test_queries_that_cannot_be_answered_are_refused(home: House) -> None:
    for query, code in (
        ("EQ_bizStep=shiping", "epcis.word_unknown"),
        ("nonsense=1", "epcis.query_unknown"),
        ("perPage=0", "epcis.query_invalid"),
        ("nextPageToken=abc", "epcis.token_invalid"),
        ("WD_bizLocation=https://x.example/1", "epcis.query_unsupported"),
        ("maxEventCount=1", "epcis.query_too_large"),
    ):
        answer = home.client().get(f"/epcis/events?{query}")
        assert answer.json()["code"] == code, answer.text
        assert answer.status_code in {413, 422}


def test_acts_that_the_contracts_write_are_events_too(home: House) -> None:
    lot_class = f"https://id.gs1.org/01/{EGGS}/10/{lot_of(home)}"
    (sold,) = asked(home, f"eventType=TransactionEvent&MATCH_anyEPCClass={lot_class}")
    assert sold["bizStep"] == "retail_selling"
    harvested = asked(home, f"EQ_bizStep=commissioning&MATCH_anyEPCClass={lot_class}")
    assert [each["action"] for each in harvested] == ["ADD"]
    assert asked(home, "EQ_bizStep=receiving")
