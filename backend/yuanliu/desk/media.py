"""What a file is, by its bytes: the few kinds that are taken, and how each may be shown.

A declared type is not believed: the bytes decide, and both must agree. Nothing that a browser would execute is taken.
"""

import codecs
import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from yuanliu.errors import YuanliuError

HEAD_BYTES: Final = 512
"""How much of a file is needed to recognise it."""

IMAGES: Final = ("image/jpeg", "image/png", "image/webp")
"""What a browser may show in place."""

ALLOWED: Final = (
    *IMAGES,
    "image/heic",
    "application/pdf",
    "text/csv",
    "application/json",
    "text/plain",
)
"""Every type that is taken."""

NAME_LENGTH: Final = 120
"""Longest file name that is kept, in characters."""

_TEXTS: Final = ("text/csv", "application/json", "text/plain")
_ALIASES: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/heif": "image/heic",
    "application/vnd.ms-excel": "text/csv",  # what Windows with Excel says of a .csv
    "application/csv": "text/csv",
    "text/json": "application/json",
    "application/octet-stream": "",
}
_HEIC: Final = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_CONTROLS: Final = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f]")
_MARKUP: Final = re.compile("<[!?/A-Za-z]")
_START: Final = 16
_FORBIDDEN_IN_NAMES: Final = re.compile(r'[\\/:*?"<>|]')


class Recogniser:
    """Reads a file piece by piece and says what it is."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._is_text = True
        self._start = ""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        self._read_text(piece, final=False)

    def found(self, declared: str) -> str:
        """Give the type, which is the declared one if one was declared.

        Raises `YuanliuError`: `attachments.type_refused`, `attachments.type_mismatch`.
        """
        self._read_text(b"", final=True)
        kind, said = self._by_bytes(), _declared(declared)
        if kind is None:
            raise YuanliuError(
                "attachments.type_refused",
                "files of this kind are not taken",
                hint="send a photo (JPEG, PNG, WebP, HEIC), a PDF, or text, CSV or JSON in UTF-8; "
                "from Excel, save as CSV UTF-8 (表格请另存为“CSV UTF-8”)",
                fields={"declared": declared[:100], "allowed": list(ALLOWED)},
            )
        if kind in _TEXTS and said in _TEXTS:
            is_json = self._start[:1] in ("{", "[")
            kind = said if said != "application/json" or is_json else kind
        if said not in {"", kind}:
            raise YuanliuError(
                "attachments.type_mismatch",
                f"declared as {said}, but it is {kind}",
                hint=f"declare it as {kind}, or send the file that was meant",
                fields={"declared": declared[:100], "found": kind},
            )
        return kind

    def _by_bytes(self) -> str | None:
        head = self._head
        if head.startswith(b"\xff\xd8\xff"):
            return "image/jpeg"
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return "image/png"
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "image/webp"
        if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
            return "image/heic"
        if head.startswith(b"%PDF-"):
            return "application/pdf"
        # what begins like this is HTML, SVG or other XML, which a browser may execute
        return "text/plain" if self._is_text and not _MARKUP.match(self._start) else None

    def _read_text(self, piece: bytes, *, final: bool) -> None:
        if not self._is_text:
            return
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError:
            self._is_text = False
            return
        self._is_text = not _CONTROLS.search(text)
        if len(self._start) < _START:
            self._start = (self._start + text).lstrip()[:_START]


def _declared(text: str) -> str:
    kind = text.partition(";")[0].strip().lower()
    return _ALIASES.get(kind, kind)


def clean_name(name: str) -> str:
    """Give a file name without folders, control characters and what file systems refuse; "file" if nothing is left."""
    base = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(c for c in base if c.isprintable() and unicodedata.category(c) != "Cf")
    kept = _FORBIDDEN_IN_NAMES.sub("_", shown).strip(" .")
    if len(kept) > NAME_LENGTH:
        stem, dot, ending = kept.rpartition(".")
        is_ending = bool(dot) and len(ending) <= 8  # noqa: PLR2004 -- no ending is longer
        kept = (
            f"{stem[: NAME_LENGTH - len(ending) - 1]}.{ending}" if is_ending else kept[:NAME_LENGTH]
        )
    return kept or "file"


def safe_headers(*, sha256: str, size: int, media_type: str, name: str) -> dict[str, str]:
    """Give the headers under which a stored file can be served and does no harm: it never runs, and never changes."""
    shown = "inline" if media_type in IMAGES else "attachment"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name.encode("ascii", "replace").decode())
    charset = "; charset=utf-8" if media_type in _TEXTS else ""
    return {
        "Content-Type": media_type + charset,
        "Content-Length": str(size),
        "Content-Disposition": f"{shown}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": f'"{sha256}"',
    }
