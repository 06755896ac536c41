"""Lies about payouts and signed money: to others than those to whom it is due, or for something else."""

from typing import Any

import pytest
from tests.lies.lie import lie
from tests.lies.pools import pool
from tests.lies.witnesses import contracts_refuse, impossible, stands
from tests.world import GTIN_EGGS, KILOGRAM, Person, World, person

from yuanliu.chain import keys

pytestmark = pytest.mark.node


# ------------------------------------------------------------------ payouts


@lie(
    "Redirect a payout",
    "改写收款地址",
    cheats="farmer",
    liars=("cooperative", "platform", "regulator", "relayer", "outsider"),
    happens="Somebody else claims a farmer's money to an address of his own.",
    noticed_by=("the contracts",),
    how=(
        "money goes to the payout address of whom it is due to; only his own key changes it or claims elsewhere."
    ),
)
def test_a_farmers_money_to_another_address(world: World) -> None:
    batch = pool(world)
    for thief in (world.coop, world.platform, world.regulator, world.clerk, world.outsider):
        with contracts_refuse("Payments_NotYours"):
            world.act(thief, world.payments, "claimTo", thief.address, [world.step(batch, 2)])
    world.act(world.coop, world.actors, "redirectPayout", world.outsider.address)
    world.claim(world.step(batch, 2), by=world.outsider)
    assert world.money(world.farmers[2]) == 1_260


@lie(
    "Take over a farmer's key by *recovering* it",
    "假借“找回密钥”夺走农户账户",
    cheats="farmer",
    liars=("cooperative",),
    happens="The cooperative that enrolled a farmer proposes a key of its own as his new one.",
    noticed_by=("the contracts", "the person concerned"),
    how=(
        "it waits seven days on the public record, and the farmer, or a regulator, cancels it. Who looks at"
        " nothing for a week loses the key, and with it what comes later."
    ),
)
def test_a_recovery_that_the_farmer_did_not_ask_for(world: World) -> None:
    thief = person("a key of the cooperative")
    receipt = world.act(
        world.coop, world.actors, "proposeRecovery", world.farmer.address, thief.address
    )
    (event,) = world.actors.events(receipt.logs)
    stands(on_the_record=event.name == "RecoveryProposed", seen_by="the person concerned")
    with contracts_refuse("Actors_RecoveryNotReady"):
        world.act(world.coop, world.actors, "completeRecovery", world.farmer.address)
    world.act(world.farmer, world.actors, "cancelRecovery", world.farmer.address)
    world.wait(8 * 86_400)
    with contracts_refuse("Actors_RecoveryNotReady", readyAt=0):
        world.act(world.coop, world.actors, "completeRecovery", world.farmer.address)


@lie(
    "Block one payee to block all",
    "冻结一人，卡住所有人",
    cheats="farmer",
    liars=("token issuer", "cooperative", "platform"),
    happens=(
        "The platform's account is frozen by the money's issuer, so that no payment could ever be shared."
    ),
    noticed_by=("the contracts",),
    how=(
        "who cannot be paid is credited and takes it to another address later; all others are paid at once."
    ),
)
def test_a_frozen_platform_stops_no_farmer(world: World) -> None:
    token = world.create("BlacklistToken")
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    world.fund(world.buyer, 10**9, token=token)
    gtin = world.list_product(world.terms(5_000, 3_000, 2_000, floor=400, token=token))
    batch = world.harvest((world.farmer, 10_000), gtin=gtin, unit=KILOGRAM, price=1_000)
    world.act(world.issuer, token, "setBlocked", world.platform_payee.address, True)
    world.pay(batch)
    assert world.credit(world.platform_payee, token=token) == 120
    impossible(as_it_should_be=world.money(world.farmer, token=token) == 700)


