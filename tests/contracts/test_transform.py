"""Merging, splitting, grading, processing: `IBatches.transform`, requirement by requirement."""

import pytest
from tests.world import (
    EGG_MILLIGRAMS,
    GTIN_BOX,
    GTIN_EGGS,
    GTIN_OTHER,
    GTIN_TEA,
    KILOGRAM,
    Batch,
    Role,
    World,
    gtin14,
    refused,
)

from yuanliu import members, records

pytestmark = pytest.mark.node

REGISTERED, DERIVED = 1, 8


def transform(
    world: World, inputs: list[tuple[int, int]], outputs: list[tuple[object, ...]], loss: int = 0
) -> None:
    world.act(world.coop, world.batches, "transform", inputs, outputs, loss)


def ascending(*batches: Batch) -> list[Batch]:
    return sorted(batches, key=lambda batch: batch.id)


def test_inputs_are_burnt_and_the_output_is_made_of_their_pools(world: World) -> None:
    eggs = world.harvest(*((farmer, 600) for farmer in world.farmers))
    tea = world.harvest((world.farmer, 2_000), gtin=GTIN_TEA, unit=KILOGRAM, price=12_000)
    box = world.transform([(eggs, 50), (tea, 1)])
    assert world.held(eggs, world.coop) == 10
    assert world.held(tea, world.coop) == 1
    assert box.units == 8
    assert world.held(box, world.coop) == 8
    state = world.state(box)
    assert state["flags"] == REGISTERED | DERIVED
    assert int(state["farmer"], 16) == 0
    assert state["totalWeight"] == 4_000_000 == box.total_weight
    assert state["cooperative"] == world.coop.address
    assert state["chunks"] == 1
    weight, root = world.ask(world.batches, "poolOf", box.id, 0)
    assert weight == 4_000_000
    assert root == members.root(world._leaves(box, 0))
    assert list(world.ask(world.batches, "parentsOf", box.id)) == [
        parent for parent, _ in box.chunks[0]
    ]


def test_the_records_tell_of_both_sides(world: World) -> None:
    a, b = ascending(world.harvest(), world.harvest((world.farmers[1], 6_000)))
    box = world.transform([(a, 30), (b, 20)])
    derived = records.decode(world.records(box)[-1]).body
    assert isinstance(derived, records.Derived)
    assert [(p.batch, p.milligrams) for p in derived.parents] == [
        (a.id.to_bytes(32), 30 * EGG_MILLIGRAMS),
        (b.id.to_bytes(32), 20 * EGG_MILLIGRAMS),
    ]
    for batch, units in ((a, 30), (b, 20)):
        consumed = records.decode(world.records(batch)[-1]).body
        assert consumed == records.Consumed(derived.transformation, units)
    chunks = members.chunks_of(records.decode(r) for r in world.records(box))
    assert [(m.member, m.weight) for m in chunks[0]] == [
        (parent.to_bytes(32), weight) for parent, weight in box.chunks[0]
    ]


def test_one_batch_is_split_and_graded_into_several(world: World) -> None:
    batch = world.harvest(*((farmer, 1_000) for farmer in world.farmers))
    outputs = [
        world.output(60, gtin=GTIN_EGGS, unit=EGG_MILLIGRAMS, price=330),
        world.output(30, gtin=GTIN_EGGS, unit=EGG_MILLIGRAMS, price=280),
        world.output(1, unit=400_000),
    ]
    transform(world, [(batch.id, 100)], outputs, loss=200_000)
    for gtin, lot_, units, _, price, _ in outputs:
        assert isinstance(gtin, int)
        assert isinstance(lot_, bytes)
        output = world.batch_id(gtin, lot_)
        assert world.held(output, world.coop) == units
        assert world.state(output)["price"] == price
        assert world.state(output)["totalWeight"] == 100 * EGG_MILLIGRAMS
        assert list(world.ask(world.batches, "parentsOf", output)) == [batch.id]


@pytest.mark.parametrize(
    ("units", "unit", "loss"),
    [(1, 3_000_000, 1), (1, 2_999_999, 0), (1, 3_000_001, 0), (0x2, 1_500_000, 2**64 - 1)],
)
def test_outputs_plus_loss_are_the_inputs_in_milligrams(
    world: World, units: int, unit: int, loss: int
) -> None:
    batch = world.harvest()
    with refused("Batches_MassDiffers", inputs=3_000_000, outputsAndLoss=units * unit + loss):
        transform(world, [(batch.id, 50)], [world.output(units, unit=unit)], loss)
    transform(world, [(batch.id, 50)], [world.output(1, unit=3_000_000)])


