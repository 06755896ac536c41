# ruff: noqa: S608 -- statements are put together from literals of this file; values are always bound
"""EPCIS events by query, and by id.

SQL finds candidates by the terms that are columns, in the order asked for; whether a candidate is an answer is decided
by the query's own conditions on the whole event. So an answer is right whatever the columns leave out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from yuanliu.epcis.canonical import canonical
from yuanliu.epcis.query import Condition, Op, Position, Query
from yuanliu.epcis.terms import MATCHED, Term, terms
from yuanliu.errors import YuanliuError
from yuanliu.index.payloads import payload_of
from yuanliu.index.queries import sql
from yuanliu.index.queries.rows import Event, EventPage
from yuanliu.index.served import hash_of, hash_uri, namespaces_of, read, serve
from yuanliu.index.tables import CLIP

MAX_CANDIDATES: Final = 200_000
"""Most events that are looked at for one page: some ten seconds."""

_CHUNK: Final = 500
_MAX_CHUNK: Final = 5_000
_COLUMNS: Final = {
    "eventType": "e.type",
    "action": "e.action",
    "bizStep": "e.biz_step",
    "disposition": "e.disposition",
    "readPoint": "e.read_point",
    "bizLocation": "e.biz_location",
}
_TIMES: Final = {"eventTime": "e.event_time", "recordTime": "e.record_time"}
_EVENT: Final = (
    "SELECT e.place, e.sub, e.batch, e.event_time, e.record_time, e.event_id, e.hash, e.document, r.data FROM {source}"
    " LEFT JOIN record r ON r.place = e.place WHERE e.fault IS NULL"
)


def event(db: Connection, event_id: str) -> tuple[Event, ...]:
    """Give the events of an id, oldest first: the hash (`ni:///…`), or the `eventID` that the author gave.

    An event that was declared wrong stands there once more under the same id.
    """
    wanted = canonical(event_id)
    found = sql.rows(
        db,
        _EVENT.format(source="event e")
        + " AND (e.hash = :hash OR e.event_id = :id) ORDER BY e.place, e.sub",
        hash=hash_of(event_id),
        id=wanted[:CLIP],
    )
    events_ = (_event(row) for row in found)
    return tuple(
        e for e in events_ if event_id == e.hash or canonical(e.document["eventID"]) == wanted
    )


def events_of(db: Connection, batch: bytes) -> tuple[Event, ...]:
    """Give the events of a batch's own journal, in order."""
    found = sql.rows(
        db,
        _EVENT.format(source="event e") + " AND e.batch = :batch ORDER BY e.place, e.sub",
        batch=batch,
    )
    return tuple(map(_event, found))


def events(db: Connection, query: Query) -> EventPage:
    """Give a page of the events that a query asks for.

    The key of a position is `place-sub-served`: the last event, and how many there were up to it. Raises
    `YuanliuError`: `epcis.query_too_complex` if too many events would have to be looked at, `epcis.query_too_large`
    if the query's `maximum` is exceeded, `epcis.token_invalid`.
    """
    after = _after(query)
    served = after.served if after else 0
    wanted = query.per_page
    if query.limit is not None:
        wanted = min(wanted, max(query.limit - served, 0))
    matched = _ordered(db, query, after)
    if query.maximum is not None and after is None:
        taken = list(islice(matched, query.maximum + 1))
        if len(taken) > query.maximum:
            raise YuanliuError(
                "epcis.query_too_large",
                f"more than {query.maximum} events match",
                hint="narrow the query, or leave out maxEventCount and read page by page",
                fields={"maxEventCount": query.maximum},
            )
        matched = iter(taken)
    found = list(islice(matched, wanted + 1))
    answer, more = found[:wanted], len(found) > wanted
    served += len(answer)
    token = None
    if more and answer and (query.limit is None or served < query.limit):
        last = answer[-1]
        key = f"{last.event.place}-{last.event.sub}-{served}"
        token = query.page_token(Position(last.value, key))
    return EventPage(tuple(match.event for match in answer), token)


@dataclass(frozen=True, slots=True)
class _Match:
    event: Event
    value: Term


@dataclass(frozen=True, slots=True)
class _After:
    value: Term
    place: int
    sub: int
    served: int


def _after(query: Query) -> _After | None:
    """Read where the page before ended. Raises `YuanliuError` (`epcis.token_invalid`)."""
    position = query.after
    if position is None:
        return None
    found = _KEY.fullmatch(position.key)
    is_time = type(position.value) is int and abs(position.value) < _FIRST[0]
    if found is None or not (is_time or query.order_by not in _TIMES):
        raise YuanliuError(
            "epcis.token_invalid",
            "nextPageToken: it was not made here",
            hint="take the token of the answer before as it is, or begin at the first page",
        )
    return _After(position.value, *map(int, found.groups()))


_KEY: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,9})-([0-9]{1,18})")


def _ordered(db: Connection, query: Query, after: _After | None) -> Iterator[_Match]:
    """Give the matches in the query's order, those after a position."""
    if query.order_by in _TIMES:
        yield from _scan(db, query, after)
        return
    # By an extension: all have to be known before the first can be told. Events without it stand as if it were "".
    found = [(_order_key(match), match) for match in _scan(db, query, None)]
    found.sort(key=lambda pair: pair[0], reverse=query.descending)
    start = None
    if after is not None:
        start = (isinstance(after.value, str), after.value, after.place, after.sub)
    for key, match in found:
        if start is None or (key < start if query.descending else key > start):
            yield match


def _order_key(match: _Match) -> tuple[bool, Any, int, int]:
    """Numbers come before texts."""
    return isinstance(match.value, str), match.value, match.event.place, match.event.sub


