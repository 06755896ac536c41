"""What a person can do: one function per intention, each giving the call that its author signs.

What can be checked without the chain is checked here, before anybody signs; the rest the contract checks, and
the relay tries each call before it is signed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final

from yuanliu import epcis, identifiers, money
from yuanliu.chain import keys, relay
from yuanliu.chain.bindings import Call, Contract
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.errors import YuanliuError
from yuanliu.records import Kind

_CODE_BYTES: Final = 16
_CODE: Final = re.compile(r"[!-~]{1,16}")
_REASON_BYTES: Final = 512

_AUTHORIZATION_TYPES: Final = {
    "ReceiveWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}
"""ERC-3009."""


_CONSENT_TYPES: Final = {
    "Consent": [
        {"name": "party", "type": "address"},
        {"name": "level", "type": "uint8"},
        {"name": "roles", "type": "uint16"},
        {"name": "code", "type": "bytes16"},
    ]
}
"""What a key signs before it is bound (`IActors`)."""


class KeyLevel(IntEnum):
    """How a key stands to its actor; `IActors.KeyLevel`."""

    NONE = 0
    CLERK = 1
    OWNER = 2
    RETIRED = 3


class Role(IntFlag):
    """The parts an actor may play; the bits of `contracts/libraries/Roles.sol`."""

    PLATFORM = 1
    COOPERATIVE = 2
    FARMER = 4
    INSPECTOR = 8
    CARRIER = 16
    RETAILER = 32
    REGULATOR = 64


@dataclass(frozen=True)
class Terms:
    """Terms of sharing for a product. `floor_per_unit` is in the token's smallest unit (fen for yuan)."""

    token: str
    ratios: money.Ratios
    cooperative_payee: str
    floor_per_unit: int
    platform_payee: str


@dataclass(frozen=True)
class Booking:
    """One delivery at the scale. `grams` net, `grade_bps` 10,000 for plain grade, `price_per_kg` in fen."""

    receipt: int
    farmer: str
    gtin: str
    grams: int
    grade_bps: int
    price_per_kg: int


@dataclass(frozen=True)
class Registration:
    """A batch to register. `mass_per_unit` and `loss` in milligrams, `price` of a unit in fen."""

    gtin: str
    lot: str
    units: int
    mass_per_unit: int
    price: int
    loss: int = 0


@dataclass(frozen=True)
class Line:
    """What is bought of one batch, and what is paid for it in fen."""

    batch: bytes
    units: int
    amount: int


@dataclass(frozen=True)
class Order:
    """An order. `number` is usable once by each payer; `buyer` receives the units."""

    number: int
    buyer: str
    lines: Sequence[Line]

    def for_contract(self) -> tuple[object, ...]:
        """Give the struct that `IPayments` takes."""
        lines = [(_id(line.batch), line.units, line.amount) for line in self.lines]
        return (self.number, self.buyer, lines)


# ---------------------------------------------------------------------- actors


def consent(
    d: Deployment,
    key: keys.Key,
    party: str,
    *,
    level: KeyLevel = KeyLevel.OWNER,
    roles: int = 0,
    code: str = "",
) -> bytes:
    """Sign that `key` agrees to be bound: enrolled by `party` (with roles and code), or to sign for `party`.

    Raises `YuanliuError` (`actions.code_invalid`).
    """
    message = {
        "party": party,
        "level": int(level),
        "roles": int(roles),
        "code": (_code(code) if code else b"").ljust(_CODE_BYTES, b"\0"),
    }
    return keys.sign(key, relay.domain(d), _CONSENT_TYPES, message)


def enrol(d: Deployment, actor: str, roles: Role, code: str, agreed: bytes) -> Call:
    """Enrol an actor, whose key agreed by `consent`, under a code of 1 to 16 ASCII characters.

    Raises `YuanliuError` (`actions.code_invalid`).
    """
    return d.actors.call("enrol", actor, int(roles), _code(code), agreed)


