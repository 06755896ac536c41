"""A node that lies, is cut off or answers nonsense: refused with what is wrong, and not a row is taken over."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.index.copies import anew
from tests.index.history import History
from tests.index.lying import Proxy
from tests.world import World

from yuanliu.chain.node import ChainUnreachable
from yuanliu.chain.rawlogs import AnswerInvalid, RawNode
from yuanliu.chain.windows import FIRST_WINDOW
from yuanliu.errors import YuanliuError
from yuanliu.index.follower import Follower
from yuanliu.index.rebuild import digest
from yuanliu.index.store import Store

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.fixture
def proxy(world: World) -> Iterator[Proxy]:
    with Proxy(world.devnet.rpc_url) as proxy:
        yield proxy


@pytest.fixture
def lied_to(proxy: Proxy, engine: Engine, world: World) -> Iterator[Follower]:
    with closing(RawNode(proxy.url)) as node:
        yield Follower(Store(engine), world.deployment, node)


def _first(logs: list[Any], topic: str) -> Any:  # noqa: ANN401 -- JSON
    return next(log for log in logs if log["topics"][0] == topic)


Lie = Callable[[list[Any], str], object]

LIES: dict[str, Lie] = {
    "a foreign address": lambda logs, t: _first(logs, t).update(address="0x" + "ee" * 20),
    "an unknown event": lambda logs, t: _first(logs, t).update(topics=["0x" + "ab" * 32]),
    "no topics": lambda logs, t: _first(logs, t).update(topics=[]),
    "topics of numbers": lambda logs, t: _first(logs, t).update(topics=[1, 2]),
    "data cut off": lambda logs, t: _first(logs, t).update(data=_first(logs, t)["data"][:-64]),
    "data that is no hex": lambda logs, t: _first(logs, t).update(data="0xzz"),
    "no data": lambda logs, t: _first(logs, t).pop("data"),
    "null data": lambda logs, t: _first(logs, t).update(data=None),
    "a record changed": lambda logs, t: _first(logs, t).update(
        data=_first(logs, t)["data"].replace("01", "00", 1)
    ),
    "a record left out": lambda logs, t: logs.remove(_first(logs, t)),
    "a log twice": lambda logs, _: logs.append(logs[-1]),
    "logs in reverse": lambda logs, _: logs.reverse(),
    "another block's hash": lambda logs, t: _first(logs, t).update(blockHash="0x" + "cd" * 32),
    "the last block's hash": lambda logs, _: logs[-1].update(blockHash="0x" + "cd" * 32),
    "a block not asked for": lambda logs, t: _first(logs, t).update(blockNumber="0xffffff"),
    "a negative block": lambda logs, t: _first(logs, t).update(blockNumber="-0x5"),
    "a block number of words": lambda logs, t: _first(logs, t).update(blockNumber="many"),
    "a huge log index": lambda logs, _: logs[-1].update(logIndex="0xffffffffff"),
    "a removed log": lambda logs, t: _first(logs, t).update(removed=True),
    "a transaction of three bytes": lambda logs, t: _first(logs, t).update(
        transactionHash="0x010203"
    ),
    "another time": lambda logs, _: [log.update(blockTimestamp="0x5") for log in logs],
}


def test_a_lie_is_refused_whole_and_told(
    world: World, proxy: Proxy, engine: Engine, lied_to: Follower, tmp_path: Path
) -> None:
    lied_to.catch_up()
    before = digest(engine)
    batch = world.harvest()
    world.inspect(batch, conformant=True)
    world.pay(batch)
    recorded = "0x" + world.batches.topic("Recorded").hex()
    for name, lie in LIES.items():

        def change(method: str, _params: object, result: Any, lie: Lie = lie) -> Any:  # noqa: ANN401 -- JSON
            if method == "eth_getLogs" and result:
                lie(result, recorded)
            return result

        proxy.change = change
        with pytest.raises(AnswerInvalid) as refused:
            lied_to.catch_up()
        assert refused.value.retryable, name
        assert digest(engine) == before, name
    proxy.change = lambda _method, _params, result: result
    lied_to.catch_up()
    assert digest(engine) == anew(world, tmp_path / "anew")


NONSENSE: tuple[object, ...] = (None, 7, "logs", {"logs": []}, [1, 2], [None])


def test_nonsense_for_logs_is_an_unreachable_node(
    world: World, proxy: Proxy, engine: Engine, lied_to: Follower
) -> None:
    lied_to.catch_up()
    before = digest(engine)
    world.harvest()
    for answer in NONSENSE:

        def change(method: str, _params: object, result: Any, answer: object = answer) -> Any:  # noqa: ANN401 -- JSON
            return answer if method == "eth_getLogs" else result

        proxy.change = change
        with pytest.raises(YuanliuError) as refused:
            lied_to.catch_up()
        assert refused.value.code == "chain.unreachable", answer
        assert refused.value.retryable
        assert digest(engine) == before


@pytest.mark.own_chain
def test_a_block_that_changes_while_its_logs_are_read_is_read_again(
    world: World, proxy: Proxy, engine: Engine, lied_to: Follower, tmp_path: Path
) -> None:
    lied_to.catch_up()
    world.harvest()
    changed: list[str] = []

    def change(method: str, _params: object, result: Any) -> Any:  # noqa: ANN401 -- JSON
        if method == "eth_getLogs" and not changed:
            changed.append(world.node.request("anvil_reorg", 1, []))
            world.harvest()
        return result

    proxy.change = change
    lied_to.catch_up()
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_a_node_that_gives_few_logs_at_once_is_asked_for_smaller_windows(
    world: World, proxy: Proxy, engine: Engine, lied_to: Follower, tmp_path: Path
) -> None:
    History(world, Random(10)).run(40)
    asked: list[int] = []

    def change(method: str, params: Any, result: Any) -> Any:  # noqa: ANN401 -- JSON
        if method != "eth_getLogs":
            return result
        blocks = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        asked.append(blocks)
        if len(result) <= 6 or blocks == 1:
            return result
        error = {"code": -32005, "message": "query returned more than 6 results"}
        return {"jsonrpc": "2.0", "id": 1, "error": error}

    proxy.change = change
    lied_to.catch_up()
    assert max(asked) >= FIRST_WINDOW
    assert min(asked) < FIRST_WINDOW
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_a_node_that_refuses_every_window_is_told(
    world: World, proxy: Proxy, lied_to: Follower
) -> None:
    world.harvest()
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "never"}}
    proxy.change = lambda method, _params, result: error if method == "eth_getLogs" else result
    with pytest.raises(ChainUnreachable, match="never"):
        lied_to.catch_up()


def test_a_node_that_knows_no_block_just_now_is_waited_for(
    world: World, proxy: Proxy, engine: Engine, lied_to: Follower, tmp_path: Path
) -> None:
    world.harvest()
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "header not found"}}
    proxy.change = lambda method, _params, result: (
        error if method == "eth_getBlockByNumber" else result
    )
    with pytest.raises(ChainUnreachable, match="header not found") as refused:
        lied_to.catch_up()
    assert refused.value.retryable
    proxy.change = lambda _method, _params, result: result
    lied_to.catch_up()
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_an_answer_that_is_too_long_is_cut_off_and_asked_for_in_parts(
    world: World,
    engine: Engine,
    follower: Follower,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    History(world, Random(11)).run(30)
    monkeypatch.setattr("yuanliu.chain.line.MAX_ANSWER", 20_000)
    follower.catch_up()
    monkeypatch.undo()
    assert digest(engine) == anew(world, tmp_path / "anew")


def test_a_node_without_times_in_its_logs_is_asked_for_the_headers(
    world: World, proxy: Proxy, engine: Engine, lied_to: Follower, tmp_path: Path
) -> None:
    History(world, Random(12)).run(10)

    def change(method: str, _params: object, result: Any) -> Any:  # noqa: ANN401 -- JSON
        if method == "eth_getLogs":
            for log in result:
                log.pop("blockTimestamp", None)
        return result

    proxy.change = change
    lied_to.catch_up()
    assert digest(engine) == anew(world, tmp_path / "anew")
