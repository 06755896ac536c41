"""Points in time as EPCIS writes them: ISO 8601 with an offset."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NANOSECOND_DIGITS: Final = 9


def read(text: object) -> tuple[datetime, int] | None:
    """Give a time in UTC, to the second, and its nanoseconds; None if it is none.

    A time has an offset, at most nine digits of a second, and lies within the years 1 to 9999 in UTC.
    """
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    seconds, fraction, offset = found.groups()
    try:
        moment = datetime.fromisoformat(seconds + offset).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment, int((fraction or "0").ljust(_NANOSECOND_DIGITS, "0"))


def microseconds(text: str) -> int:
    """Give a time that `read` accepts as microseconds since 1970, finer digits cut; by this, times compare."""
    moment = read(text)
    if moment is None:
        raise ValueError(text)
    return (moment[0] - _EPOCH) // _MICROSECOND + moment[1] // 1_000


def to_millisecond(text: str) -> str | None:
    """Write a time in UTC with three digits of a second, rounded half up; None if it is none."""
    found = read(text)
    if found is None:
        return None
    moment, nanoseconds = found
    thousandths = (nanoseconds + 500_000) // 1_000_000
    if thousandths == 1_000:  # noqa: PLR2004 -- a full second
        try:
            moment, thousandths = moment + timedelta(seconds=1), 0
        except OverflowError:
            return None
    return f"{moment.isoformat()[:19]}.{thousandths:03d}Z"
