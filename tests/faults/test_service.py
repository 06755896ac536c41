"""The service is killed, its node is killed, its database locked, its disk full, while people post events over HTTP.

In the end each event that was accepted is on the chain exactly once, and the copy equals a rebuild.
"""

import os
import random
import resource
import signal
import sqlite3
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from tests.desk.support import LONG
from tests.faults.checks import check, on_chain, settled
from tests.faults.load import Load
from tests.serve.programs import Ground, Nursery, Place
from tests.waiting import SOON, until

from yuanliu.chain import devnet

pytestmark = [pytest.mark.node, pytest.mark.slow]

ROUNDS, EVENTS = (20, 500) if LONG else (6, 150)
AWAY = 60.0 if LONG else 2.0
"""How long the node is away, in seconds, and longer if nobody noticed."""

LIMIT = 800_000
"""Longest file that a full disk takes, in bytes."""


def test_a_service_that_is_killed_again_and_again_does_all_that_it_accepted_once(
    ground: Ground, nursery: Nursery, place: Place
) -> None:
    chance, under_way = random.Random(6), 0
    program = nursery.serve(place)
    with Load(place, ground.batch) as load:
        for number in range(5 * ROUNDS):
            if number >= ROUNDS and under_way > ROUNDS // 2:
                break
            load.allow(EVENTS // ROUNDS)  # the first of them goes to a service that still starts
            if chance.random() < 0.8:  # otherwise it is killed while it starts
                _some_more_is_accepted(load)
            time.sleep(chance.choice((0, 0, 0.1, 0.3)))
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
        for number in range(20):
            if number > 1 and forgot:
                break
            load.allow(40)
            until(lambda: len(on_chain(place, ground.batch)) >= len(load.numbers) - 20)
            before = place.node.block_number()
            load.allow(20)
            _kill_node(place)
            end = time.monotonic() + (AWAY if number == 1 else 0.5)
            while time.monotonic() < end or (number == 1 and not load.refusals):
                load.allow(1)
                load.check()
                time.sleep(0.25)
            assert program.alive
            devnet.up(place.config)
            forgot += place.node.block_number() < before
            until(lambda: settled(place, ground.batch, load))
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
    until(lambda: not devnet.status(place.config).running)


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
            with place.client() as client:

                def refused() -> bool:
                    load.check()
                    assert client.get("/healthz").status_code == 200
                    assert client.get(f"/api/v1/batches/{ground.batch}").status_code == 200
                    return load.refusals.total() > 0

                until(refused)
        check(nursery, place, ground.batch, load)
    assert set(load.refusals) == {"database.unreachable"}
    assert load.lost_answers == 0
    assert program.end() == 0
    assert program.defects() == []


def _locked(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=SOON)
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
