"""The demo as people run it: a program of its own, on a devnet of its own, twice."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from rich.cells import cell_len

from yuanliu.chain import devnet
from yuanliu.chain.deployment import Deployment, Founders, deploy
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.history import read
from yuanliu.chain.keys import devnet_accounts, new_key
from yuanliu.chain.node import Node, Sender
from yuanliu.demo.story import CASES, Step, Story
from yuanliu.errors import YuanliuError
from yuanliu.records import Sold, decode
from yuanliu.settings import Settings, settings

pytestmark = [pytest.mark.node, pytest.mark.slow]

ACCOUNTS: Final = devnet_accounts(settings().devnet_dir)
FOUNDERS: Final = Founders(
    platform=str(ACCOUNTS["platform"].address),
    regulator=str(ACCOUNTS["regulator"].address),
    issuer=str(ACCOUNTS["issuer"].address),
)


def run(config: Settings, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "YUANLIU_DATA_DIR": str(config.data_dir),
        "YUANLIU_DEVNET_PORT": str(config.devnet_port),
        "COLUMNS": "80",
    }
    return subprocess.run(
        [sys.executable, "-m", "yuanliu.cli", *arguments],
        capture_output=True,
        text=True,
        env=environment | more,
        timeout=120,
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give the settings of a lasting devnet of this module's own, and stop it afterwards."""
    folder = tmp_path_factory.mktemp("demo")
    chosen = Settings(data_dir=folder / "data", devnet_port=devnet.free_port())
    yield chosen
    devnet.down(chosen)


@pytest.fixture(scope="module")
def document(config: Settings) -> dict[str, Any]:
    """Give what the first run says to programs."""
    ended = run(config, "demo", "--json")
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    assert ended.stdout == json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    assert ended.stderr == ""
    return told


@pytest.fixture(scope="module")
def shown(config: Settings, document: dict[str, Any]) -> str:
    """Give what the second run shows to people."""
    assert document["cases"]
    ended = run(config, "demo")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def cases(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {case["name"]: case for case in document["cases"]}


# ------------------------------------------------------------------ for programs


def test_the_document_has_the_promised_shape(document: dict[str, Any]) -> None:
    assert set(document) == {"cases", "deployment", "seconds"}
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


def test_the_command_that_it_recommends_works(config: Settings, shown: str) -> None:
    (batch,) = re.findall(r"\.venv/bin/yuanliu verify (\S+)", shown)
    ended = run(config, "verify", batch)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("matches")


# ------------------------------------------------------------------ where it must not run


def test_a_chain_that_is_no_devnet_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with Devnet(Settings(chain_id=4_242)) as other:
        config = Settings(data_dir=tmp_path / "data")
        ended = run(config, "demo", "--json", YUANLIU_RPC_URL=other.rpc_url)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "[deployment.mismatch]: chain id" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert other.node.block_number() == 0
    assert not config.deployment_file.exists()


def test_the_story_itself_refuses_another_chain_than_a_devnet() -> None:
    own = new_key()
    with Devnet(Settings(chain_id=4_242)) as other:
        other.node.request("anvil_setBalance", own.address, hex(10**20))
        made = deploy(Sender(other.node, own), FOUNDERS)
        before = other.node.block_number()
        with pytest.raises(YuanliuError) as caught:
            list(Story(other.node, made, ACCOUNTS, lambda _: None).run())
        assert caught.value.code == "demo.not_devnet"
        assert other.node.block_number() == before
        pretended = replace(made, chain_id=31_337)
        with pytest.raises(YuanliuError):
            list(Story(other.node, pretended, ACCOUNTS, lambda _: None).run())


def test_a_chain_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{devnet.free_port()}"
    ended = run(Settings(data_dir=tmp_path), "demo", YUANLIU_RPC_URL=url)
    assert ended.returncode == 2
    assert f"no Ethereum node answers at {url}" in ended.stderr


# ------------------------------------------------------------------ breaking off


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def test_wherever_a_run_breaks_off_the_next_one_succeeds() -> None:
    with Devnet() as chain:
        made = deploy(Sender(chain.node, ACCOUNTS["deployer"]), FOUNDERS)
        steps: list[Step] = []
        with chain.anchor():
            list(Story(chain.node, made, ACCOUNTS, steps.append).run())
        first = next(i for i, step in enumerate(steps) if step.case == "eggs")
        eggs = sum(step.case == "eggs" for step in steps)
        for last in (1, 7, first + 1, first + 2, first + eggs - 1, first + eggs + 1):
            with chain.anchor():
                stop_after(chain, made, last)
                results = list(Story(chain.node, made, ACCOUNTS, lambda _: None).run())
                assert [result.verification.verdict.matches for result in results] == [True] * 3


def stop_after(chain: Devnet, made: Deployment, steps: int) -> None:
    told: list[Step] = []

    def tell(step: Step) -> None:
        told.append(step)
        if len(told) == steps:
            raise Interrupted

    with pytest.raises(Interrupted):
        list(Story(chain.node, made, ACCOUNTS, tell).run())
