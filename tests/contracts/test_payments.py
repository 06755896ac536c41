"""Paying: `contracts/interfaces/IPayments.sol`, requirement by requirement, with hostile tokens and receivers.

After each test the payments' contract must hold exactly what pools and credits are owed (`ledger`).
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from tests.world import (
    GAS,
    GTIN_EGGS,
    GTIN_TEA,
    KILOGRAM,
    ZERO,
    Batch,
    Person,
    Who,
    World,
    address_of,
    person,
    refused,
    transacted,
)

from yuanliu import money, records
from yuanliu.chain import keys
from yuanliu.chain.bindings import Contract, ContractRefusal
from yuanliu.chain.node import RpcError

pytestmark = pytest.mark.node

EGGS = money.Ratios(3_334, 5_000, 1_666)
PUSH_RESERVE = 200_000 * 64 // 63 + 60_000
_AUTHORIZATION = {
    "ReceiveWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}
_PERMIT = {
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}
Vrs = tuple[int, bytes, bytes]


class Ledger:
    """Which tokens a test used, and what it gave away to the payments' contract."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens: list[Contract] = [world.yuan]
        self.given: dict[str, int] = {}

    def token(self, name: str, *arguments: object) -> Contract:
        """Deploy and list a token; the buyer gets plenty."""
        token = self.world.create(name, *arguments)
        self.world.act(self.world.platform, self.world.catalogue, "listToken", token.address, True)
        self.world.fund(self.world.buyer, 10**40, token=token)
        self.tokens.append(token)
        return token

    def hooked(self, receiver: Who) -> Contract:
        """Deploy and list a token that calls this receiver whenever it is paid."""
        token = self.token("HookToken")
        self.world.act(self.world.issuer, token, "listen", address_of(receiver))
        return token

    def goods(self, token: Contract, *farmers: Who, **payees: Who) -> Batch:
        """Give ten kilograms, paid in `token` at 1,000 a kilogram, floor 400, margin shared 5,000 / 3,000 / 2,000."""
        terms = self.world.terms(5_000, 3_000, 2_000, floor=400, token=token, **payees)
        gtin = self.world.list_product(terms)
        many = farmers or (self.world.farmer,)
        return self.world.harvest(
            *((farmer, 10_000 // len(many)) for farmer in many),
            gtin=gtin,
            unit=KILOGRAM,
            price=1_000,
        )

    def check(self) -> None:
        for token in self.tokens:
            self.world.check_money(token=token, given=self.given.get(token.address, 0))


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    ledger = Ledger(world)
    yield ledger
    ledger.check()


@pytest.fixture(autouse=True)
def _balanced(ledger: Ledger) -> None:
    """Check every test's money, whether it asks for the ledger or not."""


def balances(world: World, *people: Who, token: Contract | None = None) -> list[int]:
    return [world.money(who, token=token) for who in people]


# ------------------------------------------------------------------ three shares


@pytest.mark.parametrize(
    ("units", "price"), [(1, 300), (1, 301), (7, 307), (100, 120), (99, 121), (33, 10**6 + 7)]
)
def test_one_payment_is_shared_among_three_to_the_last_unit(
    world: World, units: int, price: int
) -> None:
    batch = world.harvest(price=price)
    people = (world.farmer, world.coop_payee, world.platform_payee, world.buyer)
    before = balances(world, *people)
    world.pay(batch, units)
    shares = money.split(price * units, 120, units, EGGS)
    assert [b - a for a, b in zip(before, balances(world, *people), strict=True)] == [
        shares.farmers,
        shares.cooperative,
        shares.platform,
        -shares.total,
    ]
    assert world.held(batch, world.buyer) == units
    assert world.money(world.payments) == 0


def test_the_eggs_of_the_mission_bring_the_farmer_1_80_of_3_00(world: World) -> None:
    batch = world.harvest()
    before = world.money(world.farmer)
    world.pay(batch, 1)
    assert world.money(world.farmer) - before == 181  # 1.80, and the rounding of 1/3 to 3,334
    body = records.decode(world.records(batch)[-1]).body
    assert isinstance(body, records.Sold)
    assert (body.amount, body.farmers, body.cooperative, body.platform) == (300, 181, 90, 29)
    assert body.buyer == world.buyer.address


def test_the_record_of_a_sale_names_payer_buyer_and_reference(world: World) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 3), number=2**255 + 5, buyer=world.retailer)
    world.act(world.buyer, world.payments, "pay", order)
    record = records.decode(world.records(batch)[-1])
    assert isinstance(record.body, records.Sold)
    assert (record.actor, record.signer) == (world.buyer.address, world.buyer.address)
    assert record.body.buyer == world.retailer.address
    assert record.body.units == 3
    assert world.held(batch, world.retailer) == 3


