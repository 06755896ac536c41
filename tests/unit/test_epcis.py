"""EPCIS events: each act as the standard writes it, their bytes, and what is refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu import epcis
from yuanliu.epcis import EpcisError, Lot, Measurement, Temperature, parse_payload, payload

CHINA = timezone(timedelta(hours=8))
WHEN = datetime(2026, 4, 12, 8, 30, tzinfo=CHINA)
TEA = Lot("6901234567892", "2026-04-12A", Decimal("19.5"), "KGM")
PLOT = "https://id.gs1.org/414/6901234567892/254/P7"
BIFENTHRIN = "https://pubchem.ncbi.nlm.nih.gov/compound/6442842"
QUANTITY = {
    "epcClass": "https://id.gs1.org/01/06901234567892/10/2026-04-12A",
    "quantity": 19.5,
    "uom": "KGM",
}


def refused(code: str) -> pytest.RaisesExc[EpcisError]:
    return pytest.RaisesExc(EpcisError, check=lambda error: error.code == f"epcis.{code}")


def residue(value: str | None, limit: str = "5", detection: str | None = None) -> Measurement:
    return Measurement(
        substance=BIFENTHRIN,
        value=None if value is None else Decimal(value),
        limit=Decimal(limit),
        limit_source="GB 2763-2026",
        method="GB 23200.113-2018",
        detection_limit=None if detection is None else Decimal(detection),
    )


def inspected(*measurements: Measurement, conformant: bool = True) -> epcis.Event:
    return epcis.inspected(
        WHEN,
        TEA,
        place=PLOT,
        laboratory="LAB-440500-01",
        report_sha256="ab" * 32,
        conformant=conformant,
        measurements=measurements,
    )


def moved(**changes: Any) -> epcis.Event:  # noqa: ANN401 -- any argument
    return epcis.moved(WHEN, TEA, **({"step": "shipping", "place": PLOT} | changes))


def temperature(**changes: Any) -> Temperature:  # noqa: ANN401 -- any field
    fields: dict[str, Any] = {
        "minimum": Decimal("2.1"),
        "maximum": Decimal("7.9"),
        "mean": Decimal(4),
        "start": WHEN,
        "end": WHEN + timedelta(hours=6),
    }
    return Temperature(**(fields | changes))


def harvest() -> epcis.Event:
    return epcis.harvested(
        WHEN, TEA, place=PLOT, harvested_on=date(2026, 4, 11), details={"variety": "凤凰单丛"}
    )


# ---------------------------------------------------------------------- each act


def test_a_harvest_is_commissioned() -> None:
    assert harvest() == {
        "type": "ObjectEvent",
        "eventTime": "2026-04-12T08:30:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "ADD",
        "bizStep": "commissioning",
        "disposition": "active",
        "quantityList": [QUANTITY],
        "readPoint": {"id": PLOT},
        "ilmd": {"cbvmda:harvestStartDate": "2026-04-11", "yuanliu:variety": "凤凰单丛"},
    }


def test_a_step_of_production_is_our_own_word() -> None:
    event = epcis.produced(WHEN, TEA, place=PLOT, step="growing", details={"shade": 40})
    assert event["action"] == "OBSERVE"
    assert event["yuanliu:step"] == "growing"
    assert event["yuanliu:shade"] == 40
    assert "bizStep" not in event


def test_an_inspection_carries_value_limit_unit_method_laboratory_and_report() -> None:
    event = inspected(residue("0.012"))
    assert event["bizStep"] == "inspecting"
    assert event["persistentDisposition"] == {"set": ["conformant"], "unset": ["non_conformant"]}
    assert event["yuanliu:laboratory"] == "LAB-440500-01"
    assert event["yuanliu:reportSha256"] == "ab" * 32
    assert event["sensorElementList"][0]["sensorReport"] == [
        {
            "type": "Dimensionless",
            "chemicalSubstance": BIFENTHRIN,
            "value": 0.012,
            "uom": "NA",
            "yuanliu:limit": 5,
            "yuanliu:limitSource": "GB 2763-2026",
            "yuanliu:method": "GB 23200.113-2018",
        }
    ]


def test_a_failed_inspection_says_so() -> None:
    event = inspected(residue("5.01"), residue("0.1"), conformant=False)
    assert event["persistentDisposition"] == {"set": ["non_conformant"], "unset": ["conformant"]}


def test_a_value_at_the_limit_conforms_and_one_above_does_not() -> None:
    assert inspected(residue("5"))
    with refused("verdict_contradicts") as caught:
        inspected(residue("5.001"))
    assert caught.value.fields == {"substances": [BIFENTHRIN]}


def test_not_detected_needs_the_limit_of_detection() -> None:
    report = inspected(residue(None, detection="0.01"))["sensorElementList"][0]["sensorReport"][0]
    assert report["yuanliu:detected"] is False
    assert report["yuanliu:detectionLimit"] == 0.01
    assert "value" not in report
    with refused("measurements_invalid"):
        inspected(residue(None), conformant=False)


def test_not_detected_by_a_method_too_coarse_does_not_conform() -> None:
    with refused("verdict_contradicts"):
        inspected(residue(None, limit="0.01", detection="0.05"))


def test_an_inspection_needs_figures_and_a_report() -> None:
    with refused("measurements_invalid"):
        inspected()
    with refused("hash_invalid"):
        epcis.inspected(
            WHEN,
            TEA,
            place=PLOT,
            laboratory="L",
            report_sha256="AB" * 32,
            conformant=True,
            measurements=[residue("1")],
        )


def test_transport_carries_the_temperatures() -> None:
    event = moved(
        step="transporting", source=PLOT, destination="urn:x:shop", temperature=temperature()
    )
    assert event["bizStep"] == "transporting"
    assert event["disposition"] == "in_transit"
    assert event["sourceList"] == [{"type": "possessing_party", "source": PLOT}]
    assert event["destinationList"] == [{"type": "possessing_party", "destination": "urn:x:shop"}]
    assert event["sensorElementList"] == [
        {
            "sensorMetadata": {
                "startTime": "2026-04-12T08:30:00+08:00",
                "endTime": "2026-04-12T14:30:00+08:00",
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "minValue": 2.1,
                    "maxValue": 7.9,
                    "meanValue": 4,
                    "uom": "CEL",
                }
            ],
        }
    ]


def test_what_was_received_is_no_longer_in_transit() -> None:
    assert moved(step="receiving")["disposition"] == "in_progress"


@pytest.mark.parametrize(
    "changes", [{"mean": Decimal(1)}, {"mean": Decimal(8)}, {"end": WHEN - timedelta(seconds=1)}]
)
def test_temperatures_out_of_order_are_refused(changes: dict[str, Any]) -> None:
    with refused("measurements_invalid"):
        moved(temperature=temperature(**changes))


def test_a_transformation_names_inputs_outputs_and_loss() -> None:
    event = epcis.transformed(
        WHEN, [TEA], [TEA, TEA], place=PLOT, transformation="urn:x:t:3", loss_milligrams=500
    )
    assert event["type"] == "TransformationEvent"
    assert event["inputQuantityList"] == [QUANTITY]
    assert event["outputQuantityList"] == [QUANTITY, QUANTITY]
    assert event["transformationID"] == "urn:x:t:3"
    assert event["yuanliu:lossMilligrams"] == 500
    assert "action" not in event


def test_a_correction_is_the_wrong_event_once_more_with_a_declaration() -> None:
    wrong = epcis.identified(harvest(), "urn:x:1")
    event = epcis.declared_wrong(
        wrong, declared_at=WHEN, reason="incorrect_data", corrective_event_ids=["urn:x:2"]
    )
    declaration = event.pop("errorDeclaration")
    assert event == wrong
    assert declaration == {
        "declarationTime": "2026-04-12T08:30:00+08:00",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:x:2"],
    }


def test_a_correction_is_not_corrected() -> None:
    once = epcis.declared_wrong(harvest(), declared_at=WHEN, reason="did_not_occur")
    assert "correctiveEventIDs" not in once["errorDeclaration"]
    with refused("already_declared"):
        epcis.declared_wrong(once, declared_at=WHEN, reason="did_not_occur")


# ---------------------------------------------------------------------- parts


def test_a_time_needs_its_offset() -> None:
    with refused("time_invalid"):
        epcis.produced(WHEN.replace(tzinfo=None), TEA, place=PLOT, step="growing", details={})
    odd = WHEN.astimezone(timezone(timedelta(hours=8, seconds=30)))
    with refused("time_invalid"):
        epcis.produced(odd, TEA, place=PLOT, step="growing", details={})
    event = epcis.produced(WHEN.astimezone(UTC), TEA, place=PLOT, step="growing", details={})
    assert event["eventTime"] == "2026-04-12T00:30:00+00:00"


def test_a_time_is_written_to_the_millisecond() -> None:
    when = WHEN.replace(microsecond=123_456)
    event = epcis.produced(when, TEA, place=PLOT, step="growing", details={})
    assert event["eventTime"] == "2026-04-12T08:30:00.123+08:00"
    assert event["eventTimeZoneOffset"] == "+08:00"
    assert parse_payload(payload(event)) == event


@pytest.mark.parametrize("place", ["", "plot 7", "urn: x", "田", "https:", "urn:a\nb"])
def test_a_place_is_a_uri(place: str) -> None:
    with refused("uri_invalid"):
        moved(place=place)


@pytest.mark.parametrize("word", ["", "two words", "施肥", "yuanliu:x", "a\n"])
def test_an_extension_has_a_plain_name(word: str) -> None:
    with refused("word_invalid"):
        epcis.produced(WHEN, TEA, place=PLOT, step="growing", details={word: 1})


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "0.12345678901234567890", "1e999999", "9007199254740993"]
)
def test_a_number_that_a_browser_would_change_is_refused(number: str) -> None:
    with refused("number_invalid"):
        inspected(residue(number), conformant=False)


@given(st.decimals(-(10**6), 10**6, places=6))
def test_ordinary_figures_survive_to_the_last_digit(value: Decimal) -> None:
    event = parse_payload(payload(inspected(residue(str(value)), conformant=False)))
    read = event["sensorElementList"][0]["sensorReport"][0]["value"]
    assert Decimal(str(read)) == value


# ---------------------------------------------------------------------- bytes


def test_the_bytes_are_compact_sorted_utf8() -> None:
    event = {"type": "ObjectEvent", "eventTime": "2026-04-12T08:30:00Z", "yuanliu:note": "茶"}
    expected = '{"eventTime":"2026-04-12T08:30:00Z","type":"ObjectEvent","yuanliu:note":"茶"}'
    assert payload(event) == expected.encode()
    assert payload(dict(reversed(event.items()))) == expected.encode()


EVENTS: list[Callable[[], epcis.Event]] = [harvest, moved, lambda: inspected(residue("1"))]


@pytest.mark.parametrize("build", EVENTS, ids=["harvest", "moved", "inspected"])
def test_events_come_back_from_their_bytes(build: Callable[[], epcis.Event]) -> None:
    assert parse_payload(payload(build())) == build()
    assert payload(parse_payload(payload(build()))) == payload(build())


def test_the_limit_is_8192_bytes_not_characters() -> None:
    room = 8_192 - len(payload(harvest() | {"yuanliu:note": ""}))
    assert len(payload(harvest() | {"yuanliu:note": "x" * room})) == 8_192
    for note in ("x" * (room + 1), "茶" * (room // 2)):
        with refused("payload_too_long"):
            payload(harvest() | {"yuanliu:note": note})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "payload_not_json"),
        (float("inf"), "payload_not_json"),
        (object(), "payload_not_json"),
        (b"bytes", "payload_not_json"),
        ("\ud800", "payload_not_json"),
        ("\0", "text_invalid"),
        (10**400, "number_invalid"),
    ],
    ids=range(7),
)
def test_what_json_cannot_hold_is_not_written(value: object, code: str) -> None:
    with refused(code):
        payload(harvest() | {"yuanliu:x": value})


TIMED = '"type":"ObjectEvent","eventTime":"2026-04-12T08:30:00Z"'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "payload_not_json"),
        ("{", "payload_not_json"),
        ("no JSON", "payload_not_json"),
        ("\ufeff{" + TIMED + "}", "payload_not_json"),
        ("{" + TIMED + "}{}", "payload_not_json"),
        ("[]", "payload_not_object"),
        ('"text"', "payload_not_object"),
        ("null", "payload_not_object"),
        ("{}", "type_invalid"),
        ('{"type":"ObjectEvent"}', "time_invalid"),
        ('{"type":"Object","eventTime":"2026-04-12T08:30:00Z"}', "type_invalid"),
        ('{"type":["ObjectEvent"],"eventTime":"2026-04-12T08:30:00Z"}', "type_invalid"),
        ('{"type":"ObjectEvent","eventTime":"2026-04-12T08:30:00"}', "time_invalid"),
        ('{"type":"ObjectEvent","eventTime":"2026-04-12"}', "time_invalid"),
        ('{"type":"ObjectEvent","eventTime":"2026-02-30T08:30:00Z"}', "time_invalid"),
        ('{"type":"ObjectEvent","eventTime":1776000000}', "time_invalid"),
        ("{" + TIMED + ',"type":"ObjectEvent"}', "duplicate_key"),
        ("{" + TIMED + ',"a":[{"b":1,"\\u0062":2}]}', "duplicate_key"),
        ("{" + TIMED + ',"a":NaN}', "number_invalid"),
        ("{" + TIMED + ',"a":-Infinity}', "number_invalid"),
        ("{" + TIMED + ',"a":1e999}', "number_invalid"),
        ("{" + TIMED + ',"a":' + "9" * 400 + "}", "number_invalid"),
        ("{" + TIMED + ',"a":' + "9" * 5_000 + "}", "payload_not_json"),
        ("{" + TIMED + ',"a":"\\ud800"}', "text_invalid"),
        ("{" + TIMED + ',"\\u0000":1}', "text_invalid"),
        ("{" + TIMED + ',"a":' + "[" * 40 + "]" * 40 + "}", "too_deep"),
        ("[" * 8_000, "payload_not_json"),
        ("{" + " " * 8_191 + "}", "payload_too_long"),
    ],
    ids=range(28),
)
def test_a_bad_payload_is_refused(text: str, code: str) -> None:
    with refused(code):
        parse_payload(text.encode())


@pytest.mark.parametrize("data", [b"\xff", "{}".encode("utf-16"), b'{"a":"\xed\xa0\x80"}'])
def test_what_is_not_utf8_is_refused(data: bytes) -> None:
    with refused("payload_not_utf8"):
        parse_payload(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_whatever_is_written_is_read_back_alike(extra: dict[str, Any]) -> None:
    event = extra | {"type": "ObjectEvent", "eventTime": "2026-04-12T08:30:00Z"}
    try:
        data = payload(event)
    except EpcisError:
        return
    assert parse_payload(data) == event
    assert payload(parse_payload(data)) == data


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace"))
)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        parse_payload(data)
    except EpcisError as error:
        assert error.hint  # noqa: PT017 -- nearly all bytes are refused, but not by rule
