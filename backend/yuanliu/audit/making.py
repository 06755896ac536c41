"""How batches come about: from deliveries, or from batches by mass, with the terms that the farmers delivered under."""

from collections.abc import Sequence
from typing import Final

from yuanliu import journal, records
from yuanliu.audit.custody import Custody
from yuanliu.audit.facts import DERIVED, NOBODY, REGISTERED, Batch, Terms, Transformation
from yuanliu.audit.rules import Rule
from yuanliu.audit.scene import Scene, both, say
from yuanliu.audit.trade import Trade

_MILLIGRAMS: Final = 1_000


class Making:
    """Replays how batches are made. Inputs and outputs of a transformation stand in one transaction."""

    def __init__(self, scene: Scene, trade: Trade, custody: Custody) -> None:
        self._scene = scene
        self._trade = trade
        self._custody = custody
        self._transformations: dict[int, Transformation] = {}

    # ------------------------------------------------------------------ from deliveries

    def collected(self, id_: bytes, batch: Batch, actor: bytes, body: records.Collected) -> None:
        """Take deliveries entered ahead."""
        if batch.flags & REGISTERED:
            self.invalid(id_, "a batch that is still collected", "registered")
        self._enter(id_, batch, actor, body.entries, always=True)

    def registered(self, id_: bytes, batch: Batch, actor: bytes, body: records.Registered) -> None:
        """Take a batch made from deliveries."""
        if batch.flags & REGISTERED:
            self.invalid(id_, "a new batch", "registered")
        self._enter(id_, batch, actor, body.entries, always=False)
        delivered = batch.grams * _MILLIGRAMS
        accounted = body.units * body.milligrams_per_unit + body.loss_milligrams
        if delivered != accounted:
            self._scene.wrong(Rule.MASS_HARVEST, f"{delivered} mg", f"{accounted} mg", batch=id_)
        if not batch.weight:
            self.invalid(id_, "deliveries", "none")
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
            self.invalid(id_, batch.cooperative, actor)
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

    def consumed(self, id_: bytes, batch: Batch, actor: bytes, body: records.Consumed) -> None:
        """Take an input of a transformation."""
        scene, mass = self._scene, body.units * batch.mass
        sum_ = self._transformations.get(body.transformation)
        if sum_ is None:
            sum_ = self._transformations[body.transformation] = Transformation()
            if body.transformation != (expected := scene.count("transformations")):
                self.invalid(id_, f"transformation {expected}", body.transformation)
                scene.count("transformations", body.transformation - expected)
        if not body.units:
            self.invalid(id_, "units", "none")
        self._custody.check_movable(id_, batch)
        terms = self.terms(id_, batch.terms)
        sum_.mass_in += mass
        sum_.floor_in += body.units * terms.floor
        sum_.farmer_bps = max(sum_.farmer_bps, terms.farmer_bps)
        if sum_.inputs and (id_ <= sum_.inputs[-1][0] or terms.token != sum_.token):
            self.invalid(id_, "inputs in order, paid in one token", terms.token)
        sum_.token = terms.token
        sum_.farmer = batch.farmer if sum_.farmer in {None, batch.farmer} else b""
        sum_.inputs.append((id_, mass))
        self._custody.move(id_, actor, NOBODY, body.units)

    def derived(self, id_: bytes, batch: Batch, actor: bytes, body: records.Derived) -> None:
        """Take an output of a transformation."""
        scene = self._scene
        if batch.flags & REGISTERED or batch.records > 1:
            self.invalid(id_, "a new batch", "one with a history")
        sum_ = self._transformations.get(body.transformation)
        if sum_ is None:
            self.invalid(id_, "inputs in the same transaction", "none")
            sum_ = self._transformations[body.transformation] = Transformation()
        parents = [(parent.batch, parent.milligrams) for parent in body.parents]
        if parents != sum_.inputs:
            scene.wrong(Rule.POOL_MEMBERS, _members(sum_.inputs), _members(parents), batch=id_)
        terms = self.terms(id_, body.terms)
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
            self.invalid(id_, f"paid in {say(sum_.token)}", terms.token)
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
            self.invalid(id_, f"a product of {say(actor)}", f"{body.gtin:014d}")
        terms = self.terms(id_, body.terms)
        if terms.gtin != body.gtin:
            scene.wrong(
                Rule.TERMS_DIFFER, f"terms for {body.gtin:014d}", f"{terms.gtin:014d}", batch=id_
            )
        if not body.units or not body.milligrams_per_unit:
            self.invalid(id_, "units and their mass", "0")
        self.check_price(id_, body.price, terms)
        batch.flags |= REGISTERED
        batch.price, batch.units, batch.mass = body.price, body.units, body.milligrams_per_unit
        batch.transaction = scene.transaction
        scene.count("batches")
        self._custody.move(id_, NOBODY, actor, body.units)

    # ------------------------------------------------------------------ both

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
                self.invalid(id_, "outputs in the same transaction", "none")
        self._transformations.clear()

    def terms(self, id_: bytes, number: int) -> Terms:
        """Give published terms."""
        found = self._scene.terms_of(number)
        if found is None:
            self._scene.wrong(Rule.TERMS_DIFFER, "published terms", number, batch=id_)
            return Terms(b"", 0, 0, 0, NOBODY, 0, NOBODY, 0, NOBODY)
        return found

    def check_price(self, id_: bytes, price: int, terms: Terms) -> None:
        """Name a price below the floor."""
        if price < terms.floor:
            self._scene.wrong(Rule.PRICE_FLOOR, f"at least {terms.floor}", price, batch=id_)

    def invalid(self, id_: bytes, expected: object, found: object) -> None:
        """Name what no batch can do."""
        self._scene.wrong(Rule.BATCH_INVALID, expected, found, batch=id_)


def _members(items: Sequence[tuple[bytes, int]]) -> str:
    shown = ", ".join(f"{say(id_)[:10]}…: {mass} mg" for id_, mass in items[:4])
    return f"{shown} ({len(items)})" if items else "none"
