"""A small world on a chain of its own: deployed contracts, people with keys, products, money.

`world` (see `tests/conftest.py`) gives each test this world as it was founded and takes back what the test did.
People act directly (`World.act`: the node sends in anybody's name) or sign and are relayed (`World.relayed`).
"""

import fcntl
import hashlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.conversions import to_bytes, to_hex
from eth_utils.crypto import keccak

from yuanliu import actions, members
from yuanliu.chain import compiler, keys, relay
from yuanliu.chain.artifacts import Artifact
from yuanliu.chain.bindings import Call, Contract, ContractRefusal, call, refusal
from yuanliu.chain.deployment import Deployment, Founders, deploy
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.node import Log, Node, Receipt, RpcError, Sender, TransactionFailed
from yuanliu.chain.relay import Relay
from yuanliu.settings import settings

GAS: Final = 16_777_216
"""Gas limit of every direct transaction: the most that EIP-7825 allows."""

FLAGS: Final = ("--base-fee=0", "--auto-impersonate")
"""Gas is free and the node sends in anybody's name, contracts included: no test is about gas prices."""

GTIN_EGGS: Final = 6901234567892
"""Sold by the piece of 60 g. Floor 1.20 yuan; the margin goes 3,334 / 5,000 / 1,666 (MISSION, M6)."""

GTIN_TEA: Final = 6901234500011
"""Sold by the kilogram. Floor 100.00 yuan; the margin goes 4,000 / 4,000 / 2,000."""

GTIN_BOX: Final = 16901234500018
"""A gift box of 500 g, made from other batches. Floor 60.00 yuan; the margin goes 5,000 / 3,000 / 2,000."""

GTIN_OTHER: Final = 6901234500028
"""A kilogram of the second cooperative's oranges. Floor 25.00 yuan; the margin goes 5,000 / 3,000 / 2,000."""

EGG_MILLIGRAMS: Final = 60_000
KILOGRAM: Final = 1_000_000
PAYLOAD: Final = b'{"type":"ObjectEvent"}'
PLAIN: Final = 10_000
"""Grade factor of plain goods, basis points."""

ZERO: Final = "0x" + "00" * 20


Role = actions.Role


@dataclass(frozen=True)
class Person:
    """Somebody with a key. The same name has the same key in every world."""

    name: str
    account: LocalAccount

    @property
    def address(self) -> str:
        return str(self.account.address).lower()


_PEOPLE: Final[dict[str, LocalAccount]] = {}
"""Everybody who was ever named, by address."""

Who = Person | Contract | str
"""Anybody who can send: a person, a contract, a bare address."""


def person(name: str) -> Person:
    """Give the person of a name; his key follows from it."""
    account = keys.from_private_key(to_hex(keccak(text=f"yuanliu.tests.{name}")))
    _PEOPLE[str(account.address).lower()] = account
    return Person(name, account)


CLERK, OWNER = 1, 2
"""Levels of keys, `IActors.KeyLevel`."""

BINDING: Final = {"enrol": 3, "appointClerk": 1, "rotateKey": 1, "proposeRecovery": 2}
"""The functions that bind a key, and how many arguments come before its consent."""

CONSENT: Final = {
    "Consent": [
        {"name": "party", "type": "address"},
        {"name": "level", "type": "uint8"},
        {"name": "roles", "type": "uint16"},
        {"name": "code", "type": "bytes16"},
    ]
}

YES_WALLET: Final = "0x631626ba7e60e01b5f5260205ff3"
"""Code that answers every ERC-1271 question with yes."""


def address_of(who: Who) -> str:
    return who.lower() if isinstance(who, str) else who.address.lower()


def lot(text: str) -> bytes:
    """Give a lot number as the contracts take it: 20 bytes, zero padded."""
    return text.encode().ljust(20, b"\0")


def code(text: str) -> bytes:
    """Give an actor's code as the contracts take it: 16 bytes, zero padded."""
    return text.encode().ljust(16, b"\0")