def test_a_payment_into_a_pool_pays_the_other_two_at_once(world: World) -> None:
    batch = world.harvest(*((farmer, 1_000) for farmer in world.farmers))
    before = balances(world, world.coop_payee, world.platform_payee, *world.farmers)
    world.pay(batch, 10)
    shares = money.split(3_000, 120, 10, EGGS)
    after = balances(world, world.coop_payee, world.platform_payee, *world.farmers)
    assert [b - a for a, b in zip(before, after, strict=True)] == [
        shares.cooperative,
        shares.platform,
        *([0] * 6),
    ]
    assert world.pool(batch) == (shares.farmers, 0)
    assert world.money(world.payments) == shares.farmers


def test_a_relayed_payment_is_the_signers(world: World) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2))
    before = world.money(world.buyer)
    world.relayed(world.buyer, world.payments, "pay", order)
    assert before - world.money(world.buyer) == 600
    assert world.ask(world.payments, "isPaid", world.buyer.address, order[0])


def test_the_shares_go_where_the_farmer_said_and_follow_his_key(world: World) -> None:
    batch = world.harvest()
    new_key, bank = person("a new key"), person("a bank account")
    world.act(world.farmer, world.actors, "rotateKey", new_key.address)
    world.pay(batch)
    assert world.money(new_key) == 181
    world.act(new_key, world.actors, "redirectPayout", bank.address)
    world.act(world.regulator, world.actors, "suspend", world.farmer.address, "x")
    world.pay(batch)
    assert world.money(bank) == 181


def test_a_price_of_nothing_and_a_price_of_the_greatest_amount_are_paid(
    world: World, ledger: Ledger
) -> None:
    free = world.list_product(world.terms(5_000, 3_000, 2_000))
    batch = world.harvest((world.farmer, 10_000), gtin=free, unit=KILOGRAM, price=0)
    world.pay(batch, 10)
    token = ledger.token("TestToken", 30)
    dear = world.list_product(world.terms(10_000, 0, 0, token=token))
    price, units = 2**96 - 1, 2**32
    batch = world.harvest((world.farmer, 2**34), gtin=dear, unit=4_000, price=price)
    world.fund(world.buyer, price * units, token=token)
    world.pay(batch, units)
    assert world.money(world.farmer, token=token) == price * units


def test_a_pool_counts_to_2_to_the_96th_and_then_takes_no_more(
    world: World, ledger: Ledger
) -> None:
    token = ledger.token("TestToken", 18)
    dear = world.list_product(world.terms(10_000, 0, 0, token=token))
    batch = world.harvest(
        (world.farmer, 3), (world.farmers[1], 4), gtin=dear, unit=1_000, price=2**96 - 1
    )
    world.fund(world.buyer, 2**98, token=token)
    world.pay(batch)
    with refused("Payments_PoolFull", batch=batch, received=2**97 - 2):
        world.pay(batch)
    world.act(world.coop, world.batches, "setPrice", batch.id, 1)
    with refused("Payments_PoolFull", batch=batch, received=2**96):
        world.pay(batch, amount=1)
    world.settle(batch)
    assert world.money(world.farmer, token=token) == money.due(2**96 - 1, 3, 7)


@pytest.mark.parametrize("decimals", [0, 2, 6, 18, 30])
def test_any_number_of_decimals_will_do(world: World, ledger: Ledger, decimals: int) -> None:
    token = ledger.token("TestToken", decimals)
    batch = ledger.goods(token)
    world.pay(batch, 3)
    assert world.money(world.farmer, token=token) == 1_200 + 900
    assert world.money(world.coop_payee, token=token) == 540
    assert world.money(world.platform_payee, token=token) == 360


# ------------------------------------------------------------------ what is refused


def test_an_order_is_paid_once_by_each_payer(world: World) -> None:
    batch = world.harvest()
    world.pay(batch, number=77)
    with refused("Payments_OrderPaid", payer=world.buyer, orderReference=77):
        world.pay(batch, number=77)
    with refused("Payments_OrderPaid", payer=world.buyer, orderReference=77):
        world.pay(world.harvest(), 5, number=77)
    assert world.ask(world.payments, "isPaid", world.buyer.address, 77)
    assert not world.ask(world.payments, "isPaid", world.buyer.address, 78)
    assert not world.ask(world.payments, "isPaid", world.outsider.address, 77)
    world.fund(world.outsider)
    world.pay(batch, number=77, payer=world.outsider)


