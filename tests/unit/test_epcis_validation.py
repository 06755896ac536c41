"""Shapes and rules of EPCIS: what passes, what is refused, and where."""

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from yuanliu import epcis
from yuanliu.bench import epcis as bench
from yuanliu.epcis import EpcisError, contexts, models
from yuanliu.epcis.contexts import CONTEXT, STANDARD, read_context
from yuanliu.epcis.validation import MAX_ERRORS, open_document, parse_document, validate_event

Json = dict[str, Any]
Change = Callable[[Json], object]

LOT = "https://id.gs1.org/01/06901234567892/10/A1"
ITEM = "https://id.gs1.org/01/06901234567892/21/1"
OTHER = "urn:epc:id:sgtin:4012345.012345.12"
PALLET = "https://id.gs1.org/00/040123450000003338"
PLACE = "https://id.gs1.org/414/6901234567892/254/P7"
WHEN = datetime(2026, 4, 12, 0, 30, tzinfo=UTC)


def common(kind: str, **more: Any) -> Json:  # noqa: ANN401 -- any field
    time = {"eventTime": "2026-04-12T08:30:00+08:00", "eventTimeZoneOffset": "+08:00"}
    return {"type": kind, **time, **more}


EVENTS: dict[str, Json] = {
    "object": common(
        "ObjectEvent",
        action="ADD",
        epcList=[ITEM, OTHER],
        quantityList=[{"epcClass": LOT, "quantity": 19.5, "uom": "KGM"}, {"epcClass": LOT}],
        bizStep="commissioning",
        disposition="active",
        readPoint={"id": PLACE, "yuanliu:row": 7},
        bizLocation={"id": PLACE},
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:x:po:7"}],
        sourceList=[{"type": "owning_party", "source": "https://id.gs1.org/417/6901234567892"}],
        destinationList=[{"type": "location", "destination": PLACE}],
        persistentDisposition={"set": ["conformant"], "unset": ["non_conformant"]},
        certificationInfo=["urn:x:c1", "urn:x:c2"],
        recordTime="2026-04-12T00:31:00Z",
        eventID="urn:x:1",
        errorDeclaration={
            "declarationTime": "2026-04-13T08:30:00Z",
            "reason": "incorrect_data",
            "correctiveEventIDs": ["urn:x:2"],
        },
        ilmd={"cbvmda:lotNumber": "A1", "yuanliu:deep": {"bare": [1, {"yuanliu:x": None}]}},
        sensorElementList=[
            {
                "sensorMetadata": {
                    "startTime": "2026-04-12T08:00:00Z",
                    "endTime": "2026-04-12T09:00:00Z",
                    "deviceID": "https://id.gs1.org/8004/4012345AA",
                },
                "sensorReport": [
                    {
                        "type": "Temperature",
                        "minValue": 2,
                        "meanValue": 3.5,
                        "maxValue": 7,
                        "sDev": 0,
                        "percRank": 95,
                        "percValue": 6.5,
                        "uom": "CEL",
                    },
                    {"exception": "ALARM_CONDITION", "hexBinaryValue": "0aFF"},
                    {"type": "Dimensionless", "value": 0.2, "component": "x"},
                    {"type": "https://shop.example/Sweetness", "value": 12, "booleanValue": True},
                ],
            }
        ],
    ),
    "aggregation": common(
        "AggregationEvent",
        action="ADD",
        parentID=PALLET,
        childEPCs=[ITEM],
        childQuantityList=[{"epcClass": LOT, "quantity": 3}],
    ),
    "association": common(
        "AssociationEvent",
        action="ADD",
        parentID="https://id.gs1.org/8003/0401234566666387",
        childEPCs=["https://id.gs1.org/8004/4012345AA"],
    ),
    "transaction": common(
        "TransactionEvent",
        action="ADD",
        bizStep="retail_selling",
        bizTransactionList=[{"type": "inv", "bizTransaction": "urn:x:inv:7"}],
        quantityList=[{"epcClass": LOT, "quantity": 1}],
    ),
    "transformation": common(
        "TransformationEvent",
        inputQuantityList=[{"epcClass": LOT, "quantity": 2, "uom": "KGM"}],
        outputQuantityList=[
            {"epcClass": "urn:epc:class:lgtin:4012345.012345.B", "quantity": 1, "uom": "KGM"}
        ],
        transformationID="urn:x:t:1",
        ilmd={"yuanliu:batch": "B"},
    ),
}


