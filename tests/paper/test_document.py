"""Documents: whatever the texts are, lines stay in their boxes, tables flow, and Chinese needs no installed font."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.paper.scanner import dark, pages, words
from tests.paper.test_labels import HOSTILE

from yuanliu.paper import fonts
from yuanliu.paper.document import Bar, Column, Document, Line
from yuanliu.paper.typesetting import fit, wrap


@given(
    st.text(max_size=120),
    st.floats(5, 300),
    st.floats(1, 120),
    st.floats(5, 30),
)
@example("茶" * 100, 20, 9, 9)
@example("。" * 50, 30, 60, 9)
@example("（" * 50, 30, 60, 9)
@settings(max_examples=150, deadline=None)
def test_lines_stay_in_their_box(text: str, wide: float, high: float, size: float) -> None:
    found = fit(text, wide=wide, high=high, size=size, least=size / 2)
    assert found.size <= size
    assert found.height <= high + 1e-6
    for line in found.lines:
        one_letter = len(line.strip("…")) <= 1
        assert fonts.width(line, found.size) <= wide + 1e-6 or one_letter
    if not found.cut:
        kept = "".join("".join(found.lines).split())
        assert kept == "".join(fonts.clean(text).split())


def test_lines_break_as_they_are_read() -> None:
    text = "源流，一物一码；合作社（凤凰）卖 1,200.00 元。"
    for wide in range(30, 200, 7):
        lines = wrap(text, wide, 10)
        assert not [line for line in lines if line[0] in "，；）。"], lines
        assert not [line for line in lines if line[-1] == "（"], lines
    assert "1,200.00" in wrap(text, 60, 10)[-1] + wrap(text, 60, 10)[-2]


def test_what_the_typeface_lacks_shows_as_a_box_and_controls_are_gone() -> None:
    assert fonts.clean("凤凰單叢 é 𠮷") == "凤凰單叢 é □"
    assert fonts.clean("a\u202eb\x00c\ud800\n\td\ufe0f") == "abc d"
    assert fonts.clean("e\u0301") == "é"
    assert fonts.clean("x" * 500).endswith("…")
    assert len(fonts.clean("x" * 10**6)) == fonts.LONGEST


def made(rows: int) -> Document:
    document = Document("公示", header="凤凰合作社", footer="yuanliu.example")
    document.heading("付款与到账")
    document.paragraph("本表由公共账本重新计算。\nAnybody can check it. " * 3)
    document.facts([("付款总额", "¥12,800.00"), *[("名称", text) for text in HOSTILE]])
    columns = [Column("日期", 30), Column("名称", 90), Column("金额", 200, "right")]
    found = ((f"D{n:05}", HOSTILE[n % len(HOSTILE)], f"{n}.00") for n in range(rows))
    document.table(columns, found, total=("合计", "", "9,999.00"))
    document.bars("每户收入", [Bar(text, n - 2, f"{n - 2}.00") for n, text in enumerate(HOSTILE)])
    points = [(float(n), float(n * n % 17)) for n in range(40)]
    document.lines(
        "份额",
        [Line("土鸡蛋", points), Line("脐橙", points[:1])],
        marks=[(n, str(n)) for n in range(40)],
    )
    return document


def test_a_table_flows_over_pages_with_its_head_and_loses_no_row() -> None:
    pdf = made(300).pdf()
    texts = words(pdf)
    assert len(texts) > 5
    rows = [text for text in texts if "D00" in text]
    assert all("日期" in text and "金额" in text for text in rows)
    whole = "".join(texts)
    assert all(f"D{n:05}" in whole for n in range(300))
    assert [text.count("凤凰合作社") for text in texts] == [1] * len(texts)
    for number, text in enumerate(texts, 1):
        assert f"{number}/{len(texts)}" in text or f"/{len(texts)}" in text
    for page in pages(pdf, dpi=100):
        for frame in ((0, 0, 16, 297), (194, 0, 210, 297), (0, 0, 210, 11), (0, 288, 210, 297)):
            assert not dark(page, *frame, dpi=100)
    assert b"/FontFile2" in pdf
    assert len(pdf) < 400_000
    assert made(300).pdf() == pdf


def test_charts_and_tables_of_nothing_say_so() -> None:
    document = Document("")
    document.table([Column("日期", 30), Column("金额", 30, "right")], [], empty="没有付款")
    document.bars("收入", [])
    document.lines("份额", [])
    document.lines("份额", [Line("只有一点", [(5.0, 0.0)])])
    document.bars("收入", [Bar("无", 0, "0.00")])
    assert "没有付款" in words(document.pdf())[0]
    with pytest.raises(ValueError, match="zip"):
        Document("x").table([Column("a", 10)], [("1", "2")])


def test_a_long_paragraph_goes_on_over_pages() -> None:
    document = Document("长文")
    document.paragraph("茶" * 6_000)
    assert document.pages >= 2
    assert "".join(words(document.pdf())).count("茶") == 6_000
