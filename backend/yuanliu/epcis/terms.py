"""What an event can be found by: its terms, each value in its one canonical form.

Times are microseconds since 1970, words web URIs, identifiers canonical Digital Links, figures numbers under their
name and unit (`value_CEL`). An extension is under `{namespace}name`, in `ilmd` with `ILMD_` before it, deeper with
`INNER_` or `INNER_ILMD_`; that it is there at all is under the name with `@exists`, and a text that is a time stands
once more under the name with `@time`.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from yuanliu.epcis import times, vocabulary
from yuanliu.epcis.canonical import canonical
from yuanliu.epcis.contexts import OURS, Namespaces
from yuanliu.epcis.vocabulary import Vocabulary

Term = str | int | float
Terms = Mapping[str, list[Term]]
Found = Iterator[tuple[str, Term]]

WORDS: Final[Mapping[str, Vocabulary]] = {
    "bizStep": vocabulary.BUSINESS_STEPS,
    "disposition": vocabulary.DISPOSITIONS,
    "persistentDisposition_set": vocabulary.DISPOSITIONS,
    "persistentDisposition_unset": vocabulary.DISPOSITIONS,
    "errorReason": vocabulary.ERROR_REASONS,
    "type": vocabulary.MEASUREMENTS,
    "exception": vocabulary.ALERTS,
    "component": vocabulary.COMPONENTS,
}
"""Fields that hold words."""

TYPED: Final[Mapping[str, tuple[str, Vocabulary]]] = {
    "bizTransaction": ("bizTransactionList", vocabulary.BUSINESS_TRANSACTIONS),
    "source": ("sourceList", vocabulary.SOURCES_AND_DESTINATIONS),
    "destination": ("destinationList", vocabulary.SOURCES_AND_DESTINATIONS),
}
"""Lists of identifiers with a type; their terms are under `field_{URI of the type}`."""

SENSOR_IDENTIFIERS: Final = (
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "uriValue",
)
IDENTIFIERS: Final = frozenset(
    {
        "readPoint",
        "bizLocation",
        "transformationID",
        "eventID",
        "correctiveEventID",
        *SENSOR_IDENTIFIERS,
    }
)
"""Fields that hold identifiers."""

SENSOR_TEXTS: Final = ("stringValue", "hexBinaryValue", "booleanValue")
"""Fields that hold texts."""

SENSOR_TIMES: Final = ("time", "startTime", "endTime")
TIMES: Final = frozenset({"eventTime", "recordTime", "errorDeclarationTime", *SENSOR_TIMES})
"""Fields that hold times."""

FIGURES: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percValue")
"""Fields that hold figures with a unit."""

_THINGS: Final = {
    "epcList": ("epc", "anyEPC"),
    "childEPCs": ("epc", "anyEPC"),
    "inputEPCList": ("inputEPC", "anyEPC"),
    "outputEPCList": ("outputEPC", "anyEPC"),
}
_CLASSES: Final = {
    "quantityList": ("epcClass", "anyEPCClass"),
    "childQuantityList": ("epcClass", "anyEPCClass"),
    "inputQuantityList": ("inputEPCClass", "anyEPCClass"),
    "outputQuantityList": ("outputEPCClass", "anyEPCClass"),
}
CLASSES: Final = frozenset(chain.from_iterable(_CLASSES.values()))
"""Fields that hold classes of things."""

MATCHED: Final = frozenset({*chain.from_iterable(_THINGS.values()), *CLASSES, "parentID"})
"""Fields that hold things or classes of things."""


def terms(event: Mapping[str, Any], namespaces: Namespaces = OURS) -> dict[str, list[Term]]:
    """Give the terms of a validated event. `namespaces` are the prefixes of its document."""
    found: dict[str, list[Term]] = {}
    for field, term in chain(
        _event(event),
        _words(event, ("bizStep", "disposition"), namespaces),
        _lasting(event.get("persistentDisposition") or {}, namespaces),
        _things(event),
        _typed(event, namespaces),
        _declaration(event.get("errorDeclaration") or {}, namespaces),
        _sensors(event.get("sensorElementList") or (), namespaces),
        _extensions(event, namespaces, ""),
        _extensions(event.get("ilmd") or {}, namespaces, "ILMD_"),
    ):
        found.setdefault(field, []).append(term)
    return found


def word(words: Vocabulary, text: str, namespaces: Namespaces) -> str:
    """Give a word as URI, its prefix written out. Raises `EpcisError` (`word_unknown`)."""
    return namespaces.expand_value(words.uri(text))


def plain_text(name: str, value: object) -> str:
    """Give the text of `stringValue`, `hexBinaryValue` or `booleanValue`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).lower() if name == "hexBinaryValue" else str(value)


def braced(name: tuple[str, str]) -> str:
    """Give the field of an extension."""
    return f"{{{name[0]}}}{name[1]}"


