"""GS1 Digital Link URIs: the whole grammar, read strictly, built, and brought into canonical form.

A link is `scheme://host[/stem]/key/value[/qualifier/value…][?attribute=value&…]`. Keys, qualifiers and attributes are
GS1 Application Identifiers (AI). Sources: GS1 Digital Link URI Syntax 1.3 and GS1 General Specifications (formats and
required associations of AIs), both also machine-readable as the GS1 syntax dictionary.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from yuanliu.identifiers import (
    CANONICAL_HOST,
    CHARACTER_SET_82,
    IdentifierError,
    check_digit,
    parse_gtin,
    parse_lot,
)

MAX_LENGTH: Final = 2_000
"""Longest link that is read, in characters."""

KEYS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "00": ((),),
    "01": (("22", "10", "21"), ("235",)),
    "253": ((),),
    "255": ((),),
    "401": ((),),
    "402": ((),),
    "414": (("254",), ("7040",)),
    "417": (("7040",),),
    "8003": ((),),
    "8004": (("7040",),),
    "8006": (("22", "10", "21"),),
    "8010": (("8011",),),
    "8017": (("8019",),),
    "8018": (("8019",),),
}
"""Primary keys, each with its alternative sequences of qualifiers, in their fixed order."""

_QUALIFIERS: Final = frozenset(q for rows in KEYS.values() for row in rows for q in row)

# AI, its parts, the keys it may accompany (blank: any), and the AIs that it excludes.
#
# A part is N or X (character set 82) or Y (39) with its length, exact or `..` up to; `?` marks the optional last part,
# and a word after a comma names a check. In an AI and in what it excludes, `n` stands for any digit.
_FORMATS: Final = """
00    N18,csum
01    N14,csum                  -            02 255 37
02    N14,csum                  00
10    X..20                     01 8006
11    N6,day0                   01 8006
13    N6,day0                   01 8006
15    N6,day0                   01 8006
16    N6,day0                   01 8006
17    N6,day0                   01 255 8006
20    N2                        01 8006
21    X..20                     01 8006      235
22    X..20                     01 8006
235   X..28                     01
240   X..30                     01 8006
241   X..30                     01 8006
242   N..6                      01 8006
243   X..20                     01
250   X..30                     01 8006
251   X..30                     01 8006
253   N13,csum X..17?
254   X..20                     414
255   N13,csum N..12?
30    N..8                      01
310n  N6                        01           310n
311n  N6                        01           311n
312n  N6                        01           312n
313n  N6                        01           313n
314n  N6                        01           314n
315n  N6                        01           315n
316n  N6                        01           316n
330n  N6                        00 01        330n
331n  N6                        00 01        331n
332n  N6                        00 01        332n
333n  N6                        00 01        333n
334n  N6                        00 01        334n
335n  N6                        00 01        335n
336n  N6                        00 01        336n
337n  N6                        01           337n
37    N..8                      00
392n  N..15                     01           392n 393n
393n  N3 N..15                  01           392n 393n
400   X..30
401   X..30
402   N17,csum
403   X..30                     00
410   N13,csum
411   N13,csum
412   N13,csum
413   N13,csum
414   N13,csum
416   N13,csum
417   N13,csum
420   X..20                     -            421
421   N3,land X..9              -            420
422   N3,land                   01 8006      426
423   N..15,lands               01           426
424   N3,land                   01           426
425   N..15,lands               01           426
426   N3,land                   01           422 423 424 425
427   X..3                      01
7001  N13                       01 8006
7002  X..30                     01
7003  N6,day N4,hour            01
7005  X..12                     01
7006  N6,day                    01
7007  N6,day N6,day?            01
7008  X..3                      01
7009  X..10                     01
7010  X..2                      01
7011  N6,day N4,hour?           01
7020  X..20                     01 8006
7021  X..20                     01 8006
7022  X..20                     01 8006
703n  N3,land999 X..27          01
7040  N1 X3
710   X..20                     01
711   X..20                     01
712   X..20                     01
713   X..20                     01
714   X..20                     01
715   X..20                     01
723n  X2 X..28                  01 8004
7240  X..20                     01 8006
8001  N4 N5 N3 N1 N1            01
8003  N1,zero N13,csum X..16?
8004  X..30
8005  N6                        01
8006  N14,csum N4,pieces        -            01 37
8008  N8,dayhour N..4,minutes?  01
8010  Y..30
8011  N..12,plain               8010
8012  X..20                     01 8006
8017  N18,csum                  -            8018
8018  N18,csum                  -            8017
8019  N..10                     8017 8018
8200  X..70                     01
90    X..30
91    X..90
92    X..90
93    X..90
94    X..90
95    X..90
96    X..90
97    X..90
98    X..90
99    X..90
"""

_MEASURES: Final = frozenset({"31", "32", "33", "34", "35", "36"})
_CLASSES: Final = {
    "N": "[0-9]",
    "X": "[" + "".join(map(re.escape, sorted(CHARACTER_SET_82))) + "]",
    "Y": "[#/0-9A-Z-]",
}


_COUNTRIES: Final = (  # ISO 3166-1 numeric
    "004 008 010 012 016 020 024 028 031 032 036 040 044 048 050 051 052 056 060 064 068 070 072 074 076 084 086"
    " 090 092 096 100 104 108 112 116 120 124 132 136 140 144 148 152 156 158 162 166 170 174 175 178 180 184 188"
    " 191 192 196 203 204 208 212 214 218 222 226 231 232 233 234 238 239 242 246 248 250 254 258 260 262 266 268"
    " 270 275 276 288 292 296 300 304 308 312 316 320 324 328 332 334 336 340 344 348 352 356 360 364 368 372 376"
    " 380 384 388 392 398 400 404 408 410 414 417 418 422 426 428 430 434 438 440 442 446 450 454 458 462 466 470"
    " 474 478 480 484 492 496 498 499 500 504 508 512 516 520 524 528 531 533 534 535 540 548 554 558 562 566 570"
    " 574 578 580 581 583 584 585 586 591 598 600 604 608 612 616 620 624 626 630 634 638 642 643 646 652 654 659"
    " 660 662 663 666 670 674 678 682 686 688 690 694 702 703 704 705 706 710 716 724 728 729 732 740 744 748 752"
    " 756 760 762 764 768 772 776 780 784 788 792 795 796 798 800 804 807 818 826 831 832 833 834 840 850 854 858"
    " 860 862 876 882 887 894"
)
_LANDS: Final = frozenset(_COUNTRIES.split())

_URI: Final = re.compile(
    r"(https?|HTTPS?)://([A-Za-z0-9.:-]+)(/[^?#]*)?(\?[^#]*)?(#.*)?", re.DOTALL
)
_BASE: Final = re.compile(r"https?://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._~-]+)*")
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_PARAMETER: Final = re.compile(r"(?:[A-Za-z0-9._~!$'()*,:@/?-]|%[0-9A-Fa-f]{2})*")
_PART: Final = re.compile(r"([NXY])(\.\.)?(\d+)(?:,(\w+))?(\?)?")
_VALUE: Final = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,20}"
_PLAIN: Final = (
    re.compile(  # what is canonical already and met most often, read in a tenth of the time
        rf"https://id\.gs1\.org/(?:01/([0-9]{{14}})(?:/(10)/{_VALUE}|/21/{_VALUE})"
        rf"|414/([0-9]{{13}})(?:/254/{_VALUE})?)"
    )
)
_LIKE_AI: Final = re.compile(r"[0-9]{2,4}")
_SUPPRESSED: Final = (8, 12, 13)
_GTIN_DIGITS: Final = 14


def _is_checked(text: str) -> bool:
    return check_digit(text[:-1]) == int(text[-1])


def _is_day(text: str) -> bool:
    """Tell whether YYMMDD is a day, in whichever century."""
    try:
        date(2000 + int(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    return int(text[:2]) < 24 and int(text[2:4] or "0") < 60 and int(text[4:] or "0") < 60  # noqa: PLR2004


_CHECKS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "csum": (_is_checked, "its last digit must be the check digit"),
    "day": (_is_day, "a day is written YYMMDD, for example 260412"),
    "day0": (
        lambda text: _is_day(text[:4] + "01") if text.endswith("00") else _is_day(text),
        "a day is written YYMMDD, for example 260412; 00 as day means the whole month",
    ),
    "hour": (_is_time, "a time is written hhmm"),
    "dayhour": (
        lambda text: _is_day(text[:6]) and _is_time(text[6:]),
        "a time is written YYMMDDhh",
    ),
    "minutes": (
        lambda text: len(text) in (2, 4) and _is_time("00" + text),
        "minutes are written mm or mmss",
    ),
    "land": (lambda text: text in _LANDS, "a country is its ISO 3166 number, for China 156"),
    "land999": (
        lambda text: text in _LANDS or text == "999",
        "a country is its ISO 3166 number, for China 156, or 999 for several",
    ),
    "lands": (
        lambda text: (
            len(text) % 3 == 0 and all(text[i : i + 3] in _LANDS for i in range(0, len(text), 3))
        ),
        "countries are their ISO 3166 numbers, one after the other",
    ),
    "pieces": (
        lambda text: 0 < int(text[:2]) <= int(text[2:]),
        "write the piece's number and the total, two digits each",
    ),
    "zero": (lambda text: text == "0", "it begins with 0"),
    "plain": (lambda text: text == "0" or text[0] != "0", "write it without leading zeros"),
}


@dataclass(frozen=True, slots=True)
class _Format:
    """What an AI may hold: one group of `pattern` for each part, and what is checked of it."""

    text: str
    pattern: re.Pattern[str]
    checks: tuple[str, ...]
    keys: frozenset[str]
    excludes: frozenset[str]


def _parse_formats() -> dict[str, _Format]:
    rows = [line.split(maxsplit=1) for line in _FORMATS.strip().splitlines()]
    known = {ai: code for code, _ in rows for ai in _expand(code)}
    formats = {}
    for code, rest in rows:
        columns = [*re.split(r" {2,}", rest.strip()), "", ""]
        parts = [found.groups() for found in _PART.finditer(columns[0])]
        pattern = "".join(_part_pattern(*part) for part in parts)
        checks = tuple(check or "" for *_, check, _ in parts)
        keys = frozenset() if columns[1] == "-" else frozenset(columns[1].split())
        excluded = {ai for ai, row in known.items() if row in columns[2].split()}
        for ai in _expand(code):
            formats[ai] = _Format(
                columns[0], re.compile(pattern), checks, keys, frozenset(excluded - {ai})
            )
    return formats


def _expand(code: str) -> list[str]:
    """Write out `n`: the decimal places of a measure (0 to 5), or any digit."""
    if not code.endswith("n"):
        return [code]
    digits = "012345" if code[:2] in _MEASURES else "0123456789"
    return [code[:-1] + digit for digit in digits]


def _part_pattern(
    kind: str, up_to: str | None, length: str, _check: str | None, optional: str | None
) -> str:
    count = f"{{1,{length}}}" if up_to else f"{{{length}}}"
    return f"({_CLASSES[kind]}{count}){optional or ''}"


_AIS: Final = _parse_formats()

_ORDERS: Final = {
    key: frozenset(
        chosen
        for row in rows
        for count in range(len(row) + 1)
        for chosen in itertools.combinations(row, count)
    )
    for key, rows in KEYS.items()
}
"""For each key, every sequence of qualifiers that is in order."""

AIS: Final = frozenset(_AIS)
"""The Application Identifiers that are known here: all keys, and what accompanies goods, units and places."""


# ---------------------------------------------------------------------- link


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """A link whose every part is valid. Values are plain text, not percent-encoded.

    `attributes` are in the order of their AIs. `parameters` are those of the query that are no AI (`linkType`, …);
    they say nothing about the thing. `base` is scheme, host and stem.
    """

    key: str
    value: str
    qualifiers: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    base: str = CANONICAL_HOST

    @property
    def gtin(self) -> str | None:
        """The GTIN with 14 digits, or None."""
        return self.value if self.key == "01" else None

    @property
    def lot(self) -> str | None:
        """The batch or lot number, or None."""
        return dict(self.qualifiers).get("10")

    @property
    def serial(self) -> str | None:
        """The serial number, or None."""
        return dict(self.qualifiers).get("21")

    @property
    def path(self) -> str:
        """The path from the key on, percent-encoded."""
        pairs = ((self.key, self.value), *self.qualifiers)
        return "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in pairs)

    @property
    def uri(self) -> str:
        """The link at its own host, without parameters that are no AI."""
        return self.base + self.path + self._query()

    @property
    def canonical(self) -> str:
        """The canonical link: at id.gs1.org, attributes in the order of their AIs."""
        return CANONICAL_HOST + self.path + self._query()

    @property
    def identity(self) -> str:
        """The canonical link of the thing alone, at the finest level that it names: no variant, no attributes."""
        named = dict(self.qualifiers)
        for qualifier in ("21", "235", "10", "254", "8011"):
            if qualifier in named:
                tail = f"/{qualifier}/{quote(named[qualifier], safe='')}"
                return f"{CANONICAL_HOST}/{self.key}/{quote(self.value, safe='')}{tail}"
        return f"{CANONICAL_HOST}/{self.key}/{quote(self.value, safe='')}"

    @property
    def is_instance(self) -> bool:
        """Whether it names one single thing or place, and not a class of things alike."""
        if self.key in {"01", "8006"}:
            return any(ai in {"21", "235"} for ai, _ in self.qualifiers)
        if self.key == "8010":
            return bool(self.qualifiers)
        serial_after = {"253": 13, "255": 13, "8003": 14}
        return self.key not in serial_after or len(self.value) > serial_after[self.key]

    def _query(self) -> str:
        pairs = "&".join(f"{ai}={quote(value, safe='')}" for ai, value in self.attributes)
        return f"?{pairs}" if pairs else ""


def digital_link(
    key: str,
    value: str,
    *,
    qualifiers: Mapping[str, str] | None = None,
    attributes: Mapping[str, str] | None = None,
    base: str = CANONICAL_HOST,
) -> DigitalLink:
    """Build a link from plain values; qualifiers may be given in any order. A GTIN may have 8, 12, 13 or 14 digits.

    Raises `IdentifierError` as `parse_digital_link` does.
    """
    if not _BASE.fullmatch(base):
        raise _not_a_link(base)
    given = dict(qualifiers or {})
    if key == "01":
        value = parse_gtin(value)
    rows = KEYS.get(key, ((),))
    row = next((row for row in rows if given.keys() <= set(row)), None)
    ordered = [ai for ai in row if ai in given] if row else list(given)
    pairs = [(key, value), *((ai, given[ai]) for ai in ordered)]
    return _checked(pairs, list((attributes or {}).items()), (), base)


def parse_digital_link(uri: str, *, zero_suppressed: bool = False) -> DigitalLink:
    """Read a link as it came over the line, percent-encoding included.

    A GTIN has 14 digits; `zero_suppressed` also takes one of 8, 12 or 13, as labels before version 1.2 carry it.

    Raises `IdentifierError`: `link_invalid` (no http or https address, or over 2,000 characters), `link_scheme`,
    `link_encoding`, `link_key_missing`, `ai_unknown`, `ai_order`, `ai_duplicate`, `ai_misplaced`, `ai_unfitting`,
    `value_invalid`, and as `parse_gtin` and `parse_lot` do.
    """
    found = _URI.fullmatch(uri) if len(uri) <= MAX_LENGTH else None
    if not found:
        raise _not_a_link(uri)
    scheme, host, path, query, _ = found.groups()
    segments = (path or "").split("/")[1:]
    start = _key_position(uri, segments)
    stem = "".join(f"/{segment}" for segment in segments[:start])
    names = segments[start::2]
    values = [_decode(uri, segment, _SEGMENT) for segment in segments[start + 1 :: 2]]
    pairs = list(zip(names, values, strict=True))
    if names[0] == "01":
        pairs[0] = ("01", _link_gtin(values[0], zero_suppressed=zero_suppressed))
    attributes, parameters = _read_query(uri, (query or "?")[1:])
    return _checked(pairs, attributes, parameters, f"{scheme.lower()}://{host.lower()}{stem}")


def _key_position(uri: str, segments: list[str]) -> int:
    """Find the key: from the right, pair by pair, so that neither a lot `01` nor a folder `10` is taken for one."""
    found = None
    for start in range(len(segments) - 2, -1, -2):
        if segments[start] not in AIS:
            break
        if segments[start] in KEYS:
            found = start
    if found is not None:
        return found
    known = next((ai for ai in segments if ai in KEYS), None)
    wrong = next((part for part in segments if _LIKE_AI.fullmatch(part) and part not in AIS), None)
    if known is None:
        raise _link_error(
            "link_key_missing",
            f"no GS1 key in {uri[:120]!r}",
            "after host and stem comes a key, for example /01/ and the GTIN with 14 digits",
            uri=uri,
        )
    if wrong is not None:
        raise _unknown_ai(wrong)
    raise _link_error(
        "link_invalid",
        f"after the key /{known}/ not every part is a pair of AI and value: {uri[:120]!r}",
        "it is /key/value, then /qualifier/value, nothing more, no empty part, and a / in a value is %2F",
        uri=uri,
    )


def _link_gtin(text: str, *, zero_suppressed: bool) -> str:
    if len(text) in _SUPPRESSED and text.isascii() and text.isdigit() and not zero_suppressed:
        raise IdentifierError(
            "identifiers.gtin_length",
            f"a link carries the GTIN with 14 digits, not {len(text)}",
            hint=f"write /01/{parse_gtin(text)}",
            fields={"gtin": text, "suggestion": parse_gtin(text)},
        )
    if len(text) not in _SUPPRESSED and len(text) != _GTIN_DIGITS and text.isdigit():
        raise IdentifierError(
            "identifiers.gtin_length",
            f"a link carries the GTIN with 14 digits, not {len(text)}",
            hint="fill the GTIN of the label up with zeros on the left",
            fields={"gtin": text[:80]},
        )
    return parse_gtin(text)


def _read_query(uri: str, query: str) -> tuple[list[tuple[str, str]], tuple[tuple[str, str], ...]]:
    """Split a query into AIs and other parameters."""
    attributes: list[tuple[str, str]] = []
    parameters: list[tuple[str, str]] = []
    for pair in query.split("&") if query else []:
        name, equals, raw = pair.partition("=")
        value = _decode(uri, raw, _PARAMETER)
        if not name.isdigit():
            parameters.append((_decode(uri, name, _PARAMETER), value))
        elif not equals or not raw:
            raise _value_error(name, "", "it is empty")
        else:
            attributes.append((name, value))
    return attributes, tuple(parameters)


def _checked(
    pairs: list[tuple[str, str]],
    attributes: list[tuple[str, str]],
    parameters: tuple[tuple[str, str], ...],
    base: str,
) -> DigitalLink:
    """Check the parts, and all of them together."""
    (key, value), *qualifiers = pairs
    named = [ai for ai, _ in pairs] + [ai for ai, _ in attributes]
    for ai in named:
        if ai not in _AIS:
            raise _unknown_ai(ai)
    present = frozenset(named)
    if len(present) < len(named):
        repeated = next(ai for ai in named if named.count(ai) > 1)
        raise _ai_error("ai_duplicate", repeated, "it stands twice", "write each AI once")
    _check_places(key, tuple(ai for ai, _ in qualifiers), [ai for ai, _ in attributes])
    for ai, text in (*pairs, *attributes):
        _check_value(ai, text)
        if other := next(iter(_AIS[ai].excludes & present), None):
            raise _ai_error(
                "ai_unfitting", ai, f"it cannot stand beside ({other})", f"drop ({ai}) or ({other})"
            )
    return DigitalLink(key, value, tuple(qualifiers), tuple(sorted(attributes)), parameters, base)


def _check_places(key: str, qualifiers: tuple[str, ...], attributes: list[str]) -> None:
    if key not in KEYS:
        raise _ai_error("ai_misplaced", key, "it is no key", f"begin with a key: {', '.join(KEYS)}")
    if qualifiers not in _ORDERS[key]:
        raise _qualifiers_error(key, qualifiers)
    for ai in attributes:
        if ai in KEYS:
            raise _ai_error(
                "ai_misplaced",
                ai,
                "a key stands in the query",
                f"only one key, in the path: /{ai}/…",
            )
        if any(ai in row for row in KEYS[key]):
            raise _ai_error(
                "ai_misplaced",
                ai,
                "a qualifier stands in the query",
                f"put it into the path: /{ai}/…",
            )
        if _AIS[ai].keys and key not in _AIS[ai].keys:
            fitting = ", ".join(f"({fit})" for fit in sorted(_AIS[ai].keys))
            raise _ai_error(
                "ai_unfitting",
                ai,
                f"it says nothing about the key ({key})",
                f"it accompanies {fitting}",
            )


def _qualifiers_error(key: str, qualifiers: tuple[str, ...]) -> IdentifierError:
    fitting = {ai for row in KEYS[key] for ai in row}
    for ai in qualifiers:
        if ai not in fitting:
            right = "drop it" if ai in _QUALIFIERS else f"put it into the query, as ?{ai}=…"
            return _ai_error("ai_misplaced", ai, f"it does not qualify the key ({key})", right)
    rows = " or ".join(f"/{key}/…" + "".join(f"/{ai}/…" for ai in row) for row in KEYS[key])
    return _ai_error(
        "ai_order", qualifiers[0], "the qualifiers are out of order", f"the order is {rows}"
    )


def _check_value(ai: str, text: str) -> None:
    if ai == "01":
        parse_gtin(text)
        return
    if ai == "10":
        parse_lot(text)
    row = _AIS[ai]
    found = row.pattern.fullmatch(text)
    if not found:
        raise _value_error(ai, text, f"its format is {row.text}")
    for check, piece in zip(row.checks, found.groups(), strict=True):
        if check and piece:
            passes, right = _CHECKS[check]
            if not passes(piece):
                digit = f" ({check_digit(piece[:-1])})" if check == "csum" else ""
                raise _value_error(ai, text, right + digit)
    if text in {".", ".."}:
        raise _value_error(ai, text, "every browser takes it for a folder")


def _decode(uri: str, raw: str, allowed: re.Pattern[str]) -> str:
    if allowed.fullmatch(raw):
        try:
            return unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            pass
    raise _link_error(
        "link_encoding",
        f"not percent-encoded as it should be: {raw[:80]!r}",
        "write all but letters, digits and -._~ as % and two hex digits, + as %2B; no part is empty",
        uri=uri,
    )


# ---------------------------------------------------------------------- errors


def _not_a_link(uri: str) -> IdentifierError:
    if _SCHEME.match(uri) and not uri.startswith(("http://", "https://", "HTTP://", "HTTPS://")):
        return _link_error(
            "link_scheme",
            f"the scheme is written in mixed case: {uri[:8]!r}",
            "write https:// (or HTTPS:// where the code is in capitals throughout)",
            uri=uri,
        )
    return _link_error(
        "link_invalid",
        f"not a Digital Link: {uri[:120]!r}",
        f"it begins with https:// and a host, and has at most {MAX_LENGTH} characters",
        uri=uri[:MAX_LENGTH],
    )


def _link_error(reason: str, message: str, hint: str, **fields: object) -> IdentifierError:
    return IdentifierError(f"identifiers.{reason}", message, hint=hint, fields=fields)


def _ai_error(reason: str, ai: str, why: str, hint: str) -> IdentifierError:
    return _link_error(reason, f"({ai[:80]}): {why}", hint, ai=ai)


def _unknown_ai(ai: str) -> IdentifierError:
    return _ai_error(
        "ai_unknown",
        ai,
        "no Application Identifier that is known here",
        "see the GS1 General Specifications; parameters of your own have names, not numbers",
    )


def _value_error(ai: str, text: str, why: str) -> IdentifierError:
    return _link_error(
        "value_invalid", f"({ai}) is not {text[:80]!r}: {why}", why, ai=ai, value=text
    )


def identity(uri: str) -> str:
    """Give the canonical link of the thing that a link names, or the address itself if it is no Digital Link."""
    if _plain(uri):
        return uri
    found = read(uri)
    return uri if found is None else found.identity


def names_instance(uri: str) -> bool | None:
    """Tell whether a link names a single thing (True) or a class of things (False); None if it is no Digital Link."""
    if plain := _plain(uri):
        return plain[2] is None
    found = read(uri)
    return None if found is None else found.is_instance


@lru_cache(maxsize=4_096)
def read(uri: str) -> DigitalLink | None:
    """Read a link as `parse_digital_link` does, zero-suppressed GTINs too; None if it is none."""
    if not uri.startswith(("http://", "https://", "HTTP://", "HTTPS://")):
        return None
    try:
        return parse_digital_link(uri, zero_suppressed=True)
    except IdentifierError:
        return None


# The same lots are named again and again, and their check digits were 5 % of indexing.
@lru_cache(maxsize=4_096)
def _plain(uri: str) -> re.Match[str] | None:
    """Recognise the commonest canonical links; the whole grammar accepts and writes each of them alike."""
    found = _PLAIN.fullmatch(uri)
    if not found:
        return None
    digits = found[1] or found[3]
    if check_digit(digits[:-1]) != int(digits[-1]) or (found[1] and not digits.strip("0")):
        return None
    return found
