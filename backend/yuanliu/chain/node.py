"""One Ethereum node behind JSON-RPC: raw calls, transactions to their receipt, and what went wrong.

web3.py waits 100 ms between two looks for a receipt; here the first comes after half a millisecond. The call that
answers with the receipt itself (EIP-7966) is not used: under load the bundled node sometimes never answers it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.conversions import to_hex
from eth_utils.crypto import keccak
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from yuanliu.chain.line import Line, NoAnswer
from yuanliu.errors import YuanliuError

RECEIPT_TIMEOUT: Final = 120.0
"""Longest wait for a transaction to be mined, in seconds."""

_MOVED: Final = ("BlockOutOfRange", "header not found")
"""What a node says that made a block while it answered; it knows better a moment later."""

_MOVED_PAUSES: Final = (0.005, 0.02, 0.1)
_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02
_TX_TYPE: Final = 2
_ONLY_HASHES: Final = False
_NO_JSON_RPC: Final = "its answer is no JSON-RPC"
_T = TypeVar("_T")


class ChainUnreachable(YuanliuError):
    """The node does not answer, or answers something that is not JSON-RPC."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            "chain.unreachable",
            f"no Ethereum node answers at {url}: {reason}",
            hint="start the devnet with `yuanliu devnet up`, or set YUANLIU_RPC_URL",
            fields={"url": url},
            retryable=True,
            exit_code=2,
        )


class RpcError(YuanliuError):
    """The node answered with an error; `data` is the revert data, if it carried any."""

    def __init__(self, method: str, message: str, number: int, data: str | None) -> None:
        super().__init__(
            "chain.rpc_error",
            f"{method}: {message}",
            fields={"method": method, "number": number, "data": data},
            exit_code=2,
        )
        self.number = number
        self.data = data


class TransactionFailed(YuanliuError):
    """A transaction was mined and had no effect."""

    def __init__(self, transaction: str) -> None:
        super().__init__(
            "chain.transaction_failed",
            f"transaction {transaction} was mined but reverted",
            fields={"transaction": transaction},
        )


