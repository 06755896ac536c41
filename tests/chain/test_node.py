"""The one way to the chain: what it does with nodes that are silent, mad, old or slow, and with failures."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from tests.tampering import Json, Proxy, http, results, speaking

from yuanliu.chain import node as node_module
from yuanliu.chain.bindings import Contract, ContractRefusal, refusal
from yuanliu.chain.deployment import Deployment, Founders, deploy
from yuanliu.chain.devnet import Devnet, free_port
from yuanliu.chain.keys import devnet_accounts, new_key
from yuanliu.chain.node import ChainUnreachable, Node, RpcError, Sender, TransactionFailed
from yuanliu.settings import settings

pytestmark = pytest.mark.node

SOMEBODY = "0x000000000000000000000000000000000000dEaD"
SEND = "eth_sendRawTransaction"
RELAYER = devnet_accounts(settings().devnet_dir)["relayer"]
DEPLOYER = devnet_accounts(settings().devnet_dir)["deployer"]


@pytest.fixture(scope="module")
def devnet() -> Iterator[Devnet]:
    with Devnet() as chain:
        yield chain


@pytest.fixture(scope="module")
def deployed(devnet: Devnet) -> Deployment:
    founders = Founders(platform=str(RELAYER.address), regulator=str(DEPLOYER.address))
    return deploy(Sender(devnet.node, DEPLOYER), founders)


def pay(sender: Sender) -> str:
    return sender.send(SOMEBODY, b"", gas=30_000).transaction


# ------------------------------------------------------------------ no answer, or none that is one


def test_a_closed_port_is_an_unreachable_chain_at_once_and_the_error_says_what_to_do() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ChainUnreachable, match="ConnectionRefused") as caught:
        Node(url).chain_id()
    error = caught.value
    assert (error.code, error.exit_code, error.retryable) == ("chain.unreachable", 2, True)
    assert error.fields == {"url": url}
    assert "yuanliu devnet up" in error.hint


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        http(b""),
        http(b"<html>It works!</html>"),
        http(b"\xff\xfe\x00"),
        http(b"{}"),
        http(b"[]"),
        http(b'[{"result": "0x1"}]'),
        http(b"null"),
        http(b"7"),
        http(b'"error"'),
        http(b'"result"'),
        http(b'{"error": null}'),
        http(b'{"result": null}'),
        http(b'{"result": 7}'),
        http(b'{"result": {}}'),
        http(b'{"result": "31337"}'.replace(b"31337", b"x")),
        http(b"[" * 100_000),
        http(b'{"result": "0x7a69"}', length=1000),
        http(b"", status="503 Service Unavailable"),
        http(b"", status="401 Unauthorized"),
    ],
    ids=itertools.count(),
)
def test_what_is_no_json_rpc_is_an_unreachable_chain(said: bytes) -> None:
    with (
        speaking(lambda connection: connection.sendall(said)) as url,
        pytest.raises(ChainUnreachable),
    ):
        Node(url).chain_id()


def test_the_http_status_is_told() -> None:
    said = http(b"", status="429 Too Many Requests")
    with (
        speaking(lambda connection: connection.sendall(said)) as url,
        pytest.raises(ChainUnreachable, match="429"),
    ):
        Node(url).chain_id()


def silence(connection: socket.socket) -> None:
    connection.recv(1)


def drip(connection: socket.socket) -> None:
    connection.sendall(http(b'{"result": "0x', length=1_000_000))
    while True:
        connection.sendall(b"0")
        time.sleep(0.02)


@pytest.mark.parametrize("say", [silence, drip])
def test_the_timeout_holds_for_the_whole_answer_and_is_not_waited_for_again(
    say: Callable[[socket.socket], None],
) -> None:
    heard: list[socket.socket] = []

    def saying(connection: socket.socket) -> None:
        heard.append(connection)
        say(connection)

    with speaking(saying) as url, pytest.raises(ChainUnreachable, match="in time"):
        Node(url, timeout=0.3).chain_id()
    assert len(heard) == 1


def test_an_endless_answer_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuanliu.chain.line.MAX_ANSWER", 1_000_000)

    def endless(connection: socket.socket) -> None:
        connection.sendall(http(b'{"result": "0x', length=1 << 40))
        while True:
            connection.sendall(b"0" * 65_536)

    with speaking(endless) as url, pytest.raises(ChainUnreachable, match="1000000 bytes"):
        Node(url).chain_id()


def test_a_long_answer_is_read() -> None:
    body = b'{"jsonrpc": "2.0", "id": 0, "result": "0x' + b"ab" * 4_000_000 + b'"}'
    with speaking(lambda connection: connection.sendall(http(body))) as url:
        assert Node(url).code(SOMEBODY) == b"\xab" * 4_000_000


def test_a_proxy_in_the_environment_is_not_asked_for_a_node_on_this_machine(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert Node(devnet.rpc_url).chain_id() == 31_337


QUESTIONS: dict[str, tuple[str, Callable[[Node], object]]] = {
    "chain id": ("eth_chainId", lambda node: node.chain_id()),
    "block number": ("eth_blockNumber", lambda node: node.block_number()),
    "block hash": ("eth_getBlockByNumber", lambda node: node.block_hash(0)),
    "code": ("eth_getCode", lambda node: node.code(SOMEBODY)),
    "call": ("eth_call", lambda node: node.call(SOMEBODY, b"")),
    "gas": ("eth_estimateGas", lambda node: node.estimate(SOMEBODY, b"")),
    "logs": ("eth_getLogs", lambda node: node.logs(SOMEBODY, [], 0)),
    "nonce": ("eth_getTransactionCount", lambda node: node.transaction_count(SOMEBODY)),
    "receipt": ("eth_getTransactionReceipt", lambda node: pay(Sender(node, RELAYER))),
}


@pytest.mark.parametrize("question", list(QUESTIONS))
@pytest.mark.parametrize("nonsense", [7, "0xzz", [7], [{}], {"x": 1}, True], ids=str)
def test_a_result_of_another_shape_is_an_unreachable_chain(
    devnet: Devnet, question: str, nonsense: object
) -> None:
    method, ask = QUESTIONS[question]
    with (
        devnet.anchor(),
        Proxy(devnet.rpc_url, results(method, lambda _: nonsense)) as proxy,
        pytest.raises(ChainUnreachable, match=method),
    ):
        ask(Node(proxy.url))


# ------------------------------------------------------------------ errors of the node


@pytest.mark.parametrize(
    ("error", "message", "number", "data"),
    [
        ('{"code": 3, "message": "reverted", "data": "0x1234"}', "reverted", 3, "0x1234"),
        ('{"code": -32000, "message": "no", "data": {"why": 1}}', "no", -32_000, None),
        ('"simply no"', "simply no", 0, None),
        ("{}", "unknown error", 0, None),
        ('{"code": "x", "message": null}', "None", 0, None),
        ("[1]", "[1]", 0, None),
    ],
)
def test_an_error_of_the_node_is_told_however_little_there_is_of_it(
    error: str, message: str, number: int, data: str | None
) -> None:
    body = http(b'{"jsonrpc": "2.0", "id": 0, "error": %s}' % error.encode())
    with (
        speaking(lambda connection: connection.sendall(body)) as url,
        pytest.raises(RpcError) as caught,
    ):
        Node(url).chain_id()
    assert caught.value.message == f"eth_chainId: {message}"
    assert (caught.value.number, caught.value.data) == (number, data)


def test_a_revert_carries_its_data_and_becomes_the_contracts_refusal(
    devnet: Devnet, deployed: Deployment
) -> None:
    call = deployed.catalogue.call("listToken", SOMEBODY, True)
    for ask in (devnet.node.call, devnet.node.estimate):
        with pytest.raises(RpcError) as caught:
            ask(call.to, call.data, sender=SOMEBODY)
        assert caught.value.data
        told = refusal(caught.value)
        assert isinstance(told, ContractRefusal)
        assert told.name == "Actors_RoleMissing"
        assert told.fields["actor"] == SOMEBODY.lower()


def test_an_unknown_revert_keeps_its_bytes() -> None:
    told = refusal(RpcError("eth_call", "reverted", 3, "0xdeadbeef01"))
    assert isinstance(told, ContractRefusal)
    assert (told.name, told.fields) == ("Unknown", {"data": "0xdeadbeef01"})
    assert isinstance(refusal(RpcError("eth_call", "reverted", 3, "0x")), RpcError)


def test_a_block_that_does_not_exist_is_named(devnet: Devnet) -> None:
    with pytest.raises(RpcError, match="no block 1000000"):
        devnet.node.block_hash(1_000_000)


def test_an_address_without_code_answers_a_read_with_a_refusal_and_not_with_a_crash(
    devnet: Devnet,
) -> None:
    with pytest.raises(ChainUnreachable, match="nonsense for"):
        Contract("Batches", SOMEBODY).read(devnet.node, "headOf", 1)


# ------------------------------------------------------------------ sending


@pytest.fixture
def sender(devnet: Devnet) -> Iterator[Sender]:
    with devnet.anchor():
        yield Sender(devnet.node, RELAYER)


def test_a_receipt_tells_block_gas_and_contract(devnet: Devnet, sender: Sender) -> None:
    before = devnet.node.block_number()
    receipt = sender.send(SOMEBODY, b"", gas=30_000)
    assert (receipt.block, receipt.gas, receipt.contract) == (before + 1, 21_000, None)
    created = sender.send(None, bytes.fromhex("600160005360016000f3"))
    assert created.contract is not None
    assert devnet.node.code(created.contract) == b"\x01"


def test_a_transaction_that_is_never_mined_is_not_waited_for_without_end(
    devnet: Devnet, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "RECEIPT_TIMEOUT", 0.2)

    def tamper(request: Json, ask: Callable[[], Json]) -> Json | bytes | None:
        if request["method"] == "eth_getTransactionReceipt":
            return ask() | {"result": None}
        return ask()

    with (
        Proxy(devnet.rpc_url, tamper) as proxy,
        pytest.raises(ChainUnreachable, match="not mined in time"),
    ):
        pay(Sender(Node(proxy.url), RELAYER))
    assert sender.nonce == devnet.node.transaction_count(sender.address)


def test_a_reverted_transaction_failed_and_used_its_nonce(
    devnet: Devnet, sender: Sender, deployed: Deployment
) -> None:
    call = deployed.catalogue.call("listToken", SOMEBODY, True)
    before = sender.nonce
    with pytest.raises(TransactionFailed) as caught:
        sender.send(call.to, call.data, gas=200_000)
    raw = devnet.node.request("eth_getTransactionReceipt", caught.value.fields["transaction"])
    assert int(raw["status"], 16) == 0
    assert sender.nonce == before + 1
    pay(sender)
    assert sender.nonce == before + 2


def test_without_a_gas_limit_a_revert_is_noticed_before_anything_is_sent(
    sender: Sender, deployed: Deployment
) -> None:
    call = deployed.catalogue.call("listToken", SOMEBODY, True)
    before = sender.nonce
    with pytest.raises(RpcError) as caught:
        sender.send(call.to, call.data)
    assert caught.value.data
    assert sender.nonce == before == sender.node.transaction_count(sender.address)


def test_a_refused_transaction_uses_no_nonce(devnet: Devnet, sender: Sender) -> None:
    before = sender.nonce
    with pytest.raises(RpcError):
        sender.send(SOMEBODY, b"", gas=20_000)  # less than any transaction needs
    assert sender.nonce == before
    poor = Sender(devnet.node, new_key())
    with pytest.raises(RpcError, match=r"(?i)fund"):
        pay(poor)
    assert poor.nonce == 0
    pay(sender)


def test_a_transaction_whose_answer_got_lost_is_counted(devnet: Devnet, sender: Sender) -> None:
    before = sender.nonce
    lose = [True]

    def tamper(request: Json, ask: Callable[[], Json]) -> Json | None:
        answer = ask()
        if request["method"] == SEND and lose:
            lose.pop()
            return None
        return answer

    with Proxy(devnet.rpc_url, tamper) as proxy:
        proxied = Sender(Node(proxy.url), RELAYER)
        with pytest.raises(ChainUnreachable):
            pay(proxied)
        pay(proxied)
    assert sender.node.transaction_count(sender.address) == before + 2


def test_a_node_that_dies_and_comes_back_is_asked_for_the_nonce_again(devnet: Devnet) -> None:
    with devnet.anchor():
        up = [True]
        with Proxy(devnet.rpc_url, lambda _, ask: ask() if up else None) as proxy:
            sender = Sender(Node(proxy.url), RELAYER)
            pay(sender)
            up.clear()
            with pytest.raises(ChainUnreachable):
                pay(sender)
            up.append(True)
            pay(Sender(devnet.node, RELAYER))  # meanwhile, from elsewhere
            with pytest.raises(RpcError, match="nonce too low"):
                pay(sender)
            pay(sender)


def test_after_the_chain_went_back_the_nonce_is_found_again(
    devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with devnet.anchor():
        sender = Sender(devnet.node, RELAYER)
        before = sender.nonce
        snapshot = devnet.snapshot()
        pay(sender)
        devnet.revert(snapshot)
        with monkeypatch.context() as patched:
            patched.setattr(node_module, "RECEIPT_TIMEOUT", 0.2)
            with pytest.raises(ChainUnreachable, match="in time"):  # waits for the nonce before
                pay(sender)
        assert sender.nonce == before
        assert pay(sender)
        devnet.node.request("anvil_dropAllTransactions")


def test_another_sender_with_the_same_key_is_noticed_once(devnet: Devnet) -> None:
    with devnet.anchor():
        one, other = Sender(devnet.node, RELAYER), Sender(devnet.node, RELAYER)
        pay(one)
        pay(other)
        with pytest.raises(RpcError, match="nonce too low"):
            pay(one)
        pay(one)
