"""Event queries: what each parameter finds, and which are refused."""

from typing import Any

import pytest

from yuanliu.epcis import EpcisError
from yuanliu.epcis.contexts import CONTEXT, NAMESPACE, OURS, read_context
from yuanliu.epcis.query import PER_PAGE, Condition, Op, Position, Query, matches, parse_query
from yuanliu.epcis.terms import terms
from yuanliu.epcis.validation import validate_event

LOT = "https://id.gs1.org/01/04012345123456/10/A1"
ITEM = "https://id.gs1.org/01/04012345123456/21/12"
PALLET = "https://id.gs1.org/00/040123450000003338"
PLACE = "https://id.gs1.org/414/4012345000115"

INSPECTION: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-04-12T08:30:00.5+08:00",
    "recordTime": "2026-04-12T00:31:00Z",
    "eventTimeZoneOffset": "+08:00",
    "eventID": "urn:x:1",
    "action": "OBSERVE",
    "bizStep": "inspecting",
    "disposition": "urn:epcglobal:cbv:disp:in_progress",
    "persistentDisposition": {"set": ["conformant"], "unset": ["non_conformant"]},
    "epcList": ["urn:epc:id:sgtin:4012345.012345.12"],
    "quantityList": [{"epcClass": LOT, "quantity": 19.5, "uom": "KGM"}],
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.0"},
    "bizLocation": {"id": "https://shop.example/hall/7"},
    "bizTransactionList": [{"type": "testres", "bizTransaction": "urn:x:report:7"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"}],
    "errorDeclaration": {
        "declarationTime": "2026-04-13T00:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:x:2"],
    },
    "sensorElementList": [
        {
            "sensorMetadata": {"deviceID": "urn:epc:id:giai:4012345.AAbb"},
            "sensorReport": [
                {
                    "type": "Temperature",
                    "value": 4.5,
                    "maxValue": 7,
                    "uom": "CEL",
                    "exception": "ALARM_CONDITION",
                    "percRank": 95,
                    "percValue": 6,
                    "time": "2026-04-12T00:00:00Z",
                },
                {
                    "type": "Dimensionless",
                    "chemicalSubstance": "https://substance.example/bifenthrin",
                    "value": 0.012,
                    "uom": "NA",
                    "booleanValue": True,
                    "hexBinaryValue": "0aFF",
                    "stringValue": "0012",
                },
            ],
        }
    ],
    "yuanliu:laboratory": "0012",
    "yuanliu:score": 12,
    "yuanliu:due": "2026-05-01T00:00:00Z",
    "yuanliu:inner": {"yuanliu:deep": ["a", 7, None, True]},
}
MAKING: dict[str, Any] = {
    "type": "TransformationEvent",
    "eventTime": "2026-04-13T08:30:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "inputEPCList": [ITEM],
    "inputQuantityList": [{"epcClass": LOT, "quantity": 3}],
    "outputQuantityList": [
        {"epcClass": "https://id.gs1.org/01/04012345123456/10/B", "quantity": 2, "uom": "KGM"}
    ],
    "transformationID": "urn:x:t:1",
    "ilmd": {"cbvmda:lotNumber": "B", "yuanliu:box": {"yuanliu:size": 5}},
}
PACKING: dict[str, Any] = {
    "type": "AggregationEvent",
    "eventTime": "2026-04-14T08:30:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "ADD",
    "parentID": "urn:epc:id:sscc:4012345.0000000333",
    "childEPCs": [ITEM, "https://shop.example/01/04012345123456/21/13"],
    "childQuantityList": [{"epcClass": LOT}],
}
EVENTS = {"inspection": INSPECTION, "making": MAKING, "packing": PACKING}


def refused(code: str) -> pytest.RaisesExc[EpcisError]:
    return pytest.RaisesExc(
        EpcisError, check=lambda error: error.code == f"epcis.{code}" and bool(error.hint)
    )


def found(*parameters: tuple[str, str]) -> set[str]:
    query = parse_query(parameters)
    return {name for name, event in EVENTS.items() if matches(query, event)}


