"""Lies of a node, or of whoever stands between it and the reader, and what `yuanliu verify` says to them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from eth_abi.abi import encode
from tests.lies.lie import lie
from tests.lies.witnesses import (
    both,
    impossible,
    logs,
    program_refuses,
    record_of,
    verification,
    verify_differs,
)
from tests.tampering import Json, Proxy, results
from tests.world import FLAGS, Batch, World

from yuanliu import journal
from yuanliu.chain.artifacts import load_artifact
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.node import Node
from yuanliu.verify import find_batch, verify

pytestmark = pytest.mark.node

PRODUCTION, LOGISTICS = 5, 7
RECORDS = 5
"""Of the batch that the nodes lie about: registered, fed, inspected, shipped, sold."""


@pytest.fixture(scope="module")
def told(founded: World) -> Iterator[tuple[World, Batch]]:
    """Give a batch with a history, which no test changes."""
    with founded.devnet.anchor():
        batch = founded.harvest()
        founded.record(founded.farmer, batch, PRODUCTION, b'{"step":"feeding"}')
        founded.inspect(batch, conformant=True)
        founded.record(founded.carrier, batch, LOGISTICS, b'{"step":"shipping"}')
        founded.pay(batch, 3)
        yield founded, batch


@lie(
    "Reorder two steps",
    "颠倒两个步骤的次序",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="A node gives two records of a batch in each other's place.",
    noticed_by=("yuanliu verify",),
    how=(
        "the records no longer hash to the head that the contract keeps; it names the record that is out of"
        " order."
    ),
)
def test_two_steps_in_each_others_place(told: tuple[World, Batch]) -> None:
    def swap(listed: list[Json]) -> None:
        listed[1], listed[3] = listed[3], listed[1]

    verify_differs(*told, logs(swap), "record 2 is out of order", "record 1 is out of order")


@lie(
    "Alter one figure in a record",
    "篡改记录中的一个数字",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="A node changes one byte of what a farmer wrote.",
    noticed_by=("yuanliu verify",),
    how="it names the place at which the history stops leading to the head.",
)
def test_one_byte_of_a_record_is_another(told: tuple[World, Batch]) -> None:
    def change(listed: list[Json]) -> None:
        listed[1]["data"] = listed[1]["data"].replace(b"feeding".hex(), b"fasting".hex())

    verify_differs(
        *told, logs(change), "record 1 was changed, or records after it before place 2 are missing"
    )


@lie(
    "Rewrite a whole history so that it fits together",
    "整体改写历史并使其自洽",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="A node changes a record and computes every head after it anew.",
    noticed_by=("yuanliu verify",),
    how="the last head is not the one that the contract keeps.",
)
def test_a_history_rewritten_from_end_to_end(told: tuple[World, Batch]) -> None:
    world, batch = told

    def rewrite(listed: list[Json]) -> None:
        head = journal.genesis(31_337, world.batches.address, batch.id.to_bytes(32))
        for log in listed:
            record = record_of(log).replace(b"feeding", b"fasting")
            log["data"] = "0x" + encode(["bytes32", "bytes"], [head, record]).hex()
            head = journal.next_head(head, record)

    sentence = f"record {RECORDS - 1} was changed, or records after it are missing"
    verify_differs(world, batch, logs(rewrite), sentence)


@lie(
    "Serve a false head",
    "提供假的哈希头",
    cheats="auditor",
    liars=("node operator",),
    happens="A node answers the question for a batch's head with another one.",
    noticed_by=("yuanliu verify",),
    how=(
        "the true records do not lead to it; a forger would need records that hash to the head he invented."
    ),
)
def test_a_head_that_nothing_leads_to(told: tuple[World, Batch]) -> None:
    false = results("eth_call", lambda _: "0x" + "ab" * 32)
    verify_differs(
        *told, false, f"record {RECORDS - 1} was changed, or records after it are missing"
    )


@lie(
    "Serve an old head",
    "提供旧的哈希头",
    cheats="auditor",
    liars=("node operator",),
    happens="A node gives the head of before the last record, and all records.",
    noticed_by=("yuanliu verify",),
    how="the last record has no place in a history that ends before it.",
)
def test_the_head_of_yesterday(told: tuple[World, Batch]) -> None:
    previous = verification(*told, lambda _, ask: ask()).history.records[-1].previous
    old = results("eth_call", lambda _: "0x" + previous.hex())
    verify_differs(*told, old, f"the record at place {RECORDS - 1} does not belong to the history")


@lie(
    "Serve an old state whole, head and records together",
    "整体提供过时的状态（哈希头与记录一致）",
    cheats="auditor",
    liars=("node operator",),
    happens="A node stands still before the last record: what it says is true, and not all.",
    noticed_by=(),
    how=(
        "one node alone can keep back what is new, consistently. A second node, asked for the same batch, gives"
        " more records and another head; the reader chooses which nodes he asks."
    ),
)
def test_a_node_that_stands_still(told: tuple[World, Batch]) -> None:
    honest = verification(*told, lambda _, ask: ask())
    previous = honest.history.records[-1].previous
    still = both(
        results("eth_call", lambda _: "0x" + previous.hex()), logs(lambda listed: listed.pop())
    )
    found = verification(*told, still)
    assert found.verdict.matches
    assert found.verdict.head != honest.verdict.head
    assert found.verdict.records < honest.verdict.records


@lie(
    "Serve another chain that looks alike",
    "用一条外观相同的假链冒充",
    cheats="auditor",
    liars=("node operator", "platform"),
    happens=(
        "The same contracts stand at the same addresses of a chain of the liar's own, with a better history of"
        " the lot."
    ),
    noticed_by=("the deployment check",),
    how=(
        "the deployment record names the first block's hash. Whoever has the record from the liar too is not"
        " helped by it; and a node that lies about the first block as well has to be told by a second node."
    ),
)
def test_a_chain_of_the_liars_own(told: tuple[World, Batch]) -> None:
    world, batch = told
    with Devnet(flags=(*FLAGS, "--timestamp=1700000000")) as other:
        forged = World(other)
        assert forged.batches.address == world.batches.address
        better = replace(batch, id=world.batch_id(batch.gtin, batch.lot))
        receipts = forged.book((forged.farmer, 6_000))
        forged.act(
            forged.coop,
            forged.batches,
            "register",
            (batch.gtin, batch.lot, batch.units, 60_000, 0, 300),
            receipts,
            b'{"step":"organic"}',
        )
        assert verify(other.node, world.deployment, better.id.to_bytes(32)).verdict.matches
        with program_refuses("the deployment check", "deployment.mismatch"):
            world.deployment.check(other.node)


@lie(
    "Pass off another lot's history as this one's",
    "拿别的批次的履历冒充",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="Asked for one batch, a node gives the records of another, better one.",
    noticed_by=("yuanliu verify",),
    how=(
        "the records of a batch begin with a head made of its own id, and name the lot that they open."
    ),
)
def test_the_records_of_another_lot(world: World) -> None:
    bad, good = world.harvest(), world.harvest()
    world.inspect(bad, conformant=False)
    world.inspect(good, conformant=True)
    topic = "0x" + world.batches.topic("Recorded").hex()
    place = ["0x" + good.id.to_bytes(32).hex()]
    query = {"address": world.batches.address, "fromBlock": "0x0", "topics": [topic, place]}
    others = world.node.request("eth_getLogs", query)
    verify_differs(
        world,
        bad,
        results("eth_getLogs", lambda _: others),
        "all records are changed or missing: none leads from the beginning or to the head",
        "the record at place 0 does not belong to the history",
        "the record at place 1 does not belong to the history",
        "the record at place 0 opens another batch",
    )


@lie(
    "Deny that a batch exists",
    "谎称查无此批次",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="A node knows neither head nor records of a lot that was sold.",
    noticed_by=("yuanliu verify",),
    how="the answer is *nothing to compare* (exit code 3), which is never a green one.",
)
def test_a_lot_that_the_node_does_not_know(told: tuple[World, Batch]) -> None:
    deny = both(
        results("eth_call", lambda _: "0x" + "00" * 32), results("eth_getLogs", lambda _: [])
    )
    with program_refuses("yuanliu verify", "journal.batch_unknown"):
        verification(*told, deny)


@lie(
    "Answer nothing, or nonsense, and hope for a green tick",
    "不作答或胡乱作答，指望仍显示通过",
    cheats="consumer",
    liars=("node operator", "platform"),
    happens="A node hangs up, or answers a web page.",
    noticed_by=("yuanliu verify",),
    how="it says *chain unreachable* (exit code 2): a third answer, neither green nor red.",
)
def test_no_answer_is_no_answer(told: tuple[World, Batch]) -> None:
    for answer in (None, b"<html>"):
        with program_refuses("yuanliu verify", "chain.unreachable"):
            verification(*told, lambda _request, _ask, answer=answer: answer)  # type: ignore[misc]


@lie(
    "Print a code that leads to a page of the liar's own",
    "印制指向假网站的二维码",
    cheats="consumer",
    liars=("outsider",),
    happens=(
        "The label's link has another host, which shows a beautiful page about an invented lot."
    ),
    noticed_by=("yuanliu verify",),
    how=(
        "of a link only product and lot count, and the chain is asked: it has no such lot. A phone that opens the"
        " liar's page sees the liar's page; the host in the address line is not ours."
    ),
)
def test_a_label_of_another_host_and_an_invented_lot(told: tuple[World, Batch]) -> None:
    world, _ = told
    link = "https://yuanliu.example.evil/01/06901234567892/10/GOLDEN-EGGS"
    with (
        Proxy(world.devnet.rpc_url) as proxy,
        program_refuses("yuanliu verify", "journal.batch_unknown"),
    ):
        node = Node(proxy.url)
        verify(node, world.deployment, find_batch(node, world.deployment, link))


@lie(
    "Upgrade a contract behind users' backs",
    "暗中升级合约",
    cheats="actor",
    liars=("platform", "contract author", "node operator"),
    happens=(
        "The code behind a known address becomes another, by a proxy, by an owner's switch, or by force."
    ),
    noticed_by=("the contracts", "the deployment check"),
    how=(
        "no contract can call code of others in its own name or destroy itself, none has an owner or a setter of"
        " an address; whoever forces other code into a node is found by comparing its hash with the record's."
    ),
)
def test_code_that_cannot_change_and_code_that_was_changed(world: World) -> None:
    for name, contract in world.deployment.contracts.items():
        code = world.node.code(contract.address)
        impossible(as_it_should_be=not opcodes(code) & {"DELEGATECALL", "CALLCODE", "SELFDESTRUCT"})
        called = {entry["name"] for entry in load_artifact(name).abi if entry["type"] == "function"}
        swapping = {"upgradeTo", "upgradeToAndCall", "setImplementation", "transferOwnership"}
        impossible(as_it_should_be=not called & swapping)
    forced = bytearray(world.node.code(world.payments.address))
    forced[len(forced) // 2] ^= 1
    world.node.request("anvil_setCode", world.payments.address, "0x" + forced.hex())
    with program_refuses("the deployment check", "deployment.mismatch"):
        world.deployment.check(world.node)


FIRST_PUSH, LAST_PUSH = 0x60, 0x7F
NAMES = {0xF2: "CALLCODE", 0xF4: "DELEGATECALL", 0xFF: "SELFDESTRUCT"}


def opcodes(code: bytes) -> set[str]:
    """Give which of the opcodes that could change a contract are in its code; its metadata, at the end, is no code."""
    code = code[: -2 - int.from_bytes(code[-2:])]
    found, at = set(), 0
    while at < len(code):
        found.add(NAMES.get(code[at], ""))
        at += code[at] - FIRST_PUSH + 2 if FIRST_PUSH <= code[at] <= LAST_PUSH else 1
    return found
