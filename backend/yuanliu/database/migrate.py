"""Brings a database's tables to what this version of the package needs, with Alembic."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from yuanliu.database.engine import Family
from yuanliu.errors import YuanliuError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Outdated(YuanliuError):
    """The tables are not those of this version."""

    def __init__(self, family: Family, found: str | None, needed: str | None) -> None:
        super().__init__(
            "database.outdated",
            f"the tables of {family} are of revision {found}, this version needs {needed}",
            hint="run `yuanliu migrate`",
            fields={"family": str(family), "found": found, "needed": needed},
            exit_code=2,
        )


def upgrade(engine: Engine, family: Family) -> None:
    """Bring the tables up to date; does nothing if they are."""
    if _found(engine) == _needed(family):
        return
    config = _config(family)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(engine: Engine, family: Family) -> None:
    """Refuse tables of another version. Raises `Outdated`."""
    found, needed = _found(engine), _needed(family)
    if found != needed:
        raise Outdated(family, found, needed)


def _found(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _needed(family: Family) -> str | None:
    return ScriptDirectory.from_config(_config(family)).get_current_head()


def _config(family: Family) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS / family))
    config.set_main_option("path_separator", "os")
    return config