@contextmanager
def refused(name: str, **fields: object) -> Iterator[None]:
    """Assert that the block ends in the contracts' refusal `name`, with these of its fields."""
    try:
        yield
    except ContractRefusal as error:
        found = {key: error.fields.get(key) for key in fields}
        assert (error.name, _plain(found)) == (name, _plain(fields)), str(error)  # noqa: PT017 -- says both
        return
    raise AssertionError(f"{name} was expected; nothing was refused")


def _plain(fields: dict[str, object]) -> dict[str, object]:
    return {
        key: address_of(value)
        if isinstance(value, str | Person | Contract) and not isinstance(value, Batch)
        else int(value)
        if isinstance(value, Batch | bool)
        else value
        for key, value in fields.items()
    }


@dataclass(frozen=True)
class Terms:
    """Terms as the catalogue takes them; bps are basis points, the floor is in the token's smallest unit."""

    token: str
    farmer_bps: int
    cooperative_bps: int
    platform_bps: int
    cooperative_payee: str
    floor: int
    platform_payee: str

    def tuple(self) -> tuple[object, ...]:
        return (
            self.token,
            self.farmer_bps,
            self.cooperative_bps,
            self.platform_bps,
            self.cooperative_payee,
            self.floor,
            self.platform_payee,
        )


@dataclass(frozen=True)
class Batch:
    """A batch and the members of its pool, chunk by chunk: (farmer's address or parent's id, weight)."""

    id: int
    gtin: int
    lot: bytes
    units: int
    price: int
    chunks: tuple[tuple[tuple[int, int], ...], ...]

    def __int__(self) -> int:
        return self.id

    @property
    def total_weight(self) -> int:
        return sum(weight for chunk in self.chunks for _, weight in chunk)


def transacted(request: Callable[..., Any], transaction: dict[str, Any]) -> dict[str, Any]:
    """Send a transaction in anybody's name, and give its receipt once it is mined."""
    sent = request("eth_sendTransaction", transaction)
    end = time.monotonic() + 300
    while (raw := request("eth_getTransactionReceipt", sent)) is None:
        assert time.monotonic() < end, "it was not mined in time"
        time.sleep(0.0005)
    receipt: dict[str, Any] = raw
    return receipt


