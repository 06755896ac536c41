"""Registering, prices, events and the journal: `contracts/interfaces/IBatches.sol`, requirement by requirement."""

import hashlib
import itertools

import pytest
from tests.world import (
    EGG_MILLIGRAMS,
    GTIN_EGGS,
    GTIN_OTHER,
    PAYLOAD,
    Batch,
    Role,
    World,
    gtin14,
    lot,
    payload_of,
    person,
    refused,
)

from yuanliu import members, records
from yuanliu.records import Kind

pytestmark = pytest.mark.node

PEOPLE = ("platform", "farmer", "inspector", "carrier", "retailer", "regulator", "outsider")
ROOT = b"\x01" * 32
REGISTERED, HELD, RECALLED, DERIVED = 1, 2, 4, 8


def registration(world: World, **changes: object) -> tuple[object, ...]:
    """Give the registration of 6,000 g of eggs: 100 pieces."""
    fields = {
        "gtin": GTIN_EGGS,
        "lot": world.new_lot(),
        "units": 100,
        "mass": EGG_MILLIGRAMS,
        "loss": 0,
        "price": 300,
    }
    return tuple({**fields, **changes}.values())


def register(
    world: World,
    receipts: list[int] | None = None,
    payload: bytes = PAYLOAD,
    **changes: object,
) -> int:
    """Register 100 eggs and give the batch's id."""
    if receipts is None:
        receipts = world.book((world.farmer, 6_000))
    fields = registration(world, **changes)
    world.act(world.coop, world.batches, "register", fields, receipts, payload)
    gtin, lot_ = fields[:2]
    assert isinstance(gtin, int)
    assert isinstance(lot_, bytes)
    return world.batch_id(gtin, lot_)


# ------------------------------------------------------------------ registering


def test_a_batch_of_one_farmers_delivery_is_registered_with_all_that_it_is(world: World) -> None:
    batch = world.harvest((world.farmer, 6_030, 11_000), (world.farmer, 30))
    state = world.state(batch)
    assert (
        state.items()
        >= {
            "cooperative": world.coop.address,
            "offers": 0,
            "terms": world.ask(world.catalogue, "productOf", GTIN_EGGS)["inForce"],
            "flags": REGISTERED,
            "farmer": world.farmer.address,
            "price": 300,
            "totalWeight": 6_030 * 11_000 + 30 * 10_000,
            "units": 101,
            "massPerUnit": EGG_MILLIGRAMS,
            "grams": 6_060,
            "chunks": 0,
        }.items()
    )
    assert world.held(batch, world.coop) == 101
    assert world.ask(world.batches, "idOf", world.coop.address, batch.gtin, batch.lot) == batch.id
    (record,) = [records.decode(r) for r in world.records(batch)]
    assert isinstance(record.body, records.Registered)
    assert (record.actor, record.signer) == (world.coop.address, world.coop.address)
    assert record.body.units == 101
    assert record.body.payload == PAYLOAD
    assert [(e.farmer, e.grams, e.grade_bps) for e in record.body.entries] == [
        (world.farmer.address, 6_030, 11_000),
        (world.farmer.address, 30, 10_000),
    ]


def test_a_batch_of_several_farmers_has_a_pool_of_their_deliveries(world: World) -> None:
    batch = world.harvest(*((farmer, 600, 9_000) for farmer in world.farmers))
    assert int(world.state(batch)["farmer"], 16) == 0
    assert world.state(batch)["chunks"] == 1
    weight, root = world.ask(world.batches, "poolOf", batch.id, 0)
    assert weight == batch.total_weight
    assert root == members.root(world._leaves(batch, 0))
    assert world.ask(world.batches, "poolOf", batch.id, 1)[1] == bytes(32)


