"""`yuanliu serve` as a process of its own: started, asked, signalled, killed; and a data folder to start it on."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import httpx
from pydantic import SecretStr
from tests.waiting import SOON, until

from yuanliu.chain import devnet, keys
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.database import Family, open_database
from yuanliu.demo.story import Story
from yuanliu.desk.first_start import import_devnet_accounts
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.passwords import DEMO
from yuanliu.settings import Settings, settings

ACCOUNTS: Final = keys.devnet_accounts(settings().devnet_dir)
PASSWORD: Final = re.compile(r"First sign-in, shown this once: (\S+) / (\S+)")


@dataclass(frozen=True)
class Place:
    """A data folder with a devnet of its own, and the port to serve on."""

    config: Settings

    @classmethod
    def at(cls, folder: Path, *, database_url: str | None = None) -> "Place":
        folder.mkdir(parents=True, exist_ok=True)
        ports = [devnet.free_port(), devnet.free_port()]
        url = None if database_url is None else SecretStr(database_url)
        own: dict[str, Any] = (
            {"database_url": url, "database_schema": f"at{ports[1]}"} if url else {}
        )
        return cls(Settings(data_dir=folder, devnet_port=ports[0], port=ports[1], **own))

    def on_port(self, port: int) -> "Place":
        """Give the same place, to serve on another port."""
        return Place(self.config.model_copy(update={"port": port}))

    @property
    def environment(self) -> dict[str, str]:
        return {
            "YUANLIU_DATA_DIR": str(self.config.data_dir),
            "YUANLIU_DEVNET_PORT": str(self.config.devnet_port),
            "YUANLIU_PORT": str(self.config.port),
            "YUANLIU_FOLLOWER_POLL": "0.1",
        } | (
            {
                "YUANLIU_DATABASE_URL": self.config.database_url.get_secret_value(),
                "YUANLIU_DATABASE_SCHEMA": self.config.database_schema,
            }
            if self.config.database_url
            else {}
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config.port}"

    @property
    def node(self) -> Node:
        return Node(self.config.rpc_url)

    @property
    def deployment(self) -> Deployment:
        return Deployment.load(self.config.deployment_file)

    @property
    def has_devnet(self) -> bool:
        return devnet.status(self.config).running

    @contextmanager
    def client(self, who: str = "") -> Iterator[httpx.Client]:
        """Give a client, signed in as `who`, or as nobody."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=SOON) as client:
            if who:
                sign_in = {"login": who, "password": DEMO + who}
                answer = client.post("/api/v1/session", json=sign_in)
                assert answer.status_code == 201, answer.text
                client.headers["X-CSRF-Token"] = answer.json()["csrf"]
            yield client


class Program:
    """One process. Its output is in files, so that it never waits for a reader."""

    def __init__(self, place: Place, pid: int, out: Path, ended: Callable[[], int | None]) -> None:
        self.place = place
        self.pid = pid
        self._out = out
        self._ended = ended
        self.code: int | None = None

    @property
    def alive(self) -> bool:
        if self.code is None:
            self.code = self._ended()
        return self.code is None

    @property
    def said(self) -> str:
        """What it told people."""
        return self._out.read_text(encoding="utf-8")

    @property
    def errors(self) -> str:
        """What it wrote to stderr: its log, and at the end perhaps a refusal."""
        return self._out.with_suffix(".err").read_text(encoding="utf-8")

    def log(self) -> list[dict[str, Any]]:
        """Give its log. Each line is a JSON object; a last one may be cut by a kill."""
        lines = self.errors.split("\n")
        entries = [json.loads(line) for line in lines[:-1]]
        assert all({"event", "level", "timestamp"} <= entry.keys() for entry in entries)
        return entries

    def defects(self) -> list[dict[str, Any]]:
        """Give what it logged that should never be."""
        return [
            entry
            for entry in self.log()
            if entry["event"] == "defect" or entry["level"] == "critical" or "exception" in entry
        ]

    def ready(self) -> "Program":
        """Wait until it is ready."""
        until(lambda: self._is_ready() or not self.alive)
        assert self.alive, (self.said, self.errors)
        return self

    def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            url = f"{self.place.url}/readyz"
            return httpx.get(url, trust_env=False, timeout=SOON).status_code == 200
        return False

    def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        until(lambda: not self.alive)
        assert self.code is not None
        return self.code

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end, and give its exit code."""
        os.kill(self.pid, number)
        return self.wait()

    def kill(self) -> None:
        """Kill it, without a word."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


class Nursery:
    """Starts programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._born: list[Program] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve.nursery"],
            cwd=settings().project_dir,
            env=os.environ | {"COLUMNS": "80"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert json.loads(self._streams()[1].readline()) == "ready"

    def start(self, place: Place, *arguments: str, **environment: str) -> Program:
        """Start `yuanliu` with these arguments at a place."""
        out = self._folder / f"{len(self._born)}.out"
        pid = self._ask(
            arguments=arguments,
            environment=place.environment | environment,
            folder=str(self._folder),
            out=str(out),
            err=str(out.with_suffix(".err")),
        )
        program = Program(place, pid, out, lambda: self._ask(pid=pid))
        self._born.append(program)
        until(lambda: out.with_suffix(".err").exists())
        return program

    def serve(self, place: Place, *arguments: str, **environment: str) -> Program:
        """Start the service, and wait until it is ready."""
        return self.start(place, "serve", *arguments, **environment).ready()

    def close(self) -> None:
        for program in self._born:
            program.kill()
        self._process.kill()
        self._process.communicate()

    def _ask(self, **asked: Any) -> Any:  # noqa: ANN401 -- any JSON
        said, heard = self._streams()
        said.write(json.dumps(asked) + "\n")
        said.flush()
        return json.loads(heard.readline())

    def _streams(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


@dataclass(frozen=True)
class Ground:
    """A data folder, at rest, with contracts, people and one sale; `first` is the program that made it."""

    place: Place
    first: Program
    batch: str
    """Hex id of the lot of eggs that was sold."""

    @contextmanager
    def copied(self, folder: Path) -> Iterator[Place]:
        """Give a place of one's own that begins as this one; its devnet is stopped afterwards."""
        shutil.copytree(self.place.config.data_dir, folder, ignore=shutil.ignore_patterns("*.lock"))
        place = Place.at(folder)
        try:
            yield place
        finally:
            devnet.down(place.config)


def lay_ground(nursery: Nursery, folder: Path, *, database_url: str | None = None) -> Ground:
    """Start the service for the first time, play the first case of the demo, and end it."""
    place = Place.at(folder, database_url=database_url)
    first = nursery.serve(place)
    desk = open_database(place.config, Family.DESK)
    try:
        import_devnet_accounts(desk, ACCOUNTS, chain_id=place.deployment.chain_id)
        outbox = Outbox(desk, place.deployment, place.node)
        story = Story(place.node, place.deployment, outbox, ACCOUNTS, lambda _: None)
        result = next(story.run())
    finally:
        desk.dispose()
    assert first.end() == 0
    return Ground(place, first, "0x" + result.verification.batch.hex())
