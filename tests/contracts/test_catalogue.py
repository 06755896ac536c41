"""Products and terms: `contracts/interfaces/ICatalogue.sol`, requirement by requirement."""

from dataclasses import replace

import pytest
from tests.world import (
    GTIN_BOX,
    GTIN_EGGS,
    GTIN_OTHER,
    GTIN_TEA,
    ZERO,
    Terms,
    World,
    gtin14,
    person,
    refused,
)

pytestmark = pytest.mark.node

FREE = gtin14(690_000_000_000)
PEOPLE = ("coop", "clerk", "farmer", "inspector", "carrier", "retailer", "regulator", "outsider")


# ------------------------------------------------------------------ tokens and products


@pytest.mark.parametrize("by", PEOPLE)
def test_only_a_platform_lists_tokens_and_products(world: World, by: str) -> None:
    who = getattr(world, by)
    with refused("Actors_RoleMissing", needed=1):
        world.act(who, world.catalogue, "listToken", world.yuan.address, False)
    with refused("Actors_RoleMissing", needed=1):
        world.act(who, world.catalogue, "listProduct", FREE, world.coop.address, b"KGM")


def test_a_listed_token_has_code_and_taking_it_off_needs_none(world: World) -> None:
    empty = person("no contract").address
    with refused("Catalogue_TokenNotListed", token=empty):
        world.act(world.platform, world.catalogue, "listToken", empty, True)
    world.act(world.platform, world.catalogue, "listToken", empty, False)
    receipt = world.act(world.platform, world.catalogue, "listToken", world.yuan.address, False)
    (event,) = world.catalogue.events(receipt.logs)
    assert event.name == "TokenListed"
    assert event.fields == {
        "token": world.yuan.address.lower(),
        "listed": False,
        "by": world.platform.address,
    }
    assert world.ask(world.catalogue, "isListed", world.yuan.address) is False


def test_taking_a_token_off_the_list_stops_new_terms_but_no_batch(world: World) -> None:
    batch = world.harvest()
    world.act(world.platform, world.catalogue, "listToken", world.yuan.address, False)
    with refused("Catalogue_TokenNotListed", token=world.yuan):
        world.publish(GTIN_EGGS, world.terms(3_000, 4_000, 3_000))
    world.pay(batch, 1)


@pytest.mark.parametrize(
    "gtin",
    [0, FREE + 1, FREE - 1, 10**14 + FREE, 10**14, 2**64 - 1, 99_999_999_999_999],
)
def test_a_gtin_has_at_most_14_digits_and_a_right_check_digit(world: World, gtin: int) -> None:
    with refused("Catalogue_GtinInvalid", gtin=gtin):
        world.act(world.platform, world.catalogue, "listProduct", gtin, world.coop.address, b"KGM")


@pytest.mark.parametrize("gtin", [FREE, gtin14(1), gtin14(9_999_999_999_999), gtin14(1234567)])
def test_well_formed_gtins_of_every_length_are_listed(world: World, gtin: int) -> None:
    receipt = world.act(
        world.platform, world.catalogue, "listProduct", gtin, world.coop.address, b"KGM"
    )
    (event,) = world.catalogue.events(receipt.logs)
    assert event.name == "ProductListed"
    assert world.ask(world.catalogue, "productOf", gtin) == {
        "cooperative": world.coop.address,
        "inForce": 0,
        "unit": b"KGM",
    }


def test_a_product_is_one_cooperatives_for_ever(world: World) -> None:
    for coop in (world.coop, world.coop2):
        with refused("Catalogue_GtinTaken", gtin=GTIN_EGGS, cooperative=world.coop):
            world.act(
                world.platform, world.catalogue, "listProduct", GTIN_EGGS, coop.address, b"KGM"
            )


@pytest.mark.parametrize("name", ["farmer", "clerk", "platform", "outsider", "carrier"])
def test_only_a_cooperative_owns_products(world: World, name: str) -> None:
    with refused("Catalogue_NotCooperative", actor=getattr(world, name)):
        world.act(
            world.platform,
            world.catalogue,
            "listProduct",
            FREE,
            getattr(world, name).address,
            b"KGM",
        )


@pytest.mark.parametrize("unit", [b"kgm", b"KG\0", b"K M", b"\0\0\0", b"KG-", b"@AZ", b"Z[0"])
def test_a_unit_is_three_capital_letters_or_digits(world: World, unit: bytes) -> None:
    with refused("Catalogue_UnitInvalid", unit=unit):
        world.act(world.platform, world.catalogue, "listProduct", FREE, world.coop.address, unit)
    world.act(world.platform, world.catalogue, "listProduct", FREE, world.coop.address, b"A9Z")


# ------------------------------------------------------------------ terms


def eggs(world: World) -> Terms:
    return world.terms(3_334, 5_000, 1_666, floor=120)


def test_terms_are_published_in_versions_and_read_back_as_they_were(world: World) -> None:
    before = world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"]
    floor = 2**96 - 1
    terms = world.terms(10_000, 0, 0, floor=floor)
    number = world.publish(GTIN_EGGS, terms)
    assert number > before
    read, gtin = world.ask(world.catalogue, "termsOf", number)
    assert tuple(read.values()) == terms.tuple()
    assert gtin == GTIN_EGGS
    old, _ = world.ask(world.catalogue, "termsOf", before)
    assert tuple(old.values()) == eggs(world).tuple()
    assert world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"] == number


