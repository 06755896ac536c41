"""What no forger can do with a journal: Hypothesis writes histories, and changes them."""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_type_hints

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from yuanliu import hexes, journal, records
from yuanliu.errors import YuanliuError
from yuanliu.identifiers import CHARACTER_SET_82
from yuanliu.journal import Entry, FaultKind, Verdict
from yuanliu.records import Body, Record, decode, encode

CHAIN_ID = 31337
CONTRACT = "0x" + "5f" * 20

ADDRESSES = st.binary(min_size=20, max_size=20).map(hexes.address_text)
WORDS = st.binary(min_size=32, max_size=32)
LOTS = st.text(sorted(CHARACTER_SET_82), min_size=1, max_size=20)
PAYLOADS = st.binary(max_size=40).map(lambda inside: b"{" + inside + b"}")
REASONS = st.binary(min_size=1, max_size=40)


PLAIN: dict[type, st.SearchStrategy[Any]] = {
    records._Address: ADDRESSES,
    records._Word: WORDS,
    records._Lot: LOTS,
    records._Flag: st.booleans(),
    records._Payload: PAYLOADS,
    records._Reason: REASONS,
}


def field(codec: object) -> st.SearchStrategy[Any]:
    """Give all values of a field, whatever body it stands in."""
    if isinstance(codec, records._Unsigned):
        return st.integers(0, 256**codec.size - 1)
    if isinstance(codec, records._Many):
        return st.lists(values(codec.item), min_size=codec.least, max_size=4).map(tuple)
    return PLAIN[type(codec)]


def values(cls: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls, include_extras=True)
    names = [f.name for f in dataclasses.fields(cls)]
    return st.builds(cls, **{name: field(hints[name].__metadata__[0]) for name in names})


BODIES: st.SearchStrategy[Body] = st.one_of([values(body) for body in records.BODIES.values()])
RECORDS = st.builds(
    Record,
    time=st.integers(0, 2**64 - 1),
    actor=ADDRESSES,
    signer=ADDRESSES,
    body=BODIES,
)


@dataclasses.dataclass(frozen=True)
class History:
    """A history as the contract would write it, its logs, and the head that the chain then holds."""

    batch: bytes
    records: tuple[bytes, ...]

    @property
    def logs(self) -> list[Entry]:
        return logs_of(self.batch, self.records)

    @property
    def head(self) -> bytes:
        return journal.next_head(*dataclasses.astuple(self.logs[-1]))

    def check(self, shown: Sequence[Entry]) -> Verdict:
        return journal.check(
            shown,
            head_on_chain=self.head,
            chain_id=CHAIN_ID,
            contract=CONTRACT,
            batch=self.batch,
        )


def logs_of(batch: bytes, records: Sequence[bytes]) -> list[Entry]:
    """Give records with the heads that would be before them: what a forger who can hash would show."""
    head = journal.genesis(CHAIN_ID, CONTRACT, batch)
    logs = []
    for record in records:
        logs.append(Entry(head, record))
        head = journal.next_head(head, record)
    return logs


@st.composite
def histories(draw: st.DrawFn) -> History:
    first = draw(values(records.Registered) | values(records.Derived))
    cooperative = draw(ADDRESSES)
    others = st.one_of(
        [
            values(body)
            for body in (records.Production, records.Inspection, records.Sold, records.Recalled)
        ]
    )
    bodies = [first, *draw(st.lists(others, max_size=6))]
    times = sorted(
        draw(st.lists(st.integers(0, 2**40), min_size=len(bodies), max_size=len(bodies)))
    )
    written = [
        encode(Record(time, cooperative, draw(ADDRESSES), body))
        for time, body in zip(times, bodies, strict=True)
    ]
    return History(journal.batch_id(cooperative, first.gtin, first.lot), tuple(written))


def place(data: st.DataObject, history: History) -> int:
    return data.draw(st.integers(0, len(history.records) - 1))


# ---------------------------------------------------------------------- bytes


@given(RECORDS)
def test_what_is_written_is_read_back(record: Record) -> None:
    assert decode(encode(record)) == record


@given(RECORDS, st.data())
def test_what_can_be_read_is_written_back_byte_for_byte(
    record: Record, data: st.DataObject
) -> None:
    """Also for bytes that nobody wrote: two different texts never read as one record."""
    raw = bytearray(encode(record))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for candidate in (bytes(raw), cut, bytes(raw) + data.draw(st.binary(max_size=3))):
        try:
            read = decode(candidate)
        except YuanliuError:
            continue
        assert encode(read) == candidate


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        decode(raw)
    except YuanliuError as error:
        assert "offset" in error.fields  # noqa: PT017 -- nearly all bytes are refused, but not by rule


@given(st.integers(1, 18), st.binary(max_size=300))
def test_no_body_breaks_the_reader(kind: int, body: bytes) -> None:
    raw = bytes([1, kind]) + bytes(48) + body
    try:
        assert encode(decode(raw)) == raw
    except YuanliuError as error:
        assert "offset" in error.fields  # noqa: PT017 -- nearly all bytes are refused, but not by rule


# ---------------------------------------------------------------------- histories


@given(histories())
def test_an_honest_history_matches(history: History) -> None:
    verdict = history.check(history.logs)
    assert verdict.matches, [str(fault) for fault in verdict.faults]


