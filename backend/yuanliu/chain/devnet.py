"""The bundled development chain: starts, finds, stops and resets the pinned node.

There are two ways to run it: `up` starts one that outlives this process and keeps its state through a restart
and a `kill -9`; `Devnet` is a context manager for tests, with a chain of its own that is forgotten.
"""

import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Literal, Self

from yuanliu.chain import devnet_state
from yuanliu.chain.node import Node
from yuanliu.chain.processes import identity, spawn_detached
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings, settings

HOST: Final = "127.0.0.1"
"""The node listens here and nowhere else: its keys are public."""

BLOCK_SECONDS: Final = 5
"""Seconds between blocks when nothing happens; a transaction is mined at once, by the keeper's `evm_mine`.

Measured with anvil 1.7.1, 40 transactions one after the other, then 4,000 from 8 connections at once:
automine 0.06 s, but then it stalls for good (also with `--mixed-mining`, interval included); interval 1 s:
40 s; interval 0.1 s: 4 s, no stall; interval plus `evm_mine` after each send: 0.12 s, no stall. An empty
block adds 1.75 kB to the state file for ever: 30 MB a day at 5 s, 150 MB at 1 s.
"""

BLOCK_GAS: Final = 1_000_000_000
"""Gas limit of a block; that of a transaction stays 16,777,216 (EIP-7825)."""

RULES: Final = (
    "--hardfork=osaka",  # P-256 at 0x100 (EIP-7951)
    "--enable-tx-gas-limit",  # EIP-7825, which the node leaves off by default
    f"--gas-limit={BLOCK_GAS}",
    "--quiet",  # otherwise it logs each call, without end
)
"""Flags that decide what the chain accepts: the same for tests and for the lasting devnet."""

LASTING: Final = (
    f"--block-time={BLOCK_SECONDS}",
    f"--state-interval={365 * 86_400}",  # its keeper saves it; left alone, it would dump every minute what may be torn
    # Without a number. With `--prune-history=128`, memory grew by 330 kB per block (1.8 GB after 5,000 empty
    # ones); without, it stays at 30 MB. The price: `eth_call` answers for the latest block only.
    "--prune-history",
    "--accounts=3",  # only deployer, relayer and issuer own gas: people sign, the relayer pays
)
"""Flags of the devnet that `up` starts."""

PERSISTED_STATES: Final = 100
"""States of older blocks that a `Devnet` keeps on disk.

Left alone the node keeps 3,600, of up to a megabyte each, in the user's home, and leaves them there when it is
killed: 71 GB after some hundred runs of the tests. With 100 they are 45 MB, and go with the `with` block.
"""

P256_ADDRESS: Final = "0x0000000000000000000000000000000000000100"

# Test vector 1 of EIP-7951's file (Wycheproof ecdsa_secp256r1_sha256): hash, r, s, x, y.
P256_VALID: Final = (
    "0x4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d"
    "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac"
    "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60"
    "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3"
    "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
)

_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Status:
    """What is known of the lasting devnet. `pid` is the node's own; `block` is None if it is silent."""

    running: bool
    rpc_url: str
    pid: int | None
    chain_id: int | None
    block: int | None
    data_dir: Path
    state_bytes: int
    outcome: Literal["started", "found", "stopped"]
    recovery: str = ""


def find_anvil(config: Settings | None = None) -> Path:
    """Find the node: a path in the settings, or the pinned npm binary. Raises `devnet.node_missing`."""
    config = config or settings()
    if config.anvil is not None:
        path, hint = config.anvil, "correct YUANLIU_ANVIL, or leave it empty for the pinned one"
    else:
        system = platform.system().lower()
        arch = {"x86_64": "amd64", "amd64": "amd64"}.get(platform.machine().lower(), "arm64")
        package = f"@foundry-rs/anvil-{system}-{arch}"
        path = config.devnet_dir / "node_modules" / package / "bin" / "anvil"
        hint = (
            f"run ./scripts/setup (it installs the npm package {package}), or set YUANLIU_ANVIL to an anvil "
            "of your own"
        )
    if not os.access(path, os.X_OK):
        raise YuanliuError(
            "devnet.node_missing",
            f"there is no executable node at {path}",
            hint=hint,
            fields={"path": str(path)},
        )
    return path


