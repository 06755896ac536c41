"""Lies about what happened to the goods: left out, corrected away, made up by their true author."""

import pytest
from tests.lies.lie import lie
from tests.lies.witnesses import (
    contracts_refuse,
    impossible,
    logs,
    record_of,
    stands,
    verification,
    verify_differs,
)
from tests.tampering import Json
from tests.world import Role, World, person

from yuanliu import journal, members, records

pytestmark = pytest.mark.node

PRODUCTION, LOGISTICS = 5, 7


# ------------------------------------------------------------------ inspections


@lie(
    "Hide a failed inspection",
    "隐瞒不合格的检测",
    cheats="consumer",
    liars=("platform", "node operator", "cooperative"),
    happens=(
        "The failed inspection is left out of what the reader gets, and the goods are offered for sale."
    ),
    noticed_by=("the contracts", "yuanliu verify"),
    how=(
        "the batch is held from that record on, so no sale succeeds; and a history without it does not lead to"
        " the head."
    ),
)
def test_a_failed_inspection_left_out(world: World) -> None:
    batch = world.harvest()
    world.inspect(batch, conformant=False)
    world.record(world.carrier, batch, LOGISTICS)

    def leave_out(listed: list[Json]) -> None:
        listed[:] = [
            log
            for log in listed
            if not isinstance(records.decode(record_of(log)).body, records.Inspection)
        ]

    verify_differs(
        world,
        batch,
        logs(leave_out),
        "record 0 was changed, or records after it before place 1 are missing",
    )
    with contracts_refuse("Batches_Held", batch=batch):
        world.pay(batch)


@lie(
    "Correct a failed inspection away",
    "用“更正”抹掉不合格检测",
    cheats="consumer",
    liars=("laboratory", "cooperative"),
    happens="The failed inspection is declared an error, with a friendly event in its place.",
    noticed_by=("the contracts", "whoever reads the record"),
    how="a correction changes no state: the batch stays held, and both events stay in the history.",
)
def test_a_correction_lifts_no_hold(world: World) -> None:
    batch = world.harvest()
    world.inspect(batch, conformant=False)
    world.record(world.carrier, batch, LOGISTICS, b'{"said":"all is well"}')
    wrong, right = (journal.record_hash(record) for record in world.records(batch)[1:3])
    world.act(world.inspector, world.batches, "correct", batch.id, wrong, right, b"{}")
    with contracts_refuse("Batches_Held", batch=batch):
        world.pay(batch)
    kinds = [records.decode(record).body.__class__ for record in world.records(batch)]
    stands(on_the_record=records.Inspection in kinds and kinds[-1] is records.Corrected)


@lie(
    "Shop for a friendlier laboratory",
    "换一家“好说话”的检测机构",
    cheats="consumer",
    liars=("cooperative", "laboratory"),
    happens=(
        "After a failed inspection a second laboratory finds the goods conformant, and the hold is lifted."
    ),
    noticed_by=("whoever reads the record",),
    how=(
        "it may be right, so the contracts let it pass; both results stay side by side, each with its"
        " laboratory's name, and a regulator can recall the batch."
    ),
)
def test_a_second_laboratory_says_otherwise(world: World) -> None:
    friend = person("a friendlier laboratory")
    world.enrol(world.regulator, friend, Role.INSPECTOR)
    batch = world.harvest()
    world.inspect(batch, conformant=False)
    world.inspect(batch, conformant=True, by=friend)
    world.pay(batch)
    seen = [records.decode(record) for record in world.records(batch)]
    verdicts = [
        (each.actor, each.body.conformant)
        for each in seen
        if isinstance(each.body, records.Inspection)
    ]
    both_stand = [(world.inspector.address, False), (friend.address, True)]
    stands(on_the_record=verdicts == both_stand)


@lie(
    "Sign false data as its true author",
    "真实作者签署虚假数据",
    cheats="consumer",
    liars=("laboratory", "cooperative", "carrier", "farmer"),
    happens=(
        "A laboratory signs *conformant* for a sample that it never took. All is well formed and whole."
    ),
    noticed_by=(),
    how=(
        "no record can know what was not measured. The name stays on it for ever; a second sample, a reader's"
        " complaint or a regulator's recall stands beside it; enroller or regulator can suspend the author."
    ),
)
def test_a_false_result_signed_by_the_laboratory_itself(world: World) -> None:
    batch = world.harvest()
    world.inspect(batch, conformant=True)
    world.pay(batch)
    assert verification(world, batch, lambda _, ask: ask()).verdict.matches


@lie(
    "Keep silent about a step",
    "对某个环节只字不提",
    cheats="consumer",
    liars=("cooperative", "carrier", "laboratory"),
    happens=(
        "Goods that stood in the sun, or were never inspected, are sold without a word about it."
    ),
    noticed_by=(),
    how=(
        "the record proves that nothing was taken away, not that everything was said. A page shows which steps"
        " are there; a receiver can refuse goods with a reason, and a buyer can ask for lots with an inspection"
        " only."
    ),
)
def test_a_lot_without_any_inspection_is_sold(world: World) -> None:
    batch = world.harvest()
    world.pay(batch)
    found = verification(world, batch, lambda _, ask: ask())
    assert found.verdict.matches
    bodies = [records.decode(record.data).body for record in found.history.records]
    assert not any(isinstance(body, records.Inspection) for body in bodies)


@lie(
    "Backdate an event",
    "倒填日期",
    cheats="consumer",
    liars=("cooperative", "carrier", "laboratory"),
    happens="The author writes an old date into the event.",
    noticed_by=("whoever reads the record",),
    how=(
        "the record carries the block's time, which no author chooses, beside the time that he claims; who writes"
        " late shows it."
    ),
)
def test_a_date_in_the_event_is_not_the_records(world: World) -> None:
    batch = world.harvest()
    before = world.now
    world.record(world.clerk, batch, PRODUCTION, b'{"eventTime":"2020-01-01T00:00:00Z"}')
    record = records.decode(world.records(batch)[-1])
    stands(on_the_record=record.time >= before)


@lie(
    "Claim a sensor's reading that was never taken",
    "捏造传感器读数",
    cheats="consumer",
    liars=("carrier", "platform"),
    happens=(
        "A shipment's readings were anchored by one root; later a warmer one is shown as colder."
    ),
    noticed_by=("the contracts",),
    how="a reading is proven against the anchored root; no proof leads there from another value.",
)
def test_a_reading_that_is_not_under_the_root(world: World) -> None:
    readings = [b"2026-04-12T08:%02d TH-07 %d.5" % (minute, minute % 9) for minute in range(60)]
    leaves = [members.reading_leaf(reading) for reading in readings]
    root, proof = members.root(leaves), list(members.proof(leaves, 8))
    batch = world.harvest()
    world.act(world.carrier, world.batches, "anchor", batch.id, root, 60, b"{}")

    def proven(reading: bytes) -> bool:
        return bool(world.ask(world.batches, "isReading", batch.id, root, reading, proof))

    assert proven(readings[8])
    impossible(as_it_should_be=not proven(readings[8].replace(b"8.5", b"4.5")))