def test_a_refused_payment_does_not_use_up_its_reference(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_NotEnoughUnits"):
        world.pay(batch, 101, number=9)
    world.pay(batch, 100, number=9)


def test_the_amount_is_the_price_and_at_least_the_floor(world: World) -> None:
    batch = world.harvest()
    for amount in (0, 359):
        with refused("Batches_AmountBelowFloor", amount=amount, floor=360):
            world.pay(batch, 3, amount=amount)
    for amount in (360, 899, 901, 2**128 - 1):
        with refused("Batches_AmountDiffers", amount=amount, due=900):
            world.pay(batch, 3, amount=amount)


def test_a_changed_price_is_what_is_paid_from_then_on(world: World) -> None:
    batch = world.harvest()
    world.act(world.coop, world.batches, "setPrice", batch.id, 350)
    with refused("Batches_AmountDiffers", amount=300, due=350):
        world.pay(batch)
    world.pay(batch, amount=350)


def test_units_are_not_0_and_no_more_than_the_cooperative_has(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_NoUnits"):
        world.pay(batch, 0)
    for units in (101, 2**64 - 1):
        with refused(
            "Batches_NotEnoughUnits", batch=batch, holder=world.coop, held=100, needed=units
        ):
            world.pay(batch, units)
    world.pay(batch, 100)
    with refused("Batches_NotEnoughUnits", held=0, needed=1):
        world.pay(batch, 1)


def test_an_unknown_batch_is_not_sold(world: World) -> None:
    with refused("Batches_Unknown", batch=5):
        world.pay(Batch(5, GTIN_EGGS, b"", 1, 1, ()))


def test_an_order_has_1_to_64_lines_and_a_buyer(world: World) -> None:
    batch = world.harvest()
    for count in (0, 65):
        with refused("Payments_LinesInvalid", count=count, maximum=64):
            order = world.order(*[world.line(batch)] * count)
            world.act(world.buyer, world.payments, "pay", order)
    with refused("Payments_ZeroBuyer"):
        world.act(world.buyer, world.payments, "pay", world.order(world.line(batch), buyer=ZERO))
    with refused("Batches_ReceiverInvalid", receiver=world.batches):
        order = world.order(world.line(batch), buyer=world.batches)
        world.act(world.buyer, world.payments, "pay", order)


def test_who_has_not_the_money_or_did_not_approve_it_gets_nothing(world: World) -> None:
    batch = world.harvest()
    with refused("ERC20InsufficientAllowance", spender=world.payments, allowance=0, needed=300):
        world.pay(batch, payer=world.outsider)
    world.fund(world.outsider, 299)
    with refused("ERC20InsufficientBalance", sender=world.outsider, balance=299, needed=300):
        world.pay(batch, payer=world.outsider)
    assert world.held(batch, world.outsider) == 0


# ------------------------------------------------------------------ baskets


def test_one_payment_buys_many_lots_each_shared_by_its_own_terms(world: World) -> None:
    eggs = world.harvest()
    tea = world.harvest((world.farmers[1], 5_000), gtin=GTIN_TEA, unit=KILOGRAM, price=25_000)
    pooled = world.harvest(*((farmer, 1_000) for farmer in world.farmers))
    people = (world.farmer, world.farmers[1], world.coop_payee, world.platform_payee)
    before = balances(world, *people)
    order = world.order(
        world.line(eggs, 3), world.line(tea, 2), world.line(pooled, 7), world.line(eggs, 1)
    )
    world.act(world.buyer, world.payments, "pay", order)
    splits = [
        money.split(900, 120, 3, EGGS),
        money.split(50_000, 10_000, 2, money.Ratios(4_000, 4_000, 2_000)),
        money.split(2_100, 120, 7, EGGS),
        money.split(300, 120, 1, EGGS),
    ]
    assert [b - a for a, b in zip(before, balances(world, *people), strict=True)] == [
        splits[0].farmers + splits[3].farmers,
        splits[1].farmers,
        sum(s.cooperative for s in splits),
        sum(s.platform for s in splits),
    ]
    assert world.pool(pooled) == (splits[2].farmers, 0)
    assert world.held(eggs, world.buyer) == 4


def test_64_lines_fit_one_transaction(world: World) -> None:
    batch = world.harvest(*((farmer, 10_000) for farmer in world.farmers))
    order = world.order(*[world.line(batch)] * 64)
    assert world.act(world.buyer, world.payments, "pay", order).gas < 16_777_216
    assert world.held(batch, world.buyer) == 64


def test_one_bad_line_stops_the_whole_order(world: World) -> None:
    good, bad = world.harvest(), world.harvest()
    world.inspect(bad, False)
    with refused("Batches_Held", batch=bad):
        world.act(
            world.buyer, world.payments, "pay", world.order(world.line(good), world.line(bad))
        )
    assert world.held(good, world.buyer) == 0


def test_an_order_is_in_one_token(world: World, ledger: Ledger) -> None:
    token = ledger.token("TestToken", 6)
    other, eggs = ledger.goods(token), world.harvest()
    with refused("Payments_TokensDiffer", token=world.yuan, other=token):
        order = world.order(world.line(eggs), world.line(other))
        world.act(world.buyer, world.payments, "pay", order)


# ------------------------------------------------------------------ permit


def domain(world: World) -> dict[str, Any]:
    return {
        "name": "Demo Yuan",
        "version": "1",
        "chainId": world.deployment.chain_id,
        "verifyingContract": world.yuan.address,
    }


def vrs(signature: bytes) -> Vrs:
    return signature[64], signature[:32], signature[32:64]


def permit(world: World, owner: Person, value: int, deadline: int) -> Vrs:
    message = {
        "owner": owner.address,
        "spender": world.payments.address,
        "value": value,
        "nonce": world.ask(world.yuan, "nonces", owner.address),
        "deadline": deadline,
    }
    return vrs(keys.sign(owner.account, domain(world), _PERMIT, message))


@pytest.fixture
def newcomer(world: World) -> Person:
    """Give somebody with money who approved nothing."""
    somebody = person("a new buyer")
    world.act(world.issuer, world.yuan, "mint", somebody.address, 10_000)
    return somebody


def test_a_permit_and_a_payment_go_together(world: World, newcomer: Person) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=newcomer)
    deadline = world.now + 60
    signature = permit(world, newcomer, 600, deadline)
    world.act(newcomer, world.payments, "payWithPermit", order, 600, deadline, *signature)
    assert world.held(batch, newcomer) == 2
    with refused("Payments_OrderPaid"):
        world.act(newcomer, world.payments, "payWithPermit", order, 600, deadline, *signature)


def test_a_permit_that_somebody_else_sent_first_does_no_harm(
    world: World, newcomer: Person
) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=newcomer)
    deadline = world.now + 60
    signature = permit(world, newcomer, 600, deadline)
    world.act(
        world.outsider,
        world.yuan,
        "permit",
        newcomer.address,
        world.payments.address,
        600,
        deadline,
        *signature,
    )
    world.act(newcomer, world.payments, "payWithPermit", order, 600, deadline, *signature)
    assert world.held(batch, newcomer) == 2