@dataclass(frozen=True)
class Log:
    """One log: emitting contract (lower-case hex), topics, data, and where it stands."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    index: int
    transaction: str


@dataclass(frozen=True)
class Receipt:
    """A mined transaction that succeeded. `gas` is the gas used."""

    transaction: str
    block: int
    gas: int
    contract: str | None
    logs: tuple[Log, ...]


class Node:
    """A JSON-RPC endpoint, with one kept-alive connection.

    Every method raises `ChainUnreachable` when the node does not answer within `timeout` seconds
    (`line.ANSWER_SECONDS` unless given) and `RpcError` when it answers with an error.
    """

    def __init__(self, url: str, *, timeout: float | None = None) -> None:
        self.url = url
        self._line = Line(url, timeout)
        self._provider = _Provider(url, self._line)

    def request(self, method: str, *params: object) -> Any:  # noqa: ANN401 -- JSON-RPC results have any shape
        """Call `method` and give its result."""
        for pause in _MOVED_PAUSES:
            try:
                return self._request(method, *params)
            except RpcError as error:
                if not any(word in error.message for word in _MOVED):
                    raise
                time.sleep(pause)
        return self._request(method, *params)

    def _request(self, method: str, *params: object) -> Any:  # noqa: ANN401 -- JSON-RPC results have any shape
        try:
            answer = self._provider.make_request(RPCEndpoint(method), list(params))
        except NoAnswer as error:
            raise ChainUnreachable(self.url, str(error)) from error
        except (ValueError, RecursionError) as error:
            raise ChainUnreachable(self.url, _NO_JSON_RPC) from error
        if not isinstance(answer, dict):
            raise ChainUnreachable(self.url, _NO_JSON_RPC)
        if answer.get("error") is not None:
            raise _rpc_error(method, answer["error"])
        if "result" not in answer:
            raise ChainUnreachable(self.url, _NO_JSON_RPC)
        return answer["result"]

    def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Make many calls in one round trip; give each one's result, or the `RpcError` that it ended in."""
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": parameters}
            for i, (method, parameters) in enumerate(calls)
        ]
        try:
            answers = orjson.loads(self._line.post(orjson.dumps(body)))
            by_id = {answer["id"]: answer for answer in answers}
            ordered = [by_id[i] for i in range(len(calls))]
        except NoAnswer as error:
            raise ChainUnreachable(self.url, str(error)) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ChainUnreachable(self.url, _NO_JSON_RPC) from error
        return [
            _rpc_error(method, answer["error"])
            if answer.get("error") is not None
            else answer.get("result")
            for (method, _), answer in zip(calls, ordered, strict=True)
        ]

    def chain_id(self) -> int:
        """Give the chain's id (EIP-155)."""
        return self._read(_number, "eth_chainId")

    def block_number(self) -> int:
        """Give the number of the latest block."""
        return self._read(_number, "eth_blockNumber")

    def block_hash(self, number: int) -> str:
        """Give the hash of a block."""
        found = self._read(_block_hash, "eth_getBlockByNumber", hex(number), _ONLY_HASHES)
        if found is None:
            raise RpcError("eth_getBlockByNumber", f"no block {number}", 0, None)
        return found

    def now(self) -> int:
        """Give the time of the latest block (Unix seconds)."""
        return self._read(_time, "eth_getBlockByNumber", "latest", _ONLY_HASHES)

    def _read(self, read: Callable[[Any], _T], method: str, *params: object) -> _T:
        """Call `method` and read its result; one of another shape is no answer."""
        result = self.request(method, *params)
        try:
            return read(result)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ChainUnreachable(self.url, f"it gives nonsense for {method}") from error

    def code(self, address: str) -> bytes:
        """Give the code at an address; empty if there is none."""
        return self._read(_bytes, "eth_getCode", address, "latest")

    def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """Call a contract without a transaction and give what it returns."""
        return self._read(_bytes, "eth_call", _transaction(to, data, sender), "latest")

    def estimate(self, to: str, data: bytes, *, sender: str | None = None) -> int:
        """Give the gas that a transaction would need; `RpcError` with revert data if it would fail."""
        return self._read(_number, "eth_estimateGas", _transaction(to, data, sender))

    def logs(self, address: str, topics: list[str | None], first: int) -> list[Log]:
        """Give the logs of a contract since block `first`, in the chain's order."""
        query = {"address": address, "topics": topics, "fromBlock": hex(first), "toBlock": "latest"}
        return self._read(_logs, "eth_getLogs", query)

    def transaction_count(self, address: str) -> int:
        """Give the nonce that the account's next transaction must have, pending ones counted."""
        return self._read(_number, "eth_getTransactionCount", address, "pending")

    def balance(self, address: str) -> int:
        """Give an account's coin, in wei."""
        return self._read(_number, "eth_getBalance", address, "latest")

    def receipt(self, transaction: str) -> Receipt | None:
        """Give a transaction's receipt, or None while it is not mined. Raises `TransactionFailed` if it reverted."""
        return self._read(_mined, "eth_getTransactionReceipt", transaction)

    def fees(self) -> tuple[int, int]:
        """Give (max fee, priority fee) in wei per gas: twice the base fee, so that several full blocks pass."""
        return 2 * self._read(_base_fee, "eth_getBlockByNumber", "latest", _ONLY_HASHES), 0

    def send(self, raw: bytes) -> Receipt:
        """Send a signed transaction and wait until it is mined.

        Raises `TransactionFailed` if it reverted, `RpcError` if the node refused it.
        """
        self.request("eth_sendRawTransaction", to_hex(raw))
        transaction = to_hex(keccak(raw))
        deadline, pause = time.monotonic() + RECEIPT_TIMEOUT, _PAUSE
        while not (receipt := self.receipt(transaction)):
            if time.monotonic() > deadline:
                raise ChainUnreachable(self.url, f"{transaction} was not mined in time")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return receipt


