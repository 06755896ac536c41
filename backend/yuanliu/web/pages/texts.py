"""The words on pages: one TOML file an area, each text in Chinese and English with `{placeholders}`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from yuanliu.web.messages import Language

FOLDER: Final = Path(__file__).parent / "texts"


def _load() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for key, words in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found[f"{path.stem}.{key}"] = words
    return MappingProxyType(found)


TEXTS: Final = _load()
"""Every text by `area.key`: its words by language."""


def text(language: Language, key: str, /, **values: object) -> str:
    """Give a text with its placeholders filled. Raises `KeyError` for a key or placeholder that does not exist."""
    return TEXTS[key][language].format_map(values)
