"""New contracts beside old ones: what was begun on the old is finished there, to the last claim."""

import pytest
from tests.world import World

from yuanliu import verify

pytestmark = pytest.mark.node


@pytest.mark.own_chain
def test_an_open_batch_is_sold_and_paid_on_the_old_contracts_while_new_ones_are_in_use(
    world: World,
) -> None:
    members = [(each, 6_000) for each in world.farmers[:3]]
    open_batch = world.harvest(*members)
    world.fund(world.buyer)
    world.pay(open_batch, 10)

    new = World(world.devnet)  # the same people, deployed anew on the same chain
    assert new.batches.address != world.batches.address
    new.fund(new.buyer)
    again = new.harvest(*members)
    assert again.id == open_batch.id, "the same product, and even the same lot's number, can be had"
    new.pay(again, 5)
    world.pay(open_batch, open_batch.units - 10)  # the rest, on the old ones
    for index in range(2):
        world.claim(world.step(open_batch, index))
    world.settle(open_batch)
    assert world.held(open_batch, world.coop) == 0
    for each, batch, records in ((world, open_batch, 3), (new, again, 2)):
        each.check_money()
        found = verify.verify(each.node, each.deployment, batch.id.to_bytes(32))
        assert found.verdict.matches
        assert len(found.history.records) == records
