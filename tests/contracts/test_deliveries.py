"""What farmers delivered: `contracts/interfaces/IDeliveries.sol`, requirement by requirement."""

from typing import Any

import pytest
from tests.world import (
    GTIN_EGGS,
    GTIN_OTHER,
    GTIN_TEA,
    PAYLOAD,
    Role,
    World,
    gtin14,
    refused,
)

pytestmark = pytest.mark.node

BOOKED, ENTERED, VOIDED = 1, 2, 3
PEOPLE = ("platform", "farmer", "inspector", "carrier", "retailer", "regulator", "outsider")


def delivery(world: World, receipt: int) -> dict[str, Any]:
    found: dict[str, Any] = world.ask(world.deliveries, "deliveryOf", world.coop.address, receipt)
    return found


@pytest.mark.parametrize("by", ["coop", "clerk"])
def test_a_delivery_is_booked_with_the_terms_in_force_and_the_key_that_signed(
    world: World, by: str
) -> None:
    who = getattr(world, by)
    booking = (77, world.farmer.address, GTIN_EGGS, 12_345, 11_000, 250)
    receipt = world.act(who, world.deliveries, "book", [booking])
    terms = world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"]
    (event,) = world.deliveries.events(receipt.logs)
    assert event.name == "DeliveryBooked"
    assert event.fields == {
        "cooperative": world.coop.address,
        "receipt": 77,
        "farmer": world.farmer.address,
        "gtin": GTIN_EGGS,
        "grams": 12_345,
        "gradeBps": 11_000,
        "pricePerKg": 250,
        "terms": terms,
        "signer": who.address,
    }
    assert delivery(world, 77) == {
        "farmer": world.farmer.address,
        "grams": 12_345,
        "gradeBps": 11_000,
        "terms": terms,
        "status": BOOKED,
    }


@pytest.mark.parametrize("by", PEOPLE)
def test_only_cooperatives_book_and_void(world: World, by: str) -> None:
    who = getattr(world, by)
    with refused("Actors_RoleMissing", needed=Role.COOPERATIVE):
        world.book((world.farmer, 1_000), by=who)
    receipts = world.book((world.farmer, 1_000))
    with refused("Actors_RoleMissing", needed=Role.COOPERATIVE):
        world.act(who, world.deliveries, "voidDelivery", receipts[0], "x")


def test_a_receipt_number_is_used_once_and_never_0(world: World) -> None:
    world.act(world.coop, world.deliveries, "book", [world.booking(world.farmer, 1, receipt=7)])
    for number in (7, 0):
        with refused("Deliveries_ReceiptTaken", cooperative=world.coop, receipt=number):
            booking = world.booking(world.farmers[1], 1, receipt=number)
            world.act(world.coop, world.deliveries, "book", [booking])
    world.act(world.coop, world.deliveries, "voidDelivery", 7, "twice on the scale")
    with refused("Deliveries_ReceiptTaken", receipt=7):
        booking = world.booking(world.farmers[1], 1, receipt=7)
        world.act(world.coop, world.deliveries, "book", [booking])
    other = world.booking(world.farmer2, 1, receipt=7, gtin=GTIN_OTHER)
    world.act(world.coop2, world.deliveries, "book", [other])


def test_many_are_booked_all_or_none(world: World) -> None:
    good, bad = world.booking(world.farmer, 1), world.booking(world.farmer, 0)
    with refused("Deliveries_NoWeight"):
        world.act(world.coop, world.deliveries, "book", [good, bad])
    assert delivery(world, int(str(good[0])))["status"] == 0
    with refused("Deliveries_ReceiptTaken"):
        world.act(world.coop, world.deliveries, "book", [good, good])


def test_the_farmer_is_the_cooperatives_own_and_a_farmer(world: World) -> None:
    for other in (world.farmer2, world.outsider, world.coop, world.carrier, world.clerk):
        with refused("Deliveries_NotMyFarmer", cooperative=world.coop, farmer=other):
            world.book((other, 1_000))


def test_a_suspended_farmer_delivers_nothing(world: World) -> None:
    world.act(world.coop, world.actors, "suspend", world.farmer.address, "x")
    with refused("Deliveries_FarmerSuspended", farmer=world.farmer):
        world.book((world.farmer, 1_000))


def test_a_suspended_cooperative_books_nothing(world: World) -> None:
    world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    with refused("Actors_Suspended", actor=world.coop):
        world.book((world.farmer, 1_000))


def test_the_product_is_the_cooperatives_own_and_has_terms(world: World) -> None:
    for gtin in (GTIN_OTHER, gtin14(690_000_000_000)):
        with refused("Deliveries_NotMyProduct", cooperative=world.coop, gtin=gtin):
            world.book((world.farmer, 1_000), gtin=gtin)
    bare = gtin14(690_000_000_000)
    world.act(world.platform, world.catalogue, "listProduct", bare, world.coop.address, b"KGM")
    with refused("Deliveries_NoTerms", gtin=bare):
        world.book((world.farmer, 1_000), gtin=bare)


