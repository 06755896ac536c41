"""Events of what the contracts write themselves: each kind of record, valid, hashed, and found again."""

from typing import Any

import pytest

from yuanliu import epcis, records
from yuanliu.epcis import EpcisError, uris
from yuanliu.epcis.from_records import (
    Batch,
    Delivery,
    Logged,
    Offer,
    Party,
    delivered,
    delivery_voided,
    from_record,
)
from yuanliu.epcis.hashing import event_hash
from yuanliu.epcis.query import matches, parse_query
from yuanliu.epcis.validation import validate_event
from yuanliu.identifiers import IdentifierError
from yuanliu.records import BODIES, Body, Kind, Record

TIME = 1_776_000_000
MOMENT = "2026-04-12T13:20:00+00:00"
COOPERATIVE = Party("0x" + "c0" * 20, "COOP-0001")
FARMER = Party("0x" + "fa" * 20, "H-0001", under="COOP-0001")
CARRIER = Party("0x" + "ca" * 20, "CARRIER 7/8")
STRANGER = "0x" + "5e" * 20
CLERK = "0x" + "c1" * 20
HASH = "0x" + "ab" * 32
LOGGED = Logged(31337, HASH, 5)
BATCH = Batch(
    id=bytes([7] * 32),
    gtin="06901234567892",
    lot="2026-04-12A",
    uom="H87",
    cooperative=COOPERATIVE,
    parties={party.address: party for party in (COOPERATIVE, FARMER, CARRIER)},
)
LOT = "https://id.gs1.org/01/06901234567892/10/2026-04-12A"
US = "https://id.yuanliu.example/"
OFFER = Offer(COOPERATIVE, CARRIER, 40)
PAYLOAD = b'{"type":"ObjectEvent"}'
COMMON = {
    "eventTime": MOMENT,
    "eventTimeZoneOffset": "+00:00",
    "yuanliu:record": f"{US}record/31337/{HASH}/5",
    "yuanliu:actor": COOPERATIVE.address,
    "yuanliu:signer": CLERK,
}
BODY: dict[Kind, Body] = {
    body.KIND: body
    for body in (
        records.Collected((records.Entry(1, FARMER.address, 60_000, 10_000),)),
        records.Registered(
            gtin=6901234567892,
            lot="2026-04-12A",
            terms=1,
            units=1_000,
            milligrams_per_unit=60_000,
            loss_milligrams=0,
            price=300,
            entries=(),
            payload=PAYLOAD,
        ),
        records.Derived(
            gtin=6901234567892,
            lot="2026-04-12A",
            terms=1,
            units=90,
            milligrams_per_unit=60_000,
            transformation=3,
            price=300,
            parents=(records.Parent(bytes(32), 5_400_000),),
            payload=PAYLOAD,
        ),
        records.Consumed(3, 100),
        records.Production(PAYLOAD),
        records.Inspection(True, PAYLOAD),
        records.Logistics(PAYLOAD),
        records.Readings(bytes([1] * 32), 9, PAYLOAD),
        records.Corrected(bytes([1] * 32), bytes([2] * 32), PAYLOAD),
        records.Priced(320),
        records.Sold(
            order=77,
            buyer=STRANGER,
            units=120,
            amount=36_000,
            farmers=21_600,
            cooperative=10_800,
            platform=3_600,
        ),
        records.Offered(4, CARRIER.address, 40),
        records.Accepted(4),
        records.Refused(4, "温度超标".encode()),
        records.Withdrawn(4),
        records.Released("复检合格".encode()),
        records.Recalled("农残超标".encode()),
        records.RecallLifted("查明误报".encode()),
    )
}
OF_THE_AUTHOR = {
    Kind.REGISTERED,
    Kind.PRODUCTION,
    Kind.INSPECTION,
    Kind.LOGISTICS,
    Kind.READINGS,
    Kind.CORRECTED,
}
WITHOUT = OF_THE_AUTHOR | {Kind.COLLECTED, Kind.PRICED}
WITH = sorted(set(BODY) - WITHOUT)
PARTY_KINDS = ("possessing_party", "owning_party")


def record_of(body: Body, *, time: int = TIME) -> Record:
    """Give a record as a reader has it: decoded from its bytes."""
    written = Record(time=time, actor=COOPERATIVE.address, signer=CLERK, body=body)
    return records.decode(records.encode(written))


def event_of(body: Body, **changes: Any) -> epcis.Event:  # noqa: ANN401 -- any argument
    arguments: dict[str, Any] = {"batch": BATCH, "logged": LOGGED, "offer": OFFER} | changes
    event = from_record(record_of(body), **arguments)
    assert event is not None
    return event


def parties(event: epcis.Event, kind: str = "possessing_party") -> tuple[str, str]:
    source = next(entry["source"] for entry in event["sourceList"] if entry["type"] == kind)
    destination = next(
        entry["destination"] for entry in event["destinationList"] if entry["type"] == kind
    )
    return source.removeprefix(US), destination.removeprefix(US)


