"""Which form a client gets."""

import pytest

from yuanliu.errors import YuanliuError
from yuanliu.web.negotiation import choose

HTML, JSON, LINKS, LD = (
    "text/html",
    "application/json",
    "application/linkset+json",
    "application/ld+json",
)
OFFERED = (HTML, JSON, LINKS, LD)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", HTML),
        ("*/*", HTML),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/*", JSON),
        ("application/ld+json, application/json;q=0.9", LD),
        ("text/html;q=0.2, application/linkset+json;q=0.8", LINKS),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", HTML),
        ("*/*;q=0.5, text/html;q=0", JSON),
        ("application/*;q=0.3, application/ld+json;q=0.4", LD),
        ("nonsense", HTML),
        ("nonsense, application/json", JSON),
        ("application/json;q=nan, text/html;q=0.1", HTML),
        ("application/json;q=x, text/html;q=0.1", HTML),
        (" application/json ; q = 1 ", JSON),
        ("application/json;version=2;q=0.5", JSON),
    ],
)
def test_the_form_that_the_client_likes_best(accept: str, chosen: str) -> None:
    assert choose(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    "accept", ["image/png", "text/html;q=0", "*/*;q=0", "application/json;q=-1"]
)
def test_what_is_not_there_is_refused(accept: str) -> None:
    with pytest.raises(YuanliuError) as caught:
        choose(accept, OFFERED)
    assert caught.value.code == "request.not_acceptable"
    assert caught.value.fields["offered"] == list(OFFERED)


def test_a_hostile_header_is_read_to_a_bound() -> None:
    with pytest.raises(YuanliuError):
        choose("a/b;q=0.1," * 100_000, OFFERED)
