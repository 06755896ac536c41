"""Serials: the same piece always has the same one, no two pieces have one, and nobody makes one without the key."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanliu import serials

SECRET: Final = bytes(range(32))
KEY: Final = serials.lot_key(SECRET, bytes(32))
PIECES: Final = 5_000


def test_serials_are_what_they_were() -> None:
    """Labels are printed: what changes here makes every one of them a forgery."""
    assert KEY.hex() == "f9ca10f938ddd66c63668d789fdae3ddd008016168b7281cd408486475e7328b"
    assert [serials.serial_of(KEY, number) for number in (1, 2, 1 << 40)] == [
        "ZEHRFPPJPJ",
        "Y625ZXVKK7",
        "N1E5M0V53R",
    ]


def test_each_piece_of_a_lot_has_its_own_and_is_found_by_it() -> None:
    made = [serials.serial_of(KEY, number) for number in range(1, PIECES + 1)]
    assert len(set(made)) == PIECES
    assert [serials.number_of(KEY, serial, PIECES) for serial in made] == [*range(1, PIECES + 1)]
    assert {len(serial) for serial in made} == {serials.LENGTH}
    first_letters = {serial[0] for serial in made}
    assert len(first_letters) == len(serials.ALPHABET), "numbers that follow look unlike"


def test_a_serial_is_of_one_lot_and_one_service() -> None:
    serial = serials.serial_of(KEY, 7)
    for other in (serials.lot_key(SECRET, b"\1" * 32), serials.lot_key(b"\1" * 32, bytes(32))):
        assert serials.number_of(other, serial, PIECES) is None
    assert serials.number_of(KEY, serial, 6) is None, "the lot has six pieces"


@given(st.integers(1, serials.MOST_PIECES), st.binary(min_size=32, max_size=32))
def test_any_number_comes_back(number: int, key: bytes) -> None:
    assert serials.number_of(key, serials.serial_of(key, number), serials.MOST_PIECES) == number


@given(st.text(serials.ALPHABET, min_size=10, max_size=10) | st.text(max_size=24))
def test_a_guess_is_none(text: str) -> None:
    number = serials.number_of(KEY, text, PIECES)
    assert number is None or serials.serial_of(KEY, number) == text


@pytest.mark.parametrize("text", ["", "O" * 10, "0" * 9, "0" * 11, "abcdefghjk", "٠" * 10])
def test_what_is_written_otherwise_is_none(text: str) -> None:
    assert serials.number_of(KEY, text, serials.MOST_PIECES) is None


def test_numbers_and_secrets_out_of_bounds_are_refused() -> None:
    for number in (0, -1, serials.MOST_PIECES + 1):
        with pytest.raises(ValueError, match="numbered from 1"):
            serials.serial_of(KEY, number)
    for secret, batch in ((b"", bytes(32)), (SECRET, b"\1")):
        with pytest.raises(ValueError, match="32 bytes"):
            serials.lot_key(secret, batch)
