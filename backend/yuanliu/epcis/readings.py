"""Readings of a temperature logger: the text that is kept of each, and what an event tells of all of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from yuanliu.epcis.payloads import Event

STRETCHES: Final = 24
"""Most points of the course that an event tells: 3 kB of its payload of at most 8."""

_LINE: Final = "\n"
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading, in degrees Celsius."""

    time: datetime
    celsius: Decimal

    def text(self, device: str) -> str:
        """Give the text whose exact bytes are a leaf of the tree: `2026-04-12T08:30:00+08:00 TH-07 4.9`."""
        return f"{self.time.isoformat()} {device} {self.celsius}"


def course(
    readings: Sequence[Reading], *, lower: Decimal | None = None, upper: Decimal | None = None
) -> Event:
    """Give the members of an event that tell the course of readings (at least one, in order) and the limits.

    Each of at most 24 stretches of equal length tells lowest, mean and highest, at the time of its last reading.
    """
    start, end = readings[0].time, readings[-1].time
    length = (end - start) / STRETCHES or timedelta(seconds=1)
    stretches: dict[int, list[Reading]] = {}
    for each in readings:
        place = min(int((each.time - start) / length), STRETCHES - 1)
        stretches.setdefault(place, []).append(each)
    times = {"startTime": start.isoformat(), "endTime": end.isoformat()}
    reports = [_report(each) for each in stretches.values()]
    limits = {"yuanliu:lowerLimit": lower, "yuanliu:upperLimit": upper}
    return {
        "sensorElementList": [{"sensorMetadata": times, "sensorReport": reports}],
        **{name: _plain(limit) for name, limit in limits.items() if limit is not None},
    }


def file_of(texts: Sequence[str]) -> bytes:
    """Give the file that is kept of readings: a text a line. `texts_in` reads it."""
    return _LINE.join(texts).encode()


def texts_in(file: bytes) -> list[str]:
    """Read the texts of such a file. Raises `UnicodeDecodeError`."""
    return file.decode().split(_LINE)


def listed(texts: Sequence[str]) -> Event:
    """Give the members of an event that name the list of readings: how many there are, and the file's SHA-256."""
    return {
        "yuanliu:readings": len(texts),
        "yuanliu:readingsSha256": hashlib.sha256(file_of(texts)).hexdigest(),
    }


def _report(stretch: Sequence[Reading]) -> Event:
    figures = [each.celsius for each in stretch]
    mean = sum(figures, Decimal(0)) / len(figures)
    return {
        "type": "Temperature",
        "time": stretch[-1].time.isoformat(),
        "minValue": _plain(min(figures)),
        "meanValue": _plain(mean.quantize(_TENTH)),
        "maxValue": _plain(max(figures)),
        "uom": "CEL",
    }


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
