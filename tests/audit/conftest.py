"""One season for all lies; nobody changes its chain for good."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.audit.season import Season, Story, play
from tests.world import FLAGS, World

from yuanliu.audit import Report, audit
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.rawlogs import RawNode


@pytest.fixture(scope="session")
def season() -> Iterator[Season]:
    with Devnet(flags=FLAGS) as devnet:
        yield play(World(devnet))


@pytest.fixture(scope="session")
def truth(season: Season) -> Story:
    return Story(season)


def audited(world: World, url: str | None = None) -> Report:
    with closing(RawNode(url or world.devnet.rpc_url)) as node:
        return audit(node, world.deployment)
