"""Hold, release, recall: the safety part of `contracts/interfaces/IBatches.sol`."""

import pytest
from tests.world import GTIN_BOX, PAYLOAD, Batch, Role, World, refused

from yuanliu import records

pytestmark = pytest.mark.node

HELD, RECALLED = 2, 4
MAX_GENERATIONS = 32


def flags(world: World, batch: Batch) -> int:
    return int(world.state(batch)["flags"])


def recall(world: World, batch: Batch, by: str = "coop") -> None:
    world.act(getattr(world, by), world.batches, "recall", batch.id, "检出沙门氏菌")


def lift(world: World, batch: Batch, by: str = "coop") -> None:
    world.act(getattr(world, by), world.batches, "liftRecall", batch.id, "误报")


def recalled_by(world: World, batch: Batch) -> str:
    return str(world.ask(world.batches, "recalledBy", batch.id))


def clear(world: World, batch: Batch) -> bool:
    call = world.simulate(world.outsider, world.batches, "refresh", batch.id)
    return bool(int.from_bytes(call))


def descend(world: World, batch: Batch, generations: int) -> list[Batch]:
    """Make batch after batch, each of one piece of the one before; give them all, the first included."""
    line = [batch]
    for _ in range(generations):
        line.append(world.transform([(line[-1], line[-1].units)], unit=500_000))
    return line


# ------------------------------------------------------------------ hold and release


def test_a_failed_inspection_stops_the_sale_until_a_passed_one(world: World) -> None:
    batch = world.harvest()
    world.inspect(batch, False)
    assert flags(world, batch) & HELD
    body = records.decode(world.records(batch)[-1]).body
    assert body == records.Inspection(conformant=False, payload=PAYLOAD)
    with refused("Batches_Held", batch=batch):
        world.pay(batch)
    with refused("Batches_Held", batch=batch):
        world.transform([(batch, 10)], unit=60_000)
    with refused("Batches_Held", batch=batch):
        world.offer(world.coop, batch, world.retailer, 1)
    world.inspect(batch, False)
    world.inspect(batch, True)
    assert not flags(world, batch) & HELD
    world.pay(batch)


