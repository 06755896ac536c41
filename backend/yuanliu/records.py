"""The records of a batch's history and their bytes, as `contracts/interfaces/IJournal.sol` lays them out.

Vectors for other implementations are in `tests/vectors/journal.json`. Addresses are lowercase hex, batch ids and
roots 32 bytes (`yuanliu.hexes`), times seconds UTC, money the smallest unit of the batch's token.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Protocol, TypeVar, get_type_hints

from yuanliu import hexes, identifiers
from yuanliu.errors import YuanliuError

VERSION: Final = 1
"""First byte of every record."""

MAX_PAYLOAD: Final = 8_192
"""Longest payload, in bytes."""

MAX_REASON: Final = 512
"""Longest reason, in bytes."""

MAX_ITEMS: Final = 256
"""Most deliveries or parents in one record."""

_COUNT_BYTES: Final = 2
_T = TypeVar("_T")


class RecordError(YuanliuError):
    """Thrown when a record is malformed.

    Codes: `record.short`, `record.trailing`, `record.version_unknown`, `record.kind_unknown`,
    `record.value_invalid`. Where bytes are read, the field `offset` says at which byte of the record.
    """


class Kind(IntEnum):
    """Kinds of record, as `IJournal.Kind` numbers them."""

    NONE = 0
    COLLECTED = 1
    REGISTERED = 2
    DERIVED = 3
    CONSUMED = 4
    PRODUCTION = 5
    INSPECTION = 6
    LOGISTICS = 7
    READINGS = 8
    CORRECTED = 9
    PRICED = 10
    SOLD = 11
    OFFERED = 12
    ACCEPTED = 13
    REFUSED = 14
    WITHDRAWN = 15
    RELEASED = 16
    RECALLED = 17
    RECALL_LIFTED = 18


# ---------------------------------------------------------------------- fields


class _Reader:
    """Bytes read from the left; every complaint names the offset."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int, what: str) -> bytes:
        if self.left < size:
            raise RecordError(
                "record.short",
                f"the record ends at byte {len(self.data)}, within {what} ({size} bytes from byte {self.at})",
                hint="hand in the record as it stands in the log, whole",
                fields={"offset": self.at, "field": what, "needed": size, "left": self.left},
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def rest(self) -> bytes:
        return self.take(self.left, "the rest")

    def end(self) -> None:
        if self.left:
            raise RecordError(
                "record.trailing",
                f"{self.left} bytes too many from byte {self.at}",
                hint="hand in the record as it stands in the log, and nothing after it",
                fields={"offset": self.at, "surplus": self.left},
            )

    def invalid(self, offset: int, what: str, why: str) -> RecordError:
        return _invalid(what, f"{why}, at byte {offset}", offset=offset)


def _invalid(what: str, why: str, **fields: object) -> RecordError:
    return RecordError(
        "record.value_invalid",
        f"{what}: {why}",
        hint="compare with the layout in IJournal.sol",
        fields={"field": what, **fields},
    )


class _Codec(Protocol):
    """How one field is read and written."""

    def read(self, reader: _Reader, what: str) -> object: ...

    def write(self, value: object, what: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Unsigned:
    size: int

    def read(self, reader: _Reader, what: str) -> int:
        return int.from_bytes(reader.take(self.size, what))

    def write(self, value: object, what: str) -> bytes:
        if type(value) is not int or not 0 <= value < 1 << 8 * self.size:
            raise _invalid(what, f"{value!r} is no whole number of {self.size} bytes")
        return value.to_bytes(self.size)


class _Address:
    def read(self, reader: _Reader, what: str) -> str:
        return hexes.address_text(reader.take(hexes.ADDRESS_BYTES, what))

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, str):
            raise _invalid(what, f"{value!r} is no hex text")
        return hexes.address_bytes(value)


class _Word:
    def read(self, reader: _Reader, what: str) -> bytes:
        return reader.take(hexes.WORD_BYTES, what)

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, bytes):
            raise _invalid(what, f"{value!r} is not bytes")
        return hexes.word(value)


