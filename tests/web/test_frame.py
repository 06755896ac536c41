"""What every page stands in: words in both languages, formats, addresses of static files, the choice of language."""

import re
import string
from pathlib import Path

import pytest
from httpx import Client
from tests.web.house import House

from yuanliu.web.pages import charts, frame
from yuanliu.web.pages.texts import TEXTS, text

WEB = Path(frame.__file__).parents[1]
USED = re.compile(r"""\bt\(\s*["']([a-z_]+\.[a-z0-9_]+)["']""")


@pytest.fixture(name="http")
def _http(home: House) -> Client:
    return home.client()


def placeholders(words: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_each_text_stands_in_both_languages_with_the_same_places(key: str) -> None:
    words = TEXTS[key]
    assert set(words) == {"zh", "en"}
    assert all(each.strip() == each and each for each in words.values())
    assert placeholders(words["zh"]) == placeholders(words["en"])


def test_every_text_that_a_template_asks_for_exists() -> None:
    asked = {
        key
        for path in (WEB / "templates").rglob("*")
        if path.is_file()
        for key in USED.findall(path.read_text(encoding="utf-8"))
    }
    families = {key for key in asked if key.endswith("_")}  # the rest of the key is put behind it
    assert asked - families - set(TEXTS) == set()
    assert [each for each in families if not any(key.startswith(each) for key in TEXTS)] == []


def test_no_template_brings_a_style_or_a_script_of_its_own() -> None:
    for path in (WEB / "templates").rglob("*.html"):
        found = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", found), path
        for script in re.findall(r"<script\b[^>]*>", found):
            assert "src=" in script or 'type="application/' in script, path


@pytest.mark.parametrize(
    ("fen", "words"),
    [(0, "¥0.00"), (180, "¥1.80"), (-5, "−¥0.05"), (123_456_789, "¥1,234,567.89")],
)
def test_money(fen: int, words: str) -> None:
    assert frame.yuan(fen) == words


@pytest.mark.parametrize(
    ("bps", "words"), [(3333, "33.33%"), (5000, "50%"), (0, "0%"), (1250, "12.5%")]
)
def test_shares(bps: int, words: str) -> None:
    assert frame.percent(bps) == words


@pytest.mark.parametrize(
    ("mg", "words"), [(1_500_000, "1.5 kg"), (250_000, "250 g"), (1, "0.001 g"), (0, "0 g")]
)
def test_masses(mg: int, words: str) -> None:
    assert frame.mass(mg) == words


def test_days_are_those_of_china() -> None:
    assert frame.day(1_794_441_600 + 16 * 3600, "zh") == "2026年11月13日"
    assert frame.moment(1_794_441_600, "en") == "12 Nov 2026 08:00"


def test_a_unit_without_a_name_is_shown_by_its_code() -> None:
    assert frame.unit_name("H87", "zh") == "个"
    assert frame.unit_name("ZZ9", "en") == "ZZ9"


def test_a_text_fills_its_places_and_refuses_to_miss_one() -> None:
    assert text("en", "frame.brand") == "Yuanliu"
    with pytest.raises(KeyError):
        text("en", "frame.no_such_text")


def test_a_chart_stays_in_its_box_and_writes_no_markup_of_others() -> None:
    drawing = charts.stacked('"><script>', [charts.Part(1, "a"), charts.Part(3, "b")])
    assert "<script>" not in drawing
    assert 'width="250.0"' in drawing
    assert "<rect" not in charts.stacked("nothing", [])
    assert charts.line("t", [(0, 5), (1, 12)], low=2, high=8).count("chart-beyond") == 1
    for drawn in (
        charts.line("t", []),
        charts.bars("t", []),
        charts.against_limit("t", 0, 0, kind="k"),
    ):
        assert "nan" not in drawn


def test_the_language_is_what_was_asked_then_chosen_then_preferred(http: Client) -> None:
    def language(**kwargs: object) -> str:
        found = re.search(r'<html lang="([^"]+)"', http.get("/", **kwargs).text)  # type: ignore[arg-type]
        assert found
        return found[1]

    http.cookies.clear()
    assert language() == "zh-Hans"
    assert language(headers={"Accept-Language": "en"}) == "en"
    answer = http.get("/language", params={"to": "en", "back": "/api/v1/docs?x=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/docs?x=1")
    assert language() == "en"
    assert language(params={"lang": "zh"}) == "zh-Hans"
    http.cookies.clear()


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb", ""]
)
def test_choosing_a_language_leads_nowhere_else(http: Client, back: str) -> None:
    assert http.get("/language", params={"to": "en", "back": back}).headers["location"] == "/"
    http.cookies.clear()


def test_static_files_are_kept_by_an_address_that_changes_with_them(http: Client) -> None:
    answer = http.get(frame.asset("css/base.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert http.get("/static/css/base.css").headers["cache-control"] == "no-cache"
    assert http.get("/static/../app.py").status_code == 404
