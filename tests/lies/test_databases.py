"""Lies of whoever administers the databases, and what remains when a database is lost, old or forged."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import select, text, update
from tests.accounts import CHEAP, PASSWORD, AccountDesk, account_desk, in_folder
from tests.desk.support import Desk, opened
from tests.lies.lie import lie
from tests.lies.witnesses import impossible, noticed, program_refuses
from tests.tampering import Proxy
from tests.world import World

from yuanliu.chain import keys
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database, upgrade
from yuanliu.desk.intentions import State
from yuanliu.desk.people import AccountKind
from yuanliu.desk.tables_outbox import INTENTION
from yuanliu.index.follower import Follower
from yuanliu.index.rebuild import compare, digest, rebuild
from yuanliu.index.store import Store
from yuanliu.settings import Settings

pytestmark = [pytest.mark.node, pytest.mark.slow]


@contextmanager
def copy_of(world: World, folder: Path, rpc_url: str = "") -> Iterator[tuple[Settings, Follower]]:
    """Give a copy of the world's chain in a folder, and who keeps it."""
    config = Settings(data_dir=folder, rpc_url=world.devnet.rpc_url)
    engine = open_database(config, Family.COPY)
    upgrade(engine, Family.COPY)
    try:
        with closing(RawNode(rpc_url or config.rpc_url)) as node:
            yield config, Follower(Store(engine), world.deployment, node)
    finally:
        engine.dispose()


@contextmanager
def desk_on(world: World, folder: Path) -> Iterator[Desk]:
    """Give an outbox and a relayer; the chain mines when the desk says so."""
    engine = opened(folder)
    desk = Desk(world, engine)
    world.node.request("evm_setAutomine", False)
    try:
        yield desk
    finally:
        world.node.request("anvil_dropAllTransactions")
        world.node.request("evm_setAutomine", True)
        engine.dispose()


# ------------------------------------------------------------------ the copy


@lie(
    "Alter a figure in the database",
    "在数据库里改数字",
    cheats="auditor",
    liars=("database admin", "platform"),
    happens=(
        "An UPDATE makes a sale's share for the farmers larger, and a delivery heavier, than they were."
    ),
    noticed_by=("yuanliu rebuild --check",),
    how="it builds the tables anew from the chain and names those that differ; exit code 1.",
)
def test_an_update_in_the_copy(world: World, tmp_path: Path) -> None:
    world.pay(world.harvest())
    with copy_of(world, tmp_path) as (config, follower):
        follower.catch_up()
        compare(config, world.deployment)
        with follower._store.engine.begin() as db:
            more = text("UPDATE sale SET farmers = :more")
            assert db.execute(more, {"more": "299".zfill(39)}).rowcount
            assert db.execute(text("UPDATE delivery SET grams = grams + 1000")).rowcount
        with program_refuses("yuanliu rebuild --check", "index.differs") as caught:
            compare(config, world.deployment)
        assert caught.value.fields["tables"] == ["delivery", "sale"]


@lie(
    "Delete a bad record from the database",
    "从数据库里删掉一条不利记录",
    cheats="consumer",
    liars=("database admin", "platform"),
    happens="A DELETE takes a failed inspection out of the copy that the pages are made of.",
    noticed_by=("yuanliu rebuild --check",),
    how="tables built anew have one row more.",
)
def test_a_delete_in_the_copy(world: World, tmp_path: Path) -> None:
    world.inspect(world.harvest(), conformant=False)
    with copy_of(world, tmp_path) as (config, follower):
        follower.catch_up()
        with follower._store.engine.begin() as db:
            assert db.execute(text("DELETE FROM record WHERE kind = 6")).rowcount == 1
        with program_refuses("yuanliu rebuild --check", "index.differs"):
            compare(config, world.deployment)


@lie(
    "Lose the database",
    "“丢失”数据库",
    cheats="auditor",
    liars=("database admin", "platform"),
    happens="The tables are dropped, by accident or so that nobody can look anything up.",
    noticed_by=("yuanliu rebuild --check",),
    how=(
        "it says that there is no copy; `yuanliu rebuild` makes the same bytes again from the chain alone."
    ),
)
def test_the_copy_is_gone(world: World, tmp_path: Path) -> None:
    world.pay(world.harvest())
    with copy_of(world, tmp_path) as (config, follower):
        follower.catch_up()
        before = digest(follower._store.engine)
    for file in tmp_path.glob("*.db*"):
        file.unlink()
    with copy_of(world, tmp_path) as (config, follower):
        with program_refuses("yuanliu rebuild --check", "index.empty"):
            compare(config, world.deployment)
        follower._store.engine.dispose()
        rebuild(config, world.deployment)
        compare(config, world.deployment)
        assert digest(follower._store.engine) == before


