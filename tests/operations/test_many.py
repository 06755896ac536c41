"""Many machines: a PostgreSQL, two processes that answer and two that work; leaders die or lose their lock under load.

In the end everything that was accepted is on the chain once, whoever answered and whoever relayed.
"""

from collections.abc import Iterator

import psycopg
import pytest
from tests.faults.checks import check
from tests.faults.load import Load
from tests.serve.programs import Ground, Nursery, Program, lay_ground
from tests.waiting import until

from yuanliu.chain import devnet

pytestmark = [pytest.mark.node, pytest.mark.slow]

BOTH = ["follower", "relayer"]


@pytest.fixture(scope="module")
def spread(
    nursery: Nursery, postgresql: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    made = lay_ground(nursery, tmp_path_factory.mktemp("spread") / "data", database_url=postgresql)
    devnet.up(made.place.config)
    yield made
    devnet.down(made.place.config)


def entries(program: Program, event: str) -> list[str]:
    return sorted(entry["task"] for entry in program.log() if entry["event"] == event)


def terms(program: Program) -> int:
    """Count how often it began to lead."""
    return len(entries(program, "leading"))


def begun(programs: list[Program]) -> int:
    return sum(terms(each) for each in programs)


def leading(program: Program) -> bool:
    """Tell whether it leads both tasks now."""
    return program.alive and terms(program) - len(entries(program, "no longer leading")) == len(
        BOTH
    )


def test_leaders_that_die_or_lose_their_lock_are_followed_by_others_and_nothing_is_lost(
    spread: Ground, nursery: Nursery, postgresql: str
) -> None:
    place = spread.place
    other = place.on_port(devnet.free_port())
    answering = [nursery.serve(each, "--part", "http") for each in (place, other)]
    workers = [nursery.start(place, "serve", "--part", "worker")]
    until(lambda: leading(workers[0]))
    workers.append(nursery.start(place, "serve", "--part", "worker"))
    until(lambda: "Working" in workers[1].said)
    with Load(place, spread.batch) as load, Load(other, spread.batch, first=10_000) as more:

        def some(count: int) -> None:
            before = len(load.accepted) + len(more.accepted)
            load.allow(count)
            more.allow(count)
            until(lambda: len(load.accepted) + len(more.accepted) > before)

        some(20)
        workers[0].kill()  # the leader dies without a word
        some(20)
        until(lambda: leading(workers[1]))
        workers[0] = nursery.start(place, "serve", "--part", "worker")
        until(lambda: "Working" in workers[0].said)

        for _ in range(2):  # the database cuts the leader's connections, and so takes its locks
            some(15)
            began = begun(workers)
            _take_locks(postgresql)
            until(lambda began=began: begun(workers) >= began + len(BOTH))  # type: ignore[misc]
            until(lambda: sum(_tasks_led(each) for each in workers) == len(BOTH))
        some(15)

        answering[1].kill()  # its people's answers are lost; they ask again, and it comes back
        more.allow(10)
        answering[1] = nursery.serve(other, "--part", "http")
        check(nursery, place, spread.batch, load, more)
    assert set(load.refusals) | set(more.refusals) <= {"database.unreachable"}
    for program in (*answering, *workers):
        assert program.end() == 0
        assert {entry["event"] for entry in program.defects()} <= set()


def _tasks_led(program: Program) -> int:
    return terms(program) - len(entries(program, "no longer leading")) if program.alive else 0


def _take_locks(url: str) -> None:
    with psycopg.connect(url) as connection:
        cut = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'"
        ).fetchone()
    assert cut == (len(BOTH),), "one leader each, no more"
