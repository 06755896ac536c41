"""What stands behind the code on a label."""

from urllib.parse import quote

import pytest
from tests.web.house import EGGS, House

from yuanliu import digital_link
from yuanliu.epcis.validation import open_document

pytestmark = [pytest.mark.node, pytest.mark.slow]


def path(home: House, *more: str) -> str:
    return f"/01/{EGGS}/10/{home.results[0].lot}" + "".join(more)


def test_one_address_has_a_form_for_each_reader(home: House) -> None:
    page = home.get(path(home), Accept="text/html,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html")
    assert home.results[0].lot in page.text
    assert "核对" in page.text, "Chinese first"
    english = home.get(path(home), Accept="text/html", Accept_Language="en-GB")
    assert "not checked" in english.text
    data = home.get(path(home), Accept="application/json").json()
    assert data == home.get(f"batches/{data['id']}").json()
    events = home.get(path(home), Accept="application/ld+json")
    assert events.headers["content-type"] == "application/ld+json"
    assert len(open_document(events.json()).validate()) >= 5
    links = home.get(path(home), Accept="application/linkset+json")
    assert links.headers["content-type"] == "application/linkset+json"
    assert home.get(path(home), Accept="image/png").status_code == 406


def test_the_link_set_names_where_to_go_and_each_link_answers(home: House) -> None:
    (entry,) = home.get(path(home), Accept="application/linkset+json").json()["linkset"]
    assert entry["anchor"] == "http://yuanliu.test" + path(home)
    kinds = {name.rpartition("/")[2] for name in entry if name != "anchor"}
    assert kinds >= {
        "defaultLink",
        "pip",
        "traceability",
        "epcis",
        "certificationInfo",
        "recallStatus",
    }
    for kind in kinds - {"defaultLink"}:
        (target,) = entry[f"https://ref.gs1.org/voc/{kind}"]
        where = target["href"].removeprefix("http://yuanliu.test")
        assert home.get(where).status_code == 200, kind
        led = home.get(path(home, f"?linkType=gs1:{kind}"))
        assert led.status_code == (200 if kind == "pip" else 307)
        if kind != "pip":
            assert led.headers["location"] == target["href"]
    assert home.get(path(home, "?linkType=linkset")).json()["linkset"] == [entry]
    unknown = home.get(path(home, "?linkType=gs1:warranty"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "link.type_unknown")


def test_the_link_header_says_the_same(home: House) -> None:
    header = home.get(path(home), Accept="application/json").headers["link"]
    assert 'rel="https://ref.gs1.org/voc/traceability"' in header
    assert "linkset-context.jsonld" in header


def test_a_serial_names_a_piece_of_the_lot(home: House) -> None:
    page = home.get(path(home, "/21/A-7"), Accept="text/html")
    assert page.status_code == 200
    assert "A-7" in page.text


def test_a_product_lists_its_lots(home: House) -> None:
    found = home.get(f"/01/{EGGS}", Accept="application/json").json()
    assert found["product"]["gtin"] == EGGS
    assert home.results[0].lot in {each["lot"] for each in found["lots"]}
    assert home.results[0].lot in home.get(f"/01/{EGGS}", Accept="text/html").text


@pytest.mark.parametrize(
    ("link", "code"),
    [
        (f"/01/{EGGS[:-1]}3/10/A", "identifiers.gtin_check_digit"),
        ("/01/6901234567892/10/A", None),
        (f"/01/{EGGS}/10/{quote('苹果')}", "identifiers.lot_characters"),
        (f"/01/{EGGS}/10/{'A' * 21}", None),
        (f"/01/{EGGS}/21/7/10/A", None),
        (f"/01/{EGGS}/10/A/10/B", None),
        (f"/01/{EGGS}/99/A", None),
        (f"/01/{EGGS}/10/%zz", None),
        (f"/01/{EGGS}/10/", None),
        (f"/01/{EGGS}/10/A?10=B", None),
        ("/01/abc", None),
        ("/01/" + "1" * 3000, None),
    ],
)
def test_what_is_malformed_is_refused_and_never_guessed(
    home: House, link: str, code: str | None
) -> None:
    answer = home.get(link, Accept="application/json")
    assert answer.status_code in {404, 422}, answer.text
    assert code in {None, answer.json()["code"]}
    assert answer.json()["hint"]


def test_a_clerk_who_types_chinese_is_helped(home: House) -> None:
    fields = home.get(f"/01/{EGGS}/10/{quote('2026春茶-1')}", Accept="application/json").json()[
        "fields"
    ]
    link = digital_link.parse_digital_link(f"https://x.example/01/{EGGS}/10/{fields['suggestion']}")
    assert link.lot == fields["suggestion"]


def test_a_lot_that_nobody_registered_is_not_found(home: House) -> None:
    answer = home.get(f"/01/{EGGS}/10/GHOST", Accept="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "batch.unknown")
    page = home.get(f"/01/{EGGS}/10/GHOST", Accept="text/html")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html"), "people get a page"
    assert "没有这个批次" in page.text


def test_an_encoded_lot_is_the_lot(home: House) -> None:
    lot = home.results[0].lot
    encoded = "".join(f"%{ord(character):02X}" for character in lot)
    found = home.get(f"/01/{EGGS}/10/{encoded}", Accept="application/json")
    assert found.json()["lot"] == lot


def test_the_resolver_describes_itself(home: House) -> None:
    found = home.get("/.well-known/gs1resolver").json()
    assert found["resolverRoot"] == "http://yuanliu.test"
    assert "01" in found["supportedPrimaryKeys"]
