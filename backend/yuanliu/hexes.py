"""How the package writes what has 20 or 32 bytes.

An address is text, always: lowercase hex after `0x`, equal exactly when the bytes are, and fit for JSON and SQL as
it stands. The mixed-case checksum of EIP-55 is a matter of display: what is handed in may carry it, what is handed
out never does. Batch ids, journal heads, Merkle nodes and roots are `bytes`, 32 of them.
"""

import re
from typing import Final

from yuanliu.errors import YuanliuError

ADDRESS_BYTES: Final = 20
"""Size of an address."""

WORD_BYTES: Final = 32
"""Size of a batch id, a hash, or any other word of the chain."""

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


class HexError(YuanliuError):
    """Thrown for what is no address (`hexes.address_invalid`) or not 32 bytes (`hexes.word_invalid`)."""


def address_bytes(text: str) -> bytes:
    """Give the 20 bytes of an address, of either case. Raises `HexError`."""
    if not _ADDRESS.fullmatch(text):
        raise HexError(
            "hexes.address_invalid",
            f"not an address: {text[:80]!r}",
            hint="an address is 0x and 40 hex digits",
            fields={"text": text},
        )
    return bytes.fromhex(text[2:])


def address_text(data: bytes) -> str:
    """Write the 20 bytes of an address. Raises `HexError`."""
    if len(data) != ADDRESS_BYTES:
        raise HexError(
            "hexes.address_invalid",
            f"not an address: {len(data)} bytes",
            hint=f"an address has {ADDRESS_BYTES}",
            fields={"length": len(data)},
        )
    return "0x" + data.hex()


def word(data: bytes) -> bytes:
    """Check that there are 32 bytes, and give them back. Raises `HexError`."""
    if len(data) != WORD_BYTES:
        raise HexError(
            "hexes.word_invalid",
            f"{len(data)} bytes where {WORD_BYTES} are right",
            hint="ids, heads and roots have 32 bytes; a number becomes one by to_bytes(32)",
            fields={"length": len(data)},
        )
    return data
