"""The standard's event hash: `ni:///sha-256;…?ver=CBV2.0`, an id that others can compute too.

An event is written as one string, the pre-hash string, in the order and the forms of CBV 2.0 section 8.9, whatever the
order of its JSON and however its identifiers, words and times are written. Source: GS1 CBV 2.0 section 8.9; where it is
silent, the strings and hashes that the reference implementations publish, as of 2026.

Nothing of ours rests on this hash: records are anchored by their exact bytes. It ignores `eventID`, `recordTime`,
`errorDeclaration` and `certificationInfo` by design, does not tell the text `12` from the number 12, and does not say
which of two sensor reports an extension belongs to. Read it as "the same event, most likely", not as proof.

The Python reference on PyPI (1.9.3, of 2023) gives other hashes for many events, all of them marked CBV 2.0. We keep to
the text of the algorithm and to the strings that its repository publishes as those expected for CBV 2.0; each point has
its test. The rules' numbers are those of that text.

- Sources come before destinations (places 21 and 22 of the canonical order). It writes them the other way round.
- The name `sensorElementList` is not written: that comes with the draft of CBV 2.1 (note on rule 11). It writes it.
- Extensions within a sensor's fields follow at the end, which also changes with the draft of 2.1 (rule 21). It writes
  them in place.
- `gs1:` is `https://ref.gs1.org/voc/` (rule 15). It takes `https://gs1.org/voc/` from the context of EPCIS 2.0.
- `cbvmda:` is expanded as any prefix (rules 15 and 19), so that master data of another spelling is sorted and hashed
  alike. It leaves the prefix.
- Numbers have no exponent: rule 6 shows none, and how a program prints one is no property of the event. It writes
  `2e-06` for 0.000002.
- Digits in a text stay as they are: rule 6 speaks of quantities. It turns `0012` and `12`, or two long ID numbers, into
  one number.

Where we deviate from reference implementations besides, and why:

- A value is expanded as a CBV word only in the fields that hold such words, not wherever it occurs.
- Prefixes are those of the event's own document. They let one document's prefixes hold in the next.
- `urn:epcglobal:cbv:mda` is one namespace, with or without a last colon. They give two hashes.
- A Digital Link with percent-encoding is brought into canonical form, too.

How we read what is ambiguous: `null` is absence; fractions of a second are rounded half up; an extension inside a
standard field follows at the end, after that field's name (as CBV 2.0 has it; 2.1 moves it); `bizRules` of a sensor
report, which the canonical order forgot, is written among its extensions; the entries of a list in a list belong to the
outer one; a name without prefix inside an extension stays bare.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from yuanliu.epcis import times, vocabulary
from yuanliu.epcis.canonical import canonical
from yuanliu.epcis.contexts import OURS, Namespaces
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.payloads import MAX_DEPTH, number_error
from yuanliu.epcis.vocabulary import Vocabulary

VERSION: Final = "CBV2.0"
"""Version of the algorithm."""

_LISTS: Final = ("epcList", "inputEPCList", "childEPCs", "outputEPCList")
_QUANTITIES: Final = (
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputQuantityList",
)
_TYPED: Final[Mapping[str, tuple[str, Vocabulary]]] = {
    "bizTransactionList": ("bizTransaction", vocabulary.BUSINESS_TRANSACTIONS),
    "sourceList": ("source", vocabulary.SOURCES_AND_DESTINATIONS),
    "destinationList": ("destination", vocabulary.SOURCES_AND_DESTINATIONS),
}
_TIMES: Final = frozenset({"eventTime", "time", "startTime", "endTime"})
_METADATA: Final = (
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_REPORT: Final = (
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
)
_WORDS: Final[Mapping[str, Vocabulary]] = {
    "bizStep": vocabulary.BUSINESS_STEPS,
    "disposition": vocabulary.DISPOSITIONS,
    "set": vocabulary.DISPOSITIONS,
    "unset": vocabulary.DISPOSITIONS,
    "type": vocabulary.MEASUREMENTS,
    "exception": vocabulary.ALERTS,
    "component": vocabulary.COMPONENTS,
}
_CBV_URNS: Final[Mapping[str, str]] = {
    form: uri
    for words in vocabulary.ALL
    for form, uri in words.uris.items()
    if form.startswith("urn:")
}
_STANDARD_FIELDS: Final = frozenset(
    {
        "@context",
        "type",
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "errorDeclaration",
        "certificationInfo",
        "parentID",
        "action",
        "transformationID",
        "bizStep",
        "disposition",
        "persistentDisposition",
        "readPoint",
        "bizLocation",
        "sensorElementList",
        "ilmd",
        *_LISTS,
        *_QUANTITIES,
        *_TYPED,
    }
)
_REPORT_FIELDS: Final = frozenset(_REPORT)
_METADATA_FIELDS: Final = frozenset(_METADATA)
_ELEMENT_FIELDS: Final = frozenset({"sensorMetadata", "sensorReport"})
_PLACE_FIELDS: Final = frozenset({"id"})

Json = Any


def event_hash(event: Mapping[str, Json], namespaces: Namespaces = OURS) -> str:
    """Give the hash URI of a validated event. Raises `EpcisError` as `pre_hash` does."""
    text = pre_hash(event, namespaces)
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"ni:///sha-256;{digest}?ver={VERSION}"


def pre_hash(event: Mapping[str, Json], namespaces: Namespaces = OURS) -> str:
    """Give the string that is hashed, of a validated event.

    `namespaces` are the prefixes of the event's document; without, those of our own records. Raises `EpcisError` for
    an undeclared prefix, an unknown word, a time or number that is none, or an event that is not built as one.
    """
    try:
        return "".join(_Writer(namespaces).event(event))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise EpcisError(
            "epcis.event_malformed",
            f"not built as an event: {error!r}"[:200],
            hint="validate the event first",
        ) from error


class _Writer:
    """Writes the parts of one event; keeps its prefixes."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.namespaces = namespaces

    def event(self, event: Mapping[str, Json]) -> Iterator[str]:
        yield f"eventType={event['type']}"
        yield self.plain("eventTime", event["eventTime"])
        for name, write in _ORDER:
            if (value := event.get(name)) is not None:
                yield write(self, name, value)
        elements = event.get("sensorElementList") or ()
        if elements:
            yield "".join(sorted(map(self.element, elements)))
        if (ilmd := event.get("ilmd")) is not None:
            yield "ilmd" + self.extensions(ilmd, frozenset())
        for name in ("readPoint", "bizLocation"):
            if (place := event.get(name)) and len(place) > 1:
                yield name + self.extensions(place, _PLACE_FIELDS)
        if elements:
            yield "".join(sorted(filter(None, map(self.element_extensions, elements))))
        yield self.extensions(event, _STANDARD_FIELDS)

    # -- fields of the standard

    def plain(self, name: str, value: Json) -> str:
        """Write a field that holds one value; nothing if it holds none."""
        if value is None:
            return ""
        text = self.time(value) if name in _TIMES else self.value(value, _WORDS.get(name))
        return f"{name}={text}" if text else ""

    def things(self, name: str, listed: Json) -> str:
        if not listed:
            return ""
        return name + "".join(sorted(["epc=" + self.text(epc, None) for epc in listed]))

    def quantities(self, name: str, listed: Json) -> str:
        if not listed:
            return ""
        return name + "".join(sorted([self.quantity(entry) for entry in listed]))

    def quantity(self, entry: Mapping[str, Json]) -> str:
        fields = [self.plain(f, entry.get(f)) for f in ("epcClass", "quantity", "uom")]
        return "quantityElement" + "".join(fields)

    def lasting(self, name: str, lasting: Json) -> str:
        return name + "".join(
            "".join(sorted(self.plain(side, word) for word in lasting.get(side) or ()))
            for side in ("set", "unset")
        )

    def place(self, name: str, place: Json) -> str:
        return name + self.plain("id", place["id"])

    def typed_list(self, name: str, entries: Json) -> str:
        if not entries:
            return ""
        field, words = _TYPED[name]
        return name + "".join(sorted(self.typed(entry, field, words) for entry in entries))

    def typed(self, entry: Mapping[str, Json], field: str, words: Vocabulary) -> str:
        kind = entry.get("type")
        first = "" if kind is None else "type=" + self.value(kind, words)
        return first + self.plain(field, entry[field])

    def element(self, element: Mapping[str, Json]) -> str:
        metadata = element.get("sensorMetadata")
        reports = [
            "sensorReport" + "".join(self.plain(f, report[f]) for f in _REPORT if f in report)
            for report in element["sensorReport"]
        ]
        head = "sensorElement"
        if metadata:
            head += "sensorMetadata"
            head += "".join(self.plain(f, metadata[f]) for f in _METADATA if f in metadata)
        return head + "".join(sorted(reports))

    def element_extensions(self, element: Mapping[str, Json]) -> str:
        """Write what is no field of the standard, each under the name of where it stood."""
        parts = []
        if (metadata := element.get("sensorMetadata")) and (
            found := self.extensions(metadata, _METADATA_FIELDS)
        ):
            parts.append("sensorMetadata" + found)
        reports = (self.extensions(r, _REPORT_FIELDS) for r in element["sensorReport"])
        parts += sorted("sensorReport" + found for found in reports if found)
        if found := self.extensions(element, _ELEMENT_FIELDS):
            parts.append(found)
        return "sensorElement" + "".join(parts) if parts else ""

    # -- extensions

    def extensions(self, holder: Mapping[str, Json], known: frozenset[str]) -> str:
        names = [name for name in holder if name not in known]
        if not names:
            return ""
        return "".join(sorted(s for n in names for s in self.extension(n, holder[n], MAX_DEPTH)))

    def extension(self, name: str, value: Json, depth: int) -> Iterator[str]:
        """Write one extension: once, or once for each entry of a list."""
        if depth < 0:
            raise EpcisError(
                "epcis.too_deep", f"nested deeper than {MAX_DEPTH}", hint="flatten the event"
            )
        if value is None:
            return
        if isinstance(value, list):
            for item in value:
                yield from self.extension(name, item, depth - 1)
            return
        if isinstance(value, Mapping):
            inner = sorted(
                s for n, item in value.items() for s in self.extension(n, item, depth - 1)
            )
            yield self.name(name) + "".join(inner)
            return
        text = self.value(value, None)
        yield self.name(name) + (f"={text}" if text else "")

    def name(self, name: str) -> str:
        if ":" not in name:
            return name
        expanded = self.namespaces.expand(name)
        if expanded is None:
            raise undeclared(name)
        return f"{{{expanded[0]}}}{expanded[1]}"

    # -- values

    def value(self, value: Json, words: Vocabulary | None) -> str:
        if isinstance(value, str):
            return self.text(value, words)
        if value is True:
            return "true"
        if value is False:
            return "false"
        return _number(value)

    def text(self, text: str, words: Vocabulary | None) -> str:
        text = text.strip()
        if words is not None:
            known = words.uris.get(text)
            return known or (self.namespaces.expand_value(words.uri(text)) if text else "")
        if ":" not in text:
            return text
        if text in _CBV_URNS:
            return _CBV_URNS[text]
        if text.startswith(("urn:", "http", "HTTP")):
            return canonical(text)
        return self.namespaces.expand_value(text)

    def time(self, text: Json) -> str:
        written = times.to_millisecond(text) if isinstance(text, str) else None
        if written is None:
            raise EpcisError(
                "epcis.time_invalid",
                f"not a point in time: {text!r}"[:120],
                hint="write ISO 8601 with offset, for example 2026-04-12T08:30:00+08:00",
            )
        return written


