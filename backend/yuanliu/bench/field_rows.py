"""Look-ups over HTTP: a lot by its link, beside the least that a web service can do.

Both serve from the same SQLite file, one process each, and are asked in turn by the same plain sockets, which keep
their connections and send the next request when they have an answer. The rival is an endpoint of FastAPI on uvicorn
that reads four columns of one row by an index and gives them as JSON. Ours is the whole service while its follower and
relayer run: it reads the link, finds the lot, and gives the batch with what is true of it now. The limit is the same
row read by `sqlite3` in a loop, without HTTP.
"""

import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

from yuanliu.bench import crowd, field_rivals
from yuanliu.bench.field import Comparison
from yuanliu.bench.field_rivals import cpu_seconds
from yuanliu.bench.house import House, opened
from yuanliu.bench.loads import Connection, closed, request
from yuanliu.chain.devnet import free_port
from yuanliu.database import Family

INVENTED: Final = 60_000
LOOK_UPS: Final = 3_000
_ROUNDS: Final = 3
_AT_ONCE: Final = 8
_OK: Final = 200
_START_SECONDS: Final = 30.0
_BARE: Final = "FastAPI 0.165 and sqlite3, one bare row"


def compare(
    invented: int = INVENTED, said: Callable[[str], None] = lambda _: None
) -> Iterator[Comparison]:
    """Compare both. Raises `RivalUnavailable`."""
    interpreter = field_rivals.python()
    with opened(invented, said) as house:
        port = free_port()
        database = house.config.data_dir / f"{Family.COPY}.db"
        program = [str(interpreter), str(field_rivals.sources() / "rows.py"), str(database)]
        program += [str(port), str(int(crowd.GTIN))]
        with subprocess.Popen(program) as rival:  # noqa: S603 -- installed from a lock
            try:
                _until_it_answers(port)
                yield from _measured(house, port, rival.pid, invented // crowd.RECORDS, said)
            finally:
                rival.terminate()


def _measured(
    house: House, port: int, rival: int, batches: int, said: Callable[[str], None]
) -> Iterator[Comparison]:
    chance = random.Random(7)  # noqa: S311 -- no secret
    ours, theirs, used, other_used = [], [], [], []
    for number in range(_ROUNDS):
        said(f"look-ups, round {number + 1} of {_ROUNDS}")
        lots = [crowd.lot(chance.randrange(batches)) for _ in range(LOOK_UPS)]
        links = [
            request("GET", f"/01/{crowd.GTIN}/10/{lot}", Accept="application/json") for lot in lots
        ]
        rows = [request("GET", f"/rows/{lot}") for lot in lots]
        before = cpu_seconds(rival)
        theirs.append(closed(port, rows, connections=_AT_ONCE, status=_OK))
        other_used.append(cpu_seconds(rival) - before)
        before = house.cpu()[0]
        ours.append(closed(house.config.port, links, connections=_AT_ONCE, status=_OK))
        used.append(house.cpu()[0] - before)
    best, other = (min(loads, key=lambda load: load.seconds) for loads in (ours, theirs))
    clock, own = _rows_a_second(house, batches)
    yield Comparison(
        what="look-ups of a lot, by the clock",
        ours=LOOK_UPS / best.seconds,
        rival=_BARE,
        theirs=LOOK_UPS / other.seconds,
        limit=clock,
        limit_is="the row read by sqlite3 in a loop, without HTTP",
        unit="requests/s",
        note=(
            f"half within {best.within(0.5):.1f} ms, bare {other.within(0.5):.1f} ms; 99 % within"
            f" {best.within(0.99):.1f} ms, bare {other.within(0.99):.1f} ms"
        ),
    )
    yield Comparison(
        what="look-ups of a lot, by the service's own CPU seconds",
        ours=LOOK_UPS / min(used),
        rival=_BARE,
        theirs=LOOK_UPS / min(other_used),
        limit=own,
        limit_is="the row read by sqlite3 in a loop, without HTTP",
        unit="requests/CPU s",
        note="ours includes what follower and relayer do meanwhile",
    )


def _rows_a_second(house: House, batches: int) -> tuple[float, float]:
    """Give rows a second of the clock, and of the CPU."""
    chance = random.Random(8)  # noqa: S311 -- no secret
    file = house.config.data_dir / f"{Family.COPY}.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        began, used = time.perf_counter(), time.process_time()
        for _ in range(LOOK_UPS):
            key = (crowd.lot(chance.randrange(batches)), int(crowd.GTIN))
            query = "SELECT gtin, lot, units, time FROM batch WHERE lot = ? AND gtin = ?"
            if database.execute(query, key).fetchone() is None:
                raise AssertionError("the copy was filled wrong")
        return (
            LOOK_UPS / (time.perf_counter() - began),
            LOOK_UPS / (time.process_time() - used),
        )


def _until_it_answers(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            connection = Connection(port)
        except OSError as error:
            if time.monotonic() > end:
                raise field_rivals.RivalUnavailable("the bare service does not start") from error
            time.sleep(0.05)
        else:
            connection.close()
            return
