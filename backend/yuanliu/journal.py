"""The journal of a batch: its id, the head that proves its records complete, and the comparison with the chain.

The head is that of `contracts/interfaces/IJournal.sol`; vectors for other implementations are in
`tests/vectors/journal.json`. Addresses are lowercase hex, batch ids and heads 32 bytes (`yuanliu.hexes`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from yuanliu import hexes, identifiers
from yuanliu.errors import YuanliuError
from yuanliu.records import Derived, Record, RecordError, Registered, decode

NO_HEAD: Final = bytes(hexes.WORD_BYTES)
"""What the chain answers for a batch of which nothing was ever recorded."""

_DOMAIN: Final = b"yuanliu.journal.v1"
_GTIN_BYTES: Final = 8


class JournalError(YuanliuError):
    """Thrown when there is no journal (`journal.batch_unknown`) or a number is too large (`journal.out_of_range`)."""


# ---------------------------------------------------------------------- head


def batch_id(cooperative: str, gtin: int, lot: str) -> bytes:
    """Give the id of a lot: `sha256(cooperative ‖ gtin (8) ‖ lot (20))`, as `IBatches.idOf` does.

    Raises `HexError`, `IdentifierError`, and `JournalError` for a GTIN that does not fit into 8 bytes.
    """
    owner = hexes.address_bytes(cooperative)
    return _sha256(owner + _unsigned("gtin", gtin, _GTIN_BYTES) + identifiers.lot_bytes(lot))


def genesis(chain_id: int, contract: str, batch: bytes) -> bytes:
    """Give the head before the first record, bound to chain, contract and batch.

    Raises `HexError`, and `JournalError` for a chain id that does not fit into 32 bytes.
    """
    chain = _unsigned("chain_id", chain_id, hexes.WORD_BYTES)
    return _sha256(_DOMAIN + chain + hexes.address_bytes(contract) + hexes.word(batch))


def record_hash(record: bytes) -> bytes:
    """Give `sha256(record)`, by which a correction names a record."""
    return _sha256(record)


def next_head(head: bytes, record: bytes) -> bytes:
    """Give `sha256(head ‖ sha256(record))`. Raises `HexError`."""
    return _sha256(hexes.word(head) + record_hash(record))


def head_of(records: Iterable[bytes], *, chain_id: int, contract: str, batch: bytes) -> bytes:
    """Give the head after `records`, in the order given; of none it is the genesis. Raises as `genesis`."""
    head = genesis(chain_id, contract, batch)
    for record in records:
        head = next_head(head, record)
    return head


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _unsigned(name: str, value: int, size: int) -> bytes:
    if not 0 <= value < 1 << 8 * size:
        raise JournalError(
            "journal.out_of_range",
            f"{name} is {value}",
            hint=f"{name} is a whole number of {size} bytes",
            fields={"name": name, "value": value},
        )
    return value.to_bytes(size)


# ---------------------------------------------------------------------- verdict


@dataclass(frozen=True, slots=True)
class Entry:
    """One log of a batch: a record, and the head that the log says was before it.

    The head of a log proves nothing; it only helps to tell where a history differs.
    """

    previous: bytes
    record: bytes


class FaultKind(StrEnum):
    """What can be wrong with records that are claimed to be a batch's history.

    A `number` is a record's place in the true history, a `position` its place in what was handed in.
    """

    UNKNOWN_BATCH = "unknown_batch"
    """The chain has no record of the batch."""
    CHANGED_OR_MISSING = "changed_or_missing"
    """Record `number` was changed, or some after it are missing; what follows at `position` is proven. Without
    `number` the gap is at the beginning, without `position` at the end. Heads cannot tell changed from missing."""
    OUT_OF_ORDER = "out_of_order"
    """Record `number` stands after a later one."""
    REPEATED = "repeated"
    """The record at `position` came before."""
    UNCONNECTED = "unconnected"
    """The record at `position` has no place in the history."""
    UNDECODABLE = "undecodable"
    """The record at `position` cannot be read; `error` says why."""
    TIME_BACKWARDS = "time_backwards"
    """The record at `position` is older than the one before it."""
    OTHER_BATCH = "other_batch"
    """The record at `position` opens another batch."""


_SENTENCES: Final = {
    FaultKind.UNKNOWN_BATCH: "the chain has no record of this batch",
    FaultKind.OUT_OF_ORDER: "record {number} is out of order",
    FaultKind.REPEATED: "the record at place {position} is a repetition",
    FaultKind.UNCONNECTED: "the record at place {position} does not belong to the history",
    FaultKind.UNDECODABLE: "the record at place {position} cannot be read: {error}",
    FaultKind.TIME_BACKWARDS: "the record at place {position} is older than the one before it",
    FaultKind.OTHER_BATCH: "the record at place {position} opens another batch",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that differs; numbers and positions count from 0. See `FaultKind`."""

    kind: FaultKind
    number: int | None = None
    position: int | None = None
    error: RecordError | None = None

    def __str__(self) -> str:
        """Say it in one sentence."""
        if self.kind is FaultKind.CHANGED_OR_MISSING:
            return self._gap()
        error = self.error.message if self.error else ""
        return _SENTENCES[self.kind].format(number=self.number, position=self.position, error=error)

    def _gap(self) -> str:
        if self.number is None and self.position is None:
            return (
                "all records are changed or missing: none leads from the beginning or to the head"
            )
        if self.number is None:
            return f"records before place {self.position} are changed or missing"
        until = "" if self.position is None else f" before place {self.position}"
        return f"record {self.number} was changed, or records after it{until} are missing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether records are a batch's whole history, in order and unaltered; if not, where they differ.

    `records` is the number handed in, `head` what they hash to, `head_on_chain` what they should.
    """

    records: int
    head: bytes
    head_on_chain: bytes
    faults: tuple[Fault, ...]

    @property
    def matches(self) -> bool:
        """True only if nothing differs."""
        return not self.faults


def check(
    entries: Sequence[Entry], *, head_on_chain: bytes, chain_id: int, contract: str, batch: bytes
) -> Verdict:
    """Compare a batch's records with the head that the chain holds.

    The records match if they hash to the head, whatever their logs say, and can all be read. Raises `JournalError`
    (`journal.batch_unknown`) if neither chain nor caller has a record of the batch, and as `genesis` does.
    """
    start = genesis(chain_id, contract, batch)
    if hexes.word(head_on_chain) == NO_HEAD and not entries:
        raise JournalError(
            "journal.batch_unknown",
            f"nothing was ever recorded of batch {batch.hex()}",
            hint="compare the batch id, the chain and the contract's address",
            fields={"batch": batch.hex(), "chain_id": chain_id, "contract": contract},
            exit_code=3,
        )
    head = start
    for entry in entries:
        head = next_head(head, entry.record)
    faults = []
    if head_on_chain == NO_HEAD:
        faults.append(Fault(FaultKind.UNKNOWN_BATCH))
    elif head != head_on_chain:
        faults += _locate(entries, start, head_on_chain)
    faults += _check_contents(entries, batch, ordered=not faults)
    return Verdict(len(entries), head, head_on_chain, tuple(faults))


def _locate(entries: Sequence[Entry], start: bytes, end: bytes) -> list[Fault]:
    """Tell where entries differ, by the heads of their logs; never nothing.

    Backwards from the chain's head each step is proven: who hashes to a proven head is genuine, and so is the head
    before it. Forwards from the start the steps are only consistent, as anyone can write records.
    """
    heads = [next_head(hexes.word(entry.previous), entry.record) for entry in entries]
    proven: list[int] = []
    by_head = {head: position for position, head in reversed(list(enumerate(heads)))}
    while end != start and end in by_head:
        proven.append(by_head[end])
        end = entries[proven[-1]].previous
    proven.reverse()
    if end == start:
        return _misplaced(entries, proven)
    first = proven[0] if proven else None
    left = [position for position in range(len(entries)) if position not in set(proven)]
    by_previous = {entries[position].previous: position for position in reversed(left)}
    consistent: list[int] = []
    while start in by_previous:
        consistent.append(by_previous.pop(start))
        start = heads[consistent[-1]]
    number = len(consistent) - 1 if consistent else None
    gap = Fault(FaultKind.CHANGED_OR_MISSING, number=number, position=first)
    return [gap, *_misplaced(entries, consistent + proven)]


def _misplaced(entries: Sequence[Entry], order: Sequence[int]) -> list[Fault]:
    """Name what stands elsewhere than in `order` (positions), and what has no place in it."""
    numbers = {position: number for number, position in enumerate(order)}
    known = {entries[position] for position in order}
    faults = []
    highest = -1
    for position, entry in enumerate(entries):
        if position not in numbers:
            kind = FaultKind.REPEATED if entry in known else FaultKind.UNCONNECTED
            faults.append(Fault(kind, position=position))
        elif numbers[position] < highest:
            number = numbers[position]
            faults.append(Fault(FaultKind.OUT_OF_ORDER, number=number, position=position))
        else:
            highest = numbers[position]
    return faults


def _check_contents(entries: Sequence[Entry], batch: bytes, *, ordered: bool) -> list[Fault]:
    """Read every record. Times are compared only where the order is the chain's."""
    faults = []
    before = 0
    for position, entry in enumerate(entries):
        try:
            record = decode(entry.record)
        except RecordError as error:
            faults.append(Fault(FaultKind.UNDECODABLE, position=position, error=error))
            continue
        if ordered and record.time < before:
            faults.append(Fault(FaultKind.TIME_BACKWARDS, position=position))
        before = record.time
        if _opens_another(record, batch):
            faults.append(Fault(FaultKind.OTHER_BATCH, position=position))
    return faults


def _opens_another(record: Record, batch: bytes) -> bool:
    body = record.body
    if not isinstance(body, Registered | Derived):
        return False
    return batch_id(record.actor, body.gtin, body.lot) != batch
