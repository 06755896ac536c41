"""Claiming and settling: the pools of `contracts/interfaces/IPayments.sol`, against exact arithmetic in Python.

After each test the payments' contract must hold exactly what pools and credits are owed.
"""

import random
from collections.abc import Iterator

import pytest
from tests.world import (
    GTIN_TEA,
    KILOGRAM,
    ZERO,
    Batch,
    World,
    person,
    refused,
)

from yuanliu import money

pytestmark = pytest.mark.node

THIRD = person("somebody else")


@pytest.fixture(autouse=True)
def _balanced(world: World) -> Iterator[None]:
    """Check after every test that the contract holds what it owes."""
    yield
    world.check_money()


@pytest.fixture
def pool(world: World) -> Batch:
    """Give 100 eggs of three farmers, in shares of 1 : 2 : 7, of which 10 were sold: 1,801 fen for the farmers."""
    batch = world.harvest(
        (world.farmers[0], 600), (world.farmers[1], 1_200), (world.farmers[2], 4_200)
    )
    world.pay(batch, 10)
    assert world.pool(batch) == (1_801, 0)
    return batch


def owed(world: World, batch: Batch) -> list[int]:
    """Give all that each member is due of what the pool ever received, claimed or not."""
    received, _ = world.pool(batch)
    return [
        money.due(received, weight, batch.total_weight)
        for chunk in batch.chunks
        for _, weight in chunk
    ]


# ------------------------------------------------------------------ claim


def test_a_member_claims_what_is_due_and_anybody_may_send_it(world: World, pool: Batch) -> None:
    dues = owed(world, pool)
    assert dues == [180, 360, 1_260]
    for i, by in ((2, world.outsider), (0, world.farmers[0]), (1, world.coop)):
        assert world.due(pool, i) == dues[i]
        receipt = world.claim(world.step(pool, i), by=by)
        (event,) = world.payments.events(receipt.logs)
        assert event.name == "Claimed"
        assert event.fields == {
            "batch": pool.id,
            "member": int(world.farmers[i].address, 16),
            "index": i,
            "amount": dues[i],
            "to": world.farmers[i].address,
        }
        assert world.money(world.farmers[i]) == dues[i]
        assert world.due(pool, i) == 0
    assert world.pool(pool) == (1_801, 1_800)


def test_nothing_is_claimed_twice_and_new_receipts_can_be(world: World, pool: Batch) -> None:
    step = world.step(pool, 1)
    world.claim(step)
    with refused("Payments_NothingDue"):
        world.claim(step)
    with refused("Payments_NothingDue"):
        world.claim(step, step)
    world.pay(pool, 1)
    world.claim(step)
    assert world.money(world.farmers[1]) == owed(world, pool)[1]


def test_the_same_step_twice_in_one_claim_pays_once(world: World, pool: Batch) -> None:
    step = world.step(pool, 2)
    world.claim(step, step, world.step(pool, 0))
    assert world.money(world.farmers[2]) == 1_260
    assert world.money(world.farmers[0]) == 180


def test_a_pool_without_receipts_has_nothing_due(world: World) -> None:
    batch = world.harvest((world.farmer, 600), (world.farmers[1], 600))
    assert world.due(batch, 0) == 0
    with refused("Payments_NothingDue"):
        world.claim(world.step(batch, 0))
    with refused("Payments_NothingDue"):
        world.settle(batch)


def test_a_relayed_claim_is_as_good(world: World, pool: Batch) -> None:
    world.relayed(world.farmers[2], world.payments, "claim", [world.step(pool, 2)])
    assert world.money(world.farmers[2]) == 1_260


def test_one_farmer_with_several_deliveries_claims_them_together(world: World) -> None:
    batch = world.harvest(
        (world.farmer, 600), (world.farmers[1], 600), (world.farmer, 1_200, 11_000)
    )
    world.pay(batch, 7)
    dues = owed(world, batch)
    world.claim(world.step(batch, 0), world.step(batch, 2))
    assert world.money(world.farmer) == dues[0] + dues[2]


