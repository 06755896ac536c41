"""What holds for all events: nothing breaks the readers, what passes is hashed and found, spelling does not matter."""

import json
import random
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from yuanliu.bench import epcis as bench
from yuanliu.epcis import EpcisError, contexts, parse_payload, payload
from yuanliu.epcis.contexts import read_context
from yuanliu.epcis.hashing import event_hash, pre_hash
from yuanliu.epcis.query import matches, parse_query
from yuanliu.epcis.terms import terms
from yuanliu.epcis.validation import open_document, validate_event
from yuanliu.errors import YuanliuError

unhurried = settings(deadline=None)  # a busy machine is no fault of the event
EVENTS = list(bench._events(24))
VALID = st.sampled_from(EVENTS)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FURTHER = {
    "@context",
    "epcList",
    "childEPCs",
    "parentID",
    "errorDeclaration",
    "shop:x",
    "yuanliu:y",
}
NAMES = st.sampled_from(sorted({name for event in EVENTS for name in event} | FURTHER))
TEXTS = st.sampled_from(
    ["ADD", "ObjectEvent", "receiving", "2026-04-12T08:30:00Z", "0001-01-01T00:00:00+14:00", "urn:x:1",
     "urn:epc:id:sgtin:4012345.012345.1", "urn:epc:id:cpi:1", "https://id.gs1.org/01/1/10/A", "", "\ud800"]
)  # fmt: skip


def places(value: object) -> list[tuple[Any, Any]]:
    """All containers with each of their keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += [(value, key), *places(item)]
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found += [(value, position), *places(item)]
    return found


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """An event of ours with one to three places changed."""
    event = deepcopy(draw(VALID))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(places(event)))
        if isinstance(holder, dict) and draw(st.booleans()):
            holder[draw(NAMES)] = draw(JSON | TEXTS)
        else:
            holder[key] = draw(JSON | TEXTS)
        if not event:
            break
    return event


def only_refuses(call: Any, *arguments: Any) -> Any:  # noqa: ANN401 -- any call
    try:
        return call(*arguments)
    except YuanliuError as error:
        assert error.hint  # noqa: PT017 -- passing is right, too
        return None


@given(broken())
@settings(unhurried, max_examples=300)
def test_no_event_breaks_anything(event: dict[str, Any]) -> None:
    if only_refuses(validate_event, event) is None:
        only_refuses(event_hash, event)
        return
    namespaces = read_context(event.get("@context") or [], contexts.OURS)
    assert event_hash(event, namespaces).startswith("ni:///sha-256;")
    assert terms(event, namespaces)["eventType"] == [event["type"]]


@unhurried
@given(JSON | st.dictionaries(NAMES, JSON | TEXTS, max_size=6))
def test_no_json_breaks_the_readers(value: object) -> None:
    only_refuses(validate_event, value)
    only_refuses(open_document, value)
    only_refuses(read_context, value)
    document = {"type": "EPCISDocument", "@context": contexts.CONTEXT, "epcisBody": value}
    only_refuses(open_document, document)
    if isinstance(value, dict):
        only_refuses(pre_hash, value)


def shuffled(value: object, dice: random.Random) -> object:
    """The same JSON with members and entries in another order."""
    if isinstance(value, dict):
        members = [(name, shuffled(item, dice)) for name, item in value.items()]
        dice.shuffle(members)
        return dict(members)
    if isinstance(value, list):
        items = [shuffled(item, dice) for item in value]
        dice.shuffle(items)
        return items
    return value


@unhurried
@given(VALID, st.randoms(use_true_random=False))
def test_order_does_not_matter_to_the_hash(event: dict[str, Any], dice: random.Random) -> None:
    other = shuffled(event, dice)
    assert isinstance(other, dict)
    assert event_hash(other) == event_hash(event)


@unhurried
@given(VALID, st.integers(-13 * 60, 13 * 60))
def test_time_zones_do_not_matter_to_the_hash(event: dict[str, Any], minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    moved = datetime.fromisoformat(event["eventTime"]).astimezone(zone)
    assert event_hash({**event, "eventTime": moved.isoformat()}) == event_hash(event)


@unhurried
@given(VALID)
def test_the_bytes_of_a_record_carry_the_hash(event: dict[str, Any]) -> None:
    read = parse_payload(payload(event))
    assert validate_event(read).model_dump(by_alias=True, exclude_unset=True) == event
    assert event_hash(read) == event_hash(json.loads(json.dumps(event))) == event_hash(event)


DIGITS = st.from_regex(r"[+-]?0{0,3}[0-9]{1,25}(\.[0-9]{0,5})?([eE][0-9]{1,2})?", fullmatch=True)


@unhurried
@given(VALID, DIGITS | st.text(max_size=12), DIGITS | st.text(max_size=12))
def test_different_texts_are_never_one_event(event: dict[str, Any], one: str, other: str) -> None:
    hashes = []
    for text in (one, other):
        try:
            hashes.append(event_hash({**event, "yuanliu:id": text}))
        except EpcisError:
            return
    apart = one.strip() != other.strip()
    if not any(text.strip().startswith(("urn:", "http", "HTTP")) for text in (one, other)):
        assert (hashes[0] != hashes[1]) == apart


@unhurried
@given(VALID, st.sampled_from(["eventTime", "action", "bizStep", "readPoint", "yuanliu:new"]))
def test_another_event_has_another_hash(event: dict[str, Any], field: str) -> None:
    values = {
        "eventTime": "2001-01-01T00:00:00Z",
        "action": "DELETE",
        "bizStep": "void_shipping",
        "readPoint": {"id": "urn:x:elsewhere"},
        "yuanliu:new": "x",
    }
    assert event_hash({**event, field: values[field]}) != event_hash(event)


@unhurried
@given(VALID, st.data())
def test_an_event_is_found_by_each_of_its_terms(event: dict[str, Any], data: st.DataObject) -> None:
    found = terms(event)
    field = data.draw(st.sampled_from(sorted(found)))
    term = data.draw(st.sampled_from(found[field]))
    names = {
        "eventType": "eventType",
        "sensorElementList": "EXISTS_sensorElementList",
        **{name: f"MATCH_{name}" for name in found if "EPC" in name or "epc" in name},
        **{name: f"GE_{name}" for name in found if name.lower().endswith("time")},
    }
    if "{" in field or "|" in str(term):
        return
    value: object = term
    if names.get(field, "").startswith("GE_") and isinstance(term, int):
        value = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=term)).isoformat()
    query = parse_query([(names.get(field, f"EQ_{field}"), str(value))])
    assert matches(query, event)


PARAMETERS = st.sampled_from(
    ["EQ_bizStep", "eventType", "GE_eventTime", "MATCH_anyEPC", "EQ_value_CEL", "perPage", "orderBy", "EQ_yuanliu:x",
     "nextPageToken", "EXISTS_ILMD_yuanliu:x", "GE_yuanliu:x", "EQ_source_location", "LT_quantity_KGM"]
)  # fmt: skip


@unhurried
@given(
    st.lists(st.tuples(PARAMETERS | st.text(max_size=20), TEXTS | st.text(max_size=20) | DIGITS))
)
def test_no_query_breaks_the_reader(parameters: list[tuple[str, str]]) -> None:
    query = only_refuses(parse_query, parameters)
    if query is not None:
        for event in EVENTS[:6]:
            matches(query, event)