def booked(**changes: Any) -> Delivery:  # noqa: ANN401 -- any field
    fields: dict[str, Any] = {
        "time": TIME,
        "receipt": 12,
        "farmer": FARMER,
        "cooperative": COOPERATIVE,
        "gtin": "6901234567892",
        "grams": 60_000,
        "grade_bps": 10_500,
        "price_per_kg": 2_000,
        "signer": CLERK,
    }
    return Delivery(**(fields | changes))


# ---------------------------------------------------------------------- each kind


def test_every_kind_of_record_is_decided() -> None:
    assert set(BODY) == set(BODIES)


@pytest.mark.parametrize("kind", sorted(WITHOUT))
def test_what_the_author_wrote_or_moves_nothing_has_no_event_of_the_contract(kind: Kind) -> None:
    assert from_record(record_of(BODY[kind]), BATCH, LOGGED) is None


@pytest.mark.parametrize("kind", WITH)
def test_each_event_is_valid_hashed_and_read_back_from_its_bytes(kind: Kind) -> None:
    event = event_of(BODY[kind])
    validate_event(event)
    again = epcis.parse_payload(epcis.payload(event))
    assert again == event
    assert event_hash(again) == event_hash(event)
    assert event_hash(event).startswith("ni:///sha-256;")
    assert COMMON.items() <= event.items()


@pytest.mark.parametrize("kind", WITH)
def test_two_logs_give_two_events(kind: Kind) -> None:
    other = event_of(BODY[kind], logged=Logged(31337, HASH, 6))
    assert event_hash(other) != event_hash(event_of(BODY[kind]))


def test_a_sale_names_payment_order_both_sides_and_every_share() -> None:
    event = event_of(BODY[Kind.SOLD])
    owners = [{"type": kind, "source": f"{US}party/COOP-0001"} for kind in PARTY_KINDS]
    buyers = [{"type": kind, "destination": f"{US}party/{STRANGER}"} for kind in PARTY_KINDS]
    assert event == COMMON | {
        "type": "TransactionEvent",
        "action": "ADD",
        "bizStep": "retail_selling",
        "disposition": "retail_sold",
        "quantityList": [{"epcClass": LOT, "quantity": 120, "uom": "H87"}],
        "bizTransactionList": [
            {"type": "inv", "bizTransaction": f"{US}payment/31337/{HASH}/5"},
            {"type": "po", "bizTransaction": f"{US}order/31337/{COOPERATIVE.address}/77"},
        ],
        "sourceList": owners,
        "destinationList": buyers,
        "yuanliu:units": "120",
        "yuanliu:amount": "36000",
        "yuanliu:farmers": "21600",
        "yuanliu:cooperative": "10800",
        "yuanliu:platform": "3600",
    }


@pytest.mark.parametrize(
    ("kind", "step", "disposition", "back"),
    [
        (Kind.OFFERED, "shipping", "in_transit", False),
        (Kind.ACCEPTED, "receiving", "in_progress", False),
        (Kind.REFUSED, "shipping", "returned", True),
        (Kind.WITHDRAWN, "void_shipping", "in_progress", False),
    ],
)
def test_a_hand_over_says_from_whom_to_whom_how_much(
    kind: Kind, step: str, disposition: str, *, back: bool
) -> None:
    event = event_of(BODY[kind])
    assert (event["type"], event["action"]) == ("ObjectEvent", "OBSERVE")
    assert (event["bizStep"], event["disposition"]) == (step, disposition)
    sides = ("party/COOP-0001", "party/CARRIER%207%2F8")
    assert parties(event) == (sides[::-1] if back else sides)
    assert event["quantityList"] == [{"epcClass": LOT, "quantity": 40, "uom": "H87"}]
    named = f"{US}offer/31337/0x{'07' * 32}/4"
    assert event["bizTransactionList"] == [{"type": "desadv", "bizTransaction": named}]
    assert event.get("yuanliu:reason") == ("温度超标" if back else None)


@pytest.mark.parametrize("kind", [Kind.ACCEPTED, Kind.REFUSED, Kind.WITHDRAWN])
def test_an_answer_without_its_offer_is_refused(kind: Kind) -> None:
    with pytest.raises(EpcisError, match=r"epcis\.offer_missing.*offer 4"):
        event_of(BODY[kind], offer=None)


def test_what_went_in_and_what_came_out_share_the_transformation() -> None:
    consumed, derived = event_of(BODY[Kind.CONSUMED]), event_of(BODY[Kind.DERIVED])
    assert consumed["type"] == derived["type"] == "TransformationEvent"
    assert (
        consumed["transformationID"] == derived["transformationID"] == uris.transformation(31337, 3)
    )
    assert consumed["inputQuantityList"] == [{"epcClass": LOT, "quantity": 100, "uom": "H87"}]
    assert derived["outputQuantityList"] == [{"epcClass": LOT, "quantity": 90, "uom": "H87"}]
    assert "outputQuantityList" not in consumed
    assert "action" not in consumed