def test_the_events_are_valid() -> None:
    for event in EVENTS.values():
        validate_event(event)


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("eventType", "ObjectEvent", "inspection"),
        ("eventType", "ObjectEvent|AggregationEvent", "inspection packing"),
        ("EQ_action", "ADD|DELETE", "packing"),
        ("EQ_bizStep", "inspecting", "inspection"),
        ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:inspecting", "inspection"),
        ("EQ_bizStep", "shipping|https://ref.gs1.org/cbv/BizStep-inspecting", "inspection"),
        ("EQ_bizStep", "shipping", ""),
        ("EQ_disposition", "in_progress", "inspection"),
        ("EQ_persistentDisposition_set", "conformant", "inspection"),
        ("EQ_persistentDisposition_unset", "conformant", ""),
        ("EQ_readPoint", PLACE, "inspection"),
        ("EQ_readPoint", "http://shop.example/414/4012345000115", "inspection"),
        ("EQ_bizLocation", "https://shop.example/hall/7", "inspection"),
        ("EQ_transformationID", "urn:x:t:1", "making"),
        ("EQ_eventID", "urn:x:1", "inspection"),
        ("EQ_eventID", "urn:x:2", ""),
        ("EQ_bizTransaction_testres", "urn:x:report:7", "inspection"),
        ("EQ_bizTransaction_https://ref.gs1.org/cbv/BTT-testres", "urn:x:report:7", "inspection"),
        ("EQ_bizTransaction_po", "urn:x:report:7", ""),
        ("EQ_source_owning_party", "https://id.gs1.org/417/4012345002256", "inspection"),
        ("EQ_destination_owning_party", "https://id.gs1.org/417/4012345002256", ""),
        ("GE_eventTime", "2026-04-12T00:30:00.5Z", "inspection making packing"),
        ("GE_eventTime", "2026-04-12T00:30:00.500001Z", "making packing"),
        ("LT_eventTime", "2026-04-13T00:30:00Z", "inspection"),
        ("LT_eventTime", "2026-04-12T00:30:00.5Z", ""),
        ("GE_recordTime", "2026-01-01T00:00:00Z", "inspection"),
        ("MATCH_epc", ITEM, "inspection packing"),
        ("MATCH_epc", PALLET, ""),
        ("MATCH_epc", "urn:epc:idpat:sgtin:4012345.012345.*", "inspection packing"),
        ("MATCH_anyEPC", "urn:epc:id:sgtin:4012345.012345.12", "inspection making packing"),
        ("MATCH_anyEPC", PALLET, "packing"),
        ("MATCH_parentID", PALLET, "packing"),
        ("MATCH_inputEPC", ITEM, "making"),
        ("MATCH_outputEPC", ITEM, ""),
        ("MATCH_epcClass", LOT, "inspection packing"),
        ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.A1", "inspection packing"),
        ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.*", "inspection packing"),
        ("MATCH_epcClass", "urn:epc:idpat:sgtin:4012345.012345.*", ""),
        ("MATCH_inputEPCClass", LOT, "making"),
        ("MATCH_outputEPCClass", LOT, ""),
        ("MATCH_outputEPCClass", "https://id.gs1.org/01/04012345123456/10/B", "making"),
        ("MATCH_anyEPCClass", LOT, "inspection making packing"),
        ("EQ_quantity_KGM", "19.5|2", "inspection making"),
        ("GT_quantity_KGM", "2", "inspection"),
        ("EQ_quantity", "3", "making"),
        ("LE_quantity", "3.0", "making"),
        ("EXISTS_errorDeclaration", "", "inspection"),
        ("GE_errorDeclarationTime", "2026-04-13T00:00:00Z", "inspection"),
        ("GE_errorDeclaration_Time", "2026-04-13T00:00:00Z", "inspection"),
        ("EQ_errorReason", "incorrect_data", "inspection"),
        ("EQ_correctiveEventID", "urn:x:2", "inspection"),
        ("EXISTS_sensorElementList", "", "inspection"),
        ("EQ_type", "Temperature", "inspection"),
        ("EQ_type", "gs1:Length", ""),
        ("EQ_exception", "ALARM_CONDITION", "inspection"),
        ("EQ_deviceID", "https://id.gs1.org/8004/4012345AAbb", "inspection"),
        ("EQ_chemicalSubstance", "https://substance.example/bifenthrin", "inspection"),
        ("EQ_value_CEL", "4.5", "inspection"),
        ("GT_value_CEL", "4.5", ""),
        ("GE_value_CEL", "4.5", "inspection"),
        ("LT_value_NA", "0.0121", "inspection"),
        ("GT_value_KGM", "0", ""),
        ("LE_maxValue_CEL", "7", "inspection"),
        ("GE_percRank", "95", "inspection"),
        ("EQ_percValue_CEL", "6", "inspection"),
        ("LT_time", "2026-04-12T00:00:01Z", "inspection"),
        ("GE_startTime", "2000-01-01T00:00:00Z", ""),
        ("EQ_booleanValue", "true", "inspection"),
        ("EQ_booleanValue", "false", ""),
        ("EQ_hexBinaryValue", "0AFf", "inspection"),
        ("EQ_stringValue", "0012", "inspection"),
        ("EQ_stringValue", "12", ""),
        ("EQ_yuanliu:laboratory", "0012", "inspection"),
        ("EQ_yuanliu:laboratory", "12", ""),
        ("EQ_yuanliu:score", "12", "inspection"),
        ("EQ_yuanliu:score", "0012", ""),
        ("GE_yuanliu:score", "12", "inspection"),
        ("GT_yuanliu:laboratory", "1", ""),
        ("LT_yuanliu:due", "2026-05-01T08:00:01+08:00", "inspection"),
        (f"EQ_{NAMESPACE}score", "12", "inspection"),
        ("EQ_INNER_yuanliu:deep", "a", "inspection"),
        ("GE_INNER_yuanliu:deep", "7", "inspection"),
        ("EQ_yuanliu:deep", "a", ""),
        ("EXISTS_yuanliu:inner", "", "inspection"),
        ("EXISTS_INNER_yuanliu:inner", "", ""),
        ("EQ_ILMD_cbvmda:lotNumber", "B", "making"),
        ("EQ_cbvmda:lotNumber", "B", ""),
        ("EXISTS_ILMD_yuanliu:box", "", "making"),
        ("EQ_INNER_ILMD_yuanliu:size", "5", "making"),
    ],
)
def test_a_parameter_finds_what_it_should(name: str, value: str, answer: str) -> None:
    assert found((name, value)) == set(answer.split())