def test_deliveries_are_collected_in_chunks_and_the_last_one_registers(world: World) -> None:
    deliveries = [(world.farmers[i % 6], 60 + i) for i in range(600)]
    batch = world.harvest(*deliveries)
    assert [len(chunk) for chunk in batch.chunks] == [256, 256, 88]
    state = world.state(batch)
    assert state["chunks"] == 3
    assert state["grams"] == sum(grams for _, grams in deliveries)
    assert state["totalWeight"] == batch.total_weight
    for chunk in range(3):
        _, root = world.ask(world.batches, "poolOf", batch.id, chunk)
        assert root == members.root(world._leaves(batch, chunk))
    kinds = [records.decode(r).kind for r in world.records(batch)]
    assert kinds == [Kind.COLLECTED, Kind.COLLECTED, Kind.REGISTERED]
    listed = members.chunks_of(records.decode(r) for r in world.records(batch))
    assert [[m.weight for m in chunk] for chunk in listed] == [
        [weight for _, weight in chunk] for chunk in batch.chunks
    ]


def test_collected_deliveries_need_no_further_receipts(world: World) -> None:
    lot_ = world.new_lot()
    receipts = world.book((world.farmer, 3_000), (world.farmers[1], 3_000))
    world.act(world.clerk, world.batches, "collect", GTIN_EGGS, lot_, receipts)
    batch = world.batch_id(GTIN_EGGS, lot_)
    assert world.state(batch)["flags"] == 0
    assert register(world, [], lot=lot_) == batch
    assert world.state(batch)["chunks"] == 1
    assert world.held(batch, world.coop) == 100


def test_one_farmers_chunks_stay_one_farmers(world: World) -> None:
    lot_ = world.new_lot()
    world.act(
        world.coop, world.batches, "collect", GTIN_EGGS, lot_, world.book((world.farmer, 3_000))
    )
    batch = register(world, world.book((world.farmer, 3_000)), lot=lot_)
    assert world.state(batch)["farmer"] == world.farmer.address
    lot_ = world.new_lot()
    world.act(
        world.coop, world.batches, "collect", GTIN_EGGS, lot_, world.book((world.farmer, 3_000))
    )
    batch = register(world, world.book((world.farmers[1], 3_000)), lot=lot_)
    assert int(world.state(batch)["farmer"], 16) == 0
    assert world.state(batch)["chunks"] == 2


@pytest.mark.parametrize("by", PEOPLE)
def test_only_cooperatives_collect_register_transform_and_price(world: World, by: str) -> None:
    who = getattr(world, by)
    receipts = world.book((world.farmer, 6_000))
    batch = world.harvest()
    for function, arguments in (
        ("collect", (GTIN_EGGS, world.new_lot(), receipts)),
        ("register", (registration(world), receipts, PAYLOAD)),
        ("transform", ([(batch.id, 1)], [world.output(1)], 0)),
        ("setPrice", (batch.id, 400)),
    ):
        with refused("Actors_RoleMissing", needed=Role.COOPERATIVE):
            world.act(who, world.batches, function, *arguments)


def test_a_suspended_cooperative_makes_nothing(world: World) -> None:
    receipts = world.book((world.farmer, 6_000))
    batch = world.harvest()
    world.act(world.platform, world.actors, "suspend", world.coop.address, "x")
    for key in (world.coop, world.clerk):
        for function, arguments in (
            ("collect", (GTIN_EGGS, world.new_lot(), receipts)),
            ("register", (registration(world), receipts, PAYLOAD)),
            ("transform", ([(batch.id, 1)], [world.output(1)], 0)),
            ("setPrice", (batch.id, 400)),
            ("record", (batch.id, int(Kind.PRODUCTION), PAYLOAD)),
            ("offer", (batch.id, world.buyer.address, 1)),
            ("recall", (batch.id, "x")),
        ):
            with refused("Actors_Suspended", actor=world.coop):
                world.act(key, world.batches, function, *arguments)


def test_a_lot_is_registered_once(world: World) -> None:
    batch = world.harvest()
    receipts = world.book((world.farmer, 6_000))
    with refused("Batches_AlreadyRegistered", batch=batch):
        register(world, receipts, lot=batch.lot)
    with refused("Batches_AlreadyRegistered", batch=batch):
        world.act(world.coop, world.batches, "collect", GTIN_EGGS, batch.lot, receipts)
    with refused("Batches_AlreadyRegistered", batch=batch):
        world.act(
            world.coop,
            world.batches,
            "transform",
            [(batch.id, 1)],
            [world.output(1, gtin=GTIN_EGGS, unit=EGG_MILLIGRAMS, lot_=batch.lot)],
            0,
        )