def refused(code: str, pointer: str | None = None) -> pytest.RaisesExc[EpcisError]:
    return pytest.RaisesExc(
        EpcisError,
        check=lambda error: (
            error.code == f"epcis.{code}"
            and (pointer is None or error.fields["pointer"] == pointer)
            and bool(error.hint)
        ),
    )


@pytest.mark.parametrize("name", EVENTS)
def test_each_type_passes_and_keeps_its_values(name: str) -> None:
    event = EVENTS[name]
    model = validate_event(event)
    assert model.type == event["type"]
    assert model.model_dump(by_alias=True, exclude_unset=True) == event


def test_all_our_acts_pass() -> None:
    for event in bench._events(60):
        validate_event(event)
    lot = epcis.Lot("6901234567892", "A1", Decimal("19.5"), "KGM")
    moved = epcis.moved(WHEN, lot, step="shipping", place=PLACE)
    wrong = epcis.declared_wrong(
        epcis.identified(moved, "urn:x:1"),
        declared_at=WHEN + timedelta(days=1),
        reason="did_not_occur",
    )
    validate_event(wrong)


def put(path: str, value: object) -> Change:
    def change(event: Json) -> None:
        part: Any = event
        *way, last = path.split("/")
        for step in way:
            part = part[int(step) if step.isdigit() else step]
        if isinstance(part, list):
            part.insert(int(last), value)
        else:
            part[last] = value

    return change


def drop(*names: str) -> Change:
    return lambda event: [event.pop(name) for name in names]