_ORDER: Final[tuple[tuple[str, Callable[[_Writer, str, Json], str]], ...]] = (
    ("eventTimeZoneOffset", _Writer.plain),
    ("epcList", _Writer.things),
    ("parentID", _Writer.plain),
    ("inputEPCList", _Writer.things),
    ("childEPCs", _Writer.things),
    ("quantityList", _Writer.quantities),
    ("childQuantityList", _Writer.quantities),
    ("inputQuantityList", _Writer.quantities),
    ("outputEPCList", _Writer.things),
    ("outputQuantityList", _Writer.quantities),
    ("action", _Writer.plain),
    ("transformationID", _Writer.plain),
    ("bizStep", _Writer.plain),
    ("disposition", _Writer.plain),
    ("persistentDisposition", _Writer.lasting),
    ("readPoint", _Writer.place),
    ("bizLocation", _Writer.place),
    ("bizTransactionList", _Writer.typed_list),
    ("sourceList", _Writer.typed_list),
    ("destinationList", _Writer.typed_list),
)
"""The canonical order, from the offset to the parties; sensors, master data and extensions follow."""


def _number(value: float | Decimal) -> str:
    """Write a number without exponent and without zeros at its end."""
    if type(value) is int:
        return str(value)
    if not isinstance(value, float | Decimal):
        raise TypeError(value)
    plain = str(value)
    if plain.endswith(".0") and plain != "-0.0":
        return plain[:-2]
    exact = Decimal(plain)
    if not exact.is_finite():
        raise number_error(plain)
    text = f"{exact:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def undeclared(name: str) -> EpcisError:
    """Give the refusal of an extension whose namespace nobody declared."""
    return EpcisError(
        "epcis.namespace_undeclared",
        f"nothing declares the namespace of {name[:80]!r}",
        hint='declare its prefix in @context, for example {"shop": "https://shop.example/epcis/"}, '
        "or write the name as a whole IRI",
        fields={"name": name},
    )
