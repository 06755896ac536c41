"""Lies about goods: more than there were, others than these, and those that must not be sold."""

import pytest
from tests.lies.lie import lie
from tests.lies.witnesses import contracts_refuse, impossible, stands, verification
from tests.world import EGG_MILLIGRAMS, GTIN_EGGS, GTIN_OTHER, Batch, Role, World, person

from yuanliu import journal

pytestmark = pytest.mark.node


def registration(lot: bytes, units: int, *, gtin: int = GTIN_EGGS) -> tuple[object, ...]:
    return (gtin, lot, units, EGG_MILLIGRAMS, 0, 300)


# ------------------------------------------------------------------ how much


@lie(
    "Sell more than was harvested",
    "卖出的比收获的多",
    cheats="consumer",
    liars=("cooperative",),
    happens="101 eggs are registered from 6 kg of them, or 101 sold of 100.",
    noticed_by=("the contracts",),
    how=(
        "units × mass + loss is the delivered mass to the milligram, and a sale takes units from who has them."
    ),
)
def test_one_egg_too_many(world: World) -> None:
    receipts = world.book((world.farmer, 6_000))
    with contracts_refuse("Batches_MassDiffers", inputs=6_000_000):
        register = registration(world.new_lot(), 101)
        world.act(world.coop, world.batches, "register", register, receipts, b"{}")
    batch = world.harvest()
    world.pay(batch, 100)
    with contracts_refuse("Batches_NotEnoughUnits", held=0, needed=1):
        world.pay(batch)


@lie(
    "Make goods out of nothing while processing",
    "加工时无中生有",
    cheats="consumer",
    liars=("cooperative",),
    happens=(
        "Ten boxes of 500 g are made of 4.8 kg, or a good lot is stretched with goods that nobody delivered."
    ),
    noticed_by=("the contracts",),
    how="outputs + declared loss = inputs, by mass; inputs are burnt.",
)
def test_more_comes_out_than_went_in(world: World) -> None:
    batch = world.harvest()
    with contracts_refuse("Batches_MassDiffers", inputs=4_800_000, outputsAndLoss=5_000_000):
        world.act(world.coop, world.batches, "transform", [(batch.id, 80)], [world.output(10)], 0)


@lie(
    "Count one delivery twice",
    "一次交售重复计入",
    cheats="consumer",
    liars=("cooperative", "clerk"),
    happens=(
        "A receipt that is in one batch already is put into a second one, or twice into the same."
    ),
    noticed_by=("the contracts",),
    how="a delivery is booked under a number of its own, enters one batch and then is spent.",
)
def test_a_receipt_in_two_lots(world: World) -> None:
    receipts = world.book((world.farmer, 6_000))
    register = (world.batches, "register")
    with contracts_refuse("Deliveries_NotBooked", receipt=receipts[0]):
        world.act(world.coop, *register, registration(world.new_lot(), 200), receipts * 2, b"{}")
    world.act(world.coop, *register, registration(world.new_lot(), 100), receipts, b"{}")
    with contracts_refuse("Deliveries_NotBooked", receipt=receipts[0]):
        world.act(world.coop, *register, registration(world.new_lot(), 100), receipts, b"{}")


@lie(
    "Use another cooperative's deliveries",
    "盗用别家合作社的交售记录",
    cheats="farmer",
    liars=("cooperative",),
    happens="A cooperative registers a batch from receipts that its neighbour booked.",
    noticed_by=("the contracts",),
    how="receipts are numbered by cooperative; under its own number there is nothing.",
)
def test_a_neighbours_receipts(world: World) -> None:
    receipts = world.book((world.farmer2, 6_000), gtin=GTIN_OTHER, by=world.coop2)
    with contracts_refuse("Deliveries_NotBooked", cooperative=world.coop):
        register = registration(world.new_lot(), 100)
        world.act(world.coop, world.batches, "register", register, receipts, b"{}")


@lie(
    "Push goods into somebody's hands",
    "未经同意把货算到别人名下",
    cheats="buyer",
    liars=("cooperative", "carrier"),
    happens="Units are moved to a shop that never took them, so that it seems to answer for them.",
    noticed_by=("the contracts",),
    how=(
        "custody has two sides: what is not accepted stays with the sender; the token's own transfer is closed."
    ),
)
def test_units_that_nobody_accepted(world: World) -> None:
    batch = world.harvest()
    coop, shop = world.coop.address, world.retailer.address
    with contracts_refuse("Batches_HandOverOnly"):
        world.act(world.coop, world.batches, "safeTransferFrom", coop, shop, batch.id, 10, b"")
    number = world.offer(world.coop, batch, world.retailer, 10)
    with contracts_refuse("Batches_OfferNotOpen", by=world.coop):
        world.act(world.coop, world.batches, "accept", batch.id, number)
    assert world.held(batch, world.retailer) == 0


# ------------------------------------------------------------------ which


