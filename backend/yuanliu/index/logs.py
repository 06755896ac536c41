"""The logs beside the journals: each kind by hand, from its topics and data to rows of one table.

`Reader`s take (topics in hex, data, place, time, transaction). Layouts: `contracts/interfaces`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from yuanliu.chain.words import (
    address,
    address_at,
    bytes_at,
    number,
    number_at,
    word,
    words_at,
)
from yuanliu.index.abi import Row, money
from yuanliu.index.tables import wrap

Reader = Callable[[Sequence[str], bytes, int, int, bytes], Iterable[Row]]

_ONE_WORD: Final = 32


def _moved(topics: Sequence[str], data: bytes, place: int, _time: int, _tx: bytes) -> Iterable[Row]:
    units = wrap(number_at(data, 1, 64))
    return ((place, 0, data[:_ONE_WORD], address(topics[2]), address(topics[3]), units),)


def _moved_many(
    topics: Sequence[str], data: bytes, place: int, _time: int, _tx: bytes
) -> Iterable[Row]:
    sender, receiver = address(topics[2]), address(topics[3])
    return [
        (place, i, batch, sender, receiver, wrap(number(units, 64)))
        for i, (batch, units) in enumerate(zip(words_at(data, 0), words_at(data, 1), strict=True))
    ]


def _booked(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    row = (
        place,
        address(topics[1]),
        _receipt(topics),
        address(topics[3]),
        number_at(data, 0, 63),
        number_at(data, 1, 40),
        number_at(data, 2, 16),
        money(number_at(data, 3, 96), 29),
        number_at(data, 4, 32),
        address_at(data, 5),
        time,
        tx,
    )
    return (row,)


def _voided(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    reason, signer = bytes_at(data, 0), address_at(data, 1)
    return ((place, address(topics[1]), _receipt(topics), reason, signer, time, tx),)


def _entered(
    topics: Sequence[str], _data: bytes, place: int, _time: int, _tx: bytes
) -> Iterable[Row]:
    return ((place, address(topics[1]), _receipt(topics), word(topics[3])),)


def _receipt(topics: Sequence[str]) -> int:
    return wrap(number(word(topics[2]), 64))


# ---------------------------------------------------------------------- actors and terms


def _enrolled(
    topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes
) -> Iterable[Row]:
    code = data[_ONE_WORD : _ONE_WORD + 16].rstrip(b"\0").decode("ascii")
    roles, signer = number_at(data, 0, 16), address_at(data, 2)
    return ((place, address(topics[1]), address(topics[2]), roles, code, signer, time, tx),)


Change = tuple[bytes | None, bytes | None, bytes | None, bytes | None, int | None]
"""Who did it, the key, the old key, the reason, from when it can be completed."""

_CHANGES: Final[Mapping[str, Callable[[Sequence[str], bytes], Change]]] = {
    "ActorSuspended": lambda t, d: (address(t[2]), None, None, bytes_at(d, 0), None),
    "ActorReinstated": lambda t, d: (address(t[2]), None, None, bytes_at(d, 0), None),
    "ClerkAppointed": lambda t, _: (None, address(t[2]), None, None, None),
    "ClerkDismissed": lambda t, _: (None, address(t[2]), None, None, None),
    "KeyRotated": lambda t, _: (None, address(t[3]), address(t[2]), None, None),
    "RecoveryProposed": lambda t, d: (
        address(t[2]),
        address_at(d, 0),
        None,
        None,
        number_at(d, 1, 40),
    ),
    "RecoveryCancelled": lambda t, _: (address(t[2]), None, None, None, None),
    "PayoutRedirected": lambda t, _: (None, address(t[2]), None, None, None),
}


def _changed(kind: str) -> tuple[str, Reader]:
    read = _CHANGES[kind]

    def change(
        topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes
    ) -> Iterable[Row]:
        return ((place, address(topics[1]), kind, *read(topics, data), time, tx),)

    return "actor_change", change


def _token(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    listed = bool(number_at(data, 0, 1))
    return ((place, address(topics[1]), listed, address(topics[2]), time, tx),)


def _product(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    gtin, unit = number(word(topics[1]), 63), data[:3].decode("ascii")
    return ((place, gtin, address(topics[2]), unit, address_at(data, 1), time, tx),)


def _terms(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    row = (
        place,
        number(word(topics[1]), 32),
        number(word(topics[2]), 63),
        address(topics[3]),
        address_at(data, 0),
        number_at(data, 1, 16),
        number_at(data, 2, 16),
        number_at(data, 3, 16),
        address_at(data, 4),
        money(number_at(data, 5, 96), 29),
        address_at(data, 6),
        address_at(data, 7),
        time,
        tx,
    )
    return (row,)


def _authority(
    topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes
) -> Iterable[Row]:
    return ((place, address(topics[1]), address(topics[2]), address_at(data, 0), time, tx),)


# ---------------------------------------------------------------------- money


def _claimed(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    member = word(topics[2])
    row = (
        place,
        word(topics[1]),
        member
        if any(member[:12])
        else member[12:],  # a parent's id is never as short as an address
        number_at(data, 0, 31),
        money(number_at(data, 1, 96), 29),
        address_at(data, 2),
        time,
        tx,
    )
    return (row,)


def _settled(topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes) -> Iterable[Row]:
    received, amount = (money(number_at(data, at, 96), 29) for at in (1, 2))
    return ((place, word(topics[1]), number_at(data, 0, 31), received, amount, time, tx),)


def _credited(
    topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes
) -> Iterable[Row]:
    amount = money(number_at(data, 0, 256), 78)
    return ((place, address(topics[1]), address(topics[2]), amount, word(topics[3]), time, tx),)


def _withdrawn(
    topics: Sequence[str], data: bytes, place: int, time: int, tx: bytes
) -> Iterable[Row]:
    amount, receiver = money(number_at(data, 0, 256), 78), address_at(data, 1)
    return ((place, address(topics[1]), address(topics[2]), amount, receiver, time, tx),)


READERS: Final[Mapping[str, Mapping[str, tuple[str, Reader]]]] = {
    "Actors": {
        "ActorEnrolled": ("actor", _enrolled),
        **{kind: _changed(kind) for kind in _CHANGES},
    },
    "Catalogue": {
        "TokenListed": ("token", _token),
        "ProductListed": ("product", _product),
        "TermsPublished": ("terms", _terms),
        "TermsAuthorityChanged": ("terms_authority", _authority),
    },
    "Deliveries": {
        "DeliveryBooked": ("delivery", _booked),
        "DeliveryVoided": ("delivery_voided", _voided),
        "DeliveryEntered": ("delivery_entered", _entered),
    },
    "Batches": {
        "TransferSingle": ("move", _moved),
        "TransferBatch": ("move", _moved_many),
    },
    "Payments": {
        "Claimed": ("claim", _claimed),
        "Settled": ("settlement", _settled),
        "Credited": ("credit", _credited),
        "Withdrawn": ("withdrawal", _withdrawn),
    },
}
"""The table and the reader of each event, by contract. Left out: what follows from others, and who relayed what."""
