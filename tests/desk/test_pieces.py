"""The secret of the serials is drawn once, whoever comes first, and is the same ever after."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine
from tests.desk.support import opened

from yuanliu.desk.base import Desk
from yuanliu.desk.pieces import Pieces
from yuanliu.errors import YuanliuError

LOT = b"\7" * 32


@pytest.fixture(params=["sqlite", "postgresql"])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Engine]]:
    """Give the same tables to four processes."""
    more: dict[str, Any] = {}
    if request.param == "postgresql":
        more = {"url": request.getfixturevalue("postgresql"), "schema": "pieces"}
    made = [opened(tmp_path, **more) for _ in range(4)]
    yield made
    for each in made:
        each.dispose()


def test_all_processes_agree_on_the_serials(engines: list[Engine]) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda n: Pieces(engines[n % 4]).serials(LOT, 1, 3, pieces=3), range(16))
        )
    assert {tuple(each) for each in made} == {tuple(made[0])}
    later = Pieces(engines[1])
    assert [later.number(LOT, serial, pieces=3) for serial in made[0]] == [1, 2, 3]
    assert later.number(b"\1" * 32, made[0][0], pieces=3) is None
    for first, count in ((0, 1), (1, 0), (3, 2), (-1, 1)):
        with pytest.raises(YuanliuError) as refused:
            later.serials(LOT, first, count, pieces=3)
        assert refused.value.code == "labels.no_such_piece"


def test_the_migration_makes_the_table_as_it_is_declared(tmp_path: Path) -> None:
    engine = opened(tmp_path)

    def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or name == "service_secret"

    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Desk.metadata) == []
    engine.dispose()