def _scan(db: Connection, query: Query, after: _After | None) -> Iterator[_Match]:
    """Look at candidates chunk by chunk, in the order of time."""
    by_time = _TIMES.get(query.order_by, "e.event_time")
    direction, comparison = ("DESC", "<") if query.descending else ("ASC", ">")
    source, conditions, values = _candidates(query.conditions)
    statement = "".join(
        (
            _EVENT.format(source=source),
            *(f" AND {condition}" for condition in conditions),
            f" AND ({by_time}, e.place, e.sub) {comparison} (:time, :place, :sub)",
            f" ORDER BY {by_time} {direction}, e.place {direction}, e.sub {direction} LIMIT :chunk",
        )
    )
    edge = _FIRST if query.descending else _LAST
    time, place, sub = (int(after.value), after.place, after.sub) if after else edge
    looked, chunk = 0, _CHUNK
    while True:
        found = sql.rows(db, statement, **values, time=time, place=place, sub=sub, chunk=chunk)
        for row in found:
            if match := _match(row, query):
                yield match
        if len(found) < chunk:
            return
        looked += len(found)
        if looked >= MAX_CANDIDATES:
            raise YuanliuError(
                "epcis.query_too_complex",
                f"{looked} events were looked at, and there are more",
                hint="narrow the query: a time range, a business step, or the class of a lot",
                fields={"candidates": looked},
            )
        last = found[-1]
        time = last.record_time if by_time == "e.record_time" else last.event_time
        place, sub = last.place, last.sub
        chunk = min(chunk * 2, _MAX_CHUNK)


_FIRST: Final = (2**62, 2**62, 2**30)
_LAST: Final = (-(2**62), -1, -1)


def _match(row: Any, query: Query) -> _Match | None:  # noqa: ANN401 -- a row of SQLAlchemy
    found = _event(row)
    document = dict(found.document)
    known = terms(document, namespaces_of(document))
    if not all(condition.holds(known) for condition in query.conditions):
        return None
    if query.order_by in _TIMES:
        value: Term = row.event_time if query.order_by == "eventTime" else row.record_time
    else:
        value = next(iter(known.get(query.order_by, ())), "")
    return _Match(found, value)


def _event(row: Any) -> Event:  # noqa: ANN401 -- a row of SQLAlchemy
    document = read(row.document or payload_of(row.data) or b"{}")
    return Event(
        place=row.place,
        sub=row.sub,
        batch=row.batch,
        hash=hash_uri(row.hash),
        document=serve(document, hash_=row.hash, record_time=row.record_time),
    )


# ---------------------------------------------------------------------- candidates


def _candidates(
    conditions: Sequence[Condition],
) -> tuple[str, list[str], dict[str, object]]:
    """Give the tables to read, the conditions that SQL can check, and their values."""
    source, where, values = "event e", [], dict[str, object]()
    for number, condition in enumerate(conditions):
        if condition.field in MATCHED and condition.op is Op.EQUAL:
            things, bound = _things(condition, f"c{number}")
            values |= bound
            if source == "event e":
                # CROSS JOIN: SQLite then begins with the things, which are few.
                source = f"(SELECT DISTINCT place, sub FROM event_thing WHERE {things}) AS m CROSS JOIN event e"
                where.append("e.place = m.place AND e.sub = m.sub")
            else:
                where.append(
                    "EXISTS (SELECT 1 FROM event_thing WHERE event_thing.place = e.place"
                    f" AND event_thing.sub = e.sub AND ({things}))"
                )
        elif found := _checked(condition, f"c{number}"):
            where.append(found[0])
            values |= found[1]
    return source, where, values


def _checked(condition: Condition, name: str) -> tuple[str, dict[str, object]] | None:
    """Give what a column can tell of a condition, which may be less than all."""
    if condition.field in _TIMES and condition.op in (Op.GREATER_OR_EQUAL, Op.LESS):
        sign = ">=" if condition.op is Op.GREATER_OR_EQUAL else "<"
        bound = condition.values[0]
        return f"{_TIMES[condition.field]} {sign} :{name}", {name: bound}
    if condition.op is not Op.EQUAL or condition.prefixes:
        return None
    texts = [str(value)[:CLIP] for value in condition.values]
    listed, values = _listed(texts, name)
    if condition.field == "eventID":
        hashes, more = _listed(
            [h for h in map(hash_of, map(str, condition.values)) if h], f"{name}h"
        )
        return f"(e.event_id IN ({listed}) OR e.hash IN ({hashes}))", values | more
    if column := _COLUMNS.get(condition.field):
        return f"{column} IN ({listed})", values
    return None


def _things(condition: Condition, name: str) -> tuple[str, dict[str, object]]:
    texts = [value[:CLIP] for value in condition.values if isinstance(value, str)]
    listed, values = _listed(texts, name)
    parts = [f"name IN ({listed})"] if texts else []
    for i, prefix in enumerate(condition.prefixes):
        values[f"{name}p{i}"] = prefix[:CLIP]
        values[f"{name}q{i}"] = prefix[:CLIP] + _LAST_CHARACTER
        parts.append(f"(name >= :{name}p{i} AND name < :{name}q{i})")
    return " OR ".join(parts) or "1 = 0", values


_LAST_CHARACTER: Final = "\U0010ffff"


def _listed(texts: Sequence[object], name: str) -> tuple[str, dict[str, object]]:
    values = {f"{name}v{i}": text for i, text in enumerate(texts)}
    return ", ".join(f":{key}" for key in values) or "NULL", values
