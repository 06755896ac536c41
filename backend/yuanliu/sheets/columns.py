"""The columns of the sheets that are handed in: what they are called, what belongs in them, how they are found."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from yuanliu.sheets.errors import SheetError
from yuanliu.sheets.reading import Row
from yuanliu.sheets.writing import TEXT_FORMAT, Column, template

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Field:
    """A column to fill in. `other` are further headings that mean the same."""

    key: str
    zh: str
    en: str
    example: str
    about_zh: str
    about_en: str
    required: bool = True
    text: bool = True
    other: tuple[str, ...] = ()

    def heading(self, language: Language) -> str:
        """Give what stands above the column."""
        return self.zh if language == "zh" else self.en


FARMERS: Final = (
    Field(
        "code",
        "农户编号",
        "Farmer code",
        "H-0042",
        "公开显示的编号：1 到 16 个字母、数字或 - _，不写姓名",
        "Shown in public: 1 to 16 letters, digits or - _; no name",
        other=("编号", "code"),
    ),
    Field(
        "name",
        "称呼",
        "Name",
        "老张",
        "只在合作社内部显示，不上公开账本",
        "Shown inside the cooperative only, never on the public record",
        required=False,
        other=("姓名", "农户", "farmer"),
    ),
)
DELIVERIES: Final = (
    Field(
        "receipt",
        "收据号",
        "Receipt number",
        "202611220170001",
        "每一笔一个号，只用数字，不能重复",
        "One number a delivery, digits only, never twice",
        other=("收据编号", "receipt"),
    ),
    Field(
        "farmer",
        "农户编号",
        "Farmer code",
        "H-0042",
        "已登记的农户编号",
        "The code of an enrolled farmer",
        other=("编号", "farmer"),
    ),
    Field(
        "product",
        "商品",
        "Product",
        "06901234567892",
        "商品名称，或条码下面的数字",
        "The product's name, or the digits below its bar code",
        other=("商品名称", "条码", "gtin", "品名"),
    ),
    Field(
        "gross",
        "毛重（公斤）",
        "Gross weight (kg)",
        "61.5",
        "连筐一起的重量，最多三位小数",
        "Weight with the crate, at most three decimals",
        text=False,
        other=("gross",),
    ),
    Field(
        "tare",
        "皮重（公斤）",
        "Tare (kg)",
        "1.5",
        "空筐的重量；没有就不填",
        "Weight of the empty crate; leave empty if there is none",
        required=False,
        text=False,
        other=("tare", "筐重"),
    ),
    Field(
        "grade",
        "等级系数（%）",
        "Grade (%)",
        "100",
        "普通货是 100；一等可以高一些，最高 200；不填就是 100",
        "100 is plain grade, better goods have more, at most 200; empty is 100",
        required=False,
        text=False,
        other=("等级", "grade"),
    ),
    Field(
        "price",
        "每公斤价（元）",
        "Price per kg (yuan)",
        "24.00",
        "收购价，每公斤多少元，最多两位小数",
        "What is paid for a kilogram, in yuan, at most two decimals",
        text=False,
        other=("单价", "价格", "price"),
    ),
)

_BRACKETS: Final = re.compile(r"\(.*?\)")


def _folded(heading: str) -> str:
    plain = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(_BRACKETS.sub("", plain).split())


def find(fields: Sequence[Field], rows: Sequence[Row]) -> tuple[dict[str, int], Sequence[Row]]:
    """Find the columns by the first row; give the place of each, and the rows below.

    Raises `SheetError` (`sheets.columns_missing`), naming what is missing in both languages.
    """
    head, below = rows[0], rows[1:]
    places: dict[str, int] = {}
    for field in fields:
        names = {_folded(name) for name in (field.zh, field.en, *field.other)}
        for place, cell in enumerate(head.cells):
            if _folded(cell.text) in names and place not in places.values():
                places[field.key] = place
                break
    missing = [field for field in fields if field.required and field.key not in places]
    if missing:
        raise SheetError(
            "sheets.columns_missing",
            f"columns are missing: {', '.join(field.en for field in missing)}",
            hint="keep the headings of the template in the first row "
            f"({'、'.join(field.zh for field in missing)})",
            fields={
                "missing_zh": [field.zh for field in missing],
                "missing_en": [field.en for field in missing],
            },
        )
    if not below:
        raise SheetError(
            "sheets.no_rows", "there is no row below the headings", hint="fill in the template"
        )
    return places, below


_SHEETS: Final[Mapping[str, tuple[Sequence[Field], str, str]]] = {
    "farmers": (FARMERS, "农户", "Farmers"),
    "deliveries": (DELIVERIES, "交售", "Deliveries"),
}


def empty_sheet(what: Literal["farmers", "deliveries"], language: Language) -> bytes:
    """Write the template of a sheet as XLSX, with a second sheet of explanations."""
    fields, zh, en = _SHEETS[what]
    columns = [
        Column(field.heading(language), width=20, format=TEXT_FORMAT if field.text else "General")
        for field in fields
    ]
    chinese = language == "zh"
    notes = [
        ("列", "必填", "填什么", "例子") if chinese else ("Column", "Needed", "What", "Example")
    ]
    for field in fields:
        needed = (
            ("是" if field.required else "否") if chinese else ("yes" if field.required else "no")
        )
        about = field.about_zh if chinese else field.about_en
        notes.append((field.heading(language), needed, about, field.example))
    title, notes_title = (zh, "填写说明") if chinese else (en, "Notes")
    return template(title, columns, notes_title, notes)