def test_all_conditions_must_hold() -> None:
    assert found() == set(EVENTS)
    assert found(("MATCH_anyEPC", ITEM), ("EQ_action", "ADD")) == {"packing"}
    assert found(("MATCH_anyEPC", ITEM), ("EQ_action", "DELETE")) == set()


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ([("EQ_bizstep", "inspecting")], "query_unknown"),
        ([("bizStep", "inspecting")], "query_unknown"),
        ([("GE_bizStep", "inspecting")], "query_unknown"),
        ([("EQ_eventTime", "2026-04-12T00:00:00Z")], "query_unknown"),
        ([("GT_eventTime", "2026-04-12T00:00:00Z")], "query_unknown"),
        ([("EQ_persistentDisposition", "conformant")], "query_unknown"),
        ([("EQ_bizTransaction", "urn:x:1")], "query_unknown"),
        ([("EXISTS_bizStep", "")], "query_unknown"),
        ([("MATCH_bizStep", "inspecting")], "query_unknown"),
        ([("", "")], "query_unknown"),
        ([("WD_readPoint", PLACE)], "query_unsupported"),
        ([("HASATTR_readPoint", "x")], "query_unsupported"),
        ([("EQATTR_readPoint_x", "y")], "query_unsupported"),
        ([("EQ_SENSORREPORT_yuanliu:limit", "5")], "query_unsupported"),
        ([("EQ_ERROR_DECLARATION_yuanliu:x", "5")], "query_unsupported"),
        ([("MATCH_epc", "urn:epc:idpat:sgtin:4012345.*.*")], "query_unsupported"),
        ([("EQ_action", "ADD"), ("EQ_action", "DELETE")], "query_repeated"),
        (
            [
                ("GE_errorDeclarationTime", "2026-04-13T00:00:00Z"),
                ("GE_errorDeclaration_Time", "2026-04-13T00:00:00Z"),
            ],
            "query_repeated",
        ),
        ([("EQ_action", "add")], "query_invalid"),
        ([("EQ_action", "")], "query_invalid"),
        ([("EQ_action", "ADD|")], "query_invalid"),
        ([("eventType", "QuantityEvent")], "query_invalid"),
        ([("EQ_booleanValue", "yes")], "query_invalid"),
        ([("GE_eventTime", "2026-04-12")], "query_invalid"),
        ([("GE_eventTime", "2026-04-12T08:30:00 08:00")], "query_invalid"),
        ([("GE_quantity_KGM", "ten")], "query_invalid"),
        ([("GE_quantity_KGM", "NaN")], "query_invalid"),
        ([("GE_quantity_KGM", "1e999")], "query_invalid"),
        ([("GE_quantity_KGM", "1|2")], "query_invalid"),
        ([("GT_yuanliu:score", "high")], "query_invalid"),
        ([("EQ_stringValue", "|".join(map(str, range(300))))], "query_invalid"),
        ([(f"EQ_yuanliu:x{number}", "1") for number in range(60)], "query_invalid"),
        ([("EQ_bizStep", "recieving")], "word_unknown"),
        ([("EQ_bizTransaction_PO", "urn:x:1")], "word_unknown"),
        ([("EQ_shop:x", "1")], "namespace_undeclared"),
        ([("EXISTS_shop:x", "")], "namespace_undeclared"),
        (
            [("GE_eventTime", "2026-04-13T00:00:00Z"), ("LT_eventTime", "2026-04-12T00:00:00Z")],
            "query_contradicts",
        ),
        ([("GT_value_CEL", "5"), ("LE_value_CEL", "4")], "query_contradicts"),
        ([("eventCountLimit", "5"), ("maxEventCount", "5")], "query_contradicts"),
        ([("orderDirection", "ASC")], "query_contradicts"),
        ([("orderBy", "eventTime"), ("orderDirection", "up")], "query_invalid"),
        ([("orderBy", "bizStep")], "query_invalid"),
        ([("orderBy", "shop:x")], "namespace_undeclared"),
        ([("perPage", "0")], "query_invalid"),
        ([("perPage", "1001")], "query_invalid"),
        ([("perPage", "٣")], "query_invalid"),
        ([("eventCountLimit", "-1")], "query_invalid"),
        ([("nextPageToken", "x")], "token_invalid"),
        ([("nextPageToken", "苹果")], "token_invalid"),
        ([("nextPageToken", "W10")], "token_invalid"),
        ([("nextPageToken", "WzEsMiwzXQ")], "token_invalid"),
    ],
    ids=range(51),
)
def test_a_wrong_query_is_refused(parameters: list[tuple[str, str]], code: str) -> None:
    with refused(code):
        parse_query(parameters)


