"""What the demo's laboratory and lorry write: a report, and a sensor's readings. All figures are made up."""

import hashlib
import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from yuanliu import epcis
from yuanliu.demo.cases import Case
from yuanliu.epcis.readings import Reading

LOGGER: Final = "TH-07"
"""The number of the logger in the refrigerated lorry."""

_MINUTES: Final = 120
_DOOR, _OPEN = 70, 10
"""The minute in which the door was opened, and how long it stood open."""


def report(case: Case, lot: str, when: datetime) -> bytes:
    """Write the laboratory's report on a lot, as text."""
    lines = [
        f"检测报告 · Test report    {lot}",
        f"样品 Sample: {case.name_zh} · {case.name}",
        f"日期 Date: {when:%Y-%m-%d}    机构 Laboratory: LAB-0001",
        "",
        *(_line(each) for each in case.measurements),
        "",
        "结论 Verdict: 合格 conformant"
        if all(m.within_limit for m in case.measurements)
        else "不合格",
    ]
    return "\n".join(lines).encode()


def _line(measured: epcis.Measurement) -> str:
    name = measured.substance.rsplit("/", 1)[-1]
    value = f"< {measured.detection_limit}" if measured.value is None else str(measured.value)
    return f"{name}: {value} mg/kg (limit {measured.limit}, {measured.limit_source}, {measured.method})"


def sha256(data: bytes) -> str:
    """Give the hex SHA-256 of a file."""
    return hashlib.sha256(data).hexdigest()


def readings(end: datetime) -> list[Reading]:
    """Give the readings of two hours, up to `end`. Once the door stood open."""
    found = []
    for minute in range(_MINUTES):
        warm = 4.6 + 0.9 * math.sin(minute / 9)
        if _DOOR <= minute < _DOOR + _OPEN:
            warm += 3.6 * math.sin(math.pi * (minute - _DOOR + 0.5) / _OPEN)
        at = end - timedelta(minutes=_MINUTES - 1 - minute)
        found.append(Reading(at, Decimal(f"{warm:.1f}")))
    return found