def test_anothers_permit_a_late_one_and_one_for_too_little_pay_nothing(
    world: World, newcomer: Person
) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=newcomer)
    deadline = world.now + 60
    good = permit(world, newcomer, 600, deadline)
    with refused("ERC20InsufficientAllowance"):
        world.act(world.outsider, world.payments, "payWithPermit", order, 600, deadline, *good)
    forged = permit(world, world.outsider, 600, deadline)
    with refused("ERC20InsufficientAllowance"):
        world.act(newcomer, world.payments, "payWithPermit", order, 600, deadline, *forged)
    less = permit(world, newcomer, 599, deadline)
    with refused("ERC20InsufficientAllowance", allowance=599, needed=600):
        world.act(newcomer, world.payments, "payWithPermit", order, 599, deadline, *less)
    late = permit(world, newcomer, 600, world.now - 1)
    with refused("ERC20InsufficientAllowance"):
        world.act(newcomer, world.payments, "payWithPermit", order, 600, world.now - 1, *late)
    with refused("Payments_LinesInvalid", count=0):
        world.act(newcomer, world.payments, "payWithPermit", world.order(), 600, deadline, *good)


# ------------------------------------------------------------------ ERC-3009


def authorize(
    world: World, payer: Person, order: tuple[object, ...], amount: int, **changes: object
) -> tuple[object, ...]:
    """Sign an authorisation for an order; give the arguments of `payWithAuthorization`."""
    message = {
        "from": payer.address,
        "to": world.payments.address,
        "value": amount,
        "validAfter": 0,
        "validBefore": world.now + 60,
        "nonce": world.ask(world.payments, "orderHash", order),
        **changes,
    }
    signature = keys.sign(payer.account, domain(world), _AUTHORIZATION, message)
    return (
        order,
        payer.address,
        message["validAfter"],
        message["validBefore"],
        *vrs(signature),
    )


def test_an_authorised_payment_is_sent_by_anyone(world: World, newcomer: Person) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=newcomer)
    arguments = authorize(world, newcomer, order, 600)
    world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)
    assert world.held(batch, newcomer) == 2
    assert world.money(newcomer) == 9_400
    record = records.decode(world.records(batch)[-1])
    assert record.actor == newcomer.address
    with refused("Payments_OrderPaid", payer=newcomer):
        world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)


def test_an_authorisation_cannot_be_turned_to_another_order(world: World, newcomer: Person) -> None:
    batch, cheaper = world.harvest(), world.harvest()
    order = world.order(world.line(batch, 2), number=5, buyer=newcomer)
    _, *rest = authorize(world, newcomer, order, 600)
    for other in (
        world.order(world.line(batch, 2), number=5, buyer=world.outsider),
        world.order(world.line(cheaper, 2), number=5, buyer=newcomer),
        world.order(world.line(batch, 2), number=6, buyer=newcomer),
        world.order(world.line(batch, 1), number=5, buyer=newcomer),
        world.order(world.line(batch, 1), world.line(batch, 1), number=5, buyer=newcomer),
    ):
        with refused("ERC3009InvalidSignature"):
            world.act(world.outsider, world.payments, "payWithAuthorization", other, *rest)
    world.act(world.outsider, world.payments, "payWithAuthorization", order, *rest)


