"""Speed of the index: logs a second from scratch, and how long pages wait for what they ask.

Logs: a chain of real records (550 bytes of event each, 330 to a block) on the bundled node, which runs on the same
machine; the raw client reads the very same logs in windows of the same size and decodes no more than JSON. Seconds are
those of the clock, so whatever else the machine does counts against us; CPU seconds of our process stand beside.

Look-ups: a copy filled with invented batches of 30 records each, in a file of its own, asked for batches at random:
what the consumer's page asks for one batch. Lineage: a batch with 1,000 ancestors, two or three parents each.
"""

import hashlib
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from yuanliu import epcis
from yuanliu.bench.stage import Stage
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database, upgrade
from yuanliu.index import queries
from yuanliu.index.decode import Decoder
from yuanliu.index.follower import Follower
from yuanliu.index.store import Store
from yuanliu.settings import Settings

LOGS: Final = 50_000
EVENTS: Final = 1_000_000
ANCESTORS: Final = 1_000
RECORDS_EACH: Final = 30
LOOK_UPS: Final = 2_000

_IN_A_BLOCK: Final = 330
_GAS: Final = hex(200_000)
_FLAGS: Final = ("--base-fee=0", "--auto-impersonate")
_HOLDERS: Final = 20
_ROUNDS: Final = 10
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure; `asked`: the least (a speed) or the most (a time) that it should be."""

    name: str
    value: float
    unit: str
    asked: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether it is what was asked for."""
        if self.asked is None:
            return True
        return self.value >= self.asked if self.unit.endswith("/s") else self.value <= self.asked

    @property
    def ratio(self) -> float | None:
        """How it stands to what was asked for: from 1 on it is met."""
        if not self.asked or not self.value:
            return None
        quick = self.value / self.asked
        return quick if self.unit.endswith("/s") else 1 / quick


def measure(
    logs: int = LOGS, events: int = EVENTS, said: Callable[[str], None] = lambda _: None
) -> Iterator[Figure]:
    """Measure all, one after the other. `said` hears what is being done."""
    with tempfile.TemporaryDirectory(prefix="yuanliu-bench-") as folder:
        yield from _from_scratch(Path(folder), logs, said)
        yield from _look_ups(Path(folder) / "filled", events, said)
        yield from _lineage(Path(folder) / "lineage", said)


# ---------------------------------------------------------------------- from scratch


def _from_scratch(folder: Path, logs: int, said: Callable[[str], None]) -> Iterator[Figure]:
    with Devnet(flags=_FLAGS) as devnet:
        said(f"writing {logs:,} records to a chain")
        stage = Stage(devnet.node)
        _write(stage, logs)
        with closing(RawNode(devnet.rpc_url, timeout=60)) as node:
            said("reading them raw")
            store = _store(folder / "raw")
            decoder = Decoder(stage.deployment, store)
            head = node.latest().number
            found, seconds, _ = _timed(lambda: _raw(node, decoder, stage.deployment.block, head))
            yield Figure("raw client, same node", found / seconds, "logs/s")
            said("taking them over")
            follower = Follower(store, stage.deployment, node)
            status, seconds, cpu = _timed(follower.take_over)
            yield Figure("facts from scratch", status.logs / seconds, "logs/s", 20_000)
            yield Figure("facts from scratch, CPU time alone", status.logs / cpu, "logs/s")
            said("drawing their events")
            _, seconds, cpu = _timed(follower.catch_up)
            yield Figure("EPCIS events from facts", logs / seconds, "events/s")
            yield Figure("EPCIS events from facts, CPU time alone", logs / cpu, "events/s")
            store.engine.dispose()


