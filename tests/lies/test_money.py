"""Lies about money: less than was agreed, to others than agreed, twice, or not at all."""

import pytest
from tests.lies.lie import lie
from tests.lies.pools import pool
from tests.lies.witnesses import contracts_refuse, impossible, stands
from tests.world import GTIN_EGGS, KILOGRAM, World, person

from yuanliu import money

pytestmark = pytest.mark.node

EGGS = money.Ratios(3_334, 5_000, 1_666)
FLOOR = 120


# ------------------------------------------------------------------ what is paid


@lie(
    "Pay less than the terms",
    "少付货款",
    cheats="farmer",
    liars=("buyer", "cooperative", "platform"),
    happens="A buyer pays 299 fen for what costs 300, or settles below the floor.",
    noticed_by=("the contracts",),
    how="a payment is price × units exactly, and price × units is at least the floor.",
)
def test_one_fen_less(world: World) -> None:
    batch = world.harvest()
    with contracts_refuse("Batches_AmountDiffers", amount=299, due=300):
        world.pay(batch, amount=299)
    with contracts_refuse("Batches_AmountBelowFloor", amount=119, floor=FLOOR):
        world.pay(batch, amount=119)


@lie(
    "Pay one order twice",
    "一单付两次",
    cheats="buyer",
    liars=("relayer", "platform", "payment provider"),
    happens="A payment is sent again; or a stranger uses up a buyer's order reference.",
    noticed_by=("the contracts",),
    how="an order reference belongs to its payer and is good once; another payer's is another.",
)
def test_the_same_order_again(world: World) -> None:
    batch, rival = world.harvest(), person("a rival buyer")
    world.fund(rival)
    world.pay(batch, number=77, payer=rival)
    world.pay(batch, number=77)
    before = world.money(world.buyer)
    with contracts_refuse("Payments_OrderPaid", payer=world.buyer):
        world.pay(batch, number=77)
    assert world.money(world.buyer) == before


@lie(
    "Skim the rounding",
    "截留尾差",
    cheats="farmer",
    liars=("platform", "cooperative", "contract author"),
    happens="Fractions of a fen are rounded towards the platform, payment by payment.",
    noticed_by=("the contracts",),
    how=(
        "cooperative and platform are rounded down in each payment, and the farmers get every remainder; the"
        " Python twin says the same, and the shares sum to the amount."
    ),
)
def test_every_remainder_is_the_farmers(world: World) -> None:
    batch = world.harvest(price=307)
    people = (world.farmer, world.coop_payee, world.platform_payee)
    margin, paid = 0, 0
    for units in (1, 2, 3, 7):
        world.pay(batch, units)
        margin, paid = margin + (307 - FLOOR) * units, paid + 307 * units
    farmer, coop, platform = (world.money(each) for each in people)
    assert farmer + coop + platform == paid
    assert coop * 10_000 <= margin * EGGS.cooperative_bps
    assert platform * 10_000 <= margin * EGGS.platform_bps
    exact = FLOOR * 13 + margin * EGGS.farmer_bps / 10_000
    impossible(as_it_should_be=farmer >= exact)


@lie(
    "Pay in worthless money",
    "用不值钱的代币付款",
    cheats="farmer",
    liars=("cooperative", "buyer", "token issuer"),
    happens=(
        "Terms are published in a token of the cooperative's own, or the token takes a fee on the way."
    ),
    noticed_by=("the contracts",),
    how=(
        "the token of terms must be on the platform's list; a token that delivers less than it says is refused."
    ),
)
def test_terms_in_a_token_of_ones_own(world: World) -> None:
    own = world.create("TestToken", 2)
    terms = world.terms(5_000, 3_000, 2_000, token=own)
    with contracts_refuse("Catalogue_TokenNotListed", token=own):
        world.publish(GTIN_EGGS, terms)
    fee = world.create("FeeToken")
    world.act(world.platform, world.catalogue, "listToken", fee.address, True)
    world.fund(world.buyer, 10**9, token=fee)
    gtin = world.list_product(world.terms(5_000, 3_000, 2_000, token=fee))
    batch = world.harvest((world.farmer, 10_000), gtin=gtin, unit=KILOGRAM, price=1_000)
    world.act(world.issuer, fee, "setFee", 100)
    with contracts_refuse("Payments_TokenMovedOtherwise", token=fee):
        world.pay(batch)


# ------------------------------------------------------------------ terms


@lie(
    "Change the terms after delivery",
    "交售之后更改分配约定",
    cheats="farmer",
    liars=("cooperative",),
    happens=(
        "New terms with a lower floor are published once the eggs are in the cooperative's hands."
    ),
    noticed_by=("the contracts",),
    how=(
        "a delivery keeps the terms in force when it was booked, a batch has one terms number, and terms are code"
        " of their own account that nobody can write."
    ),
)
def test_new_terms_for_old_eggs(world: World) -> None:
    early = world.book((world.farmer, 3_000))
    worse = world.terms(3_000, 5_000, 2_000, floor=1)
    world.publish(GTIN_EGGS, worse)
    late = world.book((world.farmer, 3_000))
    registration = (GTIN_EGGS, world.new_lot(), 100, 60_000, 0, 300)
    with contracts_refuse("Deliveries_TermsDiffer"):
        world.act(world.coop, world.batches, "register", registration, early + late, b"{}")
    cheap = (GTIN_EGGS, world.new_lot(), 50, 60_000, 0, FLOOR - 1)
    with contracts_refuse("Batches_PriceBelowFloor"):
        world.act(world.coop, world.batches, "register", cheap, early, b"{}")


