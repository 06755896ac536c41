"""The follower on a chain that goes back, dies, lies or does not answer."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text
from tests.index.copies import anew
from tests.index.history import History
from tests.index.lying import Proxy
from tests.index.oracle import check
from tests.waiting import SOON, until
from tests.world import World

from yuanliu.chain.node import ChainUnreachable
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database
from yuanliu.index import queries
from yuanliu.index.follower import ChainReplaced, Follower, OtherDeployment, ReorgTooDeep, State
from yuanliu.index.rebuild import digest
from yuanliu.index.store import CursorMoved, Store, StoreBusy
from yuanliu.settings import Settings

pytestmark = [pytest.mark.node, pytest.mark.slow]


def cursor_block(engine: Engine) -> int:
    with engine.connect() as db:
        status = queries.status(db)
    assert status is not None
    return status.block


def facts(engine: Engine) -> int:
    with engine.connect() as db:
        return queries.counts(db).records


# ---------------------------------------------------------------------- a chain that goes back


@pytest.mark.own_chain
@pytest.mark.parametrize("depth", [1, 2, 5, 13, 20])
def test_a_reorg_of_any_depth_leaves_the_copy_of_the_new_chain(
    world: World, engine: Engine, follower: Follower, tmp_path: Path, depth: int
) -> None:
    history = History(world, Random(depth))
    history.run(30)
    follower.catch_up()
    before = digest(engine)
    world.node.request("anvil_reorg", depth, [])
    follower.catch_up()
    assert follower.status.rewinds == 1
    assert digest(engine) != before
    history.run(10)
    follower.catch_up()
    assert digest(engine) == anew(world, tmp_path / "anew")


@pytest.mark.own_chain
def test_every_depth_from_1_to_20_one_after_the_other_between_acts(
    world: World, engine: Engine, follower: Follower, tmp_path: Path
) -> None:
    history = History(world, Random(0))
    history.run(30)
    for depth in range(1, 21):
        follower.catch_up()
        world.node.request("anvil_reorg", depth, [])
        if depth % 3:
            follower.catch_up()
        history.run(3)
    follower.catch_up()
    assert follower.status.rewinds >= 13
    assert digest(engine) == anew(world, tmp_path / "anew")
    with engine.connect() as db:
        check(db, world)


def test_a_chain_that_became_shorter_is_followed_back(
    world: World, engine: Engine, follower: Follower, tmp_path: Path
) -> None:
    history = History(world, Random(3))
    history.run(20)
    with world.devnet.anchor():
        history.run(15)
        follower.catch_up()
        longer = cursor_block(engine)
    follower.catch_up()
    assert cursor_block(engine) < longer
    assert digest(engine) == anew(world, tmp_path / "anew")


@pytest.mark.own_chain
def test_what_was_final_is_not_taken_back(world: World, engine: Engine, node: RawNode) -> None:
    follower = Follower(Store(engine), world.deployment, node, finality=5)
    History(world, Random(4)).run(30)
    follower.catch_up()
    before = digest(engine)
    world.node.request("anvil_reorg", 12, [])
    with pytest.raises(ReorgTooDeep) as refused:
        follower.catch_up()
    assert not refused.value.retryable
    assert refused.value.fields["finality"] == 5
    assert digest(engine) == before
    stop = threading.Event()
    follower.run(stop)  # it ends by itself
    assert follower.status.state is State.FAILED
    assert follower.status.error is not None
    assert follower.status.error.code == "index.reorg_too_deep"


def test_a_node_far_behind_is_waited_for_and_nothing_is_taken_back(
    world: World, engine: Engine, node: RawNode
) -> None:
    follower = Follower(Store(engine), world.deployment, node, finality=5)
    history = History(world, Random(5))
    with world.devnet.anchor():
        history.run(40)
        follower.catch_up()
        before = digest(engine)
    with pytest.raises(ChainUnreachable):
        follower.catch_up()
    assert digest(engine) == before


def test_a_chain_that_was_reset_while_it_is_followed_is_refused_and_the_copy_stays(
    world: World, engine: Engine, follower: Follower
) -> None:
    """Its first block is another one; or the same, but the contracts were never deployed after it."""
    History(world, Random(5)).run(10)
    follower.catch_up()
    before = digest(engine)
    elsewhere = b"\x07" * 32

    def other(number: int, at_least: int) -> None:
        def change(method: str, _params: Any, result: Any) -> Any:  # noqa: ANN401 -- JSON
            if method != "eth_getBlockByNumber" or result is None:
                return result
            asked = result["number"]
            if int(asked, 16) == number or at_least <= int(asked, 16):
                return result | {"hash": "0x" + elsewhere.hex()}
            return result

        proxy.change = change

    with Proxy(world.devnet.rpc_url) as proxy, closing(RawNode(proxy.url)) as node:
        again = Follower(Store(engine), world.deployment, node, finality=1_000_000)
        for number, at_least, what in (
            (0, 1, "its first block"),
            (-1, world.deployment.block, "the block of the deployment"),
        ):
            other(number, at_least)
            for _ in range(2):
                with pytest.raises(ChainReplaced) as refused:
                    again.catch_up()
                assert not refused.value.retryable
                assert refused.value.fields["what"] == what
                assert refused.value.fields["found"] == "0x" + elsewhere.hex()
            assert digest(engine) == before
        proxy.change = lambda _method, _params, result: result
        again.catch_up()  # the right chain is there again
    assert digest(engine) == before


def test_the_copy_of_another_chain_is_refused(engine: Engine, follower: Follower) -> None:
    follower.catch_up()
    with engine.begin() as db:
        db.execute(text("UPDATE cursor SET genesis = :other"), {"other": bytes(32)})
    follower._forget()
    with pytest.raises(OtherDeployment):
        follower.catch_up()


# ---------------------------------------------------------------------- kills and restarts


_PARENT = """
import os, signal, sys
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database
from yuanliu.chain import windows
from yuanliu.index import follower
from yuanliu.index.store import Store
from yuanliu.settings import Settings
windows.FIRST_WINDOW = windows.MAX_WINDOW = 1
settings = Settings()

