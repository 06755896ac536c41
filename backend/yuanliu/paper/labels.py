"""Labels of a lot, each a page of a roll or a cell of a sheet: the code, and what a person wants to read beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from yuanliu.digital_link import digital_link
from yuanliu.paper import fonts, qr
from yuanliu.paper.certificate import WORDS, Certificate, chinese_date
from yuanliu.paper.label_formats import Format
from yuanliu.paper.label_layout import (
    SERIAL,
    Layout,
    Words,
    certified,
    compact,
    draw,
    has_room_for_all,
)
from yuanliu.paper.press import Press
from yuanliu.paper.qr import PaperError

MOST: Final = 10_000
"""Most labels of one document."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What labels say. `site`: what stands before `/01/…` in the code, such as `https://yuanliu.example`.

    Texts that are empty are left out.
    """

    site: str
    gtin: str
    lot: str
    product: str = ""
    cooperative: str = ""
    place: str = ""
    harvested: date | None = None
    certificate: Certificate | None = None

    def address(self, serial: str | None = None) -> str:
        """Give the code's text: the Digital Link of the lot or of one piece. Raises `IdentifierError`."""
        qualifiers = {"10": self.lot} | ({"21": serial} if serial is not None else {})
        return digital_link("01", self.gtin, qualifiers=qualifiers, base=self.site).uri


def labels(goods: Goods, serials: Sequence[str | None], paper: Format, *, skip: int = 0) -> bytes:
    """Give labels as PDF: one for each serial, where None stands for a label of the lot alone.

    `skip` cells of the first sheet are left free, because they were used before. Raises `PaperError`: `count_invalid`,
    `serial_twice`, `skip_invalid`, `too_little_room`, and as `qr.fitted`; `IdentifierError` for a GTIN, a lot or a
    serial that is none.
    """
    _check(serials, paper, skip)
    widest = max(
        (serial or "" for serial in serials), key=lambda text: (len(text), fonts.width(text, 1))
    )
    layout = lay_out(goods, paper, widest)
    press = Press(paper.page_wide, paper.page_high, title=f"{goods.product} {goods.lot}".strip())
    places = list(paper.places())
    for number, serial in enumerate(serials, skip):
        if number > skip and number % paper.cells == 0:
            press.next_page()
        sized = qr.like(layout.sized, goods.address(serial))
        draw(press, places[number % paper.cells], layout, sized, serial or "")
    press.next_page()
    return press.finish()


def lay_out(goods: Goods, paper: Format, widest: str) -> Layout:
    """Give the layout of a lot's labels; `widest` is the serial that takes most room, or "" if they have none.

    Raises as `labels` does.
    """
    address = goods.address(widest or None)
    numbers = [Words(f"批次 {goods.lot}", 8, 3, whole=True)]
    if widest:
        numbers.append(Words(f"序号 {SERIAL}", 8, 3, whole=True))
    harvested = [Words(f"采收 {chinese_date(goods.harvested)}", 7)] if goods.harvested else []
    names = [Words(text, 7, 2, optional=True) for text in (goods.cooperative, goods.place) if text]
    look_up = [
        Words(f"商品码 {goods.gtin.removeprefix('0')}", 6.5, optional=True),
        Words(urlsplit(goods.site).netloc, 6.5, optional=True),
    ]
    if goods.certificate and has_room_for_all(paper):
        words = [*numbers, *harvested, *look_up]
        return certified(paper, address, widest, words, goods.certificate)
    promise = [Words(WORDS, 10, whole=True, bold=True)] if goods.certificate else []
    product = [Words(goods.product, 11, 2, bold=True)] if goods.product else []
    words = [*promise, *product, *numbers, *harvested, *names, *look_up]
    return compact(paper, address, widest, words)


def _check(serials: Sequence[str | None], paper: Format, skip: int) -> None:
    if not 1 <= len(serials) <= MOST:
        raise PaperError(
            "paper.count_invalid",
            f"{len(serials)} labels cannot be printed at once",
            hint=f"print 1 to {MOST}, and the others after them",
            fields={"count": len(serials), "most": MOST},
        )
    if not 0 <= skip < paper.cells:
        raise PaperError(
            "paper.skip_invalid",
            f"a sheet has {paper.cells} labels, so {skip} of them cannot be left free",
            hint=f"0 to {paper.cells - 1}",
            fields={"skip": skip, "cells": paper.cells},
        )
    twice = [text for text, count in Counter(serials).items() if text is not None and count > 1]
    if twice:
        raise PaperError(
            "paper.serial_twice",
            f"the serial {twice[0]} stands there more than once",
            hint="each piece has a serial of its own",
            fields={"serial": twice[0]},
        )
