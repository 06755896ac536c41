"""The demo as people run it: a program of its own, on a devnet of its own, again and again."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len
from tests.serve.programs import ACCOUNTS, Nursery, Place, Program

from yuanliu.chain import devnet
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.history import read
from yuanliu.chain.node import Node
from yuanliu.demo.story import CASES
from yuanliu.records import Sold, decode
from yuanliu.serve import detached
from yuanliu.settings import Settings

pytestmark = [pytest.mark.node, pytest.mark.slow]


def run(nursery: Nursery, place: Place, *arguments: str, code: int = 0, **more: str) -> Program:
    """Run a command to its end."""
    ended = nursery.start(place, *arguments, **more)
    assert ended.wait() == code, (ended.said, ended.errors)
    return ended


def told(program: Program) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(program.said)
    assert program.said == json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    assert program.errors == ""
    return document


@pytest.fixture(scope="module")
def place(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give a place of this module's own; the demo leaves the service and the devnet running, we do not."""
    made = Place.at(tmp_path_factory.mktemp("demo") / "data")
    try:
        yield made
    finally:
        run(nursery, made, "stop")
        run(nursery, made, "devnet", "down")
        assert detached.running(made.config) is None
        assert not made.has_devnet


@pytest.fixture(scope="module")
def config(place: Place) -> Settings:
    return place.config


@pytest.fixture(scope="module")
def document(nursery: Nursery, place: Place) -> dict[str, Any]:
    """Give what the first run says to programs."""
    return told(run(nursery, place, "demo", "--json"))


@pytest.fixture(scope="module")
def shown(nursery: Nursery, place: Place, document: dict[str, Any]) -> str:
    """Give what the second run shows to people."""
    assert document["cases"]
    return run(nursery, place, "demo").said


