"""Which of several forms a client takes: `Accept` of RFC 9110, section 12.5.1."""

from collections.abc import Sequence
from typing import Final

from yuanliu.errors import YuanliuError

_MAX: Final = 2_000


def choose(accept: str, offered: Sequence[str]) -> str:
    """Give the offered media type that the client likes best; of equals the first offered.

    Nothing said means anything is taken; a part that cannot be read is passed over. Raises `YuanliuError`
    (`request.not_acceptable`).
    """
    ranges = [found for part in accept[:_MAX].split(",") if (found := _read(part))]
    if not ranges:
        return offered[0]
    liked = {media: _quality(media, ranges) for media in offered}
    best = max(offered, key=lambda media: liked[media])
    if not liked[best]:
        raise YuanliuError(
            "request.not_acceptable",
            f"none of the forms there are is accepted: {', '.join(offered)}",
            hint="ask for one of them in Accept, or leave it out",
            fields={"offered": list(offered)},
        )
    return best


def _read(part: str) -> tuple[str, str, float] | None:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    kind, slash, subtype = media.partition("/")
    if not (slash and kind and subtype):
        return None
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                return None
    return kind, subtype, quality if quality == quality else 0.0  # noqa: PLR0124 -- "nan" is a float


def _quality(media: str, ranges: Sequence[tuple[str, str, float]]) -> float:
    """Give the quality of the most specific range that covers a media type."""
    kind, _, subtype = media.partition("/")
    covering = [
        ((found != "*") + (inner != "*"), quality)
        for found, inner, quality in ranges
        if found in {kind, "*"} and inner in {subtype, "*"}
    ]
    return max(covering, default=(0, 0.0))[1]
