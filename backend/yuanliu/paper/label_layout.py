"""Where things stand on a label: the code as large as its words leave room for, and the words around it.

What must be read in full (lot, serial, what the law asks for) is shrunk until it fits, and refused if it does not. A
long name is shrunk, then cut, for the page behind the code has all of it. On a small label the least important words
stay away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from yuanliu.paper.certificate import WORDS, Basis, Certificate
from yuanliu.paper.label_formats import Format
from yuanliu.paper.press import POINTS, Press
from yuanliu.paper.qr import PaperError, Sized, fitted
from yuanliu.paper.typesetting import LEADING, Fitted, fit

SERIAL: Final = "\0"
"""Stands for the serial, which is another on each label."""

_SCALES: Final = (1.2, 1.1, 1.0, 0.9, 0.8, 0.72)
_LAST_SCALES: Final = (*_SCALES, 0.64, 0.56)
_LEAST: Final = 0.8
"""How far a single text may be shrunk below what its neighbours are shrunk to."""

_BETWEEN: Final = 0.7
"""Free between two texts, in millimetres."""

_CERTIFIED_HIGH: Final = 60.0
"""From this height on a label has room for the whole certificate, in millimetres."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text of a label: its size in points, lines it may take, whether it must stand in full, or may stay away."""

    text: str
    size: float
    lines: int = 1
    whole: bool = False
    optional: bool = False
    bold: bool = False
    align: str = "left"
    ticked: bool | None = None
    """Whether a box before it is ticked; None: there is no box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A place on a label, in millimetres from its top left corner."""

    x: float
    y: float
    wide: float
    high: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A text in its place. `fitted` is None for the serial, which is fitted on each label."""

    words: Words
    box: Box
    fitted: Fitted | None


@dataclass(frozen=True, slots=True)
class Layout:
    """All of a label but its serial and the code of that."""

    texts: tuple[Placed, ...]
    sized: Sized
    code_x: float
    code_y: float


def compact(paper: Format, address: str, longest: str, words: Sequence[Words]) -> Layout:
    """Lay out a label of names, lot and code: the code in the middle of a high label, on the left of a wide one.

    `address` is the longest text of a code, `longest` the serial that takes most room. Raises `PaperError` as `fitted`,
    and `too_little_room`.
    """
    inner = _inner(paper)
    if paper.high > paper.wide:
        sized = fitted(address, room=min(inner.wide, 0.5 * inner.high), dpi=paper.dpi)
        above = [replace(text, align="centre") for text in words if text.bold]
        below = [replace(text, align="centre") for text in words if not text.bold]
        free = inner.high - sized.side
        top = stack(above, replace(inner, high=0.45 * free), longest)
        y = _bottom(top, inner.y) if top else inner.y
        rest = Box(inner.x, y + sized.side, inner.wide, inner.y + inner.high - y - sized.side)
        x = inner.x + (inner.wide - sized.side) / 2
        return Layout((*top, *stack(below, rest, longest)), sized, x, y)
    sized = fitted(address, room=min(inner.high, 0.5 * inner.wide), dpi=paper.dpi)
    x = inner.x + sized.side + 0.5
    beside = Box(x, inner.y, inner.x + inner.wide - x, inner.high)
    texts = _centred(stack(words, beside, longest), beside)
    return Layout(texts, sized, inner.x, inner.y + (inner.high - sized.side) / 2)


def certified(
    paper: Format, address: str, longest: str, words: Sequence[Words], certificate: Certificate
) -> Layout:
    """Lay out a label with the whole certificate: it above, or on the left; the code with lot and names below or right.

    Raises as `compact` does.
    """
    inner = _inner(paper)
    promise = _promise(certificate)
    if paper.high > paper.wide:
        sized = fitted(address, room=min(0.45 * inner.wide, 0.34 * inner.high), dpi=paper.dpi)
        top = inner.y + inner.high - sized.side
        upper = stack(promise, replace(inner, high=inner.high - sized.side - 0.5), longest)
        x = inner.x + sized.side + 0.5
        beside = Box(x, top, inner.x + inner.wide - x, sized.side)
        return Layout(
            (*upper, *_centred(stack(words, beside, longest), beside)), sized, inner.x, top
        )
    sized = fitted(address, room=min(0.4 * inner.wide, 0.55 * inner.high), dpi=paper.dpi)
    left = replace(inner, wide=inner.wide - sized.side - 3)
    x = inner.x + inner.wide - sized.side
    below = Box(x, inner.y + sized.side, sized.side, inner.high - sized.side)
    return Layout(
        (*stack(promise, left, longest), *stack(words, below, longest)), sized, x, inner.y
    )


def has_room_for_all(paper: Format) -> bool:
    """Tell whether a label takes the whole certificate, and not its words alone."""
    return paper.high >= _CERTIFIED_HIGH and paper.wide >= _CERTIFIED_HIGH


def stack(words: Sequence[Words], box: Box, longest: str) -> tuple[Placed, ...]:
    """Set texts below each other into a box, all shrunk alike; what is optional stays away, the last first.

    Raises `PaperError` (`too_little_room`) if what must stand in full does not fit.
    """
    kept = list(words)
    while True:
        optional = [text for text in kept if text.optional]
        for scale in _SCALES if optional else _LAST_SCALES:
            placed = _placed(kept, box, scale, longest)
            if placed is not None:
                return placed
        if not optional:
            raise _too_little_room(kept, box)
        kept.remove(optional[-1])


def draw(press: Press, at: tuple[float, float], layout: Layout, sized: Sized, serial: str) -> None:
    """Draw one label whose top left corner is there. Raises `PaperError` (`too_little_room`) for its serial."""
    x, y = at
    press.code(sized, x + layout.code_x, y + layout.code_y)
    for placed in layout.texts:
        words, box = placed.words, placed.box
        found = placed.fitted
        if found is None:
            found = _fitted(words, box, 1.0, serial)
            if found.cut:
                raise _too_little_room([words], box)
        left = x + box.x + _tick(words)
        press.lines(
            found,
            left,
            y + box.y,
            wide=box.wide - _tick(words),
            align=words.align,
            bold=words.bold,
        )
        if words.ticked is not None:
            side = found.size / POINTS * 0.85
            press.area(x + box.x, y + box.y + 0.1, side, side, edge=(0, 0, 0), thick=0.15)
        if words.ticked:
            press.box("✓", x + box.x, y + box.y, wide=9, high=9, size=found.size * 0.9, bold=True)


def _promise(certificate: Certificate) -> list[Words]:
    promised = [Words(WORDS, 13, whole=True, bold=True, align="centre")]
    promised.append(Words(f"承诺：{certificate.statement}", 7, 6, whole=True))
    promised.append(Words("承诺依据：", 7, whole=True))
    promised += [
        Words(basis.words, 7, whole=True, ticked=basis in certificate.bases) for basis in Basis
    ]
    promised += [Words(f"{name}：{text}", 7.5, 3, whole=True) for name, text in certificate.fields]
    return promised


def _inner(paper: Format) -> Box:
    wide, high = paper.wide - 2 * paper.pad_x, paper.high - 2 * paper.pad_y
    return Box(paper.pad_x, paper.pad_y, wide, high)


def _placed(
    words: Sequence[Words], box: Box, scale: float, longest: str
) -> tuple[Placed, ...] | None:
    """Set texts at one scale; None if they take more than the box, or something that must be whole was cut."""
    placed = []
    y = box.y
    for text in words:
        found = _fitted(text, box, scale, longest)
        if not found.lines or (found.cut and text.whole):
            return None
        high = found.height / POINTS
        here = replace(box, y=y, high=high)
        varies = SERIAL in text.text
        placed.append(
            Placed(
                replace(text, size=found.size) if varies else text, here, None if varies else found
            )
        )
        y += high + _BETWEEN
    return tuple(placed) if y - _BETWEEN <= box.y + box.high + 1e-6 else None


def _fitted(words: Words, box: Box, scale: float, serial: str) -> Fitted:
    """Fit a text at a scale. One that nearly fits on a line is shrunk rather than broken."""
    size = words.size * scale
    text = words.text.replace(SERIAL, serial)
    wide, least = (box.wide - _tick(words)) * POINTS, size * _LEAST
    on_one = fit(text, wide=wide, high=size, size=size, least=least)
    if not on_one.cut or words.lines == 1:
        return on_one
    high = size * (1 + LEADING * (words.lines - 1))
    return fit(text, wide=wide, high=high, size=size, least=least)


def _tick(words: Words) -> float:
    """Give what the box before a text takes, in millimetres."""
    return 0 if words.ticked is None else words.size / POINTS * 1.5


def _bottom(placed: Sequence[Placed], otherwise: float) -> float:
    return max((text.box.y + text.box.high for text in placed), default=otherwise)


def _centred(placed: tuple[Placed, ...], box: Box) -> tuple[Placed, ...]:
    """Move texts down to the middle of their box."""
    down = (box.y + box.high - _bottom(placed, box.y)) / 2
    return tuple(replace(text, box=replace(text.box, y=text.box.y + down)) for text in placed)


def _too_little_room(words: Sequence[Words], box: Box) -> PaperError:
    longest = max(words, key=lambda text: len(text.text))
    return PaperError(
        "paper.too_little_room",
        f"the words do not fit into {box.wide:.0f} × {box.high:.0f} mm; the longest: {longest.text[:40]!r}",
        hint="take a larger label, or shorter words",
        fields={
            "wide_mm": round(box.wide, 1),
            "high_mm": round(box.high, 1),
            "text": longest.text[:80],
        },
    )
