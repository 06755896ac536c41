"""The press: pages of a PDF, drawn on in millimetres from the top left corner. All of this room draws with it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject

from yuanliu.paper import fonts
from yuanliu.paper.qr import Sized
from yuanliu.paper.typesetting import ASCENT, LEADING, Fitted, fit

POINTS: Final = 72 / 25.4
"""Points in a millimetre. Sizes of letters are in points, everything else is in millimetres."""

Colour = tuple[float, float, float]
"""Red, green and blue, from 0 to 1."""

BLACK: Final[Colour] = (0, 0, 0)
GREY: Final[Colour] = (0.38, 0.38, 0.38)
PALE: Final[Colour] = (0.82, 0.82, 0.82)
GREEN: Final[Colour] = (0.11, 0.37, 0.27)
RED: Final[Colour] = (0.68, 0.13, 0.1)

rl_config.useA85 = 0  # text for the mails of 1990; it took a fifth of the time and of the file

_BOLD: Final = 0.025
"""Outline of bold letters, in sizes."""


class Press:
    """Makes one PDF. The same drawing gives the same bytes: no time and no random name is in it."""

    def __init__(self, wide: float, high: float, *, title: str, language: str = "zh-CN") -> None:
        fonts.face()
        self.wide = wide
        self.high = high
        self._out = io.BytesIO()
        self._canvas = Canvas(
            self._out, pagesize=(wide * POINTS, high * POINTS), invariant=1, lang=language
        )
        self._canvas.setTitle(fonts.clean(title))
        self._canvas.setCreator("Yuanliu 源流")
        self._canvas.setProducer("Yuanliu 源流")

    def box(  # noqa: PLR0913 -- all that a text in a box can be, by name
        self,
        text: str,
        x: float,
        y: float,
        *,
        wide: float,
        high: float,
        size: float,
        least: float | None = None,
        align: str = "left",
        bold: bool = False,
        colour: Colour = BLACK,
    ) -> float:
        """Set a text from outside into a box, shrunk from `size` to `least` points as needed; give the height it took.

        Whatever the text is, nothing is drawn outside of the box.
        """
        found = fit(text, wide=wide * POINTS, high=high * POINTS, size=size, least=least or size)
        return self.lines(found, x, y, wide=wide, align=align, bold=bold, colour=colour)

    def lines(
        self,
        fitted: Fitted,
        x: float,
        y: float,
        *,
        wide: float = 0,
        align: str = "left",
        bold: bool = False,
        colour: Colour = BLACK,
    ) -> float:
        """Draw lines that were fitted before, of a box that is `wide`; give the height that they take."""
        drawn = self._canvas.beginText()
        drawn.setFont(fonts.NAME, fitted.size)
        drawn.setFillColorRGB(*colour)
        drawn.setTextRenderMode(2 if bold else 0)
        if bold:
            self._canvas.setStrokeColorRGB(*colour)
            self._canvas.setLineWidth(fitted.size * _BOLD)
        for number, line in enumerate(fitted.lines):
            left = x * POINTS
            if align != "left":
                free = wide * POINTS - fonts.width(line, fitted.size)
                left += free if align == "right" else free / 2
            down = y * POINTS + fitted.size * (ASCENT + LEADING * number)
            drawn.setTextOrigin(left, self.high * POINTS - down)
            drawn.textOut(line)
        if bold:
            drawn.setTextRenderMode(0)
        self._canvas.drawText(drawn)
        return fitted.height / POINTS

    def code(self, sized: Sized, x: float, y: float) -> None:
        """Draw a code, its quiet zone included; moved to the left and up to the next whole dot of its printer."""
        dot = 72 / sized.dpi
        left, top = (int(at * POINTS / dot + 1e-9) * dot for at in (x, y))
        module = sized.dots * dot
        canvas = self._canvas
        canvas.saveState()
        canvas.transform(module, 0, 0, -module, left, self.high * POINTS - top)
        canvas.setFillColorRGB(1, 1, 1)
        side = sized.code.side
        canvas.rect(0, 0, side, side, stroke=0, fill=1)
        canvas.setFillColorRGB(*BLACK)
        path = PDFPathObject(["n", *(f"{a} {b} {n} 1 re" for a, b, n in sized.code.runs())])
        canvas.drawPath(path, stroke=0, fill=1)
        canvas.restoreState()

    def rule(
        self,
        x: float,
        y: float,
        x2: float,
        y2: float,
        *,
        thick: float = 0.2,
        colour: Colour = PALE,
        dashed: bool = False,
    ) -> None:
        """Draw a line, `thick` millimetres."""
        canvas = self._canvas
        canvas.saveState()
        canvas.setStrokeColorRGB(*colour)
        canvas.setLineWidth(thick * POINTS)
        if dashed:
            canvas.setDash(2, 2)
        canvas.line(x * POINTS, self._up(y), x2 * POINTS, self._up(y2))
        canvas.restoreState()

    def area(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        fill: Colour | None = None,
        edge: Colour | None = None,
        radius: float = 0,
        thick: float = 0.2,
    ) -> None:
        """Draw a rectangle, filled, edged or both; with round corners of `radius`."""
        canvas = self._canvas
        canvas.saveState()
        if fill:
            canvas.setFillColorRGB(*fill)
        if edge:
            canvas.setStrokeColorRGB(*edge)
            canvas.setLineWidth(thick * POINTS)
        shape = (x * POINTS, self._up(y + high), wide * POINTS, high * POINTS)
        canvas.roundRect(
            *shape, radius * POINTS, stroke=int(edge is not None), fill=int(fill is not None)
        )
        canvas.restoreState()

    def polyline(
        self, points: list[tuple[float, float]], *, thick: float = 0.4, colour: Colour = GREEN
    ) -> None:
        """Draw a line through points."""
        canvas = self._canvas
        canvas.saveState()
        canvas.setStrokeColorRGB(*colour)
        canvas.setLineWidth(thick * POINTS)
        canvas.setLineJoin(1)
        path = canvas.beginPath()
        for number, (x, y) in enumerate(points):
            (path.lineTo if number else path.moveTo)(x * POINTS, self._up(y))
        canvas.drawPath(path, stroke=1, fill=0)
        canvas.restoreState()

    def place_later(self, name: str) -> None:
        """Have the drawing of this name appear on this page, at the place where `define` draws it."""
        self._canvas.doForm(name)

    @contextmanager
    def define(self, name: str) -> Iterator[None]:
        """Draw under a name what pages before have a place for."""
        self._canvas.beginForm(name, 0, 0, self.wide * POINTS, self.high * POINTS)
        yield
        self._canvas.endForm()

    def next_page(self) -> None:
        """End a page."""
        self._canvas.showPage()

    def finish(self) -> bytes:
        """Give the PDF. Pages have to be ended before."""
        self._canvas.save()
        return self._out.getvalue()

    def _up(self, y: float) -> float:
        return (self.high - y) * POINTS
