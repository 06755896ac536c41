"""A ground that `yuanliu serve` has prepared, and a PostgreSQL."""

from collections.abc import Iterator

import pytest
from tests.postgres import postgres
from tests.serve.fixtures import ground, nursery, place

__all__ = ["ground", "nursery", "place", "postgresql"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with postgres() as url:
        yield url
