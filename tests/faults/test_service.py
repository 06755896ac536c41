"""The service is killed, its node is killed, its database locked, its disk full, while people post events over HTTP.

In the end each event that was accepted is on the chain exactly once, and the copy equals a rebuild.
"""

import os
import random
import re
import resource
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

import pytest
from tests.desk.support import LONG
from tests.faults.load import Load, states
from tests.serve.programs import Ground, Nursery, Place, until

from yuanliu import verify
from yuanliu.chain import devnet
from yuanliu.database.engine import BUSY_SECONDS
from yuanliu.errors import YuanliuError
from yuanliu.records import decode

pytestmark = [pytest.mark.node, pytest.mark.slow]

ROUNDS, EVENTS = (20, 500) if LONG else (6, 150)
AWAY = 60.0 if LONG else 5.0
"""How long the node is away, in seconds."""

LIMIT = 800_000
"""Longest file that a full disk takes, in bytes."""


def on_chain(place: Place, batch: str) -> Counter[int]:
    """Count the events by their number, in a journal that verifies; from the chain alone."""
    found = verify.verify(place.node, place.deployment, bytes.fromhex(batch[2:]))
    assert found.verdict.matches, found.verdict.faults
    bodies = [decode(record.data).body for record in found.history.records]
    payloads = [getattr(body, "payload", b"") for body in bodies]
    numbers = (re.search(rb'"yuanliu:number":(\d+)', payload) for payload in payloads)
    return Counter(int(match[1]) for match in numbers if match)


def settled(place: Place, batch: str, load: Load) -> bool:
    """Tell whether all that was allowed was accepted, and is on the chain."""
    load.check()
    with suppress(YuanliuError):
        return not load.open and len(on_chain(place, batch)) == len(load.numbers)
    return False


def check(nursery: Nursery, place: Place, batch: str, load: Load) -> None:
    """See that everything is there once, that the service says so, and that its copy equals a rebuild."""
    until(lambda: settled(place, batch, load), 180)
    until(lambda: states(place, load) == Counter(done=len(load.numbers)))
    assert len(set(load.accepted.values())) == len(load.numbers)
    time.sleep(1)  # whatever would be sent twice has time to be
    assert on_chain(place, batch) == Counter(load.numbers)
    _shows_all(place, batch)
    compared = nursery.start(place, "rebuild", "--check")
    assert compared.wait() == 0, (compared.said, compared.errors)
    assert re.search(r"All \d+ tables equal a rebuild", compared.said)


def _shows_all(place: Place, batch: str) -> None:
    """Wait until the service shows the head that the chain keeps."""
    head = verify.verify(place.node, place.deployment, bytes.fromhex(batch[2:])).verdict.head
    with place.client() as client:
        path = f"/api/v1/batches/{batch}/journal"
        until(lambda: client.get(path).json()["head"] == "0x" + head.hex())


def test_a_service_that_is_killed_again_and_again_does_all_that_it_accepted_once(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    chance, under_way = random.Random(6), 0
    program = nursery.serve(place)
    with Load(place, ground.batch) as load:
        for _ in range(ROUNDS):
            load.allow(EVENTS // ROUNDS)  # the first of them goes to a service that still starts
            if chance.random() < 0.8:  # otherwise it is killed while it starts
                _some_more_is_accepted(load)
            time.sleep(chance.uniform(0, 0.3))
            under_way += load.open > 0 or len(on_chain(place, ground.batch)) < len(load.accepted)
            program.kill()
            assert {entry["event"] for entry in program.defects()} == set()
            program = nursery.start(place, "serve")
        program.ready()
        check(nursery, place, ground.batch, load)
    assert under_way > ROUNDS // 2, "mostly it was killed with nothing to do"
    assert load.lost_answers > 0
    assert set(load.refusals) <= {"chain.unreachable"}
    assert program.end() == 0
    assert program.defects() == []


def _some_more_is_accepted(load: Load) -> None:
    before = len(load.accepted)
    until(lambda: len(load.accepted) > before or not load.open)


def test_a_node_that_is_killed_or_away_costs_patience_only(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    forgot = 0
    with Load(place, ground.batch) as load:
        for away in (0.5, AWAY):
            load.allow(40)
            until(lambda: len(on_chain(place, ground.batch)) >= len(load.numbers) - 20)
            before = place.node.block_number()
            load.allow(20)
            _kill_node(place)
            end = time.monotonic() + away
            while time.monotonic() < end:
                load.allow(1)
                time.sleep(0.25)
            load.check()
            assert program.alive
            devnet.up(place.config)
            forgot += place.node.block_number() < before
            until(lambda: settled(place, ground.batch, load), 120)
        assert forgot > 0, "the node lost nothing: the test tests nothing"
        assert set(load.refusals) == {"chain.unreachable"}
        check(nursery, place, ground.batch, load)
    assert load.lost_answers == 0, "the service itself was there all the time"
    assert program.end() == 0
    assert program.defects() == []


def _kill_node(place: Place) -> None:
    pid = devnet.status(place.config).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_a_database_that_somebody_else_locks_is_waited_for_and_nothing_is_lost(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    with Load(place, ground.batch) as load:
        load.allow(5)
        until(lambda: not load.open)
        paths = [place.config.data_dir / name for name in ("desk.db", "copy.db")]
        with closing(_locked(paths[0])), closing(_locked(paths[1])):
            load.allow(20)
            end = time.monotonic() + BUSY_SECONDS + 5
            with place.client() as client:
                while time.monotonic() < end:
                    assert client.get("/healthz").status_code == 200
                    assert client.get(f"/api/v1/batches/{ground.batch}").status_code == 200
                    time.sleep(0.2)
        check(nursery, place, ground.batch, load)
    assert set(load.refusals) == {"database.unreachable"}
    assert load.lost_answers == 0
    assert program.end() == 0
    assert program.defects() == []


def _locked(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_full_disk_refuses_attachments_whole_and_the_service_goes_on(
    nursery: Nursery, place: Place
) -> None:
    program = nursery.serve(place)
    files = {"one piece": b"12.5,12.6\n" * 99_000, "many pieces": b"12.5,12.7\n" * 300_000}
    folder = place.config.data_dir / "attachments"

    def put(data: bytes) -> "tuple[int, dict[str, object]]":
        answer = client.post("/api/v1/attachments", files={"file": ("r.csv", data, "text/csv")})
        return answer.status_code, answer.json()

    with place.client("inspector") as client:
        limits = resource.prlimit(program.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (LIMIT, limits[1]))
        for data in files.values():
            status, problem = put(data)
            assert (status, problem["code"]) == (503, "attachments.disk_full"), problem
            assert problem["retryable"] is True
            name = sha256(data).hexdigest()
            assert client.get(f"/api/v1/attachments/{name}").status_code == 404
        assert [path for path in folder.rglob("*") if path.is_file()] == []
        assert client.get("/api/v1/attachments").json() == []
        assert client.get("/readyz").status_code == 200
        assert put(b"12.5,12.6\n")[0] == 201
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, limits)
        for data in files.values():
            assert put(data)[0] == 201
            got = client.get(f"/api/v1/attachments/{sha256(data).hexdigest()}")
            assert got.content == data
    assert program.end() == 0
    assert program.defects() == []