def cases(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {case["name"]: case for case in document["cases"]}


# ------------------------------------------------------------------ for programs


def test_the_document_has_the_promised_shape(document: dict[str, Any]) -> None:
    assert set(document) == {
        "cases",
        "deployment",
        "seconds",
        "address",
        "sign_ins",
        "operator",
    }
    assert list(cases(document)) == ["eggs", "oranges", "tea"]
    assert isinstance(document["seconds"], float)
    assert document["seconds"] > 0
    promised = {
        "name": str,
        "batch": str,
        "units": int,
        "amount_fen": int,
        "floor_fen": int,
        "shares_fen": dict,
        "journal": str,
        "events": int,
        "transactions": list,
    }
    for case in document["cases"]:
        assert {key: type(case[key]) for key in promised} == promised
        assert list(case["shares_fen"]) == ["farmer", "cooperative", "platform"]
        assert re.fullmatch(r"0x[0-9a-f]{64}", case["batch"])
        assert all(re.fullmatch(r"0x[0-9a-f]{64}", hash_) for hash_ in case["transactions"])
        assert len(set(case["transactions"])) == len(case["transactions"]) > 5


def test_every_fen_is_shared_and_none_twice(document: dict[str, Any]) -> None:
    for case in document["cases"]:
        shares = case["shares_fen"]
        assert sum(shares.values()) == case["amount_fen"], case["name"]
        margin = case["amount_fen"] - case["floor_fen"]
        assert shares["farmer"] >= case["floor_fen"] + margin * 3 // 10, case["name"]


def test_of_each_egg_at_three_yuan_the_farmer_gets_one_yuan_eighty(
    document: dict[str, Any],
) -> None:
    eggs = cases(document)["eggs"]
    assert eggs["amount_fen"] == 300 * eggs["units"]
    assert eggs["floor_fen"] == 120 * eggs["units"]
    assert eggs["shares_fen"]["farmer"] == 180 * eggs["units"]


def test_every_history_matches_and_the_tea_was_inspected(document: dict[str, Any]) -> None:
    assert {case["journal"] for case in document["cases"]} == {"matches"}
    told = cases(document)
    assert told["tea"]["events"] == told["eggs"]["events"] + 1


def test_the_chain_says_the_same(config: Settings, document: dict[str, Any]) -> None:
    deployment = Deployment.load(config.deployment_file)
    assert document["deployment"]["contracts"]["Batches"]["address"] == deployment.batches.address
    node = Node(config.rpc_url)
    for case in document["cases"]:
        history = read(node, deployment, bytes.fromhex(case["batch"][2:]))
        assert len(history.records) == case["events"]
        bodies = [decode(record.data).body for record in history.records]
        (sold,) = [body for body in bodies if isinstance(body, Sold)]
        assert (sold.units, sold.amount) == (case["units"], case["amount_fen"])
        assert [sold.farmers, sold.cooperative, sold.platform] == list(case["shares_fen"].values())
        assert {record.transaction for record in history.records} <= set(case["transactions"])
        for transaction in case["transactions"]:
            receipt = node.request("eth_getTransactionReceipt", transaction)
            assert int(receipt["status"], 16) == 1


def test_each_event_is_signed_by_its_author_with_a_key_of_his_own(
    config: Settings, document: dict[str, Any]
) -> None:
    deployment = Deployment.load(config.deployment_file)
    node = Node(config.rpc_url)
    address = {role: str(account.address).lower() for role, account in ACCOUNTS.items()}
    history = read(node, deployment, bytes.fromhex(cases(document)["tea"]["batch"][2:]))
    records = [decode(record.data) for record in history.records]
    assert [record.signer for record in records] == [
        address[role]
        for role in ("clerk", "farmer-tea", "inspector", "carrier", "carrier", "buyer")
    ]
    assert records[0].actor == address["cooperative"]


# ------------------------------------------------------------------ for people


def test_the_second_run_adds_lots_to_the_same_chain(
    config: Settings, document: dict[str, Any], shown: str
) -> None:
    first = {case["link"] for case in document["cases"]}
    second = set(re.findall(r"Batch: +(/01/\S+)", shown))
    assert len(second) == 3
    assert not first & second
    assert "Set-up" not in shown
    assert "(new)" not in shown
    assert "Operator" not in shown, "his password is shown once"
    assert Deployment.load(config.deployment_file).block == document["deployment"]["block"]


def test_no_line_is_wider_than_the_terminal(shown: str) -> None:
    for line in shown.splitlines():
        assert cell_len(line) <= 80, line


def test_it_says_who_received_what_and_that_all_of_it_was_checked(shown: str) -> None:
    assert len(re.findall(r"Journal: matches the chain \(\d+ records, head ", shown)) == 3
    for case in CASES:
        assert case.name in shown
        assert case.name_zh in shown
    farmers, cooperative, platform, paid = (
        round(float(number) * 100)
        for number in re.findall(r"¥([0-9.]+) (?:farmers|cooperative|platform|paid)", shown)
    )
    assert farmers + cooperative + platform == paid
    assert "Totals checked" in shown


def test_the_command_that_it_recommends_works(nursery: Nursery, place: Place, shown: str) -> None:
    (batch,) = re.findall(r"\.venv/bin/yuanliu verify (\S+)", shown)
    assert run(nursery, place, "verify", batch).said.startswith("matches")


# ------------------------------------------------------------------ what it leaves running


def test_every_address_that_it_prints_is_there(place: Place, shown: str) -> None:
    addresses = re.findall(rf"^  {place.url}(/\S+)", shown, re.MULTILINE)
    assert len(addresses) == 6
    with place.client() as client:
        for address in addresses:
            answer = client.get(address, headers={"Accept": "text/html"}, follow_redirects=True)
            assert answer.status_code == 200, (address, answer.text)
            assert answer.headers["Content-Type"].startswith("text/html"), address


def test_every_sign_in_that_it_prints_works(
    place: Place, document: dict[str, Any], shown: str
) -> None:
    assert document["address"] == place.url
    found = re.findall(r"^ +(\S+) +(demo-\S+|\S*demo\S*) +(\w+) *$", shown, re.MULTILINE)
    assert [tuple(each.values()) for each in document["sign_ins"]] == found
    assert len(found) == 12
    operator = document["operator"]
    found.append((operator["login"], operator["password"], "operator"))
    for login, password, kind in found:
        with place.client() as client:
            sign_in = {"login": login, "password": password}
            answer = client.post("/api/v1/session", json=sign_in)
            assert answer.status_code == 201, answer.text
            assert answer.json()["account"]["kind"] == kind


def test_a_run_that_only_checks_leaves_running_what_ran_before(
    nursery: Nursery, place: Place, shown: str
) -> None:
    assert "Running on" in shown
    before = detached.running(place.config)
    checked = run(nursery, place, "demo", "--check")
    assert "Totals checked" in checked.said
    assert "Running on" not in checked.said
    assert detached.running(place.config) == before is not None
    assert place.has_devnet


def test_another_port_than_that_of_the_running_service_is_said_so(
    nursery: Nursery, place: Place, shown: str
) -> None:
    assert shown
    other = place.on_port(devnet.free_port())
    assert "[service.other_port]" in run(nursery, other, "demo", code=2).errors


def test_after_a_reset_of_the_devnet_it_begins_anew(
    nursery: Nursery, place: Place, document: dict[str, Any]
) -> None:
    run(nursery, place, "devnet", "reset", "--yes")
    again = told(run(nursery, place, "demo", "--json"))
    assert again["deployment"]["genesis"] != document["deployment"]["genesis"]
    assert again["operator"] is None
    with place.client() as client:
        assert client.get("/api/v1/chain").json()["genesis"] == again["deployment"]["genesis"]
        for case in again["cases"]:
            assert client.get(f"/api/v1/batches/{case['batch']}").status_code == 200


def test_a_run_that_only_checks_ends_all_that_it_started_and_another_service_is_used(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = Place.at(tmp_path_factory.mktemp("checked") / "data")
    checked = told(run(nursery, own, "demo", "--check", "--json"))
    assert checked["address"] is None
    assert checked["operator"]["password"]
    assert {case["journal"] for case in checked["cases"]} == {"matches"}
    assert detached.running(own.config) is None
    assert not own.has_devnet

    program = nursery.serve(own)  # in a terminal, as it were
    run(nursery, own, "demo", "--check")
    assert program.alive
    assert detached.running(own.config) is None
    assert program.end() == 0
    assert not own.has_devnet


# ------------------------------------------------------------------ where it must not run


def test_a_chain_that_is_no_devnet_is_refused_before_anything_is_sent(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = Place.at(tmp_path_factory.mktemp("other") / "data")
    with Devnet(Settings(chain_id=4_242)) as other:
        refused = run(nursery, own, "demo", "--json", code=1, YUANLIU_RPC_URL=other.rpc_url)
        assert refused.said == ""
        assert "[deployment.mismatch]: chain id" in refused.errors
        assert "Traceback" not in refused.errors
        assert other.node.block_number() == 0
    assert not own.config.deployment_file.exists()
    assert not own.has_devnet


def test_a_chain_that_does_not_answer_is_said_so(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = Place.at(tmp_path_factory.mktemp("silent") / "data")
    url = f"http://127.0.0.1:{devnet.free_port()}"
    refused = run(nursery, own, "demo", code=2, YUANLIU_RPC_URL=url)
    assert f"no Ethereum node answers at {url}" in refused.errors
