"""Look-ups: answered past the general machinery, kept while they are right, and never longer."""

import re
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from prometheus_client import generate_latest
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope
from tests.index.copies import make_config
from tests.postgres import postgres
from tests.web.house import EGGS, House

from yuanliu.database import Engine, Family, open_database, upgrade
from yuanliu.index import queries as q
from yuanliu.index.reading import Readers, Stamp, Stamps, reading
from yuanliu.index.store import Cursor, Store
from yuanliu.web import caching
from yuanliu.web.look_ups import Answer, LookUp, LookUps, Shelf
from yuanliu.web.views import BatchView, JournalView, RecordView

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def copy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    config = make_config(request.param, tmp_path_factory.mktemp("copy"), request)
    engine = open_database(config, Family.COPY)
    upgrade(engine, Family.COPY)
    yield engine
    engine.dispose()


def ids(home: House) -> list[str]:
    """Give the ids of the story's batches."""
    found: list[str] = [each["id"] for each in home.get("batches").json()["items"]]
    return found


CURSOR = Cursor(31_337, bytes(32), bytes(20), 1, 5, b"\5" * 32, 5, 5 << 20 | 0xFFFFF)


def test_what_is_written_by_hand_is_what_the_shapes_say(home: House) -> None:
    for id_ in ids(home):
        found = home.get(f"batches/{id_}")
        assert found.json() == BatchView.model_validate(found.json()).model_dump()
        shown = home.get(f"batches/{id_}/journal").json()
        assert shown == JournalView.model_validate(shown).model_dump()
        with reading(home.prepared.services.copy) as db:
            records = q.records(db, bytes.fromhex(id_[2:]))
        assert shown["records"] == [RecordView.of(each).model_dump() for each in records]
        assert shown["head"] == found.json()["head"] == shown["records"][-1]["head"]


def test_an_answer_is_given_again_and_ends_with_the_first_change(home: House) -> None:
    """A row changed behind the service's back shows in the very next answer; so the reader's phone can find it."""
    id_ = ids(home)[0]
    paths = [f"/api/v1/batches/{id_}/journal", home.get(f"batches/{id_}").json()["link"]]
    before = [home.get(path, Accept="application/json").text for path in paths]
    assert [home.get(path, Accept="application/json").text for path in paths] == before
    copy = home.prepared.services.copy

    def bend(sign: str) -> None:
        with copy.begin() as db:
            for change in (
                f"UPDATE record SET time = time {sign} 1 WHERE batch = :id AND number = 1",
                f"UPDATE batch SET time = time {sign} 1 WHERE id = :id",
            ):
                db.execute(text(change), {"id": bytes.fromhex(id_[2:])})

    bend("+")
    bent = [home.get(path, Accept="application/json").text for path in paths]
    bend("-")
    assert all(a != b for a, b in zip(bent, before, strict=True))
    assert [home.get(path, Accept="application/json").text for path in paths] == before


def test_who_has_the_bytes_is_told_so_whoever_asked_before(home: House) -> None:
    id_ = ids(home)[0]
    for path in (
        f"batches/{id_}/journal",
        f"batches/{id_}",
        home.get(f"batches/{id_}").json()["link"],
    ):
        shown = home.get(path, Accept="application/json")
        tag = shown.headers["etag"].removeprefix("W/")
        for _ in range(2):
            known = home.get(path, Accept="application/json", If_None_Match=f'"x", W/{tag}')
            assert (known.status_code, known.content) == (304, b"")
            for name in (
                "etag",
                "cache-control",
                "vary",
                "x-request-id",
                "content-security-policy",
            ):
                assert known.headers[name], name
            assert known.headers["etag"] == shown.headers["etag"]
            other = home.get(path, Accept="application/json", If_None_Match='"another"')
            assert (other.status_code, other.text) == (200, shown.text)
            assert "Accept-Language" in other.headers["vary"]
            assert other.headers["access-control-allow-origin"] == "*"


def test_forms_and_languages_are_not_mixed_up(home: House) -> None:
    link = home.get(f"batches/{ids(home)[0]}").json()["link"]
    asked = [
        {"Accept": "application/json"},
        {"Accept": "application/linkset+json"},
        {"Accept": "text/html", "Accept_Language": "zh-CN"},
        {"Accept": "text/html", "Accept_Language": "en"},
        {"Accept": "image/png"},
        {"Accept": "text/html", "Accept_Language": "en" + ",en" * 1_000},
    ]
    first = [home.get(link, **headers) for headers in asked]
    again = [home.get(link, **headers) for headers in asked]
    assert [each.status_code for each in first] == [200, 200, 200, 200, 406, 200]
    assert [each.headers["content-type"] for each in again] == [
        each.headers["content-type"] for each in first
    ]
    assert '<html lang="en' in again[3].text
    assert '<html lang="zh' in again[2].text
    assert home.get(link + "?linkType=gs1:nonsense", Accept="application/json").status_code == 404


