"""Starts the service so that it outlives the terminal, finds it again, and ends it."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from yuanliu.chain.deployment import Deployment
from yuanliu.chain.processes import identity, spawn_detached
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings

START_SECONDS: Final = 180.0
"""How long the service may take until it is ready: a copy that is built anew takes a while."""

STOP_SECONDS: Final = 120.0
_ANSWER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Running:
    """The service as a process: its pid with its birth, so that no other process is taken for it."""

    pid: int
    born: str
    port: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return identity(self.pid) == self.born


def start(config: Settings) -> tuple[Running, bool]:
    """Start the service detached, or find it; true: it was started now. Returns when it is ready.

    Raises `YuanliuError`: `service.start_failed`, with the last lines of its log; `service.not_ready`,
    `service.other_port`.
    """
    found = running(config)
    if found is not None:
        if found.port != config.port:
            raise YuanliuError(
                "service.other_port",
                f"the service of {config.data_dir} already runs on port {found.port}, not {config.port}",
                hint=f"set YUANLIU_PORT={found.port}, or stop it with `yuanliu stop`",
                fields={"running": found.port, "asked": config.port},
                exit_code=2,
            )
        _await_ready(config, found)
        return found, False
    folder = config.data_dir / "service"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    command = [sys.executable, "-m", "yuanliu.cli", "serve"]
    pid = spawn_detached(command, log=log, cwd=Path.cwd())
    made = Running(pid, identity(pid) or "", config.port)
    (folder / "process.json").write_text(json.dumps(asdict(made)), encoding="utf-8")
    _await_ready(config, made)
    return made, True


def running(config: Settings) -> Running | None:
    """Give the service that was started detached and still runs."""
    try:
        text = (config.data_dir / "service" / "process.json").read_text(encoding="utf-8")
        found = Running(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.alive else None


def stop(config: Settings) -> bool:
    """End the service that was started detached; false if none runs. Raises `YuanliuError` (`service.stop_failed`)."""
    found = running(config)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while found.alive:
        if time.monotonic() > deadline:
            raise YuanliuError(
                "service.stop_failed",
                f"the service (pid {found.pid}) does not end",
                hint=f"look at {config.data_dir / 'service' / 'log'}",
                fields={"pid": found.pid},
            )
        time.sleep(0.05)
    return True


def ask(config: Settings, path: str) -> Any:  # noqa: ANN401 -- any JSON
    """Give what the service answers. Raises `YuanliuError` (`service.silent`)."""
    try:
        with httpx.Client(trust_env=False, timeout=_ANSWER_SECONDS) as client:
            answer = client.get(f"{config.address}{path}")
            return answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise YuanliuError(
            "service.silent",
            f"the service does not answer at {config.address}: {error}",
            hint=f"look at {config.data_dir / 'service' / 'log'}",
            retryable=True,
            exit_code=2,
        ) from error


def of_this_deployment(config: Settings, deployment: Deployment) -> bool:
    """Tell whether the service that answers works on this deployment."""
    found = ask(config, "/api/v1/chain")
    return bool(
        found["genesis"] == deployment.genesis
        and found["contracts"]["Batches"] == deployment.batches.address.lower()
    )


def _await_ready(config: Settings, made: Running) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask(config, "/readyz")
        except YuanliuError as error:
            if not made.alive:
                raise _failed(config) from error
            if time.monotonic() > deadline:
                raise YuanliuError(
                    "service.not_ready",
                    "the service is still not ready",
                    hint=f"look at {config.address}/readyz and {config.data_dir / 'service' / 'log'}",
                    retryable=True,
                    exit_code=2,
                ) from error
            time.sleep(0.1)
        else:
            return


def _failed(config: Settings) -> YuanliuError:
    log = config.data_dir / "service" / "log"
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return YuanliuError(
        "service.start_failed",
        f"the service ended at once: {' '.join(lines[-2:])[:400] or 'it said nothing'}",
        hint=f"its log is {log}",
        exit_code=2,
    )
