"""Offers and who has the units: the custody part of `contracts/interfaces/IBatches.sol`."""

from typing import Any

import pytest
from tests.world import ZERO, Role, World, person, refused

from yuanliu import records

pytestmark = pytest.mark.node


def offer_of(world: World, batch: int, number: int) -> dict[str, Any]:
    found: dict[str, Any] = world.ask(world.batches, "offerOf", batch, number)
    return found


def body(world: World, batch: int) -> records.Body:
    return records.decode(world.records(batch)[-1]).body


# ------------------------------------------------------------------ offer and answer


def test_offered_units_are_set_aside_and_the_receiver_takes_them(world: World) -> None:
    batch = world.harvest()
    number = world.offer(world.clerk, batch, world.retailer, 30)
    assert number == 1
    assert body(world, batch.id) == records.Offered(1, world.retailer.address, 30)
    assert offer_of(world, batch.id, 1) == {
        "from": world.coop.address,
        "units": 30,
        "to": world.retailer.address,
    }
    assert world.held(batch, world.coop) == 70
    assert world.held(batch, world.batches) == 30
    assert world.held(batch, world.retailer) == 0
    world.act(world.retailer, world.batches, "accept", batch.id, 1)
    assert body(world, batch.id) == records.Accepted(1)
    assert world.held(batch, world.retailer) == 30
    assert world.held(batch, world.batches) == 0
    assert offer_of(world, batch.id, 1)["units"] == 0


def test_refused_units_go_back_to_the_sender_with_a_reason(world: World) -> None:
    batch = world.harvest()
    world.offer(world.coop, batch, world.retailer, 30)
    for size in (0, 513):
        with refused("Batches_ReasonInvalid", length=size):
            world.act(world.retailer, world.batches, "refuse", batch.id, 1, "x" * size)
    world.act(world.retailer, world.batches, "refuse", batch.id, 1, "温度过高")
    assert body(world, batch.id) == records.Refused(1, "温度过高".encode())
    assert world.held(batch, world.coop) == 100


def test_the_sender_takes_an_offer_back(world: World) -> None:
    batch = world.harvest()
    world.offer(world.coop, batch, world.retailer, 30)
    world.act(world.coop, world.batches, "withdraw", batch.id, 1)
    assert body(world, batch.id) == records.Withdrawn(1)
    assert world.held(batch, world.coop) == 100


def test_anybody_with_units_hands_them_on_without_a_role(world: World) -> None:
    batch = world.harvest()
    world.pay(batch, 10)
    world.hand_over(world.buyer, batch, world.outsider, 10)
    world.hand_over(world.outsider, batch, world.coop, 4)
    assert world.held(batch, world.outsider) == 6
    assert world.held(batch, world.coop) == 94


@pytest.mark.parametrize("answer", ["accept", "refuse", "withdraw"])
def test_an_offer_is_answered_once_and_by_the_right_side_only(world: World, answer: str) -> None:
    batch = world.harvest().id
    reason = ("x",) if answer == "refuse" else ()
    world.offer(world.coop, batch, world.retailer, 30)
    right = world.coop if answer == "withdraw" else world.retailer
    wrong = [world.coop, world.retailer, world.buyer, world.platform, world.regulator]
    wrong.remove(right)
    for by in wrong:
        with refused("Batches_OfferNotOpen", batch=batch, offer=1, by=by):
            world.act(by, world.batches, answer, batch, 1, *reason)
    for number in (0, 2, 2**32 - 1):
        with refused("Batches_OfferNotOpen", batch=batch, offer=number):
            world.act(right, world.batches, answer, batch, number, *reason)
    world.act(right, world.batches, answer, batch, 1, *reason)
    for by, again, more in (
        (world.retailer, "accept", ()),
        (world.retailer, "refuse", ("x",)),
        (world.coop, "withdraw", ()),
    ):
        with refused("Batches_OfferNotOpen", batch=batch, offer=1):
            world.act(by, world.batches, again, batch, 1, *more)


