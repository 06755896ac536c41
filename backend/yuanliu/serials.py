"""Serial numbers of single pieces: hard to guess, and made again whenever they are needed, so that nothing is stored.

The pieces of a lot are numbered from 1. A piece's serial is its number, enciphered with a key of the lot: a permutation
of all 2^50 texts of ten letters, by a balanced Feistel network of HMAC-SHA-256 (as FF1 of NIST SP 800-38G is, on bits).
Who has the key tells from a serial which piece it is, or that it is none; who has not cannot make one: of a lot with
10,000 pieces, one text in 10^11 is a serial. The letters are Crockford's, which leave out those that look like another.
"""

import hashlib
import hmac
from typing import Final

LENGTH: Final = 10
"""Letters of a serial."""

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

MOST_PIECES: Final = 1 << 40
"""Pieces of a lot that can have serials; so even of such a lot, one text in 1,000 is one."""

KEY_BYTES: Final = 32

_HALF: Final = 25
_MASK: Final = (1 << _HALF) - 1
_ROUNDS: Final = 10
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}


def lot_key(secret: bytes, batch: bytes) -> bytes:
    """Give the key of a lot's serials, of the service's secret (32 bytes) and the batch's id (32 bytes)."""
    if len(secret) != KEY_BYTES or len(batch) != KEY_BYTES:
        raise ValueError("a secret and a batch's id have 32 bytes")
    return hmac.digest(secret, b"yuanliu/serials/1" + batch, "sha256")


def serial_of(key: bytes, number: int) -> str:
    """Give the serial of a piece. Raises `ValueError` unless `number` is 1 to `MOST_PIECES`."""
    if not 1 <= number <= MOST_PIECES:
        raise ValueError(f"pieces are numbered from 1 to {MOST_PIECES}, not {number}")
    left, right = number >> _HALF, number & _MASK
    for turn in range(_ROUNDS):
        left, right = right, left ^ _mixed(key, turn, right)
    return _written(left << _HALF | right)


def number_of(key: bytes, serial: str, pieces: int) -> int | None:
    """Give which of a lot's `pieces` has this serial; None: none has. A serial is read exactly as it is printed."""
    if len(serial) != LENGTH or not _VALUES.keys() >= set(serial):
        return None
    value = 0
    for letter in serial:
        value = value << 5 | _VALUES[letter]
    left, right = value >> _HALF, value & _MASK
    for turn in reversed(range(_ROUNDS)):
        left, right = right ^ _mixed(key, turn, left), left
    number = left << _HALF | right
    return number if 1 <= number <= min(pieces, MOST_PIECES) else None


def _mixed(key: bytes, turn: int, half: int) -> int:
    message = bytes([turn]) + half.to_bytes(4)
    return int.from_bytes(hmac.digest(key, message, hashlib.sha256)[:4]) & _MASK


def _written(value: int) -> str:
    return "".join(ALPHABET[value >> 5 * place & 31] for place in reversed(range(LENGTH)))
