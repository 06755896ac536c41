"""How the package writes what has 20 or 32 bytes: lowercase hex after `0x`, always.

Addresses (20 bytes), batch ids, journal heads, Merkle nodes and roots (32 bytes) are such texts. Two texts are
equal exactly when the bytes are, and they go into JSON, SQL and a terminal as they are. The mixed-case checksum
of EIP-55 is a matter of display; what is handed in may carry it, what is handed out never does.
"""

import re
from typing import Final

from yuanliu.errors import YuanliuError

ADDRESS_BYTES: Final = 20
"""Size of an address."""

WORD_BYTES: Final = 32
"""Size of a batch id, a hash, or any other word of the chain."""

_HEX: Final = re.compile(r"0x[0-9a-fA-F]*")


class HexError(YuanliuError):
    """Thrown for a text that is not hex of the right size: `hexes.invalid`."""


def to_bytes(text: str, size: int) -> bytes:
    """Give the `size` bytes that a hex text stands for.

    Raises `HexError` unless `text` is `0x` and exactly `2 * size` hex digits.
    """
    if not _HEX.fullmatch(text) or len(text) != 2 + 2 * size:
        raise HexError(
            "hexes.invalid",
            f"not {size} bytes of hex: {text[:80]!r}",
            hint=f"write 0x and {2 * size} hex digits",
            fields={"text": text, "bytes": size},
        )
    return bytes.fromhex(text[2:])


def address_bytes(text: str) -> bytes:
    """Give the 20 bytes of an address. Raises `HexError`."""
    return to_bytes(text, ADDRESS_BYTES)


def word_bytes(text: str) -> bytes:
    """Give the 32 bytes of a batch id, head, node or root. Raises `HexError`."""
    return to_bytes(text, WORD_BYTES)


def to_text(data: bytes) -> str:
    """Write bytes as lowercase hex."""
    return "0x" + data.hex()


def word_text(number: int) -> str:
    """Write a `uint256`, such as an ERC-1155 id, as 32 bytes of hex. Raises `HexError` if it is none."""
    if not 0 <= number < 1 << 256:
        raise HexError(
            "hexes.invalid",
            f"{number} does not fit into 32 bytes",
            hint="an id on the chain is a number from 0 to 2^256 - 1",
            fields={"number": number, "bytes": WORD_BYTES},
        )
    return f"0x{number:064x}"