def free_port() -> int:
    """Give a TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def up(config: Settings | None = None) -> Status:
    """Start the lasting devnet, or find the one that runs.

    Raises `devnet.port_busy`, `devnet.other_port`, `devnet.silent`, `devnet.wrong_chain`,
    `devnet.start_failed`, `devnet.no_p256` or `devnet.node_missing`.
    """
    config = config or settings()
    files = _Files(config.data_dir / "devnet")
    with _locked(files):
        record = _running(files)
        if record is not None:
            status = _found(config, files, record)
        else:
            anvil = find_anvil(config)
            _require_free(config.devnet_port)
            shutil.rmtree(files.states, ignore_errors=True)  # what a killed node left
            recovery = devnet_state.mend(files.state, files.last, files.broken)
            known = (f"--load-state={files.state}",) if files.state.exists() else ()
            pid = spawn_detached(
                [
                    anvil,
                    *RULES,
                    *LASTING,
                    f"--host={HOST}",
                    f"--port={config.devnet_port}",
                    f"--chain-id={config.chain_id}",
                    *known,
                    f"--dump-state={files.last}",
                    f"--cache-path={files.states}",
                ],
                log=files.log,
                cwd=files.folder,
            )
            # Recorded at once: whoever is interrupted from here on leaves a node that `down` knows.
            record = _Record(pid, identity(pid) or "", config.devnet_port)
            files.pid.write_text(json.dumps(record.__dict__), encoding="utf-8")
            _await_start(config, files, record)
            status = _status(config, files, record, "started", recovery)
        _start_keeper(files, record)
        return status


def down(config: Settings | None = None) -> bool:
    """Stop the lasting devnet after its last dump; tell whether there was one.

    Only the very process that `up` started is ended. Raises `devnet.stop_failed` if it does not end.
    """
    config = config or settings()
    files = _Files(config.data_dir / "devnet")
    if not files.folder.exists():
        return False
    with _locked(files):
        return _stop(files)


def reset(config: Settings | None = None) -> Status:
    """Forget the lasting devnet's whole chain and start an empty one. Raises as `down` and `up` do."""
    config = config or settings()
    files = _Files(config.data_dir / "devnet")
    with _locked(files):
        _stop(files)
        for path in (files.state, files.last, files.broken):
            path.unlink(missing_ok=True)
    return up(config)


def status(config: Settings | None = None) -> Status:
    """Tell what is known of the lasting devnet; changes nothing."""
    config = config or settings()
    files = _Files(config.data_dir / "devnet")
    record = _running(files)
    return _status(config, files, record, "found" if record else "stopped")


