"""The machine: somebody acts, mostly rightly, sometimes wrongly, in any of the ways that there are.

Each act draws one number, and all that it does follows from that number and the ghost ledger. Seven times in eight the
one who may act does; otherwise anybody.
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, ClassVar, Final

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.invariants.arena import FOREVER, RICH, Arena, with_check_digit
from tests.invariants.epilogue import pay_every_farmer
from tests.invariants.ghost_goods import BOOKED, Batch
from tests.invariants.ghost_people import CLERK, DAY, NO_CODE, OWNER, Refused
from tests.world import KILOGRAM, PAYLOAD, ZERO, Role, code, lot

from yuanliu.records import Kind

Order = tuple[int, str, list[tuple[int, int, int]]]

SEEDS: Final = st.integers(0, 2**32 - 1)
REASONS: Final = ("because", "农药残留超标", "x" * 512)
BAD_REASONS: Final = ("", "x" * 513)
MOST_BATCHES: Final = 40
"""No more are made in one run: reading the whole state after each call takes longer with each."""


class Trade(RuleBasedStateMachine):
    """Everybody trades, errs and cheats."""

    arena: ClassVar[Arena]
    round: ClassVar[int] = 0
    """Makes other acts of the same draws."""

    def __init__(self) -> None:
        super().__init__()
        self.arena.restart()
        self.a = self.arena
        self.g = self.arena.ghost
        self.w = self.arena.world
        self.number = 1_000_000
        self.acts = 0

    def teardown(self) -> None:
        """From wherever the run ended, every farmer can be paid in full."""
        pay_every_farmer(self.a)

    # ------------------------------------------------------------------ tools

    def do(
        self,
        r: Random,
        sender: str,
        contract: str,
        function: str,
        *arguments: Any,  # noqa: ANN401 -- as the ABI says
        ghost: Callable[[], None] | None = None,
    ) -> bool:
        if currently_in_test_context():
            note(f"{contract}.{function}{str(arguments)[:400]} by {sender}")
        relay = r.choice(("", "", "", "together", "execute", "executeBatch"))
        done = self.a.do(sender, contract, function, *arguments, ghost=ghost, relay=relay)
        if done:  # a refused call was no transaction
            self.a.check(people=contract in {"Actors", "Catalogue"} or bool(relay))
        return done

    def _dice(self, seed: int) -> Random:
        """Hypothesis likes to draw a number again; the same number twice should not be the same act twice."""
        self.acts += 1
        return Random(f"{seed} {self.acts} {self.round}")

    def pick(self, r: Random, contract: str, *functions: str) -> str:
        """One of several functions; half the time the one that succeeded least so far."""
        if r.random() < 1 / 2:
            return r.choice(functions)
        return min(functions, key=lambda name: self.a.succeeded[f"{contract}.{name}"])

    def next(self) -> int:
        self.number += 1
        return self.number

    def anyone(self, r: Random) -> str:
        return r.choice([*(p.address for p in self.a.people), *self.a.receivers])

    def key(self, r: Random, actor: str) -> str:
        """A key of the actor; seldom of anybody else."""
        if r.random() < 1 / 8:
            return self.anyone(r)
        a = self.g.actors.get(actor)
        if a is None:
            return actor
        return r.choice([a.key, a.key, a.key, *a.clerks[:1]])

    def with_role(self, r: Random, role: int) -> str:
        holders = [address for address, a in self.g.actors.items() if a.roles & role]
        awake = [address for address in holders if not self.g.actors[address].suspended]
        return self.key(r, r.choice(awake or holders))

    def new_key(self, r: Random) -> str:
        free = [p.address for p in self.a.people if p.address not in self.g.keys]
        if not free or r.random() < 1 / 8:
            return r.choice([ZERO, self.anyone(r)])
        return r.choice(free)

    def actor_of(self, key: str) -> str:
        return self.g.keys.get(key, (key, 0))[0]

    def consent(
        self, r: Random, key: str, party: str, level: int, roles: int = 0, name: bytes = NO_CODE
    ) -> bytes:
        """The key's own consent; seldom another's, or to another party."""
        if r.random() < 1 / 12:
            key, party = r.choice([(self.w.outsider.address, party), (key, self.anyone(r))])
        return self.a.consent(key, party, level, roles, name)

    def coop(self, r: Random) -> str:
        return r.choice([self.w.coop.address, self.w.coop.address, self.w.coop2.address])

    def batch(self, r: Random, fits: Callable[[int], bool] = lambda _: True) -> int:
        """A registered batch that fits; seldom any, or none."""
        if r.random() < 1 / 12:
            return r.choice([r.getrandbits(256), *self.g.batches])
        known = [n for n, b in self.g.batches.items() if b.registered]
        return r.choice([n for n in known if fits(n)] or known)

    def reason(self, r: Random) -> str:
        return r.choice(BAD_REASONS if r.random() < 1 / 10 else REASONS)

    def payload(self, r: Random) -> bytes:
        if r.random() < 1 / 15:
            return r.choice([b"", b"{", b"[]", b"{" + b" " * 8_191 + b"}"])
        return r.choice([PAYLOAD, b"{}", b"{" + b" " * 8_190 + b"}"])

    def receipts(self, r: Random, coop: str, gtin: int | None = None) -> tuple[int, list[int]]:
        """Free receipts of one product under one set of terms."""
        groups: dict[int, list[int]] = {}
        for (owner, receipt), d in self.g.deliveries.items():
            if owner == coop and d.status == BOOKED:
                groups.setdefault(d.terms, []).append(receipt)
        if gtin is not None:
            groups = {t: found for t, found in groups.items() if self.g.terms[t - 1].gtin == gtin}
        if not groups:
            return gtin or 0, []
        terms = r.choice(list(groups))
        return self.g.terms[terms - 1].gtin, groups[terms][: r.randint(1, 4)]

    def gtin(self, r: Random, coop: str) -> int:
        own = [gtin for gtin, p in self.g.products.items() if p.cooperative == coop and p.in_force]
        return r.choice(own if r.random() < 7 / 8 else list(self.g.products))

    # ------------------------------------------------------------------ rules

    @rule(seed=SEEDS)
    def act(self, seed: int) -> None:
        """Somebody does something. One rule for all: with many, Hypothesis leaves most of them out of a run."""
        r = self._dice(seed)
        r.choice(r.choice(self._fields()))(r)

    def _fields(self) -> tuple[tuple[Callable[[Random], None], ...], ...]:
        """Fields in which somebody can act, each as likely as the others, and the acts in it."""
        people = (self.enrol, self.suspend, self.reinstate, self.clerks, self.rotate, self.redirect)
        money_in = (self.pay, self.pay, self.pay_signed)
        return (
            (*people, self.reinstate, self.recover, self.recover),
            (self.lists, self.publish, self.authority),
            (self.book, self.void, self.harvest, self.harvest, self.register, self.collect),
            (self.transform, self.transform, self.set_price),
            (self.event, self.alarm),
            (self.offer, self.answer, self.answer),
            money_in,
            money_in,
            (self.claim, self.claim, self.claim_to, self.settle, self.withdraw, self.withdraw),
            (self.trouble, self.trouble, self.donate, self.closed),
        )

    # ------------------------------------------------------------------ Actors

    def enrol(self, r: Random) -> None:
        by, roles = r.choice(
            [
                (self.w.platform.address, Role.CARRIER),
                (self.w.platform.address, Role.COOPERATIVE | Role.RETAILER),
                (self.w.regulator.address, Role.INSPECTOR),
                (self.w.regulator.address, Role.REGULATOR),
                (self.coop(r), Role.FARMER),
                (self.coop(r), Role.FARMER),
                (self.coop(r), r.randint(0, 255)),
            ]
        )
        name = r.choice(
            [code(f"N{self.next()}")] * 6 + [code("F0"), b" x".ljust(16, b"\0"), bytes(16)]
        )
        sender, key = self.key(r, by), self.new_key(r)
        consent = self.consent(r, key, self.actor_of(sender), OWNER, int(roles), name)
        self.do(r, sender, "Actors", "enrol", key, int(roles), name, consent)

    def suspend(self, r: Random) -> None:
        actor = r.choice(list(self.g.actors))
        by = r.choice([self.g.actors[actor].enroller, self.w.regulator.address])
        self.do(r, self.key(r, by), "Actors", "suspend", actor, self.reason(r))

    def reinstate(self, r: Random) -> None:
        asleep = [address for address, a in self.g.actors.items() if a.suspended]
        actor = r.choice(asleep or list(self.g.actors))
        by = r.choice([self.g.actors[actor].suspended_by, self.w.regulator.address])
        self.do(r, self.key(r, by), "Actors", "reinstate", actor, self.reason(r))

    def clerks(self, r: Random) -> None:
        coop = self.coop(r)
        clerks = self.g.actors[coop].clerks
        sender = self.key(r, coop)
        if clerks and r.random() < 1 / 2:
            clerk = r.choice([*clerks, self.anyone(r)])
            self.do(r, sender, "Actors", "dismissClerk", clerk)
        else:
            key = self.new_key(r)
            consent = self.consent(r, key, self.actor_of(sender), CLERK)
            self.do(r, sender, "Actors", "appointClerk", key, consent)

    def rotate(self, r: Random) -> None:
        sender = self.key(r, r.choice(list(self.g.actors)))
        key = self.new_key(r)
        consent = self.consent(r, key, self.actor_of(sender), OWNER)
        self.do(r, sender, "Actors", "rotateKey", key, consent)

    def recover(self, r: Random) -> None:
        """Propose, wait and complete, or cancel."""
        under_way = list(self.g.recoveries)
        if under_way and r.random() < 3 / 4:
            actor = r.choice(under_way)
            if r.random() < 1 / 3:
                a = self.g.actors[actor]
                by = r.choice([actor, a.enroller, self.w.regulator.address])
                self.do(r, self.key(r, by), "Actors", "cancelRecovery", actor)
                return
            self.a.wait(r.choice([1, 4 * DAY, 8 * DAY, 8 * DAY]))
            self.do(r, self.anyone(r), "Actors", "completeRecovery", actor)
            return
        actor = r.choice([*self.g.actors, self.anyone(r)])
        known = self.g.actors.get(actor)
        by = known.enroller if known else self.anyone(r)
        key = self.new_key(r)
        consent = self.consent(r, key, actor, OWNER)
        self.do(r, self.key(r, by), "Actors", "proposeRecovery", actor, key, consent)

    def redirect(self, r: Random) -> None:
        farmers = [address for address, a in self.g.actors.items() if a.roles & Role.FARMER]
        odd = [ZERO, self.g.bank, self.g.host, *self.g.tokens]
        payout = r.choice([*self.a.receivers, self.anyone(r), r.choice(odd)])
        self.do(r, self.key(r, r.choice(farmers)), "Actors", "redirectPayout", payout)

    # ------------------------------------------------------------------ Catalogue

    def lists(self, r: Random) -> None:
        sender = self.with_role(r, Role.PLATFORM)
        if r.random() < 1 / 2:
            token = r.choice([*self.g.tokens, self.anyone(r)])
            self.do(r, sender, "Catalogue", "listToken", token, r.random() < 3 / 4)
            return
        gtin = with_check_digit(690_222_000_000 + self.next())
        gtin = r.choice([gtin] * 5 + [gtin + 1, r.choice(list(self.g.products)), 0])
        coop = r.choice([self.coop(r), self.coop(r), self.anyone(r)])
        unit = r.choice([b"KGM", b"H87", b"kg\0"])
        self.do(r, sender, "Catalogue", "listProduct", gtin, coop, unit)

    def publish(self, r: Random) -> None:
        gtin = r.choice([*self.g.products, 1])
        product = self.g.products.get(gtin)
        coop = product.cooperative if product else self.w.coop.address
        farmer = r.choice([3_000, 4_999, 7_000, 10_000, 2_999, r.randint(3_000, 10_000)])
        cooperative = r.randint(0, 10_000 - farmer)
        platform = 10_000 - farmer - cooperative + (r.random() < 1 / 12)
        payees = [self.w.coop_payee.address, self.w.platform_payee.address, *self.a.receivers]
        payees += [self.g.bank, ZERO, self.w.farmer.address] if r.random() < 1 / 3 else []
        terms = (
            self.g.terms[product.in_force - 1].token
            if product and product.in_force and r.random() < 4 / 5
            else r.choice(list(self.g.tokens)),
            farmer,
            cooperative,
            platform,
            r.choice(payees),
            r.choice([0, 0, 1, 333, 2**96 - 1]),
            r.choice(payees),
        )
        authority = self.g.authorities.get(coop, coop)
        self.do(r, self.key(r, authority), "Catalogue", "publishTerms", gtin, terms)

    def authority(self, r: Random) -> None:
        coop = self.coop(r)
        to = r.choice([coop, coop, coop, self.anyone(r), ZERO])
        sender = self.key(r, self.g.authorities.get(coop, coop))
        self.do(r, sender, "Catalogue", "setTermsAuthority", coop, to)

    # ------------------------------------------------------------------ Deliveries

    def book(self, r: Random) -> None:
        coop = self.coop(r)
        gtin = self.gtin(r, coop)
        own = [address for address, a in self.g.actors.items() if a.enroller == coop]
        bookings = []
        for _ in range(r.randint(0, 5)):
            farmer = r.choice(own) if r.random() < 19 / 20 else self.anyone(r)
            grams = r.choice([1, 1_000, 3_333, 2**40 - 1] if r.random() < 1 / 4 else [1_000, 7_777])
            grade = r.choice([1, 9_999, 10_000, 20_000])
            if r.random() < 1 / 30:
                grams, grade = r.choice([(0, 1), (1, 0), (1, 20_001)])
            receipt = self.next() if r.random() < 29 / 30 else r.choice([0, 1, self.number])
            bookings.append((receipt, farmer, gtin, grams, grade, r.randint(0, 999)))
        self.do(r, self.key(r, coop), "Deliveries", "book", bookings)

    def void(self, r: Random) -> None:
        coop = self.coop(r)
        _, free = self.receipts(r, coop)
        receipt = r.choice(free or [1])
        self.do(r, self.key(r, coop), "Deliveries", "voidDelivery", receipt, self.reason(r))

    # ------------------------------------------------------------------ making batches

    def new_lot(self, r: Random) -> bytes:
        if r.random() < 1 / 15:
            return r.choice([b"..".ljust(20, b"\0"), bytes(20), b"a#".ljust(20, b"\0")])
        return lot(f"L{self.next()}")

    def _too_many(self) -> bool:
        return len(self.g.batches) >= MOST_BATCHES

    def collect(self, r: Random) -> None:
        coop = self.coop(r)
        gtin, receipts = self.receipts(r, coop)
        if self._too_many() or (not receipts and r.random() < 3 / 4):
            return
        name = r.choice([self.new_lot(r), lot("C1"), lot("C2")])
        gtin = gtin or self.gtin(r, coop)
        self.do(r, self.key(r, coop), "Batches", "collect", gtin, name, receipts)

    def harvest(self, r: Random) -> None:
        """Book and register in one go, so that there is something to trade with."""
        self.book(r)
        self.register(r)

    def register(self, r: Random) -> None:
        if self._too_many():
            return
        coop = self.coop(r)
        gtin, receipts = self.receipts(r, coop)
        name = self.new_lot(r)
        collected = [
            (n, gtin_, lot_)
            for gtin_ in self.g.products
            for lot_ in (lot("C1"), lot("C2"))
            if (n := self.g.batch_id(coop, gtin_, lot_)) in self.g.batches
        ]
        grams = 0
        if collected and r.random() < 1 / 2:
            number, gtin, name = r.choice(collected)
            grams = self.g.batches[number].grams
            gtin, receipts = self.receipts(r, coop, gtin)
        gtin = gtin or self.gtin(r, coop)
        grams += sum(self.g.deliveries[coop, receipt].grams for receipt in receipts)
        mass = r.choice([1, 60_000, KILOGRAM])
        units, loss = divmod(grams * 1_000, mass)
        loss += r.random() < 1 / 15
        terms = self.g.terms[self.g.deliveries[coop, receipts[0]].terms - 1] if receipts else None
        price = (terms.floor if terms else 0) + r.choice([0, 1, 1_001, 99_999])
        price = min(price, 2**96 - 1)
        what = (gtin, name, units, mass, loss, price)
        sender = self.key(r, coop)
        self.do(r, sender, "Batches", "register", what, receipts, self.payload(r))

    def transform(self, r: Random) -> None:
        if self._too_many():
            return
        coop = self.coop(r)
        held = [
            n
            for n, b in self.g.batches.items()
            if b.registered and b.held_by.get(coop) and (r.random() < 1 / 8 or self._movable(n))
        ]
        if not held:
            return
        first = r.choice(held)
        token = self.g.token_of(self.g.batches[first])
        alike = [
            n for n in held if self.g.token_of(self.g.batches[n]) == token or r.random() < 1 / 30
        ]
        chosen = sorted({first, *r.sample(alike, min(len(alike), r.randint(0, 3)))})
        if r.random() < 1 / 20:
            chosen.reverse()
        inputs = [(n, self._some(r, self.g.batches[n].held_by[coop])) for n in chosen]
        mass_in = sum(self.g.batches[n].mass * units for n, units in inputs)
        fits = [
            gtin
            for gtin, p in self.g.products.items()
            if p.cooperative == coop and p.in_force and self.g.terms[p.in_force - 1].token == token
        ]
        outputs, left = [], mass_in
        for _ in range(r.randint(1, 3)):
            gtin = r.choice(fits) if fits and r.random() < 14 / 15 else self.gtin(r, coop)
            floor = self.g.terms[self.g.products[gtin].in_force - 1].floor
            mass = r.choice([1_000, 60_000, 500_000, KILOGRAM])
            units = min(left // mass, 2**64 - 1) if r.random() < 1 / 2 else left // mass // 2
            left -= units * mass
            price = min(floor + r.randint(0, 2_000), 2**96 - 1)
            outputs.append((gtin, self.new_lot(r), units, mass, price, self.payload(r)))
        outputs = [o for o in outputs if o[2]] or outputs[:1]
        left += r.random() < 1 / 15
        self.do(r, self.key(r, coop), "Batches", "transform", inputs, outputs, max(left, 0))

    def _movable(self, batch: int) -> bool:
        return not self.g.batches[batch].held and self.g.is_clear(batch)

    def _some(self, r: Random, units: int) -> int:
        """Some of these units, all, or (seldom) none or too many."""
        if r.random() < 1 / 15:
            return r.choice([0, units + 1])
        return r.choice([units, max(1, units // 2), r.randint(1, max(1, units)), 1])

    def set_price(self, r: Random) -> None:
        batch = self.batch(r)
        known = self.g.batches.get(batch)
        coop = known.cooperative if known else self.coop(r)
        price = r.choice([0, 1, 7, 99_999, 2**96 - 1] if r.random() < 1 / 4 else [777, 1_001])
        self.do(r, self.key(r, coop), "Batches", "setPrice", batch, price)

    # ------------------------------------------------------------------ events, holds, recalls

    def event(self, r: Random) -> None:
        batch, payload = self.batch(r), self.payload(r)
        known = self.g.batches.get(batch)
        coop = self.key(r, known.cooperative if known else self.coop(r))
        anybody = self.with_role(r, 2 ** r.randrange(7))
        which = self.pick(r, "Batches", "record", "anchor", "correct", "inspect")
        if which == "record":
            kind = r.choice([Kind.PRODUCTION, Kind.LOGISTICS, r.choice(list(Kind))])
            sender = r.choice([coop, coop, anybody])
            self.do(r, sender, "Batches", "record", batch, int(kind), payload)
        elif which == "anchor":
            root = self.a.reading(r.randbytes(8))
            if r.random() < 1 / 8:
                root = r.choice([bytes(32), *(sorted(known.readings) if known else ())])
            count = r.choice([1, 10_000, 10_000, 0])
            sender = r.choice([coop, self.with_role(r, Role.CARRIER), anybody])
            self.do(r, sender, "Batches", "anchor", batch, root, count, payload)
        elif which == "correct":
            wrong = r.randbytes(32)
            right = r.choice([bytes(32), wrong] if r.random() < 1 / 8 else [r.randbytes(32)])
            sender = r.choice([coop, self.with_role(r, Role.INSPECTOR), anybody])
            self.do(r, sender, "Batches", "correct", batch, wrong, right, payload)
        else:
            inspector, conformant = self.with_role(r, Role.INSPECTOR), r.random() < 2 / 3
            self.do(r, inspector, "Batches", "inspect", batch, conformant, payload)

    def alarm(self, r: Random) -> None:
        """Hold, release, recall, lift."""
        held = self.batch(r, lambda n: self.g.batches[n].held)
        if not self.g.batches.get(held, Batch()).held and r.random() < 1 / 2:
            self.do(
                r, self.with_role(r, Role.INSPECTOR), "Batches", "inspect", held, False, PAYLOAD
            )
        recalled = self.batch(r, lambda n: self.g.batches[n].recalled_by != ZERO)
        which = self.pick(r, "Batches", "release", "recall", "liftRecall", "refresh")
        if which == "release":
            sender = self.with_role(r, Role.REGULATOR)
            self.do(r, sender, "Batches", "release", held, self.reason(r))
        elif which == "recall":
            batch = self.batch(r)
            sender = self._recaller(r, batch)
            self.do(r, sender, "Batches", "recall", batch, self.reason(r))
        elif which == "liftRecall":
            sender = self._recaller(r, recalled)
            self.do(r, sender, "Batches", "liftRecall", recalled, self.reason(r))
        else:
            self.do(r, self.anyone(r), "Batches", "refresh", self.batch(r))

    def _recaller(self, r: Random, batch: int) -> str:
        known = self.g.batches.get(batch)
        coop = known.cooperative if known else self.coop(r)
        return self.key(r, r.choice([coop, self.w.regulator.address]))

    # ------------------------------------------------------------------ custody

    def offer(self, r: Random) -> None:
        batch = self.batch(r, self._movable)
        known = self.g.batches.get(batch)
        holders = (
            [h for h, units in known.held_by.items() if units and h != self.g.host] if known else []
        )
        sender = r.choice(holders or [self.anyone(r)])
        units = self._some(r, known.held_by.get(sender, 0)) if known else 1
        odd = [ZERO, self.g.host, sender, known.cooperative if known else ZERO]
        to = r.choice(
            [self.w.retailer.address, self.w.carrier.address, self.anyone(r), r.choice(odd)]
        )
        self.do(r, self.key(r, sender), "Batches", "offer", batch, to, units)

    def answer(self, r: Random) -> None:
        if r.random() < 1 / 8:  # so that there is something to answer
            self.offer(r)
        offers = [
            (n, i, o)
            for n, b in self.g.batches.items()
            for i, o in enumerate(b.offers, 1)
            if o.units
        ]
        if not offers or r.random() < 1 / 15:
            batch = self.batch(r)
            self.do(r, self.anyone(r), "Batches", "accept", batch, r.randint(0, 3))
            return
        batch, number, o = r.choice(offers)
        which = self.pick(r, "Batches", "accept", "refuse", "withdraw")
        if which == "accept":
            self.do(r, self.key(r, o.receiver), "Batches", "accept", batch, number)
        elif which == "refuse":
            sender = self.key(r, o.receiver)
            self.do(r, sender, "Batches", "refuse", batch, number, self.reason(r))
        else:
            self.do(r, self.key(r, o.sender), "Batches", "withdraw", batch, number)

    # ------------------------------------------------------------------ money

    def order(self, r: Random, payer: str, lines: int) -> Order:
        """An order that can mostly be paid."""
        found: list[tuple[int, int, int]] = []
        token = ""
        for _ in range(lines):
            batch = self.batch(r, partial(self._sellable, token=token))
            known = self.g.batches.get(batch)
            if known is None or not known.registered:
                found.append((batch, 1, 1))
                continue
            token = token or self.g.token_of(known)
            units = self._some(r, known.held_by.get(known.cooperative, 0))
            units = min(units, 2**127 // (known.price or 1), r.choice([1, 2, 1_000]))
            amount = known.price * units + (r.random() < 1 / 20)
            found.append((batch, units, amount))
        used = [number for who, number in self.g.orders if who == payer]
        number = r.choice(used) if used and r.random() < 1 / 12 else self.next()
        buyer = payer if r.random() < 3 / 4 else r.choice([ZERO, self.g.host, self.anyone(r)])
        return (number, buyer, found)

    def _sellable(self, batch: int, token: str) -> bool:
        b = self.g.batches[batch]
        coin = self.g.token_of(b)
        affordable = 0 < b.price < RICH // 1_000
        alike = not token or coin == token
        return bool(self._movable(batch) and b.held_by.get(b.cooperative) and affordable and alike)

    def _payer(self, r: Random) -> str:
        rich = [self.w.buyer.address, self.w.retailer.address]
        return r.choice([*rich, *rich, *rich, self.anyone(r)])

    def pay(self, r: Random) -> None:
        payer = self._payer(r)
        order = self.order(r, payer, r.choice([1, 1, 1, 2, 3, 0]))
        self.do(r, payer, "Payments", "pay", order)

    def pay_signed(self, r: Random) -> None:
        """By permit or by authorisation, genuine or forged."""
        payer = r.choice([self.w.buyer.address, self.w.buyer.address, self.w.outsider.address])
        order = self.order(r, payer, r.choice([1, 1, 2, 0]))
        yuan = [n for n in self.g.batches if self._sellable(n, self.w.yuan.address.lower())]
        if yuan and r.random() < 4 / 5:
            batch = r.choice(yuan)
            order = (self.next(), payer, [(batch, 1, self.g.batches[batch].price)])
        genuine = r.random() < 4 / 5
        if r.random() < 1 / 2:
            signature = self.a.authorization(payer, order)
            signed = order if genuine else (order[0] + 1, *order[1:])
            parts = (signature[64], signature[:32], signature[32:64])
            arguments = (signed, payer, 0, FOREVER, *parts)
            self.do(
                r, self.anyone(r), "Payments", "payWithAuthorization", *arguments,
                ghost=lambda: self.g.pay_with_authorization("", signed, payer, genuine),
            )  # fmt: skip
            return
        signature = self.a.permit(payer)
        value = 2**256 - 1 if genuine else 2**256 - 2
        parts = (signature[64], signature[:32], signature[32:64])
        self.do(
            r, payer, "Payments", "payWithPermit", order, value, FOREVER, *parts,
            ghost=lambda: self.g.pay_with_permit(payer, order, genuine),
        )  # fmt: skip

    def _path(self, r: Random, batch: int) -> list[tuple[Any, ...]]:
        """A path from a batch down to a farmer, with proofs."""
        steps: list[tuple[Any, ...]] = []
        while True:
            indices = self.g.indices(batch)
            if not indices:
                return steps
            index = r.choice([i for i in indices if self.g.due(batch, i)] or indices)
            step = self.a.step(batch, index)
            steps.append(step)
            member = step[2]
            if not self.g.batches[batch].derived or self.g.batches[member].farmer != ZERO:
                return steps
            batch = member

    def _owing(self) -> list[int]:
        """Pools with something due."""
        return [n for n in self.g.pools if any(self.g.due(n, i) for i in self.g.indices(n))]

    def _paths(self, r: Random) -> list[tuple[Any, ...]]:
        owing = self._owing()
        known = [n for n, b in self.g.batches.items() if b.chunks]
        steps = self._path(r, r.choice(owing or known))
        while r.random() < 1 / 4:
            steps += self._path(r, r.choice(known))
        if r.random() < 1 / 12 and steps:
            batch, index, member, weight, proof = steps[-1]
            forged = [(batch, index, member, weight + 1), (batch, index + 1, member, weight)]
            steps[-1] = (*r.choice(forged), proof)
        return steps if r.random() < 29 / 30 else []

    def claim(self, r: Random) -> None:
        self.do(r, self.anyone(r), "Payments", "claim", self._paths(r))

    def claim_to(self, r: Random) -> None:
        steps = self._paths(r)
        farmer = "0x" + (steps[-1][2] % 2**160).to_bytes(20).hex() if steps else ZERO
        if steps and self.g.batches.get(steps[-1][2]):
            farmer = self.g.batches[steps[-1][2]].farmer
        odd = [ZERO, self.g.bank, *self.a.receivers]
        to = r.choice([self.anyone(r), self.anyone(r), r.choice(odd)])
        self.do(r, self.key(r, farmer), "Payments", "claimTo", to, steps)

    def settle(self, r: Random) -> None:
        known = [n for n in self.g.batches if self.g.batches[n].chunks]
        owing = self._owing()
        batch = r.choice(owing or known)
        chunk = r.randrange(len(self.g.batches[batch].chunks))
        listed = list(self.g.batches[batch].chunks[chunk])
        if r.random() < 1 / 12:
            listed = r.choice([listed[:-1], listed[::-1], [*listed, (1, 1)]])
        self.do(r, self.anyone(r), "Payments", "settle", batch, chunk, listed)

    def withdraw(self, r: Random) -> None:
        owners = list(self.g.credits) or [(self.w.yuan.address.lower(), self.anyone(r))]
        token, owner = r.choice(owners)
        if self.g.tokens[token].told.get(self.g.payout_of(owner)) and r.random() < 1 / 3:
            self._tell(self.g.payout_of(owner))
        if self.pick(r, "Payments", "withdraw", "withdrawTo") == "withdraw":
            self.do(r, self.anyone(r), "Payments", "withdraw", token, owner)
        else:
            to = r.choice([self.anyone(r), self.w.outsider.address, ZERO, self.g.bank])
            self.do(r, self.key(r, owner), "Payments", "withdrawTo", token, to)

    # ------------------------------------------------------------------ mischief

    def trouble(self, r: Random) -> None:
        """A token begins to misbehave, or stops."""
        address, token = r.choice(list(self.g.tokens.items()))
        contract = self.a.contracts.get(token.name)
        if contract is None:
            return
        if token.name == "BlacklistToken":
            who = r.choice([*(p.address for p in self.a.people), *self.a.receivers, self.g.bank])
            blocked = who not in token.blocked
            token.blocked ^= {who}
            call = contract.call("setBlocked", who, blocked)
        elif token.name == "FalseToken":
            token.refuses_in, token.refuses_out = r.random() < 1 / 3, r.random() < 1 / 3
            call = contract.call("refuse", token.refuses_in, token.refuses_out)
        elif token.name == "PausableToken":
            token.paused = not token.paused
            call = contract.call("pause" if token.paused else "unpause")
        elif token.name == "FeeToken":
            token.fee_bps = r.choice([0, 1, 500, 10_000])
            call = contract.call("setFee", token.fee_bps)
        else:
            self._tell(r.choice(self.a.receivers))
            return
        assert int(self.a.send(self.w.issuer.address, address, call.data)["status"], 16) == 1
        self.a.check(people=False)

    def _tell(self, receiver: str) -> None:
        """Let a receiver be told of transfers, which all but one do not stand, or no longer."""
        contract = self.a.contracts["CallbackToken"]
        token = self.g.tokens[contract.address.lower()]
        if receiver in token.told:
            del token.told[receiver]
        else:
            token.told[receiver] = receiver != self.a.receivers[3]
        call = contract.call("setTold", receiver, receiver in token.told)
        self.a.send(self.w.issuer.address, call.to, call.data)

    def donate(self, r: Random) -> None:
        """Somebody sends tokens by mistake; it changes nobody's due."""
        address = self.w.yuan.address.lower()
        amount = r.choice([1, 12_345])
        data = self.w.yuan.call("transfer", self.g.bank, amount).data
        self.a.send(self.w.buyer.address, address, data)
        self.g.tokens[address].balances[self.w.buyer.address] -= amount
        self.g.tokens[address].balances[self.g.bank] += amount
        self.g.donated[address] += amount
        self.a.check(people=False)

    def closed(self, r: Random) -> None:
        """What nobody may ever call."""
        me, other, batch = self.anyone(r), self.anyone(r), self.batch(r)

        def refuses(name: str) -> Callable[[], None]:
            def refuse() -> None:
                raise Refused(name)

            return refuse

        calls: Sequence[tuple[str, str, str, tuple[Any, ...]]] = (
            ("Batches_HandOverOnly", "Batches", "safeTransferFrom", (me, other, batch, 1, b"")),
            (
                "Batches_HandOverOnly",
                "Batches",
                "safeBatchTransferFrom",
                (me, other, [batch], [1], b""),
            ),
            ("Batches_HandOverOnly", "Batches", "setApprovalForAll", (other, True)),
            ("Batches_OnlyPayments", "Batches", "sell", (batch, 1, 1_001, me, me, self.next())),
            ("Deliveries_OnlyBatches", "Deliveries", "enter", (self.coop(r), [1], batch, 0)),
        )
        name, contract, function, arguments = r.choice(calls)
        self.do(r, me, contract, function, *arguments, ghost=refuses(name))
