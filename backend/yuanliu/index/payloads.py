"""Where in a record the payload begins."""

from typing import Final

from yuanliu.records import Kind

BODY_AT: Final = 50
"""Where the body of a record begins: after version, kind, time, actor and signer."""

_STARTS: Final[dict[int, int]] = {
    Kind.PRODUCTION: BODY_AT,
    Kind.LOGISTICS: BODY_AT,
    Kind.INSPECTION: BODY_AT + 1,
    Kind.READINGS: BODY_AT + 36,
    Kind.CORRECTED: BODY_AT + 64,
}
_LISTS: Final[dict[int, tuple[int, int]]] = {
    Kind.REGISTERED: (BODY_AT + 64, 35),
    Kind.DERIVED: (BODY_AT + 60, 40),
}
"""Where the number of deliveries or parents stands, and the bytes of each."""


def payload_of(data: bytes) -> bytes | None:
    """Give the payload of a record that our contracts logged; none if its kind has none."""
    kind = data[1]
    if start := _STARTS.get(kind):
        return data[start:]
    if found := _LISTS.get(kind):
        at, size = found
        return data[at + 2 + size * int.from_bytes(data[at : at + 2]) :]
    return None