@pytest.mark.parametrize("change", ["index", "member", "weight", "batch", "proof", "short", "long"])
def test_a_forged_membership_is_refused(world: World, pool: Batch, change: str) -> None:
    batch, index, member, weight, proof = world.step(pool, 1)
    assert isinstance(proof, list)
    other = world.harvest((world.farmers[0], 600), (world.farmers[1], 1_200))
    world.pay(other)
    forged = {
        "index": (batch, 2, member, weight, proof),
        "member": (batch, index, int(world.outsider.address, 16), weight, proof),
        "weight": (batch, index, member, 60_000_000, proof),
        "batch": (other.id, index, member, weight, proof),
        "proof": (batch, index, member, weight, [bytes(32), *proof[1:]]),
        "short": (batch, index, member, weight, proof[1:]),
        "long": (batch, index, member, weight, [*proof, bytes(32)]),
    }[change]
    with refused("Payments_NotMember", batch=forged[0], index=forged[1]):
        world.claim(forged)
    with refused("Payments_NotMember"):
        world.ask(world.payments, "dueOf", forged)


def test_an_inner_node_or_a_root_is_no_member(world: World, pool: Batch) -> None:
    _, root = world.ask(world.batches, "poolOf", pool.id, 0)
    for member in (int.from_bytes(root), int(world.farmer.address, 16)):
        with refused("Payments_NotMember"):
            world.claim((pool.id, 0, member, 1, []))
    for index in (256, 2**256 - 1):
        with refused("Payments_NotMember", index=index):
            world.claim((pool.id, index, int(world.farmer.address, 16), 1, []))
    for unknown in (5, world.harvest().id):
        with refused("Payments_NotMember", batch=unknown):
            world.claim((unknown, 0, int(world.farmer.address, 16), 1, []))


def test_a_claim_has_1_to_64_steps(world: World, pool: Batch) -> None:
    step = world.step(pool, 0)
    for count in (0, 65):
        with refused("Payments_LinesInvalid", count=count, maximum=64):
            world.claim(*[step] * count)
        with refused("Payments_LinesInvalid", count=count, maximum=64):
            world.act(world.farmer, world.payments, "claimTo", THIRD.address, [step] * count)
    world.claim(*[step] * 64)


def test_each_pool_is_claimed_in_its_own_token(world: World, pool: Batch) -> None:
    """A claim over pools in two tokens must not pay one token's due in the other."""
    token = world.create("TestToken", 18)
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    world.fund(world.buyer, 10**30, token=token)
    gtin = world.list_product(world.terms(5_000, 3_000, 2_000, token=token))
    cheap = world.harvest(
        (world.farmer, 1_000), (world.farmers[1], 1_000), gtin=gtin, unit=KILOGRAM, price=10**18
    )
    world.pay(cheap, 2)
    before = world.money(world.farmer)
    world.claim(world.step(pool, 0), world.step(cheap, 0))
    assert world.money(world.farmer) - before == 180
    assert world.money(world.farmer, token=token) == 5 * 10**17
    world.check_money(token=token)


# ------------------------------------------------------------------ payout addresses


def test_a_farmer_claims_to_an_address_of_his_choice_for_this_time(
    world: World, pool: Batch
) -> None:
    world.act(world.farmers[2], world.payments, "claimTo", THIRD.address, [world.step(pool, 2)])
    assert world.money(THIRD) == 1_260
    world.pay(pool, 10)
    world.claim(world.step(pool, 2))
    assert world.money(world.farmers[2]) == owed(world, pool)[2] - 1_260


@pytest.mark.parametrize("by", ["farmer", "coop", "platform", "regulator"])
def test_nobody_claims_anothers_money_to_himself(world: World, pool: Batch, by: str) -> None:
    who = getattr(world, by)
    with refused("Payments_NotYours", member=int(world.farmers[2].address, 16), by=who):
        world.act(who, world.payments, "claimTo", who.address, [world.step(pool, 2)])


