"""What stands behind the code on a label."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import quote

import pytest
from httpx import Client
from tests.web.house import EGGS, House, caller

from yuanliu import digital_link
from yuanliu.desk.pieces import Pieces
from yuanliu.desk.scans import Scans
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


@pytest.fixture(name="scanned")
def _scanned(home: House) -> Iterator[Callable[..., tuple[str, Client]]]:
    """Open a piece's page, each time with a browser of its own."""
    with ExitStack() as opened:

        def scan(serial: str, agent: str, **more: str) -> tuple[str, Client]:
            headers = {"Accept": "text/html", "User-Agent": agent}
            client = caller(home.url, headers)
            opened.enter_context(client)
            answer = client.get(path(home, f"/21/{serial}"), headers=more)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            return answer.text, client

        yield scan


def test_a_scan_is_counted_once_an_hour_and_never_for_a_robot(
    home: House, scanned: Callable[..., tuple[str, Client]]
) -> None:
    phone = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0"
    for agent, more in (
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", {}),
        ("", {}),
        (phone, {"Sec-Purpose": "prefetch;prerender"}),
        (phone, {"Sec-Fetch-Dest": "empty"}),
    ):
        text, client = scanned("ONCE-1", agent, **more)
        assert "这一次没有计数" in text
        assert not client.cookies
    text, first = scanned("ONCE-1", phone)
    assert "第一次被扫" in text
    (cookie,) = first.cookies.jar
    assert (cookie.value, cookie.path) == ("1", path(home, "/21/ONCE-1"))
    again = first.get(path(home, "/21/ONCE-1"))
    assert "第一次被扫" in again.text
    text, second = scanned("ONCE-1", phone)
    assert "第 2 次被扫" in text
    assert "可能是复制来的" in text
    assert "被扫过 2 次" in scanned("ONCE-1", "Googlebot/2.1")[0]
    assert "第一次被扫" in scanned("OTHER", phone)[0]
    second.cookies.set("yl_scan", "9" * 30)
    assert second.get(path(home, "/21/ONCE-1")).status_code == 200
    with home.prepared.services.desk.connect() as db:
        columns = [row[1] for row in db.exec_driver_sql("PRAGMA table_info(scan)")]
    assert set(columns) == {"batch", "serial", "count", "first", "last", "before"}, "nobody's data"


def test_scans_at_once_are_all_counted(home: House) -> None:
    counts = Scans(home.prepared.services.desk)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: counts.count(b"1" * 32, "S", units=1, now=i), range(40)))
    assert sorted(scan.count for scan in found if scan) == list(range(1, 41))
    assert counts.get(b"1" * 32, "S") is not None
    assert counts.get(b"2" * 32, "S") is None


def test_a_lot_has_no_more_codes_than_pieces(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuanliu.desk.scans.LEAST_SERIALS", 3)
    counts = Scans(home.prepared.services.desk)
    found = [counts.count(b"3" * 32, f"S{i}", units=2, now=1) for i in range(5)]
    assert [scan is not None for scan in found] == [True, True, True, False, False]
    again = counts.count(b"3" * 32, "S0", units=2, now=9)
    assert (again and (again.count, again.first, again.before, again.last)) == (2, 1, 1, 9)


def test_a_label_that_was_printed_here_is_known(home: House) -> None:
    (serial,) = Pieces(home.prepared.services.desk).serials(
        home.results[0].verification.batch, 7, 1, pieces=home.results[0].case.units
    )
    page = home.get(path(home, f"/21/{serial}"), Accept="text/html").text
    assert "这批 1,200 件中的第 7 件" in page
    assert "没有印过" not in page
    assert "没有印过" in home.get(path(home, "/21/0000000000"), Accept="text/html").text


def test_what_stands_on_the_pack_leads_to_the_page(home: House) -> None:
    lot = home.results[0].lot
    found = home.get(f"/01/?gtin={EGGS[1:4]}-{EGGS[4:]}&lot=%20{lot}%20", Accept="text/html")
    assert (found.status_code, found.headers["location"]) == (303, path(home))
    assert home.get(f"/01/?gtin={EGGS}").headers["location"] == f"/01/{EGGS}"
    for bad in ("", "abc", EGGS[:-1] + "3", "1" * 30):
        refused = home.get(f"/01/?gtin={bad}&lot=A", Accept="text/html")
        assert refused.status_code == 422
        assert refused.headers["content-type"].startswith("text/html"), "people get a page"


def test_the_page_is_kept_only_as_long_as_it_is_true(home: House) -> None:
    first = home.get(path(home), Accept="text/html")
    tag = first.headers["etag"]
    again = home.get(path(home), Accept="text/html", If_None_Match=tag)
    assert (again.status_code, again.content) == (304, b"")
    english = home.get(path(home), Accept="text/html", Accept_Language="en", If_None_Match=tag)
    assert english.status_code == 200
    assert "connect-src 'self' https: http:" in first.headers["content-security-policy"]


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
