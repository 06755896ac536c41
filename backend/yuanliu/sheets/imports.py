"""What the rows of a handed-in sheet say: farmers and deliveries, each row with all that is wrong with it."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from yuanliu import identifiers, money, privacy
from yuanliu.errors import YuanliuError
from yuanliu.sheets.columns import DELIVERIES, FARMERS, find
from yuanliu.sheets.errors import CellError
from yuanliu.sheets.reading import MAX_TEXT, Cell, Row

T = TypeVar("T")

PLAIN_GRADE: Final = 10_000
MAX_GRADE: Final = 20_000
MAX_GRAMS: Final = 100_000_000
"""Most that one row can weigh: 100 tonnes. A slip of the decimal point is likelier."""

_CODE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,15}")
_NAME_LENGTH: Final = 64
_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_RECEIPT: Final = re.compile(r"[1-9](?:[ -]?[0-9]){0,17}")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell. `column` is the field's key."""

    column: str
    error: YuanliuError


@dataclass(slots=True)
class Parsed:
    """A row: `texts` as they stand there, `values` that could be read, and the faults. No faults: it can be taken."""

    number: int
    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, str | int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def read(
        self, key: str, cell: Cell, parse: Callable[[str], str | int], *, needed: bool
    ) -> None:
        """Read a cell, or note what is wrong with it."""
        self.texts[key] = cell.text
        try:
            if text := _text(cell, needed=needed):
                self.values[key] = parse(text)
        except YuanliuError as error:
            self.faults.append(Fault(key, error))

    def fault(self, key: str, code: str, said: str, hint: str = "", **fields: object) -> None:
        """Note a fault that more than the cell itself shows."""
        self.faults.append(Fault(key, CellError(code, said, hint=hint, fields=fields)))


def farmers(rows: Sequence[Row]) -> list[Parsed]:
    """Read farmers: `code`, `name`. Raises `SheetError` (`sheets.columns_missing`, `sheets.no_rows`)."""
    places, below = find(FARMERS, rows)
    parsed = []
    for row in below:
        one = Parsed(row.number)
        one.read("code", row.cell(places.get("code")), parse_code, needed=True)
        one.read("name", row.cell(places.get("name")), _parse_name, needed=False)
        parsed.append(one)
    _refuse_twice(parsed, "code")
    return parsed


def deliveries(rows: Sequence[Row], products: Mapping[str, str]) -> list[Parsed]:
    """Read deliveries: `receipt`, `farmer`, `gtin`, `gross`, `tare`, `net` (grams), `grade_bps`, `price` (fen a kg).

    `products` gives the GTIN of a product by its GTIN or its name, folded by `folded`. Raises as `farmers`.
    """
    places, below = find(DELIVERIES, rows)
    parsed = []
    for row in below:
        one = Parsed(row.number)

        def read(
            key: str,
            parse: Callable[[str], str | int],
            *,
            needed: bool = True,
            row: Row = row,
            one: Parsed = one,
        ) -> None:
            one.read(key, row.cell(places.get(key)), parse, needed=needed)

        read("receipt", _parse_receipt)
        read("farmer", parse_code)
        read("product", lambda text: _parse_product(text, products))
        read("gross", parse_kilograms)
        read("tare", lambda text: 0 if _is_nothing(text) else parse_kilograms(text), needed=False)
        read("grade", _parse_grade, needed=False)
        read("price", _parse_price)
        _weigh(one)
        parsed.append(one)
    _refuse_twice(parsed, "receipt")
    return parsed


def folded(text: str) -> str:
    """Give a name as it is compared."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


# ---------------------------------------------------------------------- cells


def parse_code(text: str) -> str:
    """Read a farmer's code. Raises `CellError` (`sheets.code_invalid`), `YuanliuError` (`privacy.personal_data`)."""
    code = unicodedata.normalize("NFKC", text)
    if not _CODE.fullmatch(code):
        raise CellError(
            "sheets.code_invalid",
            f"not a code: {text[:40]!r}",
            hint="1 to 16 letters, digits or - _ ., for example H-0042; no name",
            fields={"code": text[:40]},
        )
    privacy.check_text(code, "code")
    return code


