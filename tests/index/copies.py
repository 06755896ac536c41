"""Databases for copies, and copies built anew to compare with."""

from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.world import World

from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database, upgrade
from yuanliu.index.follower import Follower
from yuanliu.index.rebuild import digest
from yuanliu.index.store import Store
from yuanliu.settings import Settings


def anew(world: World, folder: Path) -> dict[str, str]:
    """Give the digests of a copy that was built from the chain as it is now."""
    engine = open_database(Settings(data_dir=folder), Family.COPY)
    upgrade(engine, Family.COPY)
    with closing(RawNode(world.devnet.rpc_url)) as node:
        Follower(Store(engine), world.deployment, node).catch_up()
    found = digest(engine)
    engine.dispose()
    return found


KINDS = ("sqlite", "postgresql")
_schemas = count()


def make_config(kind: str, folder: Path, request: pytest.FixtureRequest) -> Settings:
    """Give settings with a database of their own."""
    if kind == "sqlite":
        return Settings(data_dir=folder)
    return Settings(
        data_dir=folder,
        database_url=request.getfixturevalue("postgresql"),
        database_schema=f"index{next(_schemas)}",
    )