def _write(stage: Stage, logs: int) -> None:
    """Let the cooperative write production records on ten batches, hundreds in a block."""
    batches = [stage.batch([stage.address("farmer")]).id for _ in range(10)]
    calls = [
        {
            "from": stage.address("cooperative"),
            "to": stage.deployment.batches.address,
            "data": "0x"
            + stage.deployment.batches.call(
                "record", int.from_bytes(batch), 5, epcis.payload(stage.event())
            ).data.hex(),
            "gas": _GAS,
            "gasPrice": "0x0",
        }
        for batch in batches
    ]
    node = stage.node
    node.request("evm_setAutomine", False)  # noqa: FBT003 -- JSON-RPC has no names
    nonce = node.transaction_count(stage.address("cooperative"))
    for number in range(logs):
        call = calls[number % len(calls)]
        node.request("eth_sendTransaction", call | {"nonce": hex(nonce + number)})
        if number % _IN_A_BLOCK == _IN_A_BLOCK - 1:
            node.request("evm_mine")
    node.request("evm_mine")
    node.request("evm_setAutomine", True)  # noqa: FBT003 -- JSON-RPC has no names


def _raw(node: RawNode, decoder: Decoder, first: int, head: int) -> int:
    """Read all logs in windows as the follower's, and do no more than read their JSON."""
    found, window = 0, 20
    for start in range(first, head + 1, window):
        last = min(start + window - 1, head)
        found += len(node.logs(decoder.addresses, decoder.topics, start, last))
    return found


# ---------------------------------------------------------------------- look-ups


def _look_ups(folder: Path, events: int, said: Callable[[str], None]) -> Iterator[Figure]:
    store = _store(folder)
    batches = events // RECORDS_EACH
    said(f"filling a copy with {events:,} events in {batches:,} batches")
    _fill(store, batches)
    said("asking for batches at random")
    chance = random.Random(7)  # noqa: S311 -- no secret
    times, busy = [], []
    for _ in range(LOOK_UPS):
        id_ = _id("batch", chance.randrange(batches))
        started, cpu = time.perf_counter(), time.process_time()
        with store.reading() as db:
            batch = queries.batch(db, id_)
            records = queries.records(db, id_)
            queries.ancestors(db, id_)
            queries.holders(db, id_)
            queries.payments(db, batch=id_)
            queries.payouts(db, batch=id_)
        times.append(time.perf_counter() - started)
        busy.append(time.process_time() - cpu)
        if batch is None or len(records) != RECORDS_EACH:
            raise AssertionError("the copy was filled wrong")
    times.sort()
    busy.sort()
    yield Figure("one batch's page, half of the requests within", _at(times, 0.5), "ms")
    yield Figure("one batch's page, 99 % within", _at(times, 0.99), "ms", 30)
    yield Figure("one batch's page, 99 % within, CPU time alone", _at(busy, 0.99), "ms")
    store.engine.dispose()


def _at(times: Sequence[float], part: float) -> float:
    return times[int(len(times) * part)] * 1_000


def _fill(store: Store, batches: int) -> None:
    """Fill a copy with a cooperative, a product, its terms, and batches of 30 records, of which five are sales."""
    _insert_common(store)
    step = 1_000
    for first in range(0, batches, step):
        rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in _FILLED}
        for number in range(first, min(first + step, batches)):
            _batch_rows(rows, number)
        with store.writing() as db:
            for name in _FILLED:
                store.insert(db, name, rows[name])


_FILLED: Final = ("record", "batch", "member", "move", "sale", "event", "event_thing")
_COOP: Final = b"\xc0" * 20
_TOKEN: Final = b"\x70" * 20
_GTIN: Final = 6901234567892
_SOLD_EACH: Final = 6
_TX: Final = bytes(32)
_NOBODY: Final = bytes(20)


def _insert_common(store: Store) -> None:
    price = "1".zfill(29)
    terms = (2, 1, _GTIN, _COOP, _TOKEN, 3334, 5000, 1666, _COOP, price, _TOKEN, _COOP, 1, _TX)
    with store.writing() as db:
        store.insert(db, "actor", [(1, _COOP, _COOP, 2, "COOP", _COOP, 1, _TX)])
        store.insert(db, "terms", [terms])
        store.insert(db, "product", [(3, _GTIN, _COOP, "H87", _COOP, 1, _TX)])


