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
from yuanliu.journal import Fault, FaultKind, JournalError, Verdict
from yuanliu.records import Kind, Record, RecordError, decode, encode

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "journal.json").read_text(encoding="utf-8"))
CHAIN_ID = int(VECTORS["chain_id"])
CONTRACT = VECTORS["contract"]
HARVEST = VECTORS["batches"][0]
BATCH = bytes.fromhex(HARVEST["batch"][2:])
HISTORY = [bytes.fromhex(r["bytes"][2:]) for r in HARVEST["records"]]
HEAD = bytes.fromhex(HARVEST["head"][2:])
EACH = [(batch, record) for batch in VECTORS["batches"] for record in batch["records"]]
HEADER = 54


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def check(
    history: list[bytes], head: bytes = HEAD, count: int = len(HISTORY), batch: bytes = BATCH
) -> Verdict:
    return journal.check(
        history,
        head_on_chain=head,
        count_on_chain=count,
        chain_id=CHAIN_ID,
        contract=CONTRACT,
        batch=batch,
    )


def kinds(verdict: Verdict) -> list[tuple[FaultKind, int | None, int | None]]:
    return [(fault.kind, fault.first, fault.last) for fault in verdict.faults]


def with_(place: int, **changes: Any) -> list[bytes]:  # noqa: ANN401 -- any field of a record
    """Give the history with one record changed."""
    changed = encode(dataclasses.replace(decode(HISTORY[place]), **changes))
    return [*HISTORY[:place], changed, *HISTORY[place + 1 :]]


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
    assert (str(read.number), str(read.time)) == (record["number"], record["time"])
    assert (read.actor, read.signer) == (record["actor"], record["signer"])
    assert [f.name for f in dataclasses.fields(read.body)] == list(record["body"])  # type: ignore[arg-type]
    assert batch["records"][read.number] == record


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
    assert data[:14] == b"\1\x0b" + (9).to_bytes(4) + (1_776_000_540).to_bytes(8)
    sold = decode(data).body
    assert isinstance(sold, records.Sold)
    assert sold.order == int.from_bytes(data[54:86])
    assert raw(sold.payer) == data[86:106]
    assert raw(sold.buyer) == data[106:126]
    assert sold.units == int.from_bytes(data[126:134])
    assert sold.amount == int.from_bytes(data[134:150])
    assert sold.farmers == int.from_bytes(data[150:166])
    assert sold.cooperative == int.from_bytes(data[166:182])
    assert sold.platform == int.from_bytes(data[182:198])
    assert len(data) == 198


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
        records.Priced(True),  # noqa: FBT003 -- True is no price
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
        records.Offered(b"\1" * 20, 1),  # type: ignore[arg-type]
        records.Derived(1, "苹果", 1, 1, 1, 1, 1, (records.Parent(bytes(32), 1),), b"{}"),
        records.Derived(1, 7, 1, 1, 1, 1, 1, (records.Parent(bytes(32), 1),), b"{}"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_its_field_cannot_hold_is_refused(body: records.Body) -> None:
    with pytest.raises(YuanliuError) as caught:
        encode(Record(0, 0, "0x" + "1" * 40, "0x" + "2" * 40, body))
    assert caught.value.hint


def test_a_reason_that_is_no_utf8_is_shown_and_kept() -> None:
    body = decode(HISTORY[16]).body
    assert isinstance(body, records.Recalled)
    assert body.reason.endswith(b"\xff")
    assert body.text.endswith("�")


# ---------------------------------------------------------------------- comparing


def test_the_whole_history_matches() -> None:
    verdict = check(HISTORY)
    assert verdict.matches
    assert verdict == Verdict(len(HISTORY), HEAD, HEAD, ())


def test_a_product_made_of_batches_matches() -> None:
    product = VECTORS["batches"][1]
    data = [raw(record["bytes"]) for record in product["records"]]
    assert check(data, raw(product["head"]), 1, raw(product["batch"])).matches


def test_a_missing_record_is_named() -> None:
    verdict = check(HISTORY[:3] + HISTORY[4:])
    assert kinds(verdict) == [(FaultKind.MISSING, 3, 3)]
    assert str(verdict.faults[0]) == "record 3 is missing"


def test_missing_first_middle_and_last_records_are_named_as_ranges() -> None:
    verdict = check(HISTORY[2:5] + HISTORY[8:-1])
    missing = FaultKind.MISSING
    assert kinds(verdict) == [(missing, 0, 1), (missing, 5, 7), (missing, 18, 18)]
    assert str(verdict.faults[0]) == "records 0 to 1 are missing"


def test_no_records_at_all_where_the_chain_has_some() -> None:
    assert kinds(check([])) == [(FaultKind.MISSING, 0, 18)]


def test_a_hostile_count_costs_nothing() -> None:
    assert kinds(check(HISTORY, count=2**32 - 1)) == [(FaultKind.MISSING, 19, 2**32 - 2)]


def test_swapped_records_are_named_and_not_called_changed() -> None:
    swapped = [*HISTORY[:4], HISTORY[5], HISTORY[4], *HISTORY[6:]]
    assert kinds(check(swapped)) == [(FaultKind.OUT_OF_ORDER, 4, 4)]


def test_a_repeated_record_is_named_and_not_called_changed() -> None:
    verdict = check([*HISTORY[:5], HISTORY[4], *HISTORY[5:]])
    assert kinds(verdict) == [(FaultKind.REPEATED, 4, 4)]
    assert verdict.faults[0].position == 5


def test_a_record_that_the_chain_does_not_know_is_named() -> None:
    more = encode(dataclasses.replace(decode(HISTORY[-1]), number=19))
    assert kinds(check([*HISTORY, more])) == [(FaultKind.SURPLUS, 19, 19)]


def test_a_changed_figure_is_called_a_difference_without_a_place() -> None:
    body = decode(HISTORY[9]).body
    assert isinstance(body, records.Sold)
    verdict = check(with_(9, body=dataclasses.replace(body, units=101)))
    assert kinds(verdict) == [(FaultKind.HEAD, None, None)]
    assert "do not hash to the head" in str(verdict.faults[0])


def test_a_renumbered_record_leaves_a_gap() -> None:
    verdict = check(with_(3, number=4))
    assert kinds(verdict) == [(FaultKind.REPEATED, 4, 4), (FaultKind.MISSING, 3, 3)]


def test_a_record_older_than_the_one_before_is_named() -> None:
    verdict = check(with_(5, time=1))
    assert (FaultKind.TIME_BACKWARDS, 5, 5) in kinds(verdict)
    assert (FaultKind.HEAD, None, None) in kinds(verdict)


def test_an_unreadable_record_is_named_by_its_place() -> None:
    verdict = check([*HISTORY[:2], HISTORY[2][:40], *HISTORY[3:]])
    assert [fault.kind for fault in verdict.faults] == [FaultKind.UNDECODABLE, FaultKind.HEAD]
    assert verdict.faults[0].position == 2
    assert "byte 40" in str(verdict.faults[0])


def test_an_unreadable_record_is_no_match_even_if_the_head_is_right() -> None:
    """A record of a newer contract: it is the chain's, but this program cannot vouch for what it says."""
    newer = [*HISTORY[:2], b"\2" + HISTORY[2][1:], *HISTORY[3:]]
    head = journal.head_of(newer, chain_id=CHAIN_ID, contract=CONTRACT, batch=BATCH)
    assert [fault.kind for fault in check(newer, head).faults] == [FaultKind.UNDECODABLE]


def test_the_history_of_another_batch_is_named() -> None:
    other = raw(VECTORS["batches"][1]["batch"])
    assert (FaultKind.OTHER_BATCH, 1, 1) in kinds(check(HISTORY, batch=other))


@pytest.mark.parametrize("change", [{"chain_id": 1}, {"contract": "0x" + "1" * 40}])
def test_a_history_is_bound_to_its_chain_and_contract(change: dict[str, Any]) -> None:
    where = {"chain_id": CHAIN_ID, "contract": CONTRACT, "batch": BATCH} | change
    verdict = journal.check(HISTORY, head_on_chain=HEAD, count_on_chain=len(HISTORY), **where)
    assert kinds(verdict) == [(FaultKind.HEAD, None, None)]


def test_the_case_of_an_address_does_not_matter() -> None:
    upper = "0x" + CONTRACT[2:].upper()
    start = journal.genesis(CHAIN_ID, CONTRACT, BATCH)
    assert journal.genesis(CHAIN_ID, upper, BATCH) == start


def test_records_of_a_batch_that_the_chain_does_not_know_differ() -> None:
    verdict = check(HISTORY[:1], journal.NO_HEAD, 0)
    assert kinds(verdict) == [(FaultKind.SURPLUS, 0, 0)]


def test_nothing_on_either_side_is_not_called_a_match() -> None:
    with pytest.raises(JournalError) as caught:
        check([], journal.NO_HEAD, 0)
    assert caught.value.code == "journal.batch_unknown"


@pytest.mark.parametrize("kind", FaultKind)
def test_each_fault_is_one_sentence(kind: FaultKind) -> None:
    sentence = str(Fault(kind, first=1, last=2, position=3))
    assert "{" not in sentence
    assert "\n" not in sentence


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
