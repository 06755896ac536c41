"""What people write, as the contracts take it."""

import re
from typing import Final

from yuanliu import hexes, identifiers, privacy
from yuanliu.errors import YuanliuError

_CODE: Final = re.compile(r"[!-~]{1,16}")
_REASON_BYTES: Final = 512

CODE_BYTES: Final = 16
"""Length of an actor's code on the chain, zero padded."""


def batch_number(batch: bytes) -> int:
    """Give a batch id as the contracts take it. Raises `HexError`."""
    return int.from_bytes(hexes.word(batch))


def member_number(member: str | bytes) -> int:
    """Give a pool's member, a farmer's address or a batch id, as the contracts take it. Raises `HexError`."""
    if isinstance(member, str):
        return int.from_bytes(hexes.address_bytes(member))
    return batch_number(member)


def gtin_number(gtin: str) -> int:
    """Give a GTIN as the contracts take it. Raises `IdentifierError`."""
    return identifiers.gtin_number(identifiers.parse_gtin(gtin))


def lot_bytes(gtin: str, lot: str) -> bytes:
    """Give a lot's bytes; one that could not stand in a link is refused.

    Raises `IdentifierError`, `YuanliuError` (`privacy.personal_data`).
    """
    identifiers.digital_link_path(gtin, lot)
    privacy.check_text(lot, "lot")
    return identifiers.lot_bytes(lot)


def checked_reason(reason: str) -> str:
    """Refuse a reason that is empty, too long, no text, or names a person.

    Raises `YuanliuError` (`actions.reason_invalid`, `privacy.personal_data`).
    """
    length = len(reason.encode("utf-8", "surrogatepass"))
    is_text = not any("\ud800" <= character <= "\udfff" for character in reason)
    if not (reason.strip() and is_text and length <= _REASON_BYTES):
        raise YuanliuError(
            "actions.reason_invalid",
            f"a reason of {length} bytes" if is_text else "a reason that is no text",
            hint=f"say why, in at most {_REASON_BYTES} bytes (about 170 Chinese characters)",
            fields={"length": length},
        )
    privacy.check_text(reason, "reason")
    return reason


def checked_code(code: str) -> bytes:
    """Give a code's bytes. Raises `YuanliuError` (`actions.code_invalid`, `privacy.personal_data`)."""
    if not _CODE.fullmatch(code):
        raise YuanliuError(
            "actions.code_invalid",
            f"not a code: {code[:80]!r}",
            hint="a code has 1 to 16 letters, digits or signs, for example H-0042; no name, no Chinese",
            fields={"code": code},
        )
    privacy.check_text(code, "code")
    return code.encode()
