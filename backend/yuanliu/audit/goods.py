"""Batches, replayed record by record: journals, what they were made of, who holds their units, hold and recall."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from yuanliu import journal, records
from yuanliu.audit.custody import Custody
from yuanliu.audit.facts import (
    CARRIER,
    COOPERATIVE,
    FARMER,
    HELD,
    INSPECTOR,
    NOBODY,
    RECALLED,
    REGISTERED,
    REGULATOR,
    RETAILER,
    Batch,
)
from yuanliu.audit.making import Making
from yuanliu.audit.rules import Rule
from yuanliu.audit.sales import Sales
from yuanliu.audit.scene import Scene, roles_text, say
from yuanliu.audit.trade import Trade
from yuanliu.audit.words import TAGS, of_record
from yuanliu.chain.words import word
from yuanliu.errors import YuanliuError
from yuanliu.records import Kind

_WORD: Final = 32
_RECORD_AT: Final = 3 * _WORD
_OFFSET: Final = (2 * _WORD).to_bytes(_WORD)
_HEADER: Final = 50
_SOLD_BYTES: Final = 124

_WRITERS: Final = {
    Kind.PRODUCTION: FARMER,
    Kind.LOGISTICS: CARRIER | RETAILER,
    Kind.READINGS: CARRIER | RETAILER | INSPECTOR,
    Kind.CORRECTED: FARMER | INSPECTOR | CARRIER | RETAILER | REGULATOR,
}
"""Who besides the batch's cooperative may write events of a kind; a farmer, only on his own cooperative's."""

_FULL_ROLES: Final = (1 << 16) - 1
_BEFORE_REGISTERED: Final = frozenset({Kind.COLLECTED, Kind.REGISTERED, Kind.DERIVED})

Act = Callable[[bytes, Batch, bytes, Any], None]
"""Takes a batch's id, the batch, the actor and the record's body."""


class Goods:
    """Replays the records of all batches."""

    def __init__(self, scene: Scene, trade: Trade, custody: Custody, sales: Sales) -> None:
        self._scene = scene
        self._custody = custody
        self._sales = sales
        self._making = making = Making(scene, trade, custody)
        self._contract = "0x" + scene.batches_address.hex()
        self._acts: dict[Kind, Act] = {
            Kind.COLLECTED: making.collected,
            Kind.REGISTERED: making.registered,
            Kind.DERIVED: making.derived,
            Kind.CONSUMED: making.consumed,
            Kind.READINGS: self._readings,
            Kind.CORRECTED: self._corrected,
            Kind.INSPECTION: self._inspected,
            Kind.PRICED: self._priced,
            Kind.OFFERED: custody.offered,
            Kind.ACCEPTED: custody.accepted,
            Kind.REFUSED: custody.refused,
            Kind.WITHDRAWN: custody.withdrawn,
            Kind.RELEASED: self._released,
            Kind.RECALLED: self._recalled,
            Kind.RECALL_LIFTED: self._lifted,
        }

    # ------------------------------------------------------------------ a record

    def recorded(self, topics: Sequence[str], data: bytes) -> None:
        """Take a record. Raises `ValueError` for a log that is none of the contract's."""
        length = int.from_bytes(data[64:96])
        record = data[_RECORD_AT : _RECORD_AT + length]
        padded = _RECORD_AT + (length + 31 & ~31)
        if len(topics) != 2 or data[_WORD : 2 * _WORD] != _OFFSET or len(data) != padded:  # noqa: PLR2004
            raise ValueError("no record")
        id_ = word(topics[1])
        batch = self._chained(id_, data[:_WORD], record)
        if length < _HEADER or record[0] != records.VERSION:
            self._malformed(id_, "the header of a record", f"{length} bytes")
            return
        scene = self._scene
        if (time := int.from_bytes(record[2:10])) != scene.time:
            scene.wrong(Rule.RECORD_TIME, scene.time, time, batch=id_)
        kind, actor, signer = record[1], record[10:30], record[30:50]
        if tag := TAGS.get(kind):
            scene.tell(tag, signer, of_record(kind, id_, record[_HEADER:]), batch=id_)
        if kind == Kind.SOLD:
            if length != _HEADER + _SOLD_BYTES:
                self._malformed(id_, f"{_HEADER + _SOLD_BYTES} bytes", length)
                return
            self._sold(id_, batch, actor, signer, record[_HEADER:])
        else:
            try:
                body = records.decode(record).body
            except YuanliuError as error:
                self._malformed(id_, error.hint, error.message)
                return
            self._act(id_, batch, body, actor, signer)
        scene.batches.put(id_, batch)

    def _chained(self, id_: bytes, previous: bytes, record: bytes) -> Batch:
        """Hang a record on its batch's journal."""
        batch = self.batch(id_)
        if previous != batch.head:
            self._scene.wrong(
                Rule.JOURNAL_BROKEN, batch.head, previous, what=f"record {batch.records}", batch=id_
            )
        batch.head = sha256(previous + sha256(record).digest()).digest()
        batch.records += 1
        self._scene.count("records")
        self._scene.batches.put(id_, batch)
        return batch

    def batch(self, id_: bytes) -> Batch:
        """Give a batch; one of which nothing was heard yet has the head that its journal begins with."""
        found = self._scene.batches.get(id_)
        if found is None:
            found = Batch(journal.genesis(self._scene.chain_id, self._contract, id_))
            self._scene.batches.put(id_, found)
        return found

    def _malformed(self, id_: bytes, expected: object, found: object) -> None:
        self._scene.wrong(Rule.RECORD_MALFORMED, expected, found, batch=id_)

    def _act(
        self, id_: bytes, batch: Batch, body: records.Body, actor: bytes, signer: bytes
    ) -> None:
        scene, kind = self._scene, body.KIND
        if kind not in _BEFORE_REGISTERED and not batch.flags & REGISTERED:
            scene.wrong(
                Rule.BATCH_INVALID, "a registered batch", "none", what=kind.name.lower(), batch=id_
            )
        self._check_author(id_, batch, kind, actor, signer)
        if act := self._acts.get(kind):
            act(id_, batch, actor, body)
        self._custody.none_left(id_)

    def _check_author(
        self, id_: bytes, batch: Batch, kind: Kind, actor: bytes, signer: bytes
    ) -> None:
        scene, own = self._scene, actor == batch.cooperative
        needed = 0
        if kind in _WRITERS:
            roles = scene.author(actor, signer, 0, batch=id_)
            known = scene.actors.get(actor)
            is_farmer = known is not None and known.enroller == batch.cooperative
            allowed = _WRITERS[kind] & (_FULL_ROLES if is_farmer else ~FARMER)
            if not own and not roles & allowed:
                scene.wrong(
                    Rule.AUTHOR_ROLE,
                    roles_text(_WRITERS[kind]),
                    roles_text(roles),
                    batch=id_,
                    actor=actor,
                )
            return
        if kind in {Kind.COLLECTED, Kind.REGISTERED, Kind.DERIVED, Kind.CONSUMED, Kind.PRICED}:
            needed = COOPERATIVE
        elif kind is Kind.INSPECTION:
            needed = INSPECTOR
        elif kind is Kind.RELEASED:
            needed = REGULATOR
        elif kind in {Kind.RECALLED, Kind.RECALL_LIFTED}:
            needed = COOPERATIVE | REGULATOR
        roles = scene.author(actor, signer, needed, batch=id_)
        bound = kind is Kind.PRICED or (kind is Kind.RECALLED and not roles & REGULATOR)
        if bound and not own:
            scene.wrong(
                Rule.AUTHOR_ROLE,
                f"the batch's cooperative {say(batch.cooperative)}",
                actor,
                batch=id_,
            )

    # ------------------------------------------------------------------ events, price, safety

    def _readings(self, id_: bytes, _batch: Batch, _actor: bytes, body: records.Readings) -> None:
        key = id_ + body.root
        if not any(body.root) or not body.count or self._scene.readings.get(key):
            self._making.invalid(id_, "a new root of some readings", body.root)
        self._scene.readings.put(key, True)  # noqa: FBT003 -- the entry is all there is to it

    def _corrected(self, id_: bytes, _batch: Batch, _actor: bytes, body: records.Corrected) -> None:
        if body.wrong == body.corrective or not any(body.wrong) or not any(body.corrective):
            self._making.invalid(id_, "two different records", body.wrong)

    def _inspected(self, _id: bytes, batch: Batch, _actor: bytes, body: records.Inspection) -> None:
        batch.flags = batch.flags & ~HELD if body.conformant else batch.flags | HELD

    def _released(self, id_: bytes, batch: Batch, _actor: bytes, _body: records.Released) -> None:
        if not batch.flags & HELD:
            self._scene.wrong(Rule.SAFETY_UNFOUNDED, "held", "not held", batch=id_)
        batch.flags &= ~HELD

    def _recalled(self, id_: bytes, batch: Batch, actor: bytes, _body: records.Recalled) -> None:
        known = self._scene.actors.get(actor)
        takes_over = (
            known is not None
            and bool(known.roles & REGULATOR)
            and batch.recalled_by == batch.cooperative != actor
        )
        if batch.flags & RECALLED and not takes_over:
            self._scene.wrong(Rule.SAFETY_UNFOUNDED, "not recalled", "recalled", batch=id_)
        batch.flags |= RECALLED
        batch.recalled_by = actor
        self._scene.count("recalls")

    def _lifted(self, id_: bytes, batch: Batch, actor: bytes, _body: records.RecallLifted) -> None:
        known = self._scene.actors.get(actor)
        if not batch.flags & RECALLED:
            self._scene.wrong(Rule.SAFETY_UNFOUNDED, "recalled", "not recalled", batch=id_)
        elif actor != batch.recalled_by and not (known and known.roles & REGULATOR):
            self._scene.wrong(Rule.AUTHOR_ROLE, batch.recalled_by, actor, batch=id_)
        batch.flags &= ~RECALLED
        batch.recalled_by = NOBODY

    def _priced(self, id_: bytes, batch: Batch, _actor: bytes, body: records.Priced) -> None:
        self._making.check_price(id_, body.price, self._making.terms(id_, batch.terms))
        batch.price = body.price

    # ------------------------------------------------------------------ sale

    def _sold(self, id_: bytes, batch: Batch, actor: bytes, signer: bytes, body: bytes) -> None:
        scene = self._scene
        if not batch.flags & REGISTERED:
            self._making.invalid(id_, "a registered batch", "none")
        if actor != signer:
            scene.wrong(Rule.AUTHOR_KEY, actor, signer, batch=id_)
        scene.need((actor,), "payer")
        buyer, units = body[32:52], int.from_bytes(body[52:60])
        if not units or buyer in {NOBODY, scene.batches_address}:
            self._making.invalid(id_, "units for a buyer", f"{units} for {say(buyer)}")
        self._custody.check_movable(id_, batch)
        self._custody.move(id_, batch.cooperative, buyer, units)
        self._custody.none_left(id_)
        batch.sold += units
        terms = self._making.terms(id_, batch.terms)
        self._sales.sold(id_, batch, terms, actor, body)

    # ------------------------------------------------------------------ all

    def end(self) -> None:
        """Look at what a transaction left open: called when it is over."""
        self._making.end()
        for id_ in self._custody.unrecorded():
            self.batch(id_)  # so that its head is asked for
        self._custody.end()