class Devnet:
    """A chain of its own for the time of a `with` block, with all 20 labelled accounts funded.

    Each transaction is mined at once (automine). Warning: automine stalls when many connections send without
    waiting; pass `automine=False` for such a test, and call `node.request("evm_mine")` after sending.
    """

    def __init__(
        self,
        config: Settings | None = None,
        *,
        port: int | None = None,
        automine: bool = True,
        flags: tuple[str, ...] = (),
    ) -> None:
        self._config = config or settings()
        self._flags = (*(() if automine else ("--no-mining",)), *flags)
        self._wanted_port = port
        self.port = 0
        self.chain_id = self._config.chain_id

    @property
    def rpc_url(self) -> str:
        """Give the node's address."""
        return f"http://{HOST}:{self.port}"

    def snapshot(self) -> str:
        """Remember the chain as it is; give the name for `revert`."""
        return str(self.node.request("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Bring the chain back to a snapshot, which is used up by this. Raises `devnet.no_snapshot`."""
        if self.node.request("evm_revert", snapshot) is not True:
            raise YuanliuError("devnet.no_snapshot", f"the node knows no snapshot {snapshot}")

    @contextmanager
    def anchor(self) -> Iterator[None]:
        """Undo on leaving whatever happened on the chain inside the block."""
        name = self.snapshot()
        try:
            yield
        finally:
            self.revert(name)

    def __enter__(self) -> Self:
        """Start the node and wait until it answers. Raises `devnet.start_failed`."""
        anvil, said = find_anvil(self._config), b""
        self._states = TemporaryDirectory(prefix="yuanliu-devnet-", ignore_cleanup_errors=True)
        for attempt in range(3):  # another process may take a free port before the node does
            self.port = self._wanted_port or free_port()
            self._process = subprocess.Popen(  # noqa: S603 -- our own command
                [
                    anvil,
                    *RULES,
                    "--accounts=20",
                    f"--host={HOST}",
                    f"--port={self.port}",
                    f"--chain-id={self.chain_id}",
                    f"--max-persisted-states={PERSISTED_STATES}",
                    f"--cache-path={self._states.name}",
                    *self._flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            self.node = Node(self.rpc_url)
            if _answers(self.port, lambda: self._process.poll() is None):
                return self
            self._process.kill()
            _, said = self._process.communicate()
            if self._wanted_port or attempt == 2:  # noqa: PLR2004 -- the last of three
                break
        self._states.cleanup()
        raise YuanliuError(
            "devnet.start_failed",
            f"{anvil} ended instead of starting: {said.decode(errors='replace').strip()}",
            fields={"port": self.port},
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the node; its chain is forgotten."""
        self._process.kill()
        self._process.communicate()
        self._states.cleanup()


def has_p256(node: Node) -> bool:
    """Tell whether the chain checks P-256 signatures at 0x100 (EIP-7951)."""
    return node.call(P256_ADDRESS, bytes.fromhex(P256_VALID[2:])) == (1).to_bytes(32, "big")


class _Files:
    """The lasting devnet's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "lock"
        self.keeper_lock = folder / "keeper.lock"
        self.pid = folder / "anvil.pid"
        self.log = folder / "anvil.log"
        self.keeper_log = folder / "keeper.log"
        self.state = folder / "state.json"
        self.states = folder / "states"  # empty; the node would make it in the user's home
        self.last = folder / "state.last.json"
        self.broken = folder / "state.broken.json"


@dataclass(frozen=True)
class _Record:
    """The pid file: which process we started, when it was born, and on which port."""

    pid: int
    born: str
    port: int


@contextmanager
def _locked(files: _Files) -> Iterator[None]:
    """Let one `up`, `down` or `reset` at a time at the folder; the others wait."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with files.lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _running(files: _Files) -> _Record | None:
    """Give the record of the node if the very process that we started is alive."""
    try:
        record = _Record(**json.loads(files.pid.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return record if record.born and identity(record.pid) == record.born else None


def _found(config: Settings, files: _Files, record: _Record) -> Status:
    if record.port != config.devnet_port:
        raise YuanliuError(
            "devnet.other_port",
            f"the devnet of {files.folder} already runs on port {record.port}, not {config.devnet_port}",
            hint=f"set YUANLIU_DEVNET_PORT={record.port}, or stop it with `yuanliu devnet down`",
            fields={"running": record.port, "asked": config.devnet_port},
        )
    if not _answers(record.port, lambda: _running(files) is not None):
        raise YuanliuError(
            "devnet.silent",
            f"the node (pid {record.pid}) runs but does not answer on port {record.port}",
            hint="stop it with `yuanliu devnet down` and start it again",
            fields={"pid": record.pid, "port": record.port},
            retryable=True,
        )
    _require_chain(Node(_url(record.port)), config)
    return _status(config, files, record, "found")


def _require_chain(node: Node, config: Settings) -> None:
    found = node.chain_id()
    if found != config.chain_id:
        raise YuanliuError(
            "devnet.wrong_chain",
            f"the devnet at {node.url} has chain id {found}, not {config.chain_id}",
            hint=f"set YUANLIU_CHAIN_ID={found}, or begin a new chain with `yuanliu devnet reset`",
            fields={"found": found, "expected": config.chain_id},
        )


def _require_p256(node: Node) -> None:
    if not has_p256(node):
        raise YuanliuError(
            "devnet.no_p256",
            "the node does not check P-256 signatures at 0x100 (EIP-7951)",
            hint="take anvil 1.7 or newer, or leave YUANLIU_ANVIL empty for the pinned one",
            fields={"rpc_url": node.url},
        )


def _require_free(port: int) -> None:
    end = time.monotonic() + 1  # a node that was killed a moment ago still holds its port
    while (reason := _why_taken(port)) and time.monotonic() < end:
        time.sleep(0.05)
    if reason:
        raise YuanliuError(
            "devnet.port_busy",
            f"port {port} on {HOST} cannot be used: {reason}",
            hint=f"choose another, for instance YUANLIU_DEVNET_PORT={free_port()}, or stop the program that "
            f"listens there (`lsof -i :{port}` names it)",
            fields={"port": port},
            retryable=True,
        )


def _why_taken(port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _await_start(config: Settings, files: _Files, record: _Record) -> None:
    if not _answers(record.port, lambda: identity(record.pid) is not None):
        said = files.log.read_text(errors="replace").strip()[-2000:]
        _stop(files)
        raise YuanliuError(
            "devnet.start_failed",
            f"the node did not start; it said: {said or 'nothing'}",
            hint=f"see {files.log}; `yuanliu devnet reset` begins with an empty chain",
            fields={"log": str(files.log)},
        )
    node = Node(_url(record.port))
    try:
        _require_chain(node, config)
        _require_p256(node)
    except YuanliuError:  # not a chain to work on: leave nothing running
        _stop(files)
        raise


def _answers(port: int, alive: Callable[[], bool]) -> bool:
    """Wait until the node answers; give up when it has ended or after `_START_SECONDS`."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and alive():
        with suppress(OSError, YuanliuError):
            socket.create_connection((HOST, port), timeout=1).close()
            Node(_url(port)).chain_id()
            return alive()
        time.sleep(0.01)
    return False


def _start_keeper(files: _Files, record: _Record) -> None:
    spawn_detached(
        [
            sys.executable,
            "-m",
            "yuanliu.chain.devnet_keeper",
            files.state,
            files.keeper_lock,
            str(record.pid),
            record.born,
            str(record.port),
        ],
        log=files.keeper_log,
        cwd=files.folder,
    )


def _stop(files: _Files) -> bool:
    record = _running(files)
    if record is not None:
        # Once all is saved, what it writes by itself at its end could only be worse.
        os.kill(record.pid, signal.SIGKILL if _saved(files, record) else signal.SIGTERM)
        end = time.monotonic() + _STOP_SECONDS
        while identity(record.pid) == record.born:
            if time.monotonic() > end:
                raise YuanliuError(
                    "devnet.stop_failed",
                    f"the node (pid {record.pid}) has not ended {_STOP_SECONDS:.0f} s after being asked to",
                    hint=f"end it with `kill -9 {record.pid}`; its state as it was saved last is kept",
                    fields={"pid": record.pid},
                )
            time.sleep(0.01)
    files.pid.unlink(missing_ok=True)
    return record is not None


def _saved(files: _Files, record: _Record) -> bool:
    """Have nothing mined any more, and save the node's state; tell whether that is done."""
    try:
        pid, born = json.loads(files.keeper_lock.read_bytes())["keeper"]
    except (FileNotFoundError, ValueError, TypeError, LookupError):
        pid, born = 0, None
    if isinstance(pid, int) and born and identity(pid) == born:
        os.kill(pid, signal.SIGKILL)
        while identity(pid) == born:
            time.sleep(0.01)
    node = Node(_url(record.port), timeout=_STOP_SECONDS)
    with suppress(YuanliuError):
        node.request("evm_setIntervalMining", 0)
        return devnet_state.save(node, files.state)
    return False


def _status(
    config: Settings,
    files: _Files,
    record: _Record | None,
    outcome: Literal["started", "found", "stopped"],
    recovery: str = "",
) -> Status:
    port = record.port if record else config.devnet_port
    chain_id = block = None
    if record:
        node = Node(_url(port))
        with suppress(YuanliuError):
            chain_id, block = node.chain_id(), node.block_number()
    return Status(
        running=record is not None,
        rpc_url=_url(port),
        pid=record.pid if record else None,
        chain_id=chain_id,
        block=block,
        data_dir=files.folder,
        state_bytes=files.state.stat().st_size if files.state.exists() else 0,
        outcome=outcome,
        recovery=recovery,
    )


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"
