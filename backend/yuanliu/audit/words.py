"""What signed calls say, in the very form in which the logs that they leave say it: both are compared byte by byte.

What a contract adds of its own (time, numbers it gives, terms in force, shares) is left out here; other rules judge it.
An act is (tag, who, content): `who` is the signer where the log names him, else the actor he stands for.
"""

from collections.abc import Callable, Iterator
from typing import Final

from yuanliu import journal
from yuanliu.audit.scene import Act
from yuanliu.chain.bindings import Contract
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.words import bytes_at, number_at, word_at, words_at
from yuanliu.hexes import address_bytes
from yuanliu.identifiers import lot_text
from yuanliu.records import Kind

_WORD: Final = 32
_SELECTOR: Final = 4
_ENTRY: Final = 35
_PARENT: Final = 40
_REGISTERED: Final = 64
_DERIVED: Final = 60
_COUNT: Final = 2
_TERMS_WORDS: Final = 7
_ORDER_WORDS: Final = 3

TAGS: Final = {int(kind): kind.name.lower() for kind in Kind if kind is not Kind.NONE}
RECORDS: Final = frozenset(TAGS.values())
"""Tags of acts that stand in a journal; their content begins with the batch."""

DELIVERIES: Final = frozenset({"delivery", "delivery voided"})
"""Tags of acts whose content begins with the number of a receipt."""

Read = Callable[[bytes, bytes], Iterator[Act]]
"""Gives what a call's arguments say; takes the signer first."""


def of_record(kind: int, batch: bytes, body: bytes) -> bytes:
    """Give what the author of a record said in it: its batch, and of its body what the contract did not add."""
    if kind == Kind.SOLD:
        said = body[:76]
    elif kind == Kind.REGISTERED:
        entries = body[_REGISTERED + _COUNT :]
        size = _ENTRY * int.from_bytes(body[_REGISTERED : _REGISTERED + _COUNT])
        said = body[:28] + body[32:_REGISTERED] + _receipts(entries[:size]) + entries[size:]
    elif kind == Kind.DERIVED:
        size = _PARENT * int.from_bytes(body[_DERIVED : _DERIVED + _COUNT])
        said = body[:28] + body[32:44] + body[48:_DERIVED] + body[_DERIVED + _COUNT + size :]
    elif kind == Kind.COLLECTED:
        said = _receipts(body[_COUNT:])
    elif kind in {Kind.CONSUMED, Kind.OFFERED}:
        said = body[4:]
    else:
        said = body
    return batch + said


def _receipts(entries: bytes) -> bytes:
    listed = [entries[at : at + 8] for at in range(0, len(entries), _ENTRY)]
    return len(listed).to_bytes(_COUNT) + b"".join(listed)


