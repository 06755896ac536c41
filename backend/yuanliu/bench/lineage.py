"""Gas of pools and lineage: paying into a pool, claiming, settling a chunk, making batches from batches.

A pool's member is a delivery, or a parent of a batch made from batches. A pool of one member is that of a batch
made from one batch of several farmers: what one farmer alone delivered has no pool, he is paid at once.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from yuanliu import members
from yuanliu.bench.stage import UNITS_SOLD, Batch, Stage
from yuanliu.chain.bindings import Call

POOL_SIZES: Final = (1, 3, 100, 1_000, 10_000)
"""Members of the pools that are measured."""

DEPTHS: Final = (1, 3, 10)
"""Generations between the product that is paid for and the harvest."""

PARENTS: Final = (1, 2, 10, 50)
"""Batches that one batch is made from."""

_FARMERS: Final = members.CHUNK
_MANY: Final = 100 * UNITS_SOLD
_UNITS_USED: Final = 5_000


def scenarios(stage: Stage, said: Callable[[str], None]) -> Iterator[tuple[str, int]]:
    """Measure one scenario after the other."""
    farmers = stage.enrol(_FARMERS)
    for size in POOL_SIZES:
        said(f"pool.{size}")
        batch = _pool(stage, farmers, size)
        yield f"pay.pool.{size}.warm", _pay(stage, batch)
        yield f"claim.pool.{size}.warm", _claim(stage, [batch], size // 2)
    said("settle.member.warm")
    yield "settle.member.warm", _settle(stage, stage.batch(farmers))
    for depth in DEPTHS:
        said(f"claim.depth.{depth}.warm")
        yield f"claim.depth.{depth}.warm", _claim(stage, _line(stage, farmers, depth), 0)
    for count in PARENTS:
        said(f"transform.parents.{count}")
        yield f"transform.parents.{count}", _transform(stage, farmers, count)


def _pool(stage: Stage, farmers: Sequence[str], size: int) -> Batch:
    """Make a batch whose pool has `size` members; beyond 256 farmers, each delivered several times."""
    if size == 1:
        return stage.derive([stage.batch(farmers[:3])], _UNITS_USED)[0]
    return stage.batch([farmers[i % len(farmers)] for i in range(size)])


def _pay(stage: Stage, batch: Batch) -> int:
    """Pay into a pool by allowance: cooperative and platform paid at once, journal record, order reference."""
    stage.pay(batch.id)
    return stage.pay(batch.id).gas


def _claim(stage: Stage, line: Sequence[Batch], index: int) -> int:
    """Claim along a line of batches: at the place of the next one in each pool, and at `index` in the last."""
    places = [
        [member.member for member in batch.members].index(parent.id)
        for batch, parent in pairwise(line)
    ]
    steps = [stage.step(batch, i) for batch, i in zip(line, [*places, index], strict=True)]
    claim = stage.deployment.payments.call("claim", steps)
    stage.pay(line[0].id)
    stage.direct("relayer", claim)
    stage.pay(line[0].id)
    return stage.direct("relayer", claim).gas


def _settle(stage: Stage, batch: Batch) -> int:
    """Settle a full chunk of 256 farmers; each."""
    stage.pay(batch.id, units=_MANY)
    stage.direct("relayer", _settlement(stage, batch), whole=True)
    stage.pay(batch.id, units=_MANY)
    return stage.direct("relayer", _settlement(stage, batch), whole=True).gas // _FARMERS


def _settlement(stage: Stage, batch: Batch) -> Call:
    listed = [(int(str(m.member), 16), m.weight) for m in batch.members]
    return stage.deployment.payments.call("settle", int.from_bytes(batch.id), 0, listed)


def _line(stage: Stage, farmers: Sequence[str], depth: int) -> list[Batch]:
    """Give a product and its line down to a harvest of three farmers; each generation adds another harvest."""
    line = [stage.batch(farmers[:3])]
    for _ in range(depth):
        other = stage.batch(farmers[:3])
        line.insert(0, stage.derive([line[0], other], _UNITS_USED)[0])
    return line


def _transform(stage: Stage, farmers: Sequence[str], count: int) -> int:
    """Make one batch from part of `count` batches, with 550 bytes of event."""
    parents = [stage.batch(farmers[:3]) for _ in range(count)]
    return stage.derive(parents, _UNITS_USED)[1].gas