@lie(
    "Suspend a farmer to keep his money",
    "停用农户以扣住其货款",
    cheats="farmer",
    liars=("cooperative", "platform", "regulator"),
    happens=(
        "The cooperative suspends a farmer once his eggs are sold, recalls the batch, and publishes new terms."
    ),
    noticed_by=("the contracts",),
    how=(
        "suspension stops writing, never claims and payouts; nothing that a cooperative can do reaches a pool."
    ),
)
def test_a_suspended_farmer_is_paid(world: World) -> None:
    batch = pool(world)
    world.act(world.coop, world.actors, "suspend", world.farmers[2].address, "no reason")
    world.act(world.coop, world.batches, "recall", batch.id, "no reason either")
    world.publish(GTIN_EGGS, world.terms(3_000, 5_000, 2_000))
    world.claim(world.step(batch, 2))
    impossible(as_it_should_be=world.money(world.farmers[2]) == 1_260)


# ------------------------------------------------------------------ signed payments


def _domain(world: World) -> dict[str, Any]:
    return {
        "name": "Demo Yuan",
        "version": "1",
        "chainId": world.deployment.chain_id,
        "verifyingContract": world.yuan.address,
    }


def _signed(world: World, payer: Person, primary: str, **message: object) -> tuple[object, ...]:
    kinds = {"value": "uint256", "nonce": "uint256" if primary == "Permit" else "bytes32"}
    fields = [
        {"name": name, "type": kinds.get(name, "address" if isinstance(given, str) else "uint256")}
        for name, given in message.items()
    ]
    signature = keys.sign(payer.account, _domain(world), {primary: fields}, message)
    return signature[64], signature[:32], signature[32:64]


@lie(
    "Turn a signed payment to another order",
    "中继者把已签名的付款挪到别的订单",
    cheats="buyer",
    liars=("relayer", "outsider"),
    happens=(
        "The relayer sends a buyer's signed money with another buyer's name, another lot, or straight to himself."
    ),
    noticed_by=("the contracts",),
    how="what was signed contains the hash of the whole order, chain and contract included.",
)
def test_a_signed_payment_for_something_else(world: World) -> None:
    batch, other, buyer = world.harvest(), world.harvest(), person("a signing buyer")
    world.act(world.issuer, world.yuan, "mint", buyer.address, 600)
    order = world.order(world.line(batch, 2), number=5, buyer=buyer)
    message: dict[str, object] = {
        "from": buyer.address,
        "to": world.payments.address,
        "value": 600,
        "validAfter": 0,
        "validBefore": world.now + 60,
        "nonce": world.ask(world.payments, "orderHash", order),
    }
    vrs = _signed(world, buyer, "ReceiveWithAuthorization", **message)
    times = (message["validAfter"], message["validBefore"])
    for stolen in (
        world.order(world.line(batch, 2), number=5, buyer=world.outsider),
        world.order(world.line(other, 2), number=5, buyer=buyer),
    ):
        with contracts_refuse("ERC3009InvalidSignature"):
            arguments = (stolen, buyer.address, *times, *vrs)
            world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)
    with contracts_refuse("ERC3009InvalidSignature"):
        arguments = (buyer.address, world.outsider.address, 600, *times, message["nonce"], *vrs)
        world.act(world.outsider, world.yuan, "receiveWithAuthorization", *arguments)
    arguments = (order, buyer.address, *times, *vrs)
    world.act(world.outsider, world.payments, "payWithAuthorization", *arguments)
    assert world.held(batch, buyer) == 2


@lie(
    "Use a buyer's permit before he does",
    "抢先用掉买方的授权签名",
    cheats="buyer",
    liars=("node operator", "outsider"),
    happens=(
        "Who sees a payment with permit sends the permit alone first, so that the payment would fail."
    ),
    noticed_by=("the contracts",),
    how="a used permit left an allowance, and the payment goes on with it.",
)
def test_a_permit_that_was_sent_first(world: World) -> None:
    batch, buyer, deadline = world.harvest(), person("a permitting buyer"), world.now + 60
    world.act(world.issuer, world.yuan, "mint", buyer.address, 600)
    order = world.order(world.line(batch, 2), buyer=buyer)
    who = {"owner": buyer.address, "spender": world.payments.address, "value": 600}
    vrs = _signed(world, buyer, "Permit", **who, nonce=0, deadline=deadline)
    world.act(world.outsider, world.yuan, "permit", *who.values(), deadline, *vrs)
    world.act(buyer, world.payments, "payWithPermit", order, 600, deadline, *vrs)
    impossible(as_it_should_be=world.held(batch, buyer) == 2)
