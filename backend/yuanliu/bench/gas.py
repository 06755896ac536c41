"""Gas by scenario, on a node of its own with fixed keys and a fixed clock, so that equal code gives equal figures.

*warm* means that every account and storage slot it writes held something before: the second and every later time.
*first* is the first time of all. A figure "each" is the transaction's gas divided by what was in it: events in a
batch, members in a settled chunk, readings under one root.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from yuanliu import actions
from yuanliu.bench import lineage, rivals
from yuanliu.bench.stage import Stage
from yuanliu.chain.devnet import Devnet

LIMITS: Final = {
    "pay.three.warm": 140_000,
    "event.relayed.single": 75_000,
    "event.relayed.batch100": 40_000,
    "batch.register": 250_000,
    **{f"pay.pool.{size}.warm": 120_000 for size in lineage.POOL_SIZES},
    "claim.pool.10000.warm": 75_000,
    "settle.member.warm": 13_000,
    "readings.10000": 10,
}
"""What a scenario may cost at most."""

_READINGS: Final = 10_000


def measure(said: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Measure every scenario and give gas by name. `said` hears each name before it is measured."""
    with Devnet() as devnet:
        return dict(sorted(_scenarios(Stage(devnet.node), said)))


def measure_rivals(said: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Measure the best-known public contracts for the same work; nothing if they are not installed."""
    if not rivals.installed():
        return {}
    with Devnet() as devnet:
        return dict(rivals.scenarios(Stage(devnet.node), said))


def load(path: Path) -> dict[str, int]:
    """Read a snapshot; empty if there is none."""
    if not path.exists():
        return {}
    snapshot: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    return snapshot


def save(path: Path, measured: dict[str, int]) -> None:
    """Write a snapshot."""
    path.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def _scenarios(stage: Stage, said: Callable[[str], None]) -> Iterator[tuple[str, int]]:
    for name, scenario in (
        ("batch.register", _register),
        ("event.relayed.single", lambda stage: _events(stage, 1)),
        ("event.relayed.batch10", lambda stage: _events(stage, 10)),
        ("event.relayed.batch100", lambda stage: _events(stage, 100)),
        ("readings.10000", _readings),
        ("pay.three.first", _pay_first),
        ("pay.three.warm", _pay_warm),
    ):
        said(name)
        yield name, scenario(stage)
    yield from lineage.scenarios(stage, said)


def _register(stage: Stage) -> int:
    """Register a batch of one delivery through the relay: mint, terms, journal, 550 bytes of event."""
    farmer = [stage.address("farmer")]
    stage.relayed("cooperative", stage.registration(stage.lot(), 1, stage.book(farmer)))
    call = stage.registration(stage.lot(), 1, stage.book(farmer))
    return stage.relayed("cooperative", call).gas


def _events(stage: Stage, number: int) -> int:
    """Relay signed events of 550 bytes; each."""
    batch = stage.batch([stage.address("farmer")])
    call = actions.record_production(stage.deployment, batch.id, stage.event())
    stage.relayed("cooperative", call)
    first = stage.relay.nonce(stage.address("cooperative"))
    gas = stage.relay.try_out(stage.address("cooperative"), call)
    requests = [stage.sign("cooperative", call, first + i, gas) for i in range(number)]
    if number == 1:
        return stage.relay.execute(requests[0]).gas
    return stage.relay.submit_batch(requests).gas // number


def _readings(stage: Stage) -> int:
    """Relay one root over 10,000 sensor readings, with 550 bytes of summary; each reading, rounded up."""
    batch = stage.batch([stage.address("farmer")])
    stage.relayed("cooperative", stage.anchoring(batch.id, 1))
    return -(-stage.relayed("cooperative", stage.anchoring(batch.id, _READINGS)).gas // _READINGS)


def _pay_first(stage: Stage) -> int:
    """Pay as in `_pay_warm`, all for the first time."""
    return stage.pay(stage.batch([stage.address("farmer")]).id, number=10**6).gas


def _pay_warm(stage: Stage) -> int:
    """Pay farmer, cooperative and platform by allowance, with journal record and order reference."""
    batch = stage.batch([stage.address("farmer")])
    stage.pay(batch.id)
    return stage.pay(batch.id).gas
