"""Batches, replayed record by record: journals, what they were made of, who holds their units, hold and recall."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from yuanliu import journal, records
from yuanliu.audit.custody import Custody
from yuanliu.audit.facts import (
    CARRIER,
    COOPERATIVE,
    DERIVED,
    FARMER,
    HELD,
    INSPECTOR,
    NOBODY,
    RECALLED,
    REGISTERED,
    REGULATOR,
    RETAILER,
    Batch,
    Terms,
    Transformation,
)
from yuanliu.audit.rules import Rule
from yuanliu.audit.sales import Sales
from yuanliu.audit.scene import Scene, both, roles_text, say
from yuanliu.audit.trade import Trade
from yuanliu.chain.words import word
from yuanliu.errors import YuanliuError
from yuanliu.records import Kind

_WORD: Final = 32
_RECORD_AT: Final = 3 * _WORD
_OFFSET: Final = (2 * _WORD).to_bytes(_WORD)
_HEADER: Final = 50
_SOLD_BYTES: Final = 124
_MILLIGRAMS: Final = 1_000

_WRITERS: Final = {
    Kind.PRODUCTION: FARMER,
    Kind.LOGISTICS: CARRIER | RETAILER,
    Kind.READINGS: CARRIER | RETAILER | INSPECTOR,
    Kind.CORRECTED: FARMER | INSPECTOR | CARRIER | RETAILER | REGULATOR,
}
"""Who besides the batch's cooperative may write events of a kind; a farmer, only on his own cooperative's."""

_BEFORE_REGISTERED: Final = frozenset({Kind.COLLECTED, Kind.REGISTERED, Kind.DERIVED})

Act = Callable[[bytes, Batch, bytes, Any], None]
"""Takes a batch's id, the batch, the actor and the record's body."""


class Goods:
    """Replays the records of all batches."""

    def __init__(self, scene: Scene, trade: Trade, custody: Custody, sales: Sales) -> None:
        self._scene = scene
        self._trade = trade
        self._custody = custody
        self._sales = sales
        self._transformations: dict[int, Transformation] = {}
        self._contract = "0x" + scene.batches_address.hex()
        self._acts: dict[Kind, Act] = {
            Kind.COLLECTED: self._collected,
            Kind.REGISTERED: self._registered,
            Kind.DERIVED: self._derived,
            Kind.CONSUMED: self._consumed,
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
            allowed = _WRITERS[kind] & (FULL_ROLES if is_farmer else ~FARMER)
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

    # ------------------------------------------------------------------ from deliveries

    def _collected(self, id_: bytes, batch: Batch, actor: bytes, body: records.Collected) -> None:
        if batch.flags & REGISTERED:
            self._invalid(id_, "a batch that is still collected", "registered")
        self._enter(id_, batch, actor, body.entries, always=True)

    def _registered(self, id_: bytes, batch: Batch, actor: bytes, body: records.Registered) -> None:
        if batch.flags & REGISTERED:
            self._invalid(id_, "a new batch", "registered")
        self._enter(id_, batch, actor, body.entries, always=False)
        delivered = batch.grams * _MILLIGRAMS
        accounted = body.units * body.milligrams_per_unit + body.loss_milligrams
        if delivered != accounted:
            self._scene.wrong(Rule.MASS_HARVEST, f"{delivered} mg", f"{accounted} mg", batch=id_)
        if not batch.weight:
            self._invalid(id_, "deliveries", "none")
        if body.terms != batch.terms:
            what = f"receipt {body.entries[0].receipt}" if body.entries else ""
            self._scene.wrong(Rule.TERMS_DIFFER, batch.terms, body.terms, what=what, batch=id_)
        self._open(id_, batch, actor, body)

    def _enter(
        self,
        id_: bytes,
        batch: Batch,
        actor: bytes,
        entries: Sequence[records.Entry],
        *,
        always: bool,
    ) -> None:
        """Enter deliveries. The contract keeps the root of a registration's only if the batch has a pool."""
        scene = self._scene
        listed = [(e.receipt, bytes.fromhex(e.farmer[2:]), e.grams, e.grade_bps) for e in entries]
        first = batch.weight == 0
        if first:
            batch.cooperative = actor
        elif batch.cooperative != actor:
            self._invalid(id_, batch.cooperative, actor)
        for receipt, delivery in self._trade.enter(id_, actor, listed):
            if first and not batch.terms:
                batch.terms = delivery.terms
            if delivery.terms != batch.terms:
                scene.wrong(
                    Rule.TERMS_DIFFER,
                    batch.terms,
                    delivery.terms,
                    what=f"receipt {receipt}",
                    batch=id_,
                )
        farmer = listed[0][1] if first and listed else batch.farmer
        chunk = []
        for _, member, grams, grade in listed:
            batch.grams += grams
            batch.weight += grams * grade
            farmer = farmer if member == farmer else b""
            chunk.append((member, grams * grade))
        batch.farmer = farmer
        if chunk and (always or not farmer):
            scene.chunks.put(both(id_, batch.chunks, 4), chunk)
            batch.chunks += 1

    # ------------------------------------------------------------------ from batches

    def _consumed(self, id_: bytes, batch: Batch, actor: bytes, body: records.Consumed) -> None:
        scene, mass = self._scene, body.units * batch.mass
        sum_ = self._transformations.get(body.transformation)
        if sum_ is None:
            sum_ = self._transformations[body.transformation] = Transformation()
            if body.transformation != (expected := scene.count("transformations")):
                self._invalid(id_, f"transformation {expected}", body.transformation)
                scene.count("transformations", body.transformation - expected)
        if not body.units:
            self._invalid(id_, "units", "none")
        self._custody.check_movable(id_, batch)
        terms = self._terms(id_, batch.terms)
        sum_.mass_in += mass
        sum_.floor_in += body.units * terms.floor
        sum_.farmer_bps = max(sum_.farmer_bps, terms.farmer_bps)
        if sum_.inputs and (id_ <= sum_.inputs[-1][0] or terms.token != sum_.token):
            self._invalid(id_, "inputs in order, paid in one token", terms.token)
        sum_.token = terms.token
        sum_.farmer = batch.farmer if sum_.farmer in {None, batch.farmer} else b""
        sum_.inputs.append((id_, mass))
        self._custody.move(id_, actor, NOBODY, body.units)

    def _derived(self, id_: bytes, batch: Batch, actor: bytes, body: records.Derived) -> None:
        scene = self._scene
        if batch.flags & REGISTERED or batch.records > 1:
            self._invalid(id_, "a new batch", "one with a history")
        sum_ = self._transformations.get(body.transformation)
        if sum_ is None:
            self._invalid(id_, "inputs in the same transaction", "none")
            sum_ = self._transformations[body.transformation] = Transformation()
        parents = [(parent.batch, parent.milligrams) for parent in body.parents]
        if parents != sum_.inputs:
            scene.wrong(Rule.POOL_MEMBERS, _members(sum_.inputs), _members(parents), batch=id_)
        terms = self._terms(id_, body.terms)
        product = scene.products.get(body.gtin.to_bytes(8))
        if product is None or product.in_force != body.terms:
            in_force = "none" if product is None else product.in_force
            scene.wrong(Rule.TERMS_NOT_IN_FORCE, in_force, body.terms, batch=id_)
        if terms.farmer_bps < sum_.farmer_bps:
            scene.wrong(
                Rule.TERMS_WEAKENED,
                f"{sum_.farmer_bps} bps",
                terms.farmer_bps,
                what="farmers' part",
                batch=id_,
            )
        if sum_.token not in {b"", terms.token}:
            self._invalid(id_, f"paid in {say(sum_.token)}", terms.token)
        sum_.mass_out += body.units * body.milligrams_per_unit
        sum_.floor_out += body.units * terms.floor
        sum_.outputs.append(id_)
        batch.cooperative = actor
        batch.terms = body.terms
        batch.farmer = sum_.farmer or b""
        batch.weight = sum(mass for _, mass in parents)
        batch.parents = [parent for parent, _ in parents]
        batch.flags |= DERIVED
        batch.clear_at = self._custody.epoch
        if not batch.farmer:
            scene.chunks.put(both(id_, 0, 4), parents)
            batch.chunks = 1
        self._open(id_, batch, actor, body)

    def _open(
        self, id_: bytes, batch: Batch, actor: bytes, body: records.Registered | records.Derived
    ) -> None:
        scene = self._scene
        expected = journal.batch_id("0x" + actor.hex(), body.gtin, body.lot)
        if expected != id_:
            scene.wrong(Rule.RECORD_BATCH, expected, id_, batch=id_)
        product = scene.products.get(body.gtin.to_bytes(8))
        if product is None or product.cooperative != actor:
            self._invalid(id_, f"a product of {say(actor)}", f"{body.gtin:014d}")
        terms = self._terms(id_, body.terms)
        if terms.gtin != body.gtin:
            scene.wrong(
                Rule.TERMS_DIFFER, f"terms for {body.gtin:014d}", f"{terms.gtin:014d}", batch=id_
            )
        if not body.units or not body.milligrams_per_unit:
            self._invalid(id_, "units and their mass", "0")
        self._check_price(id_, body.price, terms)
        batch.flags |= REGISTERED
        batch.price, batch.units, batch.mass = body.price, body.units, body.milligrams_per_unit
        batch.transaction = scene.transaction
        scene.count("batches")
        self._custody.move(id_, NOBODY, actor, body.units)

    # ------------------------------------------------------------------ events, price, safety

    def _readings(self, id_: bytes, _batch: Batch, _actor: bytes, body: records.Readings) -> None:
        key = id_ + body.root
        if not any(body.root) or not body.count or self._scene.readings.get(key):
            self._invalid(id_, "a new root of some readings", body.root)
        self._scene.readings.put(key, True)  # noqa: FBT003 -- the entry is all there is to it

    def _corrected(self, id_: bytes, _batch: Batch, _actor: bytes, body: records.Corrected) -> None:
        if body.wrong == body.corrective or not any(body.wrong) or not any(body.corrective):
            self._invalid(id_, "two different records", body.wrong)

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
        self._check_price(id_, body.price, self._terms(id_, batch.terms))
        batch.price = body.price

    # ------------------------------------------------------------------ sale

    def _sold(self, id_: bytes, batch: Batch, actor: bytes, signer: bytes, body: bytes) -> None:
        scene = self._scene
        if not batch.flags & REGISTERED:
            self._invalid(id_, "a registered batch", "none")
        if actor != signer:
            scene.wrong(Rule.AUTHOR_KEY, actor, signer, batch=id_)
        scene.need((actor,), "payer")
        buyer, units = body[32:52], int.from_bytes(body[52:60])
        if not units or buyer in {NOBODY, scene.batches_address}:
            self._invalid(id_, "units for a buyer", f"{units} for {say(buyer)}")
        self._custody.check_movable(id_, batch)
        self._custody.move(id_, batch.cooperative, buyer, units)
        self._custody.none_left(id_)
        batch.sold += units
        terms = self._terms(id_, batch.terms)
        self._sales.sold(id_, batch, terms, actor, body)

    # ------------------------------------------------------------------ all

    def end(self) -> None:
        """Look at what a transaction made of what: called when it is over."""
        for sum_ in self._transformations.values():
            for id_ in sum_.outputs[:1]:
                if sum_.mass_out > sum_.mass_in:
                    self._scene.wrong(
                        Rule.MASS_TRANSFORMATION,
                        f"at most {sum_.mass_in} mg",
                        f"{sum_.mass_out} mg",
                        batch=id_,
                    )
                if sum_.floor_out < sum_.floor_in:
                    self._scene.wrong(
                        Rule.TERMS_WEAKENED,
                        sum_.floor_in,
                        sum_.floor_out,
                        what="sum of floors",
                        batch=id_,
                    )
            for id_, _ in sum_.inputs[: 0 if sum_.outputs else 1]:
                self._invalid(id_, "outputs in the same transaction", "none")
        self._transformations.clear()
        for id_ in self._custody.unrecorded():
            self.batch(id_)  # so that its head is asked for
        self._custody.end()

    def _terms(self, id_: bytes, number: int) -> Terms:
        found = self._scene.terms_of(number)
        if found is None:
            self._scene.wrong(Rule.TERMS_DIFFER, "published terms", number, batch=id_)
            return Terms(b"", 0, 0, 0, NOBODY, 0, NOBODY, 0, NOBODY)
        return found

    def _check_price(self, id_: bytes, price: int, terms: Terms) -> None:
        if price < terms.floor:
            self._scene.wrong(Rule.PRICE_FLOOR, f"at least {terms.floor}", price, batch=id_)

    def _invalid(self, id_: bytes, expected: object, found: object) -> None:
        self._scene.wrong(Rule.BATCH_INVALID, expected, found, batch=id_)


FULL_ROLES: Final = (1 << 16) - 1


def _members(items: Sequence[tuple[bytes, int]]) -> str:
    shown = ", ".join(f"{say(id_)[:10]}…: {mass} mg" for id_, mass in items[:4])
    return f"{shown} ({len(items)})" if items else "none"