def test_new_terms_touch_no_delivery_and_no_batch_that_exists(world: World) -> None:
    batch = world.harvest()
    number = world.state(batch)["terms"]
    booked = world.book((world.farmer, 60))
    world.publish(GTIN_EGGS, world.terms(3_000, 7_000, 0, floor=1))
    assert world.state(batch)["terms"] == number
    delivery = world.ask(world.deliveries, "deliveryOf", world.coop.address, booked[0])
    assert delivery["terms"] == number
    before = world.money(world.farmer)
    world.pay(batch, 1)
    assert world.money(world.farmer) - before == 181


@pytest.mark.parametrize(
    ("bps", "error", "fields"),
    [
        ((3_334, 5_000, 1_665), "Catalogue_RatiosNotWhole", {"sumBps": 9_999}),
        ((3_334, 5_000, 1_667), "Catalogue_RatiosNotWhole", {"sumBps": 10_001}),
        ((0, 0, 0), "Catalogue_RatiosNotWhole", {"sumBps": 0}),
        ((65_535, 65_535, 65_535), "Catalogue_RatiosNotWhole", {"sumBps": 196_605}),
        ((65_535, 10_001, 0), "Catalogue_RatiosNotWhole", {"sumBps": 75_536}),
        (
            (2_999, 5_001, 2_000),
            "Catalogue_FarmerShareTooLow",
            {"farmerBps": 2_999, "minimumBps": 3_000},
        ),
        ((0, 10_000, 0), "Catalogue_FarmerShareTooLow", {"farmerBps": 0}),
    ],
)
def test_ratios_sum_to_a_whole_with_at_least_30_percent_for_the_farmers(
    world: World, bps: tuple[int, int, int], error: str, fields: dict[str, object]
) -> None:
    with refused(error, **fields):
        world.publish(GTIN_EGGS, world.terms(*bps))


def test_payees_are_two_and_not_zero(world: World) -> None:
    for terms in (
        replace(eggs(world), cooperative_payee=ZERO),
        replace(eggs(world), platform_payee=ZERO),
    ):
        with refused("Catalogue_ZeroPayee"):
            world.publish(GTIN_EGGS, terms)
    same = replace(eggs(world), platform_payee=world.coop_payee.address)
    with refused("Catalogue_RepeatedPayee", payee=world.coop_payee):
        world.publish(GTIN_EGGS, same)


def test_the_token_of_terms_is_listed(world: World) -> None:
    token = world.create("TestToken", 6)
    terms = world.terms(3_000, 4_000, 3_000, token=token)
    with refused("Catalogue_TokenNotListed", token=token):
        world.publish(GTIN_EGGS, terms)
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    world.publish(GTIN_EGGS, terms)


def test_there_are_no_terms_of_an_unknown_product_or_number(world: World) -> None:
    with refused("Catalogue_UnknownProduct", gtin=FREE):
        world.publish(FREE, eggs(world))
    for number in (0, 1_000, 2**32 - 1):
        with refused("Catalogue_UnknownTerms", id=number):
            world.ask(world.catalogue, "termsOf", number)


# ------------------------------------------------------------------ who decides on terms


@pytest.mark.parametrize("by", ["coop2", "platform", "farmer", "regulator", "outsider"])
def test_only_the_cooperatives_authority_publishes_and_hands_on(world: World, by: str) -> None:
    who = getattr(world, by)
    fields = {"cooperative": world.coop, "authority": world.coop, "by": who}
    with refused("Catalogue_NotTermsAuthority", **fields):
        world.publish(GTIN_EGGS, eggs(world), by=who)
    with refused("Catalogue_NotTermsAuthority", **fields):
        world.act(
            who, world.catalogue, "setTermsAuthority", world.coop.address, world.outsider.address
        )


def test_a_suspended_cooperative_and_a_zero_authority_are_refused(world: World) -> None:
    with refused("Catalogue_ZeroAuthority"):
        world.act(world.coop, world.catalogue, "setTermsAuthority", world.coop.address, ZERO)
    world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    with refused("Actors_Suspended", actor=world.coop):
        world.publish(GTIN_EGGS, eggs(world))


def test_a_ballot_of_the_members_decides_once_it_has_the_authority(world: World) -> None:
    voters = [farmer.address for farmer in world.farmers[:3]]
    ballot = world.create("Ballot", world.catalogue.address, voters)
    receipt = world.act(
        world.coop,
        world.catalogue,
        "setTermsAuthority",
        world.coop.address,
        ballot.address,
    )
    (event,) = world.catalogue.events(receipt.logs)
    assert event.name == "TermsAuthorityChanged"
    assert world.ask(world.catalogue, "termsAuthorityOf", world.coop.address) == ballot.address
    with refused("Catalogue_NotTermsAuthority", authority=ballot, by=world.coop):
        world.publish(GTIN_EGGS, eggs(world))
    with refused("Catalogue_NotTermsAuthority", authority=ballot, by=world.coop):
        world.act(
            world.coop,
            world.catalogue,
            "setTermsAuthority",
            world.coop.address,
            world.coop.address,
        )
    choice = world.terms(6_000, 2_000, 2_000, floor=130)
    before = world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"]
    world.act(world.farmers[0], ballot, "vote", GTIN_EGGS, choice.tuple())
    assert world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"] == before
    world.act(world.farmers[1], ballot, "vote", GTIN_EGGS, choice.tuple())
    number = world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"]
    assert number > before
    assert tuple(world.ask(world.catalogue, "termsOf", number)[0].values()) == choice.tuple()


def test_the_world_has_the_products_that_the_tests_speak_of(founded: World) -> None:
    for gtin, coop in (
        (GTIN_EGGS, founded.coop),
        (GTIN_TEA, founded.coop),
        (GTIN_BOX, founded.coop),
        (GTIN_OTHER, founded.coop2),
    ):
        product = founded.ask(founded.catalogue, "productOf", gtin)
        assert product["cooperative"] == coop.address
        assert product["inForce"] != 0
