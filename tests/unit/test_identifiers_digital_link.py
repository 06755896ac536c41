"""Digital Links: the grammar, and what would be right where it is broken."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu import digital_link as links
from yuanliu.digital_link import AIS, KEYS, DigitalLink, parse_digital_link
from yuanliu.errors import YuanliuError
from yuanliu.identifiers import CHARACTER_SET_82, IdentifierError, check_digit, lot_class

GTIN = "06901234567892"
GLN = "6901234567892"
LOTS = st.text(sorted(CHARACTER_SET_82), min_size=1, max_size=20).filter(
    lambda lot: lot not in {".", ".."}
)


def refused(code: str) -> pytest.RaisesExc[IdentifierError]:
    return pytest.RaisesExc(
        IdentifierError, check=lambda error: error.code == f"identifiers.{code}"
    )


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        (f"https://id.gs1.org/01/{GTIN}", None),
        (f"https://id.gs1.org/01/{GTIN}/10/A1", None),
        (f"https://id.gs1.org/01/{GTIN}/22/2A/10/A1/21/S1", None),
        (f"https://id.gs1.org/01/{GTIN}/22/2A/21/S1", None),
        (f"https://id.gs1.org/01/{GTIN}/235/T", None),
        (f"http://shop.cn/a/b/01/{GTIN}/10/A1", f"https://id.gs1.org/01/{GTIN}/10/A1"),
        (f"HTTPS://SHOP.CN/01/{GTIN}", f"https://id.gs1.org/01/{GTIN}"),
        (f"https://shop.cn:8443/01/{GTIN}", f"https://id.gs1.org/01/{GTIN}"),
        (f"https://shop.cn/10/x/01/{GTIN}", f"https://id.gs1.org/01/{GTIN}"),
        (f"https://shop.cn/01/{GTIN}/10/01", f"https://id.gs1.org/01/{GTIN}/10/01"),
        (f"https://shop.cn/01/{GTIN}#top", f"https://id.gs1.org/01/{GTIN}"),
        (f"https://shop.cn/01/{GTIN}/10/%41%2f1", f"https://id.gs1.org/01/{GTIN}/10/A%2F1"),
        (f"https://shop.cn/01/{GTIN}/10/(1)+", f"https://id.gs1.org/01/{GTIN}/10/%281%29%2B"),
        (
            f"https://shop.cn/01/{GTIN}?17=270412&11=260412",
            f"https://id.gs1.org/01/{GTIN}?11=260412&17=270412",
        ),
        (f"https://shop.cn/01/{GTIN}?linkType=gs1:pip", f"https://id.gs1.org/01/{GTIN}"),
        ("https://id.gs1.org/00/040123450000003338", None),
        ("https://id.gs1.org/00/040123450000003338?3302=001000", None),
        (f"https://id.gs1.org/414/{GLN}/254/P7", None),
        (f"https://id.gs1.org/417/{GLN}", None),
        ("https://id.gs1.org/253/4012345555554987", None),
        ("https://id.gs1.org/255/401234599999044", None),
        ("https://id.gs1.org/401/4012345333", None),
        ("https://id.gs1.org/402/40123459999876541", None),
        ("https://id.gs1.org/8003/0401234566666387", None),
        ("https://id.gs1.org/8004/4012345AAbb", None),
        ("https://id.gs1.org/8006/040123451234560102/21/999", None),
        ("https://id.gs1.org/8010/4012345ABC/8011/123", None),
        ("https://id.gs1.org/8017/401234500000987658", None),
        ("https://id.gs1.org/8018/401234598765400000", None),
    ],
)
def test_a_link_is_read_and_has_one_canonical_form(uri: str, canonical: str | None) -> None:
    link = parse_digital_link(uri)
    assert link.canonical == (canonical or uri)
    assert parse_digital_link(link.canonical).canonical == link.canonical


def test_every_key_is_read() -> None:
    assert len(KEYS) == 14
    assert KEYS.keys() <= AIS
    assert {q for rows in KEYS.values() for row in rows for q in row} <= AIS


def test_the_parts_of_a_batch() -> None:
    link = parse_digital_link(f"https://shop.cn/p/01/{GTIN}/10/A%2F1/21/7?3103=000750&linkType=all")
    assert (link.gtin, link.lot, link.serial) == (GTIN, "A/1", "7")
    assert link.attributes == (("3103", "000750"),)
    assert link.parameters == (("linkType", "all"),)
    assert link.base == "https://shop.cn/p"
    assert link.path == f"/01/{GTIN}/10/A%2F1/21/7"
    assert link.uri == f"https://shop.cn/p/01/{GTIN}/10/A%2F1/21/7?3103=000750"
    assert link.identity == f"https://id.gs1.org/01/{GTIN}/21/7"
    assert link.is_instance


@pytest.mark.parametrize(
    "query",
    [
        "11=260412", "13=260400", "15=260412", "17=280229", "7007=260412", "7007=260412260413",
        "3103=000750", "3100=000001", "422=156", "423=156840", "30=12", "7003=2604121230",
        "8008=26041208", "8008=2604120830", "8008=260412083059", "7030=156X1", "7030=999X1",
        "421=156100000", "410=" + GLN, "400=PO-1", "99=intern", "392" + "2=300", "3932=156300",
    ],
)  # fmt: skip
def test_attributes_have_their_formats(query: str) -> None:
    assert parse_digital_link(f"https://shop.cn/01/{GTIN}?{query}").canonical.endswith(query)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("", "link_invalid"),
        (f"/01/{GTIN}", "link_invalid"),
        (f"ftp://shop.cn/01/{GTIN}", "link_invalid"),
        (f"https:///01/{GTIN}", "link_invalid"),
        (f"https://me@shop.cn/01/{GTIN}", "link_invalid"),
        (f"https://shop.cn/01/{GTIN}/10/{'%41' * 700}", "link_invalid"),
        (f"HtTpS://shop.cn/01/{GTIN}", "link_scheme"),
        (f"Https://shop.cn/01/{GTIN}", "link_scheme"),
        ("https://shop.cn", "link_key_missing"),
        ("https://shop.cn/", "link_key_missing"),
        ("https://shop.cn/products/7", "link_key_missing"),
        ("https://shop.cn/10/A1", "link_key_missing"),
        (f"https://shop.cn/gtin/{GTIN}", "link_key_missing"),
        (f"https://shop.cn/01/{GTIN}/", "link_invalid"),
        (f"https://shop.cn/01/{GTIN}/10", "link_invalid"),
        (f"https://shop.cn/01/{GTIN}/lot/A1", "link_invalid"),
        (f"https://shop.cn/01/{GTIN}/10/A/1", "link_invalid"),
        (f"https://shop.cn/01/{GTIN}/10/", "link_encoding"),
        ("https://shop.cn/01//10/A1", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}/10/A%2", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}/10/A%zz", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}/10/A 1", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}/10/苹果", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}/10/%FF", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}?400=a+b", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}?11=260412;17=270412", "link_encoding"),
        (f"https://shop.cn/01/{GTIN}/888/A1", "ai_unknown"),
        (f"https://shop.cn/01/{GTIN}?888=1", "ai_unknown"),
        (f"https://shop.cn/01/{GTIN}?1=1", "ai_unknown"),
        (f"https://shop.cn/01/{GTIN}?3106=000001", "ai_unknown"),
        (f"https://shop.cn/01/{GTIN}/21/S/10/A", "ai_order"),
        (f"https://shop.cn/01/{GTIN}/10/A/22/V", "ai_order"),
        (f"https://shop.cn/01/{GTIN}/10/A/235/T", "ai_order"),
        (f"https://shop.cn/01/{GTIN}/10/A/10/B", "ai_duplicate"),
        (f"https://shop.cn/01/{GTIN}?11=260412&11=260412", "ai_duplicate"),
        (f"https://shop.cn/01/{GTIN}/10/A?10=A", "ai_duplicate"),
        (f"https://shop.cn/01/{GTIN}?01={GTIN}", "ai_duplicate"),
        (f"https://shop.cn/01/{GTIN}?00=040123450000003338", "ai_misplaced"),
        (f"https://shop.cn/01/{GTIN}?10=A", "ai_misplaced"),
        (f"https://shop.cn/01/{GTIN}/11/260412", "ai_misplaced"),
        (f"https://shop.cn/01/{GTIN}/414/{GLN}", "ai_misplaced"),
        (f"https://shop.cn/414/{GLN}/21/S", "ai_misplaced"),
        (f"https://shop.cn/414/{GLN}?11=260412", "ai_unfitting"),
        (f"https://shop.cn/01/{GTIN}?3302=001000&37=5", "ai_unfitting"),
        (f"https://shop.cn/01/{GTIN}?3103=000750&3102=000075", "ai_unfitting"),
        (f"https://shop.cn/01/{GTIN}?422=156&426=156", "ai_unfitting"),
        (f"https://shop.cn/01/{GTIN}?11=260230", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?11=261300", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?17=270229", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?7007=260400", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?7007=2604", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?7003=2604122460", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?3103=75", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?3103=00075%D9%A0", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?422=CHN", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?422=157", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?423=15684", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?30=", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}?30", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}/21/%2E%2E", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}/21/{'S' * 21}", "value_invalid"),
        (f"https://shop.cn/01/{GTIN}/21/%E5%8F%B7", "value_invalid"),
        ("https://shop.cn/414/6901234567893", "value_invalid"),
        ("https://shop.cn/00/040123450000003339", "value_invalid"),
        ("https://shop.cn/00/04012345000000333", "value_invalid"),
        ("https://shop.cn/8003/1401234566666387", "value_invalid"),
        ("https://shop.cn/8006/040123451234560301", "value_invalid"),
        ("https://shop.cn/8010/4012345abc", "value_invalid"),
        ("https://shop.cn/8010/4012345ABC/8011/0123", "value_invalid"),
        ("https://shop.cn/255/4012345999990ABC", "value_invalid"),
        ("https://shop.cn/01/06901234567893", "gtin_check_digit"),
        ("https://shop.cn/01/00000000000000", "gtin_zero"),
        ("https://shop.cn/01/6901234567892", "gtin_length"),
        ("https://shop.cn/01/96385074", "gtin_length"),
        ("https://shop.cn/01/123", "gtin_length"),
        ("https://shop.cn/01/0690123456789X", "gtin_not_digits"),
        (f"https://shop.cn/01/{GTIN}/10/%E8%8B%B9%E6%9E%9C", "lot_characters"),
        (f"https://shop.cn/01/{GTIN}/10/{'A' * 21}", "lot_length"),
    ],
)  # fmt: skip
def test_a_broken_link_is_refused_by_name(uri: str, code: str) -> None:
    with refused(code) as caught:
        parse_digital_link(uri)
    assert caught.value.hint
    assert links.identity(uri) == uri or code == "gtin_length"


def test_the_hint_tells_the_right_form() -> None:
    with refused("gtin_length") as caught:
        parse_digital_link("https://shop.cn/01/6901234567892")
    assert GTIN in caught.value.hint
    with refused("value_invalid") as caught:
        parse_digital_link("https://shop.cn/414/6901234567893")
    assert "(2)" in caught.value.hint
    with refused("lot_characters") as caught:
        parse_digital_link(f"https://shop.cn/01/{GTIN}/10/%E8%8B%B9%E6%9E%9C-7")
    assert caught.value.fields["suggestion"] == "7"
    assert "批次号" in caught.value.hint


@pytest.mark.parametrize("gtin", ["6901234567892", "96385074", "614141999996"])
def test_old_labels_may_leave_out_the_zeros_if_asked(gtin: str) -> None:
    uri = f"https://shop.cn/01/{gtin}"
    assert parse_digital_link(uri, zero_suppressed=True).gtin == gtin.zfill(14)
    assert links.digital_link("01", gtin).gtin == gtin.zfill(14)


def test_a_link_is_built_with_its_parts_in_order() -> None:
    link = links.digital_link(
        "01",
        GLN,
        qualifiers={"21": "7", "10": "A/1"},
        attributes={"17": "270412", "11": "260412"},
        base="https://shop.cn/p",
    )
    assert link.uri == f"https://shop.cn/p/01/{GTIN}/10/A%2F1/21/7?11=260412&17=270412"
    assert parse_digital_link(link.uri) == link


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("link_invalid", {"base": "javascript:alert(1)//"}),
        ("link_invalid", {"base": "https://shop.cn/"}),
        ("ai_misplaced", {"qualifiers": {"254": "1"}}),
        ("ai_order", {"qualifiers": {"235": "1", "10": "A"}}),
        ("ai_misplaced", {"attributes": {"21": "1"}}),
        ("ai_unknown", {"attributes": {"linkType": "all"}}),
        ("value_invalid", {"qualifiers": {"21": ""}}),
    ],
)  # fmt: skip
def test_what_would_be_refused_is_not_built(code: str, arguments: dict[str, Any]) -> None:
    with refused(code):
        links.digital_link("01", GTIN, **arguments)


def test_an_attribute_is_no_key() -> None:
    with refused("ai_misplaced"):
        links.digital_link("11", "260412")
    with refused("ai_unknown"):
        links.digital_link("4711", "1")


@pytest.mark.parametrize(
    ("uri", "is_thing"),
    [
        (f"https://id.gs1.org/01/{GTIN}", False),
        (f"https://id.gs1.org/01/{GTIN}/10/A", False),
        (f"https://id.gs1.org/01/{GTIN}/10/A%2F1", False),
        (f"https://id.gs1.org/01/{GTIN}/21/A", True),
        (f"https://shop.cn/01/{GTIN}/10/A/21/A", True),
        (f"https://id.gs1.org/01/{GTIN}/235/A", True),
        (f"https://id.gs1.org/414/{GLN}", True),
        ("https://id.gs1.org/253/4012345555554", False),
        ("https://id.gs1.org/253/4012345555554987", True),
        ("https://id.gs1.org/8003/04012345666663", False),
        ("https://id.gs1.org/8010/4012345ABC", False),
        ("https://id.gs1.org/8006/040123451234560102", False),
        ("https://id.gs1.org/01/06901234567893/10/A", None),
        ("https://id.gs1.org/01/00000000000000/10/A", None),
        ("https://id.gs1.org/414/6901234567893", None),
        ("https://shop.cn/page", None),
        ("urn:x:y", None),
    ],
)
def test_things_are_told_from_classes(uri: str, is_thing: bool | None) -> None:  # noqa: FBT001 -- expected
    assert links.names_instance(uri) is is_thing


@given(LOTS, LOTS)
def test_what_is_built_is_read_back(lot: str, serial: str) -> None:
    link = links.digital_link("01", GTIN, qualifiers={"10": lot, "21": serial})
    assert parse_digital_link(link.uri) == link
    assert links.identity(link.uri) == f"https://id.gs1.org/01/{GTIN}/21/{quote(serial, safe='')}"
    assert links.identity(lot_class(GTIN, lot)) == lot_class(GTIN, lot)


@given(st.from_regex(r"[0-9]{17}", fullmatch=True), st.integers(1, 9))
def test_a_wrong_check_digit_never_passes(body: str, by: int) -> None:
    digit = check_digit(body)
    assert isinstance(parse_digital_link(f"https://a.cn/00/{body}{digit}"), DigitalLink)
    with refused("value_invalid"):
        parse_digital_link(f"https://a.cn/00/{body}{(digit + by) % 10}")


PIECES = st.sampled_from(
    ["https://", "HTTP://", "a.cn", "/", "01", GTIN, "10", "A", "21", "?", "&", "=", "11", "260412",
     "%2F", "%", "#", "苹", "414", GLN, "..", "+", "\n", "\ud800"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=16).map("".join) | st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        link = parse_digital_link(text)
    except YuanliuError as error:
        assert error.hint  # noqa: PT017 -- most texts are refused, some are not
    else:
        assert parse_digital_link(link.canonical).canonical == link.canonical
    links.identity(text)
    links.names_instance(text)
