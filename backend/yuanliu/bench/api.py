"""Speed of the service over HTTP: signed events to indexed rows, consumers' look-ups, lineage, memory.

Everything runs on this machine: the service (`yuanliu serve`, one process), the bundled node with its keeper, and the
clients, which are plain sockets (`loads`) so that they take as little as can be. The copy holds a million invented
events (`crowd`) from the beginning.

**Events**: logistics events of four carriers on twenty batches, each about 500 bytes, handed in as EPCIS documents of a
hundred (`proceed`), or one by one over kept-alive connections with `Prefer: respond-async`. The clock starts with the
first request and stops when no intention is on its way any more and every batch's journal gives its last record. Beside
it stand ceilings of its stages, measured alone: signing requests on one core, and what the node executes and mines of
the very same requests, signed in advance and sent raw.

**Look-ups** arrive 200 times a second whatever the answers take (open loop); each one's time counts from when it
was due. Batches are chosen at random among all of them, so that hardly any answer was given before; in the last load
all ask for one and the same.

Each load runs several times and the best counts, because others may use the machine meanwhile; `CPU` figures are the
processor's own account, of the service and of the node, and depend on that much less. A rate marked as *projected* was
not measured: it is what these CPU figures allow on two cores that do nothing else, one of them the service's.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson

from yuanliu import actions, epcis
from yuanliu.bench import crowd
from yuanliu.bench.house import House, Lot, opened
from yuanliu.bench.index import Figure
from yuanliu.bench.loads import Load, at_rate, closed, request
from yuanliu.chain import keys, relay, transactions
from yuanliu.epcis import contexts

EVENTS: Final = 4_000
"""Events of a round."""

INVENTED: Final = 1_000_000
ROUNDS: Final = 3
RATE: Final = 200.0
"""Look-ups a second."""

SECONDS: Final = 10
"""How long look-ups arrive in a round."""

METHOD: Final = """\
Service, node, keeper and clients (plain sockets) run on this machine; the best of several rounds counts. Events count
when they are done and their batch's journal gives them. Look-ups arrive 200 times a second whatever the answers take,
each timed from when it was due, for lots chosen at random among all. Projections follow from CPU seconds; they were not
measured.\
"""

_DOCUMENT: Final = 100
_DOCUMENTS_AT_ONCE: Final = 4
_SINGLES_AT_ONCE: Final = 64
_LOOK_UPS_AT_ONCE: Final = 16
_WAIT_SECONDS: Final = 180.0
_PAUSE: Final = 0.1
"""Between two questions whether all is indexed: asking takes the service's own time, too."""

_CORES: Final = 2
_LINEAGES: Final = 15
_SIGNED: Final = 2_000
_GAS: Final = 60_000
_COLD: Final = ("2.1", "7.9", "4.5")
_moments: Final = itertools.count()


