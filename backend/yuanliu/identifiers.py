"""GS1 identifiers: GTIN, batch or lot number, Digital Link path of a batch; and UN/ECE unit codes.

Sources: GS1 General Specifications (7.9 check digits, figure 7.11-1 character set 82), GS1 Digital Link URI
Syntax 1.3, UN/ECE Recommendation 20.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from yuanliu.errors import YuanliuError

CHARACTER_SET_82: Final = frozenset(
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
"""What a lot may be written with; the same as `Text.isLot` in the contracts."""

LOT_LENGTH: Final = 20
"""Longest lot, in characters."""

CODE_LENGTH: Final = 16
"""Longest code of an actor, in characters."""

CANONICAL_HOST: Final = "https://id.gs1.org"
"""Host of the canonical Digital Link, used where an identifier and not a page is meant."""

_GTIN_LENGTHS: Final = (8, 12, 13, 14)
_GTIN_DIGITS: Final = 14
_UNIT: Final = re.compile(r"[A-Z0-9]{3}")
_PATH: Final = re.compile(r"/01/([^/]*)/10/([^/]*)")
_CARD_PATH: Final = re.compile(r"/f/([^/]*)/([^/]*)")
_CARD_CODE: Final = re.compile(r"[!-~]{1,16}")
_CARD_COOPERATIVE: Final = re.compile(r"[!-~]{1,16}|0x[0-9a-f]{40}")
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT_SEGMENTS: Final = frozenset({".", ".."})


class IdentifierError(YuanliuError):
    """Thrown for a malformed identifier.

    Codes: `identifiers.gtin_not_digits`, `identifiers.gtin_length`, `identifiers.gtin_check_digit`,
    `identifiers.gtin_zero`, `identifiers.lot_length`, `identifiers.lot_characters`,
    `identifiers.lot_not_linkable`, `identifiers.unit_invalid`, `identifiers.path_invalid`,
    `identifiers.card_invalid`; and from
    `yuanliu.digital_link`: `identifiers.link_invalid`, `identifiers.link_scheme`, `identifiers.link_encoding`,
    `identifiers.link_key_missing`, `identifiers.ai_unknown`, `identifiers.ai_order`, `identifiers.ai_duplicate`,
    `identifiers.ai_misplaced`, `identifiers.ai_unfitting`, `identifiers.value_invalid`.
    """


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of sale. `milligrams` is the mass of one, or None if that depends on the product."""

    code: str
    chinese: str
    english: str
    milligrams: int | None


UNITS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        unit.code: unit
        for unit in (
            Unit("KGM", "公斤", "kg", 1_000_000),
            Unit("GRM", "克", "g", 1_000),
            Unit("TNE", "吨", "t", 1_000_000_000),
            Unit("LTR", "升", "l", None),
            Unit("MLT", "毫升", "ml", None),
            Unit("H87", "个", "piece", None),
            Unit("XBX", "箱", "box", None),
            Unit("XPK", "盒", "pack", None),
            Unit("XBG", "袋", "bag", None),
            Unit("XBO", "瓶", "bottle", None),
        )
    }
)
"""The units that have a name here. The contracts take any other code of Recommendation 20 with three characters."""


def check_digit(digits: str) -> int:
    """Give the check digit that follows `digits` (ASCII digits): modulo 10, weights 3 and 1 from the right."""
    codes = digits.encode("ascii")
    tripled = codes[::-2]
    return (48 * (len(codes) + 2 * len(tripled)) - sum(codes) - 2 * sum(tripled)) % 10


def parse_gtin(text: str) -> str:
    """Read a GTIN-8, -12, -13 or -14 and give it with 14 digits.

    Raises `IdentifierError`: `gtin_not_digits`, `gtin_length`, `gtin_check_digit` (the hint tells the right one)
    or `gtin_zero`.
    """
    if not (text.isascii() and text.isdigit()):
        raise _gtin_error("gtin_not_digits", text, "a GTIN is written with the digits 0 to 9 only")
    if len(text) not in _GTIN_LENGTHS:
        raise _gtin_error("gtin_length", text, "a GTIN has 8, 12, 13 or 14 digits")
    right = check_digit(text[:-1])
    if int(text[-1]) != right:
        hint = f"the last digit would have to be {right}; compare the others with the label"
        raise _gtin_error("gtin_check_digit", text, hint)
    if int(text) == 0:
        raise _gtin_error("gtin_zero", text, "take the GTIN that GS1 assigned to the product")
    return text.zfill(_GTIN_DIGITS)


def gtin_number(gtin: str) -> int:
    """Give a GTIN as the number that the contracts hold. Raises `IdentifierError` as `parse_gtin` does."""
    return int(parse_gtin(gtin))


def gtin_text(number: int) -> str:
    """Give the 14 digits of a GTIN that the contracts hold as a number. Raises `IdentifierError`."""
    return parse_gtin(str(number).zfill(_GTIN_DIGITS))


def parse_lot(text: str) -> str:
    """Check a batch or lot number (AI 10): 1 to 20 characters of the GS1 character set 82.

    Raises `IdentifierError`: `lot_length` or `lot_characters`, with a proposal in the field `suggestion`.
    """
    wrong = "".join(dict.fromkeys(c for c in text if c not in CHARACTER_SET_82))
    if wrong:
        suggestion = _suggest_lot(text)
        raise IdentifierError(
            "identifiers.lot_characters",
            f"a lot number cannot contain {wrong!r}",
            hint=f"use letters A-Z, digits and -./_ without spaces, for example {suggestion}; "
            "a Chinese name belongs into the product's data (批次号只能用字母、数字和 -./_，中文名称请写在产品资料里)",
            fields={"lot": text, "characters": wrong, "suggestion": suggestion},
        )
    if not 1 <= len(text) <= LOT_LENGTH:
        raise IdentifierError(
            "identifiers.lot_length",
            f"a lot number has 1 to {LOT_LENGTH} characters, not {len(text)}",
            hint="number the lots of a product by date, for example 2026-04-12A",
            fields={"lot": text, "length": len(text), "suggestion": _suggest_lot(text)},
        )
    return text


