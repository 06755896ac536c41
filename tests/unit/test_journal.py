"""Records, heads and the comparison with the chain, against the vectors of `tests/vectors/journal.json`."""

import dataclasses
import hashlib
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from yuanliu import journal, records
from yuanliu.errors import YuanliuError
from yuanliu.journal import Entry, Fault, FaultKind, JournalError, Verdict
from yuanliu.records import Kind, Record, RecordError, decode, encode

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "journal.json").read_text(encoding="utf-8"))
CHAIN_ID = int(VECTORS["chain_id"])
CONTRACT = VECTORS["contract"]
HARVEST = VECTORS["batches"][0]
BATCH = bytes.fromhex(HARVEST["batch"][2:])
HISTORY = [bytes.fromhex(r["bytes"][2:]) for r in HARVEST["records"]]
HEADS = [
    bytes.fromhex(text[2:])
    for text in (HARVEST["genesis"], *(r["head"] for r in HARVEST["records"]))
]
LOGS = [Entry(head, record) for head, record in zip(HEADS, HISTORY, strict=False)]
HEAD = HEADS[-1]
EACH = [(batch, record) for batch in VECTORS["batches"] for record in batch["records"]]
HEADER = 50


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def check(logs: list[Entry], head: bytes = HEAD, batch: bytes = BATCH) -> Verdict:
    return journal.check(
        logs, head_on_chain=head, chain_id=CHAIN_ID, contract=CONTRACT, batch=batch
    )


def found(verdict: Verdict) -> list[tuple[FaultKind, int | None, int | None]]:
    return [(fault.kind, fault.number, fault.position) for fault in verdict.faults]


def changed(place: int, record: bytes) -> list[Entry]:
    """Give the logs with one record changed."""
    return [*LOGS[:place], Entry(LOGS[place].previous, record), *LOGS[place + 1 :]]


def recounted(history: list[bytes]) -> tuple[list[Entry], bytes]:
    """Give logs and head of another history of the same batch, as a chain would hold them."""
    head, logs = HEADS[0], []
    for record in history:
        logs.append(Entry(head, record))
        head = journal.next_head(head, record)
    return logs, head


# ---------------------------------------------------------------------- vectors


def test_the_vectors_are_what_the_builder_builds() -> None:
    built = runpy.run_path(str(FOLDER / "build.py"))
    text = built["as_text"](built["journals"]())
    assert (FOLDER / "journal.json").read_text(encoding="utf-8") == text


def test_the_vectors_have_each_kind() -> None:
    assert {int(record["kind"]) for _, record in EACH} == set(Kind) - {Kind.NONE}
    assert set(records.BODIES) == set(Kind) - {Kind.NONE}


@pytest.mark.parametrize(
    ("batch", "record"), EACH, ids=[f"{r['name']}-{b['lot']}-{r['number']}" for b, r in EACH]
)
def test_a_record_is_read_as_the_vector_says_and_written_back(
    batch: dict[str, Any], record: dict[str, Any]
) -> None:
    data = raw(record["bytes"])
    read = decode(data)
    assert encode(read) == data
    assert read.kind.name == record["name"]
    assert int(read.kind) == int(record["kind"]) == data[1]
    assert str(read.time) == record["time"]
    assert (read.actor, read.signer) == (record["actor"], record["signer"])
    assert [f.name for f in dataclasses.fields(read.body)] == list(record["body"])  # type: ignore[arg-type]
    assert batch["records"][int(record["number"])] == record
    assert journal.record_hash(data) == raw(record["sha256"])


