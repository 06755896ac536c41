import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.commands import Ended, run
from tests.waiting import SOON, until

from yuanliu.chain import devnet, devnet_keeper, devnet_state
from yuanliu.chain.keys import devnet_accounts
from yuanliu.chain.node import Node, RpcError, Sender
from yuanliu.chain.processes import identity
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

pytestmark = pytest.mark.node

SOMEBODY = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Settings]:
    """Give the settings of a lasting devnet of this test's own, and stop it afterwards."""
    config = Settings(data_dir=tmp_path / "data", devnet_port=devnet.free_port())
    yield config
    devnet.down(config)


@pytest.fixture(scope="module")
def chain() -> Iterator[devnet.Devnet]:
    with devnet.Devnet() as node:
        yield node


def folder(config: Settings) -> Path:
    return config.data_dir / "devnet"


def transact(config: Settings) -> str:
    """Send a transaction from the relayer; give its hash."""
    relayer = devnet_accounts(config.devnet_dir)["relayer"]
    return Sender(Node(config.rpc_url), relayer).send(SOMEBODY, b"", gas=30_000).transaction


def knows(config: Settings, transaction: str) -> bool:
    receipt = Node(config.rpc_url).request("eth_getTransactionReceipt", transaction)
    return receipt is not None


def kill(status: devnet.Status) -> None:
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    until(lambda: identity(status.pid or 0) is None)


def kill_keepers(config: Settings) -> None:
    keeper = keeper_at_work(config)
    os.kill(keeper, signal.SIGKILL)
    until(lambda: identity(keeper) is None)


def cli(config: Settings, *arguments: str) -> Ended:
    return run(
        "devnet",
        *arguments,
        YUANLIU_DATA_DIR=str(config.data_dir),
        YUANLIU_DEVNET_PORT=str(config.devnet_port),
    )


# --- the lasting devnet ------------------------------------------------------------------------------


def test_a_second_up_finds_the_first(lasting: Settings) -> None:
    first, second = devnet.up(lasting), devnet.up(lasting)
    assert (first.outcome, second.outcome) == ("started", "found")
    assert first.pid == second.pid
    assert second.chain_id == lasting.chain_id
    assert devnet.down(lasting)
    assert not devnet.down(lasting)
    assert not devnet.status(lasting).running


def test_two_ups_at_once_start_one_node(lasting: Settings) -> None:
    environment = os.environ | {
        "YUANLIU_DATA_DIR": str(lasting.data_dir),
        "YUANLIU_DEVNET_PORT": str(lasting.devnet_port),
    }
    command = [sys.executable, "-m", "yuanliu.cli", "devnet", "up"]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate()[0].split(" at ")[0] for process in both)
    assert said == ["Devnet already runs", "Devnet is up"]


def test_the_chain_keeps_its_first_block_through_any_number_of_restarts(lasting: Settings) -> None:
    genesis = Node(devnet.up(lasting).rpc_url).block_hash(0)
    for restart in range(3):
        transact(lasting)
        devnet.down(lasting)
        time.sleep(1)  # the block that the node makes at its start is of another second
        assert Node(devnet.up(lasting).rpc_url).block_hash(0) == genesis, restart


def test_only_the_loopback_address_listens(lasting: Settings) -> None:
    devnet.up(lasting)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", lasting.devnet_port), timeout=SOON)


def test_a_transaction_is_mined_at_once(lasting: Settings) -> None:
    """By the keeper: it is so without the blocks that the node makes every few seconds by itself."""
    devnet.up(lasting)
    Node(lasting.rpc_url).request("evm_setIntervalMining", 0)
    for _ in range(10):
        transact(lasting)


def test_without_its_keeper_it_still_mines_and_the_next_up_brings_one(lasting: Settings) -> None:
    devnet.up(lasting)
    transact(lasting)
    kill_keepers(lasting)
    transact(lasting)
    devnet.up(lasting)
    Node(lasting.rpc_url).request("evm_setIntervalMining", 0)
    transact(lasting)


