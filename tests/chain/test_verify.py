"""Three answers and never a silent green: *matches*, *differs (where)*, *chain unreachable*."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_abi.abi import encode
from tests import commands
from tests.tampering import Json, Proxy, Tamper, results
from tests.world import GTIN_EGGS, Batch, World

from yuanliu import identifiers, journal
from yuanliu.chain.node import ChainUnreachable, Node, RpcError
from yuanliu.errors import YuanliuError
from yuanliu.verify import Verification, find_batch, verify

pytestmark = pytest.mark.node

RECORDS = 6
"""Records of the batch under test: registered, three events, sold, priced."""


def tell_history(world: World) -> Batch:
    batch = world.harvest()
    world.record(world.farmer, batch, 5, b'{"step":"feeding"}')
    world.inspect(batch, conformant=True)
    world.record(world.carrier, batch, 7, b'{"step":"shipping"}')
    world.pay(batch, 3)
    world.act(world.coop, world.batches, "setPrice", batch.id, 310)
    assert len(world.records(batch)) == RECORDS
    return batch


@pytest.fixture(scope="module")
def told(founded: World) -> Iterator[tuple[World, Batch]]:
    """Give a world with a batch that has a history; nothing of it is changed by a test."""
    with founded.devnet.anchor():
        yield founded, tell_history(founded)


def check(told: tuple[World, Batch], tamper: Tamper) -> Verification:
    """Verify the batch through a node that lies."""
    world, batch = told
    with Proxy(world.devnet.rpc_url, tamper) as proxy:
        return verify(Node(proxy.url), world.deployment, batch.id.to_bytes(32))


def faults(told: tuple[World, Batch], tamper: Tamper) -> list[str]:
    found = check(told, tamper)
    assert not found.verdict.matches
    return [str(fault) for fault in found.verdict.faults]


def logs(change: Callable[[list[Json]], object]) -> Tamper:
    """Change the list of logs in place."""

    def changed(listed: list[Json]) -> list[Json]:
        change(listed)
        return listed

    return results("eth_getLogs", changed)


# ------------------------------------------------------------------ an honest node


def test_an_untouched_history_matches(told: tuple[World, Batch]) -> None:
    found = check(told, lambda _, ask: ask())
    assert found.verdict.matches
    assert len(found.history.records) == RECORDS
    assert found.verdict.head == found.history.head
    world, batch = told
    assert found.verdict.head == world.ask(world.batches, "headOf", batch.id)


def test_each_record_says_where_it_stands(told: tuple[World, Batch]) -> None:
    world, _ = told
    records = check(told, lambda _, ask: ask()).history.records
    places = [(record.block, record.log_index) for record in records]
    assert places == sorted(set(places))
    for record in records:
        raw = world.node.request("eth_getTransactionReceipt", record.transaction)
        assert int(raw["blockNumber"], 16) == record.block


def test_an_unknown_batch_is_neither_right_nor_wrong(told: tuple[World, Batch]) -> None:
    world, _ = told
    with pytest.raises(YuanliuError) as caught:
        verify(world.node, world.deployment, bytes(31) + b"\x01")
    assert (caught.value.code, caught.value.exit_code) == ("journal.batch_unknown", 3)


def test_a_history_that_grows_while_it_is_read_is_read_again(world: World) -> None:
    batch = tell_history(world)
    late = [True]

    def tamper(request: Json, ask: Callable[[], Json]) -> Json:
        answer = ask()
        if request["method"] == "eth_getLogs" and late:
            late.pop()
            world.record(world.farmer, batch, 5)
        return answer

    with Proxy(world.devnet.rpc_url, tamper) as proxy:
        found = verify(Node(proxy.url), world.deployment, batch.id.to_bytes(32))
    assert found.verdict.matches
    assert len(found.history.records) == RECORDS + 1


def test_a_history_that_never_rests_is_given_up(told: tuple[World, Batch]) -> None:
    heads = itertools.count(1)
    tamper = results("eth_call", lambda _: "0x" + next(heads).to_bytes(32).hex())
    with pytest.raises(YuanliuError) as caught:
        check(told, tamper)
    assert (caught.value.code, caught.value.exit_code) == ("chain.busy", 2)
    assert caught.value.retryable


# ------------------------------------------------------------------ a node that lies


@pytest.mark.parametrize("number", range(RECORDS))
def test_a_dropped_record_is_missed_at_its_place(told: tuple[World, Batch], number: int) -> None:
    (sentence,) = faults(told, logs(lambda listed: listed.pop(number)))
    if number == 0:
        assert sentence == "records before place 0 are changed or missing"
    elif number == RECORDS - 1:
        assert sentence == f"record {number - 1} was changed, or records after it are missing"
    else:
        assert sentence == (
            f"record {number - 1} was changed, or records after it before place {number} are missing"
        )


@pytest.mark.parametrize("number", range(RECORDS))
@pytest.mark.parametrize("byte", [12, 40, -1], ids=["actor", "signer", "end"])
def test_a_changed_byte_is_noticed_at_its_record(
    told: tuple[World, Batch], number: int, byte: int
) -> None:
    def change(listed: list[Json]) -> None:
        data = bytearray.fromhex(listed[number]["data"][2:])
        length = int.from_bytes(data[64:96])
        data[96 + byte % length] ^= 0x01
        listed[number]["data"] = "0x" + data.hex()

    said = " / ".join(faults(told, logs(change)))
    if number == RECORDS - 1:
        assert f"record {number} was changed" in said
    else:
        assert f"record {number} was changed" in said or f"before place {number + 1}" in said


@pytest.mark.parametrize(
    ("first", "second"), [(0, 1), (1, 2), (2, 4), (0, RECORDS - 1), (RECORDS - 2, RECORDS - 1)]
)
def test_swapped_records_are_named(told: tuple[World, Batch], first: int, second: int) -> None:
    def swap(listed: list[Json]) -> None:
        listed[first], listed[second] = listed[second], listed[first]

    said = faults(told, logs(swap))
    assert f"record {first} is out of order" in said


def test_a_repeated_record_is_named(told: tuple[World, Batch]) -> None:
    said = faults(told, logs(lambda listed: listed.insert(3, listed[2])))
    assert said == ["the record at place 3 is a repetition"]


@pytest.mark.parametrize("place", [0, 2, RECORDS])
def test_a_forged_record_has_no_place(told: tuple[World, Batch], place: int) -> None:
    def forge(listed: list[Json]) -> None:
        true = bytes.fromhex(listed[2]["data"][2:])
        record = true[96 : 96 + int.from_bytes(true[64:96])].replace(b"{", b'{"forged":1,')
        previous = true[:32]
        data = encode(["bytes32", "bytes"], [previous, record])
        listed.insert(place, listed[2] | {"data": "0x" + data.hex()})

    assert faults(told, logs(forge)) == [
        f"the record at place {place} does not belong to the history"
    ]


def test_a_whole_history_rewritten_consistently_does_not_lead_to_the_head(
    told: tuple[World, Batch],
) -> None:
    world, batch = told
    address = world.batches.address

    def rewrite(listed: list[Json]) -> None:
        head = journal.genesis(31_337, address, batch.id.to_bytes(32))
        for log in listed:
            data = bytes.fromhex(log["data"][2:])
            record = data[96 : 96 + int.from_bytes(data[64:96])].replace(b"feeding", b"praying")
            log["data"] = "0x" + encode(["bytes32", "bytes"], [head, record]).hex()
            head = journal.next_head(head, record)

    said = faults(told, logs(rewrite))
    assert len(said) == 1
    assert f"record {RECORDS - 1} was changed" in said[0]


def test_another_batchs_history_is_not_this_ones(world: World) -> None:
    batch, other = tell_history(world), tell_history(world)

    def tamper(request: Json, ask: Callable[[], Json]) -> Json:
        if request["method"] != "eth_getLogs":
            return ask()
        query = request["params"][0]
        query["topics"][1] = "0x" + other.id.to_bytes(32).hex()
        return {"id": 0, "result": world.node.request("eth_getLogs", query)}

    said = faults((world, batch), tamper)
    assert "the record at place 0 opens another batch" in said


def test_no_records_at_all_differ_from_a_head(told: tuple[World, Batch]) -> None:
    assert faults(told, logs(lambda listed: listed.clear())) == [
        "all records are changed or missing: none leads from the beginning or to the head"
    ]


def test_a_false_head_makes_true_records_differ(told: tuple[World, Batch]) -> None:
    said = faults(told, results("eth_call", lambda _: "0x" + "ab" * 32))
    assert said == [f"record {RECORDS - 1} was changed, or records after it are missing"]


def test_an_older_head_makes_the_records_since_then_differ(told: tuple[World, Batch]) -> None:
    previous = check(told, lambda _, ask: ask()).history.records[-1].previous
    said = faults(told, results("eth_call", lambda _: "0x" + previous.hex()))
    assert said == [f"the record at place {RECORDS - 1} does not belong to the history"]


def test_a_denied_batch_differs_if_there_are_records_of_it(told: tuple[World, Batch]) -> None:
    said = faults(told, results("eth_call", lambda _: "0x" + "00" * 32))
    assert said == ["the chain has no record of this batch"]


@pytest.mark.parametrize(
    "data",
    ["0x", "0x00", "0x" + "ff" * 32, "0x" + "ff" * 96, "0x" + "00" * 32 + "ff" * 32 + "00" * 31],
    ids=range(5),
)
@pytest.mark.parametrize("number", [0, 3, RECORDS - 1])
def test_a_log_that_no_contract_of_ours_writes_is_named_by_its_place(
    told: tuple[World, Batch], data: str, number: int
) -> None:
    said = faults(told, logs(lambda listed: listed[number].update(data=data)))
    assert any(f"the record at place {number} cannot be read" in sentence for sentence in said)


# ------------------------------------------------------------------ a node that is not there


def broken_at(method: str, answer: Json | bytes | None) -> Tamper:
    return lambda request, ask: answer if request["method"] == method else ask()


@pytest.mark.parametrize("method", ["eth_call", "eth_getLogs"])
@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"<html>",
        {"id": 0, "result": None},
        {"id": 0, "result": "0x"},
        {"id": 0, "result": ["0x"]},
        {"id": 0, "result": [{}]},
        {"id": 0, "result": {"logs": []}},
        {"id": 0, "error": None},
    ],
    ids=range(9),
)
def test_no_answer_and_nonsense_are_an_unreachable_chain(
    told: tuple[World, Batch], method: str, answer: Json | bytes | None
) -> None:
    with pytest.raises(ChainUnreachable) as caught:
        check(told, broken_at(method, answer))
    assert caught.value.exit_code == 2


def test_an_error_of_the_node_is_no_verdict_either(told: tuple[World, Batch]) -> None:
    refusal = {"id": 0, "error": {"code": -32_005, "message": "query returned too many results"}}
    with pytest.raises(RpcError, match="too many results") as caught:
        check(told, broken_at("eth_getLogs", refusal))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("missing", ["topics", "data", "blockNumber", "logIndex", "address"])
def test_a_log_without_one_of_its_parts_is_nonsense(
    told: tuple[World, Batch], missing: str
) -> None:
    with pytest.raises(ChainUnreachable, match="eth_getLogs"):
        check(told, logs(lambda listed: listed[1].pop(missing)))


# ------------------------------------------------------------------ finding the batch


@pytest.mark.parametrize(
    "text",
    [
        "{id}",
        "0x{id}",
        "0X{ID}",
        "  {id}\n",
        "/01/{gtin}/10/{lot}",
        "https://id.gs1.org/01/{gtin}/10/{lot}",
        "https://shop.example/origin/01/{gtin}/10/{lot}",
        "http://127.0.0.1:8000/01/{gtin}/10/{lot}",
        "https://id.gs1.org/01/{gtin}/10/{lot}?linkType=all",
        "https://id.gs1.org/01/{gtin}/10/{lot}/21/0001",
        "/01/{gtin}/10/{lot}/21/0001",
        " /01/{gtin}/10/{lot} ",
    ],
)
def test_a_batch_is_found_by_whatever_people_have_of_it(
    told: tuple[World, Batch], text: str
) -> None:
    world, batch = told
    written = text.format(
        id=f"{batch.id:064x}",
        ID=f"{batch.id:064X}",
        gtin=f"{GTIN_EGGS:014d}",
        lot=identifiers.lot_text(batch.lot),
    )
    assert find_batch(world.node, world.deployment, written) == batch.id.to_bytes(32)


def test_a_lot_with_signs_is_found_by_its_encoded_link(world: World) -> None:
    lot = "A/1+2%?&B"
    receipts = world.book((world.farmer, 6_000))
    world.act(
        world.coop,
        world.batches,
        "register",
        (GTIN_EGGS, identifiers.lot_bytes(lot), 100, 60_000, 0, 300),
        receipts,
        b"{}",
    )
    link = identifiers.digital_link_path(f"{GTIN_EGGS:014d}", lot)
    batch = find_batch(world.node, world.deployment, link)
    assert verify(world.node, world.deployment, batch).verdict.matches


def test_a_product_that_nobody_listed_leads_to_no_batch(told: tuple[World, Batch]) -> None:
    world, _ = told
    batch = find_batch(world.node, world.deployment, "/01/04012345678901/10/A")
    with pytest.raises(journal.JournalError):
        verify(world.node, world.deployment, batch)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "verify.batch_invalid"),
        ("eggs", "verify.batch_invalid"),
        ("0x1234", "verify.batch_invalid"),
        ("g" * 64, "verify.batch_invalid"),
        ("٣" * 64, "verify.batch_invalid"),
        ("0x" + "0" * 65, "verify.batch_invalid"),
        ("https://example.org/", "verify.batch_invalid"),
        ("/01/06901234567892", "verify.batch_invalid"),
        ("/01/06901234567892/21/7", "verify.batch_invalid"),
        ("/01/06901234567893/10/A", "identifiers.gtin_check_digit"),
        ("/01/06901234567892/10/土鸡蛋", "identifiers."),
        ("/01/06901234567892/10/%", "identifiers."),
        ("/01/06901234567892/10/" + "A" * 21, "identifiers."),
    ],
    ids=range(13),
)
def test_what_is_no_batch_is_refused_in_words(
    told: tuple[World, Batch], text: str, code: str
) -> None:
    world, _ = told
    with pytest.raises(YuanliuError) as caught:
        find_batch(world.node, world.deployment, text)
    assert caught.value.code.startswith(code)
    assert caught.value.hint


# ------------------------------------------------------------------ the command


@pytest.mark.slow
def test_the_command_gives_each_answer_its_own_exit_code(
    told: tuple[World, Batch], tmp_path: Path
) -> None:
    world, batch = told
    name = f"0x{batch.id:064x}"
    honest = world.devnet.rpc_url
    world.deployment.save(tmp_path / "deployment.json")
    lying = Proxy(honest, logs(lambda listed: listed.pop(2)))
    silent = Proxy(honest, lambda _request, _ask: None)

    def settings_of(rpc_url: str) -> dict[str, str]:
        return {"YUANLIU_DATA_DIR": str(tmp_path), "YUANLIU_RPC_URL": rpc_url}

    with lying, silent:
        differs = subprocess.run(  # a process of its own, as a script would start it
            [sys.executable, "-m", "yuanliu.cli", "verify", name, "--json"],
            capture_output=True,
            text=True,
            env=os.environ | settings_of(lying.url),
        )
        matches = commands.run("verify", name, **settings_of(honest))
        unheard = commands.run("verify", name, **settings_of(silent.url))
        unknown = commands.run("verify", "/01/06901234567893/10/A", **settings_of(honest))
    answers = (matches, differs, unheard, unknown)
    assert [each.returncode for each in answers] == [0, 1, 2, 3]

    assert matches.stdout.startswith(f"matches the chain: {RECORDS} records, head ")
    document = json.loads(differs.stdout)
    assert document["verdict"] == "differs"
    assert document["where"] == [
        "record 1 was changed, or records after it before place 2 are missing"
    ]
    assert (document["batch"], document["records"]) == (name, RECORDS - 1)
    assert document["head"] != document["head_on_chain"]
    assert unheard.stdout == ""
    assert "[chain.unreachable]" in unheard.stderr
    assert "[identifiers.gtin_check_digit]" in unknown.stderr
    assert all("Traceback" not in each.stderr for each in answers)


def in_process(folder: Path, rpc_url: str, *arguments: str) -> commands.Ended:
    where = {"YUANLIU_DATA_DIR": str(folder), "YUANLIU_RPC_URL": rpc_url}
    return commands.run("verify", *arguments, **where)


def test_what_could_not_be_compared_is_never_reported_as_differing(
    told: tuple[World, Batch], tmp_path: Path
) -> None:
    world, batch = told
    url, name = world.devnet.rpc_url, f"{batch.id:064x}"

    def not_compared(code: str, text: str = name, rpc_url: str = url) -> None:
        done = in_process(tmp_path, rpc_url, text)
        assert done.returncode == 3
        assert f"[{code}]" in done.stderr

    not_compared("deployment.none")
    (tmp_path / "deployment.json").write_text("{}")
    not_compared("deployment.unreadable")
    world.deployment.save(tmp_path / "deployment.json")
    not_compared("verify.batch_invalid", "eggs")
    not_compared("journal.batch_unknown", "00" * 32)
    not_compared("journal.batch_unknown", "/01/04012345678901/10/A")
    with Proxy(url, results("eth_chainId", lambda _: "0x1")) as proxy:
        not_compared("deployment.mismatch", rpc_url=proxy.url)
    done = in_process(tmp_path, url, name)
    assert done.returncode == 0
    assert done.stdout.startswith("matches")


def test_the_sentence_for_people_names_each_place(
    told: tuple[World, Batch], tmp_path: Path
) -> None:
    world, batch = told
    world.deployment.save(tmp_path / "deployment.json")
    with Proxy(world.devnet.rpc_url, logs(lambda listed: listed.pop())) as proxy:
        done = in_process(tmp_path, proxy.url, f"{batch.id:064x}")
    assert done.returncode == 1
    assert done.stdout.startswith("differs from the chain, head ")
    assert f"record {RECORDS - 2} was changed, or records after it are missing" in done.stdout