def test_who_has_no_owner_key_claims_to_nobody(world: World, pool: Batch) -> None:
    for by in (world.outsider, world.clerk):
        with refused("Payments_NotYours", by=by):
            world.act(by, world.payments, "claimTo", by.address, [world.step(pool, 2)])
    with refused("Actors_ZeroAddress"):
        world.act(world.farmers[2], world.payments, "claimTo", ZERO, [world.step(pool, 2)])
    for to in (world.payments, world.payments.address):
        with refused("Payments_TokenFailed", token=world.yuan):
            world.act(
                world.farmers[2],
                world.payments,
                "claimTo",
                to if isinstance(to, str) else to.address,
                [world.step(pool, 2)],
            )


def test_a_path_with_another_farmer_on_it_is_refused_whole(world: World, pool: Batch) -> None:
    steps = [world.step(pool, 2), world.step(pool, 1)]
    with refused("Payments_NotYours", by=world.farmers[2]):
        world.act(world.farmers[2], world.payments, "claimTo", THIRD.address, steps)
    assert world.due(pool, 2) == 1_260


def test_a_rotated_key_claims_and_the_old_one_does_not(world: World, pool: Batch) -> None:
    new_key = person("a new key")
    world.act(world.farmers[2], world.actors, "rotateKey", new_key.address)
    step = world.step(pool, 2)
    with refused("Payments_NotYours", by=world.farmers[2]):
        world.act(world.farmers[2], world.payments, "claimTo", THIRD.address, [step])
    world.act(new_key, world.payments, "claimTo", THIRD.address, [step])
    assert world.money(THIRD) == 1_260


def test_the_due_goes_to_the_payout_address_of_the_moment_also_of_the_suspended(
    world: World, pool: Batch
) -> None:
    world.act(world.regulator, world.actors, "suspend", world.farmers[1].address, "x")
    world.act(world.farmers[1], world.actors, "redirectPayout", THIRD.address)
    world.settle(pool)
    assert world.money(THIRD) == 360
    world.pay(pool, 10)
    world.act(
        world.farmers[1],
        world.payments,
        "claimTo",
        world.farmers[1].address,
        [world.step(pool, 1)],
    )
    assert world.money(world.farmers[1]) == owed(world, pool)[1] - 360


# ------------------------------------------------------------------ settle


def test_a_whole_chunk_is_paid_at_once_by_anybody(world: World, pool: Batch) -> None:
    dues = owed(world, pool)
    receipt = world.settle(pool)
    (event,) = world.payments.events(receipt.logs)
    assert event.name == "Settled"
    assert event.fields == {
        "batch": pool.id,
        "chunk": 0,
        "received": 1_801,
        "amount": sum(dues),
    }
    assert [world.money(farmer) for farmer in world.farmers[:3]] == dues
    with refused("Payments_NothingDue"):
        world.settle(pool)
    with refused("Payments_NothingDue"):
        world.claim(world.step(pool, 0))


def test_settling_leaves_out_what_members_claimed_themselves(world: World, pool: Batch) -> None:
    world.claim(world.step(pool, 1))
    world.settle(pool)
    world.pay(pool, 3)
    world.claim(world.step(pool, 1))
    world.pay(pool, 4)
    world.claim(world.step(pool, 0))
    world.settle(pool)
    assert [world.money(farmer) for farmer in world.farmers[:3]] == owed(world, pool)


def test_a_settlement_lists_the_chunk_whole_and_in_order(world: World, pool: Batch) -> None:
    chunk = list(pool.chunks[0])
    for wrong in (
        chunk[:-1],
        chunk[1:],
        [chunk[1], chunk[0], chunk[2]],
        [*chunk, chunk[0]],
        [(chunk[0][0], chunk[0][1] + 1), *chunk[1:]],
        [(int(world.outsider.address, 16), chunk[0][1]), *chunk[1:]],
        chunk * 64,
    ):
        with refused("Payments_NotMember", batch=pool):
            world.act(world.outsider, world.payments, "settle", pool.id, 0, wrong)
    for number in (1, 2**200):
        with refused("Payments_NotMember", batch=pool):
            world.act(world.outsider, world.payments, "settle", pool.id, number, chunk)
    for wrong in ([], chunk * 86):
        with refused("Payments_LinesInvalid", count=len(wrong), maximum=256):
            world.act(world.outsider, world.payments, "settle", pool.id, 0, wrong)