class _Lot:
    def read(self, reader: _Reader, what: str) -> str:
        offset = reader.at
        try:
            return identifiers.lot_text(reader.take(identifiers.LOT_LENGTH, what))
        except identifiers.IdentifierError as error:
            raise reader.invalid(offset, what, error.message) from error

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, str):
            raise _invalid(what, f"{value!r} is no lot")
        return identifiers.lot_bytes(value)


class _Flag:
    def read(self, reader: _Reader, what: str) -> bool:
        value = reader.take(1, what)[0]
        if value > 1:
            raise reader.invalid(reader.at - 1, what, f"{value} is neither 0 nor 1")
        return bool(value)

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, bool):
            raise _invalid(what, f"{value!r} is neither True nor False")
        return bytes([value])


class _Payload:
    """The rest of the record. Only what the contract checks is checked here: size and braces."""

    def read(self, reader: _Reader, what: str) -> bytes:
        offset = reader.at
        payload = reader.rest()
        if fault := self._fault(payload):
            raise reader.invalid(offset, what, fault)
        return payload

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, bytes):
            raise _invalid(what, "not bytes")
        if fault := self._fault(value):
            raise _invalid(what, fault)
        return value

    @staticmethod
    def _fault(payload: bytes) -> str:
        if len(payload) > MAX_PAYLOAD:
            return f"{len(payload)} bytes where {MAX_PAYLOAD} are allowed"
        if len(payload) < len(b"{}") or not (payload[:1] == b"{" and payload[-1:] == b"}"):
            return "not a JSON object"
        return ""


class _Reason:
    """The rest of the record. The contract does not check that it is UTF-8, so it stays bytes."""

    def read(self, reader: _Reader, what: str) -> bytes:
        offset = reader.at
        reason = reader.rest()
        if not 1 <= len(reason) <= MAX_REASON:
            raise reader.invalid(
                offset, what, f"{len(reason)} bytes where 1 to {MAX_REASON} are right"
            )
        return reason

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, bytes) or not 1 <= len(value) <= MAX_REASON:
            raise _invalid(what, f"not 1 to {MAX_REASON} bytes")
        return value


@dataclass(frozen=True, slots=True)
class _Many:
    """A count and as many items of one class."""

    item: type
    least: int

    def read(self, reader: _Reader, what: str) -> tuple[object, ...]:
        offset = reader.at
        count = int.from_bytes(reader.take(_COUNT_BYTES, f"number of {what}"))
        if not self.least <= count <= MAX_ITEMS:
            raise reader.invalid(
                offset, what, f"{count} where {self.least} to {MAX_ITEMS} are right"
            )
        return tuple(_read(self.item, reader, f"{what}[{i}].") for i in range(count))

    def write(self, value: object, what: str) -> bytes:
        if not isinstance(value, tuple) or not self.least <= len(value) <= MAX_ITEMS:
            raise _invalid(what, f"not a tuple of {self.least} to {MAX_ITEMS}")
        for i, item in enumerate(value):
            if type(item) is not self.item:
                raise _invalid(f"{what}[{i}]", f"not a {self.item.__name__}")
        parts = (_write(item, f"{what}[{i}].") for i, item in enumerate(value))
        return len(value).to_bytes(_COUNT_BYTES) + b"".join(parts)


_layouts: Final[dict[type, tuple[tuple[str, _Codec], ...]]] = {}


def _layout(cls: type) -> tuple[tuple[str, _Codec], ...]:
    """Give the fields of a body in the order of its bytes."""
    if cls not in _layouts:
        hints = get_type_hints(cls, include_extras=True)
        names = [field.name for field in dataclasses.fields(cls)]
        _layouts[cls] = tuple((name, hints[name].__metadata__[0]) for name in names)
    return _layouts[cls]


def _read(cls: type[_T], reader: _Reader, prefix: str = "") -> _T:
    return cls(**{name: codec.read(reader, prefix + name) for name, codec in _layout(cls)})


