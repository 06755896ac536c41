"""EPCIS 2.0 events of our acts.

Single events with the standard's bare words, without `@context`: the document that carries them binds the words,
with a pinned context. Extensions stand under the prefix `yuanliu:`. Source: GS1 EPCIS 2.0 (JSON binding),
CBV 2.0; units of measure are UN/ECE Recommendation 20.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from yuanliu.epcis.description import NOTHING, Description
from yuanliu.epcis.errors import EpcisError
from yuanliu.epcis.payloads import Event, number_error
from yuanliu.identifiers import lot_class, parse_unit

_MAX_WHOLE: Final = 2**53  # a double, and so a browser, counts no further

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"<>\\^`{|}]+")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Lot:
    """An amount of a batch: `quantity` in units of `uom` (`KGM`, `H87`, …)."""

    gtin: str
    lot: str
    quantity: int | Decimal
    uom: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a laboratory measured of one substance.

    `substance` is a URI. `value`, `limit` and `detection_limit` are in `uom`, `NA` for mg/kg. A `value` of None
    means not detected; then `detection_limit` is needed. `limit_source` names the standard with its version.
    Raises `EpcisError` (`epcis.number_invalid`).
    """

    substance: str
    value: Decimal | None
    limit: Decimal
    limit_source: str
    method: str
    detection_limit: Decimal | None = None
    uom: str = "NA"

    def __post_init__(self) -> None:
        """Refuse figures that are no numbers before anything is compared with them."""
        for figure in (self.value, self.limit, self.detection_limit):
            if figure is not None:
                _number(figure)

    @property
    def within_limit(self) -> bool:
        """Whether the value, or what could have been missed, does not exceed the limit."""
        bound = self.detection_limit if self.value is None else self.value
        return bound is not None and bound <= self.limit


