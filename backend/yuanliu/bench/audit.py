"""Speed of the audit, beside what the node itself gives: payments a second from the chain to the verdict.

A chain of real payments, each sent and signed by its buyer, for batches that several farmers own; some members claim.
The node runs on the same machine. The raw client reads the very same logs in windows of the same size, fetches the same
transactions, and decodes no more than JSON: what remains is the node's own time, which no audit can be faster than. The
audit is the command itself, in a process of its own, so that its memory is its own as well.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from yuanliu import actions
from yuanliu.actions import Line, Order
from yuanliu.audit.replay import Source
from yuanliu.bench.index import Figure
from yuanliu.bench.stage import PRICE, Batch, Stage
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.rawlogs import RawNode
from yuanliu.chain.transactions import Fees, sign_transaction

PAYMENTS: Final = 100_000
SECONDS: Final = 60.0
"""What an audit of that many payments may take."""

_FLAGS: Final = ("--base-fee=0",)
_IN_A_BLOCK: Final = 330
_AT_ONCE: Final = 300
_WINDOW: Final = 4
_BATCHES: Final = 40
_FARMERS: Final = 5
_GAS: Final = 600_000
_MEGABYTE: Final = 1_024


def measure(
    payments: int = PAYMENTS, said: Callable[[str], None] = lambda _: None
) -> Iterator[Figure]:
    """Measure an audit of so many payments. `said` hears what is being done."""
    with (
        tempfile.TemporaryDirectory(prefix="yuanliu-bench-") as folder,
        Devnet(flags=_FLAGS) as devnet,
    ):
        stage = Stage(devnet.node, fixed_clock=False)
        with closing(RawNode(devnet.rpc_url, timeout=120)) as node:
            _write(stage, node, payments, said)
            said("reading logs and transactions raw")
            started = time.perf_counter()
            logs = _raw(node, stage)
            raw = time.perf_counter() - started
        record = Path(folder) / "deployment.json"
        stage.deployment.save(record)
        said("auditing")
        command = (sys.executable, "-m", "yuanliu.cli", "audit", "--timeout", "300", "--json")
        started = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(  # noqa: S603 -- our own command
            [*command, "--rpc", devnet.rpc_url, "--deployment", record],
            capture_output=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise AssertionError(done.stdout.decode()[-2_000:] + done.stderr.decode()[-2_000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    scale = payments / PAYMENTS
    yield Figure("raw client, same node, logs", logs / raw, "logs/s")
    yield Figure("raw client, logs and transactions of all payments", raw, "s")
    yield Figure("audit, all payments", seconds, "s", SECONDS * scale)
    yield Figure("audit, processor time alone", cpu, "s")
    yield Figure("audit", payments / seconds, "payments/s", PAYMENTS / SECONDS)
    yield Figure("audit beside the raw client", seconds / raw, "times")
    yield Figure("audit, most memory", after.ru_maxrss / _MEGABYTE, "MB")


def _write(stage: Stage, node: RawNode, payments: int, said: Callable[[str], None]) -> None:
    """Let the buyer pay for units of the batches in turn, hundreds of payments in a block."""
    said("making batches")
    farmers = stage.enrol(_FARMERS)
    batches = [stage.batch(farmers) for _ in range(_BATCHES)]
    key, fees = stage.key("buyer"), Fees(0, 0)
    nonce = stage.node.transaction_count(stage.address("buyer"))
    chain_id = stage.deployment.chain_id
    stage.node.request("evm_setAutomine", False)  # noqa: FBT003 -- JSON-RPC has no names
    raw: list[str] = []
    for number in range(payments):
        batch = batches[number % _BATCHES].id
        order = Order(
            number=1_000_000 + number,
            buyer=stage.address("buyer"),
            lines=[Line(batch, 1, PRICE)],
        )
        call = actions.pay(stage.deployment, order)
        signed = sign_transaction(
            key,
            chain_id=chain_id,
            nonce=nonce + number,
            gas=_GAS,
            to=call.to,
            data=call.data,
            fees=fees,
        )
        raw.append("0x" + signed.raw.hex())
        if len(raw) == _AT_ONCE or number == payments - 1:
            _send(node, raw)
            raw.clear()
            said(f"writing payments: {number + 1:,} of {payments:,}")
    stage.node.request("evm_setAutomine", True)  # noqa: FBT003 -- JSON-RPC has no names
    _claim(stage, batches)


def _send(node: RawNode, raw: list[str]) -> None:
    calls: list[tuple[str, list[object]]] = [("eth_sendRawTransaction", [one]) for one in raw]
    for answer in [*node.ask(calls), *node.ask([("evm_mine", [])])]:
        if isinstance(answer, Exception):
            raise answer


def _claim(stage: Stage, batches: list[Batch]) -> None:
    for batch in batches[: _BATCHES // 2]:
        call = stage.deployment.payments.call("claim", [stage.step(batch, 0)])
        stage.direct("platform", call)


def _raw(node: RawNode, stage: Stage) -> int:
    """Read the logs and transactions that an audit reads, and do no more than read their JSON."""
    source, found = Source(node, stage.deployment), 0
    head = node.latest().number
    for start in range(stage.deployment.block, head + 1, _WINDOW):
        logs = source.ask(start, min(start + _WINDOW - 1, head))
        found += len(logs)
        hashes = list(dict.fromkeys(log["transactionHash"] for log in logs))
        for at in range(0, len(hashes), _AT_ONCE):
            part = hashes[at : at + _AT_ONCE]
            node.ask([("eth_getTransactionByHash", [hash_]) for hash_ in part])
    return found
