"""The outbox: what is asked for is stored once, numbered without gaps, and refused before it costs anything."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, update
from sqlalchemy.event import listen
from tests.desk.support import BOTH, Desk, event, opened
from tests.tampering import Proxy
from tests.waiting import SOON
from tests.world import World, payload_of

from yuanliu.chain import keys, relay
from yuanliu.chain.bindings import ContractRefusal
from yuanliu.chain.node import ChainUnreachable, Node
from yuanliu.chain.relay import SignedRequest
from yuanliu.database import DatabaseUnreachable
from yuanliu.desk.base import Desk as Tables
from yuanliu.desk.intentions import Ids, Intention, State
from yuanliu.desk.outbox import Ask, Outbox
from yuanliu.desk.tables_outbox import INTENTION, SIGNER
from yuanliu.errors import YuanliuError
from yuanliu.records import Kind

pytestmark = pytest.mark.node


# ------------------------------------------------------------------ idempotency


@BOTH
def test_the_same_key_and_body_is_the_same_intention(desk: Desk) -> None:
    first = desk.submit(1)
    again = desk.submit(1)
    assert again == first
    assert desk.outbox.counts()[State.WAITING] == 1
    assert first.result == {"number": 1}
    assert first.state is State.WAITING
    assert not first.settled


def test_the_same_key_with_another_body_is_refused(desk: Desk) -> None:
    first = desk.submit(1)
    with pytest.raises(YuanliuError) as caught:
        desk.submit(2, name="1")
    assert caught.value.code == "outbox.key_reused"
    assert caught.value.fields == {"idempotency_key": "1", "intention": first.id}
    assert not caught.value.retryable


def test_a_key_belongs_to_its_account(desk: Desk) -> None:
    first = desk.submit(1)
    other = desk.outbox.submit(
        account="another",
        key=desk.world.coop.account,
        call=desk.event(2),
        idempotency_key="1",
        act="record an event",
        body_digest="another body",
        try_out=False,
    )
    assert other.id != first.id


@BOTH
def test_fifty_who_submit_the_same_at_once_get_one_intention(desk: Desk) -> None:
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda _: desk.submit(1, try_out=True).id, range(50)))
    assert len(set(found)) == 1
    assert sum(desk.outbox.counts().values()) == 1


@BOTH
def test_one_of_two_bodies_that_come_at_once_under_one_key_is_refused(desk: Desk) -> None:
    def submit(number: int) -> str:
        try:
            return desk.submit(number, name="k").id
        except YuanliuError as error:
            return error.code

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(submit, [1, 2] * 10))
    assert set(found[::2]) != set(found[1::2])
    assert "outbox.key_reused" in found
    assert sum(desk.outbox.counts().values()) == 1


def test_what_was_done_already_is_given_again_though_the_chain_would_refuse_it_now(
    desk: Desk,
) -> None:
    call = desk.world.catalogue.call("listToken", desk.world.yuan.address, True)
    first = desk.submit(1, who=desk.world.platform, call=call, try_out=True)
    desk.turn()
    desk.world.node.request("evm_setAutomine", True)
    desk.world.act(
        desk.world.regulator, desk.world.actors, "suspend", desk.world.platform.address, "why"
    )
    again = desk.submit(1, who=desk.world.platform, call=call, try_out=True)
    assert (again.id, again.state) == (first.id, State.DONE)


@pytest.mark.parametrize("length", [0, 201])
def test_a_key_that_cannot_be_stored_is_refused(desk: Desk, length: int) -> None:
    with pytest.raises(YuanliuError) as caught:
        desk.outbox.submit(
            account="clerk",
            key=desk.world.coop.account,
            call=desk.event(1),
            idempotency_key="k" * length,
            act="record an event",
            body_digest="",
            try_out=False,
        )
    assert caught.value.code == "outbox.key_invalid"


# ------------------------------------------------------------------ numbering


@BOTH
def test_many_who_submit_at_once_for_one_signer_are_numbered_without_a_gap(desk: Desk) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(desk.submit, range(100)))
    assert sorted(each.request.nonce for each in found) == list(range(100))
    assert len({each.id for each in found}) == 100


@BOTH
def test_outboxes_that_know_nothing_of_each_other_number_without_a_gap(
    desk: Desk, reopened: Callable[[], Engine]
) -> None:
    """As in several processes: only the database is common."""
    deployment, node = desk.world.deployment, desk.world.node

    def submit_some(first: int) -> None:
        engine = reopened()
        outbox = Outbox(engine, deployment, node)
        for number in range(first, first + 25):
            outbox.submit(
                account="clerk",
                key=desk.world.coop.account,
                call=desk.event(number),
                idempotency_key=str(number % 20 if number < 200 else number),
                act="record an event",
                body_digest=str(number % 20 if number < 200 else number),
                try_out=False,
            )
        engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(submit_some, (0, 100, 200, 300)))
    found = desk.outbox.intentions(limit=1_000)
    assert len({each.idempotency_key for each in found}) == len(found) == 20 + 2 * 25
    assert sorted(each.request.nonce for each in found) == list(range(len(found)))


def test_numbers_go_on_where_the_signer_is_on_the_chain(desk: Desk) -> None:
    desk.world.node.request("evm_setAutomine", True)
    desk.world.relayed(desk.world.coop, desk.world.batches, "setPrice", desk.batch, 301)
    assert desk.outbox.next_nonce(desk.world.coop.address) == 1
    assert desk.submit(1).request.nonce == 1
    assert desk.outbox.next_nonce(desk.world.coop.address) == 2


def test_a_request_is_signed_by_its_author(desk: Desk) -> None:
    found = desk.submit(1)
    relay_ = desk.world.relay
    assert relay.is_signed(desk.world.node, desk.world.deployment, found.request)
    desk.world.node.request("evm_setAutomine", True)
    relay_.execute(found.request)
    assert desk.numbers() == [1]


def test_the_hash_that_is_signed_is_that_of_eip_712(world: World) -> None:
    call = event(world.deployment, 1, 1)
    signed = relay.sign_request(
        world.deployment, world.coop.account, call, gas=5, nonce=6, deadline=7
    )
    types = {
        "ForwardRequest": [
            {"name": name, "type": kind}
            for name, kind in (
                ("from", "address"),
                ("to", "address"),
                ("value", "uint256"),
                ("gas", "uint256"),
                ("nonce", "uint256"),
                ("deadline", "uint48"),
                ("data", "bytes"),
            )
        ]
    }
    message = {
        "from": world.coop.account.address,
        "to": call.to,
        "value": 0,
        "gas": 5,
        "nonce": 6,
        "deadline": 7,
        "data": call.data,
    }
    expected = keys.sign(world.coop.account, relay.domain(world.deployment), types, message)
    assert signed.signature == expected


def test_a_batch_is_encoded_as_the_abi_says(world: World) -> None:
    call = event(world.deployment, 1, 1)
    requests = [
        relay.sign_request(
            world.deployment,
            world.coop.account,
            replace(call, data=call.data + bytes(i)),
            gas=5 + i,
            nonce=i,
            deadline=7,
        )
        for i in range(40)
    ]
    for count in (0, 1, 40):
        some = requests[:count]
        expected = world.actors.call(
            "executeBatch", [each.for_forwarder() for each in some], world.outsider.address
        )
        assert relay.batch_call(world.deployment, some, world.outsider.address) == expected


# ------------------------------------------------------------------ what is refused at once


def test_a_refusal_on_trial_reaches_the_author_and_leaves_nothing_behind(desk: Desk) -> None:
    with pytest.raises(ContractRefusal) as caught:
        desk.submit(1, who=desk.world.outsider, try_out=True)
    assert caught.value.code == "contract.Batches_KindNotAllowed"
    assert sum(desk.outbox.counts().values()) == 0
    assert desk.outbox.next_nonce(desk.world.outsider.address) == 0


@BOTH
def test_of_many_each_has_its_own_refusal(desk: Desk) -> None:
    dear = desk.world.batches.call("setPrice", desk.batch, 300)
    cheap = desk.world.batches.call("setPrice", desk.batch, 1)
    outcomes = desk.outbox.submit_many(
        account="clerk",
        key=desk.world.coop.account,
        asks=[
            Ask(dear, "1", "", "price"),
            Ask(cheap, "2", "", "price"),
            Ask(dear, "3", "", "price"),
        ],
        group="prices",
    )
    assert [type(outcome) for outcome in outcomes] == [Intention, ContractRefusal, Intention]
    stored = desk.outbox.intentions("clerk", group="prices")
    assert [each.request.nonce for each in stored] == [0, 1]
    assert [each.idempotency_key for each in stored] == ["1", "3"]


def test_a_result_that_is_no_json_is_refused(desk: Desk) -> None:
    with pytest.raises(YuanliuError) as caught:
        desk.outbox.submit(
            account="clerk",
            key=desk.world.coop.account,
            call=desk.event(1),
            idempotency_key="1",
            act="record an event",
            body_digest="",
            result=b"bytes",
        )
    assert caught.value.code == "outbox.result_invalid"


def test_an_act_that_fits_into_no_transaction_is_refused(desk: Desk) -> None:
    world = desk.world
    large = [desk.event(n, size=2_000) for n in range(100)]
    costly = [
        world.deliveries.call("book", [world.booking(world.farmer, 1_000) for _ in range(200)])
        for _ in range(3)
    ]
    for calls, code in ((large, "outbox.too_large"), (costly, "outbox.too_much_gas")):
        with pytest.raises(YuanliuError) as caught:
            desk.outbox.submit_together(
                account="clerk",
                key=world.coop.account,
                calls=calls,
                idempotency_key="1",
                act="capture",
                body_digest="",
            )
        assert caught.value.code == code
        assert not caught.value.retryable
    assert sum(desk.outbox.counts().values()) == 0


# ------------------------------------------------------------------ while something is away


def test_events_are_taken_while_the_node_is_away_and_other_acts_are_refused_for_now(
    desk: Desk,
) -> None:
    desk.submit(1)
    with Proxy("http://127.0.0.1:9", lambda _request, _ask: None) as away:
        outbox = Outbox(desk.engine, desk.world.deployment, Node(away.url))
        common: dict[str, Any] = {
            "account": "clerk",
            "key": desk.world.coop.account,
            "body_digest": "",
        }
        found = outbox.submit(
            **common, call=desk.event(2), idempotency_key="2", act="record", try_out=True
        )
        assert (found.state, found.request.nonce) == (State.WAITING, 1)
        price = desk.world.batches.call("setPrice", desk.batch, 300)
        with pytest.raises(ChainUnreachable) as caught:
            outbox.submit(**common, call=price, idempotency_key="3", act="price")
        assert caught.value.retryable
        common["key"] = desk.world.clerk.account
        with pytest.raises(ChainUnreachable):
            outbox.submit(
                **common, call=desk.event(3), idempotency_key="4", act="record", try_out=False
            )
    assert desk.outbox.counts()[State.WAITING] == 2
    desk.settle()
    assert desk.numbers() == [1, 2]


def test_a_locked_database_is_said_and_nothing_is_lost(world: World, tmp_path: Path) -> None:
    desk = Desk(world, opened(tmp_path))
    impatient = opened(tmp_path)
    listen(impatient, "checkout", lambda raw, *_: raw.execute("PRAGMA busy_timeout=50"))
    outbox = Outbox(impatient, world.deployment, world.node)
    raw = sqlite3.connect(tmp_path / "desk.db")
    raw.execute("BEGIN IMMEDIATE")
    common: dict[str, Any] = {"account": "clerk", "key": world.coop.account, "body_digest": ""}
    ask = {**common, "call": desk.event(1), "idempotency_key": "1", "act": "record"}
    with pytest.raises(DatabaseUnreachable) as caught:
        outbox.submit(**ask, try_out=False)
    assert caught.value.retryable
    raw.execute("ROLLBACK")
    raw.close()
    assert outbox.submit(**ask, try_out=False).request.nonce == 0


# ------------------------------------------------------------------ signed elsewhere


def signed_elsewhere(desk: Desk, number: int, **changes: object) -> SignedRequest:
    fields = {"gas": 200_000, "nonce": 0, "deadline": int(time.time()) + 3_600, **changes}
    call = desk.event(number)
    return relay.sign_request(desk.world.deployment, desk.world.coop.account, call, **fields)  # type: ignore[arg-type]


def hand_in(desk: Desk, request: SignedRequest) -> Intention:
    return desk.outbox.submit_signed(
        request, account="device", idempotency_key="d", act="record an event", body_digest="d"
    )


@BOTH
def test_a_request_that_a_device_signed_is_stored_and_relayed(desk: Desk) -> None:
    request = signed_elsewhere(desk, 7)
    found = hand_in(desk, request)
    assert hand_in(desk, request) == found
    desk.turn()
    assert desk.state(found) is State.DONE
    assert desk.numbers() == [7]
    assert hand_in(desk, request).state is State.DONE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gas": 16_000_000}, "its gas is not from 1 to 15000000"),
        ({"gas": 30_000}, "its gas is 30000, it needs"),
        ({"deadline": 1_000}, "it has expired"),
        ({"deadline": 2**40}, "it is valid for more than 30 days"),
    ],
)
def test_a_request_from_elsewhere_that_would_travel_in_vain_is_refused(
    desk: Desk, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(YuanliuError) as caught:
        hand_in(desk, signed_elsewhere(desk, 1, **changes))
    assert caught.value.code == "outbox.request_invalid"
    assert str(caught.value.fields["reason"]).startswith(reason)
    assert sum(desk.outbox.counts().values()) == 0


def test_a_forged_request_and_one_to_others_contracts_are_refused(desk: Desk) -> None:
    good = signed_elsewhere(desk, 1)
    forged = replace(good, signature=bytes(64) + b"\x1b")
    stranger = replace(good, call=replace(good.call, to=desk.world.outsider.account.address))
    large = replace(good, call=replace(good.call, data=bytes(16_385)))
    for request in (forged, stranger, large):
        with pytest.raises(YuanliuError) as caught:
            hand_in(desk, request)
        assert caught.value.code == "outbox.request_invalid"


def test_a_request_with_a_nonce_out_of_turn_is_refused_with_the_right_one(desk: Desk) -> None:
    desk.submit(1)
    with pytest.raises(YuanliuError) as caught:
        hand_in(desk, signed_elsewhere(desk, 2, nonce=0))
    assert caught.value.code == "outbox.nonce_taken"
    assert caught.value.fields["next"] == 1
    assert hand_in(desk, signed_elsewhere(desk, 2, nonce=1)).request.nonce == 1


# ------------------------------------------------------------------ reading


@BOTH
def test_intentions_are_listed_in_the_order_they_came_page_by_page(desk: Desk) -> None:
    stored = desk.submit_all(range(25))
    seen: list[Intention] = []
    while page := desk.outbox.intentions("clerk", after=seen[-1].id if seen else "", limit=10):
        seen += page
    assert [each.id for each in seen] == [each.id for each in stored]
    assert desk.outbox.intentions("nobody") == []
    assert len(desk.outbox.intentions("clerk", state=State.WAITING, limit=100)) == 25
    assert desk.outbox.intentions("clerk", state=State.DONE) == []


def test_an_unknown_intention_is_said_to_be_unknown(desk: Desk) -> None:
    with pytest.raises(YuanliuError) as caught:
        desk.outbox.intention("0" * 32)
    assert caught.value.code == "outbox.unknown"


@BOTH
def test_who_waits_hears_of_it_at_once_and_otherwise_gets_what_there_is(desk: Desk) -> None:
    found = desk.submit(1)
    begin = time.monotonic()
    assert desk.outbox.wait(found.id, 0.1).state is State.WAITING
    assert time.monotonic() - begin >= 0.1
    heard: list[Intention] = []
    waiter = threading.Thread(target=lambda: heard.append(desk.outbox.wait(found.id, SOON)))
    waiter.start()
    desk.turn()
    waiter.join(SOON)
    assert [each.state for each in heard] == [State.DONE]
    assert desk.outbox._waiters == {}


def test_ids_sort_by_the_time_they_were_given() -> None:
    ids, begin = Ids(), time.time() - 0.001
    given = [ids.id() for _ in range(5_000)]
    assert given == sorted(set(given))
    assert all(len(each) == 32 and each[12] == "7" for each in given)
    assert begin <= int(given[0][:12], 16) / 1_000 <= time.time()


def test_another_deployment_begins_with_an_empty_outbox(desk: Desk) -> None:
    """A reset devnet has the same addresses; what was asked for on the old one must not appear on the new."""
    old = desk.submit(1)
    other = Outbox(desk.engine, replace(desk.world.deployment, genesis="0x00"), desk.world.node)
    assert other.intentions("clerk") == []
    assert sum(other.counts().values()) == 0
    assert other.next_nonce(desk.world.coop.address) == 0
    assert other.intention(old.id).id == old.id


# ------------------------------------------------------------------ tables


@BOTH
def test_the_migrations_make_the_tables_that_the_code_declares(engine: Engine) -> None:
    ours = {"intention", "signer", "dispatch", "attempt"}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = [
            each
            for each in compare_metadata(context, Tables.metadata)
            if any(name in str(each) for name in ours)
        ]
    assert differences == []


@BOTH
def test_the_database_itself_refuses_a_nonce_twice_on_its_way(desk: Desk) -> None:
    first, second = desk.submit(1), desk.submit(2)
    with pytest.raises(Exception, match=r"(?i)unique"), desk.engine.begin() as connection:
        connection.execute(
            update(INTENTION).where(INTENTION.c.id == second.id).values(nonce=first.request.nonce)
        )


@BOTH
def test_a_number_that_was_taken_behind_our_back_is_skipped(desk: Desk) -> None:
    desk.submit(1)
    with desk.engine.begin() as connection:
        connection.execute(update(SIGNER).values(next_nonce=0))
    assert desk.submit(2).request.nonce == 1


# ------------------------------------------------------------------ gas of what is not tried out


@pytest.mark.parametrize("size", [100, 550, 2_000, 8_000])
def test_the_gas_that_events_are_signed_for_is_enough_whoever_writes_them(
    desk: Desk, size: int
) -> None:
    world, batches = desk.world, desk.world.batches
    payload = payload_of(size)
    head = b"h" * 32
    acts = [
        (world.farmer, batches.call("record", desk.batch, int(Kind.PRODUCTION), payload)),
        (world.clerk, batches.call("record", desk.batch, int(Kind.PRODUCTION), payload)),
        (world.carrier, batches.call("record", desk.batch, int(Kind.LOGISTICS), payload)),
        (world.inspector, batches.call("inspect", desk.batch, False, payload)),
        (world.inspector, batches.call("inspect", desk.batch, True, payload)),
        (world.retailer, batches.call("anchor", desk.batch, head, 1_000, payload)),
        (world.regulator, batches.call("correct", desk.batch, head, b"c" * 32, payload)),
    ]
    found = [desk.submit(number, who=who, call=call) for number, (who, call) in enumerate(acts)]
    # Each in a transaction and a block of its own: nothing is warm.
    for each in found:
        with desk.engine.begin() as connection:
            hidden = update(INTENTION).where(
                INTENTION.c.id != each.id, INTENTION.c.state == str(State.WAITING)
            )
            connection.execute(hidden.values(state="hidden"))
        desk.turn()
        with desk.engine.begin() as connection:
            shown = update(INTENTION).where(INTENTION.c.state == "hidden")
            connection.execute(shown.values(state=str(State.WAITING)))
    assert [desk.state(each) for each in found] == [State.DONE] * len(acts)
