"""The service as users run it, for measuring: `yuanliu serve` in a process of its own, on a chain of its own.

Its copy already holds a million invented events (`crowd`); the chain begins above their blocks, so that what is
measured joins them. Carriers have accounts and API tokens; batches are real ones.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from yuanliu import actions
from yuanliu.actions import Role
from yuanliu.bench import crowd
from yuanliu.bench.loads import Connection, request
from yuanliu.bench.stage import Stage
from yuanliu.chain import devnet, keys
from yuanliu.chain.node import Node
from yuanliu.database import Engine, Family, open_database, upgrade
from yuanliu.desk.access import Scope
from yuanliu.desk.accounts import Accounts
from yuanliu.desk.attachments import open_store
from yuanliu.desk.people import AccountKind
from yuanliu.desk.recoveries import Recoveries
from yuanliu.desk.sessions import Sessions
from yuanliu.desk.tokens import Tokens
from yuanliu.desk.vault import Vault
from yuanliu.settings import Settings

CARRIERS: Final = 4
BATCHES: Final = 20

_FIRST_KEY: Final = 2_000_000
_PASSWORD: Final = "a pass phrase for measuring only"  # noqa: S105 -- of a house that is torn down
_START_SECONDS: Final = 120.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Lot:
    """A real batch."""

    id: str
    gtin: str
    lot: str


@dataclass(frozen=True)
class Carrier:
    """Somebody who records logistics, with an API token."""

    key: keys.Key
    token: str


@dataclass
class House:
    """What is measured."""

    config: Settings
    stage: Stage
    carriers: list[Carrier]
    lots: list[Lot]
    node_pids: list[int]
    service_pid: int = 0

    def get(self, path: str, token: str = "") -> Any:  # noqa: ANN401 -- any JSON
        """Get a path as JSON; None if there is nothing."""
        asked = request("GET", path, Authorization=f"Bearer {token}" if token else "")
        connection = Connection(self.config.port)
        try:
            status, body = connection.send(asked)
        finally:
            connection.close()
        return orjson.loads(body) if status == 200 else None  # noqa: PLR2004 -- OK

    def cpu(self) -> tuple[float, float]:
        """Give the CPU seconds so far of the service, and of the node with its keeper."""
        return _cpu(self.service_pid), sum(map(_cpu, self.node_pids))

    def memory(self) -> dict[str, float]:
        """Give the service's resident memory in MB: in all, its own, and of files that it has mapped."""
        text = Path(f"/proc/{self.service_pid}/status").read_text(encoding="ascii")
        found = dict(line.split(":", 1) for line in text.splitlines())
        return {
            name: int(found[name].split()[0]) / 1_000 for name in ("VmRSS", "RssAnon", "RssFile")
        }


@contextmanager
def opened(events: int, said: Callable[[str], None] = lambda _: None) -> Iterator[House]:
    """Open a house whose copy holds `events` invented events, and close it again."""
    usual = Settings()
    filled = crowd.prepare(usual.data_dir / "cache", events, said)
    with TemporaryDirectory(prefix="yuanliu-bench-") as name:
        folder, port = Path(name), devnet.free_port()
        config = Settings(
            data_dir=folder,
            deployment_file=folder / "deployment.json",
            devnet_port=port,
            rpc_url=f"http://127.0.0.1:{port}",
            port=devnet.free_port(),
            database_url=None,
            attachments_url=None,
        )
        said("copying the invented events")
        shutil.copyfile(filled, folder / f"{Family.COPY}.db")
        said("starting a chain")
        started = devnet.up(config)
        try:
            yield from _furnished(config, started, said)
        finally:
            devnet.down(config)


def _furnished(
    config: Settings,
    started: devnet.Status,
    said: Callable[[str], None],
) -> Iterator[House]:
    node = Node(config.rpc_url)
    node.request("anvil_mine", hex(crowd.BLOCKS))
    stage = Stage(node, fixed_clock=False)
    stage.deployment.save(config.deployment_file)
    said("enrolling carriers and registering batches")
    engine = open_database(config, Family.DESK)
    upgrade(engine, Family.DESK)
    carriers = [_carrier(stage, engine, number) for number in range(CARRIERS)]
    open_store(config, engine).put(
        [crowd.REPORT], declared="application/pdf", name="inspection-1.pdf", account="bench"
    )
    engine.dispose()
    ids = [stage.batch([stage.address("farmer")]).id for _ in range(BATCHES)]
    house = House(config, stage, carriers, [], _pids_of_node(config, started))
    said("starting the service")
    with (config.data_dir / "service.log").open("wb") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "yuanliu.cli", "serve"],
            cwd=config.data_dir,
            env=_environment(config),
            stdout=log,
            stderr=log,
        )
        try:
            house.service_pid = service.pid
            _until(lambda: _ready(house, service))
            for id_ in ids:
                path = f"/api/v1/batches/0x{id_.hex()}"
                _until(partial(_is_there, house, path))
                found = house.get(path)
                house.lots.append(Lot(found["id"], found["gtin"], found["lot"]))
            yield house
        finally:
            service.terminate()
            service.wait(60)


def _carrier(stage: Stage, desk: Engine, number: int) -> Carrier:
    """Enrol a carrier on the chain, and give it an account and a token."""
    key = keys.from_private_key(f"0x{_FIRST_KEY + number:064x}")
    code = f"CARRIER-{number}"
    platform = stage.address("platform")
    agreed = actions.consent(stage.deployment, key, platform, roles=Role.CARRIER, code=code)
    address = str(key.address)
    stage.direct("platform", actions.enrol(stage.deployment, address, Role.CARRIER, code, agreed))
    vault = Vault()
    accounts = Accounts(desk, vault, chain_id=stage.deployment.chain_id)
    login = code.lower()
    accounts.create(login, AccountKind.CARRIER, party=address, key=key, password=_PASSWORD)
    actors = stage.deployment.actors
    recoveries = Recoveries(desk, vault, lambda what, who: actors.read(stage.node, what, who))
    sessions = Sessions(desk, vault, recoveries)
    signed_in = sessions.sign_in(login, _PASSWORD, "127.0.0.1")
    opened_key = sessions.open_key(signed_in.session, signed_in.token)
    scopes = [Scope.READ, Scope.EVENTS]
    _, token = Tokens(desk).create(signed_in.session, opened_key, label="bench", scopes=scopes)
    return Carrier(key, token)


def _environment(config: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YUANLIU_")}
    own = {
        name: str(getattr(config, name))
        for name in ("project_dir", "data_dir", "devnet_dir", "devnet_port", "port")
    }
    return kept | {f"YUANLIU_{name.upper()}": value for name, value in own.items()}


def _ready(house: House, service: subprocess.Popen[bytes]) -> bool:
    if service.poll() is not None:
        log = (house.config.data_dir / "service.log").read_text(encoding="utf-8")
        raise AssertionError(f"the service ended: {log[-1_000:]}")
    try:
        return _is_there(house, "/readyz")
    except OSError:
        return False


def _is_there(house: House, path: str) -> bool:
    return house.get(path) is not None


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _START_SECONDS
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def _pids_of_node(config: Settings, started: devnet.Status) -> list[int]:
    """Give the pids of the node and of its keeper, which has the node's port in its command line."""
    pids = [started.pid] if started.pid else []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"yuanliu.chain.devnet_keeper" in line and str(config.devnet_port).encode() in line:
            pids.append(int(process.name))
    return pids


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
