"""GTIN, lot, unit, Digital Link path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu.identifiers import (
    CHARACTER_SET_82,
    UNITS,
    IdentifierError,
    check_digit,
    digital_link_path,
    farmer_path,
    gtin_number,
    gtin_text,
    lot_bytes,
    lot_class,
    lot_text,
    parse_digital_link_path,
    parse_farmer_path,
    parse_gtin,
    parse_lot,
    parse_unit,
)

GTIN = "06901234567892"
LOTS = st.text(sorted(CHARACTER_SET_82), min_size=1, max_size=20)


def refused(code: str) -> pytest.RaisesExc[IdentifierError]:
    return pytest.RaisesExc(IdentifierError, check=lambda error: error.code == code)


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("96385074", "00000096385074"),
        ("614141999996", "00614141999996"),
        ("6901234567892", GTIN),
        ("06901234567892", GTIN),
        ("10614141000415", "10614141000415"),
    ],
)
def test_each_form_of_gtin_is_read(text: str, gtin: str) -> None:
    assert parse_gtin(text) == gtin
    assert gtin_text(gtin_number(text)) == gtin


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "gtin_not_digits"),
        ("690123456789X", "gtin_not_digits"),
        ("６９０１２３４５６７８９２", "gtin_not_digits"),
        ("690 1234567892", "gtin_not_digits"),
        ("123456789", "gtin_length"),
        ("006901234567892", "gtin_length"),
        ("6901234567893", "gtin_check_digit"),
        ("00000000000000", "gtin_zero"),
    ],
)
def test_a_wrong_gtin_is_refused(text: str, code: str) -> None:
    with refused(f"identifiers.{code}"):
        parse_gtin(text)


def test_the_hint_tells_the_right_check_digit() -> None:
    with refused("identifiers.gtin_check_digit") as caught:
        parse_gtin("6901234567893")
    assert "2" in caught.value.hint


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_the_check_digit_finds_each_wrong_digit(body: str, place: int, by: int) -> None:
    wrong = body[:place] + str((int(body[place]) + by) % 10) + body[place + 1 :]
    assert check_digit(wrong) != check_digit(body)


def test_the_character_set_has_82_characters() -> None:
    assert len(CHARACTER_SET_82) == 82
    assert CHARACTER_SET_82.isdisjoint("#$@[\\]^`{|}~ \x7f")


@given(LOTS)
def test_a_lot_comes_back_from_its_bytes_and_from_its_path(lot: str) -> None:
    assert lot_text(lot_bytes(lot)) == parse_lot(lot) == lot
    if lot not in {".", ".."}:
        path = digital_link_path(GTIN, lot)
        assert parse_digital_link_path(path) == (GTIN, lot)
        assert path.count("/") == 4


@pytest.mark.parametrize("lot", ["", "A" * 21])
def test_a_lot_of_wrong_length_is_refused(lot: str) -> None:
    with refused("identifiers.lot_length"):
        parse_lot(lot)


@pytest.mark.parametrize(
    ("lot", "suggestion"),
    [
        ("苹果", "2026-04-12A"),
        ("苹果-2026", "2026"),
        ("ＡＢ１２", "AB12"),
        ("lot 7", "lot-7"),
        ("a#b", "ab"),
        ("x" * 30 + "果", "x" * 20),
    ],
)
def test_a_chinese_lot_is_refused_with_a_lot_that_would_do(lot: str, suggestion: str) -> None:
    with refused("identifiers.lot_characters") as caught:
        parse_lot(lot)
    assert caught.value.fields["suggestion"] == suggestion == parse_lot(suggestion)
    assert suggestion in caught.value.hint
    assert "批次号" in caught.value.hint


@pytest.mark.parametrize("padded", [b"A\0B".ljust(20, b"\0"), bytes(20), b"\xe8" * 20])
def test_bytes_that_are_no_lot_are_refused(padded: bytes) -> None:
    with pytest.raises(IdentifierError):
        lot_text(padded)


@pytest.mark.parametrize("lot", [".", ".."])
def test_a_lot_that_a_browser_takes_for_a_folder_gets_no_address(lot: str) -> None:
    assert parse_lot(lot) == lot
    with refused("identifiers.lot_not_linkable"):
        digital_link_path(GTIN, lot)


def test_the_path_of_a_batch() -> None:
    assert digital_link_path("6901234567892", "A/1+2%") == f"/01/{GTIN}/10/A%2F1%2B2%25"
    assert lot_class(GTIN, "A1") == f"https://id.gs1.org/01/{GTIN}/10/A1"


@pytest.mark.parametrize(
    "path",
    [
        "",
        f"/01/{GTIN}",
        f"/01/{GTIN}/10/A/21/1",
        f"/01/{GTIN}/10/A%2",
        f"/01/{GTIN}/10/A%zz",
        f"/01/{GTIN}/10/%2e%2E",
        "/01/6901234567892/10/A",
        f"/10/A/01/{GTIN}",
        f"/01/{GTIN}/10/A?x=1#",
        f"/01/{GTIN}/10/%FF",
        f"/01/{GTIN}/10/A\n",
        f"/01/{GTIN}/10/",
    ],
)
def test_what_is_no_path_of_a_batch_is_refused(path: str) -> None:
    with pytest.raises(IdentifierError):
        parse_digital_link_path(path)


@given(st.text())
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in (parse_gtin, parse_lot, parse_unit, parse_digital_link_path):
        try:
            read(text)
        except IdentifierError as error:
            assert error.hint  # noqa: PT017 -- most texts are refused, some are not


_code = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=16)


@given(cooperative=_code, code=_code)
def test_a_farmers_path_is_read_back_and_no_two_are_alike(cooperative: str, code: str) -> None:
    dots = {".", ".."} & {cooperative, code}
    if dots:
        with pytest.raises(IdentifierError, match="not the address"):
            farmer_path(cooperative, code)
        return
    path = farmer_path(cooperative, code)
    assert parse_farmer_path(path) == (cooperative, code)
    assert path.count("/") == 3
    assert not set(path) & set('?#&"<>')


def test_the_path_of_a_farmer() -> None:
    assert farmer_path("FH-01", "H/0042") == "/f/FH-01/H%2F0042"
    address = "0x" + "ab" * 20
    assert farmer_path(address, "1") == f"/f/{address}/1"


@pytest.mark.parametrize(
    "path",
    [
        "/f/A",
        "/f/A/",
        "/f//B",
        "/f/A/B/C",
        "/f/A/%zz",
        "/f/A/%20",
        "/f/A/%E5%86%9C",
        "/f/%2e/B",
        "/f/A/" + "1" * 17,
        "/f/0X" + "ab" * 20 + "/1",
        "/g/A/B",
        "/f/A/B\n",
    ],
)
def test_what_is_no_path_of_a_farmer_is_refused(path: str) -> None:
    with pytest.raises(IdentifierError) as caught:
        parse_farmer_path(path)
    assert caught.value.code == "identifiers.card_invalid"


def test_units() -> None:
    assert [parse_unit(code) for code in UNITS] == list(UNITS)
    assert UNITS["KGM"].milligrams == 1_000_000
    for code in ("", "kg", "kgm", "KG", "KGMM", "公斤个", "K M"):
        with refused("identifiers.unit_invalid"):
            parse_unit(code)
