"""What the demo's laboratory and lorry write: a report, and a sensor's readings. All figures are made up."""

import hashlib
import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from yuanliu import epcis
from yuanliu.demo.cases import Case

_STRETCH: Final = timedelta(minutes=10)
_STRETCHES: Final = 12
_PER_STRETCH: Final = 10
_DOOR: Final = 7
"""The stretch in which the door stood open."""


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


def readings(case: Case, end: datetime) -> tuple[list[str], dict[str, Any]]:
    """Give two hours' readings up to `end`, one text each as a sensor writes it, and what an event tells of them.

    The event has lowest, mean and highest of each ten minutes, and the limits of the case. Once the door stood open.
    """
    lower, upper = case.chilled or (0, 0)
    start = end - _STRETCH * _STRETCHES
    texts: list[str] = []
    reports = []
    for stretch in range(_STRETCHES):
        figures = []
        for i in range(_PER_STRETCH):
            at = start + _STRETCH * stretch + _STRETCH / _PER_STRETCH * (i + 1)
            warm = 4.6 + 0.9 * math.sin((stretch * _PER_STRETCH + i) / 9)
            if stretch == _DOOR:
                warm += 3.6 * math.sin(math.pi * (i + 0.5) / _PER_STRETCH)
            figures.append(Decimal(f"{warm:.1f}"))
            texts.append(f"{at.isoformat()} TH-07 {figures[-1]}")
        mean = (sum(figures, Decimal(0)) / len(figures)).quantize(Decimal("0.1"))
        reports.append(
            {
                "type": "Temperature",
                "time": (start + _STRETCH * (stretch + 1)).isoformat(),
                "minValue": float(min(figures)),
                "meanValue": float(mean),
                "maxValue": float(max(figures)),
                "uom": "CEL",
            }
        )
    times = {"startTime": start.isoformat(), "endTime": end.isoformat()}
    return texts, {
        "sensorElementList": [{"sensorMetadata": times, "sensorReport": reports}],
        "yuanliu:lowerLimit": lower,
        "yuanliu:upperLimit": upper,
        "yuanliu:readings": len(texts),
        "yuanliu:readingsSha256": sha256("\n".join(texts).encode()),
    }
