"""The one typeface of all that is printed, and what may be set in it.

Noto Sans SC, cut down, comes with the package (`typeface/`): a PDF embeds what it uses of it, and shows Chinese on any
machine. A second weight would be another 7.8 MB; bold is the same letters with a drawn outline.
"""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

NAME: Final = "YuanliuSans"
"""The typeface's name in ReportLab."""

MISSING: Final = "□"
"""Stands for each character that the typeface lacks, so that the reader sees that something is not shown."""

LONGEST: Final = 400
"""Longest text that is looked at, in characters."""

_FILE: Final = Path(__file__).parent / "typeface" / "NotoSansSC.ttf"
_SPACES: Final = re.compile(r"\s+")
_VARIANTS: Final = frozenset(
    map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)  # say how the character before looks
_LEFT_OUT: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


@cache
def face() -> TTFont:
    """Load the typeface and make it known to ReportLab."""
    font = TTFont(NAME, _FILE)
    pdfmetrics.registerFont(font)
    return font


@cache
def _widths() -> dict[int, float]:
    widths: dict[int, float] = face().face.charWidths
    return widths


def width(text: str, size: float) -> float:
    """Give the width of a clean text, in points, set at `size` points."""
    widths = _widths()
    return sum(widths[ord(c)] for c in text) * size / 1000


@lru_cache(maxsize=4096)
def clean(text: str, *, longest: int = LONGEST) -> str:
    """Give what can be set of a text that came from outside, on one line.

    Spaces and line ends become one space; control characters and marks of direction fall away; what the typeface lacks
    becomes `MISSING`; after `longest` characters stands an ellipsis.
    """
    text = unicodedata.normalize("NFC", text[: 4 * longest])
    text = _SPACES.sub(" ", text)
    known = _widths()
    kept = "".join(
        c if ord(c) in known else MISSING
        for c in text
        if c not in _VARIANTS and unicodedata.category(c) not in _LEFT_OUT
    ).strip()
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"
