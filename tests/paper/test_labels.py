"""Labels and cards, printed and scanned: every code leads where it should, and nothing sticks out."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Final

import pytest
from tests.paper.scanner import dark, pages, read, words, worn

from yuanliu.errors import YuanliuError
from yuanliu.paper.certificate import Basis, Certificate
from yuanliu.paper.farmer_card import MOST as MOST_CARDS
from yuanliu.paper.farmer_card import Card, card, cards
from yuanliu.paper.label_formats import FORMATS, Format, format_named
from yuanliu.paper.labels import MOST, Goods, labels
from yuanliu.paper.qr import PaperError

CERTIFICATE: Final = Certificate(
    product="凤凰单丛茶（蜜兰香）",
    quantity="15 kg（150 盒）",
    origin="广东省潮州市潮安区凤凰镇",
    promisor="潮州市凤凰镇乌岽山茶叶专业合作社",
    contact="0768-6800000",
    issued=date(2026, 11, 22),
    bases=frozenset({Basis.CONTROLLED, Basis.COMMISSIONED}),
)
TEA: Final = Goods(
    site="https://trace.example-farm.cn",
    gtin="06901234567915",
    lot="TEA20261122-001",
    product="凤凰单丛茶（蜜兰香）",
    cooperative="潮州市凤凰镇乌岽山茶叶专业合作社",
    place="广东省潮州市潮安区凤凰镇",
    harvested=date(2026, 11, 21),
    certificate=CERTIFICATE,
)
HOSTILE: Final = (
    "茶" * 300,
    "W" * 300,
    "一 " * 200,
    "مرحبا بالعالم " * 8,
    "\u202egnirts desrever \u2066\u200f" + "שלום" * 9,
    "😀👨‍👩‍👧🏳️‍🌈" * 12,
    "<script>alert('x')</script>" * 5,
    "\x00\x1b[31m\x07\ud800\udfff\ufffe 行\r\n\t行",
    "(((\\)))<</Type/Page>>endobj",
    "𠮷野家" * 20 + "Z̸̡̢͎̗͕͍a̴l͓g̷o" * 9,
)
SERIALS: Final = [f"7K3M9QW{number:03d}" for number in range(40)]


def filled(text: str) -> Certificate:
    """Give a certificate whose every field says the same."""
    return Certificate(
        text, text, text, text, text, date(2026, 1, 1), frozenset(Basis), bought=True
    )


def margins(paper: Format) -> list[tuple[float, float, float, float]]:
    """Give the frames of all labels that have to stay free."""
    found = []
    for x, y in paper.places():
        right, bottom = x + paper.wide, y + paper.high
        found += [
            (x, y, right, y + paper.pad_y),
            (x, bottom - paper.pad_y, right, bottom),
            (x, y, x + paper.pad_x, bottom),
            (right - paper.pad_x, y, right, bottom),
        ]
    return found


def check(pdf: bytes, paper: Format, goods: Goods, serials: list[str | None]) -> None:
    """See that a page of labels can be scanned, and that all is within the labels."""
    (page,) = pages(pdf)
    assert read(worn(page)) == sorted(goods.address(serial) for serial in serials)
    assert not [frame for frame in margins(paper) if dark(page, *frame)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_code_of_a_page_leads_to_its_piece(name: str) -> None:
    paper = FORMATS[name]
    serials: list[str | None] = [*SERIALS[: paper.cells]]
    pdf = labels(TEA, serials, paper)
    check(pdf, paper, TEA, serials)
    (text,) = words(pdf)
    assert text.count("承诺达标合格证") == paper.cells
    for said in (*SERIALS[: paper.cells], TEA.lot, "2026年11月21日"):
        assert said in text
    if paper.wide >= 60:
        assert text.count("商品码6901234567915trace.example-farm.cn") == paper.cells
    if name in {"roll-60x80", "a4-2x4"}:
        for said in (
            *(field for pair in CERTIFICATE.fields for field in pair),
            "使用的常规农药、兽药残留不超标。",
            "自行检测合格",
            "委托检测合格",
        ):
            assert said.replace(" ", "") in text, said
        assert text.count("✓") == 2 * paper.cells


@pytest.mark.parametrize("name", ["roll-50x30", "roll-40x60"])
def test_whatever_names_are_nothing_sticks_out_and_the_code_reads(name: str) -> None:
    paper = FORMATS[name]
    for text in HOSTILE:
        goods = replace(TEA, product=text, cooperative=text, place=text, certificate=None)
        serials: list[str | None] = [*SERIALS[: min(paper.cells, 4)]]
        pdf = labels(goods, serials, paper)
        check(pdf, paper, goods, serials)
        assert SERIALS[0] in words(pdf)[0]


@pytest.mark.parametrize("name", ["roll-60x80", "a4-2x4"])
def test_a_certificate_stands_in_full_or_is_refused(name: str) -> None:
    paper = FORMATS[name]
    long = filled("茶" * 60)
    text = words(labels(replace(TEA, certificate=long), [None] * paper.cells, paper))[0]
    assert text.count("茶") == 5 * 60 * paper.cells
    longer = filled("茶" * 80)
    small = replace(paper, wide=60, high=62)
    with pytest.raises(PaperError) as refused:
        labels(replace(TEA, certificate=longer), [None], small)
    assert refused.value.code == "paper.too_little_room"


def test_the_widest_lot_and_serial_stand_in_full() -> None:
    for paper in FORMATS.values():
        widest = replace(TEA, lot="W" * 20, certificate=None)
        serials: list[str | None] = ["W" * 18 + f"{n:02}" for n in range(paper.cells)]
        pdf = labels(widest, serials, paper)
        check(pdf, paper, widest, serials)
        assert all(str(serial) in words(pdf)[0] for serial in serials)


def test_a_certificate_that_lacks_something_is_none() -> None:
    for change in ("product", "quantity", "origin", "promisor", "contact"):
        for wrong in ("", " ", "\u200b", "茶" * 81):
            with pytest.raises(PaperError) as refused:
                replace(CERTIFICATE, **{change: wrong})  # type: ignore[arg-type]  # texts, all five
            assert refused.value.code == "paper.certificate_incomplete"
            assert refused.value.fields["field"] == change
    with pytest.raises(PaperError):
        replace(CERTIFICATE, bases=frozenset())
    assert "保鲜剂" in replace(CERTIFICATE, bought=True).statement


def test_a_used_sheet_goes_on_where_it_was_left() -> None:
    paper = format_named("a4-3x8")
    pdf = labels(TEA, SERIALS[:23], paper, skip=22)
    first, second = pages(pdf)
    assert read(worn(first)) == [TEA.address(serial) for serial in SERIALS[:2]]
    assert len(read(second)) == 21
    assert labels(TEA, SERIALS[:23], paper, skip=22) == pdf, "the same order gives the same file"


def test_labels_without_serials_are_of_the_lot() -> None:
    paper = format_named("roll-40x60")
    plain = Goods("http://127.0.0.1:8000/shop", "06901234567892", "A%/..")
    assert plain.address() == "http://127.0.0.1:8000/shop/01/06901234567892/10/A%25%2F.."
    for page in pages(labels(plain, [None, None], paper)):
        assert read(page) == [plain.address()]


@pytest.mark.parametrize(
    ("serials", "skip", "code"),
    [
        ([], 0, "paper.count_invalid"),
        ([None] * (MOST + 1), 0, "paper.count_invalid"),
        (["A", "B", "A"], 0, "paper.serial_twice"),
        ([None], -1, "paper.skip_invalid"),
        ([None], 40, "paper.skip_invalid"),
        (["序号"], 0, "identifiers.value_invalid"),
        (["X" * 21], 0, "identifiers.value_invalid"),
        ([""], 0, "identifiers.value_invalid"),
    ],
)
def test_an_order_that_cannot_be_printed_is_refused(
    serials: list[str | None], skip: int, code: str
) -> None:
    with pytest.raises(YuanliuError) as refused:
        labels(TEA, serials, format_named("a4-4x10"), skip=skip)
    assert refused.value.code == code


def test_an_address_too_long_for_a_label_is_refused_with_the_size_it_needs() -> None:
    far = replace(TEA, site="https://" + "long." * 40 + "example")
    with pytest.raises(PaperError) as refused:
        labels(far, [None], format_named("roll-50x30"))
    assert refused.value.code == "paper.code_too_small"
    assert float(str(refused.value.fields["needed_mm"])) > 24
    with pytest.raises(PaperError) as unknown:
        format_named("a3-1x1")
    assert unknown.value.code == "paper.format_unknown"


def test_many_may_print_at_once() -> None:
    paper = format_named("roll-60x40")

    def printed(number: int) -> bytes:
        return labels(replace(TEA, product=f"茶 {number % 2}"), SERIALS[:5], paper)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(printed, range(16)))
    assert made == [printed(number) for number in range(16)]


# ------------------------------------------------------------------ cards


def test_every_card_leads_to_its_farmer_and_says_no_more_than_codes() -> None:
    listed = [
        Card("https://a.example", "COOP-0001", f"H-{n:04}", "凤凰茶叶合作社") for n in range(12)
    ]
    first, second = pages(cards(listed))
    assert read(worn(first)) == [each.address for each in listed[:10]]
    assert read(worn(second)) == [each.address for each in listed[10:]]
    assert listed[0].address == "https://a.example/f/COOP-0001/H-0000"
    (text,) = words(card(listed[3]))
    assert "H-0003" in text
    assert "凤凰茶叶合作社" in text


def test_a_card_holds_the_widest_code_and_any_name() -> None:
    for name in HOSTILE:
        one = Card("https://trace.example-farm.cn", "0x" + "a" * 40, "W" * 16, name)
        (page,) = pages(card(one))
        assert read(worn(page)) == [one.address]
        assert not dark(page, 4, 0.5, 81, 3)
        assert not dark(page, 4, 50.5, 81, 53.5)


@pytest.mark.parametrize("code", ["", "H 1", "农户", "H" * 17, ".."])
def test_a_card_without_a_code_is_none(code: str) -> None:
    with pytest.raises(YuanliuError) as refused:
        Card("https://a.example", "COOP-0001", code)
    assert refused.value.code == "identifiers.card_invalid"


def test_cards_are_printed_in_bounds() -> None:
    one = Card("https://a.example", "COOP-0001", "H-1")
    for count in (0, MOST_CARDS + 1):
        with pytest.raises(PaperError):
            cards([one] * count)
