"""The relayer: everything that waits reaches the chain once, whatever becomes of node, blocks and process."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from eth_utils.conversions import to_hex
from sqlalchemy import Engine, select, update
from tests.desk.support import BOTH, LONG, Desk
from tests.tampering import Json, Proxy
from tests.waiting import until
from tests.world import FLAGS, World

from yuanliu.chain import relay
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import DeploymentMismatch
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.node import ChainUnreachable, Node, RpcError
from yuanliu.chain.relay import SignedRequest
from yuanliu.chain.transactions import Fees, reprice, sign_transaction
from yuanliu.desk import gas_bounds
from yuanliu.desk import relayer as relayer_module
from yuanliu.desk.dispatches import Course
from yuanliu.desk.intentions import Intention, State
from yuanliu.desk.outbox import Outbox
from yuanliu.desk.relayer import Relayer
from yuanliu.desk.sending import Answer, answer_of
from yuanliu.desk.tables_outbox import ATTEMPT, DISPATCH, INTENTION
from yuanliu.errors import YuanliuError

pytestmark = pytest.mark.node


def error_of(desk: Desk, intention: Intention) -> dict[str, Any]:
    error = desk.outbox.intention(intention.id).error
    assert error is not None
    return error


def dispatches(desk: Desk, course: Course | None = None) -> list[Any]:
    query = select(DISPATCH).order_by(DISPATCH.c.account_nonce)
    if course is not None:
        query = query.where(DISPATCH.c.state == str(course))
    with desk.engine.connect() as connection:
        return list(connection.execute(query))


def pool(desk: Desk) -> int:
    """Give how many transactions the node has that are not mined."""
    status = desk.world.node.request("txpool_status")
    return int(status["pending"], 16) + int(status["queued"], 16)


# ------------------------------------------------------------------ the common way


@BOTH
def test_what_waits_is_sent_mined_and_done(desk: Desk) -> None:
    found = desk.submit(1)
    assert desk.relayer.step()
    sent = desk.outbox.intention(found.id)
    assert (sent.state, sent.attempts) == (State.SENT, 1)
    desk.mine()
    assert not desk.relayer.step()
    done = desk.outbox.intention(found.id)
    assert done.state is State.DONE
    assert done.settled
    assert done.error is None
    assert done.block == desk.world.node.block_number()
    assert done.block_hash == desk.world.node.block_hash(done.block)
    assert desk.world.node.request("eth_getTransactionReceipt", done.transaction)["status"] == "0x1"
    assert desk.numbers() == [1]


def test_the_requests_of_many_signers_travel_in_one_transaction_in_order(desk: Desk) -> None:
    for number in range(40):
        desk.submit(number, who=(desk.world.coop, desk.world.clerk)[number % 2])
    desk.turn()
    assert desk.numbers() == list(range(40))
    assert len(dispatches(desk)) == 1


def test_more_than_a_transaction_holds_is_sent_in_several_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "DELAY", 0)
    desk.submit_all(range(250))
    desk.relayer.step()
    sent = dispatches(desk)
    assert [len(each.intentions) for each in sent] == [100, 100, 50]
    assert all(each.gas <= 16_777_216 for each in sent)
    assert pool(desk) == 3
    desk.mine()
    desk.relayer.step()
    assert desk.numbers() == list(range(250))
    assert desk.outbox.counts()[State.DONE] == 250


def test_large_requests_are_kept_below_what_nodes_take(desk: Desk) -> None:
    asks = [desk.submit(n, call=desk.event(n, size=8_000)) for n in range(30)]
    desk.settle()
    assert desk.numbers() == list(range(30))
    assert all(desk.state(each) is State.DONE for each in asks)
    with desk.engine.connect() as connection:
        raws = list(connection.execute(select(ATTEMPT.c.raw)).scalars())
    assert len(raws) > 1
    assert max(len(raw) for raw in raws) <= 131_072


def test_a_refused_neighbour_stops_nobody_and_learns_why(desk: Desk) -> None:
    good = [desk.submit(1), desk.submit(2)]
    bad = desk.submit(3, who=desk.world.outsider)
    good += [desk.submit(4)]
    after = desk.submit(5, who=desk.world.outsider)
    desk.turn()
    assert all(desk.state(each) is State.DONE for each in good)
    assert desk.numbers() == [1, 2, 4]
    for each in (bad, after):
        assert desk.state(each) is State.FAILED
        error = error_of(desk, each)
        assert error["code"] == "contract.Batches_KindNotAllowed"
        assert error["fields"]["actor"] == desk.world.outsider.address
        assert error["fields"]["batch"] == str(desk.batch)
        assert not error["retryable"]


def suspended_for_a_block(desk: Desk) -> Intention:
    """Let an act be refused for a reason that is gone when the relayer asks for it."""
    world = desk.world
    found = desk.submit(1, try_out=True)
    with mining(world):
        world.act(world.platform, world.actors, "suspend", world.coop.address, "why")
    desk.relayer.step()
    desk.mine()
    with mining(world):
        world.act(world.platform, world.actors, "reinstate", world.coop.address, "why")
    return found


@contextmanager
def mining(world: World) -> Iterator[None]:
    """Let the chain mine by itself inside the block."""
    world.node.request("evm_setAutomine", True)
    try:
        yield
    finally:
        world.node.request("evm_setAutomine", False)


def test_the_reason_of_a_refusal_is_read_from_the_trace_where_the_node_has_one(desk: Desk) -> None:
    found = suspended_for_a_block(desk)
    desk.relayer.step()
    assert desk.state(found) is State.FAILED
    assert error_of(desk, found)["code"] == "contract.Actors_Suspended"


def test_a_reason_that_is_gone_is_said_to_be_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = suspended_for_a_block(desk)
    ask = desk.outbox.node.request

    def without_traces(method: str, *parameters: object) -> Any:  # noqa: ANN401 -- as the node
        return ask(method.replace("debug_trace", "no_"), *parameters)

    monkeypatch.setattr(desk.outbox.node, "request", without_traces)
    desk.relayer.step()
    assert desk.state(found) is State.FAILED
    assert error_of(desk, found)["code"] == "outbox.reason_unknown"
    assert desk.numbers() == []


def test_acts_together_are_done_or_refused_as_one_and_hold_up_nobody(desk: Desk) -> None:
    world = desk.world
    with mining(world):
        world.act(world.coop, world.batches, "offer", desk.batch, world.buyer.address, 1)
        offer = int(world.state(desk.batch)["offers"])
    withdrawal = world.batches.call("withdraw", desk.batch, offer)

    def together(name: str, *calls: Call) -> Intention:
        return desk.outbox.submit_together(
            account="clerk",
            key=world.coop.account,
            calls=calls,
            idempotency_key=name,
            act="capture",
            body_digest="",
        )

    good = together("good", desk.event(1), withdrawal)
    bad = together("bad", desk.event(2), withdrawal, desk.event(3))  # on trial it can be done
    after = desk.submit(4)
    desk.turn()
    assert [desk.state(each) for each in (good, bad, after)] == [
        State.DONE,
        State.FAILED,
        State.DONE,
    ]
    assert desk.numbers() == [1, 4]
    error = error_of(desk, bad)
    assert error["code"].startswith("contract.Batches_Offer")
    assert error["fields"]["call"] == 1


def test_the_relayers_own_key_signs_what_needs_no_author(desk: Desk) -> None:
    call = desk.world.batches.call("refresh", desk.batch)
    found = desk.outbox.submit(
        account="house",
        key=desk.key,
        call=call,
        idempotency_key="refresh",
        act="refresh",
        body_digest="",
    )
    desk.submit(1)
    desk.turn()
    assert desk.state(found) is State.DONE
    assert len(dispatches(desk)) == 1


def test_it_sends_no_transaction_that_a_block_of_this_chain_cannot_hold(desk: Desk) -> None:
    limit = desk.world.node.request("eth_getBlockByNumber", "latest", False)["gasLimit"]
    desk.world.node.request("evm_setBlockGasLimit", hex(3_000_000))
    desk.mine()
    try:
        desk.submit_all(range(60))
        desk.settle()
    finally:
        desk.world.node.request("evm_setBlockGasLimit", limit)
    assert desk.numbers() == list(range(60))
    assert max(each.gas for each in dispatches(desk)) <= 3_000_000


def test_what_lapsed_on_another_chain_is_not_signed_for_this_one(desk: Desk) -> None:
    found = short(desk, 1, nonce=0)
    desk.world.wait(700)
    desk.turn()
    other = Outbox(desk.engine, replace(desk.world.deployment, genesis="0x00"), desk.world.node)
    with pytest.raises(YuanliuError) as caught:
        other.resign(found.id, desk.world.coop.account)
    assert caught.value.code == "outbox.other_deployment"


# ------------------------------------------------------------------ signatures that are of no use any more


def test_too_little_gas_is_nobodys_refusal_it_is_signed_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yuanliu.desk.outbox.gas_bound", lambda _: 15_000)
    found, after = desk.submit(1), desk.submit(2)
    desk.turn()
    assert desk.state(found) is State.LAPSED
    assert error_of(desk, found)["code"] == "outbox.out_of_gas"
    for each in (found, after):
        again = desk.outbox.resign(each.id, desk.world.coop.account)
        assert (again.id, again.state, again.error) == (each.id, State.WAITING, None)
        assert again.request.gas > 15_000
    desk.turn()
    assert desk.state(found) is State.DONE
    assert desk.numbers() == [1, 2]


def short(desk: Desk, number: int, *, nonce: int, seconds: int = 600) -> Intention:
    """Hand in an event whose signature soon expires."""
    behind = (
        int(time.time()) - desk.world.now
    )  # the chain's clock is that of its last block, long ago perhaps
    desk.world.wait(max(0, behind))
    request = relay.sign_request(
        desk.world.deployment,
        desk.world.coop.account,
        desk.event(number),
        gas=100_000,
        nonce=nonce,
        deadline=desk.world.now + seconds,
    )
    return desk.outbox.submit_signed(
        request, account="device", idempotency_key=str(number), act="record", body_digest=""
    )


@BOTH
def test_what_expired_lapses_with_what_was_to_follow_and_both_are_signed_anew(desk: Desk) -> None:
    key = desk.world.coop.account
    first = short(desk, 1, nonce=0)
    after = desk.submit(2)
    stranger = desk.submit(3, who=desk.world.clerk)
    desk.world.wait(700)
    desk.turn()
    assert desk.state(stranger) is State.DONE
    assert [desk.state(each) for each in (first, after)] == [State.LAPSED, State.LAPSED]
    assert error_of(desk, first)["code"] == "outbox.expired"
    assert error_of(desk, after)["code"] == "outbox.out_of_reach"
    assert error_of(desk, after)["fields"] == {"nonce": 1, "missing": 0}
    with pytest.raises(YuanliuError) as caught:  # its old signature would be valid once more
        desk.outbox.resign(after.id, key)
    assert caught.value.code == "outbox.not_yet"
    assert caught.value.retryable
    assert desk.outbox.resign(first.id, key).request.nonce == 0
    assert desk.outbox.resign(after.id, key).request.nonce == 1
    desk.settle()
    assert desk.numbers() == [3, 1, 2]


def test_only_who_asked_for_it_signs_it_anew(desk: Desk) -> None:
    found = short(desk, 1, nonce=0)
    waiting = desk.submit(2)
    assert desk.outbox.resign(waiting.id, desk.world.coop.account) == waiting
    desk.world.wait(700)
    desk.turn()
    with pytest.raises(YuanliuError) as caught:
        desk.outbox.resign(found.id, desk.world.clerk.account)
    assert caught.value.code == "outbox.other_signer"


def test_who_acts_beside_the_outbox_is_told_and_signs_anew(desk: Desk) -> None:
    found = desk.submit(1)
    with mining(desk.world):
        desk.world.relayed(desk.world.coop, desk.world.batches, "setPrice", desk.batch, 301)
    desk.turn()
    assert desk.state(found) is State.LAPSED
    assert error_of(desk, found)["code"] == "outbox.nonce_used"
    assert desk.outbox.resign(found.id, desk.world.coop.account).request.nonce == 1
    desk.turn()
    assert desk.state(found) is State.DONE
    assert desk.numbers() == [1]


def test_what_somebody_else_relayed_is_done(desk: Desk) -> None:
    found, bad = desk.submit(1), desk.submit(2, who=desk.world.outsider)
    with mining(desk.world):
        desk.world.relay.execute_batch([found.request, bad.request])
    desk.settle()
    assert [desk.state(each) for each in (found, bad)] == [State.DONE, State.FAILED]
    assert desk.numbers() == [1]
    assert desk.outbox.intention(found.id).block is not None


def test_what_somebody_else_relayed_after_it_lapsed_is_not_done_again(desk: Desk) -> None:
    first, after = short(desk, 1, nonce=0), desk.submit(2)
    desk.world.wait(700)
    desk.turn()
    assert desk.state(after) is State.LAPSED
    key = desk.world.coop.account
    desk.outbox.resign(first.id, key)
    desk.turn()
    with mining(desk.world):
        desk.world.relay.execute(after.request)
    found = desk.outbox.resign(after.id, key)
    assert found.state is State.DONE
    desk.settle()
    assert desk.numbers() == [1, 2]


def test_a_signature_that_the_chain_does_not_take_lapses(desk: Desk) -> None:
    found, after = desk.submit(1), desk.submit(2)
    with desk.engine.begin() as connection:
        connection.execute(
            update(INTENTION)
            .where(INTENTION.c.id == found.id)
            .values(signature=bytes(64) + b"\x1b")
        )
    desk.settle()
    assert error_of(desk, found)["code"] == "outbox.not_taken"
    assert error_of(desk, after)["code"] == "outbox.out_of_reach"
    assert desk.numbers() == []


# ------------------------------------------------------------------ a process that dies


class Killed(BaseException):
    """The process ends here."""


def dying(desk: Desk, monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], bool]:
    """Let the process end at its `at`-th word to the node or commit, before (even) or after (odd) it; tell whether."""
    seen = [0]

    def count_down(do: Callable[..., Any]) -> Callable[..., Any]:
        def doing(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 -- any function
            seen[0] += 1
            if seen[0] == at // 2 + 1:
                if at % 2:
                    do(*arguments, **named)
                raise Killed
            return do(*arguments, **named)

        return doing

    monkeypatch.setattr(desk.outbox.node, "batch", count_down(desk.outbox.node.batch))
    book = desk.relayer._book
    for name in ("open", "settle"):
        monkeypatch.setattr(book, name, count_down(getattr(book, name)))
    return lambda: seen[0] > at // 2


@BOTH
def test_whenever_the_process_dies_the_next_one_does_everything_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    for at in range(100):
        before = desk.numbers()
        numbers = range(at * 10, at * 10 + 3)
        desk.submit_all(numbers)
        desk.relayer = desk.new_relayer()
        with monkeypatch.context() as patched:
            died = dying(desk, patched, at)
            try:
                desk.turn()
            except Killed:
                points += 1
            finished = not died()
        desk.relayer = desk.new_relayer()
        desk.settle()
        assert desk.numbers() == before + list(numbers)
        if finished:
            break
    assert points >= 12
    assert set(desk.outbox.counts().items()) >= {(State.WAITING, 0), (State.SENT, 0)}
    assert pool(desk) == 0


def test_a_transaction_is_stored_before_it_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.submit(1)
    seen: list[str] = []
    ask = desk.outbox.node.batch

    def batch(calls: Any) -> Any:  # noqa: ANN401 -- as the node
        if calls and calls[0][0] == "eth_sendRawTransaction":
            with desk.engine.connect() as connection:
                stored = connection.execute(select(ATTEMPT.c.raw)).scalars()
                seen.extend(to_hex(raw) for raw in stored)
            assert all(parameters[0] in seen for _, parameters in calls)
        return ask(calls)

    monkeypatch.setattr(desk.outbox.node, "batch", batch)
    desk.turn()
    assert seen
    assert desk.numbers() == [1]


# ------------------------------------------------------------------ a node that forgets, is away, or is another


def test_what_the_node_lost_from_its_pool_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 1_000)
    monkeypatch.setattr(relayer_module, "DELAY", 0)
    desk.submit_all(range(150))
    desk.relayer.step()
    assert pool(desk) == 2
    desk.world.node.request("anvil_dropAllTransactions")
    desk.turn()
    assert desk.numbers() == []
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 0)
    desk.turn()
    assert desk.numbers() == list(range(150))
    assert len(dispatches(desk)) == 2


def test_one_that_the_node_lost_holds_up_the_next_only_until_it_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 1_000)
    monkeypatch.setattr(relayer_module, "DELAY", 0)
    desk.submit_all(range(250))
    desk.relayer.step()
    with desk.engine.connect() as connection:
        second = dispatches(desk)[1]
        lost = connection.execute(
            select(ATTEMPT.c.hash).where(ATTEMPT.c.dispatch == second.id)
        ).scalar()
    desk.world.node.request("anvil_dropTransaction", lost)
    desk.turn()
    assert len(desk.numbers()) == 100
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 0)
    desk.settle()
    assert desk.numbers() == list(range(250))


def test_answers_that_get_lost_lose_nothing(desk: Desk) -> None:
    """One answer in twelve is dropped, after the node did what it was asked."""
    heard, chance = [0], random.Random(7)

    def drop(_request: Json, ask: Callable[[], Json]) -> Json | None:
        answer = ask()
        lost = chance.random() < 1 / 12
        heard[0] += lost
        return None if lost else answer

    desk.submit_all(range(500))
    with Proxy(desk.world.node.url, drop) as proxy:
        desk.relayer = desk.new_relayer(Node(proxy.url))
        desk.settle()
    assert heard[0] > 2
    assert desk.numbers() == list(range(500))


def test_while_the_node_is_away_the_status_says_so_and_nothing_is_lost(desk: Desk) -> None:
    away = [True]
    desk.submit_all(range(5))
    with Proxy(desk.world.node.url, lambda _, ask: None if away[0] else ask()) as proxy:
        desk.relayer = desk.new_relayer(Node(proxy.url))
        with pytest.raises(ChainUnreachable):
            desk.relayer.step()
        with desk.running():
            until(lambda: desk.relayer.status().error is not None)
            status = desk.relayer.status()
            assert isinstance(status.error, ChainUnreachable)
            assert status.error.retryable
            assert (status.waiting, status.sent, status.head) == (5, 0, None)
            assert status.oldest is not None
            away[0] = False
            until(lambda: desk.outbox.counts()[State.DONE] == 5)
            until(lambda: desk.relayer.status().error is None)
    assert desk.numbers() == list(range(5))


def test_it_sends_nothing_to_another_chain(desk: Desk) -> None:
    desk.submit(1)
    with Devnet(flags=FLAGS) as other:
        desk.relayer = desk.new_relayer(other.node)
        with pytest.raises(DeploymentMismatch):
            desk.relayer.step()
        assert other.node.transaction_count(desk.relayer.address) == 0
    assert desk.outbox.counts()[State.WAITING] == 1


def test_it_looks_again_which_chain_it_is_after_the_node_was_away(desk: Desk) -> None:
    with Devnet(flags=FLAGS) as other, Proxy(desk.world.node.url) as proxy:
        desk.relayer = desk.new_relayer(Node(proxy.url))
        desk.relayer.step()
        proxy.tamper = lambda _request, _ask: None
        with pytest.raises(ChainUnreachable):
            desk.relayer.step()
        proxy.upstream, proxy.tamper = other.node.url, lambda _, ask: ask()
        desk.submit(1)
        with pytest.raises(DeploymentMismatch):
            desk.relayer.step()
        assert other.node.transaction_count(desk.relayer.address) == 0


@pytest.mark.own_chain
def test_a_nonce_that_somebody_else_used_is_noticed_and_the_rest_is_numbered_on(desk: Desk) -> None:
    desk.submit_all(range(120))
    with monkeypatched(desk.relayer, "_broadcast", lambda *_: None):
        desk.relayer.step()  # stored, never sent
    with mining(desk.world):
        desk.world.relayed(desk.world.clerk, desk.world.batches, "setPrice", desk.batch, 301)
    desk.relayer = desk.new_relayer()
    desk.settle()
    assert desk.numbers() == list(range(120))
    assert len(dispatches(desk, Course.LOST)) == 1

    with desk.engine.connect() as connection:  # none travelled again and again in vain meanwhile
        assert max(connection.scalars(select(INTENTION.c.attempts))) <= 3


@contextmanager
def monkeypatched(thing: object, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thing, name, value)
        yield


def test_without_money_for_gas_it_says_so_and_goes_on_when_there_is_some(desk: Desk) -> None:
    account = desk.relayer.address
    before = desk.world.node.request("eth_getBalance", account, "latest")
    desk.world.node.request("anvil_setBalance", account, "0x0")
    desk.submit(1)
    with pytest.raises(YuanliuError) as caught:
        desk.relayer.step()
    assert caught.value.code == "relayer.no_funds"
    assert caught.value.retryable
    assert caught.value.fields == {"account": account}
    desk.world.node.request("anvil_setBalance", account, before)
    desk.settle()
    assert desk.numbers() == [1]
    assert desk.relayer.status().balance == int(before, 16) or desk.relayer.status().balance == 0


@BOTH
def test_what_the_leader_before_sent_while_it_lost_its_lock_is_not_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "_CARE_SECONDS", -1)
    before = desk.new_relayer()
    desk.relayer = desk.new_relayer()
    desk.relayer.step()  # it has read the book
    late = desk.submit(1)
    before.step()
    assert desk.state(late) is State.SENT
    desk.mine()
    desk.relayer.step()
    desk.relayer.step()
    assert desk.state(late) is State.DONE
    desk.submit(2)
    desk.settle()
    assert desk.numbers() == [1, 2]


@pytest.mark.parametrize("fate", ["never mined", "mined after all"])
def test_a_new_key_for_the_relayer_takes_over_what_the_old_one_had_sent(
    desk: Desk, fate: str
) -> None:
    first = desk.submit_all(range(3))
    desk.relayer.step()
    assert pool(desk) == 1
    other = desk.world.platform.account
    account = str(other.address)
    before = desk.world.node.request("eth_getBalance", account, "latest")
    desk.world.node.request("anvil_setBalance", account, hex(10**18))
    if fate == "never mined":
        desk.world.node.request("anvil_dropAllTransactions")
    try:
        desk.relayer = Relayer(desk.outbox, other)
        more = desk.submit(3)
        desk.settle()
        assert desk.numbers() == [0, 1, 2, 3]
        assert {desk.state(each) for each in (*first, more)} == {State.DONE}
    finally:
        desk.world.node.request("anvil_setBalance", account, before)


def test_where_gas_is_free_it_offers_nothing_however_long_it_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without coin, one wei per gas would be too much: it would never be mined again."""
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 0)
    monkeypatch.setattr(relayer_module, "REPLACE_SECONDS", 0)
    account = desk.relayer.address
    before = desk.world.node.request("eth_getBalance", account, "latest")
    desk.world.node.request("anvil_setBalance", account, "0x0")
    try:
        desk.relayer = Relayer(desk.outbox, desk.key, free_gas=True)
        desk.submit(1)
        for _ in range(5):
            desk.relayer.step()
        error = desk.relayer.status().error
        assert error is not None
        assert error.code == "relayer.stuck"
        with desk.engine.connect() as connection:
            assert [row.max_fee for row in connection.execute(select(ATTEMPT))] == ["0"]
        desk.settle()
        assert desk.numbers() == [1]
        assert desk.relayer.status().balance == 0
    finally:
        desk.world.node.request("anvil_setBalance", account, before)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("already known", Answer.TAKEN),
        ("transaction already imported", Answer.TAKEN),
        ("nonce too low: next nonce 5, tx nonce 4", Answer.USED),
        ("Nonce too low", Answer.USED),
        ("replacement transaction underpriced", Answer.CHEAP),
        ("max fee per gas less than block base fee", Answer.CHEAP),
        ("Insufficient funds for gas * price + value", Answer.POOR),
        ("Upfront cost exceeds account balance", Answer.POOR),
        ("exceeds block gas limit", Answer.OTHER),
    ],
)
def test_what_a_node_says_to_a_transaction_is_understood(said: str, meaning: Answer) -> None:
    assert answer_of(RpcError("eth_sendRawTransaction", said, -32000, None)) is meaning


