"""The ghost ledger, second part: what `Deliveries` and `Batches` should hold, and every record that they append."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.invariants.ghost_people import People, Refused, reason_is_valid, require
from tests.world import ZERO, Role

from yuanliu import journal, records
from yuanliu.records import Kind

BOOKED, ENTERED, VOIDED = 1, 2, 3
"""Status of a delivery."""

CHUNK: Final = 256
MAX_GRADE: Final = 20_000


@dataclass
class Delivery:
    farmer: str
    grams: int
    grade: int
    terms: int
    status: int = BOOKED


@dataclass
class Offer:
    sender: str
    receiver: str
    units: int


@dataclass
class Batch:
    cooperative: str = ZERO
    terms: int = 0
    registered: bool = False
    held: bool = False
    recalled_by: str = ZERO
    derived: bool = False
    clear_at: int = 0
    farmer: str = ZERO
    price: int = 0
    weight: int = 0
    units: int = 0
    mass: int = 0
    grams: int = 0
    head: bytes = b""
    chunks: list[list[tuple[int, int]]] = field(default_factory=list)
    """Committed members: (farmer's address or parent's id, weight)."""
    parents: list[int] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    held_by: dict[str, int] = field(default_factory=dict)
    """Units by holder; the contract's own are those on offer."""
    readings: set[bytes] = field(default_factory=set)
    """Roots that were anchored."""
    burnt: int = 0
    milligrams: int = 0
    """Mass that went in."""

    @property
    def flags(self) -> int:
        recalled = self.recalled_by != ZERO
        return self.registered + 2 * self.held + 4 * recalled + 8 * self.derived

    @property
    def members(self) -> int:
        return sum(map(len, self.chunks))


def lot_is_valid(lot: bytes) -> bool:
    text = lot.rstrip(b"\0")
    if not text or text in {b".", b".."} or b"\0" in text:
        return False
    return all(0x21 <= c <= 0x7E and chr(c) not in "#$@[\\]^`{|}~" for c in text)