@lie(
    "Restore an old database",
    "恢复旧数据库以抹去近事",
    cheats="auditor",
    liars=("database admin", "platform"),
    happens="A copy from before a recall is put back, so that the pages show none.",
    noticed_by=("the follower",),
    how=(
        "it reads on from the block where that copy stands and ends with the same bytes as a new one."
    ),
)
def test_a_copy_from_before_the_recall(world: World, tmp_path: Path) -> None:
    batch = world.harvest()
    with copy_of(world, tmp_path / "kept") as (_, follower):
        follower.catch_up()
        old = digest(follower._store.engine)
        world.act(world.regulator, world.batches, "recall", batch.id, "salmonella")
        with closing(sqlite3.connect(tmp_path / "old.db")) as backup:
            raw = follower._store.engine.raw_connection()
            raw.driver_connection.backup(backup)  # type: ignore[union-attr]
            raw.close()
        follower.catch_up()
        new = digest(follower._store.engine)
    assert new != old
    (file,) = (tmp_path / "kept").glob("*.db")
    for each in (tmp_path / "kept").glob("*.db*"):
        each.unlink()
    copyfile(tmp_path / "old.db", file)
    with copy_of(world, tmp_path / "kept") as (_, follower):
        assert digest(follower._store.engine) == old
        follower.catch_up()
        assert digest(follower._store.engine) == new
        noticed("the follower")


@lie(
    "Feed false logs to the service",
    "节点向服务提供伪造日志",
    cheats="auditor",
    liars=("node operator",),
    happens=(
        "The platform's node leaves out a failed inspection, or changes a byte of it, on the way to the tables."
    ),
    noticed_by=("the follower",),
    how=(
        "each record must lead from the head before it to the head after it; not a row is taken over."
    ),
)
def test_logs_that_do_not_lead_from_head_to_head(world: World, tmp_path: Path) -> None:
    recorded = "0x" + world.batches.topic("Recorded").hex()
    with Proxy(world.devnet.rpc_url) as proxy, copy_of(world, tmp_path, proxy.url) as (_, follower):
        follower.catch_up()
        before = digest(follower._store.engine)
        batch = world.harvest()
        world.inspect(batch, conformant=False)
        world.record(world.carrier, batch, 7)

        def forge(request: dict[str, object], answer: dict[str, object], *, drop: bool) -> object:
            found = answer.get("result")
            if request["method"] == "eth_getLogs" and isinstance(found, list):
                of_batch = [log for log in found if log["topics"][0] == recorded]
                if drop and of_batch:
                    found.remove(of_batch[1])
                elif of_batch:
                    of_batch[1]["data"] = of_batch[1]["data"].replace("7b22", "7b23")
            return answer

        for drop in (True, False):
            proxy.tamper = lambda request, ask, drop=drop: forge(request, ask(), drop=drop)  # type: ignore[assignment, misc]
            with program_refuses("the follower", "chain.answer_invalid"):
                follower.catch_up()
            assert digest(follower._store.engine) == before


@lie(
    "Take blocks back",
    "回滚区块（重组）以撤销已公示的记录",
    cheats="auditor",
    liars=("node operator",),
    happens="The blocks with a clerk's event are taken back, after everybody has seen it.",
    noticed_by=("the follower", "the contracts"),
    how=(
        "it goes back to the common ancestor and equals a copy made anew; what people had signed is sent again by"
        " the relayer, and each number of a signer is executed once. How deep a chain may go back is the chain's"
        " affair: beyond `YUANLIU_FINALITY_DEPTH` the service stops and says so."
    ),
)
@pytest.mark.own_chain
def test_blocks_that_are_taken_back(world: World, tmp_path: Path) -> None:
    with desk_on(world, tmp_path / "desk") as desk, copy_of(world, tmp_path) as (config, follower):
        found = desk.submit(1)
        desk.settle()
        follower.catch_up()
        seen = digest(follower._store.engine)
        block = desk.outbox.intention(found.id).block
        assert block is not None
        desk.reorg(world.node.block_number() - block + 1)
        assert desk.numbers() == []
        desk.settle()
        desk.mine(2)
        assert desk.state(found) is State.DONE
        impossible(as_it_should_be=desk.numbers() == [1])
        follower.catch_up()
        compare(config, world.deployment)
        assert digest(follower._store.engine) != seen
        noticed("the follower")