def test_what_is_unknown_or_malformed_is_refused_as_ever(home: House) -> None:
    for path, status, code in (
        ("/api/v1/batches/0x" + "ab" * 32 + "/journal", 404, "batch.unknown"),
        ("/api/v1/batches/0x" + "ab" * 32, 404, "batch.unknown"),
        ("/api/v1/batches/0x" + "AB" * 32, 422, "request.invalid"),
        ("/01/06901234567891/10/A", 422, "identifiers.gtin_check_digit"),
        (f"/01/{EGGS}/10/NONE", 404, "batch.unknown"),
    ):
        answer = home.get(path, Accept="application/json")
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
        assert answer.json()["instance"].endswith(answer.headers["x-request-id"])


def test_the_figures_name_the_route_not_the_lot(home: House) -> None:
    home.get(f"batches/{ids(home)[0]}/journal")
    figures = generate_latest().decode()
    assert 'route="/api/v1/batches/{batch}/journal"' in figures
    assert ids(home)[0] not in figures


# ---------------------------------------------------------------------- the moment of a copy


def test_any_commit_of_anybody_is_another_moment(copy: Engine) -> None:
    store, stamps, readers = Store(copy), Stamps(copy), Readers(copy)

    def moment() -> Stamp | None:
        if (now := stamps.now()) is not None:
            return now
        with readers.reading() as db:
            return stamps.of(db)

    seen = [moment()]
    cursor = store.begin(CURSOR)
    seen.append(moment())
    assert moment() == moment(), "nothing happened meanwhile"
    header = type("Header", (), {"number": 6, "hash": b"\6" * 32, "time": 6})()
    cursor = store.add(cursor, {}, [], header)
    seen.append(moment())
    back = type("Header", (), {"number": 5, "hash": b"\7" * 32, "time": 5})()
    store.rewind(cursor, back)
    seen.append(moment())
    if copy.dialect.name == "sqlite":
        with copy.begin() as db:
            db.execute(text("UPDATE cursor SET time = 9"))
        seen.append(moment())
    assert all(a != b for a, b in pairwise(seen))
    stamps.close()
    readers.close()


@pytest.mark.anyio
async def test_an_answer_made_while_somebody_commits_is_not_taken_for_a_later_one(
    copy: Engine, anyio_backend: str
) -> None:
    """The stamp is taken before: what is committed while an answer is made ends it."""
    assert anyio_backend
    Store(copy).begin(CURSOR)
    clock, made = [0.0], []

    def answer(request: Request, _db: object, _wired: object, **_names: str) -> Response:
        made.append(1)
        if len(made) == 1:
            with copy.begin() as other:
                other.execute(text("UPDATE cursor SET hash = :hash"), {"hash": b"\x11" * 32})
        caching.keep(request)
        return Response(str(len(made)))

    services = type("Services", (), {"copy": copy})()
    look_ups = LookUps(None, services, clock=lambda: clock[0])  # type: ignore[arg-type]
    asked = "/api/v1/batches/0x" + "ab" * 32
    with pytest.MonkeyPatch.context() as patch:
        only = LookUp(re.compile("(?P<batch>.*)"), "t", answer, negotiates=False)
        patch.setattr("yuanliu.web.look_ups.LOOK_UPS", (only,))
        assert await _said(look_ups, asked) == b"1"
        assert await _said(look_ups, asked) == b"2", "something was committed since"
        assert await _said(look_ups, asked) == b"2"
        clock[0] += 1.0
        expected = b"2" if copy.dialect.name == "sqlite" else b"3"
        assert await _said(look_ups, asked) == expected, (
            "a second is the most that PostgreSQL's are kept"
        )
        with copy.begin() as other:
            other.execute(text("UPDATE cursor SET hash = :hash"), {"hash": b"\x12" * 32})
        assert await _said(look_ups, asked) != expected
    look_ups.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _said(look_ups: LookUps, path: str) -> bytes:
    scope: Scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
    }  # fmt: skip
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await look_ups(scope, None, send)  # type: ignore[arg-type]
    return bytes(sent[1]["body"])


# ---------------------------------------------------------------------- the shelf


def test_the_shelf_holds_so_many_bytes_and_lets_go_what_was_not_asked_for_longest() -> None:
    shelf, stamp = Shelf(most=100_000), Stamp(1)
    for number in range(9):
        shelf.put(number, stamp, Answer(200, [], bytes(10_000)))
        assert shelf.get(0, stamp), "asked for again and again"
        assert shelf.bytes <= 100_000
    assert shelf.get(1, stamp) is None
    assert shelf.get(8, Stamp(2)) is None, "of another moment"
    shelf.put(0, Stamp(2), Answer(200, [], b"new"))
    assert shelf.get(0, stamp) is None
    shelf.put("huge", stamp, Answer(200, [], bytes(200_000)))
    assert shelf.bytes <= 100_000
    assert shelf.get("huge", stamp) is None


def test_many_threads_may_use_the_shelf_at_once() -> None:
    shelf = Shelf(most=50_000)

    def use(start: int) -> None:
        for number in range(2_000):
            key = (start + number) % 37
            shelf.put(key, Stamp(number % 3), Answer(200, [], bytes(key * 100)))
            shelf.get(key, Stamp(0))

    threads = [threading.Thread(target=use, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shelf.bytes == sum(len(a.body) + 1_500 for _, a in shelf._kept.values()) <= 50_000
