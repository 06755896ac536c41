"""`yuanliu migrate` and `yuanliu rebuild`, as an operator runs them."""

from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from tests import commands
from tests.commands import Ended
from tests.index.history import History
from tests.world import World

from yuanliu.database import Family, open_database, require_current
from yuanliu.settings import Settings

pytestmark = [pytest.mark.node, pytest.mark.slow]


def test_migrate_and_rebuild_and_check(world: World, config: Settings, tmp_path: Path) -> None:
    History(world, Random(30)).run(15)
    file = tmp_path / "deployment.json"
    world.deployment.save(file)
    environment = {
        "YUANLIU_DATA_DIR": str(config.data_dir),
        "YUANLIU_DEPLOYMENT_FILE": str(file),
        "YUANLIU_RPC_URL": world.devnet.rpc_url,
        "YUANLIU_DATABASE_SCHEMA": config.database_schema,
    }
    if config.database_url is not None:
        environment["YUANLIU_DATABASE_URL"] = config.database_url.get_secret_value()

    def run(*command: str) -> Ended:
        return commands.run(*command, **environment)

    early = run("rebuild", "--check")
    assert early.returncode == 2
    assert "yuanliu migrate" in early.stderr
    migrated = run("migrate")
    assert (migrated.returncode, migrated.stdout) == (0, "The tables are up to date.\n")
    for family in Family:
        engine = open_database(config, family)
        require_current(engine, family)
        engine.dispose()

    built = run("rebuild")
    assert built.returncode == 0, built.stderr
    assert "logs, up to block" in built.stdout
    equal = run("rebuild", "--check")
    assert equal.returncode == 0, equal.stderr
    assert "All 27 tables equal a rebuild" in equal.stdout

    engine = open_database(config, Family.COPY)
    with engine.begin() as db:
        db.execute(text("DELETE FROM move"))
    engine.dispose()
    differs = run("rebuild", "--check")
    assert differs.returncode == 1
    assert "index.differs" in differs.stderr
    assert "move" in differs.stderr
    assert run("rebuild").returncode == 0
    assert run("rebuild", "--check").returncode == 0
