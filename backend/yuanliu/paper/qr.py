"""QR codes that scan: of a size in millimetres, made of whole printer dots, with their quiet zone.

The lines between light and dark must not fall within a dot, or the printer rounds each one differently. So a module is
a whole number of dots, and a code is as large as fits into its place, not as large as the place. Sources: ISO/IEC 18004
(quiet zone of 4 modules, error correction), GS1 General Specifications (smallest module).
"""

import html
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import qrcode
from PIL import Image
from qrcode import constants
from qrcode.exceptions import DataOverflowError

from yuanliu.errors import YuanliuError

QUIET: Final = 4
"""Light modules on each side."""

SMALLEST_MODULE: Final = 0.33
"""In millimetres: what a phone's camera still reads at arm's length from paper that is a little soiled."""

EASY_MODULE: Final = 0.5
"""In millimetres: from here on a code gains more from stronger error correction than from larger modules."""

DPI: Final = (203, 300, 600)
"""Printers: thermal label printers, finer ones, office printers."""

LONGEST: Final = 1_000
"""Longest text of a code, in characters."""

_MM_PER_INCH: Final = 25.4
_LEVELS: Final = {
    "Q": constants.ERROR_CORRECT_Q,
    "M": constants.ERROR_CORRECT_M,
    "L": constants.ERROR_CORRECT_L,
}
"""Error correction, strongest first: 25, 15, 7 % of a code may be spoilt. Level H, with 30 %, is for codes with a
picture inside; its modules are a fifth smaller."""