def _batch_rows(rows: dict[str, list[tuple[object, ...]]], number: int) -> None:
    id_, start = _id("batch", number), (number + 1) * 1_000
    farmer = _id("farmer", number % 5_000)[:20]
    lot = f"L{number}"
    price, weight, units = "300".zfill(29), 10**8, 10_000
    rows["batch"].append(
        (
            start,
            id_,
            _COOP,
            _GTIN,
            lot,
            1,
            units,
            1_000,
            0,
            None,
            price,
            weight,
            farmer,
            number,
            _TX,
        )
    )
    rows["member"].append((start, 0, id_, 0, farmer, weight, number + 1))
    rows["move"].append((start, 0, id_, _NOBODY, _COOP, units))
    payload = json.dumps({"type": "ObjectEvent", "number": number, "note": "x" * 450}).encode()
    for i in range(RECORDS_EACH):
        place, sold = start + 2 * i + 1, i % _SOLD_EACH == 0
        kind = 11 if sold else 5
        data = bytes([1, kind]) + number.to_bytes(8) + _COOP + _COOP + payload
        head, hash_ = _id("head", place), _id("hash", place)
        rows["record"].append((place, id_, i, kind, number, _COOP, _COOP, head, head, data, _TX))
        buyer = _id("buyer", place % _HOLDERS)[:20]
        if sold:
            amounts = ("300".zfill(39), "180".zfill(39), "90".zfill(39), "30".zfill(39))
            rows["sale"].append(
                (place, id_, buyer, _id("order", place), buyer, 1, *amounts, number, _TX)
            )
            rows["move"].append((place + 1, 0, id_, _COOP, buyer, 1))
        micro = (1_700_000_000 + place) * 1_000_000
        step = "https://ref.gs1.org/cbv/BizStep-shipping"
        words = (step, None, None, None, None)
        rows["event"].append(
            (place, 0, id_, "ObjectEvent", "OBSERVE", micro, micro, *words, hash_, None, None)
        )
        rows["event_thing"].append((f"https://id.gs1.org/01/0{_GTIN}/10/{lot}", place, 0))


def _id(kind: str, number: int) -> bytes:
    return hashlib.sha256(f"{kind}{number}".encode()).digest()


# ---------------------------------------------------------------------- lineage


def _lineage(folder: Path, said: Callable[[str], None]) -> Iterator[Figure]:
    said(f"asking for {ANCESTORS:,} ancestors")
    store = _store(folder)
    _insert_common(store)
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in (*_FILLED, "lineage")}
    for number in range(ANCESTORS + 1):
        _batch_rows(rows, number)
        parents = sorted({number // 2, max(number - 1, 0), number // 3} - {number})
        for sub, parent in enumerate(parents):
            row = ((number + 1) * 1_000, sub, _id("batch", number), _id("batch", parent), 10**6)
            rows["lineage"].append(row)
    with store.writing() as db:
        for name in ("batch", "lineage"):
            store.insert(db, name, rows[name])
    last, first = _id("batch", ANCESTORS), _id("batch", 0)
    for name, ask, id_ in (
        ("ancestors", queries.ancestors, last),
        ("descendants", queries.descendants, first),
    ):
        taken = []
        for _ in range(_ROUNDS):
            with store.reading() as db:
                found, seconds, cpu = _timed(lambda: ask(db, id_))  # noqa: B023 -- called at once
                taken.append((seconds, cpu))
            if len(found) != ANCESTORS:
                raise AssertionError(f"{len(found)} found")
        seconds, cpu = min(taken)
        yield Figure(f"{ANCESTORS:,} {name}, best of {_ROUNDS}", seconds * 1_000, "ms", 50)
        yield Figure(f"{ANCESTORS:,} {name}, CPU time alone", cpu * 1_000, "ms")
    store.engine.dispose()


def _store(folder: Path) -> Store:
    engine = open_database(Settings(data_dir=folder, database_url=None), Family.COPY)
    upgrade(engine, Family.COPY)
    return Store(engine)


def _timed(work: Callable[[], _T]) -> tuple[_T, float, float]:
    """Give what `work` gives, seconds of the clock, and CPU seconds of this process."""
    cpu, started = time.process_time(), time.perf_counter()
    done = work()
    return done, time.perf_counter() - started, time.process_time() - cpu