def test_an_authorisation_is_for_this_payer_amount_contract_and_time(
    world: World, newcomer: Person
) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=newcomer)
    for changes in (
        {"value": 599},
        {"to": world.outsider.address},
        {"from": world.buyer.address},
        {"nonce": bytes(32)},
    ):
        arguments = authorize(world, newcomer, order, 600, **changes)
        with refused("ERC3009InvalidSignature"):
            world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)
    for changes in ({"validBefore": world.now - 5}, {"validAfter": world.now + 1_000}):
        arguments = authorize(world, newcomer, order, 600, **changes)
        with refused("ERC3009InvalidAuthorizationTime"):
            world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)
    good = authorize(world, newcomer, order, 600)
    stolen = (good[0], world.buyer.address, *good[2:])
    with refused("ERC3009InvalidSignature"):
        world.act(world.outsider, world.payments, "payWithAuthorization", *stolen)


def test_a_relayer_cannot_take_the_authorised_money_past_the_order(
    world: World, newcomer: Person
) -> None:
    batch = world.harvest()
    order = world.order(world.line(batch, 2), buyer=newcomer)
    good = authorize(world, newcomer, order, 600)
    nonce = world.ask(world.payments, "orderHash", order)
    with refused("ERC20InvalidReceiver", receiver=world.payments):
        world.act(
            world.outsider,
            world.yuan,
            "receiveWithAuthorization",
            newcomer.address,
            world.payments.address,
            600,
            good[2],
            good[3],
            nonce,
            *good[4:],
        )
    with refused("ERC3009InvalidSignature"):
        world.act(
            world.outsider,
            world.yuan,
            "transferWithAuthorization",
            newcomer.address,
            world.payments.address,
            600,
            good[2],
            good[3],
            nonce,
            *good[4:],
        )


def test_the_order_hash_is_of_chain_contract_and_the_whole_order(world: World) -> None:
    batch = world.harvest()
    orders = [
        world.order(world.line(batch, 2), number=5),
        world.order(world.line(batch, 3), number=5),
        world.order(world.line(batch, 2), number=6),
        world.order(world.line(batch, 2), number=5, buyer=world.outsider),
        world.order(number=5),
    ]
    hashes = [world.ask(world.payments, "orderHash", order) for order in orders]
    assert len(set(hashes)) == len(orders)


# ------------------------------------------------------------------ hostile tokens


def test_a_token_that_takes_a_fee_is_refused(world: World, ledger: Ledger) -> None:
    token = ledger.token("FeeToken")
    batch = ledger.goods(token)
    world.pay(batch)
    world.act(world.issuer, token, "setFee", 100)
    with refused("Payments_TokenMovedOtherwise", token=token):
        world.pay(batch)


def test_a_token_that_says_it_moved_and_did_not_is_refused(world: World, ledger: Ledger) -> None:
    token = ledger.token("LyingToken")
    batch = ledger.goods(token)
    with refused("Payments_TokenMovedOtherwise", token=token):
        world.pay(batch)
    order = world.order(world.line(batch))
    with refused("Payments_TokenMovedOtherwise", token=token):
        world.act(
            world.outsider,
            world.payments,
            "payWithAuthorization",
            order,
            world.buyer.address,
            0,
            2**64,
            27,
            bytes(32),
            bytes(32),
        )


def test_a_token_that_answers_false_takes_no_payment_and_its_shares_are_credited(
    world: World, ledger: Ledger
) -> None:
    token = ledger.token("FalseToken")
    batch = ledger.goods(token)
    world.act(world.issuer, token, "refuse", True, False)
    with refused("SafeERC20FailedOperation", token=token):
        world.pay(batch)
    world.act(world.issuer, token, "refuse", False, True)
    receipt = world.pay(batch)
    credited = world.payments.events(receipt.logs, "Credited")
    assert [(e.fields["owner"], e.fields["amount"]) for e in credited] == [
        (world.coop_payee.address, 180),
        (world.platform_payee.address, 120),
        (world.farmer.address, 700),
    ]
    with refused("Payments_TokenFailed", token=token):
        world.act(world.outsider, world.payments, "withdraw", token.address, world.farmer.address)
    world.act(world.issuer, token, "refuse", False, False)
    for who, amount in (
        (world.coop_payee, 180),
        (world.platform_payee, 120),
        (world.farmer, 700),
    ):
        assert world.credit(who, token=token) == amount
        world.act(world.outsider, world.payments, "withdraw", token.address, who.address)
        assert world.money(who, token=token) == amount