class Goods(People):
    """Deliveries, batches, custody, holds and recalls."""

    def __init__(
        self, platform: str, regulator: str, now: int, *, batches: str, chain_id: int
    ) -> None:
        super().__init__(platform, regulator, now)
        self.host = batches
        self.chain_id = chain_id
        self.deliveries: dict[tuple[str, int], Delivery] = {}
        self.batches: dict[int, Batch] = {}
        self.transformations = 0
        self.epoch = 1
        """Recalls ever made, and one."""
        self.appended: list[tuple[int, bytes]] = []
        """Records of the call that is being made: batch and bytes."""

    # ------------------------------------------------------------------ Deliveries

    def book(self, sender: str, bookings: Sequence[tuple[int, str, int, int, int, int]]) -> None:
        cooperative, _ = self.with_role(sender, Role.COOPERATIVE)
        new: dict[tuple[str, int], Delivery] = {}
        for receipt, farmer, gtin, grams, grade, _ in bookings:
            key = (cooperative, receipt)
            require(
                "Deliveries_ReceiptTaken", receipt and key not in self.deliveries and key not in new
            )
            require("Deliveries_NoWeight", grams)
            require("Deliveries_GradeInvalid", 0 < grade <= MAX_GRADE)
            who = self.actors.get(farmer)
            if not who or who.enroller != cooperative or not who.roles & Role.FARMER:
                raise Refused("Deliveries_NotMyFarmer")
            require("Deliveries_FarmerSuspended", not who.suspended)
            product = self.products.get(gtin)
            if not product or product.cooperative != cooperative:
                raise Refused("Deliveries_NotMyProduct")
            require("Deliveries_NoTerms", product.in_force)
            terms = self.terms[product.in_force - 1]
            payees = {terms.cooperative_payee, terms.platform_payee}
            require("Deliveries_FarmerIsPayee", farmer not in payees)
            new[key] = Delivery(farmer, grams, grade, product.in_force)
        self.deliveries.update(new)

    def void_delivery(self, sender: str, receipt: int, reason: str) -> None:
        cooperative, _ = self.with_role(sender, Role.COOPERATIVE)
        delivery = self.deliveries.get((cooperative, receipt))
        if not delivery or delivery.status != BOOKED:
            raise Refused("Deliveries_NotBooked")
        require("Deliveries_ReasonInvalid", reason_is_valid(reason))
        delivery.status = VOIDED

    # ------------------------------------------------------------------ making batches

    def batch_id(self, cooperative: str, gtin: int, lot: bytes) -> int:
        owner = bytes.fromhex(cooperative[2:])
        return int.from_bytes(hashlib.sha256(owner + gtin.to_bytes(8) + lot).digest())

    def _new_id(self, cooperative: str, gtin: int, lot: bytes) -> int:
        require("Batches_LotInvalid", lot_is_valid(lot))
        product = self.products.get(gtin)
        if not product or product.cooperative != cooperative:
            raise Refused("Batches_NotMyProduct")
        number = self.batch_id(cooperative, gtin, lot)
        known = self.batches.get(number)
        require("Batches_AlreadyRegistered", not (known and known.registered))
        return number

    def _enter(
        self, b: Batch, cooperative: str, gtin: int, receipts: Sequence[int]
    ) -> tuple[tuple[records.Entry, ...], list[tuple[int, int]]]:
        if not receipts:
            return (), []
        require("Batches_CountInvalid", len(receipts) <= CHUNK)
        first = b.weight == 0
        entries, listed = [], []
        for receipt in receipts:
            d = self.deliveries.get((cooperative, receipt))
            if not d or d.status != BOOKED:
                raise Refused("Deliveries_NotBooked")
            b.terms = b.terms or d.terms
            require("Deliveries_TermsDiffer", d.terms == b.terms)
            d.status = ENTERED
            entries.append(records.Entry(receipt, d.farmer, d.grams, d.grade))
            listed.append((int(d.farmer, 16), d.grams * d.grade))
            b.grams += d.grams
            b.weight += d.grams * d.grade
        if first:
            require("Batches_TermsNotForProduct", self.terms[b.terms - 1].gtin == gtin)
            b.cooperative = cooperative
            b.farmer = entries[0].farmer
        if any(entry.farmer != b.farmer for entry in entries):
            b.farmer = ZERO
        return tuple(entries), listed

    def collect(self, sender: str, gtin: int, lot: bytes, receipts: Sequence[int]) -> None:
        cooperative, _ = self.with_role(sender, Role.COOPERATIVE)
        require("Batches_CountInvalid", receipts)
        number = self._new_id(cooperative, gtin, lot)
        b = self.batches.setdefault(number, Batch())
        entries, listed = self._enter(b, cooperative, gtin, receipts)
        b.chunks.append(listed)
        self._append(number, cooperative, sender, records.Collected(entries))

    def register(
        self,
        sender: str,
        registration: tuple[int, bytes, int, int, int, int],
        receipts: Sequence[int],
        payload: bytes,
    ) -> None:
        gtin, lot, units, mass, loss, price = registration
        cooperative, _ = self.with_role(sender, Role.COOPERATIVE)
        self._check_payload(payload)
        number = self._new_id(cooperative, gtin, lot)
        b = self.batches.setdefault(number, Batch())
        entries, listed = self._enter(b, cooperative, gtin, receipts)
        require("Batches_CountInvalid", b.weight)
        require("Batches_MassDiffers", b.grams * 1_000 == units * mass + loss)
        if b.farmer == ZERO and listed:
            b.chunks.append(listed)
        b.milligrams = b.grams * 1_000 - loss
        self._open(b, cooperative, units, mass, price)
        body = records.Registered(
            gtin, _text(lot), b.terms, units, mass, loss, price, entries, payload
        )
        self._append(number, cooperative, sender, body)

    def _open(self, b: Batch, cooperative: str, units: int, mass: int, price: int) -> None:
        require("Batches_NoUnits", units and mass)
        require("Batches_PriceBelowFloor", price >= self.terms[b.terms - 1].floor)
        b.registered, b.price, b.units, b.mass = True, price, units, mass
        b.held_by[cooperative] = b.held_by.get(cooperative, 0) + units

    def transform(
        self,
        sender: str,
        inputs: Sequence[tuple[int, int]],
        outputs: Sequence[tuple[int, bytes, int, int, int, bytes]],
        loss: int,
    ) -> None:
        cooperative, _ = self.with_role(sender, Role.COOPERATIVE)
        require("Batches_CountInvalid", 0 < len(inputs) <= CHUNK)
        require("Batches_CountInvalid", 0 < len(outputs) <= CHUNK)
        self.transformations += 1
        number = self.transformations
        before, token, floor, best = 0, "", 0, 0
        farmers, parents = set(), []
        for batch, units in inputs:
            b = self._registered(batch)
            require("Batches_InputsUnsorted", batch > before)
            before = batch
            require("Batches_NoUnits", units)
            self._check_movable(batch)
            terms = self.terms[b.terms - 1]
            require("Batches_TokensDiffer", not token or terms.token == token)
            token, best = terms.token, max(best, terms.farmer_bps)
            floor += units * terms.floor
            farmers.add(b.farmer)
            parents.append((batch, units * b.mass))
            self._move(b, cooperative, None, units)
            self._append(batch, cooperative, sender, records.Consumed(number, units))
        farmer = farmers.pop() if len(farmers) == 1 else ZERO
        mass_in, mass_out, floor_out = sum(mass for _, mass in parents), loss, 0
        listed = tuple(records.Parent(batch.to_bytes(32), mass) for batch, mass in parents)
        for gtin, lot, units, mass, price, payload in outputs:
            self._check_payload(payload)
            new = self._new_id(cooperative, gtin, lot)
            require("Batches_AlreadyRegistered", new not in self.batches)
            in_force = self.products[gtin].in_force
            require("Batches_NotMyProduct", in_force)
            terms = self.terms[in_force - 1]
            require("Batches_TokensDiffer", terms.token == token)
            require("Batches_FarmerShareLost", terms.farmer_bps >= best)
            mass_out += units * mass
            floor_out += units * terms.floor
            b = Batch(cooperative=cooperative, terms=in_force, derived=True, farmer=farmer)
            b.clear_at = self.epoch
            b.weight, b.parents, b.milligrams = (
                mass_in,
                [batch for batch, _ in parents],
                units * mass,
            )
            if farmer == ZERO:
                b.chunks.append(parents)
            self.batches[new] = b
            self._open(b, cooperative, units, mass, price)
            body = records.Derived(
                gtin, _text(lot), in_force, units, mass, number, price, listed, payload
            )
            self._append(new, cooperative, sender, body)
        require("Batches_MassDiffers", mass_in == mass_out)
        require("Batches_FloorLost", floor_out >= floor)

    def set_price(self, sender: str, batch: int, price: int) -> None:
        b = self._registered(batch)
        actor, _ = self.with_role(sender, Role.COOPERATIVE)
        require("Batches_NotMyBatch", actor == b.cooperative)
        require("Batches_PriceBelowFloor", price >= self.terms[b.terms - 1].floor)
        b.price = price
        self._append(batch, actor, sender, records.Priced(price))

    # ------------------------------------------------------------------ events

    def record(self, sender: str, batch: int, kind: int, payload: bytes) -> None:
        actor = self._writer(sender, batch, kind)
        require("Batches_KindNotAllowed", kind in {Kind.PRODUCTION, Kind.LOGISTICS})
        self._check_payload(payload)
        body = records.Production if kind == Kind.PRODUCTION else records.Logistics
        self._append(batch, actor, sender, body(payload))

    def anchor(self, sender: str, batch: int, root: bytes, count: int, payload: bytes) -> None:
        actor = self._writer(sender, batch, Kind.READINGS)
        known = self.batches[batch].readings
        require("Batches_ReadingsInvalid", any(root) and count and root not in known)
        self._check_payload(payload)
        known.add(root)
        self._append(batch, actor, sender, records.Readings(root, count, payload))

    def correct(
        self, sender: str, batch: int, wrong: bytes, corrective: bytes, payload: bytes
    ) -> None:
        actor = self._writer(sender, batch, Kind.CORRECTED)
        require("Batches_CorrectionInvalid", any(wrong) and any(corrective) and wrong != corrective)
        self._check_payload(payload)
        self._append(batch, actor, sender, records.Corrected(wrong, corrective, payload))

    def inspect(self, sender: str, batch: int, conformant: bool, payload: bytes) -> None:  # noqa: FBT001 -- as the contract
        b = self._registered(batch)
        actor, _ = self.with_role(sender, Role.INSPECTOR)
        self._check_payload(payload)
        b.held = not conformant
        self._append(batch, actor, sender, records.Inspection(conformant, payload))

    def _writer(self, sender: str, batch: int, kind: int) -> str:
        b = self._registered(batch)
        actor, roles = self.resolve(sender)
        others = {
            Kind.PRODUCTION: 0,
            Kind.LOGISTICS: Role.CARRIER | Role.RETAILER,
            Kind.READINGS: Role.CARRIER | Role.RETAILER | Role.INSPECTOR,
            Kind.CORRECTED: Role.INSPECTOR | Role.CARRIER | Role.RETAILER | Role.REGULATOR,
        }
        require("Batches_KindNotAllowed", kind in others)
        farmers = kind in {Kind.PRODUCTION, Kind.CORRECTED}
        own = farmers and roles & Role.FARMER and self.actors[actor].enroller == b.cooperative
        may = actor == b.cooperative or roles & others[Kind(kind)] or own
        require("Batches_KindNotAllowed", may)
        return actor

    # ------------------------------------------------------------------ hold and recall

    def release(self, sender: str, batch: int, reason: str) -> None:
        b = self._registered(batch)
        actor, _ = self.with_role(sender, Role.REGULATOR)
        require("Batches_NotHeld", b.held)
        require("Batches_ReasonInvalid", reason_is_valid(reason))
        b.held = False
        self._append(batch, actor, sender, records.Released(reason.encode()))

    def recall(self, sender: str, batch: int, reason: str) -> None:
        b = self._registered(batch)
        actor, roles = self.with_role(sender, Role.COOPERATIVE | Role.REGULATOR)
        regulator = roles & Role.REGULATOR
        require("Batches_RecallNotAllowed", regulator or actor == b.cooperative)
        over = regulator and b.recalled_by == b.cooperative and actor != b.cooperative
        require("Batches_RecallUnchanged", b.recalled_by == ZERO or over)
        require("Batches_ReasonInvalid", reason_is_valid(reason))
        b.recalled_by = actor
        self.epoch += 1
        self._append(batch, actor, sender, records.Recalled(reason.encode()))

    def lift_recall(self, sender: str, batch: int, reason: str) -> None:
        b = self._registered(batch)
        actor, roles = self.with_role(sender, Role.COOPERATIVE | Role.REGULATOR)
        require("Batches_RecallUnchanged", b.recalled_by != ZERO)
        may = roles & Role.REGULATOR or actor == b.recalled_by
        require("Batches_RecallNotAllowed", may)
        require("Batches_ReasonInvalid", reason_is_valid(reason))
        b.recalled_by = ZERO
        self._append(batch, actor, sender, records.RecallLifted(reason.encode()))

    def refresh(self, sender: str, batch: int) -> None:  # noqa: ARG002 -- anyone may
        self._registered(batch)
        self._remember(batch)

    def is_clear(self, batch: int) -> bool:
        """Neither the batch nor anything above it is recalled: the definition, walked in full each time."""
        b = self.batches[batch]
        return b.recalled_by == ZERO and all(map(self.is_clear, b.parents))

    def _remember(self, batch: int) -> bool:
        """The same by what is remembered since the last recall, which is a shorter walk."""
        b = self.batches[batch]
        if b.recalled_by != ZERO:
            return False
        if not b.derived or b.clear_at == self.epoch:
            return True
        if not all(map(self._remember, b.parents)):
            return False
        b.clear_at = self.epoch
        return True

    # ------------------------------------------------------------------ custody

    def offer(self, sender: str, batch: int, to: str, units: int) -> None:
        b = self._registered(batch)
        actor, _ = self.resolve(sender)
        require("Batches_ReceiverInvalid", to not in {ZERO, actor, self.host})
        require("Batches_NoUnits", units)
        if to != b.cooperative:
            self._check_movable(batch)
        self._move(b, actor, self.host, units)
        b.offers.append(Offer(actor, to, units))
        self._append(batch, actor, sender, records.Offered(len(b.offers), to, units))

    def accept(self, sender: str, batch: int, number: int) -> None:
        b = self._registered(batch)
        actor, _ = self.resolve(sender)
        if actor != b.cooperative:
            self._check_movable(batch)
        o = self._open_offer(batch, number)
        require("Batches_OfferNotOpen", o.receiver == actor)
        self._close(b, o, actor)
        self._append(batch, actor, sender, records.Accepted(number))

    def refuse(self, sender: str, batch: int, number: int, reason: str) -> None:
        actor, _ = self.resolve(sender)
        require("Batches_ReasonInvalid", reason_is_valid(reason))
        o = self._open_offer(batch, number)
        require("Batches_OfferNotOpen", o.receiver == actor)
        self._close(self.batches[batch], o, o.sender)
        self._append(batch, actor, sender, records.Refused(number, reason.encode()))

    def withdraw(self, sender: str, batch: int, number: int) -> None:
        actor, _ = self.resolve(sender)
        o = self._open_offer(batch, number)
        require("Batches_OfferNotOpen", o.sender == actor)
        self._close(self.batches[batch], o, o.sender)
        self._append(batch, actor, sender, records.Withdrawn(number))

    def _open_offer(self, batch: int, number: int) -> Offer:
        offers = self.batches[batch].offers if batch in self.batches else []
        if not 0 < number <= len(offers) or not offers[number - 1].units:
            raise Refused("Batches_OfferNotOpen")
        return offers[number - 1]

    def _close(self, b: Batch, o: Offer, receiver: str) -> None:
        self._move(b, self.host, receiver, o.units)
        o.units = 0

    def _move(self, b: Batch, sender: str, receiver: str | None, units: int) -> None:
        require("Batches_NotEnoughUnits", b.held_by.get(sender, 0) >= units)
        b.held_by[sender] -= units
        if receiver is None:
            b.burnt += units
        else:
            b.held_by[receiver] = b.held_by.get(receiver, 0) + units

    # ------------------------------------------------------------------ tools

    def _registered(self, batch: int) -> Batch:
        b = self.batches.get(batch)
        if not b or not b.registered:
            raise Refused("Batches_Unknown")
        return b

    def _check_movable(self, batch: int) -> None:
        require("Batches_Held", not self.batches[batch].held)
        require("Batches_Recalled", self._remember(batch))

    def _check_payload(self, payload: bytes) -> None:
        require("Batches_PayloadTooLong", len(payload) <= records.MAX_PAYLOAD)
        fine = len(payload) >= 2 and payload[:1] == b"{" and payload[-1:] == b"}"
        require("Batches_PayloadNotJson", fine)

    def _append(self, batch: int, actor: str, signer: str, body: records.Body) -> None:
        b = self.batches[batch]
        raw = records.encode(records.Record(self.now, actor, signer, body))
        head = b.head or journal.genesis(self.chain_id, self.host, batch.to_bytes(32))
        b.head = journal.next_head(head, raw)
        self.appended.append((batch, raw))


def _text(lot: bytes) -> str:
    return lot.rstrip(b"\0").decode()