def test_a_keeper_follows_one_that_is_late_to_notice_the_end_of_its_node(lasting: Settings) -> None:
    status = devnet.up(lasting)
    late = keeper_at_work(lasting)
    os.kill(late, signal.SIGSTOP)
    kill(status)
    devnet.up(lasting)
    os.kill(late, signal.SIGCONT)
    Node(lasting.rpc_url).request("evm_setIntervalMining", 0)
    transact(lasting)
    until(lambda: identity(late) is None)
    transact(lasting)
    assert len(_keepers(lasting)) == 1


@pytest.mark.parametrize("noted", ["", "[1, 2]", '{"keeper": [1, "x"]}'])
def test_down_does_without_the_keepers_note(lasting: Settings, noted: str) -> None:
    devnet.up(lasting)
    transaction = transact(lasting)
    keeper_at_work(lasting)
    (folder(lasting) / "keeper.lock").write_text(noted)
    devnet.down(lasting)
    devnet.up(lasting)
    assert knows(lasting, transaction)


def keeper_at_work(config: Settings) -> int:
    """Wait until there is one keeper, which has taken its place; give its pid."""
    noted = 0

    def at_work() -> bool:
        nonlocal noted
        with suppress(FileNotFoundError, ValueError):
            noted = json.loads((folder(config) / "keeper.lock").read_bytes())["keeper"][0]
        return _keepers(config) == [noted]

    until(at_work)
    return noted


def _keepers(config: Settings) -> list[int]:
    state = str(folder(config) / "state.json")
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and f"{state}\0" in _command_line(process)
    ]


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def test_the_chain_survives_a_restart(lasting: Settings) -> None:
    devnet.up(lasting)
    transaction = transact(lasting)
    devnet.down(lasting)
    devnet.up(lasting)
    assert knows(lasting, transaction)


def test_the_chain_survives_a_kill(lasting: Settings) -> None:
    status = devnet.up(lasting)
    transaction = transact(lasting)
    state = folder(lasting) / "state.json"
    until(lambda: state.exists() and transaction in state.read_text())
    kill(status)
    assert not devnet.status(lasting).running
    assert devnet.up(lasting).outcome == "started"
    assert knows(lasting, transaction)


@pytest.mark.parametrize("keep_bytes", [0, 1000, -1])
def test_what_the_node_wrote_at_its_end_counts_if_it_is_whole(
    lasting: Settings, keep_bytes: int
) -> None:
    status = devnet.up(lasting)
    transaction = transact(lasting)
    state, last = folder(lasting) / "state.json", folder(lasting) / "state.last.json"
    until(lambda: state.exists() and transaction in state.read_text())
    kill_keepers(lasting)
    later = transact(lasting)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGTERM)  # as at the end of a session
    until(lambda: identity(status.pid or 0) is None)
    assert not devnet.status(lasting).running
    assert later in last.read_text()
    assert later not in state.read_text()
    last.write_bytes(last.read_bytes()[: keep_bytes if keep_bytes >= 0 else None])
    recovery = devnet.up(lasting).recovery
    assert ("was broken" in recovery) == (keep_bytes >= 0)
    assert knows(lasting, transaction)
    assert knows(lasting, later) == (keep_bytes < 0)
    assert not last.exists()


def test_a_broken_state_file_begins_anew_and_says_so(lasting: Settings) -> None:
    folder(lasting).mkdir(parents=True)
    (folder(lasting) / "state.json").write_text('{"blocks": [')
    done = cli(lasting, "up")
    assert done.returncode == 0
    assert "begins anew" in " ".join(done.stderr.split())
    assert (folder(lasting) / "state.broken.json").exists()


def of_two_moments(state: Path) -> str:
    """Give a dump as the node writes it when it makes a block meanwhile: without the block, with what it did."""
    found = json.loads(state.read_bytes())
    head = found["best_block_number"]
    found["best_block_number"] = head - 1
    found["blocks"] = [b for b in found["blocks"] if int(b["header"]["number"], 16) < head]
    found["transactions"] = [t for t in found["transactions"] if t["block_number"] < head]
    return json.dumps(found, separators=(",", ":"))