REFUSED: list[tuple[str, Change, str, str]] = [
    ("object", drop("type"), "type_invalid", "/type"),
    ("object", put("type", "QuantityEvent"), "type_invalid", "/type"),
    ("object", put("type", ["ObjectEvent"]), "type_invalid", "/type"),
    ("object", drop("eventTime"), "field_missing", "/eventTime"),
    ("object", drop("eventTimeZoneOffset"), "field_missing", "/eventTimeZoneOffset"),
    ("object", drop("action"), "field_missing", "/action"),
    ("object", put("action", "add"), "value_invalid", "/action"),
    ("object", put("eventTime", "2026-04-12T08:30:00"), "time_invalid", "/eventTime"),
    ("object", put("eventTime", "2026-02-30T08:30:00Z"), "time_invalid", "/eventTime"),
    ("object", put("eventTime", "0001-01-01T00:00:00+14:00"), "time_invalid", "/eventTime"),
    ("object", put("eventTime", 1776000000), "value_type", "/eventTime"),
    ("object", put("eventTimeZoneOffset", "+8:00"), "offset_invalid", "/eventTimeZoneOffset"),
    ("object", put("eventTimeZoneOffset", "Z"), "offset_invalid", "/eventTimeZoneOffset"),
    ("object", put("eventTimeZoneOffset", "+14:30"), "offset_invalid", "/eventTimeZoneOffset"),
    ("object", put("recordTime", "2026-04-12T00:20:00Z"), "time_before_event", "/recordTime"),
    (
        "object",
        put("errorDeclaration/declarationTime", "2026-04-11T00:00:00Z"),
        "time_before_event",
        "/errorDeclaration/declarationTime",
    ),
    (
        "object",
        put("errorDeclaration/correctiveEventIDs/0", "urn:x:1"),
        "correction_of_itself",
        "/errorDeclaration/correctiveEventIDs",
    ),
    ("object", put("errorDeclaration/reason", "typo"), "word_unknown", "/errorDeclaration/reason"),
    ("object", put("bizStep", "recieving"), "word_unknown", "/bizStep"),
    ("object", put("bizStep", "shop:smoking"), "namespace_undeclared", "/bizStep"),
    ("object", put("bizStep", "https://a b"), "uri_invalid", "/bizStep"),
    ("object", put("disposition", "cbv:BizStep-receiving"), "word_unknown", "/disposition"),
    ("object", put("persistentDisposition", {}), "field_missing", "/persistentDisposition"),
    (
        "object",
        put("persistentDisposition", {"set": []}),
        "list_empty",
        "/persistentDisposition/set",
    ),
    (
        "object",
        put("persistentDisposition", {"set": ["recalled", "recalled"]}),
        "list_repeats",
        "/persistentDisposition/set/1",
    ),
    (
        "object",
        put("persistentDisposition", {"set": ["recalled"], "unset": ["cbv:Disp-recalled"]}),
        "disposition_contradicts",
        "/persistentDisposition",
    ),
    ("object", put("epcList/0", LOT), "class_for_thing", "/epcList/0"),
    (
        "object",
        put("epcList/0", "urn:epc:idpat:sgtin:4012345.012345.*"),
        "class_for_thing",
        "/epcList/0",
    ),
    ("object", put("epcList/0", ITEM), "list_repeats", "/epcList/1"),
    (
        "object",
        put("epcList/0", "https://id.gs1.org/01/06901234567893/21/1"),
        "identifier_malformed",
        "/epcList/0",
    ),
    ("object", put("epcList/0", "urn:epc:id:sgtin:1.2.3"), "identifier_malformed", "/epcList/0"),
    ("object", put("epcList/0", "苹果"), "uri_invalid", "/epcList/0"),
    ("object", put("epcList/0", 7), "value_type", "/epcList/0"),
    ("object", put("epcList", {}), "value_type", "/epcList"),
    ("object", put("quantityList/0/epcClass", ITEM), "thing_for_class", "/quantityList/0/epcClass"),
    ("object", put("quantityList/0/quantity", "19"), "number_invalid", "/quantityList/0/quantity"),
    ("object", put("quantityList/0/quantity", True), "number_invalid", "/quantityList/0/quantity"),
    (
        "object",
        put("quantityList/0/quantity", float("nan")),
        "number_invalid",
        "/quantityList/0/quantity",
    ),
    (
        "object",
        put("quantityList/0/quantity", 10**5000),
        "number_invalid",
        "/quantityList/0/quantity",
    ),
    ("object", put("quantityList/0/quantity", -1), "quantity_negative", "/quantityList/0/quantity"),
    ("object", put("quantityList/0/quantity", None), "quantity_missing", "/quantityList/0"),
    ("object", put("quantityList/0/uom", None), "uom_missing", "/quantityList/0/quantity"),
    ("object", put("quantityList/0/uom", "kg"), "uom_invalid", "/quantityList/0/uom"),
    ("object", put("quantityList/1", {"epcClass": LOT}), "list_repeats", "/quantityList/2"),
    ("object", put("quantityList/0/yuanliu:x", 1), "field_unknown", "/quantityList/0/yuanliu:x"),
    ("object", put("readPoint", PLACE), "value_type", "/readPoint"),
    (
        "object",
        put("readPoint/id", "https://id.gs1.org/414/1"),
        "identifier_malformed",
        "/readPoint/id",
    ),
    ("object", put("readPoint/name", "plot"), "field_unknown", "/readPoint/name"),
    ("object", put("readPoint/shop:name", "plot"), "namespace_undeclared", "/readPoint/shop:name"),
    ("object", put("sourceList/0/type", "owner"), "word_unknown", "/sourceList/0/type"),
    ("object", put("sourceList/0/source", "no"), "uri_invalid", "/sourceList/0/source"),
    (
        "object",
        put("bizTransactionList/0/type", "PO"),
        "word_unknown",
        "/bizTransactionList/0/type",
    ),
    ("object", put("certificationInfo", []), "value_type", "/certificationInfo"),
    (
        "object",
        put("certificationInfo", ["urn:x", "urn:x"]),
        "list_repeats",
        "/certificationInfo/1",
    ),
    ("object", put("certificationInfo", "no uri"), "uri_invalid", "/certificationInfo"),
    ("object", put("action", "OBSERVE"), "ilmd_misplaced", "/ilmd"),
    ("object", put("ilmd/lot", "A"), "field_unknown", "/ilmd/lot"),
    ("object", put("ilmd/shop:lot", "A"), "namespace_undeclared", "/ilmd/shop:lot"),
    (
        "object",
        put("ilmd/yuanliu:deep/a~b:c", 1),
        "namespace_undeclared",
        "/ilmd/yuanliu:deep/a~0b:c",
    ),
    ("object", put("parentID", PALLET), "field_unknown", "/parentID"),
    ("object", put("yuanliu:x", float("inf")), "number_invalid", "/yuanliu:x"),
    ("object", put("yuanliu:x", {1: 2}), "value_type", "/yuanliu:x"),
    ("object", put("yuanliu:x", object()), "number_invalid", "/yuanliu:x"),
    (
        "object",
        drop("epcList", "quantityList", "sensorElementList"),
        "field_missing",
        "/epcList",
    ),
    ("object", drop("epcList", "quantityList", "readPoint"), "field_missing", "/epcList"),
    (
        "object",
        put("sensorElementList/0/sensorReport", []),
        "list_empty",
        "/sensorElementList/0/sensorReport",
    ),
    ("aggregation", drop("parentID"), "field_missing", "/parentID"),
    ("aggregation", drop("childEPCs", "childQuantityList"), "field_missing", "/childEPCs"),
    ("aggregation", put("childEPCs/0", PALLET), "parent_in_children", "/childEPCs"),
    ("aggregation", put("ilmd", {}), "field_unknown", "/ilmd"),
    ("association", drop("parentID"), "field_missing", "/parentID"),
    ("association", drop("childEPCs"), "field_missing", "/childEPCs"),
    ("transaction", drop("bizTransactionList"), "field_missing", "/bizTransactionList"),
    ("transaction", put("bizTransactionList", []), "list_empty", "/bizTransactionList"),
    ("transaction", drop("quantityList"), "field_missing", "/epcList"),
    ("transformation", put("action", "ADD"), "field_unknown", "/action"),
    (
        "transformation",
        drop("inputQuantityList", "outputQuantityList"),
        "field_missing",
        "/inputQuantityList",
    ),
    (
        "transformation",
        drop("inputQuantityList", "transformationID"),
        "field_missing",
        "/inputQuantityList",
    ),
    (
        "transformation",
        drop("outputQuantityList", "transformationID"),
        "field_missing",
        "/outputQuantityList",
    ),
]