def _code(code: str) -> bytes:
    if not _CODE.fullmatch(code):
        raise YuanliuError(
            "actions.code_invalid",
            f"not a code: {code[:80]!r}",
            hint="a code has 1 to 16 letters, digits or signs, for example H-0042; no name, no Chinese",
            fields={"code": code},
        )
    return code.encode()


def suspend(d: Deployment, actor: str, reason: str) -> Call:
    """Stop an actor from writing. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.actors.call("suspend", actor, _reason(reason))


def reinstate(d: Deployment, actor: str, reason: str) -> Call:
    """Let a suspended actor write again. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.actors.call("reinstate", actor, _reason(reason))


def appoint_clerk(d: Deployment, clerk: str, agreed: bytes) -> Call:
    """Let a key, which agreed by `consent`, sign for the caller's cooperative."""
    return d.actors.call("appointClerk", clerk, agreed)


def dismiss_clerk(d: Deployment, clerk: str) -> Call:
    """Take that right back for ever."""
    return d.actors.call("dismissClerk", clerk)


def rotate_key(d: Deployment, new_key: str, agreed: bytes) -> Call:
    """Replace the caller's own key by one that agreed by `consent`."""
    return d.actors.call("rotateKey", new_key, agreed)


def redirect_payout(d: Deployment, payout: str) -> Call:
    """Send the caller's future payouts elsewhere."""
    return d.actors.call("redirectPayout", payout)


# ---------------------------------------------------------------------- products and terms


def list_token(d: Deployment, token: str, *, listed: bool = True) -> Call:
    """Allow a token in terms published from now on."""
    return d.catalogue.call("listToken", token, listed)


def list_product(d: Deployment, gtin: str, cooperative: str, unit: str) -> Call:
    """Enter a cooperative's product. Raises `IdentifierError`."""
    return d.catalogue.call(
        "listProduct", _gtin(gtin), cooperative, identifiers.parse_unit(unit).encode()
    )


def publish_terms(d: Deployment, gtin: str, terms: Terms) -> Call:
    """Publish terms for deliveries from now on. Raises `IdentifierError`."""
    ratios = terms.ratios
    return d.catalogue.call(
        "publishTerms",
        _gtin(gtin),
        (
            terms.token,
            ratios.farmer_bps,
            ratios.cooperative_bps,
            ratios.platform_bps,
            terms.cooperative_payee,
            terms.floor_per_unit,
            terms.platform_payee,
        ),
    )


# ---------------------------------------------------------------------- batches


def book(d: Deployment, bookings: Sequence[Booking]) -> Call:
    """Book deliveries at the cooperative's scale. Raises `IdentifierError`."""
    return d.deliveries.call(
        "book",
        [
            (b.receipt, b.farmer, _gtin(b.gtin), b.grams, b.grade_bps, b.price_per_kg)
            for b in bookings
        ],
    )


def collect(d: Deployment, gtin: str, lot: str, receipts: Sequence[int]) -> Call:
    """Enter up to 256 deliveries into a batch that is registered later. Raises `IdentifierError`."""
    return d.batches.call("collect", _gtin(gtin), _lot(gtin, lot), list(receipts))


def register(
    d: Deployment, what: Registration, receipts: Sequence[int], event: Mapping[str, Any]
) -> Call:
    """Register a batch from deliveries. Raises `IdentifierError`, `EpcisError`."""
    return d.batches.call(
        "register",
        (
            _gtin(what.gtin),
            _lot(what.gtin, what.lot),
            what.units,
            what.mass_per_unit,
            what.loss,
            what.price,
        ),
        list(receipts),
        epcis.payload(event),
    )


def set_price(d: Deployment, batch: bytes, price: int) -> Call:
    """Change the price of a unit, in fen."""
    return d.batches.call("setPrice", _id(batch), price)