def test_the_product_is_the_callers(world: World) -> None:
    receipts = world.book((world.farmer, 6_000))
    for gtin in (GTIN_OTHER, gtin14(690_000_000_000), 0):
        with refused("Batches_NotMyProduct", cooperative=world.coop, gtin=gtin):
            register(world, receipts, gtin=gtin)
        with refused("Batches_NotMyProduct", cooperative=world.coop, gtin=gtin):
            world.act(world.coop, world.batches, "collect", gtin, world.new_lot(), receipts)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"A B",
        b"A\x00B",
        b"A#",
        b"A$",
        b"A@",
        b"A[",
        b"A\\",
        b"A]",
        b"A^",
        b"A`",
        b"A{",
        b"A|",
        b"A}",
        b"A~",
        b"\x7f",
        "批".encode(),
        b".",
        b"..",
    ],
)
def test_a_lot_is_written_in_the_gs1_character_set(world: World, raw: bytes) -> None:
    padded = raw.ljust(20, b"\0")
    with refused("Batches_LotInvalid", lot=padded):
        register(world, lot=padded)
    with refused("Batches_LotInvalid", lot=padded):
        world.act(
            world.coop,
            world.batches,
            "collect",
            GTIN_EGGS,
            padded,
            world.book((world.farmer, 1_000)),
        )


@pytest.mark.parametrize("text", ["!\"%&'()*+,-./0123456", ":;<=>?ABCDEFGHIJKLMN", "_abcxyzZ", "7"])
def test_every_character_of_that_set_is_taken(world: World, text: str) -> None:
    register(world, lot=lot(text))


@pytest.mark.parametrize(
    ("units", "mass", "loss", "accounted"),
    [
        (100, 60_000, 1, 6_000_001),
        (99, 60_000, 0, 5_940_000),
        (100, 59_999, 0, 5_999_900),
        (2**64 - 1, 2**32 - 1, 2**64 - 1, None),
    ],
)
def test_units_times_mass_plus_loss_are_the_delivered_grams(
    world: World, units: int, mass: int, loss: int, accounted: int | None
) -> None:
    expected = accounted or units * mass + loss
    with refused("Batches_MassDiffers", inputs=6_000_000, outputsAndLoss=expected):
        register(world, units=units, mass=mass, loss=loss)


def test_units_and_their_mass_are_not_0(world: World) -> None:
    with refused("Batches_NoUnits"):
        register(world, units=0, loss=6_000_000)
    with refused("Batches_NoUnits"):
        register(world, mass=0, loss=6_000_000)


def test_a_price_is_at_least_the_floor(world: World) -> None:
    with refused("Batches_PriceBelowFloor", price=119, floorPerUnit=120):
        register(world, price=119)
    batch = register(world, price=120)
    with refused("Batches_PriceBelowFloor", price=0, floorPerUnit=120):
        world.act(world.coop, world.batches, "setPrice", batch, 0)
    world.act(world.clerk, world.batches, "setPrice", batch, 2**96 - 1)
    assert world.state(batch)["price"] == 2**96 - 1
    assert records.decode(world.records(batch)[-1]).body == records.Priced(2**96 - 1)


def test_another_cooperative_prices_nothing(world: World) -> None:
    batch = world.harvest()
    with refused("Batches_NotMyBatch", batch=batch, cooperative=world.coop, by=world.coop2):
        world.act(world.coop2, world.batches, "setPrice", batch.id, 400)


def test_1_to_256_deliveries_are_entered_at_once(world: World) -> None:
    for receipts in ([], list(range(1, 258))):
        with refused("Batches_CountInvalid", count=len(receipts), maximum=256):
            world.act(world.coop, world.batches, "collect", GTIN_EGGS, world.new_lot(), receipts)
        with refused("Batches_CountInvalid", count=len(receipts), maximum=256):
            register(world, receipts)