@lie(
    "Ship under another lot's code",
    "冒用别的批号发货",
    cheats="consumer",
    liars=("cooperative", "outsider"),
    happens="New goods are registered under a good lot's number, or under a neighbour's product.",
    noticed_by=("the contracts",),
    how=(
        "a lot is registered once, a product is one cooperative's, and only units that are there can be sent."
    ),
)
def test_new_goods_under_an_old_number(world: World) -> None:
    good = world.harvest()
    receipts = world.book((world.farmer, 6_000))
    again = registration(good.lot, 100)
    with contracts_refuse("Batches_AlreadyRegistered", batch=good):
        world.act(world.coop, world.batches, "register", again, receipts, b"{}")
    others = registration(good.lot, 100)
    with contracts_refuse("Batches_NotMyProduct", cooperative=world.coop2):
        world.act(world.coop2, world.batches, "register", others, [1], b"{}")
    with contracts_refuse("Batches_NotEnoughUnits", holder=world.coop2):
        world.act(world.coop2, world.batches, "offer", good.id, world.retailer.address, 1)


@lie(
    "Put other goods into the box",
    "箱内调包，换成别的货",
    cheats="consumer",
    liars=("cooperative", "carrier", "anyone"),
    happens="The eggs in the box are not those of the lot on its label.",
    noticed_by=(),
    how=(
        "the record does not see into a box. It bounds the gain: no more units of a lot can be sold or handed on"
        " than were delivered, so every swapped box leaves one over that cannot be sold under that code."
    ),
)
def test_the_record_does_not_see_into_a_box(world: World) -> None:
    batch = world.harvest()
    world.hand_over(world.coop, batch, world.carrier, 100)  # who drives round a corner, and
    world.hand_over(world.carrier, batch, world.retailer, 100)  # hands on a hundred others
    assert world.held(batch, world.retailer) == 100
    assert verification(world, batch, lambda _, ask: ask()).verdict.matches


@lie(
    "Front-run a registration",
    "抢先注册批次",
    cheats="farmer",
    liars=("node operator", "outsider", "cooperative"),
    happens="Who sees a registration before it is mined registers the same lot first.",
    noticed_by=("the contracts",),
    how=(
        "a lot's id is made of the cooperative's own address, and only its own deliveries can enter it."
    ),
)
def test_a_registration_seen_before_it_was_mined(world: World) -> None:
    receipts, lot = world.book((world.farmer, 6_000)), world.new_lot()
    arguments = (registration(lot, 100), receipts, b"{}")
    for thief, error in (
        (world.outsider, "Actors_RoleMissing"),
        (world.coop2, "Batches_NotMyProduct"),
    ):
        with contracts_refuse(error):
            world.act(thief, world.batches, "register", *arguments)
    world.act(world.coop, world.batches, "register", *arguments)
    assert world.state(world.batch_id(GTIN_EGGS, lot))["cooperative"] == world.coop.address


# ------------------------------------------------------------------ what must not be sold


@lie(
    "Release a hold without the right",
    "无权解除停售",
    cheats="consumer",
    liars=("cooperative", "platform", "laboratory", "clerk"),
    happens="The cooperative, the platform or the laboratory itself releases a batch that failed.",
    noticed_by=("the contracts",),
    how=(
        "a regulator releases, with a reason on the record; otherwise only a later conformant inspection does."
    ),
)
def test_a_hold_released_by_those_whom_it_hurts(world: World) -> None:
    batch = world.harvest()
    world.inspect(batch, conformant=False)
    for by in (world.coop, world.clerk, world.platform, world.inspector, world.outsider):
        with contracts_refuse("Actors_RoleMissing", needed=Role.REGULATOR):
            world.act(by, world.batches, "release", batch.id, "fine")
    with contracts_refuse("Batches_KindNotAllowed"):
        world.record(world.coop, batch, 6, b'{"conformant":true}')


@lie(
    "Undo a recall",
    "擅自撤销召回",
    cheats="consumer",
    liars=("cooperative", "platform"),
    happens="A cooperative lifts the recall that a regulator made.",
    noticed_by=("the contracts",),
    how=(
        "a recall is lifted by who made it or by a regulator, with a reason; both stay in the history."
    ),
)
def test_a_regulators_recall_lifted_by_the_cooperative(world: World) -> None:
    batch = world.harvest()
    world.act(world.regulator, world.batches, "recall", batch.id, "salmonella")
    for by, error in (
        (world.coop, "Batches_RecallNotAllowed"),
        (world.coop2, "Batches_RecallNotAllowed"),
        (world.platform, "Actors_RoleMissing"),
    ):
        with contracts_refuse(error):
            world.act(by, world.batches, "liftRecall", batch.id, "a mistake")
    with contracts_refuse("Batches_Recalled", batch=batch):
        world.pay(batch)


