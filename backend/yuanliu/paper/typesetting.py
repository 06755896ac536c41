"""Lines of text that stay within their box: wrapped by the rules of Chinese and Latin, shrunk, cut as a last resort."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yuanliu.paper.fonts import clean, width

LEADING: Final = 1.3
"""Distance from one line to the next, in sizes."""

ASCENT: Final = 0.88
"""How far the body of a Chinese character reaches above the baseline, in sizes; the rest of it is below."""

ELLIPSIS: Final = "…"

_STEP: Final = 0.25
_NOT_FIRST: Final = frozenset("，。、；：？！）》」』】〕〉”’…·％%‰℃,.:;!?)]}")
_NOT_LAST: Final = frozenset("（《「『【〔〈“‘￥¥([{")
_WORDS: Final = re.compile(r" |[0-9A-Za-z\u00c0-\u024f\u0370-\u052f_'+@#&=*/.,:;%-]+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Lines and the size at which they fit, in points. `cut`: not all of the text is there."""

    lines: tuple[str, ...]
    size: float
    cut: bool = False

    @property
    def height(self) -> float:
        """What the lines take from the top of the first to the bottom of the last, in points."""
        return self.size * (1 + LEADING * (len(self.lines) - 1)) if self.lines else 0


@lru_cache(maxsize=4096)
def fit(text: str, *, wide: float, high: float, size: float, least: float) -> Fitted:
    """Set a text from outside into a box of `wide` × `high` points: at `size` if it fits, else smaller down to `least`.

    What does not fit even then is cut, and ends in an ellipsis. A box too low for one line gives no line.
    """
    text = clean(text)
    if text and size <= high and width(text, size) <= wide:  # most cells of most tables
        return Fitted((text,), size)
    while True:
        most = _lines_in(high, size)
        lines = wrap(text, wide, size)
        if len(lines) <= most:
            return Fitted(lines, size)
        if size <= least:
            return Fitted(_cut(lines, most, wide, size), size, cut=True)
        size = max(least, size - _STEP)


def wrap(text: str, wide: float, size: float) -> tuple[str, ...]:
    """Break a clean text into lines of at most `wide` points.

    Chinese breaks anywhere but before a closing and after an opening mark; words at spaces, or anywhere if one alone is
    too long.
    """
    lines: list[str] = []
    line = ""
    for part in _parts(text):
        if not line or width((line + part).rstrip(), size) <= wide:
            line = (line + part).lstrip() if not line else line + part
        else:
            lines.append(line.rstrip())
            line = part.lstrip()
        while width(line.rstrip(), size) > wide and len(line) > 1:
            count = _fitting(line, wide, size)
            lines.append(line[:count])
            line = line[count:]
    if line.strip():
        lines.append(line.rstrip())
    return tuple(lines)


def _parts(text: str) -> Iterator[str]:
    """Give the pieces that a line may not be broken within."""
    held = ""
    for piece in _WORDS.findall(text):
        if held and not (piece[0] in _NOT_FIRST or held[-1] in _NOT_LAST):
            yield held
            held = ""
        held += piece
    if held:
        yield held


def _fitting(line: str, wide: float, size: float) -> int:
    count = 1
    while count < len(line) and width(line[: count + 1], size) <= wide:
        count += 1
    return count


def _lines_in(high: float, size: float) -> int:
    return int((high - size) / (size * LEADING) + 1 + 1e-9) if high + 1e-9 >= size else 0


def _cut(lines: tuple[str, ...], most: int, wide: float, size: float) -> tuple[str, ...]:
    if most == 0:
        return ()
    last = lines[most - 1]
    while last and width(last + ELLIPSIS, size) > wide:
        last = last[:-1]
    return (*lines[: most - 1], last.rstrip() + ELLIPSIS)