def test_a_payee_of_the_terms_is_no_farmer_of_the_delivery(world: World) -> None:
    world.publish(GTIN_EGGS, world.terms(4_000, 3_000, 3_000, cooperative_payee=world.farmer))
    with refused("Deliveries_FarmerIsPayee", farmer=world.farmer):
        world.book((world.farmer, 1_000))
    world.publish(GTIN_EGGS, world.terms(4_000, 3_000, 3_000, platform_payee=world.farmer))
    with refused("Deliveries_FarmerIsPayee", farmer=world.farmer):
        world.book((world.farmer, 1_000))
    world.book((world.farmers[1], 1_000))


@pytest.mark.parametrize("grade", [0, 20_001, 65_535])
def test_a_grade_factor_is_1_to_20000(world: World, grade: int) -> None:
    assert world.ask(world.deliveries, "MAX_GRADE_BPS") == 20_000
    with refused("Deliveries_GradeInvalid", gradeBps=grade):
        world.book((world.farmer, 1_000, grade))
    world.book((world.farmer, 1_000, 1), (world.farmer, 2**40 - 1, 20_000))


def test_a_weight_is_not_0(world: World) -> None:
    with refused("Deliveries_NoWeight"):
        world.book((world.farmer, 0))


# ------------------------------------------------------------------ voiding and entering


def test_a_wrong_booking_is_voided_with_a_reason_and_enters_no_batch(world: World) -> None:
    (number,) = world.book((world.farmer, 1_000))
    for size in (0, 513):
        with refused("Deliveries_ReasonInvalid", length=size):
            world.act(world.coop, world.deliveries, "voidDelivery", number, "x" * size)
    receipt = world.act(world.clerk, world.deliveries, "voidDelivery", number, "x" * 512)
    (event,) = world.deliveries.events(receipt.logs)
    assert event.name == "DeliveryVoided"
    assert event.fields["signer"] == world.clerk.address
    with refused("Deliveries_NotBooked", receipt=number, status=VOIDED):
        world.act(world.coop, world.deliveries, "voidDelivery", number, "x")
    with refused("Deliveries_NotBooked", receipt=number, status=VOIDED):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), [number])


def test_a_delivery_enters_one_batch_once(world: World) -> None:
    (number,) = world.book((world.farmer, 1_000))
    receipt = world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), [number])
    assert [e.name for e in world.deliveries.events(receipt.logs)] == ["DeliveryEntered"]
    assert delivery(world, number)["status"] == ENTERED
    with refused("Deliveries_NotBooked", receipt=number, status=ENTERED):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), [number])
    with refused("Deliveries_NotBooked", receipt=number, status=ENTERED):
        world.act(world.coop, world.deliveries, "voidDelivery", number, "x")
    (twice,) = world.book((world.farmer, 1_000))
    with refused("Deliveries_NotBooked", receipt=twice, status=ENTERED):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), [twice, twice])
    with refused("Deliveries_NotBooked", receipt=999_999, status=0):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), [999_999])
    with refused("Deliveries_NotBooked", receipt=999_999, status=0):
        world.act(world.coop, world.deliveries, "voidDelivery", 999_999, "x")


def test_one_cooperative_cannot_use_or_void_anothers_delivery(world: World) -> None:
    (number,) = world.book((world.farmer, 1_000))
    with refused("Deliveries_NotBooked", cooperative=world.coop2, receipt=number, status=0):
        world.act(world.coop2, world.deliveries, "voidDelivery", number, "x")
    with refused("Deliveries_NotBooked", cooperative=world.coop2, receipt=number, status=0):
        world.act(world.coop2, world.batches, "collect", GTIN_OTHER, world.new_lot(), [number])


def test_deliveries_of_different_terms_enter_no_common_batch(world: World) -> None:
    (old,) = world.book((world.farmer, 1_000))
    world.publish(GTIN_EGGS, world.terms(5_000, 3_000, 2_000, floor=120))
    (new,) = world.book((world.farmer, 1_000))
    with refused("Deliveries_TermsDiffer", receipt=new):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), [old, new])
    lot = world.new_lot()
    world.act(world.coop, world.batches, "collect", GTIN_EGGS, lot, [old])
    with refused("Deliveries_TermsDiffer", receipt=new):
        world.act(
            world.coop,
            world.batches,
            "register",
            (GTIN_EGGS, lot, 1, 2_000_000, 0, 300),
            [new],
            PAYLOAD,
        )


def test_deliveries_of_another_product_enter_no_batch(world: World) -> None:
    receipts = world.book((world.farmer, 1_000), gtin=GTIN_TEA)
    terms = world.ask(world.catalogue, "productOf", GTIN_TEA)["inForce"]
    with refused("Batches_TermsNotForProduct", terms=terms, gtin=GTIN_EGGS):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), receipts)


@pytest.mark.parametrize("by", ["coop", "platform", "outsider", "payments", "actors"])
def test_only_the_batches_contract_enters_deliveries(world: World, by: str) -> None:
    (number,) = world.book((world.farmer, 1_000))
    who = getattr(world, by)
    with refused("Deliveries_OnlyBatches", caller=who):
        world.act(who, world.deliveries, "enter", world.coop.address, [number], 1, 0)
