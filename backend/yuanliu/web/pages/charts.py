"""Charts as SVG, made on the server: shapes only. Their words and figures stand in the page beside them.

Each is stretched to the width of its box, so it holds no text; colours are classes of `base.css`. The page gives
every chart a table with the same figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 1_000
"""Width of every drawing, in its own units."""


@dataclass(frozen=True)
class Part:
    """A part of a whole: `value` ≥ 0, drawn in the colour of the class `kind`."""

    value: float
    kind: str


def _svg(height: int, label: str, shapes: Sequence[str]) -> Markup:
    # Every shape is made here, of numbers and of class names from our own code.
    inside = Markup("").join(Markup(shape) for shape in shapes)  # noqa: S704 -- see above
    return Markup(
        '<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>'
    ).format(label, WIDTH, height, inside)


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{escape(kind)}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{escape(kind)}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def stacked(label: str, parts: Sequence[Part], *, height: int = 40) -> Markup:
    """Draw the parts of a whole side by side, in proportion. Nothing is drawn for a whole of 0."""
    whole = sum(part.value for part in parts)
    shapes, x = [], 0.0
    for part in parts:
        width = part.value / whole * WIDTH if whole else 0.0
        if width > 0:
            shapes.append(_rect(x, 0, width, height, part.kind))
        x += width
    return _svg(height, label, shapes)


def against_limit(label: str, value: float, limit: float, *, kind: str, height: int = 24) -> Markup:
    """Draw a measured value as a bar, and the limit as a line; the limit stands at 3/4 unless the value is beyond."""
    most = max(limit * 4 / 3, value * 1.05) or 1.0
    return _svg(
        height,
        label,
        [
            _rect(0, 0, WIDTH, height, "chart-ground"),
            _rect(0, 0, max(0.0, value) / most * WIDTH, height, kind),
            _line(limit / most * WIDTH, 0, limit / most * WIDTH, height, "chart-limit"),
        ],
    )


def bars(
    label: str, values: Sequence[float], *, kind: str = "chart-bar", height: int = 240
) -> Markup:
    """Draw values ≥ 0 as bars side by side, the highest as high as the drawing."""
    most = max(values, default=0) or 1.0
    step = WIDTH / max(1, len(values))
    return _svg(
        height,
        label,
        [
            _rect(
                i * step + step * 0.1,
                height - value / most * height,
                step * 0.8,
                value / most * height,
                kind,
            )
            for i, value in enumerate(values)
        ],
    )


def line(
    label: str,
    points: Sequence[tuple[float, float]],
    *,
    low: float | None = None,
    high: float | None = None,
    bounds: tuple[float, float] | None = None,
    height: int = 240,
) -> Markup:
    """Draw points (x, y) joined by lines, in order of x, with a lower and an upper limit.

    `bounds` are the y of bottom and top; without them all that is drawn fits, with some air. What lies beyond a
    limit is marked with a dot.
    """
    ys = [y for _, y in points] + [each for each in (low, high) if each is not None]
    bottom, top = bounds or _with_air(ys)
    left = min((x for x, _ in points), default=0.0)
    right = max((x for x, _ in points), default=1.0)

    def across(x: float) -> float:
        return (x - left) / ((right - left) or 1.0) * WIDTH

    def up(y: float) -> float:
        return height - (y - bottom) / ((top - bottom) or 1.0) * height

    shapes = [
        _line(0, up(each), WIDTH, up(each), "chart-limit")
        for each in (low, high)
        if each is not None
    ]
    if points:
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        shapes.append(f'<polyline class="chart-line" points="{path}"/>')
    # A line of no length with round ends is a round dot, however the drawing is stretched.
    shapes += [
        _line(across(x), up(y), across(x), up(y), "chart-beyond")
        for x, y in points
        if (low is not None and y < low) or (high is not None and y > high)
    ]
    return _svg(height, label, shapes)


def _with_air(ys: Sequence[float]) -> tuple[float, float]:
    if not ys:
        return 0.0, 1.0
    air = (max(ys) - min(ys)) * 0.1 or 1.0
    return min(ys) - air, max(ys) + air