class PaperError(YuanliuError):
    """Thrown for what cannot be printed so that it can be used.

    Codes, all with `paper.` before them: `code_too_small`, `code_text_invalid`, `dots_unknown`, `format_unknown`,
    `count_invalid`, `skip_invalid`, `serial_twice`, `too_little_room`, `certificate_incomplete`.
    """


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code without its quiet zone. Each row is a number whose highest of `count` bits is the leftmost module."""

    text: str
    level: str
    mask: int
    count: int
    rows: tuple[int, ...]

    @property
    def side(self) -> int:
        """Modules on a side, the quiet zone included."""
        return self.count + 2 * QUIET

    def runs(self) -> list[tuple[int, int, int]]:
        """Give the dark runs: column, row (quiet zone included, from the top left) and length."""
        found = []
        for y, row in enumerate(self.rows, QUIET):
            x = QUIET
            for run in f"{row:0{self.count}b}".replace("01", "0 1").replace("10", "1 0").split():
                if run[0] == "1":
                    found.append((x, y, len(run)))
                x += len(run)
        return found


@dataclass(frozen=True, slots=True)
class Sized:
    """A code with the size of its modules: `dots` printer dots of a printer with `dpi` dots to the inch."""

    code: Code
    dots: int
    dpi: int

    @property
    def module(self) -> float:
        """Side of a module, in millimetres."""
        return self.dots * _MM_PER_INCH / self.dpi

    @property
    def side(self) -> float:
        """Side of the code, quiet zone included, in millimetres."""
        return self.code.side * self.module


@lru_cache(maxsize=256)
def code(text: str, level: str, mask: int | None = None) -> Code:
    """Give the code of a text. `mask`: one of the eight patterns, or None for the best of them (seven times the time).

    Raises `PaperError` (`code_text_invalid`) for what is no address: not 1 to `LONGEST` visible ASCII characters.
    """
    if not (0 < len(text) <= LONGEST and all("!" <= c <= "~" for c in text)):
        raise PaperError(
            "paper.code_text_invalid",
            f"a code holds an address of 1 to {LONGEST} ASCII characters, not {text[:60]!r}",
            hint="percent-encode the address",
            fields={"length": len(text), "most": LONGEST},
        )
    made = qrcode.QRCode(error_correction=_LEVELS[level], border=0, mask_pattern=mask)
    made.add_data(text)
    try:
        made.best_fit()
        made.mask_pattern = made.best_mask_pattern() if mask is None else mask
        made.make(fit=False)
    except (DataOverflowError, ValueError) as error:  # no version holds it at this level
        raise PaperError(
            "paper.code_text_invalid",
            f"{len(text)} characters are too many for one code",
            hint="take a shorter address",
            fields={"length": len(text), "most": LONGEST},
        ) from error
    rows = tuple(int("".join("1" if dark else "0" for dark in row), 2) for row in made.modules)
    return Code(text, level, made.mask_pattern, made.modules_count, rows)


def fitted(text: str, *, room: float, dpi: int) -> Sized:
    """Give the code of a text for a square of `room` millimetres: the strongest that is easily read, or the easiest.

    Raises `PaperError`: `code_too_small`, saying what size is needed; `dots_unknown`; and as `code`.
    """
    if dpi not in DPI:
        raise PaperError(
            "paper.dots_unknown",
            f"there is no printer with {dpi} dots to the inch",
            hint=f"one of {', '.join(map(str, DPI))}",
            fields={"dpi": dpi, "known": list(DPI)},
        )
    found = [_largest(code(text, level), room, dpi) for level in _LEVELS]
    easy = next((sized for sized in found if sized.module >= EASY_MODULE), None)
    best = easy or max(found, key=lambda sized: sized.dots)  # of equals the first: the strongest
    if best.module < SMALLEST_MODULE:
        dots = next(n for n in range(1, 99) if n * _MM_PER_INCH / dpi >= SMALLEST_MODULE)
        needed = min(Sized(sized.code, dots, dpi).side for sized in found)
        raise PaperError(
            "paper.code_too_small",
            f"in {room:g} mm this code has modules of {best.module:.2f} mm, which phones do not read",
            hint=f"give it at least {needed + 0.05:.1f} mm, or take a shorter address",
            fields={"needed_mm": round(needed + 0.05, 1), "given_mm": room, "dpi": dpi},
        )
    return best


def like(sized: Sized, text: str) -> Sized:
    """Give another text's code in the same size, as for the next label of a roll: quickly, with the same mask.

    A reader takes the mask from the code itself. Where the text needs more modules, it is fitted to the same room.
    """
    made = code(text, sized.code.level, sized.code.mask)
    if made.count != sized.code.count:
        return fitted(text, room=sized.side, dpi=sized.dpi)
    return Sized(made, sized.dots, sized.dpi)


def svg(sized: Sized) -> str:
    """Write a code as SVG: one path, of its size in millimetres, titled with its text."""
    side = sized.code.side
    path = "".join(f"M{x} {y}h{n}v1h-{n}z" for x, y, n in sized.code.runs())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sized.side:.3f}mm" height="{sized.side:.3f}mm" '
        f'viewBox="0 0 {side} {side}" shape-rendering="crispEdges" role="img">'
        f"<title>{html.escape(sized.code.text)}</title>"
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    )


def png(sized: Sized) -> bytes:
    """Write a code as PNG: two colours, a whole number of pixels to the module, with its dots to the inch."""
    side = sized.code.side
    image = Image.new("1", (side, side), 1)
    pixels = image.load()
    if pixels is None:  # pragma: no cover -- an image just made has pixels
        raise AssertionError
    for x, y, n in sized.code.runs():
        for i in range(x, x + n):
            pixels[i, y] = 0
    scaled = image.resize((side * sized.dots, side * sized.dots), Image.Resampling.NEAREST)
    out = io.BytesIO()
    scaled.save(out, "PNG", optimize=True, dpi=(sized.dpi, sized.dpi))
    return out.getvalue()


def _largest(made: Code, room: float, dpi: int) -> Sized:
    """Give a code in the largest size that fits, which may be 0 dots."""
    return Sized(made, int(room * dpi / _MM_PER_INCH / made.side + 1e-9), dpi)