def test_a_last_dump_that_is_older_than_what_was_saved_does_not_count(lasting: Settings) -> None:
    devnet.up(lasting)
    devnet.down(lasting)
    state, last = folder(lasting) / "state.json", folder(lasting) / "state.last.json"
    old = state.read_bytes()
    devnet.up(lasting)
    transaction = transact(lasting)
    devnet.down(lasting)
    last.write_bytes(old)
    assert "old" in devnet.up(lasting).recovery
    assert knows(lasting, transaction)


def test_a_last_dump_of_two_moments_gives_way_to_what_was_saved(lasting: Settings) -> None:
    devnet.up(lasting)
    transaction = [transact(lasting) for _ in range(3)][-1]
    devnet.down(lasting)
    state, last = folder(lasting) / "state.json", folder(lasting) / "state.last.json"
    assert devnet_state.is_whole(state)
    last.write_text(of_two_moments(state))
    assert not devnet_state.is_whole(last)
    assert "was broken" in devnet.up(lasting).recovery
    assert knows(lasting, transaction)
    assert_of_one_piece(lasting)


@pytest.mark.parametrize("head", [0, 1, 2, 8190, 8191, 8192, 20_000])
def test_two_moments_are_told_however_long_the_chain(head: int) -> None:
    """The contract that keeps the hashes of blocks (EIP-2935) has 8,191 slots."""

    def dump(accounts_of: int) -> str:
        """Give a dump of blocks up to `head`, with the accounts as they were after block `accounts_of`."""
        storage = {f"0x{n % 8191:064x}": _hash(n) for n in range(accounts_of)}
        parents = "0x0000f90827f1c53a10cb7a02335b175320002935"
        blocks = [{"header": {"parentHash": _hash(n - 1)}} for n in range(head + 1)]
        found = {
            "block": {"number": hex(head)},
            "accounts": {parents: {"nonce": 0, "storage": storage}},
            "best_block_number": head,
            "blocks": blocks,
        }
        return json.dumps(found, separators=(",", ":"))

    assert devnet_state.is_of_one_moment(dump(head))
    for later in (1, 2, 10):
        assert not devnet_state.is_of_one_moment(dump(head + later))


def _hash(block: int) -> str:
    return f"0x{block + 1:064x}"


@contextmanager
def load(config: Settings) -> Iterator[list[str]]:
    """Send transactions all the time; give those that were mined so far."""
    mined: list[str] = []

    def send() -> None:
        with suppress(YuanliuError, OSError):
            while True:
                mined.append(transact(config))

    sending = threading.Thread(target=send)
    sending.start()
    until(lambda: len(mined) >= 20)
    yield mined
    sending.join()


def test_down_under_load_keeps_whatever_was_mined(lasting: Settings) -> None:
    for _ in range(2):
        devnet.up(lasting)
        with load(lasting) as mined:
            devnet.down(lasting)
        assert devnet.up(lasting).recovery == ""
        assert all(knows(lasting, transaction) for transaction in mined)
        assert_of_one_piece(lasting)


def test_what_is_saved_under_load_is_always_whole(lasting: Settings) -> None:
    status = devnet.up(lasting)
    state, seen = folder(lasting) / "state.json", set[int]()

    def saved_again() -> bool:
        assert not state.exists() or devnet_state.is_whole(state)
        with suppress(FileNotFoundError):
            seen.add(state.stat().st_mtime_ns)
        return len(seen) > 2

    with load(lasting):
        until(saved_again)
        kill(status)
    assert devnet.up(lasting).recovery == ""
    assert_of_one_piece(lasting)


def test_down_ends_a_keeper_that_stands_still(lasting: Settings) -> None:
    devnet.up(lasting)
    transaction = transact(lasting)
    keeper = keeper_at_work(lasting)
    os.kill(keeper, signal.SIGSTOP)
    devnet.down(lasting)
    until(lambda: identity(keeper) is None)
    devnet.up(lasting)
    assert knows(lasting, transaction)


