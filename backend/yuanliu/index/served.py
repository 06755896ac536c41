"""How an event is served: its document, with the id and the time of record that a repository gives it."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from yuanliu.epcis import hashing
from yuanliu.epcis.contexts import OURS, Namespaces, read_context

Document = dict[str, Any]
"""An event as JSON holds it."""

_LONG: Final = re.compile(rb"[0-9]{19}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX: Final = "ni:///sha-256;"
_SUFFIX: Final = f"?ver={hashing.VERSION}"


def serve(document: Document, *, hash_: bytes, record_time: int) -> Document:
    """Give an event with its `eventID`, the hash if its author gave none, and the block's time, in microseconds."""
    recorded = (_EPOCH + timedelta(microseconds=record_time)).isoformat()
    served = {**document, "recordTime": recorded.replace("+00:00", "Z")}
    if not served.get("eventID"):
        served["eventID"] = hash_uri(hash_)
    return served


def read(data: bytes) -> Document:
    """Read the JSON of a valid event; whole numbers of any size stay whole."""
    document: Document = json.loads(data) if _LONG.search(data) else orjson.loads(data)
    return document


def namespaces_of(document: Document) -> Namespaces:
    """Give what the prefixes of an event mean. Raises `EpcisError`."""
    context = document.get("@context")
    return OURS if context is None else read_context(context, OURS)


def hash_uri(hash_: bytes) -> str:
    """Write an event hash as the standard does."""
    return f"{_PREFIX}{hash_.hex()}{_SUFFIX}"


def hash_of(uri: str) -> bytes | None:
    """Read an event hash; none if the text is none."""
    digest = uri.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    if uri != f"{_PREFIX}{digest}{_SUFFIX}":
        return None
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        return None
    return found if hash_uri(found) == uri else None