@pytest.mark.parametrize("batch", VECTORS["batches"], ids=["harvest", "product"])
def test_ids_and_heads_by_hand(batch: dict[str, Any]) -> None:
    """The formulas of IJournal.sol and Types.sol, without the package."""
    lot = batch["lot"].encode().ljust(20, b"\0")
    key = raw(batch["cooperative"]) + int(batch["gtin"]).to_bytes(8) + lot
    assert raw(batch["batch"]) == hashlib.sha256(key).digest()
    start = b"yuanliu.journal.v1" + CHAIN_ID.to_bytes(32) + raw(CONTRACT) + raw(batch["batch"])
    head = hashlib.sha256(start).digest()
    assert head == raw(batch["genesis"])
    for record in batch["records"]:
        inner = hashlib.sha256(raw(record["bytes"])).digest()
        assert inner == raw(record["sha256"])
        head = hashlib.sha256(head + inner).digest()
        assert head == raw(record["head"])
    assert head == raw(batch["head"])


def test_ids_and_heads_by_the_package() -> None:
    assert journal.batch_id(HARVEST["cooperative"], int(HARVEST["gtin"]), HARVEST["lot"]) == BATCH
    where = {"chain_id": CHAIN_ID, "contract": CONTRACT, "batch": BATCH}
    assert journal.head_of(HISTORY, **where) == HEAD
    assert journal.head_of([], **where) == raw(HARVEST["genesis"])


@pytest.mark.parametrize("case", VECTORS["malformed"], ids=[m["why"] for m in VECTORS["malformed"]])
def test_a_malformed_record_is_refused_at_its_offset(case: dict[str, str]) -> None:
    with pytest.raises(RecordError) as caught:
        decode(raw(case["bytes"]))
    assert caught.value.code == case["code"]
    assert caught.value.fields["offset"] == int(case["offset"])


def test_the_body_of_a_sale_by_hand() -> None:
    """One body written out, so that the layout does not rest on the codec alone."""
    data = HISTORY[9]
    assert data[:10] == b"\1\x0b" + (1_776_000_540).to_bytes(8)
    sold = decode(data).body
    assert isinstance(sold, records.Sold)
    assert sold.order == int.from_bytes(data[50:82])
    assert raw(sold.buyer) == data[82:102]
    assert sold.units == int.from_bytes(data[102:110])
    assert sold.amount == int.from_bytes(data[110:126])
    assert sold.farmers == int.from_bytes(data[126:142])
    assert sold.cooperative == int.from_bytes(data[142:158])
    assert sold.platform == int.from_bytes(data[158:174])
    assert len(data) == 174


def test_the_body_of_a_registration_by_hand() -> None:
    data = HISTORY[1][HEADER:]
    body = decode(HISTORY[1]).body
    assert isinstance(body, records.Registered)
    assert body.gtin == int.from_bytes(data[:8])
    assert body.lot.encode().ljust(20, b"\0") == data[8:28]
    assert body.terms == int.from_bytes(data[28:32])
    assert body.units == int.from_bytes(data[32:40])
    assert body.milligrams_per_unit == int.from_bytes(data[40:44])
    assert body.loss_milligrams == int.from_bytes(data[44:52])
    assert body.price == int.from_bytes(data[52:64])
    assert data[64:66] == b"\0\1"
    entry = body.entries[0]
    assert entry.receipt == int.from_bytes(data[66:74])
    assert raw(entry.farmer) == data[74:94]
    assert entry.grams == int.from_bytes(data[94:99])
    assert entry.grade_bps == int.from_bytes(data[99:101])
    assert body.payload == data[101:]


# ---------------------------------------------------------------------- writing


def test_each_proper_beginning_of_a_record_is_refused_or_another_record() -> None:
    """Payloads and reasons end where the record ends; anything else that is cut off is noticed."""
    for data in HISTORY:
        for end in range(len(data)):
            try:
                shorter = decode(data[:end])
            except RecordError:
                continue
            assert isinstance(shorter.body, records.ReasonBody)