def lot_bytes(lot: str) -> bytes:
    """Give the lot as the contracts hold it: 20 bytes, zero padded. Raises `IdentifierError`."""
    return parse_lot(lot).encode("ascii").ljust(LOT_LENGTH, b"\0")


def lot_text(padded: bytes) -> str:
    """Read the lot out of its 20 zero-padded bytes. Raises `IdentifierError`."""
    return parse_lot(padded.rstrip(b"\0").decode("latin-1"))


def parse_unit(code: str) -> str:
    """Check a UN/ECE Recommendation 20 unit code of three characters. Raises `IdentifierError`."""
    if not _UNIT.fullmatch(code):
        raise IdentifierError(
            "identifiers.unit_invalid",
            f"not a unit code: {code[:80]!r}",
            hint="use KGM (公斤), GRM (克), TNE (吨), LTR (升), MLT (毫升) or H87 (个)",
            fields={"unit": code},
        )
    return code


def digital_link_path(gtin: str, lot: str) -> str:
    """Give the Digital Link path of a batch: `/01/{gtin14}/10/{lot}`, percent-encoded.

    Raises `IdentifierError` as `parse_gtin` and `parse_lot` do, and `lot_not_linkable` for the lots `.` and `..`,
    which every browser takes for a folder.
    """
    if parse_lot(lot) in _DOT_SEGMENTS:
        raise IdentifierError(
            "identifiers.lot_not_linkable",
            f"the lot number {lot!r} cannot stand in an address",
            hint="add a letter or a digit",
            fields={"lot": lot},
        )
    return f"/01/{parse_gtin(gtin)}/10/{quote(lot, safe='')}"


def parse_digital_link_path(path: str) -> tuple[str, str]:
    """Read `(gtin14, lot)` out of a Digital Link path as it came over the line, percent-encoding included.

    A server must hand in the raw path: in a decoded one a `/` of the lot cannot be told from a separator.
    Raises `IdentifierError`: `path_invalid`, or as `parse_gtin` and `parse_lot` do.
    """
    found = _PATH.fullmatch(path)
    if not found or _PERCENT.search(path) or len(found[1]) != _GTIN_DIGITS:
        raise _path_error(path)
    lot = unquote_to_bytes(found[2]).decode("utf-8", "replace")
    if lot in _DOT_SEGMENTS:
        raise _path_error(path)
    return parse_gtin(found[1]), parse_lot(lot)


def farmer_path(cooperative: str, code: str) -> str:
    """Give the path of a farmer's page, which stands on his card: `/f/{cooperative}/{code}`, percent-encoded.

    A farmer's code is unique within his cooperative, so the cooperative's own code stands before it; or its address,
    lowercase, where two platforms gave two cooperatives the same code. Codes are 1 to 16 printable ASCII characters
    without spaces, as `Text.isCode` in the contracts. Raises `IdentifierError` (`card_invalid`), also for the codes `.`
    and `..`, which every browser takes for a folder.
    """
    for pattern, part in ((_CARD_COOPERATIVE, cooperative), (_CARD_CODE, code)):
        if not pattern.fullmatch(part) or part in _DOT_SEGMENTS:
            raise _card_error(f"{cooperative}/{code}")
    return f"/f/{quote(cooperative, safe='')}/{quote(code, safe='')}"


def parse_farmer_path(path: str) -> tuple[str, str]:
    """Read `(cooperative, code)` out of such a path as it came over the line, percent-encoding included.

    Raises `IdentifierError` (`card_invalid`).
    """
    found = _CARD_PATH.fullmatch(path)
    if not found or _PERCENT.search(path):
        raise _card_error(path)
    cooperative, code = (
        unquote_to_bytes(part).decode("utf-8", "replace") for part in found.groups()
    )
    farmer_path(cooperative, code)
    return cooperative, code


def lot_class(gtin: str, lot: str) -> str:
    """Give the EPCIS class (LGTIN) of a batch, as canonical Digital Link. Raises `IdentifierError`."""
    return CANONICAL_HOST + digital_link_path(gtin, lot)


def _suggest_lot(text: str) -> str:
    """Keep what can be kept: full-width letters become plain ones, spaces become hyphens."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(" ", "-")
    kept = "".join(c for c in plain if c in CHARACTER_SET_82).strip("-")[:LOT_LENGTH]
    return kept or "2026-04-12A"


def _gtin_error(reason: str, text: str, hint: str) -> IdentifierError:
    return IdentifierError(
        f"identifiers.{reason}", f"not a GTIN: {text[:80]!r}", hint=hint, fields={"gtin": text}
    )


def _path_error(path: str) -> IdentifierError:
    return IdentifierError(
        "identifiers.path_invalid",
        f"not the path of a batch: {path[:120]!r}",
        hint="it is /01/, the GTIN with 14 digits, /10/, and the lot number percent-encoded",
        fields={"path": path},
    )


def _card_error(text: str) -> IdentifierError:
    return IdentifierError(
        "identifiers.card_invalid",
        f"not the address of a farmer's page: {text[:120]!r}",
        hint="it is /f/, the cooperative's code, /, and the farmer's code, as on the card",
        fields={"path": text[:120]},
    )