def assert_of_one_piece(config: Settings) -> None:
    """Assert that the relayer's nonce is the number of transactions in the blocks."""
    node = Node(config.rpc_url)
    asked = [("eth_getBlockByNumber", [hex(n), False]) for n in range(node.block_number() + 1)]
    relayer = devnet_accounts(config.devnet_dir)["relayer"]
    assert sum(len(block["transactions"]) for block in node.batch(asked)) == node.transaction_count(
        str(relayer.address)
    )


def test_a_state_of_two_moments_is_not_saved(
    lasting: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, state = Node(devnet.up(lasting).rpc_url), tmp_path / "state.json"
    transact(lasting)
    assert devnet_state.save(node, state)
    before, torn = state.read_bytes(), of_two_moments(state)
    told = "0x" + gzip.compress(torn.encode()).hex()
    monkeypatch.setattr(node, "request", lambda *_: told)
    assert not devnet_state.save(node, state)
    assert state.read_bytes() == before


def test_it_saves_often_while_there_are_transactions_and_seldom_while_there_are_none(
    lasting: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(devnet_keeper, "time", SimpleNamespace(monotonic=lambda: now))
    node, state = Node(devnet.up(lasting).rpc_url), tmp_path / "state.json"
    saver = devnet_keeper.Saver(node, state)
    assert saver.due(0)
    saver.save(0)
    assert devnet_state.is_whole(state)
    now += devnet_keeper.SAVE_SECONDS
    assert not saver.due(0)
    assert saver.due(1)
    now += devnet_keeper.IDLE_SECONDS
    assert saver.due(0)
    devnet.down(lasting)
    saver.save(0)  # nobody answers: nothing is lost, and nothing counts as saved
    assert devnet_state.is_whole(state)


def test_a_busy_port_is_named_with_a_way_out(lasting: Settings) -> None:
    with socket.create_server(("127.0.0.1", lasting.devnet_port)):
        done = cli(lasting, "up")
    assert done.returncode == 1
    assert "error [devnet.port_busy]" in done.stderr
    assert str(lasting.devnet_port) in done.stderr
    assert "YUANLIU_DEVNET_PORT=" in done.stderr
    assert not devnet.status(lasting).running


def test_another_port_than_the_running_one_is_refused(lasting: Settings) -> None:
    devnet.up(lasting)
    other = lasting.model_copy(update={"devnet_port": devnet.free_port()})
    with pytest.raises(YuanliuError) as refusal:
        devnet.up(other)
    assert refusal.value.code == "devnet.other_port"
    assert refusal.value.fields["running"] == lasting.devnet_port


def test_another_chain_id_than_the_running_one_is_refused(lasting: Settings) -> None:
    devnet.up(lasting)
    with pytest.raises(YuanliuError) as refusal:
        devnet.up(lasting.model_copy(update={"chain_id": 1}))
    assert refusal.value.code == "devnet.wrong_chain"
    assert refusal.value.fields == {"found": 31337, "expected": 1}


def test_a_stale_pid_file_harms_nobody(lasting: Settings) -> None:
    innocent = subprocess.Popen(["/bin/sleep", "60"])
    try:
        folder(lasting).mkdir(parents=True)
        record = {"pid": innocent.pid, "born": "not its birth", "port": lasting.devnet_port}
        (folder(lasting) / "anvil.pid").write_text(json.dumps(record))
        assert not devnet.status(lasting).running
        assert not devnet.down(lasting)
        assert devnet.up(lasting).outcome == "started"
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_garbled_pid_file_is_no_obstacle(lasting: Settings) -> None:
    folder(lasting).mkdir(parents=True)
    (folder(lasting) / "anvil.pid").write_text("garbage")
    assert devnet.up(lasting).outcome == "started"


def test_reset_begins_an_empty_chain(lasting: Settings) -> None:
    devnet.up(lasting)
    transaction = transact(lasting)
    devnet.reset(lasting)
    assert not knows(lasting, transaction)
    assert Node(lasting.rpc_url).block_number() <= 1


def test_only_those_who_pay_gas_own_any(lasting: Settings) -> None:
    devnet.up(lasting)
    listed = json.loads((lasting.devnet_dir / "accounts.json").read_bytes())["accounts"]
    node = Node(lasting.rpc_url)
    funded = {
        entry["role"]
        for entry in listed
        if int(node.request("eth_getBalance", entry["address"], "latest"), 16) > 0
    }
    assert funded == {entry["role"] for entry in listed if entry["gas"]}
    assert funded == {"deployer", "relayer", "issuer"}


def test_a_node_that_will_not_start_is_quoted(lasting: Settings, tmp_path: Path) -> None:
    fake = tmp_path / "anvil"
    fake.write_text("#!/bin/sh\necho 'the reason' >&2; exit 1\n")
    fake.chmod(0o755)
    with pytest.raises(YuanliuError) as refusal:
        devnet.up(lasting.model_copy(update={"anvil": fake}))
    assert refusal.value.code == "devnet.start_failed"
    assert "the reason" in refusal.value.message


def test_a_missing_node_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(YuanliuError) as refusal:
        devnet.find_anvil(Settings(devnet_dir=tmp_path))
    assert refusal.value.code == "devnet.node_missing"
    assert "scripts/setup" in refusal.value.hint


def test_status_says_so_with_its_exit_code(lasting: Settings) -> None:
    assert cli(lasting, "status").returncode == 1
    status = devnet.up(lasting)
    done = cli(lasting, "status", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["pid"] == status.pid


# --- a chain for a test -----------------------------------------------------------------------------


def test_it_checks_p256_signatures(chain: devnet.Devnet) -> None:
    assert devnet.has_p256(chain.node)
    forged = bytes.fromhex(devnet.P256_VALID[2:-2] + "00")
    assert chain.node.call(devnet.P256_ADDRESS, forged) == b""


def test_it_caps_the_gas_of_a_transaction(chain: devnet.Devnet) -> None:
    deployer = devnet_accounts(Settings().devnet_dir)["deployer"]
    sender = Sender(chain.node, deployer)
    sender.send(SOMEBODY, b"", gas=16_777_216)
    with pytest.raises(RpcError):
        sender.send(SOMEBODY, b"", gas=16_777_217)


def test_it_refuses_code_over_the_limit(chain: devnet.Devnet) -> None:
    deployer = devnet_accounts(Settings().devnet_dir)["deployer"]
    # PUSH2 0x6001, PUSH0, RETURN: 24,577 zero bytes as code.
    too_long = bytes.fromhex("6160015ff3")
    with pytest.raises(YuanliuError):
        Sender(chain.node, deployer).send(None, too_long, gas=16_000_000)


def test_it_undoes_what_happened_in_an_anchor(chain: devnet.Devnet) -> None:
    deployer = devnet_accounts(Settings().devnet_dir)["deployer"]
    before = chain.node.block_number()
    with chain.anchor():
        Sender(chain.node, deployer).send(SOMEBODY, b"", gas=30_000)
        assert chain.node.block_number() == before + 1
    assert chain.node.block_number() == before


def test_it_ends_with_its_block() -> None:
    with devnet.Devnet() as node:
        port = node.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=SOON)


def test_it_keeps_few_states_and_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, spare = tmp_path / "home", tmp_path / "spare"
    home.mkdir()
    spare.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    with devnet.Devnet() as node:
        for _ in range(800):
            node.node.request("evm_mine")
        kept = list(spare.rglob("*.json"))
        assert 0 < len(kept) <= devnet.PERSISTED_STATES
    assert not list(spare.iterdir())
    assert not list(home.iterdir())


def test_the_lasting_one_keeps_to_its_folder(
    lasting: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for _ in range(2):
        kill(devnet.up(lasting))
    devnet.up(lasting)
    assert not list(home.iterdir())
    assert len(list((folder(lasting) / "states").glob("*"))) <= 1