@pytest.mark.parametrize("by", ["farmer", "carrier", "coop2"])
def test_a_batch_that_is_being_collected_takes_no_event_and_no_sale(world: World, by: str) -> None:
    lot_ = world.new_lot()
    receipts = world.book((world.farmer, 6_000))
    world.act(world.coop, world.batches, "collect", GTIN_EGGS, lot_, receipts)
    batch = world.batch_id(GTIN_EGGS, lot_)
    with refused("Batches_Unknown", batch=batch):
        world.record(getattr(world, by), batch, Kind.PRODUCTION)
    with refused("Batches_Unknown", batch=batch):
        world.pay(Batch(batch, GTIN_EGGS, lot_, 100, 300, ()))


# ------------------------------------------------------------------ events

WRITERS = {
    Kind.PRODUCTION: {"coop", "clerk", "farmer"},
    Kind.LOGISTICS: {"coop", "clerk", "carrier", "retailer"},
    Kind.INSPECTION: {"inspector"},
    Kind.READINGS: {"coop", "clerk", "carrier", "retailer", "inspector"},
    Kind.CORRECTED: {
        "coop",
        "clerk",
        "farmer",
        "inspector",
        "carrier",
        "retailer",
        "regulator",
    },
}
EVERYBODY = (
    *("platform", "regulator", "coop", "coop2", "clerk", "farmer", "farmer2", "inspector"),
    *("carrier", "retailer", "buyer", "outsider"),
)


def write(world: World, who: str, batch: int, kind: Kind, payload: bytes = PAYLOAD) -> None:
    by = getattr(world, who)
    match kind:
        case Kind.INSPECTION:
            world.act(by, world.batches, "inspect", batch, True, payload)
        case Kind.READINGS:
            root = world.number().to_bytes(32)
            world.act(by, world.batches, "anchor", batch, root, 12, payload)
        case Kind.CORRECTED:
            world.act(by, world.batches, "correct", batch, ROOT, b"\x02" * 32, payload)
        case _:
            world.act(by, world.batches, "record", batch, int(kind), payload)


@pytest.mark.parametrize("kind", list(WRITERS))
@pytest.mark.parametrize("by", EVERYBODY)
def test_each_kind_of_event_is_written_by_those_whose_work_it_is(
    world: World, by: str, kind: Kind
) -> None:
    batch = world.harvest().id
    if by in WRITERS[kind]:
        write(world, by, batch, kind)
        record = records.decode(world.records(batch)[-1])
        signer = getattr(world, by).address
        actor = world.coop.address if by == "clerk" else signer
        assert (record.kind, record.actor, record.signer) == (kind, actor, signer)
    elif kind is Kind.INSPECTION:
        with refused("Actors_RoleMissing", needed=Role.INSPECTOR):
            write(world, by, batch, kind)
    else:
        who = getattr(world, by)
        with refused("Batches_KindNotAllowed", batch=batch, kind=kind, actor=who):
            write(world, by, batch, kind)


@pytest.mark.parametrize("kind", [k for k in Kind if k not in {Kind.PRODUCTION, Kind.LOGISTICS}])
@pytest.mark.parametrize("by", ["coop", "carrier", "inspector", "regulator"])
def test_no_other_kind_is_written_as_a_plain_event(world: World, by: str, kind: Kind) -> None:
    batch = world.harvest()
    with refused("Batches_KindNotAllowed", batch=batch, kind=kind):
        world.record(getattr(world, by), batch, kind)


@pytest.mark.parametrize("by", ["farmer", "coop", "inspector", "carrier"])
def test_a_suspended_author_writes_nothing(world: World, by: str) -> None:
    batch = world.harvest().id
    who = getattr(world, by)
    world.act(world.regulator, world.actors, "suspend", who.address, "x")
    for kind in WRITERS:
        with refused("Actors_Suspended", actor=who):
            write(world, by, batch, kind)


def test_a_farmers_corrections_are_for_his_own_cooperatives_batches(world: World) -> None:
    batch = world.harvest(
        (world.farmer2, 5_000), gtin=GTIN_OTHER, by=world.coop2, price=3_000, unit=1_000_000
    )
    write(world, "farmer2", batch.id, Kind.CORRECTED)
    with refused("Batches_KindNotAllowed", actor=world.farmer):
        write(world, "farmer", batch.id, Kind.CORRECTED)


