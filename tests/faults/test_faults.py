"""The service and the node are killed at random moments: in the end every intention is on the chain exactly once."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from tests.desk.support import LONG, numbers, opened
from tests.faults.worker import Order
from tests.waiting import until

from yuanliu.bench.stage import Stage
from yuanliu.chain import devnet
from yuanliu.chain.node import Node
from yuanliu.database import Family, open_database, upgrade
from yuanliu.desk.intentions import State
from yuanliu.desk.outbox import Outbox
from yuanliu.errors import YuanliuError
from yuanliu.index.rebuild import compare
from yuanliu.index.store import Store
from yuanliu.settings import Settings, settings

pytestmark = [pytest.mark.node, pytest.mark.slow]

ROOT = settings().project_dir
INTENTIONS = 500
KILLS = 20
NODE_KILLS = 5 if LONG else 1


class Service:
    """Starts services that work on one chain and one database, and kills them."""

    def __init__(self, order: Order, program: "subprocess.Popen[str]") -> None:
        self.order = order
        self._program = program
        self._living: int | None = None

    def start(self, first: int, count: int) -> None:
        """Start one that submits the events `first` and so on."""
        said, heard = self._streams()
        said.write(f"go {first} {count}\n")
        said.flush()
        self._living = int(heard.readline())

    def kill(self) -> None:
        """Kill it, without a word."""
        if self._living is None:
            return
        with suppress(ProcessLookupError):
            os.kill(self._living, signal.SIGKILL)
        until(lambda: not alive(self._living))
        self._living = None

    def _streams(self) -> tuple[IO[str], IO[str]]:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        return self._program.stdin, self._program.stdout

    @property
    def living(self) -> bool:
        return self._living is not None and alive(self._living)


def alive(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True


class Place:
    """A lasting devnet with contracts, a batch, and empty databases."""

    def __init__(self, folder: Path) -> None:
        self.config = Settings(data_dir=folder, devnet_port=devnet.free_port())
        self.node = Node(devnet.up(self.config).rpc_url)
        stage = Stage(self.node, fixed_clock=False)
        self.deployment = stage.deployment
        self.deployment.save(self.config.deployment_file)
        self.batch = int.from_bytes(stage.batch([stage.address("farmer")]).id)
        self.outbox = Outbox(opened(folder), self.deployment, self.node)
        copy = open_database(self.config, Family.COPY)
        upgrade(copy, Family.COPY)
        copy.dispose()
        self.order = Order(
            data_dir=str(folder),
            port=self.config.devnet_port,
            batch=self.batch,
            author=stage.key("cooperative").key.hex(),
            relayer=stage.key("relayer").key.hex(),
            requests=5,
        )

    def done(self) -> int:
        """Give how many are done; while the database is busy, none."""
        with suppress(YuanliuError):
            return self.outbox.counts()[State.DONE]
        return 0

    def stored(self) -> int:
        """Give how many were accepted, as far as can be read."""
        with suppress(YuanliuError):
            return sum(self.outbox.counts().values())
        return 0

    def on_chain(self) -> Counter[int]:
        """Count the events on the chain by number, from the log alone."""
        topic = "0x" + self.deployment.batches.topic("Recorded").hex()
        key = "0x" + self.batch.to_bytes(32).hex()
        address = self.deployment.batches.address
        logs = self.node.logs(address, [topic, key], self.deployment.block)
        events = self.deployment.batches.events(logs)
        return Counter(numbers([bytes(event.fields["record"]) for event in events]))

    def await_done(self, count: int) -> None:
        until(lambda: self.done() >= count)

    def await_chain(self, count: int) -> None:
        """Wait until what is done is on the chain, too: the relayer may not have seen yet that it went back."""

        def there() -> bool:
            with suppress(YuanliuError):
                return self.done() == count and self.on_chain() == Counter(range(count))
            return False

        until(there)

    def await_saved(self) -> None:
        """Wait until there is a state of the node's to fall back to."""
        until((self.config.data_dir / "devnet" / "state.json").exists)

    def check(self, total: int) -> None:
        """Assert that every intention is done, is on the chain once, and that the copy equals a rebuild."""
        assert self.on_chain() == Counter(range(total))
        assert self.outbox.counts() == dict.fromkeys(State, 0) | {State.DONE: total}
        for intention in self.outbox.intentions(limit=total + 1):
            assert intention.block is not None
            assert intention.block_hash == self.node.block_hash(intention.block)
        nonce = self.deployment.actors.read(
            self.node, "nonces", self.outbox.intentions(limit=1)[0].request.signer
        )
        assert nonce == total

    def check_copy(self) -> None:
        until(self._copied)
        assert compare(self.config, self.deployment).tables > 10

    def _copied(self) -> bool:
        """Whether the copy has come to the end of the chain as it is now, and not as it was before it went back."""
        copy = open_database(self.config, Family.COPY)
        try:
            cursor = Store(copy).cursor()
        finally:
            copy.dispose()
        if cursor is None or not 0 <= self.node.block_number() - cursor.block <= 1:
            return False
        return self.node.block_hash(cursor.block) == "0x" + cursor.hash.hex()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    try:
        yield place
    finally:
        devnet.down(place.config)


@contextmanager
def service(order: Order) -> Iterator[Service]:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.worker", order.write()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    serving = Service(order, program)
    try:
        yield serving
    finally:
        serving.kill()
        program.kill()
        program.communicate()


def test_a_service_that_is_killed_again_and_again_does_everything_once(place: Place) -> None:
    chance = random.Random(20)
    each = INTENTIONS // KILLS
    with service(place.order) as serving:
        under_way = 0
        for kill in range(KILLS):
            # Those who do not know whether they were heard ask again, with the same keys.
            first = max(0, kill - 2) * each
            serving.start(first, 3 * each)
            wanted = place.stored() + chance.randint(1, each)
            until(lambda: place.stored() >= min(wanted, first + 3 * each))  # noqa: B023 -- called at once
            assert serving.living
            serving.kill()
            counts = place.outbox.counts()
            under_way += counts[State.WAITING] + counts[State.SENT] > 0
        assert under_way > KILLS // 2, "most were killed with nothing to do: the test tests nothing"
        serving.start(0, INTENTIONS)
        place.await_done(INTENTIONS)
        place.check(INTENTIONS)
        place.check_copy()


def test_a_node_that_is_killed_under_load_and_forgets_its_last_seconds_costs_nothing(
    place: Place,
) -> None:
    chance, forgot = random.Random(3), 0
    with service(replace(place.order, requests=20)) as serving:
        for kill in itertools.count():
            total = INTENTIONS * (kill + 1)
            serving.start(0, total)
            place.await_saved()
            place.await_done(total - INTENTIONS + 50)
            time.sleep(chance.uniform(0, 0.5))
            pid = devnet.status(place.config).pid
            assert pid is not None
            before = place.node.block_number()
            os.kill(pid, signal.SIGKILL)
            until(lambda: not devnet.status(place.config).running)
            devnet.up(place.config)
            forgot += place.node.block_number() < before
            assert serving.living
            place.await_done(total)
            place.await_chain(total)
            place.check(total)
            serving.kill()
            if kill + 1 >= NODE_KILLS and forgot:
                break
            assert kill < NODE_KILLS + 20, "the node lost nothing: the test tests nothing"
        serving.start(0, 0)
        place.check_copy()
