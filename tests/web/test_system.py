"""How the service tells of itself, and how it answers what it should not have been asked."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.web.house import SOON, House, caller

from yuanliu.web.problems import status_of

pytestmark = [pytest.mark.node, pytest.mark.slow]


def test_it_is_alive_and_ready_and_says_how_far_it_is(home: House) -> None:
    assert home.get("/healthz").json() == {"status": "alive"}
    end = time.monotonic() + SOON
    while not (found := home.get("/readyz").json())["ready"]:  # while the node stands still
        assert time.monotonic() < end, found
        time.sleep(0.05)
    assert found["index_block"] <= found["chain_block"]
    assert found["index_block"] <= home.get("chain").json()["block"]


def test_figures_for_prometheus_name_routes_and_not_lots(home: House) -> None:
    lot = home.results[0].lot
    home.get(f"/01/06901234567892/10/{lot}", Accept="application/json")
    found = home.client().get("/metrics")
    assert found.status_code == 200
    assert 'route="/01/{rest}"' in found.text
    home.get(f"actors/{home.address('clerk')}")
    assert 'route="/api/v1/actors/{actor}"' in home.client().get("/metrics").text
    assert lot not in found.text
    assert 'yuanliu_intentions{state="done"}' in found.text
    figures = dict(line.rsplit(" ", 1) for line in found.text.splitlines() if line[0] != "#")
    assert float(figures["yuanliu_oldest_waiting_seconds"]) == 0
    assert float(figures["yuanliu_relayer_balance_wei"]) > 0


def test_every_code_is_listed_with_words_and_status(home: House) -> None:
    listed = home.get("errors").json()
    assert len(listed) > 200
    for each in listed:
        assert 400 <= each["status"] < 600
        assert each["status"] == status_of(each["code"])
        assert each["title"]["zh"]
        assert each["title"]["en"]


def test_every_answer_carries_the_headers_that_protect_a_reader(home: House) -> None:
    for path in ("/healthz", "/api/v1/batches", "/api/v1/nothing", "/01/06901234567892"):
        headers = home.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"]


def test_public_data_may_be_read_from_any_page_and_no_other(home: House) -> None:
    assert home.get("batches").headers["access-control-allow-origin"] == "*"
    posted = home.client().post("/api/v1/session", json={})
    assert "access-control-allow-origin" not in posted.headers
    assert "access-control-allow-credentials" not in home.get("batches").headers


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/api/v1/nothing", b"", 404, "request.not_found"),
        ("DELETE", "/api/v1/batches", b"", 405, "request.method_not_allowed"),
        ("GET", "/api/v1/batches/xyz", b"", 422, "request.invalid"),
        ("GET", "/api/v1/batches?limit=1000000", b"", 422, "request.invalid"),
        ("GET", "/api/v1/batches?after=%00", b"", 422, "request.cursor_invalid"),
        ("GET", "/api/v1/batches?after=" + "A" * 9_000, b"", 413, "request.target_too_long"),
        ("GET", "/api/v1/batches/0x" + "ab" * 32, b"", 404, "batch.unknown"),
        ("POST", "/api/v1/session", b"{", 422, "request.invalid"),
        ("POST", "/api/v1/session", b"[" * 100_000, 400, "request.refused"),
        ("POST", "/api/v1/session", b"\xff\xfe", 422, "request.invalid"),
        ("POST", "/api/v1/session", b'{"login": 1}', 422, "request.invalid"),
        (
            "POST",
            "/api/v1/session",
            b'{"login": "x", "password": "y", "z": 1}',
            422,
            "request.invalid",
        ),
        ("POST", "/api/v1/session", b" " * 1_100_000, 413, "request.too_large"),
    ],
)
def test_what_is_wrong_is_named_in_a_problem_document(
    home: House, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"} if content else {}
    answer = home.client().request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:yuanliu:error:{code}"
    assert problem["instance"].endswith(answer.headers["x-request-id"])


def test_a_body_without_a_length_is_bounded_all_the_same(home: House) -> None:
    pieces = (b" " * 100_000 for _ in range(20))
    headers = {"Content-Type": "application/json"}
    answer = home.client().post("/api/v1/session", content=pieces, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


def test_the_same_intention_from_many_at_once_is_one(home: House) -> None:
    batch = home.get("batches").json()["items"][0]["id"]
    body = {"price": home.get(f"batches/{batch}").json()["price"]}
    owner = home.client("clerk")

    def put(_: int) -> str:
        with caller(home.url) as client:
            client.cookies = owner.cookies
            csrf = owner.headers["X-CSRF-Token"]
            headers = {"X-CSRF-Token": csrf, "Idempotency-Key": "price-once"}
            answer = client.put(f"/api/v1/batches/{batch}/price", json=body, headers=headers)
            assert answer.status_code in {201, 202}, answer.text
            return str(answer.json()["id"])

    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(put, range(24)))) == 1
    other = owner.put(
        f"/api/v1/batches/{batch}/price",
        content=json.dumps({"price": {"fen": 999_999}}),
        headers={"Idempotency-Key": "price-once", "Content-Type": "application/json"},
    )
    assert (other.status_code, other.json()["code"]) == (422, "outbox.key_reused")


def test_somebody_elses_intention_is_nobodys_business(home: House) -> None:
    mine = home.client("clerk").get("/api/v1/intentions").json()["items"]
    assert mine
    answer = home.client("carrier").get(f"/api/v1/intentions/{mine[0]['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "outbox.unknown")


def test_refusals_come_in_the_readers_language(home: House) -> None:
    path = "batches/0x" + "cd" * 32
    assert home.get(path).json()["title"] == "没有这个批次"
    english = home.get(path, Accept_Language="en-GB,en;q=0.9")
    assert english.headers["content-language"] == "en"
    assert english.json()["title"].isascii()


def test_the_page_of_the_api_shows_every_route(home: House) -> None:
    page = home.get("docs")
    assert page.status_code == 200
    assert "/api/v1/batches/{batch}/journal" in page.text.replace("<wbr>", "")
