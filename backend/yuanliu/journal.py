"""The journal of a batch: its id, the head that proves its records complete, and the comparison with the chain.

The head is that of `contracts/interfaces/IJournal.sol`; vectors for other implementations are in
`tests/vectors/journal.json`. Addresses are lowercase hex, batch ids and heads 32 bytes (`yuanliu.hexes`).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
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


def next_head(head: bytes, record: bytes) -> bytes:
    """Give `sha256(head ‖ sha256(record))`. Raises `HexError`."""
    return _sha256(hexes.word(head) + _sha256(record))


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


class FaultKind(StrEnum):
    """What can be wrong with records that are claimed to be a batch's history."""

    MISSING = "missing"
    """Numbers `first` to `last` are not there."""
    REPEATED = "repeated"
    """Number `first` came before."""
    OUT_OF_ORDER = "out_of_order"
    """Number `first` stands after a higher one."""
    SURPLUS = "surplus"
    """Number `first` is beyond what the chain counts."""
    UNDECODABLE = "undecodable"
    """The record at `position` cannot be read; `error` says why."""
    TIME_BACKWARDS = "time_backwards"
    """Record `first` is older than the one before it."""
    OTHER_BATCH = "other_batch"
    """Record `first` opens another batch."""
    HEAD = "head"
    """The records do not hash to the head: at least one byte was changed. Heads alone cannot tell which."""


_SENTENCES: Final = {
    FaultKind.MISSING: "records {first} to {last} are missing",
    FaultKind.REPEATED: "record {first} is repeated",
    FaultKind.OUT_OF_ORDER: "record {first} is out of order",
    FaultKind.SURPLUS: "record {first} is unknown to the chain",
    FaultKind.UNDECODABLE: "the record at place {position} cannot be read: {error}",
    FaultKind.TIME_BACKWARDS: "record {first} is older than the one before it",
    FaultKind.OTHER_BATCH: "record {first} opens another batch",
    FaultKind.HEAD: "the records do not hash to the head: at least one was changed",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that differs. `first` and `last` are record numbers, `position` the place in what was handed in."""

    kind: FaultKind
    first: int | None = None
    last: int | None = None
    position: int | None = None
    error: RecordError | None = None

    def __str__(self) -> str:
        """Say it in one sentence."""
        if self.kind is FaultKind.MISSING and self.first == self.last:
            return f"record {self.first} is missing"
        error = self.error.message if self.error else ""
        return _SENTENCES[self.kind].format(
            first=self.first, last=self.last, position=self.position, error=error
        )


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
    records: Sequence[bytes],
    *,
    head_on_chain: bytes,
    count_on_chain: int,
    chain_id: int,
    contract: str,
    batch: bytes,
) -> Verdict:
    """Compare records with the head and the number of records (`Batch.records`) that the chain holds.

    Head and number must come from one block. Raises `JournalError` (`journal.batch_unknown`) if neither the chain
    nor the caller has a record of the batch, and as `genesis` does.
    """
    if not records and count_on_chain == 0:
        raise JournalError(
            "journal.batch_unknown",
            f"nothing was ever recorded of batch {batch.hex()}",
            hint="compare the batch id, the chain and the contract's address",
            fields={"batch": batch.hex(), "chain_id": chain_id, "contract": contract},
        )
    start = genesis(chain_id, contract, batch)
    known, faults = _read_all(records)
    faults += _check_numbers(known, count_on_chain)
    faults += _check_contents(known, batch)
    whole = not any(fault.kind is FaultKind.MISSING for fault in faults)
    # Sorted, so that records which are merely out of order are not called changed.
    if whole and _head_after(start, _in_order(records, known, count_on_chain)) != head_on_chain:
        faults.append(Fault(FaultKind.HEAD))
    return Verdict(len(records), _head_after(start, records), head_on_chain, tuple(faults))


def _head_after(start: bytes, records: Sequence[bytes]) -> bytes:
    head = start
    for record in records:
        head = next_head(head, record)
    return head if records else NO_HEAD


def _read_all(records: Sequence[bytes]) -> tuple[dict[int, Record | None], list[Fault]]:
    """Decode what can be decoded, by position."""
    known: dict[int, Record | None] = {}
    faults = []
    for position, record in enumerate(records):
        try:
            known[position] = decode(record)
        except RecordError as error:
            known[position] = None
            faults.append(Fault(FaultKind.UNDECODABLE, position=position, error=error))
    return known, faults


def _number(position: int, record: Record | None) -> int:
    """Give a record's number; one that cannot be read gets the benefit of its place."""
    return position if record is None else record.number


def _check_numbers(known: Mapping[int, Record | None], count: int) -> list[Fault]:
    faults = []
    seen: set[int] = set()
    highest = -1
    for position, record in known.items():
        number = _number(position, record)
        kind = None
        if number >= count:
            kind = FaultKind.SURPLUS
        elif number in seen:
            kind = FaultKind.REPEATED
        elif number < highest:
            kind = FaultKind.OUT_OF_ORDER
        if kind:
            faults.append(Fault(kind, first=number, last=number, position=position))
        seen.add(number)
        highest = max(highest, number)
    return faults + _gaps(seen, count)


def _gaps(seen: set[int], count: int) -> list[Fault]:
    """Give the missing numbers as ranges: the count may be a hostile node's, and large."""
    faults = []
    wanted = 0
    for number in sorted({*(n for n in seen if n < count), count}):
        if number > wanted:
            faults.append(Fault(FaultKind.MISSING, first=wanted, last=number - 1))
        wanted = number + 1
    return faults


def _check_contents(known: Mapping[int, Record | None], batch: bytes) -> list[Fault]:
    faults = []
    latest = 0
    for record in sorted(filter(None, known.values()), key=lambda r: r.number):
        if record.time < latest:
            faults.append(Fault(FaultKind.TIME_BACKWARDS, first=record.number, last=record.number))
        latest = max(latest, record.time)
        body = record.body
        if isinstance(body, Registered | Derived) and (
            batch_id(record.actor, body.gtin, body.lot) != batch
        ):
            faults.append(Fault(FaultKind.OTHER_BATCH, first=record.number, last=record.number))
    return faults


def _in_order(
    records: Sequence[bytes], known: Mapping[int, Record | None], count: int
) -> list[bytes]:
    """Give the records that the chain may count, each number once, in ascending order."""
    first: dict[int, bytes] = {}
    for position, record in known.items():
        number = _number(position, record)
        if number < count:
            first.setdefault(number, records[position])
    return [first[number] for number in sorted(first)]
