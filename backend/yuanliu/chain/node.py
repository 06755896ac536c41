"""One Ethereum node behind JSON-RPC: raw calls, transactions to their receipt, and what went wrong.

web3.py waits 100 ms between receipt polls; `eth_sendRawTransactionSync` (EIP-7966) answers with the receipt
itself, so that is tried first and polling stays for nodes that do not have it.
"""

import time
from dataclasses import dataclass
from typing import Any, Final, cast

import requests
from eth_account.signers.local import LocalAccount
from eth_utils.conversions import to_hex
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from yuanliu.errors import YuanliuError

RECEIPT_TIMEOUT: Final = 30.0
"""Longest wait for a transaction to be mined, in seconds."""

_METHOD_NOT_FOUND: Final = -32601
_TX_TYPE: Final = 2


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

    Every method raises `ChainUnreachable` when the node does not answer within `timeout` seconds and
    `RpcError` when it answers with an error.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self.url = url
        self._provider = HTTPProvider(url, request_kwargs={"timeout": timeout})
        self._sync_send = True

    def request(self, method: str, *params: object) -> Any:  # noqa: ANN401 -- JSON-RPC results have any shape
        """Call `method` and give its result."""
        try:
            answer = self._provider.make_request(RPCEndpoint(method), list(params))
        except (requests.RequestException, ValueError, OSError) as error:
            raise ChainUnreachable(self.url, type(error).__name__) from error
        if "error" in answer:
            error_ = cast("dict[str, Any]", answer["error"])
            if not isinstance(error_, dict):
                raise RpcError(method, str(error_), 0, None)
            data = error_.get("data")
            raise RpcError(
                method,
                str(error_.get("message", "unknown error")),
                int(error_.get("code", 0)),
                data if isinstance(data, str) else None,
            )
        if "result" not in answer:
            raise ChainUnreachable(self.url, "not a JSON-RPC answer")
        return answer["result"]

    def chain_id(self) -> int:
        """Give the chain's id (EIP-155)."""
        return int(self.request("eth_chainId"), 16)

    def block_number(self) -> int:
        """Give the number of the latest block."""
        return int(self.request("eth_blockNumber"), 16)

    def block_hash(self, number: int) -> str:
        """Give the hash of a block."""
        block = self._block(hex(number))
        if block is None:
            raise RpcError("eth_getBlockByNumber", f"no block {number}", 0, None)
        return str(block["hash"])

    def _block(self, which: str) -> Any:  # noqa: ANN401 -- JSON-RPC results have any shape
        only_hashes = False
        return self.request("eth_getBlockByNumber", which, only_hashes)

    def code(self, address: str) -> bytes:
        """Give the code at an address; empty if there is none."""
        return bytes.fromhex(str(self.request("eth_getCode", address, "latest"))[2:])

    def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """Call a contract without a transaction and give what it returns."""
        return bytes.fromhex(
            str(self.request("eth_call", _transaction(to, data, sender), "latest"))[2:]
        )

    def estimate(self, to: str, data: bytes, *, sender: str | None = None) -> int:
        """Give the gas that a transaction would need; `RpcError` with revert data if it would fail."""
        return int(self.request("eth_estimateGas", _transaction(to, data, sender)), 16)

    def logs(self, address: str, topics: list[str | None], first: int) -> list[Log]:
        """Give the logs of a contract since block `first`, in the chain's order."""
        query = {"address": address, "topics": topics, "fromBlock": hex(first), "toBlock": "latest"}
        return [_log(raw) for raw in self.request("eth_getLogs", query)]

    def transaction_count(self, address: str) -> int:
        """Give the nonce that the account's next transaction must have, pending ones counted."""
        return int(self.request("eth_getTransactionCount", address, "pending"), 16)

    def fees(self) -> tuple[int, int]:
        """Give (max fee, priority fee) in wei per gas: twice the base fee, so that several full blocks pass."""
        block = self._block("latest")
        return 2 * int(block.get("baseFeePerGas", "0x0"), 16), 0

    def send(self, raw: bytes) -> Receipt:
        """Send a signed transaction and wait until it is mined.

        Raises `TransactionFailed` if it reverted, `RpcError` if the node refused it.
        """
        if self._sync_send:
            try:
                return _receipt(self.request("eth_sendRawTransactionSync", to_hex(raw)))
            except RpcError as error:
                if error.number != _METHOD_NOT_FOUND:
                    raise
                self._sync_send = False
        transaction = str(self.request("eth_sendRawTransaction", to_hex(raw)))
        deadline = time.monotonic() + RECEIPT_TIMEOUT
        while (raw_receipt := self.request("eth_getTransactionReceipt", transaction)) is None:
            if time.monotonic() > deadline:
                raise ChainUnreachable(self.url, f"{transaction} was not mined in time")
            time.sleep(0.02)
        return _receipt(raw_receipt)


class Sender:
    """An account that pays for gas. It owns its nonce: use one sender for one account."""

    def __init__(self, node: Node, account: LocalAccount) -> None:
        self.node = node
        self.account = account
        self.address = str(account.address)
        self._chain_id = node.chain_id()
        self._nonce = node.transaction_count(self.address)

    @property
    def nonce(self) -> int:
        """Nonce of the next transaction."""
        return self._nonce

    def send(self, to: str | None, data: bytes, *, gas: int | None = None) -> Receipt:
        """Send a transaction (to no address: create a contract) and wait for it. `gas` is its limit.

        Raises `TransactionFailed`, or `RpcError` with the revert data if it would fail.
        """
        if gas is None:
            gas = self.node.estimate(to or "", data, sender=self.address) * 5 // 4
        max_fee, priority_fee = self.node.fees()
        transaction: dict[str, Any] = {
            "type": _TX_TYPE,
            "chainId": self._chain_id,
            "nonce": self._nonce,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": priority_fee,
            "gas": gas,
            "to": to or b"",
            "value": 0,
            "data": data,
        }
        signed = self.account.sign_transaction(transaction)
        try:
            receipt = self.node.send(bytes(signed.raw_transaction))
        except TransactionFailed:
            self._nonce += 1
            raise
        except YuanliuError:
            self._nonce = self.node.transaction_count(self.address)
            raise
        self._nonce += 1
        return receipt


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
        contract=raw["contractAddress"],
        logs=tuple(_log(entry) for entry in raw["logs"]),
    )
