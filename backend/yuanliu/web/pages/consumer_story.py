"""What the records of a lot tell a reader: steps, inspections, temperatures.

Records are written by whoever may write them: what they hold beyond the contract's own rules is taken as it is, shown
as text, and left out where it cannot be read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

import orjson

from yuanliu import records
from yuanliu.epcis.description import Description, description_of
from yuanliu.index import queries as q
from yuanliu.index.payloads import payload_of
from yuanliu.records import Kind, RecordError
from yuanliu.web.messages import Language
from yuanliu.web.pages import frame

_LONGEST: Final = 200
_MOST_DETAILS: Final = 12
_MOST_REPORTS: Final = 200
_OURS: Final = "yuanliu:"
_HARVESTED: Final = "cbvmda:harvestStartDate"
_OWN_WORDS: Final = frozenset(
    {
        "yuanliu:step",
        "yuanliu:laboratory",
        "yuanliu:reportSha256",
        "yuanliu:readings",
        "yuanliu:readingsSha256",
        "yuanliu:lowerLimit",
        "yuanliu:upperLimit",
        "yuanliu:lossMilligrams",
    }
)
"""Extensions that have a place of their own on the page."""

_SYMBOLS: Final[Mapping[str, str]] = {
    "NA": "mg/kg",
    "CEL": "°C",
    "P1": "%",
    "GL": "g/L",
    "M1": "mg/L",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of an inspection; `value` None: not detected, down to `detection_limit`. `share`: of the limit."""

    substance: str
    value: float | None
    limit: float | None
    unit: str
    source: str
    method: str
    detection_limit: float | None

    @property
    def within(self) -> bool:
        """Whether it is within its limit, as far as the figures say."""
        bound = self.detection_limit if self.value is None else self.value
        return self.limit is None or bound is None or bound <= self.limit

    @property
    def share(self) -> int | None:
        """Per cent of the limit, rounded up to whole ones."""
        if self.value is None or not self.limit:
            return None
        return -int(-self.value * 100 // self.limit)


class Day(NamedTuple):
    """A day, as it was written (`YYYY-MM-DD`) and as Unix seconds."""

    iso: str
    unix: int


class Point(NamedTuple):
    """Temperatures at or up to a moment (Unix seconds), °C."""

    time: int
    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Temperatures that one record tells, and the limits that hold for them. `file`: SHA-256 of all readings, or ""."""

    number: int
    points: tuple[Point, ...]
    lower: float | None
    upper: float | None
    file: str

    @property
    def beyond(self) -> int:
        """How often a limit was passed; points beyond one that follow each other are once."""
        return sum(beyond for beyond, _ in groupby(self.points, self._is_beyond))

    def _is_beyond(self, point: Point) -> bool:
        return (self.upper is not None and point.high > self.upper) or (
            self.lower is not None and point.low < self.lower
        )

    @property
    def curve(self) -> list[tuple[float, float]]:
        """Points to draw: of each the temperature that is beyond a limit, else the mean."""
        return [(point.time, self._telling(point)) for point in self.points]

    def _telling(self, point: Point) -> float:
        if self.upper is not None and point.high > self.upper:
            return point.high
        return point.low if self.lower is not None and point.low < self.lower else point.mean

    def rows(self, language: Language) -> list[list[str]]:
        """Give the table of the points: time, lowest, mean, highest."""
        return [
            [frame.moment(point.time, language), *map("{:g}".format, point[1:])]
            for point in self.points
        ]

    @property
    def low(self) -> float:
        """The lowest."""
        return min(point.low for point in self.points)

    @property
    def high(self) -> float:
        """The highest."""
        return max(point.high for point in self.points)


@dataclass(frozen=True, slots=True)
class Step:
    """One record of a lot's history, for people.

    `time` is when it happened by its author's word, `recorded` when the chain took it (Unix seconds). `to` is the
    address of the other side. `wrong` tells who declared this record wrong: (number of that record, heeded).
    """

    number: int
    kind: str
    time: int
    recorded: int
    actor: str
    transaction: str
    place: str = ""
    word: str = ""
    details: tuple[tuple[str, str], ...] = ()
    measures: tuple[Measure, ...] = ()
    conformant: bool | None = None
    laboratory: str = ""
    report: str = ""
    temperatures: Temperatures | None = None
    reason: str = ""
    units: int | None = None
    price: int | None = None
    to: str = ""
    wrong: tuple[tuple[int, bool], ...] = ()
    corrects: int | None = None

    @property
    def bad(self) -> bool:
        """Whether it speaks against the goods."""
        return self.conformant is False or self.kind == "recalled"


@dataclass(frozen=True, slots=True)
class Story:
    """What a lot's records tell."""

    description: Description
    harvested: Day | None
    steps: tuple[Step, ...]

    @property
    def inspections(self) -> list[Step]:
        """The inspections, the latest first."""
        return [step for step in reversed(self.steps) if step.kind == "inspection"]

    @property
    def temperatures(self) -> list[Temperatures]:
        """What tells temperatures, in order."""
        return [step.temperatures for step in self.steps if step.temperatures]

    @property
    def files(self) -> list[str]:
        """SHA-256 of the files that it names: reports, and lists of readings."""
        named = [step.report for step in self.inspections]
        return [each for each in (*named, *(t.file for t in self.temperatures)) if each]


def tell(
    making: bytes | None, rows: Sequence[q.Record], corrections: Sequence[q.Correction]
) -> Story:
    """Read a lot's records. What cannot be read is a step without particulars. `making` is the one that made it."""
    wrong: dict[int, list[tuple[int, bool]]] = {}
    corrects: dict[int, int | None] = {}
    for each in corrections:
        corrects[each.number] = each.wrong_number
        if each.wrong_number is not None:
            wrong.setdefault(each.wrong_number, []).append((each.number, each.heeded))
    steps = tuple(
        _step(row, tuple(wrong.get(row.number, ())), corrects.get(row.number)) for row in rows
    )
    description, harvested = named(making)
    return Story(description, harvested, steps)


def named(making: bytes | None) -> tuple[Description, Day | None]:
    """Give how goods are called, and the day of their harvest if it was told, from the record that made them."""
    ilmd = event_of(making).get("ilmd") if making else None
    return description_of(ilmd), _day(ilmd.get(_HARVESTED)) if isinstance(ilmd, dict) else None


def event_of(data: bytes) -> dict[str, Any]:
    """Give the event in a record's bytes; empty if it has none that can be read."""
    try:
        payload = payload_of(data)
        event = orjson.loads(payload) if payload else {}
    except (ValueError, IndexError):
        return {}
    return event if isinstance(event, dict) else {}


def _step(row: q.Record, wrong: tuple[tuple[int, bool], ...], corrects: int | None) -> Step:
    event = event_of(row.data)
    known: dict[str, Any] = {
        "place": _place(event),
        "word": _text(event.get("yuanliu:step")) or _text(event.get("bizStep")),
        "details": _details(event),
        "temperatures": _temperatures(row.number, event),
    }
    if row.kind == Kind.INSPECTION:
        known |= {
            "measures": tuple(filter(None, map(_measure, _reports(event)))),
            "laboratory": _text(event.get("yuanliu:laboratory")),
            "report": _sha256(event.get("yuanliu:reportSha256")),
        }
    return Step(
        number=row.number,
        kind=row.kind.name.lower(),
        time=_unix(event.get("eventTime")) or row.time,
        recorded=row.time,
        actor=row.actor,
        transaction=row.transaction,
        wrong=wrong,
        corrects=corrects,
        **(known | _body(row)),
    )


def _body(row: q.Record) -> dict[str, Any]:
    """Give what the body tells beside its event."""
    try:
        body = records.decode(row.data).body
    except RecordError:
        return {}
    told = {
        name: getattr(body, name)
        for name in ("conformant", "units", "price")
        if hasattr(body, name)
    }
    if isinstance(body, records.Offered):
        told["to"] = body.receiver
    if isinstance(body, records.ReasonBody):
        told["reason"] = body.text
    return told


# ---------------------------------------------------------------------- parts of events


def _reports(event: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Give each sensor report with what holds for its element."""
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []
    elements = event.get("sensorElementList")
    for element in elements if isinstance(elements, list) else []:
        if not isinstance(element, dict):
            continue
        metadata = element.get("sensorMetadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        reports = element.get("sensorReport")
        reports = reports if isinstance(reports, list) else []
        found.extend((metadata, report) for report in reports if isinstance(report, dict))
    return found[:_MOST_REPORTS]


def _measure(reported: tuple[dict[str, Any], dict[str, Any]]) -> Measure | None:
    _, report = reported
    substance = _last(report.get("chemicalSubstance") or report.get("microorganism"))
    if not substance:
        return None
    unit = _text(report.get("uom"))
    return Measure(
        substance=substance,
        value=_number(report.get("value")),
        limit=_number(report.get("yuanliu:limit")),
        unit=_SYMBOLS.get(unit, unit),
        source=_text(report.get("yuanliu:limitSource")),
        method=_text(report.get("yuanliu:method")),
        detection_limit=_number(report.get("yuanliu:detectionLimit")),
    )


def _temperatures(number: int, event: Mapping[str, Any]) -> Temperatures | None:
    points = []
    for metadata, report in _reports(event):
        if report.get("type") != "Temperature" or report.get("uom") not in {"CEL", None}:
            continue
        low, mean, high = (_number(report.get(f"{name}Value")) for name in ("min", "mean", "max"))
        mean = _number(report.get("value")) if mean is None else mean
        time = _unix(report.get("time") or metadata.get("time") or metadata.get("endTime"))
        middle = next((each for each in (mean, high, low) if each is not None), None)
        if middle is None or time is None:
            continue
        points.append(
            Point(time, middle if low is None else low, middle, middle if high is None else high)
        )
    if not points:
        return None
    lower, upper = (_number(event.get(f"yuanliu:{name}Limit")) for name in ("lower", "upper"))
    file = _sha256(event.get("yuanliu:readingsSha256"))
    return Temperatures(number, tuple(sorted(points, key=lambda p: p.time)), lower, upper, file)


def _details(event: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Give the author's own words and figures: extensions with a plain value."""
    found = []
    for name, value in event.items():
        if not name.startswith(_OURS) or name in _OWN_WORDS:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            continue
        found.append((name.removeprefix(_OURS)[:40], str(value)[:_LONGEST]))
    return tuple(found[:_MOST_DETAILS])


def _place(event: Mapping[str, Any]) -> str:
    point = event.get("readPoint")
    return _last(point.get("id")) if isinstance(point, dict) else ""


def _last(uri: object) -> str:
    return _text(uri).rstrip("/").rsplit("/", 1)[-1]


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def _sha256(value: object) -> str:
    good = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")  # noqa: PLR2004 -- hex of 32 bytes
    return str(value) if good else ""


def _unix(value: object) -> int | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return int(at.timestamp()) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _day(value: object) -> Day | None:
    if not isinstance(value, str):
        return None
    try:
        noon = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=frame.CHINA) + timedelta(
            hours=12
        )
        return Day(value, int(noon.timestamp()))
    except (ValueError, OverflowError):
        return None