@pytest.mark.parametrize("name", ["SilentToken", "WordyToken", "BombToken"])
def test_tokens_that_answer_nothing_two_words_or_100_kilobytes_work(
    world: World, ledger: Ledger, name: str
) -> None:
    token = ledger.token(name)
    batch = ledger.goods(token, world.farmer, world.farmers[1])
    single = ledger.goods(token)
    receipt = world.pay(single, 2)
    assert receipt.gas < 600_000
    assert world.money(world.farmer, token=token) == 1_400
    world.pay(batch, 2)
    world.claim(world.step(batch, 1))
    assert world.money(world.farmers[1], token=token) == 700
    world.settle(batch)
    assert world.money(world.farmer, token=token) == 2_100


def test_a_token_whose_approval_cannot_be_changed_is_paid_from_a_standing_one(
    world: World, ledger: Ledger
) -> None:
    token = ledger.token("SilentToken")
    batch = ledger.goods(token)
    with refused("Error"):
        world.act(world.buyer, token, "approve", world.payments.address, 5)
    world.act(world.buyer, token, "approve", world.payments.address, 0)
    world.act(world.buyer, token, "approve", world.payments.address, 1_000)
    world.pay(batch)
    assert world.ask(token, "allowance", world.buyer.address, world.payments.address) == 0


@pytest.mark.parametrize("victim", ["farmer", "coop_payee", "platform_payee"])
def test_a_receiver_whom_the_token_blocks_is_credited_and_the_others_are_paid(
    world: World, ledger: Ledger, victim: str
) -> None:
    token = ledger.token("BlacklistToken")
    batch = ledger.goods(token)
    shares = {"farmer": 700, "coop_payee": 180, "platform_payee": 120}
    blocked = getattr(world, victim)
    world.act(world.issuer, token, "setBlocked", blocked.address, True)
    world.pay(batch)
    for name, amount in shares.items():
        who = getattr(world, name)
        paid, owed = world.money(who, token=token), world.credit(who, token=token)
        assert (paid, owed) == ((0, amount) if name == victim else (amount, 0))
    with refused("Payments_TokenFailed", token=token):
        world.act(world.outsider, world.payments, "withdraw", token.address, blocked.address)
    assert world.credit(blocked, token=token) == shares[victim]
    elsewhere = person("another address")
    world.act(blocked, world.payments, "withdrawTo", token.address, elsewhere.address)
    assert world.money(elsewhere, token=token) == shares[victim]
    with refused("Payments_NothingDue"):
        world.act(blocked, world.payments, "withdrawTo", token.address, elsewhere.address)


def test_a_farmers_credit_follows_his_redirected_payout(world: World, ledger: Ledger) -> None:
    token = ledger.token("BlacklistToken")
    batch = ledger.goods(token)
    frozen, bank = person("a frozen account"), person("a bank account")
    world.act(world.farmer, world.actors, "redirectPayout", frozen.address)
    world.act(world.issuer, token, "setBlocked", frozen.address, True)
    world.pay(batch)
    assert world.credit(world.farmer, token=token) == 700
    assert world.credit(frozen, token=token) == 0
    world.act(world.farmer, world.actors, "redirectPayout", bank.address)
    world.act(world.outsider, world.payments, "withdraw", token.address, world.farmer.address)
    assert world.money(bank, token=token) == 700


def test_a_token_that_is_paused_stops_payments_and_keeps_what_is_owed(
    world: World, ledger: Ledger
) -> None:
    token = ledger.token("PausableToken")
    batch = ledger.goods(token, world.farmer, world.farmers[1])
    world.pay(batch)
    world.act(world.issuer, token, "pause")
    with pytest.raises(ContractRefusal):
        world.pay(batch)
    with refused("Payments_TokenFailed", token=token):
        world.claim(world.step(batch, 0))
    world.settle(batch)
    assert world.credit(world.farmer, token=token) == 350
    world.act(world.issuer, token, "unpause")
    world.act(world.outsider, world.payments, "withdraw", token.address, world.farmer.address)
    assert world.money(world.farmer, token=token) == 350


def test_a_token_that_shrinks_under_way_is_refused(world: World, ledger: Ledger) -> None:
    token = ledger.token("RebasingToken")
    batch = ledger.goods(token, world.farmer, world.farmers[1])
    world.pay(batch)
    world.act(world.issuer, token, "rebaseWithTransfer", 5_000)
    world.act(world.issuer, token, "rebase", 10_000)
    with refused("Payments_TokenMovedOtherwise", token=token):
        world.pay(batch, 9)
    world.act(world.issuer, token, "rebaseWithTransfer", 0)
    world.act(world.issuer, token, "rebase", 10_000)


