"""Capture jobs are kept under their name, for their account alone."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from yuanliu.database import Family, open_database, upgrade
from yuanliu.desk.base import Desk
from yuanliu.desk.captures import Captures
from yuanliu.errors import YuanliuError
from yuanliu.settings import Settings


def test_a_job_is_kept_once_and_for_its_account(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path), Family.DESK)
    upgrade(engine, Family.DESK)
    captures = Captures(engine)
    refused = [{"title": "epcis.word_unknown", "instance": {"event": 1}}]
    made = captures.add("a" * 32, "carrier", "proceed", 2, refused)
    again = captures.add("a" * 32, "carrier", "proceed", 2, [])
    assert again == made == captures.get("a" * 32, "carrier")
    assert made.refused == refused
    with pytest.raises(YuanliuError) as caught:
        captures.get("a" * 32, "clerk")
    assert caught.value.code == "capture.unknown"
    captures.add("b" * 32, "carrier", "rollback", 1, [])
    assert {job.id for job in captures.of("carrier")} == {"a" * 32, "b" * 32}
    assert captures.of("clerk") == []
    engine.dispose()


def test_the_migrations_make_every_table_of_the_desk(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path), Family.DESK)
    upgrade(engine, Family.DESK)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Desk.metadata) == []
    engine.dispose()
