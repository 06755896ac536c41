"""A rebuild from the chain alone gives the very same bytes, whatever the copy went through, on either database."""

import sqlite3
from contextlib import closing
from random import Random

import pytest
from sqlalchemy import Engine, text
from tests.index.history import History
from tests.world import World

from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import DatabaseBusy, Family, leader, open_database
from yuanliu.errors import YuanliuError
from yuanliu.index import queries, tables
from yuanliu.index.follower import Follower
from yuanliu.index.rebuild import compare, digest, rebuild
from yuanliu.index.store import Store
from yuanliu.settings import Settings

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.fixture
def located(config: Settings, world: World) -> Settings:
    """Give the settings of the copy, with the world's node."""
    return config.model_copy(update={"rpc_url": world.devnet.rpc_url})


@pytest.mark.own_chain
@pytest.mark.parametrize("seed", [1, 2])
def test_histories_with_reorgs_and_restarts_equal_a_rebuild_on_both_databases(
    world: World, both: list[Engine], seed: int
) -> None:
    random = Random(seed)
    history = History(world, random)
    history.run(60)
    with closing(RawNode(world.devnet.rpc_url)) as node:
        followers = [Follower(Store(engine), world.deployment, node) for engine in both]
        for _ in range(8):
            history.run(random.randrange(8, 20))
            if random.random() < 0.5:
                world.node.request("anvil_reorg", random.randrange(1, 12), [])
            for i, engine in enumerate(both):
                if random.random() < 0.4:  # one process ends, another one begins
                    followers[i] = Follower(Store(engine), world.deployment, node)
                if random.random() < 0.7:
                    followers[i].catch_up()
        for follower in followers:
            follower.catch_up()
    first, second = map(digest, both)
    assert first == second
    assert set(first) == set(tables.metadata().tables)
    with both[0].connect() as db:
        counts = queries.counts(db)
    assert counts.records > 25
    assert counts.payments > 0
    assert counts.events > 5
    assert counts.faulty_events > 0


def test_a_rebuild_takes_the_place_of_the_copy_in_one_step(
    world: World, located: Settings, engine: Engine, follower: Follower
) -> None:
    History(world, Random(3)).run(30)
    follower.catch_up()
    before = digest(engine)
    with engine.connect().execution_options(reading=True) as reader:
        batches = queries.batches(reader)
    assert compare(located, world.deployment).tables == len(tables.metadata().tables)

    with engine.begin() as db:  # a fault of the copy
        db.execute(text("DELETE FROM member"))
        db.execute(text("UPDATE batch SET units = units + 1"))
    with pytest.raises(YuanliuError) as told:
        compare(located, world.deployment)
    assert told.value.code == "index.differs"
    assert told.value.fields["tables"] == ["batch", "member"]

    engine.dispose()
    rebuild(located, world.deployment)
    assert digest(engine) == before
    with engine.connect().execution_options(reading=True) as reader:
        assert queries.batches(reader) == batches
    assert not (located.data_dir / "rebuild").exists()
    world.harvest()
    follower.catch_up()
    assert compare(located, world.deployment).block == world.node.block_number()


def test_a_copy_that_is_lost_comes_back_from_the_chain(
    world: World, located: Settings, engine: Engine, follower: Follower
) -> None:
    History(world, Random(4)).run(25)
    follower.catch_up()
    before = digest(engine)
    engine.dispose()
    if located.database_url is None:
        for file in located.data_dir.glob("copy.db*"):
            file.unlink()
    else:
        with engine.begin() as db:
            db.execute(text(f'DROP SCHEMA "{located.database_schema}_copy" CASCADE'))
        engine.dispose()
    rebuild(located, world.deployment)
    again = open_database(located, Family.COPY)
    assert digest(again) == before
    again.dispose()


def test_a_reader_sees_the_old_copy_or_the_new_one(
    world: World, located: Settings, engine: Engine, follower: Follower
) -> None:
    """SQLite: an open reading transaction keeps its moment; the next one sees the new copy."""
    if located.database_url is not None:
        pytest.skip("PostgreSQL's readers keep the tables until they are done: the swap waits")
    world.harvest()
    follower.catch_up()
    with closing(sqlite3.connect(located.data_dir / "copy.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT COUNT(*) FROM batch").fetchone()
        world.harvest()
        rebuild(located, world.deployment)
        assert reader.execute("SELECT COUNT(*) FROM batch").fetchone() == before
        reader.execute("COMMIT")
        after = reader.execute("SELECT COUNT(*) FROM batch").fetchone()
    assert after[0] == before[0] + 1
    assert engine is not None


def test_a_rebuild_up_to_a_block_stops_there(
    world: World, located: Settings, engine: Engine
) -> None:
    first = world.harvest()
    block = world.node.block_number()
    world.harvest()
    done = rebuild(located, world.deployment, to_block=block)
    assert done.block == block
    with engine.connect() as db:
        assert [batch.id for batch in queries.batches(db)] == [first.id.to_bytes(32)]


def test_no_rebuild_while_a_follower_runs_nor_two_at_once(
    world: World, located: Settings, engine: Engine, follower: Follower
) -> None:
    follower.catch_up()
    for task in ("follower", "rebuild"):
        with leader(located, task), pytest.raises(DatabaseBusy):
            rebuild(located, world.deployment)
    with engine.connect() as db:
        assert queries.status(db) is not None


def test_nothing_to_compare_is_told(world: World, located: Settings, engine: Engine) -> None:
    assert digest(engine)["record"] == digest(engine)["batch"]
    with pytest.raises(YuanliuError) as told:
        compare(located, world.deployment)
    assert told.value.code == "index.empty"


def test_a_rebuild_that_fails_leaves_the_copy_as_it_is(
    world: World, located: Settings, engine: Engine, follower: Follower
) -> None:
    world.harvest()
    follower.catch_up()
    before = digest(engine)
    nowhere = located.model_copy(update={"rpc_url": "http://127.0.0.1:9"})
    with pytest.raises(YuanliuError) as told:
        rebuild(nowhere, world.deployment)
    assert told.value.code == "chain.unreachable"
    assert digest(engine) == before
    assert not (located.data_dir / "rebuild").exists()
