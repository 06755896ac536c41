"""What became of relayed requests: read from receipts and logs, and asked of the node where they do not say why."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.conversions import to_bytes, to_hex

from yuanliu.chain.bindings import refusal
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import ChainUnreachable, Node, RpcError
from yuanliu.chain.relay import SignedRequest
from yuanliu.errors import YuanliuError

_EVENT: Final = "ExecutedForwardRequest"
_TRACER: Final = {"tracer": "callTracer"}


class OutOfGas(YuanliuError):
    """The act did not succeed because the gas that its author had signed for was not enough."""

    def __init__(self, gas: int) -> None:
        super().__init__(
            "outbox.out_of_gas",
            f"the {gas} gas that was signed for was not enough",
            hint="sign it anew: what it needs is measured again",
            fields={"gas": gas},
        )


class ReasonUnknown(YuanliuError):
    """The contract refused, and what made it refuse is there no more."""

    def __init__(self, transaction: str) -> None:
        super().__init__(
            "outbox.reason_unknown",
            f"it was refused in transaction {transaction}; now it would succeed",
            hint="look at the state again and repeat the act if it still makes sense",
            fields={"transaction": transaction},
        )


@dataclass(frozen=True)
class Execution:
    """A request that the forwarder executed, in which block, and whether the contract took it."""

    signer: str
    nonce: int
    success: bool
    transaction: str
    block: int
    block_hash: str


@dataclass(frozen=True)
class Mined:
    """A transaction's receipt, as far as the relayer reads it. `status` says whether it had any effect."""

    transaction: str
    block: int
    block_hash: str
    status: bool
    executions: tuple[Execution, ...]


def read_receipt(node: Node, deployment: Deployment, raw: Any) -> Mined | None:  # noqa: ANN401 -- JSON
    """Read a raw receipt; None if there is none. Raises `ChainUnreachable` for nonsense."""
    if raw is None:
        return None
    try:
        return Mined(
            transaction=str(raw["transactionHash"]),
            block=int(raw["blockNumber"], 16),
            block_hash=str(raw["blockHash"]),
            status=int(raw["status"], 16) == 1,
            executions=_executions(deployment, raw["logs"]),
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ChainUnreachable(
            node.url, "it gives nonsense for eth_getTransactionReceipt"
        ) from error


def _executions(deployment: Deployment, logs: Sequence[dict[str, Any]]) -> tuple[Execution, ...]:
    forwarder = deployment.actors.address.lower()
    topic = to_hex(deployment.actors.topic(_EVENT))
    return tuple(
        Execution(
            signer="0x" + log["topics"][1][-40:].lower(),
            nonce=int(log["data"][2:66], 16),
            success=int(log["data"][66:130], 16) != 0,
            transaction=str(log["transactionHash"]),
            block=int(log["blockNumber"], 16),
            block_hash=str(log["blockHash"]),
        )
        for log in logs
        if log["address"].lower() == forwarder and log["topics"][0] == topic
    )


def find_execution(node: Node, deployment: Deployment, request: SignedRequest) -> Execution | None:
    """Look whether this very request was executed, whoever relayed it.

    Raises `ChainUnreachable`, `RpcError`.
    """
    query = {
        "address": deployment.actors.address,
        "topics": [
            to_hex(deployment.actors.topic(_EVENT)),
            "0x" + "00" * 12 + request.signer.lower()[2:],
        ],
        "fromBlock": hex(deployment.block),
        "toBlock": "latest",
    }
    found = node.request("eth_getLogs", query)
    for execution in _executions(deployment, found):
        if execution.nonce == request.nonce:
            raw = node.request("eth_getTransactionByHash", execution.transaction)
            # Within other code's calls nobody can tell by the input alone; then it counts as somebody else's.
            if raw and request.signature.hex() in str(raw["input"]):
                return execution
    return None


def why_refused(
    node: Node, deployment: Deployment, request: SignedRequest, transaction: str
) -> YuanliuError:
    """Find out why a contract refused an executed request: from the transaction's trace, or by trying it again.

    Gives the `ContractRefusal` with its fields, `OutOfGas`, or `ReasonUnknown`. Raises `ChainUnreachable`.
    """
    with suppress(RpcError):
        trace = node.request("debug_traceTransaction", transaction, _TRACER)
        data = to_hex(request.call.data + to_bytes(hexstr=request.signer))
        frame = _frame(trace, data)
        if frame is not None:
            refused = _refusal(frame, request)
            if refused is not None:
                return refused
    data_bytes = request.call.data + to_bytes(hexstr=request.signer)
    call = {
        "from": deployment.actors.address,
        "to": request.call.to,
        "data": to_hex(data_bytes),
    }
    for gas in ({}, {"gas": hex(request.gas + _INTRINSIC)}):
        try:
            node.request("eth_call", call | gas, "latest")
        except RpcError as error:
            refused = refusal(error)
            if refused is not error:
                return refused
            if gas:
                return OutOfGas(request.gas)
    return ReasonUnknown(transaction)


_INTRINSIC: Final = 21_000


def _frame(trace: Any, data: str) -> dict[str, Any] | None:  # noqa: ANN401 -- JSON
    """Find the call with this input in a trace."""
    todo = [trace]
    while todo:
        frame = todo.pop()
        if not isinstance(frame, dict):
            continue
        if frame.get("input") == data and frame.get("error"):
            return frame
        todo += frame.get("calls") or []
    return None


def _refusal(frame: dict[str, Any], request: SignedRequest) -> YuanliuError | None:
    output = frame.get("output")
    error = RpcError("debug_traceTransaction", str(frame["error"]), 0, output)
    refused = refusal(error)
    if refused is not error:
        return refused
    return OutOfGas(request.gas) if "gas" in str(frame["error"]).lower() else None
