"""Bars and lines, drawn into a place. Each figure stands beside its drawing as text, or in a table beside the chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from yuanliu.paper.press import BLACK, GREEN, GREY, RED, Colour, Press

SERIES: Final[tuple[Colour, ...]] = (GREEN, (0.72, 0.45, 0.1), (0.2, 0.36, 0.6), RED, GREY)
"""Colours of a chart's lines, in turn; each is dark enough to be told from white in grey print."""

BAR_HIGH: Final = 5.6
"""What one bar takes of the height, in millimetres."""

_NAME_WIDE: Final = 38.0
_SAID_WIDE: Final = 30.0
_AXIS_WIDE: Final = 16.0
_MOST_DOTS: Final = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart. `said` is its figure for the reader."""

    name: str
    value: float
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart, through (x, y) in the order of x."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chart is drawn, in millimetres."""

    x: float
    y: float
    wide: float
    high: float


def draw_bar(press: Press, place: Place, bar: Bar, longest: float) -> None:
    """Draw one lying bar; `longest` is the greatest value of the chart. What is negative has no length and is red."""
    room = place.wide - _NAME_WIDE - _SAID_WIDE
    share = max(0.0, bar.value) / longest if longest > 0 else 0.0
    left = place.x + _NAME_WIDE
    press.box(bar.name, place.x, place.y, wide=_NAME_WIDE - 2, high=4, size=8, least=5)
    press.area(left, place.y, max(0.3, room * share), 3.6, fill=GREEN)
    press.box(
        bar.said,
        left + room * share + 1.5,
        place.y,
        wide=_SAID_WIDE - 1.5,
        high=4,
        size=8,
        least=5,
        colour=RED if bar.value < 0 else BLACK,
    )


def draw_lines(
    press: Press, place: Place, lines: Sequence[Line], marks: Sequence[tuple[float, str]]
) -> None:
    """Draw lines over one axis, whose named places are `marks`, and below them what each line is."""
    points = [point for line in lines for point in line.points]
    if not points:
        press.box("—", place.x, place.y, wide=place.wide, high=5, size=9)
        return
    frame = _Frame(place, points)
    for value in frame.steps:
        _, y = frame.at(frame.first, value)
        press.rule(frame.left, y, frame.left + frame.wide, y)
        press.box(
            f"{value:,.6g}",
            place.x,
            y - 1.3,
            wide=_AXIS_WIDE - 2,
            high=3,
            size=7,
            least=4,
            align="right",
        )
    _draw_marks(press, frame, marks)
    for number, line in enumerate(lines):
        colour = SERIES[number % len(SERIES)]
        placed = [frame.at(x, y) for x, y in line.points]
        if len(placed) > 1:
            press.polyline(placed, colour=colour)
        for x, y in placed if len(placed) <= _MOST_DOTS else ():
            press.area(x - 0.6, y - 0.6, 1.2, 1.2, fill=colour, radius=0.6)
    _draw_legend(press, place, lines)


class _Frame:
    """Where a figure stands in a chart."""

    def __init__(self, place: Place, points: Sequence[tuple[float, float]]) -> None:
        self.left = place.x + _AXIS_WIDE
        self.wide = place.wide - _AXIS_WIDE - 6
        self.up = place.y + 2
        self.high = place.high - 16
        self.first, self.last = min(x for x, _ in points), max(x for x, _ in points)
        low, high = min(0.0, *(y for _, y in points)), max(0.0, *(y for _, y in points))
        self.step = _round_step(high - low)
        self.bottom = self.step * floor(low / self.step)
        self.top = max(self.step * ceil(high / self.step), self.bottom + self.step)

    @property
    def steps(self) -> list[float]:
        """Give the figures at which the chart is ruled."""
        return [
            self.bottom + self.step * n
            for n in range(round((self.top - self.bottom) / self.step) + 1)
        ]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Give the place of a figure on the page."""
        span = self.last - self.first
        across = (x - self.first) / span if span > 0 else 0.5
        down = (self.top - y) / (self.top - self.bottom)
        return self.left + self.wide * across, self.up + self.high * down


def _round_step(span: float) -> float:
    """Give a step of 1, 2 or 5 times a power of ten of which at most five make the span."""
    if span <= 0:
        return 1.0
    power = 10.0 ** floor(log10(span / 5))
    return next(power * n for n in (1, 2, 5, 10, 20) if power * n * 5 >= span)


def _draw_marks(press: Press, frame: _Frame, marks: Sequence[tuple[float, str]]) -> None:
    """Write the marks of the axis; of those that would overlap, each second or third."""
    wide = 16.0
    every = max(1, -(-len(marks) * int(wide) // max(1, int(frame.wide))))
    for x, said in marks[::every]:
        across, _ = frame.at(x, frame.bottom)
        press.box(
            said,
            across - wide / 2,
            frame.up + frame.high + 1.5,
            wide=wide,
            high=3,
            size=7,
            least=4,
            align="centre",
        )


def _draw_legend(press: Press, place: Place, lines: Sequence[Line]) -> None:
    each = place.wide / max(1, min(len(lines), 4))
    for number, line in enumerate(lines[:4]):
        x, y = place.x + each * number, place.y + place.high - 6
        press.area(x, y + 0.6, 4, 1.6, fill=SERIES[number % len(SERIES)])
        press.box(line.name, x + 5.5, y, wide=each - 7, high=4, size=8, least=5)
