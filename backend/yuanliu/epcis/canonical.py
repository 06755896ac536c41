"""One form for each identifier: EPC URNs become the canonical Digital Link that they are equivalent to.

Sources: GS1 EPC Tag Data Standard (URN forms), CBV 2.0 section 8 (constrained canonical Digital Link).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from yuanliu import digital_link
from yuanliu.identifiers import CANONICAL_HOST, check_digit

_COMPANY: Final = range(6, 13)  # digits of a company prefix
_URN: Final = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)")
_ESCAPED: Final = re.compile(r"(?:[!'()*+,.:;=A-Za-z0-9_-]|%[0-9A-Fa-f]{2})+")
_ANY: Final = "*"

Pairs = list[tuple[str, str]]
"""AIs and their values, the key first. Cached: not to be changed."""


def canonical(text: str) -> str:
    """Give the canonical Digital Link of a thing, from an EPC URN or any Digital Link; other texts as they are.

    A URN of an id pattern that names a class gives the class. What looks like either, but is malformed, stays as it is.
    """
    if text.startswith("urn:epc:"):
        pairs = _pairs(text)
        return text if pairs is None else _link(pairs)
    return digital_link.identity(text)


def is_gs1(text: str) -> bool:
    """Tell whether a text claims to be a GS1 identifier: an EPC URN, or a link at id.gs1.org."""
    return text.startswith(("urn:epc:id", "urn:epc:class", CANONICAL_HOST + "/"))


def names_thing(text: str) -> bool | None:
    """Tell whether an EPC URN or Digital Link names a single thing (True) or a class (False); None if malformed."""
    if text.startswith("urn:epc:"):
        pairs = _pairs(text)
        return None if pairs is None else digital_link.names_instance(_link(pairs))
    return digital_link.names_instance(text)


def pattern_prefix(text: str) -> str | None:
    """Give what the canonical links of all instances matched by an id pattern begin with; None if it is no pattern.

    Patterns of which company prefix or item is open cannot be told by a prefix and give None too.
    """
    found = _URN.fullmatch(text)
    if not found or not text.endswith("." + _ANY):
        return None
    pairs = _pairs(text)
    if not pairs:
        return None
    tail = {"sgtin": "/21/", "lgtin": "/10/", "upui": "/235/", "itip": "/21/", "cpi": "/8011/"}
    return _link(pairs) + tail.get(found[2], "")


def _link(pairs: Pairs) -> str:
    return CANONICAL_HOST + "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in pairs)


@lru_cache(maxsize=4_096)
def _pairs(urn: str) -> Pairs | None:
    found = _URN.fullmatch(urn)
    if not found:
        return None
    kind, scheme, body = found.groups()
    if (kind == "class" and scheme != "lgtin") or (kind == "id" and scheme == "lgtin"):
        return None
    fields = body.split(".")
    if kind == "idpat" or (kind == "class" and fields[-1] == _ANY):
        if fields[-1] != _ANY or _ANY in fields[:-1]:
            return None
    elif _ANY in fields:
        return None
    build = _SCHEMES.get(scheme)
    pairs = build(fields) if build else None
    if pairs is None or digital_link.names_instance(_link(pairs)) is None:
        return None
    return pairs


def _digits(company: str, reference: str, total: int) -> str | None:
    """Join company prefix and reference, if together they have `total` digits."""
    joined = company + reference
    if len(company) in _COMPANY and len(joined) == total and joined.isascii() and joined.isdigit():
        return joined
    return None


def _checked(digits: str) -> str:
    return f"{digits}{check_digit(digits)}"


def _text(escaped: str) -> str | None:
    return unquote(escaped, errors="replace") if _ESCAPED.fullmatch(escaped) else None


def _gtin(company: str, item: str) -> str | None:
    digits = _digits(company, item, 13)
    return _checked(item[0] + company + item[1:]) if digits and item else None


def _trade_item(qualifier: str) -> Callable[[list[str]], Pairs | None]:
    def build(fields: list[str]) -> Pairs | None:
        if len(fields) < 3 or not (gtin := _gtin(fields[0], fields[1])):  # noqa: PLR2004 -- company, item, serial
            return None
        return _with(("01", gtin), qualifier, ".".join(fields[2:]))

    return build


def _with(key: tuple[str, str], qualifier: str, escaped: str) -> Pairs | None:
    """Add a qualifier; a pattern names the class, which has none."""
    if escaped == _ANY:
        return [key]
    serial = _text(escaped)
    return [key, (qualifier, serial)] if serial else None


def _numbered(ai: str, total: int, *, swap: bool = False) -> Callable[[list[str]], Pairs | None]:
    """Company prefix and reference with a check digit; `swap` puts the reference's first digit in front."""

    def build(fields: list[str]) -> Pairs | None:
        if len(fields) != 2 or not (digits := _digits(fields[0], fields[1], total)):  # noqa: PLR2004
            return None
        if swap:
            digits = fields[1][0] + fields[0] + fields[1][1:]
        return [(ai, _checked(digits))]

    return build


def _serialised(ai: str, front: str) -> Callable[[list[str]], Pairs | None]:
    """Company prefix and type (12 digits), check digit, serial number in the same value."""

    def build(fields: list[str]) -> Pairs | None:
        if len(fields) < 3 or not (digits := _digits(fields[0], fields[1], 12)):  # noqa: PLR2004
            return None
        escaped = ".".join(fields[2:])
        serial = "" if escaped == _ANY else _text(escaped)
        return None if serial is None else [(ai, front + _checked(digits) + serial)]

    return build


def _place(fields: list[str]) -> Pairs | None:
    if len(fields) < 3 or not (digits := _digits(fields[0], fields[1], 12)):  # noqa: PLR2004
        return None
    key = ("414", _checked(digits))
    extension = ".".join(fields[2:])
    return [key] if extension == "0" else _with(key, "254", extension)


def _lettered(ai: str) -> Callable[[list[str]], Pairs | None]:
    """Company prefix and a reference of letters."""

    def build(fields: list[str]) -> Pairs | None:
        company, *rest = fields
        reference = _text(".".join(rest))
        if not reference or len(company) not in _COMPANY:
            return None
        return [(ai, company + reference)] if company.isascii() and company.isdigit() else None

    return build


def _component(fields: list[str]) -> Pairs | None:
    named = _lettered("8010")(fields[:-1]) if len(fields) > 2 else None  # noqa: PLR2004
    return _with(named[0], "8011", fields[-1]) if named else None


def _piece(fields: list[str]) -> Pairs | None:
    if len(fields) < 5 or not (gtin := _gtin(fields[0], fields[1])):  # noqa: PLR2004
        return None
    return _with(("8006", gtin + fields[2] + fields[3]), "21", ".".join(fields[4:]))


_SCHEMES: Final[Mapping[str, Callable[[list[str]], Pairs | None]]] = {
    "sgtin": _trade_item("21"),
    "lgtin": _trade_item("10"),
    "upui": _trade_item("235"),
    "itip": _piece,
    "sscc": _numbered("00", 17, swap=True),
    "gsrn": _numbered("8018", 17),
    "gsrnp": _numbered("8017", 17),
    "gsin": _numbered("402", 16),
    "pgln": _numbered("417", 12),
    "sgln": _place,
    "grai": _serialised("8003", "0"),
    "gdti": _serialised("253", ""),
    "sgcn": _serialised("255", ""),
    "giai": _lettered("8004"),
    "ginc": _lettered("401"),
    "cpi": _component,
}
