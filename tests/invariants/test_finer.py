"""What the machine is too coarse to see: found by changing the code line by line (`scripts/mutate`)."""

import pytest
from tests.world import KILOGRAM, Batch, Role, World, refused

from yuanliu import members


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


@pytest.mark.node
@pytest.mark.parametrize("size", range(2, 18))
def test_the_root_of_a_pool_is_right_at_each_size(world: World, size: int) -> None:
    batch = world.harvest(*((world.farmers[i % 6], 1_000 + i) for i in range(size)))
    root = members.root(world._leaves(batch, 0))
    assert world.ask(world.batches, "poolOf", batch.id, 0) == (batch.total_weight, root)


@pytest.fixture
def two_units(world: World) -> Batch:
    """A pool of two units for two farmers: the smallest due that there is."""
    gtin = world.list_product(world.terms(7_000, 3_000, 0))
    batch = world.harvest(
        (world.farmers[0], 1_000), (world.farmers[1], 1_000), gtin=gtin, unit=KILOGRAM, price=2
    )
    world.pay(batch)
    return batch


@pytest.mark.node
def test_a_single_unit_is_due_and_paid(world: World, two_units: Batch) -> None:
    world.claim(world.step(two_units, 0))
    assert (world.money(world.farmers[0]), world.due(two_units, 0)) == (1, 0)


@pytest.mark.node
def test_a_claim_answers_the_sum_of_all_its_steps(world: World, two_units: Batch) -> None:
    steps = [world.step(two_units, 0), world.step(two_units, 1)]
    answer = world.simulate(world.outsider, world.payments, "claim", steps)
    assert int.from_bytes(answer) == 2


@pytest.mark.node
def test_a_share_of_nothing_is_not_sent(world: World, two_units: Batch) -> None:
    sent = world.yuan.events(world.pay(two_units).logs, "Transfer")
    assert [event.fields["value"] for event in sent] == [2]


@pytest.mark.node
def test_a_chunk_that_is_not_the_pools_is_named_by_its_first_member(
    world: World, two_units: Batch
) -> None:
    (first, _), (second, weight) = two_units.chunks[0]
    listed = [(second, weight + 1), (first, weight)]
    with refused("Payments_NotMember", batch=two_units, index=0, member=second, weight=weight + 1):
        world.act(world.outsider, world.payments, "settle", two_units.id, 0, listed)


@pytest.mark.node
def test_the_greatest_address_is_a_farmer_and_no_batch(world: World) -> None:
    farmer = f"0x{'ff' * 20}"
    world.enrol(world.coop, farmer, Role.FARMER)
    batch = world.harvest((farmer, 600), (world.farmer, 600))
    world.pay(batch)
    due = world.due(batch, 0)
    world.claim(world.step(batch, 0))
    assert world.money(farmer) == due > 0
