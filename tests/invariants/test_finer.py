"""What the machine is too coarse to see: found by changing the code line by line (`scripts/mutate`)."""

import pytest
from tests.world import KILOGRAM, World, refused


@pytest.mark.node
def test_a_single_unit_of_fee_is_seen_also_where_a_share_is_zero(world: World) -> None:
    token = world.create("FeeToken")
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    gtin = world.list_product(world.terms(7_000, 3_000, 0, token=token))
    batch = world.harvest(
        (world.farmers[0], 1_000), (world.farmers[1], 1_000), gtin=gtin, unit=KILOGRAM, price=10_000
    )
    world.fund(world.buyer, token=token)
    world.act(world.issuer, token, "setFee", 1)
    with refused("Payments_TokenMovedOtherwise", expected=7_000, found=6_999):
        world.pay(batch)
    world.act(world.issuer, token, "setFee", 0)
    world.pay(batch)
    world.check_money(token=token)
