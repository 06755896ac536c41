"""The certificate of conformity of farm goods (承诺达标合格证), by the order of 2025, in force from 2026-02.

A cooperative issues one for each batch. As a code it may be one with the tracing code, but has to show the words.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from yuanliu.paper import fonts
from yuanliu.paper.qr import PaperError

WORDS: Final = "承诺达标合格证"

_LONGEST: Final = 80


class Basis(StrEnum):
    """What the promise rests on."""

    CONTROLLED = "controlled"
    SELF_TESTED = "self_tested"
    COMMISSIONED = "commissioned"

    @property
    def words(self) -> str:
        """The order's words."""
        return _BASES[self]


_BASES: Final = {
    Basis.CONTROLLED: "质量安全控制符合要求",
    Basis.SELF_TESTED: "自行检测合格",
    Basis.COMMISSIONED: "委托检测合格",
}
_PRODUCER: Final = "未使用禁用农药、兽药及其他化合物；使用的常规农药、兽药残留不超标。"
_BUYER: Final = (
    "已按规定收取并保存该批次农产品承诺达标合格证或者其他质量安全合格证明；"
    "未违规使用保鲜剂、防腐剂、添加剂等。"
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the law asks for. `promisor` (承诺主体) promises; `contact` is the cooperative's, not a person's own.

    `bought`: the goods were bought and packed by who promises, not grown. Raises `PaperError`
    (`certificate_incomplete`, with the field) for a field that is empty or longer than 80 characters.
    """

    product: str
    quantity: str
    origin: str
    promisor: str
    contact: str
    issued: date
    bases: frozenset[Basis]
    bought: bool = False

    def __post_init__(self) -> None:
        """Refuse what would be no certificate."""
        for name, text in self._texts():
            if not 0 < len(fonts.clean(text, longest=2 * _LONGEST)) <= _LONGEST:
                raise _incomplete(name, f"{name} has 1 to {_LONGEST} characters")
        if not self.bases:
            raise _incomplete("bases", "the promise rests on nothing")

    @property
    def statement(self) -> str:
        """What is promised."""
        return _BUYER if self.bought else _PRODUCER

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Give the order's fields with their values."""
        return (
            ("产品名称", self.product),
            ("数量（重量）", self.quantity),
            ("产地", self.origin),
            ("承诺主体", self.promisor),
            ("联系方式", self.contact),
            ("开具时间", chinese_date(self.issued)),
        )

    def _texts(self) -> tuple[tuple[str, str], ...]:
        return (
            ("product", self.product),
            ("quantity", self.quantity),
            ("origin", self.origin),
            ("promisor", self.promisor),
            ("contact", self.contact),
        )


def chinese_date(day: date) -> str:
    """Write a day as on a Chinese label."""
    return f"{day.year} 年 {day.month} 月 {day.day} 日"


def _incomplete(field: str, message: str) -> PaperError:
    return PaperError(
        "paper.certificate_incomplete",
        message,
        hint="a certificate names product, quantity, origin, promisor, contact and at least one basis",
        fields={"field": field, "most": _LONGEST},
    )
