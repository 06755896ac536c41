"""What is computed of bytes alone: EPCIS events hashed and validated, GS1 Digital Links read.

Ours and theirs get the very same input, each in one process and one thread; seconds are CPU seconds, the best of three
rounds, so that what else the machine does counts as little as can be. The limit is what no program in this language can
do without: reading the JSON and hashing its bytes once, or cutting the link at its slashes.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import orjson

from yuanliu import digital_link, epcis
from yuanliu.bench import field_rivals
from yuanliu.bench.epcis import _events
from yuanliu.bench.field import Comparison
from yuanliu.epcis import contexts, hashing, validation
from yuanliu.identifiers import IdentifierError, check_digit

EVENTS: Final = 1_200
LINKS: Final = 5_000
_IN_A_DOCUMENT: Final = 100
_ROUNDS: Final = 3


def compare(
    events: int = EVENTS, links: int = LINKS, said: Callable[[str], None] = lambda _: None
) -> Iterator[Comparison]:
    """Compare all three. Raises `RivalUnavailable`."""
    made = list(_events(events))
    documents = [
        json.loads(json.dumps(_document(made[i : i + _IN_A_DOCUMENT])))
        for i in range(0, events, _IN_A_DOCUMENT)
    ]
    uris = [_link(number) for number in range(links)]
    said("EPCIS and links, their side")
    try:
        schema, why = str(field_rivals.schema()), ""
    except field_rivals.RivalUnavailable as error:
        schema, why = "", str(error)
    asked = {"documents": documents, "links": uris, "schema": schema, "rounds": _ROUNDS}
    theirs = cast("dict[str, Any]", field_rivals.compute(asked))
    said("EPCIS and links, ours")
    texts = [orjson.dumps(document) for document in documents]
    bodies = [epcis.payload(event) for event in made]
    alike = sum(
        ours == other
        for ours, other in zip(
            (hashing.event_hash(event) for event in made), theirs["hashes"], strict=True
        )
    )
    read = _best(lambda: [hashlib.sha256(orjson.dumps(orjson.loads(text))) for text in texts])
    yield Comparison(
        what="EPCIS events read and hashed",
        ours=events / _best(lambda: [hashing.event_hash(epcis.parse_payload(b)) for b in bodies]),
        rival="epcis-event-hash-generator 1.9.3",
        theirs=events / theirs["hashed"],
        limit=events / read,
        limit_is="reading the JSON and one SHA-256 over it",
        unit="events/s",
        note=(
            f"{alike} of {events} hashes are equal; at the others its release leaves the algorithm's text for CBV 2.0,"
            " which its own repository now follows (order of sources and destinations, name of a sensor list, place of"
            " extensions, gs1.org/voc, cbvmda, exponents): see the head of `epcis/hashing.py`"
        ),
    )
    yield Comparison(
        what="EPCIS events read and validated",
        ours=events
        / _best(lambda: [validation.validate_event(epcis.parse_payload(b)) for b in bodies]),
        rival=f"jsonschema 4.26.0 with the schema in {field_rivals.SCHEMA_OF}",
        theirs=events / theirs["validated"] if schema else None,
        limit=events / read,
        limit_is="reading the JSON and one SHA-256 over it",
        unit="events/s",
        note=why
        or f"the schema takes {theirs['accepted_documents']} of {len(documents)} documents; ours also checks what a"
        " schema cannot say: check digits, vocabulary by field, times, units, contexts",
    )
    yield Comparison(
        what="GS1 Digital Links read",
        ours=links / _best(lambda: [_read(uri) for uri in uris]),
        rival="biip 5.2.0",
        theirs=links / theirs["parsed"],
        limit=links / _best(lambda: [uri.split("/") for uri in uris]),
        limit_is="cutting each at its slashes",
        unit="links/s",
        note=f"both take all {sum(map(_read, uris))} of {links}; biip took {theirs['accepted_links']}",
    )


def _document(events: Sequence[epcis.Event]) -> dict[str, object]:
    return {
        "@context": contexts.document_context(),
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-04-12T08:30:00+00:00",
        "epcisBody": {"eventList": events},
    }


def _link(number: int) -> str:
    body = f"690123{number % 1_000_000:06d}"
    gtin = f"0{body}{check_digit(body)}"
    return f"https://example.org/01/{gtin}/10/LOT-{number}/21/{number:08d}?17=261231&3103=000500"


def _read(uri: str) -> bool:
    try:
        digital_link.parse_digital_link(uri)
    except IdentifierError:
        return False
    return True


def _best(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        step()
        taken.append(time.process_time() - started)
    return min(taken)
