"""The migrations lead from nothing to the tables that the code knows, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from yuanliu.database import Family, require_current, upgrade
from yuanliu.index import tables


def test_the_migrations_from_empty_give_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata()) == []


def test_a_current_database_is_taken_as_it_is(engine: Engine) -> None:
    require_current(engine, Family.COPY)
    upgrade(engine, Family.COPY)
    assert set(inspect(engine).get_table_names()) == {*tables.metadata().tables, "alembic_version"}


def test_sqlite_makes_the_very_tables_that_the_code_declares() -> None:
    """Autogenerate does not see WITHOUT ROWID."""
    migrated, declared = create_engine("sqlite://"), create_engine("sqlite://")
    upgrade(migrated, Family.COPY)
    tables.metadata().create_all(declared)
    made = [_made(engine) for engine in (migrated, declared)]
    migrated.dispose()
    declared.dispose()
    assert made[0] == made[1]
    assert "WITHOUT ROWID" in made[0]["move"]


def _made(engine: Engine) -> dict[str, str]:
    question = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    with engine.connect() as db:
        found = {name: " ".join(sql.split()) for name, sql in db.execute(question)}
    found.pop("alembic_version", None)
    return found
