"""The papers that labels are printed on: sheets that every stationer sells, and rolls of the usual label printers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from yuanliu.paper.qr import PaperError


@dataclass(frozen=True, slots=True)
class Format:
    """A paper with labels, in millimetres: `columns` × `rows` labels of `wide` × `high`, the first at `left`, `top`.

    `gap` is free between two columns. `pad_x` and `pad_y` are kept free within each label: what the printer cannot
    print, and what is lost when a cut is not quite straight. `dpi`: dots to the inch of the printer it is for.
    """

    name: str
    said: str
    page_wide: float
    page_high: float
    columns: int
    rows: int
    wide: float
    high: float
    dpi: int
    left: float = 0.0
    top: float = 0.0
    gap: float = 0.0
    pad_x: float = 2.0
    pad_y: float = 2.0

    @property
    def cells(self) -> int:
        """Labels on a page."""
        return self.columns * self.rows

    def places(self) -> Iterator[tuple[float, float]]:
        """Give the top left corner of each label, row by row."""
        for row in range(self.rows):
            for column in range(self.columns):
                yield self.left + column * (self.wide + self.gap), self.top + row * self.high


def _sheet(name: str, columns: int, rows: int, wide: float, high: float, **more: float) -> Format:
    said = f"A4 {columns}×{rows} ({wide:g} × {high:g} mm)"
    top = (297 - rows * high) / 2
    return Format(name, said, 210, 297, columns, rows, wide, high, 600, top=top, **more)


def _roll(wide: float, high: float) -> Format:
    said = f"{wide:g} × {high:g} mm"
    return Format(
        f"roll-{wide:g}x{high:g}", said, wide, high, 1, 1, wide, high, 203, pad_x=1.5, pad_y=1.5
    )


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        made.name: made
        for made in (
            _roll(40, 60),
            _roll(60, 40),
            _roll(50, 30),
            _roll(60, 80),
            _sheet("a4-3x8", 3, 8, 70, 37, pad_x=5, pad_y=4.5),
            _sheet("a4-4x10", 4, 10, 52.5, 29.7, pad_x=4.5, pad_y=3),
            _sheet("a4-2x7", 2, 7, 99.1, 38.1, left=4.65, gap=2.5, pad_x=2.5),
            _sheet("a4-2x4", 2, 4, 105, 74, pad_x=6, pad_y=6),
        )
    }
)
"""By name: four rolls, for printers of 203 dots to the inch, and four sheets."""


def format_named(name: str) -> Format:
    """Give a format. Raises `PaperError` (`format_unknown`)."""
    found = FORMATS.get(name)
    if found is None:
        raise PaperError(
            "paper.format_unknown",
            f"there is no label format {name[:40]!r}",
            hint=f"one of {', '.join(FORMATS)}",
            fields={"format": name[:40], "known": list(FORMATS)},
        )
    return found
