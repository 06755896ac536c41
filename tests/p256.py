"""P-256 (secp256r1) signing in plain Python, for tests: no library that the project uses has it."""

import hashlib
from dataclasses import dataclass
from typing import Final

_P: Final = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve."""
_G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_Point = tuple[int, int] | None


@dataclass(frozen=True)
class Key:
    """A private key. `public` is x ‖ y, as ERC-7913's verifiers take it."""

    secret: int

    @property
    def public(self) -> bytes:
        point = _times(self.secret, _G)
        assert point
        return point[0].to_bytes(32) + point[1].to_bytes(32)

    def sign(self, digest: bytes, *, high_s: bool = False) -> bytes:
        """Sign 32 bytes: r ‖ s, with s in the lower half, as OpenZeppelin takes it, or in the upper."""
        seed = hashlib.sha256(self.secret.to_bytes(32) + digest).digest()
        nonce = int.from_bytes(seed) % (N - 1) + 1
        point = _times(nonce, _G)
        assert point
        r = point[0] % N
        s = pow(nonce, -1, N) * (int.from_bytes(digest) + r * self.secret) % N
        if (s > N // 2) != high_s:
            s = N - s
        return r.to_bytes(32) + s.to_bytes(32)


def key(name: str) -> Key:
    """Give the key that follows from a name."""
    return Key(int.from_bytes(hashlib.sha256(name.encode()).digest()) % (N - 1) + 1)


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = None
    while factor:
        if factor & 1:
            total = _plus(total, point)
        point = _plus(point, point)
        factor >>= 1
    return total


def _plus(a: _Point, b: _Point) -> _Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, _P) % _P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P) % _P
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P
