"""Goods of several farmers, for lies about what each of them gets."""

from tests.world import Batch, World


def pool(world: World) -> Batch:
    """Give a batch of three farmers, in shares of 1 : 2 : 7, of which ten pieces were sold."""
    batch = world.harvest(
        (world.farmers[0], 600), (world.farmers[1], 1_200), (world.farmers[2], 4_200)
    )
    world.pay(batch, 10)
    return batch