class Words:
    """Reads calls. `actor_of` gives whom a key stands for, or stood for when it was retired."""

    def __init__(self, deployment: Deployment, actor_of: Callable[[bytes], bytes]) -> None:
        self._actor_of = actor_of
        self._reads: dict[tuple[bytes, bytes], Read] = {}
        self._add(
            deployment.actors,
            enrol=self._enrol,
            appointClerk=self._by_actor("clerk", 20),
            dismissClerk=self._by_actor("clerk dismissed", 20),
            rotateKey=self._by_actor("key", 20),
            redirectPayout=self._by_actor("payout", 20),
            proposeRecovery=self._by_actor("recovery", 20, 20),
            cancelRecovery=self._by_actor("recovery cancelled", 20),
            suspend=self._with_reason("suspended"),
            reinstate=self._with_reason("reinstated"),
        )
        self._add(
            deployment.catalogue,
            listToken=self._by_actor("token", 20, 1),
            listProduct=self._by_actor("product", 8, 20, -3),
            publishTerms=self._by_actor("terms", 8, *(32,) * _TERMS_WORDS),
            setTermsAuthority=self._by_actor("terms authority", 20, 20),
        )
        self._add(deployment.deliveries, book=self._book, voidDelivery=self._void)
        self._add(
            deployment.batches,
            collect=self._collect,
            register=self._register,
            transform=self._transform,
            record=self._event,
            inspect=self._record(Kind.INSPECTION, 1, last=2),
            anchor=self._record(Kind.READINGS, 32, 4, last=3),
            correct=self._record(Kind.CORRECTED, 32, 32, last=3),
            setPrice=self._record(Kind.PRICED, 12),
            offer=self._record(Kind.OFFERED, 20, 8),
            accept=self._record(Kind.ACCEPTED, 4),
            refuse=self._record(Kind.REFUSED, 4, last=2),
            withdraw=self._record(Kind.WITHDRAWN, 4),
            release=self._record(Kind.RELEASED, last=1),
            recall=self._record(Kind.RECALLED, last=1),
            liftRecall=self._record(Kind.RECALL_LIFTED, last=1),
        )
        self._add(
            deployment.payments,
            pay=self._pay,
            payWithPermit=self._pay,
            payWithAuthorization=self._pay_authorized,
            claimTo=self._claim_to,
            withdrawTo=self._withdraw_to,
        )

    def _add(self, contract: Contract, **reads: Read) -> None:
        to = address_bytes(contract.address)
        self._reads |= {(to, contract.selector(name)): read for name, read in reads.items()}

    def of(self, signer: bytes, to: bytes, data: bytes) -> list[Act]:
        """Give the acts that a call says, if it succeeded. Raises `ValueError` for one that cannot have."""
        read = self._reads.get((to, data[:_SELECTOR]))
        return [] if read is None else list(read(signer, data[_SELECTOR:]))

    # ------------------------------------------------------------------ calls whose arguments are plain

    def _by_actor(self, tag: str, *sizes: int) -> Read:
        """Read words, of each so many bytes at its right, or at its left if the size is negative."""

        def read(signer: bytes, data: bytes) -> Iterator[Act]:
            yield Act(tag, self._actor_of(signer), _joined(data, 0, sizes))

        return read

    def _with_reason(self, tag: str) -> Read:
        def read(signer: bytes, data: bytes) -> Iterator[Act]:
            yield Act(tag, self._actor_of(signer), word_at(data, 0)[12:] + bytes_at(data, 1))

        return read

    def _record(self, kind: Kind, *sizes: int, last: int | None = None) -> Read:
        """Read a record whose body is the words after the batch, and the text at word `last`."""
        tag = kind.name.lower()

        def read(signer: bytes, data: bytes) -> Iterator[Act]:
            text = b"" if last is None else bytes_at(data, last)
            yield Act(tag, signer, word_at(data, 0) + _joined(data, 1, sizes) + text)

        return read

    # ------------------------------------------------------------------ people and deliveries

    def _enrol(self, signer: bytes, data: bytes) -> Iterator[Act]:
        yield Act("enrolled", signer, _joined(data, 0, (20, 2, -16)))

    def _book(self, signer: bytes, data: bytes) -> Iterator[Act]:
        listed = data[number_at(data, 0, 32) :]
        for i in range(number_at(listed, 0, 16)):
            yield Act("delivery", signer, _joined(listed, 1 + 6 * i, (8, 20, 8, 5, 2, 12)))

    def _void(self, signer: bytes, data: bytes) -> Iterator[Act]:
        yield Act("delivery voided", signer, word_at(data, 0)[24:] + bytes_at(data, 1))

    # ------------------------------------------------------------------ batches

    def _event(self, signer: bytes, data: bytes) -> Iterator[Act]:
        kind = Kind(number_at(data, 1, 8))
        yield Act(kind.name.lower(), signer, word_at(data, 0) + bytes_at(data, 2))

    def _collect(self, signer: bytes, data: bytes) -> Iterator[Act]:
        batch = self._batch(signer, data)
        yield Act("collected", signer, batch + _counted(words_at(data, 2)))

    def _register(self, signer: bytes, data: bytes) -> Iterator[Act]:
        batch = self._batch(signer, data)
        said = word_at(data, 0)[24:] + word_at(data, 1)[:20] + _joined(data, 2, (8, 4, 8, 12))
        receipts = _counted(words_at(data, 6))
        yield Act("registered", signer, batch + said + receipts + bytes_at(data, 7))

    def _transform(self, signer: bytes, data: bytes) -> Iterator[Act]:
        inputs, outputs = (data[number_at(data, i, 32) :] for i in range(2))
        for i in range(number_at(inputs, 0, 16)):
            yield Act("consumed", signer, _joined(inputs, 1 + 2 * i, (32, 8)))
        listed = outputs[_WORD:]
        for i in range(number_at(outputs, 0, 16)):
            output = listed[number_at(listed, i, 32) :]
            batch = self._batch(signer, output)
            said = word_at(output, 0)[24:] + word_at(output, 1)[:20]
            said += _joined(output, 2, (8, 4, 12)) + bytes_at(output, 5)
            yield Act("derived", signer, batch + said)

    def _batch(self, signer: bytes, data: bytes) -> bytes:
        """Give the id of the lot of the signer's cooperative that the first two words name."""
        owner = "0x" + self._actor_of(signer).hex()
        return journal.batch_id(owner, number_at(data, 0, 64), lot_text(word_at(data, 1)[:20]))

    # ------------------------------------------------------------------ money

    def _pay(self, signer: bytes, data: bytes) -> Iterator[Act]:
        order = data[number_at(data, 0, 32) :]
        head = word_at(order, 0) + word_at(order, 1)[12:]
        lines = order[number_at(order, 2, 32) :]
        for i in range(number_at(lines, 0, 16)):
            at = _WORD * (1 + _ORDER_WORDS * i)
            line = lines[at : at + _ORDER_WORDS * _WORD]
            if len(line) < _ORDER_WORDS * _WORD:
                raise ValueError("the order ends within a line")
            yield Act("sold", signer, line[:32] + head + line[56:64] + line[80:])

    def _pay_authorized(self, _signer: bytes, data: bytes) -> Iterator[Act]:
        yield from self._pay(word_at(data, 1)[12:], data)

    def _claim_to(self, signer: bytes, data: bytes) -> Iterator[Act]:
        """Read a claim; of a step by which nothing is due there is no log."""
        to, steps = word_at(data, 0)[12:], data[number_at(data, 1, 32) :]
        listed = steps[_WORD:]
        for i in range(number_at(steps, 0, 16)):
            step = listed[number_at(listed, i, 32) :]
            said = to + word_at(step, 0) + word_at(step, 1)
            yield Act("claimed", self._actor_of(signer), said, sure=False)

    def _withdraw_to(self, _signer: bytes, data: bytes) -> Iterator[Act]:
        yield Act("withdrawn to", b"", _joined(data, 0, (20, 20)))


def _joined(data: bytes, first: int, sizes: tuple[int, ...]) -> bytes:
    words = [word_at(data, first + i) for i in range(len(sizes))]
    return b"".join(
        word[-size:] if size > 0 else word[:-size] for word, size in zip(words, sizes, strict=True)
    )


def _counted(receipts: list[bytes]) -> bytes:
    return len(receipts).to_bytes(_COUNT) + b"".join(receipt[24:] for receipt in receipts)


def difference(signed: bytes, logged: bytes) -> tuple[str, str]:
    """Show two contents from just before the first byte that differs."""
    pairs = enumerate(zip(signed, logged, strict=False))
    at = next((i for i, (one, other) in pairs if one != other), min(len(signed), len(logged)))
    start = max(at - _BEFORE, 0)
    return _shown(signed[start : start + _SHOWN]), _shown(logged[start : start + _SHOWN])


_BEFORE: Final = 8
_SHOWN: Final = 40


def _shown(part: bytes) -> str:
    text = part.decode("utf-8", "ignore")
    if len(text.encode()) >= len(part) - 4 and text.isprintable():
        return f"…{text}…"
    return f"…{part.hex()}…"
