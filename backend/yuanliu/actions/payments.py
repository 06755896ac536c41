"""Money: orders and their payment, claims, settlement, withdrawal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from yuanliu.actions.values import batch_number, member_number
from yuanliu.chain import keys
from yuanliu.chain.bindings import Call, Contract
from yuanliu.chain.deployment import Deployment
from yuanliu.chain.node import Node
from yuanliu.members import Member

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

    @property
    def total(self) -> int:
        """What is paid for all lines, in fen."""
        return sum(line.amount for line in self.lines)

    def for_contract(self) -> tuple[object, ...]:
        """Give the struct that `IPayments` takes."""
        lines = [(batch_number(line.batch), line.units, line.amount) for line in self.lines]
        return (self.number, self.buyer, lines)


@dataclass(frozen=True)
class Step:
    """One step of a claim: a member of a batch's pool, and the proof within its chunk (`yuanliu.members`).

    `member` is a farmer's address, or a parent's batch id.
    """

    batch: bytes
    index: int
    member: str | bytes
    weight: int
    proof: Sequence[bytes]

    def for_contract(self) -> tuple[object, ...]:
        """Give the struct that `IPayments` takes."""
        number = member_number(self.member)
        return (batch_number(self.batch), self.index, number, self.weight, list(self.proof))


# ---------------------------------------------------------------------- paying


def pay(d: Deployment, order: Order) -> Call:
    """Pay an order with tokens that the caller has approved to `Payments`."""
    return d.payments.call("pay", order.for_contract())


def authorization(
    d: Deployment, node: Node, payer: str, token: str, order: Order, *, valid_before: int
) -> dict[str, Any]:
    """Give the typed data (EIP-712, ERC-3009) by which `payer` pays an order; it is good for this order only.

    `valid_before` is Unix time. Raises `ChainUnreachable`, `RpcError`, `ContractRefusal`.
    """
    coin = Contract("DemoYuan", token)
    _, name, version, chain_id, contract, _, _ = coin.read(node, "eip712Domain")
    nonce = d.payments.read(node, "orderHash", order.for_contract())
    return {
        "types": _AUTHORIZATION_TYPES,
        "primaryType": "ReceiveWithAuthorization",
        "domain": {
            "name": name,
            "version": version,
            "chainId": chain_id,
            "verifyingContract": contract,
        },
        "message": {
            "from": payer,
            "to": d.payments.address,
            "value": order.total,
            "validAfter": 0,
            "validBefore": valid_before,
            "nonce": "0x" + bytes(nonce).hex(),
        },
    }


def pay_with_authorization(
    d: Deployment, order: Order, payer: str, signature: bytes, *, valid_before: int
) -> Call:
    """Pay an order of somebody who signed its `authorization`; anyone may send the call."""
    r, s, v = signature[:32], signature[32:64], signature[64]
    return d.payments.call(
        "payWithAuthorization", order.for_contract(), payer, 0, valid_before, v, r, s
    )


def pay_by_signature(
    d: Deployment, node: Node, account: keys.Key, token: str, order: Order, *, valid_before: int
) -> Call:
    """Sign a payment by ERC-3009, bound to the order; anyone may send the call. `valid_before` is Unix time.

    Raises `ChainUnreachable`, `RpcError`.
    """
    payer = str(account.address)
    typed = authorization(d, node, payer, token, order, valid_before=valid_before)
    signature = keys.sign(account, typed["domain"], typed["types"], typed["message"])
    return pay_with_authorization(d, order, payer, signature, valid_before=valid_before)


# ---------------------------------------------------------------------- taking


def claim(d: Deployment, steps: Sequence[Step]) -> Call:
    """Take what is due along a path of pools, to the farmers' payout addresses; anyone may."""
    return d.payments.call("claim", [step.for_contract() for step in steps])


def claim_to(d: Deployment, to: str, steps: Sequence[Step]) -> Call:
    """Take what is due to the caller along a path of pools, to an address of his choice."""
    return d.payments.call("claimTo", to, [step.for_contract() for step in steps])


def settle(d: Deployment, batch: bytes, chunk: int, listed: Sequence[Member]) -> Call:
    """Pay a whole chunk of a pool's members; anyone may."""
    return d.payments.call(
        "settle",
        batch_number(batch),
        chunk,
        [(member_number(each.member), each.weight) for each in listed],
    )


def withdraw(d: Deployment, token: str, owner: str) -> Call:
    """Pay out what somebody was credited with when he could not be paid; anyone may."""
    return d.payments.call("withdraw", token, owner)


def withdraw_to(d: Deployment, token: str, to: str) -> Call:
    """Pay out the caller's own credit to another address."""
    return d.payments.call("withdrawTo", token, to)
