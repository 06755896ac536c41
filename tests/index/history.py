"""Random histories on a world's chain: everything that leaves a log, in any order that the contracts allow."""

import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final, Literal

from tests.world import GTIN_BOX, GTIN_EGGS, GTIN_TEA, KILOGRAM, Batch, Person, World, person

from yuanliu import actions, epcis, identifiers
from yuanliu.chain.bindings import ContractRefusal

PRODUCTION, LOGISTICS = 5, 7

BROKEN: Final = (
    b"{}",
    b"{nothing}",
    b'{"type":"ObjectEvent"}',
    b'{"type":"ObjectEvent","type":"ObjectEvent"}',
    b"{\xff\xfe}",
    b'{"type":"ObjectEvent","eventTime":"2026-01-01T00:00:00Z","eventTimeZoneOffset":"+00:00","a":NaN}',
    b'{"a":' + b"[" * 60 + b"]" * 60 + b"}",
    b'{"type":"ObjectEvent","eventTime":12,"bizStep":{"a":1}}',
    b'{"type":"ObjectEvent","note":"\\u0000"}',
    b'{"type":"ObjectEvent","note":"\\ud800"}',
    b'{"n":' + b"9" * 400 + b"}",
)
"""Payloads that the contract takes and no reader of events can."""


class History:
    """Acts at random; what the contracts refuse is tried in vain."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.batches: list[Batch] = []
        self.offers: list[tuple[Batch, int]] = []
        self.receipts: list[int] = []
        self.people = 0
        self.acts = (
            *(self.harvest,) * 3,
            *(self.pay,) * 5,
            *(self.event,) * 4,
            self.broken_event,
            self.inspect,
            self.transform,
            self.claim,
            self.claim,
            self.settle,
            self.offer,
            self.answer,
            self.reprice,
            self.recall,
            self.lift,
            self.release,
            self.deliver,
            self.void,
            self.readings,
            self.correct,
            self.enrol,
            self.suspend,
            self.reinstate,
            self.rotate,
            self.redirect,
            self.withdraw,
            self.terms,
            self.clerk,
            self.recovery,
        )

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        with contextlib.suppress(ContractRefusal):
            self.random.choice(self.acts)()

    # ------------------------------------------------------------------ goods

    def batch(self) -> Batch:
        if not self.batches:
            self.harvest()
        return self.random.choice(self.batches)

    def farmer(self) -> Person:
        return self.random.choice(self.world.farmers)

    def harvest(self) -> None:
        tea = self.random.random() < 0.3
        grams = [
            self.random.randrange(1, 20) * 1_000 for _ in range(self.random.choice((1, 1, 2, 5)))
        ]
        grades = [self.random.choice((10_000, 8_000, 12_345)) for _ in grams]
        first = self.farmer()
        deliveries = [
            (self.farmer() if self.random.random() < 0.7 else first, *pair)
            for pair in zip(grams, grades, strict=True)
        ]
        if tea:
            made = self.world.harvest(*deliveries, gtin=GTIN_TEA, price=15_001, unit=KILOGRAM)
        else:
            made = self.world.harvest(*deliveries, price=self.random.choice((300, 121, 777)))
        self.batches.append(made)

    def transform(self) -> None:
        inputs = {b.id: b for b in (self.batch() for _ in range(self.random.choice((1, 2, 3))))}
        made = self.world.transform(
            [(b, self.random.randrange(10, 25)) for b in inputs.values()],
            gtin=GTIN_BOX,
            unit=500_000,
            price=self.random.choice((400_000, 1_600_003)),
        )
        self.batches.append(made)

    def deliver(self) -> None:
        self.receipts += self.world.book((self.farmer(), self.random.randrange(1, 5_000)))

    def void(self) -> None:
        if self.receipts:
            self.world.act(
                self.world.coop,
                self.world.deliveries,
                "voidDelivery",
                self.random.choice(self.receipts),
                self.random.choice(("weighed twice", "称错了")),
            )

    def reprice(self) -> None:
        batch = self.batch()
        price = batch.price + self.random.randrange(0, 50)
        self.world.act(self.world.coop, self.world.batches, "setPrice", batch.id, price)

    # ------------------------------------------------------------------ events

    def payload(self, batch: Batch) -> bytes:
        """Give a valid event of some kind."""
        when = datetime(2026, 4, 12, 8, tzinfo=UTC) + timedelta(
            seconds=self.random.randrange(10**7)
        )
        lot = epcis.Lot(
            identifiers.gtin_text(batch.gtin), batch.lot.rstrip(b"\0").decode(), Decimal(3), "H87"
        )
        place = f"https://id.yuanliu.example/place/{self.random.choice('abc')}"
        kind = self.random.randrange(3)
        if kind == 0:
            event = epcis.produced(when, lot, place=place, step="feeding", details={"kg": 12})
        elif kind == 1:
            steps: tuple[Literal["shipping", "receiving"], ...] = ("shipping", "receiving")
            event = epcis.moved(when, lot, step=self.random.choice(steps), place=place)
        else:
            event = epcis.harvested(
                when, lot, place=place, harvested_on=date(2026, 4, 12), details={}
            )
        if self.random.random() < 0.3:
            event = epcis.identified(event, f"urn:uuid:{self.random.randrange(4)}")
        if self.random.random() < 0.2:
            return json.dumps(event).encode()  # not as ours are written
        return epcis.payload(event)

    def event(self) -> None:
        batch = self.batch()
        who, kind = self.random.choice(
            (
                (self.world.coop, PRODUCTION),
                (self.world.clerk, PRODUCTION),
                (self.world.carrier, LOGISTICS),
            )
        )
        self.world.record(who, batch, kind, self.payload(batch))

    def broken_event(self) -> None:
        self.world.record(self.world.coop, self.batch(), PRODUCTION, self.random.choice(BROKEN))

    def inspect(self) -> None:
        self.world.inspect(self.batch(), self.random.random() < 0.6)

    def readings(self) -> None:
        batch = self.batch()
        root = self.random.randbytes(32)
        self.world.act(
            self.world.carrier, self.world.batches, "anchor", batch.id, root, 7, self.payload(batch)
        )

    def correct(self) -> None:
        batch = self.batch()
        wrong, corrective = self.random.randbytes(32), self.random.randbytes(32)
        self.world.act(
            self.world.regulator,
            self.world.batches,
            "correct",
            batch.id,
            wrong,
            corrective,
            self.payload(batch),
        )

    def recall(self) -> None:
        by = self.random.choice((self.world.coop, self.world.regulator))
        self.world.act(by, self.world.batches, "recall", self.batch().id, "坏蛋 bad eggs")

    def lift(self) -> None:
        self.world.act(
            self.world.regulator, self.world.batches, "liftRecall", self.batch().id, "good again"
        )

    def release(self) -> None:
        self.world.act(
            self.world.regulator, self.world.batches, "release", self.batch().id, "let go"
        )

    def offer(self) -> None:
        batch = self.batch()
        sender, receiver = self.random.choice(
            (
                (self.world.coop, self.world.retailer),
                (self.world.retailer, self.world.coop),
                (self.world.buyer, self.world.outsider),
            )
        )
        number = self.world.offer(sender, batch, receiver, self.random.randrange(1, 4))
        self.offers.append((batch, number))

    def answer(self) -> None:
        if not self.offers:
            return
        batch, number = self.random.choice(self.offers)
        for who in (self.world.retailer, self.world.coop, self.world.buyer, self.world.outsider):
            name = self.random.choice(("accept", "refuse", "withdraw"))
            rest = ("damaged",) if name == "refuse" else ()
            try:
                self.world.act(who, self.world.batches, name, batch.id, number, *rest)
            except ContractRefusal:
                continue
            return

    # ------------------------------------------------------------------ money

    def pay(self) -> None:
        batch = self.batch()
        price = self.world.state(batch)["price"]
        units = self.random.randrange(1, 6)
        self.world.pay(batch, units, amount=price * units)

    def claim(self) -> None:
        batch = self.batch()
        chunk = self.random.randrange(len(batch.chunks[0]))
        self.world.claim(self.world.step(batch, chunk))

    def settle(self) -> None:
        self.world.settle(self.batch())

    def redirect(self) -> None:
        """Redirect a payout; the payments' contract itself cannot be paid, so that money is credited."""
        farmer = self.farmer()
        payout = self.random.choice(
            (self.world.payments.address, person("a bank").address, farmer.address)
        )
        self.world.act(farmer, self.world.actors, "redirectPayout", payout)

    def withdraw(self) -> None:
        self.world.act(
            self.world.outsider,
            self.world.payments,
            "withdraw",
            self.world.yuan.address,
            self.farmer().address,
        )

    # ------------------------------------------------------------------ people

    def enrol(self) -> None:
        self.people += 1
        role = self.random.choice((actions.Role.FARMER, actions.Role.CARRIER))
        by = self.world.coop if role is actions.Role.FARMER else self.world.platform
        self.world.enrol(by, person(f"newcomer {self.world.number()}"), role)

    def suspend(self) -> None:
        who = self.random.choice((*self.world.farmers, self.world.carrier))
        self.world.act(
            self.world.regulator, self.world.actors, "suspend", who.address, "under enquiry"
        )

    def reinstate(self) -> None:
        who = self.random.choice((*self.world.farmers, self.world.carrier))
        self.world.act(self.world.regulator, self.world.actors, "reinstate", who.address, "cleared")

    def rotate(self) -> None:
        new = person(f"new key {self.world.number()}")
        self.world.act(self.world.retailer, self.world.actors, "rotateKey", new.address)

    def clerk(self) -> None:
        new = person(f"clerk {self.world.number()}")
        self.world.act(self.world.coop, self.world.actors, "appointClerk", new.address)
        if self.random.random() < 0.5:
            self.world.act(self.world.coop, self.world.actors, "dismissClerk", new.address)

    def recovery(self) -> None:
        who, new = self.farmer(), person(f"found key {self.world.number()}")
        self.world.act(
            self.world.coop, self.world.actors, "proposeRecovery", who.address, new.address
        )
        if self.random.random() < 0.5:
            self.world.act(self.world.coop, self.world.actors, "cancelRecovery", who.address)

    def terms(self) -> None:
        floor = self.random.randrange(100, 121)
        self.world.publish(GTIN_EGGS, self.world.terms(3_334, 5_000, 1_666, floor=floor))