class World:
    """The deployed contracts, the people, and short words for what they do."""

    def __init__(self, devnet: Devnet) -> None:
        self.devnet = devnet
        self.node: Node = devnet.node
        accounts = keys.devnet_accounts(settings().devnet_dir)
        self.platform = person("platform")
        self.regulator = person("regulator")
        self.issuer = Person("issuer", accounts["issuer"])
        self.coop = person("cooperative one")
        self.coop2 = person("cooperative two")
        self.clerk = person("clerk of one")
        self.farmers = tuple(person(f"farmer {i}") for i in range(6))
        self.farmer = self.farmers[0]
        self.farmer2 = person("farmer of two")
        self.inspector = person("inspector")
        self.carrier = person("carrier")
        self.retailer = person("retailer")
        self.buyer = person("buyer")
        self.outsider = person("outsider")
        self.coop_payee = person("payee of one")
        self.coop2_payee = person("payee of two")
        self.platform_payee = person("payee of the platform")

        self._numbers = itertools.count(1)
        self._relayer = accounts["relayer"]
        self.deployment: Deployment = deploy(
            Sender(self.node, accounts["deployer"]),
            Founders(
                platform=self.platform.address,
                regulator=self.regulator.address,
                issuer=self.issuer.address,
                uri="https://example.org/batches/{id}.json",
            ),
        )
        self.actors = self.deployment.actors
        self.catalogue = self.deployment.catalogue
        self.deliveries = self.deployment.deliveries
        self.batches = self.deployment.batches
        self.payments = self.deployment.payments
        self.yuan = self.deployment.demo_yuan
        self._found()

    def _found(self) -> None:
        """Enrol everybody, list products and terms, give the buyer money."""
        for who, roles, name in (
            (self.coop, Role.COOPERATIVE, "coop-one"),
            (self.coop2, Role.COOPERATIVE, "coop-two"),
            (self.carrier, Role.CARRIER, "carrier"),
            (self.retailer, Role.RETAILER, "retailer"),
        ):
            self.enrol(self.platform, who, roles, name)
        self.enrol(self.regulator, self.inspector, Role.INSPECTOR, "lab")
        for i, farmer in enumerate(self.farmers):
            self.enrol(self.coop, farmer, Role.FARMER, f"F{i}")
        self.enrol(self.coop2, self.farmer2, Role.FARMER, "F0")
        self.act(self.coop, self.actors, "appointClerk", self.clerk.address)
        self.act(self.platform, self.catalogue, "listToken", self.yuan.address, True)
        for gtin, coop, unit in (
            (GTIN_EGGS, self.coop, b"H87"),
            (GTIN_TEA, self.coop, b"KGM"),
            (GTIN_BOX, self.coop, b"H87"),
            (GTIN_OTHER, self.coop2, b"KGM"),
        ):
            self.act(self.platform, self.catalogue, "listProduct", gtin, coop.address, unit)
        self.publish(GTIN_EGGS, self.terms(3_334, 5_000, 1_666, floor=120))
        self.publish(GTIN_TEA, self.terms(4_000, 4_000, 2_000, floor=10_000))
        self.publish(GTIN_BOX, self.terms(5_000, 3_000, 2_000, floor=6_000))
        self.publish(
            GTIN_OTHER,
            self.terms(5_000, 3_000, 2_000, floor=2_500, cooperative_payee=self.coop2_payee),
            by=self.coop2,
        )
        self.fund(self.buyer)

    # ------------------------------------------------------------------ acting and asking

    @property
    def relay(self) -> Relay:
        """A relay that knows the relayer's nonce as it is now."""
        return Relay(self.deployment, Sender(self.node, self._relayer))

    def act(self, who: Who, contract: Contract, function: str, *arguments: object) -> Receipt:
        """Send a call as `who`, with the consent of a key that it binds. Raises `ContractRefusal`."""
        if contract is not self.actors or BINDING.get(function) != len(arguments):
            return self.send(who, contract.call(function, *arguments))
        level = CLERK if function == "appointClerk" else OWNER
        key = str(arguments[1] if function == "proposeRecovery" else arguments[0])
        party = str(arguments[0]) if function == "proposeRecovery" else self.actor_of(who)
        roles, given = arguments[1:] if function == "enrol" else (0, bytes(16))
        with self.consent(key, party, level=level, roles=roles, given=given) as agreed:
            return self.send(who, contract.call(function, *arguments, agreed))

    def actor_of(self, key: Who) -> str:
        """Give whom a key stands for; somebody who was never enrolled, for himself."""
        actor, level = self.ask(self.actors, "keyOf", address_of(key))
        return str(actor) if level else address_of(key)

    def relayed(
        self, who: Person, contract: Contract, function: str, *arguments: object
    ) -> Receipt:
        """Let `who` sign a call and relay it. Raises `ContractRefusal`."""
        return self.relay.submit(who.account, contract.call(function, *arguments))

    def send(self, who: Who, what: Call, *, gas: int = GAS) -> Receipt:
        """Send an encoded call as `who`, with `gas` at most."""
        transaction = {
            "from": address_of(who),
            "to": what.to,
            "data": to_hex(what.data),
            "gas": hex(gas),
            "gasPrice": "0x0",
        }
        raw = transacted(self.node.request, transaction)
        if int(raw["status"], 16) != 1:
            try:
                self.node.request("eth_call", transaction, "latest")
            except RpcError as error:
                raise refusal(error) from error
            raise TransactionFailed(str(raw["transactionHash"]))
        return _receipt(raw)

    def ask(self, contract: Contract, function: str, *arguments: object) -> Any:  # noqa: ANN401 -- as the ABI says
        """Call a view function. Raises `ContractRefusal`."""
        return contract.read(self.node, function, *arguments)

    def simulate(self, who: Who, contract: Contract, function: str, *arguments: object) -> bytes:
        """Call a function as `who` without a transaction and give the raw answer. Raises `ContractRefusal`."""
        return call(self.node, contract.call(function, *arguments), sender=address_of(who))

    def create(self, name: str, *arguments: object, by: Who | None = None) -> Contract:
        """Deploy a mock of `contracts/mocks`."""
        artifact = mocks()[name]
        kinds: list[str] = next(
            (
                [field["type"] for field in entry["inputs"]]
                for entry in artifact.abi
                if entry["type"] == "constructor"
            ),
            [],
        )
        data = to_bytes(hexstr=artifact.bytecode) + encode(kinds, arguments)
        transaction = {
            "from": address_of(by or self.issuer),
            "data": to_hex(data),
            "gas": hex(GAS),
            "gasPrice": "0x0",
        }
        raw = transacted(self.node.request, transaction)
        assert int(raw["status"], 16) == 1, f"{name} could not be deployed"
        return Contract(name, str(raw["contractAddress"]), abi=artifact.abi)

    def wait(self, seconds: int) -> None:
        """Let time pass. It comes back with the chain."""
        self.node.request("evm_increaseTime", seconds)
        self.node.request("evm_mine")

    @property
    def now(self) -> int:
        """Unix time of the latest block."""
        return int(self.node.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def number(self) -> int:
        """Give a number that was never given before: receipts, orders, lots."""
        return next(self._numbers)

    # ------------------------------------------------------------------ actors and terms

    def enrol(self, by: Who, who: Who, roles: int, name: str | None = None) -> Receipt:
        given = code(name or f"n{self.number()}")
        return self.act(by, self.actors, "enrol", address_of(who), roles, given)

    @contextmanager
    def consent(
        self,
        key: Who,
        party: str,
        *,
        level: int = OWNER,
        roles: object = 0,
        given: object = bytes(16),
    ) -> Iterator[bytes]:
        """Give a key's consent. What has no private key answers yes as a contract wallet, for as long."""
        address = address_of(key)
        if account := _PEOPLE.get(address):
            message = {"party": party, "level": level, "roles": roles, "code": given}
            yield keys.sign(account, relay.domain(self.deployment), CONSENT, message)
            return
        before = to_hex(self.node.code(address))
        self.node.request("anvil_setCode", address, YES_WALLET)
        try:
            yield b""
        finally:
            self.node.request("anvil_setCode", address, before)

    def terms(
        self,
        farmer_bps: int,
        cooperative_bps: int,
        platform_bps: int,
        *,
        floor: int = 0,
        token: Who | None = None,
        cooperative_payee: Who | None = None,
        platform_payee: Who | None = None,
    ) -> Terms:
        return Terms(
            token=address_of(token or self.yuan),
            farmer_bps=farmer_bps,
            cooperative_bps=cooperative_bps,
            platform_bps=platform_bps,
            cooperative_payee=address_of(cooperative_payee or self.coop_payee),
            floor=floor,
            platform_payee=address_of(platform_payee or self.platform_payee),
        )

    def publish(self, gtin: int, terms: Terms, *, by: Who | None = None) -> int:
        """Publish terms; give their number."""
        receipt = self.act(by or self.coop, self.catalogue, "publishTerms", gtin, terms.tuple())
        return int(self.catalogue.events(receipt.logs, "TermsPublished")[0].fields["id"])

    def list_product(self, terms: Terms, *, coop: Person | None = None) -> int:
        """List a new product, sold by the kilogram, and publish its terms; give its GTIN."""
        coop = coop or self.coop
        gtin = gtin14(690_000_000_000 + self.number())
        self.act(self.platform, self.catalogue, "listProduct", gtin, coop.address, b"KGM")
        self.publish(gtin, terms, by=coop)
        return gtin

    # ------------------------------------------------------------------ deliveries and batches

    def booking(
        self,
        farmer: Who,
        grams: int,
        *,
        gtin: int = GTIN_EGGS,
        grade: int = PLAIN,
        receipt: int | None = None,
    ) -> tuple[object, ...]:
        number = self.number() if receipt is None else receipt
        return (number, address_of(farmer), gtin, grams, grade, 0)

    def book(
        self,
        *deliveries: tuple[Who, int] | tuple[Who, int, int],
        gtin: int = GTIN_EGGS,
        by: Who | None = None,
    ) -> list[int]:
        """Book deliveries (farmer, grams[, grade]); give their receipt numbers."""
        bookings = [
            self.booking(d[0], d[1], grade=d[2] if len(d) > 2 else PLAIN, gtin=gtin)
            for d in deliveries
        ]
        self.act(by or self.coop, self.deliveries, "book", bookings)
        return [int(str(booking[0])) for booking in bookings]

    def new_lot(self) -> bytes:
        return lot(f"L{self.number()}")

    def batch_id(self, gtin: int, lot_: bytes, *, coop: Who | None = None) -> int:
        owner = to_bytes(hexstr=address_of(coop or self.coop))
        return int.from_bytes(hashlib.sha256(owner + gtin.to_bytes(8) + lot_).digest())

    def harvest(
        self,
        *deliveries: tuple[Who, int] | tuple[Who, int, int],
        gtin: int = GTIN_EGGS,
        price: int = 300,
        unit: int = EGG_MILLIGRAMS,
        by: Person | None = None,
    ) -> Batch:
        """Book deliveries and register a batch of them; what is no whole unit is declared loss.

        More than 256 deliveries are collected in chunks first.
        """
        by = by or self.coop
        deliveries = deliveries or ((self.farmer, 6_000),)
        lot_ = self.new_lot()
        parts = [deliveries[i : i + 256] for i in range(0, len(deliveries), 256)]
        for part in parts[:-1]:
            receipts = self.book(*part, gtin=gtin, by=by)
            self.act(by, self.batches, "collect", gtin, lot_, receipts)
        receipts = self.book(*parts[-1], gtin=gtin, by=by)
        units, loss = divmod(sum(d[1] for d in deliveries) * 1_000, unit)
        self.act(
            by,
            self.batches,
            "register",
            (gtin, lot_, units, unit, loss, price),
            receipts,
            PAYLOAD,
        )
        chunks = tuple(
            tuple((int(address_of(d[0]), 16), d[1] * (d[2] if len(d) > 2 else PLAIN)) for d in part)
            for part in parts
        )
        return Batch(self.batch_id(gtin, lot_, coop=by), gtin, lot_, units, price, chunks)

    def output(
        self,
        units: int,
        *,
        gtin: int = GTIN_BOX,
        unit: int = 500_000,
        price: int = 8_000,
        lot_: bytes | None = None,
        payload: bytes = PAYLOAD,
    ) -> tuple[object, ...]:
        return (gtin, lot_ or self.new_lot(), units, unit, price, payload)

    def transform(
        self,
        inputs: Sequence[tuple[Batch, int]],
        *,
        gtin: int = GTIN_BOX,
        unit: int = 500_000,
        price: int = 8_000,
        by: Person | None = None,
    ) -> Batch:
        """Make one batch from units of others, in any order; what is no whole unit is declared loss."""
        by = by or self.coop
        ordered = sorted(inputs, key=lambda item: item[0].id)
        masses = [units * self.unit_mass(batch) for batch, units in ordered]
        units, loss = divmod(sum(masses), unit)
        lot_ = self.new_lot()
        self.act(
            by,
            self.batches,
            "transform",
            [(batch.id, count) for batch, count in ordered],
            [self.output(units, gtin=gtin, unit=unit, price=price, lot_=lot_)],
            loss,
        )
        chunk = tuple((batch.id, mass) for (batch, _), mass in zip(ordered, masses, strict=True))
        return Batch(self.batch_id(gtin, lot_, coop=by), gtin, lot_, units, price, (chunk,))

    def unit_mass(self, batch: Batch | int) -> int:
        """Give the milligrams of one unit."""
        return int(self.state(batch)["massPerUnit"])

    def state(self, batch: Batch | int) -> dict[str, Any]:
        state: dict[str, Any] = self.ask(self.batches, "batchOf", int(batch))
        return state

    def held(self, batch: Batch | int, who: Who) -> int:
        """Give the units that somebody has."""
        return int(self.ask(self.batches, "balanceOf", address_of(who), int(batch)))

    def record(self, who: Who, batch: Batch | int, kind: int, payload: bytes = PAYLOAD) -> Receipt:
        return self.act(who, self.batches, "record", int(batch), kind, payload)

    def inspect(self, batch: Batch | int, conformant: bool, *, by: Who | None = None) -> Receipt:  # noqa: FBT001 -- reads as a sentence
        return self.act(
            by or self.inspector, self.batches, "inspect", int(batch), conformant, PAYLOAD
        )

    def offer(self, who: Who, batch: Batch | int, to: Who, units: int) -> int:
        """Offer units; give the offer's number."""
        self.act(who, self.batches, "offer", int(batch), address_of(to), units)
        return int(self.state(batch)["offers"])

    def hand_over(self, who: Who, batch: Batch | int, to: Who, units: int) -> None:
        """Offer units and let the receiver accept them."""
        number = self.offer(who, batch, to, units)
        self.act(to, self.batches, "accept", int(batch), number)

    def records(self, batch: Batch | int) -> list[bytes]:
        """Give a batch's records as they stand in the log, in order."""
        topic = "0x" + self.batches.topic("Recorded").hex()
        logs = self.node.logs(
            self.batches.address, [topic, "0x" + int(batch).to_bytes(32).hex()], 0
        )
        return [bytes(event.fields["record"]) for event in self.batches.events(logs)]

    # ------------------------------------------------------------------ money

    def fund(self, who: Who, amount: int = 10**12, *, token: Contract | None = None) -> None:
        """Give money to somebody and let the payments' contract take it."""
        token = token or self.yuan
        self.act(self.issuer, token, "mint", address_of(who), amount)
        self.act(who, token, "approve", self.payments.address, 2**256 - 1)

    def money(self, who: Who, *, token: Contract | None = None) -> int:
        """Give somebody's balance."""
        return int(self.ask(token or self.yuan, "balanceOf", address_of(who)))

    def line(
        self, batch: Batch, units: int = 1, *, amount: int | None = None
    ) -> tuple[int, int, int]:
        return (batch.id, units, batch.price * units if amount is None else amount)

    def order(
        self, *lines: tuple[int, int, int], number: int | None = None, buyer: Who | None = None
    ) -> tuple[object, ...]:
        return (
            self.number() if number is None else number,
            address_of(buyer or self.buyer),
            list(lines),
        )

    def pay(
        self,
        batch: Batch,
        units: int = 1,
        *,
        amount: int | None = None,
        number: int | None = None,
        payer: Who | None = None,
    ) -> Receipt:
        """Buy units of one batch at its price (or for `amount`)."""
        payer = payer or self.buyer
        order = self.order(self.line(batch, units, amount=amount), number=number, buyer=payer)
        return self.act(payer, self.payments, "pay", order)

    def step(self, batch: Batch, index: int) -> tuple[object, ...]:
        """Give the proof that a member stands at `index` of a batch's pool."""
        chunk, place = divmod(index, members.CHUNK)
        leaves = self._leaves(batch, chunk)
        member, weight = batch.chunks[chunk][place]
        return (batch.id, index, member, weight, list(members.proof(leaves, place)))

    def _leaves(self, batch: Batch, chunk: int) -> tuple[bytes, ...]:
        return _leaves(self.batches.address.lower(), batch.id, chunk, batch.chunks[chunk])

    def claim(self, *steps: tuple[object, ...], by: Who | None = None) -> Receipt:
        return self.act(by or self.outsider, self.payments, "claim", list(steps))

    def settle(self, batch: Batch, chunk: int = 0, *, by: Who | None = None) -> Receipt:
        return self.act(
            by or self.outsider,
            self.payments,
            "settle",
            batch.id,
            chunk,
            list(batch.chunks[chunk]),
        )

    def due(self, batch: Batch, index: int) -> int:
        return int(self.ask(self.payments, "dueOf", self.step(batch, index)))

    def pool(self, batch: Batch | int) -> tuple[int, int]:
        """Give what a pool ever received, and what ever left it by the record."""
        return int(self.ask(self.payments, "poolOf", int(batch))["received"]), self._paid_out()[
            int(batch)
        ]

    def credit(self, who: Who, *, token: Contract | None = None) -> int:
        return int(
            self.ask(self.payments, "creditOf", (token or self.yuan).address, address_of(who))
        )

    def check_money(self, *, given: int = 0, token: Contract | None = None) -> None:
        """Assert that the payments' contract holds what it owes, and what was `given` to it by mistake.

        Owed is what the pools of all batches ever recorded have left, and every credit ever announced.
        """
        token = token or self.yuan
        owed, paid_out = 0, self._paid_out()
        for batch in self._all_batches():
            pool = self.ask(self.payments, "poolOf", batch)
            assert paid_out[batch] <= pool["received"]
            if pool["token"] == token.address.lower():
                owed += pool["received"] - paid_out[batch]
        owners = {
            event.fields["owner"]
            for event in self.payments.events(self._logs(self.payments, "Credited"))
            if event.fields["token"] == token.address.lower()
        }
        owed += sum(self.credit(owner, token=token) for owner in owners)
        assert self.money(self.payments, token=token) == owed + given

    def _paid_out(self) -> Counter[int]:
        """Give what left each pool, to members or to their own pools, as the log says."""
        paid_out: Counter[int] = Counter()
        for name in ("Claimed", "Settled"):
            for event in self.payments.events(self._logs(self.payments, name)):
                paid_out[event.fields["batch"]] += event.fields["amount"]
        return paid_out

    def _all_batches(self) -> set[int]:
        return {int.from_bytes(log.topics[1]) for log in self._logs(self.batches, "Recorded")}

    def _logs(self, contract: Contract, event: str) -> list[Log]:
        return self.node.logs(contract.address, ["0x" + contract.topic(event).hex()], 0)


def gtin14(body: int) -> int:
    """Give a GTIN from its digits without the check digit."""
    digits = [int(d) for d in reversed(str(body))]
    total = sum(digit * (3 if i % 2 == 0 else 1) for i, digit in enumerate(digits))
    return body * 10 + -total % 10


def _leaves(
    contract: str, batch: int, chunk: int, listed: tuple[tuple[int, int], ...]
) -> tuple[bytes, ...]:
    words = [
        members.Member(
            "0x" + member.to_bytes(20).hex() if member < 1 << 160 else member.to_bytes(32), weight
        )
        for member, weight in listed
    ]
    return members.chunk_leaves(contract, batch.to_bytes(32), chunk, words)


@cache
def mocks() -> dict[str, Artifact]:
    """Give the compiled contracts of `contracts/mocks`, by name. One process compiles, the others wait for it."""
    folder = settings().data_dir / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "mocks.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return compiler.compile_mocks()


def _receipt(raw: dict[str, Any]) -> Receipt:
    return Receipt(
        transaction=str(raw["transactionHash"]),
        block=int(raw["blockNumber"], 16),
        gas=int(raw["gasUsed"], 16),
        contract=raw["contractAddress"],
        logs=tuple(
            Log(
                address=str(entry["address"]).lower(),
                topics=tuple(to_bytes(hexstr=topic) for topic in entry["topics"]),
                data=to_bytes(hexstr=entry["data"]),
                block=int(entry["blockNumber"], 16),
                index=int(entry["logIndex"], 16),
                transaction=str(entry["transactionHash"]),
            )
            for entry in raw["logs"]
        ),
    )


def payload_of(size: int) -> bytes:
    """Give a JSON object of exactly `size` bytes."""
    return json.dumps({"a": "x" * (size - 9)}).encode()