class Sender:
    """An account that pays for gas. It owns its nonce: use one sender for one account."""

    def __init__(self, node: Node, account: LocalAccount) -> None:
        self.node = node
        self.account = account
        self.address = str(account.address)
        self._chain_id = node.chain_id()
        self._nonce: int | None = None

    @property
    def nonce(self) -> int:
        """Nonce of the next transaction; after a failure the node is asked anew."""
        if self._nonce is None:
            self._nonce = self.node.transaction_count(self.address)
        return self._nonce

    def send(self, to: str | None, data: bytes, *, gas: int | None = None) -> Receipt:
        """Send a transaction (to no address: create a contract) and wait for it. `gas` is its limit.

        Raises `TransactionFailed`, or `RpcError` with the revert data if it would fail.
        """
        if gas is None:
            gas = self.node.estimate(to or "", data, sender=self.address) * 5 // 4
        nonce = self.nonce
        max_fee, priority_fee = self.node.fees()
        transaction: dict[str, Any] = {
            "type": _TX_TYPE,
            "chainId": self._chain_id,
            "nonce": nonce,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": priority_fee,
            "gas": gas,
            "to": to or b"",
            "value": 0,
            "data": data,
        }
        signed = self.account.sign_transaction(transaction)
        self._nonce = None
        receipt = self.node.send(bytes(signed.raw_transaction))
        self._nonce = nonce + 1
        return receipt


class _Provider(HTTPProvider):
    """web3's way to ask a node, over our own line, which bounds an answer in time and size."""

    def __init__(self, url: str, line: Line) -> None:
        # It would try again for five times as long as the line waits.
        super().__init__(url, exception_retry_configuration=None)
        self._line = line

    def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:  # noqa: ARG002 -- as the base class
        return bytes(self._line.post(request_data))


def _rpc_error(method: str, error: object) -> RpcError:
    """Read an error object, however little of it there is."""
    if not isinstance(error, dict):
        return RpcError(method, str(error), 0, None)
    number, data = error.get("code"), error.get("data")
    return RpcError(
        method,
        str(error.get("message", "unknown error")),
        number if isinstance(number, int) else 0,
        data if isinstance(data, str) else None,
    )


def _number(raw: Any) -> int:  # noqa: ANN401 -- JSON-RPC results have any shape
    return int(raw, 16)


def _bytes(raw: Any) -> bytes:  # noqa: ANN401 -- JSON-RPC results have any shape
    return bytes.fromhex(raw.removeprefix("0x"))


def _block_hash(raw: Any) -> str | None:  # noqa: ANN401 -- JSON-RPC results have any shape
    return None if raw is None else str(raw["hash"])


def _time(raw: Any) -> int:  # noqa: ANN401 -- JSON-RPC results have any shape
    return int(raw["timestamp"], 16)


def _base_fee(raw: Any) -> int:  # noqa: ANN401 -- JSON-RPC results have any shape
    return int(raw.get("baseFeePerGas", "0x0"), 16)


def _logs(raw: Any) -> list[Log]:  # noqa: ANN401 -- JSON-RPC results have any shape
    return [_log(entry) for entry in raw]


def _mined(raw: Any) -> Receipt | None:  # noqa: ANN401 -- JSON-RPC results have any shape
    return None if raw is None else _receipt(raw)


def _transaction(to: str, data: bytes, sender: str | None) -> dict[str, str]:
    transaction: dict[str, str] = {"data": to_hex(data)}
    if to:
        transaction["to"] = to
    if sender:
        transaction["from"] = sender
    return transaction


def _log(raw: dict[str, Any]) -> Log:
    return Log(
        address=str(raw["address"]).lower(),
        topics=tuple(bytes.fromhex(topic[2:]) for topic in raw["topics"]),
        data=bytes.fromhex(raw["data"][2:]),
        block=int(raw["blockNumber"], 16),
        index=int(raw["logIndex"], 16),
        transaction=str(raw["transactionHash"]),
    )


def _receipt(raw: dict[str, Any]) -> Receipt:
    if int(raw["status"], 16) != 1:
        raise TransactionFailed(str(raw["transactionHash"]))
    return Receipt(
        transaction=str(raw["transactionHash"]),
        block=int(raw["blockNumber"], 16),
        gas=int(raw["gasUsed"], 16),
        contract=to_checksum_address(raw["contractAddress"]) if raw["contractAddress"] else None,
        logs=tuple(_log(entry) for entry in raw["logs"]),
    )