@lie(
    "Wash recalled goods by processing them",
    "通过再加工“洗白”召回的货",
    cheats="consumer",
    liars=("cooperative",),
    happens="Recalled eggs become a gift box with a new lot number, before or after the recall.",
    noticed_by=("the contracts",),
    how=(
        "nothing is made of what is held or recalled, and a recall reaches everything made of it before."
    ),
)
def test_a_recall_reaches_the_gift_box(world: World) -> None:
    batch = world.harvest()
    box = world.transform([(batch, 50)])
    world.act(world.coop, world.batches, "recall", batch.id, "salmonella")
    with contracts_refuse("Batches_Recalled"):
        world.transform([(batch, 50)])
    with contracts_refuse("Batches_Recalled"):
        world.pay(box)


# ------------------------------------------------------------------ what else clings to goods


@lie(
    "Shed the farmers' floor price by renaming the goods",
    "改换品名以摆脱农户保底价",
    cheats="farmer",
    liars=("cooperative",),
    happens=(
        "Eggs are made into a product whose terms have a lower floor, or a smaller part for the farmers."
    ),
    noticed_by=("the contracts",),
    how="floor and the farmers' ratio follow the goods through every transformation.",
)
def test_the_same_eggs_as_a_cheaper_product(world: World) -> None:
    cheap = world.list_product(world.terms(5_000, 3_000, 2_000, floor=1_999))
    lean = world.list_product(world.terms(3_333, 3_667, 3_000, floor=10_000))
    batch = world.harvest()
    with contracts_refuse("Batches_FloorLost", inputs=6_000, outputs=5_997):
        world.transform([(batch, 50)], gtin=cheap, unit=1_000_000)
    with contracts_refuse("Batches_FarmerShareLost", input=3_334, output=3_333):
        world.transform([(batch, 50)], gtin=lean, price=10_000)


@lie(
    "Hide whose goods went into a mixture",
    "隐瞒混合批次的来源",
    cheats="farmer",
    liars=("cooperative", "platform"),
    happens="Of two lots in a box only one is named, and only its farmer is paid.",
    noticed_by=("the contracts",),
    how=(
        "a batch made of others has their pools as members, by mass; the contract writes both parents itself."
    ),
)
def test_both_parents_are_named_and_paid(world: World) -> None:
    first = world.harvest((world.farmer, 6_000))
    second = world.harvest((world.farmers[1], 6_000))
    box = world.transform([(first, 50), (second, 50)])
    parents = set(world.ask(world.batches, "parentsOf", box.id))
    world.pay(box, 2)
    received, _ = world.pool(box)
    dues = [world.due(box, index) for index in range(2)]
    assert dues == [received // 2] * 2
    impossible(as_it_should_be=parents == {first.id, second.id})


@lie(
    "Take back a promise to sell at the floor or above",
    "以低于保底价的价格标价",
    cheats="farmer",
    liars=("cooperative",),
    happens="The cooperative prices a batch below the floor that its farmers delivered under.",
    noticed_by=("the contracts",),
    how="no price below the floor is taken, and each price is a record of its own.",
)
def test_a_price_below_the_floor(world: World) -> None:
    batch = world.harvest()
    with contracts_refuse("Batches_PriceBelowFloor", price=119, floorPerUnit=120):
        world.act(world.coop, world.batches, "setPrice", batch.id, 119)


@lie(
    "Refuse goods without a word",
    "收货后抵赖或无故拒收",
    cheats="buyer",
    liars=("carrier", "buyer"),
    happens="A receiver denies that he took goods, or says afterwards that they came damaged.",
    noticed_by=("the contracts", "whoever reads the record"),
    how=(
        "an acceptance is his own signed record and answered once; a refusal needs a reason, before he accepts."
    ),
)
def test_an_accepted_offer_is_not_refused_afterwards(world: World) -> None:
    batch = world.harvest()
    world.hand_over(world.coop, batch, world.carrier, 10)
    with contracts_refuse("Batches_OfferNotOpen"):
        world.act(world.carrier, world.batches, "refuse", batch.id, 1, "crushed")
    number = world.offer(world.coop, batch, world.carrier, 10)
    with contracts_refuse("Batches_ReasonInvalid", length=0):
        world.act(world.carrier, world.batches, "refuse", batch.id, number, "")
    taken = world.records(batch)[2]
    stands(on_the_record=taken[10:30].hex() == world.carrier.address[2:])


def head(world: World, batch: Batch) -> bytes:
    return bytes(world.ask(world.batches, "headOf", batch.id))


@lie(
    "Sign for a stranger's lot as if one belonged to it",
    "局外人往别人的履历里写东西",
    cheats="consumer",
    liars=("outsider", "buyer", "cooperative"),
    happens="A rival, or a stranger, writes *poisoned* into the history of a good lot.",
    noticed_by=("the contracts",),
    how=(
        "each kind of record has its authors: production the lot's own cooperative and farmers, and so on."
    ),
)
def test_a_rival_writes_into_the_history(world: World) -> None:
    batch = world.harvest()
    before = head(world, batch)
    for by in (world.outsider, world.buyer, world.coop2, world.farmer2, person("nobody")):
        with contracts_refuse("Batches_KindNotAllowed", batch=batch):
            world.record(by, batch, 5, b'{"said":"poisoned"}')
    assert before != journal.NO_HEAD
    impossible(as_it_should_be=head(world, batch) == before)