def test_256_members_and_more_are_settled_chunk_by_chunk(world: World) -> None:
    """Each farmer here has many deliveries; a chunk of 256 must fit one transaction."""
    batch = world.harvest(
        *((world.farmers[i % 6], 60 + i, 5_000 + 13 * i) for i in range(600)), price=1_000_003
    )
    world.pay(batch, batch.units)
    dues = owed(world, batch)
    world.claim(world.step(batch, 300), world.step(batch, 599))
    for chunk in (2, 0, 1):
        assert world.settle(batch, chunk).gas < 16_777_216
    expected = [sum(dues[i] for i in range(600) if i % 6 == farmer) for farmer in range(6)]
    assert [world.money(farmer) for farmer in world.farmers] == expected
    received, paid = world.pool(batch)
    assert 0 <= received - paid <= 599


def test_256_members_who_were_never_paid_before_fit_one_settlement(world: World) -> None:
    farmers = [person(f"new farmer {i}") for i in range(256)]
    for farmer in farmers:
        world.enrol(world.coop, farmer, 4)
    batch = world.harvest(*((farmer, 600) for farmer in farmers))
    world.pay(batch, 256)
    receipt = world.settle(batch)
    assert receipt.gas < 16_777_216
    assert world.money(farmers[255]) == owed(world, batch)[255]


def test_a_member_who_cannot_be_paid_is_credited_and_stops_nobody(world: World) -> None:
    token = world.create("BlacklistToken")
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    world.fund(world.buyer, token=token)
    gtin = world.list_product(world.terms(5_000, 3_000, 2_000, token=token))
    batch = world.harvest(
        *((farmer, 1_000) for farmer in world.farmers[:4]), gtin=gtin, unit=KILOGRAM
    )
    world.pay(batch, 4)
    blocked = world.farmers[2]
    world.act(world.issuer, token, "setBlocked", blocked.address, True)
    with refused("Payments_TokenFailed", token=token):
        world.claim(world.step(batch, 2))
    assert world.due(batch, 2) == 150
    receipt = world.settle(batch)
    (credited,) = world.payments.events(receipt.logs, "Credited")
    assert (credited.fields["owner"], credited.fields["amount"]) == (blocked.address, 150)
    assert [world.money(f, token=token) for f in world.farmers[:4]] == [150, 150, 0, 150]
    world.check_money(token=token)
    world.act(blocked, world.payments, "withdrawTo", token.address, THIRD.address)
    assert world.money(THIRD, token=token) == 150
    world.check_money(token=token)


@pytest.mark.parametrize("hostile", ["Reverter", "GasBurner", "Bomb", "Reenterer"])
def test_a_hostile_member_stops_no_settlement(world: World, hostile: str) -> None:
    receiver, token = world.create(hostile), world.create("HookToken")
    world.act(world.issuer, token, "listen", receiver.address)
    world.act(world.platform, world.catalogue, "listToken", token.address, True)
    world.fund(world.buyer, token=token)
    gtin = world.list_product(world.terms(5_000, 3_000, 2_000, token=token))
    batch = world.harvest(
        *((farmer, 1_000) for farmer in world.farmers[:4]), gtin=gtin, unit=KILOGRAM
    )
    if hostile == "Reenterer":
        data = world.payments.call("claim", [world.step(batch, 3)]).data
        world.act(receiver, receiver, "prepare", world.payments.address, data, True)
    world.act(world.farmers[1], world.actors, "redirectPayout", receiver.address)
    world.pay(batch, 4)
    world.settle(batch)
    assert [world.money(world.farmers[i], token=token) for i in (0, 2, 3)] == [150] * 3
    assert world.credit(world.farmers[1], token=token) == 150
    world.check_money(token=token)


# ------------------------------------------------------------------ exact, in any order