@pytest.mark.parametrize(
    "body",
    [
        records.Priced(-1),
        records.Priced(2**96),
        records.Priced(True),
        records.Accepted("1"),  # type: ignore[arg-type]
        records.Production(b"[]"),
        records.Production(b"{"),
        records.Production(b"{" + b" " * 8_192 + b"}"),
        records.Production("{}"),  # type: ignore[arg-type]
        records.Inspection(conformant=1, payload=b"{}"),  # type: ignore[arg-type]
        records.Recalled(b""),
        records.Recalled(b"x" * 513),
        records.Recalled("text"),  # type: ignore[arg-type]
        records.Collected(()),
        records.Collected([]),  # type: ignore[arg-type]
        records.Collected((records.Parent(bytes(32), 1),)),  # type: ignore[arg-type]
        records.Collected((records.Entry(1, "0x12", 1, 1),)),
        records.Collected((records.Entry(1, "0x" + "1" * 40, 1, 1),) * 257),
        records.Readings(bytes(31), 1, b"{}"),
        records.Readings("0x", 1, b"{}"),  # type: ignore[arg-type]
        records.Offered(1, b"\1" * 20, 1),  # type: ignore[arg-type]
        records.Derived(1, "苹果", 1, 1, 1, 1, 1, (records.Parent(bytes(32), 1),), b"{}"),
        records.Derived(1, 7, 1, 1, 1, 1, 1, (records.Parent(bytes(32), 1),), b"{}"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_its_field_cannot_hold_is_refused(body: records.Body) -> None:
    with pytest.raises(YuanliuError) as caught:
        encode(Record(0, "0x" + "1" * 40, "0x" + "2" * 40, body))
    assert caught.value.hint


def test_a_reason_that_is_no_utf8_is_shown_and_kept() -> None:
    body = decode(HISTORY[16]).body
    assert isinstance(body, records.Recalled)
    assert body.reason.endswith(b"\xff")
    assert body.text.endswith("�")


# ---------------------------------------------------------------------- comparing


def test_the_whole_history_matches() -> None:
    verdict = check(LOGS)
    assert verdict.matches
    assert verdict == Verdict(len(HISTORY), HEAD, HEAD, ())


def test_a_product_made_of_batches_matches() -> None:
    product = VECTORS["batches"][1]
    logs = [Entry(raw(product["genesis"]), raw(product["records"][0]["bytes"]))]
    assert check(logs, raw(product["head"]), raw(product["batch"])).matches


def test_records_that_hash_to_the_head_match_whatever_their_logs_say() -> None:
    assert check([Entry(bytes(32), record) for record in HISTORY]).matches


CHANGED = FaultKind.CHANGED_OR_MISSING


def test_a_changed_figure_is_placed_between_its_neighbours() -> None:
    body = decode(HISTORY[9]).body
    assert isinstance(body, records.Sold)
    other = dataclasses.replace(decode(HISTORY[9]), body=dataclasses.replace(body, units=101))
    verdict = check(changed(9, encode(other)))
    assert found(verdict) == [(CHANGED, 9, 10)]
    assert str(verdict.faults[0]) == (
        "record 9 was changed, or records after it before place 10 are missing"
    )


def test_a_missing_record_is_placed_between_its_neighbours() -> None:
    assert found(check(LOGS[:3] + LOGS[4:])) == [(CHANGED, 2, 3)]


def test_missing_first_and_last_records() -> None:
    first, last = check(LOGS[2:]), check(LOGS[:-1])
    assert found(first) == [(CHANGED, None, 0)]
    assert str(first.faults[0]) == "records before place 0 are changed or missing"
    assert found(last) == [(CHANGED, 17, None)]
    assert str(last.faults[0]) == "record 17 was changed, or records after it are missing"


def test_no_records_at_all_where_the_chain_has_some() -> None:
    assert found(check([])) == [(CHANGED, None, None)]


def test_two_gaps_leave_what_is_between_them_unconnected() -> None:
    lost = FaultKind.UNCONNECTED
    verdict = check([*LOGS[:3], *LOGS[4:6], *LOGS[7:]])
    assert found(verdict) == [(CHANGED, 2, 5), (lost, None, 3), (lost, None, 4)]


def test_swapped_records_are_named_and_not_called_changed() -> None:
    swapped = [*LOGS[:4], LOGS[5], LOGS[4], *LOGS[6:]]
    assert found(check(swapped)) == [(FaultKind.OUT_OF_ORDER, 4, 5)]


def test_a_repeated_record_is_named_and_not_called_changed() -> None:
    verdict = check([*LOGS[:5], LOGS[4], *LOGS[5:]])
    assert found(verdict) == [(FaultKind.REPEATED, None, 5)]


def test_an_inserted_record_is_named_and_not_the_true_ones() -> None:
    forged = Entry(HEADS[7], HISTORY[3])
    assert found(check([*LOGS[:7], forged, *LOGS[7:]])) == [(FaultKind.UNCONNECTED, None, 7)]


def test_a_record_after_the_last_is_named() -> None:
    assert found(check([*LOGS, Entry(HEAD, HISTORY[3])])) == [(FaultKind.UNCONNECTED, None, 19)]


def test_a_record_older_than_the_one_before_is_named() -> None:
    old = encode(dataclasses.replace(decode(HISTORY[5]), time=1))
    logs, head = recounted([*HISTORY[:5], old, *HISTORY[6:]])
    assert found(check(logs, head)) == [(FaultKind.TIME_BACKWARDS, None, 5)]


def test_an_unreadable_record_is_named_by_its_place() -> None:
    verdict = check(changed(2, HISTORY[2][:40]))
    assert found(verdict) == [(CHANGED, 2, 3), (FaultKind.UNDECODABLE, None, 2)]
    assert "signer" in str(verdict.faults[1])


def test_an_unreadable_record_is_no_match_even_if_the_head_is_right() -> None:
    """A record of a newer contract: it is the chain's, but this program cannot vouch for what it says."""
    logs, head = recounted([*HISTORY[:2], b"\2" + HISTORY[2][1:], *HISTORY[3:]])
    assert found(check(logs, head)) == [(FaultKind.UNDECODABLE, None, 2)]


def test_the_history_of_another_batch_is_named() -> None:
    other = raw(VECTORS["batches"][1]["batch"])
    assert (FaultKind.OTHER_BATCH, None, 1) in found(check(LOGS, batch=other))


@pytest.mark.parametrize("change", [{"chain_id": 1}, {"contract": "0x" + "1" * 40}])
def test_a_history_is_bound_to_its_chain_and_contract(change: dict[str, Any]) -> None:
    where = {"chain_id": CHAIN_ID, "contract": CONTRACT, "batch": BATCH} | change
    verdict = journal.check(LOGS, head_on_chain=HEAD, **where)
    assert [fault.kind for fault in verdict.faults] == [CHANGED]


def test_the_case_of_an_address_does_not_matter() -> None:
    upper = "0x" + CONTRACT[2:].upper()
    start = journal.genesis(CHAIN_ID, CONTRACT, BATCH)
    assert journal.genesis(CHAIN_ID, upper, BATCH) == start


def test_records_of_a_batch_that_the_chain_does_not_know_differ() -> None:
    assert found(check(LOGS[:1], journal.NO_HEAD)) == [(FaultKind.UNKNOWN_BATCH, None, None)]


def test_nothing_on_either_side_is_not_called_a_match() -> None:
    with pytest.raises(JournalError) as caught:
        check([], journal.NO_HEAD)
    assert caught.value.code == "journal.batch_unknown"


@pytest.mark.parametrize("kind", FaultKind)
def test_each_fault_is_one_sentence(kind: FaultKind) -> None:
    for fault in (Fault(kind), Fault(kind, number=1, position=3)):
        assert "{" not in str(fault)
        assert "\n" not in str(fault)


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(JournalError):
        journal.genesis(-1, CONTRACT, BATCH)
    with pytest.raises(JournalError):
        journal.batch_id(CONTRACT, 2**64, "A")
    for wrong in (bytes(31), bytes(33)):
        with pytest.raises(YuanliuError):
            journal.next_head(wrong, b"")
        with pytest.raises(YuanliuError):
            journal.genesis(1, CONTRACT, wrong)