@lie(
    "Publish terms that starve the farmers",
    "约定农户所得过低",
    cheats="farmer",
    liars=("cooperative", "platform", "clerk"),
    happens=(
        "Less than 30 % of the margin for the farmers; or a clerk, or the platform, publishes terms."
    ),
    noticed_by=("the contracts",),
    how=(
        "the 30 % rule is in the contract; terms are the cooperative's authority's alone, which can be its"
        " members' ballot."
    ),
)
def test_less_than_three_in_ten(world: World) -> None:
    with contracts_refuse("Catalogue_FarmerShareTooLow", farmerBps=2_999):
        world.publish(GTIN_EGGS, world.terms(2_999, 5_001, 2_000, floor=FLOOR))
    fair = world.terms(3_334, 5_000, 1_666, floor=FLOOR)
    with contracts_refuse("Actors_OwnerKeyNeeded", key=world.clerk):
        world.publish(GTIN_EGGS, fair, by=world.clerk)
    with contracts_refuse("Catalogue_NotTermsAuthority", by=world.platform):
        world.publish(GTIN_EGGS, fair, by=world.platform)


# ------------------------------------------------------------------ pools


@lie(
    "Leave one farmer out of a pool",
    "分账时漏掉一户",
    cheats="farmer",
    liars=("cooperative", "platform", "relayer"),
    happens="A settlement lists two of three members, or gives one a smaller weight.",
    noticed_by=("the contracts",),
    how=(
        "the contract computed the members' Merkle root from the deliveries themselves; a list that is not"
        " exactly it is refused, and whoever was left out can claim by himself."
    ),
)
def test_a_settlement_without_one_of_three(world: World) -> None:
    batch = pool(world)
    whole = list(batch.chunks[0])
    member, weight = whole[2]
    for forged in (whole[:2], [*whole[:2], (member, weight - 1)], [whole[1], whole[0], whole[2]]):
        with contracts_refuse("Payments_NotMember"):
            world.act(world.coop, world.payments, "settle", batch.id, 0, forged)
    world.claim(world.step(batch, 2))
    assert world.money(world.farmers[2]) == 1_260


@lie(
    "Add a ghost farmer to the list of a settlement",
    "在分账名单里加一个不存在的农户",
    cheats="farmer",
    liars=("cooperative", "platform", "outsider"),
    happens="Somebody who delivered nothing is listed, or claims with a made-up proof.",
    noticed_by=("the contracts",),
    how="he is under no root: neither settlement nor claim takes him.",
)
def test_a_member_who_delivered_nothing(world: World) -> None:
    batch = pool(world)
    ghost = int(world.outsider.address, 16)
    with contracts_refuse("Payments_NotMember"):
        listed = [*batch.chunks[0], (ghost, 6_000)]
        world.act(world.coop, world.payments, "settle", batch.id, 0, listed)
    _, index, _, weight, proof = world.step(batch, 2)
    with contracts_refuse("Payments_NotMember"):
        world.claim((batch.id, index, ghost, weight, proof))


@lie(
    "Add a ghost farmer with deliveries of his own",
    "虚设农户并虚构其交售",
    cheats="farmer",
    liars=("cooperative",),
    happens=(
        "The cooperative enrols a key of its own as a farmer and books him part of what others brought."
    ),
    noticed_by=("whoever reads the record",),
    how=(
        "contracts cannot count heads in a village. Every member, code, weight and payout is public, so"
        " neighbours see who was paid for what; what is booked to him must be taken from somebody's scale."
    ),
)
def test_a_farmer_who_is_a_key_of_the_cooperative(world: World) -> None:
    ghost = person("a ghost")
    world.enrol(world.coop, ghost, 4, "F-GHOST")
    batch = world.harvest((world.farmer, 3_000), (ghost, 3_000))
    world.pay(batch, 10)
    world.settle(batch)
    assert world.money(ghost) == world.money(world.farmer) > 0
    events = world.deliveries.events(world._logs(world.deliveries, "DeliveryBooked"))
    stands(on_the_record=ghost.address in {event.fields["farmer"] for event in events})


@lie(
    "Book less than the scale showed",
    "少记斤两",
    cheats="farmer",
    liars=("cooperative", "clerk"),
    happens="The farmer brought 6 kg; the clerk books 5.",
    noticed_by=("the person concerned",),
    how=(
        "the booking is public under the farmer's code at once and cannot be altered, only voided with a reason;"
        " he sees it at the scale, before it enters a batch. Who does not look is not protected."
    ),
)
def test_a_kilogram_is_missing(world: World) -> None:
    (receipt,) = world.book((world.farmer, 5_000), by=world.clerk)
    booked = world.ask(world.deliveries, "deliveryOf", world.coop.address, receipt)
    stands(
        on_the_record=(booked["farmer"], booked["grams"]) == (world.farmer.address, 5_000),
        seen_by="the person concerned",
    )


@lie(
    "Claim twice",
    "重复领取",
    cheats="farmer",
    liars=("farmer", "anyone"),
    happens="A member claims his share again, or names the same step twice in one claim.",
    noticed_by=("the contracts",),
    how="what was claimed is subtracted from what is due of all that the pool ever received.",
)
def test_the_same_share_again(world: World) -> None:
    batch = pool(world)
    step = world.step(batch, 1)
    world.claim(step, step)
    assert world.money(world.farmers[1]) == 360
    with contracts_refuse("Payments_NothingDue"):
        world.claim(step)
    world.check_money()