@pytest.mark.parametrize(
    ("name", "change", "code", "pointer"),
    REFUSED,
    ids=[f"{number}-{code}" for number, (_, _, code, _) in enumerate(REFUSED)],
)
def test_a_broken_rule_is_named_with_its_place(
    name: str, change: Change, code: str, pointer: str
) -> None:
    event = deepcopy(EVENTS[name])
    change(event)
    with refused(code, pointer):
        validate_event(event)


REPORT = "sensorElementList/0/sensorReport/0"


@pytest.mark.parametrize(
    ("field", "value", "code", "where"),
    [
        ("type", "Heat", "word_unknown", "/type"),
        ("type", None, "field_missing", "/type"),
        ("uom", None, "uom_missing", "/uom"),
        ("uom", "°C", "uom_invalid", "/uom"),
        ("minValue", 4, "values_out_of_order", ""),
        ("maxValue", "7", "number_invalid", "/maxValue"),
        ("sDev", -1, "value_negative", "/sDev"),
        ("percRank", 101, "percentile_invalid", "/percRank"),
        ("percRank", None, "field_missing", ""),
        ("percValue", None, "field_missing", ""),
        ("component", "w", "word_unknown", "/component"),
        ("exception", "ALARM", "word_unknown", "/exception"),
        ("hexBinaryValue", "abc", "hex_invalid", "/hexBinaryValue"),
        ("booleanValue", "true", "value_type", "/booleanValue"),
        ("chemicalSubstance", "water", "uri_invalid", "/chemicalSubstance"),
        ("time", "noon", "time_invalid", "/time"),
        ("limit", 5, "field_unknown", "/limit"),
        ("shop:limit", 5, "namespace_undeclared", "/shop:limit"),
    ],
)
def test_a_broken_sensor_report_is_named(field: str, value: object, code: str, where: str) -> None:
    event = deepcopy(EVENTS["object"])
    put(f"{REPORT}/{field}", value)(event)
    with refused(code, f"/{REPORT}{where}"):
        validate_event(event)


