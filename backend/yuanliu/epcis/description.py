"""How goods are called on their pack: names of product, cooperative and place, a picture, in Chinese and English.

It travels in the master data (ilmd) of the event that makes the goods, so that the chain alone suffices to show a
page that people can read. Names are the standard's where CBV 2.0 (section 9.3) has one, ours elsewhere.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yuanliu.epcis.errors import EpcisError

MAX_CHARACTERS: Final = 120
"""Most characters of one text."""

PICTURE_TYPES: Final = ("image/jpeg", "image/png", "image/webp")

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PICTURE: Final = re.compile(r"ni:///sha-256;([A-Za-z0-9_-]{43})\?ct=(image/[a-z]+)")
_KEYS: Final = {
    "name_zh": "cbvmda:descriptionShort",
    "name_en": "yuanliu:nameEn",
    "cooperative_zh": "yuanliu:cooperative",
    "cooperative_en": "yuanliu:cooperativeEn",
    "place_zh": "yuanliu:origin",
    "place_en": "yuanliu:originEn",
}
_PICTURE_KEY: Final = "yuanliu:picture"


@dataclass(frozen=True, slots=True)
class Description:
    """Names for people; an empty text is one that was not given.

    `picture` is the hex SHA-256 of a picture's file, `picture_type` its media type. Raises `EpcisError`:
    `epcis.text_invalid`, `epcis.picture_invalid`.
    """

    name_zh: str = ""
    name_en: str = ""
    cooperative_zh: str = ""
    cooperative_en: str = ""
    place_zh: str = ""
    place_en: str = ""
    picture: str = ""
    picture_type: str = "image/jpeg"

    def __post_init__(self) -> None:
        """Refuse texts that no pack has room for, and what is no picture."""
        for name in _KEYS:
            text = getattr(self, name)
            if len(text) > MAX_CHARACTERS or not (text == "" or text.isprintable()):
                raise EpcisError(
                    "epcis.text_invalid",
                    f"{name} has more than {MAX_CHARACTERS} characters, or some that cannot be printed",
                    hint="write the name as it stands on the pack",
                    fields={"field": name, "maximum": MAX_CHARACTERS},
                )
        if self.picture and not (
            _SHA256.fullmatch(self.picture) and self.picture_type in PICTURE_TYPES
        ):
            raise EpcisError(
                "epcis.picture_invalid",
                "a picture is named by the hex SHA-256 of its file, and is JPEG, PNG or WebP",
                hint="upload it to /api/v1/attachments first; the answer has its SHA-256",
                fields={"picture": self.picture[:80], "type": self.picture_type[:40]},
            )

    def name(self, language: str) -> str:
        """Give the product's name in `zh` or `en`, in the other language if there is none; or ""."""
        return self._in(language, "name")

    def cooperative(self, language: str) -> str:
        """Give the cooperative's name, as `name` does."""
        return self._in(language, "cooperative")

    def place(self, language: str) -> str:
        """Give the name of the place of origin, as `name` does."""
        return self._in(language, "place")

    def _in(self, language: str, what: str) -> str:
        zh, en = getattr(self, f"{what}_zh"), getattr(self, f"{what}_en")
        return str((en or zh) if language == "en" else (zh or en))

    def ilmd(self) -> dict[str, str]:
        """Give the fields of the master data; none for what was not given."""
        found = {key: getattr(self, name) for name, key in _KEYS.items() if getattr(self, name)}
        if self.picture:
            digest = base64.urlsafe_b64encode(bytes.fromhex(self.picture)).rstrip(b"=").decode()
            found[_PICTURE_KEY] = f"ni:///sha-256;{digest}?ct={self.picture_type}"
        return found


NOTHING: Final = Description()
"""Nothing was said."""


def description_of(ilmd: object) -> Description:
    """Read a description from recorded master data. What cannot be read, or is somebody else's, is left out."""
    if not isinstance(ilmd, Mapping):
        return NOTHING
    texts = {name: _text(ilmd.get(key)) for name, key in _KEYS.items()}
    picture, kind = _picture(ilmd.get(_PICTURE_KEY))
    return Description(**texts, picture=picture, picture_type=kind)


def _text(value: Any) -> str:  # noqa: ANN401 -- whatever was recorded
    good = isinstance(value, str) and len(value) <= MAX_CHARACTERS and value.isprintable()
    return value if good else ""


def _picture(value: Any) -> tuple[str, str]:  # noqa: ANN401 -- whatever was recorded
    found = _PICTURE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in PICTURE_TYPES:
        return "", PICTURE_TYPES[0]
    try:
        return base64.urlsafe_b64decode(found[1] + "=").hex(), found[2]
    except binascii.Error:
        return "", PICTURE_TYPES[0]
