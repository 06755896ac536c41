"""Gas by scenario, on a node of its own with fixed keys and a fixed clock, so that equal code gives equal figures.

*warm* means that every account and storage slot it writes held something before: the second and every later time.
*first* is the first time of all. A figure "each" is the transaction's gas divided by what was in it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from yuanliu import actions, epcis, identifiers, journal, money
from yuanliu.actions import Booking, Line, Order, Registration, Role, Terms
from yuanliu.chain import keys
from yuanliu.chain.bindings import Call
from yuanliu.chain.deployment import Founders, deploy
from yuanliu.chain.devnet import Devnet
from yuanliu.chain.node import Node, Receipt, Sender
from yuanliu.chain.relay import Relay, SignedRequest

LIMITS: Final = {
    "pay.three.warm": 140_000,
    "event.relayed.single": 75_000,
    "event.relayed.batch100": 40_000,
    "batch.register": 250_000,
}
"""What a scenario may cost at most."""

PAYLOAD_BYTES: Final = 550
"""Size of the event that is measured."""

_CLOCK: Final = 1_800_000_000
_DEADLINE: Final = _CLOCK + 10_000_000
_RICH: Final = hex(10**24)
_ROLES: Final = ("deployer", "relayer", "platform", "regulator", "cooperative", "farmer", "buyer")
_GTIN: Final = "06901234567892"
_RATIOS: Final = money.Ratios(farmer_bps=3_334, cooperative_bps=5_000, platform_bps=1_666)
_FLOOR: Final = 120
_PRICE: Final = 300


def measure(said: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """Measure every scenario and give gas by name. `said` hears each name before it is measured."""
    with Devnet() as devnet:
        return dict(sorted(Stage(devnet.node).scenarios(said)))


def load(path: Path) -> dict[str, int]:
    """Read a snapshot; empty if there is none."""
    if not path.exists():
        return {}
    snapshot: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    return snapshot


def save(path: Path, measured: dict[str, int]) -> None:
    """Write a snapshot."""
    path.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


class Stage:
    """A fresh chain with the contracts, one cooperative, one product, one farmer and a buyer who approved."""

    def __init__(self, node: Node) -> None:
        self._node = node
        node.request("anvil_setBlockTimestampInterval", 1)
        node.request("evm_setNextBlockTimestamp", _CLOCK)
        node.request("evm_mine")
        self._keys = {
            role: keys.from_private_key(f"0x{i:064x}") for i, role in enumerate(_ROLES, start=1)
        }
        for account in self._keys.values():
            node.request("anvil_setBalance", account.address, _RICH)
        founders = Founders(
            platform=self._address("platform"),
            regulator=self._address("regulator"),
            issuer=self._address("deployer"),
        )
        self._senders = {role: Sender(node, account) for role, account in self._keys.items()}
        self._d = deploy(self._senders["deployer"], founders)
        self._relay = Relay(self._d, self._senders["relayer"])
        self._receipts = count(1)
        self._lots = count(1)
        self._orders = count(256)
        self._set_up()

    def scenarios(self, said: Callable[[str], None]) -> Iterator[tuple[str, int]]:
        """Measure one scenario after the other."""
        for name, scenario in (
            ("batch.register", self._register),
            ("event.relayed.single", lambda: self._events(1)),
            ("event.relayed.batch10", lambda: self._events(10)),
            ("event.relayed.batch100", lambda: self._events(100)),
            ("pay.three.first", lambda: self._pay_three(first=True)),
            ("pay.three.warm", lambda: self._pay_three(first=False)),
        ):
            said(name)
            yield name, scenario()

    # ------------------------------------------------------------------ scenarios

    def _register(self) -> int:
        """Register a batch of one delivery through the relay: mint, terms, journal, 550 bytes of event."""
        self._relayed("cooperative", self._registration(self._lot(), 1, [self._book(1)]))
        return self._relayed("cooperative", self._registration(self._lot(), 1, [self._book(1)])).gas

    def _events(self, number: int) -> int:
        """Relay signed events of 550 bytes; each."""
        batch = self._batch(1)
        call = actions.record_production(self._d, batch, self._event())
        self._relayed("cooperative", call)
        first = self._relay.nonce(self._address("cooperative"))
        gas = self._relay.try_out(self._address("cooperative"), call)
        requests = [self._sign("cooperative", call, first + i, gas) for i in range(number)]
        if number == 1:
            return self._relay.execute(requests[0]).gas
        return self._relay.submit_batch(requests).gas // number

    def _pay_three(self, *, first: bool) -> int:
        """Pay farmer, cooperative and platform by allowance, with journal record and order reference."""
        batch = self._batch(1)
        if first:
            return self._pay(batch, number=10**6).gas
        self._pay(batch)
        return self._pay(batch).gas

    # ------------------------------------------------------------------ tools

    def _set_up(self) -> None:
        d = self._d
        cooperative = self._address("cooperative")
        for by, call in (
            ("platform", actions.enrol(d, cooperative, Role.COOPERATIVE, "COOP-1")),
            ("cooperative", actions.enrol(d, self._address("farmer"), Role.FARMER, "H-1")),
            ("platform", actions.list_token(d, d.demo_yuan.address)),
            ("platform", actions.list_product(d, _GTIN, cooperative, "H87")),
            ("cooperative", actions.publish_terms(d, _GTIN, self._terms())),
            ("deployer", d.demo_yuan.call("mint", self._address("buyer"), 10**15)),
            ("buyer", d.demo_yuan.call("approve", d.payments.address, 2**256 - 1)),
        ):
            self._direct(by, call)

    def _terms(self) -> Terms:
        return Terms(
            token=self._d.demo_yuan.address,
            ratios=_RATIOS,
            cooperative_payee=self._address("cooperative"),
            floor_per_unit=_FLOOR,
            platform_payee=self._address("platform"),
        )

    def _batch(self, deliveries: int) -> bytes:
        """Register a batch of that many deliveries of one farmer, directly."""
        lot = self._lot()
        receipts = [self._book(1) for _ in range(deliveries)]
        self._direct("cooperative", self._registration(lot, deliveries, receipts))
        return self._id(lot)

    def _book(self, kilograms: int) -> int:
        receipt = next(self._receipts)
        booking = Booking(
            receipt=receipt,
            farmer=self._address("farmer"),
            gtin=_GTIN,
            grams=kilograms * 1_000,
            grade_bps=10_000,
            price_per_kg=600,
        )
        self._direct("cooperative", actions.book(self._d, [booking]))
        return receipt

    def _registration(self, lot: str, kilograms: int, receipts: Sequence[int]) -> Call:
        """Register a thousand units of 1 g for each kilogram."""
        what = Registration(
            gtin=_GTIN, lot=lot, units=kilograms * 1_000, mass_per_unit=1_000, price=_PRICE
        )
        return actions.register(self._d, what, receipts, self._event())

    def _event(self) -> epcis.Event:
        """Give an event whose payload has exactly `PAYLOAD_BYTES` bytes."""
        when = datetime.fromtimestamp(_CLOCK, tz=UTC)
        lot = epcis.Lot(_GTIN, "LOT-000001", 1_000, "GRM")
        place = "https://id.yuanliu.example/place/field-1"
        bare = epcis.produced(when, lot, place=place, step="growing", details={"note": ""})
        filler = PAYLOAD_BYTES - len(epcis.payload(bare))
        return epcis.produced(
            when, lot, place=place, step="growing", details={"note": "x" * filler}
        )

    def _pay(self, batch: bytes, number: int | None = None) -> Receipt:
        order = Order(
            number=next(self._orders) if number is None else number,
            buyer=self._address("buyer"),
            lines=[Line(batch, 10, 10 * _PRICE)],
        )
        return self._direct("buyer", actions.pay(self._d, order))

    def _lot(self) -> str:
        return f"LOT-{next(self._lots):06d}"

    def _id(self, lot: str) -> bytes:
        return journal.batch_id(self._address("cooperative"), identifiers.gtin_number(_GTIN), lot)

    def _sign(self, role: str, call: Call, nonce: int, gas: int) -> SignedRequest:
        account: keys.Key = self._keys[role]
        return self._relay.sign(account, call, nonce=nonce, gas=gas, deadline=_DEADLINE)

    def _relayed(self, role: str, call: Call) -> Receipt:
        address = self._address(role)
        gas = self._relay.try_out(address, call)
        return self._relay.execute(self._sign(role, call, self._relay.nonce(address), gas))

    def _direct(self, role: str, call: Call) -> Receipt:
        return self._senders[role].send(call.to, call.data)

    def _address(self, role: str) -> str:
        return str(self._keys[role].address)
