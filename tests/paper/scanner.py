"""A printer and a phone: a PDF becomes pixels, a little blurred and askew, and what is on it is read."""

import io
from collections.abc import Iterator

import pypdfium2
import zxingcpp
from PIL import Image, ImageFilter

Page = Image.Image


def pages(pdf: bytes, dpi: float = 203) -> Iterator[Page]:
    """Print each page in grey."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            yield page.render(scale=dpi / 72).to_pil().convert("L")
    finally:
        document.close()


def words(pdf: bytes) -> list[str]:
    """Give the text of each page, as a reader could copy it, without spaces and line ends."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return ["".join(page.get_textpage().get_text_bounded().split()) for page in document]
    finally:
        document.close()


def worn(page: Page, *, blur: float = 0.8, degrees: float = 2.5) -> Page:
    """Give a page as a camera sees it, not quite sharp and not quite straight."""
    turned = page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return turned.filter(ImageFilter.GaussianBlur(blur))


def read(page: Page) -> list[str]:
    """Give the texts of all codes on a page."""
    found = zxingcpp.read_barcodes(
        page, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return sorted(code.text for code in found)


def opened(png: bytes) -> Page:
    return Image.open(io.BytesIO(png)).convert("L")


def dark(page: Page, left: float, top: float, right: float, bottom: float, dpi: float = 203) -> int:
    """Count the dark pixels in a rectangle given in millimetres, one pixel less on each side."""
    box = [round(at * dpi / 25.4) for at in (left, top, right, bottom)]
    if box[2] - box[0] < 3 or box[3] - box[1] < 3:
        return 0
    part = page.crop((box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1))
    return sum(part.point(lambda value: 255 if value < 128 else 0).histogram()[255:])
