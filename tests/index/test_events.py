"""EPCIS events: what the copy draws from the facts, and that queries answer exactly as the reference does."""

import json
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text
from tests.index.copies import KINDS, make_config
from tests.index.history import BROKEN, PRODUCTION, History
from tests.world import World

from yuanliu import epcis
from yuanliu.chain.rawlogs import RawNode
from yuanliu.database import Family, open_database, upgrade
from yuanliu.epcis import hashing
from yuanliu.epcis import query as epcis_query
from yuanliu.epcis.query import parse_query
from yuanliu.epcis.validation import validate_event
from yuanliu.errors import YuanliuError
from yuanliu.index import queries
from yuanliu.index.drawing import _read
from yuanliu.index.follower import Follower
from yuanliu.index.store import Store
from yuanliu.records import Kind

pytestmark = [pytest.mark.node, pytest.mark.slow]

ALL = parse_query([("perPage", "1000")])


@pytest.fixture(scope="module")
def long(founded: World) -> Iterator[World]:
    """Give a world with a long history; the tests read it only."""
    with founded.devnet.anchor():
        History(founded, Random(20)).run(120)
        yield founded


@pytest.fixture(scope="module", params=KINDS)
def long_copy(
    long: World, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    config = make_config(request.param, tmp_path_factory.mktemp("long"), request)
    engine = open_database(config, Family.COPY)
    upgrade(engine, Family.COPY)
    with closing(RawNode(long.devnet.rpc_url)) as node:
        Follower(Store(engine), long.deployment, node).catch_up()
    yield engine
    engine.dispose()


@pytest.fixture
def told(long_copy: Engine) -> Iterator[Connection]:
    """Give a connection to the copy of the long history."""
    with long_copy.connect().execution_options(reading=True) as db:
        yield db


def test_every_fact_that_has_an_event_has_one_and_only_valid_ones_are_served(
    told: Connection,
) -> None:
    served = queries.events(told, ALL).events
    for event in served:
        document = dict(event.document)
        validate_event(document)
        assert document["recordTime"].endswith("Z")
        assert document["eventID"]
        assert event.hash == hashing.event_hash(document)
        assert event in queries.event(told, document["eventID"])
        assert event in queries.event(told, event.hash)
    rows = told.execute(text("SELECT place, sub, fault FROM event")).all()
    assert {(r.place, r.sub) for r in rows if r.fault is None} == {(e.place, e.sub) for e in served}
    by_place = {row.place for row in rows}
    for batch in queries.batches(told, limit=1_000):
        for record in queries.records(told, batch.id):
            has_one = record.kind not in {Kind.COLLECTED, Kind.PRICED}
            assert (record.place in by_place) == has_one
        own = queries.events_of(told, batch.id)
        assert list(own) == [e for e in reversed(served_by_place(served)) if e.batch == batch.id]
    for delivery in queries.deliveries(told, limit=1_000):
        assert delivery.place in by_place
    steps = {e.document.get("bizStep") for e in served}
    assert {"receiving", "retail_selling", "shipping", "commissioning"} <= steps


def served_by_place(served: tuple[queries.Event, ...]) -> list[queries.Event]:
    return sorted(served, key=lambda event: (event.place, event.sub), reverse=True)


def test_what_is_no_event_stays_a_record_and_says_why(
    world: World, engine: Engine, follower: Follower
) -> None:
    batch = world.harvest()
    for payload in BROKEN:
        world.record(world.coop, batch, PRODUCTION, payload)
    follower.catch_up()
    with engine.connect() as db:
        records = queries.records(db, batch.id.to_bytes(32))
        faults = {
            row.place: row.fault
            for row in db.execute(text("SELECT place, fault FROM event WHERE fault IS NOT NULL"))
        }
        assert queries.events_of(db, batch.id.to_bytes(32)) == ()
    assert [record.data for record in records] == world.records(batch)
    broken = [r for r in records if r.kind is Kind.PRODUCTION]
    assert len(broken) == len(BROKEN)
    for record, payload in zip(broken, BROKEN, strict=True):
        assert record.data.endswith(payload)
        with pytest.raises(YuanliuError) as refused:
            validate_event(epcis.parse_payload(payload))
        # The fast reader leaves type and time to the validation, which names the first fault as it likes.
        assert faults[record.place].startswith("epcis."), refused.value.code


@pytest.mark.parametrize("payload", BROKEN)
def test_the_fast_reader_takes_nothing_that_the_strict_one_refuses(payload: bytes) -> None:
    strict, fast = (
        _outcome(lambda: epcis.payloads.parse_json(payload, maximum=8_192)),
        _outcome(lambda: _read(payload)),
    )
    assert fast == strict


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _JSON), st.booleans(), st.booleans())
def test_the_fast_reader_reads_as_the_strict_one(
    event: dict[str, Any],
    compact: bool,  # noqa: FBT001 -- Hypothesis gives them by position
    ascii_: bool,  # noqa: FBT001 -- Hypothesis gives them by position
) -> None:
    separators = (",", ":") if compact else (", ", ": ")
    payload = json.dumps(event, ensure_ascii=ascii_, separators=separators, sort_keys=True).encode(
        errors="surrogatepass"
    )
    strict, fast = (
        _outcome(lambda: epcis.payloads.parse_json(payload, maximum=10**6)),
        _outcome(lambda: _read(payload)),
    )
    if len(payload) <= 8_192:
        assert fast == strict
        assert repr(fast) == repr(strict)  # 1 and 1.0 and True


def _outcome(read: Any) -> object:  # noqa: ANN401 -- a function of no arguments
    try:
        return read()
    except YuanliuError as error:
        return error.code


# ---------------------------------------------------------------------- queries