@pytest.mark.parametrize(
    ("kind", "persistent", "disposition", "reason"),
    [
        (Kind.RECALLED, {"set": ["recalled"]}, "recalled", "农残超标"),
        (Kind.RECALL_LIFTED, {"unset": ["recalled"]}, None, "查明误报"),
        (Kind.RELEASED, {"unset": ["non_conformant"]}, None, "复检合格"),
    ],
)
def test_a_recall_and_a_release_hold_for_the_whole_lot(
    kind: Kind, persistent: object, disposition: str | None, reason: str
) -> None:
    event = event_of(BODY[kind])
    assert event["persistentDisposition"] == persistent
    assert event.get("disposition") == disposition
    assert event["quantityList"] == [{"epcClass": LOT}]
    assert event["yuanliu:reason"] == reason


# ---------------------------------------------------------------------- deliveries


def test_a_delivery_is_received_from_the_farmer_by_code() -> None:
    event = delivered(booked(), LOGGED)
    validate_event(event)
    assert event == COMMON | {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "bizStep": "receiving",
        "disposition": "in_progress",
        "quantityList": [
            {"epcClass": "https://id.gs1.org/01/06901234567892", "quantity": 60_000, "uom": "GRM"}
        ],
        "bizTransactionList": [
            {
                "type": "recadv",
                "bizTransaction": f"{US}delivery/31337/{COOPERATIVE.address}/12",
            }
        ],
        "readPoint": {"id": f"{US}place/COOP-0001"},
        "sourceList": [{"type": "possessing_party", "source": f"{US}party/COOP-0001/H-0001"}],
        "destinationList": [{"type": "possessing_party", "destination": f"{US}party/COOP-0001"}],
        "yuanliu:netGrams": 60_000,
        "yuanliu:gradeBps": 10_500,
        "yuanliu:pricePerKilogram": "2000",
    }


def test_a_voided_delivery_is_the_same_event_declared_wrong() -> None:
    event = delivered(booked(), LOGGED)
    voided = delivery_voided(event, time=TIME + 60, reason="称重有误")
    validate_event(voided)
    declared = voided.pop("errorDeclaration")
    assert voided == event
    assert declared == {
        "declarationTime": "2026-04-12T13:21:00+00:00",
        "reason": "did_not_occur",
        "yuanliu:reason": "称重有误",
    }
    assert event_hash(event) == event_hash(voided)  # the standard's hash leaves declarations out


def test_a_product_that_is_none_is_refused() -> None:
    with pytest.raises(IdentifierError):
        delivered(booked(gtin="6901234567891"), LOGGED)


# ---------------------------------------------------------------------- what comes odd from the chain


def test_a_reason_of_any_bytes_becomes_text() -> None:
    event = event_of(records.Recalled(b"\xff\0" + "坏".encode()))
    validate_event(event)
    assert event["yuanliu:reason"] == "\ufffd\ufffd坏"


def test_more_units_than_a_double_counts_stand_exact_as_text() -> None:
    most = 2**64 - 1
    event = event_of(records.Consumed(1, most))
    validate_event(event)
    assert event["inputQuantityList"] == [{"epcClass": LOT}]
    assert event["yuanliu:units"] == str(most)
    assert event_of(records.Consumed(1, 2**53))["inputQuantityList"][0]["quantity"] == 2**53


def test_a_time_beyond_the_calendar_is_refused() -> None:
    late = record_of(BODY[Kind.SOLD], time=2**64 - 1)
    with pytest.raises(EpcisError, match=r"epcis\.time_invalid"):
        from_record(late, BATCH, LOGGED)


@pytest.mark.parametrize(
    ("name", "value", "kinds"),
    [
        ("EQ_bizStep", "retail_selling", {Kind.SOLD}),
        ("EQ_bizStep", "void_shipping", {Kind.WITHDRAWN}),
        ("EQ_persistentDisposition_set", "recalled", {Kind.RECALLED}),
        ("EQ_persistentDisposition_unset", "non_conformant", {Kind.RELEASED}),
        ("EQ_transformationID", uris.transformation(31337, 3), {Kind.CONSUMED, Kind.DERIVED}),
        ("EQ_bizTransaction_inv", uris.payment(31337, HASH, 5), {Kind.SOLD}),
        ("EQ_source_possessing_party", CARRIER.uri, {Kind.REFUSED}),
        ("MATCH_anyEPCClass", LOT, set(WITH)),
    ],
)
def test_queries_find_them(name: str, value: str, kinds: set[Kind]) -> None:
    query = parse_query([(name, value)])
    assert {kind for kind in WITH if matches(query, event_of(BODY[kind]))} == kinds


def test_addresses_and_hashes_give_one_name_in_either_case() -> None:
    assert uris.unenrolled(STRANGER.upper().replace("0X", "0x")) == uris.unenrolled(STRANGER)
    assert uris.payment(1, HASH.upper().replace("0X", "0x"), 2) == uris.payment(1, HASH, 2)
