"""Column types that both databases hold alike."""

from typing import Final

from sqlalchemy import CHAR, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_DIGITS: Final = {96: 29, 128: 39, 256: 78}
"""Decimal digits of the largest number of so many bits."""


class BigUint(TypeDecorator[int]):
    """A whole number from 0 of 96, 128 or 256 bits: decimal text of fixed width, so that texts sort as numbers do."""

    impl = CHAR
    cache_ok = True

    def __init__(self, bits: int) -> None:
        super().__init__(_DIGITS[bits])
        self.bits = bits

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- as the base class
        """Write the number. Raises `ValueError` if it does not fit."""
        if value is None:
            return None
        if not 0 <= value < 1 << self.bits:
            raise ValueError(f"{value} is no unsigned number of {self.bits} bits")
        return str(value).zfill(_DIGITS[self.bits])

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- as the base class
        """Read it back."""
        return None if value is None else int(value)


def Fixed(size: int) -> LargeBinary:  # noqa: N802 -- reads as the type that it gives
    """Give the type of `size` bytes: addresses (20), ids and hashes (32)."""
    return LargeBinary(size)