def test_an_event_of_an_unknown_batch_is_refused(world: World) -> None:
    for kind in WRITERS:
        with refused("Batches_Unknown", batch=1):
            write(world, "inspector", 1, kind)


@pytest.mark.parametrize("kind", list(WRITERS))
def test_a_payload_has_up_to_8192_bytes(world: World, kind: Kind) -> None:
    batch = world.harvest().id
    by = "inspector" if kind is Kind.INSPECTION else "coop"
    write(world, by, batch, kind, payload_of(8_192))
    assert world.records(batch)[-1].endswith(payload_of(8_192))
    with refused("Batches_PayloadTooLong", length=8_193, maximum=8_192):
        write(world, by, batch, kind, payload_of(8_193))


@pytest.mark.parametrize("kind", list(WRITERS))
@pytest.mark.parametrize("payload", [b"", b"{", b"}", b"[]", b' {"a":1}', b'{"a":1}\n', b"null"])
def test_a_payload_is_a_json_object(world: World, kind: Kind, payload: bytes) -> None:
    batch = world.harvest().id
    by = "inspector" if kind is Kind.INSPECTION else "coop"
    with refused("Batches_PayloadNotJson"):
        write(world, by, batch, kind, payload)


def test_the_payloads_of_registrations_and_outputs_are_checked_too(world: World) -> None:
    with refused("Batches_PayloadNotJson"):
        register(world, payload=b"[]")
    with refused("Batches_PayloadTooLong", length=8_193):
        register(world, payload=payload_of(8_193))
    register(world, payload=payload_of(8_192))
    batch = world.harvest()
    for payload, error in (
        (b"", "Batches_PayloadNotJson"),
        (payload_of(8_193), "Batches_PayloadTooLong"),
    ):
        output = world.output(1, unit=60_000, payload=payload)
        with refused(error):
            world.act(world.coop, world.batches, "transform", [(batch.id, 1)], [output], 0)


def test_readings_have_a_root_and_a_number(world: World) -> None:
    batch = world.harvest().id
    for root, count in ((bytes(32), 5), (ROOT, 0)):
        with refused("Batches_ReadingsInvalid"):
            world.act(world.carrier, world.batches, "anchor", batch, root, count, PAYLOAD)
    world.act(world.carrier, world.batches, "anchor", batch, ROOT, 10_000, PAYLOAD)
    body = records.decode(world.records(batch)[-1]).body
    assert body == records.Readings(ROOT, 10_000, PAYLOAD)
    with refused("Batches_ReadingsInvalid"):
        world.act(world.carrier, world.batches, "anchor", batch, ROOT, 1, PAYLOAD)


def test_a_reading_is_proven_against_its_anchored_root(world: World) -> None:
    readings = [b'{"celsius":%d}' % n for n in range(1_000)]
    leaves = [members.reading_leaf(r) for r in readings]
    batch = world.harvest().id
    world.act(world.carrier, world.batches, "anchor", batch, members.root(leaves), 1_000, PAYLOAD)
    body = records.decode(world.records(batch)[-1]).body
    assert isinstance(body, records.Readings)
    proof = members.proof(leaves, 777)
    assert members.verify(leaves[777], proof, body.root)
    assert not members.verify(leaves[776], proof, body.root)

    def on_chain(of: int, root: bytes, reading: bytes) -> bool:
        return bool(world.ask(world.batches, "isReading", of, root, reading, list(proof)))

    assert on_chain(batch, body.root, readings[777])
    assert not on_chain(batch, body.root, readings[776])
    assert not on_chain(batch, body.root, readings[777] + b" ")
    assert not on_chain(batch, members.root(leaves[:999]), readings[777])
    assert not on_chain(world.harvest().id, body.root, readings[777])


def test_a_correction_names_two_different_records(world: World) -> None:
    batch = world.harvest().id
    other = b"\x02" * 32
    for wrong, corrective in ((bytes(32), other), (other, bytes(32)), (other, other)):
        with refused("Batches_CorrectionInvalid", batch=batch, wrong=wrong, corrective=corrective):
            world.act(world.coop, world.batches, "correct", batch, wrong, corrective, PAYLOAD)


