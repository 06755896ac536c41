"""A farmer's card: the code that opens his page, his code to read, and his cooperative. Nothing personal is on it.

One farmer, one code (一农户一二维码). A card is as large as a bank card (ISO/IEC 7810, ID-1); ten stand on A4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from yuanliu import identifiers
from yuanliu.paper.label_layout import Box, Words, stack
from yuanliu.paper.press import BLACK, GREEN, GREY, PALE, Press
from yuanliu.paper.qr import PaperError, Sized, fitted

WIDE: Final = 85.6
HIGH: Final = 54.0

MOST: Final = 5_000
"""Most cards of one document."""

_COLUMNS, _ROWS = 2, 5
_PAD: Final = 4.0
_BAND: Final = 11.0
_CODE_ROOM: Final = 30.0
_DPI: Final = 600
_RADIUS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on a card. `site`: what stands before `/f/…`; `cooperative_code` and `code`: as on the record.

    `cooperative` is the cooperative's name, or "" for its code alone. Raises `IdentifierError` (`card_invalid`).
    """

    site: str
    cooperative_code: str
    code: str
    cooperative: str = ""

    def __post_init__(self) -> None:
        """Refuse what no code can lead to."""
        identifiers.farmer_path(self.cooperative_code, self.code)

    @property
    def address(self) -> str:
        """The code's text: the address of the farmer's page."""
        return self.site + identifiers.farmer_path(self.cooperative_code, self.code)


def card(one: Card) -> bytes:
    """Give one card as PDF, a page of its own size, for a card printer. Raises `PaperError` as `cards`."""
    press = Press(WIDE, HIGH, title=f"农户卡 {one.code}")
    _draw(press, 0, 0, one)
    press.next_page()
    return press.finish()


def cards(all_of_them: Sequence[Card]) -> bytes:
    """Give cards as PDF, ten on a sheet of A4, to be cut out.

    Raises `PaperError`: `count_invalid`, `code_too_small`, `too_little_room`.
    """
    if not 1 <= len(all_of_them) <= MOST:
        raise PaperError(
            "paper.count_invalid",
            f"{len(all_of_them)} cards cannot be printed at once",
            hint=f"print 1 to {MOST}, and the others after them",
            fields={"count": len(all_of_them), "most": MOST},
        )
    press = Press(210, 297, title="农户卡")
    left, top = (210 - _COLUMNS * WIDE) / 2, (297 - _ROWS * HIGH) / 2
    for number, one in enumerate(all_of_them):
        row, column = divmod(number % (_COLUMNS * _ROWS), _COLUMNS)
        if number and row == column == 0:
            press.next_page()
        _draw(press, left + column * WIDE, top + row * HIGH, one)
    press.next_page()
    return press.finish()


def _draw(press: Press, x: float, y: float, one: Card) -> None:
    press.area(x, y, WIDE, HIGH, edge=PALE, radius=_RADIUS)
    press.box("源流 · 农户卡", x + _PAD, y + 3.6, wide=40, high=6, size=12, bold=True, colour=GREEN)
    press.rule(x + _PAD, y + _BAND - 1, x + WIDE - _PAD, y + _BAND - 1, thick=0.4, colour=GREEN)
    sized = fitted(one.address, room=_CODE_ROOM, dpi=_DPI)
    press.code(sized, x + WIDE - _PAD - sized.side + _quiet(sized), y + _BAND)
    wide = WIDE - 2 * _PAD - sized.side
    words = (
        Words("农户代码", 8),
        Words(one.code, 20, 2, whole=True, bold=True),
        Words(one.cooperative or one.cooperative_code, 9, 2),
    )
    for placed in stack(words, Box(_PAD, _BAND + 1.5, wide, 29), ""):
        if placed.fitted:
            colour = GREY if placed.words.text == "农户代码" else BLACK
            bold = placed.words.bold
            box = placed.box
            press.lines(
                placed.fitted, x + box.x, y + box.y, wide=box.wide, bold=bold, colour=colour
            )
    press.box(
        "扫码看自己的交售、货款和到账。密码不要告诉别人。",
        x + _PAD,
        y + HIGH - 8.5,
        wide=WIDE - 2 * _PAD,
        high=4,
        size=7.5,
        least=5,
        colour=GREY,
    )


def _quiet(sized: Sized) -> float:
    """Give how far a code may reach into the card's margin, which is as light as its quiet zone: two modules."""
    return 2 * sized.module
