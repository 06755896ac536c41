"""The follower beside Ponder, and the audit beside the bare reading of logs: one node, one chain, one run.

The chain holds records of about 550 bytes, 330 in a block, and enough empty blocks above them that Ponder takes all
of them for final. Each reads from the first block on into an empty database of its own on this disk. The limit is the
node: the same logs asked for in windows of the same size, of which no more is read than their JSON. Ponder's clock
starts when it says that it begins to index, so that its start-up costs it nothing; it stores each record as one row of
an embedded PostgreSQL (PGlite), which is its default. Ours does more: it compares every record's head with the one
before, and draws EPCIS events of them.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx

from yuanliu.audit.run import audit
from yuanliu.bench import field_rivals
from yuanliu.bench.field import Comparison
from yuanliu.bench.field_rivals import RivalUnavailable, cpu_seconds
from yuanliu.bench.index import _FLAGS, _raw, _store, _timed, _write
from yuanliu.bench.stage import Stage
from yuanliu.chain.devnet import Devnet, free_port
from yuanliu.chain.rawlogs import RawNode
from yuanliu.index.decode import Decoder
from yuanliu.index.follower import Follower

LOGS: Final = 10_000
PONDER: Final = "Ponder 0.16.10"
_UNFINAL: Final = 80
"""Empty blocks on top: Ponder holds the last 30 of a chain that it does not know for not final."""

_PONDER_SECONDS: Final = 300.0


def compare(logs: int = LOGS, said: Callable[[str], None] = lambda _: None) -> Iterator[Comparison]:
    """Compare both."""
    with (
        tempfile.TemporaryDirectory(prefix="yuanliu-bench-") as name,
        Devnet(flags=_FLAGS) as devnet,
    ):
        folder = Path(name)
        said(f"writing {logs:,} records to a chain")
        stage = Stage(devnet.node)
        _write(stage, logs)
        devnet.node.request("anvil_mine", hex(_UNFINAL))
        with closing(RawNode(devnet.rpc_url, timeout=60)) as node:
            said("the node alone")
            store = _store(folder / "ours")
            decoder = Decoder(stage.deployment, store)
            head = node.latest().number
            found, raw, raw_cpu = _timed(lambda: _raw(node, decoder, stage.deployment.block, head))
            said("the follower")
            follower = Follower(store, stage.deployment, node)
            _, ours, ours_cpu = _timed(follower.catch_up)
            store.engine.dispose()
            said("Ponder")
            theirs: float | None = None
            theirs_cpu: float | None = None
            why = ""
            try:
                seconds, cpu = _ponder(stage, devnet.rpc_url, head, logs)
                theirs, theirs_cpu = logs / seconds, logs / cpu
            except RivalUnavailable as error:
                why = str(error)
            yield Comparison(
                what="records followed from scratch, by the clock",
                ours=logs / ours,
                rival=PONDER,
                theirs=theirs,
                limit=found / raw,
                limit_is="the node gives the logs, only their JSON is read",
                unit="records/s",
                note=why,
            )
            yield Comparison(
                what="records followed from scratch, by the program's own CPU seconds",
                ours=logs / ours_cpu,
                rival=PONDER,
                theirs=theirs_cpu,
                limit=found / raw_cpu,
                limit_is="reading the JSON of the logs",
                unit="records/CPU s",
                note=why,
            )
            said("the audit")
            report, seconds, cpu = _timed(lambda: audit(node, stage.deployment))
            found, again, _ = _timed(lambda: _raw(node, decoder, stage.deployment.block, head))
            yield Comparison(
                what="records audited",
                ours=found / seconds,
                rival="no other program that does it is known",
                theirs=None,
                limit=found / again,
                limit_is="the node gives the logs, only their JSON is read",
                unit="logs/s",
                note=(
                    f"{len(report.findings)} findings; {found / cpu:,.0f} logs in a CPU second of its own; every"
                    " transaction is fetched too, and its signature checked. For a hundred thousand payments:"
                    " `yuanliu bench audit`"
                ),
            )


def _ponder(stage: Stage, rpc_url: str, head: int, logs: int) -> tuple[float, float]:
    """Have Ponder index all records; give seconds of the clock and CPU seconds. Raises `RivalUnavailable`."""
    app, port = field_rivals.ponder(), free_port()
    told = field_rivals.environment(
        FIELD_RPC_URL=rpc_url,
        FIELD_ADDRESS=stage.deployment.batches.address,
        FIELD_FIRST=str(stage.deployment.block),
        FIELD_LAST=str(head - _UNFINAL),
    )
    with tempfile.TemporaryDirectory(prefix="yuanliu-bench-") as name:
        log = Path(name) / "log"
        ponder = app.parent / "node_modules" / "ponder" / "dist" / "esm" / "bin" / "ponder.js"
        arguments = ["start", "--root", str(app), "--port", str(port), "--log-format", "json"]
        told["PGLITE_DIRECTORY"] = name
        with log.open("wb") as out:
            running = subprocess.Popen(  # noqa: S603 -- installed from a lock
                [str(field_rivals.node()), str(ponder), *arguments, "--schema", f"field{port}"],
                env=told,
                cwd=app,
                stdout=out,
                stderr=out,
            )
        try:
            _until(lambda: b"Started backfill" in log.read_bytes(), running, log)
            began, cpu = time.perf_counter(), cpu_seconds(running.pid)
            _until(lambda: _is_ready(port), running, log)
            seconds, used = time.perf_counter() - began, cpu_seconds(running.pid) - cpu
            indexed = _indexed(port)
        finally:
            running.terminate()
            running.wait(30)
    if indexed < logs:
        raise RivalUnavailable(f"Ponder took {indexed} of {logs} records")
    return seconds, used


def _until(true: Callable[[], bool], running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PONDER_SECONDS
    while not true():
        if running.poll() is not None or time.monotonic() > end:
            words = log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise RivalUnavailable(
                f"Ponder did not come so far: {words[-1][:300] if words else ''}"
            )
        time.sleep(0.05)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _indexed(port: int) -> int:
    """Give how many events Ponder says that it indexed."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    counts = [
        line for line in text.splitlines() if line.startswith("ponder_indexing_completed_events{")
    ]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in counts)