_PLACES = [f"https://id.yuanliu.example/place/{name}" for name in "abcd"]
_STEPS = ["receiving", "shipping", "retail_selling", "commissioning", "feeding", "urn:x:y"]
_TIMES = ["2026-04-12T08:00:00Z", "2026-06-01T00:00:00+08:00", "2026-11-22T00:00:00.123456Z"]


def _some(values: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map("|".join)


def _parameters(lots: list[str]) -> st.SearchStrategy[dict[str, str]]:
    patterns = ["urn:epc:idpat:lgtin:6901234.567892.*", "urn:epc:class:lgtin:690123.0456789.L1"]
    return st.fixed_dictionaries(
        {},
        optional={
            "eventType": _some(["ObjectEvent", "TransactionEvent", "TransformationEvent"]),
            "EQ_action": _some(["ADD", "OBSERVE", "DELETE"]),
            "EQ_bizStep": _some(_STEPS[:4]),
            "EQ_disposition": _some(["in_transit", "active", "retail_sold", "recalled"]),
            "EQ_readPoint": _some(_PLACES),
            "EQ_eventID": _some([f"urn:uuid:{i}" for i in range(5)]),
            "GE_eventTime": st.sampled_from(_TIMES),
            "LT_recordTime": st.sampled_from(["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"]),
            "MATCH_epcClass": _some(lots + patterns),
            "MATCH_anyEPCClass": _some(lots),
            "EXISTS_errorDeclaration": st.just(""),
            "EQ_yuanliu:step": st.just("feeding"),
            "GE_quantity": st.sampled_from(["2", "3.5"]),
            "orderBy": st.sampled_from(
                ["eventTime", "recordTime", "yuanliu:step", "yuanliu:units"]
            ),
        },
    )


def test_queries_answer_as_the_reference_does_page_by_page(told: Connection) -> None:
    served = queries.events(told, ALL).events
    lots = [
        f"https://id.gs1.org/01/{batch.gtin}/10/{batch.lot}"
        for batch in queries.batches(told, limit=5)
    ]
    counted = {"answers": 0, "pages": 0}

    @given(_parameters(lots), st.sampled_from([1, 2, 7, 100]), st.booleans())
    @settings(
        max_examples=300,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def agrees(parameters: dict[str, str], per_page: int, ascending: bool) -> None:  # noqa: FBT001 -- by position
        asked = [*parameters.items(), ("perPage", str(per_page))]
        if ascending and "orderBy" in parameters:
            asked.append(("orderDirection", "ASC"))
        query = parse_query(asked)
        expected = [e for e in served if epcis_query.matches(query, e.document)]
        found = list[queries.Event]()
        token = None
        while True:
            paged = parse_query([*asked, *([("nextPageToken", token)] if token else [])])
            page = queries.events(told, paged)
            assert len(page.events) <= per_page
            found += page.events
            counted["pages"] += 1
            token = page.next_token
            if token is None:
                break
        assert len(found) == len(expected)
        assert sorted(found, key=_key) == sorted(expected, key=_key)
        values = [_value(query, event) for event in found]
        assert values == sorted(values, reverse=query.descending)
        counted["answers"] += len(found)

    agrees()
    assert counted["answers"] > 500
    assert counted["pages"] > 500


def _key(event: queries.Event) -> tuple[int, int]:
    return event.place, event.sub


def _value(query: epcis_query.Query, event: queries.Event) -> tuple[bool, Any]:
    found = epcis.terms.terms(event.document).get(query.order_by, [""])[0]
    return isinstance(found, str), found


def test_limits_of_an_answer(told: Connection) -> None:
    total = len(queries.events(told, ALL).events)
    few = parse_query([("eventCountLimit", "5"), ("perPage", "3")])
    first = queries.events(told, few)
    assert (len(first.events), first.next_token is None) == (3, False)
    second = queries.events(
        told,
        parse_query(
            [("eventCountLimit", "5"), ("perPage", "3"), ("nextPageToken", str(first.next_token))]
        ),
    )
    assert (len(second.events), second.next_token) == (2, None)
    with pytest.raises(YuanliuError) as refused:
        queries.events(told, parse_query([("maxEventCount", str(total - 1))]))
    assert refused.value.code == "epcis.query_too_large"
    assert queries.events(told, parse_query([("maxEventCount", str(total))])).events


def test_a_query_that_would_look_at_too_much_is_refused(
    told: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module(
        "yuanliu.index.queries.events"
    )  # the package's own `events` is the function
    monkeypatch.setattr(module, "MAX_CANDIDATES", 10)
    monkeypatch.setattr(module, "_CHUNK", 5)
    with pytest.raises(YuanliuError) as refused:
        queries.events(told, parse_query([("EQ_yuanliu:nothing", "x")]))
    assert refused.value.code == "epcis.query_too_complex"
    assert not refused.value.retryable


@pytest.mark.parametrize("key", ["", "1", "1-2", "a-b-c", "1-2-3-4", "-1-2-3", "9" * 30 + "-0-0"])
def test_a_token_that_was_not_made_here_is_refused(told: Connection, key: str) -> None:
    query = parse_query([])
    token = query.page_token(epcis_query.Position(5, key))
    with pytest.raises(YuanliuError) as refused:
        queries.events(told, parse_query([("nextPageToken", token)]))
    assert refused.value.code == "epcis.token_invalid"


@pytest.mark.parametrize("value", ["text", 1.5, 10**30])
def test_a_token_of_a_strange_value_is_refused(told: Connection, value: Any) -> None:  # noqa: ANN401 -- any
    query = parse_query([])
    token = query.page_token(epcis_query.Position(value, "1-2-3"))
    with pytest.raises(YuanliuError) as refused:
        queries.events(told, parse_query([("nextPageToken", token)]))
    assert refused.value.code == "epcis.token_invalid"
