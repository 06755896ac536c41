"""Where gas is measured: a fresh chain with the contracts, a cooperative, a product, a farmer and a buyer.

Keys, clock and order of transactions are fixed, so that equal code gives equal figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from yuanliu import actions, epcis, identifiers, journal, members, money
from yuanliu.actions import Booking, Line, Order, Registration, Role, Terms
from yuanliu.chain import keys
from yuanliu.chain.artifacts import Artifact
from yuanliu.chain.bindings import Call, Contract, creation
from yuanliu.chain.deployment import Deployment, Founders, deploy
from yuanliu.chain.node import Node, Receipt, Sender
from yuanliu.chain.relay import Relay, SignedRequest
from yuanliu.members import Member

PAYLOAD_BYTES: Final = 550
"""Size of the event that is measured."""

TRANSACTION_GAS: Final = 16_777_216
"""Most that one transaction may use (EIP-7825)."""

PRICE: Final = 300
"""Price of a unit, in fen."""

UNITS_SOLD: Final = 1_000
"""Units of each payment that is measured."""

_CLOCK: Final = 1_800_000_000
_DEADLINE: Final = _CLOCK + 10_000_000
_RICH: Final = hex(10**24)
_ROLES: Final = ("deployer", "relayer", "platform", "regulator", "cooperative", "farmer", "buyer")
_FIRST_FARMER: Final = 1_000_000
_GTIN: Final = "06901234567892"
_RATIOS: Final = money.Ratios(farmer_bps=3_334, cooperative_bps=5_000, platform_bps=1_666)
_FLOOR: Final = 120
_GRAMS: Final = 10_000
_PLAIN: Final = 10_000
_UNIT_MASS: Final = 1_000


@dataclass(frozen=True)
class Batch:
    """A batch and the members of its pool, in order."""

    id: bytes
    members: tuple[Member, ...]


class Stage:
    """A fresh chain with the contracts, one cooperative, one product, one farmer and a buyer who approved."""

    def __init__(self, node: Node, *, fixed_clock: bool = True) -> None:
        self.node = node
        if fixed_clock:
            node.request("anvil_setBlockTimestampInterval", 1)
            node.request("evm_setNextBlockTimestamp", _CLOCK)
            node.request("evm_mine")
        self._keys = {
            role: keys.from_private_key(f"0x{i:064x}") for i, role in enumerate(_ROLES, start=1)
        }
        for account in self._keys.values():
            node.request("anvil_setBalance", account.address, _RICH)
        founders = Founders(
            platform=self.address("platform"),
            regulator=self.address("regulator"),
            issuer=self.address("deployer"),
        )
        self._senders = {role: Sender(node, account) for role, account in self._keys.items()}
        self.deployment: Deployment = deploy(self._senders["deployer"], founders)
        self.relay = Relay(self.deployment, self._senders["relayer"])
        self._receipts = count(1)
        self._lots = count(1)
        self._orders = count(256)
        self._set_up()

    def _set_up(self) -> None:
        d = self.deployment
        cooperative = self.address("cooperative")
        for by, call in (
            (
                "platform",
                self._enrolment("platform", self._keys["cooperative"], Role.COOPERATIVE, "COOP-1"),
            ),
            (
                "cooperative",
                self._enrolment("cooperative", self._keys["farmer"], Role.FARMER, "H-1"),
            ),
            ("platform", actions.list_token(d, d.demo_yuan.address)),
            ("platform", actions.list_product(d, _GTIN, cooperative, "H87")),
            ("cooperative", actions.publish_terms(d, _GTIN, self._terms())),
            ("deployer", d.demo_yuan.call("mint", self.address("buyer"), 10**15)),
            ("buyer", d.demo_yuan.call("approve", d.payments.address, 2**256 - 1)),
        ):
            self.direct(by, call)

    def _terms(self) -> Terms:
        return Terms(
            token=self.deployment.demo_yuan.address,
            ratios=_RATIOS,
            cooperative_payee=self.address("cooperative"),
            floor_per_unit=_FLOOR,
            platform_payee=self.address("platform"),
        )

    def enrol(self, count_: int) -> list[str]:
        """Enrol more farmers of the cooperative, and give their addresses."""
        farmers = [keys.from_private_key(f"0x{_FIRST_FARMER + i:064x}") for i in range(count_)]
        for number, farmer in enumerate(farmers):
            call = self._enrolment("cooperative", farmer, Role.FARMER, f"B-{number}")
            self.direct("cooperative", call)
        return [str(farmer.address) for farmer in farmers]

    def _enrolment(self, by: str, key: keys.Key, role: Role, code: str) -> Call:
        agreed = actions.consent(self.deployment, key, self.address(by), roles=role, code=code)
        return actions.enrol(self.deployment, str(key.address), role, code, agreed)

    def batch(self, farmers: Sequence[str]) -> Batch:
        """Register a batch of ten kilograms from each, directly; more than 256 are collected in chunks first."""
        lot = self.lot()
        parts = [farmers[i : i + members.CHUNK] for i in range(0, len(farmers), members.CHUNK)]
        for part in parts[:-1]:
            call = actions.collect(self.deployment, _GTIN, lot, self.book(part))
            self.direct("cooperative", call, whole=True)
        registration = self.registration(lot, len(farmers), self.book(parts[-1]))
        self.direct("cooperative", registration, whole=True)
        weight = _GRAMS * _PLAIN
        return Batch(self.id(lot), tuple(Member(farmer.lower(), weight) for farmer in farmers))

    def derive(self, parents: Sequence[Batch], units: int) -> tuple[Batch, Receipt]:
        """Make a batch from `units` of each of `parents`, directly."""
        lot = self.lot()
        ordered = sorted(parents, key=lambda parent: parent.id)
        total = units * len(ordered)
        payload = epcis.payload(self.event())
        output = (_gtin(), identifiers.lot_bytes(lot), total, _UNIT_MASS, PRICE, payload)
        inputs = [(int.from_bytes(parent.id), units) for parent in ordered]
        call = self.deployment.batches.call("transform", inputs, [output], 0)
        receipt = self.direct("cooperative", call, whole=True)
        listed = tuple(Member(parent.id, units * _UNIT_MASS) for parent in ordered)
        return Batch(self.id(lot), listed), receipt

    def book(self, farmers: Sequence[str]) -> list[int]:
        """Book ten kilograms from each of at most 256 farmers."""
        bookings = [
            Booking(
                receipt=next(self._receipts),
                farmer=farmer,
                gtin=_GTIN,
                grams=_GRAMS,
                grade_bps=_PLAIN,
                price_per_kg=600,
            )
            for farmer in farmers
        ]
        self.direct("cooperative", actions.book(self.deployment, bookings), whole=True)
        return [booking.receipt for booking in bookings]

    def step(self, batch: Batch, index: int) -> tuple[object, ...]:
        """Give a member of a pool with its proof, as a claim takes it."""
        chunk, place = divmod(index, members.CHUNK)
        listed = batch.members[index - place : index - place + members.CHUNK]
        host = self.deployment.batches.address.lower()
        leaves = members.chunk_leaves(host, batch.id, chunk, listed)
        member = listed[place]
        word = member.member.hex() if isinstance(member.member, bytes) else member.member
        proof = list(members.proof(leaves, place))
        return (int.from_bytes(batch.id), index, int(word, 16), member.weight, proof)

    def anchoring(self, batch: bytes, readings: int) -> Call:
        """Give the call that anchors readings of a thermometer."""
        leaves = [members.reading_leaf(f"{i},4.{i % 10}".encode()) for i in range(readings)]
        payload = epcis.payload(self.event())
        number = int.from_bytes(batch)
        return self.deployment.batches.call(
            "anchor", number, members.root(leaves), readings, payload
        )

    def registration(self, lot: str, deliveries: int, receipts: Sequence[int]) -> Call:
        """Give the call that registers ten thousand units of 1 g for each delivery."""
        what = Registration(
            gtin=_GTIN,
            lot=lot,
            units=deliveries * _GRAMS,
            mass_per_unit=_UNIT_MASS,
            price=PRICE,
        )
        return actions.register(self.deployment, what, receipts, self.event())

    def event(self) -> epcis.Event:
        """Give an event whose payload has exactly `PAYLOAD_BYTES` bytes."""
        when = datetime.fromtimestamp(_CLOCK, tz=UTC)
        lot = epcis.Lot(_GTIN, "LOT-000001", 1_000, "GRM")
        place = "https://id.yuanliu.example/place/field-1"
        bare = epcis.produced(when, lot, place=place, step="growing", details={"note": ""})
        filler = PAYLOAD_BYTES - len(epcis.payload(bare))
        return epcis.produced(
            when, lot, place=place, step="growing", details={"note": "x" * filler}
        )

    def pay(self, batch: bytes, *, number: int | None = None, units: int = UNITS_SOLD) -> Receipt:
        """Pay for units of a batch, by allowance."""
        order = Order(
            number=next(self._orders) if number is None else number,
            buyer=self.address("buyer"),
            lines=[Line(batch, units, units * PRICE)],
        )
        return self.direct("buyer", actions.pay(self.deployment, order))

    def lot(self) -> str:
        """Give a lot number that was never given before."""
        return f"LOT-{next(self._lots):06d}"

    def id(self, lot: str) -> bytes:
        """Give the id of the batch of a lot."""
        return journal.batch_id(self.address("cooperative"), _gtin(), lot)

    def sign(self, role: str, call: Call, nonce: int, gas: int) -> SignedRequest:
        """Sign a call for the relay."""
        account: keys.Key = self._keys[role]
        return self.relay.sign(account, call, nonce=nonce, gas=gas, deadline=_DEADLINE)

    def relayed(self, role: str, call: Call) -> Receipt:
        """Sign a call and relay it alone."""
        address = self.address(role)
        gas = self.relay.try_out(address, call)
        return self.relay.execute(self.sign(role, call, self.relay.nonce(address), gas))

    def direct(self, role: str, call: Call, *, whole: bool = False) -> Receipt:
        """Send a call as an ordinary transaction; `whole`: with all the gas that one may use."""
        gas = TRANSACTION_GAS if whole else None
        return self._senders[role].send(call.to, call.data, gas=gas)

    def deploy(self, artifact: Artifact, abi: list[dict[str, Any]], *arguments: object) -> Contract:
        """Deploy a contract that is none of ours; `abi` is what of its artifact is to be called."""
        receipt = self._senders["deployer"].send(None, creation(artifact, *arguments))
        return Contract(artifact.name, str(receipt.contract), abi=abi)

    def key(self, role: str) -> keys.Key:
        """Give a role's key."""
        account: keys.Key = self._keys[role]
        return account

    def address(self, role: str) -> str:
        """Give the address of a role's key."""
        return str(self._keys[role].address)


def _gtin() -> int:
    return identifiers.gtin_number(_GTIN)
