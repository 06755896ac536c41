"""Events as bytes: strict JSON, and what a record's payload is."""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from yuanliu.epcis.errors import EpcisError
from yuanliu.records import MAX_PAYLOAD

Event = dict[str, Any]
"""An event as JSON holds it."""

EVENT_TYPES: Final = frozenset(
    {
        "ObjectEvent",
        "AggregationEvent",
        "TransactionEvent",
        "TransformationEvent",
        "AssociationEvent",
    }
)
"""The event types of EPCIS 2.0."""

MAX_DEPTH: Final = 32
"""Deepest nesting that is read."""

UNFIT: Final = re.compile("[\0\ud800-\udfff]")
"""What a text cannot contain: NUL, and halves of characters."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def payload(event: Mapping[str, Any]) -> bytes:
    """Write an event as compact UTF-8 JSON with sorted keys: equal events give equal bytes.

    Raises `EpcisError` for whatever `parse_payload` would refuse.
    """
    try:
        text = json.dumps(
            event, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
        )
        data = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise EpcisError(
            "epcis.payload_not_json",
            f"the event cannot be written as JSON: {error}",
            hint="use texts, whole numbers, exact decimals, lists and objects",
        ) from error
    parse_payload(data)
    return data


def parse_payload(data: bytes) -> Event:
    """Read the payload of a record, from whomever it comes.

    Raises `EpcisError` for more than 8,192 bytes, invalid UTF-8, no JSON object, a key twice, NaN or numbers
    beyond a double, lone surrogates or NUL in texts, nesting over 32, an unknown `type`, or an `eventTime` that is
    missing or without offset.
    """
    event = parse_json(data, maximum=MAX_PAYLOAD)
    _check_type(event.get("type"))
    _check_time(event.get("eventTime"))
    return event


def parse_json(data: bytes, *, maximum: int) -> Event:
    """Read one JSON object that every reader reads alike, of at most `maximum` bytes.

    Raises `EpcisError`: `payload_too_long`, `payload_not_utf8`, `payload_not_json`, `payload_not_object`,
    `duplicate_key`, `number_invalid`, `text_invalid`, `too_deep`.
    """
    if len(data) > maximum:
        raise EpcisError(
            "epcis.payload_too_long",
            f"there are {len(data)} bytes",
            hint=f"keep it within {maximum}; attach long texts by their hash",
            fields={"length": len(data), "maximum": maximum},
        )
    event = _parse_object(_decode_text(data))
    _check_tree(event, MAX_DEPTH)
    return event


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise EpcisError(
            "epcis.payload_not_utf8",
            f"not UTF-8 at byte {error.start}",
            hint="write the event in UTF-8",
            fields={"offset": error.start},
        ) from error


def _parse_object(text: str) -> Event:
    try:
        event = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise EpcisError(
            "epcis.payload_not_json",
            f"not JSON: {error}",
            hint="hand in one EPCIS event as a JSON object",
        ) from error
    if not isinstance(event, dict):
        raise EpcisError(
            "epcis.payload_not_object",
            "the payload is JSON, but no object",
            hint="hand in one EPCIS event as a JSON object",
        )
    return event


def _unique(pairs: list[tuple[str, object]]) -> Event:
    """Refuse a key twice: readers disagree on which one counts."""
    event = dict(pairs)
    if len(event) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise EpcisError(
            "epcis.duplicate_key",
            f"the key {repeated[:80]!r} stands twice",
            hint="write each key once",
            fields={"key": repeated},
        )
    return event


def _refuse_constant(name: str) -> object:
    raise number_error(name)


def _check_tree(value: object, depth: int) -> None:
    if depth < 0:
        raise EpcisError(
            "epcis.too_deep",
            f"nested deeper than {MAX_DEPTH}",
            hint="flatten the event",
            fields={"maximum": MAX_DEPTH},
        )
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_tree(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_tree(item, depth - 1)
    elif isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int | float) and not _is_double(value):
        raise number_error(str(value)[:80])


def _is_double(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _check_text(text: str) -> None:
    """Refuse what other readers, or a database, cannot hold."""
    if UNFIT.search(text):
        raise EpcisError(
            "epcis.text_invalid",
            f"a text contains NUL or half a character: {text[:80]!r}",
            hint="write whole Unicode characters",
        )


def _check_type(text: object) -> None:
    if not isinstance(text, str) or text not in EVENT_TYPES:
        raise EpcisError(
            "epcis.type_invalid",
            f"not an EPCIS event type: {text!r}"[:120],
            hint=f"type is one of {', '.join(sorted(EVENT_TYPES))}",
            fields={"type": text},
        )


def _check_time(text: object) -> None:
    if isinstance(text, str) and _TIME.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return
    raise EpcisError(
        "epcis.time_invalid",
        f"not a point in time: {text!r}"[:120],
        hint="eventTime is ISO 8601 with offset, for example 2026-04-12T08:30:00+08:00",
        fields={"eventTime": text},
    )


def number_error(text: str) -> EpcisError:
    """Give the refusal of a number that readers would not read alike."""
    return EpcisError(
        "epcis.number_invalid",
        f"not a number that every reader reads alike: {text}",
        hint="write at most 15 significant digits, no NaN and no infinity",
        fields={"number": text},
    )
