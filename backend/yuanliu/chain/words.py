"""Words of a log's data and topics, by hand. Whatever is not built as our contracts build it raises `ValueError`."""

from typing import Final

from yuanliu.hexes import ADDRESS_BYTES, WORD_BYTES

_PADDING: Final = bytes(WORD_BYTES - ADDRESS_BYTES)


def word(topic: str) -> bytes:
    """Read a topic, or another 32 bytes in hex."""
    data = bytes.fromhex(topic[2:])
    if len(data) != WORD_BYTES:
        raise ValueError(f"{len(data)} bytes where {WORD_BYTES} are right")
    return data


def address(topic: str) -> bytes:
    """Read the address in a topic."""
    return _unpadded(word(topic))


def address_at(data: bytes, index: int) -> bytes:
    """Read the address in word number `index`."""
    return _unpadded(word_at(data, index))


def word_at(data: bytes, index: int) -> bytes:
    """Give word number `index`."""
    found = data[index * WORD_BYTES : (index + 1) * WORD_BYTES]
    if len(found) != WORD_BYTES:
        raise ValueError(f"the data ends before word {index}")
    return found


def number(data: bytes, bits: int) -> int:
    """Read a number of at most so many bits."""
    value = int.from_bytes(data)
    if value >> bits:
        raise ValueError(f"{value} has more than {bits} bits")
    return value


def number_at(data: bytes, index: int, bits: int) -> int:
    """Read the number in word number `index`."""
    return number(word_at(data, index), bits)


def bytes_at(data: bytes, index: int) -> bytes:
    """Read the bytes, or the text, whose offset stands in word number `index`."""
    start = number_at(data, index, 32) + WORD_BYTES
    length = number(data[start - WORD_BYTES : start], 32)
    found = data[start : start + length]
    if start > len(data) or len(found) != length:
        raise ValueError("the data ends within a text")
    return found


def words_at(data: bytes, index: int) -> list[bytes]:
    """Read the list of words whose offset stands in word number `index`."""
    start = number_at(data, index, 32) + WORD_BYTES
    count = number(data[start - WORD_BYTES : start], 32)
    end = start + count * WORD_BYTES
    if end > len(data):
        raise ValueError("the data ends within a list")
    return [data[at : at + WORD_BYTES] for at in range(start, end, WORD_BYTES)]


def _unpadded(data: bytes) -> bytes:
    if data[:12] != _PADDING:
        raise ValueError("no address")
    return data[12:]