def test_a_period_ends_after_it_starts() -> None:
    event = deepcopy(EVENTS["object"])
    put("sensorElementList/0/sensorMetadata/endTime", "2026-04-12T15:00:00+08:00")(event)
    with refused("period_reversed", "/sensorElementList/0/sensorMetadata/endTime"):
        validate_event(event)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("aggregation", lambda e: e.update(action="DELETE", childEPCs=[], childQuantityList=[])),
        ("aggregation", lambda e: (e.update(action="OBSERVE"), e.pop("parentID"))),
        ("association", lambda e: e.update(action="DELETE", childEPCs=[])),
        ("association", lambda e: e.update(parentID=PLACE)),
        ("transaction", lambda e: (e.update(action="DELETE"), e.pop("quantityList"))),
        ("transformation", drop("outputQuantityList")),
        ("transformation", drop("inputQuantityList")),
        ("transformation", drop("transformationID")),
        ("object", drop("epcList", "quantityList")),
        ("object", put("recordTime", "2026-04-12T00:26:00Z")),
        ("object", put("eventTime", "2026-04-12T00:30:00.123456789Z")),
        ("object", put("certificationInfo", "urn:x:c")),
        ("object", put("bizStep", "https://shop.example/smoking")),
        ("object", lambda e: e.update({"https://shop.example/epcis/grade": "A"})),
        ("object", put("readPoint", {"id": "https://shop.example/place/7"})),
    ],
    ids=range(15),
)
def test_what_the_standard_allows_passes(name: str, change: Change) -> None:
    event = deepcopy(EVENTS[name])
    change(event)
    validate_event(event)


def test_all_faults_are_listed_up_to_a_limit() -> None:
    event = deepcopy(EVENTS["object"])
    put("bizStep", "x")(event)
    put("epcList/0", "x")(event)
    with refused("word_unknown") as caught:
        validate_event(event, at="/epcisBody/eventList/3")
    errors = caught.value.fields["errors"]
    assert isinstance(errors, list)
    assert [e["pointer"] for e in errors] == [
        "/epcisBody/eventList/3/bizStep",
        "/epcisBody/eventList/3/epcList/0",
    ]
    assert all(e["code"] and e["message"] and e["hint"] for e in errors)
    event["epcList"] = [str(number) for number in range(50)]
    with refused("word_unknown") as caught:
        validate_event(event)
    errors = caught.value.fields["errors"]
    assert isinstance(errors, list)
    assert len(errors) == MAX_ERRORS


@pytest.mark.parametrize("event", [None, 7, "x", [], [("type", "ObjectEvent")]])
def test_what_is_no_object_is_no_event(event: object) -> None:
    with refused("type_invalid", ""):
        validate_event(event)


def test_deep_extensions_are_refused() -> None:
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    with refused("too_deep"):
        validate_event(EVENTS["object"] | {"yuanliu:x": deep})


# ---------------------------------------------------------------------- documents


def document(*events: Json, **changes: Any) -> Json:  # noqa: ANN401 -- any field
    return {
        "@context": contexts.document_context(),
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-04-12T09:00:00Z",
        "epcisBody": {"eventList": list(events)},
        **changes,
    }


def test_a_document_opens_and_its_events_are_checked_one_by_one() -> None:
    whole = document(*EVENTS.values())
    opened = open_document(whole)
    assert opened.namespaces.own == {"yuanliu": contexts.NAMESPACE}
    assert [model.type for model in opened.validate()] == [e["type"] for e in EVENTS.values()]
    assert parse_document(json.dumps(whole).encode(), maximum=100_000) == opened
    models.EPCISDocument.model_validate(whole, context=opened.namespaces)