def test_units_that_overflow_the_mass_are_refused(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_MassDiffers"):
        transform(world, [(batch.id, 50)], [world.output(2**64 - 1, unit=2**32 - 1)], 2**64 - 1)
    with refused("Batches_MassDiffers"):
        transform(world, [(batch.id, 2**64 - 1)], [world.output(1)])


def test_nothing_comes_of_nothing(world: World) -> None:
    batch = world.harvest()
    for inputs, outputs in (
        ([], [world.output(1)]),
        ([(batch.id, 1)], []),
        ([(i + 1, 1) for i in range(257)], [world.output(1)]),
        ([(batch.id, 1)], [world.output(1)] * 257),
    ):
        with refused("Batches_CountInvalid", maximum=256):
            transform(world, inputs, outputs)
    with refused("Batches_NoUnits"):
        transform(world, [(batch.id, 0)], [world.output(1)])
    with refused("Batches_NoUnits"):
        transform(world, [(batch.id, 1)], [world.output(0, unit=60_000)], 60_000)
    with refused("Batches_NoUnits"):
        transform(world, [(batch.id, 1)], [world.output(1, unit=0)], 60_000)


def test_inputs_ascend_each_once(world: World) -> None:
    a, b = ascending(world.harvest(), world.harvest())
    with refused("Batches_InputsUnsorted", batch=a):
        transform(world, [(b.id, 1), (a.id, 1)], [world.output(1, unit=120_000)])
    with refused("Batches_InputsUnsorted", batch=a):
        transform(world, [(a.id, 1), (a.id, 1)], [world.output(1, unit=120_000)])
    transform(world, [(a.id, 1), (b.id, 1)], [world.output(1, unit=120_000)])


def test_inputs_are_registered_and_held_by_the_caller(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_Unknown", batch=5):
        transform(world, [(5, 1)], [world.output(1)])
    with refused("Batches_NotEnoughUnits", holder=world.coop, held=100, needed=101):
        transform(world, [(batch.id, 101)], [world.output(1)])
    with refused("Batches_NotEnoughUnits", holder=world.coop2, held=0, needed=1):
        world.transform([(batch, 1)], gtin=GTIN_OTHER, unit=60_000, price=3_000, by=world.coop2)


def test_a_cooperative_processes_what_another_handed_over(world: World) -> None:
    batch = world.harvest(*((farmer, 1_000) for farmer in world.farmers))
    world.hand_over(world.coop, batch, world.coop2, 50)
    made = world.transform(
        [(batch, 50)], gtin=GTIN_OTHER, unit=KILOGRAM, price=3_000, by=world.coop2
    )
    assert world.state(made)["cooperative"] == world.coop2.address
    assert made.units == 3


def test_outputs_are_new_lots_of_the_callers_products_with_terms(world: World) -> None:
    batch = world.harvest()
    bare = gtin14(690_000_000_000)
    for gtin in (GTIN_OTHER, bare):
        with refused("Batches_NotMyProduct", cooperative=world.coop, gtin=gtin):
            transform(world, [(batch.id, 1)], [world.output(1, gtin=gtin, unit=60_000)])
    world.act(world.platform, world.catalogue, "listProduct", bare, world.coop.address, b"KGM")
    with refused("Batches_NotMyProduct", cooperative=world.coop, gtin=bare):
        transform(world, [(batch.id, 1)], [world.output(1, gtin=bare, unit=60_000)])
    lot_ = world.new_lot()
    twice = [world.output(1, unit=30_000, lot_=lot_)] * 2
    with refused("Batches_AlreadyRegistered", batch=world.batch_id(GTIN_BOX, lot_)):
        transform(world, [(batch.id, 1)], twice)
    with refused("Batches_LotInvalid"):
        transform(
            world, [(batch.id, 1)], [world.output(1, unit=60_000, lot_=b"A B".ljust(20, b"\0"))]
        )
    collecting = world.new_lot()
    receipts = world.book((world.farmer, 60))
    world.act(world.coop, world.batches, "collect", GTIN_EGGS, collecting, receipts)
    with refused("Batches_AlreadyRegistered", batch=world.batch_id(GTIN_EGGS, collecting)):
        output = world.output(1, gtin=GTIN_EGGS, unit=60_000, lot_=collecting)
        transform(world, [(batch.id, 1)], [output])


def test_an_outputs_price_is_at_least_its_own_floor(world: World) -> None:
    batch = world.harvest()
    output = world.output(1, gtin=GTIN_EGGS, unit=60_000, price=119)
    with refused("Batches_PriceBelowFloor", price=119, floorPerUnit=120):
        transform(world, [(batch.id, 1)], [output])


def test_batches_paid_in_different_tokens_do_not_become_one(world: World) -> None:
    token = world.create("TestToken", 6)
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    foreign = world.list_product(world.terms(5_000, 3_000, 2_000, token=token))
    a = world.harvest()
    b = world.harvest((world.farmer, 6_000), gtin=foreign, unit=KILOGRAM)
    with refused("Batches_TokensDiffer"):
        world.transform([(a, 50), (b, 3)])
    with refused("Batches_TokensDiffer", token=world.yuan, other=token):
        world.transform([(a, 50)], gtin=foreign)
    with refused("Batches_TokensDiffer", token=token, other=world.yuan):
        world.transform([(b, 3)], gtin=GTIN_BOX)
    world.transform([(b, 3)], gtin=foreign)


def test_one_farmers_goods_stay_his_and_two_farmers_make_a_pool(world: World) -> None:
    a, b = world.harvest(), world.harvest()
    other = world.harvest((world.farmers[1], 6_000))
    pooled = world.harvest((world.farmer, 3_000), (world.farmers[1], 3_000))
    own = world.transform([(a, 10), (b, 10)])
    assert world.state(own)["farmer"] == world.farmer.address
    assert world.state(own)["chunks"] == 0
    assert world.state(world.transform([(own, 1)], unit=100_000))["farmer"] == world.farmer.address
    for inputs in (
        [(a, 10), (other, 10)],
        [(a, 10), (pooled, 10)],
        [(pooled, 10)],
        [(a, 10), (b, 10), (other, 10), (pooled, 10)],
        [(own, 1), (other, 10)],
    ):
        made = world.transform(inputs, unit=100_000)
        assert int(world.state(made)["farmer"], 16) == 0
        assert world.state(made)["chunks"] == 1


@pytest.mark.parametrize("stop", ["inspect", "recall"])
def test_nothing_is_made_of_held_or_recalled_goods(world: World, stop: str) -> None:
    a, b = world.harvest(), world.harvest()
    if stop == "inspect":
        world.inspect(b, False)
    else:
        world.act(world.coop, world.batches, "recall", b.id, "x")
    with refused("Batches_Held" if stop == "inspect" else "Batches_Recalled", batch=b):
        world.transform([(a, 10), (b, 10)])


def test_a_batch_of_256_parents_fits_one_transaction(world: World) -> None:
    parents = [world.harvest((world.farmers[i % 6], 60)) for i in range(256)]
    ordered = ascending(*parents)
    lot_ = world.new_lot()
    receipt = world.act(
        world.coop,
        world.batches,
        "transform",
        [(batch.id, 1) for batch in ordered],
        [world.output(30, lot_=lot_)],
        360_000,
    )
    assert receipt.gas < 16_777_216
    assert world.held(world.batch_id(GTIN_BOX, lot_), world.coop) == 30


def test_a_clerk_transforms_for_the_cooperative(world: World) -> None:
    batch = world.harvest()
    lot_ = world.new_lot()
    world.act(
        world.clerk,
        world.batches,
        "transform",
        [(batch.id, 50)],
        [world.output(6, lot_=lot_)],
        0,
    )
    made = world.batch_id(GTIN_BOX, lot_)
    assert world.held(made, world.coop) == 6
    with refused("Actors_RoleMissing", needed=Role.COOPERATIVE):
        world.transform([(batch, 1)], by=world.farmer)


def test_the_floor_that_farmers_delivered_under_follows_the_goods(world: World) -> None:
    cheap = world.list_product(world.terms(5_000, 3_000, 2_000, floor=1_999))
    batch = world.harvest()
    with refused("Batches_FloorLost", inputs=6_000, outputs=5_997):
        world.transform([(batch, 50)], gtin=cheap, unit=1_000_000)
    with refused("Batches_FloorLost", inputs=12_000, outputs=7_996):
        transform(
            world,
            [(batch.id, 100)],
            [
                world.output(2, gtin=cheap, unit=1_000_000),
                world.output(2, gtin=cheap, unit=1_000_000),
            ],
            2_000_000,
        )
    dear = world.list_product(world.terms(5_000, 3_000, 2_000, floor=2_000))
    world.transform([(batch, 50)], gtin=dear, unit=1_000_000)


def test_the_farmers_part_of_the_margin_follows_the_goods(world: World) -> None:
    lean = world.list_product(world.terms(3_333, 3_667, 3_000, floor=10_000))
    eggs = world.harvest()
    with refused("Batches_FarmerShareLost", input=3_334, output=3_333):
        world.transform([(eggs, 50)], gtin=lean, price=10_000)
    tea = world.harvest((world.farmer, 2_000), gtin=GTIN_TEA, unit=KILOGRAM, price=12_000)
    with refused("Batches_FarmerShareLost", input=4_000, output=3_333):
        world.transform([(eggs, 50), (tea, 1)], gtin=lean, price=10_000)
    even = world.list_product(world.terms(3_334, 3_666, 3_000, floor=10_000))
    world.transform([(eggs, 50)], gtin=even, price=10_000)
