"""Databases of both kinds, empty, each with the tables of the copy."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.index.copies import KINDS, make_config
from tests.world import World

from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database, upgrade
from yuanliu.index.follower import Follower
from yuanliu.index.store import Store
from yuanliu.settings import Settings


@pytest.fixture(params=KINDS)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return make_config(request.param, tmp_path, request)


@pytest.fixture
def engine(config: Settings) -> Iterator[Engine]:
    """Give a copy without rows."""
    engine = open_database(config, Family.COPY)
    upgrade(engine, Family.COPY)
    yield engine
    engine.dispose()


@pytest.fixture
def node(world: World) -> Iterator[RawNode]:
    with closing(RawNode(world.devnet.rpc_url)) as node:
        yield node


@pytest.fixture
def follower(engine: Engine, world: World, node: RawNode) -> Follower:
    return Follower(Store(engine), world.deployment, node)


@pytest.fixture
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Engine]]:
    """Give a copy without rows on each kind of database."""
    engines = [
        open_database(make_config(kind, tmp_path / kind, request), Family.COPY) for kind in KINDS
    ]
    for engine in engines:
        upgrade(engine, Family.COPY)
    yield engines
    for engine in engines:
        engine.dispose()