def test_a_hash_for_an_answer_means_that_it_was_taken() -> None:
    assert answer_of("0x" + "11" * 32) is Answer.TAKEN


def test_a_transaction_that_is_refused_whole_travels_in_ever_smaller_company(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forwarder burns a whole transaction if it does not cover the gas that one request was signed for."""
    honest, bound = relay.transaction_gas, gas_bounds.gas_bound
    poison = b'"number": 5,'

    def too_little(requests: Sequence[SignedRequest]) -> int:
        bad = any(poison in request.call.data for request in requests)
        return 300_000 if bad else honest(requests)

    monkeypatch.setattr(relay, "transaction_gas", too_little)
    monkeypatch.setattr(
        "yuanliu.desk.outbox.gas_bound",
        lambda call: gas_bounds.MAX_GAS if poison in call.data else bound(call),
    )
    found = desk.submit_all(range(12))
    for _ in range(60):
        desk.turn()
        if desk.state(found[5]) is State.LAPSED:
            break
    assert error_of(desk, found[5])["code"] == "outbox.not_taken"
    assert desk.numbers() == [0, 1, 2, 3, 4]
    assert {desk.state(each) for each in found[6:]} == {State.LAPSED}
    monkeypatch.setattr(relay, "transaction_gas", honest)
    for each in found[5:]:
        desk.outbox.resign(each.id, desk.world.coop.account)
    desk.settle()
    assert desk.numbers() == list(range(12))


# ------------------------------------------------------------------ fees, finality, a chain that goes back


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[World]:
    """A chain that is bent in ways which cannot be taken back."""
    with Devnet(flags=FLAGS) as devnet:
        yield World(devnet)


@pytest.fixture
def bent(elsewhere: World, engine: Engine) -> Iterator[Desk]:
    desk = Desk(elsewhere, engine)
    elsewhere.node.request("evm_setAutomine", False)
    yield desk
    elsewhere.node.request("anvil_dropAllTransactions")
    elsewhere.node.request("anvil_setNextBlockBaseFeePerGas", "0x0")
    elsewhere.node.request("evm_mine")
    elsewhere.node.request("evm_setAutomine", True)


def test_when_fees_rise_what_is_stuck_is_replaced_by_one_that_pays_more(
    bent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "REPLACE_SECONDS", 1_000)
    monkeypatch.setattr(relayer_module, "DELAY", 0)
    bent.submit_all(range(150))
    bent.relayer.step()
    node = bent.world.node
    dear = hex(20 * 10**9)
    node.request("anvil_setNextBlockBaseFeePerGas", dear)
    bent.mine()
    bent.relayer.step()
    assert bent.numbers() == []
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 0)
    monkeypatch.setattr(relayer_module, "REPLACE_SECONDS", 0)
    for _ in range(6):
        bent.relayer.step()
        node.request("anvil_setNextBlockBaseFeePerGas", dear)
        bent.mine()
    bent.relayer.step()
    assert bent.numbers() == list(range(150))
    assert len(dispatches(bent, Course.MINED)) == 2
    with bent.engine.connect() as connection:
        fees = [
            int(fee)
            for fee in connection.execute(
                select(ATTEMPT.c.max_fee)
                .where(ATTEMPT.c.dispatch == dispatches(bent)[0].id)
                .order_by(ATTEMPT.c.created)
            ).scalars()
        ]
    assert len(fees) > 1
    assert all(after >= before * 1.125 for before, after in pairwise(fees))


def test_a_replacement_carries_the_same_and_pays_an_eighth_more(world: World) -> None:
    key = world._relayer
    old = sign_transaction(
        key,
        chain_id=31337,
        nonce=4,
        gas=100_000,
        to=world.actors.address,
        data=b"some data",
        fees=Fees(1_000, 100),
    )
    for now, expected in (
        (Fees(10, 1), Fees(1_126, 113)),
        (Fees(5_000, 1), Fees(5_000, 113)),
        (Fees(10, 9_000), Fees(9_000, 9_000)),
    ):
        new = reprice(key, old, now)
        assert new.fees == expected
        assert new.hash != old.hash
        again = sign_transaction(
            key,
            chain_id=31337,
            nonce=4,
            gas=100_000,
            to=world.actors.address,
            data=b"some data",
            fees=expected,
        )
        assert new == again


def test_a_replacement_never_pays_without_bound(
    bent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 0)
    monkeypatch.setattr(relayer_module, "REPLACE_SECONDS", 0)
    bent.submit(1)
    for _ in range(60):
        bent.relayer.step()
    error = bent.relayer.status().error
    assert error is not None
    assert error.code == "relayer.stuck"
    with bent.engine.connect() as connection:
        fees = [int(fee) for fee in connection.execute(select(ATTEMPT.c.max_fee)).scalars()]
    assert max(fees) <= 11 * 10**9
    bent.settle()
    assert bent.numbers() == [1]


@pytest.mark.parametrize("depth", range(1, 21) if LONG else [1, 2, 5, 13, 20])
@pytest.mark.own_chain
def test_after_a_reorg_everything_is_there_once(bent: Desk, depth: int) -> None:
    node, sent = bent.world.node, 0
    bent.mine(depth)
    for _ in range(depth):
        bent.submit_all(range(sent, sent + 3))
        sent += 3
        bent.turn()
    assert bent.numbers() == list(range(sent))
    bent.submit_all(range(sent, sent + 3))
    bent.relayer.step()
    bent.reorg(depth)
    assert len(bent.numbers()) < sent
    bent.settle()
    assert bent.numbers() == list(range(sent + 3))
    assert bent.outbox.counts()[State.DONE] == sent + 3
    for each in bent.outbox.intentions(limit=1_000):
        assert each.block is not None
        assert each.block_hash == node.block_hash(each.block)


@pytest.mark.own_chain
def test_a_reorg_that_touches_nothing_of_ours_sends_nothing_again(bent: Desk) -> None:
    bent.submit(1)
    bent.turn()
    bent.mine(3)
    bent.reorg(2)
    before = bent.world.node.transaction_count(bent.relayer.address)
    bent.turn()
    assert bent.world.node.transaction_count(bent.relayer.address) == before
    assert bent.numbers() == [1]


@pytest.mark.own_chain
def test_a_new_process_notices_a_reorg_that_nobody_saw(bent: Desk) -> None:
    bent.submit_all(range(5))
    bent.turn()
    bent.reorg(1)
    bent.relayer = bent.new_relayer()
    bent.settle()
    assert bent.numbers() == list(range(5))


@pytest.mark.own_chain
def test_a_refusal_in_a_block_that_is_gone_is_judged_again(bent: Desk) -> None:
    world = bent.world
    bent.mine(3)
    bad = bent.submit(1, who=world.outsider)
    bent.turn()
    assert bent.state(bad) is State.FAILED
    bent.reorg(1)
    bent.relayer.step()
    assert bent.state(bad) is State.SENT
    bent.settle()
    assert bent.state(bad) is State.FAILED


def test_what_is_final_is_not_looked_at_again_and_its_bytes_are_thrown_away(
    bent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "FINAL_SECONDS", -1)
    monkeypatch.setattr(relayer_module, "_CARE_SECONDS", -1)
    bent.relayer = Relayer(bent.outbox, bent.key, finality_depth=3)
    bent.submit(1)
    bent.turn()
    assert len(dispatches(bent, Course.MINED)) == 1
    bent.mine(3)
    bent.relayer.step()
    assert len(dispatches(bent, Course.OVER)) == 1
    with bent.engine.connect() as connection:
        assert connection.execute(select(ATTEMPT)).first() is None
    assert bent.outbox.counts()[State.DONE] == 1


@pytest.mark.own_chain
def test_what_the_chain_lost_though_it_was_final_is_sent_again(
    bent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "FINAL_SECONDS", -1)
    monkeypatch.setattr(relayer_module, "_CARE_SECONDS", -1)
    bent.relayer = Relayer(bent.outbox, bent.key, finality_depth=1)
    bent.mine(2)
    first = bent.submit(1)
    bent.turn()
    bent.mine(2)
    bent.relayer.step()
    other = bent.submit(2, who=bent.world.clerk)
    same = bent.submit(3)
    bent.relayer.step()
    bent.reorg(3)
    bent.world.node.request("anvil_dropAllTransactions")
    bent.settle()
    assert [bent.state(each) for each in (first, other, same)] == [State.DONE] * 3
    assert sorted(bent.numbers()) == [1, 2, 3]
    assert bent.numbers().index(1) < bent.numbers().index(3)


@BOTH
@pytest.mark.own_chain
def test_during_load_reorgs_and_a_forgetful_pool_lose_nothing(
    bent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayer_module, "RESEND_SECONDS", 0.2)
    node, total = bent.world.node, 600 if LONG else 240
    bent.mine(20)
    with bent.running():
        for first in range(0, total, 20):
            bent.submit_all(range(first, first + 20))
            time.sleep(0.02)
            if first % 60 == 0:
                bent.reorg(first % 7 + 1)
            if first % 80 == 0:
                node.request("anvil_dropAllTransactions")
        until(lambda: bent.outbox.counts()[State.DONE] == total)
    bent.settle()
    assert bent.numbers() == list(range(total))