def test_a_fault_in_a_document_is_found_by_its_pointer() -> None:
    opened = open_document(document(EVENTS["object"], EVENTS["object"] | {"bizStep": "x"}))
    with refused("word_unknown", "/epcisBody/eventList/1/bizStep"):
        opened.validate()


def test_the_answer_to_a_query_opens() -> None:
    body = {"queryResults": {"queryName": "q", "resultsBody": {"eventList": [EVENTS["object"]]}}}
    whole = document(type="EPCISQueryDocument", epcisBody=body)
    assert open_document(whole).events == [EVENTS["object"]]
    models.EPCISQueryDocument.model_validate(whole)


def test_an_event_may_declare_prefixes_of_its_own() -> None:
    event = EVENTS["aggregation"] | {"@context": {"shop": "https://s.example/"}, "shop:x": 1}
    open_document(document(event)).validate()
    other = EVENTS["aggregation"] | {"shop:x": 1}
    with refused("namespace_undeclared", "/epcisBody/eventList/1/shop:x"):
        open_document(document(event, other)).validate()


def test_our_prefix_has_to_be_declared_outside_our_records() -> None:
    event = EVENTS["aggregation"] | {"yuanliu:x": 1}
    validate_event(event)
    with refused("namespace_undeclared"):
        validate_event(event, STANDARD)
    with refused("namespace_undeclared"):
        open_document(document(event, **{"@context": CONTEXT})).validate()


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"type": "Document"}, "type_invalid", "/type"),
        ({"@context": None}, "context_invalid", "/@context"),
        ({"@context": {"yuanliu": "https://x.example/"}}, "context_invalid", "/@context"),
        ({"@context": [CONTEXT, "https://evil.example/"]}, "context_remote", "/@context"),
        ({"schemaVersion": "1.2"}, "value_invalid", "/schemaVersion"),
        ({"schemaVersion": 2.0}, "value_invalid", "/schemaVersion"),
        ({"creationDate": "today"}, "time_invalid", "/creationDate"),
        ({"epcisBody": {}}, "field_missing", "/epcisBody/eventList"),
        ({"epcisBody": {"eventList": {}}}, "value_type", "/epcisBody/eventList"),
        ({"epcisBody": []}, "value_type", "/epcisBody"),
        ({"format": "json"}, "field_unknown", "/format"),
    ],
)
def test_a_broken_envelope_is_refused(changes: Json, code: str, pointer: str) -> None:
    with refused(code, pointer):
        open_document(document(**changes))


@pytest.mark.parametrize("whole", [None, [], "x", 7, {}])
def test_what_is_no_document_is_refused(whole: object) -> None:
    with refused("type_invalid", "/type"):
        open_document(whole)


def test_a_document_is_read_strictly() -> None:
    with refused("payload_too_long"):
        parse_document(b"{}", maximum=1)
    with refused("duplicate_key"):
        parse_document(b'{"type":"EPCISDocument","type":"EPCISDocument"}', maximum=100)


def test_own_prefixes_work_throughout() -> None:
    shop = read_context([CONTEXT, {"shop": "https://s.example/"}])
    event = EVENTS["aggregation"] | {"bizStep": "shop:smoking", "shop:x": {"shop:y": [1]}}
    validate_event(event, shop)
    with refused("namespace_undeclared", "/bizStep"):
        validate_event(event)


# ---------------------------------------------------------------------- the room


def test_the_speed_is_measured() -> None:
    figures = list(bench.measure(60))
    assert [figure.name for figure in figures if figure.target] == ["validated", "hashed"]
    assert all(figure.per_second > 0 for figure in figures)
    assert 300 < bench.average_bytes(60) < 1_000


def test_events_and_hashes_do_without_pydantic() -> None:
    code = (
        "import sys; from yuanliu.epcis import hashing, query; sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
