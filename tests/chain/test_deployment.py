"""The deployment record: written whole or not at all, and nothing else than what it says is worked on."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.conversions import to_hex
from pydantic import SecretStr
from tests.commands import run
from tests.tampering import Proxy, results

from yuanliu.chain import launch
from yuanliu.chain.artifacts import load_manifest
from yuanliu.chain.bindings import ContractRefusal
from yuanliu.chain.deployment import (
    CONTRACTS,
    Deployment,
    DeploymentMismatch,
    Founders,
    deploy,
)
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.keys import devnet_accounts, new_key
from yuanliu.chain.node import ChainUnreachable, Node, Sender
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings, settings

pytestmark = pytest.mark.node

ACCOUNTS = devnet_accounts(settings().devnet_dir)
FOUNDERS = Founders(
    platform=str(ACCOUNTS["platform"].address),
    regulator=str(ACCOUNTS["regulator"].address),
    issuer=str(ACCOUNTS["issuer"].address),
    uri="https://example.org/{id}",
)


@pytest.fixture(scope="module")
def chain() -> Iterator[Devnet]:
    with Devnet() as devnet:
        yield devnet


@pytest.fixture(scope="module")
def record(chain: Devnet) -> Deployment:
    return deploy(Sender(chain.node, ACCOUNTS["deployer"]), FOUNDERS)


@pytest.fixture
def anchored(chain: Devnet, record: Deployment) -> Iterator[Node]:
    """Give the node with the recorded contracts on it, and take back what the test does."""
    assert record.contracts
    with chain.anchor():
        yield chain.node


@pytest.fixture
def config(chain: Devnet, tmp_path: Path) -> Iterator[Settings]:
    """Give settings for the chain, with nothing recorded yet."""
    with chain.anchor():
        yield Settings(data_dir=tmp_path / "data", rpc_url=chain.rpc_url)


def differing(check: Callable[[], object]) -> dict[str, object]:
    """Give the fields of the mismatch in which `check` ends."""
    with pytest.raises(DeploymentMismatch) as caught:
        check()
    error = caught.value
    assert error.code == "deployment.mismatch"
    assert error.hint
    assert str(error.fields["what"]) in error.message
    return error.fields


# ------------------------------------------------------------------ the record on disk


def test_the_record_comes_back_as_it_was_saved(record: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "not there yet" / "deployment.json"
    record.save(path)
    assert Deployment.load(path) == record
    assert [file.name for file in path.parent.iterdir()] == ["deployment.json"]


def test_the_record_says_what_was_deployed_where_and_from_what(
    chain: Devnet, record: Deployment
) -> None:
    built = load_manifest()
    assert (record.chain_id, record.genesis) == (31_337, chain.node.block_hash(0))
    assert (record.source_hash, record.compiler) == (built["sourceHash"], built["compiler"])
    assert record.deployer == ACCOUNTS["deployer"].address
    assert list(record.contracts) == list(CONTRACTS)
    for name, contract in record.contracts.items():
        receipt = chain.node.request("eth_getTransactionReceipt", contract.transaction)
        assert receipt["contractAddress"] == contract.address.lower(), name
        assert int(receipt["blockNumber"], 16) >= record.block, name
        assert chain.node.code(contract.address), name


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda _: "[]",
        lambda _: "null",
        lambda _: '"deployment"',
        lambda _: "{}",
        lambda text: text.replace('"contracts"', '"contract"'),
        lambda text: text.replace('"chain_id"', '"chain"'),
        lambda text: text.replace('"code_sha256"', '"code"', 1),
        lambda text: json.dumps(json.loads(text) | {"contracts": []}),
        lambda text: json.dumps(json.loads(text) | {"contracts": {"Actors": 7}}),
        lambda text: json.dumps(json.loads(text) | {"more": 1}),
        lambda text: "\ud800" + text,
    ],
    ids=range(13),
)
def test_a_damaged_record_is_refused_and_says_how_to_go_on(
    record: Deployment, tmp_path: Path, damage: Callable[[str], str]
) -> None:
    path = tmp_path / "deployment.json"
    text = damage(json.dumps(asdict(record)))
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(YuanliuError) as caught:
        Deployment.load(path)
    assert caught.value.code == "deployment.unreadable"
    assert "--replace" in caught.value.hint
    assert path.read_bytes() == text.encode("utf-8", "surrogatepass")


def test_a_missing_record_is_named_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(YuanliuError) as caught:
        Deployment.load(tmp_path / "none.json")
    assert caught.value.code == "deployment.none"
    assert caught.value.fields == {"path": str(tmp_path / "none.json")}
    assert "yuanliu deploy" in caught.value.hint


def test_a_folder_in_its_place_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(YuanliuError, match="cannot be read"):
        Deployment.load(tmp_path)


@pytest.mark.parametrize("more", [{}, {"relay": "0x01"}], ids=["same fields", "other fields"])
def test_a_record_of_another_format_is_told_from_a_damaged_one(
    record: Deployment, tmp_path: Path, more: dict[str, str]
) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(asdict(record) | {"format": 2} | more))
    fields = differing(lambda: Deployment.load(path))
    assert fields == {"what": "format of the deployment record", "expected": 1, "found": 2}


def test_a_record_is_never_half_written(
    record: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deployment.json"
    record.save(path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(record, block=7).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_contract_that_was_not_deployed_is_named(record: Deployment) -> None:
    without = replace(record, contracts={})
    with pytest.raises(YuanliuError, match="DemoYuan was not deployed") as caught:
        _ = without.demo_yuan
    assert caught.value.code == "deployment.no_contract"


# ------------------------------------------------------------------ the record against the chain


def test_the_chain_it_was_made_on_fits(anchored: Node, record: Deployment) -> None:
    record.check(anchored)


def test_another_chain_id_is_refused(anchored: Node, record: Deployment) -> None:
    fields = differing(lambda: replace(record, chain_id=1).check(anchored))
    assert fields == {"what": "chain id", "expected": 1, "found": 31_337}


def test_a_chain_that_was_reset_is_refused(record: Deployment) -> None:
    with Devnet(flags=("--timestamp=1700000000",)) as other:
        fields = differing(lambda: record.check(other.node))
        assert fields["what"] == "genesis block"
        assert fields["expected"] == record.genesis
        assert fields["found"] == other.node.block_hash(0)


@pytest.mark.parametrize("name", CONTRACTS)
def test_another_code_at_an_address_is_refused(
    anchored: Node, record: Deployment, name: str
) -> None:
    contract = record.contracts[name]
    anchored.request("anvil_setCode", contract.address, "0x60006000fd")
    fields = differing(lambda: record.check(anchored))
    assert fields["what"] == f"code of {name} at {contract.address}"
    assert fields["expected"] == contract.code_sha256
    assert fields["found"] != contract.code_sha256


def test_one_changed_byte_of_code_is_noticed(anchored: Node, record: Deployment) -> None:
    address = record.contracts["Batches"].address
    code = bytearray(anchored.code(address))
    code[len(code) // 2] ^= 1
    anchored.request("anvil_setCode", address, "0x" + code.hex())
    assert str(differing(lambda: record.check(anchored))["what"]).startswith("code of Batches")


def test_an_address_without_code_is_refused(anchored: Node, record: Deployment) -> None:
    anchored.request("anvil_setCode", record.contracts["Payments"].address, "0x")
    assert differing(lambda: record.check(anchored))["found"] == "no contract"


def test_other_sources_than_the_packages_are_refused(anchored: Node, record: Deployment) -> None:
    fields = differing(lambda: replace(record, source_hash="00").check(anchored))
    assert fields["what"] == "source hash of the contracts"
    assert (fields["expected"], fields["found"]) == ("00", load_manifest()["sourceHash"])


def test_a_chain_that_does_not_answer_is_unreachable_and_not_different(
    anchored: Node, record: Deployment
) -> None:
    with (
        Proxy(anchored.url, lambda _request, _ask: None) as proxy,
        pytest.raises(ChainUnreachable),
    ):
        record.check(Node(proxy.url))


def test_a_node_that_hides_the_code_does_not_fit(anchored: Node, record: Deployment) -> None:
    with Proxy(anchored.url, results("eth_getCode", lambda _: "0x")) as proxy:
        assert differing(lambda: record.check(Node(proxy.url)))["found"] == "no contract"


# ------------------------------------------------------------------ deploying


def test_the_contracts_know_each_other_and_their_founders(
    anchored: Node, record: Deployment
) -> None:
    d = record
    at = {name: contract.address.lower() for name, contract in d.contracts.items()}

    def read(contract: Any, *question: object) -> object:  # noqa: ANN401 -- any of the contracts
        found = contract.read(anchored, *question)
        return found.lower() if isinstance(found, str) and found.startswith("0x") else found

    for acting in (d.catalogue, d.deliveries, d.batches, d.payments):
        assert read(acting, "ACTORS") == at["Actors"], acting.name
        assert read(acting, "trustedForwarder") == at["Actors"], acting.name
    for trading in (d.deliveries, d.batches, d.payments):
        assert read(trading, "CATALOGUE") == at["Catalogue"], trading.name
    assert read(d.deliveries, "BATCHES") == at["Batches"]
    assert read(d.batches, "DELIVERIES") == at["Deliveries"]
    assert read(d.batches, "PAYMENTS") == at["Payments"]
    assert read(d.payments, "BATCHES") == at["Batches"]
    assert read(d.batches, "uri", 1) == FOUNDERS.uri
    assert d.actors.read(anchored, "actorOf", FOUNDERS.platform)["roles"] == 1
    assert d.actors.read(anchored, "actorOf", FOUNDERS.regulator)["roles"] == 64


def test_each_contract_is_announced_before_it_is_deployed(anchored: Node) -> None:
    said: list[str] = []
    deploy(Sender(anchored, ACCOUNTS["deployer"]), FOUNDERS, said=said.append)
    assert said == list(CONTRACTS)


def test_elsewhere_than_on_a_devnet_there_is_no_demo_money(anchored: Node) -> None:
    without = replace(FOUNDERS, issuer=None)
    made = deploy(Sender(anchored, ACCOUNTS["deployer"]), without)
    assert list(made.contracts) == [name for name in CONTRACTS if name != "DemoYuan"]
    made.check(anchored)


def test_deploying_twice_gives_two_deployments_that_both_work(
    anchored: Node, record: Deployment
) -> None:
    other = deploy(Sender(anchored, ACCOUNTS["deployer"]), FOUNDERS)
    for name in CONTRACTS:
        assert other.contracts[name].address != record.contracts[name].address
    other.check(anchored)
    record.check(anchored)


def test_founders_that_the_contracts_refuse_are_refused_in_their_words(anchored: Node) -> None:
    same = replace(FOUNDERS, regulator=FOUNDERS.platform)
    with pytest.raises(ContractRefusal) as caught:
        deploy(Sender(anchored, ACCOUNTS["deployer"]), same)
    assert FOUNDERS.platform.lower() in map(str, caught.value.fields.values())


def test_somebody_who_uses_the_deployers_key_meanwhile_is_noticed(anchored: Node) -> None:
    def meddle(name: str) -> None:
        if name == "Deliveries":
            Sender(anchored, ACCOUNTS["deployer"]).send(FOUNDERS.platform, b"", gas=30_000)
            sender._nonce = None

    sender = Sender(anchored, ACCOUNTS["deployer"])
    fields = differing(lambda: deploy(sender, FOUNDERS, said=meddle))
    assert fields["what"] == "address of Deliveries"


def test_a_deployer_without_gas_leaves_nothing_behind(anchored: Node) -> None:
    before = anchored.block_number()
    with pytest.raises(YuanliuError):
        deploy(Sender(anchored, new_key()), FOUNDERS)
    assert anchored.block_number() == before


# ------------------------------------------------------------------ launching


def test_launching_deploys_once_and_then_finds_it(config: Settings) -> None:
    said: list[str] = []
    first = launch.deployment(config, said=said.append)
    assert (first.fresh, said) == (True, list(CONTRACTS))
    written = config.deployment_file.read_bytes()
    blocks = Node(config.rpc_url).block_number()

    again = launch.deployment(config, said=said.append)
    assert (again.fresh, again.deployment) == (False, first.deployment)
    assert config.deployment_file.read_bytes() == written
    assert Node(config.rpc_url).block_number() == blocks
    assert said == list(CONTRACTS)


def test_replacing_deploys_anew(config: Settings) -> None:
    first = launch.deployment(config)
    second = launch.deployment(config, replace=True)
    assert second.fresh
    assert second.deployment.contracts != first.deployment.contracts
    assert Deployment.load(config.deployment_file) == second.deployment


def test_a_damaged_record_is_never_replaced_unasked(config: Settings) -> None:
    config.data_dir.mkdir()
    config.deployment_file.write_text("{")
    for replace_if_reset in (False, True):
        with pytest.raises(YuanliuError, match="cannot be read"):
            launch.deployment(config, replace_if_reset=replace_if_reset)
    assert config.deployment_file.read_text() == "{"
    assert launch.deployment(config, replace=True).fresh


def test_a_record_of_the_devnet_before_its_reset_is_replaced_only_if_that_is_allowed(
    config: Settings,
) -> None:
    made = launch.deployment(config).deployment
    replace(made, genesis="0x" + "00" * 32).save(config.deployment_file)
    assert differing(lambda: launch.deployment(config))["what"] == "genesis block"
    assert launch.deployment(config, replace_if_reset=True).fresh
    assert not launch.deployment(config).fresh


def test_the_record_of_another_chain_is_never_replaced_because_a_devnet_answers(
    config: Settings,
) -> None:
    made = launch.deployment(config).deployment
    replace(made, chain_id=100).save(config.deployment_file)
    fields = differing(lambda: launch.deployment(config, replace_if_reset=True))
    assert fields == {"what": "chain id", "expected": 100, "found": 31_337}
    assert Deployment.load(config.deployment_file).chain_id == 100


@pytest.fixture(scope="module")
def foreign() -> Iterator[Devnet]:
    """Give a chain that is no devnet, where only one key has gas that is not public."""
    with Devnet(Settings(chain_id=4_242)) as other:
        for who in (OWN, *ACCOUNTS.values()):
            other.node.request("anvil_setBalance", who.address, hex(10**20))
        yield other


OWN = new_key()
OWN_FOUNDERS: dict[str, Any] = {
    "deployer_key": SecretStr(to_hex(OWN.key)),
    "platform_address": str(new_key().address),
    "regulator_address": str(new_key().address),
}


def test_another_chain_than_the_settings_expect_gets_no_contracts(
    foreign: Devnet, tmp_path: Path
) -> None:
    config = Settings(data_dir=tmp_path, rpc_url=foreign.rpc_url)
    fields = differing(lambda: launch.deployment(config))
    assert fields == {"what": "chain id (YUANLIU_CHAIN_ID)", "expected": 31_337, "found": 4_242}
    assert not config.deployment_file.exists()


def test_a_chain_that_is_no_devnet_is_founded_by_keys_of_ones_own(
    foreign: Devnet, tmp_path: Path
) -> None:
    config = Settings(data_dir=tmp_path, rpc_url=foreign.rpc_url, chain_id=4_242, **OWN_FOUNDERS)
    with foreign.anchor():
        made = launch.deployment(config)
        assert made.fresh
        assert (made.deployment.chain_id, made.deployment.deployer) == (4_242, OWN.address)
        assert "DemoYuan" not in made.deployment.contracts
        assert not launch.deployment(config).fresh


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (dict.fromkeys(OWN_FOUNDERS), "deployment.founders_missing"),
        ({"regulator_address": None}, "deployment.founders_missing"),
        (
            {"deployer_key": SecretStr(to_hex(ACCOUNTS["deployer"].key))},
            "deployment.public_keys",
        ),
        (
            {"platform_address": str(ACCOUNTS["platform"].address).lower()},
            "deployment.public_keys",
        ),
        ({"regulator_address": str(ACCOUNTS["buyer"].address)}, "deployment.public_keys"),
        ({"deployer_key": SecretStr("0x1234")}, "keys.private_key_invalid"),
        ({"deployer_key": SecretStr("secret words")}, "keys.private_key_invalid"),
        ({"deployer_key": SecretStr("00" * 32)}, "keys.private_key_invalid"),
        ({"platform_address": "platform"}, "hexes.address_invalid"),
        ({"regulator_address": "0x1234"}, "hexes.address_invalid"),
    ],
    ids=range(10),
)
def test_wrong_founders_are_refused_before_anything_is_sent(
    foreign: Devnet, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    config = Settings(
        data_dir=tmp_path, rpc_url=foreign.rpc_url, chain_id=4_242, **(OWN_FOUNDERS | change)
    )
    before = foreign.node.block_number()
    with pytest.raises(YuanliuError) as caught:
        launch.deployment(config)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
    assert foreign.node.block_number() == before
    assert not config.deployment_file.exists()


@pytest.mark.parametrize("last", ["Actors", "Batches", "DemoYuan"])
def test_a_node_that_dies_half_way_leaves_no_record_and_harms_nothing(
    tmp_path: Path, last: str
) -> None:
    def die(name: str) -> None:
        if name == last:
            dying._process.kill()
            dying._process.wait()

    with Devnet() as dying:
        config = Settings(data_dir=tmp_path, rpc_url=dying.rpc_url)
        with pytest.raises(ChainUnreachable):
            launch.deployment(config, said=die)
    assert not config.deployment_file.exists()
    assert list(tmp_path.rglob("*")) == []


def test_after_a_deployment_that_broke_off_the_next_one_succeeds(config: Settings) -> None:
    def stop(name: str) -> None:
        if name == "Batches":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launch.deployment(config, said=stop)
    assert not config.deployment_file.exists()
    assert launch.deployment(config).fresh
    launch.deployment(config).deployment.check(Node(config.rpc_url))


# ------------------------------------------------------------------ the command


@pytest.mark.slow
def test_the_command_deploys_and_refuses_another_chain(config: Settings) -> None:
    where = {"YUANLIU_DATA_DIR": str(config.data_dir), "YUANLIU_RPC_URL": config.rpc_url}
    first = run("deploy", **where)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Deployed on chain 31337")
    for contract in Deployment.load(config.deployment_file).contracts.values():
        assert contract.address in first.stdout
    changed = replace(Deployment.load(config.deployment_file), genesis="0x" + "00" * 32)
    changed.save(config.deployment_file)
    refused = run("deploy", **where)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "[deployment.mismatch]: genesis block: expected 0x0000" in refused.stderr
    assert "yuanliu deploy --replace" in refused.stderr
    assert Deployment.load(config.deployment_file) == changed
