"""Personal data is refused wherever it stands in an event; what only looks alike passes."""

import json
import random
import time
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import test_epcis as acts

from yuanliu import epcis
from yuanliu.demo.story import CASES
from yuanliu.errors import YuanliuError
from yuanliu.privacy import MAX_FOUND, check, check_text, values

BASE: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-04-12T08:30:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "OBSERVE",
    "bizStep": "shipping",
    "quantityList": [
        {
            "epcClass": "https://id.gs1.org/01/06901234567892/10/2026-04-12A",
            "quantity": 13_800_138_000,
            "uom": "GRM",
        }
    ],
    "readPoint": {"id": "https://id.yuanliu.example/place/orchard-12"},
}


def refused(event: dict[str, Any]) -> tuple[str, str]:
    """Give pointer and kind of a refusal."""
    with pytest.raises(YuanliuError, match=r"privacy\.personal_data") as caught:
        check(event)
    assert caught.value.hint
    assert not caught.value.retryable
    return str(caught.value.fields["pointer"]), str(caught.value.fields["kind"])


def citizen_id(first: str) -> str:
    """Give a citizen ID number: 17 digits and the check character."""
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    total = sum(int(d) * w for d, w in zip(first, weights, strict=True))
    return first + "10X98765432"[total % 11]


def card(first: str) -> str:
    """Give a card number with its Luhn digit."""
    return next(
        first + str(last)
        for last in range(10)
        if sum(
            sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in enumerate(reversed(first + str(last)))
        )
        % 10
        == 0
    )


ID_NUMBER = citizen_id("11010519491231002")


def test_the_makers_of_numbers_make_known_ones() -> None:
    assert ID_NUMBER == "11010519491231002X"  # both are examples of GB 11643 itself
    assert citizen_id("44052418800101001") == "440524188001010014"
    assert card("453201511283036") == "4532015112830366"


PHONES = [
    "13800138000",
    "１３８００１３８０００",
    "138 0013 8000",
    "138-0013-8000",
    "138.0013.8000",
    "138–0013–8000",
    "138_0013_8000",
    "138 001 38000",
    "138 00138000",
    "1380013 8000",
    "1380 013 8000",
    "+8613800138000",
    "+86 138-0013-8000",
    "0086 13800138000",
    "8613800138000",
    "(+86)13800138000",
    "请拨打13800138000。",
    "１３８－００１３－８０００",
    "138\u200b0013\u200b8000",
    "19912345678",
    "tel:+8613800138000",
    "https://shop.example/call?n=13800138000",
    "https://shop.example/call/%31%33800138000",
    "0754-88123456",
    "(0754)88123456",
    "（0754）8812 3456",
    "010-62345678",
    "+86 20 81234567",
    "座机 0663 8812345",
]


@pytest.mark.parametrize("text", PHONES)
def test_phone_numbers_are_refused_in_any_notation(text: str) -> None:
    assert refused(BASE | {"yuanliu:remark": text}) == ("/yuanliu:remark", "phone")


@pytest.mark.parametrize(
    "text",
    [
        ID_NUMBER,
        ID_NUMBER.lower(),
        "身份证" + ID_NUMBER,
        "110105 19491231 002X",
        "110105-19491231-002X",
        "１１０１０５１９４９１２３１００２Ｘ",
        citizen_id("51010719991231123"),
        citizen_id("65010020080229001"),
    ],
)
def test_citizen_id_numbers_are_refused(text: str) -> None:
    assert refused(BASE | {"yuanliu:remark": text}) == ("/yuanliu:remark", "id_number")


@pytest.mark.parametrize(
    "text",
    [
        card("622202440500001234"),
        card("622848012345678901"),
        card("62170012345678901"),
        card("621700123456789"),
        card("453201511283036"),
        card("525505123456789"),
        "农行 " + card("622848012345678901"),
        " ".join(
            [card("622202440500001234")[i : i + 4] for i in range(0, 19, 4)],
        ),
    ],
)
def test_bank_cards_are_refused(text: str) -> None:
    assert refused(BASE | {"yuanliu:remark": text}) == ("/yuanliu:remark", "bank_card")


