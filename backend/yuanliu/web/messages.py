"""What a refusal is called and what to do about it, in Chinese and English, for people with little schooling.

The words are in `messages.toml`. A code without its own has those of its family: `contract.Batches_`, `epcis.`.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

Language = Literal["zh", "en"]

DEFAULT: Final[Language] = "zh"


class Words(NamedTuple):
    """What a person reads."""

    title: str
    hint: str


_ENTRIES: Final[Mapping[str, Mapping[Language, Words]]] = {
    code: {"zh": Words(*entry["zh"]), "en": Words(*entry["en"])}
    for code, entry in tomllib.loads(
        Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    ).items()
}

_GENERAL: Final = _ENTRIES["*"]

# one element of Accept-Language: RFC 9110, 12.4.2 and 12.5.4; its range is RFC 4647's
_RANGE: Final = re.compile(
    r"[ \t]*(?:(\*)|([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*"
)


def codes() -> tuple[str, ...]:
    """Give every code that has words of its own, in order."""
    return tuple(sorted(code for code in _ENTRIES if not code.endswith(("_", ".", "*"))))


def language_of(accept_language: str) -> Language:
    """Choose the language for an `Accept-Language`: Chinese, unless English is wanted more.

    An element that is malformed is passed over.
    """
    wanted: dict[str, float] = {}
    for element in accept_language.split(","):
        if found := _RANGE.fullmatch(element):
            name = (found[1] or found[2]).lower()
            wanted[name] = max(wanted.get(name, 0.0), float(found[3] or 1))
    others = wanted.get("*", 0.0)
    return "en" if wanted.get("en", others) > wanted.get("zh", others) else DEFAULT


def title(code: str, language: Language, fallback: str) -> str:
    """Name a refusal in at most 40 characters: its own title, its family's, or `fallback` (English)."""
    if words := _words(code, language):
        return words.title
    return (fallback if language == "en" else "") or _GENERAL[language].title


def hint(code: str, language: Language, hint: str) -> str:
    """Say what to do. `hint` is the refusal's own, in English; in Chinese ours comes first, in English after it."""
    words = _words(code, language)
    ours = words.hint if words else ""
    return (ours or hint) if language == "zh" else (hint or ours)


def _words(code: str, language: Language) -> Words | None:
    """Give the words of a code, or of the nearest family that has some."""
    for key in (code, code[: code.rfind("_") + 1], code[: code.find(".") + 1]):
        if key in _ENTRIES:
            return _ENTRIES[key][language]
    return None