def test_what_is_offered_is_held_and_more_than_nothing(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_NoUnits"):
        world.offer(world.coop, batch, world.retailer, 0)
    for by, held, needed in ((world.coop, 100, 101), (world.retailer, 0, 1)):
        with refused("Batches_NotEnoughUnits", batch=batch, holder=by, held=held, needed=needed):
            world.offer(by, batch, world.buyer, needed)


def test_nothing_is_offered_to_nobody_to_oneself_or_to_the_contract(world: World) -> None:
    batch = world.harvest()
    for to in (ZERO, world.coop, world.batches):
        with refused("Batches_ReceiverInvalid", receiver=to):
            world.act(
                world.coop,
                world.batches,
                "offer",
                batch.id,
                to if isinstance(to, str) else to.address,
                1,
            )
    with refused("Batches_ReceiverInvalid", receiver=world.coop):
        world.offer(world.clerk, batch, world.coop, 1)


@pytest.mark.parametrize("function", ["offer", "accept"])
def test_an_unknown_batch_is_neither_offered_nor_accepted(world: World, function: str) -> None:
    arguments = (world.buyer.address, 1) if function == "offer" else (1,)
    with refused("Batches_Unknown", batch=7):
        world.act(world.coop, world.batches, function, 7, *arguments)


def test_a_suspended_actor_moves_nothing_and_after_reinstatement_everything(
    world: World,
) -> None:
    batch = world.harvest()
    world.offer(world.coop, batch, world.retailer, 30)
    world.act(world.regulator, world.actors, "suspend", world.retailer.address, "x")
    for function, more in (("accept", ()), ("refuse", ("x",)), ("withdraw", ())):
        with refused("Actors_Suspended", actor=world.retailer):
            world.act(world.retailer, world.batches, function, batch.id, 1, *more)
    world.act(world.regulator, world.actors, "reinstate", world.retailer.address, "x")
    world.act(world.retailer, world.batches, "accept", batch.id, 1)


def test_units_are_the_actors_whatever_key_it_has(world: World) -> None:
    batch = world.harvest()
    world.hand_over(world.coop, batch, world.retailer, 5)
    new_key = person("a new key of the shop")
    world.act(world.retailer, world.actors, "rotateKey", new_key.address)
    world.hand_over(new_key, batch, world.buyer, 5)
    assert world.held(batch, world.buyer) == 5


# ------------------------------------------------------------------ nothing sold while offered


def test_nothing_offered_can_be_sold_offered_again_or_used(world: World) -> None:
    batch = world.harvest()
    world.offer(world.coop, batch, world.retailer, 95)
    with refused("Batches_NotEnoughUnits", holder=world.coop, held=5, needed=6):
        world.pay(batch, 6)
    with refused("Batches_NotEnoughUnits", holder=world.coop, held=5, needed=6):
        world.offer(world.coop, batch, world.buyer, 6)
    with refused("Batches_NotEnoughUnits", holder=world.coop, held=5, needed=6):
        world.transform([(batch, 6)], unit=60_000)
    world.pay(batch, 5)


def test_units_sold_or_handed_on_are_no_longer_the_cooperatives_to_sell(world: World) -> None:
    batch = world.harvest()
    world.hand_over(world.coop, batch, world.retailer, 90)
    with refused("Batches_NotEnoughUnits", held=10, needed=11):
        world.pay(batch, 11)
    world.pay(batch, 10)
    with refused("Batches_NotEnoughUnits", held=0, needed=1):
        world.pay(batch, 1)


# ------------------------------------------------------------------ held and recalled goods


def test_held_or_recalled_goods_go_back_to_their_cooperative_only(world: World) -> None:
    batch = world.harvest()
    world.hand_over(world.coop, batch, world.retailer, 50)
    number = world.offer(world.retailer, batch, world.buyer, 10)
    back = world.offer(world.retailer, batch, world.coop, 10)
    for stop, undo, error in (
        (
            (world.inspector, "inspect", batch.id, False, b"{}"),
            (world.regulator, "release", batch.id, "x"),
            "Batches_Held",
        ),
        (
            (world.coop, "recall", batch.id, "x"),
            (world.coop, "liftRecall", batch.id, "x"),
            "Batches_Recalled",
        ),
    ):
        world.act(stop[0], world.batches, *stop[1:])
        with refused(error, batch=batch):
            world.offer(world.retailer, batch, world.buyer, 1)
        with refused(error, batch=batch):
            world.act(world.buyer, world.batches, "accept", batch.id, number)
        world.hand_over(world.retailer, batch, world.coop, 5)
        world.act(undo[0], world.batches, *undo[1:])
    world.act(world.coop, world.batches, "recall", batch.id, "x")
    world.act(world.coop, world.batches, "accept", batch.id, back)
    world.act(world.buyer, world.batches, "refuse", batch.id, number, "recalled")
    assert world.held(batch, world.retailer) == 30


# ------------------------------------------------------------------ ERC-1155's own doors


def test_the_functions_of_erc_1155_that_move_units_are_closed(world: World) -> None:
    batch = world.harvest()
    coop, buyer = world.coop.address, world.buyer.address
    for function, arguments in (
        ("safeTransferFrom", (coop, buyer, batch.id, 1, b"")),
        ("safeBatchTransferFrom", (coop, buyer, [batch.id], [1], b"")),
        ("setApprovalForAll", (buyer, True)),
    ):
        with refused("Batches_HandOverOnly"):
            world.act(world.coop, world.batches, function, *arguments)
    assert world.ask(world.batches, "isApprovedForAll", coop, buyer) is False
    assert world.ask(world.batches, "uri", batch.id).startswith("https://")
    assert world.ask(world.batches, "supportsInterface", bytes.fromhex("d9b67a26")) is True


def test_erc_1155s_events_add_up_to_the_balances(world: World) -> None:
    batch = world.harvest()
    world.hand_over(world.coop, batch, world.retailer, 50)
    world.pay(batch, 20)
    topic = "0x" + world.batches.topic("TransferSingle").hex()
    balances: dict[str, int] = {}
    for event in world.batches.events(world.node.logs(world.batches.address, [topic], 0)):
        if event.fields["id"] == batch.id:
            for key, sign in (("from", -1), ("to", 1)):
                who = event.fields[key]
                balances[who] = balances.get(who, 0) + sign * event.fields["value"]
    assert balances.pop(ZERO) == -100
    for who, units in balances.items():
        assert world.held(batch, who) == units


def test_units_offered_to_a_key_instead_of_its_actor_come_back(world: World) -> None:
    batch = world.harvest()
    new_key = person("a new key of the shop")
    world.act(world.retailer, world.actors, "rotateKey", new_key.address)
    number = world.offer(world.coop, batch, new_key, 5)
    with refused("Batches_OfferNotOpen", by=world.retailer):
        world.act(new_key, world.batches, "accept", batch.id, number)
    world.act(world.coop, world.batches, "withdraw", batch.id, number)
    assert world.held(batch, world.coop) == 100


def test_a_role_is_no_key_to_anothers_units(world: World) -> None:
    batch = world.harvest()
    for by in (world.platform, world.regulator, world.coop2, world.inspector):
        with refused("Batches_NotEnoughUnits", holder=by, held=0):
            world.offer(by, batch, world.outsider, 1)
    world.enrol(world.platform, world.outsider, Role.COOPERATIVE)
    with refused("Batches_NotEnoughUnits", holder=world.outsider, held=0):
        world.transform([(batch, 1)], by=world.outsider)