def shown_both_ways(history: History, at: int, record: bytes) -> list[list[Entry]]:
    """Give the logs with a record put in the place of another: with the old heads, and with heads that fit."""
    logs = history.logs
    fitting = logs_of(history.batch, [*history.records[:at], record, *history.records[at + 1 :]])
    return [[*logs[:at], Entry(logs[at].previous, record), *logs[at + 1 :]], fitting]


@given(histories(), st.data())
def test_a_changed_byte_is_detected(history: History, data: st.DataObject) -> None:
    at = place(data, history)
    raw = bytearray(history.records[at])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    naive, fitting = shown_both_ways(history, at, bytes(raw))
    assert not history.check(fitting).matches
    gap = history.check(naive).faults[0]
    assert gap.kind is FaultKind.CHANGED_OR_MISSING
    assert gap.number == at
    assert gap.position == (at + 1 if at + 1 < len(naive) else None)


@given(histories(), st.data())
def test_a_shortened_or_lengthened_record_is_detected(
    history: History, data: st.DataObject
) -> None:
    at = place(data, history)
    raw = history.records[at]
    other = data.draw(
        st.integers(0, len(raw) - 1).map(lambda end: raw[:end])
        | st.binary(min_size=1, max_size=9).map(lambda more: raw + more)
    )
    for shown in shown_both_ways(history, at, other):
        assert not history.check(shown).matches


@given(histories(), RECORDS, st.data())
def test_a_replaced_record_is_detected(
    history: History, record: Record, data: st.DataObject
) -> None:
    at = place(data, history)
    assume(encode(record) != history.records[at])
    for shown in shown_both_ways(history, at, encode(record)):
        assert not history.check(shown).matches


@given(histories(), st.data())
def test_removed_records_are_detected(history: History, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(history.records) - 1), min_size=1))
    shown = [log for number, log in enumerate(history.logs) if number not in gone]
    kinds = {fault.kind for fault in history.check(shown).faults}
    assert FaultKind.CHANGED_OR_MISSING in kinds
    assert kinds <= {FaultKind.CHANGED_OR_MISSING, FaultKind.UNCONNECTED}
    fitting = logs_of(history.batch, [log.record for log in shown])
    assert not history.check(fitting).matches


@given(histories(), st.data())
def test_one_removed_record_is_placed_between_its_neighbours(
    history: History, data: st.DataObject
) -> None:
    at = place(data, history)
    shown = history.logs[:at] + history.logs[at + 1 :]
    (fault,) = history.check(shown).faults
    assert fault.kind is FaultKind.CHANGED_OR_MISSING
    assert fault.number == (at - 1 if at else None)
    assert fault.position == (at if at < len(shown) else None)


@given(histories(), st.data())
def test_records_out_of_order_are_named_and_not_called_changed(
    history: History, data: st.DataObject
) -> None:
    shown = data.draw(st.permutations(history.logs))
    assume([log.record for log in shown] != list(history.records))
    assert {fault.kind for fault in history.check(shown).faults} == {FaultKind.OUT_OF_ORDER}
    fitting = logs_of(history.batch, [log.record for log in shown])
    assert not history.check(fitting).matches


@given(histories(), st.data())
def test_a_repeated_record_is_named(history: History, data: st.DataObject) -> None:
    at, to = place(data, history), place(data, history)
    logs = history.logs
    kinds = {fault.kind for fault in history.check([*logs[:to], logs[at], *logs[to:]]).faults}
    assert FaultKind.REPEATED in kinds
    assert kinds <= {FaultKind.REPEATED, FaultKind.OUT_OF_ORDER}


@given(histories(), RECORDS, st.data())
def test_an_inserted_record_is_named_and_no_true_one(
    history: History, record: Record, data: st.DataObject
) -> None:
    at = place(data, history)
    logs, forged = history.logs, encode(record)
    previous = data.draw(st.sampled_from([log.previous for log in logs]) | WORDS)
    assume(forged not in history.records)
    faults = history.check([*logs[:at], Entry(previous, forged), *logs[at:]]).faults
    misplaced = [fault for fault in faults if fault.kind is not FaultKind.OTHER_BATCH]
    assert [(fault.kind, fault.position) for fault in misplaced] == [(FaultKind.UNCONNECTED, at)]
    fitting = logs_of(history.batch, [*history.records[:at], forged, *history.records[at:]])
    assert not history.check(fitting).matches


@given(histories(), st.lists(WORDS, min_size=7, max_size=7))
def test_the_heads_in_the_logs_decide_nothing(history: History, lies: list[bytes]) -> None:
    shown = [Entry(lie, log.record) for lie, log in zip(lies, history.logs, strict=False)]
    assert history.check(shown).matches


@given(histories(), histories())
def test_one_history_does_not_pass_for_another(history: History, other: History) -> None:
    assume(history.records != other.records)
    assert not history.check(other.logs).matches


@settings(max_examples=50)
@given(histories(), st.lists(st.builds(Entry, WORDS, st.binary(max_size=80)), max_size=5))
def test_no_records_break_the_comparison(history: History, shown: list[Entry]) -> None:
    verdict = history.check(shown)
    assert not verdict.matches
    assert all(str(fault) for fault in verdict.faults)
