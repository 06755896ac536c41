"""A desk on the world's chain, which mines by hand."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.accounts import AccountDesk, account_desk, in_folder, in_postgres
from tests.desk.support import Desk, opened
from tests.world import World

_SCHEMAS = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def account_desk_on_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccountDesk]:
    config = (
        in_folder(tmp_path)
        if request.param == "sqlite"
        else in_postgres(request.getfixturevalue("postgresql"), tmp_path)
    )
    with account_desk(config) as made:
        yield made


@pytest.fixture
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Engine]:
    """Give what opens the test's database once more: SQLite, unless the test is marked `BOTH`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return lambda: opened(tmp_path)
    url: str = request.getfixturevalue("postgresql")
    schema = f"outbox{next(_SCHEMAS)}"
    return lambda: opened(tmp_path, url=url, schema=schema)


@pytest.fixture
def engine(reopened: Callable[[], Engine]) -> Iterator[Engine]:
    engine = reopened()
    yield engine
    engine.dispose()


@pytest.fixture
def desk(world: World, engine: Engine) -> Iterator[Desk]:
    desk = Desk(world, engine)
    world.node.request("evm_setAutomine", False)
    try:
        yield desk
    finally:
        world.node.request("anvil_dropAllTransactions")
        world.node.request("evm_setAutomine", True)