@pytest.mark.parametrize("seed", range(4))
def test_dues_are_the_floors_of_exact_shares_whatever_the_order(world: World, seed: int) -> None:
    """Payments, claims and settlements in random order: everybody ends with the same, to the last unit."""
    chance = random.Random(seed)
    batch = world.harvest(
        *(
            (farmer, chance.randint(1, 10_000), chance.randint(1, 20_000))
            for farmer in world.farmers
        ),
        price=chance.randint(120, 10_000),
        unit=1_000,
    )
    for _ in range(25):
        match chance.choice(["pay", "claim", "settle"]):
            case "pay":
                world.pay(batch, chance.randint(1, 40))
            case "claim":
                index = chance.randrange(6)
                before = world.due(batch, index)
                if before:
                    world.claim(world.step(batch, index))
            case _:
                if any(world.due(batch, i) for i in range(6)):
                    world.settle(batch)
        received, paid = world.pool(batch)
        dues = [world.due(batch, i) for i in range(6)]
        claimed = [world.money(farmer) for farmer in world.farmers]
        assert [d + c for d, c in zip(dues, claimed, strict=True)] == owed(world, batch)
        assert 0 <= received - paid - sum(dues) <= 5
    for i in reversed(range(6)):
        if world.due(batch, i):
            world.claim(world.step(batch, i))
    assert [world.money(farmer) for farmer in world.farmers] == owed(world, batch)