def test_a_token_whose_code_is_gone_takes_no_payment(world: World, ledger: Ledger) -> None:
    token = ledger.token("TestToken", 6)
    batch = ledger.goods(token)
    single = ledger.goods(token, world.farmer, world.farmers[1])
    world.pay(single)
    code = world.node.code(token.address)
    world.node.request("anvil_setCode", token.address, "0x")
    with pytest.raises((ContractRefusal, RpcError)):
        world.pay(batch)
    with refused("Payments_TokenFailed", token=token):
        world.claim(world.step(single, 0))
    world.node.request("anvil_setCode", token.address, "0x" + code.hex())


# ------------------------------------------------------------------ hostile receivers


@pytest.mark.parametrize("hostile", ["Reverter", "GasBurner", "Bomb"])
@pytest.mark.parametrize("role", ["farmer", "cooperative_payee", "platform_payee"])
def test_a_receiver_that_fails_in_any_way_harms_nobody_else(
    world: World, ledger: Ledger, role: str, hostile: str
) -> None:
    receiver = world.create(hostile)
    token = ledger.hooked(receiver)
    if role == "farmer":
        world.act(world.farmer, world.actors, "redirectPayout", receiver.address)
        batch = ledger.goods(token)
        owner: Who = world.farmer
    else:
        batch = ledger.goods(token, **{role: receiver})
        owner = receiver
    receipt = world.pay(batch)
    assert receipt.gas < 900_000
    owed = {"farmer": 700, "cooperative_payee": 180, "platform_payee": 120}[role]
    assert world.credit(owner, token=token) == owed
    assert world.money(receiver, token=token) == 0
    paid = balances(world, world.farmer, world.coop_payee, world.platform_payee, token=token)
    assert sum(paid) == 1_000 - owed
    with refused("Payments_TokenFailed", token=token):
        world.act(world.outsider, world.payments, "withdraw", token.address, address_of(owner))


@pytest.mark.parametrize("payee", ["payments", "batches", "actors", "yuan"])
def test_a_payee_that_is_one_of_our_own_contracts_harms_nobody(
    world: World, ledger: Ledger, payee: str
) -> None:
    """Money sent to a contract of ours is lost to whoever named it; the payments' own is credited for ever."""
    token = ledger.token("TestToken", 6)
    own = getattr(world, payee)
    batch = ledger.goods(token, cooperative_payee=own)
    world.pay(batch)
    assert world.money(world.farmer, token=token) == 700
    if payee == "payments":
        assert world.credit(own, token=token) == 180
        with refused("Payments_TokenFailed", token=token):
            world.act(world.outsider, world.payments, "withdraw", token.address, own.address)
    else:
        assert world.money(own, token=token) == 180


@pytest.mark.parametrize("insists", [False, True])
@pytest.mark.parametrize(
    "door", ["pay", "claim", "claimTo", "settle", "withdraw", "withdrawTo", "authorization"]
)
def test_a_receiver_cannot_come_back_in_through_any_door(
    world: World, ledger: Ledger, door: str, *, insists: bool
) -> None:
    thief = world.create("Reenterer")
    token = ledger.hooked(thief)
    world.act(world.farmer, world.actors, "redirectPayout", thief.address)
    single = ledger.goods(token)
    pooled = ledger.goods(token, world.farmer, world.farmers[1])
    world.pay(pooled, 3)
    world.fund(thief, 10**6, token=token)
    step = world.step(pooled, 0)
    order = world.order(world.line(single), buyer=thief)
    calls: dict[str, tuple[Any, ...]] = {
        "pay": ("pay", order),
        "claim": ("claim", [step]),
        "claimTo": ("claimTo", thief.address, [step]),
        "settle": ("settle", pooled.id, 0, list(pooled.chunks[0])),
        "withdraw": ("withdraw", token.address, thief.address),
        "withdrawTo": ("withdrawTo", token.address, thief.address),
        "authorization": (
            *("payWithAuthorization", order, world.buyer.address, 0, 2**64, 27),
            *(bytes(32), bytes(32)),
        ),
    }
    data = world.payments.call(*calls[door]).data
    world.act(thief, thief, "prepare", world.payments.address, data, insists)
    before = world.money(thief, token=token)
    world.pay(single)
    assert world.ask(thief, "succeeded") is False
    if insists:
        assert world.credit(world.farmer, token=token) == 700
        assert world.money(thief, token=token) == before
    else:
        assert world.ask(thief, "attempts") == 1
        assert world.ask(thief, "refusal") == bytes.fromhex("3ee5aeb5")  # reentrant call
        assert world.money(thief, token=token) == before + 700
    assert world.pool(pooled) == (2_100, 0)


