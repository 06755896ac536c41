"""Money: orders and their payment, claims, settlement, withdrawal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
