"""Every query, on random histories, against the contracts themselves."""

from random import Random

import pytest
from sqlalchemy import Engine
from tests.index.history import History
from tests.index.oracle import check
from tests.world import World

from yuanliu.chain.rawlogs import RawNode
from yuanliu.index.follower import Follower
from yuanliu.index.store import Store

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.mark.parametrize("seed", range(3))
def test_queries_say_what_the_contracts_say(
    world: World, both: list[Engine], node: RawNode, seed: int
) -> None:
    history = History(world, Random(seed))
    for steps in (40, 60):
        history.run(steps)
        for engine in both:
            Follower(Store(engine), world.deployment, node).catch_up()
            with engine.connect().execution_options(reading=True) as db:
                assert check(db, world) > 3