def test_a_receiver_that_claims_in_the_middle_of_his_own_claim_gets_it_once(
    world: World, ledger: Ledger
) -> None:
    thief = world.create("Reenterer")
    token = ledger.hooked(thief)
    world.act(world.farmer, world.actors, "redirectPayout", thief.address)
    pooled = ledger.goods(token, world.farmer, world.farmers[1])
    world.pay(pooled, 3)
    step = world.step(pooled, 0)
    data = world.payments.call("claim", [step]).data
    world.act(thief, thief, "prepare", world.payments.address, data, False)
    world.claim(step)
    assert world.ask(thief, "attempts") == 1
    assert world.ask(thief, "succeeded") is False
    assert world.money(thief, token=token) == 1_050
    assert world.pool(pooled) == (2_100, 1_050)


def test_a_receiver_that_gives_a_unit_back_under_way_stops_no_payment(
    world: World, ledger: Ledger
) -> None:
    spoiler = world.create("Reenterer")
    token = ledger.hooked(spoiler)
    batch = ledger.goods(token, cooperative_payee=spoiler)
    data = token.call("transfer", world.payments.address, 1).data
    world.act(spoiler, spoiler, "prepare", token.address, data, False)
    world.pay(batch)
    ledger.given[token.address] = 1


# ------------------------------------------------------------------ gas


def test_too_little_gas_makes_a_payment_revert_and_never_credits_a_sound_receiver(
    world: World,
) -> None:
    batch = world.harvest()
    world.pay(batch)
    call = world.payments.call("pay", world.order(world.line(batch)))
    reasons: set[str] = set()
    for gas in itertools.count(200_000, 5_000):
        transaction = {
            "from": world.buyer.address,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "gas": hex(gas),
            "gasPrice": "0x0",
        }
        with world.devnet.anchor():
            raw = transacted(world.node.request, transaction)
            if int(raw["status"], 16) == 1:
                credited = "0x" + world.payments.topic("Credited").hex()
                assert all(log["topics"][0] != credited for log in raw["logs"])
                break
        try:
            world.node.request("eth_call", transaction, "latest")
        except RpcError as error:
            reasons.add((error.data or "")[:10])
    assert gas < 600_000
    with refused("Payments_GasTooLow", needed=PUSH_RESERVE):
        world.send(world.buyer, call, gas=gas - 40_000)
    assert len(reasons) >= 1


def test_a_payment_needs_less_than_what_one_transaction_may_use(world: World) -> None:
    batch = world.harvest()
    assert world.pay(batch).gas < GAS // 50


# ------------------------------------------------------------------ credits


def test_where_nothing_is_credited_nothing_is_withdrawn(world: World) -> None:
    yuan = world.yuan.address
    for by in (world.farmer, world.outsider, world.platform):
        with refused("Payments_NothingDue"):
            world.act(by, world.payments, "withdraw", yuan, by.address)
        with refused("Payments_NothingDue"):
            world.act(by, world.payments, "withdrawTo", yuan, by.address)
    with refused("Actors_ZeroAddress"):
        world.act(world.farmer, world.payments, "withdrawTo", yuan, ZERO)


def test_nobody_withdraws_anothers_credit_to_himself(world: World, ledger: Ledger) -> None:
    token = ledger.token("BlacklistToken")
    batch = ledger.goods(token)
    world.act(world.issuer, token, "setBlocked", world.farmer.address, True)
    world.pay(batch)
    world.act(world.issuer, token, "setBlocked", world.farmer.address, False)
    for by in (world.platform, world.coop, world.clerk, world.outsider, world.regulator):
        with refused("Payments_NothingDue"):
            world.act(by, world.payments, "withdrawTo", token.address, by.address)
    world.act(world.outsider, world.payments, "withdraw", token.address, world.farmer.address)
    assert world.money(world.farmer, token=token) == 700
    assert world.money(world.outsider, token=token) == 0


def test_a_credit_in_one_token_is_none_in_another(world: World, ledger: Ledger) -> None:
    token = ledger.token("BlacklistToken")
    batch = ledger.goods(token)
    world.act(world.issuer, token, "setBlocked", world.farmer.address, True)
    world.pay(batch)
    with refused("Payments_NothingDue"):
        world.act(
            world.farmer, world.payments, "withdrawTo", world.yuan.address, world.farmer.address
        )


def test_tokens_given_by_mistake_change_nobodys_due(world: World, ledger: Ledger) -> None:
    batch = world.harvest((world.farmer, 3_000), (world.farmers[1], 3_000))
    world.act(world.issuer, world.yuan, "mint", world.payments.address, 12_345)
    ledger.given[world.yuan.address] = 12_345
    world.pay(batch, 10)
    due = world.due(batch, 0)
    assert due == money.due(world.pool(batch)[0], 30_000_000, 60_000_000)
    world.act(world.issuer, world.yuan, "mint", world.payments.address, 1)
    ledger.given[world.yuan.address] += 1
    assert world.due(batch, 0) == due
    world.settle(batch)
