"""What all tests share: settings of their own, so that no test touches the user's chain or files."""

import os
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples

OURS = {"YUANLIU_LONG", "YUANLIU_CALLS", "YUANLIU_SHRINK"}
"""What says how long the invariants are tried, see `tests/INVARIANTS.md`; no settings of the program."""

for name in [name for name in os.environ if name.startswith("YUANLIU_") and name not in OURS]:
    del os.environ[name]

pytest.register_assert_rewrite(
    "tests.world",
    "tests.desk.support",
    "tests.journeys.browser",
    "tests.serve.programs",
    "tests.waiting",
    "tests.web.house",
)

from tests.postgres import postgres  # noqa: E402 -- after the settings were cleared
from tests.serve.fixtures import ground, nursery  # noqa: E402 -- after the settings were cleared
from tests.world import FLAGS, World  # noqa: E402 -- after the settings were cleared

from yuanliu.chain import line  # noqa: E402 -- after the settings were cleared
from yuanliu.chain.devnet import Devnet  # noqa: E402 -- after the settings were cleared

examples.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no fault of an example
examples.load_profile("ours")

line.ANSWER_SECONDS = 60.0  # type: ignore[misc] # a machine that stands still is no dead node

__all__ = ["ground", "nursery"]

LONG: Final = (
    "demo",
    "symbolic",
    "unit",
    "operations",
    "audit",
    "serve",
    "faults",
    "journeys",
    "index",
    "contracts_static",
    "invariants",
)
"""Folders with the longest files, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker is left alone with one at the end."""
    items.sort(
        key=lambda item: (
            LONG.index(item.path.parent.name) if item.path.parent.name in LONG else len(LONG)
        )
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Give the address of a PostgreSQL for all tests of this process; each takes a schema of its own."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def founded() -> Iterator[World]:
    """Found one world for all tests of this process. Use `world` unless the test changes nothing."""
    with Devnet(flags=FLAGS) as devnet:
        yield World(devnet)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the world as it was founded, and take back afterwards whatever the test did on the chain.

    The node keeps the states of so many blocks only, those that were taken back among them, and loses the contracts
    when it goes back to an older one. So a test that makes it go back is marked `own_chain`.
    """
    if request.node.get_closest_marker("own_chain"):
        with Devnet(flags=FLAGS) as devnet:
            yield World(devnet)
        return
    founded: World = request.getfixturevalue("founded")
    with founded.devnet.anchor():
        yield founded
