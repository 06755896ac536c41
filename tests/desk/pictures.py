"""Photos as phones make them: with place, owner and a second picture in them."""

import io
import struct
from typing import Any, Final

from PIL import Image, ImageCms, PngImagePlugin

from yuanliu.desk.pictures import clean

TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

OWNER, PLACE, NOTE = b"Zhang San", b"Fenghuang Village 23.9N", b"shot on a phone"
TOLD: Final = (OWNER, PLACE, NOTE)
"""What is somewhere in a photo and must not stay in it."""


def picture(kind: str, *, orientation: int = 1, **options: bool) -> bytes:
    """Give a photo full of what it should not tell."""
    drawn = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x013B] = OWNER.decode()
    gps = exif.get_ifd(0x8825)
    gps[0x001B] = PLACE
    xmp = b"<x:xmpmeta>" + NOTE + b"</x:xmpmeta>"
    out = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": profile, **options}
    if kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", OWNER.decode())
        notes.add_itxt("XML:com.adobe.xmp", xmp.decode())
        more["pnginfo"] = notes
    elif kind == "JPEG":
        more |= {"comment": NOTE, "xmp": xmp}
    else:
        more |= {"xmp": xmp}
    drawn.save(out, kind, **more)
    made = out.getvalue()
    if kind == "JPEG":  # the notes of cameras, and the film that a phone appends
        made = made[:2] + b"\xff\xed" + struct.pack(">H", 2 + len(OWNER)) + OWNER + made[2:]
    return made + (b"" if kind == "WEBP" else b"ftypmp42" + PLACE)


def cleaned(data: bytes) -> bytes:
    """Give a photo as it is stored."""
    with Image.open(io.BytesIO(data)) as opened:
        return clean(TYPES[str(opened.format)], data)