def _write(value: object, prefix: str = "") -> bytes:
    layout = _layout(type(value))
    return b"".join(codec.write(getattr(value, name), prefix + name) for name, codec in layout)


U16 = Annotated[int, _Unsigned(2)]
U32 = Annotated[int, _Unsigned(4)]
U40 = Annotated[int, _Unsigned(5)]
U64 = Annotated[int, _Unsigned(8)]
U96 = Annotated[int, _Unsigned(12)]
U128 = Annotated[int, _Unsigned(16)]
U256 = Annotated[int, _Unsigned(32)]
Address = Annotated[str, _Address()]
Word = Annotated[bytes, _Word()]
Lot = Annotated[str, _Lot()]
Flag = Annotated[bool, _Flag()]
Payload = Annotated[bytes, _Payload()]
Reason = Annotated[bytes, _Reason()]

# ---------------------------------------------------------------------- bodies


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery in a batch: net grams, grade factor in basis points."""

    receipt: U64
    farmer: Address
    grams: U40
    grade_bps: U16


@dataclass(frozen=True, slots=True)
class Parent:
    """A batch that went into another one, and how much of it in milligrams."""

    batch: Word
    milligrams: U64


class Body:
    """What a record says beyond its header; one class for each kind."""

    __slots__ = ()

    KIND: ClassVar[Kind]


class ReasonBody(Body):
    """A body that ends in a reason."""

    __slots__ = ()

    reason: Reason

    @property
    def text(self) -> str:
        """The reason to show; what is not UTF-8 in it shows as U+FFFD."""
        return self.reason.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Collected(Body):
    """Deliveries entered ahead of the registration."""

    KIND = Kind.COLLECTED
    entries: Annotated[tuple[Entry, ...], _Many(Entry, least=1)]


@dataclass(frozen=True, slots=True)
class Registered(Body):
    """A batch made from deliveries."""

    KIND = Kind.REGISTERED
    gtin: U64
    lot: Lot
    terms: U32
    units: U64
    milligrams_per_unit: U32
    loss_milligrams: U64
    price: U96
    entries: Annotated[tuple[Entry, ...], _Many(Entry, least=0)]
    payload: Payload


@dataclass(frozen=True, slots=True)
class Derived(Body):
    """A batch made from batches."""

    KIND = Kind.DERIVED
    gtin: U64
    lot: Lot
    terms: U32
    units: U64
    milligrams_per_unit: U32
    transformation: U32
    price: U96
    parents: Annotated[tuple[Parent, ...], _Many(Parent, least=1)]
    payload: Payload


@dataclass(frozen=True, slots=True)
class Consumed(Body):
    """Units that went into a transformation."""

    KIND = Kind.CONSUMED
    transformation: U32
    units: U64


@dataclass(frozen=True, slots=True)
class Production(Body):
    """A production event."""

    KIND = Kind.PRODUCTION
    payload: Payload


@dataclass(frozen=True, slots=True)
class Inspection(Body):
    """An inspection; a non-conformant one holds the batch."""

    KIND = Kind.INSPECTION
    conformant: Flag
    payload: Payload


@dataclass(frozen=True, slots=True)
class Logistics(Body):
    """A logistics event."""

    KIND = Kind.LOGISTICS
    payload: Payload


@dataclass(frozen=True, slots=True)
class Readings(Body):
    """Sensor readings, by the root of their Merkle tree (`yuanliu.members`)."""

    KIND = Kind.READINGS
    root: Word
    count: U32
    payload: Payload


@dataclass(frozen=True, slots=True)
class Corrected(Body):
    """A record declared wrong, and the one that corrects it, each named by the journal head after it."""

    KIND = Kind.CORRECTED
    wrong: Word
    corrective: Word
    payload: Payload


@dataclass(frozen=True, slots=True)
class Priced(Body):
    """A new price of one unit."""

    KIND = Kind.PRICED
    price: U96


@dataclass(frozen=True, slots=True)
class Sold(Body):
    """A sale and how its amount was shared. The payer is the record's actor."""

    KIND = Kind.SOLD
    order: U256
    buyer: Address
    units: U64
    amount: U128
    farmers: U128
    cooperative: U128
    platform: U128