@pytest.mark.parametrize(
    "text",
    ["farmer@example.cn", "写信到 li.si+tea@mail.example.com.cn", "ａ＠ｂ．ｃｎ", "农户@例子.中国"],
)
def test_mail_addresses_are_refused(text: str) -> None:
    assert refused(BASE | {"yuanliu:remark": text}) == ("/yuanliu:remark", "email")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("yuanliu:name", "name"),
        ("yuanliu:farmerName", "name"),
        ("yuanliu:farmer_name", "name"),
        ("yuanliu:contact-name", "name"),
        ("yuanliu:FULLNAME", "name"),
        ("yuanliu:realName", "name"),
        ("https://shop.example/terms#ownerName", "name"),
        ("yuanliu:姓名", "name"),
        ("yuanliu:农户姓名", "name"),
        ("yuanliu:户主", "name"),
        ("yuanliu:xingming", "name"),
        ("yuanliu:phone", "phone"),
        ("yuanliu:contactPhone", "phone"),
        ("yuanliu:phoneNumber", "phone"),
        ("yuanliu:ｐｈｏｎｅ", "phone"),
        ("yuanliu:mobile", "phone"),
        ("yuanliu:tel", "phone"),
        ("yuanliu:电话", "phone"),
        ("yuanliu:联系电话", "phone"),
        ("yuanliu:手机号码", "phone"),
        ("yuanliu:联系方式", "phone"),
        ("yuanliu:idCard", "id_number"),
        ("yuanliu:id_card_no", "id_number"),
        ("yuanliu:idNumber", "id_number"),
        ("yuanliu:身份证号", "id_number"),
        ("yuanliu:passportNo", "id_number"),
        ("yuanliu:bankCard", "bank_card"),
        ("yuanliu:bankAccountNumber", "bank_card"),
        ("yuanliu:银行卡号", "bank_card"),
        ("yuanliu:address", "address"),
        ("yuanliu:homeAddress", "address"),
        ("yuanliu:farmerAddress", "address"),
        ("yuanliu:住址", "address"),
        ("yuanliu:地址", "address"),
        ("yuanliu:家庭地址", "address"),
        ("yuanliu:email", "email"),
        ("yuanliu:邮箱", "email"),
        ("yuanliu:wechat", "messenger"),
        ("yuanliu:weixinId", "messenger"),
        ("yuanliu:微信号", "messenger"),
        ("yuanliu:QQ", "messenger"),
        ("yuanliu:birthday", "birthday"),
        ("yuanliu:dateOfBirth", "birthday"),
        ("yuanliu:出生日期", "birthday"),
    ],
)
def test_fields_that_ask_for_personal_data_are_refused(name: str, kind: str) -> None:
    pointer, found = refused(BASE | {name: "见附件"})
    assert found == kind
    assert pointer == "/" + name.replace("~", "~0").replace("/", "~1")


@pytest.mark.parametrize("value", [13_800_138_000, None, True, {"a": 1}, ["x"], ""])
def test_such_a_field_is_refused_whatever_stands_in_it(value: object) -> None:
    assert refused(BASE | {"yuanliu:phone": value}) == ("/yuanliu:phone", "phone")


@pytest.mark.parametrize(
    "name", ["王小明", "李四", "欧阳修", "王师傅", "陈先生", "张大爷", "买买提·艾力"]
)
@pytest.mark.parametrize(
    "field",
    ["yuanliu:inspector", "yuanliu:driver", "yuanliu:pickedBy", "yuanliu:负责人", "yuanliu:检测员"],
)
def test_a_chinese_name_in_a_field_about_people_is_refused(field: str, name: str) -> None:
    assert refused(BASE | {field: name}) == (f"/{field}", "name")
    assert refused(BASE | {field: [{"zh": name}]}) == (f"/{field}/0/zh", "name")


@pytest.mark.parametrize("text", ["联系人：王小明", "司机: 李四，", "本批次农户 欧阳修 交售"])
def test_a_name_with_its_label_in_a_sentence_is_refused(text: str) -> None:
    assert refused(BASE | {"yuanliu:remark": text}) == ("/yuanliu:remark", "name")


@pytest.mark.parametrize(
    ("where", "pointer"),
    [
        ({"ilmd": {"yuanliu:remark": "13800138000"}}, "/ilmd/yuanliu:remark"),
        ({"a:b/c~d": ["x", {"y": "13800138000"}]}, "/a:b~1c~0d/1/y"),
        ({"readPoint": {"id": "https://a.example/13800138000"}}, "/readPoint/id"),
        (
            {"bizTransactionList": [{"bizTransaction": "urn:x:13800138000"}]},
            "/bizTransactionList/0/bizTransaction",
        ),
        ({"yuanliu:handler": 13_800_138_000}, "/yuanliu:handler"),
        ({"yuanliu:farmerNumber": "13800138000"}, "/yuanliu:farmerNumber"),
        ({"yuanliu:农户编号": "13800138000"}, "/yuanliu:农户编号"),
    ],
)
def test_the_place_is_named_by_its_pointer(where: dict[str, Any], pointer: str) -> None:
    assert refused(BASE | where) == (pointer, "phone")