def catch_up(windows):
    told = []
    def tell(status):
        print(status.block, status.state, flush=True)
        told.append(status.block)
        if len(told) == windows:
            signal.pause()

    engine = open_database(settings, Family.COPY)
    deployment = Deployment.load(settings.deployment_file)
    following = follower.Follower(Store(engine), deployment, RawNode(settings.rpc_url))
    following.catch_up(tell)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        print("born", os.getpid(), flush=True)
        try:
            catch_up(int(line))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""
"""Imports once, then bears a follower for each line of its input: after how many windows it stops to be killed."""


def test_kills_in_the_middle_of_catching_up_leave_what_a_rebuild_gives(
    world: World, config: Settings, engine: Engine, tmp_path: Path
) -> None:
    History(world, Random(6)).run(60)
    file = tmp_path / "deployment.json"
    world.deployment.save(file)
    environment = {
        **os.environ,
        "YUANLIU_DATA_DIR": str(config.data_dir),
        "YUANLIU_DEPLOYMENT_FILE": str(file),
        "YUANLIU_RPC_URL": world.devnet.rpc_url,
        "YUANLIU_DATABASE_SCHEMA": config.database_schema,
    }
    if config.database_url is not None:
        environment["YUANLIU_DATABASE_URL"] = config.database_url.get_secret_value()
    random, reached = Random(7), set()
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    said, heard = parent.stdin, parent.stdout
    assert said is not None
    assert heard is not None

    def bear(windows: int) -> int:
        said.write(f"{windows}\n")
        said.flush()
        word, pid = heard.readline().split()
        assert word == "born"
        return int(pid)

    def ending() -> list[str]:
        return list(iter(heard.readline, "ended\n"))

    with parent:
        for _ in range(5):
            seen = random.randrange(1, 15)
            child = bear(seen + 5)  # it works on while it is killed, but not to the end
            for _ in range(seen):
                assert heard.readline() != "ended\n"
            os.kill(child, signal.SIGKILL)
            ending()
            with engine.connect() as db:
                status = queries.status(db)
                reached.add(status.block if status else -1)
                numbers = db.execute(
                    text("SELECT batch, COUNT(*), MAX(number) FROM record GROUP BY batch")
                )
                assert all(count == last + 1 for _, count, last in numbers)
        assert len(reached) > 1, "no kill fell into the work"
        bear(0)
        assert ending()[-1].endswith("at_tip\n")
        said.close()
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_two_followers_of_one_copy_do_not_double_a_row(
    world: World, engine: Engine, follower: Follower, tmp_path: Path
) -> None:
    follower.catch_up()
    with closing(RawNode(world.devnet.rpc_url)) as node:
        other = Follower(Store(engine), world.deployment, node)
        other.catch_up()
        History(world, Random(8)).run(10)
        other.catch_up()
        with pytest.raises(CursorMoved):
            follower.catch_up()
        follower.catch_up()  # it looked again where the copy stands
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_a_locked_database_is_waited_for(
    world: World, config: Settings, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    if config.database_url is not None:
        pytest.skip("PostgreSQL locks no whole database")
    import sqlite3  # noqa: PLC0415 -- of this test only

    follower.catch_up()
    History(world, Random(9)).run(5)
    monkeypatch.setattr("yuanliu.database.engine.BUSY_SECONDS", 0.2)
    engine = open_database(config, Family.COPY)
    with (
        closing(RawNode(world.devnet.rpc_url)) as node,
        closing(sqlite3.connect(config.data_dir / "copy.db", isolation_level=None)) as holder,
    ):
        waiting = Follower(Store(engine), world.deployment, node)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy) as refused:
            waiting.catch_up()
        assert refused.value.retryable
        holder.execute("ROLLBACK")
        waiting.catch_up()
        assert waiting.status.state is State.AT_TIP
    engine.dispose()


# ---------------------------------------------------------------------- the loop


def test_the_loop_takes_over_what_happens_and_is_woken(
    world: World, engine: Engine, node: RawNode, tmp_path: Path
) -> None:
    follower = Follower(
        Store(engine), world.deployment, node, poll=3_600.0
    )  # whatever it notices in this time it was woken for
    stop = threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    try:
        until(lambda: follower.status.state is State.AT_TIP)
        before = facts(engine)
        batch = world.harvest()
        follower.wake()
        until(lambda: facts(engine) > before)
        assert follower.status.error is None
    finally:
        stop.set()
        follower.wake()
        thread.join(SOON)
    assert not thread.is_alive()
    assert follower.status.state is State.STOPPED
    with engine.connect() as db:
        assert queries.batch(db, batch.id.to_bytes(32)) is not None
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_an_unreachable_node_is_told_and_waited_for(world: World, engine: Engine) -> None:
    with Proxy(world.devnet.rpc_url) as proxy, closing(RawNode(proxy.url)) as node:
        follower = Follower(Store(engine), world.deployment, node, poll=0.05)
        stop = threading.Event()
        thread = threading.Thread(target=follower.run, args=(stop,))
        proxy.broken = True
        thread.start()
        try:
            until(lambda: follower.status.state is State.WAITING)
            error = follower.status.error
            assert error is not None
            assert error.code == "chain.unreachable"
            proxy.broken = False
            follower.wake()
            until(lambda: follower.status.state is State.AT_TIP)
            assert follower.status.error is None
        finally:
            stop.set()
            follower.wake()
            thread.join(SOON)
