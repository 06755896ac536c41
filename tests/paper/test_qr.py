"""A code reads as exactly what was put in, at every size that is given out; what would not read is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.paper.scanner import opened, read, worn

from yuanliu.paper import qr

LINK = "https://trace.example-farm.cn/01/06901234567892/10/EGG20261122-001/21/7K3M9QW0RT"


@pytest.mark.parametrize("dpi", qr.DPI)
@pytest.mark.parametrize("room", [16.8, 20, 26, 40])
def test_a_code_reads_as_what_was_put_in(room: float, dpi: int) -> None:
    sized = qr.fitted(LINK, room=room, dpi=dpi)
    assert sized.side <= room
    assert sized.module >= qr.SMALLEST_MODULE
    assert sized.module * dpi / 25.4 == pytest.approx(sized.dots)
    assert read(worn(opened(qr.png(sized)))) == [LINK]


def test_the_picture_has_its_quiet_zone_and_the_size_that_it_says() -> None:
    sized = qr.fitted(LINK, room=30, dpi=203)
    picture = opened(qr.png(sized))
    quiet = qr.QUIET * sized.dots
    side = sized.code.side * sized.dots
    assert picture.size == (side, side)
    inner = picture.crop((quiet, quiet, side - quiet, side - quiet))
    picture.paste(255, (quiet, quiet, side - quiet, side - quiet))
    assert picture.getextrema() == (255, 255), "the quiet zone is light"
    assert inner.crop((0, 0, 7 * sized.dots, sized.dots)).getextrema() == (0, 0), "then it begins"


def test_the_drawing_is_the_picture() -> None:
    sized = qr.fitted(LINK, room=30, dpi=203)
    drawn = qr.svg(sized)
    assert drawn.count("<path") == 2, "the ground, and one path"
    assert f'width="{sized.side:.3f}mm"' in drawn
    assert LINK in drawn
    grid = {(x + i, y) for x, y, n in sized.code.runs() for i in range(n)}
    picture = opened(qr.png(sized))
    half = sized.dots // 2
    sampled = {
        (x, y)
        for x in range(sized.code.side)
        for y in range(sized.code.side)
        if picture.getpixel((x * sized.dots + half, y * sized.dots + half)) == 0
    }
    assert sampled == grid


def test_large_codes_correct_more_and_small_ones_have_larger_modules() -> None:
    assert qr.fitted(LINK, room=40, dpi=203).code.level == "Q"
    tight = qr.fitted(LINK, room=17, dpi=203)
    assert tight.code.level != "Q"
    assert tight.module >= qr.SMALLEST_MODULE


@pytest.mark.parametrize("room", [0, 1, 8, 12, 15])
def test_what_would_not_scan_is_refused_with_the_size_that_would(room: float) -> None:
    with pytest.raises(qr.PaperError) as refused:
        qr.fitted(LINK, room=room, dpi=203)
    assert refused.value.code == "paper.code_too_small"
    needed = float(str(refused.value.fields["needed_mm"]))
    assert qr.fitted(LINK, room=needed, dpi=203).module >= qr.SMALLEST_MODULE


@pytest.mark.parametrize(
    "text", ["", " ", "https://例.example/", "https://a.example/a b", "x\n", "x" * 1001]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(qr.PaperError) as refused:
        qr.fitted(text, room=100, dpi=600)
    assert refused.value.code == "paper.code_text_invalid"


def test_an_unknown_printer_is_refused() -> None:
    with pytest.raises(qr.PaperError) as refused:
        qr.fitted(LINK, room=30, dpi=72)
    assert refused.value.code == "paper.dots_unknown"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300))
@settings(max_examples=25, deadline=None)
def test_any_text_of_an_address_comes_back(text: str) -> None:
    assert read(opened(qr.png(qr.fitted(text, room=80, dpi=300)))) == [text]


@given(st.lists(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=1, max_size=20), max_size=4))
@settings(max_examples=15, deadline=None)
def test_the_next_code_of_a_roll_reads_as_well(serials: list[str]) -> None:
    first = qr.fitted(LINK, room=30, dpi=203)
    for serial in serials:
        text = LINK.rpartition("/")[0] + "/" + serial
        following = qr.like(first, text)
        assert following.side <= 30
        assert read(opened(qr.png(following))) == [text]