def test_a_refusal_lists_the_places_and_repeats_no_value() -> None:
    with pytest.raises(YuanliuError) as caught:
        check(BASE | {"yuanliu:a": "13800138000", "yuanliu:b": ID_NUMBER, "x:13900139000": 1})
    assert caught.value.fields["found"] == [
        {"pointer": "/…", "kind": "phone"},
        {"pointer": "/yuanliu:a", "kind": "phone"},
        {"pointer": "/yuanliu:b", "kind": "id_number"},
    ]
    said = json.dumps([str(caught.value), caught.value.hint, caught.value.fields], default=str)
    assert not any(number in said for number in ("13800138000", ID_NUMBER, "13900139000"))
    assert "H-0001" in caught.value.hint


def test_at_most_so_many_places_are_listed() -> None:
    with pytest.raises(YuanliuError) as caught:
        check(BASE | {"yuanliu:all": ["13800138000"] * 100})
    found = caught.value.fields["found"]
    assert isinstance(found, list)
    assert len(found) == MAX_FOUND


# ---------------------------------------------------------------------- what passes

HONEST = [
    "06901234567892",
    "6901234567892",
    "GTIN 06901234567892",
    "006901234567890123",
    "340123450000000018",
    "91440500MA4UQ0XH6B",
    "11440500006992000X",
    "2026-04-12T08:30:00+08:00",
    "20260412083000",
    "1776000000000",
    "https://id.gs1.org/00/340123450000000018",
    "https://id.gs1.org/01/06901234567892/10/13800138000",
    "https://shop.example/01/06901234567892/21/13800138000",
    "urn:epc:id:sscc:4012345.0000000222",
    "urn:epc:id:sgtin:4012345.011111.13800138000",
    "urn:epcglobal:cbv:bt:5200001000008:4711",
    "0x" + "13800138000" + "a" * 29,
    "ab" * 26 + "13800138000a",
    "ni:///sha-256;" + "13800138000" * 5 + "abcdef123?ver=CBV2.0",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "13800138-0001-4000-8000-138001380001",
    "GB 23200.113-2018",
    "GB/T 5009.218-2008",
    "SN/T 0125-2010",
    "样品编号 020-20260412",
    "-33.8567844 151.2152967",
    "1.38001380001",
    "0.13800138000",
    "192.168.138.139",
    "版本 1.3.8.0",
    "12800138000",
    "138001380001",
    "1380013800",
    "440524198001010011",  # wrong check character
    "440524198013010010",  # no such month
    "990524198001010012",  # no such province
    "6222024405000012340",
    "凤凰单丛 2026 春茶 第 3 批",
    "每亩 300 元，鸡苗 10 元/只",
    "120 130 140 150 160 170 180 190",
    "1 3 8 0 0 1 3 8 0 0 0",
    "lot@line",
    "¥3.00",
    "农户 H-0001 交售 60 kg",
    "司机 CARRIER-0001",
]


@pytest.mark.parametrize("text", HONEST)
def test_what_only_looks_alike_passes(text: str) -> None:
    check(BASE | {"yuanliu:remark": text, "yuanliu:nested": [{"what": text}]})
    check_text(text, "reason")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("yuanliu:productName", "土鸡蛋"),
        ("yuanliu:varietyName", "黄金桂"),
        ("yuanliu:variety", "黄金桂"),
        ("yuanliu:cultivar", "白叶单丛"),
        ("yuanliu:brandName", "金龙鱼"),
        ("yuanliu:laboratory", "LAB-440500-01"),
        ("yuanliu:laboratoryName", "潮州检测中心"),
        ("yuanliu:farmer", "H-0001"),
        ("yuanliu:inspector", "SGS-CSTC"),
        ("yuanliu:检测员", "LAB-0001"),
        ("yuanliu:grower", "高山茶场"),
        ("yuanliu:grower", "马家合作社"),
        ("yuanliu:producer", "白云公司"),
        ("yuanliu:payoutAddress", "0x" + "1" * 40),
        ("yuanliu:address", "0x" + "1" * 40),
        ("yuanliu:ipAddress", "10.0.0.1"),
        ("yuanliu:device", {"name": "T-7", "address": "bus 3"}),
        ("yuanliu:lossMilligrams", 15_000_000_000),
        ("yuanliu:netGrams", 13_800_138_000),
        ("yuanliu:amount", "13800138000"),
        ("cbvmda:lotNumber", "13042026001"),
        ("yuanliu:serialNumber", "18012345678"),
        ("yuanliu:temperatureMean", 4.9),
        ("yuanliu:hens", 240),
        ("yuanliu:品种名称", "王桃"),
        ("yuanliu:产地", "潮州市凤凰镇"),
        ("yuanliu:mobility", "high"),
        ("yuanliu:digitalProductPassport", "https://dpp.example/1"),
        ("yuanliu:sampleId", "S-7"),
        ("yuanliu:telemetry", {"count": 5000}),
        ("yuanliu:nameplateVoltage", 220),
    ],
)
def test_honest_fields_pass(name: str, value: object) -> None:
    check(BASE | {name: value, "ilmd": {name: value}})


