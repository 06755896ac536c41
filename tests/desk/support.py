"""An outbox and a relayer on a world's chain, and short words for what the tests do with them."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from tests.waiting import SOON
from tests.world import Person, World

from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.database import Family, open_database, upgrade
from yuanliu.desk.intentions import Intention, State
from yuanliu.desk.outbox import Ask, Outbox
from yuanliu.desk.relayer import Relayer
from yuanliu.errors import YuanliuError
from yuanliu.records import Kind
from yuanliu.settings import Settings

LONG: Final = os.environ.get("YUANLIU_LONG") == "1"
"""Whether there is time for more rounds."""

BOTH: Final = pytest.mark.parametrize("reopened", ["sqlite", "postgresql"], indirect=True)
"""Marks a test that is run on both databases."""

HEAD_BYTES: Final = 50
"""What stands before a record's body: version, kind, time, actor, signer."""


class Desk:
    """One outbox and one relayer. The chain mines when `mine` is called, unless the world says otherwise."""

    def __init__(self, world: World, engine: Engine, *, node: Node | None = None) -> None:
        self.world = world
        self.engine = engine
        self.outbox = Outbox(engine, world.deployment, node or world.node)
        self.key = world._relayer
        self._mining = threading.Lock()
        self.relayer = self.new_relayer()
        self.batch = world.harvest().id

    def new_relayer(self, node: Node | None = None) -> Relayer:
        """Give a relayer that remembers nothing, as after a restart; it may reach the chain by another way."""
        outbox = Outbox(self.engine, self.world.deployment, node) if node else self.outbox
        return Relayer(outbox, self.key)

    def event(self, number: int, *, size: int = 200) -> Call:
        """Give the call that records an event with a number in it."""
        return event(self.world.deployment, self.batch, number, size=size)

    def submit(
        self,
        number: int,
        *,
        who: Person | None = None,
        call: Call | None = None,
        try_out: bool = False,
        name: str | None = None,
        digest: str = "",
    ) -> Intention:
        """Submit the event of a number; `name` is the idempotency key if not the number."""
        return self.outbox.submit(
            account="clerk",
            key=(who or self.world.coop).account,
            call=call or self.event(number),
            idempotency_key=name or str(number),
            act="record an event",
            body_digest=digest or str(number),
            result={"number": number},
            try_out=try_out,
        )

    def submit_all(self, numbers: range) -> list[Intention]:
        """Submit many events at once."""
        asks = [
            Ask(self.event(n), str(n), str(n), "record an event", {"number": n}) for n in numbers
        ]
        outcomes = self.outbox.submit_many(
            account="clerk", key=self.world.coop.account, asks=asks, try_out=False
        )
        assert all(isinstance(outcome, Intention) for outcome in outcomes), outcomes
        return [outcome for outcome in outcomes if isinstance(outcome, Intention)]

    def mine(self, blocks: int = 1) -> None:
        with self._mining:
            for _ in range(blocks):
                self.world.node.request("evm_mine")

    def reorg(self, depth: int) -> None:
        """Replace the last blocks by empty ones. Not while a block is made: anvil would then keep both."""
        with self._mining:
            self.world.node.request("anvil_reorg", depth, [])

    def turn(self) -> None:
        """Let the relayer send, the chain mine, the relayer read."""
        self.relayer.step()
        self.mine()
        self.relayer.step()

    def state(self, intention: Intention) -> State:
        return self.outbox.intention(intention.id).state

    def numbers(self) -> list[int]:
        """Give the numbers of the events on the chain, in its order."""
        return numbers(self.world.records(self.batch))

    def settle(self, seconds: float = SOON) -> None:
        """Take turns until nothing is on its way; whatever fails is tried again, as `run` does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.turn()
            except YuanliuError:
                time.sleep(0.05)
                continue
            status = self.relayer.status()
            if not status.waiting and not status.sent:
                return
        raise AssertionError(f"not settled in time: {self.relayer.status()}")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the relayer run, and the chain mine, beside the block."""
        stop = threading.Event()
        threads = [
            threading.Thread(target=self.relayer.run, args=(stop,)),
            threading.Thread(target=self._keep_mining, args=(stop,)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _keep_mining(self, stop: threading.Event) -> None:
        while not stop.wait(0.03):
            try:
                self.mine()
            except YuanliuError:
                continue


def event(deployment: Deployment, batch: int, number: int, *, size: int = 200) -> Call:
    payload = json.dumps({"number": number, "filler": "x" * (size - 40)}).encode()
    return deployment.batches.call("record", batch, int(Kind.PRODUCTION), payload)


def numbers(records: list[bytes]) -> list[int]:
    bodies = [record[HEAD_BYTES:] for record in records if record[1] == Kind.PRODUCTION]
    return [int(json.loads(body)["number"]) for body in bodies]


def opened(folder: Path, *, url: str | None = None, schema: str = "yuanliu") -> Engine:
    """Open a desk's database: a file in the folder, or a schema of a PostgreSQL."""
    secret = None if url is None else SecretStr(url)
    config = Settings(data_dir=folder, database_url=secret, database_schema=schema)
    engine = open_database(config, Family.DESK)
    upgrade(engine, Family.DESK)
    return engine