# ------------------------------------------------------------------ journal


def head_of(world: World, batch: Batch) -> bytes:
    """Compute the head from the logs, as `IJournal` says, with nothing but SHA-256."""
    head = hashlib.sha256(
        b"yuanliu.journal.v1"
        + world.deployment.chain_id.to_bytes(32)
        + bytes.fromhex(world.batches.address[2:])
        + batch.id.to_bytes(32)
    ).digest()
    for record in world.records(batch):
        head = hashlib.sha256(head + hashlib.sha256(record).digest()).digest()
    return head


def test_the_head_is_the_chain_of_all_records_of_every_kind(world: World) -> None:
    batch = world.harvest(*((farmer, 1_000) for farmer in world.farmers))
    head = world.ask(world.batches, "headOf", batch.id)
    assert head == head_of(world, batch)
    for by, kind in (
        ("farmer", Kind.PRODUCTION),
        ("carrier", Kind.LOGISTICS),
        ("inspector", Kind.INSPECTION),
        ("carrier", Kind.READINGS),
        ("farmer", Kind.CORRECTED),
    ):
        write(world, by, batch.id, kind)
    world.act(world.coop, world.batches, "setPrice", batch.id, 310)
    world.act(world.buyer, world.payments, "pay", world.order((batch.id, 2, 620)))
    for answer in (("accept",), ("refuse", "too warm"), ("withdraw",)):
        number = world.offer(world.coop, batch, world.retailer, 3)
        by_ = world.coop if answer[0] == "withdraw" else world.retailer
        world.act(by_, world.batches, answer[0], batch.id, number, *answer[1:])
    world.inspect(batch, False)
    world.act(world.regulator, world.batches, "release", batch.id, "checked again")
    world.act(world.coop, world.batches, "recall", batch.id, "salmonella")
    world.act(world.coop, world.batches, "liftRecall", batch.id, "false alarm")
    world.transform([(batch, 10)])
    assert world.ask(world.batches, "headOf", batch.id) == head_of(world, batch)
    kinds = {records.decode(r).kind for r in world.records(batch)}
    assert kinds == set(Kind) - {Kind.NONE, Kind.COLLECTED, Kind.DERIVED}


def test_each_log_carries_the_head_before_it(world: World) -> None:
    batch = world.harvest()
    for _ in range(3):
        world.record(world.coop, batch, Kind.PRODUCTION)
    topic = "0x" + world.batches.topic("Recorded").hex()
    logs = world.node.logs(world.batches.address, [topic, "0x" + batch.id.to_bytes(32).hex()], 0)
    events = world.batches.events(logs)
    for one, next_ in itertools.pairwise(events):
        record = hashlib.sha256(one.fields["record"]).digest()
        assert hashlib.sha256(one.fields["previous"] + record).digest() == next_.fields["previous"]


def test_of_an_unknown_batch_nothing_is_known(world: World) -> None:
    unknown = 12345
    assert world.ask(world.batches, "headOf", unknown) == bytes(32)
    assert world.state(unknown)["flags"] == 0
    assert world.ask(world.batches, "parentsOf", unknown) == ()
    assert world.ask(world.batches, "offerOf", unknown, 1)["units"] == 0


def test_only_the_payments_contract_sells(world: World) -> None:
    batch = world.harvest()
    for by in (world.coop, world.platform, world.buyer, world.actors):
        with refused("Batches_OnlyPayments", caller=by):
            world.act(
                by,
                world.batches,
                "sell",
                batch.id,
                1,
                300,
                world.buyer.address,
                world.buyer.address,
                1,
            )


def test_a_stranger_cannot_take_anothers_lot(world: World) -> None:
    """The id holds the cooperative: the same product and lot of another is another batch."""
    lot_ = world.new_lot()
    assert world.batch_id(GTIN_EGGS, lot_) != world.batch_id(
        GTIN_EGGS, lot_, coop=person("another")
    )