def test_900_to_100_times_1_in_a_token_of_two_decimals(world: World) -> None:
    farmers = [person(f"small farmer {i}") for i in range(100)]
    for farmer in farmers:
        world.enrol(world.coop, farmer, 4)
    batch = world.harvest((world.farmer, 54_000), *((farmer, 60) for farmer in farmers), price=121)
    for units in (1, 2, 3):
        world.pay(batch, units)
    received, _ = world.pool(batch)
    world.settle(batch)
    assert world.money(world.farmer) == received * 9 // 10
    assert {world.money(farmer) for farmer in farmers} == {received // 1_000}


# ------------------------------------------------------------------ lineage


def generations(world: World) -> tuple[Batch, Batch, Batch, Batch]:
    """Give a harvest of three, one farmer's tea, a box of both, and a bigger box of boxes and eggs."""
    eggs = world.harvest(
        (world.farmers[0], 6_000), (world.farmers[1], 12_000), (world.farmers[2], 12_000)
    )
    tea = world.harvest((world.farmers[3], 10_000), gtin=GTIN_TEA, unit=KILOGRAM, price=20_000)
    box = world.transform([(eggs, 250), (tea, 5)])
    crate = world.transform([(box, 20), (eggs, 100)], price=9_000)
    return eggs, tea, box, crate


def place(batch: Batch, parent: Batch) -> int:
    return [member for member, _ in batch.chunks[0]].index(parent.id)


def test_money_flows_back_through_three_generations_to_every_farmer(world: World) -> None:
    eggs, tea, box, crate = generations(world)
    world.pay(crate, 5)
    received, _ = world.pool(crate)
    to_box = money.due(received, crate.chunks[0][place(crate, box)][1], crate.total_weight)
    to_eggs = money.due(received, crate.chunks[0][place(crate, eggs)][1], crate.total_weight)
    box_eggs = money.due(to_box, box.chunks[0][place(box, eggs)][1], box.total_weight)
    box_tea = money.due(to_box, box.chunks[0][place(box, tea)][1], box.total_weight)
    world.claim(
        world.step(crate, place(crate, box)),
        world.step(box, place(box, eggs)),
        world.step(eggs, 1),
    )
    assert world.pool(box) == (to_box, box_eggs)
    assert world.pool(eggs)[0] == box_eggs
    assert world.money(world.farmers[1]) == box_eggs * 2 // 5
    world.claim(world.step(crate, place(crate, eggs)), world.step(eggs, 1))
    assert world.money(world.farmers[1]) == (box_eggs + to_eggs) * 2 // 5
    world.claim(world.step(box, place(box, tea)))
    assert world.money(world.farmers[3]) == box_tea
    world.settle(eggs)
    assert world.money(world.farmers[0]) == (box_eggs + to_eggs) // 5
    undivided = sum(received - paid for received, paid in map(world.pool, (crate, box, eggs)))
    assert 0 <= undivided <= 1 + 1 + 2


def test_settling_from_above_downwards_pays_everybody_the_same(world: World) -> None:
    eggs, tea, box, crate = generations(world)
    world.pay(crate, 5)
    world.pay(box, 3)
    world.pay(eggs, 7)
    for batch in (crate, box, eggs):
        world.settle(batch)
    settled = [world.money(farmer) for farmer in world.farmers[:4]]
    assert settled[:3] == owed(world, eggs)
    before_tea = money.due(world.pool(box)[0], box.chunks[0][place(box, tea)][1], box.total_weight)
    assert settled[3] == before_tea
    with refused("Payments_NothingDue"):
        world.settle(crate)


def test_a_claim_up_the_wrong_way_moves_nothing_lost(world: World) -> None:
    eggs, _, box, crate = generations(world)
    world.pay(crate, 5)
    world.claim(world.step(box, place(box, eggs)), world.step(crate, place(crate, box)))
    assert world.pool(box)[0] > 0
    assert world.pool(eggs)[0] == 0
    world.claim(world.step(box, place(box, eggs)), world.step(eggs, 0))
    assert world.money(world.farmers[0]) == world.pool(eggs)[0] // 5


def test_claim_to_through_a_lineage_is_for_the_farmer_at_its_end(world: World) -> None:
    eggs, tea, box, crate = generations(world)
    world.pay(crate, 5)
    path = [
        world.step(crate, place(crate, box)),
        world.step(box, place(box, tea)),
    ]
    with refused("Payments_NotYours", member=int(world.farmers[3].address, 16)):
        world.act(world.farmer, world.payments, "claimTo", THIRD.address, path)
    world.act(world.farmers[3], world.payments, "claimTo", THIRD.address, path)
    assert world.money(THIRD) > 0
    assert world.money(world.farmers[3]) == 0
    assert world.pool(eggs)[0] == 0


def test_a_cooperatives_recall_suspension_or_new_terms_keep_nobody_from_his_money(
    world: World,
) -> None:
    eggs, _, box, crate = generations(world)
    world.pay(crate, 2)
    world.inspect(eggs, False)
    world.act(world.coop, world.batches, "recall", box.id, "x")
    world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    world.act(world.platform, world.catalogue, "listToken", world.yuan.address, False)
    for batch in (crate, box, eggs):
        world.settle(batch)
    assert all(world.money(farmer) > 0 for farmer in world.farmers[:4])


def test_another_cooperatives_mixture_pays_the_farmers_of_both(world: World) -> None:
    mine = world.harvest((world.farmers[0], 6_000), (world.farmers[1], 6_000))
    world.hand_over(world.coop, mine, world.coop2, 100)
    gtin = world.list_product(
        world.terms(6_000, 2_000, 2_000, floor=100_000, cooperative_payee=world.coop2_payee),
        coop=world.coop2,
    )
    theirs = world.harvest(
        (world.farmer2, 4_000), gtin=gtin, unit=KILOGRAM, price=100_000, by=world.coop2
    )
    jam = world.transform(
        [(mine, 100), (theirs, 4)], gtin=gtin, unit=KILOGRAM, price=120_000, by=world.coop2
    )
    world.pay(jam, 10)
    received, _ = world.pool(jam)
    assert received == 10 * (100_000 + 12_000)
    world.settle(jam)
    world.settle(mine)
    assert world.money(world.farmer2) == money.due(received, 4_000_000, 10_000_000)
    assert world.money(world.farmers[0]) == money.due(received, 6_000_000, 10_000_000) // 2
    assert world.money(world.coop_payee) == 0
    assert world.money(world.coop2_payee) == 40_000


def test_donated_tokens_change_nobodys_due(world: World, pool: Batch) -> None:
    dues = [world.due(pool, i) for i in range(3)]
    world.act(world.buyer, world.yuan, "transfer", world.payments.address, 777)
    assert [world.due(pool, i) for i in range(3)] == dues
    world.settle(pool)
    assert world.money(world.payments) == 1 + 777
    world.check_money(given=777)
    # Take the gift out of sight of the check that follows every test.
    world.act(world.payments, world.yuan, "transfer", world.buyer.address, 777)
