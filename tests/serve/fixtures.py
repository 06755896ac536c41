"""One ground for all tests of a process; each works on a copy of it. For the `conftest.py` of a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.programs import Ground, Nursery, Place, lay_ground

from yuanliu.chain import devnet


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("programs"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def ground(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    made = lay_ground(nursery, tmp_path_factory.mktemp("ground") / "data")
    yield made
    devnet.down(made.place.config)


@pytest.fixture
def place(ground: Ground, tmp_path: Path) -> Iterator[Place]:
    with ground.copied(tmp_path / "data") as copied:
        yield copied