def test_the_events_of_our_acts_and_of_the_demo_pass() -> None:
    events = [
        acts.harvest(),
        acts.inspected(acts.residue("0.012")),
        acts.moved(source="urn:x:party:1"),
    ]
    events.append(acts.moved(temperature=acts.temperature()))
    for case in CASES:
        lot = epcis.Lot(case.gtin, f"20261122-{case.key}-01", case.units, case.unit)
        place = "https://id.yuanliu.example/place/" + case.place
        events.append(
            epcis.produced(acts.WHEN, lot, place=place, step=case.step, details=case.care)
        )
        if case.measurements:
            events.append(
                epcis.inspected(
                    acts.WHEN,
                    lot,
                    place=place,
                    laboratory="LAB-0001",
                    report_sha256="13800138000".ljust(64, "0"),
                    conformant=True,
                    measurements=case.measurements,
                )
            )
    for event in events:
        check(event)


EXAMPLE_OF_THE_STANDARD: dict[str, Any] = {
    "@context": [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"example": "https://ns.example.com/epcis/"},
    ],
    "eventID": "ni:///sha-256;df7bb3c352fef055578554f09f5e2aa41782150ced7bd0b8af24dd3ccb30ba69?ver=CBV2.0",
    "type": "ObjectEvent",
    "eventTime": "2020-04-02T10:54:00.000+02:00",
    "recordTime": "2020-04-03T20:33:31.116-06:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": [
        "urn:epc:id:sgtin:0614141.107346.2017",
        "https://id.gs1.org/8003/040123451112226789",
    ],
    "bizTransactionList": [
        {"type": "po", "bizTransaction": "http://transaction.acme.com/po/12345678"},
        {"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:0614141073467:1152"},
    ],
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00001"}],
    "ilmd": {
        "cbvmda:bestBeforeDate": "2020-09-30",
        "cbvmda:countryOfOrigin": "DE",
        "cbvmda:lotNumber": "ABC123",
        "example:furtherEventData": [
            {"example:expectedDuration": 1, "example:vessel": "MSC Oscar"}
        ],
    },
    "sensorElementList": [
        {
            "sensorMetadata": {
                "time": "2019-04-02T14:55:00.000Z",
                "deviceID": "urn:epc:id:giai:4000001.111",
                "deviceMetadata": "https://id.gs1.org/8004/4000001111",
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "value": 26.0,
                    "uom": "CEL",
                    "sDev": 0.1,
                    "hexBinaryValue": "f0f0f0",
                    "example:someSensorReportExtension": "ABC",
                }
            ],
        }
    ],
    "example:myField": {"@type": "example:thing", "example:name-plate": "x"},
}


def test_an_example_with_all_of_the_standard_passes() -> None:
    check(EXAMPLE_OF_THE_STANDARD)


def test_no_number_of_another_kind_is_often_taken_for_a_personal_one() -> None:
    """Of 20,000 random numbers of 18 digits, and of 20,000 logistic units, hardly one may be refused."""
    numbers = random.Random(7)
    wrong = 0
    for _ in range(20_000):
        first = str(numbers.randrange(10**16, 10**17))
        sscc = first + str(-sum(int(d) * (1 if i % 2 else 3) for i, d in enumerate(first)) % 10)
        for text in (first + str(numbers.randrange(10)), sscc):
            try:
                check_text(text, "x")
            except YuanliuError:
                wrong += 1
    assert wrong < 100  # cards beginning with 62: 1 in 90, of them 1 in 10 by the Luhn digit


@given(st.integers(0, 10**8 - 1), st.sampled_from(["138", "159", "177", "199"]))
def test_every_mobile_number_is_found(rest: int, start: str) -> None:
    number = start + str(rest).zfill(8)
    assert refused({"yuanliu:x": f"请联系{number}"})[1] == "phone"


@given(st.text("0123456789-+() .@%Xx_TZ:", max_size=40))
def test_no_text_is_passed_early_that_a_search_would_stop(text: str) -> None:
    searched = values.plain(unquote(text))
    assert values.contains(text) or not any(finds(searched) for _, finds in values._FINDERS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_no_event_breaks_it(event: dict[str, Any]) -> None:
    try:
        check(event)
    except YuanliuError as error:
        assert error.code == "privacy.personal_data"  # noqa: PT017 -- most events pass


def test_deep_and_long_events_take_no_time() -> None:
    deep: Any = "13800138000"
    for _ in range(5_000):
        deep = [deep]
    started = time.process_time()
    assert refused({"a:b": deep})[1] == "phone"
    check({"a:b": "1 " * 4_000, "c:d": "0-" * 4_000, "e:f": "a.@" * 2_700, "g:h": "王" * 8_000})
    assert time.process_time() - started < 60  # of the processor, where 0.02 is usual