def parse_kilograms(text: str) -> int:
    """Read kilograms as grams: `61.5` → 61500. Raises `CellError` (`sheets.weight_invalid`)."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("公斤", "").removesuffix("kg")
    grams = _decimal(plain.strip(), Decimal(1_000))
    if grams is None or not 0 < grams <= MAX_GRAMS:
        raise CellError(
            "sheets.weight_invalid",
            f"not a weight in kilograms: {text[:40]!r}",
            hint="write kilograms with at most three decimals, for example 61.5",
            fields={"weight": text[:40]},
        )
    return grams


def _decimal(text: str, times: Decimal) -> int | None:
    """Read a plain decimal number `times` as much; none unless that is whole."""
    try:
        exact = Decimal(text) * times if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None
    if exact is None or exact != exact.to_integral_value():
        return None
    return int(exact)


def _text(cell: Cell, *, needed: bool) -> str:
    if cell.formula:
        raise CellError(
            "sheets.cell_formula",
            "a formula stands in this cell",
            hint="copy the column and paste it as values",
        )
    if cell.other:
        raise CellError(
            "sheets.cell_kind",
            f"neither text nor number: {cell.text[:40]!r}",
            hint="format the cell as text or number, and write it again",
        )
    if len(cell.text) > MAX_TEXT:
        raise CellError(
            "sheets.cell_too_long",
            "too much stands in this cell",
            hint=f"write at most {MAX_TEXT} characters",
        )
    if not cell.text and needed:
        raise CellError(
            "sheets.cell_empty",
            "this cell is empty",
            hint="fill it in; cells that are merged count as empty",
        )
    return cell.text


def _is_nothing(text: str) -> bool:
    return _decimal(text, Decimal(1)) == 0


def _parse_name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > _NAME_LENGTH or not name.isprintable():
        raise CellError(
            "sheets.cell_too_long",
            "the name is too long, or has signs that cannot be printed",
            hint=f"write at most {_NAME_LENGTH} characters",
        )
    return name


def _parse_receipt(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text)
    if not _RECEIPT.fullmatch(plain):
        raise CellError(
            "sheets.receipt_invalid",
            f"not the number of a receipt: {text[:40]!r}",
            hint="write 1 to 18 digits, for example 202611220170001; format the column as text",
            fields={"receipt": text[:40]},
        )
    return int(plain.replace("-", "").replace(" ", ""))


def _parse_product(text: str, products: Mapping[str, str]) -> str:
    found = products.get(folded(text))
    if found is None:
        try:
            found = products.get(identifiers.parse_gtin(text.zfill(13) if text.isdigit() else text))
        except YuanliuError:
            found = None
    if found is None:
        raise CellError(
            "sheets.product_unknown",
            f"no product of yours is called {text[:40]!r}",
            hint="write the product's name as in the list of products, or the digits below its bar code",
            fields={"product": text[:40], "known": sorted(set(products.values()))[:20]},
        )
    return found


def _parse_grade(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text).removesuffix("%").strip()
    bps = _decimal(plain, Decimal(100))
    if bps is None or not 1 <= bps <= MAX_GRADE:
        raise CellError(
            "sheets.grade_invalid",
            f"not a grade: {text[:40]!r}",
            hint="write 100 for plain grade, at most 200",
            fields={"grade": text[:40]},
        )
    return bps


def _parse_price(text: str) -> int:
    try:
        return money.parse_yuan(text)
    except YuanliuError as error:
        raise CellError(
            "sheets.price_invalid",
            f"not a price: {text[:40]!r}",
            hint="write yuan a kilogram with at most two decimals, for example 24.00",
            fields={"price": text[:40]},
        ) from error


# ---------------------------------------------------------------------- rows


def _weigh(row: Parsed) -> None:
    gross, tare = row.values.get("gross"), row.values.setdefault("tare", 0)
    row.values.setdefault("grade", PLAIN_GRADE)
    if isinstance(gross, int) and isinstance(tare, int):
        if tare >= gross:
            row.fault(
                "tare",
                "sheets.tare_too_large",
                "the crate weighs as much as crate and goods together",
                "compare the two weights: gross is with the crate",
                gross=gross,
                tare=tare,
            )
        else:
            row.values["net"] = gross - tare


def _refuse_twice(rows: Sequence[Parsed], key: str) -> None:
    first: dict[str | int, int] = {}
    for row in rows:
        value = row.values.get(key)
        if value is None:
            continue
        if value in first:
            row.fault(
                key,
                "sheets.twice",
                f"the same stands in row {first[value]} already",
                "keep one of the two rows",
                row=first[value],
            )
        first.setdefault(value, row.number)