def test_a_regulator_releases_a_held_batch_with_a_reason(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_NotHeld", batch=batch):
        world.act(world.regulator, world.batches, "release", batch.id, "x")
    world.inspect(batch, False)
    for size in (0, 513):
        with refused("Batches_ReasonInvalid", length=size):
            world.act(world.regulator, world.batches, "release", batch.id, "x" * size)
    world.act(world.regulator, world.batches, "release", batch.id, "复检合格")
    assert records.decode(world.records(batch)[-1]).body == records.Released("复检合格".encode())
    world.pay(batch)


@pytest.mark.parametrize(
    "by", ["platform", "coop", "clerk", "coop2", "farmer", "inspector", "retailer", "outsider"]
)
def test_nobody_else_releases(world: World, by: str) -> None:
    batch = world.harvest()
    world.inspect(batch, False)
    with refused("Actors_RoleMissing", needed=Role.REGULATOR):
        world.act(getattr(world, by), world.batches, "release", batch.id, "x")


def test_the_safety_of_an_unknown_batch_cannot_be_changed(world: World) -> None:
    for function in ("release", "recall", "liftRecall"):
        with refused("Batches_Unknown", batch=1):
            world.act(world.regulator, world.batches, function, 1, "x")
    with refused("Batches_Unknown", batch=1):
        world.act(world.outsider, world.batches, "refresh", 1)


# ------------------------------------------------------------------ recall


@pytest.mark.parametrize("by", ["coop", "clerk", "regulator"])
def test_its_cooperative_or_a_regulator_recalls_a_batch_and_lifts_it(world: World, by: str) -> None:
    batch = world.harvest()
    recall(world, batch, by)
    who = world.regulator if by == "regulator" else world.coop
    assert flags(world, batch) & RECALLED
    assert recalled_by(world, batch) == who.address
    record = records.decode(world.records(batch)[-1])
    assert record.body == records.Recalled("检出沙门氏菌".encode())
    assert record.signer == getattr(world, by).address
    assert not clear(world, batch)
    with refused("Batches_Recalled", batch=batch):
        world.pay(batch)
    with refused("Batches_Recalled", batch=batch):
        world.transform([(batch, 10)], unit=60_000)
    with refused("Batches_Recalled", batch=batch):
        world.offer(world.coop, batch, world.retailer, 1)
    lift(world, batch, by)
    assert not flags(world, batch) & RECALLED
    assert int(recalled_by(world, batch), 16) == 0
    assert clear(world, batch)
    world.pay(batch)


@pytest.mark.parametrize(
    "by", ["platform", "farmer", "inspector", "carrier", "retailer", "outsider"]
)
def test_others_neither_recall_nor_lift(world: World, by: str) -> None:
    batch = world.harvest()
    with refused("Actors_RoleMissing"):
        recall(world, batch, by)
    recall(world, batch)
    with refused("Actors_RoleMissing"):
        lift(world, batch, by)


def test_another_cooperative_neither_recalls_nor_lifts(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_RecallNotAllowed", batch=batch, by=world.coop2):
        recall(world, batch, "coop2")
    recall(world, batch)
    with refused("Batches_RecallNotAllowed", batch=batch, by=world.coop2):
        lift(world, batch, "coop2")


def test_a_recall_has_a_reason_is_made_once_and_lifted_once(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_RecallUnchanged", batch=batch):
        lift(world, batch)
    for size in (0, 513):
        with refused("Batches_ReasonInvalid", length=size):
            world.act(world.coop, world.batches, "recall", batch.id, "x" * size)
    recall(world, batch)
    with refused("Batches_RecallUnchanged", batch=batch):
        recall(world, batch)
    for size in (0, 513):
        with refused("Batches_ReasonInvalid", length=size):
            world.act(world.coop, world.batches, "liftRecall", batch.id, "x" * size)
    lift(world, batch)
    with refused("Batches_RecallUnchanged", batch=batch):
        lift(world, batch)


def test_a_regulator_takes_over_a_cooperatives_recall_and_then_it_alone_lifts(
    world: World,
) -> None:
    batch = world.harvest()
    recall(world, batch)
    recall(world, batch, "regulator")
    assert recalled_by(world, batch) == world.regulator.address
    with refused("Batches_RecallNotAllowed", by=world.coop):
        lift(world, batch)
    with refused("Batches_RecallUnchanged"):
        recall(world, batch)
    with refused("Batches_RecallUnchanged"):
        recall(world, batch, "regulator")
    lift(world, batch, "regulator")
    world.pay(batch)


def test_a_regulator_lifts_a_cooperatives_recall(world: World) -> None:
    batch = world.harvest()
    recall(world, batch)
    lift(world, batch, "regulator")
    world.pay(batch)


# ------------------------------------------------------------------ descendants


def test_a_recall_reaches_all_descendants_at_once_and_lifting_frees_them(world: World) -> None:
    parent = world.harvest(*((farmer, 5_000) for farmer in world.farmers))
    other = world.harvest((world.farmer, 5_000))
    child = world.transform([(parent, 100), (other, 10)])
    grandchild = world.transform([(child, 8)])
    sibling = world.transform([(parent, 100)])
    for batch in (child, grandchild, sibling):
        assert clear(world, batch)
    before = [world.records(b) for b in (child, grandchild, sibling)]
    recall(world, parent)
    for batch in (parent, child, grandchild, sibling):
        assert not clear(world, batch)
        with refused("Batches_Recalled", batch=batch):
            world.pay(batch)
        with refused("Batches_Recalled", batch=batch):
            world.offer(world.coop, batch, world.retailer, 1)
        with refused("Batches_Recalled", batch=batch):
            world.transform([(batch, 1)], unit=60_000)
    assert clear(world, other)
    world.pay(other)
    assert [world.records(b) for b in (child, grandchild, sibling)] == before
    lift(world, parent)
    for batch in (parent, child, grandchild, sibling):
        assert clear(world, batch)
        world.pay(batch)


def test_a_recalled_child_stops_neither_its_parents_nor_its_siblings(world: World) -> None:
    parent = world.harvest((world.farmer, 30_000))
    child, sibling = world.transform([(parent, 50)]), world.transform([(parent, 50)])
    recall(world, child)
    for batch in (parent, sibling):
        world.pay(batch)
    with refused("Batches_Recalled", batch=child):
        world.pay(child)


def test_two_recalled_parents_must_both_be_lifted(world: World) -> None:
    a, b = world.harvest((world.farmer, 9_000)), world.harvest((world.farmers[1], 9_000))
    child = world.transform([(a, 50), (b, 50)])
    recall(world, a)
    recall(world, b, "regulator")
    lift(world, a)
    with refused("Batches_Recalled", batch=child):
        world.pay(child)
    lift(world, b, "regulator")
    world.pay(child)


def test_a_held_parent_does_not_stop_what_was_made_of_it_before(world: World) -> None:
    parent = world.harvest((world.farmer, 9_000))
    child = world.transform([(parent, 50)])
    world.inspect(parent, False)
    world.pay(child)
    with refused("Batches_Held", batch=parent):
        world.pay(parent)


def test_the_answer_is_remembered_until_the_next_recall_anywhere(world: World) -> None:
    line = descend(world, world.harvest((world.farmer, 30_000)), 10)
    world.pay(line[-1])
    recall(world, world.harvest())
    first = world.pay(line[-1]).gas
    second = world.pay(line[-1]).gas
    # Measured: 10 generations walked, of one parent each, cost some 150,000 gas; remembered, nothing.
    assert 80_000 < first - second < 250_000
    assert abs(world.pay(line[-1]).gas - second) < 200


def test_lineage_of_more_than_32_generations_is_refreshed_from_above(world: World) -> None:
    line = descend(world, world.harvest((world.farmer, 30_000)), MAX_GENERATIONS + 3)
    youngest = line[-1]
    world.pay(youngest)
    recall(world, world.harvest())
    with refused("Batches_LineageStale"):
        world.pay(youngest)
    with refused("Batches_LineageStale"):
        world.act(world.outsider, world.batches, "refresh", youngest.id)
    middle = line[MAX_GENERATIONS]
    assert world.act(world.outsider, world.batches, "refresh", middle.id).gas < 1_500_000
    world.pay(youngest)


def test_a_recall_far_above_reaches_down_once_the_middle_was_refreshed(world: World) -> None:
    line = descend(world, world.harvest((world.farmer, 30_000)), MAX_GENERATIONS + 3)
    recall(world, line[0])
    with refused("Batches_LineageStale"):
        world.pay(line[-1])
    world.act(world.outsider, world.batches, "refresh", line[20].id)
    assert not clear(world, line[20])
    with refused("Batches_LineageStale"):
        world.pay(line[-1])  # never sold: it cannot be told clear
    lift(world, line[0])
    world.act(world.outsider, world.batches, "refresh", line[20].id)
    world.pay(line[-1])


def test_a_lineage_that_meets_again_and_again_is_walked_once(world: World) -> None:
    """Ten generations of two batches, each made of both above: 2 to the 10th paths, 20 batches."""
    goods = world.harvest((world.farmer, 60_000))
    pair = [world.transform([(goods, 250)]), world.transform([(goods, 250)])]
    for _ in range(10):
        halves = [(batch, batch.units // 2) for batch in pair]
        pair = [world.transform(halves), world.transform(halves)]
    recall(world, world.harvest())
    assert world.act(world.outsider, world.batches, "refresh", pair[0].id).gas < 1_500_000
    assert clear(world, pair[0])
    recall(world, goods)
    assert not clear(world, pair[0])


def test_the_product_of_the_box_is_the_one_that_the_lineage_tests_made(founded: World) -> None:
    assert founded.ask(founded.catalogue, "productOf", GTIN_BOX)["unit"] == b"H87"