# ------------------------------------------------------------------ the desk


@lie(
    "Restore an old outbox to have everything done twice",
    "恢复旧发件箱，让已办的事再办一遍",
    cheats="actor",
    liars=("database admin", "platform"),
    happens=(
        "The desk's database from before a day's acts is put back, and the relayer sends them again."
    ),
    noticed_by=("the contracts",),
    how=(
        "each signed act has a number that the forwarder executes once; the second sending does nothing."
    ),
)
def test_an_outbox_from_yesterday(world: World, tmp_path: Path) -> None:
    with desk_on(world, tmp_path / "desk") as desk:
        found = desk.submit(1)
        desk.engine.dispose()
        (file,) = (tmp_path / "desk").glob("*.db")
        copyfile(file, tmp_path / "old.db")
        desk.settle()
        assert desk.numbers() == [1]
        desk.engine.dispose()
        for each in (tmp_path / "desk").glob("*.db-*"):
            each.unlink()
        copyfile(tmp_path / "old.db", file)
        desk.relayer = desk.new_relayer()
        assert desk.state(found) is State.WAITING
        desk.settle()
        impossible(as_it_should_be=desk.numbers() == [1])


@lie(
    "Alter a signed act that waits in the outbox",
    "篡改发件箱里待发的已签名请求",
    cheats="actor",
    liars=("database admin", "platform"),
    happens="The words of a clerk's event are changed in the database before the relayer sends it.",
    noticed_by=("the contracts", "the service"),
    how=(
        "the signature is over every byte; the chain does not take it, and its author is told that it was not"
        " taken."
    ),
)
def test_an_act_altered_before_it_was_sent(world: World, tmp_path: Path) -> None:
    with desk_on(world, tmp_path) as desk:
        found = desk.submit(1)
        with desk.engine.begin() as db:
            data = db.execute(select(INTENTION.c.data)).scalar_one()
            forged = data.replace(b'"number": 1', b'"number": 9')
            assert forged != data
            db.execute(update(INTENTION).values(data=forged))
        desk.settle()
        impossible(as_it_should_be=desk.numbers() == [])
        error = desk.outbox.intention(found.id).error
        assert error is not None
        assert error["code"] == "outbox.not_taken"
        noticed("the service")


def dump(desk: AccountDesk) -> str:
    with desk.engine.connect() as db:
        tables = [
            row[0] for row in db.execute(text("SELECT name FROM sqlite_master WHERE type='table'"))
        ]
        return repr(
            [tuple(row) for name in tables for row in db.execute(text(f"SELECT * FROM {name}"))]
        )


@lie(
    "Sign with the keys in the database",
    "管理员用库里的密钥代人签名",
    cheats="actor",
    liars=("database admin", "platform"),
    happens="Who has the desk's database wants to sign as a clerk who is signed in at this moment.",
    noticed_by=("the service",),
    how=(
        "keys stand there wrapped by passwords and sessions' tokens, of which only hashes are kept. Whoever runs"
        " the process that a clerk signs in to could still read the password as it comes in: a key on the clerk's"
        " own device is safe from that too."
    ),
)
def test_the_keys_of_the_database_open_to_nobody(tmp_path: Path) -> None:
    with account_desk(in_folder(tmp_path)) as desk:
        key = keys.new_key()
        desk.accounts.create("clerk-01", AccountKind.CLERK, password=PASSWORD, key=key)
        session = desk.sign_in()
        stolen = dump(desk)
        assert bytes(key.key).hex() not in stolen
        assert repr(bytes(key.key)) not in stolen
        assert session.token not in stolen
        with desk.engine.connect() as db:
            (keystore,) = db.execute(text("SELECT keystore FROM account")).one()
        assert "crypto" in json.loads(keystore)
        for guess in ("", "clerk-01", PASSWORD[:-1]):
            with program_refuses("the service", "keys.password_wrong"):
                keys.decrypt(keystore, guess)
        assert CHEAP.scrypt
