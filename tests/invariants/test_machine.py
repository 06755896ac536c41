"""Runs the machine. `tests/INVARIANTS.md` says what it shows."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.invariants.arena import Arena
from tests.invariants.machine import Trade
from tests.world import FLAGS

from yuanliu.chain.artifacts import load_artifact
from yuanliu.chain.devnet import Devnet
from yuanliu.records import Kind

LONG: Final = bool(os.environ.get("YUANLIU_LONG"))
"""Run the long profile, at least 50,000 calls, instead of the short one."""

CALLS: Final = int(os.environ.get("YUANLIU_CALLS", "50000"))

SHRINK: Final = bool(os.environ.get("YUANLIU_SHRINK"))
"""Look for the shortest run that fails: takes minutes, so only when asked."""

_CONTRACTS: Final = ("Actors", "Catalogue", "Deliveries", "Batches", "Payments")

_REFUSED: Final = {
    "Batches.safeTransferFrom",
    "Batches.safeBatchTransferFrom",
    "Batches.setApprovalForAll",
    "Batches.sell",  # succeeds within Payments.pay only
    "Deliveries.enter",  # succeeds within Batches.collect and register only
}
"""What must be refused, whoever calls it."""


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with Devnet(flags=FLAGS) as devnet, closing(Arena(devnet)) as arena:
        yield arena


@pytest.mark.slow
@pytest.mark.node
def test_the_ghost_ledger_foresees_everything(arena: Arena) -> None:
    profile = settings(
        max_examples=24,
        stateful_step_count=100,
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if SHRINK else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    Trade.arena = arena
    functions = {
        f"{name}.{entry['name']}"
        for name in _CONTRACTS
        for entry in load_artifact(name).abi
        if entry["type"] == "function" and entry["stateMutability"] in {"nonpayable", "payable"}
    }
    began, rounds = time.monotonic(), 0
    while rounds == 0 or _goes_on(arena, functions, rounds):
        Trade.round = rounds
        run_state_machine_as_test(Trade, settings=profile)
        rounds += 1
    seconds = time.monotonic() - began
    done, refused = sum(arena.succeeded.values()), sum(arena.refused.values())
    sys.stderr.write(f"\n{arena.calls} calls, {done} done, {refused} refused, {seconds:.0f} s\n")
    assert functions - _REFUSED - set(arena.succeeded) == set()
    assert set(arena.kinds) == set(Kind) - {Kind.NONE}
    assert set(arena.refused) >= _REFUSED
    assert not _REFUSED & set(arena.succeeded)


def _goes_on(arena: Arena, functions: set[str], rounds: int) -> bool:
    """Whether another round is due: in the long profile for the calls, in the short one if a function is left over."""
    if LONG:
        return arena.calls < CALLS
    return rounds < 3 and not functions - _REFUSED <= set(arena.succeeded)