def measure(
    events: int = EVENTS,
    invented: int = INVENTED,
    rounds: int = ROUNDS,
    said: Callable[[str], None] = lambda _: None,
) -> Iterator[Figure]:
    """Measure all, one after the other. `said` hears what is being done."""
    with opened(invented, said) as house:
        yield from _ceilings(house, said)
        for name, hand_in in (
            ("events in documents of 100", _documents),
            ("events one by one", _singles),
        ):
            said(f"{name}, {rounds} rounds")
            passes = [_passed(house, hand_in, events) for _ in range(rounds)]
            yield from _speed(name, passes)
        yield from _look_ups(house, invented // crowd.RECORDS, rounds, said)
        yield from _lineage(house, invented // crowd.RECORDS, said)
        memory = house.memory()
        yield Figure("service memory, resident", memory["VmRSS"], "MB", 300)
        yield Figure("… its own", memory["RssAnon"], "MB")
        yield Figure("… of mapped files", memory["RssFile"], "MB")


# ---------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Passed:
    """One round: events, seconds until all were handed in and until all were indexed, CPU seconds an event."""

    events: int
    taken: float
    indexed: float
    service: float
    node: float
    clients: float
    load: Load


def _passed(house: House, hand_in: Callable[[House, Sequence[Lot]], Load], events: int) -> Passed:
    lots = [house.lots[i % len(house.lots)] for i in range(events)]
    due = {lot.id: _records(house, lot.id) + lots.count(lot) for lot in house.lots}
    before, own, began = house.cpu(), time.process_time(), time.perf_counter()
    load = hand_in(house, lots)
    taken, own = time.perf_counter() - began, time.process_time() - own
    _until_indexed(house, due)
    indexed = time.perf_counter() - began
    service, node = (
        (after - earlier) / events for after, earlier in zip(house.cpu(), before, strict=True)
    )
    return Passed(events, taken, indexed, service, node, own / events, load)


def _records(house: House, batch: str) -> int:
    return len(house.get(f"/api/v1/batches/{batch}/journal")["records"])


def _until_indexed(house: House, due: dict[str, int]) -> None:
    """Wait until nothing is on its way, and each journal gives its last record."""
    end = time.monotonic() + _WAIT_SECONDS
    asked = [
        (f"/api/v1/intentions?state={state}&limit=1", carrier.token)
        for carrier in house.carriers
        for state in ("waiting", "sent")
    ]
    last = [f"/api/v1/batches/{batch}/journal/{number - 1}" for batch, number in due.items()]
    while asked or last:
        if time.monotonic() > end:
            raise TimeoutError
        if asked and not house.get(*asked[0])["items"]:
            del asked[0]
        elif not asked and house.get(last[0]) is not None:
            del last[0]
        else:
            time.sleep(_PAUSE)


def _documents(house: House, lots: Sequence[Lot]) -> Load:
    requests = []
    for number, start in enumerate(range(0, len(lots), _DOCUMENT)):
        document = {
            "@context": contexts.document_context(),
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": datetime.now(UTC).isoformat(),
            "epcisBody": {"eventList": [_event(lot) for lot in lots[start : start + _DOCUMENT]]},
        }
        requests.append(
            request(
                "POST",
                "/epcis/capture",
                orjson.dumps(document),
                Authorization=f"Bearer {house.carriers[number % len(house.carriers)].token}",
                Content_Type="application/json",
                GS1_Capture_Error_Behaviour="proceed",
            )
        )
    port = house.config.port
    return closed(port, requests, connections=_DOCUMENTS_AT_ONCE, status=202)


def _singles(house: House, lots: Sequence[Lot]) -> Load:
    requests = [
        request(
            "POST",
            f"/api/v1/batches/{lot.id}/events",
            orjson.dumps(_said(number)),
            Authorization=f"Bearer {house.carriers[number % len(house.carriers)].token}",
            Content_Type="application/json",
            Prefer="respond-async",
        )
        for number, lot in enumerate(lots)
    ]
    return closed(house.config.port, requests, connections=_SINGLES_AT_ONCE, status=202)


def _event(lot: Lot) -> epcis.Event:
    """Give an event that nobody gave before."""
    when = datetime(2026, 4, 12, 8, 30, tzinfo=UTC) + timedelta(seconds=next(_moments))
    low, high, mean = map(Decimal, _COLD)
    return epcis.moved(
        when,
        epcis.Lot(lot.gtin, lot.lot, 10_000, "H87"),
        step="transporting",
        place="https://id.yuanliu.example/place/road-17",
        temperature=epcis.Temperature(low, high, mean, when - timedelta(hours=1), when),
    )


def _said(number: int) -> dict[str, Any]:
    """Give the same as plain fields, as a carrier's program says it."""
    when = datetime(2026, 4, 12, 8, 30, tzinfo=UTC) + timedelta(seconds=next(_moments))
    minimum, maximum, mean = _COLD
    return {
        "kind": "logistics",
        "time": when.isoformat(),
        "place": f"road-{number % 50}",
        "step": "transporting",
        "temperature": {
            "minimum": minimum,
            "maximum": maximum,
            "mean": mean,
            "start": (when - timedelta(hours=1)).isoformat(),
            "end": when.isoformat(),
        },
    }


def _speed(name: str, passes: Sequence[Passed]) -> Iterator[Figure]:
    best = min(passes, key=lambda each: each.indexed)
    service, node = (min(getattr(p, of) for p in passes) for of in ("service", "node"))
    clients = min(each.clients for each in passes)
    projected = min(1 / service, _CORES / (service + node + clients))
    yield Figure(f"{name}, indexed", best.events / best.indexed, "events/s", 500)
    yield Figure("… projected for two idle cores, not measured", projected, "events/s")
    yield Figure("… taken in", best.events / best.taken, "events/s")
    yield Figure("… half of the requests answered within", best.load.within(0.5), "ms")
    yield Figure("… 99 % within", best.load.within(0.99), "ms")
    yield Figure("… CPU of the service", service * 1_000, "ms an event")
    yield Figure("… CPU of the node", node * 1_000, "ms an event")
    yield Figure("… CPU of the clients", clients * 1_000, "ms an event")


# ---------------------------------------------------------------------- ceilings


def _ceilings(house: House, said: Callable[[str], None]) -> Iterator[Figure]:
    """Measure signing alone, and the node alone with the same requests in transactions of a hundred."""
    said("signing alone, then the node alone")
    stage, key = house.stage, keys.from_private_key(f"0x{10**6:064x}")
    _enrol(house, key)
    d = stage.deployment
    calls = [_call(house, house.lots[i % len(house.lots)]) for i in range(_SIGNED)]
    first, deadline, began = (
        stage.relay.nonce(str(key.address)),
        int(time.time()) + 3_600,
        time.process_time(),
    )
    signed = [
        relay.sign_request(d, key, call, gas=_GAS, nonce=first + i, deadline=deadline)
        for i, call in enumerate(calls)
    ]
    yield Figure("signing alone, one core", _SIGNED / (time.process_time() - began), "events/s")
    raws = list(_signed_transactions(house, signed))
    node, before, began = stage.node, house.cpu()[1], time.perf_counter()
    for raw in raws:
        node.request("eth_sendRawTransaction", "0x" + raw.hex())
    while stage.relay.nonce(str(key.address)) < first + _SIGNED:
        time.sleep(0.01)
    seconds, used = time.perf_counter() - began, house.cpu()[1] - before
    yield Figure("node alone, the same requests", _SIGNED / seconds, "events/s")
    yield Figure("… CPU of the node", used / _SIGNED * 1_000, "ms an event")


def _enrol(house: House, key: keys.Key) -> None:
    stage, code = house.stage, "CARRIER-RAW"
    role, platform = actions.Role.CARRIER, stage.address("platform")
    agreed = actions.consent(stage.deployment, key, platform, roles=role, code=code)
    call = actions.enrol(stage.deployment, str(key.address), role, code, agreed)
    stage.direct("platform", call)


def _call(house: House, lot: Lot) -> Any:  # noqa: ANN401 -- a call of the contracts
    return actions.record_logistics(
        house.stage.deployment, bytes.fromhex(lot.id.removeprefix("0x")), _event(lot)
    )


def _signed_transactions(house: House, signed: Sequence[relay.SignedRequest]) -> Iterator[bytes]:
    stage = house.stage
    sender = stage.key("relayer")
    most, _ = stage.node.fees()
    nonce = stage.node.transaction_count(str(sender.address))
    for number, start in enumerate(range(0, len(signed), _DOCUMENT)):
        part = signed[start : start + _DOCUMENT]
        call = relay.batch_call(stage.deployment, part, str(sender.address))
        yield transactions.sign_transaction(
            sender,
            chain_id=stage.deployment.chain_id,
            nonce=nonce + number,
            gas=relay.transaction_gas(part),
            to=call.to,
            data=call.data,
            fees=transactions.Fees(most, 0),
        ).raw


# ---------------------------------------------------------------------- look-ups


def _look_ups(
    house: House, batches: int, rounds: int, said: Callable[[str], None]
) -> Iterator[Figure]:
    chance = random.Random(7)  # noqa: S311 -- no secret
    count = int(RATE * SECONDS)
    link = "/01/{gtin}/10/{lot}"
    for name, path, accept, among in (
        ("journal", "/api/v1/batches/0x{id}/journal", "*/*", batches),
        ("link as JSON", link, "application/json", batches),
        ("link as HTML", link, "text/html", batches),
        ("one lot's link as HTML, by all", link, "text/html", 1),
    ):
        said(f"{name}, {RATE:.0f} a second for {SECONDS} s, {rounds} rounds")
        loads, used = [], []
        for _ in range(rounds):
            numbers = [chance.randrange(among) for _ in range(count)]
            requests = [request("GET", _path(path, number), Accept=accept) for number in numbers]
            before = house.cpu()[0]
            loads.append(
                at_rate(house.config.port, requests, rate=RATE, connections=_LOOK_UPS_AT_ONCE)
            )
            used.append((house.cpu()[0] - before) / count)
        best = min(loads, key=lambda load: load.within(0.99))
        worst = max(load.within(0.99) for load in loads)
        yield Figure(f"{name}, 99 % within", best.within(0.99), "ms", 30)
        yield Figure("… in the worst round", worst, "ms")
        yield Figure("… half within", best.within(0.5), "ms")
        yield Figure("… CPU of the service", min(used) * 1_000, "ms a request")


def _path(path: str, number: int) -> str:
    return path.format(id=crowd.batch_id(number).hex(), gtin=crowd.GTIN, lot=crowd.lot(number))


def _lineage(house: House, batches: int, said: Callable[[str], None]) -> Iterator[Figure]:
    said(f"lineage of {crowd.ANCESTORS:,} ancestors")
    path = f"/api/v1/batches/0x{crowd.batch_id(batches - 1).hex()}/lineage"
    found = house.get(path)
    if len(found["ancestors"]) != crowd.ANCESTORS:
        raise AssertionError(f"{len(found['ancestors'])} ancestors")
    before = house.cpu()[0]
    load = closed(house.config.port, [request("GET", path)] * _LINEAGES, connections=1, status=200)
    used = (house.cpu()[0] - before) / _LINEAGES
    yield Figure(f"lineage of {crowd.ANCESTORS:,} ancestors", load.times[0] * 1_000, "ms", 50)
    yield Figure("… half within", load.within(0.5), "ms")
    yield Figure("… CPU of the service", used * 1_000, "ms a request")
