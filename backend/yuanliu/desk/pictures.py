"""Takes out of a photo what tells where, when and with what it was taken, and touches no pixel.

A phone writes the place, the time, its owner's name and a small second picture into each photo. JPEG, PNG and WebP are
rows of segments: those that carry such things are left out, those that make the picture are copied byte by byte. Of
Exif only the orientation is kept, without which a phone's photo lies on its side. Whatever follows the picture's end is
left out too: phones append short films and second pictures there, with places of their own.

What was cleaned once is not changed by cleaning it again.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from zlib import crc32

from yuanliu.errors import YuanliuError

_EXIF: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_UPRIGHT: Final = 1
_ORIENTATIONS: Final = range(2, 9)


class _Broken(Exception):
    """The segments do not fit together."""


def clean(media_type: str, data: bytes) -> bytes:
    """Give the picture without what speaks of its maker; other types as they are.

    Raises `YuanliuError` (`attachments.picture_broken`) for a picture that is cut off or no picture.
    """
    cleaner = _CLEANERS.get(media_type)
    if cleaner is None:
        return data
    try:
        return cleaner(data)
    except (_Broken, struct.error, IndexError) as error:
        raise YuanliuError(
            "attachments.picture_broken",
            f"the picture is damaged or cut off: {_why(error)}",
            hint="send it again; if it stays so, take the photo once more",
            fields={"found": media_type},
        ) from error


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, _Broken) else "it ends too soon"


# ---------------------------------------------------------------------- Exif


def _orientation(tiff: bytes) -> int:
    """Give how the camera was held, 1 to 8, from the first directory of a TIFF structure; 1 where it is not said."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return _UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for i in range(entries):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * i)
            if (tag, kind, count) == (_ORIENTATION, _SHORT, 1):
                return int(value) if value in _ORIENTATIONS else _UPRIGHT
    except struct.error:
        pass
    return _UPRIGHT


def _tiff(orientation: int) -> bytes:
    """Give the smallest TIFF structure that says an orientation."""
    entry = struct.pack(">HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)


# ---------------------------------------------------------------------- JPEG (ITU T.81)

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_ALONE: Final = (0x01, *range(0xD0, 0xD8))
_MARKER_IN_SCAN: Final = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
"""The first marker that is neither a stuffed zero nor a restart."""


def _jpeg(data: bytes) -> bytes:
    kept, turned = bytearray(b"\xff\xd8"), _UPRIGHT
    insert_at = len(kept)
    for marker, segment in _jpeg_segments(data):
        body = segment[4:]
        if marker == _APP1 and body.startswith(_EXIF):
            turned = _orientation(body[len(_EXIF) :]) if turned == _UPRIGHT else turned
        elif _is_jpegs_own(marker, body):
            kept += segment
            if marker == _APP0 and insert_at == 2:  # noqa: PLR2004 -- JFIF has to come first
                insert_at = len(kept)
    if turned != _UPRIGHT:
        said = _EXIF + _tiff(turned)
        kept[insert_at:insert_at] = b"\xff\xe1" + struct.pack(">H", len(said) + 2) + said
    return bytes(kept)


def _is_jpegs_own(marker: int, body: bytes) -> bool:
    """Whether a segment makes the picture: of what applications add, only the frame, the colours' profile and space."""
    if marker == _APP0:
        return body.startswith(b"JFIF\0")
    if marker == _APP2:
        return body.startswith(b"ICC_PROFILE\0")
    if marker == _APP14:
        return body.startswith(b"Adobe")
    return not (_APP0 <= marker <= _APP15 or marker == _COM)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give each marker with its whole segment, a scan's picture data included, up to the end of the picture."""
    place = 2
    while True:
        if data[place] != 0xFF:  # noqa: PLR2004 -- what every marker begins with
            raise _Broken("no segment where one should begin")
        while data[place + 1] == 0xFF:  # noqa: PLR2004 -- fill bytes
            place += 1
        marker = data[place + 1]
        if marker == _EOI:
            yield marker, b"\xff\xd9"
            return
        if marker in (_SOI, 0):
            raise _Broken("a picture begins within the picture")
        if marker in _ALONE:
            yield marker, data[place : place + 2]
            place += 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        end = place + 2 + length
        if length < 2 or end > len(data):  # noqa: PLR2004 -- the length counts itself
            raise _Broken("a segment is longer than the picture")
        if marker == _SOS:
            found = _MARKER_IN_SCAN.search(data, end)
            if found is None:
                raise _Broken("its end is missing")
            end = found.start()
        yield marker, data[place:end]
        place = end


# ---------------------------------------------------------------------- PNG (ISO/IEC 15948)

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_OWN: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)


def _png(data: bytes) -> bytes:
    kept, turned, place = bytearray(_SIGNATURE), _UPRIGHT, len(_SIGNATURE)
    insert_at = 0
    while True:
        (length,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if end > len(data):
            raise _Broken("a chunk is longer than the picture")
        body = data[place + 8 : end - 4]
        if struct.pack(">I", crc32(kind + body)) != data[end - 4 : end]:
            raise _Broken("a chunk's check sum is wrong")
        if place == len(_SIGNATURE) and kind != b"IHDR":
            raise _Broken("it does not begin as a picture")
        if kind == b"eXIf":
            turned = _orientation(body)
        elif kind in _PNG_OWN:
            kept += data[place:end]
            insert_at = insert_at or len(kept)  # behind the first, IHDR
        if kind == b"IEND":
            break
        place = end
    if turned != _UPRIGHT:
        said = b"eXIf" + _tiff(turned)
        chunk = struct.pack(">I", len(said) - 4) + said + struct.pack(">I", crc32(said))
        kept[insert_at:insert_at] = chunk
    return bytes(kept)


# ---------------------------------------------------------------------- WebP (RFC 9649)

_WEBP_OWN: Final = frozenset(b"VP8X ANIM ANMF ALPH ICCP".split()) | {b"VP8 ", b"VP8L"}
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def _webp(data: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", data, 4)
    end = 8 + size
    if end > len(data):
        raise _Broken("it is shorter than it says")
    kept, turned, place, is_picture = bytearray(), _UPRIGHT, 12, False
    while place < end:
        kind = data[place : place + 4]
        (length,) = struct.unpack_from("<I", data, place + 4)
        following = place + 8 + length + length % 2
        if place + 8 + length > end:
            raise _Broken("a chunk is longer than the picture")
        body = data[place + 8 : place + 8 + length]
        if kind == b"EXIF":
            turned = _orientation(body.removeprefix(_EXIF))
        elif kind in _WEBP_OWN:
            is_picture = is_picture or kind in {b"VP8 ", b"VP8L", b"ANMF"}
            kept += kind + struct.pack("<I", length) + body + bytes(length % 2)
        place = following
    if not is_picture:
        raise _Broken("there is no picture in it")
    if kept.startswith(b"VP8X"):
        kept[8] &= ~(_HAS_EXIF | _HAS_XMP) & 0xFF
        if turned != _UPRIGHT:
            kept[8] |= _HAS_EXIF
            said = _tiff(turned)
            kept += b"EXIF" + struct.pack("<I", len(said)) + said
    return b"RIFF" + struct.pack("<I", 4 + len(kept)) + b"WEBP" + bytes(kept)


_CLEANERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}