def record_production(d: Deployment, batch: bytes, event: Mapping[str, Any]) -> Call:
    """Record a step of production. Raises `EpcisError`."""
    return d.batches.call("record", _id(batch), int(Kind.PRODUCTION), epcis.payload(event))


def record_logistics(d: Deployment, batch: bytes, event: Mapping[str, Any]) -> Call:
    """Record a step of logistics. Raises `EpcisError`."""
    return d.batches.call("record", _id(batch), int(Kind.LOGISTICS), epcis.payload(event))


def record_inspection(d: Deployment, batch: bytes, event: Mapping[str, Any]) -> Call:
    """Record an inspection; the verdict is the event's persistent disposition. Raises `EpcisError`."""
    disposition = event.get("persistentDisposition")
    verdict = disposition.get("set") if isinstance(disposition, Mapping) else None
    if verdict not in (["conformant"], ["non_conformant"]):
        raise YuanliuError(
            "actions.no_verdict",
            "the inspection does not say whether the batch conforms",
            hint='set persistentDisposition to "conformant" or "non_conformant"',
        )
    conformant = verdict == ["conformant"]
    return d.batches.call("inspect", _id(batch), conformant, epcis.payload(event))


def release(d: Deployment, batch: bytes, reason: str) -> Call:
    """Release a held batch. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("release", _id(batch), _reason(reason))


def recall(d: Deployment, batch: bytes, reason: str) -> Call:
    """Recall a batch and all that was made from it. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("recall", _id(batch), _reason(reason))


def lift_recall(d: Deployment, batch: bytes, reason: str) -> Call:
    """Lift a recall. Raises `YuanliuError` (`actions.reason_invalid`)."""
    return d.batches.call("liftRecall", _id(batch), _reason(reason))


# ---------------------------------------------------------------------- money


def pay(d: Deployment, order: Order) -> Call:
    """Pay an order with tokens that the caller has approved to `Payments`."""
    return d.payments.call("pay", order.for_contract())


def pay_by_signature(
    d: Deployment, node: Node, account: keys.Key, token: str, order: Order, *, valid_before: int
) -> Call:
    """Sign a payment by ERC-3009, bound to the order; anyone may send the call. `valid_before` is Unix time.

    Raises `ChainUnreachable`, `RpcError`.
    """
    coin = Contract("DemoYuan", token)
    _, name, version, chain_id, contract, _, _ = coin.read(node, "eip712Domain")
    nonce = d.payments.read(node, "orderHash", order.for_contract())
    message = {
        "from": account.address,
        "to": d.payments.address,
        "value": sum(line.amount for line in order.lines),
        "validAfter": 0,
        "validBefore": valid_before,
        "nonce": nonce,
    }
    domain = {
        "name": name,
        "version": version,
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    signature = keys.sign(account, domain, _AUTHORIZATION_TYPES, message)
    r, s, v = signature[:32], signature[32:64], signature[64]
    return d.payments.call(
        "payWithAuthorization", order.for_contract(), account.address, 0, valid_before, v, r, s
    )


def _id(batch: bytes) -> int:
    return int.from_bytes(batch)


def _gtin(gtin: str) -> int:
    return identifiers.gtin_number(identifiers.parse_gtin(gtin))


def _lot(gtin: str, lot: str) -> bytes:
    """Give a lot's bytes; one that could not stand in a link is refused, as the contracts do."""
    identifiers.digital_link_path(gtin, lot)
    return identifiers.lot_bytes(lot)


def _reason(reason: str) -> str:
    length = len(reason.encode("utf-8", "surrogatepass"))
    is_text = not any("\ud800" <= character <= "\udfff" for character in reason)
    if not (reason.strip() and is_text and length <= _REASON_BYTES):
        raise YuanliuError(
            "actions.reason_invalid",
            f"a reason of {length} bytes" if is_text else "a reason that is no text",
            hint=f"say why, in at most {_REASON_BYTES} bytes (about 170 Chinese characters)",
            fields={"length": length},
        )
    return reason