def test_the_refusal_helps() -> None:
    with refused("query_unknown") as caught:
        parse_query([("EQ_bizstep", "x")])
    assert "EQ_bizStep" in caught.value.hint
    with refused("query_unknown") as caught:
        parse_query([("EQ_persistentDisposition", "x")])
    assert "EQ_persistentDisposition_" in caught.value.hint
    with refused("query_invalid") as caught:
        parse_query([("GE_eventTime", "2026-04-12T08:30:00 08:00")])
    assert "%2B" in caught.value.hint


def test_order_and_pages() -> None:
    plain = parse_query([])
    assert (plain.order_by, plain.descending, plain.per_page) == ("eventTime", True, PER_PAGE)
    asked = [("orderBy", "yuanliu:score"), ("orderDirection", "ASC"), ("perPage", "5")]
    query = parse_query([*asked, ("eventCountLimit", "7")])
    assert query.order_by == f"{{{NAMESPACE}}}score"
    assert (query.descending, query.per_page, query.limit, query.maximum) == (False, 5, 7, None)
    assert parse_query([("maxEventCount", "9")]).maximum == 9


@pytest.mark.parametrize("value", [1_776_000_000_000_000, 4.5, "文"])
def test_a_token_leads_to_the_next_page_of_its_query_only(value: str | float) -> None:
    asked = [("EQ_bizStep", "inspecting"), ("MATCH_epc", ITEM)]
    token = parse_query(asked).page_token(Position(value, "0x7f:3"))
    assert token.isascii()
    query = parse_query([*reversed(asked), ("nextPageToken", token), ("perPage", "7")])
    assert query.after == Position(value, "0x7f:3")
    with refused("token_foreign"):
        parse_query([("EQ_bizStep", "shipping"), ("nextPageToken", token)])
    with refused("token_foreign"):
        parse_query([*asked, ("orderBy", "recordTime"), ("nextPageToken", token)])


def test_a_query_is_conditions_that_an_index_can_read() -> None:
    query = parse_query(
        [("MATCH_epc", f"{ITEM}|urn:epc:idpat:sgtin:4012345.012345.*"), ("GE_value_CEL", "4")]
    )
    assert query == Query(
        (
            Condition("epc", Op.EQUAL, (ITEM,), ("https://id.gs1.org/01/04012345123456/21/",)),
            Condition("value_CEL", Op.GREATER_OR_EQUAL, (4,)),
        )
    )


def test_prefixes_are_those_of_the_document() -> None:
    shop = read_context([CONTEXT, {"shop": NAMESPACE}])
    assert matches(parse_query([("EQ_shop:score", "12")], shop), INSPECTION, OURS)
    assert terms(PACKING)["eventTime"] == [1_776_126_600_000_000]
