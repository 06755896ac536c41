"""What temperature loggers write out, in the forms that they are seen in; and what an event tells of it."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu.epcis.readings import STRETCHES, Reading, course
from yuanliu.sheets.errors import SheetError
from yuanliu.sheets.loggers import Logged, logged
from yuanliu.sheets.reading import read

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def csv(text: str) -> Logged:
    return logged(read(text.encode()), NOW)


def told(found: Logged) -> list[tuple[str, str]]:
    return [(each.time.isoformat(), str(each.celsius)) for each in found.readings]


def codes(found: Logged) -> list[tuple[int, str, str]]:
    return [(number, fault.column, fault.error.code) for number, fault in found.faults]


@pytest.mark.parametrize(
    "text",
    [
        "Time,Temperature\n2026-04-12 08:30:00,4.9\n2026-04-12 08:31,-5\n",
        "时间;温度(℃)\n2026/4/12 8:30;4.9\n2026/4/12 8:31:00;-5.0℃\n",
        "型号,TH-07\n序列号,0042\n\n序号,日期,时间,温度\n1,2026年4月12日,8:30,4.9\n2,2026-04-12,08:31:00,-5\n",
        "timestamp\ttemp\n2026-04-12T00:31:00Z\t-5\n2026-04-12T08:30:00.250+08:00\t4.9\n",
    ],
)
def test_the_forms_that_loggers_write(text: str) -> None:
    found = csv(text)
    assert found.faults == []
    first, last = found.readings
    assert first.time == datetime(2026, 4, 12, 0, 30, tzinfo=UTC)
    assert last.time - first.time == timedelta(minutes=1)
    assert (first.celsius, last.celsius) == (Decimal("4.9"), Decimal(-5))


def test_a_workbook_with_real_times() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["记录时间", "温度"])
    book.worksheets[0].append([datetime(2026, 4, 12, 8, 30), 4.9])  # noqa: DTZ001 -- as Excel has it
    out = io.BytesIO()
    book.save(out)
    assert told(logged(read(out.getvalue()), NOW)) == [("2026-04-12T08:30:00+08:00", "4.9")]


def test_each_row_that_is_wrong_is_named_and_the_others_are_read() -> None:
    rows = [
        "Time,Temperature",
        "2026-04-12 08:30,4.9",
        "2026-04-12 08:30,5.0",  # the same time
        "12.04.2026 08:31,5.0",  # which is the month?
        "2026-13-01 08:31,5.0",
        "2027-01-01 00:00,5.0",  # to come
        ",5.0",
        "2026-04-12 08:32,",
        '2026-04-12 08:33,"4,9"',
        "2026-04-12 08:34,OFL",
        "2026-04-12 08:35,200",
        "2026-04-12 08:36,=A1",
        "2026-04-12 08:37,4.8",
    ]
    found = csv("\n".join(rows))
    assert [celsius for _, celsius in told(found)] == ["4.9", "4.8"]
    assert codes(found) == [
        (3, "time", "sheets.time_twice"),
        *((number, "time", "sheets.time_invalid") for number in (4, 5, 6, 7)),
        *((number, "celsius", "sheets.celsius_invalid") for number in (8, 9, 10, 11, 12)),
    ]


def test_a_file_without_the_columns_is_refused() -> None:
    with pytest.raises(SheetError) as error:
        csv("a,b\n1,2\n")
    assert error.value.code == "sheets.columns_missing"


@given(
    st.dictionaries(st.integers(0, 10**6), st.decimals(-90, 90, places=1), min_size=1, max_size=300)
)
def test_a_course_hides_no_reading(figures: dict[int, Decimal]) -> None:
    readings = [
        Reading(NOW + timedelta(seconds=at), celsius) for at, celsius in sorted(figures.items())
    ]
    event = course(readings, lower=Decimal(0))
    assert event["yuanliu:lowerLimit"] == 0
    assert "yuanliu:upperLimit" not in event
    [element] = event["sensorElementList"]
    reports = element["sensorReport"]
    assert 1 <= len(reports) <= STRETCHES
    assert min(each["minValue"] for each in reports) == float(min(figures.values()))
    assert max(each["maxValue"] for each in reports) == float(max(figures.values()))
    assert all(each["minValue"] <= each["meanValue"] <= each["maxValue"] for each in reports)
    times = [each["time"] for each in reports]
    assert times == sorted(times)
    assert times[-1] == element["sensorMetadata"]["endTime"]
