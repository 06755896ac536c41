"""Every query, on random histories, against the contracts themselves."""

from random import Random

import pytest
from sqlalchemy import Engine
from tests.index.history import History
from tests.index.oracle import check
from tests.world import World

from yuanliu.index.follower import Follower

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.mark.parametrize("seed", range(3))
def test_queries_say_what_the_contracts_say(
    world: World, engine: Engine, follower: Follower, seed: int
) -> None:
    history = History(world, Random(seed))
    for steps in (40, 60):
        history.run(steps)
        follower.catch_up()
        with engine.connect().execution_options(reading=True) as db:
            assert check(db, world) > 3
