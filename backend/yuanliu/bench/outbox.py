"""Events per second through the outbox: from `submit`, signing included, to `done` in the database.

On the bundled devnet, started as for users (its keeper mines), with a chain and a database of its own.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from yuanliu import actions
from yuanliu.bench.index import Figure
from yuanliu.bench.stage import Stage
from yuanliu.chain import devnet
from yuanliu.chain.bindings import Call
from yuanliu.chain.node import Node
from yuanliu.database import Family, leader, open_database, upgrade
from yuanliu.desk.intentions import State
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.relayer import Relayer
from yuanliu.settings import Settings

WANTED: Final = 700
"""Intentions per second that should pass, on two cores."""

_THREADS: Final = 16
_WAIT_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Speed:
    """What was measured: intentions stored, and done, per second; requests in a transaction.

    And the seconds from a submission to its end: the median, and the slowest of a hundred. `busy` are the seconds that
    one core was busy with a thousand of them, in this process: a measure that other programs disturb less.
    """

    stored: float
    done: float
    together: float
    median: float
    slow: float
    busy: float


def measure(count: int = 5_000, *, config: Settings | None = None) -> Speed:
    """Send `count` events of 550 bytes, from 16 threads, each as a submission of its own."""
    config = config or Settings()
    with TemporaryDirectory() as folder:
        own = config.model_copy(
            update={"data_dir": Path(folder), "devnet_port": devnet.free_port()}
        )
        status = devnet.up(own)
        try:
            return _measure(own, Node(status.rpc_url), count)
        finally:
            devnet.down(own)


def figures(speed: Speed) -> Iterator[Figure]:
    """Give what was measured, one by one."""
    yield Figure("stored, signed", speed.stored, "events/s")
    yield Figure("done", speed.done, "events/s", WANTED)
    yield Figure("half of them within", speed.median * 1_000, "ms")
    yield Figure("99 % within", speed.slow * 1_000, "ms")
    yield Figure("requests in a transaction", speed.together, "")
    yield Figure("CPU of this process", speed.busy, "ms an event")


def _measure(config: Settings, node: Node, count: int) -> Speed:
    stage = Stage(node, fixed_clock=False)
    batch = stage.batch([stage.address("farmer")]).id
    call = actions.record_production(stage.deployment, batch, stage.event())
    engine = open_database(config, Family.DESK)
    upgrade(engine, Family.DESK)
    outbox = Outbox(engine, stage.deployment, node)
    relayer = Relayer(outbox, stage.key("relayer"))
    stop = threading.Event()
    first = node.block_number()
    with leader(config, "relayer"), ThreadPoolExecutor(_THREADS + 1) as pool:
        running = pool.submit(relayer.run, stop)
        try:
            begin, busy = time.monotonic(), time.process_time()
            list(pool.map(_submitter(outbox, stage, call), range(count)))
            stored = time.monotonic() - begin
            _until(lambda: outbox.counts()[State.DONE] >= count)
            done, busy = time.monotonic() - begin, time.process_time() - busy
        finally:
            stop.set()
            running.result()
    transactions = node.transaction_count(stage.address("relayer"))
    latencies = sorted(each.updated - each.created for each in outbox.intentions(limit=count))
    engine.dispose()
    assert node.block_number() > first  # noqa: S101 -- otherwise nothing was measured
    return Speed(
        stored=count / stored,
        done=count / done,
        together=count / transactions,
        median=latencies[count // 2],
        slow=latencies[count * 99 // 100],
        busy=busy * 1_000 / count,
    )


def _submitter(outbox: Outbox, stage: Stage, call: Call) -> Callable[[int], object]:
    key = stage.key("cooperative")

    def submit(number: int) -> object:
        return outbox.submit(
            account="bench",
            key=key,
            call=call,
            idempotency_key=str(number),
            act="record",
            body_digest=str(number),
            try_out=False,
        )

    return submit


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT_SECONDS
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)