@dataclass(frozen=True, slots=True)
class Temperature:
    """Temperatures on the way, in degrees Celsius. Raises `EpcisError`: `number_invalid`, `measurements_invalid`."""

    minimum: Decimal
    maximum: Decimal
    mean: Decimal
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse figures that are no numbers, and those out of order."""
        for figure in (self.minimum, self.maximum, self.mean):
            _number(figure)
        if not self.minimum <= self.mean <= self.maximum or self.end < self.start:
            raise _measurements_error(
                "minimum, mean and maximum, or start and end, are not in order"
            )


def harvested(
    when: datetime,
    lot: Lot,
    *,
    place: str,
    harvested_on: date,
    details: Mapping[str, object],
    description: Description = NOTHING,
) -> Event:
    """Build the commissioning of a harvest: ObjectEvent ADD. `place` is the plot's URI, never a person's name.

    `when` needs a UTC offset. `details` become extensions of the lot's master data: bare names, JSON values.
    Raises `EpcisError`, `IdentifierError`.
    """
    ilmd = {
        "cbvmda:harvestStartDate": harvested_on.isoformat(),
        **description.ilmd(),
        **_extensions(details),
    }
    return {
        **_object_event(when, "ADD", [lot], place),
        "bizStep": "commissioning",
        "disposition": "active",
        "ilmd": ilmd,
    }


def produced(
    when: datetime, lot: Lot, *, place: str, step: str, details: Mapping[str, object]
) -> Event:
    """Build a step of production that the CBV has no word for (growing, feeding, …): ObjectEvent OBSERVE.

    `step` is one ASCII word. Raises `EpcisError`, `IdentifierError`.
    """
    return {
        **_object_event(when, "OBSERVE", [lot], place),
        "yuanliu:step": _word(step),
        **_extensions(details),
    }


def inspected(
    when: datetime,
    lot: Lot,
    *,
    place: str,
    laboratory: str,
    report_sha256: str,
    conformant: bool,
    measurements: Sequence[Measurement],
) -> Event:
    """Build an inspection: ObjectEvent OBSERVE with one sensor report for each measurement.

    `laboratory` is a code or registered name of a body, `report_sha256` the hex SHA-256 of the report's file.
    Raises `EpcisError`: `epcis.verdict_contradicts` if a value above its limit is called conformant,
    `epcis.measurements_invalid` for none; and `IdentifierError`.
    """
    exceeded = [m.substance for m in measurements if not m.within_limit]
    if conformant and exceeded:
        raise EpcisError(
            "epcis.verdict_contradicts",
            f"called conformant, but above the limit: {', '.join(exceeded)}",
            hint="declare it non-conformant, or correct the figures",
            fields={"substances": exceeded},
        )
    if not measurements:
        raise _measurements_error("an inspection that measured nothing")
    if not _SHA256.fullmatch(report_sha256):
        raise EpcisError(
            "epcis.hash_invalid",
            f"not a SHA-256: {report_sha256[:80]!r}",
            hint="write the hash of the report's file as 64 lowercase hex digits",
            fields={"hash": report_sha256},
        )
    verdict, other = ("conformant", "non_conformant")[:: 1 if conformant else -1]
    return {
        **_object_event(when, "OBSERVE", [lot], place),
        "bizStep": "inspecting",
        "persistentDisposition": {"set": [verdict], "unset": [other]},
        "sensorElementList": [{"sensorReport": [_report(m) for m in measurements]}],
        "yuanliu:laboratory": laboratory,
        "yuanliu:reportSha256": report_sha256,
    }


def moved(
    when: datetime,
    lot: Lot,
    *,
    step: Literal["shipping", "transporting", "receiving"],
    place: str,
    source: str | None = None,
    destination: str | None = None,
    temperature: Temperature | None = None,
) -> Event:
    """Build a step of logistics: ObjectEvent OBSERVE.

    `source` and `destination` are URIs of the possessing parties. Raises `EpcisError`, `IdentifierError`.
    """
    event = {
        **_object_event(when, "OBSERVE", [lot], place),
        "bizStep": step,
        "disposition": "in_progress" if step == "receiving" else "in_transit",
    }
    if source:
        event["sourceList"] = [{"type": "possessing_party", "source": _uri(source)}]
    if destination:
        event["destinationList"] = [{"type": "possessing_party", "destination": _uri(destination)}]
    if temperature:
        event["sensorElementList"] = [_temperature(temperature)]
    return event


def transformed(
    when: datetime,
    inputs: Sequence[Lot],
    outputs: Sequence[Lot],
    *,
    place: str,
    transformation: str,
    loss_milligrams: int,
    description: Description = NOTHING,
) -> Event:
    """Build a transformation. `transformation` is the URI of the id that joins its events.

    Raises `EpcisError`, `IdentifierError`.
    """
    ilmd = description.ilmd()
    return {
        **_event("TransformationEvent", when, place),
        "bizStep": "commissioning",
        "transformationID": _uri(transformation),
        "inputQuantityList": [_quantity(lot) for lot in inputs],
        "outputQuantityList": [_quantity(lot) for lot in outputs],
        **({"ilmd": ilmd} if ilmd else {}),
        "yuanliu:lossMilligrams": _number(loss_milligrams),
    }


def declared_wrong(
    event: Mapping[str, Any],
    *,
    declared_at: datetime,
    reason: Literal["did_not_occur", "incorrect_data"],
    corrective_event_ids: Sequence[str] = (),
) -> Event:
    """Build a correction: the wrong event once more, unaltered, with an error declaration.

    `corrective_event_ids` are the URIs in `eventID` of the events that hold what is right. Raises `EpcisError`.
    """
    if "errorDeclaration" in event:
        raise EpcisError(
            "epcis.already_declared",
            "the event is itself a correction",
            hint="declare the first event wrong, not its correction",
        )
    declaration: Event = {"declarationTime": _time(declared_at), "reason": reason}
    if corrective_event_ids:
        declaration["correctiveEventIDs"] = [_uri(uri) for uri in corrective_event_ids]
    return {**event, "errorDeclaration": declaration}


def identified(event: Mapping[str, Any], event_id: str) -> Event:
    """Give the event with an `eventID`, a URI, by which a correction can name it. Raises `EpcisError`."""
    return {**event, "eventID": _uri(event_id)}


# ---------------------------------------------------------------------- parts


def _object_event(when: datetime, action: str, lots: Sequence[Lot], place: str) -> Event:
    return {
        **_event("ObjectEvent", when, place),
        "action": action,
        "quantityList": [_quantity(lot) for lot in lots],
    }


def _event(kind: str, when: datetime, place: str) -> Event:
    time = _time(when)
    return {
        "type": kind,
        "eventTime": time,
        "eventTimeZoneOffset": time[-6:],
        "readPoint": {"id": _uri(place)},
    }


def _time(when: datetime) -> str:
    """Write a time to the millisecond, with its offset as ±hh:mm."""
    offset = when.utcoffset()
    if offset is None or offset.seconds % 60 or offset.microseconds:
        raise EpcisError(
            "epcis.time_invalid",
            f"no offset of whole minutes in {when.isoformat()}",
            hint="give the time with its offset, for China +08:00",
            fields={"time": when.isoformat()},
        )
    return when.isoformat(timespec="milliseconds" if when.microsecond else "seconds")


def _quantity(lot: Lot) -> Event:
    return {
        "epcClass": lot_class(lot.gtin, lot.lot),
        "quantity": _number(lot.quantity),
        "uom": parse_unit(lot.uom),
    }


def _report(measurement: Measurement) -> Event:
    """Write a residue: mg/kg is a ratio, hence Dimensionless with its unit."""
    report: Event = {
        "type": "Dimensionless" if measurement.uom == "NA" else "MassConcentration",
        "chemicalSubstance": _uri(measurement.substance),
        "uom": measurement.uom,
        "yuanliu:limit": _number(measurement.limit),
        "yuanliu:limitSource": measurement.limit_source,
        "yuanliu:method": measurement.method,
    }
    if measurement.detection_limit is not None:
        report["yuanliu:detectionLimit"] = _number(measurement.detection_limit)
    if measurement.value is not None:
        return {**report, "value": _number(measurement.value)}
    if measurement.detection_limit is None:
        raise _measurements_error(f"{measurement.substance} not detected, but down to what?")
    return {**report, "yuanliu:detected": False}


def _temperature(t: Temperature) -> Event:
    report = {
        "type": "Temperature",
        "minValue": _number(t.minimum),
        "maxValue": _number(t.maximum),
        "meanValue": _number(t.mean),
        "uom": "CEL",
    }
    times = {"startTime": _time(t.start), "endTime": _time(t.end)}
    return {"sensorMetadata": times, "sensorReport": [report]}


def _number(value: int | Decimal) -> int | float:
    """Give an exact number in the form that JSON prints without loss; refuse what a double would change."""
    exact = Decimal(value)
    if exact.is_finite() and abs(exact) <= _MAX_WHOLE:
        number = int(exact) if exact == exact.to_integral_value() else float(exact)
        if Decimal(str(number)) == exact:
            return number
    raise number_error(str(value)[:80])


def _extensions(details: Mapping[str, object]) -> Event:
    return {f"yuanliu:{_word(name)}": value for name, value in details.items()}


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise EpcisError(
            "epcis.word_invalid",
            f"not one ASCII word: {text[:80]!r}",
            hint="write letters and digits only, for example growing",
            fields={"word": text},
        )
    return text


def _uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise EpcisError(
            "epcis.uri_invalid",
            f"not a URI: {text[:120]!r}",
            hint="write scheme and path, for example https://id.gs1.org/414/… or urn:…",
            fields={"uri": text},
        )
    return text


def _measurements_error(why: str) -> EpcisError:
    return EpcisError(
        "epcis.measurements_invalid", why, hint="hand in the figures as the report states them"
    )