def _event(event: Mapping[str, Any]) -> Found:
    yield "eventType", event["type"]
    if action := event.get("action"):
        yield "action", action
    yield from _moments(event, ("eventTime", "recordTime"))
    yield from _identifiers(event, ("transformationID", "eventID"))
    for field in ("readPoint", "bizLocation"):
        if place := event.get(field):
            yield field, canonical(place["id"])


def _moments(part: Mapping[str, Any], names: Iterable[str]) -> Found:
    for name in names:
        if text := part.get(name):
            yield name, times.microseconds(text)


def _identifiers(part: Mapping[str, Any], names: Iterable[str]) -> Found:
    for name in names:
        if uri := part.get(name):
            yield name, canonical(uri)


def _words(part: Mapping[str, Any], names: Iterable[str], namespaces: Namespaces) -> Found:
    for name in names:
        if text := part.get(name):
            yield name, word(WORDS[name], text, namespaces)


def _lasting(lasting: Mapping[str, Any], namespaces: Namespaces) -> Found:
    for side in ("set", "unset"):
        for text in lasting.get(side) or ():
            yield f"persistentDisposition_{side}", word(vocabulary.DISPOSITIONS, text, namespaces)


def _things(event: Mapping[str, Any]) -> Found:
    if parent := event.get("parentID"):
        yield "parentID", canonical(parent)
        yield "anyEPC", canonical(parent)
    for listed, fields in _THINGS.items():
        for epc in event.get(listed) or ():
            yield from ((field, canonical(epc)) for field in fields)
    for listed, fields in _CLASSES.items():
        for entry in event.get(listed) or ():
            yield from ((field, canonical(entry["epcClass"])) for field in fields)
            yield from _figures(entry, ("quantity",))


def _figures(part: Mapping[str, Any], names: Iterable[str]) -> Found:
    unit = part.get("uom")
    for name in names:
        figure = part.get(name)
        if figure is not None:
            yield f"{name}_{unit}" if unit else name, figure


def _typed(event: Mapping[str, Any], namespaces: Namespaces) -> Found:
    for field, (listed, words) in TYPED.items():
        for entry in event.get(listed) or ():
            kind = entry.get("type")
            if kind is not None:
                yield f"{field}_{word(words, kind, namespaces)}", canonical(entry[field])


def _declaration(declared: Mapping[str, Any], namespaces: Namespaces) -> Found:
    if not declared:
        return
    yield "errorDeclaration", 1
    yield "errorDeclarationTime", times.microseconds(declared["declarationTime"])
    if reason := declared.get("reason"):
        yield "errorReason", word(vocabulary.ERROR_REASONS, reason, namespaces)
    for uri in declared.get("correctiveEventIDs") or ():
        yield "correctiveEventID", canonical(uri)


def _sensors(elements: Iterable[Mapping[str, Any]], namespaces: Namespaces) -> Found:
    for element in elements:
        yield "sensorElementList", 1
        for part in (element.get("sensorMetadata") or {}, *element["sensorReport"]):
            yield from _moments(part, SENSOR_TIMES)
            yield from _identifiers(part, SENSOR_IDENTIFIERS)
        for report in element["sensorReport"]:
            yield from _report(report, namespaces)


def _report(report: Mapping[str, Any], namespaces: Namespaces) -> Found:
    yield from _words(report, ("type", "exception", "component"), namespaces)
    yield from _figures(report, FIGURES)
    for name in SENSOR_TEXTS:
        if (value := report.get(name)) is not None:
            yield name, plain_text(name, value)
    if (rank := report.get("percRank")) is not None:
        yield "percRank", rank


def _extensions(holder: Mapping[str, Any], namespaces: Namespaces, family: str) -> Found:
    """Give the terms of extensions: those that stand directly, and under `INNER_` all that stand deeper."""
    for name, value in holder.items():
        if expanded := namespaces.expand(name):
            yield from _extension(f"{family}{braced(expanded)}", value)
            yield from _inner(value, namespaces, f"INNER_{family}")


def _inner(value: object, namespaces: Namespaces, family: str) -> Found:
    if isinstance(value, list):
        for item in value:
            yield from _inner(item, namespaces, family)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if expanded := namespaces.expand(name):
                yield from _extension(f"{family}{braced(expanded)}", item)
            yield from _inner(item, namespaces, family)


def _extension(field: str, value: object) -> Found:
    if isinstance(value, list):
        for item in value:
            yield from _extension(field, item)
    elif value is not None:
        yield f"{field}@exists", 1
        if isinstance(value, bool):
            yield field, "true" if value else "false"
        elif isinstance(value, str | int | float):
            yield field, value
            if isinstance(value, str) and times.read(value):
                yield f"{field}@time", times.microseconds(value)