@dataclass(frozen=True, slots=True)
class Offered(Body):
    """Units offered to a receiver; `offer` is the offer's number within the batch, from 1."""

    KIND = Kind.OFFERED
    offer: U32
    receiver: Address
    units: U64


@dataclass(frozen=True, slots=True)
class Accepted(Body):
    """An offer taken."""

    KIND = Kind.ACCEPTED
    offer: U32


@dataclass(frozen=True, slots=True)
class Refused(ReasonBody):
    """An offer refused."""

    KIND = Kind.REFUSED
    offer: U32
    reason: Reason


@dataclass(frozen=True, slots=True)
class Withdrawn(Body):
    """An offer taken back by its sender."""

    KIND = Kind.WITHDRAWN
    offer: U32


@dataclass(frozen=True, slots=True)
class Released(ReasonBody):
    """A hold ended by a regulator."""

    KIND = Kind.RELEASED
    reason: Reason


@dataclass(frozen=True, slots=True)
class Recalled(ReasonBody):
    """A recall."""

    KIND = Kind.RECALLED
    reason: Reason


@dataclass(frozen=True, slots=True)
class RecallLifted(ReasonBody):
    """A recall lifted."""

    KIND = Kind.RECALL_LIFTED
    reason: Reason


BODIES: Final[Mapping[Kind, type[Body]]] = MappingProxyType(
    {
        body.KIND: body
        for body in (
            Collected,
            Registered,
            Derived,
            Consumed,
            Production,
            Inspection,
            Logistics,
            Readings,
            Corrected,
            Priced,
            Sold,
            Offered,
            Accepted,
            Refused,
            Withdrawn,
            Released,
            Recalled,
            RecallLifted,
        )
    }
)
"""The body of each kind; `Kind.NONE` has none and is never recorded."""

# ---------------------------------------------------------------------- records


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `actor` acted, with the key `signer`; `time` is the block's, in seconds UTC.

    Its number is its place in the journal, from 0; the bytes do not repeat it.
    """

    version: ClassVar[int] = VERSION

    time: U64
    actor: Address
    signer: Address
    body: Body

    @property
    def kind(self) -> Kind:
        """The kind, which is its body's."""
        return self.body.KIND


_HEADER: Final = tuple(
    (name, get_type_hints(Record, include_extras=True)[name].__metadata__[0])
    for name in ("time", "actor", "signer")
)


def decode(record: bytes) -> Record:
    """Read a record. Raises `RecordError` for a byte too few, too many or wrong, naming its offset."""
    reader = _Reader(record)
    version = reader.take(1, "version")[0]
    if version != VERSION:
        raise RecordError(
            "record.version_unknown",
            f"record version {version}, at byte 0",
            hint=f"this program reads version {VERSION}; a newer one may read this",
            fields={"offset": 0, "version": version},
        )
    body = _body_class(reader.take(1, "kind")[0])
    header = {name: codec.read(reader, name) for name, codec in _HEADER}
    read = Record(**header, body=_read(body, reader))
    reader.end()
    return read


def encode(record: Record) -> bytes:
    """Write a record. Raises `RecordError` or `HexError` for a value that its field cannot hold."""
    header = b"".join(codec.write(getattr(record, name), name) for name, codec in _HEADER)
    return bytes([VERSION, record.kind]) + header + _write(record.body)


def _body_class(number: int) -> type[Body]:
    if number not in BODIES:
        raise RecordError(
            "record.kind_unknown",
            f"record kind {number}, at byte 1",
            hint=f"kinds are 1 to {max(BODIES)}; a newer program may know this one",
            fields={"offset": 1, "kind": number},
        )
    return BODIES[Kind(number)]
